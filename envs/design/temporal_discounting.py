"""Hyperbolic temporal discounting: which offers to make, to learn how someone values the future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from ..core import environments
from ..core.arrays import Array
from ..core.checks import real
from .drawing import InverseLaw
from .grid_design import GridDesign
from .laws import Listed
from .settings import interval

MEAN, STD = -4.25, 1.5
"""Mean and standard deviation of log k."""
LATER = 100.0
"""What is offered for later."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TemporalDiscounting(InverseLaw, GridDesign):
    """Choose pairs of offers, less now or more later, to learn how a person discounts the future.

    ## Description
    A person is asked to choose between R now and 100 in D days. Discounted hyperbolically the later
    offer is worth V = 100 / (1 + k D), and R is taken (y = 1) with probability

        eps + (1 - 2 eps) Phi((R - V) / alpha),   log k ~ Normal(-4.25, 1.5^2),  alpha ~ HalfNormal(a).

    Each answer is one bit at most, and offers must be right to a hundredth of their range to tell that
    much. The unknown parameters are log k and alpha, the knobs R and log D:
    `model.action(reward_now=60, log_delay=3)`.

    ## Arguments
    - `alpha_scale`: scale a of the prior of alpha. Published results of the policies named in
      `discovery-gym reproduce design-benchmarks` come from code that has erf((R - V) / alpha) for
      2 Phi((R - V) / alpha) - 1, which is a = sqrt(2) here.
    - `slip`: probability eps of an answer against the own preference, either way.
    - `delays`: range of the natural logarithm of the delay D in days.
    - `grid_size`: nodes of the posterior's grid along log k and alpha. Answers of a decided person
      (small alpha) are steps in log k. An agent that plays for the information on the grid puts them
      where nodes are few: of 3.9 nats in ten answers it is paid 0.03 too much, of 4.8 in twenty 0.06;
      with 1024 nodes of log k 0.003 in ten.

    ## References
    J. Mazur, "An adjusting procedure for studying delayed reinforcement" (1987); B. Vincent, T.
    Rainforth, "The DARC toolbox" (2017); A. Foster et al., "Deep adaptive design", ICML 2021, section
    6.2.
    """

    alpha_scale: float = 2.0
    slip: float = 0.01
    delays: tuple[float, float] = (0.0, 9.0)
    horizon: int = 20
    grid_size: int | tuple[int, ...] = (512, 32)

    def __post_init__(self) -> None:
        self._set(
            alpha_scale=real("alpha_scale", self.alpha_scale, low=1e-3, high=1e3),
            slip=real("slip", self.slip, low=1e-9, high=0.5),
            delays=interval("delays", self.delays, -50.0, 50.0),
        )
        super().__post_init__()

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """Log k and alpha, within 4.5 standard deviations."""
        return {
            "log_k": (MEAN - 4.5 * STD, MEAN + 4.5 * STD),
            "alpha": (0.0, 4.5 * self.alpha_scale),
        }

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """What is offered now, and the logarithm of the delay of the other offer."""
        return {"reward_now": (0.0, LATER), "log_delay": self.delays}

    @property
    def outcome_range(self) -> tuple[Array, Array]:
        """0 for later, 1 for now."""
        return np.zeros(1), np.ones(1)

    def prior(self, uniform: Array) -> Array:
        """Return draws of log k and alpha."""
        theta = np.empty_like(uniform)
        theta[..., 0] = MEAN + STD * ndtri(np.maximum(uniform[..., 0], 1e-300))
        theta[..., 1] = self.alpha_scale * ndtri(0.5 + uniform[..., 1] / 2)
        return theta

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        inside = theta[..., 1] >= 0
        density = ((theta[..., 0] - MEAN) / STD) ** 2 + (theta[..., 1] / self.alpha_scale) ** 2
        return np.where(inside, -density / 2, -np.inf)

    @property
    def law(self) -> Listed:
        """One of two answers."""
        return Listed(np.array([[0.0], [1.0]]), self.log_likelihood)

    def takes(self, theta: Array, setting: Array) -> Array:
        """Return the probability that the present offer is taken, ``(B, G)``."""
        now, delay = setting[:, :1], setting[:, 1:]
        later = LATER / (1 + np.exp(theta[..., 0] + delay))
        mind = ndtr((now - later) / np.maximum(theta[..., 1], 1e-9))
        return np.asarray(self.slip + (1 - 2 * self.slip) * mind)

    def proposals(self, theta: Array, random: np.random.Generator) -> Array:
        """Return pairs of offers that one drawn person finds equally good.

        At these delays another drawn person may value the later offer at any share of it.
        """
        log_k = theta[..., 0]
        delay = random.logistic(size=log_k.shape[1]) - random.permutation(log_k, axis=1)
        delay = np.clip(delay, *self.delays)
        return np.stack([LATER / (1 + np.exp(log_k + delay)), delay], -1)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the log probability of the answers, ``(B, G)``."""
        p = self.takes(theta, setting)
        return np.log(np.where(outcome > 0.5, p, 1 - p))

    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return the answers, ``(B, 1)``."""
        return (uniform[:, None] < self.takes(theta[:, None], setting)).astype(np.float64)


TemporalDiscountingEnv, TemporalDiscountingVectorEnv = environments(TemporalDiscounting)
