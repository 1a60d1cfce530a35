"""Exact planning on exchangeable candidates with a cheap test that errs and a careful one that pays.

Candidates that were tested alike are alike, so that counts of them are the whole state. An open
candidate is fresh, or its cheap test was positive or negative; one that had its careful test only tells
which of the models is true, and is counted where it does. Every test takes one candidate from one class
to another, so that the states fall into levels by the number of tests bought, and values follow
backwards, a level at a time. Two classes of candidates that are done are one where their chances are in
proportion under all models: with one model none is counted.

The optimality equation is that of Bayesian active search (Garnett, Krishnamurthy, Xiong, Schneider,
Mann, "Bayesian Optimal Active Search and Surveying", ICML 2012), with prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax, xlogy

from ..core import InputError
from ..core.arrays import Array, Flags, Whole

Value = Callable[[Whole], Array]

MOST_STATES = 1_000_000
"""States that are planned in some seconds."""
TIE = 1e-12
"""Scores that differ by less are equal."""
CHEAP, FRESH, POSITIVE, NEGATIVE = range(4)
"""What may be bought: the cheap test of a fresh candidate; the careful test of one that is fresh, whose
cheap test was positive, or negative."""
DONE = ((1, 1), (1, 0), (0, 1), (0, 0), (-1, 1), (-1, 0))
"""Cheap test (-1: none) and careful test of the candidates that are done."""


def outcome_chances(models: Array) -> Array:
    """Return what each outcome of the `DONE` classes is worth as evidence, ``(6, K)``.

    Args:
        models: Weight, chance of a hit, sensitivity and false positives of each model, ``(K, 4)``.
    """
    _, hit, sensitivity, false = models.T
    chances = []
    for cheap, careful in DONE:
        positive = sensitivity if careful else false
        seen = {-1: np.ones_like(hit), 0: 1 - positive, 1: positive}[cheap]
        chances.append(seen * (hit if careful else 1 - hit))
    return np.stack(chances)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScreeningPlan:
    """The values of policies for n exchangeable candidates.

    A state is a row: fresh candidates, those with a positive and with a negative cheap test, those that
    are done in each class that tells, and units of money left.

    Args:
        num_items: The number n of candidates.
        money: Units of money at the start.
        prices: Units that the cheap test and the careful one cost.
        models: Weight, chance of a hit, sensitivity and false positives of each model, ``(K, 4)``.
    """

    num_items: int
    money: int
    prices: tuple[int, int]
    models: Array

    # ---- states

    @cached_property
    def groups(self) -> Sequence[int]:
        """The group of each of the `DONE` classes, counted from 0; -1: it tells nothing."""
        groups, known = [], [np.ones(len(self.models))]
        for chance in outcome_chances(self.models):
            share = chance / max(chance.max(), 1e-300)
            same = [i for i, other in enumerate(known) if np.abs(share - other).max() < TIE]
            never = not chance.max() > 0
            groups.append(-1 if never else same[0] - 1 if same else len(known) - 1)
            if groups[-1] == len(known) - 1:
                known.append(share)
        return groups

    @cached_property
    def _factors(self) -> Array:
        """What a candidate of each class says for each model, ``(3 + groups, K)``."""
        _, hit, sensitivity, false = self.models.T
        positive = sensitivity * hit + false * (1 - hit)
        rows, done = [np.ones_like(hit), positive, 1 - positive], outcome_chances(self.models)
        for group in range(max(self.groups) + 1):
            chance = done[self.groups.index(group)]
            rows.append(chance / chance.max())
        return np.stack(rows)

    @cached_property
    def _radix(self) -> Whole:
        """What one of each column adds to the key of a state."""
        sizes = [self.num_items + 1] * len(self._factors)
        radix = [self.money + 1]
        for size in sizes[:-1]:
            radix.append(radix[-1] * size)
        if radix[-1] * sizes[-1] >= 2**62:
            self._refuse()
        return np.array([*radix, 1], np.int64)

    def counted(self, cheap: NDArray[np.int8], careful: NDArray[np.int8], money: Whole) -> Whole:
        """Return the states of candidates with these outcomes, ``(S, 3 + groups + 1)``.

        Args:
            cheap: Outcome of the cheap test of each candidate, -1 for none, ``(S, n)``.
            careful: Outcome of the careful test of each, -1 for none, ``(S, n)``.
            money: Units of money left, ``(S,)``.
        """
        states = np.zeros((len(cheap), len(self._radix)), np.int64)
        for column, seen in enumerate((-1, 1, 0)):
            states[:, column] = ((careful < 0) & (cheap == seen)).sum(1)
        for (one, other), group in zip(DONE, self.groups, strict=True):
            if group >= 0:
                states[:, 3 + group] += ((cheap == one) & (careful == other)).sum(1)
        states[:, -1] = money
        return states

    def key(self, states: Whole) -> Whole:
        """Return the number of each state, ``(S,)``."""
        return np.asarray(states @ self._radix)

    def states(self, keys: Whole) -> Whole:
        """Return the states of these numbers, ``(S, 3 + groups + 1)``."""
        states = np.empty((len(keys), len(self._radix)), np.int64)
        states[:, -1] = keys % (self.money + 1)
        states[:, :-1] = keys[:, None] // self._radix[:-1] % (self.num_items + 1)
        return states

    @cached_property
    def _moves(self) -> Whole:
        """What an outcome, negative or positive, adds to a state, ``(4, 2, 3 + groups + 1)``."""
        moves = np.zeros((4, 2, len(self._radix)), np.int64)
        moves[:, :, -1] = -np.array([self.prices[0], *[self.prices[1]] * 3])[:, None]
        moves[CHEAP, :, 0] = -1
        moves[CHEAP, 0, 2] = moves[CHEAP, 1, 1] = 1
        for (cheap, careful), group in zip(DONE, self.groups, strict=True):
            buy = {-1: FRESH, 0: NEGATIVE, 1: POSITIVE}[cheap]
            moves[buy, careful, (0, 1, 2)[buy - 1]] = -1
            if group >= 0:
                moves[buy, careful, 3 + group] = 1
        return moves

    def legal(self, states: Whole) -> Flags:
        """Return what may be bought, ``(S, 4)``."""
        return (states[:, [0, 0, 1, 2]] > 0) & (states[:, -1:] >= -self._moves[:, 0, -1])

    def chances(self, states: Whole) -> Array:
        """Return the chance of a positive cheap test, and of a hit in each open class, ``(S, 4)``."""
        logs = xlogy(states[:, :-1, None], self._factors).sum(1)
        logs += np.log(self.models[:, 0])
        weights = softmax(logs, axis=1)
        _, hit, sensitivity, false = self.models.T
        positive = sensitivity * hit + false * (1 - hit)
        after = np.divide(sensitivity * hit, positive, out=np.zeros_like(hit), where=positive > 0)
        missed = np.divide(
            (1 - sensitivity) * hit, 1 - positive, out=np.zeros_like(hit), where=positive < 1
        )
        return np.asarray(weights @ np.stack([positive, hit, after, missed], 1))

    # ---- values

    def look_ahead(self, states: Whole, value: Value) -> Array:
        """Return what each purchase is worth if the state behind it has a value, ``(S, 4)``.

        Args:
            states: The states, ``(S, ...)``.
            value: From states to their values; those that cannot be are not asked for.
        """
        chance, legal = self.chances(states), self.legal(states)
        returns = np.zeros(legal.shape)
        for outcome, of in enumerate((1 - chance, chance)):
            row, buy = ((of > 0) & legal).nonzero()
            then = value(states[row] + self._moves[buy, outcome])
            returns[row, buy] += of[row, buy] * (then + outcome * (buy != CHEAP))
        return np.where(legal, returns, -np.inf)

    @cached_property
    def _levels(self) -> list[Whole]:
        """The numbers of the states that can be, by the number of tests bought, in order."""
        start = np.zeros((1, len(self._radix)), np.int64)
        start[0, 0], start[0, -1] = self.num_items, self.money
        levels, total = [self.key(start)], 1
        steps = self._moves @ self._radix
        while len(levels[-1]):
            states = self.states(levels[-1])
            chance, legal = self.chances(states), self.legal(states)
            new = [
                levels[-1][can] + steps[buy, outcome]
                for buy in range(4)
                for outcome, of in enumerate((1 - chance[:, buy], chance[:, buy]))
                if (can := legal[:, buy] & (of > 0)).any()
            ]
            every = np.sort(np.concatenate([np.empty(0, np.int64), *new]), kind="stable")  # of runs
            levels.append(every[np.diff(every, prepend=-1) > 0])
            total += len(levels[-1])
            if total > MOST_STATES:
                self._refuse()
        return levels[:-1]

    def _backwards(self, policy: Callable[[Whole, Array], Array]) -> float:
        """Return the value of a policy: from states and returns to weights of what to buy."""
        keys, known = np.empty(0, np.int64), np.empty(0)

        def later(states: Whole) -> Array:
            return known[np.searchsorted(keys, self.key(states))]

        for level in reversed(self._levels):
            states = self.states(level)
            returns = self.look_ahead(states, later)
            weights = policy(states, returns) * self.legal(states)
            total = np.maximum(weights.sum(1), 1e-300)
            value = (weights * np.where(weights > 0, returns, 0.0)).sum(1) / total
            keys, known = level, value
        return float(known[0])

    def optimal_value(self) -> float:
        """Return the value of the best policy."""
        return self._backwards(lambda states, returns: _best(returns))

    def random_value(self) -> float:
        """Return the value of uniformly random legal tests."""
        return self._backwards(lambda states, returns: states[:, [0, 0, 1, 2]].astype(np.float64))

    def value(self, score: Value, *, by_item: bool = True) -> float:
        """Return the value of buying what has the highest score.

        Args:
            score: From states ``(S, ...)`` to the scores of the four purchases, ``(S, 4)``.
            by_item: Whether equal scores are shared over candidates, as a rule that scores each of
                them does, or over the four purchases.
        """

        def policy(states: Whole, returns: Array) -> Array:
            best = _best(np.where(returns > -np.inf, score(states), -np.inf))
            return best * states[:, [0, 0, 1, 2]] if by_item else best

        return self._backwards(policy)

    def prepare(self) -> None:
        """Plan now what `best` is asked for later."""
        self._table  # noqa: B018 (it is kept)

    def best(self, states: Whole) -> Whole:
        """Return the best purchase of each state, the first among equals, ``(S,)``."""
        keys = self.key(states)
        place = np.minimum(np.searchsorted(self._table[0], keys), len(self._table[0]) - 1)
        return self._table[1][place]

    @cached_property
    def _table(self) -> tuple[Whole, Whole]:
        """All states in the order of their numbers, and what is best in them."""
        keys: list[Whole] = []
        best: list[Whole] = []

        def policy(states: Whole, returns: Array) -> Array:
            weights = _best(returns)
            keys.append(self.key(states))
            best.append(weights.argmax(1))
            return weights

        self._backwards(policy)
        every = np.concatenate(keys)
        order = every.argsort()
        return every[order], np.concatenate(best)[order]

    def _refuse(self) -> None:
        raise InputError(
            f"{self.num_items} candidates under {len(self.models)} models have more than "
            f"{MOST_STATES:,} states, too many for exact values: take fewer candidates, less money or "
            "fewer models."
        )


def _best(scores: Array) -> Array:
    """Return 1 for the highest scores, ``(S, 4)``."""
    return np.asarray(scores >= scores.max(1, keepdims=True) - TIE, np.float64)
