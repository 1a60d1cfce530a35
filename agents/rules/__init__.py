"""Rules: from a belief and a decision to a choice; the table below names them."""

from typing import Any

from .active_search import ENS, ActiveSearch
from .bandits import UCB1, AnnealedGreedy, ExploreCommit, RoundRobin, UCB1Tuned
from .basic import GLMUCB, BayesUCB, EpsilonGreedy, Greedy, LinUCB, OneHub, Thompson
from .cheap_then_greedy import CheapThenGreedy
from .decision import Decision, Repeated
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
    "ucb1": UCB1,
    "ucb1_tuned": UCB1Tuned,
    "round_robin": RoundRobin,
    "explore_commit": ExploreCommit,
    "annealed_greedy": AnnealedGreedy,
}
"""Rules by name."""

__all__ = [
    "ENS",
    "GLMUCB",
    "IDS",
    "RULES",
    "UCB1",
    "ActiveSearch",
    "AnnealedGreedy",
    "BayesUCB",
    "CheapThenGreedy",
    "Decision",
    "EpsilonGreedy",
    "ExpectedImprovement",
    "ExploreCommit",
    "Greedy",
    "KnowledgeGradient",
    "LinUCB",
    "MetaUCB",
    "OneHub",
    "Repeated",
    "RoundRobin",
    "Rule",
    "Thompson",
    "UCB1Tuned",
    "best",
]
