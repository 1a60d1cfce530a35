"""From records to the table of a task.

Agents are compared on the same episodes of the same environment only, and ranked by `ranks`; why one has
no rank, its row says.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...agents import making
from ...envs.core import told
from ...envs.core.arrays import Array
from ..runs.evaluation import Evaluation, rerun_command
from ..runs.record import Record
from ..runs.scores import gains, regrets, scores
from ..runs.spec import RunSpec
from ..suites.task import kind_of
from . import ranks
from . import stats as st
from .findings import Finding, findings

ANCHOR, FLAGGED, OPEN_BOOK, ALONE = "anchor", "flagged", "open book", "alone"
NO_RANK = {
    ANCHOR: "random play and the optimum, which are the ends of the scale",
    "failed": "the run failed",
    FLAGGED: "something about this entry is odd; its card says what",
    OPEN_BOOK: "labels of a real table can be looked up: entries of others have no rank on it",
    "not all tasks": "not all tasks of the table were played",
    ALONE: "no other agent has a rank: it would be ranked alone",
}
"""Why an agent has no rank."""
Rank = tuple[int, int]
"""The lowest and the highest rank that an agent may have; 1 is best."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One agent on one task.

    Args:
        record: The run.
        leader: What the best agent that has a rank achieved, or the only one that could.
        chance: What random play achieved.
        rank: The ranks that it may have on this task.
        unranked: A key of `NO_RANK` if it has none; else empty.
    """

    record: Record
    leader: Evaluation | None
    chance: Evaluation | None
    rank: Rank | None
    unranked: str

    @property
    def played(self) -> Evaluation | None:
        """What it achieved; ``None`` for a failed run."""
        return self.record.evaluation

    @property
    def name(self) -> str:
        """Name of the agent."""
        return self.record.spec.name

    @property
    def failed(self) -> bool:
        """Whether the run failed."""
        return self.played is None

    @cached_property
    def scores(self) -> Array | None:
        """Normalised score of each episode, ``(E,)``; ``None`` where the truth is unknown."""
        return None if self.played is None else scores(self.played)

    @cached_property
    def behind(self) -> st.Interval | None:
        """Paired difference in gains (`scores.gains`) to the leader; ``None`` for that and failed runs.

        It is below 0 if the agent is behind the leader and above if ahead, as the optimum is.
        """
        if self.played is None or self.leader is None or self.played is self.leader:
            return None
        return st.paired_difference(gains(self.played), gains(self.leader))

    @cached_property
    def beats_random(self) -> float | None:
        """Probability that an episode returns more than one of the random agent."""
        if self.played is None or self.chance is None or self.played is self.chance:
            return None
        return st.probability_of_improvement(self.played.returns, self.chance.returns)

    @cached_property
    def score(self) -> st.Interval | None:
        """Mean normalised score."""
        return None if self.scores is None else st.mean(self.scores)

    @cached_property
    def regret(self) -> Array | None:
        """Regret of each episode, ``(E,)``; ``None`` where it is unknown."""
        return None if self.played is None else regrets(self.played)

    @cached_property
    def findings(self) -> list[Finding]:
        """What its metrics say; nothing for a failed run."""
        return [] if self.played is None else findings(self.played, self.record.spec.metrics)

    @property
    def values(self) -> Array | None:
        """Score, or else return, of each episode ``(E,)``; ``None`` for a failed run."""
        returned = None if self.played is None else self.played.returns
        return returned if self.scores is None else self.scores

    @property
    def value(self) -> float | None:
        """Mean score, or mean return where there are no scores; ``None`` for a failed run."""
        return None if self.values is None else float(np.mean(self.values))

    @property
    def error_line(self) -> str:
        """The last line of the error of a failed run, or as much of it as can be shown."""
        lines = (self.record.error or "").strip().splitlines()
        return told(lines[-1]) if lines else "without words"

    @property
    def seeds(self) -> str:
        """Seeds of the episodes."""
        first, count = self.record.spec.seed, self.record.spec.episodes
        return f"{first:,} to {first + count - 1:,}"

    @property
    def command(self) -> str:
        """The command line that repeats the run; that of an entry replays it and runs no agent."""
        spec = self.record.spec
        if self.record.entry:
            path = f"records/{self.record.id}.parquet"
            return shlex.join(["discovery-gym", "show", path, "--episode", "0"])
        words = rerun_command(spec.env_id, spec.agent, spec.episodes, spec.seed, spec.env_kwargs)
        return shlex.join(words)


@dataclass(frozen=True, kw_only=True)
class Board:
    """One task: its rows, best first, failed ones last.

    Runs of a task that differ from most in environment, parameters, episodes or seeds, or in having
    regrets and scores, cannot be compared with them: they are `others`, and in no row. The `spec` is
    that of the first row.

    Args:
        spec: What is played.
        kind: Kind of the task, one of `KINDS`.
        rows: The agents.
        tells: What its episodes can tell of its best two agents; ``None`` where that is unknown.
        others: What cannot be compared.
    """

    spec: RunSpec
    kind: str
    rows: tuple[Row, ...]
    tells: Tells | None
    others: tuple[Record, ...] = ()

    def row(self, name: str) -> Row | None:
        """Return the row of an agent; ``None`` where it has none."""
        return next((row for row in self.rows if row.name == name), None)

    @property
    def may_be_best(self) -> tuple[str, ...]:
        """Names of the agents that no other is surely better than."""
        return tuple(row.name for row in self.rows if row.rank is not None and row.rank[0] == 1)

    @property
    def mixed(self) -> bool:
        """Whether records of ours of the same code were made by different versions of it."""
        ours = [row.record for row in self.rows if not row.record.entry]
        codes = {_code(record) for record in ours}
        return len(codes) < len({(_code(record), record.fingerprint) for record in ours})

    @property
    def scored(self) -> bool:
        """Whether its exact values are known, so that returns can be normalised."""
        return any(row.scores is not None for row in self.rows)

    @property
    def has_regret(self) -> bool:
        """Whether any run reports regret."""
        return any(row.regret is not None for row in self.rows)

    @property
    def findings(self) -> list[Finding]:
        """What metrics say of the first agent that has any: rows that lack one of these have none."""
        return next((row.findings for row in self.rows if row.findings), [])


@dataclass(frozen=True, kw_only=True)
class Tells:
    """What the episodes of a task can tell of its best two agents that differ at all.

    Args:
        pair: Their names.
        detectable: Smallest difference that so many episodes show in 80 % of the cases: a share of what
            the optimum is ahead of random play, or in the unit of the return where that is unknown.
        for_percent: How many episodes would show 1 % of that; ``None`` where it is unknown.
    """

    pair: tuple[str, str]
    detectable: float
    for_percent: int | None


def setting(record: Record) -> tuple[Any, ...]:
    """Return what two agents must share to be compared: environment, parameters, episodes, seeds."""
    spec = record.spec
    parameters = json.dumps(spec.env_kwargs, sort_keys=True)
    return spec.env_id, parameters, spec.episodes, spec.seed


# ---- from records to rows


def board(records: Sequence[Record], kind: str) -> Board:
    """Return the table of the runs of a task, of a kind that may be empty: that of its environment."""
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault((setting(record), _unit(record)), []).append(record)
    newest = {key: max(record.created for record in group) for key, group in groups.items()}
    most = max(groups, key=lambda key: (key[1] is not None, len(groups[key]), newest[key]))
    alike = {most, (most[0], None)}  # a failed run has no unit
    compared = [record for key in groups if key in alike for record in groups[key]]
    others = tuple(record for key in groups if key not in alike for record in groups[key])
    ordered = sorted(compared, key=lambda record: (-_mean_gain(record), record.spec.name))
    kind = kind or kind_of(ordered[0].spec.env_id, ordered[0].spec.env_kwargs)
    why = [_unranked(record, kind) for record in ordered]
    ranked = [r.evaluation for r, no in zip(ordered, why, strict=True) if not no and r.evaluation]
    low, high = ranks.rank_sets([np.stack([gains(one) for one in ranked])]) if ranked else ((), ())
    places, why = iter(zip(map(int, low), map(int, high), strict=True)), unless_alone(why)
    chance = next((r.evaluation for r in ordered if role(r) == "random"), None)
    leader = ranked[0] if ranked else None
    rows = tuple(
        Row(record=r, leader=leader, chance=chance, rank=None if no else next(places), unranked=no)
        for r, no in zip(ordered, why, strict=True)
    )
    return Board(spec=rows[0].record.spec, kind=kind, rows=rows, tells=_tells(rows), others=others)


def role(record: Record) -> str:
    """Return which end of the scale a run of ours is; an entry of others is a competitor."""
    return record.evaluation.role if record.evaluation is not None and not record.entry else ""


def _unranked(record: Record, kind: str) -> str:
    """Return why a run has no rank on a task of some kind; empty if it has one."""
    if record.evaluation is None:
        return "failed"
    if not record.entry:
        return ANCHOR if record.evaluation.role else ""
    return FLAGGED if record.entry["flags"] else OPEN_BOOK if kind == "table" else ""


def unless_alone(why: Sequence[str]) -> list[str]:
    """Return why agents of a table have no rank: the only one that could have one has none either."""
    return [ALONE if not one and why.count("") == 1 else one for one in why]


def _unit(record: Record) -> tuple[Any, ...] | None:
    """Return whether a run has regrets, whether it has scores, and its truth; ``None`` for a failed one.

    The truth is that of the data: a table that has changed, or another one of the same name, has
    another. Two processes may find the same truth with other last digits.
    """
    played = record.evaluation
    if played is None:
        return None
    scored = scores(played) is not None
    truth = played.random_value, played.optimal_value
    known = [None if value is None else f"{value:.9g}" for value in truth]
    return played.regret is not None, scored, *known


def _mean_gain(record: Record) -> float:
    return -np.inf if record.evaluation is None else float(gains(record.evaluation).mean())


def _tells(rows: Sequence[Row]) -> Tells | None:
    """Return what the episodes tell of the best with a rank and the next that differs."""
    ranked = [(row, row.played) for row in rows if row.rank is not None and row.played is not None]
    for other, played in ranked[1:]:
        best, first = ranked[0]
        differences = ranks.paired(gains(first), gains(played))
        least = ranks.detectable(differences)
        if not least > 0:  # a single episode, or nothing varies
            continue
        names = best.name, other.name
        if best.scores is None:
            return Tells(pair=names, detectable=least, for_percent=None)
        span = (first.optimal_value or 0.0) - (first.random_value or 0.0)
        needed = ranks.episodes_to_tell(differences, span / 100)
        return Tells(pair=names, detectable=least / span, for_percent=needed)
    return None


def _code(record: Record) -> tuple[object, ...]:
    """Return the code and the files, besides ours, that a record names and its fingerprint tells."""
    agent = record.spec.agent
    return making.references(agent), *making.files(agent)
