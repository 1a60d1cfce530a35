"""What an agent has to decide, beside what it believes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Items = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A choice to be made in B episodes among n items: of one item, or of a batch one by one.

    Args:
        mask: 1 where an item may be chosen, ``(B, n)``.
        labelled: The items chosen so far, those of this batch included, in order, -1 behind the last,
            ``(B, T)``; but those that are `lost`.
        arrived: Those of them whose labels have come, in the order in which they came, -1 behind the
            last, ``(B, T)``. An item stands there once for every label that it has.
        left: Number of labels left, this one included, ``(B,)``.
        batch_size: Number of items that are chosen together.
        lost: The items that were chosen and whose labels will never come, -1 behind the last,
            ``(B, m)``; by default there are none.
    """

    mask: NDArray[np.int8]
    labelled: Items
    arrived: Items
    left: Items
    batch_size: int = 1
    lost: Items = field(default_factory=lambda: np.empty((0, 0), np.int64))

    def __post_init__(self) -> None:
        if len(self.lost) < len(self.mask):
            object.__setattr__(self, "lost", np.empty((len(self.mask), 0), np.int64))

    @classmethod
    def first(cls, mask: NDArray[np.int8], left: ArrayLike = 1) -> Self:
        """Return the decision before anything is labelled.

        Args:
            mask: 1 where an item may be chosen, ``(B, n)``.
            left: Number of labels, broadcast to ``(B,)``.
        """
        none = np.empty((len(mask), 0), np.int64)
        lefts = np.full(len(mask), left, np.int64)
        return cls(mask=mask, labelled=none, arrived=none, left=lefts)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether the label of each item has come, ``(B, n)``."""
        known = np.zeros(self.mask.shape, np.bool_)
        episode, index = (self.arrived >= 0).nonzero()
        known[episode, self.arrived[episode, index]] = True
        return known

    @property
    def pending(self) -> Items:
        """The items whose labels are still to come, in order, -1 behind the last, ``(B, m)``."""
        if self.arrived is self.labelled:
            return np.empty((len(self.mask), 0), np.int64)
        rows = np.arange(len(self.mask))[:, None]
        waits = (self.labelled >= 0) & ~self.known[rows, self.labelled]
        order = np.argsort(~waits, axis=1, kind="stable")[:, : waits.sum(1).max(initial=0)]
        return np.where(waits[rows, order], self.labelled[rows, order], -1)

    @property
    def price(self) -> NDArray[np.float64]:
        """What the label of each item costs, in labels, ``(B, n)``: each costs one."""
        return np.broadcast_to(1.0, self.mask.shape)

    @property
    def affordable(self) -> Items:
        """Number of labels that can be paid, this one included, ``(B,)``."""
        return self.left

    def after(self, items: Items) -> Self:
        """Return the decision that follows within a batch.

        Args:
            items: The item that each episode has chosen, ``(B,)``.
        """
        rows = np.arange(len(items))
        mask = self.mask.copy()
        mask[rows, items] = 0
        labelled = np.full((len(items), self.labelled.shape[1] + 1), -1)
        labelled[:, :-1] = self.labelled
        labelled[rows, (labelled >= 0).sum(1)] = items
        return replace(self, mask=mask, labelled=labelled, left=self.left - 1)
