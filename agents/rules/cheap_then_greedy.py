r"""Some cheap tests, then greedy: how many pays is planned, one test ahead.

Of n items a careful test pays the label, and cheap ones err. All money at once buys careful tests of the
items of the highest chance for their price. A plan is the best of

    j = 0, 1, ... cheap tests of the most promising items, then all money at once,

and a test is worth its label and, on average over its outcomes, the plan that follows it.

Given one of the worlds of the belief (see `Mixture`) items are independent, so that the number of
positives among j tests has a Poisson binomial law, and each number weighs the worlds anew. Items that
turn out positive are taken to have the average chance of such items, and negative ones theirs: this is
exact for items that are alike.

Source: one step of policy iteration on the best of some fixed plans, which is a rollout (Bertsekas,
Tsitsiklis, Wu, "Rollout Algorithms for Combinatorial Optimization", Journal of Heuristics 3, 1997). On
an exact belief it is worth at least as much as the best of them: what is left of a plan after its first
test is a plan again. The plans are this package's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...envs.core import Random
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import integer
from ..beliefs.belief import ROUNDING, Probabilities
from ..beliefs.mixture import Mixture
from .active_search import at_once
from .decision import Decision
from .rule import Rule, best


class CheapThenGreedy(Rule[Probabilities]):
    """Cheap tests as long as a plan with them is better, then careful tests of what looks best.

    Where there are no cheap tests it is greedy.

    Args:
        tests: Number of tests that are of the lowest fidelity, to begin with, as long as a careful one
            can be paid after them; None plans how many.
        candidates: Only so many items of the highest chance are planned with.
        draws: Number of worlds, where the belief has draws of them only.
    """

    needs = Probabilities
    looks_ahead = False

    def __init__(self, tests: int | None = None, candidates: int = 50, draws: int = 32) -> None:
        self.tests = None if tests is None else integer("tests", tests, low=0)
        self.candidates = integer("candidates", candidates, low=1)
        self.draws = integer("draws", draws, low=1)

    def choose(self, belief: Probabilities, decision: Decision, random: Random) -> Whole:
        """Return the items of the highest chance for their price, ``(B,)``."""
        score = belief.chance() / decision.price
        return best(score, decision.mask, random, ROUNDING * score.max(1, keepdims=True))

    def buy(self, belief: Probabilities, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, or the tests of items, as actions, ``(B,)``."""
        if decision.tests is None:
            return self.choose(belief, decision, random)
        kinds, rows = purchases(decision.tests), np.arange(len(decision.tests))
        if self.tests is None:
            mixture = belief.mixture(self.draws, random)
            worth = Prospect.of(mixture, decision, self.candidates).distinct(Prospect.worth)
        else:
            worth = self._to_begin_with(belief.chance(), decision)
        some = worth > -np.inf
        size = np.abs(np.where(some, worth, 0.0)).max(1, keepdims=True)
        kind = best(worth, some.astype(np.int8), random, ROUNDING * size)
        test = np.array([test for test, _ in kinds])[kind]
        group = np.stack([mask for _, mask in kinds])[kind, rows]
        price = decision.costs[rows, :, test]
        score = belief.chance() / price
        within = ROUNDING * score.max(1, keepdims=True)
        item = best(score, group.astype(np.int8), random, within)
        return np.asarray(item * decision.num_tests + test)

    def _to_begin_with(self, chance: Array, decision: Decision) -> Array:
        """Return what `purchases` are worth, ``(B, kinds)``: 2 for tests to begin with."""
        assert decision.tests is not None
        assert self.tests is not None
        label, last = decision.costs[:, :, -1], decision.num_tests - 1
        begins = decision.worth[:, :, 0].any(1)
        begins &= (decision.labelled >= 0).sum(1) < self.tests
        worth = np.full((len(chance), 0), 0.0)
        for test, group in purchases(decision.tests):
            if test == last:
                value = np.where(group, chance * label.min() / label, -np.inf).max(1)
            else:
                value = np.where(group.any(1), 2.0 * begins - 1 if test == 0 else -1.0, -np.inf)
            worth = np.column_stack([worth, value])
        return worth


def purchases(tests: Flags) -> list[tuple[int, Flags]]:
    """Return the kinds of purchases: a test, and the items of the kind, ``(B, n)``.

    The most promising item of each kind is looked at: those that have had a cheap test, and the others.

    Args:
        tests: Which tests may be bought, the last one being the label, ``(B, n, M)``.
    """
    label = tests.shape[2] - 1
    kinds = [(label, tests[:, :, label])] if not label else []
    for m in range(label):
        cheap = tests[:, :, m]
        careful = tests[:, :, label]
        kinds += [(m, cheap), (label, careful & cheap), (label, careful & ~cheap)]
    return kinds


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What is believed about items, and what of them may be bought, in B episodes.

    Args:
        belief: The belief.
        tests: Which tests are not bought yet, the last one being the label, ``(B, n, M)``.
        cost: What they cost, ``(B, n, M)``.
        money: What is left, ``(B,)``.
    """

    belief: Mixture
    tests: Flags
    cost: Array
    money: Array

    @classmethod
    def of(cls, belief: Mixture, decision: Decision, candidates: int) -> Prospect:
        """Return the prospect of a decision, of the items of the highest chance in a fixed order."""
        assert decision.tests is not None
        assert decision.money is not None
        tests = decision.tests
        cost = decision.costs.astype(np.float64)
        open_ = tests.any(2)
        kind = np.packbits(tests, axis=2)[:, :, 0]
        order = np.lexsort((kind, -(belief.mean() / cost[:, :, -1]) * open_), axis=1)
        order = order[:, :candidates]
        chance = np.take_along_axis(belief.chance, order[:, None], 2)
        return cls(
            belief=replace(belief, chance=chance),
            tests=np.take_along_axis(tests, order[:, :, None], 1),
            cost=np.take_along_axis(cost, order[:, :, None], 1),
            money=decision.money.astype(np.float64),
        )

    def rows(self, index: Whole) -> Prospect:
        """Return the prospects of some episodes."""
        weight, chance = self.belief.weight[index], self.belief.chance[index]
        parts = {name: getattr(self, name)[index] for name in ("tests", "cost", "money")}
        return Prospect(belief=replace(self.belief, weight=weight, chance=chance), **parts)

    def distinct(self, worth: Callable[[Prospect], Array]) -> Array:
        """Return what ``worth`` says, asked once where episodes are the same but for names of items."""
        parts = (self.belief.weight, self.belief.chance, self.tests, self.cost, self.money)
        rows = np.concatenate([part.reshape(len(self.money), -1) for part in parts], 1)
        _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        return worth(self.rows(first))[same.reshape(-1)]

    def worth(self) -> Array:
        """Return what each of the `purchases` is worth, of its most promising item, ``(B, kinds)``."""
        mean, values = self.belief.mean() / self.cost[:, :, -1], []
        for test, group in purchases(self.tests):
            item = np.where(group, mean, -1.0).argmax(1)
            value = np.where(group.any(1), 0.0, -np.inf)
            for outcome, (chance, then) in enumerate(self.after(item, test)):
                label = outcome * (test == self.tests.shape[2] - 1)
                value += chance * (label + then.plan())
            values.append(value)
        return np.stack(values, 1)

    def after(self, item: Whole, test: int) -> Iterator[tuple[Array, Prospect]]:
        """Yield how likely a negative and a positive test of an item are, ``(B,)``, and what follows."""
        rows = np.arange(len(item))
        money = self.money - self.cost[rows, item, test]
        tests = self.tests.copy()
        tests[rows, item, test] = False
        if test == tests.shape[2] - 1:
            tests[rows, item] = False
        for chance, belief in self.belief.after(item, test):
            yield chance, replace(self, belief=belief, tests=tests, money=money)

    def plan(self) -> Array:
        """Return the best of some cheap tests of one kind and then all money at once, ``(B,)``."""
        label = self.tests[:, :, -1]
        price = self.cost[:, :, -1]
        value = at_once((self.belief.mean() * label)[:, None], price[:, None], self.money[:, None])
        best_ = value[:, 0]
        for test in range(self.tests.shape[2] - 1):
            for some in self._cheap(test):
                best_ = np.maximum(best_, some)
        return best_

    def _cheap(self, test: int) -> Iterator[Array]:
        """Yield what 1, 2, ... tests and then all money at once are worth, ``(B,)``."""
        belief, label = self.belief, self.tests[:, :, -1]
        can = self.tests[:, :, test] & label
        order = np.argsort(np.where(can, -self.belief.mean(), 1.0), axis=1, kind="stable")
        can, label = (np.take_along_axis(part, order, 1) for part in (can, label))
        price, cheap = (np.take_along_axis(self.cost[:, :, m], order, 1) for m in (-1, test))
        parts = belief.chance, belief.positive(test)
        chance, positive = (np.take_along_axis(part, order[:, None], 2) for part in parts)
        hit = belief.tests[test, 0][:, None] * chance
        money = self.money[:, None] - cheap.cumsum(1)
        least = np.where(label, price, np.inf).min(1)
        law = belief.weight[:, :, None]  # (B, K, j + 1) world, and number of positives among j
        for j in range(1, can.shape[1] + 1):
            able = can[:, j - 1] & (money[:, j - 1] >= least)
            if not able.any():
                break
            law = _one_more(law, positive[:, :, j - 1])
            up = _share(hit[:, :, :j], positive[:, :, :j])
            down = _share(chance[:, :, :j] - hit[:, :, :j], 1 - positive[:, :, :j])
            up, down = (np.einsum("bkj,bk->bj", law, share)[:, :, None] for share in (up, down))
            tested = np.where(np.arange(j) < np.arange(j + 1)[:, None], up, down)  # the first ones
            rest = np.einsum("bkj,bkn->bjn", law, chance[:, :, j:] * label[:, None, j:])
            mean_price = np.repeat(price[:, :j].mean(1, keepdims=True), j, 1)
            prices = np.concatenate([mean_price, price[:, j:]], 1)[:, None]
            values = np.concatenate([tested, rest], 2)
            yield np.where(able, at_once(values, prices, money[:, j - 1 : j]).sum(1), -np.inf)


def _one_more(law: Array, chance: Array) -> Array:
    """Return the law of a count ``(B, K, j)`` after one more trial, ``(B, K, j + 1)``."""
    more = np.zeros((*law.shape[:2], law.shape[2] + 1))
    more[:, :, :-1] = law * (1 - chance)[:, :, None]
    more[:, :, 1:] += law * chance[:, :, None]
    return more


def _share(part: Array, whole: Array) -> Array:
    """Return the sum of parts over that of wholes, ``(B, K)``; 0 of nothing."""
    total = whole.sum(2)
    return np.asarray(np.divide(part.sum(2), total, out=np.zeros_like(total), where=total > 0))
