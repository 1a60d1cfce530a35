"""How fast environments step and reset, against Gymnasium's own CartPole, their draws, one another.

Actions are drawn at random beforehand, and the resets that autoreset makes are part of the time.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import gymnasium as gym
import numpy as np

from .timing import Row, Rows, spent

CARTPOLE = "CartPole-v1"
SUBJECTS: dict[str, dict[str, Any]] = {
    "KnowledgeLadder": {},
    "FidelityLadder": {},
    "GaussianStep": {},
    "BinomialDiscovery": {},
    "BinomialDiscovery, unknown p": {"beta_priors": ((1, 9), (1, 9)), "objective": "count"},
    "TablePool": {},
}
REACH = {
    "KnowledgeLadder": "1.5",
    "GaussianStep": "2",
    "BinomialDiscovery": "2",
    "TablePool": "2.5",
}
"""A single step over one of CartPole's class."""
PER_END = 0.2e-6
"""Seconds that a restart in the same step may take for each end, over 1.3 times one in the next."""
MANY, STEPS = 100_000, 512
"""Episodes and steps by which the random streams are measured."""
LARGE = {"num_items": 900, "edge_prob": 0.01}
GRAPHS: dict[str, dict[str, Any]] = {
    "star, 100 nodes": {"topology": "star"},
    "random, 100 nodes": {},
    "star, 900 nodes": {"topology": "star", **LARGE},
    "random, 900 nodes": LARGE,
}
SHOWN = 60
"""Steps of an episode on a graph."""


def stepping() -> Rows:
    """Steps, against those of CartPole and of `SyncVectorEnv`."""
    for name in (CARTPOLE, *SUBJECTS, "Weinberg"):
        vectors = stepper(vector(name, 1024)), stepper(vector(CARTPOLE, 1024))
        yield Row(f"{name} x1024, over CartPole's", *vectors, each=1024)
        modes = stepper(vector(name, 64)), stepper(vector(name, 64, vectorization_mode="sync"))
        yield Row(f"{name} x64, over SyncVectorEnv", *modes, each=64)
        reach = REACH.get(name, "")
        yield Row(f"{name}, over CartPole's class", _single(name), _single(CARTPOLE), reach=reach)


def restarts() -> Rows:
    """Steps of 1024 episodes that restart in the same step, over 1.3 in the next and .2 us an end."""
    for name in SUBJECTS:
        later, same = (vector(name, 1024, autoreset_mode=f"{one}Step") for one in ("Next", "Same"))
        step, other = stepper(same), stepper(later)
        ends = np.mean([same.step(same.action_space.sample())[2].sum() for _ in range(500)])
        floor = partial(_allowed, other, ends)
        yield Row(f"{name}, {ends:.1f} ends a step", step, floor, reach="1")


def _allowed(step: Callable[[], object], ends: float) -> float:
    return float(1.3 * spent(step, 200) / 200 + PER_END * ends)


def streams() -> Rows:
    """Random streams of 100,000 episodes, against as many of NumPy's generators."""
    for name in ("KnowledgeLadder", "GaussianStep"):
        seeded = partial(_seeded, name)
        yield Row(f"{name}: reset(seed=0)", partial(seeded().reset, seed=0), _generators, MANY)
        sizes = partial(_bytes, seeded), partial(_bytes, _generators)
        yield Row(f"{name}: memory of an episode", *sizes, unit="B")
        step = stepper(seeded())  # the mean of many, since numbers are made in blocks
        yield Row(f"{name}: a step, mean of {STEPS}", partial(spent, step, STEPS), each=STEPS)


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


def graphs() -> Rows:
    """Steps on graphs, every node labelled once, against their draws, from generators that are there."""
    for name, kwargs in GRAPHS.items():
        for b in (64, 1024):
            yield Row(f"{name}, x{b}", *_graph(kwargs, b), each=b * SHOWN, reach="3")


def _graph(kwargs: dict[str, Any], b: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what plays an episode of b graphs, and what draws the normal numbers that it needs."""
    env: Any = gym.make_vec("discovery/GraphPool-v0", num_envs=b, **kwargs, horizon=SHOWN + 1)
    items = env.single_observation_space["action_mask"].shape[0]
    every = np.tile(np.arange(items), (b, 1))
    order = np.random.default_rng(0).permuted(every, axis=1).T[:SHOWN]
    shown = [env.reset(seed=0)[0], *(env.step(one)[0] for one in order)]
    seen = np.array([one["seen_count"].sum(1) for one in shown]).astype(int)
    counts = (np.diff(seen, axis=0) - 1).tolist()  # without the node itself
    generators = [np.random.default_rng(i) for i in range(b)]
    room = [np.empty(count) for count in range(items)]

    def play() -> float:
        env.reset(seed=0)  # not part of it
        choices = iter(order)
        return spent(lambda: env.step(next(choices)), SHOWN)

    def draw() -> None:
        for row in counts:
            for generator, count in zip(generators, row, strict=True):
                generator.standard_normal(out=room[count])

    return play, draw


def resets() -> Rows:
    """`reset_mask` of one of 1024 linear pools, the last observation held, against its numbers."""
    draws = partial(np.random.default_rng(0).standard_normal, (500, 20), np.float32)
    for steps in (0, 3):
        for name, calls in (("first", 1), ("tenth", 10)):
            work = partial(_last_reset, steps, calls)
            yield Row(f"the {name} one, after {steps} steps", work, draws, reach="0.5 ms")


def _last_reset(steps: int, calls: int) -> float:
    """Return the seconds that the last of some calls takes, after some steps."""
    env = gym.make_vec("discovery/LinearPool-v0", num_envs=1024)
    seen: Any = env.reset(seed=0)
    for item in range(steps):
        seen = env.step(np.full(1024, item))
    took = 0.0
    for k in range(calls):
        mask, start = np.arange(1024) == k, time.process_time()
        seen = env.reset(options={"reset_mask": mask})
        took = time.process_time() - start
    del seen
    return took


def particles() -> Rows:
    """Steps of particle posteriors, which are kept episode by episode, over those of one episode."""
    for b in (16, 64):
        yield Row(f"LocationFinding, 1000 particles, x{b}", _moves(b), _moves(1), reach="0.17")


def _moves(b: int) -> Callable[[], float]:
    """Return what plays b episodes, and says how long a step of one takes."""
    env = gym.make_vec("discovery/LocationFinding-v0", num_envs=b)
    env.action_space.seed(0)
    env.reset(seed=0)
    return lambda: spent(lambda: env.step(env.action_space.sample()), 30) / (30 * b)


# ---- what steps them


def _made(name: str) -> tuple[str, dict[str, Any]]:
    """Return id and settings of an environment."""
    env_id = name if name == CARTPOLE else f"discovery/{name.split(',')[0]}-v0"
    return env_id, SUBJECTS.get(name, {})


def vector(name: str, episodes: int, **settings: Any) -> Any:
    """Return a vector environment of CartPole, or of one of ours."""
    env_id, kwargs = _made(name)
    return gym.make_vec(env_id, num_envs=episodes, **kwargs, **settings)


def stepper(env: Any) -> Callable[[], object]:
    """Return what steps a vector environment, whose episodes end in different steps."""
    actions = _begun(env)

    def step() -> None:
        env.step(next(actions))

    spent(step, 300)  # so that the episodes do not all end in the same step
    return step


def _single(name: str) -> Callable[[], object]:
    env_id, kwargs = _made(name)
    env: Any = gym.make(env_id, **kwargs).unwrapped
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
