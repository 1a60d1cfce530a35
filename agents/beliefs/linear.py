r"""Linear-Gaussian belief: f(x) = theta . x, theta ~ N(0, prior_std^2 I), noise N(0, noise_std^2).

The covariance of theta is kept as a square root, Sigma = S S', and every label updates it by a
matrix of rank one (Potter's form of the Kalman filter), which cannot lose definiteness:

    w = S' x,  a = w . w + noise_std^2,  v = S w,
    mu += v (y - mu . x) / a,   S -= v w' / (a + noise_std sqrt(a)).

The pool's means X mu and variances |S' x|^2 are carried along: both change by the one product X v,
so that a label costs O(n d + d^2).

A table has no prior, and any number would depend on the unit of its labels. There the belief is free of
units. The features phi are standardised over the pool and divided by sqrt(d), the
labels by their mean m and standard deviation s (until two of them differ s is 1, or a millionth of a
larger label), and

    z = (y - m) / s = b + theta . phi(x) + noise,  theta ~ N(0, I),  noise ~ N(0, g),  g = `NOISE`,

with an intercept b under a flat prior. The prior variance of f thus averages s^2 over the pool. The
covariance of (b, theta) depends on no label: it is kept as above, from the first label x_1 on, which
leaves b = z_1 - theta . phi(x_1) +- sqrt(g), so that

    S = [[sqrt(g), -phi(x_1)'], [0, I]].

The mean is not carried along, since every label moves m and s; it is S S' X_t' z / g. The belief is a
function of the z, which are rounded to `STEP`; its values are in units of the label. Labels a y + c lead
to the same choices up to rounding, and to values a f + c. Without labels b is 0.

A proxy of an item, slope v + N(0, std^2) with its value v, is a label of the features slope x: the
posterior is exact with it. Where the belief is free of units, v differs from f by what is not linear, so
that the variance of its noise is std^2 + slope^2 g s^2; s is then the standard deviation of labels that
the proxies tell, which is public, and m the mean of all labels over their slopes.

Sources: Bierman, "Factorization Methods for Discrete Sequential Estimation" (1977), chapter II; the
model is that of Xu et al., NeurIPS 2022, section 4.1; ridge regression on standardised inputs with an
intercept is that of Hastie, Tibshirani, Friedman, "The Elements of Statistical Learning" (2009),
section 3.4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.core import InputError, Random
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.checks import MOST_TOGETHER, quantity, room
from ...envs.pools import FeaturePool, GaussianProxy
from .belief import ROUNDING, SURE, AdditiveNoise
from .best_item import about_best
from .history import FeatureBelief, with_intercept
from .kept import FEW, Kept
from .units import ROWS, Units, is_large

AHEAD = 2**25
"""Most numbers in products that are kept for labels to come, 128 MB; others are made again."""

NOISE = 0.1
"""Variance of the noise in units of the variance of the labels, where the belief is free of units. It
stands for what a linear function cannot explain; over 22 tables it did better than 0.01."""

STEP = 2.0**-20
"""Labels are rounded to this share of their standard deviation, where the belief is free of units: the
last digits, in which a y + c differs from y, then decide nothing."""

EQUAL = 1e-13
"""Labels that lie within this share of the largest of them are equal."""

LARGEST = 1e30
"""Largest prior variance of f(x), so that single precision can hold it."""


class Linear(FeatureBelief, AdditiveNoise):
    """Belief over the values of the items of a pool with features: linear in them.

    On a table, and without settings, it is free of units: features and labels are standardised, there
    is an intercept, and a tenth of the variance of the labels counts as noise. Over 22 tables
    `bayes_ucb` then reaches 0.505 of what the best choices gain over random ones, and 0.344 with
    prior_std=1 and noise_std=0.1, which does better on 3 of them, such as `diabetes` (0.585 to 0.522).

    Pools that draw their coefficients have a prior, which is taken as it is. Settings that are given
    are in units of the label.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        prior_std: Prior standard deviation of each coefficient, in label per feature, from 1e-12 to
            1e12; None takes the model's own. Of a table, which has none, it is free of units, but 1
            if `noise_std` is given.
        noise_std: Standard deviation of the label noise that the belief assumes, from 1e-12 to 1e12,
            in units of the label; None takes the model's own, or 0.1 if that is 0. On a table it is
            free of units unless a setting is given, and stands for what a linear function cannot
            explain. It counts as at least `SURE` times the prior standard deviation of f(x): labels
            of items with the same features, which may contradict each other, are then averaged
            however small it is.
    """

    _kept: Kept | None

    def __init__(
        self,
        model: FeaturePool,
        num_episodes: int,
        *,
        prior_std: float | None = None,
        noise_std: float | None = None,
    ) -> None:
        super().__init__(model, num_episodes)
        own = getattr(model, "prior_std", None)
        self._standard = prior_std is None and noise_std is None and own is None  # free of units
        if prior_std is None:
            prior_std = 1.0 if own is None else own
        if noise_std is None:
            noise_std = NOISE**0.5 if self._standard else model.noise_std or 0.1
        self.prior_std = quantity("prior_std", prior_std)
        self.noise_std = quantity("noise_std", noise_std)
        self._slope, self._noise, self._spread = self._tests()
        b, n, d = num_episodes, model.num_items, model.num_features + self._standard
        room("The covariances", b * d * d, "take fewer features", MOST_TOGETHER)
        self._root = np.empty((b, d, d))  # S
        self._mu = np.empty((b, d))
        self._mean, self._var = np.empty((b, n)), np.empty((b, n))
        # What the four above are counted from and in: m and s, in units of the label.
        self._centre, self._unit = np.zeros(b), np.ones(b)
        self._ahead: dict[bytes, NDArray[Any]] = {}  # X v of labels to come, of a large pool
        self._largest = np.ones(b)  # prior standard deviation of f, or a label beyond it

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from."""
        return (GaussianProxy,)

    def keep(self, count: int) -> None:
        """Keep ``count`` draws, see `kept`, if they are more than d + 1 or not `FEW`."""
        b, n, d = len(self._mu), self._mean.shape[1], self._mu.shape[1]
        if count > d + 1 or count >= FEW:
            self._kept = Kept(b, count, n, d)

    def update(self, observation: Any, start: Flags) -> None:
        """Take in the labels that are new since the last call."""
        arrivals = self._follow(observation, start)
        items, labels, count = arrivals.items, arrivals.labels, arrivals.count
        if self._kept is not None:
            self._kept.expect(count, self._product)
        fidelity = arrivals.fidelity
        new = (self._seen < count).nonzero()[0]
        while (behind := (self._seen < count).nonzero()[0]).size:
            index = self._seen[behind]
            chosen = items[behind, index]
            at = None if fidelity is None else fidelity[behind, index]
            if not self._standard:
                far = np.abs(labels[behind, index])
                self._largest[behind] = np.maximum(self._largest[behind], far)
                self._learn(behind, chosen, labels[behind, index], fidelity=at)
            else:
                first = ~self._root[behind, 0].any(1)  # label that tells the intercept
                if at is not None:
                    first &= self._slope[at] != 0
                rest, told = (None, None) if at is None else (at[~first], at[first])
                self._learn_first(behind[first], chosen[first], told)
                self._learn(behind[~first], chosen[~first], fidelity=rest)
            self._seen[behind] += 1
        self._ahead.clear()
        if self._standard:
            for t in np.unique(count[new]):
                group = new[count[new] == t]
                at = None if fidelity is None else fidelity[group, :t]
                self._regress(group, items[group, :t], labels[group, :t], at)

    def _tests(self) -> tuple[Array, Array, float]:
        """Return slope and noise of the labels of every fidelity, the top last, and their unit s."""
        proxies: Any = self.model.proxies
        slope = np.array([*(proxy.slope for proxy in proxies), 1.0])
        noise = np.array([*(proxy.std for proxy in proxies), 0.0])
        rest = np.sqrt(np.maximum(1 - slope**2, 0.0))
        known = (rest > 1e-6).nonzero()[0]
        unit = float(noise[known[0]] / rest[known[0]]) if self._standard and known.size else 0.0
        if getattr(self.model, "prior_std", None) is None:  # a table, with values as they are
            noise = np.hypot(noise / (unit or 1.0), slope * self.noise_std)
        noise[-1] = self.noise_std
        return slope, noise, unit

    def _design(self, episodes: Any, items: Any, fidelity: Any) -> Array:
        """Return what multiplies the coefficients in labels of items, ``(..., d)``."""
        x = self._rows(episodes, items).astype(np.float64)
        return x if fidelity is None else x * self._slope[fidelity][..., None]

    def _restart(self, observation: Any, start: Flags) -> None:
        """Go back to the prior where an episode starts, and read its features."""
        self._read_features(observation, start)
        self._ahead.clear()
        root = self.prior_std * np.eye(self._root.shape[1])
        if self._standard:
            root[0, 0] = 0.0  # the intercept, until there is a label
        self._root[start] = root
        self._mu[start], self._mean[start] = 0.0, 0.0
        self._centre[start], self._unit[start] = 0.0, 1.0
        square = self._squares()
        if square.max() * self.prior_std**2 > LARGEST:
            raise InputError(
                f"Features of norm {square.max() ** 0.5:.3g} with prior_std={self.prior_std:g} make a "
                f"prior variance above {LARGEST:g}; scale the features or lower prior_std."
            )
        self._var[start] = self.prior_std**2 * (square if len(square) == 1 else square[start])
        least = float(self._standard)  # labels, and the intercept that they tell, are about 1
        self._largest[start] = np.maximum(np.sqrt(self._var[start].max(1)), least)
        self._seen[start] = 0

    def _squares(self) -> Array:
        """Return the square lengths of the features, without the intercept, ``(B or 1, n)``."""
        if self._units is not None:
            return self._units.squares(self._x[0])[None]
        x = self._x[:, :, 1:] if self._standard else self._x
        return np.asarray(np.einsum("bnd,bnd->bn", x, x, dtype=np.float64))

    def _units_of(self, features: Single) -> Units | None:
        return Units.of(features[0]) if self._standard and len(features) == 1 else None

    def _transformed(self, features: Single) -> Single:
        """Return the features as they are, or with an intercept and without units."""
        return with_intercept(features) if self._standard else features

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief with the covariance that labels of these items would leave."""
        ahead = copy(self)
        ahead._root, ahead._var = self._root.copy(), self._var.copy()
        ahead._kept = None if self._kept is None else self._kept.look_ahead()
        for k, column in enumerate(items.T):
            some = (column >= 0).nonzero()[0]
            at = None if fidelity is None else fidelity[some, k]
            ahead._learn(some, column[some], fidelity=at)
        return ahead

    def _learn(self, episodes: Whole, items: Any, labels: Any = None, fidelity: Any = None) -> None:
        """Condition on one label in each of some episodes; None: on labels as expected."""
        x = self._design(episodes, items, fidelity)  # (E, d)
        rows = slice(None) if len(episodes) == len(self._seen) else episodes
        root = self._root[rows]
        w = np.einsum("eij,ei->ej", root, x)
        floor = (SURE * self.prior_std) ** 2 * np.einsum("ei,ei->e", x, x)
        std = self.noise_std if fidelity is None else self._noise[fidelity]
        noise = np.maximum(std**2, floor)
        a = np.einsum("ej,ej->e", w, w) + noise
        v = np.einsum("eij,ej->ei", root, w)
        by = w / (a + np.sqrt(noise * a))[:, None]
        self._root[rows] -= v[:, :, None] * by[:, None, :]
        key = episodes.tobytes() + v.tobytes() if is_large(self._x[0]) else b""
        change = self._ahead[key] if key in self._ahead else self._times(v, rows)
        if key and labels is None and (len(self._ahead) + 1) * change.size <= AHEAD:
            self._ahead[key] = change  # the label that comes is that which was looked ahead at
        if self._kept is not None:
            self._kept.learn(episodes, by, change, self._product)
        if labels is not None:
            surprise = (labels - np.einsum("ei,ei->e", self._mu[rows], x)) / a
            self._mu[rows] += v * surprise[:, None]
            self._mean[rows] += change * surprise[:, None]
        self._var[rows] -= np.square(change, dtype=np.float64) / a[:, None]

    def _learn_first(self, episodes: Whole, items: Whole, fidelity: Any) -> None:
        """Set the covariance that the first label leaves under a flat prior of the intercept."""
        for k, (e, item) in enumerate(zip(episodes.tolist(), items.tolist(), strict=True)):
            at = -1 if fidelity is None else fidelity[k]
            noise = float(self._noise[at] / np.abs(self._slope[at]))
            x = self._x[e % len(self._x)]
            phi = self._rows(np.array(e), np.array(item)).astype(np.float64)
            self._root[e, 0] = -phi
            self._root[e, 0, 0] = noise
            if self._units is not None:
                self._var[e] = self._units.squares(x, item)
            else:
                apart = np.subtract(x, x[item], dtype=self._real)
                self._var[e] = np.einsum("nd,nd->n", apart, apart, dtype=np.float64)
            self._var[e] += noise**2
            if self._kept is not None:
                by, every = -self._root[e, :1], np.ones((1, len(x)))
                self._kept.learn(np.array([e]), by, every, self._product)

    def _regress(self, episodes: Whole, items: Any, labels: Any, fidelity: Any = None) -> None:
        """Find m, s and the means given all labels, ``(E, t)``; the covariance is known already."""
        y = labels.astype(np.float64)
        slope = np.ones(y.shape) if fidelity is None else self._slope[fidelity]
        centre = (slope * y).sum(1) / np.maximum((slope**2).sum(1), 1e-300)
        apart = y - slope * centre[:, None]
        differ = np.ptp(y, axis=1) > EQUAL * np.abs(y).max(1)
        # Where labels do not differ yet, spreads must not vanish beside a large label.
        alone = np.maximum(1.0, STEP * np.abs(y).max(1))
        spread = np.linalg.norm(apart, axis=1) / max(y.shape[1] - 1, 1) ** 0.5
        unit = np.where(differ, spread, alone)
        if self._spread:
            unit, differ = np.full(len(y), self._spread), np.ones(len(y), np.bool_)
        self._centre[episodes], self._unit[episodes] = centre, unit
        z = np.where(differ[:, None], np.rint(apart / unit[:, None] / STEP) * STEP, 0.0)
        if fidelity is not None:
            z *= (self.noise_std / self._noise[fidelity]) ** 2
        moment = np.einsum("etd,et->ed", self._design(episodes[:, None], items, fidelity), z)
        root = self._root[episodes]
        mu = np.einsum("eij,ej->ei", root, np.einsum("eij,ei->ej", root, moment))
        self._mu[episodes] = mu = mu / self.noise_std**2
        self._mean[episodes] = self._times(mu, episodes)

    def _times(self, theta: Array, episodes: Any = slice(None)) -> NDArray[np.floating[Any]]:
        """Return X theta of some episodes, one theta each, ``(E, n)``.

        It is one product an episode, also where all share a table: the digits must not depend on others.
        """
        x = self._x if len(self._x) == 1 else self._x[episodes]
        if self._units is None:
            return np.asarray(np.matmul(x, theta.astype(self._real)[..., None])[..., 0])
        slope, rest = self._units.turned(theta, self._real)
        out = np.matmul(x, slope[..., None])[..., 0]
        out += rest[:, None]
        return np.asarray(out)

    def _in_labels(self, values: Array, power: int = 1) -> Array:
        """Return ``(B, ...)`` differences, or products of ``power`` of them, in units of the label."""
        if not self._standard:
            return values
        return values * (self._unit**power).reshape(-1, *[1] * (values.ndim - 1))

    def _from_centre(self, values: Array) -> Array:
        """Return values ``(B, ...)`` as labels."""
        if not self._standard:
            return values
        return self._in_labels(values) + self._centre.reshape(-1, *[1] * (values.ndim - 1))

    def rounding(self, drawn: bool = False) -> Array:
        """Return what single precision may lose of the largest value, ``(B, 1)``."""
        return self._in_labels(ROUNDING * self._largest[:, None])

    def _std(self) -> Array:
        return np.sqrt(np.maximum(self._var, 0.0))

    def mean(self) -> Array:
        """Return X mu in units of the label, ``(B, n)``."""
        return self._from_centre(self._mean)

    def std(self) -> Array:
        """Return the standard deviation of f(x), ``(B, n)``."""
        return self._in_labels(self._std())

    def widest(self) -> Array:
        """Return the largest standard deviation of an item, in the unit of the label, ``(B, 1)``."""
        return self._in_labels(np.sqrt(np.maximum(self._var.max(1, keepdims=True), 0.0)))

    def sample(self, count: int, random: Random) -> Array:
        """Return X theta for draws theta = mu + S z, in units of the label, ``(B, count, n)``."""
        return self._from_centre(self._against(self._draws(count, random)))

    def sample_of(self, items: Whole, count: int, random: Random) -> Array:
        """Return the same of some items, ``(B, count, m)``."""
        x = self._rows(np.arange(len(items))[:, None], items)
        draws = self._draws(count, random) @ x.astype(np.float32).transpose(0, 2, 1)
        return self._from_centre(np.asarray(draws, np.float64))

    def _draws(self, count: int, random: Random) -> Single:
        z = random.standard_normal((len(self._mu), count, self._mu.shape[1]))
        theta = self._mu[:, None] + np.einsum("bkj,bij->bki", z, self._root)
        return np.asarray(theta, np.float32)

    def _product(self, episode: int, z: Array, out: Single) -> None:
        """Write X S z of an episode for z ``(K, d)`` to ``(K, n)``."""
        theta = (z @ self._root[episode].T).astype(np.float32)
        x, rest = self._x[episode % len(self._x)], None
        if self._units is not None:
            theta, rest = self._units.turned(theta)
        np.matmul(theta, x.T, out=out)
        if rest is not None:
            out += rest[:, None]

    def _against(self, theta: NDArray[np.floating[Any]]) -> Array:
        """Return X theta of several theta ``(B, m, d)`` an episode, ``(B, m, n)``."""
        if self._units is None:
            return np.asarray(theta.astype(np.float32) @ self._x.transpose(0, 2, 1), np.float64)
        slope, rest = self._units.turned(theta)
        out = np.asarray(slope @ self._x.transpose(0, 2, 1), np.float64)
        out += rest[..., None]
        return out

    def covariance(self, items: Whole, random: Random) -> Array:
        """Return X S S' x of some items x, ``(B, m, n)``; there is nothing random."""
        x = self._rows(np.arange(len(items))[:, None], items)
        v = x.astype(np.float64) @ self._root @ self._root.transpose(0, 2, 1)
        return self._in_labels(self._against(v), 2)

    def reduction(self, weight: Array, random: Random) -> Array:
        """Return x' Sigma (sum_z weight_z z z') Sigma x / var(label of x), ``(B, n)``."""
        # The prior variance and the largest element as units, so that single precision can hold it.
        prior = self.prior_std**2
        middle = np.zeros(self._root.shape)
        for rows, x in self._in_blocks():
            weighed = x * (prior * weight[:, rows, None]).astype(np.float32)
            middle += np.matmul(weighed.transpose(0, 2, 1), x).astype(np.float64) / prior
        sigma = self._root @ self._root.transpose(0, 2, 1)
        middle = sigma @ middle @ sigma
        unit = np.maximum(np.abs(middle).max((1, 2), keepdims=True), 1e-300)
        told = np.empty(self._var.shape)
        for rows, x in self._in_blocks():
            half = np.matmul(x, (middle / unit).astype(np.float32))
            told[:, rows] = np.einsum("bnd,bnd->bn", half, x) * unit[..., 0]
        variance = self._std() ** 2 + self.noise_std**2
        return self._in_labels(np.maximum(told, 0.0) / np.maximum(variance, 1e-300), 2)

    def _in_blocks(self) -> Iterator[tuple[slice, Single]]:
        """Yield the features of all items, in blocks if they are not copied, ``(B or 1, m, d)``."""
        if self._units is None:
            yield slice(None), self._x
            return
        for first in range(0, self._x.shape[1], ROWS):
            rows = slice(first, first + ROWS)
            yield rows, self._units.phi(self._x[:, rows]).astype(np.float32)

    def noise_variance(self, items: Whole) -> Array:
        """Return the variance of the noise in the labels of ``items``, of the same shape."""
        return self._in_labels(np.full(items.shape, self.noise_std**2), 2)

    def correlation(self, fidelity: int) -> Array:
        """Return the correlation of a label with f(x), in size, ``(B, n)``."""
        signal = np.abs(self._slope[fidelity]) * self._std()
        return np.asarray(signal / np.maximum(np.hypot(signal, self._noise[fidelity]), 1e-300))

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return the expected regret of every item and what the best one explains, see `best_item`."""
        kept = self._kept if self._kept is not None and self._kept.count == count else None
        shape = (len(self._mu), count, self._mu.shape[1])
        z = random.standard_normal(shape, dtype=np.float32) if kept is None else kept.z
        theta = np.matmul(z, self._root.transpose(0, 2, 1).astype(np.float32))
        if kept is not None and len(kept.values):
            told = kept.about_best(self._mean, mask, theta, self._x)
        else:
            theta += self._mu[:, None].astype(np.float32)
            told = about_best(self._x, theta, self._units, mask)
        return self._in_labels(told[0]), self._in_labels(told[1], 2)
