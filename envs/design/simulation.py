"""Runs of a black-box simulator: in processes that may hang or die, and never twice.

A simulator is a function ``simulate(theta, phi, n_events, seed) -> events``, or a command line. What
a run yields must be a function of its four arguments, a `Job`. Then it need not be run again:

- Every finished run is a file of its own, written under a temporary name and renamed, with the job
  and a digest of the rest in its first lines. Whatever happens to the computer, a file is whole, or
  it is seen to be damaged and made anew; the next call runs what is missing.
- Runs are played by worker processes, each the leader of a process group. One that takes too long
  is killed with everything it started, and the run is repeated; so is one that dies or raises.
  Workers do not outlive the process that started them.
- Processes that share the folder, on one machine or on many, share what they have run.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import logging
import os
import re
import reprlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from ..core import InputError

Array: TypeAlias = NDArray[np.float64]
Simulator: TypeAlias = Callable[[Array, Array, int, int], Any]

START = 60.0
"""Seconds that a worker may take to start and to import the simulator."""
log = logging.getLogger(__name__)


class Job(NamedTuple):
    """The arguments of one run."""

    theta: tuple[float, ...]
    phi: tuple[float, ...]
    events: int
    seed: int

    def __str__(self) -> str:
        """Return the arguments in words."""
        theta, phi = (", ".join(f"{v:.8g}" for v in values) for values in self[:2])
        return f"theta = {theta}, phi = {phi}, {self.events} events, seed {self.seed}"


class WrongOutput(Exception):
    """A run ended, but what it yields is not what was asked for; running it again is no use."""


class _Numbers(tuple[float, ...]):
    """Numbers that a template shows with commas between them, or one by one: ``{theta[0]}``."""

    def __str__(self) -> str:
        return ",".join(map(repr, self))

    def __format__(self, spec: str) -> str:
        return ",".join(format(v, spec) for v in self) if spec else str(self)


@dataclass(frozen=True)
class Command:
    """A command line as a simulator; no shell reads it.

    Args:
        template: The program and its arguments, in which ``{theta}``, ``{phi}``, ``{events}`` and
            ``{seed}`` are replaced; several parameters are separated by commas, ``{phi[1]}`` is one
            of them, ``{{`` a brace. With ``{output}`` among them the program writes that file,
            without it prints: one event a line.
    """

    template: tuple[str, ...]

    def __post_init__(self) -> None:
        try:
            self._arguments((0.0,) * 100, (0.0,) * 100, 1, 0, "")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise InputError(
                f"The simulator {self} may hold {{theta}}, {{phi}}, {{events}}, {{seed}} and "
                "{output}; write other braces twice."
            ) from None
        if "{" not in self.template[0] and shutil.which(self.template[0]) is None:
            raise InputError(
                f"The simulator {self} needs the program {self.template[0]!r}, which is neither on "
                "the PATH nor an executable file; give its full path."
            )

    def __call__(self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int) -> Any:
        """Run the command and return the numbers that it prints or writes."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "events.txt")
            arguments = self._arguments(theta, phi, events, seed, str(file))
            done = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
            )
            if done.returncode:
                raise RuntimeError(_end(done.returncode))
            text = done.stdout
            if any("{output" in part for part in self.template):
                text = file.read_bytes() if file.exists() else b""
        words = text.decode(errors="replace").split()
        try:
            return np.array(words, np.float64)
        except ValueError:
            word = next(w for w in words if not _is_number(w))
            raise WrongOutput(f"gave {reprlib.repr(word)} where a number should stand") from None

    def _arguments(
        self, theta: Iterable[float], phi: Iterable[float], events: int, seed: int, output: str
    ) -> list[str]:
        values = {"theta": _Numbers(map(float, theta)), "phi": _Numbers(map(float, phi))}
        return [
            part.format(events=events, seed=seed, output=output, **values) for part in self.template
        ]

    def __str__(self) -> str:
        return repr(shlex.join(self.template))


def resolve(simulator: Any) -> tuple[Simulator, str | None]:
    """Return what a user calls a simulator as a function, and the name of it.

    Args:
        simulator: A function, a text ``"package.module:function"``, or a command line: a text, or
            a sequence of the program and its arguments (see `Command`).

    Returns:
        The function, and a name that tells its results from those of others: the template of a
        command; module, name and source of a function. None where no name would do so: functions
        that were made inside others may share all of these, and objects hold data.
    """
    if isinstance(simulator, str) and re.fullmatch(r"[\w.]+:\w+", simulator):
        module, _, name = simulator.partition(":")
        try:
            simulator = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"simulator = {simulator!r} cannot be imported: {error}. It must name a function as "
                "'package.module:function', or be a command line."
            ) from error
    if isinstance(simulator, str):
        simulator = shlex.split(simulator)
    if isinstance(simulator, list | tuple) and simulator:
        command = Command(tuple(map(str, simulator)))
        return command, json.dumps(command.template)
    if not callable(simulator):
        raise InputError(
            "simulator must be a function of (theta, phi, n_events, seed), a text "
            f"'package.module:function' or a command line, got {simulator!r}."
        )
    if not inspect.isfunction(simulator) or "<" in simulator.__qualname__:
        return simulator, None
    try:
        source = inspect.getsource(simulator)
    except OSError:
        return simulator, None
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    return simulator, f"{simulator.__module__}:{simulator.__qualname__} {digest}"


@dataclass(frozen=True)
class Simulations:
    """Runs a simulator, at most once for every job, and keeps what it yields.

    Args:
        simulator: See `resolve`.
        folder: Where finished runs are kept; None: nowhere.
        workers: Processes that run the simulator; 0: this one runs it, one job after the other,
            and nothing can be done about a run that hangs.
        timeout: Seconds after which a run is killed.
        retries: How often a run that was killed, died or raised is repeated.
        version: Tells the results of this simulator from those of an earlier one of the same name.

    Raises:
        InputError: The simulator cannot be found, or has no name by which to find its results.
    """

    simulator: Any
    folder: Path | None = None
    workers: int = 0
    timeout: float = 3600.0
    retries: int = 2
    version: str = ""

    def __post_init__(self) -> None:
        function, name = self._resolved
        if self.workers and os.name != "posix":
            raise InputError("workers must be 0 here: process groups need Linux or macOS.")
        if not self.workers and isinstance(function, Command):
            raise InputError(
                f"workers must be at least 1 for a command line, got 0 for {function}."
            )
        if self.folder is None:
            if self.workers:
                raise InputError(
                    f"workers = {self.workers} processes need a folder for what they yield and for "
                    "their logs; give cache='some/folder'."
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
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(_digest(content) + b"\n" + content)
        part.replace(path)
        self._log(job).unlink(missing_ok=True)

    def _log(self, job: Job) -> Path:
        return self.path(job).with_suffix(".log")

    # ---- running

    def _here(self, jobs: list[Job]) -> Iterator[tuple[Job, Array]]:
        for job in jobs:
            for _ in range(1 + self.retries):
                kind, value = _attempt(self._resolved[0], job)
                if kind != "failed":
                    break
            if kind != "events":
                raise self._error(job, value)
            yield job, value

    def _in_workers(self, jobs: list[Job]) -> Iterator[tuple[Job, Array]]:
        queue, failures = deque(jobs), Counter[Job]()
        lost: InputError | None = None
        workers: list[_Worker] = []
        try:
            while True:
                for worker in workers:
                    if worker.job is None and queue:
                        worker.start(queue.popleft())
                while queue and len(workers) < self.workers:
                    workers.append(_Worker(self, queue.popleft()))
                busy = {worker.connection: worker for worker in workers if worker.job is not None}
                if not busy:
                    break
                patience = min(worker.deadline for worker in busy.values()) - time.monotonic()
                # Not longer than a second, for an end that the pipe does not tell of.
                wait(list(busy), min(max(patience, 0.0), 1.0))
                for worker in busy.values():
                    reply, job = worker.reply(), worker.job
                    if reply is None or job is None:
                        continue
                    kind, value = reply
                    worker.job = None
                    if worker.ended:
                        workers.remove(worker)
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
            for worker in workers:
                worker.end()
        if lost is not None:
            raise lost

    def _error(self, job: Job, reason: str) -> InputError:
        text = f"The simulator {self._resolved[0]} at {job} {reason}."
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


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _end(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"was killed by signal {-status} ({signal.strsignal(-status)})"


def _checked(events: Any, count: int) -> Array:
    """Return events as an array of ``count`` finite numbers."""
    array = np.asarray(events)
    if array.dtype.kind not in "fiu":
        raise WrongOutput(f"returned {reprlib.repr(events)} where {count} numbers should stand")
    if array.shape != (count,):
        found = f"{len(array)} events" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise WrongOutput(f"returned {found} where {count} numbers should stand")
    if not np.isfinite(array).all():
        first = int(np.argmin(np.isfinite(array)))
        raise WrongOutput(f"returned {array[first]} as event {first}; all must be finite")
    return array.astype(np.float64)


def _attempt(simulator: Simulator, job: Job) -> tuple[str, Any]:
    """Run a job; return "events" with them, or "wrong" or "failed" with what happened, in words."""
    try:
        events = simulator(np.array(job.theta), np.array(job.phi), job.events, job.seed)
        return "events", _checked(events, job.events)
    except WrongOutput as error:
        return "wrong", str(error)
    except (Exception, SystemExit) as error:  # whatever a user's function may raise
        if isinstance(simulator, Command):
            return "failed", str(error)
        traceback.print_exc()
        return "failed", f"raised {type(error).__name__}: {error}"


class _Worker:
    """A process that runs one job at a time, as seen by the process that started it.

    It is a fresh interpreter, not a fork, which threads would not survive, nor `multiprocessing`'s
    spawn, which wants a guarded main module.

    Args:
        simulations: What it works for.
        job: Its first job.
    """

    def __init__(self, simulations: Simulations, job: Job) -> None:
        self._simulations = simulations
        self.connection, theirs = Pipe()
        self.job: Job | None = job
        self.ended = False
        self._limit = START
        self.deadline = time.monotonic() + self._limit
        self._scratch = tempfile.mkdtemp()
        threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")  # workers already fill the cores
        environment = {f"{name}_NUM_THREADS": "1" for name in threads} | dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
        environment["TMPDIR"] = self._scratch
        call = f"from {__name__} import _work; _work({theirs.fileno()}, {os.getpid()})"
        with simulations._log(job).open("wb") as file:
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
        self._send(cloudpickle.dumps(simulations._resolved[0]))

    def start(self, job: Job) -> None:
        """Let it run a job."""
        self.job = job
        self._limit = self._simulations.timeout
        self.deadline = time.monotonic() + self._limit
        self._send((job, str(self._simulations._log(job))))

    def _send(self, message: Any) -> None:
        try:
            self.connection.send(message)
        except OSError:
            pass  # it has died, which `reply` will tell

    def reply(self) -> tuple[str, Any] | None:
        """Return what came of its job, as `_attempt` does, or None if it is still at it."""
        died = self.process.poll() is not None
        try:
            if self.connection.poll():
                kind, value = self.connection.recv()
                if kind != "ready":
                    return kind, value
                assert self.job is not None
                self.start(self.job)
                return None
        except (EOFError, OSError):
            died = True
        if died:
            try:
                status = self.process.wait(5.0)
            except subprocess.TimeoutExpired:
                status = -signal.SIGKILL
            self.end()
            return "failed", _end(status)
        if time.monotonic() >= self.deadline:
            self.end()
            return "failed", f"did not end within {self._limit:g} s and was killed"
        return None

    def end(self) -> None:
        """Kill it, and everything that it started."""
        self.ended = True
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


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
        connection.send(_attempt(simulator, job))


def _end_with(parent: int) -> None:
    """Kill this process group as soon as the parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)
