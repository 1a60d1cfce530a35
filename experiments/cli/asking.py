"""The commands that run a campaign of your own: ask which experiments are next, and tell their results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
        Path | None, typer.Option("--out", help="Write the plate to this CSV file, to be filled in.")
    ] = None,
    journal: JournalFile = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help='How the table is read: drop=run, drop=\'["a", "b"]\'.'),
    ] = None,
) -> None:
    """Say which experiments to run next; begins a study, or goes on with it."""
    from .pool_study import ask as ask_pool

    _check(source)
    given = {"target": target, "agent": agent, "budget": budget, "seed": seed, "same": same}
    ask_pool(source, batch, given, settings or [], more=more, plate=plate, journal=journal)


def tell(
    source: Source,
    results: Annotated[
        list[str],
        typer.Argument(
            help="ID=LABEL, ID=failed, ID=withdrawn, ID=retry, or the file of a plate, filled in."
        ),
    ],
    correct: Annotated[
        bool, typer.Option("--correct", help="The label takes the place of the one that is there.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Take a label that is there already as a second one.")
    ] = False,
    why: Annotated[str, typer.Option(help="Why an experiment failed.")] = "",
    journal: JournalFile = None,
) -> None:
    """Tell what came of experiments: late, in any order, in part, or of your own choice."""
    from .pool_study import tell as tell_pool

    _check(source)
    tell_pool(source, results, correct=correct, again=again, why=why, journal=journal)


def _check(source: str) -> None:
    from ...envs.datasets.files import is_path

    if not is_path(source):
        raise InputError(
            f"{shown(source)} is neither a table nor a design; name a file that ends in .csv, .parquet "
            "or .toml."
        )
