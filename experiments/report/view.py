"""One suite as plain data: its agents, its wings with their ranks, its tasks.

The page draws what stands here and computes nothing of it. Every text is one printable line; the page
sets it as text, and only what `links` has passed becomes a link.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...agents import making
from ...envs.core import spelt
from ..suites.catalogue import SUITES
from ..suites.files import SB3
from . import words
from .boards import NO_RANK, Board, Row, role
from .links import Links, https
from .standings import Overview, Standing, Wing
from .view_task import View, cell, costs, day, estimate, rank_of, scale_of, task_view

WINGS = {
    "campaign": "Campaigns",
    "pool": "Pools",
    "table": "Tables",
    "condition": "General conditions",
    "design": "Experimental design",
    "other": "Other problems",
}
"""The wings of a suite: all its tasks of a kind."""
COLOURS, MARKERS, DASHES = 8, 8, 5
"""Kinds of colours, markers and dashes: 320 agents before two look alike."""
BADGES = {
    "own": "played here, by agents of this package or of its user",
    "verified": "replayed from the recorded actions: every number is recomputed",
    "confirmed": "verified, and played again on seeds that were secret",
    "claimed": "only the entry says so: the code behind it, the time of its decisions",
    "flagged": "replayed, and something about it is odd: open its card",
}
LEARNED = ("learned", "policy", "meta_ucb", "sb3", SB3)
EXACT = ("optimal", "oracle")


def key(*names: Any) -> str:
    """Return names as one word for addresses and files: letters, digits and hyphens of ASCII.

    Where that loses anything but case and punctuation, a hash of the names follows.
    """
    text = " ".join(map(str, names)).lower()
    plain = "".join(c if c.isascii() and c.isalnum() else " " for c in text).split()
    word = "-".join(plain)[:60].strip("-")
    lost = len(word) < len("-".join(plain)) or not (text.isascii() and text.isprintable())
    return f"{word or 'x'}-{zlib.crc32(ascii(names).encode()):08x}" if lost or not word else word


def distinct(keys: Sequence[str]) -> list[str]:
    """Return keys of which no two are the same: later ones get a number."""
    found: list[str] = []
    for one in keys:
        names = (one if k == 1 else f"{one}--{k}" for k in itertools.count(1))
        found.append(next(name for name in names if name not in found))
    return found


def suite_view(overview: Overview, links: Links) -> View:
    """Return everything that the page shows of one suite."""
    names = _order(overview)
    numbers = {name: i for i, name in enumerate(names)}
    keys = distinct([key(board.spec.task) for board in overview.boards])
    known = SUITES.get(overview.suite)
    return {
        "name": spelt(overview.suite),
        "version": overview.version,
        "about": "" if known is None or known.version != overview.version else known.about,
        "agents": list(_agents(names, overview, links)),
        "wings": [
            _wing(wing, overview.boards, numbers) for wing in overview.wings or (overview.whole,)
        ],
        "tasks": [
            {"key": word, "wing": board.kind, **task_view(board, overview.pairs, numbers, links)}
            for word, board in zip(keys, overview.boards, strict=True)
        ],
        "badges": BADGES,
        "unranked": NO_RANK,
    }


# ---- agents


def _order(overview: Overview) -> list[str]:
    """Return the names of the agents: those of the suite in its order, then the others by name."""
    present = {row.name for board in overview.boards for row in board.rows}
    known = SUITES.get(overview.suite)
    listed = [name for task in known.tasks for name in task.agents] if known else []
    return [name for name in dict.fromkeys([*listed, *sorted(present)]) if name in present]


def _agents(names: Sequence[str], overview: Overview, links: Links) -> Iterator[View]:
    words_of = distinct([spelt(name) for name in names])
    for i, name in enumerate(names):
        rows = [row for board in overview.boards for row in board.rows if row.name == name]
        texts = dict.fromkeys(row.record.spec.agent for row in rows)
        newest = max(rows, key=lambda row: row.record.created).record
        entry, flags = newest.entry, _flags(rows)
        yield {
            "name": words_of[i],
            **look(i),
            "badge": "own" if not entry else "flagged" if flags else entry["status"],
            "kinds": sorted(_kinds(rows, entry)),
            "texts": [{"text": spelt(text), "parts": links.agent(text)} for text in texts],
            "entry": _entry(entry, flags),
            "date": day(newest.created),
        }


def look(number: int) -> dict[str, int]:
    """Return what an agent is drawn with; no two of the first 320 look alike."""
    again = number // COLOURS
    marker = (number + again) % MARKERS
    return {"colour": number % COLOURS, "marker": marker, "dash": again % DASHES}


def _kinds(rows: Sequence[Row], entry: Mapping[str, Any] | None) -> set[str]:
    """Return what an agent is: "exact", "learned", "outside", or "rule" if none of these."""
    method = None if entry is None else entry["card"].get("method")
    said = method.get("kind") if isinstance(method, Mapping) else None
    kinds = set() if entry is None else {"outside", str(said)}
    for row in rows:
        played = "" if row.played is None else row.played.agent
        for text in (row.record.spec.agent, played):
            name = text.partition("(")[0].strip()
            kinds |= {"exact"} if name in EXACT else {"learned"} if name in LEARNED else set()
            kinds |= {"outside"} if making.references(text) else set()
    return kinds & {"exact", "learned", "outside"} or {"rule"}


def _flags(rows: Sequence[Row]) -> list[str]:
    """Return what is odd about any run of an entry, with the task where it is."""
    found = ((row.record.spec.task, (row.record.entry or {}).get("flags", ())) for row in rows)
    return [f"{task}: {flag}" for task, flags in found for flag in flags]


def _entry(entry: Mapping[str, Any] | None, flags: Sequence[str]) -> View | None:
    """Return the card of an entry: name, digest, flags, and its sections as names with texts."""
    if not entry:
        return None
    sections = [
        {"name": spelt(name), "facts": [[spelt(key), *_fact(value)] for key, value in part.items()]}
        for name, part in entry["card"].items()
        if isinstance(part, Mapping)
    ]
    plain = [[spelt(k), *_fact(v)] for k, v in entry["card"].items() if not isinstance(v, Mapping)]
    return {
        "digest": spelt(entry["digest"]),
        "status": spelt(entry["status"]),
        "flags": [spelt(flag) for flag in flags],
        "sections": [{"name": "card", "facts": plain}, *sections] if plain else sections,
    }


def _fact(value: Any) -> list[str | None]:
    """Return a value in words, and the link that it is."""
    words_of = value if isinstance(value, str) else json.dumps(value, default=str)
    return [spelt(words_of), https(value)]


# ---- wings


def _wing(wing: Wing, boards: Sequence[Board], numbers: Mapping[str, int]) -> View:
    """Return the ranking over the tasks of a wing, and quality against cost."""
    found = {one.name: [board.row(one.name) for board in wing.boards] for one in wing.standings}
    rows = [_standing(one, found[one.name], numbers[one.name]) for one in wing.standings]
    kind = wing.kind or wing.boards[0].kind
    return {
        "name": kind,
        "title": WINGS[kind],
        "tasks": [i for i, board in enumerate(boards) if any(board is one for one in wing.boards)],
        "scored": wing.scored,
        "rows": rows,
        "scale": scale_of([row["score"] for row in rows], True),
        "costs": costs([_spending(one, found[one.name]) for one in wing.standings]),
    }


def _standing(one: Standing, rows: Sequence[Row | None], number: int) -> View:
    played = [row for row in rows if row is not None and row.played is not None]
    created = max(row.record.created for row in played)
    seconds = _seconds(played)
    return {
        "agent": number,
        **rank_of(one),
        "score": estimate(one.mean, words.score),
        "entered": one.entered,
        "time": cell(seconds, words.duration(seconds)),
        "date": day(created),
        "cells": [None if row is None else _value(row) for row in rows],
    }


def _value(row: Row) -> list[Any] | None:
    """Return the mean score of a row, or else its mean return; ``None`` for a failed run."""
    word = words.number if row.scores is None else words.score
    return None if row.value is None else cell(row.value, word(row.value))


def _seconds(rows: Sequence[Row]) -> float:
    """Return the geometric mean over tasks of the time of one decision."""
    each = [row.played.seconds_per_decision for row in rows if row.played is not None]
    return float(np.exp(np.mean(np.log(np.maximum(each, 1e-9)))))


def _spending(one: Standing, rows: Sequence[Row | None]) -> View | None:
    """Return the value and the costs of an agent over a wing; ``None`` without a mean score."""
    played = [row for row in rows if row is not None and row.played is not None]
    if one.mean is None:
        return None
    return {
        "value": one.mean.value,
        "knows": any(role(row.record) == "optimal" for row in played),
        "time": _seconds(played),
        "decisions": float(np.mean([row.played.lengths.mean() for row in played if row.played])),
    }


# ---- the file


def script(name: str, view: View) -> str:
    """Return the script file that hands a suite to the page: ASCII, without a ``<``."""
    data = json.dumps(view, allow_nan=False, separators=(",", ":"))
    return f"board({json.dumps(name)},{data});\n".replace("<", "\\u003c").replace(">", "\\u003e")
