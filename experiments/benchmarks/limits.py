"""How far environments are from what they cannot do without: their draws, their memory, one another.

Graph pools step against the draws of what is shown, by generators that exist already; the reset of one
of many pools against its normal numbers; many particle posteriors against one; and `evaluate` by the
memory of an episode.
"""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from .timing import PACKAGE, PEAK, Measured, fresh, in_turns, median, micro, milli, rate, spent

GRAPHS: dict[str, dict[str, Any]] = {
    "star, 100 nodes": {"topology": "star"},
    "random, 100 nodes": {},
    "star, 900 nodes": {"topology": "star", "num_items": 900, "edge_prob": 0.01},
    "random, 900 nodes": {"num_items": 900, "edge_prob": 0.01},
}
STEPS = 60
"""Steps of an episode on a graph; ``--quick`` takes fewer."""
EVALUATED = (("KnowledgeLadder", 4_000, 1_000_000), ("LinearPool", 1_000, 100_000))
"""Environments, episodes by which the memory is measured (and five times as many), and of how many."""
CODE = f"""
import sys
from {PACKAGE}.experiments.runs.evaluation import evaluate
evaluate(f"discovery/{{sys.argv[1]}}-v0", "random", episodes=int(sys.argv[2]), truth=False)
{PEAK}
print(peak)
"""


def graphs(turns: int) -> Measured:
    """Measure steps of graph pools, every node labelled once, and no reset among them."""
    rows = []
    for name, kwargs in GRAPHS.items():
        for b in (64, 1024):
            step, draws = _graph(kwargs, b, min(STEPS, 2 * turns))
            cells = micro(step, b), micro(draws, b), median(step / draws)
            rows.append([f"{name}, x{b}", *cells])
    return ["graph pool", "a step of an episode, us", "its draws, us", "/ draws"], rows


def _graph(
    kwargs: dict[str, Any], b: int, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times of steps of b episodes, and of the normal numbers that each needs."""
    env = gym.make_vec("discovery/GraphPool-v0", num_envs=b, **{**kwargs, "horizon": STEPS + 1})
    seen, items = env.reset(seed=0)[0], env.single_observation_space["action_mask"].shape[0]  # type: ignore[index]
    order = np.random.default_rng(0).permuted(np.tile(np.arange(items), (b, 1)), axis=1)
    generators, times = [np.random.default_rng(i) for i in range(b)], np.zeros((2, steps))
    for k in range(steps):
        before, start = seen["seen_count"], time.process_time()
        seen = env.step(order[:, k])[0]
        times[0, k] = time.process_time() - start
        counts = (seen["seen_count"] - before).sum(1).astype(int) - 1  # without the node itself
        room = [np.empty(count) for count in counts]
        start = time.process_time()
        for generator, out in zip(generators, room, strict=True):
            generator.standard_normal(out=out)
        times[1, k] = time.process_time() - start
    return times[0], times[1]


def resets(turns: int) -> Measured:
    """Measure the reset of one of 1024 linear pools after some steps; the last observation is kept."""
    random, rows = np.random.default_rng(0), []
    draws = in_turns(
        {"draws": lambda: random.standard_normal((500, 20), np.float32)}, min(turns, 5)
    )
    for steps in (0, 3):
        calls = np.zeros((min(turns, 5), 10))
        for times in calls:
            env = gym.make_vec("discovery/LinearPool-v0", num_envs=1024)
            seen: Any = env.reset(seed=0)
            for item in range(steps):
                seen = env.step(np.full(1024, item))
            for k in range(len(times)):
                mask, start = np.arange(1024) == k, time.process_time()
                seen = env.reset(options={"reset_mask": mask})
                times[k] = time.process_time() - start
            del seen
        cells = (median(1e3 * calls[:, k]) for k in (0, 9))
        rows.append([f"reset_mask of one, after {steps} steps", *cells, milli(draws["draws"])])
    return ["1024 linear pools", "first, ms", "tenth, ms", "its normal numbers, ms"], rows


def particles(turns: int) -> Measured:
    """Measure steps of particle posteriors, which are kept episode by episode, over whole episodes."""
    times = {}
    for b in (1, 16, 64):
        env = gym.make_vec("discovery/LocationFinding-v0", num_envs=b)
        actions, count = env.action_space, min(turns, 30) * (1 if b > 1 else 8)
        actions.seed(0)
        env.reset(seed=0)
        times[b] = spent(lambda: env.step(actions.sample()), count) / (b * count)  # noqa: B023
    rows = [[f"x{b}", rate(each), f"{times[1] / each:.2f}"] for b, each in times.items()]
    return ["LocationFinding, 1000 particles", "steps/s", "/ one episode"], rows


def memory(turns: int) -> Measured:
    """Measure the memory of `evaluate` in new processes, of few episodes, and what many would take."""
    rows = []
    for name, few, many in EVALUATED:
        small, large = (fresh(CODE, name, count)[0] for count in (few, 5 * few))
        each = (large - small) / (4 * few)
        cells = f"{each:.0f}", f"{many:,}", f"{(small + each * (many - few)) / 1e6:.0f}"
        rows.append([name, *cells])
    return ["evaluate", "bytes an episode", "episodes", "they would take, MB"], rows
