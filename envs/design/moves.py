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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, shown
from ..core.arrays import Array, Flags, Whole
from ..core.checks import choice, flag, quantity, real, sequence
from ..core.spaces import box
from .prices import prices_of
from .reach import RANDOM, ROUNDING, Reach, Walk, rounded
from .settings import Settings

NORMS = ("box", "l2")


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves(Reach):
    """What restricts the designs of an episode, round by round."""

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

    def reset(self, walk: Walk, index: Whole, uniform: Array) -> None:
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
            settings, paid = self.within(walk, asked[:, None])
            found, made = settings[:, 0], paid[:, 0]
        else:
            found, made = self._nearest(walk.allowed, action), np.ones(len(asked), np.bool_)
        length, price = self.charges(walk, found)
        walk.projected = (found != asked).any(1).astype(np.int8)
        budgets = ("lengths", length, self.move_budget), ("money", price, self.budget)
        for name, spent, whole in budgets:
            if whole is not None:
                left = getattr(walk, name) - spent * made
                left[np.abs(left) <= self._slack(name)] = 0.0
                setattr(walk, name, left)
        walk.last = np.where(made[:, None], found, walk.last)
        walk.first = walk.first & ~made
        return found, made

    def charges(self, walk: Walk, setting: Array) -> tuple[Array, Array]:
        """Return how long the moves to settings ``(B, d)`` are, and what these cost, each ``(B,)``."""
        length = np.linalg.norm(setting - walk.last, axis=1)
        length[walk.first & (self.start is None or isinstance(self.start, str))] = 0.0
        price = None if self.budget is None else self._priced(walk, setting)
        return length, np.zeros(len(length)) if price is None else price

    def _priced(self, walk: Walk, setting: Array) -> Array | None:
        """Return the prices of settings ``(B, d)``, ``(B,)``: a first one that is drawn is free."""
        price = self.costs(setting)
        return price if price is None else price * ~(walk.first & isinstance(self.start, str))

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

    def rationed(self, walk: Walk, rounds: Whole) -> Walk:
        """Return walks whose next move takes no more than its share of the moves that are left.

        Where no listed setting is within it, the next one may be any that is feasible.
        """
        if self.move_budget is None:
            return walk
        one = replace(walk, longest=np.maximum(walk.lengths, 0) / np.maximum(rounds, 1))
        if walk.allowed is None:
            return one
        near = self.legal(one)
        return replace(one, allowed=np.where(near.any(1, keepdims=True), near, walk.allowed))

    # ---- what is seen of it

    def space(self) -> dict[str, spaces.Box]:
        """Return the parts of the observation that tell of it."""
        low, high = np.minimum(self.low, 0), np.maximum(self.high, 0)
        parts: dict[str, spaces.Box] = {
            "last": spaces.Box(low.astype(np.float32), high.astype(np.float32))
        }
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

        They need not have been feasible. Where the first one is to be drawn, it is in the middle until
        there is one.
        """
        walk = self.new(1)
        self.reset(walk, np.zeros(1, np.int64), np.full((1, self.uniforms), 0.5))
        for t, setting in enumerate(settings[:, None]):
            if t == 0 and isinstance(self.start, str):
                walk.last = setting
            length, price = self.charges(walk, setting)
            walk.lengths = np.maximum(walk.lengths - length, 0)
            walk.money = np.maximum(walk.money - price, 0)
            walk.last, walk.first = setting, np.zeros(1, np.bool_)
            self.ended(walk)
        return walk

    def prices(self, actions: NDArray[Any], first: Any = None) -> Array:
        """Return what actions ``(B, t, ...)`` cost, ``(B, t)``: prices if there are any, else lengths.

        A first design that is drawn is free. It stands in the first observations; where these are not
        given the first action is taken for it.
        """
        count, rounds = actions.shape[:2]
        walk = self.new(count)
        self.reset(walk, np.arange(count), np.zeros((count, self.uniforms)))
        if isinstance(self.start, str):
            drawn = self.setting(actions[:, 0]) if first is None else first["last"]
            walk.last = drawn.astype(np.float64)
            walk.allowed = None if walk.allowed is None else self.legal(walk)
        paid = np.zeros((count, rounds))
        for t in range(rounds):
            before = replace(walk)
            setting, made = self.take(walk, actions[:, t])
            price = self._priced(before, setting)
            paid[:, t] = made * (self.charges(before, setting)[0] if price is None else price)
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
        steps = _least_apart(settings / self.max_step, power)
        if steps > 1 + ROUNDING:
            raise InputError(
                f"max_step = {shown(self.max_step.tolist())} excludes every setting but the last one: "
                f"the nearest two are {steps:.3g} steps apart; give longer ones."
            )
        if self.move_budget is None:
            return
        least = _least_apart(settings, 2)
        if self.move_budget < least - self._slack("lengths"):
            raise InputError(
                f"move_budget = {self.move_budget:g} buys no move: the nearest two settings are "
                f"{least:.6g} apart; give at least that."
            )


def _least_apart(points: Array, power: float) -> float:
    """Return the least distance of two of at least two points ``(m, d)``."""
    different = np.unique(points, axis=0)
    if len(different) < len(points):  # as under steps without end; a tree of them is slow
        return 0.0
    from scipy.spatial import KDTree  # slow to import, so only when it is asked for

    return float(KDTree(points).query(points, 2, p=power)[0][:, 1].min())


def moves_of(model: Settings, horizon: int) -> Moves | None:
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
        horizon=horizon,
    )


def checked(model: Settings) -> dict[str, Any]:
    """Return the options of a model about moves and prices as they are kept.

    Raises:
        InputError: One of them is not what it may be, or means nothing without another.
    """
    norm = choice("step_norm", model.step_norm, NORMS)
    overdraft = flag("overdraft", model.overdraft)
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
        middle = (model.ranges[0] + model.ranges[1]).astype(np.float32) / 2
        prices_of(model.price, middle.astype(np.float32)[None])  # complain now
    elif model.price is not None:
        model.costs(model.setting(np.zeros(1, np.int64)))
    return {
        "step_norm": norm,
        "overdraft": overdraft,
        "max_step": _step(model.max_step, tuple(model.knobs)),
        "start": _start(model),
        **budgets,
    }


def _start(model: Settings) -> str | tuple[float, ...] | None:
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
