r"""Exchangeable belief: candidates that are alike until they are tested, under one of K models.

Model k, of weight w_k, says that each candidate is a hit with probability pi_k on its own, and that its
cheap test is positive with probability s_k on a hit and f_k on any other. So the posterior of the models
follows from counts, and given the model a candidate follows from its own tests,

    w_k <- w_k prod_classes P_k(outcomes of the class)^count,
    P_k(hit | positive) = s_k pi_k / (s_k pi_k + f_k (1 - pi_k)).

Both are exact, by Bayes' rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax, xlogy

from ...envs.core import Knowledge, Random
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.pools.screening_pool import ScreeningPool
from ...envs.pools.shop import BinaryProxy
from .belief import Probabilities
from .mixture import Mixture


class Exchangeable(Probabilities):
    """Belief about the candidates of a `ScreeningPool`.

    The value of a candidate is its careful label, 1 for a hit and 0 otherwise.

    Args:
        model: The pool; its public mixture of models is the prior.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: ScreeningPool, num_episodes: int) -> None:
        self.model = model
        start = np.full((num_episodes, model.num_items), -1, np.int8)
        self._condition(start, start)

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool of exchangeable candidates."""
        return isinstance(model, ScreeningPool)

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from."""
        return (BinaryProxy,)

    # ---- learning

    def update(self, observation: Any, start: Flags) -> None:
        """Read all labels that have come, which the observation holds in full."""
        self._condition(*self.model.outcomes_of(observation))

    def _condition(self, cheap: NDArray[np.int8], careful: NDArray[np.int8]) -> None:
        """Compute the posterior from the outcomes of both tests, -1 where there is none, ``(B, n)``."""
        weight, hit, sensitivity, false = self.model.mixture.T
        # Chance of each outcome of the cheap test (-1, 0, 1) on a hit and on any other, (2, 3, K).
        one = np.ones_like(hit)
        on_hit = hit * np.stack([one, 1 - sensitivity, sensitivity])
        on_other = (1 - hit) * np.stack([one, 1 - false, false])
        either = on_hit + on_other
        shown = np.stack([either, on_other, on_hit], 1).reshape(9, -1)  # by both outcomes
        counts = (3 * (cheap + 1) + careful + 1)[:, :, None] == np.arange(9)
        logs = np.log(weight) + xlogy(counts.sum(1)[:, :, None], shown).sum(1)
        after = np.divide(on_hit, either, out=np.zeros_like(either), where=either > 0)
        chance = after.T[:, cheap + 1].transpose(1, 0, 2)
        chance = np.where(careful[:, None] >= 0, careful[:, None], chance)
        self._mixture = Mixture(
            weight=softmax(logs, axis=1), chance=chance, tests=self.model.test_chances
        )
        self._outcomes = cheap, careful

    # ---- what is believed

    def mixture(self, count: int, random: Random) -> Mixture:
        """Return the models as the worlds, exactly, whatever the ``count``."""
        return self._mixture

    def mean(self) -> Array:
        """Return the chance that a candidate is a hit, ``(B, n)``."""
        return self._mixture.mean()

    chance = mean

    def std(self) -> Array:
        """Return the standard deviation of whether a candidate is a hit, ``(B, n)``."""
        mean = np.clip(self.mean(), 0, 1)
        return np.sqrt(mean * (1 - mean))

    def rounding(self, drawn: bool = False) -> Array:
        """Return what rounding may do to a chance, which is exact but for the last digits."""
        return np.full((len(self._mixture.weight), 1), 1e-12)

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of which candidates are hits, ``(B, count, n)``."""
        mixture = self._mixture
        b, _, n = mixture.chance.shape
        coins = random.random((b, count, n + 1))
        world = (coins[:, :, :1] >= mixture.weight.cumsum(1)[:, None, :-1]).sum(2)
        chance = np.take_along_axis(mixture.chance, world[:, :, None], 1)
        return (coins[:, :, 1:] < chance).astype(np.float64)

    def positive(self, test: int) -> Array:
        """Return the chance that a test of every candidate is positive, ``(B, n)``."""
        mixture = self._mixture
        return np.asarray(np.einsum("bk,bkn->bn", mixture.weight, mixture.positive(test)))

    def correlation(self, fidelity: int) -> Array:
        """Return the correlation of a test with the careful label, ``(B, n)``."""
        mixture, p, q = self._mixture, self.mean(), self.positive(fidelity)
        hit = mixture.tests[fidelity, 0]
        both = np.einsum("bk,bkn->bn", mixture.weight * hit, mixture.chance)
        variance = np.maximum(p * (1 - p) * q * (1 - q), 1e-300)
        return np.asarray((both - p * q) / np.sqrt(variance))

    def given(self, items: Whole) -> tuple[Single, Single]:
        """Return the chances after a careful test that fails and one that succeeds, ``(B, m, n)``."""
        return self.given_test(items, -1)

    def given_test(self, items: Whole, test: int) -> tuple[Single, Single]:
        """Return the chances after a negative and a positive test of each, ``(B, m, n)``."""
        pairs = [self._mixture.after(column, test) for column in items.T]
        after = ([belief.mean() for _, belief in both] for both in zip(*pairs, strict=True))
        failure, success = (np.stack(means, 1).astype(np.float32) for means in after)
        return failure, success
