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

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from ...envs.core.checks import LARGE, choice, flag, integer, real
from ..beliefs import Belief
from .decision import Decision
from .rule import Rule, best, one_of

Array = NDArray[np.float64]
Point = tuple[float, float, int]

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

    def choose(self, belief: Belief, decision: Decision, random: Random) -> NDArray[np.int64]:
        """Return the chosen items, ``(B,)``."""
        mask = decision.mask
        regret, explained = self._about(belief, decision, random)
        gain = np.where(mask, belief.reach(explained), 0.0)
        off = 2 * belief.rounding(drawn=True)
        return self._drawn(regret, gain, mask, (off, off * belief.widest()), random)

    def buy(self, belief: Belief, decision: Decision, random: Random) -> NDArray[np.int64]:
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
    ) -> NDArray[np.int64]:
        """Return what is drawn from the best distribution, ``(B,)``.

        Regret and information of every action are ``(B, n)``, ``off`` is what rounding does to them,
        ``(B, 1)`` each. With ``costs`` both are per cost.
        """
        regret = np.maximum(regret, _floor(regret))  # of labelled items it may be below 0
        gain = np.maximum(gain, _floor(gain))
        if self.deterministic:
            chosen = best(np.log(gain) - self.lam * np.log(regret), mask, random)
        else:
            chosen = self._of_two(regret, gain, mask, random.random(len(regret)), costs)
        # Items that are alike in both, up to rounding, have the same claim. The ratio itself tells
        # nothing of the kind: where a regret is nearly 0, rounding decides its size.
        rows = np.arange(len(chosen))
        apart = regret - regret[rows, chosen][:, None]
        alike = np.abs(apart, out=apart) <= off[0]
        alike &= mask > 0
        episodes, items = alike.nonzero()  # few, so that the rest looks at them only
        apart = np.abs(gain[episodes, items] - gain[rows, chosen][episodes])
        gain_off = off[1][:, 0] + 1e-5 * gain.max(1)
        alike[episodes, items] = apart <= gain_off[episodes]
        return one_of(alike, random)

    def _of_two(
        self,
        regret: Array,
        gain: Array,
        mask: NDArray[np.int8],
        coins: Array,
        costs: Array | None,
    ) -> NDArray[np.int64]:
        """Return one of the two actions of each episode that the best distribution lies on, ``(B,)``."""
        chosen = np.empty(len(regret), np.int64)
        legal = np.where(mask, regret, np.inf)
        for i in range(len(regret)):
            first, second, weight = two_point(legal[i], gain[i], self.lam)
            if costs is not None:  # of the money, not of the tests
                one, other = np.array([1 - weight, weight]) / costs[i, [first, second]]
                weight = other / (one + other)
            chosen[i] = second if coins[i] < weight else first
        return chosen


def _floor(values: Array) -> Array:
    """Return what values ``(B, n)`` are raised to, ``(B, 1)``."""
    return np.asarray(TINY * np.maximum(values.max(1, keepdims=True), 0.0) + LEAST)


def two_point(
    regret: NDArray[np.float64], gain: NDArray[np.float64], lam: float
) -> tuple[int, int, float]:
    """Return the two items and the weight of the second that minimise (pi.regret)^lam / (pi.gain).

    For lam >= 1 the ratio falls towards small regret and large gain, so the minimum lies on the lower
    right chain of the convex hull of the points (gain, regret), from the item of least regret to
    the one of most gain; on each edge it has a closed form (set the derivative to 0).

    Args:
        regret: Expected regret of each item, ``(n,)``, not negative; infinite if it may not be chosen.
        gain: Information of each item, ``(n,)``, not negative.
        lam: Exponent, at least 1.

    Returns:
        First item, second item, and the probability of the second.
    """
    least, most = (regret == regret.min()).nonzero()[0], (gain == gain.max()).nonzero()[0]
    low, high = int(least[gain[least].argmax()]), int(most[regret[most].argmin()])
    if gain[high] <= gain[low]:
        return low, low, 0.0
    slope = (regret[high] - regret[low]) / (gain[high] - gain[low])
    more = gain - gain[low]
    below = more >= 0
    more *= slope
    more += regret[low]
    below &= regret <= more
    below[[low, high]] = True  # rounding must not lose the ends
    some = below.nonzero()[0]
    some = some[np.lexsort((regret[some], gain[some]))]
    chain: list[Point] = []
    for point in zip(gain[some].tolist(), regret[some].tolist(), some.tolist(), strict=True):
        while len(chain) > 1 and _above(chain[-2], chain[-1], point):
            chain.pop()
        chain.append(point)
    ends = np.array([k for _, _, k in chain])
    unit = np.exp2(np.frexp(regret[high])[1])  # a power of two, which loses no digit
    g, d = gain[ends], regret[ends] / unit
    rise, run = np.diff(d), np.diff(g)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = (run * d[:-1] - lam * rise * g[:-1]) / ((lam - 1) * rise * run)
        weight = np.fmin(np.fmax(weight, 0.0), 1.0)  # 0 for what is no number
        ratio = (d[:-1] + weight * rise) ** lam / (g[:-1] + weight * run)
    edge = int(np.fmin(ratio, np.inf).argmin())
    return int(ends[edge]), int(ends[edge + 1]), float(weight[edge])


def _above(one: Point, middle: Point, other: Point) -> bool:
    """Return whether the middle point lies on or above the line between the others: it is no corner."""
    left = (middle[0] - one[0]) * (other[1] - one[1])
    right = (middle[1] - one[1]) * (other[0] - one[0])
    return left <= right
