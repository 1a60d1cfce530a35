"""Rules: from a belief and the legal items to a choice.

The table below is where a new rule enters; GLM-UCB, expected improvement, knowledge gradient and
active search have their place here.
"""

from .basic import BayesUCB, Greedy, LinUCB, Random, Thompson
from .graph import OneHub
from .information_directed import IDS
from .rule import Rule

RULES: dict[str, type[Rule]] = {
    "greedy": Greedy,
    "bayes_ucb": BayesUCB,
    "thompson": Thompson,
    "ids": IDS,
    "linucb": LinUCB,
    "one_hub": OneHub,
}
"""Rules by name."""

__all__ = [
    "IDS",
    "RULES",
    "BayesUCB",
    "Greedy",
    "LinUCB",
    "OneHub",
    "Random",
    "Rule",
    "Thompson",
]
