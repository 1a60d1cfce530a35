r"""Belief over the nodes of a graph: independent Gaussian values, each seen some times with noise.

With theta_x ~ N(0, s^2) and c noisy values of x that sum to y, each noise N(0, r^2),

    theta_x ~ N(s^2 y / a, s^2 r^2 / a),  a = r^2 + c s^2,

independent over nodes, because the noises are. The observation holds y and c in full.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, the graph model
of section 4.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Knowledge, Random
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import quantity
from ...envs.pools.graph_pool import GraphPool
from .belief import Belief
from .independent import about_best_of_independent


class Nodes(Belief):
    """Belief over the values of the nodes of a `GraphPool`.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        prior_std: Prior standard deviation of each value, above 0, in units of the label; None takes
            the pool's.
        noise_std: Standard deviation of the noise, in units of the label; None takes the pool's.
    """

    def __init__(
        self,
        model: GraphPool,
        num_episodes: int,
        *,
        prior_std: float | None = None,
        noise_std: float | None = None,
    ) -> None:
        self.model = model
        prior_std = model.prior_std if prior_std is None else prior_std
        noise_std = model.noise_std if noise_std is None else noise_std
        self.prior_std = quantity("prior_std", prior_std)
        self.noise_std = quantity("noise_std", noise_std, zero=True)
        self._hubs: Flags | None = None  # (B, n)
        self._edges: NDArray[Any]  # (B, 2 E)

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool on a graph."""
        return isinstance(model, GraphPool)

    def update(self, observation: Any, start: Flags) -> None:
        """Read what was seen, which the observation holds in full."""
        total = observation["seen_sum"]
        self._count = observation["seen_count"].astype(np.float64)
        self._mean: Array = self.prior_std**2 * total / self._weight()
        if self._hubs is None or len(self._hubs) != len(total) or start.any():
            self._hubs = observation["hubs"] > 0
            self._edges = observation.get("edges", np.empty((len(total), 0), np.int32))
            vars(self).pop("_pairs", None)

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief with the variances that labels of these nodes would leave."""
        labelled = np.zeros_like(self._count)
        episode, column = (items >= 0).nonzero()
        np.add.at(labelled, (episode, items[episode, column]), 1.0)
        ahead = copy(self)
        ahead._count = self._count + self.reach(labelled)
        return ahead

    def _weight(self) -> Array:
        """Return noise_std^2 + c prior_std^2, 1 where that is 0, ``(B, n)``."""
        weight = self.noise_std**2 + self._count * self.prior_std**2
        return np.where(weight == 0, 1.0, weight)  # not seen yet, and there is no noise

    def mean(self) -> Array:
        """Return the posterior means, ``(B, n)``."""
        return self._mean

    def std(self) -> Array:
        """Return the posterior standard deviations, ``(B, n)``."""
        weight = self._weight()
        left = np.where(self._count > 0, self.noise_std**2, weight)
        return self.prior_std * np.sqrt(left / weight)

    def sample(self, count: int, random: Random) -> Array:
        """Return independent draws of all values, ``(B, count, n)``."""
        draws = random.standard_normal((len(self._mean), count, self._mean.shape[1]))
        draws *= self.std()[:, None]
        draws += self._mean[:, None]
        return draws

    def covariance(self, items: Whole, random: Random) -> Array:
        """Return the variance of each node at its own index, 0 elsewhere, ``(B, m, n)``."""
        own = items[..., None] == np.arange(self.model.num_items)
        return np.asarray(own * self.std()[:, None] ** 2)

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return the expected regret of every node and the variance that the best one explains.

        Nothing is drawn: both are about what `count` draws would say on average. The regret comes from
        quadrature, see `independent`. K draws with D different winners overstate the explained
        variance g by (D - 1) / K of what is left of the variance, because each mean of a group is
        taken over few draws. The rule is better for it: it then learns about all nodes that may be
        worth a label rather than about the best one alone. Many draws give g itself.
        """
        top, explained = np.empty(len(self._mean)), np.zeros_like(self._mean)
        for i, (mean, std) in enumerate(zip(self._mean, self.std(), strict=True)):
            legal = mask[i].nonzero()[0]
            top[i], prob, exact = about_best_of_independent(mean[legal], std[legal])
            winners = len(prob) - np.exp(-count * prob).sum()  # 1 - (1 - p)^K, about
            extra = max(winners - 1, 0.0) / count
            explained[i, legal] = exact + extra * np.maximum(std[legal] ** 2 - exact, 0.0)
        return top[:, None] - self._mean, explained

    def label_variance(self) -> Array:
        """Return the variance of the next value seen of every node, ``(B, n)``."""
        return self.std() ** 2 + self.noise_std**2

    def reduction(self, weight: Array, random: Random) -> Array:
        """Return the weighted fall of the variances of x and its neighbours, exactly, ``(B, n)``."""
        own = self.std() ** 4 / np.maximum(self.label_variance(), 1e-300)
        return self.reach(weight * own)

    def reach(self, gain: Array) -> Array:
        """Return the sum of ``gain`` over each node and its neighbours, ``(B, n)``."""
        assert self._hubs is not None  # update has run
        u, v = self._pairs
        flat = gain.reshape(-1)
        linked = flat + np.bincount(u, flat[v], flat.size) + np.bincount(v, flat[u], flat.size)
        linked = linked.reshape(gain.shape)
        linked += (gain * self._hubs).sum(1, keepdims=True)
        return np.where(self._hubs, gain.sum(1, keepdims=True), linked)

    @cached_property
    def _pairs(self) -> tuple[Whole, Whole]:
        """Both ends of all links between the rest, as indices of a flat ``(B, n)`` array."""
        ends = self._edges.reshape(len(self._edges), -1, 2)
        episode, edge = (ends[:, :, 0] >= 0).nonzero()
        first = episode * self.model.num_items
        return first + ends[episode, edge, 0], first + ends[episode, edge, 1]
