"""What a study of a pool answers: conditions to measure, what was found, what is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..envs.core.arrays import Array
from .sheet import Cell


@dataclass(frozen=True)
class Question:
    """A condition to be measured.

    Args:
        id: The id of the item.
        values: What to set, by the names of the columns.
        mean: Posterior mean of its label, in the unit of the label.
        std: Posterior standard deviation of what labels of it would average to.
        chance: Posterior probability to be among the best of all items, as many as labels are still to
            come (those in flight included), at least 1.
        why: "exploit" or "explore", and the reason.
    """

    id: str
    values: Mapping[str, Cell]
    mean: float
    std: float
    chance: float
    why: str


@dataclass(frozen=True)
class Found:
    """An item that has a label.

    Args:
        id: The id of the item.
        values: What was set.
        label: The mean of its labels.
        count: How many there are.
        mean: Posterior mean, to which labels of similar items add.
        std: Posterior standard deviation.
    """

    id: str
    values: Mapping[str, Cell]
    label: float
    count: int
    mean: float
    std: float


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is believed about all items, given the labels that are here, in the unit of the label.

    Args:
        ids: The ids of the n items.
        mean: Means, ``(n,)``.
        std: Standard deviations, ``(n,)``.
    """

    ids: Sequence[str]
    mean: Array
    std: Array
