"""Commands in real processes: on a terminal, and whatever the environment of the tests is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import tiny

CLI = [sys.executable, "-m", "discovery_gym.experiments"]
ESCAPE = "\x1b"


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process, whatever that of the tests is."""
    told = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL")
    kept = {key: value for key, value in os.environ.items() if key not in told}
    paths = [str(Path(tiny.__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), **changes}


def on_terminal(words: list[str], interrupt: bytes = b"", **changes: str) -> tuple[int, str]:
    """Run a command on a terminal, with all it prints there; return its status and that.

    Once it prints `interrupt`, it is interrupted.
    """
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**changes)
    ) as process:
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 2**16)
            except OSError:  # Linux tells the end of a terminal so
                break
            if not piece:
                break
            pieces.append(piece)
            if interrupt and interrupt in piece:
                process.send_signal(signal.SIGINT)
                interrupt = b""
    os.close(ours)
    return process.returncode, b"".join(pieces).decode()
