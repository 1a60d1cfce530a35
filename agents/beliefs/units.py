"""Features free of their units, without a copy of a pool that is too large for one.

A belief that is free of units looks at phi(x) = (1, (x - centre) * scale). What multiplies phi is turned
so that it multiplies x,

    theta . phi(x) = sum_j theta_j scale_j x_j + (theta_0 - sum_j theta_j scale_j centre_j),

and the features stay as they are seen. Single precision then loses about as much more as the centres are
farther from 0 than the features spread, so that it is done up to `FAR` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core.arrays import Array, Single

LARGE = 2**24
"""Numbers from which on the features of a pool are not copied."""

FAR = 4.0
"""How many standard deviations the mean of a feature may lie from 0 for that."""

ROWS = 1024
"""Rows that are looked at together in double precision, in the cache."""


def is_large(features: Single) -> bool:
    """Return whether the features of a pool ``(n, d)`` are too many to be copied."""
    return features.size >= LARGE


@dataclass(frozen=True, eq=False)
class Units:
    """What makes features free of their units, as `standardised` does.

    Args:
        centre: The means of the features, ``(d,)``.
        scale: What they are multiplied with, ``(d,)``; 0 for those that do not vary.
    """

    centre: Array
    scale: Array

    @classmethod
    def of(cls, features: Single) -> Units | None:
        """Return the units of a large pool's features ``(n, d)``; None if they must be copied."""
        if not is_large(features):
            return None
        n = len(features)
        centre, square = np.zeros(features.shape[1]), np.zeros(features.shape[1])
        far = np.zeros(features.shape[1])
        for rows in _blocks(n):
            centre += features[rows].sum(0, dtype=np.float64)
        centre /= n
        for rows in _blocks(n):
            apart = features[rows] - centre
            square += np.einsum("nd,nd->d", apart, apart)
            np.maximum(far, np.maximum(apart.max(0), -apart.min(0)), out=far)
        std = np.sqrt(square / n)
        varies = std > 1e-6 * np.maximum(far, 1e-300)
        if (np.abs(centre) > FAR * std)[varies].any():
            return None
        scale = np.where(varies, 1 / np.where(varies, std, 1.0), 0.0)
        return cls(centre, scale / max(int(varies.sum()), 1) ** 0.5)

    def phi(self, features: Single) -> Array:
        """Return phi of features ``(..., d)``, the intercept first, ``(..., 1 + d)``."""
        out = np.ones((*features.shape[:-1], 1 + features.shape[-1]))
        np.multiply(features - self.centre, self.scale, out=out[..., 1:])
        return out

    def turned(self, theta: NDArray[np.floating], real: Any = np.float32) -> tuple[Any, Any]:
        """Return what multiplies the features as they are, ``(..., d)``, and what is added, ``(...)``.

        Args:
            theta: What multiplies phi, ``(..., 1 + d)``.
            real: The precision of the two.
        """
        slope = theta[..., 1:] * self.scale
        rest = theta[..., 0] - slope @ self.centre
        return slope.astype(real), rest.astype(real)

    def squares(self, features: Single, item: int | None = None) -> Array:
        """Return |phi(x) - phi(item)|^2 of all items, or |phi(x)|^2 without the intercept, ``(n,)``."""
        at = self.centre if item is None else features[item].astype(np.float64)
        out = np.empty(len(features))
        for rows in _blocks(len(features)):
            apart = (features[rows] - at) * self.scale
            np.einsum("nd,nd->n", apart, apart, out=out[rows])
        return out


def _blocks(n: int) -> Iterator[slice]:
    return (slice(i, i + ROWS) for i in range(0, n, ROWS))
