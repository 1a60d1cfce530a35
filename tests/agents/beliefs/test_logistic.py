"""The logistic belief: its mode, Laplace against quadrature, moments, labels to come."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.special import expit

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Linear, Logistic
from discovery_gym.agents.beliefs.belief import Belief
from discovery_gym.agents.beliefs.logistic import SPREAD, sigmoid_normal
from discovery_gym.experiments.runs.evaluation import evaluate

POOL, TABLE = "discovery/LogisticPool-v0", "discovery/TablePool-v0"


def play(steps: int, episodes: int = 3, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Label random items; return the environment, the observation and what is hidden."""
    vector = gym.make_vec(kwargs.pop("env_id", POOL), num_envs=episodes, reveal=True, **kwargs)
    random = np.random.default_rng(0)
    observation, info = vector.reset(seed=0)
    for _ in range(steps):
        chance = random.random(observation["action_mask"].shape) * observation["action_mask"]
        observation, _, _, _, info = vector.step(chance.argmax(1))
    return vector, observation, info


def learnt(observation: Any, model: Any, **settings: Any) -> Logistic:
    belief = Logistic(model, len(observation["labelled"]), **settings)
    belief.update(observation, np.ones(len(observation["labelled"]), np.bool_))
    return belief


def seen(vector: Any, observation: Any, i: int) -> tuple[Any, Any, Any]:
    """Return all features, those of the labelled items and their labels, of episode i."""
    x = vector.model.feature_matrix(observation).astype(float)[i]
    known = observation["labelled"][i] >= 0
    return x, x[observation["labelled"][i][known]], observation["labels"][i][known].astype(float)


def test_sigmoid_of_a_normal_against_quadrature() -> None:
    z, step = np.linspace(-12, 12, 100_001, retstep=True)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * step
    mean, variance = np.meshgrid([-40.0, -3.0, 0.0, 0.3, 2.0, 9.0], [0.0, 0.01, 1.0, 30.0, 400.0])
    value, slope, bend = sigmoid_normal(mean, variance)
    for place in np.ndindex(mean.shape):
        f = expit(mean[place] + variance[place] ** 0.5 * z)
        assert value[place] == pytest.approx(weight @ f, abs=3e-9)
        assert slope[place] == pytest.approx(weight @ (f * (1 - f)), abs=1e-7)
        assert bend[place] == pytest.approx(weight @ (f * (1 - f) * (1 - 2 * f)), abs=1e-6)


@pytest.mark.parametrize("prior", [0.1, 1.0, 100.0])
def test_mode_and_hessian_are_exact(prior: float) -> None:
    """The gradient vanishes, also where the prior hardly holds what could be separated."""
    vector, observation, _ = play(15, num_features=6)
    belief = learnt(observation, vector.model, prior_std=prior)
    for i in range(3):
        _, a, y = seen(vector, observation, i)
        mode = belief._mode[i]
        p = expit(a @ mode)
        hessian = a.T @ (a * (p * (1 - p))[:, None]) + np.eye(6) / prior**2
        gradient = a.T @ (y - p) - mode / prior**2
        # in posterior standard deviations
        assert gradient @ np.linalg.solve(hessian, gradient) < 1e-14
        np.testing.assert_allclose(belief._hessian[i], hessian, rtol=1e-3, atol=1e-4 / prior**2)
        np.testing.assert_allclose(
            belief._root[i] @ belief._root[i].T @ hessian, np.eye(6), atol=1e-3
        )


def test_warm_start_is_cold_start() -> None:
    """An agent that was there all along believes what one does that joins late."""
    vector = gym.make_vec(POOL, num_envs=4, horizon=40)
    agent = make("thompson", vector)
    observation, _ = vector.reset(seed=0)
    state, start = None, np.ones(4, np.bool_)
    for t in range(60):  # into a second episode
        actions, state = agent.predict(observation, state, start)
        if t % 20 == 19 or t == 41:
            late = learnt(observation, vector.model)
            np.testing.assert_allclose(state.rest._mode, late._mode, atol=1e-5)
            np.testing.assert_allclose(state.rest.mean(), late.mean(), atol=1e-5)
            np.testing.assert_allclose(state.rest.std(), late.std(), atol=1e-4)
        observation, _, start, _, _ = vector.step(actions)


@pytest.mark.parametrize(("d", "steps"), [(1, 4), (1, 30), (2, 6), (2, 40)])
def test_laplace_against_quadrature(d: int, steps: int) -> None:
    """Means and standard deviations of probabilities are those of the true posterior, nearly."""
    vector, observation, _ = play(steps, 4, num_features=d, num_items=60, horizon=50)
    belief = learnt(observation, vector.model)
    grid = np.linspace(-6, 6, 151)
    theta = np.stack(np.meshgrid(*[grid] * d), -1).reshape(-1, d)
    for i in range(4):
        x, a, y = seen(vector, observation, i)
        log = -np.logaddexp(0, -(2 * y - 1) * (theta @ a.T)).sum(1) - (theta**2).sum(1) / 2
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        f = expit(theta @ x.T)
        mean = weight @ f
        std = np.sqrt(weight @ (f - mean) ** 2)
        assert np.abs(belief.mean()[i] - mean).max() < 0.05
        assert np.abs(belief.std()[i] - std).max() < 0.04
        assert np.abs(belief.mean()[i] - mean).mean() < 0.02


def test_prediction_is_calibrated() -> None:
    """Among items predicted alike, nearly as many succeed as predicted.

    Laplace is known to be too timid where little is known; here by up to 0.045.
    """
    vector, observation, info = play(25, 300, num_features=8, num_items=60, horizon=30)
    mean = learnt(observation, vector.model).mean()
    for low in np.arange(0, 1, 0.1):
        alike = (mean >= low) & (mean < low + 0.1)
        assert abs(mean[alike].mean() - info["values"][alike].mean()) < 0.06


def test_what_the_best_item_explains_is_the_definition() -> None:
    vector, observation, _ = play(10, num_items=80, horizon=20)
    belief, mask = learnt(observation, vector.model), observation["action_mask"]
    quick = belief.about_best(4000, mask, np.random.default_rng(1))
    plain = Belief.about_best(belief, 4000, mask, np.random.default_rng(2))
    for ours, theirs in zip(quick, plain, strict=True):
        assert ours.shape == theirs.shape == (3, 80)
        assert np.abs(ours - theirs).max() < 0.2 * np.abs(theirs).max()
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97


def test_look_ahead_is_the_hessian_of_more_items() -> None:
    vector, observation, _ = play(12, num_features=5)
    belief = learnt(observation, vector.model)
    before = belief.mean().copy(), belief.std().copy(), belief._hessian.copy()
    items = np.array([[3, 100], [7, -1], [-1, -1]])
    ahead = belief.look_ahead(items)
    for i in range(3):
        x, a, _ = seen(vector, observation, i)
        a = np.concatenate([a, x[items[i][items[i] >= 0]]])
        p = expit(a @ belief._mode[i])
        hessian = a.T @ (a * (p * (1 - p))[:, None]) + np.eye(5)
        np.testing.assert_allclose(ahead._hessian[i], hessian, rtol=1e-4, atol=1e-4)
        variance = np.einsum("nd,de,ne->n", x, np.linalg.inv(hessian), x)
        mean, slope, _ = sigmoid_normal(x @ belief._mode[i], variance)
        np.testing.assert_allclose(ahead.std()[i], np.sqrt(mean - slope - mean**2), atol=1e-4)
    np.testing.assert_array_equal(ahead.mean(), before[0])
    assert (ahead.std()[:1] < before[1][:1]).all()
    twice = belief.look_ahead(items[:, :1]).look_ahead(items[:, 1:])
    np.testing.assert_allclose(twice.std(), ahead.std(), atol=1e-7)
    np.testing.assert_array_equal(twice.mean(), ahead.mean())
    for was, now in zip(before, (belief.mean(), belief.std(), belief._hessian), strict=True):
        np.testing.assert_array_equal(was, now)


def test_given_against_quadrature() -> None:
    """What a label would change, against sums over theta on a grid under the same normal belief."""
    vector, observation, _ = play(5, num_features=2, num_items=40, horizon=10)
    belief = learnt(observation, vector.model)
    items = np.tile(np.arange(40), (3, 1))
    failure, success = belief.given(items)
    grid = np.stack(np.meshgrid(*[np.linspace(-7, 7, 281)] * 2), -1).reshape(-1, 2)
    weight = np.exp(-(grid**2).sum(1) / 2)
    weight /= weight.sum()
    for i in range(3):
        x, *_ = seen(vector, observation, i)
        f = expit((belief._mode[i] + grid @ belief._root[i].T) @ x.T)
        mean, both = weight @ f, (f * weight[:, None]).T @ f
        np.testing.assert_allclose(success[i], both / mean[:, None], atol=0.02)
        np.testing.assert_allclose(failure[i], (mean - both) / (1 - mean)[:, None], atol=0.02)
        p = belief.mean()[i][:, None]
        np.testing.assert_allclose(
            p * success[i] + (1 - p) * failure[i], np.tile(mean, (40, 1)), atol=1e-4
        )


def test_binary_tables() -> None:
    """A table of 0 and 1 is believed to be logistic; its features are shared by the episodes."""
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 3))
    y = (x @ [2.0, -1.0, 0.0] > 0).astype(float)
    kwargs = {"env_id": TABLE, "features": x, "labels": y, "scaling": "none", "horizon": 40}
    vector, observation, info = play(30, **kwargs)
    belief = make("greedy", vector).new_belief(3)
    assert isinstance(belief, Logistic)
    belief.update(observation, np.ones(3, np.bool_))
    assert len(belief._x) == 1
    assert ((belief.mean() > 0.5) == (info["values"] == 1)).mean() > 0.9
    for call in (belief.given, belief.look_ahead):
        call(np.array([[0], [1], [2]]))
    assert not Logistic.fits(
        gym.make_vec(TABLE, num_envs=1, noise_std=0.1, features=x, labels=y).model
    )


def test_which_agents_fit() -> None:
    env = gym.make(POOL)
    assert {"greedy", "thompson", "ids", "bayes_ucb", "linucb"} <= set(available(env))
    assert isinstance(make("greedy", env).new_belief(1), Logistic)
    assert isinstance(make("greedy(belief=linear)", env).new_belief(1), Linear)
    assert not Logistic.fits(gym.make("discovery/LinearPool-v0").unwrapped.model)


def test_other_labels_are_refused() -> None:
    x, y = [[0.0], [1.0], [2.0]], [0.25, 0.5, 0.75]
    vector, observation, _ = play(3, env_id=TABLE, features=x, labels=y, horizon=3)
    item, label = observation["labelled"][0, 0], observation["labels"][0, 0]
    message = rf"labels 0 and 1, got {label:g} for item {item}; use belief=linear"
    with pytest.raises(InputError, match=message):
        learnt(observation, vector.model)
    with pytest.raises(InputError, match=r"prior_std.*> 0.*0"):
        make("greedy(belief=logistic(prior_std=0))", gym.make(POOL))


def table(steps: int, scale: float = 1.0, shift: float = 0.0, **kwargs: Any) -> Logistic:
    """Return the belief about a table after some labels, with features in another unit."""
    random = np.random.default_rng(3)
    x = random.standard_normal((50, 2)) * [1.0, 30.0] + [0.0, 5.0]
    y = (x @ [1.0, 0.02] + 0.4 * random.standard_normal(50) > 0.5).astype(float)
    x = scale * x + shift
    vector, observation, _ = play(steps, env_id=TABLE, features=x, labels=y, horizon=40)
    return learnt(observation, vector.model, **kwargs)


@pytest.mark.parametrize("steps", [0, 1, 8, 30])
@pytest.mark.parametrize(("scale", "shift"), [(100.0, 0.0), (1e-3, 0.0), (-1.0, 40.0)])
def test_tables_are_free_of_units(scale: float, shift: float, steps: int) -> None:
    """Features in another unit, counted from another zero, are believed the same."""
    ours, theirs = table(steps), table(steps, scale, shift)
    np.testing.assert_allclose(theirs.mean(), ours.mean(), atol=1e-5)
    np.testing.assert_allclose(theirs.std(), ours.std(), atol=1e-5)


@pytest.mark.parametrize("steps", [0, 3, 30])
def test_table_by_the_formula(steps: int) -> None:
    """The mode of logistic regression on standardised features, with an intercept of its own prior."""
    belief = table(steps)
    vector, observation, _ = play(
        steps, env_id=TABLE, features=belief.model.features, labels=belief.model.labels, horizon=40
    )
    x = belief.model.features
    x = np.column_stack([np.ones(50), (x - x.mean(0)) / x.std(0) / 2**0.5])
    spread = np.pi / 3**0.5 * (1 + np.pi * SPREAD**2 / 8) ** 0.5  # prior std of the intercept
    precision = np.diag(np.array([spread, SPREAD, SPREAD]) ** -2)
    for i in range(3):
        _, _, y = seen(vector, observation, i)
        a = x[observation["labelled"][i][: len(y)]]
        theta = np.zeros(3)
        for _ in range(100):  # damped, so that it needs no line search
            p = expit(a @ theta)
            hessian = a.T @ (a * (p * (1 - p))[:, None]) + precision
            theta += 0.5 * np.linalg.solve(hessian, a.T @ (y - p) - precision @ theta)
        variance = np.einsum("nd,de,ne->n", x, np.linalg.inv(hessian), x)
        mean, slope, _ = sigmoid_normal(x @ theta, variance)
        np.testing.assert_allclose(belief.mean()[i], mean, atol=1e-4)
        np.testing.assert_allclose(belief.std()[i], np.sqrt(mean - slope - mean**2), atol=1e-4)


def test_any_share_of_successes() -> None:
    """A priori the share of successes in a table is nearly uniform."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((400, 6)), np.arange(400) % 2
    vector, observation, _ = play(0, env_id=TABLE, features=x, labels=y.astype(float))
    share = learnt(observation, vector.model).sample(4000, random).mean(2)[0]
    np.testing.assert_allclose(
        np.quantile(share, np.arange(1, 10) / 10), np.arange(1, 10) / 10, atol=0.06
    )


def test_tables_need_no_setting() -> None:
    """Of rare successes it finds about what the linear belief finds, in whatever unit."""
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 6)) * [1, 1e3, 1e-3, 1, 1, 1] + 3
    z = (x / x.std(0)) @ random.standard_normal(6) + 0.5 * random.standard_normal(200)
    y = (z > np.quantile(z, 0.8)).astype(float)
    kwargs = {"features": x, "labels": y, "rows": 0.5}
    score = {
        text: evaluate(TABLE, text, episodes=30, env_kwargs=kwargs).returns.mean()
        for text in ("greedy", "greedy(belief=linear)", "greedy(belief=logistic(prior_std=1))")
    }
    ours, linear, units = score.values()
    assert ours > 0.95 * linear
    assert ours > 1.1 * units


@pytest.mark.parametrize("prior_std", [1e4, 1e12])
def test_labels_that_are_certain(prior_std: float) -> None:
    """The mode is found, or nearly so, however steep the odds are."""
    vector = gym.make_vec(
        "discovery/LogisticPool-v0",
        10,
        num_items=12,
        num_features=3,
        horizon=9,
        prior_std=prior_std,
    )
    agent, state = make("bayes_ucb", vector), None
    observation, _ = vector.reset(seed=0)
    for _ in range(9):
        action, state = agent.predict(observation, state)
        observation, *_ = vector.step(action)
    assert np.isfinite(state.rest.mean()).all()
    assert np.isfinite(state.rest.std()).all()
