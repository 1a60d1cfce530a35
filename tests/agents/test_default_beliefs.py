"""Which belief a rule gets where the text of an agent names none."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
from golden import SHORT

import discovery_gym
from discovery_gym.agents import make
from discovery_gym.agents.making import available
from discovery_gym.agents.rules import RULES

VARIANTS: dict[str, dict[str, Any]] = {
    "GeneralConditions, yields": {"world": "table", "yields": [[10, 90], [70, 80]], "horizon": 3},
    "BinomialDiscovery, unknown": {"beta_priors": [[1, 4], [3, 12]], "horizon": 5},
    "LinearPool, sparse": {"sparsity": 2},
    "LogisticPool, sparse": {"sparsity": 2},
    "TablePool, two values": {
        "features": [[0.0], [1.0], [2.0]],
        "labels": [0.0, 1.0, 0.0],
        "horizon": 2,
    },
    "TablePool, two values, noise": {
        "features": [[0.0], [1.0], [2.0]],
        "labels": [0.0, 1.0, 0.0],
        "noise_std": 0.1,
        "horizon": 2,
    },
}
"""Settings on which the belief depends."""
PLAIN = (
    "greedy", "epsilon_greedy", "bayes_ucb", "thompson", "ids", "expected_improvement", "meta_ucb",
)  # fmt: skip
"""Rules that take any belief."""
LINEAR = {"linucb": "Linear", "glm_ucb": "Linear"}


def _plain(belief: str) -> dict[str, str]:
    return dict.fromkeys(PLAIN, belief)


FEATURES = _plain("Linear") | LINEAR | {"knowledge_gradient": "Linear"}
OUTCOMES = (
    _plain("Logistic")
    | LINEAR
    | {"knowledge_gradient": "Linear"}
    | dict.fromkeys(("active_search", "ens", "cheap_then_greedy"), "Logistic")
)
BANDITS = ("ucb1", "ucb1_tuned", "round_robin", "explore_commit", "annealed_greedy")
"""Rules about conditions that bring their belief."""
EXPECTED: dict[str, dict[str, str]] = {
    "GeneralConditions": _plain("Bernoulli") | dict.fromkeys(BANDITS, "SampleMean"),
    "GeneralConditions, yields": _plain("Normal") | dict.fromkeys(BANDITS, "SampleMean"),
    "BinomialDiscovery, unknown": _plain("Beta"),
    "GraphPool": _plain("Nodes") | {"one_hub": "Nodes"},
    "LinearPool": FEATURES,
    "LinearPool, sparse": _plain("Sparse") | LINEAR | {"knowledge_gradient": "Sparse"},
    "LogisticPool": OUTCOMES,
    "LogisticPool, sparse": OUTCOMES,
    "LowRankPool": _plain("LowRank") | {"knowledge_gradient": "LowRank"},
    "ScreeningPool": _plain("Exchangeable")
    | dict.fromkeys(("active_search", "ens", "cheap_then_greedy"), "Exchangeable"),
    "TablePool": FEATURES,
    "TablePool, two values": OUTCOMES,
    "TablePool, two values, noise": FEATURES,
}
"""The belief of every rule that fits; what is not here has no rule."""
IDS = {env_id.split("/")[1].removesuffix("-v0"): env_id for env_id in discovery_gym.registered()}


@pytest.mark.parametrize("name", [*IDS, *VARIANTS])
def test_every_rule_gets_its_belief(name: str) -> None:
    """On all ids, and where settings decide, rules get the beliefs of this table and no others."""
    env_id = IDS[name.partition(",")[0]]
    model = gym.make(env_id, **SHORT.get(env_id, {}) | VARIANTS.get(name, {})).unwrapped.model  # type: ignore[attr-defined]
    beliefs = {}
    for rule in RULES:
        if rule in available(model):
            agent: Any = make(rule, model)
            if hasattr(agent, "new_belief"):
                beliefs[rule] = type(agent.new_belief(1)).__name__
    assert beliefs == EXPECTED.get(name, {})
