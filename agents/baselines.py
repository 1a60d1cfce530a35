"""Agents that need no belief: the random one and the fixed one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..envs.campaigns.campaign import Campaign
from ..envs.core import InputError, Knowledge
from ..envs.core.arrays import Array, Flags, Whole
from ..envs.core.checks import real
from ..envs.design.design import DesignModel
from ..envs.design.reach import Walk
from ..envs.pools.pool import Pool
from .agent import Agent, Seed
from .rules.rule import any_legal


class RandomAgent(Agent):
    """Chooses uniformly among the legal actions; of a box, uniformly or normally about its middle.

    Where designs are restricted, uniformly in the box that a move can reach; what is not feasible there
    stands for the farthest feasible design on the way.

    Args:
        model: The model.
        std: Standard deviation of normal actions, cut off at the ends of the box; ``None``: uniform.
            For settings within [-4, 4], 0.25 is the standard normal law.
        seed: Seed of the agent's own randomness.
    """

    text = "random"
    role = "random"

    def __init__(self, model: Knowledge, *, std: float | None = None, seed: Seed = 0) -> None:
        super().__init__(model, seed=seed)
        self.role = "random" if std is None else ""
        self.std = None if std is None else real("std", std, low=0, open_low=True)
        if std is not None and not isinstance(model.action_space, spaces.Box):
            raise InputError(
                f"random(std={std}) needs actions that are points of a box; those of "
                f"{model.name} are numbered: leave std out."
            )

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the actions are finitely many, a batch of those, or a box."""
        return isinstance(model.action_space, spaces.Discrete | spaces.MultiDiscrete | spaces.Box)

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        space = self.model.action_space
        if isinstance(observation, dict) and "action_mask" in observation:
            mask = observation["action_mask"]
            if not isinstance(space, spaces.MultiDiscrete):
                return any_legal(mask, self.random), ()
            batch = np.empty((len(mask), len(space.nvec)), np.int64)
            for k, item in enumerate(batch.T):
                item[:] = any_legal(self._within(observation, batch[:, :k]), self.random)
            return batch, ()
        if isinstance(space, spaces.Discrete):
            return (self.random.random(len(start)) * space.n).astype(np.int64), ()
        assert isinstance(space, spaces.Box)
        u = self.random.random((len(start), *space.shape))
        if isinstance(self.model, DesignModel) and self.model.moves is not None:
            return self._feasible(self.model, self.model.moves.walk(observation), u), ()
        if self.std is not None:
            return self._normal(u), ()
        return (space.low + (space.high - space.low) * u).astype(space.dtype), ()

    def _within(self, observation: dict[str, NDArray[Any]], chosen: Whole) -> NDArray[np.int8]:
        """Return what is legal in a batch that holds some actions already, ``(B, A)``."""
        if isinstance(self.model, Pool):
            return self.model.mask_within(observation, chosen)
        mask: NDArray[np.int8] = observation["action_mask"].copy()
        np.put_along_axis(mask, chosen, 0, 1)
        return mask

    def _feasible(self, model: DesignModel[Any], walk: Walk, u: Array) -> NDArray[Any]:
        """Return actions from the box that can be reached, or what is feasible on the way to them."""
        assert model.moves is not None
        if self.std is None:
            low, high = model.moves.reach(walk)
            goal = low + (high - low) * u
        else:
            goal = model.setting(self._normal(u))
        return model.nearest_actions(model.moves.within(walk, goal[:, None])[0][:, 0])

    def _normal(self, u: Array) -> NDArray[Any]:
        """Return normal points about the middle of the box, made of uniform numbers."""
        space = self.model.action_space
        assert isinstance(space, spaces.Box)
        assert self.std is not None
        middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
        tail = ndtr(-1 / self.std)
        points = middle + half * self.std * ndtri(tail + (1 - 2 * tail) * u)
        return np.asarray(points.astype(space.dtype))


class FixedAgent(Agent):
    """Repeats one action of a campaign, or one setting of an experimental design.

    Args:
        model: A campaign or an experimental design.
        seed: Unused: there is nothing random.
        **setting: The action, such as ``batch_size=96`` or ``sqrt_s=91.2``; see `Campaign.action` and
            `DesignModel.action`.
    """

    text = "fixed"

    def __init__(self, model: Knowledge, *, seed: Seed = 0, **setting: Any) -> None:
        super().__init__(model, seed=seed)
        if not isinstance(model, Campaign | DesignModel):
            raise InputError(f"fixed plays campaigns and designs, not {model.name}.")
        self.action = model.action(**setting)

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a campaign or an experimental design."""
        return isinstance(model, Campaign | DesignModel)

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        return np.stack([np.asarray(self.action)] * len(start)), ()
