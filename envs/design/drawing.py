"""How the data of B episodes are drawn: by one uniform number each, or by the generators of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import Streams
from .laws import NormalNoise

Array: TypeAlias = NDArray[np.float64]


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
        self, theta: Array, setting: Array, streams: Streams, done: NDArray[np.bool_] | None
    ) -> Array:
        return self.outcome(theta, setting, streams.uniform())


class NormalResponse(InverseLaw):
    """Draws data that are one number with normal noise, and tells how likely they are."""

    noise_std: float

    @abstractmethod
    def response(self, theta: Array, setting: Array) -> Array:
        """Return the number without its noise, ``(B, G)``; see `DesignModel.log_likelihood`."""

    @property
    def law(self) -> NormalNoise:
        """The response with normal noise."""
        return NormalNoise(self.response, self.noise_std)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the normal log density, ``(B, G)``."""
        error = (outcome - self.response(theta, setting)) / self.noise_std
        return -(error**2 + np.log(2 * np.pi * self.noise_std**2)) / 2

    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return the response plus noise, ``(B, 1)``."""
        noise = self.noise_std * ndtri(np.maximum(uniform, 1e-300))[:, None]
        return self.response(theta[:, None], setting) + noise


def draw_each(
    rows: Array,
    done: NDArray[np.bool_] | None,
    streams: Streams,
    draw: Callable[[np.random.Generator, Array], NDArray[np.int64]],
) -> Array:
    """Return counts drawn for every row of ``rows`` by its episode's generator of the step.

    Args:
        rows: What to draw from, ``(B, m)``.
        done: Episodes whose counts do not matter.
        streams: The random numbers of the B episodes.
        draw: Returns the counts of one row, ``(m,)``.
    """
    counts = np.zeros(rows.shape, np.int64)
    for i, row in enumerate(rows):
        if done is None or not done[i]:
            counts[i] = draw(streams.noise[i], row)
    return counts.astype(np.float64)
