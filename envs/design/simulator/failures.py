r"""Runs that fail for good: which there are, when they are too many, and what they say.

    P(fail | theta, phi) = (f + 1/2) / (n + 1),

where f of the n runs of theta at phi failed: the posterior mean under Jeffreys' prior, so that few runs
rule nothing out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from scipy.special import betainc

from ...core import InputError
from ...core.arrays import Array, Flags
from .black_box import Failed, Job, Result

MODES = ("raise", "outcome", "mask")
SURE = 1e-6
"""Chance that runs are stopped though no more fail than may."""
LISTED = 5
"""Settings that a message lists."""


def failure_rates(failed: Flags) -> Array:
    """Return P(fail) from which of the runs failed, ``(..., n)`` to ``(...)``."""
    return np.asarray((failed.sum(-1) + 0.5) / (failed.shape[-1] + 1))


class Tally:
    """Counts runs and failures by setting.

    Args:
        name: Turns the setting of a job into words.
    """

    def __init__(self, name: Callable[[tuple[float, ...]], str]) -> None:
        self._name = name
        self.runs: set[Job] = set()
        self.failed: dict[Job, Failed] = {}

    def take(self, job: Job, result: Result) -> None:
        """Take in what came of a job."""
        self.runs.add(job)
        if isinstance(result, Failed):
            self.failed[job] = result

    @property
    def rates(self) -> dict[str, tuple[int, int]]:
        """Failures and runs of each setting, the worst first."""
        runs = Counter(job.phi for job in self.runs)
        failed = Counter(job.phi for job in self.failed)
        order = sorted(runs, key=lambda phi: (-failed[phi] / runs[phi], phi))
        return {self._name(phi): (failed[phi], runs[phi]) for phi in order}

    def __str__(self) -> str:
        """Return how many runs failed, at which settings, and why, in words."""
        words = f"{len(self.failed):,} of {len(self.runs):,} runs failed"
        if not self.failed:
            return words
        worst = [f"{name}: {f:,} of {n:,}" for name, (f, n) in self.rates.items() if f]
        words += f" ({'; '.join(worst[:LISTED])}{'; ...' if len(worst) > LISTED else ''})"
        (reason, count), *_ = Counter(self.failed.values()).most_common(1)
        example = next(job for job, why in self.failed.items() if why == reason)
        often = "once" if count == 1 else f"{count:,} times"
        return f"{words}; {often} it {reason.removesuffix('.')}, such as at {example}"


class Verdict:
    """Says when too many runs of a design fail; a `Judge` of `Simulations.run`.

    It is sure once more have failed than may. New runs must come in random order: it then stops much
    earlier, when what has failed leaves no doubt (a chance of `SURE`) that too many will.

    Args:
        tally: What is known of all runs.
        jobs: How many of them are now asked for.
        total: How many runs there are in all.
        most: The share that may fail.
    """

    def __init__(self, tally: Tally, jobs: int, total: int, most: float) -> None:
        self._tally, self._total, self._most = tally, total, most
        self._left = jobs  # those that are not seen yet
        self.new: list[Job] = []  # those that were run now
        self.guilty = False  # whether too many fail
        self._new_failed = 0
        self._may = 1.0  # the share of the new ones that may fail

    def __call__(self, job: Job, result: Result, new: bool) -> InputError | None:
        """Take in a result; return an error if too many fail."""
        allowed = self._most * self._total
        if new and not self.new:
            self._may = max(allowed - len(self._tally.failed), 0.0) / self._left
        self._tally.take(job, result)
        if new:
            self.new.append(job)
            self._new_failed += isinstance(result, Failed)
        else:
            self._left -= 1
        count, failed = len(self.new), self._new_failed
        sure = (
            0 < self._may < 1 and failed and betainc(failed, count - failed + 1, self._may) < SURE
        )
        if not sure and len(self._tally.failed) <= allowed:
            return None
        self.guilty = True
        return InputError(
            f"The simulator fails too often: {self._tally}. Of all {self._total:,} runs at most "
            f"{int(allowed):,} may (max_failed = {self._most:g}). What has failed now is not kept, so "
            "mend the simulator and go on from there; or narrow the ranges; or raise max_failed."
        )
