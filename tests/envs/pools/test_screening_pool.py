"""Exchangeable candidates: rules that are played against their exact values, its page, its errors."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from screening import RULES, case_parameters, case_plan

from discovery_gym.agents import available, make
from discovery_gym.envs.core import InputError, TruthUnknown
from discovery_gym.envs.pools.screening_plan import ScreeningPlan
from discovery_gym.envs.pools.screening_pool import ScreeningPool

ID = "discovery/ScreeningPool-v0"
EPISODES = 20_000
SHIPPED = {
    "high only": "cheap_then_greedy(tests=0)",
    "all low first": "cheap_then_greedy(tests=6)",
    "one step": "ens(per_cost=False)",
    "gain per cost": "ens",
    "plan ahead": "cheap_then_greedy",
}


def returns(agent: str, **parameters: Any) -> NDArray[np.float64]:
    """Return what an agent is paid in each of many episodes."""
    vector = gym.make_vec(ID, num_envs=EPISODES, **parameters)
    player = make(agent, vector, seed=1)
    observation, _ = vector.reset(seed=7_000_000)
    paid, running = np.zeros((2, EPISODES))
    running, start, state = running < 1, np.ones(EPISODES, np.bool_), None
    while running.any():
        action, state = player.predict(observation, state, start)
        observation, reward, start, _, _ = vector.step(action)
        paid += reward * running
        running &= ~start
    return paid


@pytest.mark.parametrize(("case", "rule"), [("B", "gain per cost"), *(("F", r) for r in SHIPPED)])
def test_shipped_rules_have_their_exact_values(case: str, rule: str) -> None:
    plan, paid = case_plan(case), returns(SHIPPED[rule], **case_parameters(case))
    value = plan.value(lambda states: RULES[rule](plan, states))
    assert abs(paid.mean() - value) < 3 * paid.std() / EPISODES**0.5


def test_the_page_says_where_gain_per_cost_loses() -> None:
    rows = re.findall(r"^\| (\S+ .*) \|$", ScreeningPool.__doc__ or "", re.M)
    table = [row.split(" | ") for row in rows if row.startswith(".")]
    assert len(table) == 7
    for hits, cheap, careful, money, optimum, only, gain in table:
        shares = [float(x) for x in hits.split(" or ")]
        price, *errors = [float(x) for x in re.split(", | or ", cheap)]
        tests = list(zip(errors[::2], errors[1::2], strict=True))
        kinds = [(p, *test) for p in shares for test in tests]
        models = np.array([(1 / len(kinds), *kind) for kind in kinds])
        prices = (int(price), int(careful))
        plan = ScreeningPlan(num_items=6, money=int(money), prices=prices, models=models)
        best = plan.optimal_value()
        names = ("high only", "one step", "gain per cost", "plan ahead")
        high, one, per_cost, ahead = (plan.value(partial(RULES[name], plan)) for name in names)
        for told, value in ((optimum, best), (only, high), (gain.strip("*"), per_cost)):
            assert float(told) == pytest.approx(value, abs=5.1e-5)
        assert one == pytest.approx(high, abs=1e-12)
        assert ahead == pytest.approx(best, abs=1e-9)
        assert gain.startswith("*") == (per_cost < high - 1e-9)


def test_the_cheap_test_is_told_on_average_over_the_models() -> None:
    pool = ScreeningPool(models=((1, 0.2, 0.9, 0.1), (3, 0.6, 0.5, 0.5)))
    (proxy,) = pool.proxies
    assert proxy.sensitivity == pytest.approx((0.05 * 0.9 + 0.45 * 0.5) / 0.5)
    assert proxy.false_positive == pytest.approx((0.2 * 0.1 + 0.3 * 0.5) / 0.5)


def test_exact_values_are_refused_where_they_are_not_known() -> None:
    for parameters in (
        {"batch_size": 2},
        {"delay": 1},
        {"delay": ("geometric", 0.5)},
        {"loss": 0.1},
    ):
        with pytest.raises(TruthUnknown, match="in batches, with a delay or a loss"):
            ScreeningPool(**parameters).optimal_value()
    large = ScreeningPool(num_items=50, budget=400, models=((1, 0.1, 0.9, 0.1), (1, 0.3, 0.8, 0.3)))
    with pytest.raises(InputError, match="50 candidates under 2 models have more than"):
        make("optimal", large)
    assert "optimal" in available(ScreeningPool())
    assert "optimal" not in available(ScreeningPool(delay=1))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hit_chance": 1.5}, "hit_chance must be"),
        ({"models": ()}, "models must hold at least one"),
        ({"models": ((1, 0.1, 0.5),)}, r"models\[0\] must be \(weight, hit_chance"),
        ({"models": ((0, 0.1, 0.9, 0.1),)}, "with a weight from 1e-12"),
        ({"models": ((1, 0.1, 0.4, 0.5),)}, "false positives of at most the sensitivity"),
        ({"noise_std": 1}, "noise_std must be 0"),
        ({"budget": None}, "give a budget"),
        ({"price": 3}, "paid in money, by the prices in fidelities"),
        ({"fidelities": ((1, 1, 0),)}, "a cheap test and the careful one"),
        ({"fidelities": ((1, 0.5, 0.5), (4, 1, 0))}, "false positives below its sensitivity"),
        ({"budget": 3}, "budget=3 buys nothing"),
        ({"horizon": 5}, "leave it out"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        ScreeningPool(**parameters)
    assert "\n" not in str(refused.value)
