"""The leaderboard for other programs: CSV, JSON and LaTeX, with the numbers of the page.

CSV has a line for each agent in each table, JSON all of it with the pairs; both keep every digit. Keys
are added and never renamed (`FORMAT`). What is unknown is empty in CSV and null in JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from . import escaping, ranks, words
from . import stats as st
from .boards import Board, Row
from .standings import Overview, Pair, Standing, Wing

FORMAT = 1
"""Format of the JSON file."""
NAMES = {"csv": "leaderboard.csv", "json": "leaderboard.json", "latex": "leaderboard.tex"}
"""Formats, and the files in them beside the page."""

Facts = dict[str, Any]


def exported(form: str, shown: Sequence[Overview], missing: Sequence[str]) -> str:
    """Return the leaderboard in a format of `NAMES`; ``missing`` is in words what it leaves out."""
    as_json = partial(_json, missing=missing)
    writers: dict[str, Callable[..., str]] = {"csv": _csv, "json": as_json, "latex": _latex}
    return writers[form](shown)


# ---- facts


def _interval(name: str, one: st.Interval | None) -> Facts:
    """Return an estimate and the ends of its interval, by names."""
    ends = (None, None, None) if one is None else (one.value, one.low, one.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(_number, ends), strict=True))


def _mean(name: str, values: Any) -> Facts:
    """Return the mean of ``(E,)`` values and its standard error."""
    if values is None:
        return {name: None, f"{name}_error": None}
    return {
        name: _number(np.mean(values)),
        f"{name}_error": _number(ranks.standard_error(values)),
    }


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _rank(one: Row | Standing) -> Facts:
    low, high = one.rank or (None, None)
    return {"rank_low": low, "rank_high": high, "unranked": one.unranked or None}


def _row(row: Row) -> Facts:
    """Return what is known of an agent on a task."""
    record, played, spec = row.record, row.played, row.record.spec
    entry = record.entry or {}
    return {
        "agent": row.name,
        **_rank(row),
        **_interval("score", row.score),
        **_mean("return", None if played is None else played.returns),
        **_mean("regret", row.regret),
        **_interval("against_best", row.behind),
        "seconds_per_decision": None if played is None else _number(played.seconds_per_decision),
        "episodes": spec.episodes,
        "first_seed": spec.seed,
        "text": spec.agent,
        "status": entry.get("status"),
        "digest": entry.get("digest"),
        **{k: v for one in row.findings for k, v in _interval(one.key, one.estimate).items()},
        "error": row.error_line if row.failed else None,
        "run": record.id,
        "created": record.created,
    }


def _standing(one: Standing) -> Facts:
    """Return what is known of an agent over some tasks."""
    return {"agent": one.name, **_rank(one), **_interval("score", one.mean), "tasks": one.entered}


def _wings(overview: Overview) -> Iterator[tuple[str, Wing]]:
    yield "all", overview.whole
    yield from ((wing.kind, wing) for wing in overview.wings)


# ---- CSV


def _csv(shown: Sequence[Overview]) -> str:
    """Return a line for each agent in each table; those over several tasks name no task."""
    lines = [
        {"suite": one.suite, "version": one.version, **facts}
        for one in shown
        for facts in _lines(one)
    ]
    columns = list(dict.fromkeys(name for line in lines for name in line)) or ["suite"]
    return escaping.csv_text([columns, *([line.get(name) for name in columns] for line in lines)])


def _lines(overview: Overview) -> Iterator[Facts]:
    for board in overview.boards:
        spec = board.spec
        where = {"kind": board.kind, "task": spec.task, "env": spec.env_id}
        about = {**where, "parameters": json.dumps(spec.env_kwargs)}
        yield from ({**about, **_row(row)} for row in board.rows)
    for kind, wing in _wings(overview):
        yield from ({"kind": kind, **_standing(one)} for one in wing.standings)


# ---- JSON


def _json(shown: Sequence[Overview], missing: Sequence[str]) -> str:
    found = {
        "format": FORMAT,
        "suites": [_suite(overview) for overview in shown],
        "left_out": list(missing),
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _suite(overview: Overview) -> Facts:
    return {
        "suite": overview.suite,
        "version": overview.version,
        "tables": [
            {
                "kind": kind,
                "tasks": [board.spec.task for board in wing.boards],
                "agents": [{**_standing(one), "values": one.values} for one in wing.standings],
            }
            for kind, wing in _wings(overview)
        ],
        "tasks": [
            {
                **_task(board),
                "pairs": [_pair(pair) for pair in overview.pairs if pair.board is board],
            }
            for board in overview.boards
        ],
    }


def _task(board: Board) -> Facts:
    spec, tells = board.spec, board.tells
    played = next((row.played for row in board.rows if row.played is not None), None)
    return {
        "task": spec.task,
        "about": spec.about,
        "kind": board.kind,
        "env": spec.env_id,
        "parameters": dict(spec.env_kwargs),
        "scored": board.scored,
        "random_value": None if played is None else _number(played.random_value),
        "optimal_value": None if played is None else _number(played.optimal_value),
        "may_be_best": list(board.may_be_best),
        "can_tell": None if tells is None else tells.detectable,
        "episodes_for_percent": None if tells is None else tells.for_percent,
        "agents": [_row(row) for row in board.rows],
    }


def _pair(pair: Pair) -> Facts:
    return {
        "first": pair.first.name,
        "second": pair.second.name,
        "difference": _number(pair.difference),
        "error": _number(pair.error),
        "p": _number(pair.p),
        "p_holm": _number(pair.adjusted),
    }


# ---- LaTeX


def _latex(shown: Sequence[Overview]) -> str:
    """Return tables for a document that uses booktabs."""
    parts = ["% Tables of the discovery_gym leaderboard: \\usepackage{booktabs}, in UTF-8."]
    for overview in shown:
        name = f"{overview.suite}, version {overview.version}"
        for kind, wing in _wings(overview):
            parts.append(_over_tasks(f"Suite {name}: {kind} tasks", wing))
        parts += [_of_task(f"{board.spec.task} (suite {name})", board) for board in overview.boards]
    return "\n\n".join(parts) + "\n"


def _over_tasks(caption: str, wing: Wing) -> str:
    columns = ("Rank", "Agent", "Score", "95 % interval", "Tasks")
    rows = [
        (
            words.rank(one.rank),
            one.name,
            "–" if one.mean is None else words.score(one.mean.value),
            "–" if one.mean is None else words.ends(one.mean),
            f"{one.entered} of {len(wing.boards)}",
        )
        for one in wing.standings
    ]
    return _table(caption, columns, rows)


def _of_task(caption: str, board: Board) -> str:
    columns: Mapping[str, Callable[[Row], str]] = {
        "Rank": lambda row: words.rank(row.rank),
        "Agent": lambda row: row.name,
        "Score": lambda row: "–" if row.score is None else words.score(row.score.value),
        "95 % interval": lambda row: "–" if row.score is None else words.ends(row.score),
        "Return": lambda row: (
            "failed" if row.played is None else words.plus_minus(row.played.returns)
        ),
        "Against the best": lambda row: words.against(row.behind, row.rank is not None),
    }
    rows = [[column(row) for column in columns.values()] for row in board.rows]
    return _table(caption, list(columns), rows)


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    escape = escaping.latex
    lines = [
        "\\begin{table}",
        f"\\caption{{{escape(caption)}}}",
        f"\\begin{{tabular}}{{{'l' * len(columns)}}}",
        "\\toprule",
        " & ".join(map(escape, columns)) + " \\\\",
        "\\midrule",
        *(" & ".join(map(escape, row)) + " \\\\" for row in rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines)
