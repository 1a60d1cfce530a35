"""Agents that need no belief: the random one and the fixed one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..envs.campaigns.campaign import Campaign
from ..envs.core import InputError, Model
from .agent import Agent
from .rules import Random


class RandomAgent(Agent):
    """Chooses uniformly among the legal actions."""

    text = "random"

    @classmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether the actions are finitely many."""
        return isinstance(model.action_space, spaces.Discrete | spaces.MultiDiscrete)

    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Choose for B episodes."""
        if isinstance(observation, dict) and "action_mask" in observation:
            mask = observation["action_mask"]
            if isinstance(self.model.action_space, spaces.MultiDiscrete):
                size = len(self.model.action_space.nvec)
                return Random().choose_batch(None, mask, self.random, size), ()
            return Random().choose(None, mask, self.random), ()
        assert isinstance(self.model.action_space, spaces.Discrete)
        return self.random.integers(self.model.action_space.n, size=len(start)), ()


class FixedAgent(Agent):
    """Repeats one action of a campaign.

    Args:
        model: A campaign.
        seed: Unused: there is nothing random.
        **setting: The action, such as ``batch_size=96``; see `Campaign.action`.
    """

    text = "fixed"

    def __init__(self, model: Model[Any], *, seed: Any = 0, **setting: Any) -> None:
        super().__init__(model, seed=seed)
        if not isinstance(model, Campaign):
            raise InputError(f"fixed plays campaigns only, not {type(model).__name__}.")
        self.action = model.action(**setting)

    @classmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether the model is a campaign."""
        return isinstance(model, Campaign)

    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Choose for B episodes."""
        return np.full(len(start), self.action), ()
