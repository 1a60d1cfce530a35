"""Registration of the environments with Gymnasium, and which of its environments are ours.

An environment is ours if its vector class is a `DiscoveryVectorEnv`, whoever wrote it and whatever
its namespace: then its model is known, and with it agents, truths and regret.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from .errors import InputError, closest, shown
from .faces import DiscoveryVectorEnv

NAMESPACE = "discovery"


def register(name: str, module: str, version: int = 0) -> None:
    """Register ``discovery/<name>-v<version>``: classes ``<name>Env`` and ``<name>VectorEnv``.

    Entry points are strings, so that a family is imported only when one of its environments is
    made, and so that a spec can be written as JSON and remade in another process.
    """
    gym.register(
        id=f"{NAMESPACE}/{name}-v{version}",
        entry_point=f"{module}:{name}Env",
        vector_entry_point=f"{module}:{name}VectorEnv",
    )


def registered() -> list[str]:
    """Return the ids of all environments of this package, and of those of others built on it, sorted.

    Nothing is imported for it: one of another package is seen once its classes have been imported.
    """
    return sorted(name for name, spec in gym.registry.items() if _is_seen(spec))


def _is_seen(spec: EnvSpec) -> bool:
    point = spec.vector_entry_point
    if spec.namespace == NAMESPACE or not isinstance(point, str):
        return spec.namespace == NAMESPACE or is_ours(spec)
    return point.partition(":")[0] in sys.modules and is_ours(spec)


def is_ours(spec: EnvSpec) -> bool:
    """Return whether an environment is built on a `Model`; its vector class is imported for it."""
    point = spec.vector_entry_point
    made: Any = load_env_creator(point) if isinstance(point, str) else point
    return isinstance(made, type) and issubclass(made, DiscoveryVectorEnv)


def resolve(env_id: str) -> str:
    """Return the full id of an environment, which may be given in short: ``"GaussianStep"``.

    ``"module:Namespace/Id-v0"`` imports the module that registers the environment, as Gymnasium does.

    Raises:
        InputError: If there is no such environment, or if its module cannot be imported.
    """
    if not isinstance(env_id, str):
        raise InputError(f"An environment is named by a text, got {shown(env_id)}.")
    module, colon, name = env_id.rpartition(":")
    if colon:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise InputError(
                f"The module {shown(module)} of {shown(env_id)} cannot be imported "
                f"({type(error).__name__}: {error}). It must lie in this folder or be installed."
            ) from error
    if name in gym.registry:
        return env_id
    known = registered()
    short = {one.split("/")[1].rsplit("-v", 1)[0]: one for one in known if _is_own(one)}
    if env_id in short:
        return short[env_id]
    names = [*short, *known] if not colon else [one for one in gym.registry if one not in known]
    raise InputError(
        f"There is no environment {shown(name)}{closest(name, names)} Known are {', '.join(short)}; "
        "one of another package is named with the module that registers it: module:Namespace/Id-v0."
    )


def _is_own(env_id: str) -> bool:
    return env_id.startswith(f"{NAMESPACE}/")


def spec_of(env_id: str) -> EnvSpec:
    """Return Gymnasium's specification of an environment, named as in `resolve`."""
    return gym.spec(resolve(env_id).rpartition(":")[2])
