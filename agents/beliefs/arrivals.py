"""The labels that have come, in the order in which they came: what a belief about a pool learns from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Arrivals:
    """The labels of B episodes that have come, T at most.

    Args:
        items: The items, in the order in which their labels came, -1 behind the last, ``(B, T)``.
        labels: Their labels, 0 behind the last, ``(B, T)``.
    """

    items: NDArray[np.int64]
    labels: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, observation: dict[str, NDArray[Any]]) -> Self:
        """Return what B observations of a pool hold."""
        items, labels = observation["labelled"], observation["labels"]
        if "arrived" in observation:  # the labels of the others are still to come
            items = np.where(np.arange(items.shape[1]) < observation["arrived"], items, -1)
        return cls(items, labels)

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """The number of labels, ``(B,)``."""
        return np.asarray((self.items >= 0).sum(1))
