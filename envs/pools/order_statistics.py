r"""The best of n values: what an oracle collects, and what play at random finds.

Expected sums of the best T of n independent values.

The k-th best of n values with quantile function Q lies at Q(U) with U ~ Beta(n - k + 1, k); summed
over the best T,

    E[sum of the best T] = n * integral_0^1 Q(u) P(Binomial(n - 1, 1 - u) <= T - 1) du,

because a value at u is among the best T if at most T - 1 of the n - 1 others lie above it.

The same argument holds for m values drawn without replacement from a table of N: the value with j
better ones in the table is drawn with probability m / N, and then H of the better ones are drawn as
well, H hypergeometric with m - 1 draws from N - 1 values of which j count,

    E[sum of the best T] = (m / N) * sum_j y_(j) P(H(N - 1, j, m - 1) <= T - 1).

Who draws k of n items at random, without replacement, misses the best j of them with probability

    S_j(k) = C(n - j, k) / C(n, k) = product over i < j of (n - k - i) / (n - i),

and needs (n + 1) / (j + 1) draws in the mean to the first of them. The best that is drawn lies below the
best of all by the steps z_(j) - z_(j+1) between neighbours in rank whose upper side was missed, so that

    E[z_(1) - best of k] = sum_j (z_(j) - z_(j+1)) S_j(k),

and the mean over k = 1, ..., T needs no sum over k: with N the draws to the first of the best j,

    sum_{k=0}^{T} S_j(k) = E[min(N, T + 1)] = (n + 1) / (j + 1) - S_j(T + 1) (n - T) / (j + 1),

since after T + 1 misses (n - T) / (j + 1) more draws are needed in the mean.

Source: David and Nagaraja, "Order Statistics" (2003), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import bdtr, gammaln, ndtr

from ..core.arrays import Array

Values = Callable[[Array], Array]


def top_sum(value: Values, num_items: int, count: int) -> float:
    """Return the expected sum of the best ``count`` of ``num_items`` values ``value(Z)``.

    Args:
        value: An increasing function; each item holds ``value(Z)`` of its own standard normal Z.
        num_items: The number n of items.
        count: The number T of items to take.
    """
    # The trapezoid rule: nothing is as exact for a smooth integrand that is 0 at both ends, and
    # beyond 12 standard deviations there is nothing.
    z, step = np.linspace(-12, 12, 20_001, retstep=True)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    chosen = bdtr(count - 1, num_items - 1, ndtr(-z)) if count < num_items else np.ones_like(z)
    return num_items * float((value(z) * density * chosen).sum() * step)


def top_sum_uniform(num_items: int, count: int) -> float:
    """Return the expected sum of the best ``count`` of ``num_items`` uniforms on (0, 1)."""
    best = np.arange(num_items, num_items - count, -1)
    return float((best / (num_items + 1)).sum())


def top_sum_drawn(values: Array, num_drawn: int, count: int) -> float:
    """Return the expected sum of the best ``count`` of ``num_drawn`` values drawn from a table.

    Args:
        values: The values of the table, ``(N,)``.
        num_drawn: The number m of them that are drawn, without replacement.
        count: The number T of drawn values to take.
    """
    from scipy.stats import hypergeom  # slow to import, so only when it is asked for

    better = np.arange(len(values))
    taken = hypergeom.cdf(count - 1, len(values) - 1, better, num_drawn - 1)
    return num_drawn / len(values) * float(-np.sort(-values) @ taken)


def draws_to_first(num_items: Any, num_best: Any) -> Any:
    """Return the expected draws, without replacement, to the first of the best j of n items."""
    return (num_items + 1) / (num_best + 1)


def missed(num_items: int, count: int) -> Array:
    """Return the chance that k drawn items hold none of the best j, ``(n - 1,)`` for j from 1 on."""
    passed = np.arange(num_items - 1)
    chances = np.maximum(num_items - count - passed, 0) / (num_items - passed)
    return np.asarray(np.cumprod(chances), np.float64)


def gap_drawn(values: Array, counts: Sequence[int]) -> Array:
    """Return by how much the best of k drawn values is expected to lie below the best of all.

    Args:
        values: The values of each of B pools, ``(B, n)``.
        counts: P numbers k of values that are drawn, without replacement, from 1 to n.

    Returns:
        ``(B, P)``, in the unit of the values.
    """
    n, steps = values.shape[1], _steps_down(values)
    return np.stack([(steps * missed(n, k)).sum(1) for k in counts], 1)


def mean_gap_drawn(values: Array, count: int) -> Array:
    """Return the mean of `gap_drawn` over k = 1, ..., ``count``, ``(B,)``."""
    n = values.shape[1]
    first = draws_to_first(n, np.arange(1, n))
    later = missed(n, count + 1) * (n - count) / np.arange(2, n + 1) if count < n else 0.0
    return np.asarray((_steps_down(values) * ((first - later - 1) / count)).sum(1))


def _steps_down(values: Array) -> Array:
    """Return the differences of neighbours in rank, from the best value on, ``(B, n - 1)``."""
    return np.ascontiguousarray(np.diff(np.sort(values, axis=1), axis=1)[:, ::-1])


def chi_mean(degrees: int) -> float:
    """Return the expected length of a vector of ``degrees`` standard normals."""
    return float(np.sqrt(2) * np.exp(gammaln((degrees + 1) / 2) - gammaln(degrees / 2)))
