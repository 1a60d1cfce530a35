"""What the beliefs about pools share: they follow the labels that arrive."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import InputError, Knowledge
from ...envs.pools import FeaturePool, Pool
from .arrivals import Arrivals
from .belief import Array, Belief


class HistoryBelief(Belief):
    """A belief about a pool that takes in each label once, in the order in which they come.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: Pool[Any], num_episodes: int) -> None:
        self.model = model
        self._seen = np.zeros(num_episodes, np.int64)  # labels taken in so far

    def _arrivals(
        self, observation: Any, start: NDArray[np.bool_]
    ) -> tuple[Arrivals, NDArray[np.bool_]]:
        """Return the labels that have come, and which episodes start, ``(B,)``.

        Fewer labels than were seen are those of a new episode, also if nobody said so.
        """
        if len(start) != len(self._seen):
            raise InputError(
                f"This belief follows {len(self._seen)} episodes, but {len(start)} observations came; "
                "pass state=None for a new batch."
            )
        arrivals = Arrivals.of(observation)
        return arrivals, start | (arrivals.count < self._seen)


class FeatureBelief(HistoryBelief):
    """A belief about a pool with features.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
    """

    model: FeaturePool

    def __init__(self, model: FeaturePool, num_episodes: int) -> None:
        super().__init__(model, num_episodes)
        self._x: NDArray[Any] | None = None  # (B or 1, n, d) features

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool whose items have features."""
        return isinstance(model, FeaturePool)

    def _follow(self, observation: Any, start: NDArray[np.bool_]) -> Arrivals:
        """Restart where an episode starts; return the labels that have come."""
        arrivals, start = self._arrivals(observation, start)
        if start.any():
            self._restart(observation, start)
        return arrivals

    @abstractmethod
    def _restart(self, observation: Any, start: NDArray[np.bool_]) -> None:
        """Go back to the prior where an episode starts, and read its features."""

    def _read_features(self, observation: Any, start: NDArray[np.bool_]) -> None:
        """Keep the features of the episodes that start; those of one table are kept once."""
        x = self.model.feature_matrix(observation)
        if x.strides[0] == 0:  # all episodes share one table
            x = x[:1]
        x = self._transformed(x)
        if self._x is None or len(x) == 1:
            self._x = x
        else:
            self._x = np.where(start[:, None, None], x, self._x)

    def _transformed(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Return features ``(B or 1, n, d)`` as the belief uses them: as they are."""
        return features


def with_intercept(features: NDArray[np.float32], constant: float = 1.0) -> NDArray[np.float32]:
    """Return a constant and then features free of their units, ``(B, n, 1 + d)``.

    Args:
        features: Features, ``(B, n, d)``.
        constant: The constant, whose coefficient is the intercept.
    """
    b, n, d = features.shape
    x = np.full((b, n, d + 1), constant, np.float32)
    x[:, :, 1:] = standardised(features)
    return x


def standardised(features: NDArray[np.float32]) -> Array:
    """Return features free of their units, ``(B, n, d)``.

    Each has mean 0 and standard deviation 1 over the n items, over sqrt(k) if k of the d vary; the
    others are 0. So the mean square length of an item is 1, if any feature varies.

    Args:
        features: Features, ``(B, n, d)``.
    """
    x = np.array(features, np.float64)
    x -= x.mean(1, keepdims=True)
    std = x.std(1, keepdims=True)
    varies = std > 1e-6 * np.abs(x).max(1, keepdims=True, initial=1e-300)
    x *= varies / np.where(varies, std, 1.0)
    x /= np.sqrt(np.maximum(varies.sum(2, keepdims=True), 1))
    return x
