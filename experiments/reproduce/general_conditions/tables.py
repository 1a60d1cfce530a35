"""Rules on three reaction tables: how often they name the best condition, and what errors cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium as gym

from ....agents import make
from ....agents.naming import NAMINGS, NamingAgent
from ....envs.conditions.general_conditions import GeneralConditions
from ....envs.core.arrays import Array, Whole
from ...report.stats import Interval, mean, proportion

ID = "discovery/GeneralConditions-v0"
RULES = {
    "random": "random",
    "round robin": "round_robin",
    "explore, commit": "explore_commit",
    "UCB1": "ucb1",
    "UCB1-tuned": "ucb1_tuned",
    "Bayes-UCB (2 · .25/√n)": "bayes_ucb(width=2, belief=sample_mean)",
    "Thompson (.25)": "thompson(belief=sample_mean(extra=1))",
    "Thompson, Beta": "thompson(belief=bernoulli)",
    "Thompson, Gauss": "thompson",
    "annealed ε-greedy": "annealed_greedy",
    "greedy": "greedy(belief=sample_mean)",
    "prior mean + 1 sd": "bayes_ucb",
}
"""The rules of Wang et al. (2024) and ours, by name: texts of agents."""


@dataclass(frozen=True, eq=False)
class Set:
    """A table, and what an independent program found on it.

    Args:
        dataset: Its name.
        title: What people call it.
        tests: The numbers of tests after which a condition is named.
        reference: By rule, the chances to name the best after these tests.
        runs: The runs behind them.
    """

    dataset: str
    title: str
    tests: tuple[int, int, int]
    reference: dict[str, tuple[float, float, float]]
    runs: int = 8000


SETS = (
    Set(
        "cncci",
        "CNCCI, 9 conditions on 330 substrates",
        (20, 50, 100),
        {
            "random": (0.328, 0.453, 0.561),
            "round robin": (0.372, 0.480, 0.566),
            "UCB1": (0.387, 0.503, 0.601),
            "UCB1-tuned": (0.397, 0.533, 0.638),
            "Bayes-UCB (2 · .25/√n)": (0.399, 0.542, 0.643),
            "Thompson, Beta": (0.360, 0.505, 0.616),
            "Thompson, Gauss": (0.374, 0.514, 0.632),
            "greedy": (0.375, 0.458, 0.488),
            "prior mean + 1 sd": (0.389, 0.532, 0.633),
        },
    ),
    Set(
        "buchwald_hartwig",
        "3955 Buchwald-Hartwig reactions, 12 pairs of ligand and base",
        (20, 50, 100),
        {
            "random": (0.244, 0.316, 0.403),
            "round robin": (0.261, 0.336, 0.415),
            "UCB1": (0.273, 0.361, 0.443),
            "UCB1-tuned": (0.286, 0.392, 0.500),
            "Bayes-UCB (2 · .25/√n)": (0.293, 0.414, 0.536),
            "Thompson, Beta": (0.262, 0.373, 0.480),
            "Thompson, Gauss": (0.268, 0.384, 0.498),
            "greedy": (0.286, 0.400, 0.446),
            "prior mean + 1 sd": (0.304, 0.438, 0.553),
        },
    ),
    Set(
        "pndc",
        "PNDC, 80 conditions on 11 molecules",
        (50, 100, 200),
        {
            "random": (0.109, 0.152, 0.220),
            "round robin": (0.100, 0.135, 0.262),
            "UCB1": (0.101, 0.245, 0.344),
            "Bayes-UCB (2 · .25/√n)": (0.101, 0.277, 0.809),
            "Thompson, Gauss": (0.142, 0.224, 0.598),
            "greedy": (0.101, 0.317, 0.699),
            "prior mean + 1 sd": (0.162, 0.301, 0.805),
        },
        runs=5000,
    ),
)


@dataclass(frozen=True, eq=False)
class Names:
    """The conditions that a rule named in E runs after some numbers of tests.

    Args:
        model: The table.
        named: By way of naming and number of tests, the conditions, ``(E,)``.
    """

    model: GeneralConditions
    named: dict[str, dict[int, Whole]]

    @cached_property
    def means(self) -> Array:
        """The true means of the conditions, ``(K,)``."""
        assert self.model.table is not None
        return self.model.table.means

    def chance(self, tests: int, naming: str = "posterior") -> Interval:
        """Return how often the best condition was named."""
        right = self.named[naming][tests] == self.means.argmax()
        return proportion(int(right.sum()), len(right))

    def regret(self, tests: int, naming: str = "posterior") -> Interval:
        """Return the mean simple regret."""
        return mean(self.means.max() - self.means[self.named[naming][tests]])


def play(dataset: str, rule: str, tests: tuple[int, ...], episodes: int, seed: int) -> Names:
    """Play a rule on a table, and let conditions be named by each of the ways after some tests.

    What a rule tests depends on its budget only if it explores and commits: then it is played once
    for each budget.

    Args:
        dataset: The table.
        rule: The text of the agent.
        tests: After how many tests conditions are named, rising.
        episodes: Number E of runs.
        seed: Seed of the first one.
    """
    budgets = [(one,) for one in tests] if "commit" in rule else [tests]
    named: dict[str, dict[int, Any]] = {naming: {} for naming in NAMINGS}
    for points in budgets:
        table: dict[str, Any] = {"world": "table", "dataset": dataset, "horizon": points[-1]}
        env: Any = gym.make_vec(ID, num_envs=episodes, **table)
        agent, namer = make(rule, env, episode=seed), make("greedy", env, episode=seed, seed=1)
        assert isinstance(namer, NamingAgent)
        state, observation = None, env.reset(seed=seed)[0]
        for done in range(points[-1] + 1):
            if done in points:
                namer.predict(observation)  # it draws names among equals by the decision
                for naming in NAMINGS:
                    named[naming][done] = namer.name(observation, naming)
            action, state = agent.predict(observation, state)
            observation = env.step(action)[0]
    return Names(GeneralConditions(world="table", dataset=dataset, horizon=tests[-1]), named)
