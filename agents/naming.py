"""The agent that tests conditions by a belief and a rule, and in the end names one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..envs.conditions import Conditions
from ..envs.core.arrays import Flags, Whole
from ..envs.core.checks import choice
from .agent import Seed
from .belief_agent import BeliefAgent
from .beliefs import BELIEFS, Belief
from .rules import Rule, best

NAMINGS = ("posterior", "mean", "tests")


class NamingAgent(BeliefAgent[Belief]):
    """Tests by a rule; names the condition with the best posterior mean, sample mean, or most tests.

    Args:
        model: The conditions.
        rule: The rule of the tests.
        new_belief: Makes its belief, of a number of episodes.
        naming: "posterior": the highest mean of the first belief about the conditions, whatever belief
            the rule has; "mean": the highest sample mean; "tests": the most tests, as Wang et al. (2024)
            do for bandits.
        text: How the agent is called.
        seed: Seed of the rule's randomness, and of names among equals.
    """

    model: Conditions

    def __init__(
        self,
        model: Conditions,
        rule: Rule[Belief],
        new_belief: Callable[[int], Belief],
        *,
        naming: str = "posterior",
        text: str,
        seed: Seed = 0,
    ) -> None:
        super().__init__(model, rule, new_belief, text=text, seed=seed)
        self.naming = choice("naming", naming, NAMINGS)

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes: by the rule, and after the last test a name."""
        chosen, belief = super().act(observation, state, start)
        ended = observation["tests_left"][:, 0] == 0
        if ended.any():
            chosen = np.where(ended, self.name(observation), chosen)
        return chosen, belief

    def name(self, observation: Any, naming: str | None = None) -> Whole:
        """Return the condition that is named after observations of B episodes, ``(B,)``.

        Args:
            observation: The observations, with any number of tests left.
            naming: How; None: as this agent does.
        """
        counts, within = observation["counts"], np.zeros((1, 1))
        naming = naming or self.naming
        if naming == "tests":
            score = self.model.tested(observation).astype(np.float64)
        elif naming == "mean":
            score = np.where(counts > 0, observation["means"].astype(np.float64), -1.0)
        else:
            belief = BELIEFS[self.model.beliefs[0]](self.model, len(counts))
            belief.update(observation, np.ones(len(counts), np.bool_))
            score, within = belief.mean(), belief.rounding()
        return best(score, np.ones(counts.shape, np.int8), self.random, within)
