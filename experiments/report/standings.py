"""From records to the tables of a suite: all its tasks, a wing for each kind of them, all pairs.

Nothing but the records decides what is shown. Where a run was repeated with changed code, its newest
record counts; no entry takes the place of a run of ours, or of another entry, by its name. Ranked are
agents that played all tasks of a table: who entered the easy ones only was not compared with the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from ...envs.core.arrays import Array
from ..runs.record import Record
from ..runs.scores import gains
from ..suites.catalogue import SUITES
from ..suites.task import KINDS
from . import ranks
from . import stats as st
from .boards import (
    ALONE,
    ANCHOR,
    FLAGGED,
    OPEN_BOOK,
    Board,
    Rank,
    Row,
    board,
    role,
    setting,
    unless_alone,
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One agent over the tasks of a wing, or of a suite.

    Args:
        name: Name of the agent.
        rank: The ranks that it may have, by its mean over the tasks.
        unranked: A key of `NO_RANK` if it has none; else empty.
        values: Its mean score on each task, or mean return where the task has no scores; ``None``
            where it has neither.
        mean: Mean score over the tasks; ``None`` unless it played all of them, and all have scores.
    """

    name: str
    rank: Rank | None
    unranked: str
    values: tuple[float | None, ...]
    mean: st.Interval | None

    @property
    def entered(self) -> int:
        """Number of tasks that it played to the end."""
        return sum(value is not None for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Wing:
    """Some tasks of a suite and the agents over all of them: the ranked ones and the anchors first.

    Args:
        kind: Kind of the tasks; empty for all of the suite.
        boards: The tasks.
        standings: The agents, best first; last those that did not play all tasks, whatever they have.
    """

    kind: str
    boards: tuple[Board, ...]
    standings: tuple[Standing, ...]

    @property
    def scored(self) -> bool:
        """Whether every task has scores, so that they can be averaged."""
        return all(one.scored for one in self.boards)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two agents on one task, over the same episodes.

    Args:
        board: The task.
        first: The agent with more.
        second: The other one.
        difference: Mean paired difference in gains, first minus second, in the unit of the return.
        error: Its standard error; NaN for a single episode.
        p: P-value of Student's t, both sides; NaN for a single episode.
        adjusted: The same, adjusted by Holm for all pairs on all tasks of the suite.
    """

    board: Board
    first: Row
    second: Row
    difference: float
    error: float
    p: float
    adjusted: float


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One suite: its tasks, all of them as one wing, and a wing for each kind if there are several."""

    suite: str
    version: int
    boards: tuple[Board, ...]
    whole: Wing
    wings: tuple[Wing, ...]

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs of agents on all tasks, runs that failed left out."""
        return _pairs(self.boards)


# ---- from records to tables


def overviews(records: Sequence[Record]) -> list[Overview]:
    """Return one overview per suite (and version), from the newest record of every run."""
    newest: dict[Any, Record] = {}
    for record in _told_apart(sorted(records, key=lambda record: record.created)):
        spec = record.spec
        newest[spec.suite, spec.version, spec.task, spec.name, setting(record)] = record
    grouped: dict[tuple[str, int], dict[str, list[Record]]] = {}
    for record in newest.values():
        spec = record.spec
        tasks = grouped.setdefault((spec.suite, spec.version), {})
        tasks.setdefault(spec.task, []).append(record)
    return [_overview(suite, version, tasks) for (suite, version), tasks in sorted(grouped.items())]


def _told_apart(records: Sequence[Record]) -> Iterator[Record]:
    """Yield records so that a name stands for one agent.

    An entry that has the name of a run of ours, or of an earlier entry, is named with its digest.
    """
    owners: dict[tuple[str, int, str], str] = {}
    for record in sorted(records, key=lambda record: record.entry is not None):
        spec, owner = record.spec, record.entry["digest"] if record.entry else ""
        if owners.setdefault((spec.suite, spec.version, spec.name.casefold()), owner) != owner:
            spec = replace(spec, name=f"{spec.name[:1000]} (entry {owner[:16]})")
        yield replace(record, spec=spec)


def _overview(suite: str, version: int, tasks: Mapping[str, list[Record]]) -> Overview:
    known = {task.name: task.kind for task in SUITES[suite].tasks} if suite in SUITES else {}
    places = list(known)
    order = sorted(tasks, key=lambda task: (places.index(task) if task in known else 999, task))
    boards = tuple(board(tasks[task], known.get(task, "")) for task in order)
    kinds = [kind for kind in KINDS if any(one.kind == kind for one in boards)]
    wings = [_wing(kind, [one for one in boards if one.kind == kind]) for kind in kinds]
    return Overview(
        suite=suite,
        version=version,
        boards=boards,
        whole=_wing("", boards),
        wings=tuple(wings) if len(wings) > 1 else (),
    )


def _wing(kind: str, boards: Sequence[Board]) -> Wing:
    found = {
        name: [one.row(name) for one in boards]
        for name in dict.fromkeys(row.name for one in boards for row in one.rows)
    }
    entries = {name: rows for name, rows in found.items() if any(_has_played(row) for row in rows)}
    units = [_unit_of(one) for one in boards]
    whole = {  # who played all tasks: gains by task, in units that weigh the same
        name: [_gains(row) / unit for row, unit in zip(rows, units, strict=True)]
        for name, rows in entries.items()
        if all(_has_played(row) for row in rows)
    }
    why = dict(zip(entries, unless_alone([*map(_why, entries.values())]), strict=True))
    places = _places({name: gains for name, gains in whole.items() if not why[name]})
    scored = all(one.scored for one in boards)

    def order(one: Standing) -> tuple[Any, ...]:
        if one.name not in whole:
            return 2, -one.entered, one.name
        value = np.mean([np.mean(task) for task in whole[one.name]])
        return int(one.unranked not in ("", ANCHOR, ALONE)), -value, one.name

    standings = [
        Standing(
            name=name,
            rank=places.get(name),
            unranked=why[name],
            values=tuple(None if row is None else row.value for row in rows),
            mean=_mean(rows) if scored and name in whole else None,
        )
        for name, rows in entries.items()
    ]
    return Wing(kind=kind, boards=tuple(boards), standings=tuple(sorted(standings, key=order)))


def _places(gains: Mapping[str, Sequence[Array]]) -> dict[str, Rank]:
    """Return the ranks that agents may have, from their gains on each task."""
    if not gains:
        return {}
    low, high = ranks.rank_sets([np.stack(task) for task in zip(*gains.values(), strict=True)])
    return {name: (int(low[i]), int(high[i])) for i, name in enumerate(gains)}


def _mean(rows: Sequence[Row | None]) -> st.Interval:
    """Return the mean score over tasks that all have scores."""
    known = [row.scores for row in rows if row is not None and row.scores is not None]
    return st.mean_over_tasks(known)


def _has_played(row: Row | None) -> bool:
    return row is not None and row.played is not None


def _why(rows: Sequence[Row | None]) -> str:
    """Return why an agent has no rank over some tasks; empty if it has one."""
    reasons = {"not all tasks" if row is None else row.unranked for row in rows}
    order = (FLAGGED, ANCHOR, "failed", "not all tasks", OPEN_BOOK)
    return next((reason for reason in order if reason in reasons), "")


def _gains(row: Row | None) -> Array:
    assert row is not None
    assert row.played is not None
    return gains(row.played)


def _unit_of(task: Board) -> float:
    """Return what a task is divided by before tasks are averaged, so that all weigh the same.

    It is what the optimum is ahead of random play; where that is unknown, what the best agent is ahead
    of random play, or of the worst.
    """
    played = [row.played for row in task.rows if row.played is not None]
    if task.scored:
        return (played[0].optimal_value or 0.0) - (played[0].random_value or 0.0)
    means = [float(gains(one).mean()) for one in played]
    chance = [float(_gains(row).mean()) for row in task.rows if role(row.record) == "random"]
    span = max(means, default=0.0) - (chance or [min(means, default=0.0)])[0]
    return span if span > 0 else 1.0


def _pairs(boards: Sequence[Board]) -> tuple[Pair, ...]:
    found = []
    for task in boards:
        rows = [row for row in task.rows if row.played is not None]
        for first, second in combinations(rows, 2):  # in the order of their means
            x = ranks.paired(_gains(first), _gains(second))
            error = ranks.standard_error(x)
            found.append((task, first, second, float(x.mean()), error, ranks.p_value(x)))
    adjusted = ranks.holm([one[-1] for one in found])
    return tuple(
        Pair(board=b, first=f, second=s, difference=d, error=e, p=p, adjusted=float(a))
        for (b, f, s, d, e, p), a in zip(found, adjusted, strict=True)
    )
