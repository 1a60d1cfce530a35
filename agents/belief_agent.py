"""The agent that is a belief times a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..envs.core import Model
from ..envs.pools import labels_arrived
from .agent import Agent
from .beliefs import BELIEFS, Belief
from .rules import Rule


class BayesianAgent(Agent):
    """Keeps a belief about the items and lets a rule choose.

    Args:
        model: The model.
        rule: The rule.
        new_belief: Makes the belief of a number of episodes.
        text: How the agent is called.
        seed: Seed of the rule's randomness.
    """

    def __init__(
        self,
        model: Model[Any],
        rule: Rule,
        new_belief: Callable[[int], Belief],
        *,
        text: str,
        seed: Any = 0,
    ) -> None:
        super().__init__(model, seed=seed)
        self.rule, self.new_belief = rule, new_belief
        self.text = text
        new_belief(1)  # settings that are not allowed fail here, not at the first decision

    @classmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether there is a belief about this model."""
        return any(belief.fits(model) for belief in BELIEFS.values())

    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Update the belief, then choose."""
        belief = self.new_belief(len(start)) if state is None else state
        belief.keys = ~self.keys
        belief.update(observation, start)
        size, mask, now = getattr(self.model, "batch_size", 1), None, belief
        if isinstance(observation, dict):
            mask = observation.get("action_mask")
            if "steps_left" in observation:
                belief.left = size * observation["steps_left"][:, 0].astype(np.int64)
            if self.rule.looks_ahead and "arrived" in observation:
                now = belief.look_ahead(_in_flight(observation))
        if mask is None or size == 1:
            return self.rule.choose(now, mask, self.random), belief
        return self.rule.choose_batch(now, mask, self.random, size), belief


def _in_flight(observation: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return the items whose labels have not arrived yet, -1 where there are no more, ``(B, m)``."""
    labelled, arrived = observation["labelled"], labels_arrived(observation)
    most = int(((labelled >= 0).sum(1) - arrived).max(initial=0))
    padded = np.pad(labelled, ((0, 0), (0, most)), constant_values=-1)
    return np.take_along_axis(padded, arrived[:, None] + np.arange(most), 1)
