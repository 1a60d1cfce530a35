"""Beliefs: posteriors over the items of B pools, one per structure of the world."""

from .belief import AdditiveNoise, Belief, Local, Probabilities
from .beta import Beta
from .conditions import Bernoulli, Normal, SampleMean
from .exchangeable import Exchangeable
from .gaussian_process import GaussianProcess
from .history import Arrivals
from .linear import Linear
from .logistic import Logistic
from .low_rank import LowRank
from .neighbours import Neighbours
from .nodes import Nodes
from .sparse import Sparse

BELIEFS: dict[str, type[Belief]] = {
    "beta": Beta,
    "logistic": Logistic,
    "neighbours": Neighbours,
    "sparse": Sparse,
    "linear": Linear,
    "gp": GaussianProcess,
    "nodes": Nodes,
    "low_rank": LowRank,
    "normal": Normal,
    "bernoulli": Bernoulli,
    "sample_mean": SampleMean,
    "exchangeable": Exchangeable,
}
"""Beliefs by name; `Knowledge.beliefs` says which are about an environment, the default first."""

__all__ = [
    "BELIEFS",
    "AdditiveNoise",
    "Arrivals",
    "Belief",
    "Bernoulli",
    "Beta",
    "Exchangeable",
    "GaussianProcess",
    "Linear",
    "Local",
    "Logistic",
    "LowRank",
    "Neighbours",
    "Nodes",
    "Normal",
    "Probabilities",
    "SampleMean",
    "Sparse",
]
