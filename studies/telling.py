"""What may be told of an item: a label, several, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..envs.core import InputError, shown
from ..envs.core.checks import real, sequence
from ..envs.pools.labels import ANY_LABEL

LONGEST = 1000
"""Letters of a reason."""


def label_of(name: str, value: Any, outcomes: Sequence[float] | None) -> float:
    """Return a label as a journal keeps it.

    Args:
        name: The id of the item.
        value: What is told.
        outcomes: The two labels that there are; None: any.

    Raises:
        InputError: It is no finite number, or none of the outcomes.
    """
    try:
        number = real(f"The label of {name}", value, low=-ANY_LABEL, high=ANY_LABEL) + 0.0
    except InputError as error:
        raise InputError(
            f"{error} An experiment that gave no label has failed: failed({name!r})."
        ) from None
    if outcomes is not None and number not in outcomes:
        raise InputError(
            f"The label of {name} must be {outcomes[0]:g} or {outcomes[1]:g}, the outcomes with which "
            f"the study began; got {number:g}."
        )
    return number


def labels_of(name: str, value: Any, outcomes: Sequence[float] | None) -> float | list[float]:
    """Return a label, or several, as a journal keeps them; see `label_of`."""
    if isinstance(value, list | tuple | np.ndarray):
        every = sequence(f"labels of {name}", value, lambda _, one: label_of(name, one, outcomes))
        return list(every)
    return label_of(name, value, outcomes)


def reason(name: str, why: Any) -> str:
    """Return why an experiment failed as a journal keeps it."""
    if not isinstance(why, str) or len(why) > LONGEST:
        raise InputError(f"Why {name} failed is told in up to {LONGEST} letters, got {shown(why)}.")
    return why.encode(errors="replace").decode()


def numbers(labels: Sequence[float]) -> str:
    """Return labels in words."""
    return ", ".join(f"{label:g}" for label in labels)
