r"""What the beliefs that are made of joint draws share.

A belief holds K draws f_k of all items, one from each of K parallel Markov chains. They start as
exact draws of the prior. A label y is taken in by two steps: the chains are drawn with replacement, in
proportion to the probability p(y | chain) of the label under each, and then each moves on by a few
sweeps of Gibbs sampling. The first step carries chains from one mode of the posterior to another, for
which Gibbs sampling alone may take forever; the second makes equal chains differ again. One label
changes a posterior a little, so that few sweeps do.

Looking ahead is done without knowing the label, for Gaussian draws exactly: a label of x, with c the
covariance of f with f(x) over the draws and a = Var f(x) + noise_std^2, moves every draw by

    f_k -= c (f_k(x) - E f(x)) / (a + noise_std sqrt(a)),

which leaves the mean as it was and takes c c' / a off the covariance.

Sources: Chopin, "A sequential particle filter method for static models", Biometrika 89 (2002);
Whitaker and Hamill, "Ensemble Data Assimilation without Perturbed Observations", Monthly Weather
Review 130 (2002), equations (10) and (13).
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random, generator_of
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.checks import MOST_TOGETHER, integer, quantity, room
from ...envs.core.seeding import Words
from ...envs.core.streams import hashed, keyed_generator
from ...envs.pools import Pool
from .belief import ROUNDING, SURE, AdditiveNoise, explained_by
from .history import HistoryBelief

WIDTH = 32
"""Draws that are looked at together, in the cache."""


class Draws(HistoryBelief, AdditiveNoise):
    """A belief about a pool that is made of joint draws of all items.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        chains: Number K of chains, each of which gives one draw, at least 2.
        sweeps: Number of Gibbs sweeps after each label.
        noise_std: Standard deviation of the label noise that the belief assumes, above 0, in units
            of the label; None takes the model's own, or 0.1 if that is 0. It counts as at least
            `SURE` times the `spread`.
        seed: Seed of the chains, where no agent gives the episodes keys.
    """

    def __init__(
        self,
        model: Pool[Any],
        num_episodes: int,
        *,
        chains: int,
        sweeps: int,
        noise_std: float | None,
        seed: int,
    ) -> None:
        super().__init__(model, num_episodes)
        self.chains = integer("chains", chains, low=2, high=100_000)
        self.sweeps = integer("sweeps", sweeps, low=1, high=1000)
        if noise_std is None:
            noise_std = model.noise_std or 0.1
        self.noise_std = max(quantity("noise_std", noise_std), SURE * self.spread)
        self.keys: Words = hashed(np.array([seed % 2**64], np.uint64), np.arange(num_episodes))
        self._random = np.random.default_rng(seed)  # that of what is being drawn
        # Slope and noise of the labels of every fidelity, the last of which is the top.
        proxies: Any = model.proxies
        self._slope = np.array([*(proxy.slope for proxy in proxies), 1.0])
        self._noise = np.array([*(proxy.std for proxy in proxies), self.noise_std])
        self._noise = np.maximum(self._noise, SURE * self.spread * np.abs(self._slope))
        numbers = num_episodes * self.chains * model.num_items
        advice = f"take fewer than {self.chains} or a smaller pool"
        room("The chains", numbers, advice, MOST_TOGETHER)
        self._draws = np.empty((num_episodes, self.chains, model.num_items), np.float32)
        self._mean: Array | None = None
        self._apart = np.empty(self._draws.shape[1:], np.float32)  # draws at hand for a moment

    @property
    @abstractmethod
    def spread(self) -> float:
        """Prior standard deviation of a value, about."""

    def take_keys(self, keys: Words) -> None:
        """Take the key of what is drawn for each episode, ``(B,)``."""
        self.keys = keys

    def update(self, observation: Any, start: Flags) -> None:
        """Restart the chains where an episode starts, and move those that have new labels.

        What is drawn for a label depends on the episode and its index alone: the labels of a history,
        taken in at once, lead to the chains that they led to one by one.
        """
        arrivals, start = self._arrivals(observation, start)
        items, labels, count = arrivals.items, arrivals.labels, arrivals.count
        self._seen[start], self._mean = 0, None
        seen, self._seen = self._seen, count
        for i in (start | (count > seen)).nonzero()[0].tolist():
            if start[i]:
                self._random = self._generator(i, 0)
                self._begin(i, {key: value[i] for key, value in observation.items()})
            for index in range(seen[i], count[i]):
                self._random = self._generator(i, 1 + index)
                at = -1 if arrivals.fidelity is None else int(arrivals.fidelity[i, index])
                self._learn(i, int(items[i, index]), float(labels[i, index]), at)
            self._values(i, self._draws[i])

    def _generator(self, episode: int, number: int) -> np.random.Generator:
        """Return the generator of an episode for one of the things that it draws."""
        return keyed_generator(hashed(self.keys[episode : episode + 1], np.array([number]))[0])

    @abstractmethod
    def _begin(self, episode: int, observation: Any) -> None:
        """Draw the chains of an episode from the prior; the observation is its first."""

    @abstractmethod
    def _learn(self, episode: int, item: int, label: float, fidelity: int) -> None:
        """Take in one label: keep the `_survivors`, then move all chains by `sweeps` sweeps."""

    @abstractmethod
    def _values(self, episode: int, out: Single) -> None:
        """Write the values of all items under each chain to ``out``, ``(K, n)``."""

    def _survivors(self, evidence: Array) -> Whole:
        """Return K chains, drawn systematically in proportion to exp(evidence), ``(K,)``."""
        total = np.exp(evidence - evidence.max()).cumsum()
        points = (np.arange(self.chains) + self._random.random()) / self.chains
        return np.searchsorted(total / total[-1], points)

    def mean(self) -> Array:
        """Return the mean of the draws, ``(B, n)``."""
        if self._mean is None:
            weight = np.full(self.chains, 1 / self.chains, self._draws.dtype)
            self._mean = np.asarray(weight @ self._draws, np.float64)
        return self._mean

    def std(self) -> Array:
        """Return the standard deviation of the draws, ``(B, n)``."""
        b, chains, n = self._draws.shape
        square, apart = np.zeros((b, n)), np.empty((WIDTH, n), self._draws.dtype)
        for i, mean in enumerate(self.mean().astype(apart.dtype)):
            for some in (self._draws[i, k : k + WIDTH] for k in range(0, chains, WIDTH)):
                part = np.subtract(some, mean, out=apart[: len(some)])
                square[i] += np.einsum("kn,kn->n", part, part)
        return np.sqrt(square / chains)

    def widest(self) -> Array:
        """Return about the largest standard deviation: of an item's value about 0, ``(B, 1)``."""
        some = self._draws[:, ::8]  # which is enough for "about"
        square = np.stack([np.einsum("kn,kn->n", draws, draws).max() for draws in some])
        return np.asarray(np.sqrt(square.astype(np.float64) / some.shape[1])[:, None])

    def rounding(self, drawn: bool = False) -> Array:
        """Return what single precision may lose of the largest value drawn, ``(B, 1)``."""
        largest = np.maximum(self._draws.max((1, 2)), -self._draws.min((1, 2)))
        return np.asarray(ROUNDING * largest[:, None].astype(np.float64))

    def sample(self, count: int, random: Random) -> NDArray[Any]:
        """Return some of the K draws in random order, repeated if there are not enough."""
        orders = (generator_of(random, i).permutation(self.chains) for i in range(len(self._draws)))
        chosen = np.stack([np.resize(order, count) for order in orders])
        return np.take_along_axis(self._draws, chosen[..., None], 1)

    def covariance(self, items: Whole, random: Random) -> Array:
        """Return the covariances over all draws, ``(B, m, n)``; there is nothing random."""
        apart = self._draws - self._draws.mean(1, keepdims=True)
        # In units of a power of two, which loses no digit and lets no square overflow.
        unit = np.exp2(np.frexp(np.abs(apart).max())[1] - 1).astype(apart.dtype)
        apart /= unit
        chosen = np.take_along_axis(apart, items[:, None], 2)
        product = chosen.transpose(0, 2, 1) @ apart / self.chains
        return np.asarray(product, np.float64) * float(unit) ** 2

    def noise_variance(self, items: Whole) -> Array:
        """Return noise_std^2 for each of ``items``, of the same shape."""
        return np.full(items.shape, self.noise_std**2)

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return what the draws tell about the best item; more than K of them tell no more."""
        b, chains, n = self._draws.shape
        count, regret, explained = min(count, chains), np.empty((b, n)), np.empty((b, n))
        for i, of in enumerate(self._draws):
            some = count < chains
            draws = of[generator_of(random, i).permutation(chains)[:count]] if some else of
            illegal = np.where(mask[i], 0.0, -np.inf).astype(np.float32)
            winner = np.add(draws, illegal, out=self._apart[:count]).argmax(1)
            top = draws[np.arange(count), winner].mean(dtype=np.float64)
            mean = self.mean()[i] if draws is of else draws.mean(0, dtype=np.float64)
            regret[i] = top - mean
            explained[i] = explained_by(winner, draws)
        return regret, explained

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief that labels of these items would leave, by the formula above."""
        ahead = copy.copy(self)
        ahead._draws, ahead._mean = self._draws.copy(), None
        for k, column in enumerate(items.T):
            for i in (column >= 0).nonzero()[0].tolist():
                at = -1 if fidelity is None else fidelity[i, k]
                slope, noise = self._slope[at].astype(np.float32), float(self._noise[at])
                f = ahead._draws[i]
                apart = slope * (f[:, column[i]] - f[:, column[i]].mean())
                total = float(apart @ apart) / self.chains + noise**2
                pull = apart @ (f - f.mean(0)) / self.chains
                f -= np.outer(apart, pull / (total + noise * total**0.5))
        return ahead

    def correlation(self, fidelity: int) -> Array:
        """Return the correlation of a label with the value, ``(B, n)``."""
        signal = np.abs(self._slope[fidelity]) * self.std()
        return np.asarray(signal / np.hypot(signal, self._noise[fidelity]))


def cholesky(matrix: list[list[Any]]) -> list[list[Any]]:
    """Return L with L L' = A, for many small matrices at once.

    The entries are arrays over the matrices: much faster than the loop of LAPACK over single matrices.

    Args:
        matrix: The lower half of A: ``matrix[i][j]`` for j <= i, arrays of one shape.
    """
    root: list[list[Any]] = []
    for i, row in enumerate(matrix):
        root.append([])
        for j in range(i + 1):
            rest = row[j]
            for k in range(j):
                rest = rest - root[i][k] * root[j][k]
            root[i].append(rest / root[j][j] if j < i else np.sqrt(rest))
    return root


def forward(root: list[list[Any]], right: Any) -> list[Any]:
    """Return L^-1 b, entry by entry."""
    out: list[Any] = []
    for i, row in enumerate(root):
        rest = right[i]
        for k in range(i):
            rest = rest - row[k] * out[k]
        out.append(rest / row[i])
    return out


def backward(root: list[list[Any]], right: Any) -> list[Any]:
    """Return L'^-1 b, entry by entry."""
    size = len(root)
    out: list[Any] = [None] * size
    for i in reversed(range(size)):
        rest = right[i]
        for k in range(i + 1, size):
            rest = rest - root[k][i] * out[k]
        out[i] = rest / root[i][i]
    return out


def evidence(root: list[list[Any]], centre: list[Any]) -> Any:
    """Return b' A^-1 b / 2 - log|A| / 2 from L and L^-1 b.

    With A and b the precision and its product with the mean of a normal posterior, it is the log
    evidence up to a constant.
    """
    return sum(w * w / 2 - np.log(row[-1]) for w, row in zip(centre, root, strict=True))


def normals(root: list[list[Any]], centre: list[Any], noise: Any) -> list[Any]:
    """Return draws of N(A^-1 b, A^-1) from L, L^-1 b and standard normals, entry by entry."""
    return backward(root, [w + z for w, z in zip(centre, noise, strict=True)])
