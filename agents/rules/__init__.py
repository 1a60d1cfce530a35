"""Rules: from a belief and a decision to a choice; the table below names them."""

from typing import Any

from .active_search import ENS, ActiveSearch
from .basic import GLMUCB, BayesUCB, EpsilonGreedy, Greedy, LinUCB, OneHub, Thompson
from .cheap_then_greedy import CheapThenGreedy
from .decision import Decision
from .improvement import ExpectedImprovement, KnowledgeGradient
from .information_directed import IDS
from .meta_ucb import MetaUCB
from .rule import Rule, best

RULES: dict[str, type[Rule[Any]]] = {
    "greedy": Greedy,
    "epsilon_greedy": EpsilonGreedy,
    "bayes_ucb": BayesUCB,
    "thompson": Thompson,
    "ids": IDS,
    "expected_improvement": ExpectedImprovement,
    "knowledge_gradient": KnowledgeGradient,
    "linucb": LinUCB,
    "glm_ucb": GLMUCB,
    "active_search": ActiveSearch,
    "ens": ENS,
    "cheap_then_greedy": CheapThenGreedy,
    "one_hub": OneHub,
    "meta_ucb": MetaUCB,
}
"""Rules by name."""

__all__ = [
    "ENS",
    "GLMUCB",
    "IDS",
    "RULES",
    "ActiveSearch",
    "BayesUCB",
    "CheapThenGreedy",
    "Decision",
    "EpsilonGreedy",
    "ExpectedImprovement",
    "Greedy",
    "KnowledgeGradient",
    "LinUCB",
    "MetaUCB",
    "OneHub",
    "Rule",
    "Thompson",
    "best",
]
