"""What the beliefs about pools share: they follow the labels as they arrive."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.core import InputError, Knowledge
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.seeding import Words
from ...envs.pools import FeaturePool, Pool
from .belief import Belief, Probabilities
from .units import Units


@dataclass(frozen=True)
class Arrivals:
    """The labels of B episodes that have come, T at most.

    Args:
        items: The items, in the order in which their labels came, -1 behind the last, ``(B, T)``.
        labels: Their labels, in the unit of the label, 0 behind the last, ``(B, T)``.
        fidelity: The fidelity of each label, ``(B, T)``; None where there is one.
    """

    items: Whole
    labels: NDArray[np.floating[Any]]
    fidelity: Whole | None = None

    @classmethod
    def of(cls, observation: dict[str, NDArray[Any]]) -> Self:
        """Return what an ``observation`` of B episodes of a pool holds, ``(B, ...)`` each part."""
        items, labels = observation["labelled"], observation["labels"]
        if "arrived" in observation:  # the labels of the others are still to come
            items = np.where(np.arange(items.shape[1]) < observation["arrived"], items, -1)
        return cls(items, labels, observation.get("fidelity"))

    @cached_property
    def count(self) -> Whole:
        """The number of labels, ``(B,)``."""
        return np.asarray((self.items >= 0).sum(1))


class HistoryBelief(Belief):
    """A belief about a pool that takes in each label once, in the order in which they come.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: Pool[Any], num_episodes: int) -> None:
        self.model = model
        self._seen = np.zeros(num_episodes, np.int64)  # labels taken in so far
        # Single precision would tell in which order labels came, where that is not the one of choice.
        self._in_order = model.waiting.in_order
        self._real = np.float32 if self._in_order else np.float64

    def _arrivals(self, observation: Any, start: Flags) -> tuple[Arrivals, Flags]:
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
    _kept: Any = None  # draws, where the belief keeps some; here, for a pickle of before has none

    def __init__(self, model: FeaturePool, num_episodes: int) -> None:
        super().__init__(model, num_episodes)
        # Features, (B or 1, n, d): those that all episodes share are kept once.
        self._x: NDArray[Any] = np.empty((0, model.num_items, model.num_features))
        self._units: Units | None = None  # of features that are kept as they are seen

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool whose items have features."""
        return isinstance(model, FeaturePool)

    def take_keys(self, keys: Words) -> None:
        """Take the keys of the draws that are kept, ``(B,)``."""
        if self._kept is not None:
            self._kept.keys = keys

    def _follow(self, observation: Any, start: Flags) -> Arrivals:
        """Restart where an episode starts; return the labels that have come."""
        arrivals, start = self._arrivals(observation, start)
        if start.any():
            self._restart(observation, start)
            if self._kept is not None:
                self._kept.begin(start)
        return arrivals

    @abstractmethod
    def _restart(self, observation: Any, start: Flags) -> None:
        """Go back to the prior where an episode starts, and read its features."""

    def _read_features(self, observation: Any, start: Flags) -> None:
        """Keep the features of the episodes that start."""
        x = self.model.feature_matrix(observation)
        if x.strides[0] == 0:  # all episodes share one table
            x = x[:1]
        self._units = self._units_of(x)
        if self._units is None:
            x = self._transformed(x)
        known = len(self._x) > 0 and len(x) > 1
        self._x = np.where(start[:, None, None], x, self._x) if known else x

    def _units_of(self, features: Single) -> Units | None:
        """Return how features ``(B or 1, n, d)`` that are not copied become those of the belief."""
        return None

    def _rows(self, episodes: Whole, items: Whole) -> NDArray[Any]:
        """Return the features of some items of some episodes, ``(..., d)``."""
        x = np.asarray(self._x[0, items] if len(self._x) == 1 else self._x[episodes, items])
        return x if self._units is None else self._units.phi(x)

    def _transformed(self, features: Single) -> NDArray[Any]:
        """Return features ``(B or 1, n, d)`` as the belief uses them: as they are."""
        return features


class TwoLabels(FeatureBelief, Probabilities):
    """A belief about a pool with features whose labels have two public values, a failure and a success.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: FeaturePool, num_episodes: int) -> None:
        super().__init__(model, num_episodes)
        self._failure, self._success = model.outcomes or (0.0, 1.0)
        self._unit = self._success - self._failure

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool with features whose labels have two public values."""
        return isinstance(model, FeaturePool) and model.binary

    def mean(self) -> Array:
        """Return the expected label of every item, ``(B, n)``."""
        return self._failure + self._unit * self.chance()

    def label_variance(self) -> Array:
        """Return (b - a)^2 p (1 - p), the variance of the next label of every item, ``(B, n)``."""
        p = self.chance()
        return self._unit**2 * (p * (1 - p))

    def _succeeds(self, items: Whole, labels: NDArray[np.floating[Any]]) -> Flags:
        """Return which labels of some items, -1 for none, are successes."""
        success = labels == self._success
        wrong = ~success & (labels != self._failure) & (items >= 0)
        if wrong.any():
            raise InputError(
                f"The {type(self).__name__.lower()} belief takes labels {self._failure:g} and "
                f"{self._success:g}, got {labels[wrong][0]:g} for item {items[wrong][0]}; use "
                "belief=linear or belief=gp, or make a table whose labels have two values."
            )
        return np.asarray(success)


def with_intercept(features: Single, constant: float = 1.0) -> Single:
    """Return a constant and then features free of their units, ``(B, n, 1 + d)``.

    Args:
        features: Features, ``(B, n, d)``.
        constant: The constant, whose coefficient is the intercept.
    """
    b, n, d = features.shape
    x = np.full((b, n, d + 1), constant, np.float32)
    x[:, :, 1:] = standardised(features)
    return x


def standardised(features: Single) -> Array:
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
