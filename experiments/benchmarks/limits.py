"""How far environments are from what they cannot do without: their draws, their memory, one another.

Graph pools step against the draws of what is shown, by generators that exist already; environments that
restart in the same step against those that restart in the next; the reset of one of many pools against
its normal numbers; many particle posteriors against one; and `evaluate` by the memory of an episode.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from .stepping import SUBJECTS, stepper
from .timing import Measured, in_turns, median, repeated

GRAPHS: dict[str, dict[str, Any]] = {
    "star, 100 nodes": {"topology": "star"},
    "random, 100 nodes": {},
    "star, 900 nodes": {"topology": "star", "num_items": 900, "edge_prob": 0.01},
    "random, 900 nodes": {"num_items": 900, "edge_prob": 0.01},
}
STEPS = 60
"""Steps of an episode on a graph; ``--quick`` takes fewer."""
PER_END = 0.2e-6
"""Seconds that a restart in the same step may take for each end, over 1.3 times one in the next."""
EVALUATED = (("KnowledgeLadder", 4_000, 1_000_000), ("LinearPool", 1_000, 100_000))
"""Environments, episodes by which the memory is measured (and five times as many), and of how many."""
CODE = """
import re, resource
from pathlib import Path
from {package}.experiments.runs.evaluation import evaluate
evaluate("discovery/{name}-v0", "random", episodes={episodes}, truth=False)
status = Path("/proc/self/status")
print(1024 * int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) if status.exists()
      else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def graphs(turns: int) -> Measured:
    """Measure steps of graph pools, every node labelled once, and no reset among them."""
    rows = []
    for name, kwargs in GRAPHS.items():
        for b in (64, 1024):
            step, draws = _graph(kwargs, b, min(STEPS, 2 * turns))
            each = [f"{np.median(times) / b * 1e6:.2f}" for times in (step, draws)]
            rows.append([f"{name}, x{b}", *each, median(step / draws)])
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


def restarts(turns: int) -> Measured:
    """Measure steps of 1024 episodes that restart in the same step, and in the next one."""
    rows = []
    for name, (env_id, kwargs) in SUBJECTS.items():
        envs = {
            mode: gym.make_vec(env_id, num_envs=1024, autoreset_mode=mode, **kwargs)
            for mode in ("NextStep", "SameStep")
        }
        times = in_turns({mode: stepper(env) for mode, env in envs.items()}, turns=turns)
        actions = envs["SameStep"].action_space.sample
        ends = np.mean([envs["SameStep"].step(actions())[2].sum() for _ in range(500)])
        allowed = 1.3 * times["NextStep"] + PER_END * ends
        cells = [f"{np.median(times[mode]) * 1e6:.0f}" for mode in times]
        rows.append([name, *cells, f"{ends:.1f}", median(times["SameStep"] / allowed)])
    head = ["1024 episodes", "NextStep, us", "SameStep, us", "ends a step"]
    return [*head, "SameStep / (1.3 NextStep + .2 us for each end)"], rows


def resets(turns: int) -> Measured:
    """Measure the reset of one of 1024 linear pools after some steps; the last observation is kept."""
    random = np.random.default_rng(0)
    draws = repeated(lambda: random.standard_normal((500, 20), np.float32))
    floor = np.median(in_turns({"draws": draws}, turns=min(turns, 5))["draws"])
    rows = []
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
        first, tenth = (median(calls[:, k] * 1e3) for k in (0, 9))
        rows.append([f"reset_mask of one, after {steps} steps", first, tenth, f"{floor * 1e3:.2f}"])
    return ["1024 linear pools", "first, ms", "tenth, ms", "its normal numbers, ms"], rows


def particles(turns: int) -> Measured:
    """Measure steps of particle posteriors, which are kept episode by episode, over whole episodes."""
    rates = {}
    for b in (1, 16, 64):
        env = gym.make_vec("discovery/LocationFinding-v0", num_envs=b)
        actions, count = env.action_space, min(turns, 30) * (1 if b > 1 else 8)
        actions.seed(0)
        env.reset(seed=0)
        start = time.process_time()
        for _ in range(count):
            env.step(actions.sample())
        rates[b] = b * count / (time.process_time() - start)
    rows = [[f"x{b}", f"{rate:.0f}", f"{rate / rates[1]:.2f}"] for b, rate in rates.items()]
    return ["LocationFinding, 1000 particles", "steps/s", "/ one episode"], rows


def memory(turns: int) -> Measured:
    """Measure the memory of `evaluate` in new processes, of few episodes, and what many would take."""
    rows = []
    for name, few, many in EVALUATED:
        small, large = (_peak(name, count) for count in (few, 5 * few))
        each = (large - small) / (4 * few)
        rows.append(
            [name, f"{each:.0f}", f"{many:,}", f"{(small + each * (many - few)) / 1e6:.0f}"]
        )
    return ["evaluate", "bytes an episode", "episodes", "they would take, MB"], rows


def _peak(name: str, episodes: int) -> int:
    code = CODE.format(package=__name__.split(".")[0], name=name, episodes=episodes)
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(told.stdout)
