r"""Logistic belief: P(y = 1 | x) = sigmoid(theta . x), theta ~ N(0, prior_std^2 I), by Laplace.

The posterior of theta is approximated by the normal law around its mode mu whose covariance is the
inverse of the Hessian H of the negative log posterior:

    theta ~ N(mu, H^-1),  H = I / prior_std^2 + sum_t p_t (1 - p_t) x_t x_t',  p_t = sigmoid(mu . x_t).

The mode is found by Newton's method with step halving, for all episodes at once and from where it
was before the last label, which takes about four steps. The value of an item is its probability
f = sigmoid(eta), eta ~ N(m, v) with m = mu . x and v = x' H^-1 x. Its moments are those of the
sigmoid as a mixture of eight normal distribution functions, which is exact to 3e-9,

    sigmoid(z) = sum_i w_i Phi(s_i z),  k_i = s_i / sqrt(1 + s_i^2 v),
    Z(m, v) = E f = sum_i w_i Phi(k_i m),  E f (1 - f) = dZ/dm,  so  Var f = Z - dZ/dm - Z^2.

Assumed-density filtering finds what a label y to come would tell: given y, theta is taken as normal with
its exact mean and covariance, so that with c = x' H^-1 x' of two items, and
Z and its derivatives at the item x to be labelled (at -m for y = 0, the first with its sign changed),

    m' <- m' + c Z_m / Z,   v' <- v' + c^2 (Z_mm / Z - (Z_m / Z)^2).

A proxy of an item is its label, 0 or 1, seen through a test that errs; see `flips`. Its part of the log
posterior is exact, and not concave, so that Newton's method takes, as the Hessian does, the expected
information in the place of the curvature; its mode is the one next to the last. What is believed of an
item is then the chance that its label is 1 given its tests, whose log odds are eta plus theirs.

A table has no prior, and the size of a coefficient depends on the unit of its feature. There the belief
is free of units, as the linear one is: features phi are standardised over the pool
and divided by sqrt(d), and there is an intercept,

    eta = b + theta . phi(x),  theta ~ N(0, s^2 I),  b ~ N(0, c^2 s^2),  s = `SPREAD`,

with c such that the share of successes in the pool may be anything. About E sigmoid(b + s Z), over
normal scores s Z of the items, is sigmoid(b / k) with k^2 = 1 + pi s^2 / 8; if it is uniform, b / k
has the logistic law, whose variance is pi^2 / 3: c s = k pi / sqrt(3).

Sources: MacKay, "The Evidence Framework Applied to Classification Networks", Neural Computation 4
(1992), for Laplace and for sigmoid(m / sqrt(1 + pi v / 8)); Monahan and Stefanski in Balakrishnan
(ed.), "Handbook of the Logistic Distribution" (1992), for the mixture; Opper in Saad (ed.), "On-line
Learning in Neural Networks" (1998), for the filter. The model is that of Xu et al., NeurIPS 2022,
section 4.1.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from ...envs.core import Random
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.checks import MOST_TOGETHER, quantity, room
from ...envs.pools import BinaryProxy, FeaturePool
from .belief import ROUNDING, explained_by
from .flips import Flips, by_item, information
from .history import TwoLabels, with_intercept

WEIGHTS = (
    0.003246343272134, 0.051517477033972, 0.195077912673858, 0.315569823632818,
    0.274149576158423, 0.131076880695470, 0.027912418727972, 0.001449567805354,
)  # fmt: skip
SLOPES = (
    1.365340806296348, 1.059523971016916, 0.830791313765644, 0.650732166639391,
    0.508135425366489, 0.396313345166341, 0.308904252267995, 0.238212616409306,
)  # fmt: skip
"""The sigmoid as a mixture of normal distribution functions."""

SPREAD = 3.0
"""Standard deviation s of the log odds over the items of a table. It hardly matters: over 180 tables
of synthetic laws (linear, network, quadratic, logistic; 5 to 50 % successes) `greedy` and `bayes_ucb`
averaged 0.297 of what the best choices gain over random ones with 3, and at least 0.288 from 1 to 8."""

CONSTANT = (np.pi**2 / 3 * (SPREAD**-2 + np.pi / 8)) ** 0.5
"""What the intercept multiplies, c, so that it shares the prior of the slopes."""

CERTAIN = 1e3
"""Largest prior standard deviation of log odds: beyond, labels are certain, and equations singular."""
PATIENCE = 200
"""Steps of Newton's method at most, of which it takes a few."""
CLOSE = 1e-10
"""Newton's method ends at a step whose square is below this, in posterior standard deviations: the
mode is then exact to the square of it, and the Hessian is that of one step before."""
CLOSER = 1e-20
"""The same where labels come out of order, which the Hessian must not tell."""

FAR = 1e-4
"""Steps whose square is above this may be halved; below it they are known to be good."""


class Logistic(TwoLabels):
    """Belief over the success probabilities of the items of a pool with two values of labels.

    The probabilities are what it learns and looks ahead by, so that it is free of the unit of the
    label. Means, standard deviations and draws of labels are in that unit: with values a < b a
    probability p stands for the expected label a + (b - a) p, which is p where labels are 0 and 1.

    On a table, and without settings, it is free of the units of the features as well: they are
    standardised, and there is an intercept, by which any share of successes is about as likely. Pools
    that draw their coefficients have a prior, which is taken as it is.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        prior_std: Prior standard deviation of each coefficient, in log odds per feature, without
            intercept; None takes the model's own. Of a table, which has none, it is free of units.
    """

    def __init__(
        self, model: FeaturePool, num_episodes: int, *, prior_std: float | None = None
    ) -> None:
        super().__init__(model, num_episodes)
        own = getattr(model, "prior_std", None)
        self._standard = prior_std is None and own is None  # free of units
        if prior_std is None:
            prior_std = SPREAD if own is None else own
        prior_std = quantity("prior_std", prior_std)
        self.prior_std = min(prior_std, CERTAIN / getattr(model, "feature_std", 1.0))
        b, d = num_episodes, model.num_features + self._standard
        room("The covariances", b * d * d, "take fewer features", MOST_TOGETHER)
        self._mode = np.zeros((b, d))  # mu
        self._hessian = np.tile(np.eye(d) / self.prior_std**2, (b, 1, 1))
        self._chances = np.array(model.proxies, np.float64).reshape(-1, 2)
        self._odds = np.zeros((b, model.num_items * (len(self._chances) > 0)))  # of tests that err
        self._made = np.zeros((*self._odds.shape, len(self._chances)), np.bool_)
        self._forget()

    # ---- learning

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from."""
        return (BinaryProxy,)

    def update(self, observation: Any, start: Flags) -> None:
        """Find the mode given all labels, in the episodes where there are new ones.

        The labels of a step are taken in together, and the search starts from the last mode: a history
        that is read at once leads to the same digits.
        """
        arrivals = self._follow(observation, start)
        count = arrivals.count
        if (self._seen < count).any():
            self._forget()
        while (behind := (self._seen < count).nonzero()[0]).size:
            ends = np.minimum(self._seen[behind] + self.model.batch_size, count[behind])
            for t in np.unique(ends).tolist():
                group = behind[ends == t]
                items, labels = arrivals.items[group, :t], arrivals.labels[group, :t]
                success = self._succeeds(items, labels)
                x = self._rows(group[:, None], items).astype(np.float64)
                at = None if arrivals.fidelity is None else arrivals.fidelity[group, :t]
                n = self.model.num_items
                shown = Flips.of(items, success, at, self._chances, n)
                fit = self._newton(x, shown, self._mode[group])
                self._mode[group], self._hessian[group] = fit
                if at is not None:
                    self._odds[group], self._made[group] = self._from_tests(items, success, at)
                self._seen[group] = t

    def _from_tests(self, items: Any, positive: Any, at: Any) -> tuple[Array, Flags]:
        """Return log odds and kinds of the tests that err, of items without a label, ``(E, n, ...)``."""
        odds, made, _ = by_item(items, positive, at, self._chances, self.model.num_items)
        episode, place = (at == len(self._chances)).nonzero()
        odds[episode, items[episode, place]] = 0.0
        return odds, made

    def _restart(self, observation: Any, start: Flags) -> None:
        """Go back to the prior where an episode starts, and read its features."""
        self._read_features(observation, start)
        self._mode[start] = 0.0
        self._hessian[start] = np.eye(self._mode.shape[1]) / self.prior_std**2
        self._seen[start] = 0
        self._odds[start], self._made[start] = 0.0, False
        self._forget()

    def _transformed(self, features: Single) -> Single:
        """Return the features as they are, or with an intercept and without units."""
        return with_intercept(features, CONSTANT) if self._standard else features

    def _forget(self) -> None:
        """Drop what was computed from the mode and the Hessian."""
        for name in ("_root", "_scores", "_moments", "_chance"):
            vars(self).pop(name, None)

    def _newton(self, x: Array, shown: Flips, mode: Array) -> tuple[Array, Array]:
        """Return the mode and the Hessian given labels ``(E, t)``, searched for from ``mode``."""
        precision = self.prior_std**-2

        def log_posterior(theta: Array) -> Array:
            likelihood = shown.likelihood(_product(x, theta))
            return np.asarray(likelihood - precision / 2 * (theta**2).sum(1))

        hessian = np.empty((len(mode), x.shape[2], x.shape[2]))
        open_ = np.arange(len(mode))  # those that are not there yet
        for _ in range(PATIENCE):
            if not open_.size:
                break
            theta = mode[open_]
            eta = _product(x, theta)
            p = expit(eta)
            gradient = np.matmul(shown.slope(eta, p)[:, None], x)[:, 0] - precision * theta
            weight = shown.information(p)
            curvature = np.matmul(x.transpose(0, 2, 1), weight[:, :, None] * x)
            curvature += precision * np.eye(x.shape[2])
            step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
            square = np.einsum("ed,ed->e", step, gradient)
            if (far := square > FAR).any():
                before = log_posterior(theta)
                # A quarter of the slope is asked for, which a good step exceeds.
                while (short := far & (log_posterior(theta + step) < before + square / 4)).any():
                    step[short] /= 2
                    square[short] /= 2
            mode[open_], hessian[open_] = theta + step, curvature
            if (near := square < (CLOSE if self._in_order else CLOSER)).any():
                open_, x, shown = open_[~near], x[~near], shown.rows(~near)
        return mode, hessian

    # ---- what is believed

    @cached_property
    def _root(self) -> Array:
        """S of the covariance S S' of theta, ``(B, d, d)``."""
        return np.linalg.inv(np.linalg.cholesky(self._hessian)).transpose(0, 2, 1)

    @cached_property
    def _scores(self) -> tuple[NDArray[np.floating[Any]], Array, Array]:
        """X S ``(B, n, d)``, and mean and variance of the scores eta, odds of tests included."""
        spread = np.matmul(self._x, self._root.astype(self._real))
        mode = self._mode.astype(self._real)[:, :, None]
        score = np.matmul(self._x, mode)[:, :, 0].astype(np.float64)
        if self._odds.size:
            score += self._odds
        return spread, score, np.einsum("bnd,bnd->bn", spread, spread).astype(np.float64)

    @cached_property
    def _moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation of the probabilities, ``(B, n)`` each."""
        _, score, variance = self._scores
        mean, slope, _ = sigmoid_normal(score, variance)
        return mean, np.sqrt(np.maximum(mean - slope - mean**2, 0.0))

    @cached_property
    def _chance(self) -> Array:
        """The mean of the probabilities, which a label to come leaves as it was."""
        return self._moments[0]

    def rounding(self, drawn: bool = False) -> Array:
        """Return what single precision may lose of a probability, in units of the label."""
        return np.full((len(self._mode), 1), ROUNDING * self._unit)

    def chance(self) -> Array:
        """Return the probability of success of every item, ``(B, n)``."""
        return self._chance

    def std(self) -> Array:
        """Return the standard deviation of what the expected label may be, ``(B, n)``."""
        return self._unit * self._moments[1]

    def correlation(self, fidelity: int) -> Array:
        """Return the correlation of a test with the label, 1 for the label itself, ``(B, n)``."""
        p = self.chance()
        if fidelity in (-1, len(self._chances)):
            return np.ones_like(p)
        hit, miss = self._chances[fidelity]
        q = miss + (hit - miss) * p
        variance = np.maximum(q * (1 - q), 1e-300)
        return np.asarray((hit - miss) * np.sqrt(p * (1 - p) / variance))

    def sample(self, count: int, random: Random) -> Array:
        """Return the expected labels under draws of theta, ``(B, count, n)``."""
        return self._labels(self._draws(count, random), self._x, self._odds)

    def sample_of(self, items: Whole, count: int, random: Random) -> Array:
        """Return the same of some items, ``(B, count, m)``."""
        x = self._rows(np.arange(len(items))[:, None], items)
        odds = np.take_along_axis(self._odds, items, 1) if self._odds.size else self._odds
        return self._labels(self._draws(count, random), x, odds)

    def _labels(self, theta: Single, x: Single, odds: Array) -> Array:
        scores = np.matmul(theta, x.transpose(0, 2, 1)).astype(np.float64)
        if odds.size:
            scores += odds[:, None]
        return np.asarray(self._failure + self._unit * expit(scores))

    def _draws(self, count: int, random: Random) -> Single:
        """Return draws of theta, ``(B, count, d)``."""
        b, d = self._mode.shape
        z = random.standard_normal((b, count, d), np.float32)
        theta = np.matmul(z, self._root.transpose(0, 2, 1).astype(np.float32))
        theta += self._mode[:, None].astype(np.float32)
        return np.asarray(theta)

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return the expected regret of every item and the variance that the best one explains.

        The scores tell the best item: probabilities are equal where all of them are nearly 1.
        """
        theta = self._draws(count, random)
        regret, explained = np.empty((2, len(theta), self._x.shape[1]))
        for i in range(len(theta)):
            draws = theta[i] @ self._x[i % len(self._x)].T
            if self._odds.size:
                draws += self._odds[i].astype(np.float32)
            winner = np.where(mask[i], draws, -np.inf).argmax(1)
            draws *= 0.5  # sigmoid(z) = (1 + tanh(z / 2)) / 2, by the fastest way to it
            np.tanh(draws, out=draws)
            draws *= 0.5
            draws += 0.5
            regret[i] = draws[np.arange(count), winner].mean(dtype=np.float64) - draws.mean(0)
            explained[i] = explained_by(winner, draws)
        return self._unit * regret, self._unit**2 * explained

    # ---- what labels to come would tell

    def given(self, items: Whole) -> tuple[Single, Single]:
        """Return the chances that would follow from a failure or a success of each of some items.

        The filter is applied to the less likely label; the other follows from P(y = 0) E[f | y = 0]
        + P(y = 1) E[f | y = 1] = E[f], so that the two agree with `chance`. MacKay's approximation of Z
        serves for the difference that the label makes, at a small part of the cost of the mixture.
        """
        spread, score, variance = self._scores
        row, order = np.arange(len(items))[:, None], np.arange(items.shape[1])
        mean = self.chance()
        rare = (mean[row, items] <= 0.5).astype(np.int64)  # the less likely label
        sign = 2.0 * rare - 1
        z, slope, bend = sigmoid_normal(sign * score[row, items], variance[row, items])
        z = np.maximum(z, 1e-300)  # far out both vanish, and with them what the label would tell
        single = np.float32
        parts = mean, sign * slope / z, bend / z - (slope / z) ** 2, z / (1 - z)
        now, shift, shrink, odds = (a.astype(single) for a in parts)
        c = np.matmul(spread[row, items], spread.transpose(0, 2, 1))
        v = c * c
        v *= shrink[:, :, None]
        v += variance.astype(single)[:, None]
        c *= shift[:, :, None]
        c += score.astype(single)[:, None]
        change = _quick(c, np.maximum(v, 0, out=v))
        change -= _quick(score.astype(single), variance.astype(single))[:, None]
        given = np.empty((2, *c.shape), single)
        given[rare, row, order] = now[:, None] + change
        change *= odds[:, :, None]
        given[1 - rare, row, order] = now[:, None] - change
        np.clip(given, 0, 1, out=given)
        return given[0], given[1]

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief after these labels: the Hessian gains p (1 - p) x x' at the mode.

        For a proxy, and for what an item has had before, it is the expected information.
        """
        ahead = copy(self)
        ahead._forget()
        ahead._chance = self.chance()
        ahead._mode, ahead._seen = self._mode.copy(), self._seen.copy()
        ahead._hessian, ahead._made = self._hessian.copy(), self._made.copy()
        for k, column in enumerate(items.T):
            some = (column >= 0).nonzero()[0]
            x = self._rows(some, column[some])[:, None].astype(np.float64)
            p = expit(_product(x, self._mode[some]))[:, :, None]
            weight = p * (1 - p)
            if fidelity is not None:
                weight = ahead._gained(some, column[some], fidelity[some, k], p[:, 0, 0])
            ahead._hessian[some] += x.transpose(0, 2, 1) * (weight * x)
        return ahead

    def _gained(self, episodes: Any, items: Any, at: Any, p: Array) -> Array:
        """Note one more test of an item in some episodes, and return what it adds, ``(E, 1, 1)``."""
        before, made = self._made[episodes, items], self._made[episodes, items]
        made |= at[:, None] == np.arange(len(self._chances))
        self._made[episodes, items] = made
        after = np.where(at == len(self._chances), p * (1 - p), information(p, made, self._chances))
        gained = after - information(p, before, self._chances)
        return np.maximum(gained, 0.0)[:, None, None]


def sigmoid_normal(mean: Array, variance: Array) -> tuple[Array, Array, Array]:
    """Return E[sigmoid(eta)] for eta ~ N(mean, variance), and its derivatives by the mean.

    The first is exact to 3e-9 everywhere.
    """
    value, slope, bend = np.zeros((3, *np.shape(mean)))
    for weight, s in zip(WEIGHTS, SLOPES, strict=True):
        k = s / np.sqrt(1 + s**2 * variance)
        z = k * mean
        density = (weight / np.sqrt(2 * np.pi)) * k * np.exp(-(z**2) / 2)
        value += weight * ndtr(z)
        slope += density
        bend -= k * z * density
    return np.minimum(value, 1.0), slope, bend  # the weights sum to 1 but for 3e-9


def _quick(mean: Single, variance: Single) -> Single:
    """Return E[sigmoid(eta)] for eta ~ N(mean, variance) by MacKay's approximation, within 0.018."""
    scale = np.float32(np.pi / 8) * variance
    scale += 1
    half = np.divide(mean, np.sqrt(scale, out=scale), out=scale)
    half *= 0.5  # sigmoid(z) = (1 + tanh(z / 2)) / 2, by the fastest way to it
    value = np.tanh(half, out=half)
    value *= 0.5
    value += 0.5
    return np.asarray(value)


def _product(x: Array, theta: Array) -> Array:
    """Return x . theta of every row, ``(E, t)``."""
    return np.asarray(np.matmul(x, theta[:, :, None])[:, :, 0])
