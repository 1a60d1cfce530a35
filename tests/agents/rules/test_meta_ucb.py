"""Meta-learned UCB: what it looks at, that it starts as Bayes-UCB, and files that are not its own."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from safetensors import numpy as numpy_format
from scipy.stats import norm

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.beliefs import GaussianProcess, Linear, Nodes
from discovery_gym.agents.rules import MetaUCB
from discovery_gym.agents.rules.meta_ucb import CONTEXT, FEATURES, FORMAT, Network, between, look
from discovery_gym.agents.weights import save

LINEAR, GRAPH, TABLE = (f"discovery/{name}-v0" for name in ("LinearPool", "GraphPool", "TablePool"))


def trained(seed: int = 0) -> Network:
    """Return a network in which every weight matters."""
    return Network.new(0.1, np.random.default_rng(seed).standard_normal(FEATURES * CONTEXT))


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
    network = Network.new(0.3)
    for vector, _, _ in pools():
        ucb, ours = make("bayes_ucb(width=0.3)", vector, seed=1), make("greedy", vector, seed=1)
        ours.rule = MetaUCB(network)
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
        _, features, context = look(belief, observation["action_mask"], random)
        scores.append(trained()(features, context)[0])
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
        inputs.append(look(belief, observation["action_mask"], random)[1:])
    for one, other in zip(*inputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("left", [1, 4, 27])
def test_inputs_against_their_definitions(left: int) -> None:
    """The risk by simulation, the others by their formulas."""
    for vector, observation, belief in pools():
        belief.left[:] = left
        mask = observation["action_mask"]
        random = np.random.default_rng(0)
        (level, v, rounding), features, context = look(belief, mask, random)
        assert np.isfinite(features).all()
        mean, std, legal = belief.mean()[1], belief.std()[1], mask[1] > 0
        ranked = np.sort(mean[legal])[::-1]
        count = min(left, legal.sum() - 1)
        threshold = (ranked[count - 1] + ranked[count]) / 2
        scale = np.sqrt((std[legal & (mean >= threshold)] ** 2).mean())
        np.testing.assert_allclose(level[1], mean / scale)
        np.testing.assert_allclose(v[1], std / scale)
        np.testing.assert_allclose(rounding[1], belief.rounding()[1] / scale)
        u, least, spread, risk, told = features[1]
        gap = (mean - threshold) / scale
        np.testing.assert_allclose(u, np.clip(gap, -4, 4), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(least, np.minimum(u, 0))
        np.testing.assert_allclose(spread, np.minimum(v[1], 4), rtol=1e-5)
        draws = gap + v[1] * random.standard_normal((20_000, len(mean)))
        wrong = np.where(gap > 0, np.maximum(-draws, 0), np.maximum(draws, 0)).mean(0)
        np.testing.assert_allclose(risk[legal], wrong[legal], atol=0.05)
        assert (risk[~legal] == 0).all()
        weight = np.where(legal, np.exp(-((gap / v[1]) ** 2) / 2) / v[1], 0.0)
        share = belief.reduction(np.tile(weight, (3, 1)), random)[1] / (weight * std**2).sum()
        np.testing.assert_allclose(told[legal] ** 2, share[legal], rtol=1e-3, atol=1e-5)
        assert (told[~legal] == 0).all()
        part = scale / (scale + mean[legal].std())
        open_ = risk.sum() / (risk.sum() + count)
        np.testing.assert_allclose(context[1], [1, part, open_, 2 * told[legal].std()], rtol=1e-4)
        vector.close()


def test_the_weight_of_a_variance_is_the_slope_of_the_risk() -> None:
    def risk(gap: float, var: float) -> float:
        far = abs(gap) / var**0.5
        return float(var**0.5 * (norm.pdf(far) - far * norm.sf(far)))

    for gap, v in ((0.0, 1.0), (-0.7, 0.5), (1.2, 2.0)):
        slope = (risk(gap, v**2 + 1e-5) - risk(gap, v**2 - 1e-5)) / 2e-5
        np.testing.assert_allclose(slope, norm.pdf(gap / v) / (2 * v), rtol=1e-4)


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
    np.testing.assert_allclose(general, linear.reduction(few, random), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("size", [2, 7, 400])
def test_the_same_weights_play_any_size(size: int) -> None:
    for env_id, settings in ((LINEAR, {"num_features": 3}), (GRAPH, {"edge_prob": 0.5})):
        vector = gym.make_vec(
            env_id, num_envs=2, num_items=size, horizon=2, illegal="raise", **settings
        )
        agent, state = make("meta_ucb", vector), None
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
    random = np.random.default_rng(0)
    features = random.random((2, FEATURES, 5), np.float32)
    context = random.random((2, CONTEXT), np.float32)
    together = Network.new(0.1, np.concatenate([one.weights, other.weights]))
    both = together(features, context)
    np.testing.assert_allclose(both[0], one(features, context)[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both[1], other(features, context)[1], rtol=1e-4, atol=1e-5)
    by_hand = np.einsum("fc,fn,c->n", one.weights[0], features[0], context[0])
    np.testing.assert_allclose(both[0], by_hand, rtol=1e-4, atol=1e-5)


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(GOOD)
    env = gym.make(LINEAR)
    agent = make(f"meta_ucb(weights={str(path)!r}, belief=linear(noise_std=2))", env)
    np.testing.assert_array_equal(agent.rule.network.weights, trained().weights)
    assert agent.rule.network.width == trained().width


def test_the_weights_of_the_package_say_where_they_come_from() -> None:
    about = Network.load().about
    assert about["training"]["seed"] >= 0
    assert about["command"].startswith("python -m discovery_gym.experiments.training_pools")


class Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was executed",))


GOOD = trained().to_bytes()
A = trained().weights
HEAD = {"format": FORMAT, "width": 0.1, "about": {}}
WRONG = {
    "empty": b"",
    "truncated": GOOD[:-40],
    "pickle": pickle.dumps(Bomb()),
    "binary": bytes(range(256)),
    "JSON": b"[1, 2]",
    "no head": numpy_format.save({"weights": A}),
    "other format": save({"weights": A}, HEAD | {"format": 1}),
    "other tensors": save({"layers.0.bias": A}, HEAD),
    "too few weights": save({"weights": A[:, :2]}, HEAD),
    "two networks": save({"weights": np.concatenate([A, A])}, HEAD),
    "no network": save({"weights": A[:0]}, HEAD),
    "no dimensions": save({"weights": np.float32(1.0)}, HEAD),
    "double precision": save({"weights": A.astype(np.float64)}, HEAD),
    "not finite": save({"weights": A * np.float32("nan")}, HEAD),
    "nothing about it": save({"weights": A}, HEAD | {"about": 3}),
    "width": save({"weights": A}, HEAD | {"width": -1}),
    "no width": save({"weights": A}, {"format": FORMAT, "about": {}}),
    "a list": save({"weights": A}, [1, 2]),
    "deep": numpy_format.save({"weights": A}, {"discovery_gym": "[" * 100_000}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(WRONG[name])
    with pytest.raises(InputError, match="is not a file of weights"):
        make(f"meta_ucb(weights={str(path)!r})", gym.make(LINEAR))


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match=r"There is no file 'nowhere\.safetensors'"):
        make("meta_ucb(weights='nowhere.safetensors')", gym.make(LINEAR))
    with pytest.raises(InputError, match="name of a file"):
        make("meta_ucb(weights=3)", gym.make(LINEAR))
