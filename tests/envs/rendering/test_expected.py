"""What pictures say before and beside an episode: its expected course, chance, information."""

import gymnasium as gym
import numpy as np
import pytest
from families import CAMPAIGNS

from discovery_gym.agents import make
from discovery_gym.agents.thoughts import with_thoughts
from discovery_gym.envs.core import registered
from discovery_gym.envs.rendering.picture import Cloud, Curves, Profile


def first(env_id, **kwargs):
    """Return a model, and the trace of an episode in which nothing was done."""
    env = gym.make(env_id, **kwargs).unwrapped
    observation, _ = env.reset(seed=3)
    return env.model, [(None, 0.0, observation)]


def played(env_id, agent, steps, seed=3, **kwargs):
    env = gym.make(env_id, **kwargs).unwrapped
    agent = make(agent, env)
    observation, _ = env.reset(seed=seed)
    trace, state, ended = [(None, 0.0, observation)], None, False
    while len(trace) <= steps and not ended:
        action, state = agent.predict(observation, state)
        observation, reward, ended, *_ = env.step(action)
        trace.append((action, reward, observation))
    return env.model, agent, trace


@pytest.mark.parametrize("env_id", registered())
def test_the_first_picture_says_something(env_id):
    """Axes alone are about 1 % of a picture; a sentence, a course or a map is more."""
    env = gym.make(env_id, render_mode="rgb_array", render_size="card")
    env.reset(seed=1)
    ink = (env.render().min(2) < 225).mean()
    assert ink > 0.02


def test_a_card_has_larger_letters_and_other_sizes_are_refused():
    frames, small = {}, {"horizon": 50}
    for size in ("full", "card"):
        for make_it in (gym.make, lambda *a, **k: gym.make_vec(*a, num_envs=1, **k)):
            env = make_it(
                "discovery/GaussianStep-v0", **small, render_mode="rgb_array", render_size=size
            )
            env.reset(seed=1)
            frame = env.render()
            frames.setdefault(size, []).append(frame[0] if isinstance(frame, tuple) else frame)
    for one, many in frames.values():
        np.testing.assert_array_equal(one, many)
    assert (frames["full"][0] != frames["card"][0]).any()
    with pytest.raises(ValueError, match="render_size"):
        gym.make("discovery/GaussianStep-v0", render_size="huge")


def test_the_course_of_a_ladder_is_that_of_its_exact_law():
    """With one batch size, rung x is left with a known chance p(x) in each epoch: a Markov chain."""
    target, size, scale = 6, 4, 20.0
    model, trace = first(
        "discovery/KnowledgeLadder-v0",
        target=target,
        batch_sizes=(size,),
        p_scale=scale,
        horizon=60,
    )
    course = model.picture(trace).panels[0].course()
    up = 1 - (1 - (np.arange(target) + 1) / scale) ** size
    law, mean = np.eye(target + 1)[0], []
    for _ in course.mean:
        mean.append(law @ np.arange(target + 1))
        law = law - np.append(law[:-1] * up, 0) + np.append(0, law[:-1] * up)
    error = 4 * target / 2 / 256**0.5  # four standard errors, of what lies between 0 and the target
    np.testing.assert_allclose(course.mean, mean, atol=error)
    assert np.abs(course.mean - mean).max() > 0  # simulated
    assert (course.low <= course.high).all()
    assert (course.mean[0], course.mean[-1]) == (0, target)


@pytest.mark.parametrize("env_id", CAMPAIGNS)
def test_every_campaign_has_a_course_and_one_that_is_refused_does_without(env_id):
    """It is of what the curve shows: against curves of other episodes of the optimum."""
    model, trace = first(env_id)
    course = model.picture(trace).panels[0].course()
    assert len(course.mean) > 1
    curves = []
    for seed in range(8):
        model, _, trace = played(env_id, "optimal", 4, seed=seed)
        values = model.picture(trace).panels[0].series[0].values
        curves.append(np.pad(values, (0, 5 - len(values)), "edge"))
    error = np.std(curves, 0) / 8**0.5
    expected = np.pad(course.mean, (0, 4), "edge")[:5]
    assert (np.abs(np.mean(curves, 0) - expected) < 4 * error + 0.05).all()
    if env_id == "discovery/BinomialDiscovery-v0":
        many = {"beta_priors": ((1, 9),) * 6, "objective": "count", "horizon": 1000}
        model, trace = first(env_id, **many)
        assert model.picture(trace).panels[0].course() is None


def test_pools_show_chance_and_an_oracle():
    model, trace = first("discovery/UnstructuredPool-v0", num_items=30, horizon=10)
    sums = model.picture(trace).panels[1]
    np.testing.assert_allclose(sums.course().mean, np.arange(11) * model.random_value() / 10)
    assert sums.goal == model.optimal_value()
    model, trace = first("discovery/LinearPool-v0", budget=20.0, price=2.0)
    assert model.picture(trace).panels[1].course() is None  # labels are not what chance counts


def test_a_matrix_is_its_own_map_and_the_hubs_of_a_graph_are_in_the_middle():
    model, trace = first("discovery/LowRankPool-v0", num_rows=4, num_cols=3, rank=1, horizon=5)
    cloud = model.picture(trace).panels[-1]
    assert cloud.names == ("column", "row")
    np.testing.assert_array_equal(cloud.points[7], [1, -2])
    model, trace = first("discovery/GraphPool-v0", num_items=200, topology="star", hub_fraction=0.1)
    hubs = trace[0][2]["hubs"] > 0
    (cloud,) = (one for one in model.picture(trace).panels if isinstance(one, Cloud))
    far = np.linalg.norm(cloud.points, axis=1)
    assert far[hubs].max() < far[~hubs].min()


def test_maps_show_the_posterior_of_who_plays():
    """Against ridge regression, whose mean is the posterior mean of the linear model."""
    kwargs = {"num_items": 20, "num_features": 3, "horizon": 10, "noise_std": 0.5}
    model, agent, trace = played("discovery/LinearPool-v0", "greedy", 6, **kwargs)
    plain = model.picture(trace)
    assert plain.panels[-1].believed is None
    cloud = with_thoughts(plain, agent, trace).panels[-1]
    seen = trace[-1][2]
    x, items = seen["features"].reshape(20, 3).astype(float), seen["labelled"][:6]
    precision = x[items].T @ x[items] / 0.25 + np.eye(3)
    mean = x @ np.linalg.solve(precision, x[items].T @ seen["labels"][:6] / 0.25)
    np.testing.assert_allclose(cloud.believed, mean, rtol=1e-3, atol=1e-3)
    before = with_thoughts(model.picture(trace[:1]), agent, trace[:1]).panels[-1]
    np.testing.assert_allclose(before.believed, 0, atol=1e-6)
    assert (before.sure < cloud.sure).all()
    still = make("random", model)
    assert with_thoughts(plain, still, trace).panels[-1] is plain.panels[-1]


def test_designs_show_what_each_setting_would_tell():
    """A count of 50 people says r(t) = H(y) - E[H(y | rate)]: summed here over the prior's nodes."""
    from scipy.special import xlogy
    from scipy.stats import binom

    model, trace = first("discovery/DeathProcess-v0")
    profile = model.picture(trace).panels[-1]
    assert isinstance(profile, Profile)
    assert profile.last is None
    posterior = model.new_posterior(1)
    posterior.reset(np.arange(1), ())
    rate, weight = posterior.theta[:, 0], np.exp(posterior.log_weights[0])
    for i in (5, 40):
        chance = binom.pmf(np.arange(51), 50, -np.expm1(-rate * profile.choices[i])[:, None])
        mean = weight @ chance
        nats = weight @ xlogy(chance, chance).sum(1) - xlogy(mean, mean).sum()
        assert profile.values[i] == pytest.approx(nats, rel=1e-6)


def test_information_falls_once_it_was_gathered_and_the_last_setting_is_marked():
    for env_id, kind in (
        ("discovery/DeathProcess-v0", Profile),
        ("discovery/LinearGaussianDesign-v0", Cloud),
        ("discovery/SimulatorDesign-v0", Profile),
    ):
        model, _, trace = played(env_id, "greedy_eig", 2)
        before, after = (model.picture(trace[:k]).panels[-1] for k in (1, 3))
        assert isinstance(after, kind)
        assert 0 < after.values.max() < before.values.max()
        chosen = after.last if kind is Profile else after.points[after.last]
        low, high = model.ranges
        setting = model.setting(np.asarray(trace[-1][0])[None])[0]
        if kind is Cloud:
            assert np.abs(chosen - (setting - low) / (high - low)).max() < 0.05
        else:
            assert chosen == pytest.approx(setting[0])


def test_particles_are_drawn_by_who_follows_them():
    model, agent, trace = played("discovery/LocationFinding-v0", "greedy_eig", 1, num_particles=100)
    plain = model.picture(trace)
    assert all(isinstance(one, Curves) for one in plain.panels)
    cloud = with_thoughts(plain, agent, trace).panels[-1]
    assert isinstance(cloud, Cloud)
    assert np.isfinite(cloud.values).all()
