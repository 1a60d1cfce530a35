"""What may be told of an item: a label, several, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..envs.core import InputError, shown
from ..envs.core.checks import integer, real, sequence
from ..envs.pools.labels import ANY_LABEL
from ..envs.pools.status import Status

LONGEST = 1000
"""Letters of a reason."""
CHANGES = {
    "withdraw": (Status.FREE, Status.FLYING, Status.HERE, Status.FAILED),
    "retry": (Status.FAILED, Status.WITHDRAWN),
}
"""The states that an item may change from."""


def label_of(name: str, value: Any, outcomes: Sequence[float] | None) -> float:
    """Return a label as a journal keeps it.

    Args:
        name: The id of the item.
        value: What is told.
        outcomes: The two labels that there are; None: any.

    Raises:
        InputError: It is no finite number, too large or too small, or none of the outcomes.
    """
    try:
        number = real(f"The label of {name}", value, low=-ANY_LABEL, high=ANY_LABEL) + 0.0
    except InputError as error:
        raise InputError(
            f"{error} An experiment that gave no label has failed: failed({name!r})."
        ) from None
    if 0 < abs(number) < 1 / ANY_LABEL:
        raise InputError(
            f"The label of {name}, {number:g}, is too small to reckon with: labels are 0 or at least "
            f"{1 / ANY_LABEL:.3g} in size. Give all of them in a smaller unit."
        )
    if outcomes is not None and number not in outcomes:
        raise InputError(
            f"The label of {name} must be {outcomes[0]:g} or {outcomes[1]:g}, the outcomes with which "
            f"the study began; got {number:g}."
        )
    return number


def labels_of(name: str, value: Any, outcomes: Sequence[float] | None) -> float | list[float]:
    """Return a label, or several, as a journal keeps them; see `label_of`."""
    if isinstance(value, list | tuple | np.ndarray):
        return [*sequence(f"labels of {name}", value, lambda _, one: label_of(name, one, outcomes))]
    return label_of(name, value, outcomes)


def reason(name: str, why: Any) -> str:
    """Return why an experiment failed as a journal keeps it."""
    if not isinstance(why, str) or len(why) > LONGEST:
        raise InputError(f"Why {name} failed is told in up to {LONGEST} letters, got {shown(why)}.")
    return why.encode(errors="replace").decode()


def numbers(labels: Sequence[float]) -> str:
    """Return labels in words."""
    return ", ".join(f"{label:g}" for label in labels)


def place_of(name: str, here: Sequence[float], which: int | None) -> int:
    """Return which of the labels of an item is to be corrected, from 1."""
    if not here:
        raise InputError(f"{name} has no label to correct; tell it.")
    if which is None and len(here) > 1:
        raise InputError(
            f"{name} has {len(here)} labels ({numbers(here)}): say which one is wrong, such as which=1, "
            "or --which 1, for the first."
        )
    return integer("which", 1 if which is None else which, low=1, high=len(here))


def check_failed(name: str, here: Sequence[float], told: bool) -> None:
    """Refuse that an item has failed that has labels, or is told one at the same time."""
    if told:
        raise InputError(f"{name} is told with a label and as failed; tell one of them.")
    if here:
        raise InputError(
            f"{name} has a label ({numbers(here)}), so that it has not failed: withdraw it if that is "
            "wrong. That a repetition failed need not be told."
        )


def check_change(do: str, name: str, state: Status) -> None:
    """Refuse that an item is withdrawn, or retried, as ``do`` says, where it cannot be."""
    if state not in CHANGES[do]:
        allowed = " or ".join(one.word for one in CHANGES[do])
        raise InputError(f"To {do} {name}, it must be {allowed}; {name} is {state.word}.")
