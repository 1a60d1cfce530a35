"""What a test is worth to the rules that buy tests, against the exact recursion on counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from screening import CASES, case_parameters, gain_per_cost, one_step, plan_ahead

from discovery_gym.agents.beliefs import Exchangeable
from discovery_gym.agents.rules import ENS, Decision
from discovery_gym.agents.rules.cheap_then_greedy import Prospect, at_once
from discovery_gym.envs.core import KeyedRandom
from discovery_gym.envs.pools.screening_pool import ScreeningPool

Whole = NDArray[np.int64]


def standings(pool: ScreeningPool, count: int = 80) -> Iterator[tuple[Exchangeable, Decision]]:
    """Yield what random play comes to, test by test, in some episodes."""
    random, n, rows = np.random.default_rng(3), pool.num_items, np.arange(count)
    assert pool.shop is not None
    cost, money = pool.shop.spend[0], np.full(count, pool.shop.total)
    models = pool.mixture[random.choice(len(pool.mixture), count, p=pool.mixture[:, 0])]
    hits = random.random((count, n)) < models[:, 1:2]
    bought = np.full((count, n, 2), -1, np.int8)
    belief = Exchangeable(pool, count)
    while True:
        tests = np.stack([bought.max(2) < 0, bought[:, :, 1] < 0], 2)
        tests &= cost <= money[:, None, None]
        go = tests.any((1, 2)).nonzero()[0]
        if not len(go):
            return
        belief._condition(bought[:, :, 0], bought[:, :, 1])
        none = np.empty((count, 0), np.int64)
        mask = tests[:, :, 1].astype(np.int8)
        yield (
            belief,
            Decision(
                mask=mask,
                labelled=none,
                arrived=none,
                left=money // cost[1],
                tests=tests,
                cost=cost[None, None],
                money=money,
            ),
        )
        action = (tests.reshape(count, -1) * random.random((count, 2 * n))).argmax(1)
        item, test = action // 2, action % 2
        hit = hits[rows, item]
        chance = np.where(test, hit, np.where(hit, models[:, 2], models[:, 3]))
        outcome = random.random(count) < chance
        bought[go, item[go], test[go]] = outcome[go]
        money = money - cost[test] * tests.any((1, 2))


def counted(pool: ScreeningPool, belief: Exchangeable, decision: Decision) -> Whole:
    """Return the states of the plan, from what the belief was told."""
    assert decision.money is not None
    return pool.plan.counted(*belief._outcomes, decision.money)


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_the_recursion(name: str) -> None:
    pool = ScreeningPool(**case_parameters(name))
    random = KeyedRandom(np.zeros(80, np.uint64))
    every = np.tile(np.arange(6), (80, 1))
    for belief, decision in standings(pool):
        tests = decision.tests
        assert tests is not None
        some = tests.any((1, 2))
        states = counted(pool, belief, decision)[some]
        # The purchases that each candidate stands for: fresh, then negative or positive.
        careful = np.array([1, 3, 2])[belief._outcomes[0] + 1][some]
        for per_cost, score in ((False, one_step), (True, gain_per_cost)):
            wanted = score(pool.plan, states)
            for test, kind in enumerate((np.zeros_like(careful), careful)):
                found = ENS(per_cost=per_cost)._worth(belief, decision, every, test)[some]
                legal = tests[some][:, :, test]
                want = np.take_along_axis(wanted, kind, 1)
                assert found[legal] == pytest.approx(want[legal], abs=1e-6)
        wanted = plan_ahead(pool.plan, states)
        wanted[:, 2] = np.where(states[:, 1] > 0, wanted[:, 2], wanted[:, 3])
        worth = Prospect.of(belief.mixture(1, random), decision, 50).distinct(Prospect.worth)[some]
        legal = np.isfinite(worth)
        assert (legal == np.isfinite(wanted[:, :3])).all()
        assert worth[legal] == pytest.approx(wanted[:, :3][legal], abs=1e-12)


def test_all_money_at_once_goes_by_value_per_price() -> None:
    values, price = np.array([[[0.5, 0.9, 0.6, 0.0]]]), np.array([[[1.0, 3.0, 1.0, 1.0]]])
    for money, want in ((0.5, 0), (1, 0.6), (2, 1.1), (4, 1.1), (5, 2.0), (99, 2.0)):
        assert at_once(values, price, np.array([[money]]))[0, 0] == pytest.approx(want)
