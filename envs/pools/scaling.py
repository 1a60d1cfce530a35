"""Features of a table as agents see them: scaled over the pool, in single precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import InputError
from ..core.arrays import Array, Flags, Single
from ..datasets.stored import Features, groups
from .labels import ANY_LABEL

SCALINGS = "l2", "standard", "none"

ALIKE = 1e-12
"""A feature whose values differ by less than this share of the largest is constant, up to rounding."""

TOGETHER, ROWS = 4, 4096
"""Columns that are written together, and rows of them in the cache."""

LOST = 0.01
"""Share of the standard deviation of a feature that single precision may cost it."""


def scaled(features: Features, scaling: str, names: Sequence[str] | None = None) -> Single:
    """Return the features ``(n, d)`` of the items of a pool as agents see them.

    Args:
        features: Features of the items, ``(n, d)``.
        scaling: One of `SCALINGS`.
        names: The names of the features, for a message; None: nothing is checked.

    Raises:
        InputError: Single precision would hide differences between items.
    """
    shown = np.empty(features.shape, np.float32)
    width, first, kept = features.shape[1], 0, list[Single]()
    for some, x in groups(features):
        exact = rescaled(x, scaling)
        single = exact.astype(np.float32)
        if names is not None:
            _check(x, exact, single, names[some], scaling)
        kept.append(single)
        if some.stop - first < TOGETHER and some.stop < width:
            continue
        # Each column by itself would touch the whole of the memory, whose rows are contiguous.
        for low in range(0, len(shown), ROWS):
            rows = slice(low, low + ROWS)
            shown[rows, first : some.stop] = np.concatenate([part[rows] for part in kept], 1)
        first, kept = some.stop, []
    return shown


def rescaled(features: Array, scaling: str) -> Array:
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


def bounds(shown: Single) -> tuple[float, float]:
    """Return finite bounds of features, the lower one below the upper."""
    low, high = float(shown.min()), float(shown.max())
    return low, high if high > low else low + 1.0


def _check(x: Array, exact: Array, single: Single, names: Sequence[str], scaling: str) -> None:
    """Refuse features ``(n, w)`` whose differences single precision cannot show.

    Args:
        x: The features.
        exact: The same, scaled.
        single: The same in single precision.
        names: Their names.
        scaling: How they were scaled.
    """
    far = np.abs(x).max(0)
    if far.max() > ANY_LABEL:
        k = int(far.argmax())
        item = int(np.abs(x[:, k]).argmax())
        raise InputError(
            f"Features must lie within -{ANY_LABEL:.3g} and {ANY_LABEL:.3g}; {names[k]} of item "
            f"{item} is {x[item, k]:g}. Give it in a larger unit."
        )
    exact, unit = _in_units(exact)
    lost = np.abs(exact - single / unit).max(0)
    spread = np.where(_varies(exact), exact.std(0), np.inf)
    if (lost > LOST * spread).any():
        k = int((lost / spread).argmax())
        raise InputError(
            f"Feature {names[k]} lies within {np.ptp(x[:, k]):.3g} for all items, at values of up "
            f"to {far[k]:.3g}: single precision, in which features are shown with "
            f"scaling={scaling!r}, would hide that. Take scaling='standard', or subtract a constant "
            "from it or change its unit."
        )


def _varies(x: Array) -> Flags:
    """Return which features differ between items by more than rounding, ``(d,)``."""
    return np.asarray(np.ptp(x, axis=0) > ALIKE * np.abs(x).max(0))


def _in_units(x: Array) -> tuple[Array, Array]:
    """Return features in units of a power of two each, and the units ``(d,)``.

    No digit is lost, and no square of a feature overflows or vanishes.
    """
    unit = np.exp2(np.frexp(np.abs(x).max(0))[1])
    return x / unit, unit
