"""Agents of experimental design: they keep the posterior and weigh what settings would tell."""

from ..agent import Agent
from .agent import DesignAgent
from .bayes_opt import BayesOptEIG
from .greedy import GreedyEIG, LookAheadEIG, ThompsonEIG
from .walk import RandomWalk

DESIGN: tuple[type[Agent], ...] = (GreedyEIG, ThompsonEIG, LookAheadEIG, BayesOptEIG, RandomWalk)

__all__ = [
    "DESIGN",
    "BayesOptEIG",
    "DesignAgent",
    "GreedyEIG",
    "LookAheadEIG",
    "RandomWalk",
    "ThompsonEIG",
]
