"""Plates: many noisy tests at once, and the rung of a ladder from which a careful one is worth more."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq

from ..core import InputError, shown
from ..core.amounts import decimal
from ..core.arrays import Array
from ..core.checks import integer, money, quantity, real, sequence


class Plate(NamedTuple):
    """An instrument that tests N candidates at once, and errs.

    Args:
        wells: The number N of candidates.
        sensitivity: Probability s that a well with a real candidate reads positive.
        false_positive: Probability f < s that any other well does.
        price: Price of a plate, whatever its wells.
        price_per_well: Price of each well.
        days: Days that a plate takes.
    """

    wells: int
    sensitivity: float
    false_positive: float
    price: float
    price_per_well: float
    days: float

    def __repr__(self) -> str:
        """Return the six numbers, as they are handed in."""
        return repr(tuple(self))

    @property
    def money(self) -> Fraction:
        """Price of a full plate, exact in the decimals in which its parts are written."""
        return decimal(self.price) + self.wells * decimal(self.price_per_well)

    def positive(self, p: Array) -> Array:
        """Return q = s p + f (1 - p), the probability that a well reads positive."""
        return self.sensitivity * p + self.false_positive * (1 - p)

    def real(self, p: Array) -> Array:
        """Return s p / q, the probability that a well that reads positive holds a real candidate."""
        return self.sensitivity * p / self.positive(p)


def plate_of(name: str, value: Any) -> Plate:
    """Return a checked plate, from its six numbers."""
    parts = sequence(name, value, lambda _, part: part)
    if len(parts) != len(Plate._fields):
        raise InputError(
            f"{name} must hold six numbers ({', '.join(Plate._fields)}), got {shown(value)}."
        )
    wells, sensitivity, false_positive, price, per_well, days = parts
    s = real(f"sensitivity of {name}", sensitivity, low=0, high=1, open_low=True)
    f = real(f"false_positive of {name}", false_positive, low=0, high=1)
    if f >= s:
        raise InputError(
            f"false_positive of {name} must be below its sensitivity, {s:g}, got {f:g}: a positive "
            "well would tell nothing. Lower it, or leave the plate out."
        )
    return Plate(
        integer(f"wells of {name}", wells, low=1, high=1_000_000),
        s,
        f,
        money(f"price of {name}", price),
        money(f"price_per_well of {name}", per_well),
        quantity(f"days of {name}", days, zero=True),
    )


def switch_probability(
    ratio: float, wells: int, sensitivity: float, false_positive: float
) -> float:
    """Return p*, the chance of success below which a plate comes first and above which it does not.

    A rung is climbed by plates, whose hits are tested one at a time, or by tests of fresh candidates.
    A hit in hand is tested at once: that costs less a success than anything else. So, with the prices
    k_P of a plate and k_C of a careful test,

        by plates:  k_P / (1 - (1 - s p)^N) + k_C q / (s p),      by careful tests:  k_C / p,

    and a plate comes first where (1 - f/s) (1 - p)/p (1 - (1 - s p)^N) > k_P / k_C. The left side
    falls from N (s - f) at p = 0 to 0 at p = 1: there is one switch, whatever law p follows on the
    ladder. For large N it is near 1 / (1 + k_P/k_C s/(s - f)).

    Source: this package. It makes exact what J. Schrier, "Three mathematical models for machine
    learning and high-throughput experimentation" (2023), concludes of model 3.

    Args:
        ratio: k_P / k_C, the price of a plate in careful tests, time included.
        wells: The number N of wells.
        sensitivity: Probability s that a well with a real candidate reads positive.
        false_positive: Probability f < s that any other well does.

    Returns:
        p* in [0, 1]: 0 where no plate is ever worth its price, 1 where a plate is free.

    Raises:
        InputError: If a number is not allowed.
    """
    plate = plate_of("the plate", (wells, sensitivity, false_positive, 0.0, 0.0, 0.0))
    ratio = real("ratio", ratio, low=0)
    n, s, f = plate[:3]
    if ratio >= n * (s - f):
        return 0.0
    if ratio == 0:
        return 1.0

    def ahead(log_p: float) -> float:
        p = float(np.exp(log_p))
        found = -np.expm1(n * np.log1p(-s * p)) if s * p < 1 else 1.0
        return float((1 - f / s) * (1 - p) / p * found) - ratio

    low = -690.0  # of p: below, numbers end
    return float(np.exp(brentq(ahead, low, 0.0, rtol=1e-15))) if ahead(low) > 0 else 0.0
