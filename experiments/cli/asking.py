"""The commands of a campaign of your own: ask which experiments are next, and tell their results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...envs.core import InputError, shown
from .shared import Manner, ReadAs, is_design

Source = Annotated[
    str, Argument(help="A table of conditions (.csv, .parquet), or a design (.toml).")
]
Results = Annotated[
    list[str],
    Argument(
        help="ID=LABEL, ID=failed, ID=withdrawn, ID=retry, or a file: a plate filled in; of a design, "
        "data with their settings."
    ),
]
Target = Annotated[str | None, Option(help="The column of a table that holds the labels.")]
Batch = Annotated[
    int | None,
    Option("--batch", "-n", min=1, help="How many experiments of a table; 1 by default."),
]
AgentName = Annotated[str | None, Option(help="Who decides, such as 'bayes_ucb(belief=gp)'.")]
Budget = Annotated[int | None, Option(min=1, help="How many labels, or experiments, in all.")]
Seed = Annotated[int | None, Option(min=0, help="Seed of what is random.")]
Same = Annotated[str | None, Option(help="A column that has one value in all of a plate.")]
More = Annotated[bool, Option("--more", help="Ask on, though experiments are in flight.")]
Plate = Annotated[
    Path | None, Option("--out", help="Write the plate to this CSV file, to be filled in.")
]
JournalFile = Annotated[
    Path | None, Option(help="Where the study is kept; by default beside the file.")
]
Correct = Annotated[
    bool, Option("--correct", help="The label takes the place of the one that is there.")
]
Which = Annotated[int | None, Option(min=1, help="Which of several labels is wrong, from 1.")]
Again = Annotated[
    bool, Option("--again", help="Take a label that is there already as a second one.")
]
Why = Annotated[str, Option(help="Why an experiment failed.")]
DryRun = Annotated[
    bool, Option("--dry-run", help="Say how long the simulations of a design will take.")
]


def ask(
    source: Source,
    target: Target = None,
    batch: Batch = None,
    agent: AgentName = None,
    budget: Budget = None,
    seed: Seed = None,
    same: Same = None,
    more: More = False,
    plate: Plate = None,
    dry: DryRun = False,
    journal: JournalFile = None,
    settings: ReadAs = None,
) -> None:
    """Say what to measure next: begin a study, or go on."""
    _check(source)
    given = {"agent": agent, "budget": budget, "seed": seed}
    if is_design(source):
        from . import design_study

        _only_of_tables(target=target, batch=batch, same=same, more=more, out=plate, set=settings)
        design_study.ask(source, given, journal, dry=dry)
        return
    if dry:
        raise InputError("--dry-run is of a design with a simulator; a table needs none.")
    from . import pool_study

    given |= {"target": target, "same": same}
    pool_study.ask(source, batch, given, settings or [], more=more, plate=plate, journal=journal)


def tell(
    source: Source,
    results: Results,
    correct: Correct = False,
    which: Which = None,
    again: Again = False,
    why: Why = "",
    journal: JournalFile = None,
) -> None:
    """Tell what came of it: in any order, late, or in part."""
    _check(source)
    if is_design(source):
        from .design_study import tell as tell_it

        _only_of_tables(which=which)
    else:
        from .pool_study import tell as tell_it
    tell_it(source, results, Manner(correct, which, again, why), journal)


def _only_of_tables(**options: Any) -> None:
    """Refuse options that a design does not have."""
    for name, value in options.items():
        if value and (name, value) != ("batch", 1):
            raise InputError(
                f"--{name} is of a table; a design is decided one experiment after the other, as its "
                "file says."
            )


def _check(source: str) -> None:
    from ...envs.datasets.files import is_path

    if not (is_path(source) or is_design(source)):
        raise InputError(
            f"{shown(source)} is neither a table nor a design; name a file that ends in .csv, .parquet "
            "or .toml."
        )
