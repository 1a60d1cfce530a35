"""Features of a table as agents see them: scaled over the pool, in single precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .labels import ANY_LABEL

SCALINGS = "l2", "standard", "none"

ALIKE = 1e-12
"""A feature whose values differ by less than this share of the largest is constant, up to rounding."""

LOST = 0.01
"""Share of the standard deviation of a feature that single precision may cost it."""


def scaled(features: NDArray[np.float64], scaling: str) -> NDArray[np.float32]:
    """Return the features ``(n, d)`` of the items of a pool as agents see them."""
    return np.array(rescaled(features, scaling), np.float32, order="C")


def rescaled(features: NDArray[np.float64], scaling: str) -> NDArray[np.float64]:
    """Return the features ``(n, d)`` of the items of a pool as ``scaling`` says."""
    if scaling == "none":
        return features
    x, _ = _in_units(features)
    if scaling == "standard":
        varies = _varies(x)
        x = x - x.mean(0)
        return np.asarray(np.where(varies, x / np.where(varies, x.std(0), 1.0), 0.0))
    norm = np.linalg.norm(x, axis=0)
    return np.asarray(x / np.where(norm > 0, norm, 1.0))


def bounds(shown: NDArray[np.float32]) -> tuple[float, float]:
    """Return finite bounds of features, the lower one below the upper."""
    low, high = float(shown.min()), float(shown.max())
    return low, high if high > low else low + 1.0


def check_features(
    x: NDArray[np.float64], shown: NDArray[np.float32], names: Sequence[str], scaling: str
) -> None:
    """Refuse features whose differences single precision cannot show.

    Args:
        x: Features of the items, ``(n, d)``.
        shown: The same as agents see them.
        names: The names of the features.
        scaling: How they were scaled.
    """
    item, k = np.unravel_index(int(np.abs(x).argmax()), x.shape)
    if abs(x[item, k]) > ANY_LABEL:
        raise InputError(
            f"Features must lie within -{ANY_LABEL:.3g} and {ANY_LABEL:.3g}; {names[k]} of item "
            f"{item} is {x[item, k]:g}. Give it in a larger unit."
        )
    exact, unit = _in_units(rescaled(x, scaling))
    lost = np.abs(exact - shown / unit).max(0)
    spread = np.where(_varies(exact), exact.std(0), np.inf)
    if (lost > LOST * spread).any():
        k = (lost / spread).argmax()
        raise InputError(
            f"Feature {names[k]} lies within {np.ptp(x[:, k]):.3g} for all items, at values of up "
            f"to {np.abs(x[:, k]).max():.3g}: single precision, in which features are shown "
            f"with scaling={scaling!r}, would hide that. Take scaling='standard', or subtract "
            "a constant from it or change its unit."
        )


def _varies(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which features differ between items by more than rounding, ``(d,)``."""
    return np.asarray(np.ptp(x, axis=0) > ALIKE * np.abs(x).max(0))


def _in_units(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features in units of a power of two each, and the units ``(d,)``.

    No digit is lost, and no square of a feature overflows or vanishes.
    """
    unit = np.exp2(np.frexp(np.abs(x).max(0))[1])
    return x / unit, unit
