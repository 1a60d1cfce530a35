"""Budgets of a campaign, such as money and days, counted in whole units so that they end exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

import numpy as np

from ..core import InputError
from ..core.amounts import common
from ..core.arrays import Flags, Whole

MOST_UNITS = 2**53
"""Units up to which numbers count exactly."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Budgets:
    """K budgets, and what each of A actions takes of them.

    Args:
        names: What they are called.
        limits: What they hold, ``(K,)``.
        units: The largest amount of which every price is a multiple, of each, ``(K,)``.
        totals: How many units each holds at the start, ``(K,)``.
        spend: How many units each action takes, ``(K, A)``.
    """

    names: tuple[str, ...]
    limits: tuple[float, ...]
    units: tuple[float, ...]
    totals: tuple[int, ...]
    spend: Whole

    @classmethod
    def of(cls, limits: Mapping[str, Fraction], prices: Sequence[Sequence[Fraction]]) -> Budgets:
        """Return the budgets with these limits, where actions have the prices ``(K, A)``."""
        units, totals, spend = [], [], []
        for (name, limit), each in zip(limits.items(), prices, strict=True):
            unit = reduce(common, filter(None, each), Fraction(0)) or limit
            totals.append(int(limit // unit))
            spend.append([int(price / unit) for price in each])
            if max(totals[-1], *spend[-1]) > MOST_UNITS:
                raise InputError(
                    f"{name} = {float(limit):g} and the prices in it are multiples of {float(unit):g} "
                    "only, too many to be counted: round the prices."
                )
            units.append(float(unit))
        table = np.array(spend, np.int64).reshape(len(units), len(prices[0]) if prices else 0)
        given = tuple(float(limit) for limit in limits.values())
        return cls(
            names=tuple(limits), limits=given, units=tuple(units), totals=tuple(totals), spend=table
        )

    def check(self, actions: Sequence[str], always: Sequence[int], horizon: int) -> None:
        """Refuse budgets that buy nothing, or more than the ``horizon``.

        Args:
            actions: What each action is called.
            always: The actions that are allowed in every state.
            horizon: The most actions of an episode.
        """
        if not self.names:
            return
        free = np.flatnonzero(~self.spend.any(0))
        if len(free):
            raise InputError(
                f"{actions[free[0]]} costs nothing of {' or '.join(self.names)}, so that the budget "
                "would never end: give it a price in it."
            )
        if not self.affordable(np.array(self.totals)[:, None])[list(always)].any():
            each = zip(self.names, self.units, self.spend[:, list(always)], strict=True)
            needs = [f"{name} = {unit * int(spend.min()):g}" for name, unit, spend in each]
            limits = zip(self.names, self.limits, strict=True)
            have = [f"{name} = {limit:g}" for name, limit in limits]
            raise InputError(
                f"{' and '.join(have)} buys nothing: give at least {' and '.join(needs)}, what the "
                "cheapest action takes."
            )
        if self.lasts > horizon:
            raise InputError(
                f"The budget lasts for {self.lasts:,} actions, above horizon = {horizon:,}: raise it."
            )

    @property
    def lasts(self) -> int:
        """The most actions that all of it can pay."""
        least = self.spend.min(1).tolist()
        ends = [total // n for total, n in zip(self.totals, least, strict=True) if n]
        return min(ends, default=sum(self.totals))

    def affordable(self, left: Whole) -> Flags:
        """Return the actions that what is left ``(K, B)`` can pay, ``(A, B)``."""
        pairs = zip(left, self.spend[:, :, None], strict=True)
        return np.asarray(np.logical_and.reduce([have >= spend for have, spend in pairs]))
