"""A mean over episodes and its standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """The mean over episodes of a bound, or of what it bounds, and its standard error."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Estimate:
        """Return it for the values of some episodes, ``(E,)``."""
        return cls(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.mean:.3f} ± {self.error:.3f}"
