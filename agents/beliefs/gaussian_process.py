r"""Gaussian-process belief: items with similar features have similar values.

The model is f = beta + h with a constant beta under a flat prior and h ~ GP(0, s^2 k), so that

    y = f(x) + noise,  noise ~ N(0, s^2 g),  K = k(X_t, X_t) + g I = L L'.

The features are z-scored over the pool, and distances are in units of l sqrt(d): the belief is free
of the units of features and labels. With V = L^-1 k(X_t, X), u = L^-1 y and o = L^-1 1,

    m = u.o / o.o,  s^2 = |u - m o|^2 / (t - 1),
    mean = m + V'(u - m o),  var = s^2 (1 - sum V^2 + (1 - V'o)^2 / o.o).

A label adds a row to V, u and o, which costs O(n t); m and s^2 follow in closed form. The length scale
l and the noise ratio g maximise, over `LENGTH_SCALES` x `NOISE_RATIOS`, the exact log marginal
likelihood of the labels seen so far, beta integrated out and s^2 at its maximum, plus a log prior:

    log p = -(t - 1)/2 log s^2 - 1/2 log|K| - 1/2 log o.o - (log2 l)^2 / 2 - (log10 g + 2)^2 / 2.

The prior, lognormal with medians 1 and 0.01 and standard deviations of one octave and one decade, is
worth a few labels: without it, a handful of labels often puts l and g at the ends of the grid. It was
chosen on the reaction tables `cncci` and `pndc`, so results on these two are optimistic; on `diabetes`,
which was not used, it does a little worse than pure likelihood. Two labels have the same likelihood
everywhere: with fewer than three, and while all labels are equal, `DEFAULT` holds, where the prior is
largest. While labels show no spread (none, one, all equal), s = 1 in units of the label, or a millionth
of a larger label; without labels the mean is 0 and the standard deviation is 1 everywhere.

Labels of lower fidelities have slopes and noises of their own, see `fidelities`; given these, l and g
the posterior is exact.

Degenerate covariances cannot occur: g is at least 1e-4, so that items with the same features share
their information and K keeps a condition number below 1 + 1e4 t.

Draws follow Matheron's rule: a draw of the prior is corrected by the prediction of its own errors
at the labelled items. The draw of the prior is a sum of random Fourier features. Each call draws new
frequencies: given them the covariance is off by about 1 / sqrt(`FREQUENCIES`) of s^2 far from labels,
less near them, and on average over calls it is exact. Rules that ask for draws at every decision are
answered by draws that are kept, see `kept_process`.

Sources: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), algorithm 2.1
and equations (2.41) to (2.45), (4.9), (4.17), section 5.2; Rahimi and Recht, "Random Features for
Large-Scale Kernel Machines", NeurIPS 2007; Wilson et al., "Efficiently Sampling Functions from
Gaussian Process Posteriors", ICML 2020.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from ...envs.core import Random, generator_of
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.checks import MOST_TOGETHER, choice, integer, room
from ...envs.pools import FeaturePool, GaussianProxy
from .belief import ROUNDING, AdditiveNoise, explained_by
from .evidence import DEFAULT, GRID, LOG_PRIOR, log_likelihoods
from .fidelities import Tests
from .history import FeatureBelief, standardised
from .kept import FEW, ROOM
from .kept_process import KeptProcess
from .kernels import KERNELS, prior_draws

OFTEN = 20
"""Choices of length scale and noise that follow each other at equal numbers of labels."""

_GROWING = ["_seen", "_items", "_at", "_root", "_v"]
_GROWING += ["_u", "_o", "_uu", "_uo", "_oo", "_vu", "_vo", "_vv"]
"""What a label changes."""


class GaussianProcess(FeatureBelief, AdditiveNoise):
    """Belief over the values of the items of a pool with features: smooth in the features.

    It holds n (d + T) numbers, T being the labels of an episode, and refuses pools for which these would
    be more than 2e9 (16 GB): it does not take another belief instead.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        kernel: "rbf", exp(-r^2 / 2), or "matern" with smoothness 5/2,
            (1 + a + a^2 / 3) exp(-a) with a = sqrt(5) r; r is the distance over the length scale.
        refit: Number of labels from one choice of length scale and noise to the next, up to
            `OFTEN` choices; from then on a tenth more labels than at the last. A choice after t
            labels costs 45 t^3 / 3 operations, all of them four times the last.
    """

    _kept: KeptProcess | None

    def __init__(
        self, model: FeaturePool, num_episodes: int, *, kernel: str = "rbf", refit: int = 4
    ) -> None:
        super().__init__(model, num_episodes)
        self.kernel = choice("kernel", kernel, tuple(KERNELS))
        self._kernel = KERNELS[self.kernel]
        self.refit = integer("refit", refit, low=1)
        b, n = num_episodes, model.num_items
        self._check_room(b, n, model.num_features, model.horizon or 0)
        self._tests = Tests.of(model)
        self._square = np.empty((0, n))  # (B or 1, n) |x|^2 of standardised features
        self._choice = np.full(b, GRID.index(DEFAULT))  # index on the grid
        self._items = np.zeros((b, 0), np.int64)  # labelled items, filled up to `_seen`
        self._at = np.zeros((b, 0), np.int64)  # their fidelities
        self._known = np.zeros(b, np.int64)  # labels among `_seen`; the rest are as expected
        self._first = np.zeros(b)  # the first label, from which the others are counted
        # Rows for labels grow with them: few episodes reach a long horizon.
        self._root = np.zeros((b, 0, 0))  # L
        self._v = np.zeros((b, 0, n))  # V
        self._u, self._o = np.zeros((b, 0)), np.zeros((b, 0))
        self._uu, self._uo, self._oo = np.zeros(b), np.zeros(b), np.zeros(b)
        self._vu, self._vo, self._vv = np.zeros((b, n)), np.zeros((b, n)), np.zeros((b, n))

    @staticmethod
    def _check_room(b: int, n: int, d: int, horizon: int) -> None:
        """Refuse a pool whose labels would not fit: each adds a row of n numbers."""
        labels = max(MOST_TOGETHER // (b * n) - d, 0)
        advice = (
            f"take the belief linear, which does not grow with labels, or at most {labels:,} labels "
            "(horizon, or the budget of a study), or a part of the items"
        )
        room(f"A Gaussian process over {n:,} items", b * n * (d + horizon), advice, MOST_TOGETHER)

    # ---- labels

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from."""
        return (GaussianProxy,)

    def keep(self, count: int) -> None:
        """Keep ``count`` draws, see `kept_process`, if they are not `FEW` and there is `ROOM`."""
        b, n = self._vv.shape
        if count >= FEW and b * count * n <= ROOM:
            self._kept = KeptProcess(b, count, n, self.kernel)

    def update(self, observation: Any, start: Flags) -> None:
        """Take in the labels that are new since the last call.

        What the belief is depends on the labels in their order only, not on when they came in.
        """
        arrivals = self._follow(observation, start)
        items, count = arrivals.items, arrivals.count
        self._grow(int(count.max(initial=0)))
        labels = np.asarray(arrivals.labels, np.float64)
        at = arrivals.fidelity
        at = np.full(items.shape, self._tests.top) if at is None else at
        self._first = np.where(count > 0, labels[:, 0], 0.0)
        counted = labels - self._first[:, None] * self._tests.slope[at]
        due = self._due(count)
        for t in np.unique(due[due > self._seen]):
            group = ((due == t) & (due > self._seen)).nonzero()[0]
            self._refit(group, items[group, :t], counted[group, :t], at[group, :t])
        while (behind := self._seen < count).any():
            t = self._seen[behind].min()
            group = (behind & (self._seen == t)).nonzero()[0]
            self._learn(group, int(t), items[group, t], counted[group, t], at[group, t])
        self._known = self._seen.copy()
        if self._kept is not None:
            for e in self._kept.due(count, self._choice):
                x, (scale, _) = self._x[e % len(self._x)], self._settings(e)
                self._kept.draw(e, x, scale, self._told(e, 0, self._kept.first[e]))

    def _due(self, count: Whole) -> Whole:
        """Return at which of these numbers of labels hyper-parameters were last chosen, ``(B,)``."""
        at, t, number = [0], self.refit, 1
        while t <= count.max(initial=0):
            at += [t] * (t >= 3)
            t = t + self.refit if number < OFTEN else -(-11 * t // 10)
            number += 1
        return np.array(at)[np.searchsorted(at, count, "right") - 1]

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief with the covariance that labels of these items would leave.

        It has taken in labels as it expects them, which change neither the means nor m and s;
        length scale and noise stay.
        """
        ahead = copy(self)
        for name in _GROWING:
            setattr(ahead, name, getattr(self, name).copy())
        for k, column in enumerate(items.T):
            ahead._grow(int(ahead._seen.max(initial=0)) + 1)
            some = (column >= 0).nonzero()[0]
            for t in np.unique(ahead._seen[some])[::-1]:  # who has learnt is not met again
                group = some[ahead._seen[some] == t]
                top = np.full(len(group), self._tests.top)
                at = top if fidelity is None else fidelity[group, k]
                ahead._learn(group, int(t), column[group], None, at)
        return ahead

    def _restart(self, observation: Any, start: Flags) -> None:
        """Go back to the prior where an episode starts, and read its features."""
        self._read_features(observation, start)
        self._square = np.einsum("bnd,bnd->bn", self._x, self._x)
        self._choice[start] = GRID.index(DEFAULT)
        self._forget(start.nonzero()[0])

    def _transformed(self, features: Single) -> Array:
        return standardised(features)

    def _forget(self, episodes: Whole) -> None:
        for sums in (self._uu, self._uo, self._oo, self._vu, self._vo, self._vv, self._seen):
            sums[episodes] = 0

    def _grow(self, count: int) -> None:
        """Make room for so many labels."""
        b, old, n = self._v.shape
        if count <= old:
            return
        new = max(count, min(2 * old, self.model.horizon or 0), 8)
        more = new - old
        self._root = np.pad(self._root, ((0, 0), (0, more), (0, more)))
        self._v = np.concatenate([self._v, np.zeros((b, more, n))], 1)
        self._items, self._at = (np.pad(a, ((0, 0), (0, more))) for a in (self._items, self._at))
        self._u, self._o = (np.pad(a, ((0, 0), (0, more))) for a in (self._u, self._o))

    def _learn(self, episodes: Whole, t: int, items: Any, labels: Array | None, at: Any) -> None:
        """Condition on label number t in each of some episodes; None: on labels as expected."""
        rows = slice(None) if len(episodes) == len(self._seen) else episodes
        scale, noise = self._settings(episodes)
        slope, every = self._tests.slope[at], np.arange(len(episodes))
        past = self._v[rows, :t]  # (E, t, n)
        c = slope[:, None] * past[every, :, items]
        left = slope**2 + self._tests.ratio(at, noise)
        pivot = np.sqrt(left - np.minimum(np.einsum("et,et->e", c, c), slope**2))
        k = self._kernel(self._distances(episodes, items[:, None])[:, 0], scale[:, None])
        v = (slope[:, None] * k - np.matmul(c[:, None], past)[:, 0]) / pivot[:, None]
        o = (slope - np.einsum("et,et->e", c, self._o[rows, :t])) / pivot
        if labels is None:
            u = self._closed_form()[0][rows] * o
        else:
            u = (labels - np.einsum("et,et->e", c, self._u[rows, :t])) / pivot
        self._root[rows, t, :t], self._root[rows, t, t] = c, pivot
        self._v[rows, t] = v
        self._at[rows, t] = at
        self._items[rows, t], self._u[rows, t], self._o[rows, t] = items, u, o
        self._uu[rows] += u * u
        self._uo[rows] += u * o
        self._oo[rows] += o * o
        self._vu[rows] += v * u[:, None]
        self._vo[rows] += v * o[:, None]
        self._vv[rows] += v * v
        self._seen[rows] += 1

    # ---- hyper-parameters

    def _refit(self, episodes: Whole, items: Any, labels: Array, at: Any) -> None:
        """Choose length scale and noise by t labels, and start again where they changed."""
        score = self.log_likelihoods(episodes, items, labels, at) + LOG_PRIOR
        chosen = score.argmax(1)
        chosen[np.ptp(labels, axis=1) == 0] = GRID.index(DEFAULT)
        changed = chosen != self._choice[episodes]
        self._choice[episodes] = chosen
        # Where more than one label is new, all labels at once are faster.
        changed |= self._seen[episodes] < items.shape[1] - 1
        self._forget(episodes[changed])
        for e in changed.nonzero()[0]:
            self._condition(int(episodes[e]), items[e], labels[e], at[e])

    def _condition(self, episode: int, items: Whole, labels: Array, at: Any) -> None:
        """Condition a fresh episode on t labels at once."""
        t, one = len(items), np.array([episode])
        scale, noise = self._settings(one)
        slope = self._tests.slope[at]
        k = slope[:, None] * self._kernel(self._distances(one, items[None])[0], scale)
        among = k[:, items] * slope
        root = np.linalg.cholesky(among + np.diag(self._tests.ratio(at, noise)))
        right = np.column_stack([k, labels, slope])
        solved = solve_triangular(root, right, lower=True, check_finite=False)
        v, u, o = solved[:, :-2], solved[:, -2], solved[:, -1]
        self._at[episode, :t] = at
        self._root[episode, :t, :t], self._v[episode, :t] = root, v
        self._items[episode, :t], self._u[episode, :t], self._o[episode, :t] = items, u, o
        self._uu[episode], self._uo[episode], self._oo[episode] = u @ u, u @ o, o @ o
        self._vu[episode], self._vo[episode] = u @ v, o @ v
        self._vv[episode] = np.einsum("tn,tn->n", v, v)
        self._seen[episode] = t

    def log_likelihoods(self, episodes: Whole, items: Any, labels: Array, at: Any = None) -> Array:
        """Return the log marginal likelihood over the grid of E episodes, ``(E, 45)``, see `evidence`.

        Items, labels and fidelities are ``(E, t)``; None: all fidelities are the top.
        """
        square = self._distances(episodes, items, among=True)
        at = np.full(items.shape, self._tests.top) if at is None else at
        return log_likelihoods(self._kernel, square, labels, self._tests, at)

    def hyperparameters(self) -> dict[str, Array]:
        """Return what holds now, each of shape ``(B,)``.

        Returns:
            ``length_scale`` in units of sqrt(d) standard deviations of a feature; ``noise_ratio``;
            ``signal_std`` s and ``constant`` m, in units of the label.
        """
        scale, noise = self._settings()
        constant, std = self._closed_form()
        settings = {"length_scale": scale, "noise_ratio": noise, "signal_std": std}
        return settings | {"constant": self._first + constant}

    def _settings(self, episodes: Any = slice(None)) -> tuple[Array, Array]:
        """Return l and g of some episodes, or of all."""
        scale, noise = np.array(GRID)[self._choice[episodes]].T
        return scale, noise

    def _closed_form(self) -> tuple[Array, Array]:
        """Return m, counted from the first label, and s."""
        constant = self._uo / np.where(self._oo > 0, self._oo, 1.0)
        rest = self._uu - self._uo * constant
        spread = (self._known > 1) & (rest > 1e-12 * self._uu)
        # A spread of 1 would vanish beside a label of 1e12.
        alone = np.maximum(1.0, 1e-6 * np.abs(self._first)) ** 2
        variance = np.where(spread, rest, alone) / np.where(spread, self._known - 1, 1)
        return constant, np.sqrt(variance)

    # ---- covariance

    def _distances(self, episodes: Whole, items: Whole, among: bool = False) -> Array:
        """Return squared distances of items over d, to all ``(E, t, n)`` or ``among`` each other."""
        table = episodes % len(self._x)
        x, square = self._x[table[:, None], items], self._square[table[:, None], items]
        others = square if among else self._square[table]
        if among:
            cross = np.matmul(x, x.transpose(0, 2, 1))
        elif len(self._x) == 1:
            cross = (x.reshape(-1, x.shape[2]) @ self._x[0].T).reshape(*items.shape, -1)
        else:
            cross = np.matmul(x, self._x[episodes].transpose(0, 2, 1))
        out = square[:, :, None] + others[:, None] - 2 * cross
        return np.asarray(np.maximum(out, 0.0, out=out))

    # ---- posterior

    def mean(self) -> Array:
        """Return the posterior mean, ``(B, n)``."""
        constant, _ = self._closed_form()
        return (self._first + constant)[:, None] + self._vu - constant[:, None] * self._vo

    def std(self) -> Array:
        """Return the posterior standard deviation of f(x), given l, g and s, ``(B, n)``."""
        var = 1 - self._vv + self._unsure()[:, None] * (1 - self._vo) ** 2
        return self._closed_form()[1][:, None] * np.sqrt(np.maximum(var, 0.0))

    def rounding(self, drawn: bool = False) -> Array:
        """Return what double precision may lose of s; draws sum their prior in single precision."""
        constant, std = self._closed_form()
        far = np.abs(self._vu - constant[:, None] * self._vo).max(1)
        return np.asarray((ROUNDING if drawn else 1e-9) * (std + far)[:, None])

    def covariance(self, items: Whole, random: Random) -> Array:
        """Return covariances given l, g and s, ``(B, m, n)``; there is nothing random."""
        scale, _ = self._settings()
        rows = self._v[:, : self._seen.max(initial=0)]
        rows = rows * (np.arange(rows.shape[1]) < self._seen[:, None])[..., None]
        out = self._kernel(self._distances(np.arange(len(items)), items), scale[:, None, None])
        out -= np.take_along_axis(rows, items[:, None], 2).transpose(0, 2, 1) @ rows
        rest = 1 - self._vo
        unsure = self._unsure()[:, None] * np.take_along_axis(rest, items, 1)
        out += unsure[..., None] * rest[:, None]
        return out * self._closed_form()[1][:, None, None] ** 2

    def noise_variance(self, items: Whole) -> Array:
        """Return s^2 g for each of ``items``, of the same shape."""
        ratio = self._settings()[1][:, None]
        return np.broadcast_to(self._closed_form()[1][:, None] ** 2 * ratio, items.shape)

    def correlation(self, fidelity: int) -> Array:
        """Return the correlation of a label with f(x), in size, ``(B, n)``."""
        signal = np.abs(self._tests.slope[fidelity]) * self.std()
        error = self._closed_form()[1] * np.sqrt(self._tests.ratio(fidelity, self._settings()[1]))
        return np.asarray(signal / np.hypot(signal, error[:, None]))

    def _unsure(self) -> Array:
        """Return the variance of the constant over s^2, ``(B,)``; none in the prior."""
        known = (self._known > 0) & (self._oo > 0)
        return known / np.where(known, self._oo, 1.0)

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of f by Matheron's rule, ``(B, count, n)``."""
        draws = prior_draws(self._x, self._settings()[0], self.kernel, count, random)
        _, std = self._closed_form()
        for e, draw in enumerate(draws):
            t = self._seen[e]
            draw *= std[e]
            if t:
                items, slope, noise, root, v = self._told(e, 0, t)
                errors = generator_of(random, e).standard_normal((t, count))
                errors *= std[e] * noise[:, None]
                right = -errors - slope[:, None] * draw[:, items].T
                pull = solve_triangular(root, right, lower=True, check_finite=False)
                pull += self._u[e, :t, None]
                draw += pull.T @ v
                if self._known[e] and self._oo[e] > 0:
                    constant = self._o[e, :t] @ pull / self._oo[e]
                    draw += constant[:, None] * (1 - self._vo[e])
            draw += self._first[e]
        return draws

    def sample_of(self, items: Whole, count: int, random: Random) -> Array:
        """Return draws of some items from their joint law, ``(B, count, m)``."""
        mean, out = self.mean(), np.empty((len(items), count, items.shape[1]))
        for e, some in enumerate(items):
            values, vectors = np.linalg.eigh(self._covariance_among(e, some))
            z = generator_of(random, e).standard_normal((count, len(some)))
            out[e] = mean[e, some] + (z * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        return out

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return what the draws tell about the best item: those that are kept, or fresh ones."""
        if (kept := self._kept) is None or kept.count != count:
            return super().about_best(count, mask, random)
        mean, unit = self.mean(), self._closed_form()[1][:, None]
        middle, spread = mean.max(1, keepdims=True), self.std() / unit
        level = np.where(mask, (mean - middle) / unit, -np.inf).astype(np.float32)
        more = np.sqrt(self._unsure())[:, None] * (1 - self._vo)
        top, explained = np.empty(unit.shape), np.empty(mean.shape)
        for e, t in enumerate(self._seen):
            apart = kept.now(e, self._told(e, kept.first[e], t), more[e], spread[e])
            values = apart + level[e]
            top[e] = values.max(1).mean(dtype=np.float64)
            explained[e] = explained_by(values.argmax(1), apart)
        return middle + unit * top - mean, unit**2 * explained

    def _told(self, episode: int, first: Any, end: Any) -> tuple[Any, ...]:
        """Return what some labels are: items, slopes, standard deviations, their part of L and of V."""
        some = slice(first, end)
        items, at, v = (each[episode, some] for each in (self._items, self._at, self._v))
        std = np.sqrt(self._tests.ratio(at, self._settings(episode)[1]))
        return items, self._tests.slope[at], std, self._root[episode, some, some], v

    def _covariance_among(self, episode: int, items: Whole) -> Array:
        """Return the covariance of some items of an episode, ``(m, m)``, as `covariance` does."""
        one = np.array([episode])
        scale, _ = self._settings(one)
        out = self._kernel(self._distances(one, items[None], among=True)[0], scale[0])
        rows = self._v[episode, : self._seen[episode]][:, items]
        out -= rows.T @ rows
        rest = 1 - self._vo[episode, items]
        out += self._unsure()[episode] * np.outer(rest, rest)
        return np.asarray(out * self._closed_form()[1][episode] ** 2)
