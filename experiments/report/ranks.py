"""Ranks with their uncertainty, pairs, and what a number of episodes can tell.

**Ranks.** All pairs of agents are compared at once, so that all ranks are right together in 95 % of the
cases: an agent's rank is at least 1 + the number of those surely better, and at most the number of
agents less those surely worse (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies 91
(2024), 476; steps down as Romano and Wolf, Journal of the American Statistical Association 100 (2005),
94). A pair is surely ordered if its studentised mean difference is beyond what the largest of all pairs
would be among equals. What it would be, flipped signs tell: an episode counts plus or minus, for all
agents alike, which is exact where differences are symmetric, and leaves skewed ones to a correction of
t by Hall (Journal of the Royal Statistical Society B 54 (1992), 221). Resampled episodes in their place
are far too careful where few episodes differ much, and normal noise is too sure where laws are skewed.

`python tests/support/rank_coverage.py` measures how often all ranks are covered, law by law.

**Pairs.** Student's t of paired differences, adjusted for their number (`holm`: Scandinavian Journal of
Statistics 6 (1979), 65).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from ...envs.core import InputError
from ...envs.core.arrays import Array, Whole
from ..runs.scores import ROUNDING
from .stats import LEVEL

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]

POWER = 0.8
"""How often a difference that episodes "can tell" is told."""
BLOCK = 4_000_000
"""Numbers that are held at once, which bounds the memory."""


def rank_sets(
    scores: Sequence[ArrayLike], level: float = LEVEL, draws: int = 1000, seed: int = 0
) -> tuple[Whole, Whole]:
    """Return the lowest and the highest rank that each of p agents may have, ``(p,)`` each; 1 is best.

    All of them hold together with probability ``level``. Agents are ranked by the mean over tasks of
    their mean score; tasks weigh the same, and are those of the suite, not a sample of tasks. A single
    episode of a task tells nothing, and two or three nearly nothing: signs have few ways to fall.

    Args:
        scores: For each task ``(p, E_k)``, larger is better, episodes paired over agents.
        level: How often all sets hold the true ranks.
        draws: How many flips of signs.
        seed: Seed of the signs: the same scores always give the same ranks.

    Raises:
        InputError: No task, other agents in one task than in another, or a score that is not finite.
    """
    tasks = _tasks(scores)
    p = len(tasks[0])
    first, second = pairs = np.triu_indices(p, 1)
    if p < 2 or min(task.shape[1] for task in tasks) < 2:
        return np.ones(p, np.int64), np.full(p, p)
    random = np.random.default_rng(seed)
    sign, told = np.empty(len(first)), np.zeros(len(first), bool)
    size = max(1, BLOCK // (max(task.shape[1] for task in tasks) + 4 * len(first)))
    parts = [
        _studentised(tasks, pairs, min(size, draws + 1 - start), start == 0, random)
        for start in range(0, draws + 1, size)
    ]
    found = np.concatenate(parts)  # (draws + 1, pairs); its first row is what was played
    sign, ours, flipped = np.sign(found[0]), abs(found[0]), abs(found[1:])
    while not told.all():
        largest = np.sort(flipped[:, ~told].max(1))
        critical = largest[min(math.ceil(level * (draws + 1)), draws) - 1]
        more = (ours > critical * (1 + 1e-9)) & ~told  # the flip that changes nothing is no proof
        if not more.any():
            break
        told |= more
    better = np.zeros((p, p), bool)  # [j, k]: k is surely better than j
    better[second[told & (sign > 0)], first[told & (sign > 0)]] = True
    better[first[told & (sign < 0)], second[told & (sign < 0)]] = True
    return 1 + better.sum(1), p - better.sum(0)


def _tasks(scores: Sequence[ArrayLike]) -> list[Array]:
    """Return the scores of all tasks, divided by a power of two so that no cube is infinite."""
    tasks = [np.asarray(task, np.float64) for task in scores]
    if not tasks or any(task.ndim != 2 or len(task) != len(tasks[0]) for task in tasks):
        raise InputError(
            "scores must hold an array (agents, episodes) for each task, of the same agents, got shapes "
            f"{[task.shape for task in tasks]}; leave out agents that did not play all tasks."
        )
    if not all(np.isfinite(task).all() for task in tasks):
        raise InputError("scores must be finite; leave out agents whose runs have failed.")
    largest = max(abs(task).max(initial=0) for task in tasks)
    unit = 2.0 ** np.floor(np.log2(largest)) if largest else 1.0
    return [task / unit for task in tasks]


def _studentised(
    tasks: Sequence[Array], pairs: Pairs, rows: int, played: bool, random: np.random.Generator
) -> Array:
    """Return t of each pair, corrected for skewness, under random signs, ``(rows, pairs)``.

    The signs of the first row are all plus if it is what was ``played``.
    """
    first, second = pairs
    mean = variance = third = scale = np.zeros((rows, len(first)))
    for task in tasks:
        count = task.shape[1]
        signs = 1.0 - 2.0 * random.integers(2, size=(rows, count), dtype=np.int8)
        signs[: int(played)] = 1
        x = task[first] - task[second]  # (pairs, E)
        size = np.maximum(abs(task[first]).max(1), abs(task[second]).max(1))
        x[abs(x) <= ROUNDING * size[:, None]] = 0
        one, square = signs @ x.T / count, (x**2).mean(1)
        left = square - one**2
        left[left <= ROUNDING * square] = 0  # all differences are the same
        mean = mean + one
        scale = scale + size
        variance = variance + left / (count - 1)
        if count > 2:
            cube = signs @ (x**3).T / count - 3 * one * square + 2 * one**3
            third = third + cube / ((count - 1) * (count - 2))
    mean[abs(mean) <= ROUNDING * scale] = 0
    varies = variance > 0
    error = np.sqrt(np.where(varies, variance, 1))
    t, skew = mean / error, third / error**3
    hall = t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6
    return np.where(varies, hall, np.where(mean == 0, 0, np.copysign(np.inf, mean)))


def holm(p: ArrayLike) -> Array:
    """Return p-values adjusted for their number, by Holm, in their order and shape.

    Those below 1 - level are sure together: that any of them is wrong has a probability of 1 - level at
    most, whatever they have to do with each other. NaN stands for no test and stays.
    """
    given = np.asarray(p, np.float64)
    flat, found = given.ravel(), np.full(given.size, np.nan)
    order = np.argsort(flat)[: int((~np.isnan(flat)).sum())]  # NaN comes last
    steps = flat[order] * np.arange(len(order), 0, -1)
    found[order] = np.maximum.accumulate(steps).clip(max=1)
    return found.reshape(given.shape)


def paired(ours: ArrayLike, theirs: ArrayLike) -> Array:
    """Return ours minus theirs, ``(E,)`` over the same seeds; what is rounding is 0."""
    x, y = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    largest = max(abs(x).max(initial=0), abs(y).max(initial=0))
    return np.where(abs(x - y) <= ROUNDING * largest, 0.0, x - y)


def p_value(differences: ArrayLike) -> float:
    """Return the p-value of Student's t, both sides, for paired differences ``(E,)`` of mean 0.

    NaN for a single episode. Where nothing varies it is 1 for differences of 0; else a sign each, as if
    fair, gives 2^(1 - E).
    """
    x = np.asarray(differences, np.float64)
    if x.size < 2:
        return math.nan
    error, mean = standard_error(x), abs(float(x.mean()))
    if error == 0:
        return 1.0 if mean == 0 else 2.0 ** (1 - x.size)
    return float(2 * stdtr(x.size - 1, -mean / error))


def detectable(differences: ArrayLike) -> float:
    """Return the smallest difference of means that as many episodes as these tell in 80 % of the cases.

    From paired differences ``(E,)``, in their unit, by Student's t at 5 % on both sides: (t_.975 +
    t_.8) sd / sqrt(E), which is 2.80 sd / sqrt(E) for many episodes. NaN for a single one, and 0
    where nothing varies.
    """
    x = np.asarray(differences, np.float64)
    return math.nan if x.size < 2 else quantiles(x.size - 1) * standard_error(x)


def episodes_to_tell(differences: ArrayLike, size: float) -> int | None:
    """Return how many episodes tell a difference of ``size``: the inverse of `detectable`.

    ``None`` where that is unknown: a single episode, or nothing that varies.
    """
    x = np.asarray(differences, np.float64)
    deviation = standard_error(x) * x.size**0.5 if x.size > 1 else 0.0
    if not (deviation > 0 and size > 0 and deviation / size < 1e8):
        return None
    counts = range(2, 2**62)
    enough = bisect_left(counts, True, key=lambda n: quantiles(n - 1) * deviation <= size * n**0.5)
    return counts[enough]


def quantiles(freedom: int) -> float:
    """Return t_.975 + t_.8 of so many degrees of freedom."""
    return float(stdtrit(freedom, (1 + LEVEL) / 2) + stdtrit(freedom, POWER))


def standard_error(differences: ArrayLike) -> float:
    """Return the standard error of the mean of ``(E,)`` numbers; NaN for one, 0 where nothing varies."""
    x = np.asarray(differences, np.float64)
    if x.size < 2:
        return math.nan
    if np.ptp(x) <= ROUNDING * abs(x).max():
        return 0.0
    return float(x.std(ddof=1) / x.size**0.5)
