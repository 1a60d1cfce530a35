"""The commands that run a campaign of your own: ask which experiments are next, and tell their results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...envs.core import InputError, shown

Source = Annotated[
    str, typer.Argument(help="A table of conditions (.csv, .parquet), or a design (.toml).")
]
JournalFile = Annotated[
    Path | None, typer.Option(help="Where the study is kept; by default beside the file.")
]


def ask(
    source: Source,
    target: Annotated[str | None, typer.Option(help="The label column of a table.")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", "-n", min=1, help="How many experiments; 1 by default.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Who decides, such as bayes_ucb.")] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="Number of labels in all.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of what is random.")] = None,
    same: Annotated[
        str | None, typer.Option(help="A column that has one value in all of a plate.")
    ] = None,
    more: Annotated[
        bool, typer.Option("--more", help="Ask on, though experiments are in flight.")
    ] = False,
    plate: Annotated[
        Path | None,
        typer.Option("--out", help="Write the plate to this CSV file, to be filled in."),
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say how long the simulations of a design will take.")
    ] = False,
    journal: JournalFile = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help='How the table is read: drop=run, drop=\'["a", "b"]\'.'),
    ] = None,
) -> None:
    """Say which experiments to run next; begins a study, or goes on with it."""
    from . import design_study, pool_study

    _check(source)
    given = {"agent": agent, "budget": budget, "seed": seed}
    if design_study.is_problem(source):
        _only_of_tables(target=target, batch=batch, same=same, more=more, out=plate, set=settings)
        design_study.ask(source, given, journal, dry=dry)
        return
    if dry:
        raise InputError("--dry-run is of a design with a simulator; a table needs none.")
    given |= {"target": target, "same": same}
    pool_study.ask(source, batch, given, settings or [], more=more, plate=plate, journal=journal)


def tell(
    source: Source,
    results: Annotated[
        list[str],
        typer.Argument(
            help="ID=LABEL, ID=failed, ID=withdrawn, ID=retry, or a file: a plate filled in; of a design, "
            "data with their settings."
        ),
    ],
    correct: Annotated[
        bool, typer.Option("--correct", help="The label takes the place of the one that is there.")
    ] = False,
    which: Annotated[
        int | None, typer.Option(min=1, help="Which of several labels is wrong, from 1.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Take a label that is there already as a second one.")
    ] = False,
    why: Annotated[str, typer.Option(help="Why an experiment failed.")] = "",
    journal: JournalFile = None,
) -> None:
    """Tell what came of experiments: late, in any order, in part, or of your own choice."""
    from . import design_study, pool_study

    _check(source)
    if design_study.is_problem(source):
        _only_of_tables(which=which)
        design_study.tell(source, results, correct=correct, again=again, why=why, journal=journal)
        return
    pool_study.tell(
        source, results, correct=correct, which=which, again=again, why=why, journal=journal
    )


def _only_of_tables(**options: Any) -> None:
    """Refuse options that a design does not have."""
    for name, value in options.items():
        if value and (name, value) != ("batch", 1):
            raise InputError(
                f"--{name} is of a table; a design is decided one experiment after the other, as its file "
                "says."
            )


def _check(source: str) -> None:
    from ...envs.datasets.files import is_path
    from .design_study import is_problem

    if not (is_path(source) or is_problem(source)):
        raise InputError(
            f"{shown(source)} is neither a table nor a design; name a file that ends in .csv, .parquet "
            "or .toml."
        )
