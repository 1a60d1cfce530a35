"""Runs of a black-box simulator: in processes that may hang or die, and never twice.

The events of a run must be a function of its `Job`. Finished runs are kept (see `cache`), so that
processes that share a folder, on one machine or on many, share their runs: each runs what no other one
has claimed (see `core.leases`). A run that takes too long, dies or raises is killed with everything it
started (see `workers` and `cluster`), and repeated; not if it has raised the same error twice. One that
fails for good ends everything, or is a result in itself, and kept like one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import reprlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import cloudpickle

from ...core import InputError, told
from ...core.leases import Leases
from .black_box import Command, Failed, Job, Result, Simulator, attempt, resolve
from .cache import Cache, last_words, size_of
from .cluster import Cluster
from .progress import Watch
from .workers import Processes, Reply

log = logging.getLogger(__name__)
PAUSE = 0.2
"""Seconds between two looks at what others run."""
FINAL = {"wrong", "broken"}
"""How runs fail that are not repeated."""
NO_RESULT = {"broken", "lost"}
"""How runs fail that say nothing of what they simulate: of the machine, or of how they are called."""
Judge: TypeAlias = Callable[[Job, Result, bool], InputError | None]
"""What may end all runs: it is told of a job, its result and whether it is new."""


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
        failures: Whether a run that fails for good is a result, `Failed`, and not an error.

    Raises:
        InputError: The simulator cannot be found, or has no name by which to find its results.
    """

    simulator: Any
    folder: Path | None = None
    workers: int | str = 0
    timeout: float = 3600.0
    retries: int = 2
    version: str = ""
    failures: bool = False

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

    def kept(self, job: Job, again: bool = False) -> Result | None:
        """Return what is kept of a run, None if nothing is; damage is told unless asked ``again``."""
        if self.cache is None:
            return None
        events = self.cache.read(job, again)
        return self.cache.read_failure(job) if events is None and self.failures else events

    def known(self, job: Job) -> bool:
        """Return whether something is kept of a run, without reading it."""
        return self.cache is not None and self.cache.knows(job, self.failures)

    def forget(self, jobs: Iterable[Job]) -> None:
        """Remove what is kept of those runs that have failed: they are run again."""
        if self.cache is not None:
            for job in jobs:
                self.cache.forget(job)

    def run(
        self, jobs: Iterable[Job], watch: Watch | None = None, judge: Judge | None = None
    ) -> Iterator[tuple[Job, Result]]:
        """Yield each job once with its events: first what is kept, then what is new.

        Once a run has failed for good, no more are started; those in flight end and are kept.

        Args:
            jobs: The jobs.
            watch: Takes note of how far they are.
            judge: Looks at every result, and may return an error that ends the runs in the same way.

        Raises:
            InputError: A run failed more than `retries` times, or its output is wrong, and failures are
                no results; or a simulator cannot start; or the judge says so.
        """
        missing, done, failed = deque[Job](), 0, 0
        for job in dict.fromkeys(jobs):
            result = self.kept(job)
            if result is None:
                missing.append(job)
                continue
            done, failed = done + 1, failed + isinstance(result, Failed)
            if judge is not None and (error := judge(job, result, False)):
                raise error
            yield job, result
        if not missing:
            return
        watch, total = watch or Watch(), len(missing)
        watch.begin(missing, done, failed)
        nobody = contextlib.nullcontext()  # shares what is not kept
        with nobody if self.cache is None else Leases(self.cache.folder) as leases:
            for count, (job, result) in enumerate(self._play(missing, leases, watch, judge), 1):
                log.info("%d of %d simulations: %s", count, total, job)
                yield job, result
        watch.report(last=True)

    # ---- running

    def _play(
        self, queue: deque[Job], leases: Leases | None, watch: Watch, judge: Judge | None
    ) -> Iterator[tuple[Job, Result]]:
        """Yield jobs with their results: those that run here, and those that others have run."""
        trials, pool = _Trials(self.retries), self._pool()
        lost: InputError | None = None
        try:
            while queue or pool.busy:
                for job, result in self._start(queue, pool, leases, watch):
                    lost = lost or (judge and judge(job, result, True)) or None
                    yield job, result
                    if lost is not None:
                        break
                if not pool.busy:
                    time.sleep(PAUSE if queue and lost is None else 0.0)
                for reply in pool.replies() if pool.busy else ():
                    job, again = reply.job, trials.another(reply)
                    if reply.kind != "events":
                        say = log.info if self.failures else log.warning
                        say("A simulation %s (%s).", reply.value, job)
                    found = None if again else self._result(reply)
                    if again:
                        watch.again(job)
                        queue.appendleft(job)  # unless all ends, see below
                    elif found is None:
                        lost = lost or self._error(job, reply.value)
                    else:
                        watch.end(job, isinstance(found, Failed), reply.seconds)
                        lost = lost or (judge and judge(job, found, True)) or None
                    if leases is not None:
                        leases.release(self._key(job))
                    if found is not None:
                        yield job, found
                watch.report()
                if lost is not None:
                    queue.clear()
        finally:
            pool.end()
        if lost is not None:
            raise lost

    def _start(
        self, queue: deque[Job], pool: Pool, leases: Leases | None, watch: Watch
    ) -> Iterator[tuple[Job, Result]]:
        """Begin jobs as long as there is room; yield those that others have run."""
        for _ in range(len(queue) if pool.free else 0):
            job = queue.popleft()
            ours = leases is None or leases.claim(self._key(job))
            if leases is not None and (result := self.kept(job, again=True)) is not None:
                leases.release(self._key(job))
                watch.end(job, isinstance(result, Failed))
                yield job, result
            elif ours:
                pool.start(job, self._log(job))
                watch.start(job)
                if not pool.free:
                    return
            else:
                queue.append(job)  # look at it again when all the others were

    def _result(self, reply: Reply) -> Result | None:
        """Keep and return what came of a job; None where a failure is no result."""
        if reply.kind == "events":
            result: Result = reply.value
            if self.cache is not None:
                self.cache.write(reply.job, reply.value)
            return result
        if not self.failures or reply.kind in NO_RESULT:
            return None
        failed = Failed(reply.value)
        if self.cache is not None:
            self.cache.write_failure(reply.job, failed)
        return failed

    def _key(self, job: Job) -> str:
        return "" if self.cache is None else self.cache.path(job).stem

    def _log(self, job: Job) -> Path:
        if self.cache is None:
            return Path(os.devnull)
        size_of(log_file := self.cache.log(job))  # complain if it is no file
        return log_file

    def _pool(self) -> Pool:
        if isinstance(self.workers, str):
            return Cluster(self._pickled, self.timeout)
        if self.workers:
            return Processes(self._pickled, self.timeout, self.workers)
        return Here(self._resolved[0], self.failures)

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


class _Trials:
    """Which runs that have failed are repeated, and how often."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._failures = Counter[Job]()
        self._words: dict[Job, str] = {}

    def another(self, reply: Reply) -> bool:
        """Return whether a job is to be run again, after what came of it."""
        job, kind, value, _ = reply
        if kind == "events" or kind in FINAL:
            return False
        same = kind == "raised" and self._words.get(job) == value  # the next time, too
        self._failures[job] += 1
        self._words[job] = value
        return not same and self._failures[job] <= self._retries


class Here:
    """Runs one job at a time, in this process.

    Args:
        simulator: The simulator.
        quiet: Whether no traceback is printed.
    """

    def __init__(self, simulator: Simulator, quiet: bool = False) -> None:
        self._simulator, self._quiet = simulator, quiet
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

    def replies(self) -> Iterator[Reply]:
        """Run it; yield it with what came of it."""
        assert self._job is not None
        job, self._job = self._job, None
        began = time.monotonic()
        kind, value = attempt(self._simulator, job, self._quiet)
        yield Reply(job, kind, value, time.monotonic() - began)

    def end(self) -> None:
        """Do nothing: nothing goes on."""


Pool: TypeAlias = Processes | Cluster | Here
