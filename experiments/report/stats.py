"""The statistics of the leaderboard.

Intervals are 95 % intervals over episodes, by the rule that covers best for what is there
(`Interval.how`):

- "t": Student's t, below `ENOUGH` episodes; the bootstrap is too narrow there.
- "BCa": the bias-corrected and accelerated bootstrap from `ENOUGH` episodes on, from `RESAMPLES`
  resamples drawn with the fixed seed `BOOTSTRAP_SEED`: the same records always give the same page.
- "Clopper-Pearson": where episodes have two outcomes, whose share is then a proportion.
- "no variation": all episodes are the same, and nothing can be said about others.

How often they cover the truth depends on the law of the episodes: nothing rescues eight episodes
where failures are rare (`tests/experiments/report/test_stats.py` holds the coverage law by law).

Sources: Efron, "Better bootstrap confidence intervals", Journal of the American Statistical
Association 82 (1987), 171, equations (2.3) and (6.6); Davison and Hinkley, "Bootstrap methods and
their application" (1997), section 5.3.2, for several samples; Welch, Biometrika 34 (1947), 28, for
the degrees of freedom; Clopper and Pearson, Biometrika 26 (1934), 404. The probability of improvement
is that of Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep reinforcement learning at the
edge of the statistical precipice" (2021). Ranks and pairs are in `ranks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from ...envs.core import InputError
from ...envs.core.arrays import Array, Whole
from ..runs.scores import ROUNDING

LEVEL = 0.95
RESAMPLES = 2000
BOOTSTRAP_SEED = 20_231_127
"""Fixed, so that a leaderboard is a function of its records. Any number would do."""
ENOUGH = 32
"""Episodes from which on the bootstrap covers as well as Student's t, and skew laws better."""
NO_VARIATION = "no variation"
BLOCK = 2_000_000
"""Numbers that are resampled at once, which bounds the memory."""
KEPT = 1024
"""Episodes of a task up to which it is kept who is drawn, which takes longer than their means."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Args:
        value: The estimate.
        low: Lower end; NaN where there is no interval.
        high: Upper end; NaN where there is no interval.
        how: "t", "BCa", "Clopper-Pearson" or "no variation", as told above; empty where a single
            episode, or a value that is not finite, leaves nothing to say.
        episodes: The number E of episodes behind it, of all tasks together.
    """

    value: float
    low: float = np.nan
    high: float = np.nan
    how: str = ""
    episodes: int = 0

    def within(self, low: float, high: float) -> Interval:
        """Return the same of a quantity that lies in a range: an end beyond it is that of the range.

        Student's t knows of no range. What is cut off cannot be the truth, so that it covers as often.
        """
        ends = np.clip([self.low, self.high], low, high)
        return replace(self, low=float(ends[0]), high=float(ends[1]))

    def ends(self, number: Callable[[float], str]) -> str:
        """Return the interval in words, its ends as ``number`` writes them; empty if there is none.

        An interval without width would claim to be exact: it says instead that nothing varied.
        """
        if self.how == NO_VARIATION:
            return f"({NO_VARIATION} in {self.episodes:,} episodes)"
        return "" if np.isnan(self.low) else f"[{number(self.low)}, {number(self.high)}]"


def mean(values: ArrayLike) -> Interval:
    """Return the mean of ``(E,)`` values: t, BCa, or Clopper-Pearson where they take two values."""
    return _of_one(np.asarray(values, np.float64))


def paired_difference(ours: ArrayLike, theirs: ArrayLike) -> Interval:
    """Return the mean of ours minus theirs, both ``(E,)`` and over the same seeds.

    It is the mean of the differences, pair by pair, so that luck which both agents share cancels;
    the rules are those of `mean`.
    """
    x, y = _pairs(ours, theirs)
    return _of_one(x - y, scale=max(abs(x).max(initial=0), abs(y).max(initial=0)))


def ratio(ours: ArrayLike, theirs: ArrayLike) -> Interval:
    """Return the mean of ours over the mean of theirs, both ``(E,)`` and over the same seeds.

    It is the mean of `pulled`; NaN where theirs have the mean 0.
    """
    x, y = _pairs(ours, theirs)
    if y.mean() == 0:
        return Interval(np.nan, episodes=x.size)
    return _of_one(pulled(x, y), scale=abs(x).max() / abs(y.mean()))


def pulled(ours: ArrayLike, theirs: ArrayLike) -> Array:
    """Return values whose mean is the ratio r of two means, and whose spread is that of r, ``(E, ...)``.

    They are r + (x - r y) / mean(y): the linearised ratio of Cochran, "Sampling techniques" (1977),
    section 6.3. The means are those over the first axis, and those of y are not 0.
    """
    x, y = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    r = x.mean(0) / y.mean(0)
    return np.asarray(r + (x - r * y) / y.mean(0))


def proportion(successes: int, count: int) -> Interval:
    """Return the share of successes, by Clopper and Pearson.

    The interval covers the truth in at least 95 % of the cases whatever it is. It has a width also
    where all episodes succeed, or none.
    """
    out, failures = (1 - LEVEL) / 2, count - successes
    low = betaincinv(successes, failures + 1, out) if successes else 0.0
    high = betaincinv(successes + 1, failures, 1 - out) if failures else 1.0
    return Interval(successes / count, float(low), float(high), "Clopper-Pearson", count)


def mean_over_tasks(scores: Sequence[ArrayLike]) -> Interval:
    """Return the mean over tasks of the mean score, from one ``(E_k,)`` array per task.

    Episodes vary within their task: the tasks are those of the suite, not a sample. BCa where every
    task has `ENOUGH` episodes, else t with Welch's degrees of freedom.
    """
    samples = [np.asarray(task, np.float64) for task in scores]
    return _interval(samples)


def _pairs(ours: ArrayLike, theirs: ArrayLike) -> tuple[Array, Array]:
    """Return both as ``(E,)``; other numbers of episodes are no pairs."""
    x, y = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise InputError(
            f"Pairs need the same episodes of both, got shapes {x.shape} and {y.shape}; play both with "
            "one number of episodes and one seed."
        )
    return x, y


def probability_of_improvement(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Return P(X > Y) + P(X = Y) / 2 for one of our episodes X and one of theirs, Y."""
    from scipy.stats import mannwhitneyu  # slow to import, so only when it is asked for

    x, y = np.asarray(ours), np.asarray(theirs)
    return float(mannwhitneyu(x, y, method="asymptotic").statistic / (x.size * y.size))


# ---- intervals


def _of_one(values: Array, scale: float | None = None) -> Interval:
    """Return the mean of ``(E,)`` values.

    Args:
        values: The values.
        scale: Size of the numbers that they were computed from, for what counts as rounding; the
            largest of them if ``None``.
    """
    outcomes, count = np.unique(values), values.size
    if not np.isfinite(values).all():
        return _interval([values])
    largest = abs(values).max(initial=0) if scale is None else scale
    if count > 1 and outcomes[-1] - outcomes[0] <= ROUNDING * largest:
        value = float(np.mean(values))
        value = 0.0 if abs(value) <= ROUNDING * largest else value
        return Interval(value, how=NO_VARIATION, episodes=count)
    if count > 2 and len(outcomes) == 2:  # of two episodes this says nothing about their law
        first, step = float(outcomes[0]), float(outcomes[1] - outcomes[0])
        share = proportion(int((values != first).sum()), count)
        low, high = first + step * share.low, first + step * share.high
        return Interval(float(np.mean(values)), low, high, share.how, count)
    return _interval([values])


def _interval(samples: Sequence[Array]) -> Interval:
    """Return the mean of the means of K samples, ``(E_k,)`` each, with its interval.

    Samples are divided by a power of two, which changes no digit, so that their cubes are neither
    infinite nor 0.
    """
    largest = max(abs(sample).max(initial=0) for sample in samples)
    unit = 2.0 ** np.floor(np.log2(largest)) if 0 < largest < np.inf else 1.0
    one = _of_unit([sample / unit for sample in samples])
    return replace(one, value=one.value * unit, low=one.low * unit, high=one.high * unit)


def _of_unit(samples: Sequence[Array]) -> Interval:
    means = np.array([np.mean(sample) for sample in samples])
    value, sizes = float(means.mean()), [sample.size for sample in samples]
    if not np.isfinite(value) or min(sizes) < 2:
        return Interval(value, episodes=sum(sizes))
    pulls = [_pull(samples, means, k) for k in range(len(samples))]
    largest = max(abs(sample).max() for sample in samples)
    if max(abs(pull).max() * pull.size for pull in pulls) <= ROUNDING * largest:
        return Interval(value, how=NO_VARIATION, episodes=sum(sizes))
    if min(sizes) < ENOUGH:
        parts = np.array([pull.size / (pull.size - 1) * (pull**2).sum() for pull in pulls])
        degrees = parts.sum() ** 2 / (parts**2 / (np.array(sizes) - 1)).sum()
        half = float(stdtrit(degrees, (1 + LEVEL) / 2)) * float(parts.sum()) ** 0.5
        return Interval(value, value - half, value + half, "t", sum(sizes))
    draws = _resampled(samples)
    every = np.concatenate(pulls)
    skew = (every**3).sum() / (6 * (every**2).sum() ** 1.5)  # the acceleration; at most 1/6
    # Draws that hit the estimate itself count half on either side; rounding must not decide.
    near = ROUNDING * largest
    below = ((draws < value - near).mean() + (draws <= value + near).mean()) / 2
    bias = ndtri(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws)))
    z = bias + ndtri([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(draws, ndtr(bias + z / (1 - skew * z)))
    return Interval(value, float(low), float(high), "BCa", sum(sizes))


def _pull(samples: Sequence[Array], means: Array, k: int) -> Array:
    """Return by how much each episode of task k pulls the estimate, by the jackknife, ``(E_k,)``.

    For the mean of one sample it is (x_i - mean) / E.
    """
    sample, n = samples[k], samples[k].size
    without = np.repeat(means[:, None], n, axis=1)
    without[k] = (n * means[k] - sample) / (n - 1)
    found = without.mean(0)
    return (n - 1) / n * (found.mean() - found)


def _resampled(samples: Sequence[Array]) -> Array:
    """Return the estimate in resamples of the episodes, each within its task, ``(RESAMPLES,)``."""
    if len(samples) == 1 and samples[0].size <= KEPT:
        return np.asarray(samples[0][_choices(RESAMPLES, samples[0].size)].mean(1))
    random = np.random.default_rng(BOOTSTRAP_SEED)
    means = np.empty((len(samples), RESAMPLES))
    for k, sample in enumerate(samples):
        size = max(1, BLOCK // sample.size)
        for first in range(0, RESAMPLES, size):
            block = means[k, first : first + size]
            block[:] = sample[random.integers(sample.size, size=(len(block), sample.size))].mean(1)
    return np.asarray(means.mean(0))


@lru_cache(maxsize=4)
def _choices(count: int, size: int) -> Whole:
    """Return the episodes of all resamples of one task, ``(count, size)``: always the same."""
    return np.random.default_rng(BOOTSTRAP_SEED).integers(size, size=(count, size))
