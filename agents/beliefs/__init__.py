"""Beliefs: posteriors over the items of B pools, one per structure of the world.

The table below is where a new belief enters; logistic, graph, low-rank, sparse and Gaussian-process
beliefs have their place here.
"""

from .belief import Belief
from .beta import Beta
from .linear import Linear

BELIEFS: dict[str, type[Belief]] = {"beta": Beta, "linear": Linear}
"""Beliefs by name; the first that fits a model is its default."""

__all__ = ["BELIEFS", "Belief", "Beta", "Linear"]
