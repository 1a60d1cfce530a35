"""Location finding: where to measure a signal, to find its hidden sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ..core import environments
from ..core.arrays import Array
from ..core.checks import integer, quantity, real
from .drawing import NormalResponse
from .particle_design import ParticleDesign

LEAST, MOST = 1e-3, 1e6
"""Range of the noise: with less, particles do not find the sources, and rounding to float32 counts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LocationFinding(NormalResponse, ParticleDesign):
    """Choose where to measure the sum of the signals of hidden sources.

    ## Description
    K sources lie hidden in D dimensions, theta_k ~ N(0, I). The strength measured at xi falls off with
    the square of the distance:

        log y ~ Normal(log(b + sum_k 1 / (m + |theta_k - xi|^2)), sigma^2).

    Far from every source there is nothing but the background b. The posterior has many modes; it is
    kept by particles. The unknown parameters are the coordinates of the sources. The knobs are the D
    coordinates at which to measure, each within [-reach, reach].

    ## Observation space
    - `outcomes`: float32, `(T,)`, log y.

    ## Rewards
    Information gained by the measurement, in nats; see `reward`. All but "spce" carry the noise of
    the particles: the sum of "log_evidence" over a greedy episode of 22 nats is 0.4 nats (rms) off the
    middle of `envs.design.bracket`, less than 0.1 on average and less than 2 in 128 episodes.

    ## Arguments
    - `num_sources`, `num_dimensions`: the number K of sources, and that of dimensions, D.
    - `background`, `softening`, `noise_std`: b, m and sigma; sigma is at least 0.001, for with less
      noise particles do not find the sources.
    - `reach`: largest coordinate at which to measure.
    - `source_range`: None: sources are normal, as above. A number r: uniform in [-r, r]^D, as those of
      COPEx are in the unit square: `source_range=0.5, reach=0.5`.

    ## References
    A. Foster et al., "Deep adaptive design", ICML 2021, section 6.1; X. Sheng, Y.-H. Hu, "Maximum
    likelihood multiple-source localization using acoustic energy measurements", IEEE Trans. Signal
    Process. 53 (2005) 44; COPEx, arXiv 2605.26990 (sources in the unit square, steps of designs).
    """

    num_sources: int = 2
    num_dimensions: int = 2
    background: float = 0.1
    softening: float = 1e-4
    noise_std: float = 0.5
    reach: float = 4.0
    source_range: float | None = None
    horizon: int = 30

    def __post_init__(self) -> None:
        self._set(
            num_sources=integer("num_sources", self.num_sources, low=1, high=100),
            num_dimensions=integer("num_dimensions", self.num_dimensions, low=1, high=100),
            background=quantity("background", self.background),
            softening=quantity("softening", self.softening),
            noise_std=real("noise_std", self.noise_std, low=LEAST, high=MOST),
            reach=quantity("reach", self.reach),
        )
        if self.source_range is not None:
            self._set(source_range=quantity("source_range", self.source_range))
        super().__post_init__()

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The coordinates of the sources, normal ones within 5 standard deviations."""
        sources, dimensions = range(self.num_sources), range(self.num_dimensions)
        end = self.source_range or 5.0
        return {f"source_{k}_{i}": (-end, end) for k in sources for i in dimensions}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The coordinates at which to measure."""
        return {f"xi_{i}": (-self.reach, self.reach) for i in range(self.num_dimensions)}

    def prior(self, uniform: Array) -> Array:
        """Return normal or uniform draws."""
        if self.source_range is not None:
            return np.asarray(self.source_range * (2 * uniform - 1))
        return np.asarray(ndtri(np.maximum(uniform, 1e-300)))

    def from_scores(self, scores: Array) -> Array:
        """Return the scores themselves, where the prior is standard normal."""
        return scores if self.source_range is None else super().from_scores(scores)

    def relabelled(self, scores: Array, random: np.random.Generator) -> Array:
        """Return scores with the sources in any order, ``(N, k)``."""
        n, sources = len(scores), self.num_sources
        order = random.random((n, sources)).argsort(1) + sources * np.arange(n)[:, None]
        return scores.reshape(n * sources, -1).take(order.ravel(), 0).reshape(scores.shape)

    def equivalent(self, scores: Array, other: Array) -> Array:
        """Return ``other`` or its sources in a turned order, whichever is nearer, ``(N, k)``."""
        d = self.num_dimensions
        turned = np.concatenate([other[:, d:], other[:, :d]], 1)
        # |scores - x|^2 differs by the products alone. Between equals rounding decides, always by rows.
        rows = map(np.ascontiguousarray, (scores, turned - other))
        nearer = np.einsum("nk,nk->n", *rows) > 0
        return np.where(nearer[:, None], turned, other)

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        if self.source_range is not None:
            return np.where((np.abs(theta) <= self.source_range).all(-1), 0.0, -np.inf)
        return np.asarray(-(theta**2).sum(-1) / 2)

    def response(self, theta: Array, setting: Array) -> Array:
        """Return the mean of log y, ``(B, G)``."""
        shape = self.num_sources, self.num_dimensions, -1, theta.shape[-2]
        sources = np.ascontiguousarray(theta.transpose(-1, *range(theta.ndim - 1))).reshape(shape)
        place, strength = np.ascontiguousarray(setting.T)[..., None], np.asarray(self.background)
        for source in sources:
            apart = source - place
            apart *= apart
            square = apart[0]
            square += self.softening
            for more in apart[1:]:
                square += more
            np.divide(1, square, out=square)
            square += strength
            strength = square
        return np.asarray(np.log(strength, out=strength))

    def proposals(self, theta: Array, random: np.random.Generator) -> Array:
        """Return places at and about where the sources may be, as far off as these disagree."""
        count, n, _ = theta.shape
        sources = theta.reshape(count, n, self.num_sources, self.num_dimensions)
        which = random.integers(self.num_sources, size=n)
        place = sources[:, np.arange(n), which]
        other, third = (sources[:, random.permutation(n), which] for _ in range(2))
        return place + 2 * random.random((n, 1)) ** 2 * (other - third)


LocationFindingEnv, LocationFindingVectorEnv = environments(LocationFinding)
