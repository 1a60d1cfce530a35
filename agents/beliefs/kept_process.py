r"""Joint draws of a Gaussian process that are kept from one label to the next.

A_k is a draw of all values at unit signal scale, less its mean. A label of slope a and noise variance r,
with the row v and the pivot of `gaussian_process`, changes it as in `draws`,

    A_k -= v a A_k(x) / (pivot + sqrt(r)),    t labels:  A_k -= V' (L + diag(sqrt(r)))^-1 a A_k(X_t).

No label enters and no error is drawn: draws can look ahead, and means stay exact. A_k is drawn from the
prior and kept as it is after every `EVERY` labels, and where other settings are chosen. A decision takes
the product of the rows that came since, so that A_k depends on the labels in their order only.

The flat constant adds z_k sqrt(its variance) (1 - V'o). Every item is then stretched to its exact std:
rules like best what their draws happen to be widest about, and would follow kept ones there.

Sources: see `kept`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.seeding import Words
from ...envs.core.streams import hashed, keyed_generator
from .kept import EVERY
from .kernels import prior_draws


class KeptProcess:
    """K draws of the values of n items in B episodes, by a kernel of this name."""

    def __init__(self, b: int, count: int, num_items: int, kernel: str) -> None:
        self.count, self.kernel = count, kernel
        self.keys: Words = hashed(np.zeros(1, np.uint64), np.arange(b))
        self.first = np.zeros(b, np.int64)  # labels that are in the values
        self._choice = np.full(b, -1)  # settings of the process; -1: nothing is drawn
        self.values: Single = np.zeros((b, count, num_items), np.float32)
        self._z = np.zeros((b, count))

    def begin(self, episodes: Flags) -> None:
        """Forget the draws of episodes that start."""
        self._choice[episodes] = -1

    def due(self, count: Whole, choice: Whole) -> Any:
        """Return which episodes are to be drawn anew, given numbers of labels and settings, ``(B,)``."""
        first = count // EVERY * EVERY
        due = (first != self.first) | (choice != self._choice)
        self.first, self._choice = first, choice.copy()
        return due.nonzero()[0].tolist()

    def draw(self, e: int, x: Array, scale: Array, told: tuple[Any, ...]) -> None:
        """Draw an episode anew, of features ``(n, d)`` and a length scale, after the `first` labels."""
        random = keyed_generator(hashed(self.keys[e : e + 1], self.first[e : e + 1])[0])
        draws = prior_draws(x[None], scale[None], self.kernel, self.count, random)[0]
        z = random.standard_normal(self.count)
        self.values[e], self._z[e] = draws - draws.mean(0), z - z.mean()
        self.values[e] = self._after(e, np.zeros(len(x)), *told)

    def _after(
        self, e: int, more: Array, items: Any, slope: Array, std: Array, root: Array, v: Array
    ) -> Single:
        """Return the values of an episode after labels, and z times ``more``, ``(K, n)``."""
        right = slope[:, None] * self.values[e][:, items].T
        pull = solve_triangular(root + np.diag(std), right, lower=True, check_finite=False)
        weight = np.vstack([-pull, self._z[e]]).astype(np.float32)
        out: Single = weight.T @ np.vstack([v, more]).astype(np.float32)
        out += self.values[e]
        return out

    def now(self, e: int, told: tuple[Any, ...], more: Array, std: Array) -> Single:
        """Return the draws of an episode less their mean, ``(K, n)``.

        ``told`` are the labels from number `first` on, ``more`` is what the constant adds for z = 1, and
        ``std`` are the standard deviations, ``(n,)`` each.
        """
        out = self._after(e, more, *told)
        square = np.einsum("kn,kn->n", out, out) / self.count
        out *= (std / np.sqrt(np.maximum(square, 1e-30))).astype(np.float32)
        return out
