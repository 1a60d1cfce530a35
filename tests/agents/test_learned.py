"""The learned rule: what it looks at, that it starts as Bayes-UCB, and files that are not its own."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.beliefs import GaussianProcess, Linear, Nodes
from discovery_gym.agents.rules import Learned
from discovery_gym.agents.rules.learned import Network, between, look

LINEAR, GRAPH, TABLE = (f"discovery/{name}-v0" for name in ("LinearPool", "GraphPool", "TablePool"))


def trained(seed: int = 0) -> Network:
    """Return a network in which every weight matters."""
    new = Network.new(0.1, 4, np.random.default_rng(seed))
    random = np.random.default_rng(seed + 1)
    return new.with_vector(random.standard_normal(new.vector.shape))


def pools(episodes: int = 3, **kwargs: Any) -> list[tuple[Any, Any, Any]]:
    """Return an observation after some labels, and the belief that it leaves, of three kinds of pool."""
    out = []
    for env_id, belief_class, settings in (
        (LINEAR, Linear, {"num_items": 30, "num_features": 4, "horizon": 12}),
        (GRAPH, Nodes, {"num_items": 30, "topology": "star", "hub_fraction": 0.1, "horizon": 12}),
        (TABLE, GaussianProcess, {"dataset": "diabetes", "horizon": 12}),
    ):
        vector = gym.make_vec(env_id, num_envs=episodes, **settings)
        observation, _ = vector.reset(seed=0)
        for item in (3, 7, 11):
            observation = vector.step(np.full(episodes, item))[0]
        belief = belief_class(vector.model, episodes)
        belief.update(observation, np.ones(episodes, np.bool_))
        belief.left = observation["steps_left"][:, 0].astype(np.int64)
        out.append((vector, observation, belief))
    return out


def test_untrained_it_is_bayes_ucb() -> None:
    network = Network.new(0.3, 4, np.random.default_rng(0))
    for vector, _, _ in pools():
        ucb, ours = make("bayes_ucb(width=0.3)", vector, seed=1), make("greedy", vector, seed=1)
        ours.rule = Learned(network)
        observation, state, other = vector.reset(seed=5)[0], None, None
        for _ in range(11):
            action, state = ucb.predict(observation, state)
            same, other = ours.predict(observation, other)
            np.testing.assert_array_equal(action, same)
            observation = vector.step(action)[0]


def test_another_order_of_the_items_gives_the_same_scores_in_that_order() -> None:
    """On features, by a table whose rows are shuffled; labels come without noise."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 3)), random.standard_normal(40)
    order = random.permutation(40)
    scores = []
    for rows, chosen in ((np.arange(40), order[:6]), (order, np.arange(6))):
        vector = gym.make_vec(
            TABLE, num_envs=1, features=x[rows], labels=y[rows], scaling="none", horizon=15
        )
        observation, _ = vector.reset(seed=0)
        for item in chosen:
            observation = vector.step(np.array([item]))[0]
        belief = Linear(vector.model, 1, noise_std=0.5)
        belief.update(observation, np.ones(1, np.bool_))
        belief.left = np.array([9])
        _, inputs = look(belief, observation["action_mask"], random)
        scores.append(trained()(inputs)[0])
    assert np.ptp(scores[1]) > 0.1
    np.testing.assert_allclose(scores[0][order], scores[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_the_unit_of_the_label_does_not_matter(unit: float) -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((40, 3)), random.standard_normal(40)
    inputs = []
    for scale in (1.0, unit):
        vector = gym.make_vec(
            TABLE, num_envs=1, features=x, labels=scale * y, scaling="none", horizon=15
        )
        observation, _ = vector.reset(seed=0)
        for item in (1, 2, 3):
            observation = vector.step(np.array([item]))[0]
        belief = Linear(vector.model, 1, prior_std=scale, noise_std=0.5 * scale)
        belief.update(observation, np.ones(1, np.bool_))
        belief.left = np.array([12])
        inputs.append(look(belief, observation["action_mask"], random)[1])
    np.testing.assert_allclose(inputs[0], inputs[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("left", [1, 4, 27])
def test_inputs_against_their_definitions(left: int) -> None:
    for vector, observation, belief in pools():
        belief.left[:] = left
        mask = observation["action_mask"]
        (level, v), inputs = look(belief, mask, np.random.default_rng(0))
        assert np.isfinite(inputs).all()
        mean, std, legal = belief.mean()[1], belief.std()[1], mask[1] > 0
        ranked = np.sort(mean[legal])[::-1]
        count = min(left, legal.sum() - 1)
        threshold = (ranked[count - 1] + ranked[count]) / 2
        scale = np.sqrt((std[legal & (mean >= threshold)] ** 2).mean())
        np.testing.assert_allclose(level[1], mean / scale)
        np.testing.assert_allclose(v[1], std / scale)
        gap = np.clip((mean - threshold) / scale, -4, 4)
        np.testing.assert_allclose(inputs[1, :, 0], gap, rtol=1e-4, atol=1e-4)
        draws = mean + std * np.random.default_rng(0).standard_normal((20_000, len(mean)))
        short = np.maximum(threshold - draws, 0).mean(0) / scale
        np.testing.assert_allclose(inputs[1, :, 3], np.minimum(short, 4), atol=0.05)
        assert (inputs[..., 4] <= 1).all()
        assert (inputs[1, ~legal, 4] == 0).all()
        vector.close()


def test_reduction_is_what_a_label_takes_from_the_variances() -> None:
    """Against looking ahead at a label of each item in turn, exact for Gaussian beliefs."""
    random = np.random.default_rng(0)
    for vector, _, belief in pools()[:2]:
        weight = random.random(belief.mean().shape)
        reduction = belief.reduction(weight, random)
        before = (weight * belief.std() ** 2).sum(1)
        for item in range(0, 30, 5):
            ahead = belief.look_ahead(np.full((3, 1), item))
            after = (weight * ahead.std() ** 2).sum(1)
            np.testing.assert_allclose(reduction[:, item], before - after, rtol=1e-3)
        vector.close()
    few = np.zeros((3, 30))
    few[:, [2, 9]] = 1.0
    linear = pools()[0][2]
    general = super(Linear, linear).reduction(few, random)
    np.testing.assert_allclose(general, linear.reduction(few, random), rtol=1e-3)


@pytest.mark.parametrize("size", [2, 7, 400])
def test_the_same_weights_play_any_size(size: int) -> None:
    for env_id, settings in ((LINEAR, {"num_features": 3}), (GRAPH, {"edge_prob": 0.5})):
        vector = gym.make_vec(
            env_id, num_envs=2, num_items=size, horizon=2, illegal="raise", **settings
        )
        agent, state = make("learned", vector), None
        observation, _ = vector.reset(seed=0)
        for _ in range(2):
            action, state = agent.predict(observation, state)
            observation = vector.step(action)[0]


def test_between() -> None:
    values = np.array([[3.0, 1.0, 2.0, -np.inf], [5.0, 4.0, 4.0, 0.0]])
    np.testing.assert_array_equal(between(values, np.array([1, 2])), [2.5, 4.0])
    np.testing.assert_array_equal(between(values, np.array([3, 4])), [1.0, 0.0])


def test_one_network_for_each_episode() -> None:
    one, other = trained(0), trained(1)
    inputs = np.random.default_rng(0).random((2, 5, 9), np.float32)
    both = one.with_vector(np.concatenate([one.vector, other.vector]))(inputs)
    np.testing.assert_allclose(both[0], one(inputs)[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both[1], other(inputs)[1], rtol=1e-4, atol=1e-5)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(trained().to_json())
    env = gym.make(LINEAR)
    agent = make(f"learned(weights={str(path)!r}, belief=linear(noise_std=2))", env)
    np.testing.assert_allclose(agent.rule.network.vector, trained().vector, atol=1e-6)


def test_the_weights_of_the_package_say_where_they_come_from() -> None:
    about = Network.load().about
    assert about["training"]["seed"] >= 0
    assert about["command"].startswith("python -m discovery_gym.experiments.training_pools")


class Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was executed",))


GOOD = trained().to_json()
WRONG = {
    "empty": b"",
    "truncated": GOOD[: len(GOOD) // 2].encode(),
    "pickle": pickle.dumps(Bomb()),
    "binary": bytes(range(256)),
    "other JSON": b"[1, 2]",
    "other format": GOOD.replace('"format": 1', '"format": 9').encode(),
    "too few weights": json.dumps(json.loads(GOOD) | {"weights": [1.0]}).encode(),
    "words": json.dumps(json.loads(GOOD) | {"weights": ["a"] * 58}).encode(),
    "not finite": GOOD.replace('"weights": [', '"weights": [NaN, ', 1).encode(),
    "nothing about it": json.dumps(json.loads(GOOD) | {"about": 3}).encode(),
    "width": json.dumps(json.loads(GOOD) | {"width": -1}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_bytes(WRONG[name])
    with pytest.raises(InputError, match="is not a file of weights"):
        make(f"learned(weights={str(path)!r})", gym.make(LINEAR))


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match="There is no file nowhere"):
        make("learned(weights='nowhere.json')", gym.make(LINEAR))
    with pytest.raises(InputError, match="name of a file"):
        make("learned(weights=3)", gym.make(LINEAR))
