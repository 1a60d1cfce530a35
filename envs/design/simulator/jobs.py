"""Runs of a black-box simulator: in processes that may hang or die, and never twice.

What a run yields must be a function of the arguments of the simulator, a `Job`. Then it need not be
run again:

- Every finished run is a file of its own, written under a temporary name and renamed. It says whose
  run it is, and a digest covers that and the events. Whatever happens to the computer, a file is
  whole, or it is seen to be damaged and made anew; the next call runs what is missing.
- Runs are played by worker processes (see `worker`). One that takes too long is killed with
  everything it started, and the run is repeated; so is one that dies or raises. Workers do not
  outlive the process that started them.
- Processes that share the folder, on one machine or on many, share what they have run.
- With Ray, workers run on all machines of a cluster, each watched by a Ray task beside it, so that
  it is killed and repeated there as it is here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import reprlib
import stat
import sys
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import cloudpickle
import numpy as np

from ...core import InputError, told
from .black_box import Array, Command, Job, Simulator, WrongOutput, attempt, checked, resolve
from .workers import Worker, listen

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Simulations:
    """Runs a simulator, at most once for every job, and keeps what it yields.

    Args:
        simulator: See `resolve`.
        folder: Where finished runs are kept; None: nowhere.
        workers: Processes that run the simulator; 0: this one runs it, one job after the other,
            and nothing can be done about a run that hangs; "ray": one on every CPU of a Ray
            cluster, all of whose machines must share the folder.
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
        function, name = self._resolved
        if self.workers and os.name != "posix":
            raise InputError("workers must be 0 here: process groups need Linux or macOS.")
        if self.workers == "ray" and importlib.util.find_spec("ray") is None:
            raise InputError(
                "workers = 'ray' needs the extra 'ray'; install it with pip install "
                "'discovery-gym[ray]', or give a number of processes."
            )
        if not self.workers and isinstance(function, Command):
            raise InputError(
                f"workers must be at least 1 for a command line, got 0 for {function}."
            )
        if self.folder is None:
            if self.workers:
                raise InputError(
                    f"workers = {self.workers!r} needs a folder for finished runs and for logs; give "
                    "cache='some/folder'."
                )
            return
        object.__setattr__(self, "folder", Path(self.folder).absolute())
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

    @cached_property
    def _resolved(self) -> tuple[Simulator, str | None]:
        return resolve(self.simulator)

    @cached_property
    def _pickled(self) -> bytes:
        try:
            return cloudpickle.dumps(self._resolved[0])
        except Exception as error:  # whatever the parts of a user's function may raise
            raise InputError(
                f"simulator = {reprlib.repr(self.simulator)} cannot be sent to another process: "
                f"{told(error)}. Take workers=0, or a function at the top of a module."
            ) from error

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Array]]:
        """Yield each job once with its events ``(events,)``: first what is kept, then what is new.

        Where a run fails for good no further ones are started; those in flight end and are kept,
        then the error is raised.

        Raises:
            InputError: A run failed once more than `retries` times, or yields something else than
                as many finite numbers as were asked for.
        """
        missing = []
        for job in dict.fromkeys(jobs):
            events = self._read(job)
            if events is None:
                missing.append(job)
            else:
                yield job, events
        play = self._in_workers if self.workers else self._here
        for count, (job, events) in enumerate(play(missing), 1):
            self._write(job, events)
            log.info("%d of %d simulations: %s", count, len(missing), job)
            yield job, events

    # ---- what is kept

    def path(self, job: Job) -> Path:
        """Return the file that keeps a run."""
        assert self.folder is not None
        digest = hashlib.sha256(self._header(job)).hexdigest()[:32]
        return self.folder / f"{digest}.events"

    def _header(self, job: Job) -> bytes:
        name = {"simulator": self._resolved[1], "version": self.version}
        return json.dumps(name | job._asdict()).encode()

    def _read(self, job: Job) -> Array | None:
        if self.folder is None:
            return None
        path, header = self.path(job), self._header(job) + b"\n"
        size = _size(path)
        if size is None:
            return None
        if size == 65 + len(header) + 8 * job.events:  # or it is not worth reading
            digest, _, content = _reading(path).partition(b"\n")
            if digest == _digest(content) and content.startswith(header):
                with contextlib.suppress(WrongOutput):
                    return checked(np.frombuffer(content[len(header) :], "<f8"), job.events)
        log.warning("%s is damaged; its run is repeated (%s).", path, job)
        return None

    def _write(self, job: Job, events: Array) -> None:
        if self.folder is None:
            return
        content = self._header(job) + b"\n" + events.astype("<f8").tobytes()
        path = self.path(job)
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")  # several machines may write it
        try:
            part.write_bytes(_digest(content) + b"\n" + content)
            part.replace(path)
            self._log(job).unlink(missing_ok=True)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise _unusable(path, error) from None

    def _log(self, job: Job) -> Path:
        return self.path(job).with_suffix(".log")

    # ---- running

    def _here(self, jobs: list[Job]) -> Iterator[tuple[Job, Array]]:
        for job in jobs:
            kind, value = attempt(self._resolved[0], job)
            for _ in range(self.retries):
                if kind == "failed":
                    kind, value = attempt(self._resolved[0], job)
            if kind != "events":
                raise self._error(job, value)
            yield job, value

    def _in_workers(self, jobs: list[Job]) -> Iterator[tuple[Job, Array]]:
        queue, failures = deque(jobs), Counter[Job]()
        _ = self._pickled  # complain before there are processes
        lost: InputError | None = None
        pool: _Pool = _Cluster(self) if self.workers == "ray" else _Processes(self)
        try:
            while queue or pool.busy:
                while queue and pool.free:
                    pool.start(queue.popleft())
                for job, kind, value in pool.replies():
                    if kind == "events":
                        yield job, value
                        continue
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

    def _error(self, job: Job, reason: str) -> InputError:
        simulator = self._resolved[0]
        name = getattr(simulator, "__qualname__", None) or told(simulator)
        text = f"The simulator {name} at {job} {reason.removesuffix('.')}."
        if self.folder is not None:
            path = self._log(job)
            if last := _last(path):
                text += f" Its log {path} ends with {last!r}."
            text += (
                f" All finished runs are kept in {self.folder}: mend the simulator and go on from "
                "there."
            )
        return InputError(text)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _size(path: Path) -> int | None:
    """Return the size of a file, or None where there is nothing.

    Raises:
        InputError: Something else stands in its place, which reading or writing might wait for.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise _unusable(path, "it is no regular file")
    return found.st_size


def _reading(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, why: Any) -> InputError:
    why = getattr(why, "strerror", None) or why
    return InputError(f"The cache cannot use {path}: {why}. Remove it, or name another folder.")


def _last(path: Path) -> str:
    """Return the last words of a log."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(path.stat().st_size - 2000, 0))
        return file.read(2000).decode(errors="replace").strip().rpartition("\n")[2][-300:]
    return ""


class _Pool(Protocol):
    """Where jobs are run."""

    @property
    def free(self) -> bool:
        """Whether it takes another job."""

    @property
    def busy(self) -> bool:
        """Whether there are jobs that it has not answered."""

    def start(self, job: Job) -> None:
        """Begin a job."""

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        """Wait a second at most; yield jobs that have ended, with what `attempt` returns."""

    def end(self) -> None:
        """Kill all that runs."""


class _Processes:
    """As many processes of this machine as there are `workers`."""

    def __init__(self, simulations: Simulations) -> None:
        self._simulations = simulations
        self._workers: list[Worker] = []

    @property
    def free(self) -> bool:
        most = self._simulations.workers
        assert isinstance(most, int)
        return sum(worker.job is not None for worker in self._workers) < most

    @property
    def busy(self) -> bool:
        return any(worker.job is not None for worker in self._workers)

    def start(self, job: Job) -> None:
        one, path = self._simulations, self._simulations._log(job)
        _size(path)  # complain if it is no file
        for worker in self._workers:
            if worker.idle:
                return worker.start(job, path)
        try:
            self._workers.append(Worker(one._pickled, sys.path, one.timeout, job, path))
        except OSError as error:
            raise InputError(f"A worker cannot be started: {error}.") from error
        return None

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        busy = [worker for worker in self._workers if worker.job is not None]
        listen(busy)
        for worker in busy:
            job, reply = worker.job, worker.reply()
            if reply is None or job is None:
                continue
            worker.job = None
            if worker.ended:
                self._workers.remove(worker)
            yield job, *reply

    def end(self) -> None:
        for worker in self._workers:
            worker.end()


class _Cluster:
    """A Ray task for each job, on every CPU of a cluster, with a worker of its own."""

    def __init__(self, simulations: Simulations) -> None:
        import ray

        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        self._ray, self._simulations = ray, simulations
        # Ray repeats nothing by itself: failures are counted here.
        self._task = ray.remote(max_retries=0)(_watch)
        self._jobs: dict[Any, Job] = {}

    @property
    def free(self) -> bool:
        return len(self._jobs) < max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    def start(self, job: Job) -> None:
        one, path = self._simulations, self._simulations._log(job)
        _size(path)
        reference = self._task.remote(one._pickled, sys.path, one.timeout, job, path)
        self._jobs[reference] = job

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        ended, _ = self._ray.wait(list(self._jobs), timeout=1.0)
        for reference in ended:
            job = self._jobs.pop(reference)
            try:
                reply = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:  # a machine or its Ray is gone
                reply = "failed", f"was lost by Ray: {str(error).strip().splitlines()[-1]}"
            yield job, *reply

    def end(self) -> None:
        for reference in self._jobs:
            self._ray.cancel(reference, force=True)


def _watch(pickled: bytes, path: list[str], timeout: float, job: Job, log: Path) -> tuple[str, Any]:
    """Run a job in a worker on this machine of the cluster."""
    here = [place for place in sys.path if place not in path]  # this package may lie elsewhere
    worker = Worker(pickled, path + here, timeout, job, log)
    try:
        while (reply := worker.reply()) is None:
            listen([worker])
        return reply
    finally:
        worker.end()
