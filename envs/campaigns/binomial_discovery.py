r"""Model 1: batches of N experiments, each a success with probability p.

A batch on a machine gives K ~ Binomial(N, p) successes, at least one with probability 1 - (1 - p)^N.
If p is unknown with prior Beta(a, b), the count after s successes in n experiments has the law
BetaBinomial(N, a + s, b + n - s), and the best campaign is a dynamic programme over the counts.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023), model 1; its two investments are upgrades of p (a better model) and of N
(more throughput). Beta-binomial campaigns: Gittins, Glazebrook and Weber, "Multi-armed Bandit
Allocation Indices" (2011), chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, Observation, Policy, Streams, environments, shown
from ..core.arrays import Array, Flags, Single, Whole
from ..core.checks import choice, integer, money, real, sequence
from ..core.model import ZERO
from ..rendering.picture import Curves, Series
from .campaign import Batches, Hidden, Moments
from .first_passage import Epochs
from .inversion import BinomialTables, invert
from .planning import UPGRADES, CountPlan, upgrade_of
from .success_laws import BetaPriors, KnownProbs, beta_prior, outlook


@dataclass(kw_only=True)
class Counts:
    """State of the campaign."""

    board: Whole  # (B, 1 + 2 M + upgrades) what is observed, in whole numbers
    probs: Array  # (B, M) success probabilities before upgrades
    first_cell: Whole  # (B,) index of its first count in the flat `board`
    first_table: Whole  # (B,) index of its first table, if tables differ by episode
    tables: Array  # distribution functions of the counts, flat; see `_tables`


@dataclass(frozen=True, kw_only=True)
class BinomialDiscovery(Batches[Counts]):
    """Find successes among batches of yes-or-no experiments on one or several machines.

    ## Description
    Model 1 of Schrier (2023). Each epoch runs a batch of N experiments on one machine; each of them
    succeeds with the machine's probability p, known or unknown. The campaign looks for its first
    success or counts them all; it may invest in a better model (a larger p) or in throughput (a
    larger N). The exact optimum is known, for unknown p as well where the counts are small enough.

    ## Action space
    `Discrete(machines * len(batch_sizes) + upgrades)`: action = machine * len(batch_sizes) + index
    of N; behind these the model upgrade and the throughput upgrade, where they are offered.

    ## Observation space
    `Box`, float32: epochs left, successes per machine, experiments per machine, then the number of
    model upgrades and of throughput upgrades bought, where they are offered.

    ## Rewards
    Minus the cost of the epoch, `cost_per_batch + cost_per_experiment * N`, or the price of the
    upgrade. A success pays `success_reward`: each one with `objective="count"`, only the first with
    `objective="first"`.

    ## Starting state
    No experiments, all epochs left; under priors, fresh success probabilities.

    ## Episode end
    Terminates at the first success (`objective="first"`) or when the `horizon` is spent; never
    truncates.

    ## Information
    `action_mask` (int8, all ones); with `reveal=True` also `success_probs`, one per machine.

    ## Arguments
    - `success_probs`: known success probability of each machine; None means (0.01,), or unknown ones
      if `beta_priors` is given.
    - `beta_priors`: (a, b) of each machine; success probabilities are then drawn for every
      episode and hidden.
    - `objective`: "first" or "count".
    - `success_reward`: reward of a success.
    - `model_upgrade`: (factor, price, most): each purchase multiplies p by the factor (up to 1); needs
      known success probabilities.
    - `throughput_upgrade`: (factor, price, most): each purchase multiplies every N by the integer
      factor. A purchase takes an epoch; one beyond the last level buys nothing.
    """

    success_probs: tuple[float, ...] | None = None
    beta_priors: tuple[tuple[float, float], ...] | None = None
    objective: str = "first"
    success_reward: float = 1.0
    model_upgrade: tuple[float, float, int] | None = None
    throughput_upgrade: tuple[int, float, int] | None = None
    batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    horizon: int = 100

    beliefs = ("beta",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            objective=choice("objective", self.objective, ("first", "count")),
            success_reward=money("success_reward", self.success_reward),
        )
        if self.beta_priors is None:
            given = (0.01,) if self.success_probs is None else self.success_probs
            probs = sequence("success_probs", given, lambda n, v: real(n, v, low=0, high=1))
            self._set(success_probs=probs)
        elif self.success_probs is None:
            self._set(beta_priors=sequence("beta_priors", self.beta_priors, beta_prior))
        else:
            raise InputError(
                "success_probs are known or drawn from beta_priors, not both: leave one of them out."
            )
        if self.model_upgrade is not None:
            if self.success_probs is None:
                raise InputError("model_upgrade needs known success_probs; leave beta_priors out.")
            self._set(model_upgrade=upgrade_of("model_upgrade", self.model_upgrade, real))
        if self.throughput_upgrade is not None:
            upgrade = upgrade_of("throughput_upgrade", self.throughput_upgrade, integer)
            self._set(throughput_upgrade=upgrade)
        if max(self.batch_sizes) * self.factors["throughput"][-1] > 1_000_000:
            raise InputError(
                "batch sizes go up to 1,000,000 experiments, upgrades included, got "
                f"{shown(self.batch_sizes)}."
            )

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself, drawn machines included."""
        return super().size + (0 if self.beta_priors is None else 4 * self._tabulated)

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common, known machines included."""
        return super().shared + (4 * self._tabulated if self.beta_priors is None else 0)

    @property
    def _tabulated(self) -> int:
        """The numbers in the distribution functions of the counts of all machines."""
        return self.machines * len(self.factors["model"]) * int(np.unique(self.sizes).sum())

    # ---- what there is to choose

    @cached_property
    def machines(self) -> int:
        """The number M of machines."""
        return len(self.success_probs or self.beta_priors or ())

    @property
    def _offers(self) -> dict[str, tuple[float, float, int] | None]:
        """Factor, price and number of each upgrade."""
        return {"model": self.model_upgrade, "throughput": self.throughput_upgrade}

    @cached_property
    def factors(self) -> dict[str, NDArray[Any]]:
        """What each level of an upgrade multiplies by; 1 where there is none."""
        offers = {name: offer or (1, 0.0, 0) for name, offer in self._offers.items()}
        return {
            name: np.array([factor**level for level in range(most + 1)])
            for name, (factor, _, most) in offers.items()
        }

    @cached_property
    def upgrades(self) -> tuple[str, ...]:
        """The upgrades on offer, in the order of their actions."""
        return tuple(name for name in UPGRADES if self._offers[name] is not None)

    @cached_property
    def upgrade_actions(self) -> dict[str, int]:
        """The action that buys each upgrade on offer."""
        first = self.machines * len(self.batch_sizes)
        return {name: first + i for i, name in enumerate(self.upgrades)}

    @cached_property
    def _columns(self) -> dict[str, int]:
        """The column of the counts in which the purchases of each upgrade on offer stand."""
        return {name: i for i, name in enumerate(self.upgrades, 1 + 2 * self.machines)}

    @cached_property
    def choices(self) -> dict[str, NDArray[Any]]:
        """Machine and (not upgraded) batch size of each action; -1 and 0 for an upgrade."""
        machine, size = np.meshgrid(np.arange(self.machines), self.batch_sizes, indexing="ij")
        extra = (0, len(self.upgrades))
        return {
            "batch_size": np.pad(size.ravel(), extra),
            "machine": np.pad(machine.ravel(), extra, constant_values=-1),
        }

    @cached_property
    def costs(self) -> Array:
        """Cost of each action before throughput upgrades, shape ``(A,)``."""
        return np.asarray(self.cost_table[0])

    def action_name(self, action: Any) -> str:
        """Return the setting of an action in words."""
        beyond = int(action) - self.machines * len(self.batch_sizes)
        return f"upgrade {self.upgrades[beyond]}" if beyond >= 0 else super().action_name(action)

    def summary(self, observation: Observation) -> str:
        """Return where the campaign stands, in words."""
        left, *counts = np.asarray(observation)[: 1 + 2 * self.machines]
        successes, experiments = np.reshape(counts, (2, -1)).sum(1)
        counted = f"{successes:.0f} successes in {experiments:.0f} experiments"
        return f"{counted}, {left:.0f} of {self.horizon} epochs left"

    def _progress(self, seen: Array) -> Curves:
        successes = seen[:, 1 : 1 + self.machines]
        series = [Series(name="all", values=successes.sum(1), style="steps", colour=-1)]
        for i, own in enumerate(successes.T if self.machines > 1 else ()):
            series.append(Series(name=f"machine {i}", values=own, style="steps", colour=i))
        goal = 1.0 if self.objective == "first" else None
        return Curves(label="successes", series=tuple(series), goal=goal)

    def prices(self, actions: Whole, first: Any = None) -> Array:
        """Return what each action costs after the upgrades bought before it, ``(..., t)``."""
        return self.cost_table.take(self._pairs(actions))

    def _batches(self, actions: Whole) -> NDArray[Any]:
        return self.sizes.take(self._pairs(actions))

    def _pairs(self, actions: Whole) -> Whole:
        """Return the flat index of (throughput level, action) at each of t actions."""
        bought = actions == self.upgrade_actions.get("throughput", -1)
        level = np.minimum(bought.cumsum(-1) - bought, len(self.factors["throughput"]) - 1)
        return np.asarray(level * len(self.costs) + actions)

    def _strip(self, actions: Whole, sizes: NDArray[Any]) -> Curves:
        bought = {
            f"upgrade {name}": np.flatnonzero(actions == action) + 1
            for name, action in self.upgrade_actions.items()
        }
        return replace(super()._strip(actions, sizes), marks=bought)

    @cached_property
    def observation_space(self) -> spaces.Box:
        """``[epochs left, successes..., experiments..., levels...]``."""
        most = self.horizon * max(self.batch_sizes) * int(self.factors["throughput"][-1])
        high = [self.horizon, *[most] * (2 * self.machines)]
        high += [len(self.factors[name]) - 1 for name in self.upgrades]
        return spaces.Box(0.0, np.array(high, np.float32), dtype=np.float32)

    # ---- dynamics

    def new_state(self, num_episodes: int) -> Counts:
        """Return the arrays of ``num_episodes`` episodes."""
        m, shape = self.machines, (num_episodes, self.machines)
        known = self.success_probs is not None
        return Counts(
            board=np.zeros((num_episodes, len(self._start)), np.int64),
            probs=np.broadcast_to(self.success_probs, shape) if known else np.zeros(shape),  # type: ignore[arg-type]
            first_cell=np.arange(num_episodes) * len(self._start) + 1,
            first_table=np.arange(num_episodes) * (m * self._tables.width),
            tables=self._known_tables if known else np.zeros(num_episodes * m * self._tables.width),
        )

    def reset(self, state: Counts, index: Whole, streams: Streams) -> None:
        """Forget all counts; under priors, draw new success probabilities."""
        state.board[index] = self._start
        if self.beta_priors is not None:
            some = (streams.generators[i] for i in index.tolist())
            draws = np.array([[g.beta(a, b) for a, b in self.beta_priors] for g in some])
            state.probs[index] = draws
            rows = state.tables.reshape(len(state.probs), -1)
            rows[index] = self._tables.rows(draws.ravel()).reshape(len(index), -1)

    def step(
        self, state: Counts, action: Whole, streams: Streams, done: Flags | None = None
    ) -> tuple[Array, Flags]:
        """Run a batch, its successes drawn by inversion from one uniform, or buy an upgrade."""
        counts, m = state.board, self.machines
        pair = action  # of throughput level and action, flat
        if self.throughput_upgrade is not None:
            pair = counts[:, self._columns["throughput"]] * len(self.costs) + action
        start, size = self._starts.take(pair), self.sizes.take(pair)
        if self.beta_priors is not None:
            start += state.first_table
        elif self.model_upgrade is not None:
            start += counts[:, self._columns["model"]] * (m * self._tables.width)
        count = invert(state.tables, start, size, streams.uniform())
        change = np.zeros(counts.shape, np.int64)
        change[:, 0] = -1
        if m == 1:
            change[:, 1], change[:, 2] = count, size
        else:
            cell, flat = state.first_cell + self._machine.take(action), change.reshape(-1)
            flat[cell], flat[cell + m] = count, size
        for name, bought in self.upgrade_actions.items():
            column, most = self._columns[name], len(self.factors[name]) - 1
            change[:, column] = (action == bought) & (counts[:, column] < most)
        state.board = counts + change
        ended = state.board[:, 0] <= ZERO
        if self.objective == "first":
            ended = ended | (count > ZERO)
        return self._pays[count] - self.cost_table.take(pair), ended

    @cached_property
    def _pays(self) -> Array:
        """What so many successes pay, from 0 on."""
        paid = np.arange(self.sizes.max() + 1)
        return (np.minimum(paid, 1) if self.objective == "first" else paid) * self.success_reward

    def decisions(self, observation: Any) -> Whole:
        """Return the epochs that observations ``(B, D)`` come after, ``(B,)``."""
        return np.asarray(self.horizon - observation[:, 0].astype(np.int64))

    def observe(self, state: Counts) -> Observation:
        """Return what is known, shape ``(B, 1 + 2 M + upgrades)``."""
        return state.board.astype(np.float32)

    def hidden(self, state: Counts) -> dict[str, NDArray[Any]]:
        """Return the success probability of each machine, upgrades included, ``(B, M)``."""
        if self.model_upgrade is None:
            return {"success_probs": state.probs.copy()}
        factors = self.factors["model"][state.board[:, self._columns["model"]], None]
        return {"success_probs": np.minimum(state.probs * factors, 1.0)}

    @cached_property
    def _start(self) -> Whole:
        """The counts at the start of an episode: all epochs left, nothing counted or bought."""
        none = [0] * (2 * self.machines + len(self.upgrades))
        return np.array([self.horizon, *none], np.int64)

    @cached_property
    def _tables(self) -> BinomialTables:
        return BinomialTables(self.sizes)

    @cached_property
    def _known_tables(self) -> Array:
        probs = np.minimum(np.outer(self.factors["model"], self.success_probs), 1.0)  # type: ignore[arg-type]
        return self._tables.rows(probs.ravel()).ravel()

    @cached_property
    def _starts(self) -> Whole:
        """Where the segment of each (throughput level, action) starts in an episode's tables."""
        return self._tables.start(self.sizes) + self._machine * self._tables.width

    @cached_property
    def sizes(self) -> Whole:
        """Experiments of each (throughput level, action)."""
        return np.outer(self.factors["throughput"], self.choices["batch_size"]).astype(np.int64)

    @cached_property
    def _machine(self) -> Whole:
        return np.asarray(np.maximum(self.choices["machine"], 0))

    @cached_property
    def cost_table(self) -> Array:
        """Cost of each (throughput level, action)."""
        costs = self.cost_per_batch + self.cost_per_experiment * self.sizes.astype(np.float64)
        for name, bought in self.upgrade_actions.items():
            _, costs[:, bought], _ = self._offers[name] or (1, 0.0, 0)
        return costs

    # ---- truth

    @cached_property
    def law(self) -> KnownProbs | BetaPriors:
        """What is known of the success probabilities, and what follows, before upgrades."""
        if self.success_probs is not None:
            return KnownProbs(self.success_probs)
        assert self.beta_priors is not None  # one of the two is given
        return BetaPriors(self.beta_priors)

    def achieved(self, observation: Observation) -> Array:
        """Return the successes so far; with the objective "first" whether there is one, ``(B,)``."""
        found = np.asarray(observation)[:, 1 : 1 + self.machines].astype(np.float64).sum(1)
        return np.asarray(np.minimum(found, 1.0 if self.objective == "first" else np.inf))

    def outlook(
        self, observation: Observation, action: Whole, hidden: Hidden | None = None
    ) -> Moments:
        """Return mean and variance of the successes of the next epoch, or of the first one, ``(B,)``."""
        counts, every = np.asarray(observation).astype(np.int64), np.arange(len(action))
        columns = [self._columns.get(name) for name in UPGRADES]
        model, throughput = (0 * action if i is None else counts[:, i] for i in columns)
        size, machine = self.sizes[throughput, action], self._machine[action]
        history = counts[every, 1 + machine], counts[every, 1 + self.machines + machine]
        law, which, factor = self.law, machine, self.factors["model"][model]
        if hidden is not None:  # a machine for each episode, with the upgrades bought
            law, which = KnownProbs(hidden["success_probs"][every, machine]), every
            factor = np.ones(1)
        return outlook(law, self.objective, which, *history, size, factor)

    def success_probability(self, batch_size: int, machine: int = 0) -> float:
        """Return P(at least one success in a first batch): 1 - (1 - p)^N, or its prior mean."""
        size, machine = self._batch_size(batch_size), self._which(machine)
        return float(-np.expm1(self.law.log_failure(machine, 0, 0, size)))

    def expected_improvement(self, batch_size: int, machine: int = 0) -> float:
        """Return the expected successes of a first batch, N E[p]."""
        return self._batch_size(batch_size) * float(self.law.mean(self._which(machine), 0, 0))

    def mean_epochs(self, batch_size: int, machine: int = 0) -> float:
        """Return the expected epochs to the first success with a fixed action and no budget.

        It is infinite where p may be too close to 0: for p = 0 and for priors with a <= 1.
        """
        return self.law.moments(self._which(machine), self._batch_size(batch_size))[0]

    def epochs_variance(self, batch_size: int, machine: int = 0) -> float:
        """Return the variance of the epochs to the first success, infinite for priors with a <= 2."""
        return self.law.moments(self._which(machine), self._batch_size(batch_size))[1]

    def epochs_distribution(self, batch_size: int, machine: int = 0) -> Epochs:
        """Return the law of the epochs to the first success, a frozen discrete scipy distribution.

        Geometric for known p; for unknown p the mixture of geometric laws over the prior.
        """
        return self.law.epochs(self._which(machine), self._batch_size(batch_size))

    def optimal_value(self) -> float:
        """Return the exact expected return of the best policy, by dynamic programming."""
        return self._plan.optimal_value

    def optimal_policy(self) -> Policy:
        """Return the function from observations that the campaign can show to the best actions."""
        m, plan, first = self.machines, self._plan, self.objective == "first"

        def policy(observation: Single) -> Whole:
            whole = observation.astype(np.int64)
            states = np.zeros((len(whole), 2 + 2 * m), np.int64)
            states[:, [UPGRADES.index(name) for name in self.upgrades]] = whole[:, 1 + 2 * m :]
            if self.beta_priors is not None:
                states[:, 2:] = whole[:, 1 : 1 + 2 * m]
            done = (whole[:, 1 : 1 + m] > 0).sum(1) > 0 if first else np.zeros(len(whole), np.bool_)
            return plan.actions(self.horizon - whole[:, 0], states, done)

        return policy

    def random_value(self) -> float:
        """Return the exact expected return of uniformly random actions."""
        return self._plan.random_value

    @cached_property
    def _plan(self) -> CountPlan:
        return CountPlan(**{field.name: getattr(self, field.name) for field in fields(CountPlan)})

    def _which(self, machine: Any) -> int:
        return integer("machine", machine, low=0, high=self.machines - 1)


BinomialDiscoveryEnv, BinomialDiscoveryVectorEnv = environments(BinomialDiscovery)
