"""The commands of the board: leaderboard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..runs.terminal import out
from .shared import complain


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="A results folder that `run` has written.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="Print it as md, csv, json or latex, and write nothing."),
    ] = None,
) -> None:
    """Write LEADERBOARD.md, index.html and downloads from the records in a results folder."""
    from ..report.leaderboard import leaderboard_text, write_leaderboard

    if form is None:
        paths, left_out = write_leaderboard(folder)
        for path in paths:
            out.print(str(path), soft_wrap=True)
    else:
        text, left_out = leaderboard_text(folder, form)
        sys.stdout.write(text)
    for line in left_out:
        complain(f"Left out: {line}")
