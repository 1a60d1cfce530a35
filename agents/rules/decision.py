"""What an agent has to decide, beside what it believes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...envs.core.arrays import Array, Flags, Whole

Items = Whole


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
        fidelity: At which fidelity each of `labelled` was tested, ``(B, T)``; None: there is one.
        tests: Which tests of an item may be bought, the last one being its label, ``(B, n, M)``; None
            where nothing is paid. An action is then item * M + fidelity.
        cost: What they cost, in units of money, ``(B or 1, n or 1, M)``.
        money: What is left, in units of money, ``(B,)``.

    With money `mask` are the items whose label may be bought, and `left` is how many labels the money
    could pay. `labelled` and `arrived` then count tests: an item stands there once for each.
    """

    mask: NDArray[np.int8]
    labelled: Items
    arrived: Items
    left: Items
    batch_size: int = 1
    lost: Items = field(default_factory=lambda: np.empty((0, 0), np.int64))
    fidelity: Items | None = None
    tests: Flags | None = None
    cost: Items | None = None
    money: Items | None = None

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

    @property
    def num_tests(self) -> int:
        """The number M of fidelities."""
        return 1 if self.tests is None else self.tests.shape[2]

    @cached_property
    def known(self) -> Flags:
        """Whether the label of each item has come, ``(B, n)``."""
        known = np.zeros(self.mask.shape, np.bool_)
        here = self.arrived >= 0
        if self.fidelity is not None:
            here &= self.fidelity[:, : here.shape[1]] == self.num_tests - 1
        episode, index = here.nonzero()
        known[episode, self.arrived[episode, index]] = True
        return known

    @property
    def pending(self) -> Items:
        """The items whose labels are still to come, in order, -1 behind the last, ``(B, m)``."""
        return self._waiting[0]

    @property
    def pending_fidelity(self) -> Items | None:
        """At which fidelity, ``(B, m)``; None: there is one."""
        return self._waiting[1]

    @cached_property
    def _waiting(self) -> tuple[Items, Items | None]:
        if self.arrived is self.labelled:
            none = np.empty((len(self.mask), 0), np.int64)
            return none, None if self.fidelity is None else none
        rows = np.arange(len(self.mask))[:, None]
        waits = self.labelled >= 0
        if self.fidelity is None:
            waits &= ~self.known[rows, self.labelled]
        else:  # those that have come stand first
            waits &= np.arange(waits.shape[1]) >= (self.arrived >= 0).sum(1)[:, None]
        order = np.argsort(~waits, axis=1, kind="stable")[:, : waits.sum(1).max(initial=0)]
        items = np.where(waits[rows, order], self.labelled[rows, order], -1)
        return items, None if self.fidelity is None else self.fidelity[rows, order]

    @property
    def price(self) -> Array:
        """What the label of each item costs, ``(B, n)``: one label, or units of money."""
        if self.cost is None:
            return np.broadcast_to(1.0, self.mask.shape)
        return np.broadcast_to(self.cost[:, :, -1].astype(np.float64), self.mask.shape)

    @property
    def costs(self) -> Items:
        """What tests cost, ``(B, n, M)``; there must be money."""
        assert self.tests is not None
        assert self.cost is not None
        return np.broadcast_to(self.cost, self.tests.shape)

    @cached_property
    def worth(self) -> Flags:
        """Which tests may be bought and leave money for the label of their item, ``(B, n, M)``."""
        assert self.tests is not None
        assert self.money is not None
        costs, out = self.costs, self.tests.copy()
        out[:, :, :-1] &= costs[:, :, :-1] + costs[:, :, -1:] <= self.money[:, None, None]
        return out

    @property
    def useful(self) -> Flags:
        """`worth`, or which tests may be bought where none is, ``(B, n, M)``; never none.

        Where nothing may be bought, as in a batch that cannot be filled, it is all of them.
        """
        worth, tests = self.worth, self.tests
        assert tests is not None
        some = np.where(np.any(tests, axis=(1, 2), keepdims=True), tests, True)
        return np.where(np.any(worth, axis=(1, 2), keepdims=True), worth, some)

    def per_cost(self, index: Array) -> Array:
        """Return indices per price of the label, where prices differ, ``(B, n)``.

        Only what is above 0 is a gain, and is divided, by its price over the least one; what is not
        comes after it, by the index itself.
        """
        if self.cost is None or self.cost.shape[1] == 1:
            return index
        price = self.price / self.price.min(1, keepdims=True)
        return np.where(index > 0, index / price, index)

    @property
    def affordable(self) -> Items:
        """Number of labels that can be paid, this one included, ``(B,)``."""
        return self.left

    @cached_property
    def items(self) -> Self:
        """This decision, with a mask for a choice of items first, then of a test: never empty.

        Where money pays no label any more, they are the items of which another test may be bought.
        """
        if self.tests is None:
            return self
        any_ = np.asarray(self.tests.any(2))
        some = np.where(np.any(any_, axis=1, keepdims=True), any_, True)
        mask = np.where(np.any(self.mask, axis=1, keepdims=True), self.mask > 0, some)
        return replace(self, mask=mask.astype(np.int8))

    def action(self, items: Items, fidelity: Items) -> Items:
        """Return the actions that buy these tests, or else the cheapest one of the item, ``(B,)``.

        Args:
            items: The item of each episode, ``(B,)``.
            fidelity: At which fidelity it is tested, ``(B,)``.
        """
        assert self.tests is not None
        rows = np.arange(len(items))
        tests = self.tests[rows, items]
        cheapest = np.where(tests, self.costs[rows, items], np.iinfo(np.int64).max).argmin(1)
        bought = np.take_along_axis(tests, fidelity[:, None], 1)[:, 0]
        return items * self.num_tests + np.where(bought, fidelity, cheapest)

    def split(self, actions: Items) -> tuple[Items, Items | None]:
        """Return items and fidelities of ``actions``, of the same shape; None: there is one fidelity."""
        if self.fidelity is None:
            return actions // self.num_tests, None
        return actions // self.num_tests, actions % self.num_tests

    def after(self, actions: Items) -> Self:
        """Return the decision that follows within a batch.

        Args:
            actions: The item that each episode has chosen, or the test, ``(B,)``.
        """
        rows = np.arange(len(actions))
        items, fidelity = np.divmod(actions, self.num_tests)
        labelled = _appended(self.labelled, items)
        if self.tests is None or self.cost is None or self.money is None:
            mask = self.mask.copy()
            mask[rows, items] = 0
            over = ~mask.any(1)  # the episode has ended, and what is chosen in it is ignored
            mask[over] = self.mask[over]
            return replace(self, mask=mask, labelled=labelled, left=self.left - 1)
        tests = self.tests.copy()
        tests[rows, items, fidelity] = False
        whole = fidelity == self.num_tests - 1  # a label leaves nothing to buy
        tests[rows[whole], items[whole]] = False
        money = self.money - self.costs[rows, items, fidelity]
        tests &= self.cost <= money[:, None, None]
        return replace(
            self,
            mask=tests[:, :, -1].astype(np.int8),
            labelled=labelled,
            left=self.labels_for(money, tests),
            fidelity=None if self.fidelity is None else _appended(self.fidelity, fidelity),
            tests=tests,
            money=money,
        )

    def labels_for(self, money: Items, tests: Flags) -> Items:
        """Return how many labels ``money`` can pay, of those that ``tests`` allow, ``(B,)``.

        Args:
            money: In units of money, ``(B,)``.
            tests: Which tests may be bought, ``(B, n, M)``.
        """
        assert self.cost is not None
        price = np.where(tests[:, :, -1], self.cost[:, :, -1], money[:, None] + 1)
        total = np.sort(price, axis=1).cumsum(1)
        return np.asarray((total <= money[:, None]).sum(1))

    @property
    def chosen(self) -> Items:
        """Number of choices so far, ``(B,)``."""
        return np.asarray((self.labelled >= 0).sum(1))


@dataclass(frozen=True, kw_only=True)
class Repeated(Decision):
    """A choice among conditions that may be tested any number of times.

    Args:
        times: How often each was chosen, ``(B, n)``.
        flying: Of these, the labels that are still to come, ``(B, n)``.
    """

    times: Items
    flying: Items

    @classmethod
    def of(cls, observation: dict[str, Whole]) -> Self:
        """Return the decision after observations of B episodes under test."""
        counts = observation["counts"]
        flying = observation.get("in_flight", np.zeros_like(counts))
        times = counts + flying + observation.get("lost", 0)
        every = np.arange(counts.shape[1])
        return cls(
            mask=observation["action_mask"],  # type: ignore[arg-type]
            labelled=np.where(times > 0, every, -1),
            arrived=np.where(counts > 0, every, -1),
            left=observation["tests_left"][:, 0].astype(np.int64),
            times=times,
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
        return np.asarray(self.times.sum(1))


def _appended(columns: Items, last: Items) -> Items:
    """Return columns ``(B, T)`` with one more entry in each row, -1 behind the last, ``(B, T + 1)``."""
    rows, out = np.arange(len(columns)), np.full((len(columns), columns.shape[1] + 1), -1)
    out[:, :-1] = columns
    out[rows, (columns >= 0).sum(1)] = last
    return out
