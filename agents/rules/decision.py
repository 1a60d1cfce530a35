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

    @property
    def chosen(self) -> Items:
        """Number of choices so far, ``(B,)``."""
        return np.asarray((self.labelled >= 0).sum(1))


@dataclass(frozen=True, kw_only=True)
class Repeated(Decision):
    """A choice among conditions that may be tested any number of times.

    Args:
        tests: How often each was chosen, ``(B, n)``.
        flying: Of these, the labels that are still to come, ``(B, n)``.
    """

    tests: Items
    flying: Items

    @classmethod
    def of(cls, observation: dict[str, NDArray[np.int64]]) -> Self:
        """Return the decision after observations of B episodes under test."""
        counts = observation["counts"]
        flying = observation.get("in_flight", np.zeros_like(counts))
        tests = counts + flying + observation.get("lost", 0)
        every = np.arange(counts.shape[1])
        return cls(
            mask=observation["action_mask"],  # type: ignore[arg-type]
            labelled=np.where(tests > 0, every, -1),
            arrived=np.where(counts > 0, every, -1),
            left=observation["tests_left"][:, 0].astype(np.int64),
            tests=tests,
            flying=flying,
        )

    @property
    def pending(self) -> Items:
        """The conditions whose labels are still to come, one for each label, ``(B, m)``."""
        total = self.flying.cumsum(1)
        places = np.arange(total[:, -1].max(initial=0))
        condition = (places[:, None] >= total[:, None]).sum(2)
        return np.where(places < total[:, -1:], condition, -1)

    @property
    def chosen(self) -> Items:
        """Number of tests so far, ``(B,)``."""
        return np.asarray(self.tests.sum(1))
