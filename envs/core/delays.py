r"""Delays: how long after an experiment its answer comes.

A delay counts steps. An answer of delay 0 is seen in the next observation, one of delay d in that which
comes d steps later. A law is written as a number of steps, or as

    ("geometric", r)             P(d) = r (1 - r)^d: in flight, it comes at each step with probability r,
    ("lognormal", median, sigma) d = floor(median exp(sigma Z)), Z ~ N(0, 1).

Sources: geometric delays as in the delayed bandits of Joulani, Gyorgy, Szepesvari, "Online learning
under delayed feedback", ICML 2013, who need no law; the log-normal is that of times in laboratories.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from scipy.special import ndtri

from .arrays import Array, Whole
from .checks import integer, real
from .errors import InputError, closest, shown

DelayLaw: TypeAlias = int | tuple[str, float] | tuple[str, float, float]

MOST_DELAY = 10_000
"""Longest delay in steps that is asked for: a number of them, or a median. Drawn ones are longer."""
NEVER = 2**40
"""What no delay exceeds, longer than any episode."""
MOST_SIGMA = 50.0
"""Largest sigma of a log-normal delay: its draws are finite."""
LAWS = {"geometric": '("geometric", r)', "lognormal": '("lognormal", median, sigma)'}


def delay_law(name: str, value: Any) -> DelayLaw:
    """Return a law of delays in its plain form.

    Args:
        name: The name of the parameter, for messages.
        value: A number of steps in 0..`MOST_DELAY`, or a law as a tuple or a list.

    Raises:
        InputError: It is neither, or has a parameter outside its range.
    """
    if not isinstance(value, list | tuple):
        if isinstance(value, str):
            raise InputError(_forms(name, value))
        return integer(name, value, low=0, high=MOST_DELAY)
    # What stands there may be anything, an array too, which has no truth when it is compared.
    word = str.__str__(value[0]) if value and isinstance(value[0], str) else None
    if word == "geometric" and len(value) == 2:
        return "geometric", real(f"r of {name}", value[1], low=0, high=1, open_low=True)
    if word == "lognormal" and len(value) == 3:
        median = real(f"median of {name}", value[1], low=0, high=MOST_DELAY, open_low=True)
        return "lognormal", median, real(f"sigma of {name}", value[2], low=0, high=MOST_SIGMA)
    raise InputError(_forms(name, value))


def loss_chance(name: str, value: Any) -> float:
    """Return the chance that an answer never comes, in [0, 1)."""
    loss = real(name, value, low=0, high=1)
    if loss == 1:
        raise InputError(f"{name} must be below 1, got {shown(value)}: some answers must come.")
    return loss


def _forms(name: str, value: Any) -> str:
    """Return the message about what is no law."""
    word = value[0] if isinstance(value, list | tuple) and value else value
    known = not isinstance(word, str) or word in LAWS
    return (
        f"{name} must be a number of steps, {' or '.join(LAWS.values())}, got {shown(value)}"
        f"{'.' if known else closest(word, LAWS)}"
    )


def delays(law: DelayLaw, uniform: Array) -> Whole:
    """Return delays in steps by inversion of their law, in the shape of ``uniform``.

    Args:
        law: The law, from `delay_law`.
        uniform: Numbers in [0, 1), of any shape. A constant law reads none of them.
    """
    if isinstance(law, int):
        return np.full(uniform.shape, law)
    if law[0] == "geometric":
        miss = math.log1p(-law[1]) if law[1] < 1 else -math.inf
        with np.errstate(over="ignore"):  # then it is never, all the same
            steps = np.log1p(-uniform) / miss
    else:
        _, median, sigma = law  # type: ignore[misc]  # the law of three parts
        steps = median * np.exp(sigma * ndtri(np.maximum(uniform, 2.0**-54)))
    return np.minimum(steps, NEVER).astype(np.int64)
