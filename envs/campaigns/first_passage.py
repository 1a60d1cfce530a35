"""First-passage theory: laws of the number of epochs until something happens for the first time."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..core.arrays import Array

Epochs: TypeAlias = Any
"""A frozen discrete scipy distribution of a number of epochs (scipy exports no public type)."""


def tabulated(law: Array, mean: float, variance: float) -> Epochs:
    """Return the frozen distribution on 0, 1, ... with the probabilities ``law``, shape ``(L,)``.

    Mean and variance, which are known without the table's cut-off, are handed in.
    """
    from .epochs import Tabulated  # slow to import, so only when it is asked for

    end = len(law) - int(np.argmax(np.cumsum(law[::-1]) > 1e-13))
    return Tabulated(law[:end] / law[:end].sum(), mean, variance)()


def inverse_gaussian(mean: float, variance: float) -> Any:
    """Return the inverse-Gaussian law with this mean and variance, a frozen scipy distribution.

    It is the law of the time at which a Brownian motion with drift first reaches a target: with
    drift v and variance s^2 per epoch, the distance d is covered in mean d / v, variance
    d s^2 / v^3 (S. Redner, "A Guide to First-Passage Processes", 2001).
    """
    from scipy.stats import invgauss  # likewise

    shape = mean**3 / variance
    return invgauss(mu=mean / shape, scale=shape)
