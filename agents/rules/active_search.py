r"""Active search: as many successes as the labels that are left allow.

With p(z) the probability that item z succeeds, the next item maximises its own probability plus what
it is expected to leave for the k - 1 labels after it, were they chosen all at once,

    s(x) = p(x) + sum_y P(y | x) max_{|S| = k - 1} sum_{z in S} p(z | x, y),  x not in S.

One step (k = 1) is greedy; two steps are the exact look-ahead of two labels; and with k all the labels
that are left, s is ENS, efficient nonmyopic search.

With money, a test of a fidelity m that costs c leaves less of it for what is then bought all at once,
and only a label pays,

    s(x, m) = [m is the label] p(x) + sum_y P(y | x, m) top(x, m, y; money - c),

top being the sum of the highest probabilities per price that the money affords. Its gain over the same
money without the test, s(x, m) - top(money - c), is never negative, and counts per cost.

Where a label changes the chances of few items, as with nearest neighbours, most of them are ruled out
by an upper bound, see `pruning`: choices stay as they are. Where it changes all, as with the logistic
belief, bounds were found to rule out little. Of 10,000 items with 20 features, four of five or more
were left by a bound on each change (Cauchy-Schwarz), at any time, and most of them until 20 labels by
the exact changes at a fixed level, which need all products: so the likeliest are looked at.

Sources: Garnett, Krishnamurthy, Xiong, Schneider, Mann, "Bayesian Optimal Active Search and
Surveying", ICML 2012; Jiang, Malkomes, Converse, Shofner, Moseley, Garnett, "Efficient Nonmyopic
Active Search", ICML 2017, equation (7); Nguyen, Modiri, Garnett, "Nonmyopic Multifidelity Active
Search", ICML 2021, for fidelities.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import flag, integer
from ..beliefs.belief import ROUNDING, Local, Probabilities, highest
from .decision import Decision
from .pruning import pruned, top_sums
from .rule import Rule, best

BLOCK, WIDTH = 2**13, 8
"""Numbers of a block in each episode, probabilities of all items given labels of some candidates, and
how many candidates it has at least: a matrix product of few is slow."""
ROOM = 2**22
"""Most numbers of a block in all episodes for the sake of that: a few arrays of 16 or 32 MB."""

EXACT = 1e-12
"""What double precision may do to a chance of 1."""


class ActiveSearch(Rule[Probabilities]):
    """Active search with a look-ahead of some labels.

    Args:
        steps: Number of labels to look ahead, the next one included.
        candidates: Only so many items of the highest probability are looked at; None: all.
    """

    needs = Probabilities

    def __init__(self, steps: int = 2, candidates: int | None = 50) -> None:
        self.steps: int | None = integer("steps", steps, low=1)
        if candidates is not None:
            candidates = integer("candidates", candidates, low=1)
        self.candidates = candidates

    def choose(self, belief: Probabilities, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        mean = belief.chance()  # free of the unit of the label
        b, n = mean.shape
        legal = decision.mask > 0
        left = decision.left if self.steps is None else np.minimum(decision.left, self.steps)
        later = np.clip(left - 1, 0, legal.sum(1) - 1)
        if isinstance(belief, Local):
            return self._among_few(belief, decision, later, random)
        count = min(self.candidates or n, n)
        items = highest(np.where(legal, mean, -np.inf), count, random, ROUNDING)
        p = np.take_along_axis(mean, items, 1)
        future = np.empty((b, count))
        width = _width(b, n)
        for block in (slice(i, i + width) for i in range(0, count, width)):
            failure, success = belief.given(items[:, block])
            for means in (failure, success):
                np.copyto(means, -np.inf, where=~legal[:, None])
                np.put_along_axis(means, items[:, block, None], -np.inf, 2)
            q = p[:, block]
            future[:, block] = (1 - q) * top_sums(failure, later) + q * top_sums(success, later)
        score = np.full((b, n), -np.inf)
        np.put_along_axis(score, items, p + future, 1)
        return best(score, decision.mask, random, ROUNDING * (1 + later[:, None]))

    def _among_few(self, belief: Local, decision: Decision, later: Whole, random: Random) -> Whole:
        """Return the chosen items, where a label changes the chances of few of them, ``(B,)``."""
        legal, within = decision.mask > 0, EXACT * (1 + later)
        chances = [np.where(legal, chance, 0.0) for chance in (belief.chance(), *belief.after())]
        allowed = legal
        if self.candidates is not None:
            likely = np.where(legal, chances[0], -np.inf)
            items = highest(likely, self.candidates, random, EXACT)
            allowed = np.zeros_like(legal)
            np.put_along_axis(allowed, items, True, 1)
        score = np.empty(legal.shape)
        for i, now in enumerate(zip(*chances, strict=True)):
            graph = belief.reached(i)
            score[i] = pruned(graph, now, allowed[i] & legal[i], int(later[i]), within[i])
        return best(score, decision.mask, random, within[:, None])


class ENS(ActiveSearch):
    """Efficient nonmyopic search: active search that looks ahead to the last label.

    Args:
        candidates: Only so many items of the highest probability are looked at; None: all.
        per_cost: With money, whether tests are compared by their gain per cost rather than by what they
            and all money at once bring. Either looks one test ahead: where several cheap tests are
            needed before they change anything the latter buys none, and the former may buy too many.
    """

    def __init__(self, candidates: int | None = 50, per_cost: bool = True) -> None:
        super().__init__(candidates=candidates)
        self.steps = None
        self.per_cost = flag("per_cost", per_cost)

    def buy(self, belief: Probabilities, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, or the tests of items, as actions, ``(B,)``."""
        tests, cost = decision.tests, decision.cost
        if tests is None or cost is None:
            return self.choose(belief, decision, random)
        chance, count = belief.chance(), self.candidates or tests.shape[1]
        items = highest(np.where(tests.any(2), chance, -np.inf), count, random, ROUNDING)
        score = np.full(tests.shape, -np.inf)
        width = _width(*tests.shape[:2])
        for test in range(tests.shape[2]):
            for some in (items[:, i : i + width] for i in range(0, items.shape[1], width)):
                worth = self._worth(belief, decision, some, test)
                np.put_along_axis(score[:, :, test], some, worth, 1)
        unit = cost.min() if self.per_cost else 1
        within = ROUNDING * (1 + decision.left[:, None]) / unit
        legal = tests.reshape(len(tests), -1).astype(np.int8)
        return best(score.reshape(legal.shape), legal, random, within)

    def _worth(self, belief: Probabilities, decision: Decision, items: Whole, test: int) -> Array:
        """Return the scores of a test of some items, ``(B, m)``."""
        assert decision.tests is not None
        assert decision.money is not None
        label, is_label = decision.tests[:, None, :, -1], test == decision.num_tests - 1
        price = decision.price[:, None]
        paid = np.take_along_axis(decision.costs[:, :, test], items, 1)
        left = decision.money[:, None] - paid
        positive = np.take_along_axis(belief.positive(test), items, 1)
        worth = positive * is_label
        outcomes = zip((1 - positive, positive), belief.given_test(items, test), strict=True)
        for share, after in outcomes:
            then = np.where(label, after, 0.0)
            if is_label:
                np.put_along_axis(then, items[:, :, None], 0.0, 2)
            worth += share * at_once(then, price, left)
        if self.per_cost:
            now = np.where(label, belief.chance()[:, None], 0.0)
            now = np.broadcast_to(now, (*items.shape, now.shape[2]))
            worth -= at_once(now, price, left)
            worth /= paid
        return worth


def _width(b: int, n: int) -> int:
    """Return how many candidates are looked at together in each of B episodes with n items."""
    return max(1, BLOCK // n, min(WIDTH, ROOM // (b * n)))


def at_once(values: NDArray[Any], price: NDArray[Any], money: NDArray[Any]) -> Array:
    """Return what all money brings on items by falling value per price, ``(B, m)``.

    Args:
        values: Their values, 0 for what cannot be bought, ``(B, m, n)``.
        price: Their prices, broadcast to ``(B, m, n)``.
        money: The money, broadcast to ``(B, m)``.
    """
    order = np.argsort(-values / price, axis=2, kind="stable")
    values = np.take_along_axis(values, order, 2)
    paid = np.take_along_axis(np.broadcast_to(price, values.shape), order, 2).cumsum(2)
    return np.asarray(np.where(paid <= money[..., None], values, 0.0).sum(2))
