r"""What labels of several fidelities tell a Gaussian process of unknown spread s.

A label of an item is a f(x) + noise of variance s^2 r, where f = beta + h: with the slope a of its
fidelity, and with beta multiplied by its level. A proxy slope f(x) + N(0, std^2) has r = (std / s)^2,
where s is taken as the standard deviation of values that the pool states.

On a table a proxy is a column in a unit of its own. Its labels are turned into scores by their own mean
and standard deviation, given the spread of the labels seen of the column itself, and are

    s c + rho h(x) + noise,  c ~ N(0, `LOOSE`^2),  noise ~ N(0, s^2 (rho^2 g + 1 - rho^2)),

with a constant c of their own in the place of beta. So rho is taken as the correlation of the columns
over the pool, and the labels seen of each as having the spread of its column; but not as being of the
same items, nor of average ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .history import LOOSE

Array = NDArray[np.float64]

LEAST = 1e-4
"""Least variance of a proxy's noise over that of values, which keeps covariances regular."""


@dataclass(frozen=True, eq=False)
class Tests:
    """Labels of M fidelities, the last of which is the top.

    Args:
        slope: What multiplies f, ``(M,)``.
        level: What multiplies beta, ``(M,)``.
        share: The noise r is share g + more, g being that of the top, ``(M,)``.
        more: See there, ``(M,)``.
        own: Whether proxies have constants of their own.
    """

    slope: Array
    level: Array
    share: Array
    more: Array
    own: bool

    @classmethod
    def of(cls, model: Any) -> Self:
        """Return what the tests of a pool are, whose proxies have additive noise."""
        slope = np.array([proxy.slope for proxy in model.proxies])
        own = len(slope) > 0 and getattr(model, "prior_std", None) is None
        if own:
            more = np.maximum(1 - slope**2, LEAST)
        else:
            more = np.array([(proxy.std / model.value_std) ** 2 for proxy in model.proxies])
        return cls(
            slope=np.append(slope, 1.0),
            level=np.append(0 * slope if own else slope, 1.0),
            share=np.append(slope**2 if own else 0 * slope, 1.0),
            more=np.append(np.maximum(more, LEAST), 0.0),
            own=own,
        )

    @property
    def top(self) -> int:
        """The number of proxies, which is the top fidelity."""
        return len(self.slope) - 1

    def ratio(self, fidelity: Any, noise: Any) -> Array:
        """Return the noise r of labels of some fidelities, given that of the top, g."""
        return np.asarray(self.share[fidelity] * noise + self.more[fidelity])

    def own_part(self, fidelity: Any) -> tuple[Array, Array]:
        """Return which proxy's constant is in labels, ``(..., M - 1)``, and their variances over s^2."""
        own = (fidelity[..., None] == np.arange(self.top)) & self.own
        return own.astype(np.float64), self.slope[fidelity] ** 2 + LOOSE**2 * own.any(-1)
