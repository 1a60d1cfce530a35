"""Worker processes of one machine: fresh interpreters that run the lease loop until all is played.

A worker reads what is missing from its input, and stays as long as that is open: it ends with the
process that has started it, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ...envs.core import InputError
from ...envs.core.files import WRITING
from ...envs.core.leases import Leases
from .board import CHUNKS, Missing
from .sharing import work

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PATIENCE = 5.0
"""Seconds in which a worker that is no longer needed may end by itself."""


class Worker:
    """A worker as seen by the process that starts it; it uses one thread, for workers fill the cores."""

    def __init__(self) -> None:
        # The path of the caller, whose main module is nobody else's business.
        call = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "  # we end it
        call += f"sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", call],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | dict.fromkeys(THREADS, "1"),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._inbox, self._outbox = self._process.stdin, self._process.stdout

    def brief(self, todo: Sequence[Missing], folder: Path) -> None:
        """Tell what is missing, and where."""
        words = [str(folder.absolute()), *(one.to_json() for one in todo)]
        with contextlib.suppress(OSError):  # it is dead, which `lives` tells
            self._inbox.write(json.dumps(words).encode() + b"\n")
            self._inbox.flush()

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def outcome(self) -> str | None:
        """Return how it has ended: None if all is played, else what happened to it.

        Raises:
            InputError: What it has raised.
        """
        said, status = self._outbox.read(), self._process.wait()
        if said:
            raise InputError(json.loads(said))
        if status < 0:
            return f"was killed by signal {-status}, perhaps for want of memory"
        return f"ended with exit status {status}" if status else None

    def dismiss(self) -> None:
        """Have it end: what it plays is lost, and free for others."""
        with contextlib.suppress(OSError):
            self._inbox.close()

    def end(self) -> None:
        """Wait for its end, and not for long."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._outbox.close()


def serve() -> None:
    """Be a worker: read what is missing, and play until nothing is."""
    inbox, outbox = os.dup(0), os.dup(1)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what agents print is no answer
    line = os.fdopen(inbox, closefd=False).readline()
    if not line.endswith("\n"):
        os._exit(1)  # the parent was killed as it wrote
    folder, *lines = json.loads(line)
    try:
        with Leases(Path(folder) / CHUNKS) as leases:
            threading.Thread(target=_follow, args=(inbox, leases), daemon=True).start()
            work(map(Missing.from_json, lines), Path(folder), leases)
    except InputError as error:
        os.write(outbox, json.dumps(str(error)).encode())
    sys.stderr.flush()
    os._exit(0)  # whatever threads an agent has left


def _follow(inbox: int, leases: Leases) -> None:
    """End as soon as the parent has, or does not need us; let go of what we hold."""
    while os.read(inbox, 1):
        pass
    leases.close()
    WRITING.acquire(timeout=PATIENCE / 2)  # half a file would be left
    os._exit(1)
