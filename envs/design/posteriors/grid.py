"""The exact posterior on a grid of one to three parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...core import Random
from ...core.arrays import Array, Flags, Whole
from ...core.seeding import ByEpisode
from .posterior import Posterior, by_weight
from .problem import Problem

BLOCK = 1 << 15
"""Elements of a block of episodes x nodes: what a block needs stays in the cache."""
PIECE = 1 << 13
"""`einsum` adds longer rows in pieces of so many elements of the whole block: such rows go alone, or
one episode would be rounded otherwise than many."""


def nodes(ranges: Iterable[tuple[float, float]], sizes: Sequence[int]) -> Array:
    """Return the midpoints of equal cells of k parameters, ``(G, k)``."""
    axes = [
        low + (high - low) * (np.arange(size) + 0.5) / size
        for size, (low, high) in zip(sizes, ranges, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))


class Grid(Posterior):
    """Weights of G parameter values, the midpoints of equal cells: exact but for the cells' size.

    The midpoint rule loses nothing while the posterior is wider than about one cell: for a normal
    one of standard deviation s and cells of width h its error is of order exp(-2 (pi s / h)^2).

    Attributes:
        theta: The nodes, ``(G, k)``.

    Args:
        model: The problem.
        num_episodes: The number B of episodes.
        sizes: Nodes along each parameter.
    """

    by_episode = (*Posterior.by_episode, "_weights", "_log_total")

    def __init__(self, model: Problem, num_episodes: int, sizes: Sequence[int]) -> None:
        super().__init__(model, num_episodes)
        self.theta = nodes(model.unknown_parameters.values(), sizes)
        prior = model.log_prior(self.theta)
        self._prior = prior - np.logaddexp.reduce(prior)
        self._columns = [(column, column**2) for column in np.ascontiguousarray(self.theta.T)]
        self._weights = np.tile(self._prior, (num_episodes, 1))  # logs, their largest 0
        self._log_total = np.zeros(num_episodes)  # log of their sum

    @property
    def log_weights(self) -> Array:
        """Log probability of every node, ``(B, G)``."""
        return self._weights - self._log_total[:, None]

    def reset(self, index: Whole, generators: ByEpisode) -> None:
        """Return episodes to the prior."""
        self._weights[index] = self._prior
        self._log_total[index] = 0.0
        prior = self._prior[None]
        self._describe(index, prior, np.exp(prior), np.ones(1))

    def _update(
        self, outcome: Array, setting: Array, generators: ByEpisode, skip: Flags | None
    ) -> None:
        rows = 1 if len(self.theta) > PIECE else BLOCK // len(self.theta)
        for first in range(0, len(outcome), rows):
            part = slice(first, first + rows)
            likelihood = self.model.log_likelihood(outcome[part], self.theta, setting[part])
            weights = self._weights[part]
            weights += likelihood
            top = weights.max(1)
            weights -= top[:, None]
            mass = np.exp(weights)
            total = mass.sum(1)
            log_total = np.log(total)
            self.evidence[part] = top + log_total - self._log_total[part]
            self._log_total[part] = log_total
            gain = np.einsum("bg,bg->b", mass, likelihood) / total
            self.divergence[part] = np.maximum(gain - self.evidence[part], 0.0)
            self._describe(part, weights, mass, total)

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of the nodes, ``(B, count, k)``."""
        weights = np.exp(self.log_weights)
        level = random.random((len(weights), count))
        return self.theta[np.stack(list(map(by_weight, weights, level)))]

    def support(self, count: int, random: Random) -> tuple[Array, Array]:
        """Return the nodes ``(G, k)`` and their log weights ``(B, G)``."""
        return self.theta, self.log_weights

    def _describe(self, part: Any, weights: Array, mass: Array, total: Array) -> None:
        """Set mean, standard deviation and entropy of the episodes ``part``."""
        for i, (theta, square) in enumerate(self._columns):
            mean = np.einsum("bg,g->b", mass, theta) / total
            variance = np.einsum("bg,g->b", mass, square) / total - mean**2
            self.mean[part, i], self.std[part, i] = mean, np.sqrt(np.maximum(variance, 0.0))
        self.entropy[part] = np.log(total) - np.einsum("bg,bg->b", mass, weights) / total
