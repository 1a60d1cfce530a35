"""The unit and the zero of the label: what is believed of a y + c, and by which formula."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Linear, Logistic
from discovery_gym.agents.beliefs.belief import Belief
from discovery_gym.agents.beliefs.linear import NOISE

POOL, LINEAR, LOGISTIC = (
    f"discovery/{name}-v0" for name in ("TablePool", "LinearPool", "LogisticPool")
)
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((40, 5)) * [1.0, 1e-3, 1e5, 1.0, 0.0] + [0.0, 0.01, -1e5, 3.0, 2.0]
Y = X @ [0.5, 300.0, 1e-5, -0.3, 1.0] + 0.3 * RANDOM.standard_normal(40)
MAPS = [(0.01, 0.0), (1000.0, 0.0), (1.0, 1000.0), (0.01, -1000.0), (1000.0, 1000.0)]
TWO = np.greater(Y, np.quantile(Y, 0.7)).astype(float)


def learnt(labels: Any, items: Any, features: Any = X, **kwargs: Any) -> tuple[Any, Any]:
    """Return the belief about a table after labels of ``(B, t)`` items, and the environment."""
    settings = kwargs.pop("settings", {})
    vector = gym.make_vec(
        POOL, num_envs=len(items), features=features, labels=labels, **{"horizon": 30, **kwargs}
    )
    belief = Linear(vector.model, len(items), **settings)
    belief.update(vector.reset(seed=0)[0], np.ones(len(items), np.bool_))
    for column in np.transpose(items):
        belief.update(vector.step(column)[0], np.zeros(len(items), np.bool_))
    return belief, vector


def ridge(items: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return mean, covariance and noise variance by the normal equations of an augmented system.

    Ridge regression of standardised labels on standardised features, with an intercept that is not
    penalised: A = diag(0, I) + X_t' X_t / g, all in double precision.
    """
    varies = X.std(0) > 0
    x = (X - X.mean(0))[:, varies] / X.std(0)[varies] / np.sqrt(varies.sum())
    x = np.column_stack([np.ones(len(x)), x])
    labels = y[items]
    centre, unit = labels.mean(), 1.0
    if np.ptp(labels) > 0:
        unit = labels.std(ddof=1)
    a = np.diag([0.0, *np.ones(varies.sum())]) + x[items].T @ x[items] / NOISE
    inverse = np.linalg.inv(a)
    theta = inverse @ x[items].T @ ((labels - centre) / unit) / NOISE
    return centre + unit * x @ theta, unit**2 * x @ inverse @ x.T, NOISE * unit**2


@pytest.mark.parametrize("count", [1, 2, 3, 12, 30])
@pytest.mark.parametrize("labels", [Y, 1000 * Y - 1e6, np.full(40, 2.5)], ids=["y", "ay+c", "2.5"])
def test_closed_form(count: int, labels: Any) -> None:
    items = np.stack([np.random.default_rng(i).permutation(40)[:count] for i in range(3)])
    belief, _ = learnt(labels, items)
    covariance = belief.covariance(np.tile(np.arange(40), (3, 1)), RANDOM)
    noise = belief.noise_variance(items)
    assert noise.shape == items.shape
    for i in range(3):
        mean, exact, variance = ridge(items[i], labels)
        unit = np.sqrt(variance / NOISE)
        np.testing.assert_allclose(belief.mean()[i], mean, atol=1e-5 * unit)
        np.testing.assert_allclose(belief.std()[i], np.sqrt(np.diag(exact)), rtol=1e-4)
        np.testing.assert_allclose(covariance[i], exact, atol=1e-5 * unit**2)
        np.testing.assert_allclose(noise[i], variance, rtol=1e-9)
        np.testing.assert_allclose(belief.label_variance()[i], np.diag(exact) + variance, rtol=1e-4)


def test_the_prior_knows_no_label() -> None:
    """Mean 0, a variance of 1 on average, and no intercept until there is a label."""
    belief, _ = learnt(Y, np.zeros((2, 0), np.int64))
    assert (belief.mean() == 0).all()
    assert (belief.std() ** 2).mean() == pytest.approx(1.0, rel=1e-6)
    assert belief.sample(5, np.random.default_rng(0)).mean((0, 2)) == pytest.approx(0, abs=1e-6)


def test_draws_have_the_moments() -> None:
    belief, _ = learnt(1000 * Y + 5, np.array([[3, 1, 4, 15, 9, 26]]))
    draws = belief.sample(20_000, np.random.default_rng(0))[0]
    unit = belief.std()[0].max()
    np.testing.assert_allclose(draws.mean(0), belief.mean()[0], atol=0.04 * unit)
    np.testing.assert_allclose(draws.std(0), belief.std()[0], rtol=0.04)
    regret, explained = belief.about_best(4000, None, np.random.default_rng(1))
    same, told = Belief.about_best(belief, 4000, None, np.random.default_rng(2))
    np.testing.assert_allclose(regret, same, atol=0.1 * unit)
    np.testing.assert_allclose(explained, told, atol=0.05 * unit**2)


@pytest.mark.parametrize("known", [0, 1, 2, 9])
def test_looking_ahead_is_what_labels_leave(known: int) -> None:
    """Labels as expected leave what `look_ahead` says, in units of the labels before them."""
    items = np.stack([np.random.default_rng(i).permutation(40)[: known + 4] for i in range(3)])
    belief, _ = learnt(Y, items[:, :known])
    mean, std = belief.mean().copy(), belief.std().copy()
    ahead = belief.look_ahead(items[:, known:])
    np.testing.assert_array_equal(ahead.mean(), mean)
    np.testing.assert_array_equal(belief.std(), std)
    assert (ahead.std() <= std * (1 + 1e-6)).all()
    after, _ = learnt(Y, items)
    if known:  # the intercept counts as known, until there is a label
        own = np.sqrt(belief.noise_variance(items[:, :1]) / after.noise_variance(items[:, :1]))
        np.testing.assert_allclose(ahead.std(), after.std() * own, rtol=1e-3)
        # The closed form of a reduction is the fall of the variances that a label leaves.
        weight = np.random.default_rng(5).random(mean.shape)
        one = belief.look_ahead(items[:, known : known + 1])
        fall = (weight * (std**2 - one.std() ** 2)).sum(1)
        told = belief.reduction(weight, RANDOM)[np.arange(3), items[:, known]]
        np.testing.assert_allclose(told, fall, rtol=1e-3)


@pytest.mark.parametrize(("scale", "shift"), MAPS)
def test_belief_is_equivariant(scale: float, shift: float) -> None:
    items = np.stack([np.random.default_rng(i).permutation(40)[:9] for i in range(3)])
    belief, other = learnt(Y, items)[0], learnt(scale * Y + shift, items)[0]
    unit = scale * belief.std().max()
    np.testing.assert_allclose(other.mean(), scale * belief.mean() + shift, atol=1e-9 * unit)
    np.testing.assert_allclose(other.std(), scale * belief.std(), rtol=1e-9)
    weight = np.random.default_rng(5).random(Y.shape) * np.ones((3, 1))
    for power, method in (
        (2, lambda b: b.covariance(items, RANDOM)),
        (2, lambda b: b.reduction(weight, RANDOM)),
        (2, lambda b: b.noise_variance(items)),
        (2, lambda b: b.label_variance()),
        (1, lambda b: b.about_best(50, None, np.random.default_rng(0))[0]),
        (2, lambda b: b.about_best(50, None, np.random.default_rng(0))[1]),
    ):
        ours, theirs = scale**power * method(belief), method(other)
        np.testing.assert_allclose(theirs, ours, rtol=1e-7, atol=1e-7 * unit**power)


def sequence(text: str, labels: Any, noise: float = 0.0, **kwargs: Any) -> list[int]:
    """Return the choices of an agent on a table, after three that are given."""
    vector = gym.make_vec(
        POOL, num_envs=2, features=X, labels=labels, noise_std=noise, horizon=15, **kwargs
    )
    agent, state = make(text, vector, seed=3), None
    observation, _ = vector.reset(seed=4)
    size, out = kwargs.get("batch_size", 1), []
    for t in range(15 // size):
        action, state = agent.predict(observation, state)
        if not t and size == 1:
            action = np.array([5, 6])
        out += action.ravel().tolist()
        observation = vector.step(action)[0]
    return out


RULES = [
    rule for rule in available(gym.make(POOL)) if rule not in ("random", "linucb", "glm_ucb")
]  # the last two are the paper's bounds, in the unit of its labels


@pytest.mark.parametrize("kwargs", [{}, {"batch_size": 3, "delay": 2}], ids=["one", "late"])
@pytest.mark.parametrize("belief", ["linear", "gp"])
@pytest.mark.parametrize("rule", RULES)
def test_choices_do_not_depend_on_the_unit(rule: str, belief: str, kwargs: Any) -> None:
    text = f"{rule}(belief={belief})"
    ours = sequence(text, Y, 0.1, **kwargs)
    for scale, shift in [*MAPS, (1e15, 0.0), (1e-20, 0.0)]:
        assert sequence(text, scale * Y + shift, 0.1 * scale, **kwargs) == ours, (scale, shift)


@pytest.mark.parametrize("values", [(3.0, 7.0), (-1e9, -1e9 + 1), (0.0, 0.01)])
def test_two_values_are_binary(values: tuple[float, float]) -> None:
    """Whatever they are, the choices are those of labels 0 and 1, and beliefs are about labels."""
    low, high = values
    labels = np.where(TWO > 0, high, low)
    one, other = (gym.make(POOL, features=X, labels=y).unwrapped.model for y in (TWO, labels))
    assert (one.outcomes, other.outcomes) == ((0.0, 1.0), values)
    assert one.binary
    assert other.binary
    assert isinstance(make("greedy", other).new_belief(1), Logistic)
    assert {"ens", "active_search"} <= set(available(other))
    for rule in ("ens", "active_search", *(rule for rule in RULES if rule in available(other))):
        for kwargs in ({}, {"batch_size": 3, "delay": 1}):
            assert sequence(rule, labels, **kwargs) == sequence(rule, TWO, **kwargs), rule
    beliefs = []
    for y in (TWO, labels):
        vector = gym.make_vec(POOL, num_envs=1, features=X, labels=y, horizon=9)
        belief = Logistic(vector.model, 1)
        belief.update(vector.reset(seed=0)[0], np.ones(1, np.bool_))
        for item in (1, 5, 9):
            belief.update(vector.step(np.array([item]))[0], np.zeros(1, np.bool_))
        beliefs.append(belief)
    p, ours = beliefs
    unit = high - low
    np.testing.assert_array_equal(p.mean(), p.chance())
    np.testing.assert_array_equal(ours.chance(), p.chance())
    far = 1e-12 * max(map(abs, values)) + 1e-9 * unit
    np.testing.assert_allclose(ours.mean(), low + unit * p.mean(), atol=far)
    np.testing.assert_allclose(ours.std(), unit * p.std(), rtol=1e-12)
    np.testing.assert_allclose(ours.label_variance(), unit**2 * p.label_variance(), rtol=1e-12)
    draws = [belief.sample(4, np.random.default_rng(0)) for belief in beliefs]
    np.testing.assert_allclose(draws[1], low + unit * draws[0], atol=far)
    best = [belief.about_best(50, None, np.random.default_rng(0)) for belief in beliefs]
    np.testing.assert_allclose(best[1][0], unit * best[0][0], rtol=1e-12)
    np.testing.assert_allclose(best[1][1], unit**2 * best[0][1], rtol=1e-12)


def test_what_is_not_binary() -> None:
    for kwargs in ({"noise_std": 0.1}, {"labels": np.full(40, 1.0)}, {"labels": Y}):
        model = gym.make(POOL, **{"features": X, "labels": TWO, **kwargs}).unwrapped.model
        assert model.outcomes is None
        assert not model.binary
    assert gym.make(LOGISTIC).unwrapped.model.outcomes == (0.0, 1.0)
    assert gym.make(LINEAR).unwrapped.model.outcomes is None


def test_settings_and_priors_of_a_pool_are_in_label_units() -> None:
    """Any setting brings back the label's unit; what is left out is 1 and 0.1, or the pool's own."""
    items = np.array([[1, 2, 3]])
    for settings, prior, noise in (
        ({"prior_std": 2.0}, 2.0, 0.1),
        ({"noise_std": 0.5}, 1.0, 0.5),
        ({"prior_std": 2.0, "noise_std": 0.5}, 2.0, 0.5),
    ):
        belief, vector = learnt(Y, items, scaling="standard", settings=settings)
        x = vector.model.feature_matrix(vector.reset(seed=0)[0])[0].astype(float)
        a = np.eye(5) / prior**2 + x[items[0]].T @ x[items[0]] / noise**2
        mean = x @ np.linalg.solve(a, x[items[0]].T @ Y[items[0]] / noise**2)
        np.testing.assert_allclose(belief.mean()[0], mean, atol=1e-3 * np.abs(Y).max())
        assert (belief.noise_variance(items) == noise**2).all()
    for env_id in (LINEAR, LOGISTIC):
        model = gym.make(env_id, prior_std=3.0, num_items=9, horizon=2).unwrapped.model
        plain = Linear(model, 1)
        assert (plain.prior_std, plain.noise_std) == (3.0, 0.1)
        assert plain._mu.shape[1] == model.num_features


@pytest.mark.parametrize("labels", [1e9 + Y, 3e38 * Y / np.abs(Y).max(), 1e-37 * Y, 1e-9 * Y])
@pytest.mark.parametrize("belief", ["linear", "gp"])
def test_labels_of_any_size(labels: Any, belief: str) -> None:
    """Their differences are seen, and nothing overflows or vanishes."""
    for rule in ("greedy", "bayes_ucb", "thompson", "ids", "meta_ucb", "knowledge_gradient"):
        text = f"{rule}(belief={belief})"
        chosen = sequence(text, labels)
        if labels.min() < 1e8:  # beyond it, labels themselves are rounded
            assert chosen == sequence(text, Y)
    vector = gym.make_vec(POOL, num_envs=1, features=X, labels=labels, horizon=40)
    vector.reset(seed=0)
    for item in range(40):
        seen = vector.step(np.array([item]))[0]["labels"]
    np.testing.assert_array_equal(seen[0], labels)


@pytest.mark.parametrize("n", [1, 2])
def test_hardly_any_items(n: int) -> None:
    vector = gym.make_vec(POOL, num_envs=2, features=np.ones((n, 2)), labels=[4.0, 5.0][:n])
    for rule in available(vector):
        agent, state = make(rule, vector), None
        observation = vector.reset(seed=0)[0]
        action, state = agent.predict(observation, state)
        observation = vector.step(action)[0]
        if isinstance(getattr(state.rest, "model", None), type(vector.model)):
            state.rest.update(observation, np.zeros(2, np.bool_))
            assert np.isfinite(state.rest.mean()).all()
            assert np.isfinite(state.rest.std()).all()


@pytest.mark.parametrize("scale", [1e25, 1e-25])
@pytest.mark.parametrize("text", available(gym.make(POOL)))
def test_every_agent_plays_labels_of_any_size(text: str, scale: float) -> None:
    env = gym.make(POOL, features=X, labels=scale * Y, horizon=4)
    agent, state, ended = make(text, env), None, False
    observation, _ = env.reset(seed=0)
    while not ended:
        action, state = agent.predict(observation, state)
        assert observation["action_mask"][action]
        observation, _, ended, *_ = env.step(int(action))
