"""Simulated campaigns of the registered environments, and a check of every number they yield."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from ....envs.core.arrays import Array, Whole

FOREVER = 10_000_000
"""A budget, in epochs, that no campaign of a report comes near."""
STRIDE = 1_000_000
"""Distance of the first seeds of two simulations; episode i of one has seed first + i."""
SCORE = "deviation / standard error"


@dataclass(kw_only=True)
class Simulation:
    """Runs episodes from a seed on and keeps how far each number it yields is from the truth."""

    seed: int
    checks: list[dict[str, Any]] = field(default_factory=list)  # rows of a table
    runs: int = 0

    def largest(self, figure: str) -> str:
        """Return the largest deviation among the checks of a figure, in words."""
        scores = [abs(row[SCORE]) for row in self.checks if row["figure"] == figure]
        return (
            f"Largest deviation of the simulation from the truth: {max(scores):.1f} standard "
            f"errors among {len(scores)} numbers."
        )

    def run(self, name: str, num_envs: int, **parameters: Any) -> Run:
        """Start ``num_envs`` episodes of ``discovery/<name>-v0`` with seeds of their own."""
        self.runs += 1
        seed = self.seed + (self.runs - 1) * STRIDE
        return Run(
            name=name, num_envs=num_envs, seed=seed, parameters=parameters, checks=self.checks
        )

    def arrivals(self, name: str, episodes: int, batch_size: int, **parameters: Any) -> Arrivals:
        """Return the epochs that ``episodes`` episodes with one batch size take to their end."""
        run = self.run(name, episodes, batch_sizes=(batch_size,), horizon=FOREVER, **parameters)
        epochs, time = np.zeros(episodes, np.int64), 0
        actions = np.zeros(episodes, np.int64)
        while not epochs.all():
            time += 1
            _, _, ended, _, _ = run.env.step(actions)  # those that ended start again, uncounted
            epochs[ended & (epochs == 0)] = time
        return Arrivals(run=run, batch_size=batch_size, epochs=epochs)


def _score(deviation: float, error: float) -> float:
    if deviation == 0:
        return 0.0
    return deviation / error if error > 0 else math.copysign(math.inf, deviation)


@dataclass(kw_only=True)
class Run:
    """Some episodes of an environment, reset and ready to step, and the checks of all runs."""

    name: str
    num_envs: int
    seed: int
    parameters: dict[str, Any]
    checks: list[dict[str, Any]]

    def __post_init__(self) -> None:
        self.env_id = f"discovery/{self.name}-v0"
        self.env = gym.make_vec(self.env_id, num_envs=self.num_envs, **self.parameters)
        self.first, _ = self.env.reset(seed=self.seed)

    @property
    def model(self) -> Any:
        """The model, which knows the truth."""
        return self.env.unwrapped.model  # type: ignore[attr-defined]

    def check(
        self,
        figure: str,
        setting: str,
        quantity: str,
        exact: float,
        simulated: float,
        error: float,
        samples: int,
    ) -> None:
        """Keep one comparison; ``error`` is the standard error of the simulated number.

        Where it is 0, the simulation must give the very number.
        """
        self.checks.append(
            {
                "figure": figure,
                "environment": self.env_id,
                "setting": setting,
                "quantity": quantity,
                "exact": float(exact),
                "simulated": float(simulated),
                "standard error": float(error),
                SCORE: _score(float(simulated - exact), float(error)),
                "samples": int(samples),
                "first seed": self.seed,
            }
        )

    def check_share(
        self, figure: str, setting: str, quantity: str, exact: float, share: float, samples: int
    ) -> None:
        """Keep the comparison of a share of independent samples with a probability."""
        error = math.sqrt(exact * (1 - exact) / samples)
        self.check(figure, setting, quantity, exact, share, error, samples)


@dataclass(kw_only=True)
class Arrivals:
    """The epochs that episodes took to their end, ``(B,)``."""

    run: Run
    batch_size: int
    epochs: Whole

    @property
    def count(self) -> int:
        """The number B of episodes."""
        return len(self.epochs)

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(self.epochs.mean())

    @property
    def error(self) -> float:
        """The exact standard error of their mean."""
        return math.sqrt(self.run.model.epochs_variance(self.batch_size) / self.count)

    def check_mean(self, figure: str, setting: str) -> None:
        """Compare their mean with the truth."""
        exact = self.run.model.mean_epochs(self.batch_size)
        self.run.check(figure, setting, "mean epochs", exact, self.mean, self.error, self.count)

    def histogram(self, width: int) -> tuple[Array, Array]:
        """Return edges ``(K + 1,)`` between whole epochs and the density in each bin, ``(K,)``."""
        low, high = self.epochs.min(), self.epochs.max()
        edges = np.arange(low, high + width + 1, width) - 0.5
        return edges, np.histogram(self.epochs, edges)[0] / (self.count * width)

    def check_shares(self, figure: str, setting: str, edges: Array) -> None:
        """Compare the share of each bin, in which at least 10 episodes are expected."""
        law, count = self.run.model.epochs_distribution(self.batch_size), self.count
        truth = np.diff(law.cdf(edges))
        shares = np.histogram(self.epochs, edges)[0] / count
        for i in np.flatnonzero(np.minimum(truth, 1 - truth) * count >= 10):
            quantity = f"share of epochs {edges[i] + 0.5:.0f} to {edges[i + 1] - 0.5:.0f}"
            self.run.check_share(figure, setting, quantity, truth[i], shares[i], count)


BySize = dict[int, Arrivals]
"""Arrivals by the size of a batch."""
