r"""Active search: as many successes as the labels that are left allow.

With p(z) the probability that item z succeeds, the next item maximises its own probability plus what
it is expected to leave for the k - 1 labels after it, were they chosen all at once,

    s(x) = p(x) + sum_y P(y | x) max_{|S| = k - 1} sum_{z in S} p(z | x, y),  x not in S.

One step (k = 1) is greedy; two steps are the exact look-ahead of two labels; and with k all the labels
that are left, s is ENS, efficient nonmyopic search.

Sources: Garnett, Krishnamurthy, Xiong, Schneider, Mann, "Bayesian Optimal Active Search and
Surveying", ICML 2012; Jiang, Malkomes, Converse, Shofner, Moseley, Garnett, "Efficient Nonmyopic
Active Search", ICML 2017, equation (7).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from ...envs.core.checks import integer
from ..beliefs.belief import ROUNDING, Probabilities, highest
from .decision import Decision
from .rule import Rule, best

BLOCK = 2**13
"""Numbers of a block in each episode: probabilities of all items given labels of some candidates."""


class ActiveSearch(Rule[Probabilities]):
    """Active search with a look-ahead of some labels.

    Args:
        steps: Number of labels to look ahead, the next one included.
        candidates: Only so many items of the highest probability are looked at; None: all.
    """

    needs = Probabilities

    def __init__(self, steps: int = 2, candidates: int | None = 50) -> None:
        self.steps: int | None = integer("steps", steps, low=1)
        if candidates is not None:
            candidates = integer("candidates", candidates, low=1)
        self.candidates = candidates

    def choose(
        self, belief: Probabilities, decision: Decision, random: Random
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        mean = belief.chance()  # free of the unit of the label
        b, n = mean.shape
        legal = decision.mask > 0
        left = decision.left if self.steps is None else np.minimum(decision.left, self.steps)
        later = np.clip(left - 1, 0, legal.sum(1) - 1)
        count = min(self.candidates or n, n)
        items = highest(np.where(legal, mean, -np.inf), count, random, ROUNDING)
        p = np.take_along_axis(mean, items, 1)
        future = np.empty((b, count))
        width = max(1, BLOCK // n)
        for block in (slice(i, i + width) for i in range(0, count, width)):
            failure, success = belief.given(items[:, block])
            for means in (failure, success):
                means[np.broadcast_to(~legal[:, None], means.shape)] = -np.inf
                np.put_along_axis(means, items[:, block, None], -np.inf, 2)
            q = p[:, block]
            future[:, block] = (1 - q) * top_sums(failure, later) + q * top_sums(success, later)
        score = np.full((b, n), -np.inf)
        np.put_along_axis(score, items, p + future, 1)
        return best(score, decision.mask, random, ROUNDING * (1 + later[:, None]))


class ENS(ActiveSearch):
    """Efficient nonmyopic search: active search that looks ahead to the last label.

    Args:
        candidates: Only so many items of the highest probability are looked at; None: all.
    """

    def __init__(self, candidates: int | None = 50) -> None:
        super().__init__(candidates=candidates)
        self.steps = None


def top_sums(values: NDArray[np.floating[Any]], count: NDArray[np.int64]) -> NDArray[np.float64]:
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
