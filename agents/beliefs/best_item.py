r"""What joint draws of a linear function tell about the best item of a pool.

With K draws theta_k, r_k = theta_k - mean(theta), what the identity of the best item a explains of f(x)
is a sum over groups of draws that have the same best item,

    sum_a (sum_{k in a} r_k . x)^2 / (K |a|) = x' L x.

In a pool of a million items most draws have a best item of their own, and their part of it is the sum of
the squares (r_k . x)^2 / K, which are at hand when the best items are looked for. Draws that share
their best item need further products: one for each of them, and one for their sum. Where these are more
than there are groups, or coefficients, the groups have products of their own, or the quadratic form as a
whole has.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...envs.core.arrays import Array, Flags, Single, Whole
from .units import Units, is_large

ROWS = 1024
"""Items that are looked at together, so that their draws stay in the cache."""
BLOCK = 512
"""Items of B episodes that are."""


def about_best(
    x: Single, theta: Single, units: Units | None, mask: NDArray[np.int8]
) -> tuple[Array, Array]:
    """Return the expected regret of every item and the variance that the best one explains.

    Args:
        x: Features, ``(B or 1, n, d)``.
        theta: Draws of the coefficients, ``(B, K, d)``.
        units: What makes features those of the coefficients; None: they are.
        mask: 1 where an item may be the best, ``(B, n)``.

    Returns:
        Two arrays ``(B, n)``.
    """
    if not is_large(x[0]):
        return _of_small(x, theta, mask)
    rest = np.zeros(theta.shape[:2], np.float32)
    if units is not None:
        theta, rest = units.turned(theta)
    told = [
        about_best_of_large(x[e % len(x)], theta[e], rest[e], mask[e] > 0)
        for e in range(len(theta))
    ]
    regret, explained = (np.stack(part) for part in zip(*told, strict=True))
    return regret, explained


def about_best_of_large(
    x: Single, theta: Single, rest: Single, legal: Flags
) -> tuple[Array, Array]:
    """Return the expected regret of every item and the variance that the best one explains, ``(n,)``.

    Args:
        x: Features, ``(n, d)``.
        theta: Draws of the coefficients, ``(K, d)``.
        rest: What each draw adds to the values of all items, ``(K,)``.
        legal: Which items may be the best, ``(n,)``.
    """
    n, count = len(x), len(theta)
    blocks = [slice(i, i + ROWS) for i in range(0, n, ROWS)]
    centre, shift = theta.mean(0), rest.mean()
    mean = x @ centre + shift
    level = np.where(legal, mean, np.float32(-np.inf))
    apart, offset = theta - centre, rest - shift
    top, winner = np.full(count, -np.inf, np.float32), np.zeros(count, np.int64)
    squares = (
        x @ (2 * offset @ apart) + offset @ offset
    )  # of draws + offset, but for those of draws
    for block in blocks:
        values = apart @ x[block].T
        squares[block] += np.einsum("kn,kn->n", values, values)
        values += level[block]
        here = values.argmax(1)
        value = values[np.arange(count), here]
        better = value > top
        top[better], winner[better] = value[better], here[better] + block.start
    regret = (top + offset).mean(dtype=np.float64) - mean
    draws = np.column_stack([apart, offset]) / np.float32(count**0.5)
    rows, sign, alone = _products(draws.astype(np.float32), winner)
    explained = squares / np.float32(count) if alone else np.zeros(n, np.float32)
    if len(rows):
        slope, constant = np.ascontiguousarray(rows[:, :-1]), rows[:, -1:]
        for block in blocks:
            part = slope @ x[block].T
            part += constant
            explained[block] += np.einsum("k,kn,kn->n", sign, part, part, optimize=False)
    return regret.astype(np.float64), np.maximum(explained, 0.0).astype(np.float64)


def _of_small(x: Single, theta: Single, mask: NDArray[np.int8]) -> tuple[Array, Array]:
    """Return `about_best` of pools whose draws are looked at for their largest value, in blocks."""
    b, count, _ = theta.shape
    n = x.shape[1]
    width = max(256, 2**13 // count)  # so that the draws of 32 episodes stay in the cache
    blocks = [slice(i, i + width) for i in range(0, n, width)]
    top = np.full((b, count), -np.inf, np.float32)
    winner = np.zeros((b, count), np.int64)
    for block in blocks:
        draws = np.matmul(theta, x[:, block].transpose(0, 2, 1))
        draws.swapaxes(1, 2)[mask[:, block] == 0] = -np.inf
        here = draws.argmax(2)
        value = np.take_along_axis(draws, here[..., None], 2)[..., 0]
        better = value > top
        np.copyto(top, value, where=better)
        np.copyto(winner, here + block.start, where=better)
    centre = theta.mean(1)
    regret = np.empty((b, n))
    for block in blocks:
        regret[:, block] = np.matmul(x[:, block], centre[:, :, None])[..., 0]
    np.subtract(top.mean(1, dtype=np.float64)[:, None], regret, out=regret)
    return regret, forms(x, explaining(theta - centre[:, None], winner))


def forms(x: Single, factor: Single) -> Array:
    """Return x' L x of features ``(B or 1, n, d)`` and L ``(B, d, d)``, not negative, ``(B, n)``."""
    out = np.empty((len(factor), x.shape[1]))
    for first in range(0, x.shape[1], BLOCK):
        some = x[:, first : first + BLOCK]
        out[:, first : first + BLOCK] = np.einsum("bnd,bnd->bn", np.matmul(some, factor), some)
    return np.maximum(out, 0.0)


def _products(draws: Single, winner: Whole) -> tuple[Single, Single, bool]:
    """Return what explains the values by the fewest products.

    Args:
        draws: Centred draws of the coefficients over sqrt(K), ``(K, d)``.
        winner: The best item of each, ``(K,)``.

    Returns:
        Rows ``(m, d)`` and signs ``(m,)`` of the squares to be added up, and whether the squares of all
        draws come on top.
    """
    _, group, size = np.unique(winner, return_inverse=True, return_counts=True)
    sums = np.zeros((len(size), draws.shape[1]), np.float32)
    np.add.at(sums, group, draws)
    sums /= np.sqrt(size)[:, None].astype(np.float32)
    several, members = sums[size > 1], draws[size[group] > 1]
    if len(several) + len(members) <= min(len(sums), draws.shape[1]):
        sign = np.repeat(np.array([1, -1], np.float32), [len(several), len(members)])
        return np.concatenate([several, members]), sign, True
    if len(sums) > draws.shape[1]:
        values, vectors = np.linalg.eigh(sums.T.astype(np.float64) @ sums)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        sums = root.T.astype(np.float32)
    return sums, np.ones(len(sums), np.float32), False


def explaining(theta: Single, winner: Whole) -> Single:
    """Return L of every episode, ``(B, d, d)``, the quadratic form of all groups at once.

    Args:
        theta: Centred draws of the coefficients, ``(B, K, d)``.
        winner: The best item of each, ``(B, K)``.
    """
    b, count, d = theta.shape
    order = winner.argsort(1, kind="stable") + np.arange(0, b * count, count)[:, None]
    best = winner.take(order)
    begins = np.ones(b * count + 1, np.bool_)
    begins[:-1].reshape(b, count)[:, 1:] = best[:, 1:] != best[:, :-1]
    edges = begins.nonzero()[0]
    group = np.add.reduceat(theta.reshape(-1, d).take(order.ravel(), 0), edges[:-1])
    group /= np.sqrt((edges[1:] - edges[:-1]) * count)[:, None].astype(np.float32)
    cuts = edges.searchsorted(np.arange(0, b * count + 1, count)).tolist()
    out = np.empty((b, d, d), np.float32)
    for e, (i, j) in enumerate(pairwise(cuts)):
        np.matmul(group[i:j].T, group[i:j], out=out[e])
    return out
