"""Rules that spend money: against brute force, and never on what cannot be bought."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from discovery_gym.agents import Decision, available, make
from discovery_gym.agents.rules import IDS
from discovery_gym.agents.rules.rule import by_threshold
from discovery_gym.envs.core import InputError, KeyedRandom

B = 4
LADDER = ((1, 0.6, 0.7), (2, 0.3, 0.95), (5, 0.1, 1.0))
LINEAR: dict[str, Any] = {"num_items": 10, "num_features": 3, "fidelities": LADDER, "budget": 31}
NORMAL = np.random.default_rng(1)
TABLE: dict[str, Any] = {"features": NORMAL.normal(size=(9, 2)).tolist()}
TABLE["labels"] = np.array(TABLE["features"]).sum(1).tolist()
COLUMN = np.array(TABLE["labels"]) + NORMAL.normal(size=9)
FLIPS = ((1, 0.9, 0.2), (3, 1.0, 0.0))
PRICES = [1, 2, 3, 1, 2, 3, 1, 2, 3]
WORLDS: list[tuple[str, dict[str, Any]]] = [
    ("LinearPool", LINEAR),
    ("LinearPool", LINEAR | {"batch_size": 3}),
    ("LinearPool", LINEAR | {"delay": 2}),
    ("LinearPool", LINEAR | {"sparsity": 1}),
    ("LinearPool", {"num_items": 9, "num_features": 2, "price": PRICES, "budget": 7}),
    ("LinearPool", {"num_items": 9, "num_features": 2, "price": PRICES, "budget": 7, "batch_size": 2}),
    ("LogisticPool", {"num_items": 8, "num_features": 2, "fidelities": FLIPS, "budget": 9}),
    ("LogisticPool", {"num_items": 9, "num_features": 2, "price": PRICES, "budget": 7}),
    ("GraphPool", {"num_items": 9, "price": PRICES, "budget": 7}),
    ("LowRankPool", {"num_rows": 3, "num_cols": 3, "rank": 1, "price": PRICES, "budget": 7}),
    ("TablePool", TABLE | {"fidelities": ((1, COLUMN.tolist()), (3,)), "budget": 14}),
    ("TablePool", TABLE | {"price": PRICES, "rows": 6, "budget": 6}),
]  # fmt: skip


def world(name: str, settings: dict[str, Any], count: int = B) -> Any:
    return gym.make_vec(f"discovery/{name}-v0", num_envs=count, **settings)


@pytest.mark.parametrize(("name", "settings"), WORLDS)
def test_nothing_is_bought_that_cannot_be(name: str, settings: dict[str, Any]) -> None:
    """By the mask and the money left, also within a batch, until nothing is affordable."""
    try:
        vector = world(name, settings)
    except (InputError, gym.error.Error) as error:
        pytest.skip(f"{name} is not paid in money: {error}")
    model = vector.unwrapped.model
    texts = [text for text in available(vector) if text not in ("random", "policy", "learned")]
    assert {"greedy", "bayes_ucb", "thompson", "expected_improvement", "ids"} <= set(texts)
    texts += ["ids(about=top)", "ids(deterministic=True)"]
    for text in texts:
        agent, state = make(text, vector, seed=1), None
        observation, _ = vector.reset(seed=5)
        ended, steps = np.zeros(B, np.bool_), 0
        while not ended.all():
            action, state = agent.predict(observation, state)
            mask = observation["action_mask"].reshape(B, model.num_items, -1).astype(np.bool_)
            money, costs = model.money_left(observation), model.costs(observation)
            costs = np.broadcast_to(costs, mask.shape)
            for i in (~ended).nonzero()[0]:
                for test in np.ravel(action[i]):
                    if mask[i].any():  # else the batch cannot be filled
                        item, m = divmod(int(test), mask.shape[2])
                        assert mask[i, item, m], f"{text} bought test {m} of item {item}"
                        money[i] -= costs[i, item, m]
                        mask[i, item, m] = False
                        mask[i, item] &= m < mask.shape[2] - 1
                        mask[i] &= costs[i] <= money[i]
            observation, _, terminated, _, _ = vector.step(action)
            ended, steps = ended | terminated, steps + 1
            assert steps <= model.horizon


def spent(text: str, steps: int, settings: dict[str, Any]) -> tuple[Any, Any, Decision]:
    """Return the agent, the belief and the decision after some random purchases."""
    vector = world("LinearPool", settings)
    chance, state = make("random", vector, seed=3), None
    observation, _ = vector.reset(seed=2)
    for _ in range(steps):
        action, state = chance.predict(observation, state)
        observation, *_ = vector.step(action)
    agent: Any = make(text, vector)
    _, memory = agent.predict(deepcopy(observation))
    return agent, memory.rest, agent.decision(observation)


def improved(belief: Any, decision: Decision, i: int) -> NDArray[np.float64]:
    """Return improvement per cost of every test of an episode, by quadrature, ``(n, M)``."""
    z = np.linspace(-8, 8, 20001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    mean, std = belief.mean()[i], belief.std()[i]
    known = {
        int(item)
        for item, at in zip(decision.labelled[i], decision.fidelity[i], strict=True)  # type: ignore[index]
        if at == 2
    }
    incumbent = max((mean[k] for k in known), default=mean.max())
    out = np.empty((len(mean), 3))
    for x, m in product(range(len(mean)), range(3)):
        move = std[x] * (belief.correlation(m)[i, x] if m < 2 else 1.0)
        out[x, m] = np.maximum(mean[x] + move * z - incumbent, 0) @ density / LADDER[m][0]
    return out


def climbed(belief: Any, decision: Decision, i: int) -> NDArray[np.float64]:
    """Return the mean and the knowledge gradient per cost of every test, by quadrature, ``(n, M)``."""
    z = np.linspace(-8, 8, 20001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    mean, legal = belief.mean()[i], decision.mask[i] > 0
    n = len(mean)
    covariance = belief.covariance(np.arange(n)[None].repeat(B, 0), None)[i]
    variance, out = np.diag(covariance), np.full((n, 3), -np.inf)
    slopes, noises = belief._slope, belief._noise
    for x, m in product(np.flatnonzero(legal), range(3)):
        others = legal.copy()
        others[x] = m < 2
        line = slopes[m] * covariance[x] / np.hypot(slopes[m] * variance[x] ** 0.5, noises[m])
        highest = (mean[others] + z[:, None] * line[others]).max(1)
        rest = (decision.money[i] - LADDER[m][0]) // 5  # type: ignore[index]
        later = min(rest, legal.sum() - (m == 2))
        gain = later * (highest @ density - mean[others].max())
        out[x, m] = ((m == 2) * mean[x] + gain) / LADDER[m][0]
    return out


@pytest.mark.parametrize("steps", [0, 3, 6])
@pytest.mark.parametrize(
    ("text", "score"),
    [("expected_improvement", improved), ("knowledge_gradient(candidates=100)", climbed)],
)
def test_gains_per_cost_are_those_of_quadrature(text: str, score: Any, steps: int) -> None:
    agent, belief, decision = spent(text, steps, LINEAR)
    assert decision.tests is not None
    action = agent.rule.buy(
        belief, decision, KeyedRandom(np.arange(B, dtype=np.uint64), np.uint64(1), 0)
    )
    for i in range(B):
        exact = np.where(decision.useful[i], score(belief, decision, i), -np.inf)
        chosen = exact[divmod(int(action[i]), 3)]
        assert chosen == pytest.approx(exact.max(), rel=1e-3, abs=1e-6)
        assert chosen > 1.1 * np.median(exact[np.isfinite(exact)])


class Told:
    """A belief that says what it is told to."""

    def __init__(self, **parts: Any) -> None:
        self.parts = {key: np.asarray(value, np.float64) for key, value in parts.items()}

    def mean(self) -> Any:
        return self.parts["mean"]

    def std(self) -> Any:
        return self.parts["std"]

    def widest(self) -> Any:
        return self.std().max(1, keepdims=True)

    def rounding(self, drawn: bool = False) -> Any:
        return np.full((len(self.mean()), 1), 1e-9)

    def correlation(self, fidelity: int) -> Any:
        return self.parts["heard"][fidelity]

    def about_best(self, count: int, mask: Any, random: Any) -> Any:
        return self.parts["top"][:, None] - self.mean(), self.parts["told"]

    def reach(self, gain: Any) -> Any:
        return gain


def priced(cost: Any, money: int, rows: int = 1) -> Decision:
    """Return a first decision with money."""
    cost = np.asarray(cost)[None]
    tests = np.broadcast_to(cost <= money, (rows, *cost.shape[1:])).copy()
    first = Decision.first(tests[:, :, -1].astype(np.int8), 3)
    nothing = np.empty((rows, 0), np.int64)
    parts = {"tests": tests, "cost": cost, "money": np.full(rows, money), "fidelity": nothing}
    return Decision(**{**first.__dict__, **parts})


def test_ids_shares_money_between_two_tests() -> None:
    """The best share of money is found by trying all; tests are drawn by share over cost."""
    cost, rows = [[1, 4], [1, 6], [2, 5]], 4000
    mean, told, top = np.array([0.7, 0.6, 0.2]), np.array([1.0, 3.0, 1.0]), 1.6
    heard = np.array([[0.8, 0.9, 0.5], [1.0, 1.0, 1.0]])
    belief: Any = Told(
        mean=np.tile(mean, (rows, 1)),
        std=np.ones((rows, 3)),
        told=np.tile(told, (rows, 1)),
        heard=heard[:, None].repeat(rows, 1),
        top=np.full(rows, top),
    )
    decision = priced(cost, 50, rows)
    random = KeyedRandom(np.arange(rows, dtype=np.uint64), np.uint64(9), 0)
    chosen = IDS().buy(belief, decision, random)
    price = np.array(cost, np.float64)
    rate = max((mean / price[:, 1]).max(), top / 6)
    regret = rate - np.column_stack([np.zeros(3), mean]) / price
    gain = np.column_stack([told * heard[0] ** 2, told]) / price
    regret, gain = regret.ravel(), gain.ravel()
    share = np.linspace(0, 1, 2001)[:, None, None]
    mixed = (1 - share) * regret[:, None] + share * regret
    ratio = mixed**2 / ((1 - share) * gain[:, None] + share * gain)
    k, i, j = np.unravel_index(ratio.argmin(), ratio.shape)
    assert (i, j) == (1, 2)  # a label and a proxy of another item
    weight = {1: 1 - share[k, 0, 0], 2: share[k, 0, 0]}
    drawn = np.array([weight.get(test, 0.0) for test in range(6)]) / price.ravel()
    drawn /= drawn.sum()
    found = np.bincount(chosen, minlength=6) / rows
    np.testing.assert_allclose(found, drawn, atol=4 * (0.25 / rows) ** 0.5)
    one = IDS(deterministic=True).buy(belief, decision, random)
    assert (one == (regret**2 / gain).argmin()).all()


def test_the_fidelity_of_an_item() -> None:
    """The cheapest proxy that tells more than it costs and is not bought; money for the label left."""
    belief: Any = Told(
        mean=np.zeros((1, 3)),
        heard=[[[0.3, 0.6, 0.9]], [[0.5, 0.7, 0.9]], [[1.0] * 3]],
        std=np.ones((1, 3)),
    )
    # r^2 (c + c') >= c: from 0.58 on for the first proxy, and from 0.53 on for the second.
    decision = priced([[1, 2, 5]], 20)
    assert decision.tests is not None
    decision = replace(decision, tests=np.ones((1, 3, 3), np.bool_))
    found = [int(by_threshold(belief, decision, np.array([item]))[0]) for item in range(3)]
    assert found == [2, 0, 0]
    tests = np.ones((1, 3, 3), np.bool_)
    tests[:, :, 0] = False
    again = replace(decision, tests=tests)
    found = [int(by_threshold(belief, again, np.array([item]))[0]) for item in range(3)]
    assert found == [2, 1, 1]
    short = replace(decision, money=np.array([6]))
    assert by_threshold(belief, short, np.array([2])).tolist() == [0]
    short = replace(decision, money=np.array([5]))
    assert by_threshold(belief, short, np.array([2])).tolist() == [2]


def test_decisions_count_money() -> None:
    """A proxy leaves the label, a label leaves nothing; what is not affordable goes."""
    decision = priced([[1, 4]] * 3, 10)
    proxy = decision.after(np.array([2]))
    assert proxy.money is not None
    assert proxy.tests is not None
    assert proxy.money.tolist() == [9]
    assert proxy.tests[0].tolist() == [[True, True], [False, True], [True, True]]
    assert proxy.left.tolist() == [2]
    label = proxy.after(np.array([3]))
    assert label.tests is not None
    assert label.tests[0].tolist() == [[True, True], [False, False], [True, True]]
    assert label.mask.tolist() == [[1, 0, 1]]
    assert label.left.tolist() == [1]
    assert label.labelled.tolist() == [[1, 1]]
    assert label.fidelity is not None
    assert label.fidelity.tolist() == [[0, 1]]
    last = label.after(np.array([5]))
    assert last.tests is not None
    assert last.tests[0].tolist() == [[True, False], [False, False], [False, False]]
    assert last.mask.any() == last.left.any() == False  # noqa: E712
    assert last.items.mask.tolist() == [[1, 0, 0]]  # what may be bought at all
    assert last.useful[0].tolist() == last.tests[0].tolist()
    index = np.array([[4.0, -1.0, 3.0]])
    assert (decision.per_cost(index) == index).all()
    several = priced([[8], [2], [1]], 10)
    np.testing.assert_allclose(several.per_cost(index), [[0.5, -1.0, 3.0]])


def test_labels_of_several_fidelities_in_flight() -> None:
    vector = world("LinearPool", LINEAR | {"delay": 1}, 2)
    agent: Any = make("greedy", vector)
    observation, _ = vector.reset(seed=0)
    for key in ("labelled", "fidelity"):
        observation[key] = np.full((2, 6), -1)
    observation["labelled"][:, :4] = [[3, 8, 3, 5], [4, 1, 2, 4]]
    observation["fidelity"][:, :4] = [[0, 2, 2, 1], [2, 0, 1, 0]]
    observation["labels"] = np.zeros((2, 6), np.float32)
    observation["arrived"] = np.array([[2], [4]])
    decision = agent.decision(observation)
    assert decision.known.nonzero()[1].tolist() == [8, 4]
    assert decision.pending.tolist() == [[3, 5], [-1, -1]]
    assert decision.pending_fidelity[0].tolist() == [2, 1]
    after = decision.after(np.array([9 * 3, 9 * 3 + 2]))
    assert after.pending.tolist() == [[3, 5, 9], [9, -1, -1]]
    assert after.pending_fidelity[:, 0].tolist() == [2, 2]
    assert after.known.tolist() == decision.known.tolist()


def test_index_rules_weigh_prices() -> None:
    """Of two equal items the cheap one, and a better one only if it is worth its price."""
    settings = {"num_items": 9, "num_features": 2, "price": PRICES, "budget": 9}
    agent, belief, decision = spent("greedy", 3, settings)
    mean = belief.mean()
    random = KeyedRandom(np.arange(B, dtype=np.uint64), np.uint64(4), 0)
    chosen = agent.rule.buy(belief, decision, random)
    for i in range(B):
        legal = np.flatnonzero(decision.mask[i])
        rate = {k: mean[i, k] / PRICES[k] if mean[i, k] > 0 else mean[i, k] for k in legal}
        assert rate[chosen[i]] == pytest.approx(max(rate.values()))
