"""The basic rules: greedy, epsilon-greedy, upper bounds, Thompson sampling, the first hub.

Where items have prices their index counts per price, as far as it is above 0 (`Decision.per_cost`);
where there are fidelities the item comes first, then the test of it (`by_threshold`).
"""

from __future__ import annotations

import numpy as np

from ...envs.core import Random
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import LARGE, flag, real
from ..beliefs import Belief, Linear
from .decision import Decision
from .rule import Rule, any_legal, best


class Greedy(Rule[Belief]):
    """The highest posterior mean."""

    looks_ahead = False

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        mean = decision.per_cost(belief.mean())
        return best(mean, decision.mask, random, belief.rounding())


class EpsilonGreedy(Rule[Belief]):
    """Greedy, but with probability `epsilon` a uniformly random legal item.

    Source: Sutton and Barto, "Reinforcement Learning" (2018), section 2.2.

    Args:
        epsilon: The probability.
    """

    looks_ahead = False

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = real("epsilon", epsilon, low=0, high=1)

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        mean = decision.per_cost(belief.mean())
        explores = random.random(len(mean)) < self._chance(decision)
        score = np.where(explores[:, None], random.random(mean.shape), mean)
        return best(score, decision.mask, random, belief.rounding() * ~explores[:, None])

    def _chance(self, decision: Decision) -> float | Array:
        """Return the probability of a random item, the same for all episodes or ``(B,)``."""
        return self.epsilon


class BayesUCB(Rule[Belief]):
    """The highest posterior mean plus `width` standard deviations.

    A Gaussian form of the Bayes-UCB of Kaufmann, Cappe, Garivier, AISTATS 2012, with a fixed
    quantile.

    Args:
        width: Number of standard deviations.
        pending: Whether labels in flight count, as they will narrow what is believed.
    """

    def __init__(self, width: float = 1.0, pending: bool = True) -> None:
        self.width = real("width", width, low=0, high=LARGE)
        self.looks_ahead = flag("pending", pending)

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        within = (1 + self.width) * belief.rounding()
        index = decision.per_cost(belief.mean() + self.width * belief.std())
        return best(index, decision.mask, random, within)


class LinUCB(BayesUCB):
    """LinUCB as in the experiments of Xu et al. (2022): ridge regression, no prior.

    The upper bound x . theta + alpha sqrt(x' A^-1 x) with A = ridge I + sum x x' is that of a
    linear belief with noise 1 and a prior so wide that it says nothing. Both are in units of the label,
    as in the paper, and there is no intercept. So its choices change where labels are in percent or
    counted from another zero, unlike those of rules with beliefs free of units.

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

    The paper gives this name to the linear bound on labels 0 and 1, not to the generalised linear model
    of Filippi, Cappe, Garivier, Szepesvari, NeurIPS 2010. It depends on the unit and the zero of the
    label, as LinUCB does.

    Args:
        alpha: Width of the bound.
        ridge: Regularisation.
    """

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        assert isinstance(belief, Linear)  # the belief that it requires
        choice = super().choose(belief, decision, random)
        early = (decision.labelled >= 0).sum(1) <= belief.model.num_features
        return np.where(early, any_legal(decision.mask, random), choice)


class Thompson(Rule[Belief]):
    """The best item of one draw from the posterior (Thompson, Biometrika 1933).

    A batch takes the best item of a draw each.
    """

    looks_ahead = False

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        # A draw may lie some standard deviations off the mean.
        draw = decision.per_cost(belief.sample(1, random)[:, 0])
        return best(draw, decision.mask, random, 4 * belief.rounding(drawn=True))


class OneHub(Rule[Belief]):
    """A random node of the highest degree first, then the highest posterior mean: a plain baseline."""

    looks_ahead = False
    belief: tuple[str, dict[str, float]] | None = ("nodes", {})

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen nodes, ``(B,)``."""
        score = decision.per_cost(belief.mean())
        fresh = np.asarray((decision.labelled < 0).all(1))
        if fresh.any():  # no node is chosen yet
            score = np.where(fresh[:, None], belief.reach(np.ones_like(score)), score)
        return best(score, decision.mask, random, belief.rounding())
