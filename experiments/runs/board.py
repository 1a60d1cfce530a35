"""What is still to be played, as the files of a results folder tell, whoever has written them.

What came of a chunk is kept as a record of its episodes in ``chunks``, until the record of the run is
made of those of all its chunks. It says in place of ``about`` how many seconds the chunk took.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ...envs.core import InputError
from ...envs.core.leases import LEASE
from .chunks import chunks_of
from .evaluation import Evaluation
from .fingerprints import hashed
from .record import Record
from .record_file import DAMAGE, read
from .records import is_finished, open_folder, record_path
from .spec import RunSpec

CHUNKS = "chunks"
"""Folder of the records of chunks, and of leases, below that of the results."""
GROUP = 5.0
"""Seconds of work that are claimed at once, at most, unless a single chunk takes longer."""
SECONDS = re.compile(r"\d{1,9}\.\d{6}")
"""How the record of a chunk tells them."""
ROUNDS = 8
"""Near the end a claim is for this part of what is left, so that all come to an end together."""


class Missing(NamedTuple):
    """A run that has no record, or has failed.

    Args:
        spec: The run.
        fingerprint: The code and the data that it was planned with.
        failed: Which file tells of its failure, to know it from that of another one; None: none does.
    """

    spec: RunSpec
    fingerprint: str
    failed: tuple[int, int] | None

    @property
    def id(self) -> str:
        """Id of the run."""
        return hashed(self.spec.text, self.fingerprint)

    def to_json(self) -> str:
        """Return it as one line of text, for another process."""
        return json.dumps([vars(self.spec), self.fingerprint, self.failed])

    @classmethod
    def from_json(cls, text: str) -> Missing:
        """Return what `to_json` made a text of."""
        fields, fingerprint, failed = json.loads(text)
        spec = RunSpec(**{**fields, "metrics": tuple(fields["metrics"])})
        return cls(spec, fingerprint, None if failed is None else tuple(failed))


class Chunk(NamedTuple):
    """Some episodes of a run, which are played together.

    Args:
        run: The run.
        number: Which of its chunks, from 0.
        spec: What its record says that was played.
        id: Id of that.
    """

    run: Missing
    number: int
    spec: RunSpec
    id: str

    def __hash__(self) -> int:
        """Return a number by which sets find it: a spec has none."""
        return hash(self.id)


def chunks(run: Missing) -> list[Chunk]:
    """Return the chunks of a run."""
    whole, run_id, found = run.spec, run.id, []
    for number in range(chunks_of(whole)):
        first = number * whole.chunk
        count = min(whole.chunk, whole.episodes - first)
        suite = f"chunk {number} of {run_id}"  # and of no other run, whose last chunk may differ
        spec = replace(whole, suite=suite, seed=whole.seed + first, episodes=count)
        found.append(Chunk(run, number, spec, hashed(spec.text, run.fingerprint)))
    return found


def missing(specs: Iterable[RunSpec], folder: Path) -> list[Missing]:
    """Return the runs without a record, or whose record says that they failed."""
    records, found = open_folder(folder), []
    (folder / CHUNKS).mkdir(exist_ok=True)
    here = names(folder / CHUNKS)
    for spec in specs:
        run = planned(spec, records)
        if not is_finished(records, spec.id):
            found.append(run)
        elif here:  # chunks that came late, or were left when the run was killed as it ended
            for chunk in chunks(run):
                record_path(folder / CHUNKS, chunk.id).unlink(missing_ok=True)
    return found


def planned(spec: RunSpec, records: Path) -> Missing:
    """Return a run that is to be played, whatever its record says now."""
    return Missing(spec, spec.fingerprint, _stamp(record_path(records, spec.id)))


def names(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - some thousand of them, often
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}.") from None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None where there is none."""
    try:
        found = path.lstat()  # a link that leads nowhere is a file, too
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


@dataclass
class Run:
    """A run that has not ended.

    Args:
        missing: What is to be run.
        chunks: Its chunks.
        left: Those without a record, as far as we know.
        cost: Seconds that one takes; None: nobody knows yet.
        begun: Whether somebody has played some of it, or is about to.
    """

    missing: Missing
    chunks: list[Chunk]
    left: list[Chunk] = field(default_factory=list)
    cost: float | None = None
    begun: bool = False


class Board:
    """The runs that have not ended, by their ids.

    Args:
        todo: What is to be played.
        folder: The results folder.
    """

    def __init__(self, todo: Iterable[Missing], folder: Path) -> None:
        self.records, self.chunks = folder / "records", folder / CHUNKS
        self.runs = {one.id: Run(one, chunks(one)) for one in todo}
        self.episodes = sum(run.missing.spec.episodes for run in self.runs.values())

    def refresh(self) -> list[Missing]:
        """Look at the files; return the runs that have ended since."""
        records, here = names(self.records), names(self.chunks)
        ended = []
        for name, run in list(self.runs.items()):
            if f"{name}.parquet" in records and self.has_ended(run.missing):
                ended.append(self.runs.pop(name).missing)
                self.forget(run.chunks, here)
                continue
            run.left = [one for one in run.chunks if f"{one.id}.parquet" not in here]
            held = any(f"{one.id}{LEASE}" in here for one in run.left)
            run.begun = held or len(run.left) < len(run.chunks)
        return ended

    def learn(self) -> None:
        """Learn from the chunks that have been played what those of their runs cost."""
        for run in self.runs.values():
            if run.cost is None and len(run.left) < len(run.chunks):
                found = self._read(next(one for one in run.chunks if one not in run.left))
                run.cost = None if found is None else float(found.spec.about)

    @property
    def played(self) -> int:
        """Episodes that have been played, by anybody."""
        left = (one.spec.episodes for run in self.runs.values() for one in run.left)
        return self.episodes - sum(left)

    def has_ended(self, run: Missing) -> bool:
        """Return whether somebody has recorded a run."""
        return _stamp(record_path(self.records, run.id)) not in (None, run.failed)

    def forget(self, chunks: Iterable[Chunk], here: set[str] | None = None) -> None:
        """Remove the records of chunks, whose run has one; ``here`` are files that may be there."""
        for chunk in chunks:
            path = record_path(self.chunks, chunk.id)
            if here is None or path.name in here:
                path.unlink(missing_ok=True)

    def read(self, chunk: Chunk) -> Evaluation | None:
        """Return what came of a chunk; None if its record is missing or damaged, and then it is gone."""
        record = self._read(chunk)
        return None if record is None else record.evaluation

    def _read(self, chunk: Chunk) -> Record | None:
        path = record_path(self.chunks, chunk.id)
        try:
            found = read(path)
            if SECONDS.fullmatch(found.spec.about) is None:
                raise ValueError("it does not say how many seconds it took")
        except DAMAGE:
            path.unlink(missing_ok=True)
            return None
        return found

    def wanted(self, task: str | None = None) -> Iterator[tuple[Chunk, float]]:
        """Yield chunks without a record in the order in which they are best played, with their costs.

        First those of a task, whose tables this process has at hand; then those of tasks that nobody has
        begun, and in the end those of the longest.
        """
        tasks: dict[str, list[Run]] = {}
        for run in self.runs.values():
            tasks.setdefault(run.missing.spec.task, []).append(run)

        def place(name: str) -> tuple[int, float]:
            if name == task:
                return 0, 0.0
            if not any(run.begun for run in tasks[name]):
                return 1, 0.0
            return 2, -sum(len(run.left) * (run.cost or GROUP) for run in tasks[name])

        for name in sorted(tasks, key=place):
            yield from _of_task(tasks[name])

    @property
    def at_once(self) -> float:
        """Seconds of work that are best claimed at once."""
        costs = (run.cost * len(run.left) for run in self.runs.values() if run.cost is not None)
        return min(GROUP, sum(costs) / ROUNDS)


def _of_task(runs: Sequence[Run]) -> Iterator[tuple[Chunk, float]]:
    """Yield the chunks of a task: one of each run of unknown cost, and then the longest runs.

    What has no known cost costs as much as all that is claimed at once.
    """
    unknown = [run.left for run in runs if run.cost is None and run.left]
    known = sorted(
        ((run.cost, run.left) for run in runs if run.cost is not None),
        key=lambda one: one[0] * len(one[1]),
        reverse=True,
    )
    yield from ((left[0], GROUP) for left in unknown)
    yield from ((one, cost) for cost, left in known for one in left)
    yield from ((one, GROUP) for left in unknown for one in left[1:])
