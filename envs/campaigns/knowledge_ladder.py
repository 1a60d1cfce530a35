r"""Model 3: the probability of success grows with what is known.

Knowledge x climbs a ladder of integers. At rung x each of the N trials of a batch succeeds with
probability p(x) = (x + 1) / p_scale; if any does, x grows by one. The epochs spent on a rung are
geometric with

    P(x, N) = 1 - (1 - p(x))^N,

so that the epochs from start to target are a sum of independent geometric variables: mean
sum 1/P, variance sum (1 - P)/P^2, and a law that is the cascade of first-order filters.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023), model 3. The post's brute force starts at x = 0 and counts the starting
state with the epochs: as printed it gives 519.74 for N = 1, p_scale = 100, and 461.20 for N = 128,
p_scale = 1e4. The post reports 418 and 382; from x = 1 it would give 419.74 and 382.58. Its table for
p_scale = 1e4 is that of ``KnowledgeLadder(target=99, p_scale=1e4)``, epochs alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Observation, Policy, Streams, environments
from ..core.arrays import Array, Flags, Single, Whole
from ..core.checks import integer, quantity, room
from .campaign import EPOCH, Hidden, Moments, Progress, Walk
from .first_passage import Epochs, inverse_gaussian, tabulated


@dataclass(frozen=True, kw_only=True)
class KnowledgeLadder(Walk):
    """Climb from `start` to `target`, one rung per successful batch.

    ## Description
    Model 3 of Schrier (2023): nothing is known at first and almost every experiment fails; each
    success makes the next one likelier. Large batches shorten the early climb; later, single
    experiments do as well and cost less. The exact optimum is known for every price.

    ## Action space
    `Discrete(len(batch_sizes))`: the index of the batch size N to run in this epoch.

    ## Rewards
    Minus the cost of the epoch, `cost_per_batch + cost_per_experiment * N`; plus `target_reward`
    when the target is reached.

    ## Starting state
    x = `start`, all epochs left.

    ## Arguments
    - `start`: first rung.
    - `target`: last rung, above `start`.
    - `p_scale`: p(x) = (x + 1) / `p_scale`, at least `target`.
    """

    start: int = 0
    target: int = 100
    p_scale: float = 100.0
    batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)

    def __post_init__(self) -> None:
        super().__post_init__()
        target = integer("target", self.target, low=1, high=1_000_000)
        self._set(
            target=target,
            start=integer("start", self.start, low=0, high=target - 1),
            p_scale=quantity("p_scale", self.p_scale),
        )
        if self.p_scale < target:
            raise InputError(
                f"p_scale must be at least target = {target}, so that p(x) = (x + 1) / p_scale "
                f"stays a probability, got {self.p_scale:g}."
            )

    @property
    def choices(self) -> dict[str, NDArray[Any]]:
        """The batch size of each action."""
        return {"batch_size": np.array(self.batch_sizes)}

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: the chances of all rungs."""
        return super().shared + 4 * self.target * len(self.batch_sizes)

    # ---- dynamics

    def step(
        self, state: Progress, action: Whole, streams: Streams, done: Flags | None = None
    ) -> tuple[Array, Flags]:
        """Climb one rung where a uniform falls below P(x, N)."""
        cell = state.x * self._width + action
        state.x = state.x + (streams.uniform() < self._climb.take(cell))
        return self._settle(state, action)

    @cached_property
    def _width(self) -> Whole:
        return np.array(len(self.batch_sizes))

    @cached_property
    def _climb(self) -> Array:
        """P(x, N) for every rung and action, flattened; from the target nothing climbs."""
        rungs = np.arange(self.target + 1)[:, None]
        table = self._probability(rungs, np.array(self.batch_sizes))
        table[self.target] = 0.0
        return table.ravel()

    # ---- truth

    def outlook(
        self, observation: Observation, action: Whole, hidden: Hidden | None = None
    ) -> Moments:
        """Return mean P(x, N) and variance of the rungs climbed next, ``(B,)``."""
        rung = self.achieved(observation).astype(np.int64)
        climb = self._climb.reshape(self.target + 1, -1)[rung, action]
        return climb, climb * (1 - climb)

    def success_probability(self, batch_size: int, x: int | None = None) -> float:
        """Return P(x, N), the probability that a batch climbs from rung ``x`` (`start` if None)."""
        rung = integer("x", self.start if x is None else x, low=0, high=self.target - 1)
        return float(self._probability(np.array(rung), self._batch_size(batch_size)))

    def mean_epochs(self, batch_size: int) -> float:
        """Return the expected epochs from `start` to `target` with a fixed N and no budget."""
        return float((1 / self._rungs(batch_size)).sum())

    def epochs_variance(self, batch_size: int) -> float:
        """Return the variance of the epochs from `start` to `target`, in epochs squared."""
        climb = self._rungs(batch_size)
        return float(((1 - climb) / climb**2).sum())

    def epochs_distribution(self, batch_size: int) -> Epochs:
        """Return the exact law of the epochs, a frozen discrete scipy distribution.

        Each rung passes the law of the arrival times through the filter
        f(t + 1) = (1 - P) f(t) + P g(t), whose impulse response is the geometric law. The last
        1e-13 of probability is cut off.
        """
        from scipy.signal import lfilter  # slow to import, so only when it is asked for

        climb = self._rungs(batch_size)
        slowest = float(climb.min())
        length = self.mean_epochs(batch_size) + 12 * self.epochs_variance(batch_size) ** 0.5
        length = int(length + 32 / slowest) + 2
        if length > 20_000_000:
            raise InputError(
                f"The law of {length:,} epochs is too long to tabulate; use diffusion_epochs()."
            )
        law = np.zeros(length)
        law[0] = 1.0
        for p in climb:
            law = lfilter([0.0, p], [1.0, p - 1.0], law)
        return tabulated(law, self.mean_epochs(batch_size), self.epochs_variance(batch_size))

    def diffusion_epochs(self, batch_size: int) -> Any:
        """Return the inverse-Gaussian approximation of the epochs, a frozen scipy distribution.

        It is the law of a first passage with the moments `mean_epochs` and `epochs_variance`.
        """
        variance = self.epochs_variance(batch_size)
        if variance == 0:
            raise InputError(f"Batches of {batch_size} always succeed: nothing diffuses.")
        return inverse_gaussian(self.mean_epochs(batch_size), variance)

    def optimal_value(self) -> float:
        """Return the exact expected return of the best policy, by dynamic programming."""
        return float(self._plan[0][self.horizon, self.start])

    def optimal_policy(self) -> Policy:
        """Return the function from observations ``(B, 2)`` to the best actions ``(B,)``."""
        best = self._plan[1]

        def policy(observation: Single) -> Whole:
            x, left = observation.astype(np.int64).T
            return np.asarray(best[left, x])

        return policy

    def random_value(self) -> float:
        """Return the exact expected return of uniformly random batch sizes."""
        return float(self._values(lambda returns: returns.mean(1))[self.horizon, self.start])

    @cached_property
    def _plan(self) -> tuple[Array, Whole]:
        """Optimal values and actions by epochs left and rung, each ``(horizon + 1, target + 1)``."""
        best = [np.zeros(self.target + 1, np.int64)]

        def choose(returns: Array) -> Array:
            best.append(np.append(returns.argmax(1), 0))
            return np.asarray(returns.max(1))

        return self._values(choose), np.array(best)

    def _values(self, choose: Any) -> Array:
        """Value by epochs left and rung; ``choose`` reduces the returns of the actions."""
        work = self.horizon * (self.size + EPOCH)
        room("The plan of this ladder", work, "take a shorter horizon or a nearer target")
        climb = self._climb.reshape(self.target + 1, -1)[: self.target]
        value = np.zeros((self.horizon + 1, self.target + 1))
        for left in range(1, self.horizon + 1):
            stay, up = value[left - 1, :-1, None], value[left - 1, 1:, None].copy()
            up[-1] = self.target_reward
            value[left, :-1] = choose(self._pay + climb * up + (1 - climb) * stay)
        return value

    def _probability(self, x: Whole, batch_size: Any) -> Array:
        """1 - (1 - p)^N without losing digits when p is small."""
        with np.errstate(divide="ignore"):
            p = np.minimum((x + 1) / self.p_scale, 1.0)
            return np.asarray(-np.expm1(batch_size * np.log1p(-p)))

    def _rungs(self, batch_size: int) -> Array:
        return self._probability(np.arange(self.start, self.target), self._batch_size(batch_size))


KnowledgeLadderEnv, KnowledgeLadderVectorEnv = environments(KnowledgeLadder)
