"""Simulators that behave and misbehave; what they note goes to the folder of the test."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

FOLDER = "SIMULATORS_FOLDER"


def note(name: str, line: str = "x") -> int:
    """Append a line to a file of the test's folder; return how many it has now."""
    path = Path(os.environ[FOLDER], name)
    with path.open("a") as file:
        file.write(line + "\n")
    return len(path.read_text().splitlines())


def calls(folder: Path) -> list[str]:
    """Return what simulators have noted of their calls, a line each."""
    path = folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


def listen(folder: Path) -> int:
    """Open the pipe that a hanging simulator holds open."""
    os.mkfifo(folder / "pipe")
    return os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)


def heard(pipe: int) -> bytes:
    """Return what comes next from a pipe; nothing once all that held it are dead."""
    assert select.select([pipe], [], [], 60)[0], "a simulator lives on"
    return os.read(pipe, 1)


def good(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    note("calls", f"{theta[0]:g} {phi[0]:g} {seed}")
    return np.random.default_rng(seed).normal(theta[0], phi[0], n_events)


def poor(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Do what theta says, the first time or always, as phi says; at theta = 0 behave."""
    tries = note(f"tries-{theta[0]:g}")
    print("a last word")
    if tries > 1 and phi[0] == 1:
        return good(theta, phi, n_events, seed)
    match theta[0]:
        case 1.0:  # hang, with a child that hangs as well, and hold a pipe open all the while
            held = os.open(Path(os.environ[FOLDER], "pipe"), os.O_WRONLY)
            os.write(held, b"x")
            child = "import time; time.sleep(1000)"
            subprocess.run([sys.executable, "-c", child], pass_fds=[held])
            time.sleep(1000)
        case 2.0:
            os.kill(os.getpid(), signal.SIGKILL)
        case 3.0:
            os._exit(7)
        case 4.0:
            raise RuntimeError("no licence")
        case 9.0:  # what watches over it
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(1000)
    return good(theta, phi, n_events, seed)


BAD: list[tuple[Any, str]] = [
    ([1.0, float("nan"), 2.0], "returned nan as event 1"),
    ([], "returned 0 events where 3 numbers"),
    (None, "returned None where 3 numbers"),
    ("none today", "returned 'none today' where 3 numbers"),
    (["1", "2", "3"], r"returned \['1', '2', '3'\] where"),
    ([1.0, 2.0], "returned 2 events where 3 numbers"),
    ([[1.0, 2.0, 3.0]], r"returned an array of shape \(1, 3\) where 3 numbers"),
    ([1.0, float("inf"), 2.0], "returned inf as event 1"),
]


def wrong(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Return nonsense number theta; behave below 0."""
    note("tries")
    return good(theta, phi, n_events, seed) if theta[0] < 0 else BAD[int(theta[0])][0]


def noise(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Tell nothing about theta, with noise of its own for each."""
    return np.random.default_rng([seed, int(theta[0] * 1e6)]).random(n_events)


def logistic(theta: Any) -> Any:
    """Return the chance that `brittle` fails, by the reference's example."""
    return 1 / (1 + np.exp(-8 * (theta - 1.2)))


SEEDS = 200
"""Seeds of `brittle` that stand for all there is."""


def brittle(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Yield N(theta, phi), evenly over the seeds, or fail with a chance of `logistic(theta)`."""
    if (seed + 0.5) / SEEDS < logistic(theta[0]):
        raise FloatingPointError("no convergence")
    return theta[0] + phi[0] * ndtri(
        (np.arange(n_events) + (seed * 0.618034) % 1) / n_events + 1e-9
    )


def numeric(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Fail with all seeds at theta > 2 and phi > 2, and with odd ones at theta < 1."""
    note("calls", f"{theta[0]:g} {phi[0]:g} {seed}")
    if (theta[0] > 2 and phi[0] > 2) or (theta[0] < 1 and seed % 2):
        return np.full(n_events, np.nan)
    return np.random.default_rng(seed).normal(theta[0], 1, n_events)


def hopeless(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    note("calls")
    raise ValueError(f"no such file at {phi[0]:g}")


def moody(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Fail in the way that theta says: with the same words, with others each time, by a kill."""
    tries = note(f"tries-{theta[0]:g}")
    if theta[0] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("no licence" if theta[0] == 1 else f"no licence for {tries}")


def wide(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Yield three numbers an event: N(theta, 1), something of no use, and N(-theta, 2)."""
    note("calls")
    x, y = np.random.default_rng(seed).normal(size=(2, n_events))
    return np.stack([theta[0] + x, np.full(n_events, 1e6), 2 * y - theta[0]], 1)


def difference(events: Any) -> Any:
    return events[:, 0] - events[:, 2]


def mean_and_width(events: Any) -> Any:
    return events.mean(), events.std()


def hourly(setting: Any) -> float:
    return float(1 + setting[0] ** 2)


def hopeful(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Fail above 1.2, whatever the seed."""
    if theta[0] > 1.2:
        raise FloatingPointError("no convergence")
    return np.full(n_events, theta[0])
