"""Design problems of one to three parameters: their posterior is exact on a grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..core import InputError, shown
from ..core.checks import integer, sequence
from .posteriors import Grid
from .telling import Telling


@dataclass(frozen=True, kw_only=True, eq=False)
class GridDesign(Telling[Grid]):
    """A design environment whose posterior is exact on a grid.

    ## Arguments
    - `grid_size`: nodes of the posterior's grid along each parameter, one number for all or one for
      each.
    """

    grid_size: int | tuple[int, ...] = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes, k = self.grid_size, len(self.unknown_parameters)
        if isinstance(sizes, tuple | list):
            sizes = sequence("grid_size", sizes, lambda n, v: integer(n, v, low=2))
        else:
            sizes = (integer("grid_size", sizes, low=2),) * k
        if len(sizes) != k or np.prod(sizes, dtype=float) > 1_000_000:
            raise InputError(
                f"grid_size must be one number or one for each of "
                f"{', '.join(self.unknown_parameters)}, with a million nodes at most, got "
                f"{shown(self.grid_size)}; choose a smaller grid."
            )
        self._set(grid_size=sizes)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: the weights of the nodes."""
        return super().size + math.prod(self._sizes)

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: the nodes, and what is done to them."""
        return (4 * len(self.unknown_parameters) + 8) * math.prod(self._sizes)

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The nodes along each parameter."""
        assert isinstance(self.grid_size, tuple)  # set by __post_init__
        return self.grid_size

    def new_posterior(self, num_episodes: int) -> Grid:
        """Return the posterior of a number of episodes, to be reset before use."""
        return Grid(self, num_episodes, self._sizes)
