"""Beta belief: unknown success probabilities of the machines of a binomial campaign.

The items are the actions, and their value is the expected reward of the next epoch; it follows from
the success probability p ~ Beta(a + s, b + n - s) of the machine after s successes in n experiments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, betaln

from ...envs.campaigns.binomial_discovery import BinomialDiscovery
from ...envs.core import Knowledge, Random
from ...envs.core.arrays import Array, Flags, Whole
from .belief import Belief


class Beta(Belief):
    """Belief over the reward of the next epoch of `BinomialDiscovery`, for each action.

    Args:
        model: The campaign; its priors are the prior.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: BinomialDiscovery, num_episodes: int) -> None:
        self.model = model

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the campaign has unknown success probabilities."""
        return isinstance(model, BinomialDiscovery) and model.beta_priors is not None

    def update(self, observation: Any, start: Flags) -> None:
        """Read the counts, which the observation holds in full."""
        model, m = self.model, self.model.machines
        successes, experiments = observation[:, 1 : 1 + m], observation[:, 1 + m : 1 + 2 * m]
        a, b = np.array(model.beta_priors).T
        machine = np.maximum(model.choices["machine"], 0)
        self._a, self._b = a + successes, b + experiments - successes  # (B, M)
        self._alpha, self._beta = self._a[:, machine], self._b[:, machine]  # (B, A)
        self._machine = machine
        level = observation[:, -1].astype(np.int64) if model.throughput_upgrade else np.array([0])
        self._sizes, self._costs = model.sizes[level], model.cost_table[level]  # (B or 1, A)

    def mean(self) -> Array:
        """Return the expected reward of the next epoch, ``(B, A)``."""
        if self.model.objective == "count":
            gain = self._sizes * self._alpha / (self._alpha + self._beta)
        else:
            gain = 1 - self._failure(self._sizes)
        return np.asarray(self.model.success_reward * gain - self._costs)

    def std(self) -> Array:
        """Return its standard deviation over what p may be, ``(B, A)``."""
        total = self._alpha + self._beta
        if self.model.objective == "count":
            spread = self._sizes * np.sqrt(self._alpha * self._beta / (total + 1)) / total
        else:
            square = self._failure(2 * self._sizes) - self._failure(self._sizes) ** 2
            spread = np.sqrt(np.maximum(square, 0.0))
        return np.asarray(self.model.success_reward * spread)

    def rounding(self, drawn: bool = False) -> Array:
        """Return what rounding may do to a reward, which is exact but for the last digits."""
        largest = self.model.success_reward * self._sizes.max(1) + np.abs(self._costs).max(1)
        return np.broadcast_to(1e-12 * largest[:, None], (len(self._a), 1))

    def sample(self, count: int, random: Random) -> Array:
        """Return the expected reward of the next epoch under draws of p, ``(B, count, A)``."""
        u = random.random((len(self._a), count, self.model.machines))
        p = betaincinv(self._a[:, None], self._b[:, None], u)[..., self._machine]
        sizes = self._sizes[:, None]
        if self.model.objective == "count":
            gain = sizes * p
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = -np.expm1(np.where(sizes > 0, sizes * np.log1p(-p), 0.0))
        return np.asarray(self.model.success_reward * gain - self._costs[:, None])

    def _failure(self, sizes: Whole) -> Array:
        """E[(1 - p)^N] = B(a, b + N) / B(a, b), the probability that N experiments find nothing."""
        logs = betaln(self._alpha, self._beta + sizes) - betaln(self._alpha, self._beta)
        return np.asarray(np.exp(logs))
