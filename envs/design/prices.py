"""What an experiment costs at each setting."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import InputError, closest, shown, told
from ..core.arrays import Array, Single
from ..core.checks import quantity, sequence
from .simulator.black_box import REFERENCE, imported


def hill(setting: Array) -> Array:
    """Return the price .05 + exp(-|x|^2 / 4.5) of settings ``(..., d)``, ``(...)``.

    Dear in the middle and cheap outside: COPEx, arXiv 2605.26990, whose "quadratic" cost it is.
    """
    return np.asarray(0.05 + np.exp(-np.square(setting).sum(-1) / 4.5))


NAMED: dict[str, Callable[[Array], Array]] = {"hill": hill}
"""Prices that a name stands for, of many settings at once."""


def prices_of(price: Any, settings: Single) -> Array:
    """Return the price of every setting ``(A, d)``, ``(A,)``.

    Args:
        price: One number, one for each setting, a function of a setting ``(d,)``, its name
            ``"package.module:function"``, or a name in `NAMED`.
        settings: The settings.

    Raises:
        InputError: It is something else, or not above 0.
    """
    if isinstance(price, str) and price in NAMED:
        return NAMED[price](settings.astype(np.float64))
    if isinstance(price, str) and re.fullmatch(REFERENCE, price):
        price = imported("price", price)
    elif isinstance(price, str):
        raise InputError(
            f'price must be a number, one for each setting, a function, "package.module:function" or '
            f"one of {', '.join(map(repr, NAMED))}, got {shown(price)}{closest(price, NAMED)} Leave it "
            "out where experiments are free."
        )
    if callable(price):
        try:  # the shortest decimals of float32, as a simulator is given them
            price = [float(price(np.array([float(str(v)) for v in row]))) for row in settings]
        except Exception as error:  # whatever a user's function may raise
            raise InputError(
                f"price = {shown(price)} raised {type(error).__name__}: {told(error)}. It must return "
                "the price of a setting, an array of the knobs."
            ) from error
    if not isinstance(price, list | tuple | np.ndarray):
        return np.full(len(settings), quantity("price", price))
    prices = sequence("price", price, quantity)
    if len(prices) != len(settings):
        raise InputError(
            f"price must hold a number for each of the {len(settings)} settings, got {len(prices)}."
        )
    return np.array(prices)
