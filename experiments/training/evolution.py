r"""Train the rule `meta_ucb` by evolution strategies, on hundreds of native episodes at once.

With weights w, K random directions e_k and the normalised regret L of an episode, the gradient of
E[L(w + sigma e)] is estimated from antithetic pairs that play the same seed,

    g = 1 / (2 K sigma) sum_k (L(w + sigma e_k) - L(w - sigma e_k)) e_k,

and Adam follows it. Every pair has a direction of its own, which all tasks share, and every episode
plays its own weights, so that an iteration is one batch of 2 K episodes per task. Differences far
out are pulled in to `CLIP` standard deviations.

What is kept are the weights averaged over the second half of the steps, where Adam mostly wanders
about (Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992).

Training episodes have seeds below `VALIDATION_SEED`, those of the curve lie from there on, and no
seed of an evaluation is ever played.

``python -m discovery_gym.experiments.training.evolution FOLDER`` writes ``weights.safetensors``
(name it in ``meta_ucb(weights='...')``), ``curve.csv`` and ``checkpoint.npz``; the same command resumes,
and ends where an uninterrupted training would have ended.

Source: Salimans, Ho, Chen, Sidor, Sutskever, "Evolution Strategies as a Scalable Alternative to
Reinforcement Learning" (2017), section 2.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ...agents import make
from ...agents.belief_agent import BayesianAgent
from ...agents.rules import MetaUCB
from ...agents.rules.meta_ucb import CONTEXT, FEATURES, Network
from ...envs.core import InputError
from ...envs.core.checks import integer, real
from ..runs.evaluation import EVALUATION_SEED
from .folder import Folder

VALIDATION_SEED = EVALUATION_SEED // 2
WEIGHTS, CURVE = "weights.safetensors", "curve.csv"
COLUMNS = ("iteration", "episodes", "cpu_seconds", "task", "regret", "standard_error")
OPTIONS = ("iterations", "pairs", "width", "sigma", "rate", "seed", "every")
NUMBERS = ("weights", "moments", "average")
CLIP = 3.0

LINEAR, GRAPH = "discovery/LinearPool-v0", "discovery/GraphPool-v0"
DATA: dict[str, Any] = {"num_features": 10, "noise_std": 0.7}
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": (LINEAR, DATA | {"num_items": 250, "horizon": 50}),
    "linear, large": (LINEAR, DATA | {"num_items": 1000, "horizon": 50}),
    "plates": (LINEAR, DATA | {"num_items": 250, "horizon": 48, "batch_size": 6, "delay": 1}),
    "star": (GRAPH, {"topology": "star", "num_items": 600, "edge_prob": 0.015, "horizon": 35}),
}
"""Name -> environment and its parameters. They are small: nothing that the rule looks at depends on the
size of a pool, and a second of computing holds ten times the episodes of pools of usual size."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the rule is trained.

    Args:
        tasks: Names of `TASKS`.
        iterations: Number of steps of Adam.
        pairs: Number K of antithetic pairs, each of two episodes per task.
        width: Width of the Bayes-UCB from which training starts.
        sigma: Standard deviation of the directions.
        rate: Step size of Adam; it falls linearly to a tenth.
        seed: Seed of everything.
        every: Number of iterations between checkpoints, each a point of the curve.
        episodes: Episodes per task behind a point of the curve.
    """

    tasks: Sequence[str] = tuple(TASKS)
    iterations: int = 140
    pairs: int = 64
    width: float = 0.1
    sigma: float = 0.3
    rate: float = 0.04
    seed: int = 0
    every: int = 35
    episodes: int = 128

    @property
    def command(self) -> str:
        """The command line that repeats the training."""
        given = "".join(f" --{name} {getattr(self, name)}" for name in OPTIONS)
        return f"python -m discovery_gym.experiments.training.evolution FOLDER{given}"

    def __post_init__(self) -> None:
        for name in ("iterations", "pairs", "every"):
            object.__setattr__(self, name, integer(name, getattr(self, name), low=1))
        object.__setattr__(self, "seed", integer("seed", self.seed, low=0))
        most = EVALUATION_SEED - VALIDATION_SEED
        object.__setattr__(self, "episodes", integer("episodes", self.episodes, low=2, high=most))
        object.__setattr__(self, "width", real("width", self.width, low=0, high=100))
        for name in ("sigma", "rate"):
            value = real(name, getattr(self, name), low=0, high=100, open_low=True)
            object.__setattr__(self, name, value)
        if 2 * self.iterations * self.pairs > VALIDATION_SEED:
            raise InputError(
                f"iterations * pairs = {self.iterations} * {self.pairs} needs more than the "
                f"{VALIDATION_SEED} seeds of training; lower one of them."
            )


def train(
    training: Training,
    folder: Path,
    tasks: Mapping[str, tuple[str, dict[str, Any]]] = TASKS,
    stop: int | None = None,
) -> Network:
    """Train, or go on with what stands in the folder; return the network.

    Args:
        training: What is trained.
        folder: Where the files stand; made if need be.
        tasks: The environments behind the names.
        stop: Iteration after which to stop for now; None: the last.

    Raises:
        InputError: The folder holds another training or other things, or a damaged checkpoint.
    """
    place = Folder(folder, asdict(training), (WEIGHTS, CURVE))
    weights = np.zeros(FEATURES * CONTEXT)
    moments, done, seconds, curve = np.zeros((2, len(weights))), -1, 0.0, ",".join(COLUMNS) + "\n"
    average = weights
    if (found := place.load()) is not None:
        try:
            with np.load(io.BytesIO(found[0]), allow_pickle=False) as saved:
                weights, moments, average = (
                    saved[name].reshape(np.shape(start)).astype(np.float64)
                    for name, start in zip(NUMBERS, (weights, moments, average), strict=True)
                )
                done, seconds = int(saved["done"]), float(saved["seconds"])
            curve = found[1][CURVE].decode()
        except Exception as error:  # as many as there are ways to damage an archive of arrays
            raise place.damaged(error) from None
        place.mend(found[1])
    began = time.process_time() - seconds
    last = training.iterations if stop is None else min(stop, training.iterations)
    for t in range(max(done, 0), last + 1):
        if t > done and (t % training.every == 0 or t == training.iterations):
            seconds = time.process_time() - began
            about = {
                "command": training.command, "iterations": t, "cpu_seconds": round(seconds),
                "training": asdict(training), "tasks": {k: tasks[k] for k in training.tasks},
            }  # fmt: skip
            network = replace(Network.new(training.width, average), about=about)
            curve += _point(training, tasks, network, t, seconds)
            file = io.BytesIO()
            state = zip(NUMBERS, (weights, moments, average), strict=True)
            np.savez(file, allow_pickle=False, done=t, seconds=seconds, **dict(state))
            place.save(file.getvalue(), {WEIGHTS: network.to_bytes(), CURVE: curve.encode()})
        if t < last:
            gradient = _gradient(training, tasks, weights, t)
            moments[0] += 0.1 * (gradient - moments[0])
            moments[1] += 0.01 * (gradient**2 - moments[1])
            mean, square = moments[0] / (1 - 0.9 ** (t + 1)), moments[1] / (1 - 0.99 ** (t + 1))
            rate = training.rate * (1 - 0.9 * t / training.iterations)
            weights = weights - rate * mean / (np.sqrt(square) + 1e-8)
            part = 1 / max(t + 1 - training.iterations // 2, 1)
            average = average + part * (weights - average)
    return Network.new(training.width, average)


def _gradient(
    training: Training,
    tasks: Mapping[str, tuple[str, dict[str, Any]]],
    weights: NDArray[np.float64],
    iteration: int,
) -> NDArray[np.float64]:
    """Return the estimate of the gradient from one batch of pairs."""
    count = training.pairs
    random = np.random.default_rng([training.seed, iteration])
    directions = random.standard_normal((count, len(weights)))
    shifts = training.sigma * np.concatenate([directions, -directions])
    both = Network.new(training.width, weights + shifts)
    seeds = np.arange(count) + 2 * iteration * count
    difference = np.zeros(count)
    for name in training.tasks:
        regret = play(*tasks[name], both, [*seeds.tolist(), *seeds.tolist()], iteration)
        apart = (regret[:count] - regret[count:]) / max(regret.mean(), 1e-12)
        limit = CLIP * apart.std()
        difference += np.clip(apart, -limit, limit)
    return difference @ directions / (2 * count * training.sigma)


def _point(
    training: Training,
    tasks: Mapping[str, tuple[str, dict[str, Any]]],
    network: Network,
    iteration: int,
    seconds: float,
) -> str:
    """Return the rows of a point of the curve: the regret on seeds that are not trained on."""
    text = io.StringIO()
    seeds = [VALIDATION_SEED + i for i in range(training.episodes)]
    for name in training.tasks:
        regret = play(*tasks[name], network, seeds, 0)
        error = regret.std(ddof=1) / len(regret) ** 0.5
        played = 2 * training.pairs * iteration * len(training.tasks)
        row = (iteration, played, f"{seconds:.0f}", name, f"{regret.mean():.4f}", f"{error:.4f}")
        csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def play(
    env_id: str, env_kwargs: Mapping[str, Any], network: Network, seeds: Sequence[int], seed: int
) -> NDArray[np.float64]:
    """Return the regret of one episode per seed, ``(B,)``.

    Args:
        env_id: The environment, a pool.
        env_kwargs: Its parameters.
        network: One network for all episodes, or one for each.
        seeds: Seed of each episode, ``(B,)``.
        seed: Seed of the agent, which breaks ties.
    """
    venv = gym.make_vec(
        env_id,
        num_envs=len(seeds),
        vectorization_mode="vector_entry_point",
        autoreset_mode=AutoresetMode.SAME_STEP.value,
        reveal=True,
        **env_kwargs,
    )
    agent = make("greedy", venv, seed=seed)  # for its belief
    assert isinstance(agent, BayesianAgent)
    agent.rule = MetaUCB(network)
    observation, info = venv.reset(seed=list(seeds))  # type: ignore[arg-type]
    state, ended = None, np.zeros(len(seeds), np.bool_)
    while not ended.all():  # the episodes of a pool are all of the same length
        action, state = agent.predict(observation, state)
        observation, _, ended, _, info = venv.step(action)
    return np.asarray(info["final_info"]["regret"], np.float64)


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description="Train the rule `meta_ucb`; resumes by itself.")
    parser.add_argument("folder", type=Path)
    standard = Training()
    for name in OPTIONS:
        value = getattr(standard, name)
        parser.add_argument(f"--{name}", type=type(value), default=value)
    settings = vars(parser.parse_args())
    train(Training(**{k: v for k, v in settings.items() if k != "folder"}), settings["folder"])


if __name__ == "__main__":
    main()
