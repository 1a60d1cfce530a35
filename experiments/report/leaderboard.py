"""The leaderboard: LEADERBOARD.md, and a web page with the data of each suite beside it.

The page needs no network: `view` computes what it shows, and its script draws that. Where the records of
a task come from different versions of the code, or a file is no record, it says so. Words of records are
`escaping`'s in the page, and plain text in the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...envs.core import spelt
from ...envs.core.checks import choice
from ...envs.core.files import write, writing_to
from ..runs.record import Record
from ..runs.records import Results, read_folder
from . import page, view_task
from . import stats as st
from .export import NAMES as DOWNLOADS
from .export import exported
from .links import Links
from .standings import Overview, overviews
from .view import BADGES, distinct, key, script, suite_view

FORMATS = ("md", *DOWNLOADS)
"""Formats of the leaderboard as one text."""
MANY = 100
"""Files that are named one by one when they are left out."""
DATA = "data"
"""Folder of the data, beside the page."""
ENTERING = {
    "Play a suite with an agent of your own, beside ours:": (
        "discovery-gym run quick --agent mine=my_file.py:Agent --out results"
    ),
    "Submit it. The first time this writes a card to fill in, then the entry: the card, the records "
    "with all actions, and their digests:": (
        "discovery-gym submit results --agent mine --out entry"
    ),
    "Verify it as everybody else will: all episodes are played again from their seeds and actions. "
    "Verified runs join the records of a board:": "discovery-gym verify entry --into board",
    "Write the board again:": "discovery-gym leaderboard board",
}
"""How to enter: what to do, and its command."""


def write_leaderboard(folder: Path) -> tuple[list[Path], list[str]]:
    """Write LEADERBOARD.md, index.html, its data and the downloads into a results folder.

    Returns:
        The paths of the first two, and in words what is left out of them.

    Raises:
        InputError: The folder is not a results folder or cannot be written, or there are files in it
            but no record.
    """
    found, shown, missing = _shown(folder)
    view = _view(found, shown, missing)
    files = {"LEADERBOARD.md": page.render("leaderboard.md.j2", overviews=shown, **view)}
    suites = _suites(shown)
    files["index.html"] = _index(suites, view)
    links = Links(folder)
    for suite, overview in zip(suites, shown, strict=True):
        files[suite["file"]] = script(suite["key"], suite_view(overview, links))
    files |= {name: exported(form, shown, missing) for form, name in DOWNLOADS.items()}
    with writing_to(folder):
        (folder / DATA).mkdir(exist_ok=True)
        for name, text in reversed(files.items()):  # the page last: what it loads is there
            write(folder / name, text)
    return [folder / "LEADERBOARD.md", folder / "index.html"], missing


def leaderboard_text(folder: Path, form: str) -> tuple[str, list[str]]:
    """Return the leaderboard of a results folder in a format of `FORMATS`, and what it leaves out.

    Nothing is written. Raises as `write_leaderboard`.
    """
    choice("format", form, FORMATS)
    found, shown, missing = _shown(folder)
    if form == "md":
        view = _view(found, shown, missing)
        return page.render("leaderboard.md.j2", overviews=shown, **view), missing
    return exported(form, shown, missing), missing


def _shown(folder: Path) -> tuple[Results, list[Overview], list[str]]:
    """Return what is in a results folder, its tables, and in words what they leave out."""
    found = read_folder(folder, with_shown_actions)
    shown = overviews(found.records)
    return found, shown, left_out(found, shown)


def _view(found: Results, shown: Sequence[Overview], missing: Sequence[str]) -> dict[str, Any]:
    """Return what both pages say besides the tables."""
    return {
        "left_out": missing,
        "provenance": _provenance(found.records, shown),
        "intervals": f"95 %; Student's t below {st.ENOUGH} episodes, from there the bias-corrected "
        f"and accelerated bootstrap ({st.RESAMPLES} resamples, seed {st.BOOTSTRAP_SEED}); "
        "Clopper-Pearson where episodes have two outcomes",
    }


def _suites(shown: Sequence[Overview]) -> list[dict[str, Any]]:
    """Return how the page names the suites: the newest version by the name alone."""
    newest = {one.suite: one.version for one in shown}
    old = [one.version < newest[one.suite] for one in shown]
    names = [
        key(one.suite, f"v{one.version}") if before else key(one.suite)
        for one, before in zip(shown, old, strict=True)
    ]
    return [
        {
            "key": name,
            "file": f"{DATA}/{name}.js",
            "name": one.suite,
            "version": one.version,
            "old": before,
        }
        for name, one, before in zip(distinct(names), shown, old, strict=True)
    ]


def _index(suites: Sequence[dict[str, Any]], view: dict[str, Any]) -> str:
    """Return the page; its policy allows what stands in it, and nothing that anybody may add."""
    return page.whole(
        "leaderboard.html.j2",
        "leaderboard.css",
        ("draw.js", "theme.js", "leaderboard.js"),
        suites=suites,
        badges=BADGES,
        entering=ENTERING.items(),
        downloads=tuple(DOWNLOADS.values()),
        **view,
    )


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


def with_shown_actions(record: Record) -> Record:
    """Return a record without actions that no page shows: those of later episodes."""
    played = record.evaluation
    if played is None or played.actions is None:
        return record
    first = played.actions.of(range(min(view_task.EPISODES, record.spec.episodes)))
    return replace(record, evaluation=replace(played, actions=first))
