"""A walk in random directions: what a budget of moves brings without any thought."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from scipy.special import ndtri

from ...envs.core import InputError, Knowledge
from ...envs.core.arrays import Flags
from ...envs.design.design import DesignModel
from ..agent import Agent, Seed


class RandomWalk(Agent):
    """A move in a random direction each round, as long as its share of the moves that are left.

    Directions are uniform on the sphere, in units of the knobs; what leaves the ranges is cut off there.
    Where the first design may be anything, it is drawn uniformly.

    Args:
        model: A design with continuous settings and a budget of moves.
        seed: Seed of the agent's own randomness.
    """

    text = "random_walk"

    def __init__(self, model: Knowledge, *, seed: Seed = 0) -> None:
        super().__init__(model, seed=seed)
        if not self.fits(model):
            raise InputError(
                f"random_walk shares out a budget of moves over continuous settings, which {model.name} "
                "does not have here: give move_budget, and no settings."
            )

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model has continuous settings and a budget of moves."""
        box = isinstance(model.action_space, spaces.Box)
        return box and isinstance(model, DesignModel) and model.move_budget is not None

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        model = self.model
        assert isinstance(model, DesignModel)
        moves = model.moves
        assert moves is not None
        walk, left = moves.walk(observation), observation["rounds_left"][:, 0]
        uniform = self.random.random(walk.last.shape)
        direction = ndtri(np.maximum(uniform, 1e-300))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        share = np.maximum(walk.lengths, 0) / np.maximum(left, 1)
        goal = np.clip(walk.last + share[:, None] * direction, moves.low, moves.high)
        if moves.start is None:
            anywhere = moves.low + (moves.high - moves.low) * uniform
            goal = np.where(walk.first[:, None], anywhere, goal)
        found, _ = moves.within(walk, goal[:, None])
        return model.nearest_actions(found[:, 0]), ()
