"""From records to tables: one board for each task, one overview for each suite.

Nothing but the records decides what is shown. Where a run was repeated with changed code, its
newest record counts. Agents are compared on the same episodes of the same environment only.
"""

from __future__ import annotations

import json
import shlex
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...agents import making
from ...envs.core import told
from ..runs.evaluation import Evaluation, rerun_command
from ..runs.record import Record
from ..runs.scores import gains, scores
from ..runs.spec import RunSpec
from ..suites.catalogue import SUITES
from . import stats as st

FEW = 3
"""An agent that entered fewer tasks is ranked below the others: it has met too few of them."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One agent on one task.

    Args:
        record: The run.
        scores: Normalised score of each episode, ``(E,)``, or ``None`` where the truth is unknown.
        behind: Paired difference in gains (`stats.gains`) to the best agent that does not know the
            truth; ``None`` for that agent, for the optimum and for failed runs.
        beats_random: Probability that an episode returns more than one of the random agent.
    """

    record: Record
    scores: st.Floats | None
    behind: st.Interval | None
    beats_random: float | None

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
    def score(self) -> st.Interval | None:
        """Mean normalised score."""
        return None if self.scores is None else st.mean(self.scores)

    @property
    def value(self) -> float | None:
        """Mean score, or mean return where there are no scores; ``None`` for a failed run."""
        if self.played is None:
            return None
        return float(np.mean(self.played.returns if self.scores is None else self.scores))

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
        """The command line that repeats the run."""
        spec = self.record.spec
        words = rerun_command(spec.env_id, spec.agent, spec.episodes, spec.seed, spec.env_kwargs)
        return shlex.join(words)


@dataclass(frozen=True, kw_only=True)
class Board:
    """One task: its rows, best first, failed ones last.

    Runs of a task that differ from most in environment, parameters, episodes or seeds, or in having
    regrets and scores, cannot be compared with them: they are `others`, and in no row. The `spec` is
    that of the first row.
    """

    spec: RunSpec
    rows: tuple[Row, ...]
    others: tuple[Record, ...] = ()

    @property
    def mixed(self) -> bool:
        """Whether records of the same code were made by different versions of it."""
        codes = {_code(row.record) for row in self.rows}
        return len(codes) < len({(_code(row.record), row.record.fingerprint) for row in self.rows})

    @property
    def scored(self) -> bool:
        """Whether its exact values are known, so that returns can be normalised."""
        return any(row.scores is not None for row in self.rows)

    @property
    def has_regret(self) -> bool:
        """Whether any run reports regret."""
        return any(row.played is not None and row.played.regret is not None for row in self.rows)

    @property
    def anchor(self) -> str:
        """Name of the section on the page."""
        return _anchor(self.spec.suite, self.spec.version, self.spec.task)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One agent over the tasks of a suite.

    Args:
        name: Name of the agent.
        beats: Share of its rivals that it is ahead of, each on the tasks that both entered; a task on
            which neither is ahead counts half, and a failed run is behind all that did not fail.
        values: Its mean score on each task, or mean return where the task has no scores; ``None``
            where it has neither.
        mean: Mean score over the tasks that it entered; ``None`` unless all tasks have scores.
        interquartile_mean: Interquartile mean over them.
    """

    name: str
    beats: float
    values: tuple[float | None, ...]
    mean: st.Interval | None
    interquartile_mean: st.Interval | None

    @property
    def entered(self) -> int:
        """Number of tasks that it played to the end."""
        return sum(value is not None for value in self.values)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One suite: its tasks, and its agents over all of them, best first, those of few tasks last."""

    suite: str
    version: int
    boards: tuple[Board, ...]
    standings: tuple[Standing, ...]

    @property
    def scored(self) -> bool:
        """Whether every task has scores, so that they can be averaged."""
        return all(board.scored for board in self.boards)

    @property
    def anchor(self) -> str:
        """Name of the section on the page."""
        return _anchor(self.suite, self.version)

    def colour(self, name: str) -> int:
        """Return the number, 0 to 7, of an agent's colour, the same in all tasks."""
        names = dict.fromkeys(row.name for board in self.boards for row in board.rows)
        return sorted(names).index(name) % 8

    def profiles(self, board: Board) -> list[tuple[int, st.Floats]]:
        """Return colour and scores ``(E,)`` of each agent of a task that has scores."""
        return [(self.colour(row.name), row.scores) for row in board.rows if row.scores is not None]


def _anchor(*names: Any) -> str:
    """Return the name of a section: words to read, and a hash, for names may have the same words."""
    words = "".join(c if c.isalnum() else " " for c in " ".join(map(str, names)).lower()).split()
    return "-".join([*words, f"{zlib.crc32(ascii(names).encode()):08x}"])


# ---- from records to tables


def overviews(records: Sequence[Record]) -> list[Overview]:
    """Return one overview per suite (and version), from the newest record of every run."""
    newest: dict[Any, Record] = {}
    for record in sorted(records, key=lambda record: record.created):
        spec = record.spec
        newest[spec.suite, spec.version, spec.task, spec.name, _played(record)] = record
    grouped: dict[tuple[str, int], dict[str, list[Record]]] = {}
    for record in newest.values():
        spec = record.spec
        tasks = grouped.setdefault((spec.suite, spec.version), {})
        tasks.setdefault(spec.task, []).append(record)
    return [_overview(suite, version, tasks) for (suite, version), tasks in sorted(grouped.items())]


def _overview(suite: str, version: int, tasks: Mapping[str, list[Record]]) -> Overview:
    known = [task.name for task in SUITES[suite].tasks] if suite in SUITES else []
    order = sorted(tasks, key=lambda task: (known.index(task) if task in known else 999, task))
    boards = tuple(_board(tasks[task]) for task in order)
    standings = tuple(_standings(boards))
    return Overview(suite=suite, version=version, boards=boards, standings=standings)


def _played(record: Record) -> tuple[Any, ...]:
    """Return what two agents must share to be compared: environment, parameters, episodes, seeds."""
    spec = record.spec
    parameters = json.dumps(spec.env_kwargs, sort_keys=True)
    return spec.env_id, parameters, spec.episodes, spec.seed


def _board(records: Sequence[Record]) -> Board:
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault((_played(record), _unit(record)), []).append(record)
    newest = {key: max(record.created for record in group) for key, group in groups.items()}
    most = max(groups, key=lambda key: (key[1] is not None, len(groups[key]), newest[key]))
    alike = {most, (most[0], None)}  # a failed run has no unit
    compared = [record for key in groups if key in alike for record in groups[key]]
    others = tuple(record for key in groups if key not in alike for record in groups[key])
    ranked = sorted(compared, key=_mean_gain, reverse=True)
    played = [record.evaluation for record in ranked if record.evaluation is not None]
    leader = next((one for one in played if one.role != "optimal"), None)
    chance = next((one for one in played if one.role == "random"), None)
    rows = tuple(_row(record, leader, chance) for record in ranked)
    return Board(spec=ranked[0].spec, rows=rows, others=others)


def _unit(record: Record) -> tuple[Any, ...] | None:
    """Return whether a run has regrets, whether it has scores, and its truth; ``None`` for a failed one.

    The truth is that of the data: a table that has changed, or another one of the same name, has
    another.
    """
    played = record.evaluation
    if played is None:
        return None
    scored = scores(played) is not None
    return played.regret is not None, scored, played.random_value, played.optimal_value


def _mean_gain(record: Record) -> float:
    return -np.inf if record.evaluation is None else float(gains(record.evaluation).mean())


def _row(record: Record, leader: Evaluation | None, chance: Evaluation | None) -> Row:
    played = record.evaluation
    if played is None:
        return Row(record=record, scores=None, behind=None, beats_random=None)
    behind = beats_random = None
    if leader is not None and played is not leader and played.role != "optimal":
        behind = st.paired_difference(gains(played), gains(leader))
    if chance is not None and played is not chance:
        beats_random = st.probability_of_improvement(played.returns, chance.returns)
    return Row(record=record, scores=scores(played), behind=behind, beats_random=beats_random)


def _code(record: Record) -> tuple[object, ...]:
    """Return the code and the files, besides ours, that a record names and its fingerprint tells."""
    agent = record.spec.agent
    return making.references(agent), *making.files(agent)


def _standings(boards: Sequence[Board]) -> list[Standing]:
    names = dict.fromkeys(row.name for board in boards for row in board.rows)
    entries = {
        name: [next((row for row in board.rows if row.name == name), None) for board in boards]
        for name in names
    }
    scored = all(board.scored for board in boards)
    standings = []
    for name, rows in entries.items():
        values = [None if row is None else row.value for row in rows]
        if all(value is None for value in values):
            continue
        known = [row.scores for row in rows if row is not None and row.scores is not None]
        rivals = [_ahead(rows, theirs) for rival, theirs in entries.items() if rival != name]
        met = [share for share in rivals if share is not None]
        standings.append(
            Standing(
                name=name,
                beats=float(np.mean(met)) if met else 0.0,
                values=tuple(values),
                mean=st.mean_over_tasks(known) if scored else None,
                interquartile_mean=st.interquartile_mean(known) if scored else None,
            )
        )
    enough = min(FEW, len(boards))
    return sorted(standings, key=lambda one: (one.entered < enough, -one.beats))


def _ahead(ours: Sequence[Row | None], theirs: Sequence[Row | None]) -> float | None:
    """Return the share of the tasks shared by two agents on which the first is ahead."""
    shares = []
    for our, their in zip(ours, theirs, strict=True):
        if our is None or their is None or (our.failed and their.failed):
            continue
        if our.played is None or their.played is None:
            shares.append(float(their.failed))
        else:
            shares.append(st.ahead(gains(our.played), gains(their.played)))
    return float(np.mean(shares)) if shares else None
