"""Runs of a black-box simulator: in processes that may hang or die, and never twice.

What a run yields must be a function of the arguments of the simulator, a `Job`. Then it need not be
run again:

- Every finished run is a file of its own, written under a temporary name and renamed, with the job
  and a digest of the rest in its first lines. Whatever happens to the computer, a file is whole, or
  it is seen to be damaged and made anew; the next call runs what is missing.
- Runs are played by worker processes, each the leader of a process group. One that takes too long
  is killed with everything it started, and the run is repeated; so is one that dies or raises.
  Workers do not outlive the process that started them.
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
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Protocol

import cloudpickle
import numpy as np

from ..core import InputError
from .black_box import Array, Command, Job, Simulator, attempt, ending, resolve

START = 60.0
"""Seconds that a worker may take to start and to import the simulator."""
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
                f"{self.simulator!r} has no name by which its results could be found again; give "
                "version='...', or a function at the top of a module, or a command line."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cache = {str(self.folder)!r} is no folder: {error}.") from error

    @cached_property
    def _resolved(self) -> tuple[Simulator, str | None]:
        return resolve(self.simulator)

    @cached_property
    def _pickled(self) -> bytes:
        try:
            return cloudpickle.dumps(self._resolved[0])
        except Exception as error:  # whatever the parts of a user's function may raise
            raise InputError(
                f"simulator = {self.simulator!r} cannot be sent to another process: {error}. Take "
                "workers=0, or a function at the top of a module."
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
        path = self.path(job)
        try:
            digest, _, content = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        header, _, events = content.partition(b"\n")
        if digest == _digest(content) and header == self._header(job):
            return np.frombuffer(events, "<f8").astype(np.float64)
        log.warning("%s is damaged; its run is repeated (%s).", path, job)
        return None

    def _write(self, job: Job, events: Array) -> None:
        if self.folder is None:
            return
        content = self._header(job) + b"\n" + events.astype("<f8").tobytes()
        path = self.path(job)
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")  # several machines may write it
        part.write_bytes(_digest(content) + b"\n" + content)
        part.replace(path)
        self._log(job).unlink(missing_ok=True)

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
        text = f"The simulator {getattr(simulator, '__qualname__', simulator)} at {job} {reason}."
        if self.folder is not None:
            path = self._log(job)
            if path.exists() and path.stat().st_size:
                last = path.read_text(errors="replace").strip().rpartition("\n")[2]
                text += f" Its log {path} ends with {last[-300:]!r}."
            text += (
                f" All finished runs are kept in {self.folder}: mend the simulator and go on from "
                "there."
            )
        return InputError(text)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


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
        self._workers: list[_Worker] = []

    @property
    def free(self) -> bool:
        most = self._simulations.workers
        assert isinstance(most, int)
        return sum(worker.job is not None for worker in self._workers) < most

    @property
    def busy(self) -> bool:
        return any(worker.job is not None for worker in self._workers)

    def start(self, job: Job) -> None:
        path = self._simulations._log(job)
        for worker in self._workers:
            if worker.job is None:
                return worker.start(job, path)
        one = self._simulations
        self._workers.append(_Worker(one._pickled, sys.path, one.timeout, job, path))
        return None

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        busy = [worker for worker in self._workers if worker.job is not None]
        _wait(busy)
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
        one = self._simulations
        reference = self._task.remote(one._pickled, sys.path, one.timeout, job, one._log(job))
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
    worker = _Worker(pickled, path + here, timeout, job, log)
    try:
        while (reply := worker.reply()) is None:
            _wait([worker])
        return reply
    finally:
        worker.end()


class _Worker:
    """A process that runs one job at a time, as seen by the process that started it.

    It is a fresh interpreter, not a fork, which threads would not survive, nor `multiprocessing`'s
    spawn, which wants a guarded main module.

    Args:
        pickled: The simulator.
        path: Where it looks for modules.
        timeout: Seconds after which a run is killed.
        job: Its first job.
        log: Where the output of the job goes.
    """

    def __init__(
        self, pickled: bytes, path: list[str], timeout: float, job: Job, log: Path
    ) -> None:
        self.connection, theirs = Pipe()
        self.job: Job | None = job
        self.ended = False
        self._timeout, self._log = timeout, log
        self._limit = START
        self.deadline = time.monotonic() + self._limit
        self._scratch = tempfile.mkdtemp()
        threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")  # workers already fill the cores
        environment = {f"{name}_NUM_THREADS": "1" for name in threads} | dict(os.environ)
        environment["TMPDIR"] = self._scratch
        # The path of the caller, but not in the environment: a command has a Python of its own.
        call = f"import sys; sys.path[:] = {path!r}; from {__name__} import _work; "
        call += f"_work({theirs.fileno()}, {os.getpid()})"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", call],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        theirs.close()
        self._send(pickled)

    def start(self, job: Job, log: Path) -> None:
        """Let it run a job."""
        self.job = job
        self._limit = self._timeout
        self.deadline = time.monotonic() + self._limit
        self._send((job, str(log)))

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it has died, which `reply` will tell
            self.connection.send(message)

    def reply(self) -> tuple[str, Any] | None:
        """Return what came of its job, as `attempt` does, or None if it is still at it."""
        died = self.process.poll() is not None
        try:
            if self.connection.poll():
                kind, value = self.connection.recv()
                if kind != "ready":
                    return kind, value
                assert self.job is not None
                self.start(self.job, self._log)
                return None
        except (EOFError, OSError):
            died = True
        if died:
            try:
                status = self.process.wait(5.0)
            except subprocess.TimeoutExpired:
                status = -signal.SIGKILL
            self.end()
            return "failed", ending(status)
        if time.monotonic() >= self.deadline:
            self.end()
            return "failed", f"did not end within {self._limit:g} s and was killed"
        return None

    def end(self) -> None:
        """Kill it, and everything that it started."""
        self.ended = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _wait(workers: Sequence[_Worker]) -> None:
    """Wait for a reply or the deadline of a worker.

    Not longer than a second, for an end that the pipe does not tell of.
    """
    patience = min(worker.deadline for worker in workers) - time.monotonic()
    wait([worker.connection for worker in workers], min(max(patience, 0.0), 1.0))


def _work(descriptor: int, parent: int) -> None:
    """Be a worker: read a simulator, then jobs, from a pipe, and answer each."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    connection = Connection(descriptor)
    try:
        simulator = cloudpickle.loads(connection.recv())
    except Exception as error:  # the user's module, as it is imported here
        traceback.print_exc()
        connection.send(("wrong", f"cannot be imported: {type(error).__name__}: {error}"))
        return
    connection.send(("ready", None))
    while True:
        try:
            job, path = connection.recv()
        except EOFError:
            return
        with open(path, "wb") as file:  # noqa: PTH123
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        connection.send(attempt(simulator, job))


def _end_with(parent: int) -> None:
    """Kill this process group as soon as the parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)
