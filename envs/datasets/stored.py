"""Features that stay in their file: of tables that are too large to be held beside what agents see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Array, Whole

LARGE = 2**24
"""Numbers from which on the features of a table stay in its file, if that is a Parquet file."""

GROUP = 2**21
"""About how many numbers of a table are looked at together: some columns at a time."""

Column: TypeAlias = "str | Array"


@dataclass(frozen=True, eq=False)
class Stored:
    """Features ``(n, d)`` that are read from their file whenever they are asked for.

    Of an array it has ``shape``, ``size`` and ``len``. An index of rows gives the features of these
    rows, which stay in the file; one of rows and columns gives an array, and `numpy.asarray` all of it.

    Args:
        open: Opens the file: its columns by name, Arrow arrays of numbers without a hole.
        columns: What each feature is: a column of the file by its name, or numbers ``(n,)``.
        count: The number of rows of the file.
        rows: The rows that count, in order; None: all.
    """

    open: Callable[[], AbstractContextManager[Mapping[str, Any]]]
    columns: tuple[Column, ...]
    count: int
    rows: Whole | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of features."""
        return len(self), len(self.columns)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self) * len(self.columns)

    def __len__(self) -> int:
        return self.count if self.rows is None else len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        rows, columns = index if isinstance(index, tuple) else (index, None)
        every = np.arange(self.count) if self.rows is None else self.rows
        if columns is None and np.array_equal(rows, np.arange(len(self))):
            return self
        if columns is None and not isinstance(rows, int | np.integer):
            return replace(self, rows=every[rows])
        chosen = np.arange(len(self.columns))[slice(None) if columns is None else columns]
        some = replace(self, rows=np.atleast_1d(every[rows]))
        with self.open() as cells:
            found = some._together(cells, np.atleast_1d(chosen))
        return found.reshape(np.shape(every[rows]) + np.shape(chosen))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        with self.open() as cells:
            whole = self._together(cells, np.arange(len(self.columns)))
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def groups(self) -> Iterator[tuple[slice, Array]]:
        """Yield one column at a time, and which it is; the file is gone through once."""
        with self.open() as cells:
            for k in range(len(self.columns)):
                yield slice(k, k + 1), self._numbers(cells, k)[:, None]

    def _together(self, cells: Mapping[str, Any], chosen: Whole) -> Array:
        found = np.empty((len(self), len(chosen)))
        for place, k in enumerate(chosen.tolist()):
            found[:, place] = self._numbers(cells, k)
        return found

    def _numbers(self, cells: Mapping[str, Any], k: int) -> Array:
        column = self.columns[k]
        if isinstance(column, str):
            column = cells[column].to_numpy(zero_copy_only=False)
        return column if self.rows is None else column[self.rows]


Features: TypeAlias = NDArray[np.floating[Any]] | Stored


def groups(features: Features) -> Iterator[tuple[slice, Array]]:
    """Yield features some columns at a time, in double precision, and which columns they are.

    Args:
        features: Features, ``(n, d)``. What is yielded may be a view of them.
    """
    if isinstance(features, Stored):
        yield from features.groups()
        return
    n, d = features.shape
    width = max(2, GROUP // max(n, 1))  # sums over columns of two or more have the same digits
    for first in range(0, d, width):
        some = slice(first, min(first + width, d))
        yield some, np.asarray(features[:, some], np.float64)


def keys(features: Features) -> NDArray[np.uint64]:
    """Return 128 bits that are made of the features of each row, ``(2, n)``.

    Rows of equal features have the same ones. That two of five million different rows have the same ones
    happens with probability 1e-25. Journals of studies hold digests of them: they stay as they are.
    """
    names = np.full((2, len(features)), 0x9E3779B97F4A7C15, np.uint64)
    names[1] = 0xD1B54A32D192ED03
    odd = np.array([[0xBF58476D1CE4E5B9], [0x94D049BB133111EB]], np.uint64)
    for _, some in groups(features):
        for column in some.T:
            names ^= (column + 0.0).view(np.uint64)  # -0 and 0 are the same
            names ^= names >> np.uint64(32)
            names *= odd
            names ^= names >> np.uint64(29)
    return names


def groups_of(names: NDArray[np.uint64]) -> Whole:
    """Return the group of each row by its key, ``(n,)``, groups in the order of their first rows.

    Args:
        names: The keys, ``(2, n)``.
    """
    n = names.shape[1]
    order = np.lexsort(names)
    first = np.ones(n, np.bool_)
    first[1:] = (np.diff(names[:, order]) != 0).any(0)
    earliest = order[first]  # of each group, for the order of equal rows is theirs
    rank = np.empty(len(earliest), np.int64)
    rank[earliest.argsort()] = np.arange(len(earliest))
    group = np.empty(n, np.int64)
    group[order] = rank[first.cumsum() - 1]
    return group


def first_rows(group: Whole) -> Whole:
    """Return the first row of each group, given the group of each row, ``(n,)``, none of them empty."""
    first = np.empty(int(group.max(initial=-1)) + 1, np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]  # the last one that is written stays
    return first
