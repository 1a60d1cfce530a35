"""Exact planning on a ladder with plates: rungs one by one, or backwards over what is left to spend.

Without a budget no rung knows of the others. An action that does not use the hits in hand is worth the
same on every tray, so that the cost of a tray is linear in that of the empty one, which is a fixed
point; Newton's method on it is policy iteration (Howard, "Dynamic Programming and Markov Processes",
1960) and ends after a few steps. With budgets every action spends some of one of them, and values are
computed from nothing left upwards.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Array, Whole
from ..core.checks import room
from .rungs import Rungs

TIE = 1e-12
"""Relative difference below which two costs are equal; then hits are tested."""
ACTION = 4000
"""Numbers that are handled in the time that an action takes besides."""
NEVER = 1e200
"""Cost of an empty tray of which nothing is known yet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RungPlan:
    """The least cost of every rung, without a budget.

    The cost of a tray is a + (1 - d) v: v is the cost of the empty one, d the probability that the
    tray is left by a climb.

    Args:
        rungs: The ladder.
        price: Cost of each action, ``(A,)``.
        allowed: The actions that may be taken.
    """

    rungs: Rungs
    price: Array
    allowed: Collection[int]

    @property
    def cost(self) -> Array:
        """The expected cost to climb each rung from the empty tray, ``(X,)``; `NEVER`: it cannot be."""
        return self._solution[0]

    @property
    def best(self) -> Whole:
        """The best action on every rung and tray, ``(X, T)``."""
        return self._solution[1]

    @cached_property
    def _solution(self) -> tuple[Array, Whole]:
        rungs = self.rungs
        _check_work(rungs)
        cost, first = self.fresh()
        while True:
            new, (a, d, best) = cost, self._trays(cost)
            for m in range(len(rungs.plates)):
                if (action := rungs.first_plate + m) in self.allowed:
                    spent, done = self.price[action] + rungs.mean(m, a), rungs.mean(m, d)
                    by_plate = np.divide(spent, done, where=done > 0, out=np.full_like(cost, NEVER))
                    first = np.where(by_plate < new * (1 - TIE), action, first)
                    new = np.minimum(by_plate, new)
            if (new >= cost * (1 - TIE / 100)).all():
                return cost, np.where(best < 0, first[:, None], best)
            cost = new

    def fresh(self) -> tuple[Array, Whole]:
        """Return cost and action of a climb by fresh candidates alone, each ``(X,)``."""
        cost = np.full(len(self.rungs.p), NEVER)
        first = np.zeros(len(cost), np.int64)
        for action in range(len(self.rungs.sizes)):
            if action in self.allowed:
                by_tests = self.price[action] / self.rungs.climb[:, 0, action]
                first = np.where(by_tests < cost, action, first)
                cost = np.minimum(cost, by_tests)
        return cost, first

    def _trays(self, cost: Array) -> tuple[Array, Array, Whole]:
        """Return a, d and the best test of hits where v is near ``cost``, each ``(X, T)``.

        Where the empty tray is better than any test of hits, a = d = 0 and the action is -1.
        """
        rungs, shape = self.rungs, (len(cost), len(self.rungs.hits))
        a, d, best = np.zeros(shape), np.zeros(shape), np.full(shape, -1)
        tests = [i for i in range(len(rungs.sizes), rungs.first_plate) if i in self.allowed]
        for tray in range(1, shape[1]):
            least = cost * (1 + TIE)
            for action in tests:
                if rungs.legal[tray, action]:
                    climb, fall = rungs.climb[:, tray, action], rungs.fall[tray, action]
                    spent = self.price[action] + (1 - climb) * a[:, fall]
                    done = climb + (1 - climb) * d[:, fall]
                    better = spent + (1 - done) * cost <= least
                    least = np.where(better, spent + (1 - done) * cost, least)
                    a[:, tray] = np.where(better, spent, a[:, tray])
                    d[:, tray] = np.where(better, done, d[:, tray])
                    best[better, tray] = action
        return a, d, best

    @cached_property
    def steps(self) -> Array:
        """The expected actions that the best policy takes on each rung, ``(X,)``."""
        rungs, every = self.rungs, np.arange(len(self.rungs.p))
        a, d = np.zeros((2, *self.best.shape))
        for tray in range(1, len(rungs.hits)):
            action = self.best[:, tray]
            test = (action >= len(rungs.sizes)) & (action < rungs.first_plate)
            climb, fall = rungs.climb[every, tray, action], rungs.fall[tray, action]
            a[:, tray] = np.where(test, 1 + (1 - climb) * a[every, fall], 0.0)
            d[:, tray] = np.where(test, climb + (1 - climb) * d[every, fall], 0.0)
        first = self.best[:, 0]
        spent, done = np.ones(len(every)), rungs.climb[every, 0, first]
        for m in range(len(rungs.plates)):
            plate = first == rungs.first_plate + m
            spent = np.where(plate, 1 + rungs.mean(m, a), spent)
            done = np.where(plate, rungs.mean(m, d), done)
        return np.asarray(spent / done)


def random_cost(rungs: Rungs, price: Array) -> Array:
    """Return the expected cost of each rung by uniformly random legal actions, ``(X,)``.

    The cost of a tray is a + b w, w the mean costs behind each of the M plates.
    """
    _check_work(rungs)
    x, t, m = len(rungs.p), len(rungs.hits), len(rungs.plates)
    k = len(rungs.sizes)
    a, b = np.zeros((x, t)), np.zeros((x, t, m))
    for tray in range(t):
        legal = rungs.legal[tray]
        spent, after = np.full(x, price[legal].sum()), np.ones((x, m))
        for action in k + np.flatnonzero(legal[k : rungs.first_plate]):
            stay, fall = 1 - rungs.climb[:, tray, action], rungs.fall[tray, action]
            spent = spent + stay * a[:, fall]
            after = after + stay[:, None] * b[:, fall]
        leaving = legal.sum() - k + rungs.climb[:, tray, :k].sum(1)
        a[:, tray], b[:, tray] = spent / leaving, after / leaving[:, None]
    if not m:
        return np.asarray(a[:, 0])
    means = np.stack([rungs.mean(i, a) for i in range(m)], 1)
    turns = np.stack([rungs.mean(i, b) for i in range(m)], 1)
    behind = np.linalg.solve(np.eye(m) - turns, means[..., None])[..., 0]
    return np.asarray(a[:, 0] + (b[:, 0] * behind).sum(1))


def _check_work(rungs: Rungs) -> None:
    """Refuse a plan that would take more than some seconds, which go into each tray in turn."""
    work = len(rungs.hits) * len(rungs.sizes) * (10 * len(rungs.p) + ACTION)
    room("The plan of this ladder", work, "take fewer wells or fewer careful_sizes")


@dataclass(frozen=True, kw_only=True, eq=False)
class BudgetPlan:
    """The exact values of a ladder that is climbed on budgets.

    Args:
        rungs: The ladder.
        price: What each action pays, as a cost, ``(A,)``.
        gain: What climbing each rung pays, ``(X,)``.
        totals: What each budget holds, in its units.
        spends: What each action takes of each budget, in the same units, each ``(A,)``.
        allowed: The actions that may be taken.
        random: Whether they are taken at random.
    """

    rungs: Rungs
    price: Array
    gain: Array
    totals: Sequence[int]
    spends: Sequence[Whole]
    allowed: Sequence[int]
    random: bool = False

    @property
    def value(self) -> float:
        """The expected return from the start."""
        return float(self._tables[0][(*self.totals, 0, 0)])

    @property
    def best(self) -> NDArray[np.int16]:
        """The best action by what is left of each budget, rung and tray."""
        return self._tables[1]

    @cached_property
    def _tables(self) -> tuple[Array, NDArray[np.int16]]:
        shape = *(total + 1 for total in self.totals), len(self.rungs.p) + 1, len(self.rungs.hits)
        states, lattice = shape[-2] * shape[-1], np.prod([float(n) for n in shape[:-2]])
        work = int(lattice) * len(self.allowed) * (states + ACTION)
        room("The plan of this ladder", work, "take lower budgets, fewer wells or a nearer target")
        value, best = np.zeros(shape), np.zeros(shape, np.int16)
        for left in np.ndindex(*shape[:-2]):
            pairs = list(zip(left, self.spends, strict=True))
            paid = [a for a in self.allowed if all(have >= spend[a] for have, spend in pairs)]
            if paid:
                returns = np.stack([self._returns(value, left, action) for action in paid])
                legal = returns > -np.inf
                here = value[left][:-1]
                if self.random:
                    total = np.where(legal, returns, 0.0).sum(0)
                    here[:] = total / np.maximum(legal.sum(0), 1)
                else:
                    here[:] = np.where(legal.any(0), returns.max(0), 0.0)
                    best[left][:-1] = np.array(paid)[returns.argmax(0)]
        return value, best

    def _returns(self, value: Array, left: tuple[int, ...], action: int) -> Array:
        """Return what an action is worth on every rung and tray, ``(X, T)``; -inf: it is illegal."""
        rungs = self.rungs
        spent = zip(left, self.spends, strict=True)
        then = value[tuple(have - int(spend[action]) for have, spend in spent)]
        if action >= rungs.first_plate:
            mean = rungs.mean(action - rungs.first_plate, then[:-1])
            returns = np.repeat(mean[:, None], len(rungs.hits), axis=1)
        else:
            climb, up = rungs.climb[:, :, action], (self.gain + then[1:, 0])[:, None]
            returns = climb * up + (1 - climb) * then[:-1, rungs.fall[:, action]]
            returns[:, ~rungs.legal[:, action]] = -np.inf
        return np.asarray(returns - self.price[action])
