"""What every rule can do, and how a score becomes a choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...envs.core import Random
from ...envs.core.arrays import Array, Flags, Whole
from ..beliefs import Belief
from .decision import Decision

BeliefT = TypeVar("BeliefT", bound=Belief, contravariant=True)
BelievedT = TypeVar("BelievedT", bound=Belief)


class Rule(ABC, Generic[BeliefT]):
    """Turns the beliefs of B episodes into B choices; it has settings but no state.

    A rule of your own derives from this class and brings `choose`.
    """

    needs: ClassVar[type[object]] = Belief
    """What its belief must be able to do: `Belief`, `AdditiveNoise` or `Probabilities`."""

    belief: tuple[str, dict[str, float]] | None = None
    """The belief that it requires, by name and settings; None: any that can do what it needs."""

    looks_ahead: bool = True
    """Whether it counts what labels of items in flight, or earlier in its batch, will tell."""

    draws: int = 0
    """Joint draws of which it asks `Belief.about_best` at every decision; see `Belief.keep`."""

    @abstractmethod
    def choose(self, belief: BeliefT, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``.

        Args:
            belief: What is believed about n items in B episodes.
            decision: What is to be decided: what may be chosen, what was, and how many labels are left.
            random: What is drawn from.
        """

    def buy(self, belief: BeliefT, decision: Decision, random: Random) -> Whole:
        """Return the actions: the chosen items, or tests of items that money can pay, ``(B,)``.

        Args:
            belief: What is believed about n items in B episodes.
            decision: What is to be decided.
            random: What is drawn from.
        """
        if decision.tests is None:
            return self.choose(belief, decision, random)
        items = self.choose(belief, decision.items, random)
        return decision.action(items, by_threshold(belief, decision, items))

    def choose_batch(self, belief: BeliefT, decision: Decision, random: Random) -> Whole:
        """Return different actions for each episode, chosen one by one, ``(B, batch_size)``.

        Args:
            belief: What is believed about n items in B episodes.
            decision: What is to be decided, before the first of them.
            random: What is drawn from.
        """
        batch = np.empty((len(decision.mask), decision.batch_size), np.int64)
        for k in range(decision.batch_size):
            if k:
                last = batch[:, k - 1]
                decision = decision.after(last)
                if self.looks_ahead:
                    belief = ahead(belief, *decision.split(last[:, None]))
            batch[:, k] = self.buy(belief, decision, random)
        return batch


def ahead(belief: BelievedT, items: Whole, fidelity: Whole | None) -> BelievedT:
    """Return the belief after labels of these items, ``(B, m)``, at fidelities if there are any."""
    return belief.look_ahead(items) if fidelity is None else belief.look_ahead(items, fidelity)


def by_threshold(belief: Belief, decision: Decision, items: Whole) -> Whole:
    """Return at which fidelity to test items, by the rule of MF-GP-UCB, ``(B,)``.

    It is the first proxy, not bought yet, of which more is to be learnt than it leaves open; then the
    label. With r the correlation of a proxy of cost c with the value, c' the cost of the next fidelity,

        (what is unknown of the value)^2 / (what the proxy cannot tell)^2 = r^2 / (1 - r^2) >= c / c'.

    Money must be left for the label after it. Source: Kandasamy, Dasarathy, Oliva, Schneider, Poczos,
    "Gaussian Process Bandit Optimisation with Multi-fidelity Evaluations", NeurIPS 2016, algorithm 1
    with the thresholds of its section 3.2; errors of a proxy, bounded there, are normal here.
    """
    rows, top = np.arange(len(items)), decision.num_tests - 1
    chosen = np.full(len(items), top)
    worth = decision.worth[rows, items]
    cost = decision.costs[rows, items]
    for m in reversed(range(top)):
        square = belief.correlation(m)[rows, items] ** 2
        pays = square * (cost[:, m] + cost[:, m + 1]) >= cost[:, m]
        chosen = np.where(worth[:, m] & pays, m, chosen)
    return chosen


def best(score: Array, mask: NDArray[np.int8], random: Random, within: ArrayLike = 0.0) -> Whole:
    """Return the legal item with the highest score, ties broken at random, ``(B,)``.

    Args:
        score: Scores in any unit, ``(B, n)``.
        mask: 1 where an item may be chosen, ``(B, n)``.
        random: What is drawn from.
        within: How far rounding may have put a score below its equal, broadcast to ``(B, n)``: equal
            items have scores that differ in the last digits, and none of them has a claim to be first.
    """
    score = np.where(mask, score, -np.inf)
    return one_of(score >= score.max(1, keepdims=True) - within, random)


def one_of(allowed: Flags, random: Random) -> Whole:
    """Return one of the allowed items of each episode, all with the same chance, ``(B,)``."""
    choice = allowed.argmax(1)
    count = allowed.sum(1)
    coins = random.random(len(allowed))  # drawn whether or not there is a tie: others may have one
    tied = (count > 1).nonzero()[0]
    if len(tied):
        before = (coins[tied] * count[tied]).astype(np.int64)
        choice[tied] = (allowed[tied].cumsum(1) > before[:, None]).argmax(1)
    return np.asarray(choice)


def any_legal(mask: NDArray[np.int8], random: Random) -> Whole:
    """Return a uniformly random legal item of each episode, ``(B,)``: the k-th for a uniform k."""
    ranks = mask.cumsum(1, dtype=np.int64)
    k = (random.random(len(mask)) * ranks[:, -1]).astype(np.int64) + 1
    return np.asarray((ranks >= k[:, None]).argmax(1))
