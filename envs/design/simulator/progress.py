"""How far the runs of a simulator are, and how long those that are left may take."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from .black_box import Job

EVERY = 10.0
"""Seconds between two reports."""


@dataclass(frozen=True)
class Progress:
    """How far the runs of a simulator are.

    Attributes:
        done: Runs that have ended well or failed for good, those that were kept before included.
        total: All runs.
        failed: Those that failed for good.
        seconds: How long the others may take; None as long as nothing tells.
    """

    done: int
    total: int
    failed: int
    seconds: float | None

    def __str__(self) -> str:
        """Return it in a line."""
        words = f"{self.done:,} of {self.total:,} runs"
        if self.failed:
            words += f", {self.failed:,} failed"
        if self.done < self.total and self.seconds is not None:
            words += f", about {duration(self.seconds)} left"
        return words


Tell: TypeAlias = Callable[[Progress], object]


@dataclass
class Watch:
    """Watches runs: what each took, by its setting, and what that tells of those that are left.

    A run that has not ended counts as long as those of its setting, or its age if that is longer.

    Args:
        tell: Is told how far the runs are, every `EVERY` seconds and in the end; None: nobody is.
    """

    tell: Tell | None = None
    seconds: dict[Job, float] = field(default_factory=dict)  # what those that ran here took
    _done: int = 0
    _failed: int = 0
    _waiting: Counter[tuple[float, ...]] = field(default_factory=Counter)  # by setting
    _began: dict[Job, float] = field(default_factory=dict)
    _told: float = 0.0

    def begin(self, waiting: Iterable[Job], done: int, failed: int) -> None:
        """Take note of the runs to come, and of those that are kept."""
        self._waiting = Counter(job.phi for job in waiting)
        self._done, self._failed, self._told = done, failed, time.monotonic()

    def start(self, job: Job) -> None:
        """Take note that a run starts here."""
        self._waiting[job.phi] -= 1
        self._began[job] = time.monotonic()

    def again(self, job: Job) -> None:
        """Take note that a run that started here is to be repeated."""
        self._waiting[job.phi] += 1
        del self._began[job]

    def end(self, job: Job, failed: bool, seconds: float | None = None) -> None:
        """Take note of a run that has ended, here after some seconds, or elsewhere."""
        self._done, self._failed = self._done + 1, self._failed + failed
        if self._began.pop(job, None) is None:
            self._waiting[job.phi] -= 1
        if seconds is not None:
            self.seconds[job] = seconds

    def report(self, last: bool = False) -> None:
        """Tell how far the runs are, if it is time to."""
        now = time.monotonic()
        if self.tell is not None and (last or now - self._told >= EVERY):
            self._told = now
            self.tell(self.progress)

    @property
    def progress(self) -> Progress:
        """How far they are."""
        total = self._done + len(self._began) + self._waiting.total()
        return Progress(self._done, total, self._failed, self._left())

    def _left(self) -> float | None:
        now = time.monotonic()
        ages = {job: now - began for job, began in self._began.items()}
        known = list(self.seconds.values()) or list(ages.values())
        if not known:
            return None
        typical = sum(known) / len(known)
        spent: dict[tuple[float, ...], list[float]] = defaultdict(list)
        for job, seconds in self.seconds.items():
            spent[job.phi].append(seconds)
        means = {phi: sum(some) / len(some) for phi, some in spent.items()}
        for job, age in ages.items():
            spent[job.phi].append(max(age, means.get(job.phi, typical)))
        means = {phi: sum(some) / len(some) for phi, some in spent.items()}
        rest = [max(means[job.phi] - age, 0.0) for job, age in ages.items()]
        work = sum(count * means.get(phi, typical) for phi, count in self._waiting.items())
        return max((work + sum(rest)) / max(len(ages), 1), max(rest, default=0.0))


def duration(seconds: float) -> str:
    """Return a time in a unit that fits it."""
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= (3 if name == "days" else 1.5) * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
