"""From a model to Gymnasium: the environment classes of a model, and its id."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from .env import DiscoveryEnv
from .episodes import ModelT
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


def register(env_id: str, model: type[Model[Any]] | str) -> None:
    """Register the environments of a model with Gymnasium.

    Args:
        env_id: The id, such as ``"lab/Squares-v0"``.
        model: The model class, or where it stands, such as ``"lab.squares:Squares"``. A text is
            imported only when an environment is made. Either way Gymnasium keeps texts, so that a
            spec can be written as JSON and made again in another process.
    """
    path = model if isinstance(model, str) else f"{model.__module__}:{model.__name__}"
    gym.register(env_id, entry_point=f"{path}Env", vector_entry_point=f"{path}VectorEnv")


def registered() -> list[str]:
    """Return the ids of all environments of this package, sorted."""
    return sorted(name for name, spec in gym.registry.items() if spec.namespace == NAMESPACE)
