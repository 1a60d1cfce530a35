"""The exact values of exchangeable candidates: the published table, and all histories one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from screening import CASES, RULES, TABLE, case_plan

from discovery_gym.envs.core import InputError
from discovery_gym.envs.pools.screening_plan import ScreeningPlan


@pytest.mark.parametrize("name", CASES)
def test_the_optimum_and_five_rules_are_those_of_the_table(name: str) -> None:
    plan = case_plan(name)
    optimum, *rules = TABLE[name]
    assert plan.optimal_value() == pytest.approx(optimum, abs=1e-6)
    for (rule, score), value in zip(RULES.items(), rules, strict=True):
        found = plan.value(partial(score, plan), by_item=False)
        assert found == pytest.approx(value, abs=1e-6), rule


@pytest.mark.parametrize("name", CASES)
def test_planning_ahead_is_never_below_careful_tests_alone(name: str) -> None:
    plan = case_plan(name)
    value = plan.value(partial(RULES["plan ahead"], plan))
    assert value >= plan.value(partial(RULES["high only"], plan)) - 1e-12


World = tuple[int, tuple[int, ...], tuple[int, ...]]


def worlds(n: int, models: list[tuple[str, str, str, str]]) -> dict[World, Fraction]:
    """Return the chance of every model, all labels and all cheap tests together."""
    chances = {}
    for k, model in enumerate(models):
        weight, hit, sensitivity, false = map(Fraction, model)
        for labels in itertools.product((0, 1), repeat=n):
            for cheap in itertools.product((0, 1), repeat=n):
                chance = weight
                for z, u in zip(labels, cheap, strict=True):
                    positive = sensitivity if z else false
                    chance *= (hit if z else 1 - hit) * (positive if u else 1 - positive)
                chances[k, labels, cheap] = chance
    return chances


def by_histories(
    n: int,
    money: int,
    prices: tuple[int, int],
    models: list[tuple[str, str, str, str]],
    join: Callable[[list[Fraction]], Fraction],
) -> Fraction:
    """Return the value of the best or of a random policy over all histories of single items."""

    def legal(bought: frozenset[tuple[int, int]], left: int) -> Iterator[tuple[int, int]]:
        for item, test in itertools.product(range(n), (0, 1)):
            if {(item, test), (item, 1)} & bought or prices[test] > left:
                continue
            yield item, test

    def value(
        chances: dict[World, Fraction], bought: frozenset[tuple[int, int]], left: int
    ) -> Fraction:
        returns = []
        for item, test in legal(bought, left):
            total = Fraction(0)
            for outcome in (0, 1):
                seen = {w: p for w, p in chances.items() if w[2 - test][item] == outcome and p}
                if seen:
                    paid = sum(seen.values()) * outcome * test
                    then = value(seen, bought | {(item, test)}, left - prices[test])
                    total += paid + then
            returns.append(total)
        return join(returns) if returns else Fraction(0)

    return value(worlds(n, models), frozenset(), money)


@pytest.mark.parametrize(
    "models",
    [
        [("1", ".3", ".9", ".1")],
        [("1/4", ".2", ".8", ".3"), ("3/4", ".5", "1", "0")],
        [("1/2", "0", ".7", ".2"), ("1/2", "1", ".7", ".2")],
    ],
)
def test_optimal_and_random_value_are_those_of_all_histories(
    models: list[tuple[str, str, str, str]],
) -> None:
    numbers = np.array([[float(Fraction(x)) for x in model] for model in models])
    for n, money in ((2, 9), (3, 7)):
        plan = ScreeningPlan(num_items=n, money=money, prices=(1, 3), models=numbers)
        best = by_histories(n, money, (1, 3), models, max)
        mean = by_histories(n, money, (1, 3), models, lambda x: sum(x, Fraction(0)) / len(x))
        assert plan.optimal_value() == pytest.approx(float(best), abs=1e-12)
        assert plan.random_value() == pytest.approx(float(mean), abs=1e-12)


def test_the_best_purchases_attain_the_optimum() -> None:
    plan = case_plan("F")
    value = plan.value(lambda states: np.eye(4)[plan.best(states)])
    assert value == pytest.approx(plan.optimal_value(), abs=1e-12)


def test_thirty_candidates_are_planned_and_too_many_are_refused() -> None:
    models = np.array([[1, 0.1, 0.9, 0.1]])
    plan = ScreeningPlan(num_items=30, money=60, prices=(1, 4), models=models)
    assert 1.5 < plan.optimal_value() < 3  # all candidates hold 3 hits on average, 15 of them 1.5
    several = np.array([[0.5, 0.1, 0.9, 0.1], [0.5, 0.5, 0.8, 0.3]])
    for n in (40, 10_000):
        plan = ScreeningPlan(num_items=n, money=200, prices=(1, 4), models=several)
        with pytest.raises(InputError, match="too many for exact values: take fewer candidates"):
            plan.optimal_value()
