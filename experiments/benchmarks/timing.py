"""Timing in turns, in seconds of processor time: other programs on the machine do not count."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Name = TypeVar("Name")

Work = Callable[[], object]
"""What is timed."""
Measured = tuple[list[str], list[list[str]]]
"""The head and the rows of a table."""
PACKAGE = __name__.split(".")[0]
PEAK = """
import re, resource, sys
from pathlib import Path
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
if sys.platform == "linux":  # where the number above may be that of the process before
    peak = 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""
"""Code that finds the most memory that its process has held, in bytes."""


def in_turns(
    works: Mapping[Name, Work], turns: int, seconds: float = 0.05
) -> dict[Name, NDArray[np.float64]]:
    """Return the seconds that every work takes in every turn, each ``(turns,)``.

    Args:
        works: What to time, by name.
        turns: How often each one has its turn; the order is reversed every other time.
        seconds: Length of a turn, about, in which it is repeated.
    """
    repetitions = {}
    for name, work in works.items():
        work()  # warm up
        count = 1
        while (one := spent(work, count)) < seconds / 4:
            count *= 2
        repetitions[name] = max(1, round(count * seconds / one))
    times: dict[Name, list[float]] = {name: [] for name in works}
    for turn in range(turns):
        for name in list(works)[:: 1 if turn % 2 else -1]:
            times[name].append(spent(works[name], repetitions[name]) / repetitions[name])
    return {name: np.array(values) for name, values in times.items()}


def spent(work: Work, count: int = 1) -> float:
    """Return the seconds that some work takes, done so many times."""
    start = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - start


def fresh(code: str, *arguments: object, env: Mapping[str, str] | None = None) -> list[float]:
    """Return the numbers that code prints in its last line, run by a new interpreter."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return [float(number) for number in done.stdout.splitlines()[-1].split()]


def few(turns: int) -> int:
    """Return how many turns what takes long has: three, or one where a look is enough."""
    return 3 if turns > 3 else 1


def median(values: NDArray[np.float64], digits: str = ".2f") -> str:
    """Return the median over the turns, and the 10th to the 90th percentile."""
    low, middle, high = (f"{value:{digits}}" for value in np.quantile(values, (0.1, 0.5, 0.9)))
    return f"{middle} ({low} to {high})"


def milli(seconds: Any, number: int = 1) -> str:
    """Return milliseconds, of each of a number of episodes: the median over the turns."""
    return f"{np.median(seconds) * 1e3 / number:.3g}"


def micro(seconds: Any, number: int = 1) -> str:
    """Return microseconds alike."""
    return f"{np.median(seconds) * 1e6 / number:.3g}"


def rate(seconds: Any, number: int = 1) -> str:
    """Return how many are done in a second, of a number that are done at once, alike."""
    return f"{number / np.median(seconds):,.0f}"
