"""How fast the environments step, against Gymnasium's own CartPole.

Three questions per environment: the native vector environment of 1024 episodes against CartPole's
native vector environment of 1024; the native one of 64 against a `SyncVectorEnv` of 64 of the same
id; one single environment against CartPole's class. Actions are drawn at random beforehand, and the
resets that autoreset makes are part of the time.

What random streams cost is seen with many episodes: seeding all of them, against making as many of
NumPy's generators; the memory that an episode takes; and steps, as the mean of many, since numbers are
made in blocks.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from .timing import Measured, Subject, in_turns, median, repeated

CARTPOLE = "CartPole-v1"
SUBJECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "KnowledgeLadder": ("discovery/KnowledgeLadder-v0", {}),
    "FidelityLadder": ("discovery/FidelityLadder-v0", {}),
    "GaussianStep": ("discovery/GaussianStep-v0", {}),
    "BinomialDiscovery": ("discovery/BinomialDiscovery-v0", {}),
    "BinomialDiscovery, unknown p": (
        "discovery/BinomialDiscovery-v0",
        {"beta_priors": ((1, 9), (1, 9)), "objective": "count"},
    ),
    "TablePool": ("discovery/TablePool-v0", {}),
}
RATIOS = (("cartpole vector", "vector"), ("sync", "native"), ("cartpole single", "single"))
MANY, STEPS = 100_000, 512
"""Episodes and steps by which the random streams are measured."""


def stepping(turns: int) -> Measured:
    """Measure steps as ratios to CartPole's and to those of `SyncVectorEnv`."""
    head = [
        "environment",
        "vector x1024: steps/s",
        "/ CartPole's",
        "vector x64 / SyncVectorEnv x64",
        "single: steps/s",
        "/ CartPole's class",
    ]
    vector, single = _rates(in_turns(_cartpole(), turns=turns), "cartpole ")
    rows = [[CARTPOLE, vector, "1", "", single, "1"]]
    for name, subject in SUBJECTS.items():
        times = in_turns(_cartpole() | _ours(*subject), turns=turns)
        vector, single = _rates(times)
        many, native, one = (median(times[peer] / times[own]) for peer, own in RATIOS)
        rows.append([name, vector, many, native, single, one])
    return head, rows


def _ours(env_id: str, kwargs: dict[str, Any]) -> dict[str, Subject]:
    few = partial(gym.make_vec, env_id, num_envs=64, **kwargs)
    return {
        "vector": stepper(gym.make_vec(env_id, num_envs=1024, **kwargs)),
        "native": stepper(few()),
        "sync": stepper(few(vectorization_mode="sync")),
        "single": _single(gym.make(env_id, **kwargs).unwrapped),
    }


def streams(turns: int) -> Measured:
    """Measure time and memory of random streams."""
    head = [
        f"{MANY:,} episodes",
        "reset(seed=0), ms",
        "/ making generators",
        "bytes per episode",
        "/ those of generators",
        f"step, mean of {STEPS}, ms",
    ]
    peer = _bytes(_generators)
    names = "KnowledgeLadder", "GaussianStep"
    return head, [[name, *_streams(*SUBJECTS[name], peer, turns)] for name in names]


def _streams(env_id: str, kwargs: dict[str, Any], peer: float, turns: int) -> list[str]:
    """Return the cells of an environment; ``peer`` is the memory of a generator."""
    seeded = partial(_seeded, env_id, kwargs)
    subjects = {
        "generators": repeated(_generators),
        "reset": repeated(partial(seeded().reset, seed=0)),
        "steps": repeated(partial(stepper(seeded()), STEPS)),
    }
    times = in_turns(subjects, turns=turns)
    size = _bytes(seeded)
    return [
        f"{np.median(times['reset']) * 1e3:.1f}",
        median(times["reset"] / times["generators"], ".4f"),
        f"{size:.0f}",
        f"{size / peer:.2f}",
        f"{np.median(times['steps']) / STEPS * 1e3:.2f}",
    ]


def _seeded(env_id: str, kwargs: dict[str, Any]) -> Any:
    env = gym.make_vec(env_id, num_envs=MANY, **kwargs)
    env.reset(seed=0)
    return env


def _generators() -> Any:
    return [np.random.default_rng(i) for i in range(MANY)]


def _bytes(make: Callable[[], Any]) -> float:
    """Return the memory of what ``make`` returns, per episode."""
    make()  # imports and fills caches
    tracemalloc.start()
    made = make()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del made
    return size / MANY


def _cartpole() -> dict[str, Subject]:
    many = gym.make_vec(CARTPOLE, num_envs=1024, vectorization_mode="vector_entry_point")
    return {
        "cartpole vector": stepper(many),
        "cartpole single": _single(gym.make(CARTPOLE).unwrapped),
    }


def _rates(times: dict[str, Any], whose: str = "") -> tuple[str, str]:
    """Return the steps per second of the vector environment and of the single one."""
    vector, single = (np.median(times[whose + kind]) for kind in ("vector", "single"))
    return f"{1024 / vector:,.0f}", f"{1 / single:,.0f}"


def _begun(env: Any) -> list[Any]:
    """Reset an environment; return the actions of its steps."""
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]
    env.reset(seed=0)
    return actions


def stepper(env: Any) -> Subject:
    """Return what steps a vector environment, whose episodes end in different steps."""
    actions = _begun(env)

    def steps(count: int) -> None:
        for i in range(count):
            env.step(actions[i & 63])

    steps(300)  # so that the episodes do not all end in the same step
    return steps


def _single(env: Any) -> Subject:
    actions = _begun(env)

    def steps(count: int) -> None:
        for i in range(count):
            if env.step(actions[i & 63])[2]:
                env.reset()

    return steps
