"""Checks of parameters: each returns the value in its plain form or raises `InputError`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .errors import InputError

T = TypeVar("T")


def integer(name: str, value: Any, *, low: int, high: int | None = None) -> int:
    """Return ``value`` as an int in ``[low, high]``."""
    whole = isinstance(value, numbers.Integral) or (
        isinstance(value, numbers.Real) and math.isfinite(value) and float(value).is_integer()
    )
    if isinstance(value, bool) or not whole or value < low or (high is not None and value > high):
        allowed = (
            f"an integer of at least {low}" if high is None else f"an integer in {low}..{high}"
        )
        raise InputError(f"{name} must be {allowed}, got {value!r}.")
    return int(value)


def real(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
) -> float:
    """Return ``value`` as a finite float in ``[low, high]`` (``(low, high]`` with ``open_low``)."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if (
        not number
        or not math.isfinite(value)
        or not low <= value <= high
        or (open_low and value == low)
    ):
        left = (
            "a finite number"
            if low == -math.inf
            else f"a finite number {'>' if open_low else '>='} {low:g}"
        )
        right = "" if high == math.inf else f" and <= {high:g}"
        raise InputError(f"{name} must be {left}{right}, got {value!r}.")
    return float(value)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return ``value`` if it is one of the ``allowed`` words."""
    words = tuple(allowed)
    if value not in words:
        raise InputError(f"{name} must be one of {', '.join(map(repr, words))}, got {value!r}.")
    return str(value)


def sequence(name: str, value: Any, check: Callable[[str, Any], T]) -> tuple[T, ...]:
    """Return ``value`` as a tuple of at least one element, each passed through ``check``."""
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        raise InputError(f"{name} must be a sequence such as (1, 2), got {value!r}.")
    items = tuple(check(f"{name}[{i}]", item) for i, item in enumerate(value))
    if not items:
        raise InputError(f"{name} must hold at least one element, got {value!r}.")
    return items
