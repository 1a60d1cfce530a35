"""Inside a worker: read a simulator, then jobs, and answer each."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from pathlib import Path

import cloudpickle

from ...core import told
from ...core.arrays import Array
from .black_box import Job, alone, attempt, complain
from .processes import kill_family

SIMULATOR = "simulator.pickle"
"""The file that a worker reads its simulator from."""


def work(descriptor: int, parent: int, family: str, scratch: str) -> None:
    """Be a worker: read a simulator, then jobs, and answer each."""
    threading.Thread(target=_end_with, args=(parent, family), daemon=True).start()
    channel = socket.socket(fileno=descriptor)
    try:
        with alone():
            simulator = cloudpickle.loads(Path(scratch, SIMULATOR).read_bytes())
    except BaseException as error:  # the user's module, as it is imported here
        complain()
        why = f"cannot be imported: {type(error).__name__}: {told(error)}"
        _answer(channel, family, "broken", why)
        return
    _answer(channel, family, "ready", "")
    for line in channel.makefile("rb"):
        token, path, job = json.loads(line)
        _print_to(path)
        try:
            kind, value = attempt(simulator, Job(*job))
        except KeyboardInterrupt:  # of its own: no terminal interrupts this session
            kind, value = "failed", "raised KeyboardInterrupt"
        _answer(channel, token, kind, value)


def _answer(channel: socket.socket, token: str, kind: str, value: str | Array) -> None:
    if isinstance(value, str):
        content = value.encode(errors="replace")
    else:
        content = value.astype("<f8").tobytes()
    try:
        channel.sendall(f"{token} {kind} {len(content)}\n".encode() + content)
    except OSError:
        os.write(2, b"The simulator has closed what its worker answers by.\n")
        os._exit(1)


def _print_to(path: str) -> None:
    """Let all that is printed go to a file, and give nothing to read; a run may have closed both."""
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for name, flags, streams in ((os.devnull, os.O_RDONLY, (0,)), (path, writing, (1, 2))):
        descriptor = os.open(name, flags, 0o666)
        for stream in streams:
            os.dup2(descriptor, stream)
        if descriptor > 2:
            os.close(descriptor)


def _end_with(parent: int, family: str) -> None:
    """Kill this process and all that it started as soon as the parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.2)
    kill_family(0, family)
