"""How the data of B episodes are drawn: by one uniform number each, or by the generators of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import Streams

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
        self, theta: Array, setting: Array, streams: Streams, over: NDArray[np.bool_] | None
    ) -> Array:
        return self.outcome(theta, setting, streams.uniform())


def draw_each(
    rows: Array,
    over: NDArray[np.bool_] | None,
    streams: Streams,
    draw: Callable[[np.random.Generator, Array], NDArray[np.int64]],
) -> Array:
    """Return counts drawn for every row of ``rows`` by its episode's generator of the step.

    Args:
        rows: What to draw from, ``(B, m)``.
        over: Episodes whose counts do not matter.
        streams: The random numbers of the B episodes.
        draw: Returns the counts of one row, ``(m,)``.
    """
    counts = np.zeros(rows.shape, np.int64)
    for i, row in enumerate(rows):
        if over is None or not over[i]:
            counts[i] = draw(streams.noise[i], row)
    return counts.astype(np.float64)
