"""How fast the environments step, against Gymnasium's own CartPole.

Three questions per environment: the native vector environment of 1024 episodes against CartPole's
native vector environment of 1024; the native one of 64 against a `SyncVectorEnv` of 64 of the same
id; one single environment against CartPole's class. Actions are drawn at random beforehand, and the
resets that autoreset makes are part of the time. Environments that restart in the same step are set
against those that restart in the next one.

What random streams cost is seen with many episodes: seeding all of them, against making as many of
NumPy's generators; the memory that an episode takes; and steps, as the mean of many, since numbers are
made in blocks.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import gymnasium as gym
import numpy as np

from .timing import Measured, Work, in_turns, median, micro, milli, rate, spent

CARTPOLE = "CartPole-v1"
SUBJECTS: dict[str, dict[str, Any]] = {
    "KnowledgeLadder": {},
    "FidelityLadder": {},
    "GaussianStep": {},
    "BinomialDiscovery": {},
    "BinomialDiscovery, unknown p": {"beta_priors": ((1, 9), (1, 9)), "objective": "count"},
    "TablePool": {},
}
RATIOS = (("peer vector", "vector"), ("sync", "native"), ("peer single", "single"))
PER_END = 0.2e-6
"""Seconds that a restart in the same step may take for each end, over 1.3 times one in the next."""
MANY, STEPS = 100_000, 512
"""Episodes and steps by which the random streams are measured."""


def stepping(turns: int) -> Measured:
    """Measure steps as ratios to CartPole's and to those of `SyncVectorEnv`."""
    rows = []
    for name in (CARTPOLE, *SUBJECTS, "discovery/Weinberg-v0"):
        times = in_turns(_ways_to_step(name), turns)
        ratios = (times[peer] / times[own] for peer, own in RATIOS)
        many, native, one = (median(ratio) for ratio in ratios)
        steps = rate(times["vector"], 1024), rate(times["single"])
        rows.append([name, steps[0], many, native, steps[1], one])
    head = ["environment", "vector x1024: steps/s", "/ CartPole's"]
    head += ["vector x64 / SyncVectorEnv x64", "single: steps/s", "/ CartPole's class"]
    return head, rows


def _ways_to_step(name: str) -> dict[str, Work]:
    env_id, kwargs = _made(name)
    return {
        "vector": stepper(vector(name, 1024)),
        "native": stepper(vector(name, 64)),
        "sync": stepper(vector(name, 64, vectorization_mode="sync")),
        "single": _single(gym.make(env_id, **kwargs).unwrapped),
        "peer vector": stepper(vector(CARTPOLE, 1024)),
        "peer single": _single(gym.make(CARTPOLE).unwrapped),
    }


def restarts(turns: int) -> Measured:
    """Measure steps of 1024 episodes that restart in the same step, and in the next one."""
    rows = []
    for name in SUBJECTS:
        envs = {mode: vector(name, 1024, autoreset_mode=mode) for mode in ("NextStep", "SameStep")}
        times = in_turns({mode: stepper(env) for mode, env in envs.items()}, turns)
        actions = envs["SameStep"].action_space.sample
        ends = np.mean([envs["SameStep"].step(actions())[2].sum() for _ in range(500)])
        ratio = median(times["SameStep"] / (1.3 * times["NextStep"] + PER_END * ends))
        rows.append([name, *(micro(one) for one in times.values()), f"{ends:.1f}", ratio])
    head = ["1024 episodes", "NextStep, us", "SameStep, us", "ends a step"]
    return [*head, "SameStep / (1.3 NextStep + .2 us for each end)"], rows


def streams(turns: int) -> Measured:
    """Measure time and memory of random streams."""
    rows, peers = [], _bytes(_generators)
    for name in ("KnowledgeLadder", "GaussianStep"):
        seeded = partial(_seeded, name)
        step, reset = stepper(seeded()), partial(seeded().reset, seed=0)
        works: dict[str, Work] = {"peers": _generators, "reset": reset}
        times = in_turns(works | {"steps": partial(spent, step, STEPS)}, turns)
        size = _bytes(seeded)
        cells = [milli(times["reset"]), median(times["reset"] / times["peers"], ".4f")]
        cells += [f"{size:.0f}", f"{size / peers:.2f}", milli(times["steps"], STEPS)]
        rows.append([name, *cells])
    head = [f"{MANY:,} episodes", "reset(seed=0), ms", "/ making generators", "bytes per episode"]
    return [*head, "/ those of generators", f"step, mean of {STEPS}, ms"], rows


def _seeded(name: str) -> Any:
    env = vector(name, MANY)
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


def _made(name: str) -> tuple[str, dict[str, Any]]:
    """Return id and settings of an environment."""
    return f"discovery/{name.split(',')[0]}-v0" if name in SUBJECTS else name, SUBJECTS.get(
        name, {}
    )


def vector(name: str, episodes: int, **settings: Any) -> Any:
    """Return a vector environment of CartPole, or of a name of `SUBJECTS`."""
    env_id, kwargs = _made(name)
    return gym.make_vec(env_id, num_envs=episodes, **kwargs, **settings)


def stepper(env: Any) -> Work:
    """Return what steps a vector environment, whose episodes end in different steps."""
    actions = _begun(env)

    def step() -> None:
        env.step(next(actions))

    spent(step, 300)  # so that the episodes do not all end in the same step
    return step


def _single(env: Any) -> Work:
    actions = _begun(env)

    def step() -> None:
        if env.step(next(actions))[2]:
            env.reset()

    return step


def _begun(env: Any) -> Iterator[Any]:
    """Reset an environment; return the actions of its steps."""
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]
    env.reset(seed=0)
    return cycle(actions)
