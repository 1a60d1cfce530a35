"""The agent that is a belief times a rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium import spaces

from ..envs.conditions import Conditions
from ..envs.core import Knowledge
from ..envs.core.arrays import Flags, Whole
from ..envs.pools import Pool, labels_lost
from .agent import Agent, Seed
from .beliefs import BELIEFS, Arrivals, Belief
from .beliefs.belief import can_learn
from .rules import Decision, Repeated, Rule
from .rules.rule import ahead

BeliefT = TypeVar("BeliefT", bound=Belief)


class BeliefAgent(Agent, Generic[BeliefT]):
    """Keeps a belief about the items and lets a rule choose.

    Args:
        model: What is known of the environment.
        rule: The rule.
        new_belief: Makes the belief of a number of episodes.
        text: How the agent is called.
        seed: Seed of the rule's randomness.
    """

    def __init__(
        self,
        model: Knowledge,
        rule: Rule[BeliefT],
        new_belief: Callable[[int], BeliefT],
        *,
        text: str,
        seed: Seed = 0,
    ) -> None:
        super().__init__(model, seed=seed)
        self.rule, self.new_belief = rule, new_belief
        self.text = text
        new_belief(1)  # settings that are not allowed fail here, not at the first decision

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether there is a belief about this environment."""
        names = [BELIEFS[name] for name in model.beliefs if name in BELIEFS]
        return any(belief.fits(model) and can_learn(belief, model) for belief in names)

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Update the belief, then choose."""
        belief: BeliefT = self.new_belief(len(start)) if state is None else state
        if state is None and self.rule.draws:
            belief.keep(self.rule.draws)
        belief.take_keys(~self.keys)
        belief.update(observation, start)
        decision, now = self.decision(observation), belief
        if self.rule.looks_ahead and (pending := decision.pending).size:
            now = ahead(belief, pending, decision.pending_fidelity)
        if decision.batch_size == 1:
            return self.rule.buy(now, decision, self.random), belief
        return self.rule.choose_batch(now, decision, self.random), belief

    def decision(self, observation: Any) -> Decision:
        """Return the decision after observations of B episodes; outside pools it is for one action."""
        if isinstance(self.model, Pool):
            labelled, lost = _without_lost(observation)
            fields = {
                "mask": observation["action_mask"],
                "labelled": labelled,
                "arrived": Arrivals.of(observation).items,
                "left": self.model.labels_left(observation),
                "batch_size": self.model.batch_size,
                "lost": lost,
            }
            return Decision(**fields | self._money(observation))
        if isinstance(self.model, Conditions):
            return Repeated.of(observation)
        if isinstance(observation, dict) and "action_mask" in observation:
            return Decision.first(observation["action_mask"])
        assert isinstance(self.model.action_space, spaces.Discrete)
        shape = self._count(observation), int(self.model.action_space.n)
        return Decision.first(np.ones(shape, np.int8))

    def _money(self, observation: Any) -> dict[str, Any]:
        """Return what is known of prices and money, as the fields of a `Decision`."""
        model = self.model
        assert isinstance(model, Pool)
        if model.shop is None:
            return {}
        mask = observation["action_mask"]
        tests = mask.reshape(len(mask), model.num_items, model.num_tests) > 0
        return {
            "mask": tests[:, :, -1].astype(np.int8),
            "tests": tests,
            "cost": model.costs(observation),
            "money": model.money_left(observation),
            "fidelity": observation.get("fidelity"),
        }


def _without_lost(observation: Any) -> tuple[Whole, Whole]:
    """Return the items chosen, without those whose labels will never come, and these."""
    chosen, count = observation["labelled"], labels_lost(observation)
    if count is None:
        return chosen, np.empty((len(chosen), 0), np.int64)
    total = (chosen >= 0).sum(1)
    first = (total - count)[:, None]
    places = first + np.arange(count.max(initial=0))
    found = np.take_along_axis(chosen, np.minimum(places, chosen.shape[1] - 1), 1)
    lost = np.where(places < total[:, None], found, -1)
    return np.where(np.arange(chosen.shape[1]) < first, chosen, -1), lost
