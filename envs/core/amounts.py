"""Amounts of money or days, counted in whole units: so a budget ends where it should."""

from __future__ import annotations

import math
from fractions import Fraction


def decimal(number: float) -> Fraction:
    """Return a float as the decimal number that it is written as: 0.1 is one tenth."""
    return Fraction(repr(float(number)))


def common(one: Fraction, other: Fraction) -> Fraction:
    """Return the largest number of which two are multiples."""
    return Fraction(
        math.gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
