"""The core: a model of many episodes at once, its two Gymnasium faces, streams, registration."""

from .errors import InputError, TruthUnknown, closest, shown, spelt, told
from .faces import DiscoveryEnv, DiscoveryVectorEnv
from .knowledge import Knowledge, Observation, Policy
from .model import Model
from .registration import register, registered
from .spaces import UniformBox, box
from .streams import KeyedRandom, Random, Streams, generator_of, groups_of

__all__ = [
    "DiscoveryEnv",
    "DiscoveryVectorEnv",
    "InputError",
    "KeyedRandom",
    "Knowledge",
    "Model",
    "Observation",
    "Policy",
    "Random",
    "Streams",
    "TruthUnknown",
    "UniformBox",
    "box",
    "closest",
    "generator_of",
    "groups_of",
    "register",
    "registered",
    "shown",
    "spelt",
    "told",
]
