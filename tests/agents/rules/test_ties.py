"""Items that are equal up to rounding have the same chance, wherever they stand in the table."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs.belief import highest
from discovery_gym.testing import check_rule

POOL, GRAPH, LOW_RANK = (f"discovery/{name}Pool-v0" for name in ("Table", "Graph", "LowRank"))
RANDOM = np.random.default_rng(0)
ONES, SAME = np.ones((20, 3)), np.tile(RANDOM.standard_normal(7), (37, 1))
X = RANDOM.standard_normal((60, 5)) * [1.0, 1e-3, 1e5, 1.0, 0.0] + [0.0, 0.01, -1e5, 3.0, 2.0]
Y = X @ [0.5, 300.0, 1e-5, -0.3, 1.0] + 0.3 * RANDOM.standard_normal(60)

RULES = [
    "random",
    "greedy",
    "epsilon_greedy",
    "bayes_ucb",
    "thompson",
    "ids",
    "ids(about='top')",
    "ids(deterministic=True)",
    "ids(lam=1)",
    "expected_improvement",
    "knowledge_gradient",
    "meta_ucb",
    "linucb",
    "glm_ucb",
]
OWN = ("random", "linucb", "glm_ucb")  # they bring their belief
NO_NOISE = ("knowledge_gradient",)  # it does not play labels of two values
BINARY = [rule for rule in RULES if rule not in NO_NOISE] + ["active_search", "ens"]
SLOW = ("ids(about='top')", "ids(lam=1)")  # with gp they cost most, and go the way of ids
PAIRS = [(rule, "") for rule in RULES]
PAIRS += [(rule, "gp") for rule in RULES if rule not in (*OWN, *SLOW)]
ONE, TWO, LATE = (1, 5, 0), (2, 4, 0), (2, 6, 1)
"""Batch size, horizon and delay."""
EQUAL_ROWS = {"20-two": (ONES, *TWO), "37x7-one": (SAME, *ONE), "37x7-late": (SAME, *LATE)}


def text_of(rule: str, belief: str) -> str:
    """Return the text of an agent."""
    if not belief:
        return rule
    return f"{rule[:-1]}, belief={belief})" if rule.endswith(")") else f"{rule}(belief={belief})"


def play(env_id: str, text: str, episodes: int, first: Any = (), **kwargs: Any) -> Any:
    """Return the items chosen, ``(B, T)``, the first of them as given."""
    vector = gym.make_vec(env_id, num_envs=episodes, autoreset_mode="SameStep", **kwargs)
    agent, state = make(text, vector, seed=3), None
    observation, chosen = vector.reset(seed=4)[0], []
    ended, size = np.zeros(episodes, np.bool_), kwargs.get("batch_size", 1)
    while not ended.any():
        action, state = agent.predict(observation, state)
        given = np.asarray(first[len(chosen) * size :][:size], np.int64)
        if len(given):
            action = np.broadcast_to(given, (episodes, size)).reshape(action.shape)
        chosen.append(action.reshape(episodes, size))
        observation, _, ended, _, _ = vector.step(action)
    vector.close()
    return np.concatenate(chosen, 1)


def fair(total: Any, expected: float) -> None:
    """Assert that a mean over episodes lies within 4 standard errors of what is expected."""
    error = total.std(ddof=1) / len(total) ** 0.5
    assert abs(total.mean() - expected) < 4 * error, (total.mean(), expected, error)


def enough(rule: str, belief: str) -> int:
    """Return a number of episodes, smaller for slow rules; what favoured an item would still show."""
    slow = (rule.startswith("ids") and belief == "gp") or rule == "knowledge_gradient"
    return 50 if slow else 200


@pytest.mark.parametrize("case", EQUAL_ROWS)
@pytest.mark.parametrize(("rule", "belief"), PAIRS, ids=[text_of(*pair) for pair in PAIRS])
def test_equal_rows(rule: str, belief: str, case: str) -> None:
    """The labels are the places, rising or falling: the mean is that of random choices."""
    features, size, horizon, delay = EQUAL_ROWS[case]
    n = len(features)
    for labels in (np.arange(n), np.arange(n)[::-1]):
        kwargs = {"features": features, "horizon": horizon, "batch_size": size, "delay": delay}
        chosen = play(POOL, text_of(rule, belief), enough(rule, belief), labels=labels, **kwargs)
        fair(labels[chosen].sum(1), horizon * (n - 1) / 2)
        if delay or enough(rule, belief) < 200:
            break  # once is enough


@pytest.mark.parametrize("case", EQUAL_ROWS)
@pytest.mark.parametrize("rule", BINARY)
def test_equal_rows_of_two_values(rule: str, case: str) -> None:
    features, size, horizon, delay = EQUAL_ROWS[case]
    n = len(features)
    for labels in (np.arange(n) < n // 3, np.arange(n) >= n - n // 3):
        kwargs = {"features": features, "horizon": horizon, "batch_size": size, "delay": delay}
        chosen = play(POOL, rule, 200, labels=labels.astype(float), **kwargs)
        fair(chosen.sum(1), horizon * (n - 1) / 2)
        if delay:
            break


@pytest.mark.parametrize(("rule", "belief"), PAIRS, ids=[text_of(*pair) for pair in PAIRS])
def test_rules(rule: str, belief: str) -> None:
    """All that one's own rules are checked for, fair ties and the order of rows among it.

    What is slow plays 60 items: a Gaussian process costs fifty times as much on the default table's 442.
    """
    slow = belief == "gp" or rule in (*SLOW, *NO_NOISE)
    table = {"features": X, "labels": Y} if slow else {}
    horizon = 6 if slow else 12
    rows = enough(rule, belief)
    check_rule(rule, POOL, belief=belief or None, rows=rows, horizon=horizon, **table)


@pytest.mark.parametrize(
    ("rule", "name"),
    [("active_search", "LogisticPool"), ("ens", "LogisticPool"), ("one_hub", "GraphPool")],
)
def test_rules_of_some_pools(rule: str, name: str) -> None:
    check_rule(rule, f"discovery/{name}-v0", num_items=40, horizon=12)


EQUAL: dict[str, Any] = {
    GRAPH: {"topology": "complete", "num_items": 30, "horizon": 4},
    LOW_RANK: {"num_rows": 6, "num_cols": 7, "horizon": 4},
}
MODELS: dict[str, Any] = {
    env_id: gym.make_vec(env_id, num_envs=1, **EQUAL[env_id]).model for env_id in EQUAL
}


@pytest.mark.parametrize(
    ("env_id", "rule"),
    [
        (env_id, rule)
        for env_id, model in MODELS.items()
        for rule in [*RULES, "one_hub"]
        if rule.split("(")[0] in available(model)
    ],
)
def test_equal_items(env_id: str, rule: str) -> None:
    """Before the first label all nodes of a complete graph are equal, and all entries of a matrix."""
    chosen = play(env_id, rule, 200, **EQUAL[env_id])
    fair(chosen[:, 0], (MODELS[env_id].num_items - 1) / 2)


DETERMINISTIC = [rule for rule in RULES if rule not in ("random", "epsilon_greedy", "glm_ucb")]
ORDERED = [
    (rule, belief, two)
    for rule in [*DETERMINISTIC, "active_search", "ens"]
    for belief in ("", "gp", "linear")
    for two in (False, True)
    if not (belief and rule in (*OWN, "active_search", "ens"))
    and (two or rule not in ("active_search", "ens"))
    and not (two and not belief and rule in NO_NOISE)
]


@pytest.mark.parametrize("kwargs", [{}, {"batch_size": 3, "delay": 1}], ids=["one", "late"])
@pytest.mark.parametrize(("rule", "belief", "two"), ORDERED)
def test_order_of_distinct_rows(rule: str, belief: str, two: bool, kwargs: Any) -> None:
    """Rows in another order are chosen in the same sequence.

    The first choices are given, both labels among them, since the first is drawn while all means are
    equal. What Thompson sampling and IDS draw are coefficients or errors, which know no order of the
    rows, so that they are held to it as well.
    """
    labels = (np.quantile(Y, 0.7) < Y).astype(float) if two else Y
    order = np.random.default_rng(1).permutation(len(Y))
    place = np.argsort(order)
    first = np.argsort(Y)[[20, 50, 55, 40, 10, 5]]
    text, kwargs = text_of(rule, belief), {"horizon": 15, **kwargs}
    ours = play(POOL, text, 2, first, features=X, labels=labels, **kwargs)
    theirs = play(POOL, text, 2, place[first], features=X[order], labels=labels[order], **kwargs)
    assert (ours[:, : len(first)] == first).all()
    np.testing.assert_array_equal(order[theirs], ours)


def test_highest() -> None:
    """By falling score; exact ties and those up to rounding in random order, infinities last."""
    score = np.tile([1.0, 2.0, 2.0 + 1e-9, -np.inf, 3.0, 2.0], (400, 1))
    order = highest(score, 6, np.random.default_rng(0), 1e-6)
    assert (order[:, 0] == 4).all()
    assert (order[:, 4:] == [0, 3]).all()
    assert np.isin(order[:, 1:4], [1, 2, 5]).all()
    fair(order[:, 1], 8 / 3)
    order = highest(np.zeros((400, 9)), 1, np.random.default_rng(0), 0.0)
    fair(order[:, 0], 4.0)
