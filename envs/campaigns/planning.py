"""Exact planning of binomial campaigns: dynamic programming over everything that can be counted.

A state z = (model level, throughput level, successes per machine, experiments per machine) tells all
that matters for the future of a campaign; where p is known, only its levels do and the counts stay
0. The states that can be reached are listed epoch by epoch, then the values are computed backwards
(Bayes-adaptive dynamic programming; Martin, "Bayesian Decision Problems and Markov Chains", 1967).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, shown
from ..core.arrays import Array, Flags, Whole
from ..core.checks import integer, money, room, sequence
from .success_laws import BetaPriors, KnownProbs

UPGRADES = ("model", "throughput")
"""The upgrades whose levels begin a state."""
EPOCH = 4000
"""Numbers that are handled in the time that an action of an epoch takes besides."""
MAX_TRANSITIONS = 10_000_000
"""Transitions that a plan visits at most: some seconds of work."""


def upgrade_of(name: str, value: Any, check: Any) -> tuple[Any, float, int]:
    """Return a checked triple (factor, price, most); ``check`` says what a factor is."""
    parts = sequence(name, value, lambda _, v: v)
    if len(parts) != 3:
        raise InputError(f"{name} must be a triple (factor, price, most), got {shown(value)}.")
    factor, price, most = parts
    return (
        check(f"factor of {name}", factor, low=1, high=1_000_000),
        money(f"price of {name}", price),
        integer(f"most of {name}", most, low=1, high=30),
    )


class Layer(NamedTuple):
    """The states of one epoch."""

    keys: Whole  # (S,) sorted; one number per state
    states: Whole  # (S, 2 + 2 M)


class Branch(NamedTuple):
    """What one action does in some states of a layer."""

    rows: Whole  # (R,) the states
    action: int
    reward: Array  # (R,) expected reward of the epoch
    children: Whole  # (R, K, 2 + 2 M) the states in which the campaign goes on
    weights: Array  # (R, K) their probabilities


@dataclass(kw_only=True, eq=False)
class CountPlan:
    """The exact values and best actions of a binomial campaign with M machines and A actions.

    Its fields are those of `BinomialDiscovery`. If there are too many counts to list, `InputError`
    says so.
    """

    horizon: int
    objective: str
    success_reward: float
    machines: int
    batch_sizes: tuple[int, ...]
    law: KnownProbs | BetaPriors
    sizes: Whole  # (throughput levels, A) experiments
    cost_table: Array  # (throughput levels, A)
    factors: Mapping[str, NDArray[Any]]  # what each level of an upgrade multiplies by
    upgrade_actions: Mapping[str, int]

    def __post_init__(self) -> None:
        work = self.horizon * self._num_actions * EPOCH
        room("The plan of this campaign", work, "take a shorter horizon or fewer batch_sizes")
        if np.prod([float(r) for r in self._radix]) >= 2.0**63:
            raise self._too_many(self.horizon)
        self.layers = self._list_states()

    @property
    def _num_actions(self) -> int:
        return int(self.sizes.shape[1])

    @property
    def _learns(self) -> bool:
        """Whether counts tell something about the success probabilities."""
        return isinstance(self.law, BetaPriors)

    @cached_property
    def _radix(self) -> list[int]:
        """How many values each entry of a state may take."""
        most = self.horizon * int(self.sizes.max()) if self._learns else 0
        return [32, 32] + [most + 1] * (2 * self.machines)

    # ---- answers

    @cached_property
    def random_value(self) -> float:
        """The expected return of uniformly random actions."""
        return self._solve(lambda returns: returns.mean(1))

    @property
    def optimal_value(self) -> float:
        """The expected return of the best policy."""
        return self._best[0]

    def actions(self, epoch: Whole, states: Whole, done: Flags) -> Whole:
        """Return the best action in each state ``(B, 2 + 2 M)``; 0 where the campaign is done."""
        keys, actions = self._keys(states), np.zeros(len(states), np.int64)
        for t in np.unique(epoch[~done & (epoch < self.horizon)]).tolist():
            here = (~done & (epoch == t)).nonzero()[0]
            layer = self.layers[t]
            row = np.minimum(np.searchsorted(layer.keys, keys[here]), len(layer.keys) - 1)
            wrong = layer.keys[row] != keys[here]
            if wrong.any():
                raise InputError(
                    f"The campaign cannot be at levels and counts {states[here[wrong][0]].tolist()} "
                    f"after {t} epochs; the observation is from another campaign."
                )
            actions[here] = self._best[1][t][row]
        return actions

    # ---- dynamic programming

    def _list_states(self) -> list[Layer]:
        start = np.zeros((1, len(self._radix)), np.int64)
        layers, transitions = [Layer(self._keys(start), start)], 0
        for epoch in range(1, self.horizon):
            transitions += self._transitions(layers[-1].states)
            if transitions > MAX_TRANSITIONS:
                raise self._too_many(epoch)
            branches = self._branches(layers[-1].states, laws=False)
            children = [branch.children.reshape(-1, len(self._radix)) for branch in branches]
            states = np.concatenate(children)
            keys, first = np.unique(self._keys(states), return_index=True)
            layers.append(Layer(keys, states[first]))
            if np.array_equal(keys, layers[-2].keys):  # nothing is counted any more
                layers += [layers[-1]] * (self.horizon - len(layers))
                break
        return layers

    def _solve(self, choose: Callable[[Array], Array]) -> float:
        """Return the value at the start; ``choose`` reduces the returns ``(S, A)`` of a layer."""
        value, below = np.zeros(0), None
        for layer in reversed(self.layers):
            returns = np.empty((len(layer.states), self._num_actions))
            for branch in self._branches(layer.states):
                total = branch.reward
                if below is not None:
                    children = np.searchsorted(below.keys, self._keys(branch.children))
                    total = total + (branch.weights * value[children]).sum(1)
                returns[branch.rows, branch.action] = total
            value, below = choose(returns), layer
        return float(value[0])

    @cached_property
    def _best(self) -> tuple[float, list[Whole]]:
        """The optimal value and, for every epoch, the best action of every state."""
        best: list[Whole] = []

        def choose(returns: Array) -> Array:
            best.append(returns.argmax(1))
            return np.asarray(returns.max(1))

        return self._solve(choose), best[::-1]

    def _branches(self, states: Whole, laws: bool = True) -> Iterator[Branch]:
        """Yield what every action does; ``laws=False`` leaves rewards and weights empty."""
        for name, action in self.upgrade_actions.items():
            children = states[:, None].copy()
            level = children[..., UPGRADES.index(name)]
            np.minimum(level + 1, len(self.factors[name]) - 1, out=level)
            cost = np.full(len(states), -self.cost_table[0, action])
            yield Branch(np.arange(len(states)), action, cost, children, np.ones((len(states), 1)))
        for throughput in np.unique(states[:, 1]).tolist():
            rows = (states[:, 1] == throughput).nonzero()[0]
            here = states[rows]
            for action in range(self.machines * len(self.batch_sizes)):
                machine = action // len(self.batch_sizes)
                size = int(self.sizes[throughput, action])
                yield self._batch(rows, here, action, machine, size, laws)

    def _batch(
        self, rows: Whole, states: Whole, action: int, machine: int, size: int, laws: bool
    ) -> Branch:
        """Return what a batch does: one child per count that matters and does not end the campaign."""
        wins, runs = 2 + machine, 2 + self.machines + machine
        first = self.objective == "first"
        outcomes = size + 1 if self._learns and not first else 1
        children = np.repeat(states[:, None], outcomes, axis=1)
        if self._learns:
            children[..., wins] += np.arange(outcomes)
            children[..., runs] += size
        if not laws:
            return Branch(rows, action, np.zeros(0), children, np.zeros((0, 0)))
        successes, experiments = states[:, wins], states[:, runs]
        factor = self.factors["model"][states[:, 0]]
        if first:
            fail = np.exp(self.law.log_failure(machine, successes, experiments, size, factor))
            gain, weights = 1 - fail, fail[:, None]
        else:
            gain = size * np.minimum(self.law.mean(machine, successes, experiments) * factor, 1.0)
            weights = np.ones((len(states), 1))
            if isinstance(self.law, BetaPriors):
                weights = self.law.predictive(machine, successes, experiments, size)
        cost = self.cost_table[states[0, 1], action]
        return Branch(rows, action, self.success_reward * gain - cost, children, weights)

    def _transitions(self, states: Whole) -> int:
        """Count the transitions out of a layer without listing them."""
        if self.objective == "first" or not self._learns:
            return len(states) * self._num_actions
        levels = np.bincount(states[:, 1], minlength=len(self.sizes))
        return int(levels @ (self.sizes + 1).sum(1))

    def _keys(self, states: Whole) -> Whole:
        """Return one number per state, shape ``states.shape[:-1]``."""
        keys = np.zeros(states.shape[:-1], np.int64)
        for column, radix in enumerate(self._radix):
            keys = keys * radix + states[..., column]
        return keys

    def _too_many(self, epoch: int) -> InputError:
        return InputError(
            f"Exact planning over all counts needs more than {MAX_TRANSITIONS:,} transitions by epoch "
            f"{epoch} of horizon {self.horizon}; use a shorter horizon, fewer machines, or fewer "
            "or smaller batch_sizes."
        )
