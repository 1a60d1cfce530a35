"""Tables of items: numeric features and labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import InputError
from ..core.arrays import Array, Flags, Whole
from ..core.errors import shown
from .files import named
from .stored import Stored, first_rows, groups, groups_of, keys


@dataclass(frozen=True, eq=False)
class Setting:
    """A column that a person sets, and what it became.

    Args:
        name: Its name in the file.
        features: Which features of the table it became, by their numbers.
        levels: The texts that stand in it; none, if it holds numbers.
        codes: Which of them stands in each row, ``(n,)``, where the features do not tell: descriptors
            may be those of several levels.
    """

    name: str
    features: range
    levels: tuple[str, ...] = ()
    codes: Whole | None = None

    def at(self, rows: Whole) -> Setting:
        """Return the same for some rows of the table."""
        return self if self.codes is None else replace(self, codes=self.codes[rows])

    def of(self, features: Array, rows: Whole) -> list[str | float]:
        """Return the cells of some rows: the names of levels, or numbers."""
        if not self.levels:
            return [*(features[rows, self.features.start] + 0.0).tolist()]
        return [self.levels[code] for code in self.code(features, rows).tolist()]

    def code(self, features: Array, rows: Whole) -> Whole:
        """Return which of the levels stand in some rows."""
        if self.codes is not None:
            return self.codes[rows]
        own = features[rows, self.features.start : self.features.stop]
        several = own.shape[1] == len(self.levels)  # else it is the indicator of True
        return own.argmax(1) if several else own[:, 0].astype(np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Items with features and labels.

    Args:
        name: Name of the data set.
        features: Numeric features, shape ``(n, d)``, read-only. Those of a large Parquet file stay in
            it, `Stored`, and `numpy.asarray` reads them.
        labels: Labels of the chosen target, in its unit, ``(n,)``, read-only; the larger the better:
            with `minimise` they are those of the file with another sign. NaN where nothing is measured.
        feature_names: Names of the d features; ``column=level`` for an indicator of a category.
        target: Name of the chosen target.
        targets: Names of all targets of the data set.
        unit: Unit of the labels.
        minimise: Whether the labels have changed their sign.
        levels: Name and levels of each category.
        failed: Rows whose experiment failed, ``(n,)``; None if the table does not tell.
        row_names: The names of the rows, where a column holds them.
        index: The column that holds them.
        settings: The columns that became the features, as a person sets them.
        notes: What was decided in reading that a person should know.
        others: Numbers of other columns, in their units, ``(n,)`` each, such as prices; no features.
        signs: What stands in the file between cells, and before decimals.
    """

    name: str
    features: Any
    labels: Array
    feature_names: tuple[str, ...]
    target: str
    targets: tuple[str, ...]
    unit: str = ""
    minimise: bool = False
    levels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    failed: Flags | None = None
    row_names: tuple[str, ...] | None = None
    index: str | None = None
    settings: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[Array, ...] = ()
    signs: tuple[str, str] = (",", ".")

    def __post_init__(self) -> None:
        for name in ("features", "labels", "failed"):
            array = getattr(self, name)
            if isinstance(array, np.ndarray):
                # Of a read-only buffer, so that the flag cannot be set back.
                object.__setattr__(self, name, np.asarray(array.data.toreadonly()))

    @cached_property
    def measured(self) -> Flags:
        """Which rows have a label, ``(n,)``."""
        return ~np.isnan(self.labels)

    def values(self, rows: ArrayLike) -> list[dict[str, str | float]]:
        """Return what a person sets in some rows: column -> the name of a level, or a number.

        Args:
            rows: The numbers of the rows, ``(k,)``.
        """
        some = np.asarray(rows, np.int64)
        names = [one.name for one in self.settings]
        features, every = self.features[some, :], np.arange(len(some))  # the file is read once
        cells = [one.at(some).of(features, every) for one in self.settings]
        return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """128 bits that are made of the features of each row, ``(2, n)``; see `stored.keys`."""
        return keys(self.features)

    @cached_property
    def condition(self) -> Whole:
        """The condition of each row, ``(n,)``: rows with equal features are replicates of one."""
        return groups_of(self.keys)

    def conditions(self) -> Table:
        """Return the table with one row per measured condition; its label is the mean of all.

        This is what can be played again: a row that is not measured yet has nothing to show.

        Raises:
            InputError: If no row has a label.
        """
        if not self.measured.any():
            raise InputError(
                f"{self.name} has no label yet in {self.target!r}: there is nothing to play again."
            )
        condition = self.condition[self.measured]
        if self.measured.all() and len(condition) == condition.max() + 1:
            return self
        count = np.bincount(condition)
        kept = np.flatnonzero(count)

        def means(column: Array) -> Array:
            some = np.bincount(condition, column[self.measured] / count[condition])[kept]
            return some.astype(np.float64)

        some = self._of(first_rows(self.condition)[kept])
        others = tuple(map(means, self.others))
        return replace(some, labels=means(self.labels), others=others, failed=None)

    def digest(self) -> str:
        """Return the SHA-256 of features and labels, as hexadecimal digits."""
        known = hashlib.sha256()
        if isinstance(self.features, Stored):
            for _, some in groups(self.features):
                known.update(some.T.tobytes())
        else:
            known.update(self.features.tobytes())
        known.update(self.labels.tobytes())
        return known.hexdigest()

    def half(self, number: int) -> Table:
        """Return half of the rows, in their order.

        Args:
            number: Which half: 0 and 1 part the rows, as do 2 and 3, and so on.

        Raises:
            InputError: If there are no two rows to part.
        """
        count = len(self.labels)
        if count < 2:
            raise InputError(f"{self.name} has a single row, which has no halves.")
        order = np.random.default_rng(number // 2).permutation(count)
        return self._of(np.sort(order[count // 2 :] if number % 2 else order[: count // 2]))

    def _of(self, rows: Whole) -> Table:
        """Return the table of some rows."""
        return replace(
            self,
            features=self.features[rows],
            settings=tuple(one.at(rows) for one in self.settings),
            labels=self.labels[rows],
            others=tuple(column[rows] for column in self.others),
            failed=None if self.failed is None else self.failed[rows],
            row_names=self.row_names and tuple(self.row_names[i] for i in rows),
        )

    def __str__(self) -> str:
        """Return how the table was read, in a few lines."""
        rows, measured = len(self.labels), int(self.measured.sum())
        failed = 0 if self.failed is None else int(self.failed.sum())
        counts = np.bincount(self.condition[self.measured], minlength=1)
        conditions, repeated = int(self.condition.max()) + 1, int((counts > 1).sum())
        parts = [f"{rows} row{'s' * (rows > 1)}", f"{measured} measured"]
        if waiting := rows - measured - failed:
            parts.append(f"{waiting} not measured yet")
        if failed:
            parts.append(f"{failed} failed")
        if conditions < rows:
            plural = "s" * (conditions > 1)
            parts.append(f"{conditions} condition{plural} ({repeated} measured more than once)")
        unit = f" in {self.unit}" if self.unit else ""
        goal = "less is better" if self.minimise else "more is better"
        indicators = {f"{name}={level}" for name, some in self.levels for level in some}
        columns = [f"{named(name)} ({len(some)} levels)" for name, some in self.levels]
        columns += [named(name) for name in self.feature_names if name not in indicators]
        told = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
        share = f" ({len(indicators)} indicators)" if indicators else ""
        lines = [
            f"{named(self.name)}: {', '.join(parts)}",
            f"target: {named(self.target)}{unit}, {goal}",
            f"features: {len(self.feature_names)}{share}: {told}",
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def from_arrays(features: Any, labels: Any, minimise: bool = False) -> Table:
    """Return a table made of copies of arrays: features ``(n, d)`` and labels ``(n,)``.

    Numbers and truth values are taken, in lists, NumPy arrays or data frames. Texts, dates, complex
    numbers and masked or missing entries raise `InputError`, and so do a frame and a series whose
    rows are named differently.

    Args:
        features: Features, ``(n, d)``; the columns of a data frame give the features their names.
        labels: Labels, ``(n,)``.
        minimise: Whether less is better; labels then change their sign.
    """
    _check_rows(features, labels)
    x, y = (_numbers(name, value) for name, value in (("features", features), ("labels", labels)))
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not x.size:
        raise InputError(
            f"features must have shape (n, d) and labels (n,), got {x.shape} and {y.shape}."
        )
    if not isinstance(minimise, bool | np.bool_):
        raise InputError(f"minimise must be true or false, got {shown(minimise)}.")
    columns = getattr(features, "columns", None)
    if columns is None or len(columns) != x.shape[1]:
        columns = [f"x{i}" for i in range(x.shape[1])]
    names = tuple(map(str, columns))
    return Table(
        name="arrays",
        features=x,
        labels=-y if minimise else y,
        feature_names=names,
        settings=tuple(Setting(name, range(i, i + 1)) for i, name in enumerate(names)),
        target="label",
        targets=("label",),
        minimise=bool(minimise),
    )


def _check_rows(features: Any, labels: Any) -> None:
    left, right = (getattr(value, "index", None) for value in (features, labels))
    same = getattr(left, "equals", None)
    if same is not None and hasattr(right, "equals") and not same(right):
        raise InputError(
            "features and labels name their rows differently, so that it is not sure which belong "
            "together; align them, such as labels = labels.loc[features.index]."
        )


def _numbers(name: str, value: Any) -> Array:
    """Return a copy of an array as floats; anything but finite real numbers is refused."""
    parts = value if isinstance(value, list | tuple) else [value]
    if any(np.ma.isMaskedArray(part) and np.ma.getmaskarray(part).any() for part in parts):
        raise InputError(f"{name} has masked entries; leave out the rows that are not measured.")
    try:
        array = np.asarray(value)
        entries = np.asarray(value, object) if array.dtype.kind not in "biufmM" else None
    except Exception:  # whatever the object that was handed in raises; ragged lists among others
        raise InputError(
            f"{name} must be an array of numbers; the {type(value).__name__} given is none, as when "
            "its rows have not all the same length."
        ) from None
    if array.dtype.kind in "mM":
        raise InputError(f"{name} must hold numbers only, got times ({array.dtype}); give hours.")
    if entries is not None:
        array = _as_floats(name, entries)
    with np.errstate(over="ignore"):  # of long doubles; the look at infinities comes next
        exact, array = array, np.array(array, np.float64)
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise InputError(f"{name} must be finite, got {array[tuple(where)]} at {where}.")
    if exact.dtype.kind in "iu" and np.abs(array).max(initial=0) >= 2**53:
        raise InputError(f"{name} holds whole numbers above 2^53, which a float would round.")
    return array


def _as_floats(name: str, entries: NDArray[Any]) -> Array:
    """Return an array of objects as floats; what is no real number is refused."""
    array = np.full(entries.shape, np.nan)
    for index, entry in np.ndenumerate(entries):
        if not isinstance(entry, Real | Decimal):
            raise InputError(
                f"{name} must hold numbers only, got {shown(entry)} at {list(index)}; texts are "
                "turned into features by reading them from a file, as dataset=."
            )
        try:
            array[index] = float(entry)
        except (ArithmeticError, ValueError):
            raise InputError(
                f"{name} holds {shown(entry)} at {list(index)}, which is no float."
            ) from None
    return array
