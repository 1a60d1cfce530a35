"""What plates and careful tests do on the rungs of a ladder, as tables.

On rung x the tray is empty or holds h hits of plate m, and nothing else matters: hits are exchangeable,
each is real with the same known probability, and how many there were tells nothing about the next ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import binom

from ..core.arrays import Array, Flags, Whole
from .plates import Plate

PARTS = 256
"""Parts of the unit interval in which uniform numbers are looked up; a power of 2."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rungs:
    """What every action does on every rung and tray.

    Tray 0 is empty; behind it come those with 1, ..., N hits of the first plate, then of the next one.
    Actions are K sizes of tests of fresh candidates, then K sizes of tests of hits, then M plates;
    without plates there are no hits to test.

    Args:
        p: Chance of success of a fresh candidate on each of X rungs, ``(X,)``.
        plates: The plates.
        sizes: How many careful tests may be run at once.
    """

    p: Array
    plates: tuple[Plate, ...]
    sizes: tuple[int, ...]

    @cached_property
    def size(self) -> Whole:
        """Tests or wells of each action, ``(A,)``."""
        hits = self.sizes if self.plates else ()
        return np.array([*self.sizes, *hits, *(plate.wells for plate in self.plates)])

    @cached_property
    def first_plate(self) -> int:
        """The action of the first plate."""
        return len(self.size) - len(self.plates)

    @cached_property
    def before(self) -> Whole:
        """The tray before those of each plate, ``(M,)``: h hits are tray ``before + h``."""
        wells = [plate.wells for plate in self.plates]
        return np.cumsum(wells, dtype=np.int64) - np.array(wells, np.int64)

    @cached_property
    def plate(self) -> Whole:
        """The number of the plate whose hits a tray holds, 0 for none, ``(T,)``."""
        wells = [plate.wells for plate in self.plates]
        return np.repeat(np.arange(len(wells) + 1), [1, *wells])

    @cached_property
    def hits(self) -> Whole:
        """The hits on each tray, ``(T,)``."""
        parts = [np.arange(1, plate.wells + 1) for plate in self.plates]
        return np.concatenate([[0], *parts]).astype(np.int64)

    @cached_property
    def legal(self) -> Flags:
        """Which actions a tray allows, ``(T, A)``: no more hits are tested than there are."""
        table = np.ones((len(self.hits), len(self.size)), np.bool_)
        tests = slice(len(self.sizes), self.first_plate)
        table[:, tests] = self.hits[:, None] >= self.size[tests]
        return table

    @cached_property
    def fall(self) -> Whole:
        """The tray after tests without success, ``(T, A)``; an illegal action changes nothing."""
        tray = np.arange(len(self.hits))
        table = np.repeat(tray[:, None], len(self.size), axis=1)
        for action in range(len(self.sizes), self.first_plate):
            left = self.hits - self.size[action]
            table[:, action] = np.where(left > 0, tray - self.size[action], 0)
        return np.where(self.legal, table, tray[:, None])

    @cached_property
    def climb(self) -> Array:
        """The probability to climb, ``(X, T, A)``; 0 for plates and illegal actions."""
        chances = [self.p, *(plate.real(self.p) for plate in self.plates)]
        real = np.stack(chances, 1)[:, self.plate]
        table = np.zeros((len(self.p), *self.legal.shape))
        with np.errstate(divide="ignore"):
            for action, size in enumerate(self.size[: self.first_plate].tolist()):
                chance = real if action >= len(self.sizes) else self.p[:, None]
                table[:, :, action] = -np.expm1(size * np.log1p(-chance))
        table[:, ~self.legal] = 0.0
        return table

    @cached_property
    def laws(self) -> list[Array]:
        """The law of the hits of each plate, ``(X, N + 1)``."""
        return [
            binom.pmf(np.arange(plate.wells + 1), plate.wells, plate.positive(self.p)[:, None])
            for plate in self.plates
        ]

    def trays(self, plate: int) -> Whole:
        """Return the trays of 0, ..., N hits of a plate, ``(N + 1,)``."""
        wells = self.plates[plate].wells
        return np.append(0, self.before[plate] + np.arange(1, wells + 1))

    def mean(self, plate: int, values: Array) -> Array:
        """Return the mean over the hits of a plate of values ``(X, T, ...)``, ``(X, ...)``."""
        left = values[:, self.trays(plate)]
        return np.asarray(np.einsum("xh,xh...->x...", self.laws[plate], left))

    # ---- what luck brings

    @cached_property
    def promise(self) -> Array:
        """The probability that a tray holds a real hit, ``(X + 1, T)``; 0 at the target."""
        table = np.zeros((len(self.p) + 1, len(self.hits)))
        chances = [0 * self.p, *(plate.real(self.p) for plate in self.plates)]
        real = np.minimum(np.stack(chances, 1), 1 - 1e-16)[:, self.plate]
        table[:-1] = -np.expm1(self.hits * np.log1p(-real))
        return table

    def outlook(self, x: Whole, tray: Whole, action: Whole) -> tuple[Array, Array]:
        """Return mean and variance of what an action adds to x and the promise of the tray, ``(B,)``.

        A test climbs or not. A plate of N wells promises 1 - (1 - r)^h, h ~ Binomial(N, q), of which the
        moments follow from E[z^h] = (1 - q + q z)^N.
        """
        now, at = self.promise[x, tray], np.minimum(x, len(self.p) - 1)
        climb, fallen = self.climb[at, tray, action], self.promise[x, self.fall[tray, action]]
        mean = climb * (1 - now) + (1 - climb) * (fallen - now)
        variance = climb * (1 - climb) * (1 - fallen) ** 2
        for m, plate in enumerate(self.plates):
            some = action == self.first_plate + m
            q, r = plate.positive(self.p[at[some]]), plate.real(self.p[at[some]])
            none, square = (1 - q * r) ** plate.wells, (1 - q * (2 - r) * r) ** plate.wells
            mean[some] = 1 - none - now[some]
            variance[some] = np.maximum(square - none**2, 0.0)
        return mean, variance


class Tables:
    """What a step looks up, flat.

    Args:
        rungs: The ladder. Nothing is played at its target, whose tables are those of the last rung.
    """

    def __init__(self, rungs: Rungs) -> None:
        last = np.minimum(np.arange(len(rungs.p) + 1), len(rungs.p) - 1)
        stay = 1.0 - rungs.climb[last]
        stay[-1] = 1.0
        self.stay = stay.ravel()  # by rung, tray and action: the probability not to climb
        self.fall, self.legal = rungs.fall.ravel(), rungs.legal.ravel()  # by tray and action
        # F(0), ..., F(N - 1) in a row for each rung and plate, each row above the one before by 1: the
        # place of a uniform number, raised like them, is how many it exceeds. Mostly this is the same
        # for all numbers of one of `PARTS`, and need not be searched.
        self._plates = len(rungs.plates)
        row = np.arange(len(last) * self._plates).reshape(len(last), -1)
        laws = [np.minimum(np.cumsum(law[last], 1)[:, :-1], 1.0) for law in rungs.laws]
        parts = [law + row[:, m, None] for m, law in enumerate(laws)]
        self._laws = np.concatenate([np.zeros((len(last), 0)), *parts], axis=1).ravel()
        wells = np.array([plate.wells for plate in rungs.plates], np.int64)
        self._wells, self._before = np.tile(wells, len(last)), np.tile(rungs.before, len(last))
        self._start = np.cumsum(self._wells) - self._wells
        every = np.arange(row.size).repeat(PARTS + 1)
        self._lowest = self._found(every, np.tile(np.arange(PARTS + 1) / PARTS, row.size))

    def new_tray(self, x: Whole, plate: Whole, uniform: Array) -> Whole:
        """Return the trays that new plates leave on rungs x, by one uniform number each, ``(B,)``.

        Plates are counted from 0.
        """
        row = x if self._plates == 1 else x * self._plates + plate
        part = (uniform * PARTS).astype(np.int64)
        part += row * (PARTS + 1)
        tray = self._lowest.take(part)
        part += 1
        several = (self._lowest.take(part) > tray).nonzero()[0]
        if len(several):
            tray[several] = self._found(row[several], uniform[several])
        return tray

    def _found(self, row: Whole, uniform: Array) -> Whole:
        """Return the trays that uniform numbers find in rows of the distribution functions."""
        hits = np.searchsorted(self._laws, uniform + row, "right") - self._start[row]
        hits = np.minimum(hits, self._wells[row])
        return np.where(hits > 0, hits + self._before[row], 0)
