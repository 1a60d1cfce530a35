"""Make files as an earlier version wrote them, with the values that it got from each.

    git worktree add --detach /tmp/old/discovery_gym COMMIT
    PYTHONPATH=/tmp/old python tests/support/earlier.py FOLDER

`v0.1.0` is of commit 34ecf17, the version 0.1.0. `951fcc0` is of the commit of this name, the last one
before modules moved: numbers are the same since. Run it with the libraries of constraints.txt.
"""

from __future__ import annotations

import json
import lzma
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

SETTINGS: dict[str, dict[str, Any]] = {
    "BinomialDiscovery": {"beta_priors": [[1, 4], [3, 12]], "batch_sizes": [1, 4]},
    "ConstantElasticity": {"num_particles": 50},
    "DeathProcess": {},
    "GaussianStep": {"batch_sizes": [1, 8], "stds": [1.0, 2.0], "std_costs": [0.0, 4.0]},
    "GraphPool": {"num_items": 20, "horizon": 12, "batch_size": 3, "delay": 2},
    "KnowledgeLadder": {},
    "LinearGaussianDesign": {},
    "LinearPool": {"num_items": 20, "num_features": 3, "horizon": 12, "delay": 3},
    "LocationFinding": {"num_particles": 50},
    "LogisticPool": {"num_items": 20, "num_features": 3, "horizon": 12},
    "LowRankPool": {"num_rows": 4, "num_cols": 4, "horizon": 12},
    "PreyPopulation": {"horizon": 6, "settings": 9, "grid_size": [5, 20]},
    "SimulatorDesign": {"settings": 3, "grid_size": 4, "simulated_events": 200, "num_bins": 5},
    "TablePool": {"horizon": 12},
    "TemporalDiscounting": {"grid_size": [64, 8]},
    "UnstructuredPool": {"num_items": 20, "horizon": 12},
    "Weinberg": {"settings": 3, "horizon": 6},
    "WeinbergToy": {"settings": 5},
}
"""Every environment, small."""
RUNS = {
    "pool": ("LinearPool", SETTINGS["LinearPool"], "greedy", {"curves": True}),
    "design": ("LinearGaussianDesign", {"horizon": 2}, "random", {"contrasts": 20}),
    "failed": ("LinearPool", {"num_items": 20, "horizon": 12}, "fixed(nothing=1)", {}),
}
"""Environment, settings, agent, and what else the record of a run keeps."""


def plain(value: Any) -> Any:
    """Return arrays, and what holds them, as JSON that gives the same numbers again."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    return np.asarray(value).tolist()


def played(env: Any, steps: int) -> list[Any]:
    """Play some steps; return what each gave: observation, reward and whether an episode ended."""
    env.action_space.seed(7)
    found = []
    for _ in range(steps):
        found.append([plain(part) for part in env.step(env.action_space.sample())[:3]])
        if found[-1][2] is True:  # of a single environment
            env.reset()
    return found


def environments(path: Path) -> dict[str, Any]:
    """Pickle environments in the middle of an episode, single and vector, into one file."""
    found, pickles = {}, {}
    for name, settings in SETTINGS.items():
        for kind, make in (("single", gym.make), ("vector", gym.make_vec)):
            more = {} if kind == "single" else {"num_envs": 3}
            env: Any = make(f"discovery/{name}-v0", **more, **settings)
            env.reset(seed=11)
            before = played(env, 2)
            hidden = plain(env.unwrapped.hidden())
            pickles[f"{name} {kind}"] = pickle.dumps(env, protocol=5)
            after = played(env, 4)
            found[f"{name} {kind}"] = {"before": before, "hidden": hidden, "after": after}
    path.write_bytes(lzma.compress(pickle.dumps(pickles)))
    return found


def records(folder: Path) -> dict[str, Any]:
    """Play two runs and one that fails; return the numbers of each."""
    from discovery_gym.experiments.evaluation import evaluate
    from discovery_gym.experiments.records import RunSpec, open_folder
    from discovery_gym.experiments.runner import execute

    found, where = {}, open_folder(folder)
    for name, (env, kwargs, agent, more) in RUNS.items():
        spec = RunSpec(
            suite="fixture",
            version=1,
            task=env,
            about="A run of an earlier version.",
            name=name,
            env_id=f"discovery/{env}-v0",
            env_kwargs=kwargs,
            agent=agent,
            episodes=5,
            seed=1_000_000,
            **more,
        )
        found[name] = {"id": spec.id}
        if not execute(spec, where):
            again: Any = {"curve": spec.curves, "contrasts": spec.contrasts}
            result = evaluate(env, agent, episodes=5, seed=spec.seed, env_kwargs=kwargs, **again)
            names = ("returns", "lengths", "regret", "curve", "bounds")
            numbers = {key: getattr(result, key) for key in names}
            found[name] |= {key: plain(one) for key, one in numbers.items() if one is not None}
    return found


def training(folder: Path) -> dict[str, Any]:
    """Train a policy for two rollouts; return what it does in an episode."""
    from discovery_gym.experiments.training import Training, train

    about = Training(
        env_id="KnowledgeLadder",
        env_kwargs={"target": 5},
        steps=256,
        envs=4,
        evaluations=2,
        episodes=4,
        settings={"n_steps": 32, "net_arch": [8]},
    )
    curve = train(about, folder)
    shutil.rmtree(folder / "log")
    weights = str(folder / "policy.safetensors")
    found = chosen(f"sb3({json.dumps(weights)})", "KnowledgeLadder", {"target": 5})
    return found | {"steps": [point.steps for point in curve]}


def rule(path: Path) -> dict[str, Any]:
    """Write weights of the trained rule; return what it does in an episode."""
    from discovery_gym.agents.rules.learned import CONTEXT, FEATURES, Network

    random = np.random.default_rng(3)
    network = Network.new(0.5, random.normal(scale=0.1, size=FEATURES * CONTEXT))
    path.write_bytes(network.to_bytes())
    z, c = random.normal(size=(2, FEATURES, 6)), random.normal(size=(2, CONTEXT))
    inputs = [z.astype(np.float32), c.astype(np.float32)]
    found = {"inputs": [plain(one) for one in inputs], "output": plain(network(*inputs))}
    settings = {"num_items": 20, "num_features": 3, "horizon": 8}
    return found | chosen(f"learned(weights={json.dumps(str(path))})", "LinearPool", settings)


def chosen(agent: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return an episode's observations and the actions that an agent took."""
    from discovery_gym.agents import make

    env: Any = gym.make(f"discovery/{name}-v0", **settings)
    player, state, ended = make(agent, env), None, False
    observation, _ = env.reset(seed=5)
    episode = []
    while not ended and len(episode) < 20:
        start = np.array([not episode])
        action, state = player.predict(observation, state, start)
        episode.append([plain(observation), plain(action)])
        observation, _, ended, _, _ = env.step(action)
    return {"env": name, "settings": settings, "episode": episode}


def simulate(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    """Return events of a simulator of somebody's own."""
    return np.random.default_rng(seed).normal(theta[0], phi[0], n_events)


def cache(folder: Path) -> dict[str, Any]:
    """Keep the runs of three simulators; return a setting's law of each."""
    program = "import sys; print('\\n'.join(map(str, range(int(sys.argv[1])))))"
    simulators = {
        "ours": "discovery_gym.envs.design.simulator_design:muons",
        "function": "earlier:simulate",
        "command": ["python", "-c", program, "{events}"],
    }
    found = {}
    for name, simulator in simulators.items():
        settings = {
            "simulator": simulator,
            "cache": str(folder),
            "settings": 2,
            "grid_size": 2,
            "simulated_events": 20,
            "num_bins": 4,
            "data_range": [-1, 20] if name == "command" else [-1, 1],
            "workers": int(name == "command"),
        }
        env: Any = gym.make("discovery/SimulatorDesign-v0", **settings)
        model = env.unwrapped.model
        events = dict(model.simulations.run(model._jobs(0)))
        found[name] = {
            "settings": settings,
            "runs": [[*map(plain, job), plain(events[job])] for job in events],
        }
    return found


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    expected = {
        "specs": {
            name: gym.make(name, **SETTINGS[name[len("discovery/") : -3]]).spec.to_json()
            for name in sorted(id_ for id_ in gym.registry if id_.startswith("discovery/"))
        },
        "environments": environments(folder / "environments.pickle.xz"),
        "records": records(folder / "runs"),
        "rule": rule(folder / "rule.safetensors"),
        "cache": cache(folder / "cache"),
        "training": training(folder / "training"),
    }
    text = json.dumps(expected).replace(str(folder), "FOLDER")
    (folder / "expected.json.xz").write_bytes(lzma.compress(text.encode()))


if __name__ == "__main__":
    import discovery_gym  # noqa: F401 - registers the environments

    main(Path(sys.argv[1]))
