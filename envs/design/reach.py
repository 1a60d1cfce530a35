"""Which designs are feasible, from where one stands and with what is left: see `moves`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Array, Flags, Whole

RANDOM = "random"
ROUNDING = 1e-6
"""Share of a range or a budget that is rounding: designs are seen in single precision."""
SHARES = np.linspace(1, 0, 33)[1:]
"""Where on a segment a price is looked at, where the far end cannot be paid."""
POINTS = 10
"""Binary logarithm of the number of settings among which the cheapest is looked for."""
ENOUGH = 2**22
"""Numbers that are handled together."""


@dataclass(kw_only=True)
class Walk:
    """Where B episodes stand."""

    last: Array  # (B, d) the last design, where the first must be, or 0 if it may be anywhere
    first: Flags  # (B,) whether the next design is the first
    lengths: Array  # (B,) what is left of the budget of moves, infinite where there is none
    money: Array  # (B,) the same of the budget of prices
    projected: NDArray[np.int8]  # (B,) whether the last action was replaced by a feasible one
    allowed: Flags | None  # (B, A) the feasible settings, where they are listed
    longest: Array | None = None  # (B,) no move is to be longer, where not all may be spent at once

    def pick(self, index: Whole) -> Self:
        """Return some of the episodes."""
        parts = {name: part[index] for name, part in vars(self).items() if part is not None}
        return replace(self, **parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reach:
    """What restricts the designs of an episode.

    Args:
        low: Lower ends of their ranges, ``(d,)``.
        high: Upper ends, ``(d,)``.
        choices: The settings to choose from, ``(A, d)``; None: all within the ranges.
        max_step: The longest step of each knob, infinite where it is free, ``(d,)``.
        norm: "box" or "l2".
        move_budget: The most that all moves together may be long; None: there is no such budget.
        budget: The most that all designs together may cost; None: there is no such budget.
        setting: Turns actions ``(B, ...)`` into settings ``(B, d)``.
        costs: Prices of settings ``(..., d)``, ``(...)``; None where there are none.
        start: None: the first design may be anything; "random": it is drawn; an array ``(d,)``: where
            the first step starts.
        overdraft: Whether the design that makes a budget negative is the last, rather than impossible.
        horizon: The number of rounds.
    """

    low: Array
    high: Array
    choices: Array | None
    max_step: Array
    norm: str
    move_budget: float | None
    budget: float | None
    setting: Callable[[NDArray[Any]], Array]
    costs: Callable[[Array], Array | None]
    start: Any
    overdraft: bool
    horizon: int

    def within(self, walk: Walk, asked: Array) -> tuple[Array, Flags]:
        """Return the feasible settings nearest to continuous ones, on segments from the last design.

        Args:
            walk: Where the episodes stand.
            asked: Settings, ``(B, S, d)``.

        Returns:
            Settings, ``(B, S, d)``, and whether they can be paid for, ``(B, S)``.
        """
        here, apart = self._here(walk), asked - self._here(walk)
        share = np.ones(apart.shape[:2])
        bound = self._bound(walk)
        np.divide(1.0, size := self._steps(apart), out=share, where=size > 1 + ROUNDING)
        share[bound == np.inf] = 1.0
        longest = self._longest(walk)
        if longest is not None:
            length = np.linalg.norm(apart, axis=2)
            over = (length > longest[:, None] + self._slack("lengths")) & (bound < np.inf)[:, None]
            reached = np.divide(longest[:, None], length, out=np.ones_like(share), where=over)
            np.minimum(share, reached, out=share)
        share[bound == 0] = 0.0
        found = np.where(share[..., None] < 1, rounded(here + share[..., None] * apart), asked)
        paid = self._payable(walk, found)
        if not paid.all():
            for part in SHARES:
                nearer = rounded(here + part * (found - here))
                better = ~paid & self._payable(walk, nearer)
                found, paid = np.where(better[..., None], nearer, found), paid | better
        return found, paid

    def legal(self, walk: Walk) -> Flags:
        """Return which of the listed settings are feasible, ``(B, A)``."""
        assert self.choices is not None
        legal = np.empty((len(walk.last), len(self.choices)), np.bool_)
        block = max(1, ENOUGH // self.choices.size)
        for first in range(0, len(legal), block):
            some = np.arange(first, min(first + block, len(legal)))
            legal[some] = self._legal(walk.pick(some))
        return legal

    def _legal(self, walk: Walk) -> Flags:
        assert self.choices is not None
        apart = self.choices - walk.last[:, None]
        legal = self._steps(apart) <= 1 + ROUNDING
        longest = self._longest(walk)
        if longest is not None:
            legal &= np.linalg.norm(apart, axis=2) <= longest[:, None] + self._slack("lengths")
        bound = self._bound(walk)
        legal |= (bound == np.inf)[:, None]
        if self.budget is not None and not self.overdraft:
            legal &= self._pays(walk, self._listed)
        pinned = bound == 0
        legal[pinned] = (apart[pinned] == 0).all(2)
        return legal

    def reach(self, walk: Walk) -> tuple[Array, Array]:
        """Return the smallest box that holds the feasible settings but for prices, two ``(B, d)``."""
        bound = self._bound(walk)[:, None]
        step, longest = np.broadcast_to(self.max_step, walk.last.shape), self._longest(walk)
        if longest is not None:
            step = np.minimum(step, np.maximum(longest, 0)[:, None])
        step = np.where(bound == 1, step, bound)
        return np.maximum(self.low, walk.last - step), np.minimum(self.high, walk.last + step)

    def _longest(self, walk: Walk) -> Array | None:
        """Return how long the next move may be, ``(B,)``; None: any length."""
        if walk.longest is not None or self.overdraft or self.move_budget is None:
            return walk.longest
        return walk.lengths

    def _bound(self, walk: Walk) -> Array:
        """Return whether the next design is bound by the last one, ``(B,)``: 0 it is that, inf free."""
        bound = np.ones(len(walk.last))
        if self.start is None or isinstance(self.start, str):
            bound[walk.first] = np.inf if self.start is None else 0.0
        return bound

    def _here(self, walk: Walk) -> Array:
        """Return where segments start, ``(B, 1, d)``: a first design has the cheapest behind it."""
        if self.start is not None or self.budget is None or self.overdraft:
            return walk.last[:, None]
        return np.where(walk.first[:, None], self.cheapest[1], walk.last)[:, None]

    def _steps(self, apart: Array) -> Array:
        """Return the lengths of moves ``(..., d)`` in steps, ``(...)``."""
        steps = apart / self.max_step
        far = np.abs(steps).max(-1) if self.norm == "box" else np.linalg.norm(steps, axis=-1)
        return np.asarray(far)

    def _payable(self, walk: Walk, settings: Array) -> Flags:
        """Return whether what is left pays settings ``(B, S, d)``, ``(B, S)``."""
        if self.budget is None or self.overdraft:
            return np.ones(settings.shape[:2], np.bool_)
        return self._pays(walk, self._price(settings))

    def _pays(self, walk: Walk, price: Array) -> Flags:
        free = walk.first & isinstance(self.start, str)
        return (price <= walk.money[:, None] + self._slack("money")) | free[:, None]

    def _price(self, settings: Array) -> Array:
        price = self.costs(settings)
        assert price is not None  # a budget has a price
        return price

    @cached_property
    def _listed(self) -> Array:
        """The prices of the listed settings, ``(A,)``."""
        assert self.choices is not None
        return self._price(self.choices)

    def _slack(self, name: str) -> float:
        """Return what of a budget is rounding."""
        if name == "money":
            return ROUNDING * (self.budget or 0.0)
        ends = np.maximum(np.abs(self.low), np.abs(self.high))
        return ROUNDING * ((self.move_budget or 0.0) + float(np.linalg.norm(ends)))

    def _nearest(self, allowed: Flags, action: Whole) -> Array:
        """Return the allowed settings nearest to others, in units of the ranges, ``(B, d)``."""
        assert self.choices is not None
        found = self.choices[action]
        for b in (~allowed[np.arange(len(action)), action]).nonzero()[0].tolist():
            some = self.choices[allowed[b]]
            apart = np.square((some - found[b]) / (self.high - self.low)).sum(1)
            found[b] = some[apart.argmin()]
        return found

    @cached_property
    def cheapest(self) -> tuple[float, Array]:
        """The lowest price, and a setting ``(d,)`` that has it, among those listed or 1024."""
        points = self.choices
        if points is None:
            from scipy.stats import qmc  # slow to import, so only when it is asked for

            sobol = qmc.Sobol(len(self.low), rng=np.random.default_rng(0)).random_base2(POINTS)
            unit = np.clip(1.5 * sobol - 0.25, 0, 1)  # many at the ends of the ranges
            points = rounded(self.low + (self.high - self.low) * unit)
        prices = self._price(points)
        return float(prices.min()), points[prices.argmin()]


def rounded(settings: Array) -> Array:
    """Return settings in the single precision of observations."""
    return settings.astype(np.float32).astype(np.float64)
