"""How the data of B episodes are drawn: by one uniform number each, or by the generators of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, xlogy

from ..core import Streams
from ..core.arrays import Array, Flags, Whole
from .laws import NormalNoise

ANY = float(np.finfo(np.float32).max)
"""Bound of what may be any number in an observation."""


class InverseLaw(ABC):
    """Draws the data of a `DesignModel` from one uniform number per experiment."""

    @abstractmethod
    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return the data that uniform numbers turn into, by the inverse law.

        Args:
            theta: Parameters, ``(B, k)``.
            setting: Settings, ``(B, d)``.
            uniform: Uniform numbers in [0, 1), ``(B,)``.

        Returns:
            Data, ``(B, m)``.
        """

    def sample(self, theta: Array, setting: Array, random: np.random.Generator) -> Array:
        """Return data for B pairs of parameters ``(B, k)`` and settings ``(B, d)``, ``(B, m)``."""
        return self.outcome(theta, setting, random.random(len(theta)))

    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: Flags | None
    ) -> Array:
        return self.outcome(theta, setting, streams.uniform())


class NormalResponse(InverseLaw):
    """Draws data that are one number with normal noise, and tells how likely they are."""

    noise_std: float

    @property
    def outcome_range(self) -> tuple[Array, Array]:
        """Any number."""
        return np.full(1, -ANY), np.full(1, ANY)

    @abstractmethod
    def response(self, theta: Array, setting: Array) -> Array:
        """Return the number without its noise, ``(B, G)``; see `DesignModel.log_likelihood`."""

    @property
    def law(self) -> NormalNoise:
        """The response with normal noise."""
        return NormalNoise(self.response, self.noise_std)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the normal log density, ``(B, G)``."""
        error = outcome - self.response(theta, setting)
        error /= self.noise_std
        error *= error
        error += np.log(2 * np.pi * self.noise_std**2)
        error *= -0.5
        return np.asarray(error)

    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return the response plus noise, ``(B, 1)``."""
        noise = self.noise_std * ndtri(np.maximum(uniform, 1e-300))[:, None]
        return np.asarray(self.response(theta[:, None], setting) + noise)


class HistogramLaw(ABC):
    """Draws data that are counts of bins, by the generators of a step."""

    num_events: int
    num_bins: int

    @abstractmethod
    def data(self, events: Array) -> Array:
        """Return the data of a real experiment as observations hold them, ``(m,)``, from its events."""

    @abstractmethod
    def outside(self, events: Array) -> float:
        """Return the share of events that lie beyond the histogram."""

    @abstractmethod
    def rates(self, theta: Array, setting: Array) -> Array:
        """Return the chance of each bin for B pairs of parameters and settings, ``(B, num_bins)``."""

    def draw(self, rates: Array, random: np.random.Generator) -> Whole:
        """Return the counts of experiments with these rates, of the same shape."""
        return random.multinomial(self.num_events, rates)

    def repeat(
        self, theta: Array, setting: Array, outcome: Array, random: np.random.Generator
    ) -> Array:
        """Return histograms of as many events as each ``outcome`` has, ``(B, num_bins)``."""
        size = outcome.sum(1).astype(np.int64)
        return random.multinomial(size, self.rates(theta, setting)).astype(np.float64)

    def saturated(self, outcome: Array, setting: Array) -> Array:
        """Return the multinomial log likelihood if each bin has the chance of its share, ``(B,)``."""
        size = outcome.sum(1, keepdims=True)
        return np.asarray((xlogy(outcome, outcome) - xlogy(outcome, np.maximum(size, 1))).sum(1))

    @property
    def uniforms(self) -> int:
        """None: one number does not make a histogram."""
        return 0

    @property
    def outcome_range(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Counts per bin."""
        return np.zeros(self.num_bins), np.full(self.num_bins, self._most)

    @property
    def _most(self) -> float:
        return self.num_events

    def sample(self, theta: Array, setting: Array, random: np.random.Generator) -> Array:
        """Return histograms for B pairs of parameters and settings, ``(B, num_bins)``."""
        return self.draw(self.rates(theta, setting), random).astype(np.float64)

    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: Flags | None
    ) -> Array:
        counts = np.zeros((len(theta), len(self.outcome_range[0])))
        for i, row in enumerate(self.rates(theta, setting)):
            if done is None or not done[i]:
                counts[i] = self.draw(row, streams.noise[i])
        return counts
