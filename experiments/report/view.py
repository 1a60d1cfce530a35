"""One suite as plain data: its agents, its wings with their ranks, its tasks.

The page draws what stands here and computes nothing of it. Every text is one printable line; the page
sets it as text, and only what `links` has passed becomes a link.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...agents import making
from ...envs.core import spelt
from ..suites.catalogue import SUITES
from ..suites.task import kind_of
from . import ranks, words
from . import stats as st
from .boards import Board, Row
from .links import Links, https
from .standings import Overview
from .view_task import View, cell, costs, estimate, scale_of, task_view

WINGS = {
    "campaign": "Campaigns",
    "pool": "Pools",
    "table": "Tables",
    "design": "Experimental design",
    "other": "Other problems",
}
"""The wings of a suite: all its tasks of a kind."""
OPEN_BOOK = "table"
"""Kind of tasks whose labels anybody can know: there, entries of others have no rank."""
COLOURS, MARKERS, DASHES = 8, 8, 5
"""Kinds of colours, markers and dashes: 320 agents before two look alike."""
BADGES = {
    "own": "played here, by agents of this package or of its user",
    "verified": "replayed from the recorded actions: every number is recomputed",
    "confirmed": "verified, and played again on seeds that were secret",
    "claimed": "replayed; who chose the actions is not known",
    "flagged": "replayed, and something about it is odd: open its card",
}
LEARNED = ("learned", "policy", "meta_ucb", "sb3")
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
    seen: dict[str, int] = {}
    found: list[str] = []
    for one in keys:
        seen[one] = seen.get(one, 0) + 1
        fresh = one if seen[one] == 1 else f"{one}--{seen[one]}"
        found.append(fresh)
    return found


def suite_view(overview: Overview, links: Links) -> View:
    """Return everything that the page shows of one suite."""
    names = _order(overview)
    numbers = {name: i for i, name in enumerate(names)}
    tasks = [task_view(board, numbers, links) for board in overview.boards]
    kinds = [_kind(overview, board) for board in overview.boards]
    task_keys = distinct([key(board.spec.task) for board in overview.boards])
    for task, kind, word in zip(tasks, kinds, task_keys, strict=True):
        task |= {"key": word, "wing": kind}
    _adjust(tasks)
    known = SUITES.get(overview.suite)
    return {
        "name": spelt(overview.suite),
        "version": overview.version,
        "about": "" if known is None or known.version != overview.version else known.about,
        "agents": list(_agents(names, overview, links)),
        "wings": [
            _wing(kind, [i for i, one in enumerate(kinds) if one == kind], overview, numbers)
            for kind in WINGS
            if kind in kinds
        ],
        "tasks": tasks,
        "badges": BADGES,
    }


def _kind(overview: Overview, board: Board) -> str:
    """Return the kind of a task: as its suite says, else that of its environment."""
    known = SUITES.get(overview.suite)
    tasks = known.tasks if known is not None else ()
    found = next((task.kind for task in tasks if task.name == board.spec.task), "")
    return found or kind_of(board.spec.env_id)


def _adjust(tasks: Sequence[View]) -> None:
    """Adjust the p-values of all pairs of all tasks for their number, by Holm."""
    pairs = [pair for task in tasks for pair in task["pairs"] if pair["p"] is not None]
    for pair, p in zip(pairs, ranks.holm([pair["p"] for pair in pairs]), strict=True):
        pair["p"], pair["sure"] = float(f"{p:.2g}"), bool(p < 1 - st.LEVEL)


# ---- agents


def _order(overview: Overview) -> list[str]:
    """Return the names of the agents: those of the suite in its order, then the others by name."""
    present = {row.name for board in overview.boards for row in board.rows}
    known = SUITES.get(overview.suite)
    listed = [name for task in known.tasks for name in task.agents] if known else []
    return [name for name in dict.fromkeys(listed) if name in present] + sorted(
        present - set(listed)
    )


def _agents(names: Sequence[str], overview: Overview, links: Links) -> Iterator[View]:
    words_of = distinct([spelt(name) for name in names])
    for i, name in enumerate(names):
        rows = [row for board in overview.boards for row in board.rows if row.name == name]
        texts = dict.fromkeys(row.record.spec.agent for row in rows)
        newest = max(rows, key=lambda row: row.record.created).record
        entry = newest.entry
        yield {
            "name": words_of[i],
            "colour": i % COLOURS,
            "marker": (i + i // COLOURS) % MARKERS,
            "dash": i // COLOURS % DASHES,
            "badge": "own" if not entry else "flagged" if entry["flags"] else entry["status"],
            "kinds": sorted(_kinds(rows, entry)),
            "texts": [{"text": spelt(text), "parts": links.agent(text)} for text in texts],
            "entry": _entry(entry),
            "date": cell(newest.created, words.date(newest.created)[:10]),
        }


def _kinds(rows: Sequence[Row], entry: Mapping[str, Any] | None) -> set[str]:
    """Return what an agent is: "exact", "learned", "outside", or "rule" if none of these."""
    kinds = set() if entry is None else {"outside", entry["card"].get("method", {}).get("kind", "")}
    for row in rows:
        played = "" if row.played is None else row.played.agent
        for text in (row.record.spec.agent, played):
            name = text.partition("(")[0].strip()
            kinds |= {"exact"} if name in EXACT else {"learned"} if name in LEARNED else set()
            kinds |= {"outside"} if making.references(text) else set()
    return kinds & {"exact", "learned", "outside"} or {"rule"}


def _entry(entry: Mapping[str, Any] | None) -> View | None:
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
        "flags": [spelt(flag) for flag in entry["flags"]],
        "sections": [{"name": "entry", "facts": plain}, *sections] if plain else sections,
    }


def _fact(value: Any) -> list[str | None]:
    """Return a value in words, and the link that it is."""
    words_of = value if isinstance(value, str) else json.dumps(value, default=str)
    return [spelt(words_of), https(value)]


# ---- wings


def _wing(kind: str, at: Sequence[int], overview: Overview, numbers: Mapping[str, int]) -> View:
    """Return the ranking of the agents over the tasks of a wing, and quality against cost.

    Ranked are those that played all of its tasks to the end.
    """
    boards = [overview.boards[i] for i in at]
    scored = all(board.scored for board in boards)
    entered = {
        name: rows for name in numbers if any((rows := [_found(board, name) for board in boards]))
    }
    whole = [
        name
        for name, rows in entered.items()
        if all(rows) and not (kind == OPEN_BOOK and any(row.record.entry for row in rows))
    ]
    places = _places(boards, whole, entered) if scored else {}
    rows = [
        _standing(name, rows, numbers[name], scored, places.get(name))
        for name, rows in entered.items()
    ]
    rows.sort(key=lambda row: _order_of(row))
    return {
        "name": kind,
        "title": WINGS[kind],
        "open_book": kind == OPEN_BOOK,
        "tasks": list(at),
        "scored": scored,
        "ranked": len(places),
        "rows": rows,
        "scale": scale_of([row["score"] for row in rows if row["rank"]], scored),
        "costs": costs([row.pop("costs") for row in rows]),
    }


def _order_of(row: View) -> tuple[Any, ...]:
    score = row["score"]["value"] if row["score"] else 0.0
    return row["rank"] is None, -row["entered"] if row["rank"] is None else 0, -score


def _found(board: Board, name: str) -> Row | None:
    """Return the row of an agent that played a task to its end."""
    return next((row for row in board.rows if row.name == name and not row.failed), None)


def _places(
    boards: Sequence[Board], whole: Sequence[str], entered: Mapping[str, Sequence[Row | None]]
) -> dict[str, list[int]]:
    """Return the lowest and highest rank of each agent that played all the tasks."""
    if len(whole) < 2 or min(board.spec.episodes for board in boards) < 2:
        return {}
    scores = [np.stack([entered[name][k].scores for name in whole]) for k in range(len(boards))]
    low, high = ranks.rank_sets(scores)
    return {name: [int(low[i]), int(high[i])] for i, name in enumerate(whole)}


def _standing(
    name: str, rows: Sequence[Row | None], number: int, scored: bool, place: list[int] | None
) -> View:
    played = [row for row in rows if row is not None and row.played is not None]
    score = st.mean_over_tasks([row.scores for row in played]) if scored else None
    seconds = [row.played.seconds_per_decision for row in played]
    mean = float(np.exp(np.mean(np.log(np.maximum(seconds, 1e-9)))))
    created = max(row.record.created for row in played)
    whole = len(played) == len(rows)
    return {
        "agent": number,
        "rank": place,
        "score": estimate(score, words.score),
        "entered": len(played),
        "time": cell(mean, words.duration(mean)),
        "date": cell(created, words.date(created)[:10]),
        "cells": [None if row is None else _value(row) for row in rows],
        "costs": _spending(played, score, mean) if whole and scored else None,
    }


def _value(row: Row) -> list[Any]:
    value = row.value
    return cell(value, words.number(value) if row.scores is None else words.score(value))


def _spending(played: Sequence[Row], score: st.Interval, seconds: float) -> View:
    """Return the value and the costs of an agent over a wing."""
    return {
        "value": score.value,
        "knows": any(row.played.role == "optimal" for row in played),
        "time": seconds,
        "decisions": float(np.mean([row.played.lengths.mean() for row in played])),
    }


# ---- the file


def script(name: str, view: View) -> str:
    """Return the script file that hands a suite to the page: ASCII, without a ``<``."""
    data = json.dumps(view, allow_nan=False, separators=(",", ":"))
    return f"board({json.dumps(name)},{data});\n".replace("<", "\\u003c").replace(">", "\\u003e")
