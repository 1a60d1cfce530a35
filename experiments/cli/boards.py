"""The commands of the board: leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..runs.terminal import out
from .shared import complain


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="A results folder that `run` has written.")],
) -> None:
    """Write LEADERBOARD.md and index.html from the records in a results folder."""
    from ..report.leaderboard import write_leaderboard

    paths, left_out = write_leaderboard(folder)
    for path in paths:
        out.print(str(path), soft_wrap=True)
    for line in left_out:
        complain(f"Left out: {line}")
