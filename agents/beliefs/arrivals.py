"""The labels that have come, in the order in which they came: what a belief about a pool learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.pools import labels_arrived


@dataclass(frozen=True)
class Arrivals:
    """The labels of B episodes that have come, T at most.

    Args:
        items: The items, in the order in which their labels came, -1 behind the last, ``(B, T)``.
        labels: Their labels, 0 behind the last, ``(B, T)``.
        count: The number of labels, ``(B,)``.
        pending: The items whose labels are still to come, -1 behind the last, ``(B, m)``.
    """

    items: NDArray[np.int64]
    labels: NDArray[np.floating[Any]]
    count: NDArray[np.int64]
    pending: NDArray[np.int64]

    @classmethod
    def of(cls, observation: dict[str, NDArray[Any]]) -> Self:
        """Return what B observations of a pool hold."""
        items, labels, count = (
            observation["labelled"],
            observation["labels"],
            labels_arrived(observation),
        )
        if "arrived" not in observation:  # labels come at once
            return cls(items, labels, count, np.empty((len(items), 0), np.int64))
        index = np.arange(items.shape[1])
        most = int(((items >= 0).sum(1) - count).max(initial=0))
        padded = np.pad(items, ((0, 0), (0, most)), constant_values=-1)
        pending = np.take_along_axis(padded, count[:, None] + np.arange(most), 1)
        return cls(np.where(index < count[:, None], items, -1), labels, count, pending)
