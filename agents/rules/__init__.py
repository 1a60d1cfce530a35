"""Rules: from a belief and the legal items to a choice.

The table below is where a new rule enters; GLM-UCB and active search have their place here.
"""

from .basic import BayesUCB, EpsilonGreedy, Greedy, LinUCB, Random, Thompson
from .graph import OneHub
from .improvement import ExpectedImprovement, KnowledgeGradient
from .information_directed import IDS
from .rule import Rule

RULES: dict[str, type[Rule]] = {
    "greedy": Greedy,
    "epsilon_greedy": EpsilonGreedy,
    "bayes_ucb": BayesUCB,
    "thompson": Thompson,
    "ids": IDS,
    "expected_improvement": ExpectedImprovement,
    "knowledge_gradient": KnowledgeGradient,
    "linucb": LinUCB,
    "one_hub": OneHub,
}
"""Rules by name."""

__all__ = [
    "IDS",
    "RULES",
    "BayesUCB",
    "EpsilonGreedy",
    "ExpectedImprovement",
    "Greedy",
    "KnowledgeGradient",
    "LinUCB",
    "OneHub",
    "Random",
    "Rule",
    "Thompson",
]
