"""Rows that observations show as they are, and that are drawn anew when their episodes start."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of an array through which nobody can write to it.

    Unlike the flag of an array, that of a buffer cannot be set back, neither by way of `base`.
    """
    return np.asarray(array.data.toreadonly())


class Shown:
    """An array of B rows that observations hold a view of, such as the features of a pool.

    What was handed out must not change. So rows that are drawn anew go to another array: to the one
    before, where nobody looks at it any more, which then lacks little, or else to a copy. An agent that
    keeps the last observation leaves one of two free, so that a reset costs the rows that it draws.

    Args:
        array: The rows, ``(B, m)``; they are not written to before all of them are drawn.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._view: NDArray[Any] | None = None
        # The array before, who looks at it, and the rows that it lacks.
        self._before: tuple[NDArray[Any], weakref.ref[Any], NDArray[np.int64]] | None = None

    @property
    def rows(self) -> NDArray[Any]:
        """The rows as they are now, for the environment alone."""
        return self._array

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return some of the rows as they are now."""
        return self._array[index]  # type: ignore[no-any-return]

    def view(self) -> NDArray[Any]:
        """Return the rows as a read-only view."""
        if self._view is None:
            self._view = read_only(self._array)
        return self._view[:]  # its base is `_view`, which lives as long as it does

    def anew(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Return an array ``(B, m)`` whose rows ``index`` are to be written at once."""
        if self._view is None:  # nobody has seen them
            if self._before is not None:
                array, looks, lacks = self._before
                self._before = array, looks, np.union1d(lacks, index)
            return self._array
        last, before, self._before = self._array, self._before, None
        looks = weakref.ref(self._view)
        self._view = None
        if len(index) == len(last):
            self._array = np.empty(last.shape, last.dtype) if looks() is not None else last
            return self._array
        if before is None or before[1]() is not None:
            self._array = last.copy()
        else:
            self._array, lacks = before[0], before[2]
            self._array[lacks] = last[lacks]
        self._before = last, looks, index.copy()
        return self._array

    def __getstate__(self) -> dict[str, Any]:
        """Leave out who looks at it: nobody looks at a copy."""
        return {"_array": self._array, "_view": None, "_before": None}
