r"""Which condition is named after n tests of each: the law of sums of draws without replacement.

The number of ways to draw n of m yields with the sum s is the coefficient of u^n z^s in the product of
(1 + u z^y) over all yields y, found by multiplying it out on a grid of sums. Equal sums are parted at
random: each condition draws a uniform mark, and the largest (sum, mark) is named. With x for the mark,

    P(k is named) = sum_s f_k(s) int_0^1 prod_{j != k} (F_j(s - 1) + x f_j(s)) dx,

a polynomial in x, for which Gauss-Legendre quadrature is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from ..core.arrays import Array, Whole


def sums_law(yields: Whole, tests: int) -> Array:
    """Return the probabilities of the sums 0, 1, ... of draws without replacement.

    Args:
        yields: The yields, whole numbers of at least 0, ``(m,)``.
        tests: How many are drawn, at most m.
    """
    most = int(np.sort(yields)[-tests:].sum())
    ways = np.zeros((tests + 1, most + 1))
    ways[0, 0] = 1.0
    for y in yields.tolist():
        ways[1:, y:] += ways[:-1, : most + 1 - y]
    return np.asarray(ways[-1] / comb(len(yields), tests))


def named_chances(yields: Sequence[Whole], tests: int) -> Array:
    """Return the probability that each condition has the largest sum of its tests, ``(K,)``.

    Args:
        yields: The yields of each condition, whole numbers of at least 0.
        tests: How many tests each has.
    """
    laws = [sums_law(one, tests) for one in yields]
    mass = np.zeros((len(laws), max(map(len, laws))))
    for row, law in zip(mass, laws, strict=True):
        row[: len(law)] = law
    below = np.cumsum(mass, axis=1) - mass
    nodes, weights = np.polynomial.legendre.leggauss(len(laws) // 2 + 1)
    chances = np.zeros(len(laws))
    for x, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        beaten = below + x * mass
        left, right = np.ones_like(beaten), np.ones_like(beaten)
        np.cumprod(beaten[:-1], axis=0, out=left[1:])
        right[:-1] = np.cumprod(beaten[:0:-1], axis=0)[::-1]
        chances += weight * (mass * left * right).sum(1)
    return chances
