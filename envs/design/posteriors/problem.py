"""What a posterior asks of a problem: a prior, a likelihood, and normal scores of its parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ...core.arrays import Array


class Problem(Protocol):
    """Unknown parameters, their prior, and the likelihood of data; every `DesignModel` is one."""

    @property
    @abstractmethod
    def horizon(self) -> int:
        """The most experiments of an episode."""

    @property
    @abstractmethod
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The k unknown parameters: name -> finite range that holds (nearly) all of the prior."""

    @property
    @abstractmethod
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The d numbers of a setting: name -> range."""

    @property
    @abstractmethod
    def outcome_range(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Finite bounds of the m numbers of the data, each ``(m,)``."""

    @abstractmethod
    def prior(self, uniform: Array) -> Array:
        """Return the parameters that uniform numbers turn into, ``(..., k)`` to ``(..., k)``."""

    @abstractmethod
    def log_prior(self, theta: Array) -> Array:
        """Return the log prior density up to a constant, ``(..., k)`` to ``(...)``."""

    @abstractmethod
    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return log p(y | theta, xi), finite, up to a constant of y.

        Args:
            outcome: Data, ``(B, m)``.
            theta: G parameter values for all, ``(G, k)``, or for each, ``(B, G, k)``.
            setting: Settings, ``(B, d)``.

        Returns:
            An array of shape ``(B, G)``.
        """

    def from_scores(self, scores: Array) -> Array:
        """Return the parameters that standard normal numbers turn into, ``(..., k)`` to ``(..., k)``."""
        return self.prior(np.minimum(ndtr(scores), 1 - 2.0**-53))

    def relabelled(self, scores: Array, random: np.random.Generator) -> Array:
        """Return normal scores with parameters exchanged at random that no data can tell apart.

        As they are, unless the model has such parameters. Shape ``(N, k)`` to ``(N, k)``.
        """
        return scores

    def equivalent(self, scores: Array, other: Array) -> Array:
        """Return what no data can tell from ``other``, as near to ``scores`` as may be, ``(N, k)``."""
        return other
