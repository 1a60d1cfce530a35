r"""What labels of several fidelities tell a Gaussian process of unknown spread s.

A label of an item is a f(x) + noise of variance s^2 r, with the slope a of its fidelity. A proxy
slope v + N(0, std^2) of the value v has r = (std / s)^2, where s is taken as the standard deviation of
values that the pool states. On a table that is 1 - slope^2; there values differ from f by what is not
smooth, of variance g s^2, which the proxy shows as well: r = slope^2 g + 1 - slope^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ...envs.core.arrays import Array

LEAST = 1e-4
"""Least variance of a proxy's noise over that of values, which keeps covariances regular."""


@dataclass(frozen=True, eq=False)
class Tests:
    """Labels of M fidelities, the last of which is the top.

    Args:
        slope: What multiplies f, ``(M,)``.
        share: The noise r is share g + more, g being that of the top, ``(M,)``.
        more: See there, ``(M,)``.
    """

    slope: Array
    share: Array
    more: Array

    @classmethod
    def of(cls, model: Any) -> Self:
        """Return what the tests of a pool are, whose proxies have additive noise."""
        slope = np.array([proxy.slope for proxy in model.proxies])
        share, more = slope**2, 1 - slope**2
        if getattr(model, "prior_std", None) is not None:
            more = np.array([(proxy.std / model.value_std) ** 2 for proxy in model.proxies])
            share = 0 * slope
        return cls(
            slope=np.append(slope, 1.0),
            share=np.append(share, 1.0),
            more=np.append(np.maximum(more, LEAST), 0.0),
        )

    @property
    def top(self) -> int:
        """The number of proxies, which is the top fidelity."""
        return len(self.slope) - 1

    def ratio(self, fidelity: Any, noise: Any) -> Array:
        """Return the noise r of labels of some fidelities, given that of the top, g."""
        return np.asarray(self.share[fidelity] * noise + self.more[fidelity])
