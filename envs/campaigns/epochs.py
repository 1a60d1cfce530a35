"""Laws of a number of epochs, as discrete distributions of scipy.

Its statistics take longer to import than all else: this module is imported when a law is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import rv_discrete

from ..core.arrays import Array


class Tabulated(rv_discrete):  # type: ignore[misc]
    """A discrete law given by its table; scipy's own ``values=`` needs O(n) per evaluation."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Tabulated:
        """Make one as Python does: rv_discrete's own would look for ``values``."""
        return object.__new__(cls)

    def __init__(self, table: Array, mean: float, variance: float) -> None:
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


class BetaGeometric(rv_discrete):  # type: ignore[misc]
    """Epochs to the first success of batches of N, p ~ Beta(a, b): S(t) = B(a, b + N t) / B(a, b)."""

    def _argcheck(self, alpha: Any, beta: Any, batch: Any) -> Any:
        return (alpha > 0) & (beta > 0) & (batch >= 1)

    def _sf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return np.exp(betaln(alpha, beta + batch * np.floor(t)) - betaln(alpha, beta))

    def _cdf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return 1 - self._sf(t, alpha, beta, batch)

    def _pmf(self, t: Any, alpha: Any, beta: Any, batch: Any) -> Any:
        return self._sf(t - 1, alpha, beta, batch) - self._sf(t, alpha, beta, batch)

    def _rvs(self, alpha: Any, beta: Any, batch: Any, *, size: Any, random_state: Any) -> Any:
        p = random_state.beta(alpha, beta, size)
        return random_state.geometric(-np.expm1(batch * np.log1p(-p)))

    def _stats(self, alpha: Any, beta: Any, batch: Any) -> Any:
        # scipy broadcasts the frozen arguments to arrays of one element
        a, b, n = (np.asarray(x).item() for x in (alpha, beta, batch))
        mean, variance = beta_geometric_moments(a, b, int(n))
        return mean, variance, None, None


def beta_geometric_moments(a: float, b: float, size: int) -> tuple[float, float]:
    """Return E[1/P] and E[(2 - P)/P^2] - E[1/P]^2 with P = 1 - (1 - p)^N and p ~ Beta(a, b).

    The weights of the quadrature are the powers of p and 1 - p at the ends; the rest is smooth.
    """

    def mean(f: Callable[[float, float], float], power: int) -> float:
        def smooth(p: float) -> float:
            ratio = 1 / size if p == 0 else p / -np.expm1(size * np.log1p(-p))
            return float(f(p, ratio))

        weight = (a - 1 - power, b - 1)
        with np.errstate(divide="ignore"):
            value = quad(smooth, 0, 1, weight="alg", wvar=weight, epsabs=0, epsrel=1e-11, limit=500)
        return float(value[0] / np.exp(betaln(a, b)))

    if a <= 1:
        return np.inf, np.inf
    first = mean(lambda p, ratio: ratio, 1)
    if a <= 2:
        return first, np.inf
    return first, mean(lambda p, ratio: ratio * (2 * ratio - p), 2) - first**2
