"""Numbers of many episodes, in no more memory than their values need.

A million episodes leave a million of each number that is kept of one. Most are small whole numbers, such
as actions and counts, whose types could hold far more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Rows:
    """Rows that come some at a time, kept in the narrowest type that holds all of them exactly.

    They are read in the type in which they came: as a copy, unless that is the narrowest. Where some
    are None, there are none.
    """

    def __init__(self) -> None:
        self._like: NDArray[Any] = np.zeros(0)
        self._kinds: list[np.dtype[Any]] = []  # the present one, and what is wider
        self._bytes = bytearray()  # which grows in place, where lists of arrays would be joined
        self._count, self._void = 0, False

    def add(self, rows: NDArray[Any] | None) -> None:
        """Append rows, ``(E, ...)``; what the type of the first ones may not hold raises `TypeError`."""
        self._void |= rows is None
        if rows is None:
            return
        if not self._kinds:
            self._like, self._kinds = rows[:0].copy(), _kinds(rows.dtype)
        rows = rows.astype(self._like.dtype, casting="safe", copy=False)
        while not _holds(self._kinds[0], rows):
            self._bytes = bytearray(self._kept.astype(self._kinds[1]).data)
            del self._kinds[0]
        self._bytes.extend(rows.astype(self._kinds[0], order="C").data)
        self._count += len(rows)

    @property
    def _kept(self) -> NDArray[Any]:
        shape = (self._count, *self._like.shape[1:])
        return np.ndarray(shape, self._kinds[0], self._bytes)

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        return self._kept[rows].astype(self._like.dtype, copy=False)

    def read(self) -> Any:
        """Return all rows."""
        return None if self._void else self[:]


def packed(*names: str) -> Callable[[type[T]], type[T]]:
    """Let fields of a dataclass be given `Rows`, or a list of them, and be read as arrays."""

    def prepared(owner: type[T]) -> type[T]:
        for name in names:
            setattr(owner, name, _Field(name))
        return owner

    return prepared


class _Field:
    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, one: Any, owner: type) -> Any:
        return self if one is None else _read(vars(one)[self._name])

    def __set__(self, one: Any, value: Any) -> None:
        vars(one)[self._name] = value


def _read(kept: Any) -> Any:
    if isinstance(kept, list):
        return [_read(one) for one in kept]
    return kept.read() if isinstance(kept, Rows) else kept


def _kinds(dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    """Return the types of numbers that may hold those of a type, from the narrowest to itself."""
    sizes = {"i": (1, 2, 4), "u": (1, 2, 4), "f": (2, 4)}.get(dtype.kind, ())
    return [*(np.dtype(f"{dtype.kind}{n}") for n in sizes if n < dtype.itemsize), dtype]


def _holds(kind: np.dtype[Any], rows: NDArray[Any]) -> bool:
    """Return whether a type holds numbers exactly."""
    with np.errstate(all="ignore"):  # what is too large for it
        return kind == rows.dtype or np.array_equal(rows.astype(kind), rows, equal_nan=True)
