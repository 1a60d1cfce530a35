"""The exact posterior of linear data with normal noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.seeding import ByEpisode
from .posterior import Array, Posterior

if TYPE_CHECKING:
    from ..linear_gaussian import LinearGaussianDesign


class Gaussian(Posterior):
    r"""Normal posterior N(mean, C) of theta ~ N(0, s^2 I) given y = theta . xi + N(0, sigma^2).

    One experiment with v = C xi and q = xi . v + sigma^2 gives
    mean += v (y - mean . xi) / q and C -= v v' / q.

    Attributes:
        covariance: ``(B, k, k)``.

    Args:
        model: The model.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: LinearGaussianDesign, num_episodes: int) -> None:
        super().__init__(model, num_episodes)
        self._prior_std, self._noise_std = model.prior_std, model.noise_std
        k = self.mean.shape[1]
        self.covariance = np.tile(np.eye(k) * self._prior_std**2, (num_episodes, 1, 1))

    def reset(self, index: NDArray[np.int64], generators: ByEpisode) -> None:
        """Return episodes to the prior."""
        k = self.mean.shape[1]
        self.mean[index] = 0.0
        self.std[index] = self._prior_std
        self.covariance[index] = np.eye(k) * self._prior_std**2
        self.entropy[index] = k * (np.log(2 * np.pi * np.e) / 2 + np.log(self._prior_std))

    def _update(
        self,
        outcome: Array,
        setting: Array,
        generators: ByEpisode,
        skip: NDArray[np.bool_] | None,
    ) -> None:
        """Take in one experiment per episode."""
        v = (self.covariance * setting[:, None]).sum(2)
        noise = self._noise_std**2
        scale = (v * setting).sum(1) + noise
        error = outcome[:, 0] - (self.mean * setting).sum(1)
        shift = v * (error / scale)[:, None]
        # KL of two normals whose precisions differ by xi xi' / sigma^2, by the determinant lemma.
        drop = np.log(scale / noise) / 2
        self.divergence = (
            drop - (1 - noise / scale) / 2 + (error / scale) ** 2 * (scale - noise) / 2
        )
        self.evidence = -(np.log(2 * np.pi * scale) + error**2 / scale) / 2
        self.entropy -= drop
        self.mean += shift
        self.covariance -= v[:, :, None] * (v / scale[:, None])[:, None]
        self.std = np.sqrt(np.maximum(np.einsum("bkk->bk", self.covariance), 0.0))

    def sample(self, count: int, random: np.random.Generator) -> Array:
        """Return draws of the parameters, ``(B, count, k)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
        noise = random.standard_normal((len(root), count, root.shape[1]))
        return self.mean[:, None] + noise @ root.swapaxes(1, 2)

    def support(self, count: int, random: np.random.Generator) -> tuple[Array, Array]:
        """Return draws ``(B, count, k)`` of equal weight."""
        return self.sample(count, random), np.full((len(self.mean), count), -np.log(count))
