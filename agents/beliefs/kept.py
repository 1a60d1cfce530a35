r"""Joint draws of a linear function that are kept from one label to the next.

K draws theta_k of the coefficients are told by their residuals r_k = theta_k - E theta, and those of the
values of all items by A_k = X r_k. A label of x moves them as it would the mean, if it were an error of its
own noise, with a = Var f(x) + std^2, v = Cov(theta, f(x)) and e_k ~ N(0, std^2):

    r_k += v / a (e_k - r_k . x),    A_k += X v / a (e_k - r_k . x).

No label enters, so that residuals can look ahead, and the mean stays exact. Moving A costs n K and not
the n d K of a product. After every `EVERY` labels A is X r anew: rounding errors do not pile up, and who
takes in a long history at once comes to the same bits.

What is drawn for label number t of an episode is a function of the episode's key and of t. Residuals and
errors are drawn with mean 0 over the K of them, and the variance that each would have had. Under the
law of one decision nothing is different from fresh draws; those of an episode depend on each other.

Source: Wilson et al., "Efficiently Sampling Functions from Gaussian Process Posteriors", ICML 2020,
equation (13), Matheron's rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import sger
from scipy.special import ndtri

from ...envs.core.seeding import Words, doubles
from ...envs.core.streams import hashed
from .best_item import explaining, forms

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

ROOM = 2**27
"""Most values that are kept together, 512 MB; those of more draws are a product at every decision."""
EVERY = 32
"""Labels after which the values are computed anew."""
WORTH = 8
"""Coefficients from which on a product costs more than values that are moved."""
TILE = 2**17
"""Values that are looked at together, in the cache."""


class Kept:
    """K draws of the coefficients of B episodes, and the values of all items.

    Args:
        num_episodes: The number B of episodes.
        count: The number K of draws, at least 2.
        num_items: The number n of items.
        num_features: The number d of coefficients.
        product: Returns X r of one episode for residuals ``(K, d)`` in single precision, ``(K, n)``.
    """

    def __init__(
        self,
        num_episodes: int,
        count: int,
        num_items: int,
        num_features: int,
        product: Callable[[int, Floats], Floats],
    ) -> None:
        b, self.count, self._product = num_episodes, count, product
        self.keys: Words = hashed(np.zeros(1, np.uint64), np.arange(b))
        self.theta = np.zeros((b, count, num_features))  # r
        self.number = np.zeros(b, np.int64)  # labels taken in
        self._due = np.zeros(b, np.int64)  # label after which A is computed anew
        self._made = np.full(b, -1)  # label after which it was
        fits = b * count * num_items <= ROOM and num_features >= WORTH
        shape = (b, count, num_items) if fits else (0, 0, 0)
        self.values: Floats = np.zeros(shape, np.float32)  # A, but for what follows
        self._ahead: list[tuple[Floats, Floats]] | None = None  # what labels in flight do to it

    def begin(self, episodes: NDArray[np.int64], root: Array) -> None:
        """Draw residuals S z of the prior, from its root S ``(d, d)``."""
        number = np.zeros(len(episodes), np.int64)
        z = self._normal(self.keys[episodes], number, self.theta.shape[2])
        self.theta[episodes] = z @ root.T
        self.number[episodes], self._made[episodes] = 0, -1

    def expect(self, count: NDArray[np.int64]) -> None:
        """Say how many labels the episodes will have next, ``(B,)``."""
        self._due = count // EVERY * EVERY
        self._make(((self.number == self._due) & (self._made != self._due)).nonzero()[0])

    def learn(
        self,
        episodes: NDArray[np.int64],
        x: Array,
        gain: Array,
        change: NDArray[Any],
        variance: Array,
        noise: Array,
    ) -> None:
        """Take in one label in each of some episodes.

        Args:
            episodes: The episodes, ``(E,)``.
            x: What multiplies the coefficients in the label, ``(E, d)``.
            gain: v, ``(E, d)``.
            change: X v, ``(E, n)``.
            variance: Variance a of the label, ``(E,)``.
            noise: Variance of its noise, ``(E,)``.
        """
        rows = slice(None) if len(episodes) == len(self.number) else episodes
        number, theta = self.number[rows] + 1, self.theta[rows]
        error = np.sqrt(noise)[:, None] * self._normal(self.keys[rows], number, 1)[..., 0]
        error -= np.matmul(theta, x[:, :, None])[..., 0]
        error /= variance[:, None]
        self.theta[rows] = theta + error[:, :, None] * gain[:, None]
        self.number[rows] = number
        if not len(self.values):
            return
        if self._ahead is not None:
            errors, changes = self._nothing()
            errors[rows], changes[rows] = error, change
            self._ahead.append((errors, changes))
            return
        due = self._due[rows]
        self._make(episodes[number == due])
        errors, changes = error.astype(np.float32), change.astype(np.float32, copy=False)
        for i in (number > due).nonzero()[0].tolist():  # in place
            sger(1.0, changes[i], errors[i], a=self.values[episodes[i]].T, overwrite_a=True)

    def look_ahead(self) -> Self:
        """Return draws that will take in labels in flight and leave these as they are."""
        ahead = copy(self)
        ahead.theta, ahead.number = self.theta.copy(), self.number.copy()
        ahead._ahead = list(self._ahead or [])
        return ahead

    def about_best(
        self, mean: Array, mask: NDArray[np.int8], x: Floats | None
    ) -> tuple[Array, Array]:
        """Return the expected regret of every item and what the best one explains, ``(B, n)`` each.

        Args:
            mean: Means of the values, ``(B, n)``.
            mask: 1 where an item may be the best, ``(B, n)``.
            x: Features ``(B or 1, n, d)``, to which the draws are those of the coefficients; None:
                another form of them.
        """
        middle = mean.max(1, keepdims=True)
        level = (mean - middle).astype(np.float32)
        level[mask == 0] = -np.inf
        b, count, n = self.values.shape
        top, winner = np.empty((b, count), np.float32), np.empty((b, count), np.int64)
        for rows, draws in self._tiles():
            values = self._seen(rows, draws) + level[rows, None]
            here = values.argmax(2)
            top[rows, draws] = np.take_along_axis(values, here[..., None], 2)[..., 0]
            winner[rows, draws] = here
        regret = top.mean(1, dtype=np.float64)[:, None] + middle - mean
        if x is not None:
            return regret, forms(x, explaining(self.theta.astype(np.float32), winner))
        explained = np.empty(mean.shape)
        for e in range(b):
            explained[e] = self._explained(slice(e, e + 1), winner[e])
        return regret, explained

    def _explained(self, row: slice, winner: NDArray[np.int64]) -> Floats:
        """Return the sum over best items of (sum of A_k)^2 / (K times their number), ``(n,)``."""
        groups = [(winner == item).nonzero()[0].tolist() for item in np.unique(winner)]
        out = np.zeros(self.values.shape[2], np.float32)
        for first in range(0, len(out), TILE // 4):
            items = slice(first, first + TILE // 4)
            here = out[items]
            square = np.empty_like(here)
            for group in groups:
                total, *more = (self._seen(row, slice(k, k + 1), items)[0, 0] for k in group)
                for values in more:
                    total = total + values
                np.multiply(total, total, out=square)
                if more:
                    square /= np.float32(len(group))
                here += square
        out /= np.float32(self.count)
        return out

    def _seen(self, rows: slice, draws: slice, items: slice = slice(None)) -> Floats:
        """Return values after the labels in flight."""
        values = self.values[rows, draws, items]
        for error, change in self._ahead or []:
            values = values + error[rows, draws, None] * change[rows, None, items]
        return values

    def _tiles(self) -> Iterator[tuple[slice, slice]]:
        """Yield episodes and draws whose values stay in the cache: many episodes, or many draws."""
        b, count, n = self.values.shape
        step = max(TILE // (count * n), 1)
        each = count if step > 1 else max(TILE // n, 1)
        for e in range(0, b, step):
            for k in range(0, count, each):
                yield slice(e, e + step), slice(k, k + each)

    def _make(self, episodes: NDArray[np.int64]) -> None:
        """Compute the values anew."""
        for e in episodes.tolist() if len(self.values) else ():
            self.values[e] = self._product(e, self.theta[e].astype(np.float32))
        self._made[episodes] = self.number[episodes]

    def _nothing(self) -> tuple[Floats, Floats]:
        b, count, n = self.values.shape
        return np.zeros((b, count), np.float32), np.zeros((b, n), np.float32)

    def _normal(self, keys: Words, number: NDArray[np.int64], size: int) -> Array:
        """Return normal numbers of mean 0 over the draws, for label number t or 0, ``(E, K, size)``."""
        key = hashed(keys, number)[:, None]
        uniform = doubles(hashed(key, np.arange(self.count * size)))
        z = ndtri(np.maximum(uniform, 2.0**-54)).reshape(len(keys), self.count, size)
        z -= z.mean(1, keepdims=True)
        return np.asarray(z * (self.count / (self.count - 1)) ** 0.5)
