"""The runs of a design: a simulator at every setting, for every value of the parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InputError
from ...core.arrays import Array, Flags, Single
from .binning import Bins
from .black_box import Failed, Job, Result
from .estimate import Estimate, estimate
from .failures import Tally, Verdict
from .jobs import Simulations
from .progress import Tell, Watch
from .tables import Table

NOTHING = np.empty(0)
OUTSIDE = 0.2
"""Share of the events outside their range above which a warning is given."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of a simulator, and the laws of the data that follow from them.

    Args:
        simulations: What runs it.
        bins: What its events are put into.
        thetas: Values of the parameters, ``(G, k)``.
        settings: Settings, ``(A, d)``.
        events: Events of a run.
        seeds: The simulator is run once with each.
        on_failure: What a run that fails for good is: an error ("raise"), an "outcome", or a reason to
            "mask" its parameter value.
        max_failed: Share of the runs, or of the prior, that may fail or be left out.
        fresh: Whether experiments are runs with seeds of their own.
        name: Turns a setting into words.
    """

    simulations: Simulations
    bins: Bins
    thetas: Array
    settings: Single
    events: int
    seeds: Sequence[int]
    on_failure: str
    max_failed: float
    fresh: bool
    name: Callable[[tuple[float, ...]], str]

    @property
    def fails(self) -> bool:
        """Whether failing is an outcome."""
        return self.on_failure == "outcome"

    @property
    def masks(self) -> bool:
        """Whether it leaves out parameter values."""
        return self.on_failure == "mask"

    def job(self, theta: Array, setting: NDArray[Any], events: int, seed: int) -> Job:
        """Return a run."""
        # The shortest decimal of a setting's float32: 40.1 rather than 40.099998474121094.
        phi = tuple(float(str(value)) for value in setting.astype(np.float32))
        return Job(tuple(theta.tolist()), phi, events, seed)

    def jobs(self, indices: Iterable[int]) -> list[Job]:
        """Return all runs at some settings."""
        return [
            self.job(theta, self.settings[index], self.events, seed)
            for index in indices
            for theta in self.thetas
            for seed in self.seeds
        ]

    @property
    def every(self) -> range:
        """The indices of all settings."""
        return range(len(self.settings))

    @cached_property
    def tables(self) -> dict[int, Table]:
        """The law of the data by index of a setting; see `need`."""
        return {}

    @cached_property
    def failures(self) -> Tally:
        """The runs that were looked at so far, and which of them failed."""
        return Tally(self.name)

    # ---- running

    def need(self, indices: Iterable[int], progress: Tell | None = None) -> None:
        """Run what is missing for some settings, and keep their tables."""
        new = [index for index in indices if index not in self.tables]
        if not new:
            return
        jobs, repeats = self.jobs(new), len(self.seeds)
        place = {job: i for i, job in enumerate(jobs)}
        counts = np.zeros((len(jobs) // repeats, self.bins.total))
        failed, seen, beyond = np.ones(len(jobs), np.bool_), 0, 0
        total = len(jobs) // len(new) * len(self.settings)
        for job, result in self._run(jobs, total, progress):
            if not isinstance(result, Failed):
                numbers = self.bins.numbers(result)
                counts[place[job] // repeats] += self.bins.count(numbers)
                failed[place[job]] = False
                seen, beyond = seen + len(numbers), beyond + self.bins.beyond(numbers)
        self._warn_beyond(beyond / max(seen, 1))
        each = (len(new), len(self.thetas), -1)
        parts = zip(new, counts.reshape(each), failed.reshape(each), strict=True)
        self.tables.update({i: Table.of(some, lost, self.fails) for i, some, lost in parts})

    def part(self, part: int, parts: int, progress: Tell | None = None) -> None:
        """Run every ``parts``-th run of all, counted from ``part``, for others to find."""
        jobs = self.jobs(self.every)[part - 1 :: parts]
        for _ in self._run(jobs, len(jobs), progress):
            pass

    def take_over(self, other: Runs) -> None:
        """Keep what others have simulated, whose settings are the first ones of these."""
        known = len(other.settings)
        self.tables.update({i: table for i, table in other.tables.items() if i < known})
        for job in other.failures.runs:
            self.failures.take(job, other.failures.failed.get(job, NOTHING))

    def forget_failures(self) -> None:
        """Forget which runs have failed: they are run again when they are needed."""
        self.simulations.forget(self.jobs(self.every))
        self.tables.clear()
        for name in ("failures", "masked"):
            vars(self).pop(name, None)

    def estimate(self) -> Estimate:
        """Time three runs, of both corners and the centre; return what all will take."""
        jobs, repeats = self.jobs(self.every), len(self.seeds)
        distance = ((self.thetas - self.thetas.mean(0)) ** 2 / self.thetas.var(0)).sum(1)
        middle = len(self.settings) // 2 * len(self.thetas) + int(distance.argmin())
        return estimate(self.simulations, jobs, (0, middle * repeats, len(jobs) - 1))

    def _run(
        self, jobs: Sequence[Job], total: int, progress: Tell | None
    ) -> Iterator[tuple[Job, Result]]:
        """Run jobs, of ``total`` ones in all; failures are counted, and may be too many."""
        watch = Watch(progress)
        if self.on_failure == "raise":
            yield from self.simulations.run(jobs, watch)
            return
        verdict = Verdict(self.failures, len(jobs), total, self.max_failed)
        order = np.random.default_rng(0).permutation(len(jobs))
        try:
            yield from self.simulations.run([jobs[i] for i in order], watch, verdict)
        finally:
            if verdict.guilty:  # else a simulator that is mended would still be believed to fail
                self.simulations.forget(verdict.new)
                vars(self).pop("failures", None)

    def _warn_beyond(self, share: float) -> None:
        if share > OUTSIDE:
            ranges = ", ".join(f"({low:g}, {high:g})" for low, high in self.bins.ranges)
            warnings.warn(
                f"{share:.0%} of what the simulator yields lies outside data_range={ranges}: "
                "it counts in the end bins, which tell little of it. Give a data_range that holds it.",
                stacklevel=2,
            )

    # ---- what a mask leaves out

    @cached_property
    def masked(self) -> Flags:
        """Parameter values that a mask leaves out, ``(G,)``; see `TabulatedDesign.masked`."""
        if not self.masks:
            return np.zeros(len(self.thetas), np.bool_)
        self.need(self.every)
        lost = np.any([self.tables[index].lost for index in self.every], axis=0)
        if lost.any():
            words = (
                f"on_failure='mask' leaves out {lost.mean():.0%} of the prior ({lost.sum()} of "
                f"{len(lost)} parameter values), where all runs at some setting failed: {self.failures}."
            )
            if lost.mean() > self.max_failed or lost.all():
                raise InputError(
                    f"{words} At most max_failed = {self.max_failed:g} may be: give more seeds if "
                    "failures are rare, narrower ranges if they are not, or a higher max_failed."
                )
            warnings.warn(words, stacklevel=2)
        return np.asarray(lost)

    # ---- data

    def data(self, events: Any) -> Array:
        """Return the data of an experiment, ``(m,)``; see `SimulatorDesign.data`."""
        if events is None:
            if not self.fails:
                raise InputError("An experiment that fails is data with on_failure='outcome' only.")
            return np.append(np.zeros(self.bins.total), 1.0)
        counts = self.bins.count(self.bins.numbers(events))
        return np.append(counts, np.zeros(int(self.fails))).astype(np.float64)
