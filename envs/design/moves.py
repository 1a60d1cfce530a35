r"""Designs that may not be anything: steps from the last one, and budgets that pay for them.

With x the last design, a design x' is feasible if

    |x'_i - x_i| <= max_step_i for every knob            (norm "box"), or
    sum over i of ((x'_i - x_i) / max_step_i)^2 <= 1     (norm "l2"),
    |x' - x| <= what is left of the budget of moves,      and
    price(x') <= what is left of the budget of prices.

A point that is not feasible is replaced by the farthest feasible one on the segment from x to it, an
index by the feasible setting that is nearest to it. With `overdraft` budgets restrict nothing: the
episode ends after the design that makes one negative, as in the code of the source.

Source: constrained sequential design, COPEx, arXiv 2605.26990, with its code; the projection and the
masks are this package's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats import qmc

from ..core import InputError, shown
from ..core.checks import choice, flag, quantity, real, sequence
from ..core.spaces import box
from .prices import prices_of

if TYPE_CHECKING:
    from .design import DesignModel

Array: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
NORMS = ("box", "l2")
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

    last: Array  # (B, d) the last design, or where the first one must be, or 0 if it may be anywhere
    first: Flags  # (B,) whether the next design is the first
    lengths: Array  # (B,) what is left of the budget of moves, infinite where there is none
    money: Array  # (B,) the same of the budget of prices
    projected: NDArray[np.int8]  # (B,) whether the last action was replaced by a feasible one
    allowed: Flags | None  # (B, A) the feasible settings, where they are listed
    longest: Array | None = None  # (B,) no move is to be longer, where not all may be spent at once

    def pick(self, index: NDArray[np.int64]) -> Self:
        """Return some of the episodes."""
        parts = {name: part[index] for name, part in vars(self).items() if part is not None}
        return replace(self, **parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
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

    # ---- rounds

    def new(self, count: int) -> Walk:
        """Return the arrays of ``count`` episodes."""
        finite = None if self.choices is None else np.ones((count, len(self.choices)), np.bool_)
        return Walk(
            last=np.zeros((count, len(self.low))),
            first=np.ones(count, np.bool_),
            lengths=np.full(count, np.inf),
            money=np.full(count, np.inf),
            projected=np.zeros(count, np.int8),
            allowed=finite,
        )

    @property
    def uniforms(self) -> int:
        """The numbers that a new episode takes: of the first design, where it is drawn."""
        drawn = isinstance(self.start, str)
        return drawn * (len(self.low) if self.choices is None else 1)

    def reset(self, walk: Walk, index: NDArray[np.int64], uniform: Array) -> None:
        """Start new episodes in some rows, with uniform numbers ``(E, uniforms)``."""
        walk.first[index] = True
        walk.projected[index] = 0
        walk.lengths[index] = np.inf if self.move_budget is None else self.move_budget
        walk.money[index] = np.inf if self.budget is None else self.budget
        if not isinstance(self.start, str):
            walk.last[index] = 0 if self.start is None else self.start
        elif self.choices is None:
            walk.last[index] = rounded(self.low + (self.high - self.low) * uniform)
        else:
            walk.last[index] = self.choices[(len(self.choices) * uniform[:, 0]).astype(np.int64)]
        if walk.allowed is not None:
            walk.allowed[index] = self.legal(walk.pick(index))

    def take(self, walk: Walk, action: NDArray[Any]) -> tuple[Array, Flags]:
        """Move on to the settings of actions, or to what is feasible instead.

        Args:
            walk: Where the episodes stand; it is changed.
            action: Actions, ``(B,)`` or ``(B, d)``.

        Returns:
            The settings of the experiments, ``(B, d)``, and whether they are made: what cannot be paid
            for is not, ``(B,)``.
        """
        asked = self.setting(action)
        if walk.allowed is None:
            found, made = (part[:, 0] for part in self.within(walk, asked[:, None]))
        else:
            found, made = self._nearest(walk.allowed, action), np.ones(len(asked), np.bool_)
        length, price = self.charges(walk, found)
        walk.projected = (found != asked).any(1).astype(np.int8)
        for name, spent, whole in (
            ("lengths", length, self.move_budget),
            ("money", price, self.budget),
        ):
            if whole is not None:
                left = getattr(walk, name) - spent * made
                left[np.abs(left) <= self._slack(name)] = 0.0
                setattr(walk, name, left)
        walk.last = np.where(made[:, None], found, walk.last)
        walk.first = walk.first & ~made
        return found, made

    def charges(self, walk: Walk, setting: Array) -> tuple[Array, Array]:
        """Return how long the moves to settings ``(B, d)`` are, and what these cost, each ``(B,)``."""
        free = walk.first & isinstance(self.start, str)
        length = np.linalg.norm(setting - walk.last, axis=1)
        length[walk.first & (self.start is None or free)] = 0.0
        price = None if self.budget is None else self.costs(setting)
        return length, np.zeros(len(length)) if price is None else np.where(free, 0.0, price)

    def ended(self, walk: Walk) -> Flags:
        """Return whether the budgets end episodes, ``(B,)``; marks what is feasible after this."""
        if self.overdraft:
            over = (walk.lengths < 0) | (walk.money < 0)
        else:
            over = walk.lengths <= 0
            if self.budget is not None:
                over |= walk.money < self.cheapest[0] - self._slack("money")
        if walk.allowed is not None:
            walk.allowed = self.legal(walk)
            over |= ~walk.allowed.any(1)
            walk.allowed |= over[:, None]  # masks must leave something to choose, also at the end
        return over

    # ---- what is feasible

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
            np.minimum(share, longest[:, None] / np.maximum(length, 1e-300), out=share, where=over)
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

    def rationed(self, walk: Walk, rounds: NDArray[np.int64]) -> Walk:
        """Return walks whose next move takes no more than its share of the moves that are left."""
        if self.move_budget is None:
            return walk
        one = replace(walk, longest=np.maximum(walk.lengths, 0) / np.maximum(rounds, 1))
        return one if walk.allowed is None else replace(one, allowed=self.legal(one))

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
        return np.abs(steps).max(-1) if self.norm == "box" else np.linalg.norm(steps, axis=-1)

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

    def _nearest(self, allowed: Flags, action: NDArray[np.int64]) -> Array:
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
            sobol = qmc.Sobol(len(self.low), rng=np.random.default_rng(0)).random_base2(POINTS)
            unit = np.clip(1.5 * sobol - 0.25, 0, 1)  # many at the ends of the ranges
            points = rounded(self.low + (self.high - self.low) * unit)
        prices = self._price(points)
        return float(prices.min()), points[prices.argmin()]

    # ---- what is seen of it

    def space(self) -> dict[str, spaces.Box]:
        """Return the parts of the observation that tell of it."""
        low, high = np.minimum(self.low, 0), np.maximum(self.high, 0)
        parts = {"last": spaces.Box(low.astype(np.float32), high.astype(np.float32))}
        if self.choices is not None:
            parts["action_mask"] = box(0, 1, (len(self.choices),), np.int8)
        least = -float(np.finfo(np.float32).max) if self.overdraft else 0.0
        for name, whole in (("moves_left", self.move_budget), ("budget_left", self.budget)):
            if whole is not None:
                parts[name] = box(least, float(np.float32(whole)), (1,))
        return parts

    def seen(self, walk: Walk) -> dict[str, NDArray[Any]]:
        """Return what is observed of B episodes."""
        parts: dict[str, NDArray[Any]] = {"last": walk.last.astype(np.float32)}
        if walk.allowed is not None:
            parts["action_mask"] = walk.allowed.astype(np.int8)
        if self.move_budget is not None:
            parts["moves_left"] = walk.lengths.astype(np.float32)[:, None]
        if self.budget is not None:
            parts["budget_left"] = walk.money.astype(np.float32)[:, None]
        return parts

    def walk(self, observation: Any) -> Walk:
        """Return where B episodes stand by their observations."""
        left = observation["rounds_left"][:, 0]
        walk = self.new(len(left))
        walk.first = left >= self.horizon
        walk.last = observation["last"].astype(np.float64)
        if self.move_budget is not None:
            walk.lengths = observation["moves_left"][:, 0].astype(np.float64)
        if self.budget is not None:
            walk.money = observation["budget_left"][:, 0].astype(np.float64)
        if walk.allowed is not None:
            walk.allowed = observation["action_mask"] > 0
        return walk

    def follow(self, settings: Array) -> Walk:
        """Return where somebody stands who has tried settings ``(t, d)``, the oldest first.

        They need not have been feasible, and the first one was free where it is drawn by chance.
        """
        walk = self.new(1)
        self.reset(walk, np.zeros(1, np.int64), np.zeros((1, self.uniforms)))
        for t, setting in enumerate(settings[:, None]):
            if t == 0 and isinstance(self.start, str):
                walk.last = setting
            length, price = self.charges(walk, setting)
            walk.lengths = np.maximum(walk.lengths - length, 0)
            walk.money = np.maximum(walk.money - price, 0)
            walk.last, walk.first = setting, np.zeros(1, np.bool_)
            self.ended(walk)
        return walk

    def prices(self, actions: NDArray[Any]) -> Array | None:
        """Return what actions ``(B, t, ...)`` cost, ``(B, t)``: prices where they are paid, else lengths.

        None where neither is paid. A first design that is drawn is free; the first action is taken for it.
        """
        if self.budget is None and self.move_budget is None:
            return None
        count, rounds = actions.shape[:2]
        walk = self.new(count)
        self.reset(walk, np.arange(count), np.zeros((count, self.uniforms)))
        if isinstance(self.start, str):
            walk.last = self.setting(actions[:, 0])
            walk.allowed = None if walk.allowed is None else self.legal(walk)
        paid = np.zeros((count, rounds))
        for t in range(rounds):
            before = replace(walk)
            setting, made = self.take(walk, actions[:, t])
            length, price = self.charges(before, setting)
            paid[:, t] = made * (length if self.budget is None else price)
            self.ended(walk)
        return paid

    # ---- checks

    def check(self) -> None:
        """Refuse steps and budgets that leave nothing to do."""
        if self.budget is not None and self.budget < self.cheapest[0]:
            raise InputError(
                f"budget = {self.budget:g} buys nothing: the cheapest design costs "
                f"{self.cheapest[0]:.6g}; give at least that."
            )
        width = np.maximum(np.abs(self.low), np.abs(self.high))
        if self.choices is None and (self.max_step < 10 * ROUNDING * width).all():
            raise InputError(
                f"max_step = {self.max_step.tolist()} excludes every design but the last one: designs "
                "are told apart to a millionth of their range; give longer steps."
            )
        if self.choices is not None:
            self._check_listed(np.unique(self.choices, axis=0))

    def _check_listed(self, settings: Array) -> None:
        """Refuse steps and moves that reach no setting from any other, or none from the start."""
        first = self.new(1)
        self.reset(first, np.zeros(1, np.int64), np.zeros((1, self.uniforms)))
        assert first.allowed is not None
        if not first.allowed.any():
            raise InputError(
                f"start = {shown(self.start)} is farther from every setting than max_step and the "
                "budgets reach: give longer steps, or another start."
            )
        if len(settings) == 1 or self.overdraft:
            return
        power = np.inf if self.norm == "box" else 2
        near = KDTree(settings / self.max_step).query(settings / self.max_step, 2, p=power)[0]
        if near[:, 1].min() > 1 + ROUNDING:
            raise InputError(
                f"max_step = {shown(self.max_step.tolist())} excludes every setting but the last one: "
                f"the nearest two are {near[:, 1].min():.3g} steps apart; give longer ones."
            )
        least = KDTree(settings).query(settings, 2)[0][:, 1].min()
        if self.move_budget is not None and self.move_budget < least - self._slack("lengths"):
            raise InputError(
                f"move_budget = {self.move_budget:g} buys no move: the nearest two settings are "
                f"{least:.6g} apart; give at least that."
            )


def rounded(settings: Array) -> Array:
    """Return settings in the single precision of observations."""
    return settings.astype(np.float32).astype(np.float64)


def moves_of(model: DesignModel[Any]) -> Moves | None:
    """Return what restricts the designs of a model; None where nothing does."""
    budgets = model.move_budget, model.budget
    if model.max_step is None and model.start is None and budgets == (None, None):
        return None
    low, high = model.ranges
    steps = np.broadcast_to(np.inf if model.max_step is None else model.max_step, low.shape)
    start = model.start
    return Moves(
        low=low,
        high=high,
        choices=None if model.settings is None else model.setting(np.arange(model.num_settings)),
        max_step=np.array([np.inf if step is None else step for step in steps]),
        norm=model.step_norm,
        move_budget=model.move_budget,
        budget=model.budget,
        setting=model.setting,
        costs=model.costs,
        start=start if start is None or start == RANDOM else rounded(np.array(start)),
        overdraft=model.overdraft,
        horizon=model.horizon,
    )


def checked(model: DesignModel[Any]) -> dict[str, Any]:
    """Return the options of a model about moves and prices as they are kept.

    Raises:
        InputError: One of them is not what it may be, or means nothing without another.
    """
    norm, overdraft = (
        choice("step_norm", model.step_norm, NORMS),
        flag("overdraft", model.overdraft),
    )
    given = {name: getattr(model, name) for name in ("move_budget", "budget")}
    budgets = {name: None if v is None else quantity(name, v) for name, v in given.items()}
    if norm != "box" and model.max_step is None:
        raise InputError(f"step_norm = {norm!r} needs steps: give max_step.")
    if overdraft and not any(budgets.values()):
        raise InputError("overdraft=True needs a budget: give move_budget or budget.")
    if model.price is None and budgets["budget"] is not None:
        raise InputError("budget needs what it pays for: give price, such as price=1.")
    if model.price is not None and model.settings is None:
        if isinstance(model.price, list | tuple | np.ndarray):
            raise InputError(
                f"price must be one number or a function where settings are continuous, got "
                f"{shown(model.price)}: a list has a price for each of `settings`."
            )
        middle = np.mean(model.ranges, 0, dtype=np.float32)
        prices_of(model.price, middle[None])  # complain now
    elif model.price is not None:
        model.costs(model.setting(np.zeros(1, np.int64)))
    return {
        "step_norm": norm,
        "overdraft": overdraft,
        "max_step": _step(model.max_step, tuple(model.knobs)),
        "start": _start(model),
        **budgets,
    }


def _start(model: DesignModel[Any]) -> str | tuple[float, ...] | None:
    """Return `start` as it is kept."""
    if model.start is None or isinstance(model.start, str):
        return model.start if model.start is None else choice("start", model.start, [RANDOM])
    start = sequence("start", model.start, real)
    if len(start) != len(model.knobs):
        raise InputError(
            f'start must be None, "random", or a number for each knob ({", ".join(model.knobs)}), got '
            f"{shown(model.start)}."
        )
    ends = zip(start, model.knobs.items(), strict=True)
    return tuple(real(f"start: {name}", x, low=low, high=high) for x, (name, (low, high)) in ends)


def _step(value: Any, knobs: tuple[str, ...]) -> float | tuple[float | None, ...] | None:
    """Return `max_step` as it is kept."""
    if value is None or not isinstance(value, list | tuple | np.ndarray):
        return None if value is None else quantity("max_step", value)

    def one(name: str, step: Any) -> float | None:
        return None if step is None else quantity(name, step)

    steps = sequence("max_step", value, one)
    if len(steps) != len(knobs) or not any(steps):
        raise InputError(
            f"max_step must be one number or one for each knob ({', '.join(knobs)}), None where a knob "
            f"is free, got {shown(value)}."
        )
    return steps
