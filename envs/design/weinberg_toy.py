"""The toy simulator of the original robot physicist: a tanh in place of the physics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core import environments
from ..core.arrays import Array
from ..core.checks import integer
from .angular import AngularDesign

LOW, HIGH = 0.5, 1.5
"""Range of the uniform prior of theta."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WeinbergToy(AngularDesign):
    """Choose the beam energy phi at which muon directions tell most about theta.

    ## Description
    The toy simulator of the "robot physicist" (2017): cos(theta_mu) = c has the density

        p(c | theta, phi) = [(1 + c^2) + k c] / (8/3),   k = 2 tanh(10 (2 phi - 90) / 90) theta,

    with theta = G_F / G_F,nominal and phi the beam energy in GeV, the knob, in [40, 50]. The asymmetry
    is 3k/8. Where the density is negative, which happens for |k| > 2, it is cut off at 0 and normalised
    again. One experiment gives a histogram of c. The data tell nothing at phi = 45, most at the ends.

    ## Observation space
    - `outcomes`: float32, `(T * num_bins,)`, the counts of the bins in the same order.

    ## Starting state
    theta drawn uniformly from [0.5, 1.5]; no data.

    ## Arguments
    - `num_events`: events of an experiment; the original played with 20, and computed with 1000.
    - `grid_size`: nodes of the posterior's grid; None means 128, or 4 sqrt(num_events) if that is more.

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


WeinbergToyEnv, WeinbergToyVectorEnv = environments(WeinbergToy)
