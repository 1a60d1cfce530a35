"""The basic rules: random, greedy, Bayes-UCB, Thompson sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core.checks import real
from .rule import Rule, best


class Random(Rule):
    """A uniformly random legal item."""

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``: the k-th legal one for a uniform k."""
        assert mask is not None  # without a mask RandomAgent asks for no rule
        ranks = mask.cumsum(1, dtype=np.int64)
        k = random.integers(ranks[:, -1]) + 1
        return (ranks >= k[:, None]).argmax(1)


class Greedy(Rule):
    """The highest posterior mean."""

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        return best(belief.mean(), mask, random)


class BayesUCB(Rule):
    """The highest posterior mean plus `width` standard deviations.

    A Gaussian form of the Bayes-UCB of Kaufmann, Cappe, Garivier, AISTATS 2012, with a fixed
    quantile.

    Args:
        width: Number of standard deviations.
    """

    def __init__(self, width: float = 1.0) -> None:
        self.width = real("width", width, low=0)

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        return best(belief.mean() + self.width * belief.std(), mask, random)


class Thompson(Rule):
    """The best item of one draw from the posterior (Thompson, Biometrika 1933)."""

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        return best(belief.sample(1, random)[:, 0], mask, random)
