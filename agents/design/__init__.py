"""Agents of experimental design: they keep the posterior and weigh what settings would tell."""

from .agent import DesignAgent
from .bayes_opt import BayesOptEIG
from .greedy import GreedyEIG, LookAheadEIG, ThompsonEIG

DESIGN: tuple[type[DesignAgent], ...] = (GreedyEIG, ThompsonEIG, LookAheadEIG, BayesOptEIG)

__all__ = ["DESIGN", "BayesOptEIG", "DesignAgent", "GreedyEIG", "LookAheadEIG", "ThompsonEIG"]
