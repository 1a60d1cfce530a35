"""The lease loop: claim some chunks, play them, write what was found, until all runs have ended.

Any number of processes and machines run this loop on one folder at once; each plays what no other one
has claimed. A result is a function of its key, so that one who was taken for dead and comes back finds
what the others have found.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ...envs.core import InputError
from ...envs.core.files import differs, publish, writing_to
from ...envs.core.leases import Leases
from .board import CHUNKS, Board, Chunk, Missing, Run
from .chunks import joined, play_chunk
from .evaluation import Evaluation
from .record_file import DAMAGE, read, same
from .records import content_of, record_path, write_record

PAUSE = 0.2
"""Seconds between two looks at what others play."""

Found = tuple[Evaluation, float] | str
"""What came of a chunk: an evaluation and the seconds that it took, or the traceback of its failure."""
Claim: TypeAlias = Callable[[], Sequence[Chunk]]
"""Returns a group of chunks that are to be played; nothing where others play all that is left."""
Played: TypeAlias = Generator[tuple[Sequence[Chunk], Sequence[Found] | None], None, None]
"""Groups that have ended, with what came of them; None: it was lost."""
Player: TypeAlias = Callable[[Claim], Played]
"""Plays groups that it claims, as long as there are any."""


class WorkerLost(RuntimeError):
    """What plays was killed from outside, most often for want of memory."""


def here(claim: Claim) -> Played:
    """Play one group after the other, in this process."""
    while group := claim():
        yield group, play_group(group)


def work(todo: Iterable[Missing], folder: Path, leases: Leases, player: Player = here) -> None:
    """Play what nobody else plays, and wait for the rest.

    Raises:
        InputError: Code or data changed meanwhile, so that nobody could say what gave the result; or the
            folder cannot be written to any more.
    """
    sharer = _Sharer(Board(todo, folder), leases)
    while sharer.board.runs:
        with contextlib.closing(player(sharer.claim)) as played:
            for group, found in played:
                sharer.take(group, found)
        if sharer.board.runs:
            time.sleep(PAUSE)


def play_here(todo: Iterable[Missing], folder: Path, player: Player = here) -> None:
    """Play what is missing, in this process or by what it drives."""
    with Leases(folder / CHUNKS) as leases:
        work(todo, folder, leases, player)


def play_group(group: Sequence[Chunk]) -> list[Found]:
    """Play some chunks; after a failure no more of the same run."""
    runs = {chunk.run.id: chunk.run for chunk in group}
    failed: dict[str, str] = {}
    found: list[Found] = []
    check_unchanged(runs.values())
    for chunk in group:
        if chunk.run.id not in failed:
            began = time.perf_counter()
            try:
                played = play_chunk(chunk.run.spec, chunk.number)
                found.append((played, time.perf_counter() - began))
                continue
            except (Exception, SystemExit):  # whatever it was, it belongs into the record
                failed[chunk.run.id] = traceback.format_exc()
        found.append(failed[chunk.run.id])
    check_unchanged(runs.values())
    return found


def check_unchanged(runs: Iterable[Missing]) -> None:
    """Raise `InputError` if what decides a result is not what the run was planned with."""
    for run in runs:
        if run.spec.look() != run.fingerprint:
            raise InputError(
                f"The code, the data or the policy of {run.spec.name} on {run.spec.task} changed after "
                "the run was planned; it is not recorded. The same command plays what is missing with "
                "what is there now."
            )


class _Sharer:
    """One of those who share the work."""

    def __init__(self, board: Board, leases: Leases) -> None:
        self.board, self._leases = board, leases
        self._task: str | None = None

    def claim(self) -> list[Chunk]:
        """Return chunks that are ours to play from now on; make records of the runs that are whole."""
        self.board.refresh()
        self.board.learn()
        for run in list(self.board.runs.values()):
            self._join(run, {})
        group: list[Chunk] = []
        cost, enough = 0.0, self.board.at_once
        for chunk, seconds in self.board.wanted(self._task):
            if group and cost + seconds > enough:
                break
            if self._leases.claim(chunk.id):
                played = record_path(self.board.chunks, chunk.id).exists()
                if played or self.board.has_ended(chunk.run):
                    self._leases.release(chunk.id)  # another one was faster
                    continue
                group.append(chunk)
                cost += seconds
                self._task = chunk.run.spec.task
        return group

    def take(self, group: Sequence[Chunk], found: Sequence[Found] | None) -> None:
        """Keep what came of a group, and let it go; a run that it completes becomes a record at once."""
        self.board.refresh()
        mine: dict[str, dict[Chunk, tuple[Evaluation, float]]] = {}
        for chunk, one in zip(group, found or (), strict=found is not None):
            if self.board.has_ended(chunk.run):
                self._compare(chunk, one)
            elif isinstance(one, str):
                self._record(chunk.run, None, one)
            else:
                mine.setdefault(chunk.run.id, {})[chunk] = one
        for name, played in mine.items():
            if run := self.board.runs.get(name):
                run.cost = max(seconds for _, seconds in played.values())
                if not self._join(run, {chunk.id: it for chunk, (it, _) in played.items()}):
                    for chunk, (it, seconds) in played.items():
                        self._keep(chunk, it, seconds)
        for chunk in group:
            self._leases.release(chunk.id)

    def _keep(self, chunk: Chunk, played: Evaluation, seconds: float) -> None:
        """Write the record of a chunk."""
        try:
            spec = replace(chunk.spec, about=f"{seconds:.6f}")
            content = content_of(spec, played, None, chunk.run.fingerprint)
        except ValueError as flaw:  # its numbers are not finite
            self._record(chunk.run, None, str(flaw))
            return
        with writing_to(self.board.chunks):
            publish(record_path(self.board.chunks, chunk.id), content, same)
        if self.board.has_ended(chunk.run):  # meanwhile, and by another who had played it, too
            self.board.forget([chunk])

    def _compare(self, chunk: Chunk, played: Found) -> None:
        """Hold a chunk of a run that somebody else has finished to what that has found."""
        path = record_path(self.board.records, chunk.run.id)
        try:
            record = read(path).evaluation
        except DAMAGE:
            return
        if record is not None and not isinstance(played, str):
            first = chunk.number * chunk.run.spec.chunk
            some = slice(first, first + chunk.spec.episodes)
            if not np.array_equal(record.returns[some], played[0].returns):
                raise differs(path)

    def _join(self, run: Run, mine: Mapping[str, Evaluation]) -> bool:
        """Make the record of a run if all its chunks have been played; return whether there is one.

        Args:
            run: The run.
            mine: Chunks that have no record, by their ids.
        """
        key = f"{run.missing.id}.join"
        if any(chunk.id not in mine for chunk in run.left) or not self._leases.claim(key):
            return False
        try:
            gone = list[Chunk]()
            made = _joined(run.missing, self._parts(run, mine, gone))
            if gone:  # damaged, or another one has made the record
                return False
            if not self.board.has_ended(run.missing):
                self._record(run.missing, *made)
            self.board.forget(run.chunks)
            return True
        finally:
            self._leases.release(key)

    def _parts(
        self, run: Run, mine: Mapping[str, Evaluation], gone: list[Chunk]
    ) -> Iterator[Evaluation]:
        """Yield what came of all chunks, one at a time; stop at one that is gone, and tell which."""
        for chunk in run.chunks:
            part = mine.get(chunk.id) or self.board.read(chunk)
            if part is None:
                gone.append(chunk)
                return
            yield part

    def _record(self, run: Missing, result: Evaluation | None, error: str | None) -> None:
        write_record(self.board.records, run.spec, result, error, fingerprint=run.fingerprint)


def _joined(run: Missing, parts: Iterable[Evaluation]) -> tuple[Evaluation | None, str | None]:
    """Return the result of a run from those of its chunks, or the error that comes of it."""
    check_unchanged([run])
    result, error = None, None
    try:
        result = joined(run.spec, parts)
    except Exception:
        error = traceback.format_exc()
    check_unchanged([run])
    return result, error
