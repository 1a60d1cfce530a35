"""The exact optimal policy, as an agent."""

from __future__ import annotations

from typing import Any

from ...envs.campaigns.campaign import Campaign
from ...envs.core import InputError, Knowledge, TruthUnknown
from ...envs.core.arrays import Flags
from ..agent import Agent, Seed


class OptimalAgent(Agent):
    """Plays the best policy that follows from the public parameters.

    In campaigns, and in pools of exchangeable candidates, dynamic programming finds it; of experimental
    designs it is known for linear ones.

    Args:
        model: A model that declares its `optimal_policy`; one that is too large to plan exactly raises
            `InputError`.
        seed: Unused: there is nothing random.
    """

    text = "optimal"
    role = "optimal"

    def __init__(self, model: Knowledge, *, seed: Seed = 0) -> None:
        super().__init__(model, seed=seed)
        try:
            self._policy = model.optimal_policy()
        except TruthUnknown:
            raise InputError(f"The best policy is not known for this {model.name}.") from None

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the best policy is known, or is planned, as in campaigns."""
        if isinstance(model, Campaign):
            return True
        try:
            model.optimal_policy()
        except TruthUnknown:
            return False
        except InputError:  # too large, as it says when it is made
            return True
        return True

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        return self._policy(observation), ()
