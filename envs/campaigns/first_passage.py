"""First-passage theory: laws of the number of epochs until something happens for the first time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Epochs: TypeAlias = Any
"""A frozen discrete scipy distribution of a number of epochs (scipy exports no public type)."""


class _Tabulated(stats.rv_discrete):  # type: ignore[misc]
    """A discrete law given by its table; scipy's own ``values=`` needs O(n) per evaluation."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Tabulated:
        return object.__new__(cls)  # rv_discrete's own would look for ``values``

    def __init__(self, table: NDArray[np.float64], mean: float, variance: float) -> None:
        self._table = table
        self._sums = np.minimum(table.cumsum(), 1.0)
        self._sums[-1] = 1.0
        self._moments = mean, variance
        super().__init__(a=0, b=len(table) - 1, name="epochs")

    def _pmf(self, k: Any) -> Any:
        return self._table[np.asarray(k, np.int64)]

    def _cdf(self, k: Any) -> Any:
        return self._sums[np.asarray(np.floor(k), np.int64)]

    def _ppf(self, q: Any) -> Any:
        return np.searchsorted(self._sums, q)

    def _rvs(self, *, size: Any = None, random_state: Any = None) -> Any:
        return np.searchsorted(self._sums, random_state.random(size), side="right")

    def _stats(self) -> Any:
        mean, variance = self._moments
        centred = np.arange(len(self._table)) - mean
        if not variance > 0 or not np.isfinite(variance):
            return mean, variance, None, None
        third, fourth = ((centred**k * self._table).sum() for k in (3, 4))
        return mean, variance, third / variance**1.5, fourth / variance**2 - 3

    def _updated_ctor_param(self) -> dict[str, Any]:
        # A frozen distribution is rebuilt from its constructor's arguments.
        return {"table": self._table, "mean": self._moments[0], "variance": self._moments[1]}


def tabulated(law: NDArray[np.float64], mean: float, variance: float) -> Epochs:
    """Return the frozen distribution on 0, 1, ... with the probabilities ``law``, shape ``(L,)``.

    Mean and variance, which are known without the table's cut-off, are handed in.
    """
    end = len(law) - int(np.argmax(np.cumsum(law[::-1]) > 1e-13))
    return _Tabulated(law[:end] / law[:end].sum(), mean, variance)()


def inverse_gaussian(mean: float, variance: float) -> Any:
    """Return the inverse-Gaussian law with this mean and variance, a frozen scipy distribution.

    It is the law of the time at which a Brownian motion with drift first reaches a target: with
    drift v and variance s^2 per epoch, the distance d is covered in mean d / v, variance
    d s^2 / v^3 (S. Redner, "A Guide to First-Passage Processes", 2001).
    """
    shape = mean**3 / variance
    return stats.invgauss(mu=mean / shape, scale=shape)
