r"""Train the rule `meta_ucb` by evolution strategies, on hundreds of native episodes at once.

With weights w, K random directions e_k and the normalised regret L of an episode, the gradient of
E[L(w + sigma e)] is estimated from antithetic pairs that play the same seed,

    g = 1 / (2 K sigma) sum_k (L(w + sigma e_k) - L(w - sigma e_k)) e_k,

and Adam follows it. Every pair has a direction of its own, which all tasks share, and every episode
plays its own weights, so that an iteration is one batch of 2 K episodes per task. Differences far
out are pulled in to `CLIP` standard deviations.

What is kept are the weights averaged over the second half of the steps, where Adam mostly wanders
about (Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992).

A resumed training ends where an uninterrupted one would have ended.

Source: Salimans, Ho, Chen, Sidor, Sutskever, "Evolution Strategies as a Scalable Alternative to
Reinforcement Learning" (2017), section 2.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...agents import make
from ...agents.belief_agent import BeliefAgent
from ...agents.rules import MetaUCB
from ...agents.rules.meta_ucb import CONTEXT, FEATURES, Network
from ...envs.core import InputError, shown
from ...envs.core.arrays import Array
from ...envs.core.checks import integer, real
from ..runs.episodes import vector_env
from ..runs.evaluation import played
from .base import (
    CURVE,
    CURVE_SEEDS,
    VALIDATION_SEED,
    Row,
    Run,
    Training,
    either,
    environment,
    setting,
)

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
class ES(Training):
    """A training of the rule, on one kind of pool or, where no environment is named, on all `TASKS`.

    Args:
        iterations: Number of steps of Adam.
        pairs: Number K of antithetic pairs, each of two episodes per task.
        width: Width of the Bayes-UCB from which training starts.
        sigma: Standard deviation of the directions.
        rate: Step size of Adam; it falls linearly to a tenth.
        every: Number of iterations between checkpoints, each a point of the curve.
    """

    env_id: str = setting("", either("", environment))
    algorithm: str = "es"
    episodes: int = setting(128, integer, low=2, high=CURVE_SEEDS)
    iterations: int = setting(140, integer, low=1)
    pairs: int = setting(64, integer, low=1)
    width: float = setting(0.1, real, low=0, high=100)
    sigma: float = setting(0.3, real, low=0, high=100, open_low=True)
    rate: float = setting(0.04, real, low=0, high=100, open_low=True)
    every: int = setting(35, integer, low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 2 * self.iterations * self.pairs > VALIDATION_SEED:
            raise InputError(
                f"iterations * pairs = {self.iterations} * {self.pairs} needs more than the "
                f"{VALIDATION_SEED} seeds of training; lower one of them."
            )
        if self.env_kwargs and not self.env_id:
            raise InputError(f"Name the pool that has the parameters {shown(self.env_kwargs)}.")

    @property
    def problems(self) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
        """What is trained on: name -> environment and its parameters."""
        return {self.env_id: (self.env_id, self.env_kwargs)} if self.env_id else TASKS

    def mark(self) -> dict[str, Any]:
        """Return what the folder is marked with, in the words of version 0.1.0."""
        mark = super().mark() | {"tasks": list(self.problems)}
        for name in ("algorithm",) if self.env_id else ("algorithm", "env_id", "env_kwargs"):
            del mark[name]
        return mark

    def player(self, folder: Path) -> tuple[str, str, Mapping[str, Any]]:
        """Return an environment, the agent that plays there what was learned, and its parameters."""
        env_id, env_kwargs = next(iter(self.problems.values()))
        return env_id, f'meta_ucb(weights="{folder / ESRun.FILE}")', env_kwargs


class ESRun(Run[ES]):
    """A training by evolution strategies in progress."""

    FILE = "weights.safetensors"
    COLUMNS: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("iteration", "episodes", "cpu_seconds"), ".0f"),
        "task": "",
        **dict.fromkeys(("regret", "standard_error"), ".4f"),
    }

    def prepare(self) -> None:
        """Begin at Bayes-UCB."""
        self.total, self.every = self.training.iterations, self.training.every
        self.weights = self.average = np.zeros(FEATURES * CONTEXT)
        self.moments = np.zeros((2, len(self.weights)))

    def step(self) -> None:
        """Make a step of Adam."""
        t, gradient, moments = self.done, self._gradient(), self.moments
        moments[0] += 0.1 * (gradient - moments[0])
        moments[1] += 0.01 * (gradient**2 - moments[1])
        mean, square = moments[0] / (1 - 0.9 ** (t + 1)), moments[1] / (1 - 0.99 ** (t + 1))
        rate = self.training.rate * (1 - 0.9 * t / self.total)
        self.weights = self.weights - rate * mean / (np.sqrt(square) + 1e-8)
        part = 1 / max(t + 1 - self.total // 2, 1)
        self.average = self.average + part * (self.weights - self.average)

    def _gradient(self) -> Array:
        training, count, iteration = self.training, self.training.pairs, self.done
        random = np.random.default_rng([training.seed, iteration])
        directions = random.standard_normal((count, len(self.weights)))
        shifts = training.sigma * np.concatenate([directions, -directions])
        both = Network.new(training.width, self.weights + shifts)
        seeds = np.arange(count) + 2 * iteration * count
        difference = np.zeros(count)
        for problem in training.problems.values():
            regret = play(*problem, both, [*seeds.tolist(), *seeds.tolist()], iteration)
            apart = (regret[:count] - regret[count:]) / max(regret.mean(), 1e-12)
            limit = CLIP * apart.std()
            difference += np.clip(apart, -limit, limit)
        return difference @ directions / (2 * count * training.sigma)

    def measure(self) -> list[Row]:
        """Return the regret on seeds that are not trained on, a row per task."""
        training, rows, seconds = self.training, [], self.seconds()
        seeds = [VALIDATION_SEED + i for i in range(training.episodes)]
        network, problems = self.learned(), training.problems
        for name, problem in problems.items():
            regret = play(*problem, network, seeds, 0)
            row: Row = {"iteration": self.done, "cpu_seconds": seconds, "task": name}
            row["episodes"] = 2 * training.pairs * self.done * len(problems)
            row["regret"] = float(regret.mean())
            row["standard_error"] = float(regret.std(ddof=1) / len(regret) ** 0.5)
            rows.append(row)
        return rows

    def learned(self) -> Network:
        """Return the averaged weights."""
        about = self.about() | {"tasks": self.training.problems}
        return replace(Network.new(self.training.width, self.average), about=about)

    def state(self) -> bytes:
        """Return weights, moments and average as an archive of arrays."""
        file = io.BytesIO()
        numbers = {"weights": self.weights, "moments": self.moments, "average": self.average}
        np.savez(file, allow_pickle=False, done=self.done, seconds=self.seconds(), **numbers)
        return file.getvalue()

    def restore(self, state: bytes) -> Iterable[Sequence[str]]:
        """Resume from a state; return the cells of the curve, which is read from its file."""
        with np.load(io.BytesIO(state), allow_pickle=False) as saved:
            for name in ("weights", "moments", "average"):
                shape = np.shape(getattr(self, name))
                setattr(self, name, saved[name].reshape(shape).astype(np.float64))
            self.done = int(saved["done"])
            self.cpu += float(saved["seconds"])
        return [*csv.reader(io.StringIO(self.files[CURVE].decode()))][1:]


def play(
    env_id: str, env_kwargs: Mapping[str, Any], network: Network, seeds: Sequence[int], seed: int
) -> Array:
    """Return the regret of one episode of a pool per seed, ``(B,)``.

    The network is one for all episodes, or one for each; ``seed`` is the agent's, which breaks ties.
    """
    with closing(vector_env(env_id, len(seeds), env_kwargs)) as venv:
        agent = make("greedy", venv, seed=seed)  # for its belief
        assert isinstance(agent, BeliefAgent)
        agent.rule = MetaUCB(network)
        regret = played(venv, agent, seeds).regret
    assert regret is not None  # pools have it
    return regret
