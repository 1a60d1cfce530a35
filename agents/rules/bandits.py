r"""Rules of bandits, for conditions that are tested again and again.

With n_k labels of condition k, their mean m_k and variance v_k, and t the number of this test:

    UCB1:        m_k + (2 ln t / n_k)^(1/2)
    UCB1-tuned:  m_k + (ln t / n_k min(1/4, v_k + (2 ln t / n_k)^(1/2)))^(1/2)

Every condition is tested once first.

Sources: P. Auer, N. Cesa-Bianchi, P. Fischer, "Finite-time Analysis of the Multiarmed Bandit Problem",
Machine Learning 47 (2002), 235, for UCB1 and UCB1-tuned; all of them as in J. Y. Wang et al., Nature
626, 1025 (2024).
"""

from __future__ import annotations

import numpy as np

from ...envs.core import Random
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import integer
from ..beliefs import SampleMean
from .basic import EpsilonGreedy
from .decision import Decision, Repeated
from .rule import Rule, best


class UCB1(Rule[SampleMean]):
    """The highest sample mean plus what is left to be found out about it: UCB1."""

    needs = SampleMean
    belief = ("sample_mean", {})

    def choose(self, belief: SampleMean, decision: Decision, random: Random) -> Whole:
        """Return the chosen conditions, ``(B,)``."""
        share = np.log(decision.chosen + 1.0)[:, None] / np.maximum(belief.tests, 1)
        width = np.where(belief.tests > 0, self._width(share, belief), 0.0)
        return best(belief.mean() + width, decision.mask, random, belief.rounding())

    def _width(self, share: Array, belief: SampleMean) -> Array:
        """Return what is added, with ``share`` for ln t / n, ``(B, K)``."""
        return np.sqrt(2 * share)


class UCB1Tuned(UCB1):
    """UCB1 with the variance that was seen: UCB1-tuned."""

    def _width(self, share: Array, belief: SampleMean) -> Array:
        spread = belief.variance() + np.sqrt(2 * share)
        return np.sqrt(share * np.minimum(0.25, spread))


class RoundRobin(Rule[SampleMean]):
    """The condition with the fewest tests."""

    looks_ahead = False
    needs = SampleMean
    belief = ("sample_mean", {})

    def choose(self, belief: SampleMean, decision: Decision, random: Random) -> Whole:
        """Return the chosen conditions, ``(B,)``."""
        assert isinstance(decision, Repeated)  # its belief is about conditions
        return best(-decision.times.astype(np.float64), decision.mask, random)


class ExploreCommit(RoundRobin):
    """Explore, then commit: as many tests of each condition, then the highest sample mean.

    Args:
        tests: Tests of each condition; None takes as many as the budget has for all.
    """

    def __init__(self, tests: int | None = None) -> None:
        self.tests = None if tests is None else integer("tests", tests, low=1)

    def choose(self, belief: SampleMean, decision: Decision, random: Random) -> Whole:
        """Return the chosen conditions, ``(B,)``."""
        assert isinstance(decision, Repeated)  # its belief is about conditions
        total, count = decision.chosen + decision.left, decision.mask.shape[1]
        enough = (total // count if self.tests is None else self.tests + 0 * total)[:, None]
        fewest = np.where(decision.mask > 0, decision.times, np.inf).min(1, keepdims=True)
        explores = fewest < enough
        score = np.where(explores, -decision.times.astype(np.float64), belief.mean())
        return best(score, decision.mask, random, np.where(explores, 0.0, belief.rounding()))


class AnnealedGreedy(EpsilonGreedy):
    """Greedy on the sample mean, but at test t with probability 1 / ln t a random condition.

    As in J. M. White, "Bandit Algorithms for Website Optimization" (2012), chapter 4.
    """

    belief = ("sample_mean", {})

    def __init__(self) -> None:
        super().__init__()

    def _chance(self, decision: Decision) -> Array:
        with np.errstate(divide="ignore"):  # the first test is random
            return np.asarray(np.minimum(1 / np.log(decision.chosen + 1.0), 1.0))
