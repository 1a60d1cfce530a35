"""The death process: when to count the infected, to learn the rate of infection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from ..core import environments
from ..core.arrays import Array
from ..core.checks import integer
from .binomial import BinomialLaw
from .grid_design import GridDesign
from .laws import Listed
from .settings import interval


@dataclass(frozen=True, kw_only=True, eq=False)
class DeathProcess(BinomialLaw, GridDesign):
    """Choose when to count how many of a population have been infected.

    ## Description
    Every individual of a population is infected at the rate theta, independently of the others; at
    time xi the number y of infected is counted, in a fresh population each round:

        theta ~ Normal(1, 1) cut off below 0,    y ~ Binomial(population, 1 - exp(-xi theta)).

    Too early nobody is infected, too late everybody. One or two well-chosen times tell most. The knob
    is the time: `model.action(time=1.5)`.

    ## Arguments
    - `population`: individuals.
    - `times`: range of the time of the count, in units of 1/rate.
    - `grid_size`: nodes of the posterior's grid; 256 pay up to 0.65 nats too much or too little in an
      episode of ten rounds, 512 at most 0.02.

    ## References
    A. Cook, G. Gibson, C. Gilligan, "Optimal observation times in experimental epidemic processes",
    Biometrics 64 (2008) 860; A. Foster et al., "Deep adaptive design", ICML 2021, section 6.3.
    """

    population: int = 50
    times: tuple[float, float] = (0.01, 5.0)
    horizon: int = 4
    grid_size: int | tuple[int, ...] = 512

    def __post_init__(self) -> None:
        self._set(
            population=integer("population", self.population, low=1, high=100_000),
            times=interval("times", self.times, 0.0, 1e6),
        )
        super().__post_init__()

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself, the law of a count included."""
        return super().size + 5 * self.population

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The rate of infection, up to 5 standard deviations above its mean."""
        return {"rate": (0.0, 6.0)}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The time of the count."""
        return {"time": self.times}

    def prior(self, uniform: Array) -> Array:
        """Return draws of the normal law above 0."""
        below = ndtr(-1.0)
        return np.asarray(np.maximum(1 + ndtri(below + (1 - below) * uniform), 1e-9))

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        return -((theta[..., 0] - 1) ** 2) / 2

    @cached_property
    def law(self) -> Listed:
        """One of the counts from 0 to the population."""
        return Listed(np.arange(self.population + 1.0)[:, None], self.log_likelihood)

    @property
    def most_trials(self) -> int:
        """Everybody."""
        return self.population

    def trials(self, setting: Array) -> Array:
        """Return the population, ``(B, 1)``."""
        return np.full((len(setting), 1), float(self.population))

    def log_chances(self, theta: Array, setting: Array) -> tuple[Array, Array]:
        """Return the log chances of having been infected and of not, ``(B, G)``."""
        hazard = np.maximum(theta[..., 0] * setting, 1e-12)
        return np.log(-np.expm1(-hazard)), -hazard


DeathProcessEnv, DeathProcessVectorEnv = environments(DeathProcess)
