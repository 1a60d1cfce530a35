"""Agents on batches and late labels: what they look ahead at, and that it pays."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import COUNTED
from golden import CHEAP, SHORT

from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import GaussianProcess, Linear, Nodes
from discovery_gym.experiments import evaluate

POOL, LINEAR, GRAPH = (f"discovery/{name}-v0" for name in ("TablePool", "LinearPool", "GraphPool"))


def observed(env_id: str, order: np.ndarray, steps: int, **settings: Any) -> tuple[Any, Any]:
    """Choose the items of ``order`` in turn; return the model and the last observation."""
    vector = gym.make_vec(env_id, num_envs=len(order), **settings)
    observation, size = vector.reset(seed=0)[0], settings.get("batch_size", 1)
    for t in range(0, steps * size, size):
        batch = order[:, t : t + size]
        observation = vector.step(batch[:, 0] if size == 1 else batch)[0]
    return vector.model, observation


@pytest.mark.parametrize(
    ("env_id", "belief_class", "settings"),
    [
        (LINEAR, Linear, {"num_items": 30, "num_features": 4}),
        (GRAPH, Nodes, {"num_items": 30, "topology": "star", "hub_fraction": 0.1}),
        (GRAPH, Nodes, {"num_items": 30, "topology": "complete", "noise_std": 0.0}),
    ],
)
def test_looking_ahead_leaves_what_the_labels_will_leave(
    env_id: str, belief_class: Any, settings: dict[str, Any]
) -> None:
    """The covariance of a Gaussian belief does not depend on the labels, so it is known ahead."""
    order = np.stack([np.random.default_rng(i).permutation(30)[:12] for i in range(5)])
    start = np.ones(5, np.bool_)
    settings |= {"horizon": 24}
    model, late = observed(env_id, order, 4, **settings, batch_size=3, delay=2)
    belief = belief_class(model, 5)
    belief.update(late, start)
    mean, std = belief.mean().copy(), belief.std().copy()
    agent: Any = make("greedy", model)
    flying = agent.decision(late).pending
    np.testing.assert_array_equal(flying, order[:, 6:])
    ahead = belief.look_ahead(flying)
    model, now = observed(env_id, order, 12, **settings)
    informed = belief_class(model, 5)
    informed.update(now, start)
    np.testing.assert_allclose(ahead.std(), informed.std(), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(ahead.mean(), mean)
    # The belief itself is as it was, and looking ahead in two steps is looking ahead in one.
    np.testing.assert_array_equal(belief.std(), std)
    twice = belief.look_ahead(flying[:, :2]).look_ahead(flying[:, 2:])
    np.testing.assert_allclose(twice.std(), ahead.std(), rtol=1e-9)
    nothing = belief.look_ahead(np.full((5, 2), -1))
    np.testing.assert_array_equal(nothing.std(), std)


@pytest.mark.parametrize("known", [0, 1, 9])
def test_gaussian_process_looks_ahead(known: int) -> None:
    """Against the posterior covariance by the book, hyper-parameters as they are."""
    order = np.stack([np.random.default_rng(i).permutation(442)[:14] for i in range(3)])
    model, observation = observed(POOL, order, known)
    belief = GaussianProcess(model, 3)
    belief.update(observation, np.ones(3, np.bool_))
    mean = belief.mean().copy()
    ahead = belief.look_ahead(order[:, known:])
    np.testing.assert_allclose(ahead.mean(), mean, rtol=1e-9, atol=1e-9)
    settings = belief.hyperparameters()
    after = ahead.hyperparameters()["signal_std"]
    np.testing.assert_allclose(after, settings["signal_std"], rtol=1e-12)
    for i in range(3):
        items = order[i]
        square = belief._distances(np.array([i]), np.arange(442)[None])[0]
        k = belief._kernel(square, settings["length_scale"][i])
        gram = k[np.ix_(items, items)] + settings["noise_ratio"][i] * np.eye(14)
        root = np.linalg.inv(gram)
        variance = 1 - np.einsum("nt,ts,ns->n", k[:, items], root, k[:, items])
        if known:  # the constant is learnt along with the rest
            variance += (1 - k[:, items] @ root.sum(1)) ** 2 / root.sum()
        expected = settings["signal_std"][i] * np.sqrt(np.maximum(variance, 0))
        np.testing.assert_allclose(ahead.std()[i], expected, rtol=1e-4, atol=1e-6)
    draws = ahead.sample(3000, np.random.default_rng(0))
    error = 5 * ahead.std() / 3000**0.5 + 0.02 * ahead.std().max()
    assert (np.abs(draws.mean(1) - mean) < error).all()
    np.testing.assert_allclose(draws.std(1), ahead.std(), atol=0.15 * ahead.std().max())


SMALL_POOLS: dict[str, dict[str, Any]] = {
    "discovery/GraphPool-v0": {"num_items": 25},
    "discovery/LinearPool-v0": {"num_items": 25, "num_features": 3, "sparsity": 1},
    "discovery/LogisticPool-v0": {"num_items": 25, "num_features": 3},
    "discovery/LowRankPool-v0": {"num_rows": 5, "num_cols": 5},
    "discovery/UnstructuredPool-v0": {"num_items": 25},
}


@pytest.mark.parametrize("env_id", COUNTED)
def test_every_agent_plays_batches_on_every_pool(env_id: str) -> None:
    """With labels in flight, and none of the labels in flight looked at."""
    settings = SMALL_POOLS.get(env_id, {}) | {
        "horizon": 12,
        "batch_size": 3,
        "delay": 2,
        "illegal": "raise",
    }
    vector = gym.make_vec(env_id, num_envs=2, **settings)
    for text in available(vector):
        agent, blind = make(text, vector, seed=1), make(text, vector, seed=1)
        observation, state, other, ended = vector.reset(seed=0)[0], None, None, np.zeros(2)
        while not ended.all():
            action, state = agent.predict(observation, state)
            hidden = {key: value.copy() for key, value in observation.items()}
            late = np.arange(12) >= observation["arrived"]
            hidden["labels"][late] = 0.5
            again, other = blind.predict(hidden, other)
            np.testing.assert_array_equal(action, again, err_msg=text)
            observation, _, ended, _, _ = vector.step(action)


def test_looking_ahead_spreads_a_batch() -> None:
    """Of two groups of equal items UCB takes one of each; without looking ahead it takes twins."""
    x = np.array([[3.0, 0], [3.0, 0], [0, 2.9], [0, 2.9]])
    env = gym.make(POOL, features=x, labels=[0.0] * 4, scaling="none", batch_size=2, horizon=2)
    observation, _ = env.reset()
    batch, _ = make("bayes_ucb(belief=linear(noise_std=0.1))", env).predict(observation)
    assert {int(item) // 2 for item in batch} == {0, 1}


def test_looking_ahead_at_what_is_in_flight_pays() -> None:
    """With late labels, UCB does better when it knows of the items in flight than when it does not."""
    settings = {"num_items": 200, "num_features": 10, "horizon": 40, "delay": 10}

    def regret(text: str, ahead: bool) -> np.ndarray:
        agent = make(text, gym.make(LINEAR, **settings))
        agent.rule.looks_ahead = ahead
        result = evaluate(LINEAR, agent, episodes=200, env_kwargs=settings).regret
        assert result is not None
        return result

    difference = regret("bayes_ucb(width=2)", False) - regret("bayes_ucb(width=2)", True)
    assert difference.mean() > 3 * difference.std() / 200**0.5


@pytest.mark.parametrize("env_id", COUNTED)
def test_every_agent_plays_where_labels_come_out_of_order_or_never(env_id: str) -> None:
    """It chooses what is legal, and the same alone as beside others."""
    lost: dict[str, Any] = {"batch_size": 2, "delay": ("geometric", 0.4), "loss": 0.3}
    settings = {**SHORT.get(env_id, {}), "horizon": 8, **lost}
    for text in available(gym.make(env_id, **settings)):
        chosen = []
        for count in (3, 1):
            vector = gym.make_vec(env_id, num_envs=count, **settings)
            agent, state = make(CHEAP.get(text, text), vector, seed=0), None
            observation = vector.reset(seed=5)[0]
            for _ in range(4):
                action, state = agent.predict(observation, state)
                legal = np.take_along_axis(observation["action_mask"], action, 1)
                assert legal.all(), text
                assert (action[:, 0] != action[:, 1]).all(), text
                chosen.append(action[0].tolist())
                observation = vector.step(action)[0]
        assert chosen[:4] == chosen[4:], text


@pytest.mark.parametrize("env_id", ["Linear", "Logistic", "Graph", "LowRank", "Unstructured"])
def test_an_ended_episode_has_fewer_items_than_a_batch(env_id: str) -> None:
    """An agent is asked once more there, and what it chooses is ignored; warnings are errors."""
    size = {"num_rows": 2, "num_cols": 5} if env_id == "LowRank" else {"num_items": 10}
    pool = {**size, "horizon": 8, "batch_size": 4}
    vector = gym.make_vec(f"discovery/{env_id}Pool-v0", num_envs=2, **pool)
    for name in available(vector):
        agent = make(name, vector)
        observation, state, start = vector.reset(seed=0)[0], None, np.ones(2, np.bool_)
        left = []
        for _ in range(4):
            left.append(observation["action_mask"].sum(1).tolist())
            action, state = agent.predict(observation, state, start)
            observation, _, start, _, _ = vector.step(action)
        assert left == [[10] * 2, [6] * 2, [2] * 2, [10] * 2], name


@pytest.mark.parametrize(
    ("env_id", "text"),
    [
        ("discovery/LogisticPool-v0", "bayes_ucb"),
        (LINEAR, "bayes_ucb(belief=gp)"),
        (GRAPH, "ids"),
    ],
)
def test_a_memory_of_before_draws_were_kept_is_read(env_id: str, text: str) -> None:
    """It has no name of what is kept, and a graph's ends were kept under another one."""
    vector = gym.make_vec(env_id, num_envs=2)
    agent = make(text, vector, seed=0)
    first, _ = vector.reset(seed=0)
    action, memory = agent.predict(first)
    second = vector.step(action)[0]
    expected = agent.predict(second, pickle.loads(pickle.dumps(memory)))[0]
    held = vars(memory.rest)
    held.pop("_kept", None)
    if env_id == GRAPH:
        held.pop("_pairs")
        held["_ends"] = None
    np.testing.assert_array_equal(agent.predict(second, memory)[0], expected)


def test_what_is_random_is_not_replaced() -> None:
    """It follows from the seed, the episode and the decision: a generator of one's own is refused."""
    agent = make("thompson", gym.make_vec(LINEAR, num_envs=2))
    with pytest.raises(AttributeError):
        agent.random = np.random.default_rng(0)
