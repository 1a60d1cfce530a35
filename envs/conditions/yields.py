"""The yields of a table: what its tests show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, shown
from ..core.arrays import Array, Whole
from ..core.checks import room

MOST_SUBSTRATES = 2**15 - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Yields:
    """Yields of K conditions with m substrates.

    Args:
        array: Yields in percent, NaN where none is measured, ``(K, m)``.
        binary: Whether tests show if a yield is above 50 %, rather than its fraction.
    """

    array: Array
    binary: bool

    @cached_property
    def labels(self) -> Array:
        """What tests show, NaN where nothing is measured, ``(K, m)``."""
        seen = np.clip(self.array / 100, 0.0, 1.0)
        if self.binary:
            return np.where(np.isnan(seen), np.nan, self.array > 50)
        return np.asarray(seen)

    @cached_property
    def counts(self) -> Whole:
        """The number of substrates of every condition, ``(K,)``."""
        return np.asarray((~np.isnan(self.array)).sum(1))

    @cached_property
    def means(self) -> Array:
        """The mean over them, ``(K,)``."""
        return np.asarray(np.nanmean(self.labels, axis=1))

    @cached_property
    def order(self) -> NDArray[np.int16]:
        """The measured substrates of every condition, then the others, ``(K, m)``."""
        return np.argsort(np.isnan(self.array), axis=1, kind="stable").astype(np.int16)

    @cached_property
    def best_sums(self) -> Array:
        """Return the sums of the means of the best 0, 1, ... tests, whatever the substrates."""
        each = np.repeat(self.means, self.counts)
        return np.append(0.0, np.sort(each)[::-1].cumsum())

    def of(self, condition: int) -> Array:
        """Return the labels of a condition."""
        row = self.labels[condition]
        return np.asarray(row[~np.isnan(row)])


def yields_of(given: Any) -> Array:
    """Return a copy of yields in percent ``(K, m)``; anything else raises `InputError`."""
    try:
        array = np.array(given, np.float64)
    except Exception:  # ragged, or no numbers at all
        array = np.empty(0)
    if array.ndim != 2 or len(array) < 2 or not array.shape[1]:
        raise InputError(
            "yields must be an array of two or more conditions by substrates, NaN where none is "
            f"measured, got {shown(given)}."
        )
    if np.isinf(array).any() or np.isnan(array).all(1).any():
        raise InputError(
            "yields must be finite, and every condition must have one: leave out what was never tested."
        )
    if array.shape[1] > MOST_SUBSTRATES:
        raise InputError(f"yields have at most {MOST_SUBSTRATES} substrates, got {array.shape[1]}.")
    if 0 < np.nanmax(array) <= 1:
        raise InputError(
            f"yields are in percent, but the highest is {np.nanmax(array):g}; multiply them by 100."
        )
    room("The yields", array.size, "take fewer substrates")
    return array
