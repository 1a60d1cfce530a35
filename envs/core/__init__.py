"""The core: a model of many episodes at once, its Gymnasium environments, streams, registration."""

from .env import DiscoveryEnv
from .errors import InputError, TruthUnknown, closest, shown, spelt, told
from .knowledge import Knowledge, Observation, Policy
from .model import Model
from .registration import environments, is_ours, register, registered, resolve, spec_of
from .spaces import UniformBox, box
from .streams import KeyedRandom, Random, Streams, generator_of, groups_of
from .vector_env import DiscoveryVectorEnv

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
    "environments",
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
