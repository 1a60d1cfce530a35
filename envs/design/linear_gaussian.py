r"""Linear data with normal noise: the problem in which everything is known in closed form.

y = theta . xi + sigma e with theta ~ N(0, s^2 I_k). Settings X (t, k) tell

    1/2 log det(I + (s / sigma)^2 X' X)

nats about theta whatever the data turn out to be, so that nothing is gained by adapting to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import InputError, Policy, TruthUnknown, environments
from ..core.arrays import Array, Single
from ..core.checks import integer, real
from .drawing import NormalResponse
from .posteriors import Gaussian
from .telling import Telling

LEAST, MOST = 1e-30, 1e30
"""Range of the standard deviations, whose squares and data neither vanish nor overflow."""
PRECISE = 1e6
"""Largest signal over noise; beyond it the noise drowns in the rounding of the data to float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearGaussianDesign(NormalResponse, Telling[Gaussian]):
    """Choose the directions in which to measure an unknown vector.

    ## Description
    One experiment measures y = theta . xi + noise, with theta ~ N(0, prior_std^2 I) and the setting xi
    in the cube [-1, 1]^k, which is the action itself. Posterior, information and, for one or two
    parameters, the best sequence of settings are known in closed form: the problem on which to check an
    estimator or an agent.

    ## Arguments
    - `num_parameters`: number k of unknown parameters and of knobs.
    - `prior_std`, `noise_std`: standard deviations of theta and of the noise, from 1e-30 to 1e30.
      prior_std sqrt(k) may be a million times noise_std: data are rounded to float32.

    ## References
    K. Chaloner, I. Verdinelli, "Bayesian experimental design: a review", Statist. Sci. 10 (1995) 273.
    """

    num_parameters: int = 2
    prior_std: float = 1.0
    noise_std: float = 1.0

    def __post_init__(self) -> None:
        self._set(
            num_parameters=integer("num_parameters", self.num_parameters, low=1, high=1000),
            prior_std=real("prior_std", self.prior_std, low=LEAST, high=MOST),
            noise_std=real("noise_std", self.noise_std, low=LEAST, high=MOST),
        )
        signal = self.prior_std * self.num_parameters**0.5
        if signal > PRECISE * self.noise_std:
            raise InputError(
                f"prior_std = {self.prior_std:g} is too large for noise_std = {self.noise_std:g}: "
                f"data are shown with seven digits, so prior_std * num_parameters**0.5 must be at most "
                f"{PRECISE:g} * noise_std; choose a smaller prior_std or more noise."
            )
        super().__post_init__()

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: the root of a covariance, and copies."""
        return super().size + 3 * self.num_parameters**2

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The k components of theta, within 5 standard deviations."""
        width = 5 * self.prior_std
        return {f"theta_{i}": (-width, width) for i in range(self.num_parameters)}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The k components of the setting."""
        return {f"xi_{i}": (-1.0, 1.0) for i in range(self.num_parameters)}

    def prior(self, uniform: Array) -> Array:
        """Return normal draws."""
        return np.asarray(self.prior_std * ndtri(np.maximum(uniform, 1e-300)))

    def from_scores(self, scores: Array) -> Array:
        """Return the scores in units of the prior."""
        return self.prior_std * scores

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        return np.asarray(-((theta / self.prior_std) ** 2).sum(-1) / 2)

    def response(self, theta: Array, setting: Array) -> Array:
        """Return theta . xi, ``(B, G)``."""
        return np.asarray((theta * setting[:, None]).sum(-1))

    def new_posterior(self, num_episodes: int) -> Gaussian:
        """Return the exact posterior of a number of episodes, to be reset before use."""
        return Gaussian(self, num_episodes, self.prior_std, self.noise_std)

    # ---- truth

    def information(self, settings: NDArray[Any]) -> Array:
        """Return what settings ``(..., t, k)`` tell about theta, in nats, ``(...)``."""
        x = np.asarray(settings, np.float64)
        scaled = (self.prior_std / self.noise_std) ** 2 * (x.swapaxes(-1, -2) @ x)
        return np.asarray(np.linalg.slogdet(np.eye(x.shape[-1]) + scaled)[1] / 2)

    def random_value(self) -> float:
        """Return the expected information in T settings chosen uniformly at random.

        A mean over fixed draws of them; its standard error is below 0.001 nats at the defaults.
        """
        self._paid_in_full()
        draws = np.random.default_rng(0)
        count = max(2**22 // (self.horizon * self.num_parameters**2), 64)
        if self._choices is None:
            shape = count, self.horizon, self.num_parameters
            settings: NDArray[Any] = draws.uniform(-1, 1, shape)
        else:
            index = draws.integers(len(self._choices), size=(count, self.horizon))
            settings = self._choices[index]
        return float(self.information(settings).mean())

    def optimal_value(self) -> float:
        """Return the information in the best T settings, for one or two parameters.

        The determinant is convex in each setting, so the best settings are corners of the cube: of
        the two diagonals of the square, each as often as the other.
        """
        self._paid_in_full()
        return float(self.information(self._corner(np.arange(self.horizon))))

    def optimal_policy(self) -> Policy:
        """Return the function from observations to the corner that is due."""
        self._corner(np.zeros(1))
        return lambda observation: self._corner(observation["rounds_left"][:, 0])

    def _paid_in_full(self) -> None:
        if self.reward == "spce":
            raise TruthUnknown("The reward 'spce' pays a bound of the information; take 'kl'.")
        if self.moves is not None:
            raise TruthUnknown("It is not known where steps or budgets restrict settings.")

    def _corner(self, left: NDArray[Any]) -> Single:
        if self.num_parameters > 2 or self.settings is not None or self.moves is not None:
            raise TruthUnknown(
                "The optimum is known for one or two parameters and continuous, free settings only."
            )
        corner = np.ones((len(left), self.num_parameters), np.float32)
        if self.num_parameters == 2:
            corner[:, 1] = np.where(left % 2 == 0, 1, -1)
        return corner


LinearGaussianDesignEnv, LinearGaussianDesignVectorEnv = environments(LinearGaussianDesign)
