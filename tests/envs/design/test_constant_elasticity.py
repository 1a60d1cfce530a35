"""Constant elasticity of substitution: utilities, the law of the answers, and what they tell."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from information_bracket import assert_bracketed
from scipy import stats
from scipy.special import ndtr

from discovery_gym import InputError
from discovery_gym.envs.design.constant_elasticity import LIMIT, ConstantElasticity
from discovery_gym.envs.design.information import sequential_bounds

ELASTIC = "discovery/ConstantElasticity-v0"
MODEL = ConstantElasticity()


def test_utilities() -> None:
    """A weighted sum for rho = 1, nearly a weighted product for the least rho; in proportion."""
    weights, basket = np.array([0.5, 0.2, 0.3]), np.array([[3.0, 50.0, 0.7]])
    theta = np.array([[rho, 0.5, 0.2, 0.0] for rho in (1.0, 0.5, 0.01)])
    linear, half, product = MODEL.utility(theta, basket)[0]
    assert linear == pytest.approx(basket[0] @ weights)
    assert half == pytest.approx((np.sqrt(basket[0]) @ weights) ** 2)
    assert product == pytest.approx(np.prod(basket[0] ** weights), rel=0.03)
    np.testing.assert_allclose(MODEL.utility(theta, 2 * basket), 2 * MODEL.utility(theta, basket))


def test_prior() -> None:
    theta = MODEL.sample_prior(40_000, np.random.default_rng(0))
    rho, first, second, log_u = theta.T
    for alpha in (first, second, 1 - first - second):
        assert stats.kstest(alpha, stats.beta(1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(rho, stats.uniform(0.01, 0.99).cdf).pvalue > 1e-3
    assert stats.kstest(log_u, stats.norm(1, 3).cdf).pvalue > 1e-3
    logs = MODEL.log_prior(theta)
    np.testing.assert_allclose(logs - logs[0], stats.norm(1, 3).logpdf(log_u) -
                               stats.norm(1, 3).logpdf(log_u[0]), atol=1e-9)  # fmt: skip
    outside = np.array(
        [[0.0, 0.2, 0.2, 1], [1.1, 0.2, 0.2, 1], [0.5, 0.7, 0.4, 1], [0.5, -0.1, 0, 1]]
    )
    assert (MODEL.log_prior(outside) == -np.inf).all()
    setting = MODEL.setting(np.zeros((1, 6)))
    assert np.isfinite(MODEL.log_likelihood(np.zeros((1, 1)), outside, setting)).all()


@pytest.mark.parametrize("scale", [-3.0, 2.0, 6.0])
def test_likelihood_is_a_law(scale: float) -> None:
    """Density and the atoms at both ends add up to 1, and the answers follow them."""
    theta = np.array([[0.4, 0.3, 0.5, scale]])
    setting = np.array([[10.0, 40.0, 20.0, 25.0, 15.0, 60.0]])
    setting[:, 3:] *= MODEL.utility(theta, setting[:, :3]) / MODEL.utility(theta, setting[:, 3:])
    setting[:, 3:] *= 1.0005
    eta = np.linspace(-LIMIT, LIMIT, 400_001)[1:-1, None]
    where = np.broadcast_to(setting, (len(eta), 6))
    density = np.exp(MODEL.log_likelihood(eta, theta, where))[:, 0]
    ends = np.array([[-LIMIT], [LIMIT]])
    atoms = np.exp(MODEL.log_likelihood(ends, theta, where[:2]))[:, 0]
    step = eta[1, 0] - eta[0, 0]
    assert density.sum() * step + atoms.sum() == pytest.approx(1, abs=1e-3)
    draws = MODEL.sample(
        np.tile(theta, (4000, 1)), np.tile(setting, (4000, 1)), np.random.default_rng(0)
    )
    for end, atom in zip((-LIMIT, LIMIT), atoms, strict=True):
        assert (draws == end).mean() == pytest.approx(atom, abs=0.03)
    below = atoms[0] + density[eta[:, 0] < 0].sum() * step
    assert (draws < 0).mean() == pytest.approx(below, abs=0.03)


def test_proposals_are_hard_choices() -> None:
    """Most answers to them lie within the scale, most answers to any pairs at its ends."""
    random = np.random.default_rng(1)
    theta = MODEL.sample_prior(2000, random)
    proposed = MODEL.proposals(theta.reshape(2, 1000, 4), random)
    assert proposed.shape == (2, 1000, 6)
    proposed = proposed.reshape(2000, 6)
    low, high = MODEL.ranges
    assert ((proposed >= low) & (proposed <= high)).all()
    other = low + (high - low) * random.random((2000, 6))
    inside = [(np.abs(MODEL.sample(theta, x, random)) < LIMIT).mean() for x in (proposed, other)]
    assert inside[0] > 0.75
    assert inside[1] < 0.5


def test_evidence_against_contrastive_draws() -> None:
    """The particles' account of the information, where L draws are enough to know it."""
    vector = gym.make_vec(
        ELASTIC, num_envs=24, horizon=2, reward="log_evidence", autoreset_mode="Disabled"
    )
    vector.reset(seed=0)
    vector.action_space.seed(0)
    total = np.zeros(24)
    for _ in range(2):
        observation, reward, *_ = vector.step(vector.action_space.sample())
        total += reward
    history = [
        observation[name].reshape(24, 2, -1).astype(float) for name in ("settings", "outcomes")
    ]
    theta = vector.unwrapped._state.theta
    lower, upper = sequential_bounds(MODEL, theta, *history, 40_000, np.random.default_rng(0))
    known = upper - lower < 0.05
    assert known.sum() >= 10
    error = (total - lower)[known]
    assert np.median(np.abs(error)) < 0.1
    assert abs(error.mean()) < 0.2
    assert np.abs(error).max() < 1.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"noise": 0.0}, r"noise must be .*>= 0.0005"),
        ({"num_particles": 5}, r"num_particles must be an integer of at least 10"),
        ({"num_moves": 0}, r"num_moves must be an integer of at least 1"),
        ({"settings": [[1, 1, 1]]}, r"settings\[0\] must hold one number for each knob \(x_0, x_1"),
        ({"settings": [[1, 1, 1, 1, 1, 101]]}, r"y_2 must be .*<= 100, got 101"),
        ({"settings": [[0, 1, 1, 1, 1, 1]]}, r"x_0 must be .*>= 0.01"),
        ({"settings": 20}, r"more than a million"),
    ],
)
def test_bad_input(kwargs: dict[str, Any], message: str) -> None:
    for make in (gym.make, gym.make_vec):
        with pytest.raises(InputError, match=message):
            make(ELASTIC, **kwargs)
    with pytest.raises(InputError, match=r"Unknown knob 'z_0'"):
        MODEL.action(z_0=1)


def test_a_lost_mode_is_found_again() -> None:
    """Particles that were moved away from the truth learn all data anew, and correct the evidence.

    Once an episode was paid 829 nats where 24.6 are true.
    """
    random = np.random.default_rng(3)
    theta = np.array([[0.012, 0.3, 0.4, -4.0]])
    settings = MODEL.setting(random.uniform(-1, 1, (6, 6)))
    outcomes = MODEL.sample(np.repeat(theta, 6, axis=0), settings, random)
    outcomes = outcomes.astype(np.float32).astype(np.float64)
    kept, lost = (MODEL.new_posterior(1) for _ in range(2))
    for posterior in (kept, lost):
        posterior.reset(np.arange(1), [random])
        for t in range(4):
            posterior.update(outcomes[t : t + 1], settings[t : t + 1], [random])
    lost._scores[0] += 0.5
    for t in (4, 5):
        for posterior in (kept, lost):
            posterior.update(outcomes[t : t + 1], settings[t : t + 1], [random])
    assert lost.log_evidence[0] == pytest.approx(kept.log_evidence[0], abs=1.5)
    assert (np.abs(lost.mean[0] - theta[0]) < 5 * kept.std[0] + 1e-3).all()


def test_scores() -> None:
    """Normal scores and uniform numbers lead to the same parameters."""
    scores = np.random.default_rng(0).standard_normal((1000, 4))
    theta = MODEL.from_scores(scores)
    np.testing.assert_allclose(theta, MODEL.prior(ndtr(scores)), atol=1e-9)


def test_rewards_against_the_bracket() -> None:
    assert_bracketed(ELASTIC, 4, horizon=6)
