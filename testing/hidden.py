"""What agents can reach of the hidden side of an environment: nothing."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from ..agents import available, make
from ..envs.core import Streams
from .checks import hold

FEW = 3
"""Different numbers of an episode that others may have by chance."""


def hold_hidden(vector: Any, other: Any, agents: Iterable[str] | None) -> None:
    """Hold that agents can reach nothing that an environment hides, at first and after decisions."""
    played("random", other, 99)
    found = leaks(vector.reset(seed=7)[0], vector, other)
    hold(not found, "what the first observation can reach", found, "nothing hidden")
    for text in available(vector) if agents is None else agents:
        elsewhere = played(text, other, 99)
        found = leaks(played(text, vector, 7), vector, other, elsewhere)
        hold(not found, f"what {text} can reach", found, "nothing hidden")


def played(agent: str, vector: Any, seed: int) -> tuple[Any, Any]:
    """Return an agent that has played three decisions in a vector environment, and its memory."""
    player, state, observation = make(agent, vector), None, vector.reset(seed=seed)[0]
    for _ in range(3):
        action, state = player.predict(observation, state)
        observation = vector.step(action)[0]
    return player, state


def leaks(thing: Any, env: Any, other: Any, elsewhere: Any = ()) -> list[str]:
    """Return what an object can reach of the hidden side of a vector environment, in words.

    Another environment has played other episodes with the same parameters, and something like the
    object has met these ``elsewhere``.
    """
    state, hidden = env.unwrapped._state, dict(env.unwrapped.hidden())
    hidden.pop("regret", None)
    hidden |= {"values": _varied(hidden["values"])} if "values" in hidden else {}
    # Parameters that the user has given are known, and a grid holds all that they may be: what
    # stands in the model of other episodes tells nothing about these. But values are never known.
    public = list(reachable(other.unwrapped.model))
    for name in hidden.keys() - {"values"}:
        hidden[name] = [row for row in hidden[name] if not any(_holds(one, row) for one in public)]
    # Where an episode is one of few, a list of all that it may be gives nothing away either.
    listed = list(reachable(elsewhere)) if any(map(_few, hidden.get("values", ()))) else []
    hidden = {
        name: [row for row in rows if not (_few(row) and any(_holds(one, row) for one in listed))]
        for name, rows in hidden.items()
    }
    found = []
    for one in reachable(thing):
        if isinstance(one, gym.Env | VectorEnv | Streams | type(state)):
            found.append(f"a {type(one).__name__}")
        for name, rows in hidden.items():
            if any(_holds(one, row) for row in rows):
                found.append(f"{name} in a {type(one).__name__} of {np.shape(one)}")
    return found


def _varied(rows: Any) -> list[Any]:
    """Return the episodes whose values differ: if none is a hit, they stand wherever a 0 does."""
    return [row for row in rows if len(np.unique(row)) > 1 or np.size(row) == 1]


def _holds(one: Any, row: Any) -> bool:
    """Return whether all numbers of an episode stand in an array, or in a list or tuple of numbers."""
    if isinstance(one, list | tuple) and one and all(isinstance(x, float) for x in one):
        one = np.array(one)
    if isinstance(one, float):
        one = np.array([one])
    if not isinstance(one, np.ndarray) or one.dtype.kind != "f" or one.size < np.size(row):
        return False
    with np.errstate(over="ignore"):
        row, one = np.float32(row), np.float32(one)
    if _few(row):  # then each of its numbers may stand there by chance
        return bytes(row.tobytes()) in one.tobytes()
    return bool(np.isin(row, one).all())


def _few(row: Any) -> bool:
    """Return whether an episode has many numbers, but few different ones, such as 0 and 1."""
    return len(np.unique(row)) <= min(FEW, np.size(row) // 2)


def reachable(thing: Any) -> Iterator[Any]:
    """Yield an object and all that it refers to: attributes, slots, items, closures, array bases."""
    seen: dict[int, Any] = {}
    stack = [thing]
    while stack:
        one = stack.pop()
        program = isinstance(one, type | types.ModuleType | types.CodeType | types.FrameType)
        if id(one) in seen or program:  # what belongs to the program is nobody's secret
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
