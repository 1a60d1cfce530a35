r"""Model 1: batches of N experiments, each a success with probability p.

A batch of N experiments on a machine with success probability p gives K ~ Binomial(N, p)
successes; at least one with probability 1 - (1 - p)^N. When p is unknown with prior Beta(a, b), the
count of a machine after s successes in n experiments has the predictive law
BetaBinomial(N, a + s, b + n - s), and the best campaign is a dynamic programme over these counts.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023), model 1; its two investments are upgrades of p (a better model) and of N
(more throughput). Beta-binomial campaigns: Gittins, Glazebrook and Weber, "Multi-armed Bandit
Allocation Indices" (2011), chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import betaln, gammaln
from scipy.stats import geom, rv_discrete

from ..core import InputError, Observation, Policy, Streams, environments, shown
from ..core.checks import choice, integer, money, quantity, real, sequence
from ..rendering.picture import Curves, Series
from .campaign import Campaign
from .first_passage import Epochs
from .planning import CountPlan


@dataclass(kw_only=True)
class Counts:
    """State of the campaign."""

    board: NDArray[np.int64]  # (B, 1 + 2 M + upgrades) what is observed, in whole numbers
    probs: NDArray[np.float64]  # (B, M) success probabilities before upgrades
    first_cell: NDArray[np.int64]  # (B,) place of each episode's first count in the flat board
    first_table: NDArray[np.int64]  # (B,) place of its first table, where tables differ by episode
    tables: NDArray[np.float64]  # distribution functions of the counts, flat; see `_tables`


@dataclass(frozen=True, kw_only=True)
class BinomialDiscovery(Campaign[Counts]):
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
    - `beta_priors`: (a, b) of each machine; success probabilities are then drawn anew for every
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
            self._set(beta_priors=sequence("beta_priors", self.beta_priors, _beta_prior))
        else:
            raise InputError(
                "success_probs are known or drawn from beta_priors, not both: leave one of them out."
            )
        if self.model_upgrade is not None:
            if self.success_probs is None:
                raise InputError("model_upgrade needs known success_probs; leave beta_priors out.")
            self._set(model_upgrade=_upgrade("model_upgrade", self.model_upgrade, real))
        if self.throughput_upgrade is not None:
            upgrade = _upgrade("throughput_upgrade", self.throughput_upgrade, integer)
            self._set(throughput_upgrade=upgrade)
        if max(self.batch_sizes) * self.factors(1)[-1] > 1_000_000:
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
        return self.machines * len(self.factors(0)) * int(np.unique(self.sizes).sum())

    # ---- what there is to choose

    @cached_property
    def machines(self) -> int:
        """The number M of machines."""
        return len(self.success_probs or self.beta_priors or ())

    @cached_property
    def upgrades(self) -> tuple[str, ...]:
        """The upgrades on offer, in the order of their actions."""
        offers = {"model": self.model_upgrade, "throughput": self.throughput_upgrade}
        return tuple(name for name, offer in offers.items() if offer is not None)

    @cached_property
    def choices(self) -> dict[str, NDArray[Any]]:
        """Machine and (not upgraded) batch size of each action; -1 and 0 for an upgrade."""
        machine, size = np.meshgrid(np.arange(self.machines), self.batch_sizes, indexing="ij")
        extra = len(self.upgrades)
        return {
            "batch_size": np.append(size.ravel(), np.zeros(extra, np.int64)),
            "machine": np.append(machine.ravel(), np.full(extra, -1)),
        }

    @cached_property
    def costs(self) -> NDArray[np.float64]:
        """Cost of each action before throughput upgrades, shape ``(A,)``."""
        return self.cost_table[0]

    def action_name(self, action: Any) -> str:
        """Return the setting of an action in words."""
        beyond = int(action) - self.machines * len(self.batch_sizes)
        return f"upgrade {self.upgrades[beyond]}" if beyond >= 0 else super().action_name(action)

    def summary(self, observation: Observation) -> str:
        """Return where the campaign stands, in words."""
        seen, m = np.asarray(observation), self.machines
        successes, experiments = seen[1 : 1 + m].sum(), seen[1 + m : 1 + 2 * m].sum()
        return (
            f"{successes:.0f} successes in {experiments:.0f} experiments, "
            f"{seen[0]:.0f} of {self.horizon} epochs left"
        )

    def _progress(self, seen: NDArray[np.float64]) -> Curves:
        counts = seen[:, 1 : 1 + self.machines]
        series = [Series(name="all", values=counts.sum(1), style="steps", colour=-1)]
        if self.machines > 1:
            each = enumerate(counts.T)
            series += [
                Series(name=f"machine {i}", values=k, style="steps", colour=i) for i, k in each
            ]
        return Curves(
            label="successes", series=tuple(series), goal=1.0 if self.objective == "first" else None
        )

    def _batches(
        self, actions: NDArray[np.int64], seen: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        # Upgrades of the throughput change the batches, so these are read off the counts.
        ran = np.diff(seen[:, 1 + self.machines : 1 + 2 * self.machines].sum(1))
        cost = self.cost_per_batch + self.cost_per_experiment * ran
        bought = np.isin(actions, list(self.purchases.values()))
        return ran, np.where(bought, self.costs[actions], cost)

    def _strip(self, actions: NDArray[np.int64], sizes: NDArray[Any]) -> Curves:
        first = self.machines * len(self.batch_sizes)
        bought = {
            f"upgrade {name}": np.flatnonzero(actions == first + i) + 1
            for i, name in enumerate(self.upgrades)
        }
        return replace(super()._strip(actions, sizes), marks=bought)

    @cached_property
    def observation_space(self) -> spaces.Box:
        """``[epochs left, successes..., experiments..., levels...]``."""
        most = self.horizon * max(self.batch_sizes) * int(self.factors(1)[-1])
        high = [self.horizon, *[most] * (2 * self.machines)]
        high += [len(self.factors(k)) - 1 for k in self._offered]
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
            first_table=np.arange(num_episodes) * (m * self._width),
            tables=self._known_tables if known else np.zeros(num_episodes * m * self._width),
        )

    def reset(self, state: Counts, index: NDArray[np.int64], streams: Streams) -> None:
        """Forget all counts; under priors, draw new success probabilities."""
        state.board[index] = self._start
        if self.beta_priors is not None:
            some = (streams.generators[i] for i in index.tolist())
            draws = np.array([[g.beta(a, b) for a, b in self.beta_priors] for g in some])
            state.probs[index] = draws
            rows = state.tables.reshape(len(state.probs), -1)
            rows[index] = self._tables(draws.ravel()).reshape(len(index), -1)

    def step(
        self,
        state: Counts,
        action: NDArray[np.int64],
        streams: Streams,
        over: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Run a batch, its successes drawn by inversion from one uniform, or buy an upgrade."""
        board, m = state.board, self.machines
        choice = action
        if self.throughput_upgrade is not None:
            choice = board[:, self._column[1]] * len(self.costs) + action
        start, size = self._starts.take(choice), self._flat_sizes.take(choice)
        if self.beta_priors is not None:
            start += state.first_table
        elif self.model_upgrade is not None:
            start += board[:, self._column[0]] * (m * self._width)
        count = _inverse(state.tables, start, size, streams.uniform())
        if m == 1:
            board[:, 1] += count
            board[:, 2] += size
        else:
            place = state.first_cell + self._machine.take(action)
            flat = board.reshape(-1)
            flat[place] += count
            flat[place + m] += size
        for k, bought in self.purchases.items():
            level = board[:, self._column[k]]
            np.minimum(level + (action == bought), len(self.factors(k)) - 1, out=level)
        board[:, 0] -= 1
        ended = board[:, 0] <= 0
        if self.objective == "first":
            found = count > 0
            ended |= found
            reward = self.success_reward * found.astype(np.float64)
        else:
            reward = self.success_reward * count.astype(np.float64)
        reward -= self._flat_costs.take(choice)
        return reward, ended

    def decisions(self, observation: Any) -> NDArray[np.int64]:
        """Return the epochs that observations ``(B, D)`` come after, ``(B,)``."""
        return self.horizon - observation[:, 0].astype(np.int64)

    def observe(self, state: Counts) -> Observation:
        """Return what is known, shape ``(B, 1 + 2 M + upgrades)``."""
        return state.board.astype(np.float32)

    def hidden(self, state: Counts) -> dict[str, NDArray[Any]]:
        """Return the success probability of each machine, upgrades included, ``(B, M)``."""
        if self.model_upgrade is None:
            return {"success_probs": state.probs.copy()}
        factors = self.factors(0)[state.board[:, self._column[0]], None]
        return {"success_probs": np.minimum(state.probs * factors, 1.0)}

    @cached_property
    def _start(self) -> NDArray[np.int64]:
        """The board at the start of an episode: all epochs left, nothing counted or bought."""
        start = np.zeros(1 + 2 * self.machines + len(self.upgrades), np.int64)
        start[0] = self.horizon
        return start

    @cached_property
    def _column(self) -> dict[int, int]:
        """The column of the board that counts the purchases of each upgrade on offer."""
        return {k: i for i, k in enumerate(self._offered, 1 + 2 * self.machines)}

    def _tables(self, probs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distribution functions of Binomial(N, p), one row per p, ``(R, width)``.

        Each N takes a segment F(0), ..., F(N - 1), 2: the last entry ends every search.
        """
        log_ways, wins, losses = self._log_ways
        p = np.clip(probs[:, None], 1e-300, 1 - 1e-16)
        tables = wins * np.log(p)
        tables += losses * np.log1p(-p)
        tables += log_ways
        np.exp(tables, out=tables)
        for size, start in zip(*self._segments, strict=True):
            segment = tables[:, start : start + size + 1]
            np.cumsum(segment, axis=1, out=segment)
            segment[:, size] = 2.0
        return tables

    @cached_property
    def _log_ways(self) -> tuple[NDArray[np.float64], ...]:
        """Return log of N over k, k and N - k for every entry of a table row, each ``(width,)``."""
        size = np.concatenate([np.full(n + 1, n) for n in self._segments[0]])
        k = np.concatenate([np.arange(n + 1) for n in self._segments[0]])
        return gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1), k, size - k

    @cached_property
    def _segments(self) -> tuple[list[int], list[int]]:
        """The distinct batch sizes, and where their segments start in a table row."""
        sizes = np.unique(self.sizes)
        return sizes.tolist(), (np.cumsum(sizes + 1) - sizes - 1).tolist()

    @cached_property
    def _width(self) -> int:
        """Length of a table row."""
        return sum(self._segments[0]) + len(self._segments[0])

    @cached_property
    def _known_tables(self) -> NDArray[np.float64]:
        probs = np.minimum(np.outer(self.factors(0), self.success_probs), 1.0)  # type: ignore[arg-type]
        return self._tables(probs.ravel()).ravel()

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where the segment of each (throughput level, action) starts in an episode's tables, flat."""
        sizes, starts = self._segments
        within = np.array(starts)[np.searchsorted(sizes, self.sizes)]
        return (within + self._machine * self._width).ravel()

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Experiments of each (throughput level, action)."""
        return np.outer(self.factors(1), self.choices["batch_size"]).astype(np.int64)

    @cached_property
    def _flat_sizes(self) -> NDArray[np.int64]:
        return self.sizes.ravel()

    @cached_property
    def _flat_costs(self) -> NDArray[np.float64]:
        return self.cost_table.ravel()

    @cached_property
    def _machine(self) -> NDArray[np.int64]:
        return np.maximum(self.choices["machine"], 0)

    @cached_property
    def cost_table(self) -> NDArray[np.float64]:
        """Cost of each (throughput level, action)."""
        costs = self.cost_per_batch + self.cost_per_experiment * self.sizes.astype(np.float64)
        for k, bought in self.purchases.items():
            costs[:, bought] = self._offer(k)[1]
        return costs

    def _offer(self, k: int) -> tuple[float, float, int]:
        return (self.model_upgrade, self.throughput_upgrade)[k] or (1, 0.0, 0)

    def factors(self, k: int) -> NDArray[Any]:
        """What each level of upgrade ``k`` multiplies by."""
        factor, _, most = self._offer(k)
        return np.array([factor**level for level in range(most + 1)])

    @cached_property
    def _offered(self) -> tuple[int, ...]:
        return tuple(k for k in (0, 1) if self._offer(k)[2])

    @cached_property
    def purchases(self) -> dict[int, int]:
        """The action that buys each upgrade on offer."""
        first = self.machines * len(self.batch_sizes)
        return {k: first + i for i, k in enumerate(self._offered)}

    # ---- truth

    def success_probability(self, batch_size: int, machine: int = 0) -> float:
        """Return P(at least one success in a first batch): 1 - (1 - p)^N, or its prior mean."""
        size, machine = self._batch_size(batch_size), self._which(machine)
        return float(-np.expm1(self.log_failure(machine, 0, 0, size)))

    def expected_improvement(self, batch_size: int, machine: int = 0) -> float:
        """Return the expected successes of a first batch, N E[p]."""
        size, machine = self._batch_size(batch_size), self._which(machine)
        return size * float(self.mean_prob(machine, 0, 0))

    def mean_epochs(self, batch_size: int, machine: int = 0) -> float:
        """Return the expected epochs to the first success with a fixed action and no budget.

        It is infinite where p may be too close to 0: for p = 0 and for priors with a <= 1.
        """
        return self._moments(batch_size, machine)[0]

    def epochs_variance(self, batch_size: int, machine: int = 0) -> float:
        """Return the variance of the epochs to the first success, infinite for priors with a <= 2."""
        return self._moments(batch_size, machine)[1]

    def epochs_distribution(self, batch_size: int, machine: int = 0) -> Epochs:
        """Return the law of the epochs to the first success, a frozen discrete scipy distribution.

        Geometric for known p; for unknown p the mixture of geometric laws over the prior, whose
        survival function is B(a, b + N t) / B(a, b).
        """
        size, machine = self._batch_size(batch_size), self._which(machine)
        if self.beta_priors is not None:
            return _BetaGeometric(a=1, name="epochs")(*self.beta_priors[machine], size)
        if self.success_probability(size, machine) == 0:
            raise InputError(f"success_probs[{machine}] is 0: the first success never comes.")
        return geom(self.success_probability(size, machine))

    def optimal_value(self) -> float:
        """Return the exact expected return of the best policy, by dynamic programming."""
        return self._plan.optimal_value

    def optimal_policy(self) -> Policy:
        """Return the function from observations to the best actions ``(B,)``.

        It knows every observation that the campaign can show; others raise `InputError`.
        """
        m, plan, first = self.machines, self._plan, self.objective == "first"

        def policy(observation: NDArray[np.float32]) -> NDArray[np.int64]:
            whole = observation.astype(np.int64)
            states = np.zeros((len(whole), 2 + 2 * m), np.int64)
            states[:, list(self._offered)] = whole[:, 1 + 2 * m :]
            if self.beta_priors is not None:
                states[:, 2:] = whole[:, 1 : 1 + 2 * m]
            over = (whole[:, 1 : 1 + m] > 0).sum(1) > 0 if first else np.zeros(len(whole), np.bool_)
            return plan.actions(self.horizon - whole[:, 0], states, over)

        return policy

    def random_value(self) -> float:
        """Return the exact expected return of uniformly random actions."""
        return self._plan.random_value

    @cached_property
    def _plan(self) -> CountPlan:
        return CountPlan(self)

    # ---- the law of a batch, given the counts of its machine

    def mean_prob(self, machine: int, successes: Any, experiments: Any) -> Any:
        """Return the (posterior) mean of a machine's success probability before upgrades."""
        if self.success_probs is not None:
            return np.full(np.shape(successes), self.success_probs[machine])
        a, b = self.beta_priors[machine]  # type: ignore[index]
        return (a + successes) / (a + b + experiments)

    def log_failure(
        self, machine: int, successes: Any, experiments: Any, size: Any, level: Any = 0
    ) -> Any:
        """Return the log of the (predictive) probability that a batch finds nothing."""
        if self.success_probs is not None:
            with np.errstate(divide="ignore"):
                p = np.minimum(self.success_probs[machine] * self.factors(0)[level], 1.0)
                return size * np.log1p(-p)
        a, b = self.beta_priors[machine]  # type: ignore[index]
        a, b = a + successes, b + experiments - successes
        return betaln(a, b + size) - betaln(a, b)

    def predictive(self, machine: int, successes: Any, experiments: Any, size: int) -> Any:
        """Return the beta-binomial law of the successes of a batch, ``(..., size + 1)``."""
        a, b = self.beta_priors[machine]  # type: ignore[index]
        a, b = a + successes[..., None], b + (experiments - successes)[..., None]
        k = np.arange(size + 1)
        ways = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1)
        return np.exp(ways + betaln(a + k, b + size - k) - betaln(a, b))

    def _moments(self, batch_size: int, machine: int) -> tuple[float, float]:
        """Mean and variance of the epochs to the first success."""
        size, machine = self._batch_size(batch_size), self._which(machine)
        if self.beta_priors is not None:
            return _beta_geometric_moments(*self.beta_priors[machine], size)
        success = self.success_probability(size, machine)
        return (1 / success, (1 - success) / success**2) if success else (np.inf, np.inf)

    def _which(self, machine: Any) -> int:
        return integer("machine", machine, low=0, high=self.machines - 1)


def _inverse(
    tables: NDArray[np.float64],
    start: NDArray[np.int64],
    size: NDArray[np.int64],
    uniform: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return for each episode how many of F(0), ..., F(N - 1) do not exceed its uniform, ``(B,)``.

    Args:
        tables: The distribution functions, flat.
        start: Where the segment of each episode starts, ``(B,)``.
        size: The length N of the segment, ``(B,)``; behind it stands a 2.
        uniform: One uniform per episode, ``(B,)``.
    """
    if len(start) < 4:  # so few that a search each is quicker than a search in step
        pieces = zip(start.tolist(), size.tolist(), uniform, strict=True)
        return np.array([tables[i : i + n].searchsorted(u, "right") for i, n, u in pieces])
    last, place = start + size, start - 1
    for bit in reversed(range(int(size.max()).bit_length())):
        there = place + (1 << bit)
        np.minimum(there, last, out=there)
        np.putmask(place, tables.take(there) <= uniform, there)
    place -= start
    place += 1
    return place


class _BetaGeometric(rv_discrete):
    """Epochs to the first success of batches of N, p ~ Beta(a, b): S(t) = B(a, b + N t) / B(a, b)."""

    def _argcheck(self, alpha: Any, beta: Any, batch: Any) -> Any:
        return (alpha > 0) & (beta > 0) & (batch >= 1)

    def _sf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return np.exp(betaln(alpha, beta + batch * np.floor(t)) - betaln(alpha, beta))

    def _cdf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return 1 - self._sf(t, alpha, beta, batch)

    def _pmf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return self._sf(t - 1, alpha, beta, batch) - self._sf(t, alpha, beta, batch)

    def _rvs(self, alpha: Any, beta: Any, batch: Any, *, size: Any, random_state: Any) -> Any:
        p = random_state.beta(alpha, beta, size)
        return random_state.geometric(-np.expm1(batch * np.log1p(-p)))

    def _stats(self, alpha: Any, beta: Any, batch: Any) -> Any:
        # scipy broadcasts the frozen arguments to arrays of one element
        a, b, n = (np.asarray(x).item() for x in (alpha, beta, batch))
        mean, variance = _beta_geometric_moments(a, b, int(n))
        return mean, variance, None, None


def _beta_geometric_moments(a: float, b: float, size: int) -> tuple[float, float]:
    """Mean E[1/P] and variance E[(2 - P)/P^2] - E[1/P]^2 with P = 1 - (1 - p)^N, p ~ Beta(a, b).

    The quadrature takes the powers of p and 1 - p at the ends as weights and integrates what is
    left, which is smooth.
    """

    def mean(f: Any, power: int) -> float:
        def smooth(p: float) -> float:
            ratio = 1 / size if p == 0 else p / -np.expm1(size * np.log1p(-p))
            return float(f(p, ratio))

        weight = (a - 1 - power, b - 1)
        with np.errstate(divide="ignore"):
            value = quad(smooth, 0, 1, weight="alg", wvar=weight, epsabs=0, epsrel=1e-11, limit=500)
        return float(value[0] / np.exp(betaln(a, b)))

    if a <= 1:
        return np.inf, np.inf
    first = mean(lambda p, ratio: ratio, 1)
    if a <= 2:
        return first, np.inf
    return first, mean(lambda p, ratio: ratio * (2 * ratio - p), 2) - first**2


def _beta_prior(name: str, value: Any) -> tuple[float, float]:
    prior = sequence(name, value, quantity)
    if len(prior) != 2:
        raise InputError(f"{name} must be a pair (a, b), got {shown(value)}.")
    return prior[0], prior[1]


def _upgrade(name: str, value: Any, check: Any) -> tuple[Any, float, int]:
    parts = sequence(name, value, lambda _, v: v)
    if len(parts) != 3:
        raise InputError(f"{name} must be a triple (factor, price, most), got {shown(value)}.")
    factor, price, most = parts
    return (
        check(f"factor of {name}", factor, low=1, high=1_000_000),
        money(f"price of {name}", price),
        integer(f"most of {name}", most, low=1, high=30),
    )


BinomialDiscoveryEnv, BinomialDiscoveryVectorEnv = environments(BinomialDiscovery)
