r"""The scores of efficient nonmyopic search in large pools, of the items that may be the best.

For any v, the m highest of some values add up to m v + sum_z (value(z) - v)^+ at most. With m labels
after this one, and v the highest chance of today but m, the score of x is thus at most

    p(x) + m v + sum_{z not x} (p(z) - v)^+
         + sum_y P(y | x) sum_{z reached by x} ((p(z | x, y) - v)^+ - (p(z) - v)^+),

for all x by two products with one matrix, which is sparse where a label changes few chances. Exact
scores are taken by falling bound, until the next bound is below the best of them.

Source: Jiang, Malkomes, Converse, Shofner, Moseley, Garnett, "Efficient Nonmyopic Active Search", ICML
2017, section 4.2, with a bound that is tighter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ...envs.core.arrays import Array, Flags, Whole

FIRST, MOST = 64, 1024
"""Items whose scores are computed together: at first, and at most."""


def pruned(
    graph: csr_array, chances: tuple[Array, Array, Array], allowed: Flags, later: int, within: float
) -> Array:
    """Return the scores of the items that may be the best, minus infinity of the others, ``(n,)``.

    Args:
        graph: Whose chances, by column, the label of a row changes, ``(n, n)``.
        chances: The chance of every item now, and after a failure or a success that reaches it, ``(n,)``
            each, 0 where an item may not be labelled.
        allowed: Which items the choice is among, ``(n,)``.
        later: Number m of labels after this one, less than n.
        within: How far below the best a score counts as equal.
    """
    p = chances[0]
    best = _highest(p, later + 1 + int(np.diff(graph.indptr).max(initial=0)))
    level = p[best[later]]
    now, failure, success = (np.maximum(chance - level, 0) for chance in chances)
    bound = p + later * level + now.sum() - now
    bound += (1 - p) * (graph @ (failure - now)) + p * (graph @ (success - now))
    scores, some = np.full(len(p), -np.inf), np.flatnonzero(allowed)
    some = some[_highest(bound[some], FIRST)]
    while some.size:
        scores[some] = _scores(graph, chances, some, best, later)
        open_ = np.flatnonzero(allowed & np.isneginf(scores) & (bound >= scores.max() - within))
        some = open_[_highest(bound[open_], min(2 * len(some), MOST))]
    return scores


def _highest(values: Array, count: int) -> Whole:
    """Return where the highest values are, in falling order, ``(count,)``."""
    few = count < len(values)
    some = np.argpartition(-values, count)[:count] if few else np.arange(len(values))
    return some[np.argsort(-values[some], kind="stable")]


def _scores(
    graph: csr_array, chances: tuple[Array, Array, Array], items: Whole, best: Whole, later: int
) -> Array:
    """Return the scores of some items, given more of today's best than can be displaced, ``(m,)``."""
    p, *after = chances
    degree = np.diff(graph.indptr)[items]
    place = np.arange(degree.max())
    inside = place < degree[:, None]
    reached = graph.indices[np.where(inside, graph.indptr[items][:, None] + place, 0)]
    size = min(later + 1 + len(place), len(best))
    rest = np.zeros((len(items), size + 1))  # what stays as it is; nothing is in the last column
    rest[:, :size] = p[best[:size]]
    column = np.full(len(p), size)
    column[best[:size]] = np.arange(size)
    changed = np.where(inside, reached, items[:, None])
    np.put_along_axis(rest, column[np.column_stack([changed, items])], 0.0, 1)
    score = p[items]
    for share, chance in zip((1 - p[items], p[items]), after, strict=True):
        values = np.concatenate([rest, np.where(inside, chance[reached], 0.0)], 1)
        score = score + share * top_sums(values[None], np.array([later]))[0]
    return score


def top_sums(values: NDArray[np.floating[Any]], count: Whole) -> Array:
    """Return the sums of the highest ``count[b]`` values over the last axis, ``(B, m)``.

    Args:
        values: Values ``(B, m, n)``; -inf for what must not count.
        count: How many to add up in each episode, ``(B,)``.
    """
    sums, n = np.zeros(values.shape[:2]), values.shape[2]
    for k in np.unique(count[count > 0]).tolist():
        rows = count == k
        sums[rows] = np.partition(values[rows], n - k, axis=2)[:, :, n - k :].sum(2)
    return sums
