"""Beliefs: posteriors over the items of B pools, one per structure of the world.

The table below is where a new belief enters; low-rank and sparse beliefs have their place
here.
"""

from .belief import Belief
from .beta import Beta
from .gaussian_process import GaussianProcess
from .linear import Linear
from .logistic import Logistic
from .nodes import Nodes

BELIEFS: dict[str, type[Belief]] = {
    "beta": Beta,
    "logistic": Logistic,
    "linear": Linear,
    "gp": GaussianProcess,
    "nodes": Nodes,
}
"""Beliefs by name; the first that fits a model is its default."""

__all__ = ["BELIEFS", "Belief", "Beta", "GaussianProcess", "Linear", "Logistic", "Nodes"]
