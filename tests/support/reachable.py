"""Everything that can be reached from an object, and what of an environment is among it."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from discovery_gym.envs.core import Streams

SHARED = (type, types.ModuleType, types.CodeType, types.FrameType)
"""What belongs to the program rather than to an object."""


def reachable(thing: Any) -> Iterator[Any]:
    """Yield an object and all that it refers to: attributes, slots, items, closures, array bases."""
    seen: dict[int, Any] = {}
    stack = [thing]
    while stack:
        one = stack.pop()
        if id(one) in seen or isinstance(one, SHARED):
            continue
        seen[id(one)] = one  # kept, so that no other object takes its number
        yield one
        if isinstance(one, types.FunctionType):  # but not the module that it stands in
            stack += [one.__closure__, one.__defaults__, one.__kwdefaults__, one.__dict__]
        elif isinstance(one, np.ndarray):
            stack += [one.base, *(one.tolist() if one.dtype == object else ())]
        elif isinstance(one, memoryview):
            stack.append(one.obj)
        else:
            stack += gc.get_referents(one)


def leaks(thing: Any, env: Any, other: Any = None) -> list[str]:
    """Return what an object can reach of the hidden side of a vector environment, in words.

    Args:
        thing: The object.
        env: The environment.
        other: One that has played other episodes with the same parameters.
    """
    model, state = env.unwrapped.model, env.unwrapped._state
    hidden = {k: v for k, v in env.unwrapped.hidden().items() if k != "regret"}
    # Parameters that the user has given are known, and a grid holds all that they may be: what
    # stands in the model of other episodes tells nothing about these.
    public = [] if other is None else list(reachable(other.unwrapped.model))
    for name in hidden.keys() & {"theta", "success_probs"}:
        hidden[name] = [row for row in hidden[name] if not any(_holds(one, row) for one in public)]
    if hasattr(model, "table"):
        hidden["labels"] = model.table.labels[None]
    found = []
    for one in reachable(thing):
        if isinstance(one, gym.Env | VectorEnv | Streams | type(state)):
            found.append(f"a {type(one).__name__}")
        for name, rows in hidden.items():
            if any(_holds(one, row) for row in rows):
                found.append(f"{name} in a {type(one).__name__}")
    return found


def _holds(one: Any, row: Any) -> bool:
    """Return whether all numbers of an episode stand in an array, or in a list or tuple of numbers."""
    if isinstance(one, list | tuple) and one and all(isinstance(x, float) for x in one):
        one = np.array(one)
    if isinstance(one, float):
        one = np.array([one])
    if not isinstance(one, np.ndarray) or one.dtype.kind != "f" or one.size < np.size(row):
        return False
    with np.errstate(over="ignore"):
        return bool(np.isin(np.float32(row), np.float32(one)).all())
