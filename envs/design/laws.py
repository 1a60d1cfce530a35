"""What a design model knows of the law of its data, by which their information is estimated.

A model returns one of these as its `law`. With a `SummedLaw` the expected information of a setting is
a sum over all data, without drawing any; a law of your own derives from it. `UnitNoise` is for
histograms that are as good as points with normal noise. The plain `Law` says nothing: data are drawn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from ..core.arrays import Array, Flags
from ..core.products import ROWS, by_rows

Map: TypeAlias = Callable[[Array, Array], Array]
"""A function of parameters ``(G, k)`` and settings ``(S, d)``."""
WIDE, APART = 1e5, 16.0
"""In units of the noise: the width of all points above which gaps between them are shortened, and the
width that is left of a gap."""
CACHED = 1 << 16
"""About how many likelihoods are computed together: they stay in the cache."""
CELLS = 1 << 16
"""About how many cells a density of data is kept on."""
NODES = 256
"""Values that one matrix product adds up over."""
NEGLIGIBLE = 1e-5
"""Weight of all the parameter values together that may be left out."""


class Law:
    """Data of which nothing is known but how to draw them and how likely they are."""


class SummedLaw(Law, ABC):
    """Data whose expected information is a sum over all of them."""

    def information(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the expected information of settings ``(S, d)`` in B episodes, ``(B, S)``, in nats.

        Args:
            theta: Parameter values for all episodes ``(G, k)``, or for each ``(B, G, k)``.
            log_weights: Their log weights, ``(B, G)``.
            settings: The settings.
        """
        singles = values_that_count(theta, log_weights)
        return np.stack([self.single(mine, row, settings) for mine, row in singles])

    @abstractmethod
    def single(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the same of one episode: values ``(G, k)``, log weights ``(G,)``, gains ``(S,)``."""


@dataclass(frozen=True)
class Listed(SummedLaw):
    """Data that are one of few values.

    Args:
        outcomes: All values, ``(Y, m)``.
        log_likelihood: That of the model; it must leave no constant out.
    """

    outcomes: Array
    log_likelihood: Callable[[Array, Array, Array], Array]

    def information(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the expected information, ``(B, S)``: of all episodes together where they can be."""
        if theta.ndim == 3:
            return super().information(theta, log_weights, settings)
        return self._sum(*_blocks_that_count(theta, log_weights), settings)

    def single(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the expected information of one episode, ``(S,)``."""
        return np.asarray(self._sum(*_blocks_that_count(theta, log_weights[None]), settings)[0])

    def _sum(self, theta: Array, weights: Array, settings: Array) -> Array:
        outcomes = self.outcomes[:-1]  # what the others leave is the probability of the last
        gain = np.empty((len(weights), len(settings)))
        together = max(CACHED // (len(outcomes) * len(theta)) // ROWS, 1) * ROWS
        for first in range(0, len(settings), together):
            part = settings[first : first + together]
            logs = self.log_likelihood(
                np.tile(outcomes, (len(part), 1)), theta, np.repeat(part, len(outcomes), axis=0)
            )
            law = np.exp(logs)
            last = np.maximum(1 - law.reshape(len(part), len(outcomes), -1).sum(1), 1e-300)
            mixed = _mixed(weights, law).reshape(len(weights), len(part), -1)
            logs *= law
            sure = logs.reshape(len(part), len(outcomes), -1).sum(1) + last * np.log(last)
            rest = _mixed(weights, last)
            gain[:, first : first + together] = (
                _mixed(weights, sure) - xlogy(mixed, mixed).sum(2) - xlogy(rest, rest)
            )
        return np.maximum(gain, 0.0)


@dataclass(frozen=True)
class NormalNoise(SummedLaw):
    """Data that are one number with normal noise, integrated over cells of a sixth of the noise.

    Args:
        mean: The number without its noise, ``(S, G)``.
        std: Standard deviation of the noise, the same for all settings and parameters.
    """

    mean: Map
    std: float

    def single(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the expected information of one episode, ``(S,)``."""
        weights, gain = np.exp(log_weights), np.empty(len(settings))
        rows = max(1, CACHED // len(theta))
        for first in range(0, len(settings), rows):
            part = slice(first, first + rows)
            points = (self.mean(theta, settings[part]) / self.std)[..., None]
            gain[part] = unit_noise(points, weights)
        return gain


@dataclass(frozen=True)
class Histograms(Law):
    """Data that are counts of events in bins.

    Args:
        num_events: Events of an experiment.
        fails: Whether an experiment may fail as a whole, which the last count tells.
    """

    num_events: int
    fails: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class UnitNoise(Histograms):
    """Histograms that are about as good as points with unit normal noise.

    Args:
        points: The points on the scale of the Fisher metric, ``(S, G, m)``.
        error: By how much the information of points may differ from that of histograms, ``(S,)``.
    """

    points: Map
    error: Map


@dataclass(frozen=True)
class PreparedNoise(UnitNoise):
    """Histograms of a fixed number of events, which can be drawn once where points are too rough.

    Args:
        cut_off: At which settings points are too rough, for the density is cut off, ``(S,)``.
        prepared: Turns points ``(G,)`` and weights ``(G,)`` into their information, by histograms
            that were drawn once, and its standard error.
        rough: Whether points are too rough at some setting and prepared histograms should be taken.
    """

    cut_off: Callable[[Array, Array], Flags]
    prepared: Callable[[Array, Array], tuple[float, float]]
    rough: bool


def values_that_count(theta: Array, log_weights: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the values ``(G, k)`` and log weights ``(G,)`` that count in each of B episodes."""
    for b, row in enumerate(log_weights):
        mine = theta if theta.ndim == 2 else theta[b]
        counts = row > np.log(NEGLIGIBLE / len(mine))
        yield mine[counts], row[counts]


def _blocks_that_count(theta: Array, log_weights: Array) -> tuple[Array, Array]:
    """Return the blocks of `NODES` values ``(U, k)`` and weights ``(B, U)`` that count in any episode.

    In the other episodes their weights are 0: the sum of an episode does not depend on the others.
    """
    counts = log_weights > np.log(NEGLIGIBLE / len(theta))
    weights = np.zeros((len(log_weights), -(-len(theta) // NODES) * NODES))
    np.exp(log_weights, out=weights[:, : len(theta)], where=counts)
    used = (weights > 0).any(0).reshape(-1, NODES).any(1).repeat(NODES)
    index = np.minimum(used.nonzero()[0], len(theta) - 1)
    return theta[index], weights[:, used]


def _mixed(weights: Array, values: Array) -> Array:
    """Return the sums of values ``(S, U)`` with the weights ``(B, U)`` of B episodes, ``(B, S)``.

    They are added up block by block, so that the digits of an episode do not depend on the others.
    """
    total = np.zeros((len(weights), len(values)))
    for first in range(0, weights.shape[1], NODES):
        block = slice(first, first + NODES)
        total += by_rows(weights[:, block], values[:, block].T)
    return total


def _closer(points: NDArray[Any], apart: float) -> NDArray[Any]:
    """Return points ``(S, G, m)``, with shorter gaps where no noise bridges them: ``apart`` at most."""
    order = points.argsort(1)
    ordered = np.take_along_axis(points, order, 1)
    gaps = np.diff(ordered, axis=1, prepend=ordered[:, :1])
    closer = np.empty_like(points)
    np.put_along_axis(closer, order, np.minimum(gaps, apart).cumsum(1), 1)
    return closer


def unit_noise(points: Array, weights: Array) -> Array:
    """Return the information of points with unit normal noise, on cells.

    Cells are a sixth of the noise on a line and a third in a plane, or up to all of it where the points
    lie far apart, and tell so much that a few hundredths of a nat do not matter.

    Args:
        points: Where the noise is about under S settings and G parameter values, ``(S, G, m)``.
        weights: Weights of the values, ``(G,)``.

    Returns:
        The entropy of the mixture less that of the noise, ``(S,)``.
    """
    from scipy.signal import fftconvolve  # slow to import, so only when it is asked for

    dimensions = points.shape[2]
    if np.ptp(points, 1).max() > WIDE:
        points = _closer(points, APART)
    area = np.prod(np.ptp(points, 1), 1).max()
    cells = int(np.clip((CELLS / (area + 1)) ** (1 / dimensions), 1, 6 // dimensions))
    offsets = np.arange(-7 * cells, 7 * cells + 1) / cells
    kernel = np.exp(-(offsets**2) / 2) / np.exp(-(offsets**2) / 2).sum()
    cell = ((points - points.min(1, keepdims=True)) * cells).astype(np.int64)
    if cell.max() > len(kernel) * cell.shape[1]:  # few points: between them there is nothing
        cell = _closer(cell, len(kernel))
    gain = np.full(len(points), dimensions * xlogy(kernel, kernel).sum())
    rows = max(1, CACHED // int(np.prod(cell.max((0, 1)) + len(kernel))))
    for first in range(0, len(points), rows):
        part = cell[first : first + rows]
        shape = (len(part), *(part.max((0, 1)) + 1).tolist())
        axes = np.moveaxis(part, 2, 0)
        index = np.ravel_multi_index((np.arange(len(part))[:, None], *axes), shape)
        spread = np.broadcast_to(weights, index.shape)
        density = np.bincount(index.ravel(), spread.ravel(), int(np.prod(shape))).reshape(shape)
        for axis in range(1, dimensions + 1):
            along = kernel.reshape([-1 if a == axis else 1 for a in range(dimensions + 1)])
            density = fftconvolve(density, along, axes=axis)
        density = np.maximum(density, 1e-300).reshape(len(part), -1)
        gain[first : first + rows] -= (density * np.log(density)).sum(1)
    return np.asarray(np.maximum(gain, 0.0))
