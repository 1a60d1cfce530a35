"""The core: a model of many episodes at once, its two Gymnasium faces, streams, registration."""

from .errors import InputError, TruthUnknown, closest, shown, spelt, told
from .faces import DiscoveryEnv, DiscoveryVectorEnv
from .model import Model, Observation, Policy
from .registration import is_ours, register, registered, resolve, spec_of
from .spaces import UniformBox, box
from .streams import KeyedRandom, Random, Streams, generator_of, groups_of

__all__ = [
    "DiscoveryEnv",
    "DiscoveryVectorEnv",
    "InputError",
    "KeyedRandom",
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
    "is_ours",
    "register",
    "registered",
    "resolve",
    "shown",
    "spec_of",
    "spelt",
    "told",
]
