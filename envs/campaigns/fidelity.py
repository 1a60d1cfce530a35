"""A campaign of plates and careful tests: what may be chosen, what it costs, what it does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, shown
from ..core.amounts import decimal
from ..core.arrays import Array
from ..core.checks import choice, integer, money, quantity, room, sequence
from ..core.model import State
from .budgets import Budgets
from .campaign import Campaign
from .plates import Plate, plate_of
from .rungs import PARTS, Rungs

KNOBS = ("careful", "confirm", "plate")
"""The kinds of actions: tests of fresh candidates, tests of hits, plates."""
OBJECTIVES = ("price", "rungs", "target")


@dataclass(frozen=True, kw_only=True)
class Fidelity(Campaign[State]):
    """A campaign of plates and careful tests on a ladder.

    ## Arguments
    - `target`: last rung.
    - `p_scale`: 1 / p(0); a candidate is real with p(x) = (x + 1) / `p_scale`.
    - `growth`: a rate of compound interest g: then p(x) = (1 + g)^x / `p_scale`; None: linear growth.
    - `plates`: (wells, sensitivity, false_positive, price, price_per_well, days) of each kind of plate,
      the false positives below the sensitivity; () offers none.
    - `careful_sizes`: how many careful tests may be run at once.
    - `careful_price`: money for a careful test.
    - `careful_days`: days that careful tests take, however many at once.
    - `price_per_day`: what a day costs besides, in money.
    - `money`: budget of money; None: no limit.
    - `days`: budget of days; None: no limit.
    - `objective`: "price", or with a budget "rungs" or "target".
    - `target_reward`: reward for reaching the target.
    - `horizon`: the most actions of an episode, for agents that never arrive.
    """

    target: int = 100
    p_scale: float = 100.0
    growth: float | None = None
    plates: tuple[Plate, ...] = (Plate(96, 0.8, 0.05, 3.0, 0.02, 1.0),)
    careful_sizes: tuple[int, ...] = (1,)
    careful_price: float = 1.0
    careful_days: float = 1.0
    price_per_day: float = 0.0
    money: float | None = None
    days: float | None = None
    objective: str = "price"
    target_reward: float = 0.0
    horizon: int = 10_000

    def __post_init__(self) -> None:
        check = partial(integer, low=1, high=1_000_000)
        sizes = sequence("careful_sizes", self.careful_sizes, lambda n, v: check(n, v))
        if len(set(sizes)) < len(sizes):
            raise InputError(f"careful_sizes must differ from each other, got {shown(sizes)}.")
        given: Any = self.plates
        none = isinstance(given, list | tuple) and not given
        self._set(
            target=check("target", self.target),
            p_scale=quantity("p_scale", self.p_scale),
            plates=() if none else sequence("plates", given, plate_of),
            careful_sizes=sizes,
            careful_price=money("careful_price", self.careful_price),
            careful_days=quantity("careful_days", self.careful_days, zero=True),
            price_per_day=quantity("price_per_day", self.price_per_day, zero=True),
            objective=choice("objective", self.objective, OBJECTIVES),
            target_reward=money("target_reward", self.target_reward),
            horizon=integer("horizon", self.horizon, low=1, high=10_000_000),
        )
        for name in ("growth", "money", "days"):
            if (value := getattr(self, name)) is not None:
                self._set(**{name: quantity(name, value, zero=name == "growth")})
        self._check_together()

    def _check_together(self) -> None:
        """Refuse values that do not fit each other."""
        advice = "take fewer wells, fewer careful_sizes or a nearer target"
        room("What each action does on every rung and with any hits", self.shared, advice)
        last = self._chance(self.target - 1)
        if not last <= 1 + 1e-12:
            raise InputError(
                f"p(x) must stay a probability up to rung {self.target - 1}, but p_scale = "
                f"{self.p_scale:g} makes it {last:g}: take a larger p_scale or a nearer target."
            )
        names = [self.action_name(action) for action in range(len(self.costs))]
        for name, cost in zip(names, self.costs.tolist(), strict=True):
            money(f"the price of {name}", cost)
        self.budgets.check(names, np.flatnonzero(self.rungs.legal[0]).tolist(), self.horizon)
        if self.objective != "price" and not self.budgets.names:
            raise InputError(
                f"objective={self.objective!r} needs a budget, without which every target is reached: "
                "give money or days."
            )

    # ---- what there is to choose, and what it costs

    @cached_property
    def choices(self) -> dict[str, NDArray[Any]]:
        """Size of the tests of fresh candidates and of hits, and number of the plate; 0 elsewhere."""
        sizes, none = np.array(self.careful_sizes), np.zeros(len(self.careful_sizes), np.int64)
        if not self.plates:
            return {KNOBS[0]: sizes}
        numbers = np.arange(1, len(self.plates) + 1)
        parts = ((sizes, none, 0 * numbers), (none, sizes, 0 * numbers), (none, none, numbers))
        return {knob: np.concatenate(part) for knob, part in zip(KNOBS, parts, strict=True)}

    @cached_property
    def _amounts(self) -> dict[str, list[Fraction]]:
        """Money and days of each action, exact."""
        tests = [size * decimal(self.careful_price) for size in self.careful_sizes]
        tests = tests * (2 if self.plates else 1)
        days = [decimal(self.careful_days)] * len(tests)
        return {
            "money": [*tests, *(plate.money for plate in self.plates)],
            "days": [*days, *(decimal(plate.days) for plate in self.plates)],
        }

    @cached_property
    def costs(self) -> Array:
        """Price of each action, time included, in money, ``(A,)``."""
        amounts = {name: np.array([float(n) for n in each]) for name, each in self._amounts.items()}
        return np.asarray(amounts["money"] + self.price_per_day * amounts["days"])

    @cached_property
    def budgets(self) -> Budgets:
        """The budgets of money and days, as far as there are any."""
        limits = {"money": self.money, "days": self.days}
        given = {name: decimal(limit) for name, limit in limits.items() if limit is not None}
        return Budgets.of(given, [self._amounts[name] for name in given])

    @property
    def most_decisions(self) -> int:
        """The most actions: `horizon`, or as long as a budget lasts."""
        return self.budgets.lasts if self.budgets.names else self.horizon

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        return len(self.costs) // 4 + 16

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: what actions do on rungs and trays."""
        trays = 1 + sum(plate.wells for plate in self.plates)
        return (self.target + 1) * (4 * trays * len(self.costs) + PARTS * len(self.plates))

    def action_name(self, action: Any) -> str:
        """Return an action in words."""
        return ", ".join(
            f"{knob}={values[int(action)]}"
            for knob, values in self.choices.items()
            if values[int(action)]
        )

    def _chance(self, x: Any) -> Any:
        """Return p(x)."""
        with np.errstate(over="ignore"):
            if self.growth is None:
                return (x + 1.0) / self.p_scale
            return np.exp(x * np.log1p(self.growth)) / self.p_scale

    @cached_property
    def rungs(self) -> Rungs:
        """What every action does on every rung and tray."""
        p = np.minimum(self._chance(np.arange(self.target)), 1.0)
        return Rungs(p=p, plates=self.plates, sizes=self.careful_sizes)
