"""Registration of the environments with Gymnasium, from one table per family."""

from __future__ import annotations

import gymnasium as gym

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
    """Return the ids of all environments of this package, sorted."""
    return sorted(name for name, spec in gym.registry.items() if spec.namespace == NAMESPACE)
