"""Runs of a black-box simulator: in processes that may hang or die, and never twice.

The events of a run must be a function of its `Job`. Finished runs are kept (see `cache`), so that
processes that share a folder, on one machine or on many, share their runs: each runs what no other one
has claimed (see `core.leases`). A run that takes too long, dies or raises is killed with everything it
started (see `workers` and `cluster`), and repeated.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import reprlib
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cloudpickle

from ...core import InputError, told
from ...core.leases import Leases
from .black_box import Array, Command, Job, Simulator, attempt, resolve
from .cache import Cache, last_words, size_of
from .cluster import Cluster
from .workers import Processes

log = logging.getLogger(__name__)
PAUSE = 0.2
"""Seconds between two looks at what others run."""


@dataclass(frozen=True)
class Simulations:
    """Runs a simulator, at most once for every job, and keeps what it yields.

    Args:
        simulator: See `resolve`.
        folder: Where finished runs are kept; None: nowhere.
        workers: Processes that run the simulator; 0: this one, in which a run that hangs cannot be
            killed; "ray": one on every CPU of a Ray cluster, all of whose machines share the folder.
        timeout: Seconds after which a run is killed.
        retries: How often a run that was killed, died or raised is repeated.
        version: Tells the results of this simulator from those of an earlier one of the same name.

    Raises:
        InputError: The simulator cannot be found, or has no name by which to find its results.
    """

    simulator: Any
    folder: Path | None = None
    workers: int | str = 0
    timeout: float = 3600.0
    retries: int = 2
    version: str = ""

    def __post_init__(self) -> None:
        _ = self._resolved  # complain about the simulator first
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder).absolute())
        self._check_workers()
        _ = self.cache  # complain about the folder now

    def _check_workers(self) -> None:
        if self.workers and os.name != "posix":
            raise InputError("workers must be 0 here: process groups need Linux or macOS.")
        if self.workers == "ray" and importlib.util.find_spec("ray") is None:
            raise InputError(
                "workers = 'ray' needs the extra 'ray'; install it with pip install "
                "'discovery-gym[ray]', or give a number of processes."
            )
        if not self.workers and isinstance(self._resolved[0], Command):
            raise InputError(
                f"workers must be at least 1 for a command line, got 0 for {self._resolved[0]}."
            )
        if self.workers and self.folder is None:
            raise InputError(
                f"workers = {self.workers!r} needs a folder for finished runs and for logs; give "
                "cache='some/folder'."
            )

    @cached_property
    def cache(self) -> Cache | None:
        """The finished runs, or None if they are not kept."""
        if self.folder is None:
            return None
        name = self._resolved[1]
        if name is None and not self.version:
            raise InputError(
                f"{reprlib.repr(self.simulator)} has no name by which its results could be found "
                "again; give version='...', or a function at the top of a module, or a command line."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise InputError(
                f"cache = {told(self.folder)!r} is no folder: {told(error)}."
            ) from None
        return Cache(self.folder, name, self.version)

    @cached_property
    def _resolved(self) -> tuple[Simulator, str | None]:
        return resolve(self.simulator)

    @cached_property
    def _pickled(self) -> bytes:
        try:
            return bytes(cloudpickle.dumps(self._resolved[0]))
        except Exception as error:  # whatever the parts of a user's function may raise
            raise InputError(
                f"simulator = {reprlib.repr(self.simulator)} cannot be sent to another process: "
                f"{told(error)}. Take workers=0, or a function at the top of a module."
            ) from error

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Array]]:
        """Yield each job once with its events ``(events,)``: first what is kept, then what is new.

        Once a run has failed for good, no more are started; those in flight end and are kept.

        Raises:
            InputError: A run failed more than `retries` times, or its output is wrong.
        """
        missing = deque[Job]()
        for job in dict.fromkeys(jobs):
            events = None if self.cache is None else self.cache.read(job)
            if events is None:
                missing.append(job)
            else:
                yield job, events
        if not missing:
            return
        total = len(missing)
        with _Nobody() if self.cache is None else Leases(self.cache.folder) as leases:
            for count, (job, events) in enumerate(self._play(missing, leases), 1):
                log.info("%d of %d simulations: %s", count, total, job)
                yield job, events

    # ---- running

    def _play(self, queue: deque[Job], leases: Leases | _Nobody) -> Iterator[tuple[Job, Array]]:
        """Yield jobs with their events: those that run here, and those that others have run."""
        failures, pool = Counter[Job](), self._pool()
        lost: InputError | None = None
        try:
            while queue or pool.busy:
                for _ in range(len(queue) if pool.free else 0):
                    job = queue.popleft()
                    ours = leases.claim(self._key(job))
                    if (events := self._by_others(job)) is not None:
                        leases.release(self._key(job))
                        yield job, events
                    elif ours:
                        pool.start(job, self._log(job))
                        if not pool.free:
                            break
                    else:
                        queue.append(job)  # look at it again when all the others were
                if not pool.busy:
                    time.sleep(PAUSE if queue else 0.0)
                    continue
                for job, kind, value in pool.replies():
                    if kind == "events":
                        if self.cache is not None:
                            self.cache.write(job, value)
                        leases.release(self._key(job))
                        yield job, value
                        continue
                    leases.release(self._key(job))
                    failures[job] += 1
                    log.warning("A simulation %s (%s).", value, job)
                    if kind == "failed" and failures[job] <= self.retries and lost is None:
                        queue.appendleft(job)
                    else:
                        lost = lost or self._error(job, value)
                        queue.clear()
        finally:
            pool.end()
        if lost is not None:
            raise lost

    def _key(self, job: Job) -> str:
        return "" if self.cache is None else self.cache.path(job).stem

    def _log(self, job: Job) -> Path:
        if self.cache is None:
            return Path(os.devnull)
        size_of(log_file := self.cache.log(job))  # complain if it is no file
        return log_file

    def _by_others(self, job: Job) -> Array | None:
        return None if self.cache is None else self.cache.read(job, again=True)

    def _pool(self) -> Processes | Cluster | Here:
        if isinstance(self.workers, str):
            return Cluster(self._pickled, self.timeout)
        if self.workers:
            return Processes(self._pickled, self.timeout, self.workers)
        return Here(self._resolved[0])

    def _error(self, job: Job, reason: str) -> InputError:
        simulator = self._resolved[0]
        name = getattr(simulator, "__qualname__", None) or told(simulator)
        text = f"The simulator {name} at {job} {reason.removesuffix('.')}."
        if self.cache is not None:
            path = self.cache.log(job)
            if last := last_words(path):
                text += f" Its log {path} ends with {last!r}."
            text += (
                f" All finished runs are kept in {self.cache.folder}: mend the simulator and go on "
                "from there."
            )
        return InputError(text)


class Here:
    """Runs one job at a time, in this process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._job: Job | None = None

    @property
    def free(self) -> bool:
        """Whether it has no job."""
        return self._job is None

    @property
    def busy(self) -> bool:
        """Whether it has one."""
        return self._job is not None

    def start(self, job: Job, log: Path) -> None:
        """Take a job."""
        self._job = job

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        """Run it; yield it with what `attempt` returns."""
        assert self._job is not None
        job, self._job = self._job, None
        yield job, *attempt(self._simulator, job)

    def end(self) -> None:
        """Do nothing: nothing goes on."""


class _Nobody:
    """Leases of a folder that nobody shares."""

    def __enter__(self) -> _Nobody:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def claim(self, key: str) -> bool:
        return True

    def release(self, key: str) -> None:
        pass
