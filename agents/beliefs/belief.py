"""What every belief can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Model

Array = NDArray[np.float64]


class Belief(ABC):
    """A posterior over the value of each of n items, for B episodes at once.

    A belief is the state of an agent: it is updated in place by every observation. Its constructor
    takes the model's public parameters, the number of episodes and its own settings.
    """

    @classmethod
    @abstractmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether the belief describes this model."""

    @abstractmethod
    def __init__(self, model: Any, num_episodes: int) -> None: ...

    @abstractmethod
    def update(self, observation: Any, start: NDArray[np.bool_]) -> None:
        """Take in the observations of B episodes; those that ``start`` forget the past first."""

    @abstractmethod
    def mean(self) -> Array:
        """Return the posterior mean of every item, ``(B, n)``."""

    @abstractmethod
    def std(self) -> Array:
        """Return the posterior standard deviation of every item, ``(B, n)``."""

    @abstractmethod
    def sample(self, count: int, random: np.random.Generator) -> Array:
        """Return draws of all items together, ``(B, count, n)``."""

    def reach(self, gain: Array) -> Array:
        """Return how much of each item's information ``gain`` a label of x uncovers, ``(B, n)``.

        A label tells about its own item only, except on graphs.
        """
        return gain
