"""The exact posterior of linear data with normal noise."""

from __future__ import annotations

import numpy as np

from ...core import Random
from ...core.arrays import Array, Flags, Whole
from ...core.seeding import ByEpisode
from .posterior import Posterior
from .problem import Problem


class Gaussian(Posterior):
    r"""Normal posterior N(mean, C) of theta ~ N(0, s^2 I) given y = theta . xi + N(0, sigma^2).

    A root of the covariance is kept, C = S S'. One experiment with f = S' xi and q = f . f + sigma^2
    gives mean += S f (y - mean . xi) / q and S -= S f f' / (q + sigma sqrt(q)), so that no difference of
    variances is formed, which would cancel where s is far above sigma (J. Potter; see A. Andrews, "A
    square root formulation of the Kalman covariance equations", AIAA J. 6 (1968) 1165).

    Attributes:
        root: S, ``(B, k, k)``.
        noise_std: Standard deviation sigma of the noise.

    Args:
        model: The problem.
        num_episodes: The number B of episodes.
        prior_std: Standard deviation s of the prior.
        noise_std: Standard deviation sigma of the noise.
    """

    by_episode = (*Posterior.by_episode, "root")

    def __init__(
        self, model: Problem, num_episodes: int, prior_std: float, noise_std: float
    ) -> None:
        super().__init__(model, num_episodes)
        self._prior_std, self.noise_std = prior_std, noise_std
        k = self.mean.shape[1]
        self.root = np.tile(np.eye(k) * self._prior_std, (num_episodes, 1, 1))

    def reset(self, index: Whole, generators: ByEpisode) -> None:
        """Return episodes to the prior."""
        k = self.mean.shape[1]
        self.mean[index] = 0.0
        self.std[index] = self._prior_std
        self.root[index] = np.eye(k) * self._prior_std
        self.entropy[index] = k * (np.log(2 * np.pi * np.e) / 2 + np.log(self._prior_std))

    def _update(
        self, outcome: Array, setting: Array, generators: ByEpisode, skip: Flags | None
    ) -> None:
        f = (self.root * setting[:, :, None]).sum(1)
        explained, noise = (f**2).sum(1), self.noise_std**2
        scale = explained + noise
        error = outcome[:, 0] - (self.mean * setting).sum(1)
        v = (self.root * f[:, None]).sum(2)
        # KL of two normals whose precisions differ by xi xi' / sigma^2, by the determinant lemma.
        drop = np.log1p(explained / noise) / 2
        share = explained / scale
        self.divergence = drop - share / 2 + (error**2 / scale) * share / 2
        self.evidence = -(np.log(2 * np.pi * scale) + error**2 / scale) / 2
        self.entropy -= drop
        self.mean += v * (error / scale)[:, None]
        shrink = f / (scale + self.noise_std * np.sqrt(scale))[:, None]
        self.root -= v[:, :, None] * shrink[:, None]
        self.std = np.sqrt((self.root**2).sum(2))

    def predictive(self, setting: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the data of settings ``(B, d)``, both ``(B,)``."""
        f = (self.root * setting[:, :, None]).sum(1)
        return (self.mean * setting).sum(1), np.sqrt((f**2).sum(1) + self.noise_std**2)

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of the parameters, ``(B, count, k)``."""
        noise = random.standard_normal((len(self.root), count, self.root.shape[1]))
        return self.mean[:, None] + noise @ self.root.swapaxes(1, 2)

    def support(self, count: int, random: Random) -> tuple[Array, Array]:
        """Return draws ``(B, count, k)`` of equal weight."""
        return self.sample(count, random), np.full((len(self.mean), count), -np.log(count))
