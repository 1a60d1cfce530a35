"""Random delays: after how many steps a label comes.

A delay is one of

    k                               always k steps,
    ("geometric", r)                d steps with probability r (1 - r)^d: each step brings it with r,
    ("lognormal", median, sigma)    median exp(sigma Z) steps, Z ~ N(0, 1), rounded to whole steps,

and 0 steps means before the next choice.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .checks import integer, quantity, real
from .errors import InputError, shown

MOST_DELAY = 10_000
"""Longest delay, in steps."""

Delay: TypeAlias = int | tuple[str, float] | tuple[str, float, float]


def checked_delay(name: str, value: Any) -> Delay:
    """Return a delay in its plain form; anything else raises `InputError`."""
    if not isinstance(value, list | tuple):
        if isinstance(value, str):
            raise _refused(name, value)
        return integer(name, value, low=0, high=MOST_DELAY)
    law, *numbers = value or ("",)
    if law == "geometric" and len(numbers) == 1:
        return "geometric", real(f"{name}[1]", numbers[0], low=0, high=1, open_low=True)
    if law == "lognormal" and len(numbers) == 2:
        median = quantity(f"{name}[1]", numbers[0])
        return "lognormal", median, real(f"{name}[2]", numbers[1], low=0, high=10)
    raise _refused(name, value)


def _refused(name: str, value: Any) -> InputError:
    return InputError(
        f'{name} must be a number of steps, ("geometric", r) or ("lognormal", median, sigma), got '
        f"{shown(value)}."
    )


def steps_of(delay: Delay, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the delays that uniform numbers stand for, whole steps of the same shape.

    Args:
        delay: A delay in its plain form.
        uniform: Numbers in [0, 1).
    """
    if isinstance(delay, int):
        return np.full(uniform.shape, delay)
    if delay[0] == "geometric":
        with np.errstate(divide="ignore"):  # where r = 1, every delay is 0
            steps = np.floor(np.log1p(-uniform) / np.log1p(-delay[1]))
    else:
        normal = ndtri(np.clip(uniform, 2.0**-54, 1 - 2.0**-53))
        steps = np.rint(delay[1] * np.exp(delay[-1] * normal))
    return np.asarray(np.minimum(steps, MOST_DELAY), np.int64)
