r"""Exact values of a small world of Bernoulli conditions, labels late or lost included.

Before any label each of K success probabilities is p ~ Beta(a, b). A condition is known by its
successes s, failures f and labels in flight q. Before every choice each label in flight resolves with
probability r, and is then lost with probability l; of those that are seen, s' successes in n have the
beta-binomial probability C(n, s') B(a + s + s', b + f + n - s') / B(a + s, b + f). A test of a condition
pays (a + s) / (a + s + b + f) in the mean, shown or not.

Conditions that are known alike are alike, so that a state is a multiset: a row of K sorted numbers, each
of what may be known of a condition. Rows are listed from the first test to the last, and valued back to
the first. The labels of one condition arrive after those of another, which makes a sum of a product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import comb, exp, factorial, lgamma
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from ..core.arrays import Array, Whole

Arm = tuple[int, int, int]
"""Successes, failures and labels in flight of a condition."""
Chances = Callable[[tuple[Arm, ...]], ArrayLike]
"""A rule: from what is known of K conditions, sorted, to the probability of testing each."""
Link = tuple[Whole, Whole, Array]
"""Rows, the rows that may follow, and with which probability."""

MOST_STATES = 300_000


@dataclass(frozen=True, kw_only=True)
class Bandit:
    """A world of Bernoulli conditions, for exact values.

    Args:
        conditions: Number K of conditions.
        tests: Number T of tests.
        prior: a and b of every p.
        resolves: Probability r that a label in flight resolves before a choice.
        loss: Probability l that it is then lost.
        naming: Whether tests pay nothing and the last action the mean of the condition that it names;
            else every test pays its label.
    """

    conditions: int
    tests: int
    prior: tuple[float, float]
    resolves: float = 1.0
    loss: float = 0.0
    naming: bool = False

    @property
    def states(self) -> float:
        """About how many states there are; infinite where one number cannot tell them apart."""
        each = 2 if self.resolves == 1 else 3
        if 2 * comb(self.tests + each, each) >= 2 ** (62 / self.conditions):
            return math.inf
        numbers = self.conditions * each + (self.loss > 0)
        return comb(self.tests + numbers, numbers) / factorial(self.conditions)

    def best_mean(self) -> float:
        """Return E[max p], by Gauss-Legendre quadrature of P(max p > x)."""
        x, weight = np.polynomial.legendre.leggauss(500)
        below = betainc(*self.prior, (x + 1) / 2) ** self.conditions
        return float(weight @ (1 - below) / 2)

    # ---- what may be known of one condition

    @cached_property
    def arms(self) -> Whole:
        """Successes, failures and labels in flight that a condition may have, ``(A, 3)``."""
        most = self.tests + 1
        flying = range(2 if self.resolves == 1 else most)
        rows = [arm for arm in product(range(most), range(most), flying) if sum(arm) < most]
        return np.array(rows)

    @cached_property
    def number(self) -> Whole:
        """The number of a condition by successes, failures and labels in flight; A: it may not be."""
        shape = (self.tests + 2,) * 3
        number = np.full(shape, len(self.arms))
        number[tuple(self.arms.T)] = np.arange(len(self.arms))
        return number

    @cached_property
    def means(self) -> Array:
        """The mean of p of every number, ``(A,)``."""
        s, f, _ = self.arms.T
        return np.asarray((self.prior[0] + s) / (sum(self.prior) + s + f))

    @cached_property
    def arrivals(self) -> tuple[Whole, Whole, Array]:
        """What may follow of every number when labels arrive.

        Returns:
            Where the entries of each begin, ``(A + 1,)``; the numbers that follow; and how likely.
        """
        found = [self.arriving(*arm) for arm in self.arms.tolist()]
        first = np.append(0, np.cumsum([len(one) for one in found]))
        then = np.array([arm for one in found for arm in one])
        chances = np.array([chance for one in found for chance in one.values()])
        return first, self.number[tuple(then.T)], chances

    def arriving(self, s: int, f: int, q: int) -> dict[Arm, float]:
        """Return what a condition may be after labels have arrived, and the probability of each."""
        a, b = self.prior[0] + s, self.prior[1] + f
        found: dict[Arm, float] = {}
        for resolved, seen in product(range(q + 1), repeat=2):
            chance = _binomial(resolved, q, self.resolves)
            chance *= _binomial(seen, resolved, 1 - self.loss)
            for new in range(seen + 1 if chance else 0):
                law = comb(seen, new) * exp(_log_beta(a + new, b + seen - new) - _log_beta(a, b))
                then = (s + new, f + seen - new, q - resolved)
                found[then] = found.get(then, 0.0) + chance * law
        return found

    # ---- all of them

    def solved(self, chances: Chances | None = None) -> Solution:
        """Return the value of the best way to choose, or of a rule, and the best choices.

        Args:
            chances: How conditions are chosen for tests; None: in the best way. The naming takes the
                highest mean.
        """
        states = np.full((1, self.conditions), self.number[0, 0, 0])
        layers = []
        for _ in range(self.tests):
            tested, after = self._tested(states)
            links = []
            for column in range(self.conditions):
                after, link = self._arrived(after, column)
                links.append(link)
            layers.append((states, tested, links))
            states = after
        value = self.means[states].max(1) if self.naming else np.zeros(len(states))
        keys, best = [], []
        for states, tested, links in reversed(layers):
            for row, then, chance in reversed(links):
                value = np.bincount(row, chance * value[then])
            gains = value[tested] + (0.0 if self.naming else self.means[states])
            keys.append(self.key(states))
            best.append(gains.argmax(1))
            value = (
                gains.max(1) if chances is None else (self._weights(chances, states) * gains).sum(1)
            )
        return Solution(value=float(value[0]), keys=keys[::-1], best=best[::-1])

    def key(self, states: Whole) -> Whole:
        """Return one number for each state ``(N, K)``, ``(N,)``."""
        return np.asarray(states @ (len(self.arms) + 1) ** np.arange(self.conditions))

    def _tested(self, states: Whole) -> tuple[Whole, Whole]:
        """Return which state a test of each condition leads to, ``(N, K)``, and these states."""
        every = np.arange(self.conditions)
        after = np.repeat(states[:, None], self.conditions, 1)  # (N, K tests, K conditions)
        s, f, q = self.arms[states].transpose(2, 0, 1)
        after[:, every, every] = self.number[s, f, q + 1]
        after, place = self._unique(np.sort(after.reshape(-1, self.conditions)))
        return place.reshape(states.shape), after

    def _arrived(self, states: Whole, column: int) -> tuple[Whole, Link]:
        """Let the labels of one condition arrive; return the states that may follow."""
        first, then, chance = self.arrivals
        number = states[:, column]
        count = first[number + 1] - first[number]
        row = np.repeat(np.arange(len(states)), count)
        entry = np.arange(len(row)) + np.repeat(first[number] - count.cumsum() + count, count)
        after = states[row]
        after[:, column] = then[entry]
        if column == self.conditions - 1:
            after.sort(1)
        after, place = self._unique(after)
        return after, (row, place, chance[entry])

    def _unique(self, states: Whole) -> tuple[Whole, Whole]:
        _, first, place = np.unique(self.key(states), return_index=True, return_inverse=True)
        return states[first], place

    def _weights(self, chances: Chances, states: Whole) -> Array:
        return np.array([chances(tuple(map(tuple, arms))) for arms in self.arms[states].tolist()])


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What recursion finds.

    Args:
        value: What tests, or the naming, are expected to pay.
        keys: `Bandit.key` of the states before each test, rising.
        best: The place of the best condition in each of them.
    """

    value: float
    keys: list[Any]
    best: list[Any]


def _binomial(k: int, n: int, p: float) -> float:
    return float(comb(n, k) * p**k * (1 - p) ** max(n - k, 0))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
