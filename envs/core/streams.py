"""Random streams: one generator per episode, read through a tape of uniforms.

A vector environment must give every episode the very numbers that a single environment with the
same seed would see, so each episode owns a generator. Calling B generators at each step would
dominate the cost of a step; instead each one fills a tape of uniforms, and a step reads one number
of every tape. Episodes that march in step, which is the rule, read a contiguous row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TAPE = 512
"""Uniforms per refill. Part of the meaning of a seed: changing it changes every trajectory."""

BLOCK = 64
"""Episodes whose tapes are filled together: their numbers stay in the cache until transposed."""


class Streams:
    """The random numbers of B episodes.

    Two ways to draw: `uniform` for the noise of a step, and `generators` for everything else, such
    as the parameters of a new episode. An episode's trajectory is a function of its seed and its
    actions because each step reads the same number of uniforms (`Model.uniforms`), and because a
    reset without a new seed reads as many: with Gymnasium's next-step autoreset a reset takes the
    place of a step, and the episodes stay in step.

    Args:
        num_episodes: The number B of episodes.
    """

    def __init__(self, num_episodes: int) -> None:
        self.generators: list[np.random.Generator] = [np.random.default_rng(0)] * num_episodes
        self._tape = np.empty((TAPE, num_episodes))
        self._all = np.arange(num_episodes)
        self._place: int | NDArray[np.int64] = TAPE  # next row: of all episodes, or of each, (B,)

    def seat(self, index: Sequence[int], generators: Sequence[np.random.Generator]) -> None:
        """Give the episodes ``index`` new generators; what was left on their tapes is discarded."""
        for i, generator in zip(index, generators, strict=True):
            self.generators[i] = generator
        if len(index) == len(self._all):
            self._place = TAPE
        elif len(index):
            self._places()[index] = TAPE

    def uniform(self) -> NDArray[np.float64]:
        """Return the next uniform in [0, 1) of each episode, shape ``(B,)``.

        It may be a view of the tape: for use at once, not to be kept or written to.
        """
        if isinstance(self._place, int):
            if self._place == TAPE:
                self._fill(self._all)
                self._place = 0
            self._place += 1
            return self._tape[self._place - 1]
        self._fill_empty(self._place == TAPE)
        numbers = self._tape.take(self._place * len(self._all) + self._all)
        self._place += 1
        return numbers

    def skip(self, index: NDArray[np.int64], count: int) -> None:
        """Let the episodes ``index`` pass over ``count`` uniforms."""
        if len(index) == len(self._all):
            for _ in range(count):
                self.uniform()
            return
        place, chosen = self._places(), np.zeros(len(self._all), np.bool_)
        chosen[index] = True
        for _ in range(count):
            self._fill_empty(chosen & (place == TAPE))
            place[index] += 1

    def _places(self) -> NDArray[np.int64]:
        """Give every episode a place of its own: they no longer march in step."""
        if isinstance(self._place, int):
            self._place = np.full(len(self._all), self._place)
        return self._place

    def _fill_empty(self, empty: NDArray[np.bool_]) -> None:
        if np.count_nonzero(empty):
            index = empty.nonzero()[0]
            self._fill(index)
            self._places()[index] = 0

    def _fill(self, index: NDArray[np.int64]) -> None:
        block = np.empty((min(len(index), BLOCK), TAPE))
        for first in range(0, len(index), BLOCK):
            part = index[first : first + BLOCK]
            for row, i in enumerate(part.tolist()):
                self.generators[i].random(out=block[row])
            # Episodes side by side are written through a slice, which is twice as fast.
            side_by_side = part[-1] - part[0] == len(part) - 1
            where = slice(part[0], part[-1] + 1) if side_by_side else part
            self._tape[:, where] = block[: len(part)].T
