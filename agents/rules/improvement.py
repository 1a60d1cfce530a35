r"""Rules from Bayesian optimisation: expected improvement and the knowledge gradient.

With h(z) = phi(z) + z Phi(z), so that E[max(0, m + s Z)] = s h(m / s) for Z ~ N(0, 1):

Expected improvement of x over an incumbent b is s_x h((m_x - b) / s_x).

The knowledge gradient is how much the label of x will raise the largest posterior mean, on average.
The label moves all means along a line, m + c Z with c = cov(f(.), f(x)) / sqrt(var f(x) + noise^2), so
that the largest mean follows the upper envelope of n lines. Over its lines in the order of their
slopes, which meet at z_1 < z_2 < ...,

    KG(x) = E[max(m + c Z)] - max m = sum_i (c_{i+1} - c_i) h(-|z_i|).

With money, tests of all fidelities compete by what they gain per cost. A test of x whose label has the
correlation r with f(x) moves the mean of x by N(0, (r s_x)^2), and all means along
cov(f(.), f(x)) r / s_x: it has the expected improvement r s_x h((m_x - b) / (r s_x)), and the
knowledge gradient of those slopes.

Sources: Huang, Allen, Notz, Miller, "Sequential kriging optimization using multiple-fidelity
evaluations", Structural and Multidisciplinary Optimization 32 (2006), for improvement by correlation and
per cost; Jones, Schonlau, Welch, "Efficient Global Optimization of Expensive Black-Box Functions",
Journal of Global Optimization 13 (1998), equation (15); Frazier, Powell, Dayanik, "The
Knowledge-Gradient Policy for Correlated Normal Beliefs", INFORMS Journal on Computing 21 (2009);
Ryzhov, Powell, Frazier, "The Knowledge Gradient Algorithm for a General Class of Online Learning
Problems", Operations Research 60 (2012), for its use where every label counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr

from ...envs.core import Random
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import integer
from ..beliefs.belief import AdditiveNoise, Belief, highest
from .decision import Decision
from .rule import Rule, best, one_of

BLOCK = 2**12
"""Items whose bounds are computed together, in the cache."""


class ExpectedImprovement(Rule[Belief]):
    """The largest expected improvement of f(x) over what has been found.

    The incumbent is the largest posterior mean among the items that have their label, rather than
    the largest label, which noise inflates (the plug-in of Picheny, Wagner, Ginsbourger, Structural
    and Multidisciplinary Optimization 48, 2013); among all items where none has. It looks for the
    one best item, while the labels of a pool add up.
    """

    def choose(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        ahead, std = self._ahead(belief, decision)
        # It rises with mean and std: what it would be if rounding had taken all it can from both.
        off, bound = 2 * belief.rounding(), np.empty_like(ahead)
        for some in (slice(i, i + BLOCK) for i in range(0, bound.shape[1], BLOCK)):
            _at_most(ahead[:, some], std[:, some], off, bound[:, some])
        bound[decision.mask == 0] = -np.inf
        first = bound.argmax(1)[:, None]
        least = _log_expected(*(np.take_along_axis(a, first, 1) for a in (ahead, std)))
        allowed = bound >= least - 1e-9 * np.abs(least)  # the others are not the best
        episode, item = allowed.nonzero()
        ahead, std, off = ahead[episode, item], std[episode, item], off[episode, 0]
        score = _log_expected(ahead, std)
        top = np.full(len(bound), -np.inf)
        np.maximum.at(top, episode, score)
        within = _log_expected(ahead + off, std + off) - score
        allowed[episode, item] = score >= top[episode] - within
        return one_of(allowed, random)

    def buy(self, belief: Belief, decision: Decision, random: Random) -> Whole:
        """Return the tests of the largest expected improvement per cost, as actions, ``(B,)``.

        The label counts as if it were free of noise, as it does without money.
        """
        if decision.tests is None:
            return self.choose(belief, decision, random)
        ahead, std = self._ahead(belief, decision)
        off, tests = 2 * belief.rounding(), range(decision.num_tests - 1)
        spread = [*(std * np.maximum(belief.correlation(m), 1e-6) for m in tests), std]
        scores = [_log_expected(ahead, one) for one in spread]
        higher = [_log_expected(ahead + off, one + off) for one in spread]
        score = np.stack(scores, 2) - np.log(decision.costs)
        within = np.stack([b - a for a, b in zip(scores, higher, strict=True)], 2)
        flat = len(score), -1
        legal = decision.useful.reshape(flat).astype(np.int8)
        return best(score.reshape(flat), legal, random, within.reshape(flat) + 1e-9)

    @staticmethod
    def _ahead(belief: Belief, decision: Decision) -> tuple[Array, Array]:
        """Return how far means are above the incumbent, and standard deviations, ``(B, n)`` each."""
        mean, std = belief.mean(), belief.std()
        found = decision.known | ~decision.known.any(1, keepdims=True)
        ahead = mean - mean.max(1, initial=-np.inf, where=found, keepdims=True)
        # What is known for sure is taken to vary a little, which keeps logarithms finite.
        largest = np.maximum(ahead.max(1, keepdims=True), -ahead.min(1, keepdims=True))
        least = 1e-12 * largest + 1e-300
        return ahead, std if (std >= least).all() else np.maximum(std, least)


def _at_most(ahead: Array, std: Array, off: Array, out: Array) -> None:
    """Write an upper bound of log expected improvement where both are higher by ``off``.

    It is much cheaper: h(z) <= phi(z) + max(z, 0).
    """
    std = std + off
    z = ahead + off
    z /= std
    np.maximum(z, 0.0, out=out)
    out += 0.4  # a little more than phi(0)
    out *= std
    np.log(out, out=out)
    np.minimum(z, 0.0, out=z)
    z *= z
    z *= 0.5
    out -= z


def _log_expected(ahead: Array, std: Array) -> Array:
    """Return log E[max(ahead + std Z, 0)] for Z ~ N(0, 1), of the same shape."""
    return np.log(std) + log_improvement(ahead / std)


class KnowledgeGradient(Rule[AdditiveNoise]):
    """The largest posterior mean plus its knowledge gradient for every later label.

    The score of x is mean(x) + (labels left after it) KG(x). As an item is labelled once, x itself
    is no longer among those whose largest mean counts: where items tell nothing about each other,
    the rule is greedy. It needs a belief about labels with additive noise.

    It plans one label ahead, as if the best item after it were labelled in every later step, so that it
    explores too much on most pools.

    Items are examined in the order of an upper bound of their score, until the next bound is below
    the best score: exact, unless that takes more than `candidates` items. The bound replaces the
    slopes by their largest possible size, std(.) times the correlation of f(x) with its label.

    Args:
        candidates: Number of items examined at most.
    """

    needs = AdditiveNoise

    def __init__(self, candidates: int = 20) -> None:
        self.candidates = integer("candidates", candidates, low=1)

    def choose(self, belief: AdditiveNoise, decision: Decision, random: Random) -> Whole:
        """Return the chosen items, ``(B,)``."""
        mean, std = belief.mean(), belief.std()
        legal = decision.mask.astype(np.bool_)
        later = np.maximum(decision.left - 1, 0)
        spread = np.sqrt(belief.label_variance())
        signal = std / np.maximum(spread, 1e-300)
        bound = _bound(mean, std, signal, legal, np.broadcast_to(later[:, None], mean.shape))
        # The bound does not hold for the item of the largest mean, because it leaves: it comes first.
        within = belief.rounding() * (1 + later[:, None])
        bound[np.arange(len(bound)), best(mean, decision.mask, random, within)] = np.inf

        def score(i: int, x: int, row: Array) -> float:
            others = legal[i].copy()
            others[x] = False
            slope = row[others] / max(spread[i, x], 1e-300)
            return float(mean[i, x] + later[i] * rise_of_largest(mean[i, others], slope))

        scores = self._examined(belief, bound, legal, score, random, within)
        return best(scores, decision.mask, random, within)

    def buy(self, belief: AdditiveNoise, decision: Decision, random: Random) -> Whole:
        """Return the tests that gain most per cost, as actions, ``(B,)``.

        A label gains its mean, and every test the knowledge gradient for each of the labels that the
        money left after it can pay.
        """
        if decision.tests is None:
            return self.choose(belief, decision, random)
        mean, std, useful = belief.mean(), belief.std(), decision.useful
        legal, top = decision.items.mask > 0, decision.num_tests - 1
        b, n, m = useful.shape
        costs, later = decision.costs.astype(np.float64), _later(decision, legal)
        heard = std / np.maximum(np.sqrt(belief.label_variance()), 1e-300)  # by the label
        signal = np.stack([*(belief.correlation(k) for k in range(top)), heard], 2)
        bounds = [_bound(mean, std, signal[..., k], legal, later[..., k]) for k in range(m)]
        bound = np.stack([*(one - mean for one in bounds[:top]), bounds[top]], 2)
        # The bound does not hold for the label of the item of the largest mean, because it leaves.
        first = best(mean, legal.astype(np.int8), random, belief.rounding())
        bound[np.arange(b), first, top] = np.inf
        bound = np.where(useful, bound / costs, -np.inf)
        within = belief.rounding() * ((1 + later) / costs).max((1, 2))[:, None]

        def score(i: int, test: int, row: Array) -> float:
            x, k = divmod(test, m)
            others = legal[i].copy()
            others[x] &= k < top
            slope = row[others] * (signal[i, x, k] / max(std[i, x], 1e-300))
            gain = later[i, x, k] * rise_of_largest(mean[i, others], slope)
            return float(((k == top) * mean[i, x] + gain) / costs[i, x, k])

        allowed = useful.reshape(b, n * m)
        scores = self._examined(belief, bound.reshape(b, n * m), allowed, score, random, within)
        return best(scores, allowed.astype(np.int8), random, within)

    def _examined(
        self,
        belief: AdditiveNoise,
        bound: Array,
        legal: Flags,
        score: Callable[[int, int, Array], float],
        random: Random,
        within: Array,
    ) -> Array:
        """Return the scores of the actions whose bounds are the highest, ``(B, n M)``."""
        fidelities = bound.shape[1] // belief.mean().shape[1]
        order = highest(bound, self.candidates, random, within)
        scores = np.full(bound.shape, -np.inf)
        for first in range(0, order.shape[1], 8):
            some = order[:, first : first + 8]
            open_ = np.take_along_axis(bound, some[:, :1], 1)[:, 0] >= scores.max(1)
            if not open_.any():
                break
            covariance = belief.covariance(some // fidelities, random)
            for i in open_.nonzero()[0]:
                for x, row in zip(some[i], covariance[i], strict=True):
                    if legal[i, x]:
                        scores[i, x] = score(i, x, row)
        return scores


def _later(decision: Decision, legal: Flags) -> Array:
    """Return how many labels the money left after each test can pay, ``(B, n, M)``."""
    assert decision.money is not None
    costs, top = decision.costs.astype(np.float64), decision.num_tests - 1
    least = np.where(legal, costs[:, :, top], np.inf).min(1)
    later = np.maximum(decision.money[:, None, None] - costs, 0) // least[:, None, None]
    later = np.minimum(later, legal.sum(1)[:, None, None])
    later[:, :, top] = np.minimum(later[:, :, top], np.maximum(decision.left - 1, 0)[:, None])
    return np.asarray(later)


def _bound(mean: Array, std: Array, signal: Array, legal: Flags, later: NDArray[Any]) -> Array:
    """Return what the score of a legal item is at most, minus infinity of the others, ``(B, n)``.

    Args:
        mean: Means, ``(B, n)``.
        std: Standard deviations, ``(B, n)``.
        signal: Correlations of labels with values, ``(B, n)``.
        legal: Which items count, ``(B, n)``.
        later: Number of labels left after each, ``(B, n)``.
    """
    bound = np.full(mean.shape, -np.inf)
    for i, own in enumerate(legal):
        gain = _gain_at_most(mean[i, own], std[i, own], signal[i, own])
        bound[i, own] = mean[i, own] + later[i, own] * gain
    return bound


def rise_of_largest(mean: Array, slope: Array) -> float:
    """Return E[max(mean + slope Z)] - max(mean) for Z ~ N(0, 1), exactly; 0 for no items.

    Args:
        mean: Shape ``(n,)``.
        slope: Shape ``(n,)``.
    """
    if not len(mean):
        return 0.0
    lines = envelope(mean, slope)
    step, meet = _corners(mean[lines], slope[lines])
    return float(step @ np.exp(log_improvement(-np.abs(meet))))


def _gain_at_most(mean: Array, std: Array, signal: Array) -> Array:
    """Return E[max(mean + r std |Z|)] - max(mean) for every r in ``signal``, ``(n,)``."""
    lines = envelope(mean, std)
    step, meet = _corners(mean[lines], std[lines])
    start = meet <= 0  # corners at Z below 0, which |Z| never meets
    base = float(std[lines][np.count_nonzero(start)]) * signal
    # E|Z| = 2 h(0), and a corner at z > 0 adds 2 r step h(-z / r).
    with np.errstate(over="ignore"):  # a test that tells nothing never comes that far
        at = -meet[~start] / np.maximum(signal[:, None], 1e-300)
    rest = signal * (np.exp(log_improvement(at)) @ step[~start])
    return np.asarray(base * np.sqrt(2 / np.pi) + 2 * rest)


def _corners(mean: Array, slope: Array) -> tuple[Array, Array]:
    """Return the change of slope at the corners of an envelope, and where they lie."""
    step = np.diff(slope)
    with np.errstate(over="ignore"):  # all but parallel: they meet at infinity
        return step, -np.diff(mean) / step


def envelope(mean: Array, slope: Array) -> Whole:
    """Return which lines mean + slope z form the upper envelope, by rising slope.

    Between two of them, the line that is highest where the two meet belongs to it, unless none is
    higher than they are: 2 k - 1 looks at all lines find the k lines of the envelope.

    Source: Eisner and Severance, "Mathematical techniques for efficient record segmentation in large
    shared databases", Journal of the ACM 23 (1976).
    """
    left = slope == slope.min()
    right = slope == slope.max()
    first = int(np.where(left, mean, -np.inf).argmax())
    last = int(np.where(right, mean, -np.inf).argmax())
    if slope[first] == slope[last]:
        return np.array([first])
    found, gaps = [first], [(first, last)]
    while gaps:
        i, j = gaps.pop()
        z = (mean[i] - mean[j]) / (slope[j] - slope[i])
        height = mean + slope * z
        k = int(height.argmax())
        level = max(height[i], height[j])
        if slope[i] < slope[k] < slope[j] and height[k] > level + 1e-12 * abs(level):
            gaps += [(k, j), (i, k)]
        else:
            found.append(j)
    return np.array(found)


def log_improvement(z: Array) -> Array:
    """Return log h(z) with h(z) = phi(z) + z Phi(z) = E[max(0, z + Z)], accurate in both tails.

    Source: Ament et al., "Unexpected Improvements to Expected Improvement for Bayesian
    Optimization", NeurIPS 2023, section 4.1.
    """
    z = np.maximum(z, -1e150)  # squares must not overflow
    out = np.empty_like(z)
    near = z > -1
    x = z[near]
    out[near] = np.log(np.exp(-x * x / 2) / np.sqrt(2 * np.pi) + x * ndtr(x))
    x = z[~near]
    # h = phi (1 - |z| m(|z|)) with Mills' ratio m; 1 - |z| m tends to 1 / z^2 and loses its digits.
    mills = np.sqrt(np.pi / 2) * erfcx(-x / np.sqrt(2))
    rest = np.where(x > -1e3, np.log(np.maximum(1 + x * mills, 1e-300)), -2 * np.log(-x))
    out[~near] = rest - x * x / 2 - np.log(2 * np.pi) / 2
    return out
