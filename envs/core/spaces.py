"""A box whose bounds are two numbers, however large it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from numpy.typing import DTypeLike


class UniformBox(spaces.Box):
    """A `Box` with the same bounds everywhere, which takes no memory.

    Gymnasium's box stores both bounds for every element: for the features of a million items these
    would be larger than the features, and once more for every episode of a vector environment.

    Args:
        low: Lower bound of all elements.
        high: Upper bound of all elements.
        shape: Shape.
        dtype: Type of the elements.
    """

    def __init__(
        self, low: float, high: float, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__(low, high, (1,), dtype)  # type: ignore[arg-type]
        self._shape = tuple(shape)
        for name in ("low", "high", "bounded_below", "bounded_above"):
            setattr(self, name, np.broadcast_to(getattr(self, name)[0], self._shape))

    @property
    def bounds(self) -> tuple[float, float]:
        """The lower and the upper bound of all elements."""
        return float(self.low.flat[0]), float(self.high.flat[0])

    def __repr__(self) -> str:
        """Return the bounds, the shape and the type."""
        low, high = self.bounds
        return f"{type(self).__name__}({low:g}, {high:g}, {self._shape}, {self.dtype})"

    def __deepcopy__(self, memo: Any) -> UniformBox:
        """Return a box with the same bounds; a copy of a broadcast array would fill its memory."""
        return UniformBox(*self.bounds, self._shape, self.dtype)


@batch_space.register(UniformBox)
def _batch(space: UniformBox, n: int = 1) -> UniformBox:
    return UniformBox(*space.bounds, (n, *space.shape), space.dtype)
