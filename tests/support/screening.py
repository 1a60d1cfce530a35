"""Seven cases of six exchangeable candidates, and rules as scores of what may be bought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discovery_gym.envs.pools.screening_plan import CHEAP, ScreeningPlan

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

CASES: dict[str, tuple[int, tuple[int, int], list[tuple[float, float, float, float]]]] = {
    "A": (12, (1, 4), [(1, 0.3, 0.9, 0.1)]),
    "B": (12, (1, 4), [(1, 0.3, 0.7, 0.3)]),
    "C": (12, (2, 4), [(1, 0.3, 0.9, 0.1)]),
    "rare": (12, (1, 4), [(1, 0.1, 0.9, 0.1)]),
    "E": (12, (1, 4), [(0.5, 0.1, 0.9, 0.1), (0.5, 0.5, 0.9, 0.1)]),
    "D": (16, (1, 4), [(0.5, 0.3, 0.95, 0.05), (0.5, 0.3, 0.5, 0.5)]),
    "F": (15, (1, 3), [(0.5, 0.1, 0.9, 0.1), (0.5, 0.6, 0.9, 0.1)]),
}
"""Money, prices, and weight, chance of a hit, sensitivity and false positives of each model."""

TABLE = {
    "A": (1.207523, 0.9, 0.732238, 0.9, 1.182476, 1.207523),
    "B": (0.9, 0.9, 0.486873, 0.9, 0.864733, 0.9),
    "C": (0.936, 0.9, 0.700360, 0.9, 0.926800, 0.936),
    "rare": (0.479509, 0.3, 0.351704, 0.3, 0.466849, 0.479509),
    "E": (1.064754, 0.9, 0.619602, 0.9, 1.049050, 1.064754),
    "D": (1.245190, 1.2, 0.983520, 1.2, 1.173549, 1.245190),
    "F": (1.768840, 1.75, 1.570984, 1.75, 1.695241, 1.768840),
}
"""Values of the optimum and of the five rules below, where they share ties over the purchases."""


def case_plan(name: str) -> ScreeningPlan:
    """Return the plan of a case."""
    money, prices, models = CASES[name]
    return ScreeningPlan(num_items=6, money=money, prices=prices, models=np.array(models, float))


def case_parameters(name: str) -> dict[str, Any]:
    """Return the parameters of `ScreeningPool` that make a case."""
    money, (cheap, careful), models = CASES[name]
    _, hit, sensitivity, false = models[0]
    several = {"models": models} if len(models) > 1 else {"hit_chance": hit}
    prices = ((cheap, sensitivity, false), (careful, 1.0, 0.0))
    return {"num_items": 6, "budget": money, "fidelities": prices, **several}


Score = Callable[[ScreeningPlan, Whole], Array]


def high_only(plan: ScreeningPlan, states: Whole) -> Array:
    """Score careful tests by their chance."""
    score = plan.chances(states)
    score[:, CHEAP] = -1
    return score


def low_first(plan: ScreeningPlan, states: Whole) -> Array:
    """Buy cheap tests as long as a careful one can be paid after them."""
    score = plan.chances(states)
    score[:, CHEAP] = np.where(states[:, -1] >= sum(plan.prices), 2, -1)
    return score


def at_once(plan: ScreeningPlan, states: Whole) -> Array:
    """Return what all money brings on the careful tests that look best now, ``(S,)``."""
    left, total = states[:, -1] // plan.prices[1], np.zeros(len(states))
    for buy, column in ((2, 1), (1, 0), (3, 2)):  # positive, fresh, negative
        bought = np.minimum(left, states[:, column])
        total, left = total + bought * plan.chances(states)[:, buy], left - bought
    return total


def one_step(plan: ScreeningPlan, states: Whole) -> Array:
    """Score by what a test and then all money at once bring."""
    return plan.look_ahead(states, lambda then: at_once(plan, then))


def gain_per_cost(plan: ScreeningPlan, states: Whole) -> Array:
    """Score by how much more `one_step` is worth than the same money without the test, per price."""
    price = np.array([plan.prices[0], *[plan.prices[1]] * 3])
    score = one_step(plan, states)
    for buy in range(4):
        poorer = states.copy()
        poorer[:, -1] -= price[buy]
        score[:, buy] -= at_once(plan, poorer)
    return np.asarray(score / price)


def screened(plan: ScreeningPlan, states: Whole) -> Array:
    """Return the best of j = 0, 1, ... cheap tests before all money at once, ``(S,)``."""
    best = at_once(plan, states)
    for j in range(1, plan.num_items + 1):
        can = (states[:, 0] >= j) & (states[:, -1] >= j * plan.prices[0] + plan.prices[1])
        if can.any():
            best[can] = np.maximum(best[can], _after(plan, states[can], j))
    return best


def _after(plan: ScreeningPlan, states: Whole, tests: int) -> Array:
    if not tests:
        return at_once(plan, states)
    states, same = np.unique(states, axis=0, return_inverse=True)
    value = plan.look_ahead(states, lambda then: _after(plan, then, tests - 1))
    return np.asarray(value[same.reshape(-1), CHEAP])


def plan_ahead(plan: ScreeningPlan, states: Whole) -> Array:
    """Score by what a test and then the best of j cheap tests before all money at once bring."""
    return plan.look_ahead(states, lambda then: screened(plan, then))


RULES: dict[str, Score] = {
    "high only": high_only,
    "all low first": low_first,
    "one step": one_step,
    "gain per cost": gain_per_cost,
    "plan ahead": plan_ahead,
}
