"""The exact optimal policy of a campaign, as an agent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.campaigns.campaign import Campaign
from ...envs.core import InputError, Model
from ..agent import Agent


class OptimalAgent(Agent):
    """Plays the policy that dynamic programming finds from the campaign's public parameters.

    Args:
        model: A campaign; one that is too large to plan exactly raises `InputError`.
        seed: Unused: there is nothing random.
    """

    text = "optimal"

    def __init__(self, model: Model[Any], *, seed: Any = 0) -> None:
        super().__init__(model, seed=seed)
        if not isinstance(model, Campaign):
            raise InputError(f"optimal plays campaigns only, not {type(model).__name__}.")
        self._policy = model.optimal_policy()

    @classmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether the model is a campaign."""
        return isinstance(model, Campaign)

    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Choose for B episodes."""
        return self._policy(observation), ()
