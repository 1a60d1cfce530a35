"""Agents that need no model: they play every Gymnasium environment, also those of others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from ..envs.core import InputError, shown
from ..envs.core.arrays import Flags
from .agent import Agent


@dataclass(frozen=True)
class Spaces:
    """What is known of an environment of others: its spaces."""

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]

    def decisions(self, observation: Any) -> None:
        """Return None: observations do not tell how many decisions were taken."""


PLAIN = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


class AnywhereAgent(Agent):
    """Plays environments of others too; nested observations must come in batches."""

    @classmethod
    def fits(cls, model: Any) -> bool:
        """Return True: nothing needs to be known."""
        return True

    def _is_single(self, observation: Any) -> bool:
        space = self.model.observation_space
        parts = space.values() if isinstance(space, spaces.Dict) else [space]
        return all(isinstance(part, PLAIN) for part in parts) and super()._is_single(observation)


class FunctionAgent(AnywhereAgent):
    """Asks a function of one observation for each action.

    Args:
        model: The model, or the spaces of an environment of others.
        function: The function. If it has an argument ``random``, it is handed a generator, which
            follows from the seed, the episode and how many decisions were taken.
        text: How the agent is called.
        seed: Seed of the generators.
        settings: Further arguments of the function.
    """

    def __init__(
        self,
        model: Any,
        function: Callable[..., Any],
        *,
        text: str,
        seed: Any = 0,
        settings: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(model, seed=seed)
        self.text, self.function, self.settings = text, function, settings
        self.draws = "random" in inspect.signature(function).parameters
        try:
            inspect.signature(function).bind(0, **settings, **({"random": 0} if self.draws else {}))
        except TypeError as error:
            raise InputError(
                f"{text} takes {inspect.signature(function)}; as an agent it is called with one "
                f"observation, its settings, and random= where it names that ({error})."
            ) from None

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        actions = []
        space = batch_space(self.model.observation_space, len(start))
        for i, row in enumerate(iterate(space, observation)):
            drawn = {"random": self.random[i]} if self.draws else {}
            actions.append(self.function(row, **self.settings, **drawn))
        return _together(self.model.action_space, actions, self.text), ()


class Sampler(AnywhereAgent):
    """Chooses uniformly in an environment of others, among the legal actions if a mask names them.

    Args:
        model: The spaces of the environment.
        seed: Seed of the choices.
    """

    text = "random"
    role = "random"

    def __init__(self, model: Any, *, seed: Any = 0) -> None:
        super().__init__(model, seed=seed)
        self._masks: Any = None

    def predict(self, *args: Any, action_masks: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        """Choose actions; the masks are those of the information, ``(B, n)``."""
        self._masks = action_masks
        return super().predict(*args, **kwargs)

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        masks, space = self._masks, self.model.action_space
        if isinstance(observation, dict) and "action_mask" in observation:
            masks = observation["action_mask"]
        actions = []
        for i in range(len(start)):
            space.seed(int(self.random[i].integers(2**31)))
            mask = None if masks is None else masks[i]
            actions.append(space.sample() if mask is None else _sample(space, mask))
        return _together(space, actions, self.text), ()


def _sample(space: spaces.Space[Any], mask: Any) -> Any:
    """Return a legal action; the mask is a row of numbers, or a tuple of rows for several choices."""
    try:
        if isinstance(space, spaces.MultiDiscrete) and not isinstance(mask, tuple):
            mask = tuple(np.split(np.asarray(mask), np.cumsum(space.nvec)[:-1]))
        if isinstance(mask, tuple):
            return space.sample(mask=tuple(np.asarray(one, np.int8) for one in mask))
        return space.sample(mask=np.asarray(mask, np.int8))
    except (AssertionError, ValueError, TypeError, NotImplementedError) as error:
        raise InputError(
            f"action_mask {shown(mask)} is not one that {space} takes ({error})."
        ) from None


def _together(space: spaces.Space[Any], actions: list[Any], text: str) -> Any:
    """Return the actions of some episodes as a vector environment takes them."""
    try:
        if isinstance(space, spaces.Discrete | spaces.MultiDiscrete | spaces.Box):
            return np.stack(actions)
        empty: Any = create_empty_array(space, len(actions))
        return concatenate(space, actions, empty)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError(
            f"{text} chose {shown(actions[0])}, which is no action of {space} ({error})."
        ) from None
