r"""Columns of a table as prices, and as proxies of its labels.

A column c with mean m and standard deviation d is shown on the scale of the labels, which have mean mu
and standard deviation s: with the correlation rho of the two

    u = rho mu + s (c - m) / d = rho v + s sqrt(1 - rho^2) e,

where e has mean 0 and variance 1 and is not correlated with the label v. So the cheap measurement comes
calibrated: what it tells of v is rho, which is public. Where labels and all of the columns have two
values each, a column is shown as those of the labels, and the share of ones among rows with label 1 and
0 is public. Where less is better, labels change their sign, and proxies with them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core import InputError, Streams, shown
from ..core.arrays import Array, Whole
from ..core.checks import quantity, real, sequence
from ..datasets import Table, column
from .feature_pool import FeaturePool
from .labels import FeatureLabels
from .priced import SHAPES
from .shop import BinaryProxy, GaussianProxy, Proxy


def whole(name: str, numbers: Array, row_names: tuple[str, ...] | None) -> Array:
    """Return the numbers of a column, or refuse one with holes, by its rows."""
    holes = np.flatnonzero(np.isnan(numbers)).tolist()
    if holes:
        rows = [str(row) if row_names is None else shown(row_names[row]) for row in holes[:5]]
        more = f" and {len(holes) - 5} more" if len(holes) > 5 else ""
        raise InputError(
            f"{name} has no number in row{'s' * (len(holes) > 1)} {', '.join(rows)}{more} (the first "
            "row is 0); fill them in, or leave these rows out."
        )
    return numbers


def given(name: str, value: Any, check: Callable[[str, Any], float]) -> str | tuple[float, ...]:
    """Return the name of a column, or numbers in its place."""
    return str(value) if isinstance(value, str) else sequence(name, value, check)


def named_columns(fidelities: Any, price: Any) -> tuple[str, ...]:
    """Return the columns that are proxies and prices, by name, of options that need not be checked."""
    rows = fidelities if isinstance(fidelities, list | tuple) else ()
    lower = [row[1] for row in rows if isinstance(row, list | tuple) and len(row) > 1]
    return tuple(dict.fromkeys(name for name in (*lower, price) if isinstance(name, str)))


def proxy_of(
    name: str,
    numbers: Array,
    labels: Array,
    outcomes: tuple[float, float] | None,
    rho: float | None,
) -> tuple[Array, Proxy]:
    """Return what a column shows of each row, ``(N,)``, and how that depends on the label.

    Args:
        name: What messages call it.
        numbers: Its numbers, ``(N,)``.
        labels: The labels, ``(N,)``.
        outcomes: The two values of the labels, failure and success, if column and labels count as such.
        rho: The correlation that is told; None measures it.
    """
    values = np.unique(numbers)
    if len(values) < 2:
        raise InputError(f"{name} is {values[0]:g} in all rows and tells nothing; leave it out.")
    # In another unit, by a power of two that changes no digit: squares of numbers are finite.
    numbers = np.ldexp(numbers, -np.frexp(np.abs(numbers).max())[1])
    values = np.unique(numbers)
    if outcomes is not None:
        positive, hit = numbers == values[1], labels == outcomes[1]
        proxy = BinaryProxy(float(positive[hit].mean()), float(positive[~hit].mean()))
        if proxy.false_positive >= proxy.sensitivity:
            raise InputError(
                f"{name} has a share of {proxy.false_positive:.3g} false positives, which must be below "
                f"its sensitivity of {proxy.sensitivity:.3g}: leave it out, or turn it round."
            )
        return np.where(positive, outcomes[1], outcomes[0]), proxy
    spread = float(labels.std())
    if rho is None:
        rho = float(np.corrcoef(numbers, labels)[0, 1]) if spread else 0.0
    scores = (numbers - numbers.mean()) / numbers.std()
    noise = (1 - rho**2) ** 0.5 * spread
    return rho * float(labels.mean()) + spread * scores, GaussianProxy(rho, noise)


@dataclass(kw_only=True, eq=False)
class TableLabels(FeatureLabels):
    """State of a pool made of rows of a table."""

    rows: Whole  # (B, n) the row of the table that each item is


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnTests(FeaturePool):
    """The part of a `TablePool` that reads proxies and prices."""

    dataset: str | None = None
    rows: float | None = None

    fidelity_kind = "column"

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table."""

    @property
    def _columns(self) -> list[tuple[str, Any]]:
        """What messages call the columns of proxies and prices, and their names or numbers."""
        lower = [row[1] for row in (self.fidelities or ())[:-1]]
        some = [(f"The column of fidelities[{m}]", column) for m, column in enumerate(lower)]
        return some + [("The column of price", self.price)] * isinstance(self.price, str | tuple)

    def _others(self, table: Table, options: dict[str, Any] | None = None) -> tuple[Array, ...]:
        """Return the columns of proxies and prices, ``(N,)`` each."""
        found, count = [], len(table.labels)
        for told, name in self._columns:
            if not isinstance(name, str):
                numbers = np.array(name)
                if len(numbers) != count:
                    raise InputError(
                        f"{told} must have {count} numbers, one for each row, got {len(numbers)}."
                    )
            elif options is None or self.dataset is None:
                raise InputError(f"{told} must be numbers where labels are, got {shown(name)}.")
            else:
                numbers = column(self.dataset, name, table.settings[0].name, **options)
            measured = whole(
                f"{told}, {shown(name)},", np.where(table.measured, numbers, 0), table.row_names
            )
            found.append(measured)
        return tuple(found)

    def _checked_fidelity(self, name: str, written: Any) -> tuple[Any, ...]:
        """Return a cost, a column and a correlation, None where it is measured; the label: a cost."""
        row = tuple(written) if isinstance(written, list | tuple) else ()
        if not 1 <= len(row) <= 3:
            raise InputError(f"{name} must be {SHAPES['column']}, got {shown(written)}.")
        cost = None if row[0] is None else quantity(f"the cost of {name}", row[0])
        if len(row) == 1:
            return (cost,)
        values = given(f"the column of {name}", row[1], real)
        rho = row[2] if len(row) == 3 else None
        return cost, values, None if rho is None else real(f"rho of {name}", rho, low=-1, high=1)

    def _check_labels_last(self, rows: tuple[tuple[Any, ...], ...]) -> None:
        """Refuse a last fidelity that is not the label itself."""
        last = len(rows) - 1
        for m, row in enumerate(rows):
            if (len(row) == 1) != (m == last):
                raise InputError(
                    f"The last of the fidelities, and no other, is the label: {SHAPES['column']}, got "
                    f"fidelities[{m}]={shown(row)}."
                )

    def _checked_price(self, price: Any) -> Any:
        """Return a number, one for every row, or the name of a column."""
        return price if isinstance(price, str) else super()._checked_price(price)

    def _check_count(self, prices: tuple[float, ...]) -> None:
        """Leave it to `_others`: of the rows some may be left out, or be one condition."""

    @property
    def _label_prices(self) -> list[float]:
        if not isinstance(self.price, str | tuple):
            return super()._label_prices
        prices = [float(f"{price:.12g}") for price in self.table.others[-1].tolist()]
        told = f"The price in column {shown(self.price)}, row"
        return [quantity(f"{told} {row},", price) for row, price in enumerate(prices)]

    @cached_property
    def _prices_drawn(self) -> bool:
        return self.rows is not None and self.price is not None and not self.one_price

    @cached_property
    def _shown_proxies(self) -> list[tuple[Array, Proxy]]:
        """What each proxy shows of the rows, and how that depends on the label."""
        lower, sign = (self.fidelities or ())[:-1], -1.0 if self.table.minimise else 1.0
        columns = [sign * column for column in self.table.others[: len(lower)]]
        two = all(len(np.unique(column)) == 2 for column in columns)
        outcomes = self.outcomes if two else None
        return [
            proxy_of(f"fidelities[{m}]", column, self.table.labels, outcomes, row[2])
            for m, (column, row) in enumerate(zip(columns, lower, strict=True))
        ]

    @cached_property
    def proxies(self) -> tuple[Proxy, ...]:
        """What the M - 1 lower fidelities tell of the label."""
        return tuple(proxy for _, proxy in self._shown_proxies)

    def _draw_tests(self, state: FeatureLabels, index: Whole, streams: Streams) -> None:
        """Note what the tests of the rows show and cost."""
        assert isinstance(state, TableLabels)
        assert state.purse is not None
        assert self.shop is not None
        rows = state.rows[index]
        for m, (shows, _) in enumerate(self._shown_proxies):
            state.purse.means[index, :, m] = shows[rows]
        if self.fidelities:
            state.purse.means[index, :, -1] = state.values[index]
        if self._prices_drawn:
            state.purse.spend[index] = self.shop.spend[rows]
        state.purse.reset(index, self.shop.total)
