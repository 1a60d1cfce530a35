"""The statistics of the leaderboard.

Scores are normalised so that random play is 0 and the exact optimum is 1. Intervals are 95 %
percentile bootstrap intervals over episodes, from `RESAMPLES` resamples drawn with the fixed seed
`BOOTSTRAP_SEED`: the same records always give the same page.

Source of the aggregate measures: Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep
reinforcement learning at the edge of the statistical precipice" (2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, mannwhitneyu, trim_mean

Floats = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2000
BOOTSTRAP_SEED = 20_231_127
"""Fixed, so that a leaderboard is a function of its records. Any number would do."""


class Interval(NamedTuple):
    """An estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def normalised(returns: ArrayLike, random_value: float, optimal_value: float) -> Floats:
    """Return the scores (return - random) / (optimal - random), shape ``(E,)``.

    A task whose optimum is no better than random has nothing to score; it gives NaN.
    """
    span = optimal_value - random_value
    return (np.asarray(returns, np.float64) - random_value) / (span if span > 0 else np.nan)


def mean(values: ArrayLike) -> Interval:
    """Return the mean of ``(E,)`` values."""
    return _interval([values], lambda sample, axis=-1: np.mean(sample, axis=axis))


def paired_difference(ours: ArrayLike, theirs: ArrayLike) -> Interval:
    """Return the mean of ours minus theirs, both ``(E,)`` and over the same seeds.

    Episodes are resampled in pairs, so that luck which both agents share cancels.
    """

    def difference(x: Floats, y: Floats, axis: int = -1) -> Any:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    return _interval([ours, theirs], difference, paired=True)


def mean_over_tasks(scores: Sequence[ArrayLike]) -> Interval:
    """Return the mean over tasks of the mean score, from one ``(E_k,)`` array per task.

    Episodes are resampled within their task: the tasks are those of the suite, not a sample.
    """
    return _interval(scores, _over_tasks(np.mean))


def interquartile_mean(scores: Sequence[ArrayLike]) -> Interval:
    """Return the interquartile mean over tasks of the mean score; arguments as `mean_over_tasks`.

    The tasks in the lowest and in the highest quarter (rounded down) are left out, so that one
    task that an agent ruins, or one that is easy, does not decide.
    """
    return _interval(scores, _over_tasks(lambda means, axis: trim_mean(means, 0.25, axis=axis)))


def ahead(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Return 1 if ours are above theirs, both ``(E,)`` and over the same seeds; 0 if below.

    1/2 if that cannot be told: the mean of the paired differences is less than 1.96 standard errors
    away from 0, or there is one episode only.
    """
    difference = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if difference.size < 2:
        return 0.5
    error = difference.std(ddof=1) / difference.size**0.5
    return float(1 + np.sign(difference.mean()) * (abs(difference.mean()) > 1.96 * error)) / 2


def probability_of_improvement(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Return P(X > Y) + P(X = Y) / 2 for one of our episodes X and one of theirs, Y."""
    x, y = np.asarray(ours), np.asarray(theirs)
    return float(mannwhitneyu(x, y, method="asymptotic").statistic / (x.size * y.size))


def performance_profile(scores: Sequence[ArrayLike], thresholds: ArrayLike) -> Floats:
    """Return the share of episodes that score at least each of the K thresholds, ``(K,)``.

    Every task has the same weight.
    """
    levels = np.asarray(thresholds)
    shares = []
    for task in scores:
        ordered = np.sort(np.asarray(task, np.float64))
        shares.append(1 - np.searchsorted(ordered, levels, side="left") / ordered.size)
    return np.mean(shares, axis=0)


def _over_tasks(reduce: Callable[..., Any]) -> Callable[..., Any]:
    def statistic(*samples: Floats, axis: int = -1) -> Any:
        return reduce(np.stack([np.mean(sample, axis=axis) for sample in samples]), axis=0)

    return statistic


def _interval(
    samples: Sequence[ArrayLike], statistic: Callable[..., Any], paired: bool = False
) -> Interval:
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    value = float(statistic(*arrays))
    if not np.isfinite(value) or min(array.size for array in arrays) < 2:
        return Interval(value, np.nan, np.nan)
    found = bootstrap(
        arrays,
        statistic,
        paired=paired,
        vectorized=True,
        method="percentile",
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        batch=max(1, 2_000_000 // max(array.size for array in arrays)),
        rng=np.random.default_rng(BOOTSTRAP_SEED),
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))
