"""The basic rules: random, greedy, epsilon-greedy, upper bounds, Thompson sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random as Numbers
from ...envs.core.checks import LARGE, real
from .rule import Rule, best


class Random(Rule):
    """A uniformly random legal item."""

    looks_ahead = False

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``: the k-th legal one for a uniform k."""
        assert mask is not None  # without a mask RandomAgent asks for no rule
        ranks = mask.cumsum(1, dtype=np.int64)
        k = (random.random(len(mask)) * ranks[:, -1]).astype(np.int64) + 1
        return (ranks >= k[:, None]).argmax(1)


class Greedy(Rule):
    """The highest posterior mean."""

    looks_ahead = False

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        return best(belief.mean(), mask, random, belief.rounding())


class EpsilonGreedy(Rule):
    """Greedy, but with probability `epsilon` a uniformly random legal item.

    Source: Sutton and Barto, "Reinforcement Learning" (2018), section 2.2.

    Args:
        epsilon: The probability.
    """

    looks_ahead = False

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = real("epsilon", epsilon, low=0, high=1)

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        mean = belief.mean()
        explores = random.random(len(mean)) < self.epsilon
        score = np.where(explores[:, None], random.random(mean.shape), mean)
        return best(score, mask, random, belief.rounding() * ~explores[:, None])


class BayesUCB(Rule):
    """The highest posterior mean plus `width` standard deviations.

    A Gaussian form of the Bayes-UCB of Kaufmann, Cappe, Garivier, AISTATS 2012, with a fixed
    quantile.

    Args:
        width: Number of standard deviations.
    """

    def __init__(self, width: float = 1.0) -> None:
        self.width = real("width", width, low=0, high=LARGE)

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        within = (1 + self.width) * belief.rounding()
        return best(belief.mean() + self.width * belief.std(), mask, random, within)


class LinUCB(BayesUCB):
    """LinUCB as in the experiments of Xu et al. (2022): ridge regression, no prior.

    The upper bound x . theta + alpha sqrt(x' A^-1 x) with A = ridge I + sum x x' is that of a
    linear belief with noise 1 and a prior so wide that it says nothing. Both are in the unit of the
    label, as in the paper, and there is no intercept: other than rules with beliefs that are free of
    units, it chooses otherwise where labels are in percent or counted from another zero.

    Args:
        alpha: Width of the bound.
        ridge: Regularisation.
    """

    def __init__(self, alpha: float = 1.0, ridge: float = 1e-3) -> None:
        super().__init__(real("alpha", alpha, low=0, high=LARGE))
        ridge = real("ridge", ridge, low=0, high=LARGE, open_low=True)
        self.belief = ("linear", {"prior_std": ridge**-0.5, "noise_std": 1.0})


class GLMUCB(LinUCB):
    """GLM-UCB as in the experiments of Xu et al. (2022): d + 1 random items first, then LinUCB.

    What carries the name there is the linear bound on labels 0 and 1, not the generalised linear
    model of Filippi, Cappe, Garivier, Szepesvari, NeurIPS 2010. It depends on the unit and the zero of
    the label, as LinUCB does.

    Args:
        alpha: Width of the bound.
        ridge: Regularisation.
    """

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        assert mask is not None  # pools show one
        choice = super().choose(belief, mask, random)
        early = (mask == 0).sum(1) <= belief.model.num_features
        return np.where(early, Random().choose(belief, mask, random), choice)


class Thompson(Rule):
    """The best item of one draw from the posterior (Thompson, Biometrika 1933).

    A batch takes the best item of a draw each.
    """

    looks_ahead = False

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Numbers
    ) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        # A draw may lie some standard deviations off the mean.
        return best(belief.sample(1, random)[:, 0], mask, random, 4 * belief.rounding(drawn=True))
