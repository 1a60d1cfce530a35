"""What every rule can do, and how a score becomes a choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random


class Rule(ABC):
    """Turns the beliefs of B episodes into B choices; it has settings but no state."""

    belief: tuple[str, dict[str, float]] | None = None
    """The belief it insists on, by name and settings; None: any will do."""

    looks_ahead = True
    """Whether it reckons with what the labels of items in flight and of its own batch will tell."""

    needs: tuple[str, ...] = ()
    """Methods that its belief must have, beyond those of every belief."""

    @abstractmethod
    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Random
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``.

        Args:
            belief: A `Belief` over n items in B episodes.
            mask: 1 where an item may be chosen, ``(B, n)``; None: everywhere.
            random: What is drawn from.
        """

    def choose_batch(
        self, belief: Any, mask: NDArray[np.int8], random: Random, size: int
    ) -> NDArray[np.int64]:
        """Return ``size`` different items for each episode, ``(B, size)``, chosen one by one.

        Args:
            belief: A `Belief` over n items in B episodes.
            mask: 1 where an item may be chosen, ``(B, n)``.
            random: What is drawn from.
            size: Number of items.
        """
        batch, mask, every = (
            np.empty((len(mask), size), np.int64),
            mask.copy(),
            np.arange(len(mask)),
        )
        for k in range(size):
            if k and self.looks_ahead:
                left = belief.left - 1
                belief = belief.look_ahead(batch[:, k - 1 : k])
                belief.left = left
            batch[:, k] = self.choose(belief, mask, random)
            mask[every, batch[:, k]] = 0
        return batch


def best(
    score: NDArray[np.float64],
    mask: NDArray[np.int8] | None,
    random: Random,
    within: Any = 0.0,
) -> NDArray[np.int64]:
    """Return the legal item with the highest score, ties broken at random, ``(B,)``.

    Args:
        score: Scores, ``(B, n)``.
        mask: 1 where an item may be chosen, ``(B, n)``; None: everywhere.
        random: What is drawn from.
        within: How far rounding may have put a score below its equal, broadcast to ``(B, n)``: equal
            items have scores that differ in the last digits, and none of them has a claim to be first.
    """
    if mask is not None:
        score = np.where(mask, score, -np.inf)
    return one_of(score >= score.max(1, keepdims=True) - within, random)


def one_of(allowed: NDArray[np.bool_], random: Random) -> NDArray[np.int64]:
    """Return one of the allowed items of each episode, all with the same chance, ``(B,)``."""
    choice = allowed.argmax(1)
    count = np.count_nonzero(allowed, axis=1)
    coins = random.random(len(allowed))  # drawn whether or not there is a tie: others may have one
    for i in (count > 1).nonzero()[0].tolist():
        choice[i] = allowed[i].nonzero()[0][int(coins[i] * count[i])]
    return choice
