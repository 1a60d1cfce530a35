"""Checks of parameters: each returns the value in its plain form or raises `InputError`.

A value may be any object, also one that cannot be compared, counted or shown.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from .errors import InputError, shown

T = TypeVar("T")

MOST = 10**15
"""The largest integer where none smaller is named: floats still count up to it."""
LONGEST = 1_000_000
"""Elements of a sequence."""
MOST_NUMBERS = 2**28
"""Numbers that one thing may hold: some GB, which take some seconds."""
MOST_TOGETHER = 2**31
"""Numbers that all episodes may hold together: some 16 GB."""
SMALL, LARGE = 1e-12, 1e12
"""Limits of a quantity in a unit that fits it: products of four of them, their squares and their sums
are finite and above 0, in single precision too."""
COSTLY = 1e30
"""The largest reward or cost: squares of sums over all experiments are finite."""


def integer(name: str, value: Any, *, low: int, high: float | None = None) -> int:
    """Return ``value`` as an int in ``[low, high]``, `MOST` if ``high`` is not given."""
    whole, most = _integer(value), MOST if high is None else high
    if whole is None or not low <= whole <= most:
        allowed = f"an integer in {low}..{most}"
        if most >= MOST if whole is None else whole < low:
            allowed = f"an integer of at least {low}"
        raise InputError(f"{name} must be {allowed}, got {shown(value)}.")
    return whole


def real(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
) -> float:
    """Return ``value`` as a finite float in ``[low, high]`` (``(low, high]`` with ``open_low``)."""
    number = _real(value)
    if number is None or not low <= number <= high or (open_low and number == low):
        left = "a finite number"
        if low > -math.inf:
            left += f" {'>' if open_low else '>='} {low:g}"
        right = "" if high == math.inf else f" and <= {high:g}"
        raise InputError(f"{name} must be {left}{right}, got {shown(value)}.")
    return number


def quantity(name: str, value: Any, *, zero: bool = False) -> float:
    """Return ``value`` as a float in ``[SMALL, LARGE]``, or 0 where ``zero`` is allowed.

    In lower precision it is the decimal number that it is written as: 0.1 of float32 is one tenth.
    """
    if isinstance(value, np.float16 | np.float32):
        value = float(str(value))
    number = _real(value)
    if number is not None and (SMALL <= number <= LARGE or (zero and number == 0)):
        return number
    if number is None or number < 0 or (number == 0 and not zero):  # no unit would help
        return real(name, value, low=0, high=LARGE, open_low=not zero)
    raise InputError(
        f"{name} must be {'0 or ' * zero}from {SMALL:g} to {LARGE:g}, got {shown(value)}; choose a "
        "unit in which it is."
    )


def money(name: str, value: Any, *, low: float = 0.0) -> float:
    """Return a cost or a reward as a float in ``[low, COSTLY]``."""
    return real(name, value, low=low, high=COSTLY)


def room(what: str, numbers: int, advice: str, most: int = MOST_NUMBERS) -> None:
    """Refuse what would take more memory than there is.

    Args:
        what: What holds the numbers.
        numbers: How many.
        advice: What to do instead, as an imperative.
        most: How many are allowed.
    """
    if numbers > most:
        raise InputError(
            f"{what} would hold {numbers:.3g} numbers, allowed are {most:.3g}: {advice}."
        )


def flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is True or False, or 1 or 0."""
    if isinstance(value, bool | np.bool_) or _integer(value) in (0, 1):
        return bool(value)
    raise InputError(f"{name} must be True or False, got {shown(value)}.")


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return ``value`` if it is one of the ``allowed`` words."""
    words = tuple(allowed)
    word = str.__str__(value) if isinstance(value, str) else None
    if word not in words:
        raise InputError(
            f"{name} must be one of {', '.join(map(repr, words))}, got {shown(value)}."
        )
    return word


def sequence(name: str, value: Any, check: Callable[[str, Any], T]) -> tuple[T, ...]:
    """Return ``value`` as a tuple of at least one element, each passed through ``check``."""
    try:
        wrong = isinstance(value, str | bytes | bytearray | Mapping)
        items = () if wrong else tuple(islice(value, LONGEST + 1))
    except Exception:  # it is not iterable, or something else than our check stops it
        wrong, items = True, ()
    if wrong:
        raise InputError(f"{name} must be a sequence such as (1, 2), got {shown(value)}.")
    if not items:
        raise InputError(f"{name} must hold at least one element, got {shown(value)}.")
    if len(items) > LONGEST:
        raise InputError(f"{name} must hold at most {LONGEST:,} elements, got {shown(value)}.")
    return tuple(check(f"{name}[{i}]", item) for i, item in enumerate(items))


def _integer(value: Any) -> int | None:
    """Return a whole number as an int, None for all else."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, numbers.Integral):
            return int(value)
    except Exception:  # a foreign number type may raise anything
        return None
    number = _real(value)
    return int(number) if number is not None and number.is_integer() else None


def _real(value: Any) -> float | None:
    """Return a finite number as a float, None for all else."""
    try:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return None
        number = float(value)
    except Exception:  # such as 10**400; a foreign number type may raise anything
        return None
    return number if math.isfinite(number) else None
