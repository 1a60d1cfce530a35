r"""Weighted draws for parameters too many for a grid: tempered sequential Monte Carlo.

N particles carry the posterior of an episode. New data come in by powers 0 < phi_1 < ... < 1 of their
likelihood, each as large as the effective number of particles allows; after each power the particles
are drawn anew by their weights and moved by Metropolis steps that leave the tempered posterior as it
is. The products of the mean weights estimate the evidence p(y_t | y_1, ..., y_(t-1)) without bias, so
its logarithm is biased down a little.

Metropolis proposals are differences of two other particles (ter Braak's differential evolution), which
fit themselves to the scale and to the modes of the posterior, in turn with small normal steps.

Sources: N. Chopin, "A sequential particle filter method for static models", Biometrika 89 (2002) 539;
P. Del Moral, A. Doucet, A. Jasra, "Sequential Monte Carlo samplers", J. R. Statist. Soc. B 68 (2006)
411; C. ter Braak, Statist. Comput. 16 (2006) 239.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ...core.seeding import ByEpisode
from .posterior import Array, Posterior

if TYPE_CHECKING:
    from ..design import DesignModel

LEAST = 0.5
"""Effective part of the particles below which they are drawn anew."""


class Particles(Posterior):
    """N draws per episode, moved by Metropolis steps where the weights get uneven.

    Attributes:
        theta: The particles, ``(B, N, k)``.
        log_weights: Their log weights, normalised, ``(B, N)``.

    Args:
        model: The model.
        num_episodes: The number B of episodes.
        size: Number N of particles.
        moves: Metropolis steps after each resampling.
    """

    def __init__(self, model: DesignModel[Any], num_episodes: int, size: int, moves: int) -> None:
        super().__init__(model, num_episodes)
        k, d, m = len(model.unknowns), len(model.knobs), len(model.outcome_range[0])
        self.moves = moves
        self.theta = np.zeros((num_episodes, size, k))
        self.log_weights = np.full((num_episodes, size), -np.log(size))
        self.log_density = np.zeros((num_episodes, size))  # prior times likelihood of all data
        self.log_evidence = np.zeros(num_episodes)  # of all data
        self._settings = np.zeros((num_episodes, model.horizon, d))
        self._outcomes = np.zeros((num_episodes, model.horizon, m))
        self._rounds = np.zeros(num_episodes, np.int64)

    def reset(self, index: NDArray[np.int64], generators: ByEpisode) -> None:
        """Return episodes to fresh draws from the prior."""
        size = self.theta.shape[1]
        for i in index.tolist():
            self.theta[i] = self.model.sample_prior(size, generators[i])
            self.log_density[i] = self.model.log_prior(self.theta[i])
        self.log_weights[index] = -np.log(size)
        self.log_evidence[index] = 0
        self._rounds[index] = 0
        for i in index.tolist():
            self._describe(i)

    def _update(
        self,
        outcome: Array,
        setting: Array,
        generators: ByEpisode,
        skip: NDArray[np.bool_] | None,
    ) -> None:
        episodes = range(len(outcome)) if skip is None else (~skip).nonzero()[0].tolist()
        for i in episodes:
            self._learn(i, outcome[i], setting[i], generators[i])

    def _learn(self, i: int, outcome: Array, setting: Array, random: np.random.Generator) -> None:
        """Take in one experiment of episode ``i``."""
        t = self._rounds[i]
        self._outcomes[i, t], self._settings[i, t] = outcome, setting
        self._rounds[i] = t + 1
        theta, weights, density = self.theta[i], self.log_weights[i], self.log_density[i]
        new = self.model.log_likelihood(outcome[None], theta, setting[None])[0]
        power, evidence = 0.0, 0.0
        while power < 1:
            step = _step(weights, new, 1 - power)
            power = 1.0 if power + step > 1 - 1e-9 else power + step
            weights = weights + step * new
            total = logsumexp(weights)
            evidence += total
            weights = weights - total
            if 1 / np.exp(2 * weights).sum() < LEAST * len(theta) * 1.01:
                place = (np.arange(len(theta)) + random.random()) / len(theta)
                chosen = np.searchsorted(np.exp(weights).cumsum(), place)
                chosen = np.minimum(chosen, len(theta) - 1)
                theta, density, new = self._move(
                    i, theta[chosen], density[chosen], new[chosen], power, random
                )
                weights = np.full(len(theta), -np.log(len(theta)))
        self.theta[i], self.log_weights[i], self.log_density[i] = theta, weights, density + new
        self.log_evidence[i] += evidence
        self.evidence[i] = evidence
        self.divergence[i] = np.exp(weights) @ new - evidence
        self._describe(i)

    def _move(
        self,
        i: int,
        theta: Array,
        density: Array,
        new: Array,
        power: float,
        random: np.random.Generator,
    ) -> tuple[Array, Array, Array]:
        """Move particles of equal weight by Metropolis steps under the tempered posterior."""
        size, k = theta.shape
        # Each half moves along differences of the other, which stays: detailed balance holds.
        halves = np.array_split(random.permutation(size), 2)
        for move in range(self.moves):
            for mine, others in (halves, halves[::-1]):
                first = random.integers(len(others), size=len(mine))
                second = (first + random.integers(1, len(others), size=len(mine))) % len(others)
                # Every fifth time a whole difference, which leads from one mode to another.
                length = 1.0 if move % 5 == 4 else 2.38 / (2 * k) ** 0.5 * 0.5
                jump = length * (theta[others[first]] - theta[others[second]])
                proposal = theta[mine] + jump + 1e-5 * random.standard_normal(jump.shape)
                old, fresh = self._densities(i, proposal)
                ratio = old + power * fresh - density[mine] - power * new[mine]
                accepted = np.log(random.random(len(mine))) < ratio
                rows = mine[accepted]
                theta[rows], density[rows], new[rows] = (
                    proposal[accepted],
                    old[accepted],
                    fresh[accepted],
                )
        return theta, density, new

    def _densities(self, i: int, theta: Array) -> tuple[Array, Array]:
        """Return the log density of prior and older data, and that of the newest data, ``(N,)``."""
        t = self._rounds[i]
        logs = self.model.log_likelihood(self._outcomes[i, :t], theta, self._settings[i, :t])
        return self.model.log_prior(theta) + logs[:-1].sum(0), logs[-1]

    def sample(self, count: int, random: np.random.Generator) -> Array:
        """Return particles drawn by their weights, ``(B, count, k)``."""
        totals = np.exp(self.log_weights).cumsum(1)
        u = random.random((len(totals), count)) * totals[:, -1:]
        index = [np.searchsorted(t, v, "right") for t, v in zip(totals, u, strict=True)]
        index_array = np.minimum(np.stack(index), totals.shape[1] - 1)
        return np.take_along_axis(self.theta, index_array[..., None], 1)

    def support(self, count: int, random: np.random.Generator) -> tuple[Array, Array]:
        """Return the particles ``(B, N, k)`` and their log weights ``(B, N)``."""
        return self.theta, self.log_weights

    def _describe(self, i: int) -> None:
        weights, theta = np.exp(self.log_weights[i])[:, None], self.theta[i]
        mean = (weights * theta).sum(0)
        self.mean[i] = mean
        self.std[i] = np.sqrt((weights * (theta - mean) ** 2).sum(0))
        self.entropy[i] = self.log_evidence[i] - weights[:, 0] @ self.log_density[i]


def _step(weights: Array, new: Array, most: float) -> float:
    """Return the largest power of the new likelihood that keeps half of the particles effective."""

    def effective(power: float) -> float:
        w = weights + power * new
        w = np.exp(w - w.max())
        return float(w.sum() ** 2 / (w @ w)) / len(w)

    if effective(most) >= LEAST:
        return most
    low, high = 0.0, most
    if effective(0.0) < LEAST:  # uneven already: draw anew first
        return 1e-12
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if effective(middle) >= LEAST else (low, middle)
    return max(low, 1e-12)
