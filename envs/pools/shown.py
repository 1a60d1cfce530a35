"""Rows that observations show as they are, and that are drawn anew when their episodes start."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Flags, Whole


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of an array through which nobody can write to it.

    Unlike the flag of an array, that of a buffer cannot be set back, neither by way of `base`.
    """
    return np.asarray(array.data.toreadonly())


class Shown:
    """An array of B rows that observations hold a view of, such as the features of a pool.

    What was handed out must not change. So rows are drawn anew into the array itself where nobody looks
    at it any more, and else into a second one, which holds the same rows whenever it is free: a reset
    costs the rows that it draws. An agent that keeps the last observation leaves one of two free; where
    more are kept, all rows are copied.

    Args:
        array: The rows, ``(B, m)``; they are not written to before all of them are drawn.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._view: NDArray[Any] | None = None
        # The second array, who looks at it, and the rows that it lacks; None: nothing was drawn.
        self._second: NDArray[Any] | None = None
        self._looks: Callable[[], object] = _nobody
        self._lacks: Flags | None = None

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
        if self._lacks is not None and len(self._array) > 1 and self._looks() is None:
            self._catch_up(self._lacks)
        return self._view[:]  # its base is `_view`, which lives as long as it does

    def anew(self, index: Whole) -> NDArray[Any]:
        """Return an array ``(B, m)`` whose rows ``index`` are to be written at once."""
        if self._lacks is None:
            self._lacks = np.zeros(len(self._array), np.bool_)
        looks = _nobody if self._view is None else weakref.ref(self._view)
        self._view = None
        if looks() is not None:
            if self._second is None or self._looks() is not None:
                self._second = np.empty_like(self._array)
                self._lacks[:] = True
            if len(index) < len(self._array):
                self._catch_up(self._lacks)
            self._array, self._second, self._looks = self._second, self._array, looks
        self._lacks[index] = True
        return self._array

    def _catch_up(self, lacks: Flags) -> None:
        """Bring the second array up to date, at which nobody looks."""
        if self._second is None:
            self._second = np.empty_like(self._array)
            lacks[:] = True
        index = lacks.nonzero()[0]
        if len(index) == len(lacks):
            np.copyto(self._second, self._array)
        elif len(index):
            self._second[index] = self._array[index]
        lacks[:] = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the second array, and who looks: nobody looks at a copy."""
        return Shown(self._array).__dict__


def _nobody() -> None:
    """Return None, as a reference to what is gone."""
