"""The outlook of an epoch: mean and variance of what it achieves, against other formulas and play."""

import gymnasium as gym
import numpy as np
import pytest
from families import CAMPAIGNS
from problems import NAMES, PROBLEMS
from scipy import integrate, stats

from discovery_gym.envs.campaigns.binomial_discovery import BinomialDiscovery
from discovery_gym.envs.campaigns.gaussian_step import GaussianStep
from discovery_gym.envs.campaigns.knowledge_ladder import KnowledgeLadder

PLAYED = [
    pytest.param(*problem, id=name)
    for problem, name in zip(PROBLEMS, NAMES, strict=True)
    if problem[0] in CAMPAIGNS
]


def test_gaussian_step():
    model = GaussianStep(target=9.0, stds=(0.5, 3.0), batch_sizes=(1, 7, 1000))
    for action in range(6):
        size, std = (int(model.choices["batch_size"][action]), float(model.choices["std"][action]))
        for x in (0.0, 5.5, 8.0, 8.99):
            mean, variance = model.outlook(np.array([[x, 5.0]]), np.array([action]))
            far = 9.0 - x

            def moment(power, size=size, std=std, far=far):
                def integrand(d):
                    return (
                        d**power
                        * size
                        * stats.norm.pdf(d / std)
                        / std
                        * (stats.norm.cdf(d / std) ** (size - 1))
                    )

                typical = [min(k * std, far) for k in (1, 2, 3, 4)]
                inside = integrate.quad(integrand, 0, far, points=typical, epsabs=1e-13, limit=200)
                return inside[0] + far**power * (1 - stats.norm.cdf(far / std) ** size)

            assert mean[0] == pytest.approx(moment(1), rel=1e-7, abs=1e-12)
            assert variance[0] == pytest.approx(moment(2) - moment(1) ** 2, rel=1e-6, abs=1e-9)


def test_knowledge_ladder():
    model = KnowledgeLadder(start=1, target=30, p_scale=50.0)
    for x in (1, 12, 29):
        for action, size in enumerate(model.batch_sizes):
            climb = 1 - (1 - (x + 1) / 50) ** size
            found = model.outlook(np.array([[x, 3.0]]), np.array([action]))
            np.testing.assert_allclose(np.ravel(found), [climb, climb * (1 - climb)], atol=1e-12)


@pytest.mark.parametrize("objective", ["count", "first"])
def test_binomial_discovery(objective):
    def law(found):
        if objective == "first":
            p = found.sf(0)
            return p, p * (1 - p)
        return found.mean(), found.var()

    known = BinomialDiscovery(
        success_probs=(0.3, 0.6), objective=objective, batch_sizes=(1, 5),
        model_upgrade=(1.5, 1.0, 2), throughput_upgrade=(2, 1.0, 1),
    )  # fmt: skip
    # epochs left, successes and experiments of both machines, levels of model and throughput
    at = np.array([[9, 2, 1, 5, 3, 2, 1]], np.float32)
    for action, p, size in ((0, 0.675, 2), (1, 0.675, 10), (2, 1.0, 2), (3, 1.0, 10)):
        mean, variance = known.outlook(at, np.array([action]))
        np.testing.assert_allclose((mean[0], variance[0]), law(stats.binom(size, p)), atol=1e-12)
    for action in known.upgrade_actions.values():
        assert np.ravel(known.outlook(at, np.array([action]))).tolist() == [0, 0]
    unknown = BinomialDiscovery(
        beta_priors=((1, 3), (2.5, 5)), objective=objective, batch_sizes=(1, 5)
    )
    at = np.array([[9, 2, 1, 5, 3]], np.float32)
    for action, a, b, size in ((0, 3, 6, 1), (1, 3, 6, 5), (2, 3.5, 7, 1), (3, 3.5, 7, 5)):
        mean, variance = unknown.outlook(at, np.array([action]))
        expected = law(stats.betabinom(size, a, b))
        np.testing.assert_allclose((mean[0], variance[0]), expected, atol=1e-12)
        hidden = {"success_probs": np.array([[0.2, 0.9]])}
        mean, variance = unknown.outlook(at, np.array([action]), hidden)
        expected = law(stats.binom(size, [0.2, 0.9][action // 2]))
        np.testing.assert_allclose((mean[0], variance[0]), expected, atol=1e-12)


@pytest.mark.parametrize(("env_id", "kwargs"), PLAYED)
@pytest.mark.parametrize("told", [False, True])
def test_what_is_achieved_has_this_mean_and_variance(env_id, kwargs, told):
    """Over whole episodes, whose epochs are of one world each."""
    count, horizon = 3000, min(kwargs.get("horizon", 30), 30)
    venv = gym.make_vec(env_id, num_envs=count, **kwargs | {"horizon": horizon})
    random, model = np.random.default_rng(3), venv.model
    observation, _ = venv.reset(seed=11)
    total, square, variance = np.zeros(count), 0.0, 0.0
    playing = np.ones(count, bool)
    for _ in range(horizon):
        action = random.integers(model.action_space.n, size=count)
        mean, spread = model.outlook(observation, action, venv.hidden() if told else None)
        before = model.achieved(observation)
        observation, _, ended, _, _ = venv.step(action)
        surprise = np.where(playing, model.achieved(observation) - before - mean, 0.0)
        total += surprise
        square += (surprise**2).sum()
        variance += spread[playing].sum()
        playing &= ~ended
    assert abs(total.sum()) < 4 * variance**0.5
    error = total.std() / variance**0.5 * count**0.5  # epochs of an episode are not correlated
    assert error == pytest.approx(1, abs=0.08)
    assert square == pytest.approx(variance, rel=0.08)
