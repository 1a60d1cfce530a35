"""What an agent has to decide, beside what it believes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Items = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A choice to be made in B episodes among n items: of one item, or of a batch one by one.

    Args:
        mask: 1 where an item may be chosen, ``(B, n)``.
        labelled: The items chosen so far, in order, -1 behind the last, ``(B, T)``.
        arrived: Those of them whose labels have come, in the order in which they came, -1 behind the
            last, ``(B, T)``.
        pending: Those whose labels are still to come, in order, -1 behind the last, ``(B, m)``.
        left: Number of labels left, this one included, ``(B,)``.
        batch_size: Number of items that are chosen together.
    """

    mask: NDArray[np.int8]
    labelled: Items
    arrived: Items
    pending: Items
    left: Items
    batch_size: int = 1

    @classmethod
    def first(cls, mask: NDArray[np.int8], left: ArrayLike = 1, batch_size: int = 1) -> Self:
        """Return the decision before anything is labelled.

        Args:
            mask: 1 where an item may be chosen, ``(B, n)``.
            left: Number of labels, broadcast to ``(B,)``.
            batch_size: Number of items that are chosen together.
        """
        none = np.empty((len(mask), 0), np.int64)
        lefts = np.broadcast_to(np.asarray(left, np.int64), len(mask))
        return cls(
            mask=mask, labelled=none, arrived=none, pending=none, left=lefts, batch_size=batch_size
        )

    @property
    def lost(self) -> Items:
        """The items whose labels will never come; there are none yet, ``(B, 0)``."""
        return np.empty((len(self.mask), 0), np.int64)

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
        mask = self.mask.copy()
        mask[np.arange(len(mask)), items] = 0
        return replace(
            self,
            mask=mask,
            labelled=_append(self.labelled, items),
            pending=_append(self.pending, items),
            left=self.left - 1,
        )


def _append(rows: Items, items: Items) -> Items:
    """Return rows of items, -1 behind the last, with one more each, ``(B, T + 1)``."""
    longer = np.concatenate([rows, np.full((len(rows), 1), -1)], 1)
    longer[np.arange(len(rows)), (rows >= 0).sum(1)] = items
    return longer
