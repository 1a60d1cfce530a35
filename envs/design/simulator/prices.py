"""What an experiment costs at each setting."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InputError, shown, told
from ...core.checks import quantity, sequence
from .black_box import REFERENCE, Array, imported


def prices_of(price: Any, settings: NDArray[np.float32]) -> Array:
    """Return the price of every setting ``(A, d)``, ``(A,)``.

    Args:
        price: One number, one for each setting, a function of a setting ``(d,)``, or its name
            ``"package.module:function"``.
        settings: The settings.

    Raises:
        InputError: It is something else, or not above 0.
    """
    if isinstance(price, str) and re.fullmatch(REFERENCE, price):
        price = imported("price", price)
    if callable(price):
        try:  # the shortest decimals of float32, as the simulator is given them
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
