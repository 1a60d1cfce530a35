"""The toy simulator of the original robot physicist: a tanh in the place of the physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core import DiscoveryEnv, DiscoveryVectorEnv
from ..core.checks import integer
from .angular import AngularDesign
from .design import Array

LOW, HIGH = 0.5, 1.5
"""Range of the uniform prior of theta."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WeinbergToy(AngularDesign):
    """Choose the beam energy phi at which muon directions tell most about theta.

    ## Description
    The toy simulator of the "robot physicist" (2017): cos(theta_mu) = c has the density

        p(c | theta, phi) = [(1 + c^2) + k c] / (8/3),   k = 2 tanh(10 (2 phi - 90) / 90) theta,

    with theta = G_F / G_F,nominal and phi the beam energy in GeV. The asymmetry is 3k/8. Where the
    density is negative, which happens for |k| > 2, it is cut off at 0 and normalised anew. One
    experiment gives a histogram of c. At phi = 45 the data tell nothing, at the ends most.

    ## Action space
    `Box(-1, 1, (1,))`, mapped linearly onto phi in [40, 50]; see `model.action(phi=42)`. `Discrete`
    if `settings` is given. Numbers outside are clipped, NaN and infinity raise `InputError`.

    ## Observation space
    `Dict` of float32 boxes: `belief` (posterior mean and standard deviation of theta), `settings`
    `(T,)` and `outcomes` `(T * num_bins,)` (history, the newest first, 0 where there is none),
    `rounds_left` `(1,)`.

    ## Rewards
    Information gained by the experiment, in nats; see `reward`.

    ## Starting state
    theta drawn uniformly from [0.5, 1.5]; no data.

    ## Episode end
    Terminates after `horizon` rounds; never truncates.

    ## Information
    `action_mask` (int8, all ones) with discrete settings. With `reveal=True` also `theta`, `quantiles`.

    ## Arguments
    - `num_events` (20): events of an experiment; the original had 20, and reckoned with 1000.
    - `num_bins` (40): bins of the histogram of c.
    - `horizon` (10): rounds.
    - `reward` ("kl"): "kl", "entropy", "log_evidence", or "spce" with `contrasts` (1000) draws.
    - `settings` (None): None for continuous ones, n evenly spaced, or a list such as [[40], [45]].
    - `grid_size` (None): nodes of the posterior's grid; None means 128, or 4 sqrt(num_events) if that
      is more.

    ## Vectorized environment
    Native: `gym.make_vec("discovery/WeinbergToy-v0", num_envs=1024)`.

    ## Version history
    - v0: first version.

    ## References
    M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017),
    https://github.com/cranmer/active_sciencing.
    """

    num_events: int = 20
    grid_size: int | None = None  # type: ignore[assignment]  # a number once made

    def __post_init__(self) -> None:
        if self.grid_size is None:
            many = integer("num_events", self.num_events, low=1)
            self._set(grid_size=int(max(128, np.ceil(4 * many**0.5))))
        super().__post_init__()

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The Fermi constant over its nominal value."""
        return {"theta": (LOW, HIGH)}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The beam energy, GeV."""
        return {"phi": (40.0, 50.0)}

    @property
    def largest_asymmetry(self) -> float:
        """The asymmetry at phi = 50 and theta = 1.5."""
        return float(0.75 * np.tanh(10 / 9) * HIGH)

    def asymmetry(self, theta: Array, setting: Array) -> Array:
        """Return 3k/8 for settings ``(B, 1)`` and parameters, ``(B, G)``."""
        return 0.75 * np.tanh((2 * setting - 90) / 9) * theta[..., 0]


class WeinbergToyEnv(DiscoveryEnv[WeinbergToy]):
    """One episode of `WeinbergToy`, whose page this class carries."""

    model_class = WeinbergToy


class WeinbergToyVectorEnv(DiscoveryVectorEnv[WeinbergToy]):
    """Many episodes of `WeinbergToy`, whose page this class carries."""

    model_class = WeinbergToy
