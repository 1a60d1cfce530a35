r"""Information-directed sampling: little regret now, or much information about the best items.

With Delta(x) the expected regret of labelling x now and g(x) the information that the label gives
about which item is best, choose from the distribution pi over items that minimises

    Psi(pi) = (pi . Delta)^lam / (pi . g).

As in the paper's experiments g(x) is the variance of f(x) that the identity of the best item
explains, g(x) = sum_a P(best = a) (E[f(x) | best = a] - E[f(x)])^2, estimated from joint draws of the
posterior. By the paper's definition it is what x tells about the set of the best m items, with m
labels left: the same sum over sets instead of items. Where m is large every draw has a set of its own,
so that g(x) becomes the whole posterior variance of f(x).

With money, all tests compete, and pi says how the next money is shared among them. With eta what the
best label brings per cost, about, a test of cost c and correlation r with the value costs and tells

    Delta(x, m) = c eta - [m is the label] E f(x),    g(x, m) = g(x) r_m^2 / r_label^2,

and Psi is that of Delta / c and g / c: by Cauchy and Schwarz the regret of a budget B is then at most
(Psi B H)^(1/2) for lam = 2, H being the entropy of what is best, as it is (Psi T H)^(1/2) for T labels.
A test is drawn with a probability in proportion to pi / c.

Sources: Kirschner, Krause, "Information Directed Sampling and Bandits with Heteroscedastic Noise", COLT
2018, for labels that tell less; Russo, Van Roy, "Learning to Optimize via Information-Directed
Sampling", Operations Research 66 (2018), section 6.3 (variance-based); Xu et al., "Adaptive Sampling
for Discovery", NeurIPS 2022, section 3 and algorithm 1.
"""

from __future__ import annotations

from itertools import pairwise
from math import frexp, ldexp

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import LARGE, choice, flag, integer, real
from ..beliefs import Belief
from .decision import Decision
from .rule import Rule, best

Point = tuple[float, float, int]
"""Gain, regret and place of an item."""

TINY = 1e-12
"""What Delta and g are raised to, relative to their largest value: draws leave noise below it."""
LEAST = 1e-300
"""What they are raised to in any case; where nothing can be learnt, the least regret decides."""


class IDS(Rule[Belief]):
    """Information-directed sampling.

    Args:
        lam: Exponent of the regret, at least 1; larger values prefer small regret.
        samples: Number of joint draws of the posterior behind Delta and g; the belief
            `nodes` computes their average without drawing.
        about: What the information is about: "best", the best item, or "top", the set of the best
            as many items as labels are left.
        deterministic: Choose the single item of the smallest Delta^lam / g, as the paper's code
            does, rather than draw from the best distribution, which lies on at most two items.
    """

    def __init__(
        self,
        lam: float = 2.0,
        samples: int = 500,
        about: str = "best",
        deterministic: bool = False,
    ) -> None:
        self.lam = real("lam", lam, low=1, high=LARGE)
        self.samples = integer("samples", samples, low=2, high=1_000_000)
        self.about = choice("about", about, ("best", "top"))
        self.draws = self.samples if about == "best" else 0
        self.deterministic = flag("deterministic", deterministic)

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        mask = decision.mask
        regret, explained = self._about(belief, decision, random)
        gain = belief.reach(explained) * mask
        off = 2 * belief.rounding(drawn=True)
        return self._drawn(regret, gain, mask, (off, off * belief.widest()), random)

    def buy(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen tests, as actions, ``(B,)``."""
        if decision.tests is None:
            return self.choose(belief, decision, random)
        decision = decision.items  # whose mask is not empty
        regret, explained = self._about(belief, decision, random)
        mean, price = belief.mean(), decision.price
        legal, costs = decision.mask > 0, decision.costs.astype(np.float64)
        rate = np.where(legal, mean / price, -np.inf).max(1)
        dearest = np.where(legal, price, 0.0).max(1)
        rate = np.maximum(rate, (regret + mean)[:, 0] / dearest)  # eta, of equal prices exactly
        loss = np.maximum(rate, 0.0)[:, None, None] * costs
        loss[:, :, -1] = rate[:, None] * price - mean
        told = np.where(legal, belief.reach(explained), 0.0)
        gain = np.repeat(told[:, :, None], decision.num_tests, 2)
        for m in range(decision.num_tests - 1):
            heard = np.maximum(belief.correlation(decision.num_tests - 1), 1e-6)
            gain[:, :, m] *= (belief.correlation(m) / heard) ** 2
        off = 2 * belief.rounding(drawn=True) / costs.min((1, 2))[:, None]
        flat, tests = (len(mean), -1), decision.useful
        gain = np.where(tests, gain / costs, 0.0).reshape(flat)
        alike = off, off * belief.widest()
        mask = tests.reshape(flat).astype(np.int8)
        costs = costs.reshape(flat)
        return self._drawn(loss.reshape(flat) / costs, gain, mask, alike, random, costs)

    def _about(self, belief: Belief, decision: Decision, random: Random) -> tuple[Array, Array]:
        """Return the expected regret and the information of the label of every item, ``(B, n)`` each."""
        if self.about == "best":
            return belief.about_best(self.samples, decision.mask, random)
        return belief.about_top(self.samples, decision.mask, decision.left, random)

    def _drawn(
        self,
        regret: Array,
        gain: Array,
        mask: NDArray[np.int8],
        off: tuple[Array, Array],
        random: Random,
        costs: Array | None = None,
    ) -> Whole:
        """Return what is drawn from the best distribution, ``(B,)``.

        Regret and information of every action are ``(B, n)``, the latter written over; ``off`` is what
        rounding does to them, ``(B, 1)`` each. With ``costs`` both are per cost.
        """
        regret = np.maximum(regret, _least(regret))  # of labelled items it may be below 0
        np.copyto(regret, np.inf, where=mask == 0)
        np.maximum(gain, _least(gain), out=gain)
        first = np.arange(0, gain.size, gain.shape[1])
        if self.deterministic:
            chosen = first + best(np.log(gain) - self.lam * np.log(regret), mask, random)
        else:
            one, other, weight = two_points(regret, gain, self.lam)
            if costs is not None:  # of the money, not of the tests
                one_paid, other_paid = (1 - weight) / costs.take(one), weight / costs.take(other)
                weight = other_paid / (one_paid + other_paid)
            chosen = np.where(random.random(len(gain)) < weight, other, one)
        # Items that are alike in both, up to rounding, have the same claim. The ratio itself tells
        # nothing of the kind: where a regret is nearly 0, rounding decides its size.
        apart = regret - regret.take(chosen)[:, None]
        alike = np.abs(apart, out=apart) <= off[0]
        alike.ravel()[chosen] = True  # where nothing is legal too
        few = alike.ravel().nonzero()[0]  # so that the rest looks at them only
        episodes = few // gain.shape[1]
        apart = np.abs(gain.take(few) - gain.take(chosen)[episodes])
        few = few[apart <= (off[1][:, 0] + 1e-5 * gain.max(1))[episodes]]
        start = few.searchsorted(first)
        count = few.searchsorted(first + gain.shape[1]) - start
        picked = start + (random.random(len(gain)) * count).astype(np.int64)
        return np.asarray(few[picked] - first)


def _least(values: Array) -> Array:
    """Return what values ``(B, n)`` are raised to, ``(B, 1)``."""
    return np.asarray(np.maximum(TINY * values.max(1, keepdims=True), LEAST))


def two_points(regret: Array, gain: Array, lam: float) -> tuple[Whole, Whole, Array]:
    """Return the two items and the weight of the second that minimise (pi.regret)^lam / (pi.gain).

    For lam >= 1 the ratio falls towards small regret and large gain, so the minimum lies on the lower
    right chain of the convex hull of the points (gain, regret), from the item of least regret to
    the one of most gain; on each edge it has a closed form (set the derivative to 0).

    Args:
        regret: Expected regret of each item, ``(B, n)``, not negative; infinite if it may not be chosen.
        gain: Information of each item, ``(B, n)``, above 0.
        lam: Exponent, at least 1.

    Returns:
        First item and second item, as places in the flat arrays, and the probability of the second,
        ``(B,)`` each.
    """
    n, first = gain.shape[1], np.arange(0, gain.size, gain.shape[1])
    low, high = first + regret.argmin(1), first + gain.argmax(1)
    run = gain.take(high) - gain.take(low)
    high = np.where(run > 0, high, low)
    rise = regret.take(high) - regret.take(low)
    chord = gain - gain.take(low)[:, None]
    chord *= (rise / np.maximum(run, LEAST))[:, None]
    chord += regret.take(low)[:, None]
    below = (regret < chord).ravel()
    below[low] = below[high] = True  # of these there may be others, but none is better
    some = below.nonzero()[0]
    told = gain.take(some).tolist(), regret.take(some).tolist(), some.tolist()
    points: list[list[Point]] = [[] for _ in gain]
    for point in zip(*told, strict=True):
        points[point[2] // n].append(point)
    found = [_of_chain(_chain(sorted(of)), lam) for of in points]
    one, other, weight = zip(*found, strict=True)
    return np.array(one), np.array(other), np.array(weight)


def _chain(points: list[Point]) -> list[Point]:
    """Return the corners of the lower hull of points in rising order."""
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and _above(chain[-2], chain[-1], point):
            chain.pop()
        chain.append(point)
    return chain


def _of_chain(chain: list[Point], lam: float) -> tuple[int, int, float]:
    """Return the ends of the edge with the least ratio, and the weight of the second."""
    found, least = (chain[0][2], chain[0][2], 0.0), np.inf
    power = frexp(chain[-1][1])[1]  # regret in units of a power of two, which loses no digit
    for (g, worse, one), (more, worst, other) in pairwise(chain):
        d, run = ldexp(worse, -power), more - g
        rise = ldexp(worst, -power) - d
        top, bottom = run * d - lam * rise * g, (lam - 1) * rise * run
        weight = min(max(0.0, top / bottom), 1.0) if bottom else float(top > 0)
        ratio = (d + weight * rise) ** lam / (g + weight * run)
        if ratio < least:
            found, least = (one, other, weight), ratio
    return found


def _above(one: Point, middle: Point, other: Point) -> bool:
    """Return whether the middle point lies on or above the line between the others: it is no corner."""
    left = (middle[0] - one[0]) * (other[1] - one[1])
    right = (middle[1] - one[1]) * (other[0] - one[0])
    return left <= right
