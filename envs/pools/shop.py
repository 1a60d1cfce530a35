r"""What tests of items cost, and what the cheap ones tell.

A test is one measurement of an item at one of M fidelities. The last one is the label, which pays; the
others are proxies. An item's tests may be bought once each, a proxy only before the label. Prices are
counted in whole units, the largest amount of which all are multiples.

Sources: Kandasamy et al., "The Multi-fidelity Multi-armed Bandit", NeurIPS 2016, for fidelities, their
costs and a capital in place of a number of plays; Nguyen, Modiri, Garnett, "Nonmyopic Multifidelity
Active Search", ICML 2021, for pools, where only labels of the highest fidelity count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from typing import NamedTuple, TypeAlias

import numpy as np

from ..core import InputError
from ..core.amounts import common, decimal
from ..core.arrays import Whole

MOST_UNITS = 2**22
"""Units of money up to which single precision tells every amount: it is in the observation."""


class GaussianProxy(NamedTuple):
    """A proxy of item i with value v_i is slope v_i + N(0, std^2), independent of all else.

    Of a bias of the item and fresh noise only the sum counts, since a test is bought once.
    """

    slope: float
    std: float


class BinaryProxy(NamedTuple):
    """A proxy is 1 with probability `sensitivity` if the label is 1, with `false_positive` if it is 0.

    The label is that of the item, drawn once, so that proxies of an item are independent given it.
    """

    sensitivity: float
    false_positive: float


Proxy: TypeAlias = GaussianProxy | BinaryProxy


@dataclass(frozen=True, kw_only=True, eq=False)
class Shop:
    """What M tests of each of n items cost, and the money there is.

    Args:
        num_items: The number n of items.
        spend: Units that the tests take, ``(n or 1, M)``; of drawn rows of a table, one row for each
            that may be drawn: `Pool.costs` tells those of the items.
        unit: The largest amount of which every price is a multiple.
        total: Units at the start, at most `MOST_UNITS`.
    """

    num_items: int
    spend: Whole
    unit: float
    total: int

    @classmethod
    def of(
        cls, num_items: int, proxies: Sequence[float], labels: Sequence[float], budget: float
    ) -> Shop:
        """Return the shop with these prices.

        Args:
            num_items: The number n of items.
            proxies: The price of each lower fidelity.
            labels: The price of the label of every item, or one for all.
            budget: The money at the start.

        Raises:
            InputError: The budget buys nothing, or the prices have no common unit.
        """
        low, top = ([decimal(p) for p in some] for some in (proxies, labels))
        top = top[:1] if len({*top}) == 1 else top
        limit = decimal(budget)
        unit = reduce(common, {*low, *top}, Fraction(0))
        if limit < (cheapest := min(top)):
            raise InputError(
                f"budget={budget:g} buys nothing: a label costs {float(cheapest):g} at least; give that."
            )
        if limit // unit > MOST_UNITS:
            raise InputError(
                f"All prices are multiples of {float(unit):g} only, and budget={budget:g} is more than "
                f"{MOST_UNITS:,} times that: round the prices."
            )
        total = int(limit // unit)
        never = total + 1  # what costs more is out of reach as well
        spend = np.array([[min(int(p / unit), never) for p in [*low, price]] for price in top])
        spend.flags.writeable = False
        return cls(num_items=num_items, spend=spend, unit=float(unit), total=total)

    @property
    def num_tests(self) -> int:
        """The number M of fidelities."""
        return int(self.spend.shape[1])

    @cached_property
    def most(self) -> int:
        """The most tests that all of the money buys; where rows are drawn, of all rows."""
        times = self.num_items if len(self.spend) == 1 else 1
        costs, counts = np.unique(self.spend, return_counts=True)
        left, most = self.total, 0
        for cost, count in zip(costs.tolist(), (counts * times).tolist(), strict=True):
            bought = min(count, left // cost)
            left, most = left - bought * cost, most + bought
        return most
