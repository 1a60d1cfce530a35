"""The leaderboard: LEADERBOARD.md and one self-contained web page, true to the records.

Where the records of a task come from different versions of the code, or a file is no record, the page
says so. Words of records are `escaping`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...envs.core import spelt
from ...envs.core.files import write, writing_to
from ..runs.record import Record
from ..runs.records import Results, read_folder
from . import stats as st
from . import svg as pictures
from .boards import FEW, Overview, overviews
from .page import render

MANY = 100
"""Files that are named one by one when they are left out."""


def write_leaderboard(folder: Path) -> tuple[list[Path], list[str]]:
    """Write LEADERBOARD.md and index.html into a results folder.

    Returns:
        Their paths, and in words what is left out of them.

    Raises:
        InputError: The folder is not a results folder or cannot be written, or there are files in it
            but no record.
    """
    found = read_folder(folder)
    shown = overviews(found.records)
    missing = left_out(found, shown)
    view = {
        "overviews": shown,
        "left_out": missing,
        "provenance": _provenance(found.records, shown),
        "few": FEW,
        "pictures": pictures,
        "intervals": f"95 %; Student's t below {st.ENOUGH} episodes, from there the bias-corrected "
        f"and accelerated bootstrap ({st.RESAMPLES} resamples, seed {st.BOOTSTRAP_SEED}); "
        "Clopper-Pearson where episodes have two outcomes",
    }
    paths = []
    for medium, name in (("md", "LEADERBOARD.md"), ("html", "index.html")):
        path = folder / name
        text = render(f"leaderboard.{medium}.j2", **view)
        with writing_to(folder):
            write(path, text)
        paths.append(path)
    return paths, missing


def left_out(found: Results, shown: Sequence[Overview]) -> list[str]:
    """Return what the tables leave out, a line each: files that are no records, and other runs."""
    files = list(found.left_out.items())
    words = [f"{name} is not a record: {reason}." for name, reason in files[:MANY]]
    if len(files) > MANY:
        words.append(f"{len(files) - MANY:,} more files are no records.")
    for board in (board for overview in shown for board in overview.boards):
        if board.others:
            names = ", ".join(sorted({record.spec.name for record in board.others}))
            words.append(
                f"{len(board.others)} runs of {board.spec.task} ({names}) differ from most in "
                "environment, parameters, data, episodes, seeds, or in having regrets and scores: "
                "they cannot be compared."
            )
    return [spelt(line) for line in words]


def _provenance(records: Sequence[Record], shown: Sequence[Overview]) -> dict[str, Any]:
    boards = [board for overview in shown for board in overview.boards]
    used = sum(len(board.rows) + len(board.others) for board in boards)
    played = [record.evaluation for record in records if record.evaluation is not None]
    created = [record.created for record in records]
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in record.versions.items():
            versions.setdefault(name, set()).add(version)
    return {
        "records": len(records),
        "failed": len(records) - len(played),
        "superseded": len(records) - used,
        "first": min(created, default=None),
        "last": max(created, default=None),
        "machines": sorted({record.machine for record in records}),
        "budget": f"{sum(len(one.returns) for one in played):,} episodes, "
        f"{sum(int(one.lengths.sum()) for one in played):,} decisions",
        "versions": {name: ", ".join(sorted(found)) for name, found in versions.items()},
    }
