"""Boxes whose bounds take no memory where they are large, and are plain where they are not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import batch_differing_spaces, batch_space, iterate
from numpy.typing import DTypeLike

MOST_PLAIN = 4096
"""Elements of the largest box with bounds of its own: they take 40 kB, and microseconds to make."""


def box(
    low: float, high: float, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> spaces.Box:
    """Return a box with the same bounds everywhere: a plain one, unless it is large.

    Libraries look a space up by its exact type, so that a subclass is the exception.
    """
    plain = math.prod(shape) <= MOST_PLAIN
    made: type[spaces.Box] = spaces.Box if plain else UniformBox
    return made(low, high, shape, dtype)  # type: ignore[arg-type]


def batched(space: spaces.Space[Any], n: int) -> spaces.Space[Any]:
    """Return the space of n episodes side by side, as `batch_space` does, but no large bounds."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: batched(part, n) for key, part in space.spaces.items()})
    if isinstance(space, UniformBox):
        return UniformBox(*space.bounds, (n, *space.shape), space.dtype)
    if isinstance(space, spaces.Box) and n * space.low.size > MOST_PLAIN:
        low, high = space.low.flat[0], space.high.flat[0]
        if (space.low == low).all() and (space.high == high).all():
            return UniformBox(low.item(), high.item(), (n, *space.shape), space.dtype)
    return batch_space(space, n)


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
            # Writable, for torch warns of arrays that are not; all elements are one number.
            one = getattr(self, name)
            strides = (0,) * len(self._shape)
            setattr(self, name, np.lib.stride_tricks.as_strided(one, self._shape, strides))

    @property
    def bounds(self) -> tuple[float, float]:
        """The lower and the upper bound of all elements."""
        return self.low.flat[0].item(), self.high.flat[0].item()

    def __repr__(self) -> str:
        """Return the bounds, the shape and the type."""
        low, high = self.bounds
        return f"{type(self).__name__}({low:g}, {high:g}, {self._shape}, {self.dtype})"

    def __eq__(self, other: object) -> bool:
        """Compare two numbers where that is enough."""
        if not isinstance(other, UniformBox):
            return super().__eq__(other)
        same = (self.shape, self.dtype) == (other.shape, other.dtype)
        return same and np.allclose(self.bounds, other.bounds)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy two numbers: a copy of the arrays would fill their memory."""
        state = {"_np_random": self._np_random}
        return type(self), (*self.bounds, self._shape, self.dtype), state


# Gymnasium finds these by the exact type.
batch_differing_spaces.register(UniformBox, batch_differing_spaces.dispatch(spaces.Box))
iterate.register(UniformBox, iterate.dispatch(spaces.Box))


@batch_space.register(UniformBox)
def _batch(space: UniformBox, n: int = 1) -> UniformBox:
    return UniformBox(*space.bounds, (n, *space.shape), space.dtype)
