r"""Items that are hits or not, independent of each other given one of K worlds.

World k has probability w_k, and item i is a hit in it with probability p_ki. A test, positive with
probability s_k on a hit and f_k on others, changes both,

    w_k <- w_k P_k(outcome) / sum,   p_ki <- s_k p_ki / (s_k p_ki + f_k (1 - p_ki)) after a positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ...envs.core.arrays import Array, Whole


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What is believed about n items in B episodes.

    Args:
        weight: Probabilities of the worlds, ``(B, K)``.
        chance: Chance of a hit of every item in each of them, ``(B, K, n)``.
        tests: Chances that each of the M tests is positive on a hit and on any other item in each world,
            ``(M, 2, K)``; the last never errs.
    """

    weight: Array
    chance: Array
    tests: Array

    def mean(self) -> Array:
        """Return the chance of a hit of every item, ``(B, n)``."""
        return np.asarray(np.einsum("bk,bkn->bn", self.weight, self.chance))

    def positive(self, test: int) -> Array:
        """Return the chance that a test of every item is positive in each world, ``(B, K, n)``."""
        hit, miss = self.tests[test]
        return np.asarray(miss[:, None] + (hit - miss)[:, None] * self.chance)

    def hit_after(self, test: int) -> tuple[Array, Array]:
        """Return the chance of a hit after a negative and a positive test, each ``(B, K, n)``.

        It is 0 after what cannot be.
        """
        positive, hit = self.positive(test), self.tests[test, 0][:, None] * self.chance
        after = np.divide(hit, positive, out=np.zeros_like(hit), where=positive > 0)
        missed = np.divide(
            self.chance - hit, 1 - positive, out=np.zeros_like(hit), where=positive < 1
        )
        return missed, after

    def after(self, items: Whole, test: int) -> list[tuple[Array, Self]]:
        """Return how likely each outcome of a test is, ``(B,)``, negative first, and what follows.

        Args:
            items: The item that is tested in each episode, ``(B,)``.
            test: Which test.
        """
        place = items[:, None, None]
        positive = np.take_along_axis(self.positive(test), place, 2)[..., 0]
        both = []
        for of, hit in zip((1 - positive, positive), self.hit_after(test), strict=True):
            weight = self.weight * of
            total = weight.sum(1, keepdims=True)
            chance = self.chance.copy()
            np.put_along_axis(chance, place, np.take_along_axis(hit, place, 2), 2)
            weight = np.divide(weight, total, out=self.weight.copy(), where=total > 0)
            both.append((total[:, 0], type(self)(weight=weight, chance=chance, tests=self.tests)))
        return both
