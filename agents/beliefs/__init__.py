"""Beliefs: posteriors over the items of B pools, one per structure of the world."""

from .belief import Belief
from .beta import Beta
from .gaussian_process import GaussianProcess
from .linear import Linear
from .logistic import Logistic
from .low_rank import LowRank
from .nodes import Nodes
from .sparse import Sparse

BELIEFS: dict[str, type[Belief]] = {
    "beta": Beta,
    "logistic": Logistic,
    "sparse": Sparse,
    "linear": Linear,
    "gp": GaussianProcess,
    "nodes": Nodes,
    "low_rank": LowRank,
}
"""Beliefs by name; the first that fits a model is its default."""

__all__ = [
    "BELIEFS",
    "Belief",
    "Beta",
    "GaussianProcess",
    "Linear",
    "Logistic",
    "LowRank",
    "Nodes",
    "Sparse",
]
