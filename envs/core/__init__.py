"""The core: a model of many episodes at once, its two Gymnasium faces, streams, registration."""

from .errors import InputError, TruthUnknown, closest
from .faces import DiscoveryEnv, DiscoveryVectorEnv
from .model import Model, Observation, Policy
from .registration import register, registered
from .spaces import UniformBox
from .streams import Streams

__all__ = [
    "DiscoveryEnv",
    "DiscoveryVectorEnv",
    "InputError",
    "Model",
    "Observation",
    "Policy",
    "Streams",
    "TruthUnknown",
    "UniformBox",
    "closest",
    "register",
    "registered",
]
