"""What a posterior asks of a problem: a prior, a likelihood, and normal scores of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


class Problem(Protocol):
    """Parameters with a prior, and the likelihood of data about them; every `DesignModel` is one."""

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The k unknown parameters: name -> finite range that holds (nearly) all of the prior."""

    def log_prior(self, theta: Array) -> Array:
        """Return the log prior density up to a constant, ``(..., k)`` to ``(...)``."""

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return log p(y | theta, xi), finite, up to a constant of y.

        Args:
            outcome: Data, ``(B, m)``.
            theta: G parameter values for all, ``(G, k)``, or for each, ``(B, G, k)``.
            setting: Settings, ``(B, d)``.

        Returns:
            An array of shape ``(B, G)``.
        """


class ScoredProblem(Problem, Protocol):
    """A problem whose parameters follow from standard normal scores, in which particles move."""

    @property
    def horizon(self) -> int:
        """The most experiments of an episode."""

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The d numbers of a setting: name -> range."""

    @property
    def outcome_range(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Finite bounds of the m numbers of the data, each ``(m,)``."""

    def from_scores(self, scores: Array) -> Array:
        """Return the parameters that standard normal numbers turn into, ``(..., k)`` to ``(..., k)``."""

    def relabelled(self, scores: Array, random: np.random.Generator) -> Array:
        """Return normal scores with parameters exchanged at random that no data can tell apart."""

    def equivalent(self, scores: Array, other: Array) -> Array:
        """Return what no data can tell from ``other``, as near to ``scores`` as may be, ``(N, k)``."""
