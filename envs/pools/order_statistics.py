r"""Expected sums of the best T of n independent values: what an oracle collects.

The k-th best of n values with quantile function Q lies at Q(U) with U ~ Beta(n - k + 1, k); summed
over the best T,

    E[sum of the best T] = n * integral_0^1 Q(u) P(Binomial(n - 1, 1 - u) <= T - 1) du,

because a value at u is among the best T if at most T - 1 of the n - 1 others lie above it.

The same argument holds for m values drawn without replacement from a table of N: the value with j
better ones in the table is drawn with probability m / N, and then H of the better ones are drawn as
well, H hypergeometric with m - 1 draws from N - 1 values of which j count,

    E[sum of the best T] = (m / N) * sum_j y_(j) P(H(N - 1, j, m - 1) <= T - 1).

Source: David and Nagaraja, "Order Statistics" (2003), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, ndtr

Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]


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


def top_sum_normal(num_items: int, count: int) -> float:
    """Return the expected sum of the best ``count`` of ``num_items`` standard normals."""
    return top_sum(lambda z: z, num_items, count)


def top_sum_uniform(num_items: int, count: int) -> float:
    """Return the expected sum of the best ``count`` of ``num_items`` uniforms on (0, 1)."""
    best = np.arange(num_items, num_items - count, -1)
    return float((best / (num_items + 1)).sum())


def top_sum_drawn(values: NDArray[np.float64], num_drawn: int, count: int) -> float:
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


def chi_mean(degrees: int) -> float:
    """Return the expected length of a vector of ``degrees`` standard normals."""
    return float(np.sqrt(2) * np.exp(gammaln((degrees + 1) / 2) - gammaln(degrees / 2)))
