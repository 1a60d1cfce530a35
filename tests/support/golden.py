"""What every environment and every agent did when this was last written: the golden files.

A change that moves code and means no other result leaves them as they are. A change of results
makes them anew, and says in CHANGELOG.md which of them changed and why:

    python tests/support/golden.py            # what has changed
    python tests/support/golden.py --write    # make them anew

Digests are of exact bits. Another processor may round a matrix product differently; `rounding` tells
the processors apart, and the test compares digests only where it agrees.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from problems import NAMES, PROBLEMS, QUICK

import discovery_gym
from discovery_gym.agents import available, make

FILE = Path(__file__).with_name("golden.json")
SEED = 1_000_000
SHORT: dict[str, dict[str, Any]] = {
    **QUICK,
    "discovery/SimulatorDesign-v0": {"horizon": 3, "simulated_events": 2000, "grid_size": 20},
    "discovery/DeathProcess-v0": {"horizon": 3},
    "discovery/LinearGaussianDesign-v0": {"horizon": 3},
    "discovery/TemporalDiscounting-v0": {"horizon": 3, "grid_size": (64, 8)},
    "discovery/Weinberg-v0": {"horizon": 3},
    "discovery/WeinbergToy-v0": {"horizon": 3},
    "discovery/TablePool-v0": {"horizon": 12},
    "discovery/LinearPool-v0": {"num_items": 60, "num_features": 5, "horizon": 12},
    "discovery/LogisticPool-v0": {"num_items": 60, "num_features": 5, "horizon": 12},
    "discovery/LowRankPool-v0": {"num_rows": 8, "num_cols": 8, "horizon": 12},
    "discovery/GraphPool-v0": {"num_items": 60, "horizon": 12},
    "discovery/UnstructuredPool-v0": {"num_items": 60, "horizon": 12},
}
"""Settings in which every agent plays an episode in seconds."""
CHEAP = {
    "greedy_eig": "greedy_eig(candidates=32)",
    "thompson_eig": "thompson_eig(candidates=32)",
    "look_ahead_eig": "look_ahead_eig(candidates=8, first=2, draws=2)",
    "bayes_opt_eig": "bayes_opt_eig(start=2, calls=4, outer=16, inner=32, candidates=32)",
}
"""Agents that would take seconds for a decision."""
PRICED = {"cost_per_batch": 20.0, "cost_per_experiment": 1.0, "horizon": 2000}
STEPS = {"batch_sizes": [1, 8, 96], "stds": [1.0, 2.0, 4.0], "std_costs": [0.0, 4.0, 20.0]}
CAMPAIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "ladder": ("KnowledgeLadder", {"target": 99, "p_scale": 1000.0, **PRICED}),
    "step": (
        "GaussianStep",
        {
            "target": 100.0,
            "cost_per_batch": 10.0,
            "cost_per_experiment": 0.25,
            "horizon": 300,
            **STEPS,
        },
    ),
    "plates": (
        "FidelityLadder",
        {"plates": [[96, 0.8, 0.05, 3.0, 0.02, 1.0]], "price_per_day": 1.0},
    ),
    "binomial": (
        "BinomialDiscovery",
        {
            "beta_priors": [[1, 4], [3, 12]],
            "objective": "count",
            "batch_sizes": [1, 4],
            "horizon": 5,
        },
    ),
}
"""Campaigns with prices, for which there are exact optima and shipped policies."""


def pairs() -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Return every available agent on every environment: a name, the id, its settings, the agent.

    Pools are played late and in batches as well.
    """
    for env_id in discovery_gym.registered():
        short = SHORT.get(env_id, {})
        variants: dict[str, dict[str, Any]] = {"": short}
        if "horizon" in short and "Pool" in env_id:
            variants |= {", late": {**short, "delay": 3}, ", batches": {**short, "batch_size": 4}}
        for suffix, kwargs in variants.items():
            for agent in available(gym.make(env_id, **kwargs)):
                if agent == "meta_ucb":
                    continue  # it is what `learned` plays on pools
                name = f"{env_id.split('/')[1]}{suffix}: {agent}"
                yield name, env_id, kwargs, CHEAP.get(agent, agent)
    for name, (env, kwargs) in CAMPAIGNS.items():
        env_id = f"discovery/{env}-v0"
        for agent in available(gym.make(env_id, **kwargs)):
            if agent != "meta_ucb":
                yield f"{name}: {agent}", env_id, kwargs, agent


def played(env_id: str, kwargs: dict[str, Any], agent: str) -> dict[str, Any]:
    """Return what an agent did in two episodes."""
    vector = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", **kwargs)
    player = make(agent, vector, seed=0)
    digest, returns, running = hashlib.sha256(), np.zeros(2), np.ones(2, np.bool_)
    observation, _ = vector.reset(seed=SEED)
    state, start = None, running.copy()
    while running.any():
        action, state = player.predict(observation, state, start)
        digest.update(np.ascontiguousarray(action[running]).tobytes())
        observation, reward, start, _, _ = vector.step(action)
        returns[running] += reward[running]
        running &= ~start
    vector.close()
    return {"digest": digest.hexdigest()[:16], "returns": [float(f"{x:.6g}") for x in returns]}


def trajectory(env_id: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return what happened in three episodes at a time under scripted actions, autoreset included."""
    vector = gym.make_vec(env_id, num_envs=3, reveal=True, **kwargs)
    vector.action_space.seed(1)
    first, later = hashlib.sha256(), hashlib.sha256()
    observation, info = vector.reset(seed=SEED)
    _add(first, observation, info)
    returns, running = np.zeros(3), np.ones(3, np.bool_)
    for _ in range(60):
        observation, reward, ended, _, info = vector.step(vector.action_space.sample())
        returns += reward * running
        _add(first if running.all() else later, observation, reward, ended, info)
        running &= ~ended
    vector.close()
    return {
        "first": first.hexdigest()[:16],
        "later": later.hexdigest()[:16],
        "returns": [float(f"{x:.6g}") for x in returns],
    }


def _add(digest: Any, *values: Any) -> None:
    """Add arrays, and dicts of them in the order of their keys, to a digest."""
    for value in values:
        if isinstance(value, dict):
            for key in sorted(value):
                digest.update(key.encode())
                _add(digest, value[key])
        else:
            digest.update(np.ascontiguousarray(value).tobytes())


def rounding() -> str:
    """Return a digest of how this processor rounds products, logarithms and the like."""
    random, digest = np.random.default_rng(0), hashlib.sha256()
    for dtype in (np.float32, np.float64):
        for b, n, d in ((1, 400, 10), (2, 60, 5), (32, 300, 40), (3, 500, 64)):
            x = random.standard_normal((n, d)).astype(dtype)
            w = random.standard_normal((d, b)).astype(dtype)
            digest.update((x @ w).tobytes() + (x.T @ x).tobytes() + np.exp(x).tobytes())
            digest.update(np.log(np.abs(x)).tobytes() + np.linalg.inv(x.T @ x).tobytes())
    return digest.hexdigest()[:16]


def everything() -> dict[str, Any]:
    """Return all golden values."""
    return {
        "rounding": rounding(),
        "trajectories": {
            name: trajectory(*problem) for name, problem in zip(NAMES, PROBLEMS, strict=True)
        },
        "agents": {name: played(*pair) for name, *pair in pairs()},
    }


def changed(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Return a line for every value that differs."""
    for part in ("trajectories", "agents"):
        for name in sorted(old[part].keys() | new[part].keys()):
            was, now = old[part].get(name), new[part].get(name)
            if was != now:
                yield f"{part[:-1]} {name}: {was} -> {now}"


if __name__ == "__main__":
    now = everything()
    if FILE.exists():
        print(*changed(json.loads(FILE.read_text(encoding="utf-8")), now), sep="\n")
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
