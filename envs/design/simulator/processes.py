"""A process and all that it started, to be killed together."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path


def mark_of(family: str) -> str:
    """Return the name in the environment of all that a worker starts."""
    return f"DISCOVERY_GYM_{family}"


def kill_family(leader: int, family: str) -> None:
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


def _send(call: Callable[[int, int], None], pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        call(pid, number)


def _members(family: str) -> set[int]:
    """Return processes with the mark in their environment and all below them; none without /proc."""
    mark = b"\0" + mark_of(family).encode() + b"="
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # one ends, or is another user's
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            if mark in b"\0" + (folder / "environ").read_bytes():
                found.add(pid)
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return found
