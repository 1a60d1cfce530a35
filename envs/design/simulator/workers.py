"""A process that runs a simulator, one job at a time, whatever the simulator does to it.

It is a fresh interpreter, not a fork, which threads would not survive, nor `multiprocessing`'s spawn,
which wants a guarded main module. It leads a process group, so that it is killed with all that it
started; on Linux also with what has left the group, which is told by its parents, or by a name in
the environment that it has inherited.

Both sides talk through a socket. A worker that is starved or stopped, or floods the socket, delays
nobody: an answer is read as it comes, up to its longest length. It carries the token of its job, and
anything else on the socket is a failure of the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any, NamedTuple

from ...core import InputError
from . import child
from .black_box import COLUMNS, Job, WrongOutput, ending, unpacked
from .processes import kill_family, mark_of

START = 60.0
"""Seconds that a worker may take to start and to import the simulator."""
PRINTED = 2**30
"""Bytes that a run may print into its log."""
HEAD, WORDS = 100, 2**16
"""Most bytes of the first line of an answer, and of one in words."""


class Reply(NamedTuple):
    """A job that has ended, with what `attempt` returns, and the seconds that it took.

    Besides what `attempt` knows of, a worker may have been "lost", which says nothing of its job.
    """

    job: Job
    kind: str
    value: Any
    seconds: float


class _Stray(Exception):
    """Something on the channel is not the answer to the job."""


class Worker:
    """A worker as seen by the process that started it.

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
        import fcntl  # Windows has none, and no workers

        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)
        # Where this process has closed its streams, 0 to 2 are free, but not in the worker.
        self._descriptor = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 3)
        theirs.close()
        self.job: Job | None = job
        self.ended = False
        self._timeout, self._log = timeout, log
        self._limit = START
        self.began: float | None = None  # once it has begun with its job
        self.deadline = time.monotonic() + self._limit
        self._family = self._token = uuid.uuid4().hex
        self._buffer = bytearray()
        self._scratch = tempfile.mkdtemp()
        Path(self._scratch, child.SIMULATOR).write_bytes(pickled)
        with log.open("wb") as file:
            self.process = self._process(path, file)
        os.close(self._descriptor)

    def _process(self, path: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")  # workers already fill the cores
        environment = {f"{name}_NUM_THREADS": "1" for name in threads} | dict(os.environ)
        environment |= {"TMPDIR": self._scratch, mark_of(self._family): "1"}
        # The path of the caller, but not in the environment: a command has a Python of its own.
        call = f"import sys; sys.path[:] = {path!r}; from {child.__name__} import work; "
        call += f"work({self._descriptor}, {os.getpid()}, {self._family!r}, {self._scratch!r})"
        return subprocess.Popen(
            [sys.executable, "-u", "-c", call],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[self._descriptor],
            env=environment,
            start_new_session=True,
        )

    @property
    def seconds(self) -> float:
        """For how long it has been at its job."""
        return 0.0 if self.began is None else time.monotonic() - self.began

    @property
    def idle(self) -> bool:
        """Whether it lives and has no job."""
        return self.job is None and self.process.poll() is None

    def start(self, job: Job, log: Path) -> None:
        """Let it run a job."""
        self.job, self._log, self._token = job, log, uuid.uuid4().hex
        self._limit, self.began = self._timeout, time.monotonic()
        self.deadline = self.began + self._limit
        with contextlib.suppress(OSError):  # it has died, which `reply` will tell
            self.channel.sendall(json.dumps([self._token, str(log), job]).encode() + b"\n")

    def reply(self) -> tuple[str, Any] | None:
        """Return what came of its job, as `attempt` does, or None if it is still at it."""
        assert self.job is not None
        died, closed = self.process.poll() is not None, False
        try:
            answer = self._receive(self.job.events)
        except _Stray:
            reason = (
                "left something else than its answer on file descriptor "
                f"{self._descriptor}, which is its worker's: does it write there, or answer twice?"
            )
            return self._failed(reason)
        except (EOFError, OSError):
            answer, closed = None, True
        match answer:
            case "ready", _:
                self.start(self.job, self._log)
                return None
            case "events", content:
                try:
                    return "events", unpacked(content, self.job.events)
                except WrongOutput as error:
                    return "wrong", str(error)
            case kind, content:
                return kind, content.decode(errors="replace")
        if closed and not died:  # as it ends, or before
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1.0)
                died = True
        if died:
            return self._failed(ending(self.process.wait()))
        if closed:
            return self._failed(
                f"closed file descriptor {self._descriptor}, by which its worker answers"
            )
        if time.monotonic() >= self.deadline:
            return self._failed(f"did not end within {self._limit:g} s and was killed")
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > PRINTED:
                return self._failed(f"printed more than {PRINTED:,} bytes and was killed")
        return None

    def _failed(self, reason: str) -> tuple[str, str]:
        self.end()
        return "lost" if self.began is None else "failed", reason

    def _receive(self, events: int) -> tuple[str, bytes] | None:
        """Return kind and content of the answer if it is whole by now.

        Raises:
            EOFError: The worker has closed its end of the channel.
            _Stray: What came is not an answer to this job.
        """
        closed, most = False, HEAD + max(8 * events * COLUMNS, WORDS)
        while not closed and len(self._buffer) <= most:
            try:
                piece = self.channel.recv(2**20)
            except BlockingIOError:
                break
            self._buffer += piece
            closed = not piece
        end = self._buffer.find(b"\n", 0, HEAD)
        if end < 0 and len(self._buffer) >= HEAD:
            raise _Stray
        if end >= 0:
            head = self._buffer[:end].decode(errors="replace").split(" ")
            if len(head) != 3 or head[0] != self._token or not head[2].isdecimal():
                raise _Stray
            kind, size = head[1], int(head[2])
            whole = end + 1 + size
            if (
                len(self._buffer) > whole
                or size > most
                or (kind == "events") > (size > 0 and size % (8 * events) == 0)
            ):
                raise _Stray
            if len(self._buffer) == whole:
                content = bytes(self._buffer[end + 1 :])
                self._buffer.clear()
                return kind, content
        if closed:
            raise EOFError
        return None

    def end(self) -> None:
        """Kill it, and everything that it started."""
        self.ended = True
        kill_family(self.process.pid, self._family)
        self.process.wait()
        self.channel.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def listen(workers: Sequence[Worker]) -> None:
    """Wait for a reply or the deadline of a worker.

    Not longer than a second, for what the channel does not tell of.
    """
    patience = min(worker.deadline for worker in workers) - time.monotonic()
    wait([worker.channel for worker in workers], min(max(patience, 0.0), 1.0))


class Processes:
    """Workers of this machine, started as they are needed.

    Args:
        pickled: The simulator.
        timeout: Seconds after which a run is killed.
        most: The most workers.
    """

    def __init__(self, pickled: bytes, timeout: float, most: int) -> None:
        self._pickled, self._timeout, self._most = pickled, timeout, most
        self._workers: list[Worker] = []

    @property
    def free(self) -> bool:
        """Whether another worker may have a job."""
        return sum(worker.job is not None for worker in self._workers) < self._most

    @property
    def busy(self) -> bool:
        """Whether there are jobs that have not ended."""
        return any(worker.job is not None for worker in self._workers)

    def start(self, job: Job, log: Path) -> None:
        """Begin a job, in a worker that has none or in a new one."""
        if idle := next((worker for worker in self._workers if worker.idle), None):
            return idle.start(job, log)
        try:
            self._workers.append(Worker(self._pickled, sys.path, self._timeout, job, log))
        except OSError as error:
            raise InputError(f"A worker cannot be started: {error}.") from error
        return None

    def replies(self) -> Iterator[Reply]:
        """Wait a second at most; yield jobs that have ended, with what came of them."""
        busy = [worker for worker in self._workers if worker.job is not None]
        listen(busy)
        for worker in busy:
            job, reply = worker.job, worker.reply()
            if reply is None or job is None:
                continue
            worker.job = None
            if worker.ended:
                self._workers.remove(worker)
            yield Reply(job, *reply, worker.seconds)

    def end(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.end()
