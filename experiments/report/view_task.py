"""One task as plain data: all numbers, intervals and comparisons that the page draws.

What is drawn is the score of an episode, or its return where the task has no scores. Numbers come with
their words; the page only places them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ...envs.core import spelt
from ...envs.core.arrays import Array
from ..runs.evaluation import Evaluation
from . import ranks, words
from . import stats as st
from .boards import Board, Row, role
from .findings import Finding, closed_after
from .links import Links
from .standings import Pair, Standing

LOWEST = -1.0
"""Scores below are drawn at the edge: an agent that is far worse than random must not squeeze the
others into one pixel. Its number stands beside the picture."""
BINS = 40
EPISODES = 64
"""Episodes of a run that the page can open; `discovery-gym show` opens all."""
DOTS = 1000
"""Episodes of a run that are drawn."""
SUMS = 40
"""Sums of money after which a curve is drawn."""
ACTIONS, LETTERS = 12, 90
"""First actions of an episode that the page shows, and their letters."""
CURVES = {
    "regret": "regret so far",
    "return": "return so far",
    "best": "best label so far",
    "spent": "money spent so far",
    "closed": "gap closed",
}
"""What is known after some decisions, as its picture is called."""

View = dict[str, Any]


def rounded(value: Any, digits: int = 5) -> Any:
    """Return a number, or an array as lists, for JSON; ``None`` for what is not finite."""
    if np.ndim(value):
        return [rounded(one, digits) for one in value]
    return float(f"{value:.{digits}g}") if value is not None and np.isfinite(value) else None


def estimate(one: st.Interval | None, word: Callable[[float], str]) -> View | None:
    """Return an estimate with its interval, and both in words."""
    if one is None:
        return None
    found = {"value": rounded(one.value), "low": rounded(one.low), "high": rounded(one.high)}
    return {**found, "text": word(one.value), "ends": one.ends(word)}


def cell(value: float | None, text: str) -> list[Any]:
    """Return what a table sorts by, and what it shows."""
    return [rounded(value), text]


def day(created: float) -> list[Any]:
    """Return a cell with the day of a point in time, sorted by the second."""
    return [int(created), words.date(created)[:10]]


def scale_of(estimates: Sequence[View | None], scored: bool) -> list[float]:
    """Return the ends of the scale of some estimates: with scores it shows 0 and 1."""
    known = [x for one in estimates if one for x in (one["value"], one["low"], one["high"])]
    ends = [x for x in known if x is not None]
    if scored:
        return [max(min([0.0, *ends]), LOWEST), max([1.0, *ends])]
    return [min(ends, default=0.0), max(ends, default=1.0)]


# ---- a task


def rank_of(one: Row | Standing) -> View:
    """Return the ranks that an agent may have, or why it has none."""
    return {"rank": one.rank, "unranked": one.unranked}


def task_view(board: Board, pairs: Sequence[Pair], agents: Mapping[str, int], links: Links) -> View:
    """Return everything about one task.

    Args:
        board: The task.
        pairs: All pairs of agents of the suite.
        agents: Name of an agent -> its number in the suite.
        links: Where pages may point to.
    """
    spec = board.spec
    word = words.score if board.scored else words.number
    rows = [_row(row, agents[row.name], word) for row in board.rows]
    low, high = _range(board)
    return {
        "name": spelt(spec.task),
        "about": spelt(spec.about),
        "env": {"id": spelt(spec.env_id), "page": links.environment(spec.env_id)},
        "parameters": spelt(json.dumps(spec.env_kwargs)),
        "scored": board.scored,
        "regret": board.has_regret,
        "quantity": "score" if board.scored else "return",
        "mixed": board.mixed,
        "facts": _facts(board),
        "scale": scale_of([row["score"] for row in rows], board.scored),
        "rows": rows,
        "metrics": _metrics(board),
        "curves": list(_curves(board)),
        "costs": costs([_costs(row) for row in board.rows]),
        "histogram": {
            "low": rounded(low),
            "high": rounded(high),
            "counts": _counts(board, low, high),
        },
        "dots": [_packed(row.values, low, high) for row in board.rows],
        "pairs": [_pair(pair, board, word) for pair in pairs if pair.board is board],
    }


def _facts(board: Board) -> list[list[str]]:
    """Return what stands in the head of a task, by name."""
    spec, row = board.spec, board.rows[0]
    facts = [["episodes", f"{spec.episodes:,}"], ["seeds", row.seeds]]
    played = next((row.played for row in board.rows if row.played is not None), None)
    if played is not None and played.random_value is not None:
        facts.append(["random play", words.number(played.random_value)])
    if played is not None and played.optimal_value is not None:
        facts.append(["optimum", words.number(played.optimal_value)])
    tells = board.tells
    if tells is not None:
        facts.append(["can tell", f"differences of {words.number(tells.detectable, 2)}"])
        if tells.for_percent is not None:
            facts.append(["to tell 1 %", f"{tells.for_percent:,} episodes"])
    return facts


def _metrics(board: Board) -> View | None:
    """Return a table of what metrics say, with the numbers of random play; ``None`` without metrics."""
    heads = board.findings
    if not heads:
        return None
    by_name = [{one.name: one for one in row.findings} for row in board.rows]
    cells = [[_finding(found.get(one.name)) for one in heads] for found in by_name]
    chance = [f"{one.name} {one.word(one.chance)}" for one in heads if one.chance is not None]
    return {
        "heads": [{"name": one.name, "about": one.about, "up": one.up} for one in heads],
        "rows": [{"row": i, "cells": row} for i, row in enumerate(cells) if any(row)],
        "chance": ", ".join(chance),
    }


def _finding(one: Finding | None) -> View | None:
    return one if one is None else {**(estimate(one.estimate, one.word) or {}), "text": one.text}


def _range(board: Board) -> tuple[float, float]:
    """Return the ends of what the pictures of episodes show; what lies outside is drawn at the edge."""
    known = [row.values for row in board.rows if row.values is not None]
    if not known:
        return 0.0, 1.0
    low = float(min(np.quantile(values, 0.005) for values in known))
    high = float(max(np.quantile(values, 0.995) for values in known))
    if board.scored:
        low, high = max(min(low, 0.0), LOWEST), max(high, 1.0)
    return low, high if high > low else low + 1


def _counts(board: Board, low: float, high: float) -> list[list[int] | None]:
    """Return the histogram of each row, ``BINS`` each."""
    counts: list[list[int] | None] = []
    for row in board.rows:
        if row.values is None:
            counts.append(None)
        else:
            found, _ = np.histogram(row.values.clip(low, high), BINS, (low, high))
            counts.append(found.tolist())
    return counts


def _packed(values: Array | None, low: float, high: float) -> str | None:
    """Return the first episodes as places in the range, 0 to 65535, 16 bits each in base 64."""
    if values is None:
        return None
    places = (values[:DOTS].clip(low, high) - low) / (high - low)
    return base64.b64encode(np.rint(65535 * places).astype("<u2").tobytes()).decode()


# ---- its rows


def _row(row: Row, agent: int, word: Callable[[float], str]) -> View:
    record, played = row.record, row.played
    found: View = {"agent": agent, "run": record.id, "command": spelt(row.command), **rank_of(row)}
    found["facts"] = list(_run_facts(row))
    found["date"] = day(record.created)
    found["score"] = found["return"] = found["regret"] = found["behind"] = found["time"] = None
    if played is None:
        lines = str(record.error).split("\n")
        return found | {"failed": spelt(row.error_line), "error": [spelt(line) for line in lines]}
    found["score"] = estimate(st.mean(played.returns) if row.score is None else row.score, word)
    found["return"] = cell(played.returns.mean(), words.plus_minus(played.returns))
    if row.regret is not None:
        found["regret"] = cell(row.regret.mean(), words.plus_minus(row.regret))
    behind = words.against(row.behind, row.rank is not None)
    found["behind"] = cell(None if row.behind is None else row.behind.value, behind)
    seconds = played.seconds_per_decision
    found["time"] = cell(seconds, words.duration(seconds))
    return found | {"episodes": _episodes(played)}


def _run_facts(row: Row) -> Iterator[list[str]]:
    record, spec, played = row.record, row.record.spec, row.played
    yield ["agent", spelt(spec.agent)]
    if played is not None and played.agent != spec.agent:
        yield ["played by", spelt(played.agent)]
    yield ["seeds", row.seeds]
    if played is not None:
        yield ["episode length", f"{words.plus_minus(played.lengths)} decisions"]
        if row.beats_random is not None:
            yield ["beats random", f"in {100 * row.beats_random:.1f} % of pairs of episodes"]
        times = played.decision_seconds
        if len(times) > 1:  # old records know the mean alone
            parts = [f"{name} {words.duration(times[key])}" for key, name in TIMES.items()]
            told_by = ", as the entry claims" if record.entry else ""
            yield ["time of a decision", ", ".join(parts) + told_by]
    yield ["record", f"records/{record.id}.parquet, {words.date(record.created)}"]
    made = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    yield [
        "replayed with" if record.entry else "made with",
        spelt(f"{made}; {record.machine}; code {record.fingerprint}"),
    ]


TIMES = {"mean": "mean", "q50": "median", "q90": "90 % below", "q99": "99 % below"}


def _episodes(played: Evaluation) -> View:
    """Return what the page shows of the first episodes: their return, length, regret and actions."""
    first = slice(0, EPISODES)
    found: View = {
        "seed": played.seed,
        "return": [words.number(value) for value in played.returns[first]],
        "length": played.lengths[first].tolist(),
    }
    if played.regret is not None:
        found["regret"] = [words.number(value) for value in played.regret[first]]
    if played.actions is not None:
        parts, ends = played.actions.parts, np.cumsum(played.actions.lengths)
        starts = played.actions.starts
        found["actions"] = [
            _actions(parts, int(start), int(end))
            for start, end in zip(starts[first], ends[first], strict=True)
        ]
    return found


def _actions(parts: Sequence[Any], start: int, stop: int) -> str:
    """Return the first actions of an episode in words; numbers with a fraction are rounded."""
    shown: list[str] = []
    for at in range(start, min(stop, start + ACTIONS)):
        one = [f"{part[at]:.3g}".replace("-", "−") for part in parts]
        shown.append(one[0] if len(one) == 1 else f"({', '.join(one)})")
        if sum(map(len, shown)) > LETTERS:
            break
    more = stop - start - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


# ---- curves


def _curves(board: Board) -> Iterator[View]:
    """Yield a picture for each thing that is known after some decisions: the lines of its agents.

    Where episodes of the agents cost different sums, others follow of what is known after some money.
    """
    known = [(i, row.played, _traces(row.played)) for i, row in enumerate(board.rows) if row.played]
    for name, label in CURVES.items():
        most = 1.0 if name == "closed" else np.inf
        lines = {
            i: _line(one.points, traces[name], most) for i, one, traces in known if name in traces
        }
        yield from _picture(name, label, lines)
    spent = [played.spent for _, played, _ in known if played.spent is not None]
    if not spent or (most := float(max(map(np.max, spent)))) <= 0:
        return
    money = np.linspace(0, most, SUMS + 1)[1:]
    for name in ("regret", "return", "best"):
        lines = {
            i: _line(money, _after_money(traces[name], traces["spent"], money))
            for i, _, traces in known
            if name in traces and "spent" in traces
        }
        yield from _picture(f"{name}-money", f"{CURVES[name]}, by money", lines, x="money")


def _picture(name: str, label: str, lines: Mapping[int, View], **more: str) -> Iterator[View]:
    """Yield the picture of lines by their rows, if any of them has a point."""
    drawn = [{"row": i, **line} for i, line in lines.items() if line["points"]]
    if drawn:
        yield {"name": name, "label": label, **more, "lines": drawn}


def _after_money(trace: Array, spent: Array, money: Array) -> Array:
    """Return what was known ``(E, P)`` when no more than some money was spent, ``(E, len(money))``."""
    places = np.stack([(spent <= some + 1e-9).sum(1) - 1 for some in money], 1)
    known = np.take_along_axis(trace, np.maximum(places, 0), 1)
    return np.where(places < 0, np.nan, known)


def _traces(played: Evaluation) -> dict[str, Array]:
    """Return what is known of E episodes after P decisions, ``(E, P)``, by name.

    An episode that has ended keeps its last value.
    """
    last = played.returns if played.regret is None else played.regret
    traces = {}
    if len(played.points):
        traces["return" if played.regret is None else "regret"] = _held(played.after, last)
    if played.best_after is not None:
        traces["best"] = _held(played.best_after)
    if played.spent_after is not None:
        traces["spent"] = _held(played.spent_after, played.spent)
    if (closed := closed_after(played)) is not None:
        traces["closed"] = closed
    return traces


def _held(values: Array, last: Array | None = None) -> Array:
    """Return values ``(E, P)`` that keep the last value ``(E,)`` behind the end of an episode."""
    known = ~np.isnan(values)
    if last is not None:
        return np.where(known, values, last[:, None])
    newest = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), 0), axis=1)
    return np.take_along_axis(values, newest, axis=1)


def _line(points: Any, values: Array, most: float = np.inf) -> View:
    """Return the mean over the episodes and its pointwise 95 % interval, Student's t, up to a bound."""
    count, mean = len(values), values.mean(0)
    half = np.full(mean.shape, np.nan)
    if count > 1:
        half = stdtrit(count - 1, 0.5 + st.LEVEL / 2) * values.std(0, ddof=1) / count**0.5
    ends = {
        "points": points,
        "mean": mean,
        "low": mean - half,
        "high": np.minimum(mean + half, most),
    }
    known = np.isfinite(mean)  # no label is known before the first one
    return {name: rounded(line[known], 4) for name, line in ends.items()}


# ---- comparisons


def _pair(pair: Pair, board: Board, word: Callable[[float], str]) -> View:
    """Return the paired difference of two rows, first minus second, in scores where there are any.

    Its interval is Student's t; ``p`` is adjusted for all pairs and tasks, ``None`` if nothing varies.
    """
    place = {id(row): i for i, row in enumerate(board.rows)}
    ours, theirs = pair.first.values, pair.second.values
    assert ours is not None
    assert theirs is not None
    x = ranks.paired(ours, theirs)
    mean, error = float(x.mean()), ranks.standard_error(x)
    half = float(stdtrit(x.size - 1, 0.5 + st.LEVEL / 2)) * error if error > 0 else np.nan
    how = "t" if error > 0 else "" if x.size < 2 else st.NO_VARIATION
    found = estimate(st.Interval(mean, mean - half, mean + half, how, x.size), word)
    assert found is not None
    return found | {
        **{name: place[id(row)] for name, row in (("a", pair.first), ("b", pair.second))},
        "above": int((x > 0).sum()),
        "below": int((x < 0).sum()),
        "p": float(f"{pair.adjusted:.2g}") if error > 0 else None,
        "sure": bool(pair.adjusted < 1 - st.LEVEL),
    }


# ---- quality against cost


def _costs(row: Row) -> View | None:
    """Return the mean value of a row and what its episodes cost; ``None`` for a failed run."""
    if row.played is None or row.value is None:
        return None
    money = row.played.spent
    return {
        "value": row.value,
        "knows": role(row.record) == "optimal",
        "time": row.played.seconds_per_decision,
        "decisions": float(row.played.lengths.mean()),
        "money": None if money is None else float(np.mean(money)),
    }


COSTS: dict[str, tuple[str, bool, Callable[[float], str]]] = {
    "time": ("time of one decision", True, words.duration),
    "decisions": ("decisions in an episode", False, words.number),
    "money": ("money spent in an episode", False, words.number),
}
"""What quality is held against: its name, whether it is drawn on a logarithmic scale, its words."""


def costs(points: Sequence[View | None]) -> list[View]:
    """Return the pictures of quality against cost, one for each cost that differs between agents.

    Args:
        points: Of each row its ``value``, whether it ``knows`` the truth, and the costs by name; or
            ``None``.
    """
    pictures = []
    for name, (label, logarithmic, word) in COSTS.items():
        known = [
            (i, one[name], one["value"], one["knows"])
            for i, one in enumerate(points)
            if one is not None and one.get(name) is not None and (one[name] > 0 or not logarithmic)
        ]
        prices = [price for _, price, _, _ in known]
        if len(known) < 2 or max(prices) <= 1.01 * min(prices):
            continue
        best = _pareto([one[:3] for one in known if not one[3]])
        dots = [[i, rounded(x), rounded(y), word(x), i in best] for i, x, y, _ in known]
        pictures.append({"name": name, "label": label, "log": logarithmic, "dots": dots})
    return pictures


def _pareto(points: Sequence[tuple[int, float, float]]) -> set[int]:
    """Return which of some (number, cost, value) nothing beats at the same or a lower cost."""
    best, front = -np.inf, set[int]()
    for i, _, value in sorted(points, key=lambda one: (one[1], -one[2])):
        if value > best:
            best = value
            front.add(i)
    return front
