"""Prey population: with how many prey to begin, to learn how a predator hunts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import InputError, environments, shown
from ..core.arrays import Array
from ..core.checks import SMALL, integer, real
from .binomial import BinomialLaw
from .grid_design import GridDesign

MEAN, STD = -1.4, 1.35
"""Mean and standard deviation of both log a and log h."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreyPopulation(BinomialLaw, GridDesign):
    """Choose how many prey to give a predator, to learn how it attacks and digests.

    ## Description
    N0 prey are put to a predator, and after 24 hours those eaten are counted. Its functional response
    is of Holling's third type: it attacks at a rate a that grows with the number of prey, and is kept
    busy for a time h by each,

        dN/dt = -a N^2 / (1 + a h N^2),    N(0) = N0,    y ~ Binomial(N0, 1 - N(t) / N0).

    The equation has a solution in closed form,

        N(t) = 2 / (b + sqrt(b^2 + 4 a h)),    b = 1 / N0 - a h N0 + a t.

    The unknown parameters log a and log h are both Normal(-1.4, 1.35^2). Few prey tell of the attacks,
    many of the time that each takes. The knob is N0, from 1 to `most_prey` and rounded to an integer:
    `model.action(prey=40)`; `settings=300` offers all numbers from 1 to 300.

    ## Observation space
    - `outcomes`: float32, `(T,)`, the prey eaten.

    ## Arguments
    - `most_prey`: largest N0.
    - `duration`: the time t in hours; a is per hour, h in hours.
    - `grid_size`: nodes of the posterior's grid along log a and log h. Counts of many prey tell h to a
      few per cent, but never tell a as well as that.

    ## References
    C. S. Holling, "Some characteristics of simple types of predation and parasitism", Canadian
    Entomologist 91 (1959) 385; H. Moffat, M. Hainy, N. Papanikolaou, C. Drovandi, "Sequential
    experimental design for predator-prey functional response experiments", J. R. Soc. Interface 17
    (2020) 20200156; T. Blau et al., "Optimizing sequential experimental design with deep reinforcement
    learning", ICML 2022.
    """

    most_prey: int = 300
    duration: float = 24.0
    grid_size: int | tuple[int, ...] = (32, 320)

    def __post_init__(self) -> None:
        self._set(
            most_prey=integer("most_prey", self.most_prey, low=2, high=1000),
            duration=real("duration", self.duration, low=SMALL, high=1e6),
        )
        super().__post_init__()

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """Log a and log h, within 4.5 standard deviations."""
        return dict.fromkeys(("log_attack", "log_handling"), (MEAN - 4.5 * STD, MEAN + 4.5 * STD))

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The number of prey."""
        return {"prey": (1.0, float(self.most_prey))}

    def evenly(self, count: int) -> Array:
        """Return ``count`` evenly spaced numbers, rounded to integers, ``(count, 1)``."""
        return np.rint(super().evenly(count))

    def setting(self, action: NDArray[Any]) -> Array:
        """Return the numbers of prey of actions ``(B,)`` or ``(B, 1)``, ``(B, 1)``."""
        return np.rint(super().setting(action))

    def _in_range(self, name: str, value: Any) -> float:
        number = super()._in_range(name, value)
        if number != round(number):
            raise InputError(f"{name} must be an integer, got {shown(value)}.")
        return number

    def prior(self, uniform: Array) -> Array:
        """Return normal draws of log a and log h."""
        return np.asarray(MEAN + STD * ndtri(np.maximum(uniform, 1e-300)))

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        return np.asarray(-(((theta - MEAN) / STD) ** 2).sum(-1) / 2)

    @property
    def most_trials(self) -> int:
        """The most prey."""
        return self.most_prey

    def trials(self, setting: Array) -> Array:
        """Return the number of prey, ``(B, 1)``."""
        return setting

    def log_chances(self, theta: Array, setting: Array) -> tuple[Array, Array]:
        """Return the log chances of being eaten and of being left, ``(B, G)``."""
        attack = np.exp(theta[..., 0])
        busy, attacks = attack * np.exp(theta[..., 1]), attack * self.duration
        b = 1 / setting - busy * setting + attacks
        root = np.sqrt(b**2 + 4 * busy)
        # Of two forms of the same number the one without a difference of nearly equal numbers.
        total = np.abs(b) + root
        remaining = np.where(b > 0, 2 / total, total / (2 * busy))
        eaten = attacks * remaining / (1 + busy * remaining * setting)
        return np.log(eaten), np.log(remaining / setting)


PreyPopulationEnv, PreyPopulationVectorEnv = environments(PreyPopulation)
