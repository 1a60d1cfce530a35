"""What may be known of an environment: its parameters, its spaces, and what follows from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ..rendering.picture import Curves, Picture, Series, Trace
from .arrays import Array, Whole
from .errors import TruthUnknown

Observation: TypeAlias = NDArray[Any] | dict[str, NDArray[Any]]
Policy: TypeAlias = Callable[[Any], NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Knowledge(ABC):
    """What is public about an environment, and all that an agent is given of it.

    It cannot be stepped, and it holds nothing that an episode hides.
    """

    beliefs: ClassVar[tuple[str, ...]] = ()
    """Names of the beliefs about it. A rule takes the first that fits and that it can use."""

    @property
    def name(self) -> str:
        """What people call it."""
        return type(self).__name__

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Return the names of the parameters, in the order of their declaration."""
        return tuple(field.name for field in fields(cls))

    # ---- spaces of one episode

    @property
    @abstractmethod
    def observation_space(self) -> gym.Space[Any]:
        """Space of the observation of one episode."""

    @property
    @abstractmethod
    def action_space(self) -> gym.Space[Any]:
        """Space of the action of one episode."""

    def decisions(self, observation: Any) -> Whole | None:
        """Return after how many decisions an ``observation`` comes, ``(B,)``; None if it does not tell.

        What an agent draws for a decision depends on it, so that an agent that is made anew in the
        middle of an episode goes on as the old one would have.
        """
        return None

    # ---- what a record keeps of episodes

    @property
    def most_decisions(self) -> int | None:
        """The most decisions that an episode takes; None where that is not known."""
        return None

    def best(self, observation: Any) -> Array | None:
        """Return the best label that an ``observation`` holds, NaN before the first one, ``(...)``.

        In the unit of the label. None where there are no labels. Whatever is asked of the observation is
        one of its parts.
        """
        return None

    def prices(self, actions: NDArray[Any], first: Any = None) -> Array | None:
        """Return what each of t actions costs, given those before it, ``(B, t)`` as `actions`.

        In the unit of the reward, or one that the model names; None where nothing costs anything, or
        where only the first observations tell what it costs, and they are not given.

        Args:
            actions: The actions of B episodes, ``(B, t, ...)``.
            first: The observations with which the episodes began.
        """
        return None

    # ---- truth

    def random_value(self) -> float:
        """Return the exact expected return of an agent that chooses uniformly at random."""
        raise TruthUnknown(f"{self.name} knows no random value.")

    def optimal_value(self) -> float:
        """Return the exact expected return of the best agent, or of an oracle where stated."""
        raise TruthUnknown(f"{self.name} knows no optimal value.")

    def optimal_policy(self) -> Policy:
        """Return the function from observations ``(B, ...)`` to actions that attains the optimum."""
        raise TruthUnknown(f"{self.name} knows no optimal policy.")

    # ---- words and pictures

    def action_name(self, action: Any) -> str:
        """Return the action in words, for people."""
        return str(action)

    def summary(self, observation: Observation) -> str:
        """Return one line that tells where an episode stands, from its observation."""
        return str(observation)

    def picture(self, trace: Trace) -> Picture:
        """Return what is to be seen of an episode, its ``trace``; by default its return so far."""
        returns = np.cumsum([reward for _, reward, _ in trace])
        return Picture(panels=(Curves(label="return", series=(Series(values=returns),)),))
