"""Pools that are paid in money: against brute force, independent formulas, the letter of the rules."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from numpy.typing import NDArray

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.envs.core import TruthUnknown
from discovery_gym.envs.pools.money import best_bought, best_set, labels_by_chance
from discovery_gym.envs.wrappers import OneByOne, VectorOneByOne
from discovery_gym.experiments import evaluate

LINEAR, LOGISTIC, TABLE = (f"discovery/{name}Pool-v0" for name in ("Linear", "Logistic", "Table"))
FEW = {"num_items": 5, "num_features": 2}
X, Y = np.arange(7.0)[:, None], np.array([1.0, 2, 3, -0.5, 3.5, 8, 4])
NOISY = {"features": X, "labels": Y, "noise_std": 0.5}
TWO, HINT = {"features": X, "labels": 1.0 * (Y > 2)}, [0.0, 1, 1, 0, 1, 1, 1]
KINDS: list[tuple[str, dict[str, Any]]] = [
    (LINEAR, FEW | {"price": (1, 2, 3, 1.5, 0.5)}),
    (LINEAR, FEW | {"fidelities": ((0.5, 0.1, 0.7), (0.25, 0, -1), (1, 0.5, 1))}),
    (LINEAR, FEW | {"fidelities": ((0.5, 0.1, 0.7), (None, 0, 1)), "price": (1, 2, 3, 1.5, 0.5)}),
    (LOGISTIC, FEW | {"fidelities": ((0.25, 0.8, 0.3), (1, 1, 0))}),
    ("discovery/GraphPool-v0", {"num_items": 5, "edge_prob": 0.5, "price": (1, 2, 3, 1.5, 0.5)}),
    ("discovery/LowRankPool-v0", {"num_rows": 2, "num_cols": 3, "rank": 1, "price": 1.5}),
    ("discovery/UnstructuredPool-v0", {"num_items": 6, "price": 0.7}),
    (TABLE, NOISY | {"fidelities": ((0.5, Y**2), (1,))}),
    (TABLE, NOISY | {"price": (1, 0.5, 1, 1, 0.5, 0.7, 1), "half": 1, "minimise": True}),
    (TABLE, TWO | {"fidelities": ((0.5, HINT), (1,)), "minimise": True}),
    (TABLE, NOISY | {"price": [1] * 7, "rows": 4}),
    (TABLE, NOISY | {"price": (1, 2, 3, 1.5, 0.5, 1, 9), "rows": 4}),
]


@given(
    kind=some.sampled_from(KINDS),
    budget=some.sampled_from([1.0, 2.7, 5.0]),
    size=some.sampled_from([1, 3]),
    delay=some.sampled_from([0, 2, ("geometric", 0.4)]),
    loss=some.sampled_from([0.0, 0.0, 0.3]),
    seed=some.integers(0, 10**6),
)
@example(kind=KINDS[-1], budget=1.0, size=1, delay=0, loss=0.0, seed=511)
@settings(max_examples=80, deadline=None)
def test_the_rules_of_the_shop(
    kind: tuple[str, dict[str, Any]], budget: float, size: int, delay: Any, loss: float, seed: int
) -> None:
    """Blind choices: what is bought can be paid, once, a proxy before its label; nothing else is."""
    env_id, kwargs = kind
    if "price" in kwargs and np.min(kwargs["price"]) > budget:
        return
    how = {"batch_size": size, "delay": delay, "loss": loss, "reveal": True, "illegal_reward": -9}
    env = gym.make(env_id, **kwargs, budget=budget, **how)
    model, random = env.unwrapped.model, np.random.default_rng(seed)
    m = model.num_tests
    observation, info = env.reset(seed=seed)
    costs = model.costs({key: part[None] for key, part in observation.items()})[0]
    costs = np.broadcast_to(costs, (model.num_items, m))
    money, bought, order, total, ended = model.shop.total, set(), [], 0.0, False
    while not ended:
        legal = {
            (i, f)
            for i, f in np.ndindex(model.num_items, m)
            if (i, f) not in bought and (i, m - 1) not in bought and costs[i, f] <= money
        }
        # Rows that are drawn may all be too dear; a mask must leave something to choose.
        shown_legal = legal or {*np.ndindex(model.num_items, m)}
        assert {divmod(int(a), m) for a in observation["action_mask"].nonzero()[0]} == shown_legal
        action = random.integers(model.num_items * m, size=size)
        wasted = 0
        for item, test in (divmod(int(a), m) for a in action):
            taken = (item, test) in bought or (item, m - 1) in bought or costs[item, test] > money
            wasted += taken
            if not taken:
                money -= int(costs[item, test])
                bought.add((item, test))
                order.append((item, test))
        observation, reward, ended, _, info = env.step(action if size > 1 else action[0])
        total += reward + 9 * wasted
        assert model.money_left({"money_left": observation["money_left"][None]}) == [money] >= [0]
        shown = observation["labelled"][: len(order)].tolist(), [m - 1] * len(order)
        if m > 1:
            shown = shown[0], observation["fidelity"][: len(order)].tolist()
        seen = list(zip(*shown, strict=True))
        assert (seen if not loss and isinstance(delay, int) else sorted(seen)) == (
            order if not loss and isinstance(delay, int) else sorted(order)
        )
        labels = [i for i, f in order if f == m - 1]
        spent = model.shop.total - money
        worth = [
            sum(info["values"][list(chosen)].astype(float))
            for k in range(model.num_items + 1)
            for chosen in itertools.combinations(range(model.num_items), k)
            if costs[list(chosen), m - 1].sum() <= spent
        ]
        found = info["values"][labels].astype(float).sum()
        assert info["regret"] == pytest.approx((1 - loss) * (max(worth) - found), abs=1e-4)
        assert info["regret"] >= 0
    last = observation["decisions"][0] == model.horizon
    left = [(i, f) for i, f in np.ndindex(model.num_items, m) if costs[i, f] <= money]
    assert last or all(one in bought or (one[0], m - 1) in bought for one in left)
    paid = [f == m - 1 for _, f in seen]
    assert total == pytest.approx(observation["labels"][: len(seen)][paid].sum(), abs=1e-4)


@given(
    values=some.lists(some.integers(-5, 9), min_size=1, max_size=7),
    total=some.integers(0, 15),
    data=some.data(),
)
@settings(deadline=None)
def test_knapsack(values: list[int], total: int, data: some.DataObject) -> None:
    """Against every set of items."""
    n = len(values)
    costs = np.array(data.draw(some.lists(some.integers(1, 6), min_size=n, max_size=n)))
    v = np.array(values, float)
    sets = [list(s) for k in range(n + 1) for s in itertools.combinations(range(n), k)]
    best = [max(v[s].sum() for s in sets if costs[s].sum() <= w) for w in range(total + 1)]
    np.testing.assert_array_equal(best_bought(v[None], costs[None], total)[0], best)
    several = best_bought(np.stack([v, -v]), np.stack([costs, costs]), total)
    np.testing.assert_array_equal(several[0], best)
    chosen = best_set(v, costs, total)
    assert costs[chosen].sum() <= total
    assert v[chosen].sum() == best[-1]


@pytest.mark.parametrize(
    ("n", "proxy", "label", "total"), [(3, 1, 2, 7), (4, 1, 4, 9), (2, 3, 2, 99)]
)
def test_labels_that_chance_buys(n: int, proxy: int, label: int, total: int) -> None:
    """Against the tree of all orders of choice."""

    def mean(bare: int, seen: int, money: int) -> float:
        cheap, dear = bare * (money >= proxy), money >= label
        legal = cheap + dear * (bare + seen)
        if not legal:
            return 0.0
        after = 0.0
        if cheap:
            after += cheap * mean(bare - 1, seen + 1, money - proxy)
        if dear and bare:
            after += bare * (1 + mean(bare - 1, seen, money - label))
        if dear and seen:
            after += seen * (1 + mean(bare, seen - 1, money - label))
        return after / legal

    assert labels_by_chance(n, proxy, label, total) == pytest.approx(mean(n, 0, total), rel=1e-12)


def first_tests(env_id: str, count: int, **kwargs: Any) -> tuple[Any, NDArray[Any], NDArray[Any]]:
    """Return a pool, all proxies of item 0 to 2 and their values in many episodes, ``(B, 3)``."""
    env = gym.make_vec(env_id, num_envs=count, reveal=True, **kwargs)
    env.reset(seed=0)
    m = env.unwrapped.model.num_tests
    for k in range(3):
        observation, _, _, _, info = env.step(np.full(count, k * m))
    return env.unwrapped.model, observation["labels"][:, :3].astype(float), info["values"][:, :3]


@pytest.mark.parametrize("rho", [0.8, -0.5, 0.0])
def test_gaussian_proxies(rho: float) -> None:
    """Their regression on the value is that of the model that is public; the bias is the item's own."""
    fidelities = ((0.1, 0.3, rho), (1, 0, 1))
    kwargs = {"num_items": 4, "num_features": 3, "feature_std": 2.0, "prior_std": 0.7}
    model, seen, values = first_tests(LINEAR, 20_000, fidelities=fidelities, budget=5, **kwargs)
    assert values.std() == pytest.approx(model.value_std, rel=0.02)
    (proxy,), error = model.proxies, seen - rho * values
    assert proxy.slope == rho
    assert proxy.std**2 == pytest.approx((1 - rho**2) * 4 * 0.49 * 3 + 0.09)
    assert error.std() == pytest.approx(proxy.std, rel=0.01)
    assert np.abs(np.corrcoef(error.T)[0, 1]) < 0.03
    assert np.abs((error * values).mean()) < 4 * proxy.std * model.value_std / 200


def test_binary_proxies() -> None:
    """Labels are drawn once; proxies have the chances that are told, whatever the other items."""
    fidelities = ((0.1, 0.8, 0.3), (1, 1, 0))
    model, seen, values = first_tests(LOGISTIC, 8000, fidelities=fidelities, budget=5, **FEW)
    assert set(np.unique(values)) == {0.0, 1.0}
    assert seen[values == 1].mean() == pytest.approx(model.proxies[0].sensitivity, abs=0.015)
    assert seen[values == 0].mean() == pytest.approx(model.proxies[0].false_positive, abs=0.015)


def test_columns_as_proxies() -> None:
    """A column is shown on the scale of the labels: its regression on them has no constant."""
    random = np.random.default_rng(0)
    labels = random.normal(5, 2, 400)
    column = 30 - 3 * labels + random.normal(0, 4, 400)
    kwargs = {"features": random.normal(size=(400, 2)), "labels": labels}
    env = gym.make(TABLE, **kwargs, fidelities=((1, column), (2,)), budget=800, reveal=True)
    env.reset(seed=0)
    model = env.unwrapped.model
    for item in range(400):
        observation, reward, *_ = env.step(2 * item)
        assert reward == 0
    shown = observation["labels"][:400]
    slope, constant = np.polyfit(labels, shown, 1)
    rho = np.corrcoef(labels, column)[0, 1]
    assert (slope, constant) == pytest.approx((rho, 0), abs=1e-9)
    proxy = model.public().proxies[0]
    assert (proxy.slope, proxy.std) == pytest.approx((rho, (shown - slope * labels).std()))
    assert not np.isin(column, model.public().shop.spend).any()


def test_columns_of_a_file(tmp_path: Any) -> None:
    """Columns by name are no features; rows of equal features have their mean."""
    path = tmp_path / "t.csv"
    path.write_text(
        "x,z,fast,cost,yield\n1,2,5,2,10\n1,2,7,4,20\n3,4,9,1,30\n5,5,1,2,\n6,1,2,2,40\n"
    )
    fidelities = ((0.5, "fast"), (None,))
    env = gym.make(
        TABLE, dataset=str(path), fidelities=fidelities, price="cost", budget=7, scaling="none"
    )
    model = env.unwrapped.model
    assert model.table.feature_names == ("x", "z")
    assert model.table.labels.tolist() == [15, 30, 40]
    assert [column.tolist() for column in model.table.others] == [[6, 9, 2], [3, 1, 2]]
    assert (model.shop.unit * model.shop.spend).tolist() == [[0.5, 3], [0.5, 1], [0.5, 2]]
    assert model.optimal_value() == 85
    path.write_text("x,z,fast,yield\n1,2,5,10\n2,2,,20\n3,4,,30\n4,4,6,\n")
    with pytest.raises(
        InputError, match=r"'fast', has no number in rows 1, 2 \(the first row is 0\)"
    ):
        gym.make(TABLE, dataset=str(path), fidelities=((1, "fast"), (2,)), budget=7)


def test_one_price_is_a_horizon() -> None:
    """T labels at one price are the T labels of a horizon, draw by draw."""
    for env_id, kwargs in ((LOGISTIC, FEW), (LINEAR, FEW), (TABLE, NOISY)):
        by_count, by_money = (
            gym.make_vec(env_id, num_envs=3, reveal=True, **kwargs, **more)
            for more in ({"horizon": 3}, {"price": 0.3, "budget": 1.0})
        )
        counted, paid = by_count.unwrapped.model, by_money.unwrapped.model
        assert paid.random_value() == pytest.approx(counted.random_value())
        if env_id != LINEAR:  # an oracle with money keeps it where no label is above 0
            assert paid.optimal_value() == pytest.approx(counted.optimal_value())
        by_count.reset(seed=1), by_money.reset(seed=1)
        for item in (2, 0, 4):
            left, right = (env.step(np.full(3, item)) for env in (by_count, by_money))
            np.testing.assert_array_equal(left[0]["labels"], right[0]["labels"])
            np.testing.assert_array_equal(left[1], right[1])
        assert left[2].all()
        assert right[2].all()


def test_records_know_what_was_spent() -> None:
    """Prices of actions are the steps of the money left, those that failed included."""
    kwargs = FEW | {"fidelities": ((0.5, 0.1, 0.7), (None, 0, 1)), "price": (1, 2, 3, 1.5, 0.5)}
    env = gym.make(LINEAR, budget=7, **kwargs)
    env.reset(seed=0)
    actions = [3, 2, 1, 1, 5, 0, 8, 9]
    left = [7.0, *(float(env.step(action)[0]["money_left"][0]) for action in actions)]
    found = env.unwrapped.model.prices(np.array([actions]))
    np.testing.assert_allclose(found[0], -np.diff(left), atol=1e-6)


def test_records_know_the_prices_of_drawn_rows() -> None:
    """The first observation tells them: what was spent is the money that is gone."""
    kwargs = NOISY | {"price": (1, 2, 3, 1.5, 0.5, 1, 9), "rows": 5, "budget": 4}
    model = gym.make(TABLE, **kwargs).unwrapped.model
    assert model.prices(np.zeros((1, 2), np.int64)) is None
    vector = gym.make_vec(TABLE, num_envs=4, autoreset_mode="Disabled", **kwargs)
    first, _ = vector.reset(seed=3)
    actions = np.random.default_rng(0).integers(5, size=(4, 3))
    left = [first["money_left"][:, 0]]
    for action in actions.T:
        observation, _, ended, *_ = vector.step(action)
        left.append(observation["money_left"][:, 0])
        if ended.any():
            break
    found = model.public().prices(actions[:, : len(left) - 1], first)
    np.testing.assert_allclose(found, -np.diff(np.stack(left, 1), axis=1), atol=1e-6)
    record = evaluate(TABLE, "greedy", episodes=8, env_kwargs=kwargs)
    assert record.spent is not None
    assert (record.spent <= 4).all()
    assert (record.spent > 0).any()


def test_batches_one_by_one() -> None:
    """Within a batch the mask follows the money, in one episode and in many."""
    kwargs = FEW | {"fidelities": ((0.5, 0.1, 0.7), (1, 0, 1)), "budget": 3, "batch_size": 3}
    single = OneByOne(gym.make(LINEAR, **kwargs, illegal="raise"))
    many = gym.make_vec(LINEAR, num_envs=2, autoreset_mode="SameStep", **kwargs)
    vector = VectorOneByOne(many)
    observation, _ = single.reset(seed=0)
    vector.reset(seed=0)
    for action in (1, 3, 4):
        observation, _, ended, *_ = single.step(action)
    assert ended is False
    # Half a unit of money is left, a label costs one.
    assert observation["action_mask"].nonzero()[0].tolist() == [6, 8]
    observation, *_ = single.step(6)
    assert observation["action_mask"].all()  # nothing can be bought: any choice will do
    single.step(0)
    assert single.step(0)[2]
    for action in (1, 3):
        observation, *_ = vector.step(np.full(2, action))
    assert observation["action_mask"][1].nonzero()[0].tolist() == [4, 5, 6, 7, 8, 9]


def test_illegal_choices_raise_before_anything_changes() -> None:
    env = gym.make(LINEAR, **FEW, price=(1, 2, 3, 1, 1), budget=3, batch_size=2, illegal="raise")
    env.reset(seed=0)
    with pytest.raises(InputError, match="item 2 of episode 0 cannot be bought"):
        env.step([0, 2])
    observation, *_ = env.step([0, 1])
    assert observation["money_left"] == [0]


def test_what_is_not_known_is_said() -> None:
    several = {"price": (1, 2, 3, 1.5, 0.5), "budget": 4}
    linear = gym.make(LINEAR, **FEW, **several).unwrapped.model
    assert linear.random_value() == 0
    with pytest.raises(TruthUnknown, match="several prices"):
        linear.optimal_value()
    with pytest.raises(TruthUnknown, match="chance"):
        gym.make(LOGISTIC, **FEW, **several).unwrapped.model.random_value()
    table = gym.make(TABLE, **NOISY, price=(1, 2, 3, 1.5, 0.5, 1, 9), budget=4)
    assert table.unwrapped.model.optimal_value() == 13.5


BAD: list[tuple[str, dict[str, Any], str]] = [
    (LINEAR, {"price": 1}, "price is paid in money: give the budget"),
    (
        LINEAR,
        {"fidelities": ((1, 0, 0.5), (2, 0, 1))},
        "fidelities is paid in money: give the budget",
    ),
    (LINEAR, {"budget": 3}, "budget is money: give what a label costs"),
    (LINEAR, {"price": 2, "budget": 1.9}, "buys nothing: a label costs 2"),
    (
        LINEAR,
        {"price": 1, "budget": 3, "horizon": 7},
        r"follows from it \(3 tests here\), got horizon=7",
    ),
    (LINEAR, {"price": 1, "budget": 3, "horizon": np.array([1, 2])}, "horizon must be an integer"),
    (LINEAR, {"fidelities": [np.array(2.0)], "budget": 3}, r"fidelities\[0\] must be \(cost"),
    (LINEAR, {"price": (1, 2), "budget": 3}, "one for each of the 500 items, got 2"),
    (LINEAR, {"price": (1, -2), "budget": 3}, r"price\[1\] must be a finite number > 0"),
    (LINEAR, {"price": 0, "budget": 3}, "price must be a finite number > 0"),
    (LINEAR, {"price": 1 / 3, "budget": 3e6}, "round the prices"),
    (
        LINEAR,
        {"fidelities": ((1, 0, 1.5), (2, 0, 1)), "budget": 3},
        r"rho of fidelities\[0\] must be .* <= 1",
    ),
    (
        LINEAR,
        {"fidelities": ((1, 0, -1.1), (2, 0, 1)), "budget": 3},
        r"rho of fidelities\[0\] must be .* >= -1",
    ),
    (
        LINEAR,
        {"fidelities": ((1, 0, 1), (2, 0, 0.9)), "budget": 3},
        "last of the fidelities is the label",
    ),
    (
        LINEAR,
        {"fidelities": ((1, 0),), "budget": 3},
        r"fidelities\[0\] must be \(cost, noise_std, rho\)",
    ),
    (
        LINEAR,
        {"fidelities": ((None, 0, 0.5), (2, 0, 1)), "budget": 3},
        r"fidelities\[0\] must have a cost",
    ),
    (
        LINEAR,
        {"fidelities": ((2, 0, 1),), "price": 2, "budget": 3},
        r"fidelities\[0\] must have a cost",
    ),
    (LOGISTIC, {"fidelities": ((1, 0.5, 0.5), (2, 1, 0)), "budget": 3}, "below its sensitivity"),
    (LOGISTIC, {"fidelities": ((1, 0.9, 0.5), (2, 1, 0.1)), "budget": 3}, "last of the fidelities"),
    ("discovery/GraphPool-v0", {"fidelities": ((1, 0, 1),), "budget": 3}, "takes no fidelities"),
    ("discovery/UnstructuredPool-v0", {"price": 1, "budget": 3}, "num_items"),
    (
        TABLE,
        NOISY | {"fidelities": ((1, Y[:3]), (2,)), "budget": 3},
        "must have 7 numbers, one for each row, got 3",
    ),
    (
        TABLE,
        NOISY | {"fidelities": ((1, Y * 0), (2,)), "budget": 3},
        "is 0 in all rows and tells nothing",
    ),
    (TABLE, NOISY | {"fidelities": ((1, Y, 2), (2,)), "budget": 3}, "rho of"),
    (TABLE, NOISY | {"fidelities": ((1, [*Y[:6], np.nan]), (2,)), "budget": 3}, "finite"),
    (TABLE, NOISY | {"fidelities": ((1,), (2,)), "budget": 3}, "and no other, is the label"),
    (
        TABLE,
        {"features": X, "labels": Y > 2, "fidelities": ((1, 1.0 * (Y < 3)), (2,)), "budget": 3},
        "sensitivity",
    ),
]


@pytest.mark.parametrize(("env_id", "kwargs", "says"), BAD)
def test_bad_input(env_id: str, kwargs: dict[str, Any], says: str) -> None:
    """One clear line."""
    with pytest.raises(InputError, match=says) as caught:
        gym.make(env_id, **kwargs)
    assert "\n" not in str(caught.value)


def test_the_oracle_buys_what_is_best() -> None:
    """With every price another one, over 60 episodes its return is the knapsack's."""
    kwargs = {"num_items": 8, "price": (1, 2, 3, 1.5, 0.5, 2, 1, 4), "budget": 5, "noise_std": 0}
    for size in (1, 3):
        env = gym.make_vec(
            "discovery/UnstructuredPool-v0", num_envs=60, reveal=True, batch_size=size,
            autoreset_mode="SameStep", **kwargs,
        )  # fmt: skip
        agent, (observation, info) = make("oracle", env), env.reset(seed=0)
        best = best_bought(
            info["values"].astype(float), env.unwrapped.model.shop.spend[None, :, 0], 10
        )
        returns, state, running = np.zeros(60), None, np.ones(60, np.bool_)
        while running.any():
            action, state = agent.predict(observation, state)
            observation, reward, ended, _, _ = env.step(action)
            returns += reward * running
            running &= ~ended
        np.testing.assert_allclose(returns, best[:, -1], rtol=1e-6)


def test_prices_in_single_precision() -> None:
    """They are the decimal numbers that they are written as."""
    prices = np.array([0.1, 0.3, 0.1, 0.3, 0.1], np.float32)
    shop = gym.make(LINEAR, **FEW, price=prices, budget=np.float32(1)).unwrapped.model.shop
    assert (shop.unit, shop.total, shop.spend[:, 0].tolist()) == (0.1, 10, [1, 3, 1, 3, 1])
    one = gym.make(LINEAR, **FEW, price=np.float32(0.1), budget=0.3).unwrapped.model
    assert one.most_labels == 3


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_columns_in_any_unit(scale: float) -> None:
    """What a proxy tells does not depend on the unit of its column, however large or small."""
    random = np.random.default_rng(3)
    labels = random.normal(size=30)
    column = labels + random.normal(size=30)
    kwargs = {"features": random.normal(size=(30, 2)), "labels": labels, "budget": 9}
    model = gym.make(TABLE, **kwargs, fidelities=((1, scale * column), (3,))).unwrapped.model
    assert model.proxies[0].slope == pytest.approx(np.corrcoef(labels, column)[0, 1])


def test_chance_buys_in_batches_what_it_may() -> None:
    """The random agent chooses nothing that is illegal, and is worth what is claimed."""
    kwargs = FEW | {"num_items": 6, "fidelities": ((1, 0.9, 0.2), (4, 1, 0)), "budget": 11}
    env = gym.make_vec(LOGISTIC, num_envs=4000, **kwargs, batch_size=4, illegal="raise")
    agent, total, done = make("random", env), np.zeros(4000), np.zeros(4000, np.bool_)
    observation, _ = env.reset(seed=2)
    state = None
    while not done.all():
        action, state = agent.predict(observation, state, done)
        observation, reward, ended, *_ = env.step(action)
        total += np.where(done, 0, reward)
        done |= ended
    error = total.std() / 4000**0.5
    assert total.mean() == pytest.approx(env.unwrapped.model.random_value(), abs=4 * error)


def test_a_perfect_proxy() -> None:
    """A test that never errs leaves chances of 0 and 1, of which correlations are numbers."""
    kwargs = FEW | {"fidelities": ((1, 1, 0), (4, 1, 0)), "budget": 8}
    env = gym.make_vec(LOGISTIC, num_envs=4, **kwargs)
    agent = make("greedy", env)
    observation, _ = env.reset(seed=0)
    with np.errstate(all="raise", under="ignore"):
        for item in range(3):
            observation, *_ = env.step(np.full(4, 2 * item))
            agent.predict(observation)


def test_prices_and_proxies_follow_the_rows(tmp_path: Any) -> None:
    """A half of a table is the table of its rows; numbers for rows of a file follow its conditions."""
    random = np.random.default_rng(5)
    features, labels = random.normal(size=(21, 2)), random.normal(size=21)
    price, column = random.integers(1, 5, 21), random.normal(size=21)

    def model(rows: Any = slice(None), **more: Any) -> Any:
        tests = ((0.5, column[rows]), (None,))
        own = {"features": features[rows], "labels": labels[rows], "price": price[rows]}
        return gym.make(TABLE, **own, fidelities=tests, budget=9, **more).unwrapped.model

    for half in (0, 1, 7):
        part = model(half=half)
        rows = [np.flatnonzero(labels == label)[0] for label in part.table.labels]
        alone = model(rows)
        np.testing.assert_array_equal(part.shop.spend, alone.shop.spend)
        assert part.public().proxies == alone.public().proxies
        assert part.optimal_value() == alone.optimal_value()
    path = tmp_path / "t.csv"
    path.write_text("x,z,yield\n1,2,10\n1,2,20\n3,4,30\n5,5,\n6,1,40\n")
    kwargs = {"dataset": str(path), "price": [2, 4, 1, 9, 2], "budget": 7}
    file = gym.make(TABLE, **kwargs).unwrapped.model
    assert (file.shop.unit * file.shop.spend[:, 0]).tolist() == [3, 1, 2]
    with pytest.raises(InputError, match=r"price must have 5 numbers, one for each row, got 3"):
        gym.make(TABLE, **kwargs | {"price": [1, 2, 3]})


def test_equal_prices_are_one_price() -> None:
    """A list of them is one number, also where rows are drawn."""
    for env_id, kwargs in ((TABLE, NOISY | {"rows": 4}), (TABLE, NOISY), (LINEAR, FEW)):
        count = 5 if env_id == LINEAR else 7
        one, several = (
            gym.make_vec(env_id, num_envs=3, **kwargs, price=price, budget=6, reveal=True)
            for price in (2, [2.0] * count)
        )
        assert several.unwrapped.model.random_value() == one.unwrapped.model.random_value()
        one.reset(seed=2), several.reset(seed=2)
        for action in (0, 2, 1):
            left, right = (env.step(np.full(3, action)) for env in (one, several))
            for key, part in left[0].items():
                np.testing.assert_array_equal(part, right[0][key])
            np.testing.assert_array_equal(left[4]["regret"], right[4]["regret"])


def test_less_is_better_for_proxies_as_well() -> None:
    """What a proxy tells of a label does not depend on which of its signs is the better one."""
    random = np.random.default_rng(6)
    features, labels = random.normal(size=(60, 2)), 1.0 * (random.random(60) < 0.4)
    binary, number = (
        np.where(random.random(60) < 0.8, labels, 1 - labels),
        labels + random.normal(size=60),
    )
    for column, rho in ((binary, ()), (number, ()), (number, (0.4,))):
        more, less = (
            gym.make(
                TABLE, features=features, labels=sign * labels, minimise=sign < 0, budget=200,
                fidelities=((1, sign * column, *rho), (2,)),
            )
            for sign in (1, -1)
        )  # fmt: skip
        assert more.unwrapped.model.proxies == less.unwrapped.model.proxies
        more.reset(seed=0), less.reset(seed=0)
        for action in (0, 2, 3, 40):
            left, right = (env.step(action) for env in (more, less))
            np.testing.assert_array_equal(left[0]["labels"], right[0]["labels"])
            assert left[1] == right[1]
    kept = gym.make(
        TABLE,
        features=features,
        labels=labels,
        minimise=True,
        budget=9,
        fidelities=((1, binary), (2,)),
    )
    (proxy,), good = kept.unwrapped.model.proxies, labels == 0
    assert proxy.sensitivity == pytest.approx((binary[good] == 0).mean())
    assert proxy.false_positive == pytest.approx((binary[~good] == 0).mean())


def test_two_kinds_of_proxies_of_successes() -> None:
    """A proxy of two values beside one of numbers is a number, from which beliefs learn."""
    random = np.random.default_rng(7)
    features, labels = random.normal(size=(40, 2)), 1.0 * (random.random(40) < 0.4)
    binary, number = (
        np.where(random.random(40) < 0.8, labels, 1 - labels),
        labels + random.normal(size=40),
    )
    tests = ((1, binary), (2, number), (4,))
    env = gym.make(TABLE, features=features, labels=labels, fidelities=tests, budget=30)
    for proxy, column in zip(env.unwrapped.model.proxies, (binary, number), strict=True):
        assert proxy.slope == pytest.approx(np.corrcoef(column, labels)[0, 1])
    for text in ("bayes_ucb(belief=linear)", "expected_improvement(belief=gp)", "greedy"):
        agent, (observation, _), ended = make(text, env), env.reset(seed=0), False
        while not ended:
            observation, _, ended, *_ = env.step(agent.predict(observation)[0])
    with pytest.raises(InputError, match="logistic"):
        make("greedy(belief=logistic)", env)
