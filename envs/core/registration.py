"""From a model to Gymnasium: its environment classes, its id, and which environments are ours.

An environment is ours if its vector class is a `DiscoveryVectorEnv`, in any namespace: then its model
is known, and with it agents, truths and regret.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from .env import DiscoveryEnv
from .episodes import ModelT
from .errors import InputError, closest, shown, told
from .model import Model
from .vector_env import DiscoveryVectorEnv

NAMESPACE = "discovery"


def environments(
    model: type[ModelT],
) -> tuple[type[DiscoveryEnv[ModelT]], type[DiscoveryVectorEnv[ModelT]]]:
    """Return the environment class and the vector environment class of a model.

    Both are looked up by their names in the module of the model, so give them these names there::

        LinearPoolEnv, LinearPoolVectorEnv = environments(LinearPool)
    """
    module = {"model_class": model, "__module__": model.__module__, "__doc__": model.__doc__}
    return (
        type(f"{model.__name__}Env", (DiscoveryEnv,), module),
        type(f"{model.__name__}VectorEnv", (DiscoveryVectorEnv,), module),
    )


def register(env_id: str, model: type[Model[Any]] | str, **parameters: Any) -> None:
    """Register the environments of a model with Gymnasium.

    Args:
        env_id: The id, such as ``"lab/Squares-v0"``.
        model: The model class, or where it stands, such as ``"lab.squares:Squares"``. A text is
            imported only when an environment is made. Either way Gymnasium keeps texts, so that a
            spec can be written as JSON and made again in another process.
        **parameters: Parameters of the model that are others than its defaults.
    """
    path = model if isinstance(model, str) else f"{model.__module__}:{model.__name__}"
    points = f"{path}Env", f"{path}VectorEnv"
    gym.register(env_id, points[0], vector_entry_point=points[1], kwargs=parameters)


def registered() -> list[str]:
    """Return the sorted ids of the environments of this package, and of others that are built on it.

    It imports nothing: an environment of another package is seen once its classes are imported.
    """
    return sorted(name for name, spec in gym.registry.items() if _is_seen(spec))


def _is_seen(spec: EnvSpec) -> bool:
    point = spec.vector_entry_point
    if spec.namespace == NAMESPACE or not isinstance(point, str):
        return spec.namespace == NAMESPACE or is_ours(spec)
    module, _, name = point.partition(":")
    return hasattr(sys.modules.get(module), name) and is_ours(spec)


def is_ours(spec: EnvSpec) -> bool:
    """Return whether an environment is built on a `Model`; its vector class is imported for it."""
    point = spec.vector_entry_point
    try:
        made: Any = load_env_creator(point) if isinstance(point, str) else point
    except AttributeError as error:
        name = str(point).rpartition(":")[2].removesuffix("VectorEnv")
        raise InputError(
            f"{spec.id} cannot be made ({error}); after the class {name} write: "
            f"{name}Env, {name}VectorEnv = environments({name})."
        ) from None
    except (ImportError, gym.error.DependencyNotInstalled) as error:
        raise InputError(f"{spec.id} cannot be made: {told(error)}.") from None
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
    if module.endswith(".py"):
        stem = module.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")
        raise InputError(
            f"The environment {shown(env_id)} is named by a file; name its module, from the folder in "
            f"which it lies: {stem}:{name}."
        )
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
    own = [one for one in known if one.startswith(f"{NAMESPACE}/")]
    short = {one.split("/")[1].rsplit("-v", 1)[0]: one for one in own}
    if env_id in short:
        return short[env_id]
    names = gym.registry if colon else [*short, *known]
    raise InputError(
        f"There is no environment {shown(name)}{closest(name, names)} Known are {', '.join(short)}; "
        "one of another package is named with the module that registers it: module:Namespace/Id-v0."
    )


def spec_of(env_id: str) -> EnvSpec:
    """Return Gymnasium's specification of an environment, named as in `resolve`."""
    return gym.spec(resolve(env_id).rpartition(":")[2])
