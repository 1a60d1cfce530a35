"""Rows of a table, timed in turns, in seconds of processor time: other programs do not count."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from timeit import Timer, timeit
from typing import TypeVar

import numpy as np
from matplotlib.ticker import EngFormatter

from ...envs.core.arrays import Array

Name = TypeVar("Name")

Work = Callable[[], object] | float
"""What is timed. A number was measured already, and what returns one measures itself."""
LONG = 1.0
"""Seconds of a work that has few turns: three, or one where a look is enough."""
PACKAGE = __name__.split(".")[0]
PEAK = """
import re, resource, sys
from pathlib import Path
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
if sys.platform == "linux":  # where the number above may be that of the process before
    peak = 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""
"""Code that finds the most memory that its process has held, in bytes."""
HEAD = ["", "each", "its floor", "/ floor", "to reach"]


@dataclass(frozen=True)
class Row:
    """A work and what it is held against, in the same turns.

    Args:
        name: What is done.
        work: The work.
        floor: What it cannot do without, or a peer.
        each: How many are done at once; one of them is shown.
        reach: What one of them shall take at most, or the ratio.
        unit: Of what is measured.
    """

    name: str
    work: Work
    floor: Work | None = None
    each: int = 1
    reach: str = ""
    unit: str = "s"

    def cells(self, turns: int) -> list[str]:
        """Measure it; return the cells below `HEAD`."""
        works = {"work": self.work} | ({} if self.floor is None else {"floor": self.floor})
        found, shown = in_turns(works, turns), EngFormatter(self.unit, places=2)
        cells = [shown(np.median(values) / self.each) for values in found.values()]
        if self.floor is not None:
            low, middle, high = np.quantile(found["work"] / found["floor"], (0.1, 0.5, 0.9))
            cells.append(f"{middle:.3g} ({low:.3g} to {high:.3g})")
        return [self.name, *[*cells, "", ""][:3], self.reach]


Rows = Iterator[Row]


def in_turns(works: Mapping[Name, Work], turns: int) -> dict[Name, Array]:
    """Return what every work takes in every turn; the order is reversed every other time."""
    start = time.perf_counter()
    timers = {name: _timer(work) for name, work in works.items()}
    if time.perf_counter() - start > 2 * LONG * len(works):
        turns = 3 if turns > 3 else 1
    found: dict[Name, list[float]] = {name: [] for name in works}
    for turn in range(turns):
        for name in list(works)[:: 1 if turn % 2 else -1]:
            found[name].append(timers[name]())
    return {name: np.array(values) for name, values in found.items()}


def _timer(work: Work) -> Callable[[], float]:
    """Return what says how long a work takes, done as often as a turn of .05 s or more allows."""
    if not callable(work):
        return lambda: work
    if isinstance(work(), float):  # this warms up, too
        return work  # type: ignore[return-value]
    timer = Timer(work, timer=time.process_time)
    count = max(1, timer.autorange()[0] // 4)
    return lambda: timer.timeit(count) / count


def spent(work: Callable[[], object], count: int = 1) -> float:
    """Return the seconds that some work takes, done so many times."""
    return timeit(work, timer=time.process_time, number=count)


def fresh(code: str, *arguments: object, env: Mapping[str, str] | None = None) -> list[float]:
    """Return the numbers that code prints in its last line, run by a new interpreter."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return [float(number) for number in done.stdout.splitlines()[-1].split()]
