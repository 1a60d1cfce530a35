"""Rules: from a belief and the legal items to a choice.

The table below is where a new rule enters; LinUCB, GLM-UCB, information-directed sampling, expected
improvement, knowledge gradient and active search have their place here.
"""

from .basic import BayesUCB, Greedy, Random, Thompson
from .rule import Rule

RULES: dict[str, type[Rule]] = {"greedy": Greedy, "bayes_ucb": BayesUCB, "thompson": Thompson}
"""Rules by name."""

__all__ = ["RULES", "BayesUCB", "Greedy", "Random", "Rule", "Thompson"]
