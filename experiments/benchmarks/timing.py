"""Timing in turns, in seconds of processor time: other programs on the machine do not count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Name = TypeVar("Name")

Subject = Callable[[int], None]
"""Does its work a given number of times."""
Measured = tuple[list[str], list[list[str]]]
"""The head and the rows of a table."""


def repeated(work: Callable[[], object]) -> Subject:
    """Return what does some work a given number of times."""

    def repeat(count: int) -> None:
        for _ in range(count):
            work()

    return repeat


def median(values: NDArray[np.float64], digits: str = ".2f") -> str:
    """Return the median over the turns, and the 10th to the 90th percentile."""
    low, middle, high = (f"{value:{digits}}" for value in np.quantile(values, (0.1, 0.5, 0.9)))
    return f"{middle} ({low} to {high})"


def in_turns(
    subjects: Mapping[Name, Subject], *, turns: int, seconds: float = 0.05
) -> dict[Name, NDArray[np.float64]]:
    """Return the seconds per repetition of every subject in every turn, each ``(turns,)``.

    Args:
        subjects: What to time, by name.
        turns: How often each one has its turn; the order is reversed every other time.
        seconds: Length of a turn, about.
    """
    repetitions = {}
    for name, subject in subjects.items():
        subject(3)  # warm up
        count = 1
        while (spent := _time(subject, count)) < seconds / 4:
            count *= 2
        repetitions[name] = max(1, round(count * seconds / spent))
    times: dict[Name, list[float]] = {name: [] for name in subjects}
    for turn in range(turns):
        for name in list(subjects)[:: 1 if turn % 2 else -1]:
            times[name].append(_time(subjects[name], repetitions[name]) / repetitions[name])
    return {name: np.array(values) for name, values in times.items()}


def _time(subject: Subject, count: int) -> float:
    start = time.process_time()
    subject(count)
    return time.process_time() - start
