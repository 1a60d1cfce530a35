"""The engine: play the runs that a folder has no record of, together with whoever else does.

The same command, given on another machine that sees the folder, helps: who plays what is told by leases
(see `sharing`). A killed process loses what was in flight, and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ...envs.core import InputError
from ...envs.core.cluster import Calls
from .board import Board, Chunk, Missing, chunks
from .sharing import Claim, Found, Played, WorkerLost, play_group, play_here
from .terminal import progress, say
from .workers import Worker

PAUSE = 0.2
"""Seconds between two looks at the workers and the folder."""
TRIES = 4
"""How often a chunk is played on a cluster whose player is lost each time."""


def play(todo: Sequence[Missing], folder: Path, workers: int | None = None) -> None:
    """Play runs by worker processes, by default one per core; say on stderr how far they are.

    A worker that is killed is not started again. The others play its part.

    Args:
        todo: What is `missing`.
        folder: The results folder.
        workers: How many processes.

    Raises:
        InputError: Code or data changed, or the folder cannot be written to.
        WorkerLost: No worker is left; what had finished is kept, a second call plays the rest.
    """
    board, lost = Board(todo, folder), list[str]()
    with _watching(board) as look, _team(todo, folder, workers or cores()) as team:
        while team:
            time.sleep(PAUSE)
            for worker in [one for one in team if not one.lives]:
                team.remove(worker)
                if (how := worker.outcome()) is not None:
                    lost.append(how)
            look()
    if board.runs:
        raise WorkerLost(
            f"A worker process {lost[0] if lost else 'is gone'} (try fewer --workers). "
            f" {len(todo) - len(board.runs)} of {len(todo)} runs are recorded; the same "
            "command plays the rest."
        )
    for how in lost:
        say(f"A worker process {how}; the others have played its part.", "yellow")


def play_on_ray(todo: Sequence[Missing], folder: Path, address: str) -> None:
    """Play runs on all machines of a Ray cluster, which need not see the folder.

    Args:
        todo: What is `missing`.
        folder: The results folder.
        address: Of the cluster; ``"auto"`` finds the one of this machine, ``"local"`` starts one.

    Raises:
        InputError: Ray is not installed or not found; or as `play`.
        WorkerLost: What plays some chunk is lost again and again.
    """
    with _watching(Board(todo, folder)) as look:
        play_here(todo, folder, Nodes(address, look).play)


@contextlib.contextmanager
def _team(todo: Sequence[Missing], folder: Path, count: int) -> Iterator[list[Worker]]:
    """Start some workers; in the end, none is left."""
    team: list[Worker] = []
    try:
        team += (Worker() for _ in range(min(count, sum(len(chunks(run)) for run in todo))))
        for worker in team:
            worker.brief(todo, folder)
        yield team.copy()
    finally:
        for worker in team:
            worker.dismiss()
        for worker in team:
            worker.end()


@contextlib.contextmanager
def _watching(board: Board) -> Iterator[Callable[[], None]]:
    """Show how far a folder is, whoever plays."""
    runs, last = len(board.runs), ""

    def look() -> None:
        nonlocal last
        for run in board.refresh():
            last = f", {run.spec.task}: {run.spec.name}"
        update(board.played, f"{runs - len(board.runs)} of {runs} runs{last}")

    with progress(board.episodes, "episodes") as update:
        yield look
        look()


def cores() -> int:
    """Return how many cores this process may use, which in a container can be few of many."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# ---- on the machines of a Ray cluster: the lease loop stays here, and chunks travel


class Nodes(Calls):
    """Plays a group of chunks on every CPU of a cluster; those of a lost machine are played again.

    Args:
        address: Of the cluster.
        look: Called now and then.
    """

    def __init__(self, address: str, look: Callable[[], None]) -> None:
        if importlib.util.find_spec("ray") is None:
            raise InputError(
                "--ray needs the extra 'ray'; install it with pip install 'discovery-gym[ray]'."
            )
        try:
            super().__init__(_play, address)
        except (ConnectionError, ValueError) as error:
            raise InputError(f"There is no Ray cluster at {address!r}: {error}") from None
        self._look, self._lost = look, Counter[str]()

    def play(self, claim: Claim) -> Played:
        """Play groups as long as there are any; yield those that have ended."""
        try:
            while True:
                while self.free and (group := claim()):
                    self.call(group, group)
                if not self.busy:
                    return
                yield from self._ended()
        finally:
            self.end()

    def _ended(self) -> Played:
        """Wait for a moment; yield the groups that have ended."""
        for group, found, lost in self.answers():
            if isinstance(found, str):
                raise InputError(found)
            if lost is not None:
                self._lost.update(chunk.id for chunk in group)
                chunk = max(group, key=lambda one: self._lost[one.id])
                if self._lost[chunk.id] >= TRIES:
                    spec = chunk.run.spec
                    raise WorkerLost(
                        f"{spec.name} on {spec.task} was lost by Ray {TRIES} times: {lost}"
                    )
            yield group, found
        self._look()


def _play(group: Sequence[Chunk]) -> list[Found] | str:
    """Play a group on one of the machines; return what came of it, or why nothing does."""
    try:
        return play_group(group)
    except InputError as error:  # code or data there is other than here
        return str(error)
