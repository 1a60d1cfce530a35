"""What the runs of a design will take: a few of them are timed before all are started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from .black_box import Failed, Job
from .jobs import Simulations
from .progress import Watch, duration

OVERHEAD = 400
"""Bytes of the file of a run besides its events, about."""
KEEPING = 0.01
"""Seconds that it takes to hand out a run and to keep it, about."""


@dataclass(frozen=True)
class Estimate:
    """What the runs of a design will take.

    Attributes:
        settings: Settings.
        values: Values of the parameters.
        seeds: Seeds.
        kept: Runs that are kept already.
        seconds: What each of the probes took.
        failed: Which of them failed, with the reasons, in words.
        workers: Runs at a time.
        bytes: What the files of the runs that are left take.
    """

    settings: int
    values: int
    seeds: int
    kept: int
    seconds: tuple[float, ...]
    failed: tuple[str, ...]
    workers: int
    bytes: int

    @property
    def runs(self) -> int:
        """All runs: settings x values x seeds."""
        return self.settings * self.values * self.seeds

    @property
    def left(self) -> int:
        """Runs that are not kept yet."""
        return self.runs - self.kept

    @property
    def hours(self) -> tuple[float, float, float]:
        """Hours that those may take, by the quickest, the median and the slowest of the probes."""
        if not self.seconds:
            return 0.0, 0.0, 0.0
        together = min(self.workers, max(self.left, 1))
        low, middle, high = (self.left * one / together / 3600 for one in _three(self.seconds))
        return low, middle, high

    def __str__(self) -> str:
        """Return it in three lines or four."""
        grid = f"{self.settings:,} settings x {self.values:,} parameter values"
        runs = f"{self.runs:,} runs ({grid} x {self.seeds:,} seeds)"
        lines = [f"{runs}: {self.kept:,} kept, {self.left:,} left"]
        if self.seconds:
            low, middle, high = map(duration, _three(self.seconds))
            lines.append(f"{len(self.seconds)} probes: {middle} each ({low} to {high})")
            low, middle, high = (duration(3600 * hours) for hours in self.hours)
            crew = f"{self.workers:,} worker{'s' * (self.workers > 1)} ({low} to {high})"
            lines.append(f"about {middle} with {crew}; {_size(self.bytes)} on the disk")
        if self.failed:
            lines.append(f"{len(self.failed)} of them failed: {'; '.join(self.failed)}")
        return "\n".join(lines)


def estimate(simulations: Simulations, jobs: Sequence[Job], probes: Sequence[int]) -> Estimate:
    """Time a few jobs, and say what all of them will take.

    The probes are kept as runs, unless they fail.

    Args:
        simulations: What runs them.
        jobs: All of them, by setting, then parameters, then seed.
        probes: Indices of those that are timed; where one is kept already, that which is nearest to it.

    Raises:
        InputError: The simulator cannot start.
    """
    missing = [i for i, job in enumerate(jobs) if not simulations.known(job)]
    chosen: dict[int, Job] = {}
    for probe in probes:
        rest = [i for i in missing if i not in chosen]
        if rest:
            nearest = min(rest, key=lambda i: abs(i - probe))
            chosen[nearest] = jobs[nearest]
    watch = Watch()
    careful = replace(simulations, failures=True)
    results = list(careful.run(chosen.values(), watch))
    failed = {job: why for job, why in results if isinstance(why, Failed)}
    careful.forget(failed)
    crew = simulations.workers if isinstance(simulations.workers, int) else os.cpu_count()
    kept = len(jobs) - len(missing)
    size = max((result.nbytes for _, result in results if not isinstance(result, str)), default=0)
    return Estimate(
        settings=len({job.phi for job in jobs}),
        values=len({job.theta for job in jobs}),
        seeds=len({job.seed for job in jobs}),
        kept=kept,
        seconds=tuple(
            seconds + KEEPING * (simulations.folder is not None)
            for seconds in watch.seconds.values()
        ),
        failed=tuple(f"at {job} it {why}" for job, why in failed.items()),
        workers=max(crew or 1, 1),
        bytes=0 if simulations.folder is None else len(missing) * (size + OVERHEAD),
    )


def _three(seconds: Sequence[float]) -> tuple[float, float, float]:
    return min(seconds), median(seconds), max(seconds)


def _size(count: float) -> str:
    """Return a number of bytes in a unit that fits it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
