"""A process that runs a simulator, one job at a time, whatever the simulator does to it.

It is a fresh interpreter, not a fork, which threads would not survive, nor `multiprocessing`'s spawn,
which wants a guarded main module. It leads a process group, so that it is killed with all that it
started; on Linux also with what has left the group, which is told by its parents, or by a name in
the environment that it has inherited.

Both sides talk through a socket, of which one that is starved, stopped or flooded holds up nobody: an
answer is read as it comes, up to the length that it may have. It carries the token of its job, and
anything else that is found there is a failure of the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from ...core import told
from .black_box import Job, WrongOutput, alone, attempt, checked, complain, ending

START = 60.0
"""Seconds that a worker may take to start and to import the simulator."""
PRINTED = 2**30
"""Bytes that a run may print into its log."""
HEAD, WORDS = 100, 2**16
"""Most bytes of the first line of an answer, and of one in words."""
SIMULATOR = "simulator.pickle"


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
        self.deadline = time.monotonic() + self._limit
        self._family = self._token = uuid.uuid4().hex
        self._buffer = bytearray()
        self._scratch = tempfile.mkdtemp()
        Path(self._scratch, SIMULATOR).write_bytes(pickled)
        threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")  # workers already fill the cores
        environment = {f"{name}_NUM_THREADS": "1" for name in threads} | dict(os.environ)
        environment |= {"TMPDIR": self._scratch, _mark(self._family): "1"}
        # The path of the caller, but not in the environment: a command has a Python of its own.
        call = f"import sys; sys.path[:] = {path!r}; from {__name__} import _work; "
        call += f"_work({self._descriptor}, {os.getpid()}, {self._family!r}, {self._scratch!r})"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", call],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=[self._descriptor],
                env=environment,
                start_new_session=True,
            )
        os.close(self._descriptor)

    @property
    def idle(self) -> bool:
        """Whether it lives and has no job."""
        return self.job is None and self.process.poll() is None

    def start(self, job: Job, log: Path) -> None:
        """Let it run a job."""
        self.job, self._log, self._token = job, log, uuid.uuid4().hex
        self._limit = self._timeout
        self.deadline = time.monotonic() + self._limit
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
                    return "events", checked(np.frombuffer(content, "<f8"), self.job.events)
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
        return "failed", reason

    def _receive(self, events: int) -> tuple[str, bytes] | None:
        """Return kind and content of the answer if it is whole by now.

        Raises:
            EOFError: The worker has closed its end of the channel.
            _Stray: What came is not an answer to this job.
        """
        closed, most = False, HEAD + max(8 * events, WORDS)
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
                or (kind == "events") > (size == 8 * events)
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
        _kill(self.process.pid, self._family)
        self.process.wait()
        self.channel.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def listen(workers: Sequence[Worker]) -> None:
    """Wait for a reply or the deadline of a worker.

    Not longer than a second, for what the channel does not tell of.
    """
    patience = min(worker.deadline for worker in workers) - time.monotonic()
    wait([worker.channel for worker in workers], min(max(patience, 0.0), 1.0))


# ---- a process and all that it started


def _mark(family: str) -> str:
    """Return the name in the environment of all that a worker starts."""
    return f"DISCOVERY_GYM_{family}"


def _kill(leader: int, family: str) -> None:
    """Kill a process group, and on Linux what has left it; this process dies last.

    All are stopped first, so that none starts another one while we look.
    """
    stopped: set[int] = set()
    while new := _members(family) - stopped - {os.getpid()}:
        for pid in new:
            _send(os.kill, pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        _send(os.kill, pid, signal.SIGKILL)
    _send(os.killpg, leader, signal.SIGKILL)


def _send(call: Any, pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        call(pid, number)


def _members(family: str) -> set[int]:
    """Return processes with the mark in their environment and all below them; none without /proc."""
    mark = b"\0" + _mark(family).encode() + b"="
    parents: dict[int, int] = {}
    found: set[int] = set()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # one ends, or is another user's
            pid = int(place.name)
            parents[pid] = int((place / "stat").read_bytes().rpartition(b")")[2].split()[1])
            if mark in b"\0" + (place / "environ").read_bytes():
                found.add(pid)
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return found


# ---- inside the worker


def _work(descriptor: int, parent: int, family: str, scratch: str) -> None:
    """Be a worker: read a simulator, then jobs, and answer each."""
    threading.Thread(target=_end_with, args=(parent, family), daemon=True).start()
    channel = socket.socket(fileno=descriptor)

    def answer(token: str, kind: str, value: Any) -> None:
        content = (
            value.encode(errors="replace")
            if isinstance(value, str)
            else value.astype("<f8").tobytes()
        )
        try:
            channel.sendall(f"{token} {kind} {len(content)}\n".encode() + content)
        except OSError:
            os.write(2, b"The simulator has closed what its worker answers by.\n")
            os._exit(1)

    try:
        with alone():
            simulator = cloudpickle.loads(Path(scratch, SIMULATOR).read_bytes())
    except BaseException as error:  # the user's module, as it is imported here
        complain()
        answer(family, "wrong", f"cannot be imported: {type(error).__name__}: {told(error)}")
        return
    answer(family, "ready", "")
    for line in channel.makefile("rb"):
        token, path, job = json.loads(line)
        _print_to(path)
        try:
            kind, value = attempt(simulator, Job(*job))
        except KeyboardInterrupt:  # of its own: no terminal interrupts this session
            kind, value = "failed", "raised KeyboardInterrupt"
        answer(token, kind, value)


def _print_to(path: str) -> None:
    """Let all that is printed go to a file, and give nothing to read; a run may have closed both."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for name, flags, places in ((os.devnull, os.O_RDONLY, (0,)), (path, writing, (1, 2))):
        descriptor = os.open(name, flags, 0o666)
        for place in places:
            os.dup2(descriptor, place)
        if descriptor > 2:
            os.close(descriptor)


def _end_with(parent: int, family: str) -> None:
    """Kill this process and all that it started as soon as the parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.2)
    _kill(0, family)
