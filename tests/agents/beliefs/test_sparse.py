"""The sparse belief: against enumeration of the supports, calibrated on the way, look-ahead."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from calibration import assert_calibrated
from scipy import stats

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.beliefs import Linear, Sparse

POOL = "discovery/LinearPool-v0"


def label(vector: Any, count: int, seed: int = 0) -> tuple[Any, Any]:
    """Label the items 0, 1, ...; return the last observation and the first info."""
    observation, info = vector.reset(seed=seed)
    for item in range(count):
        observation = vector.step(np.full(vector.num_envs, item))[0]
    return observation, info


@pytest.mark.parametrize("sparsity", [1, 2, 4])
def test_posterior_is_that_of_enumeration(sparsity: int) -> None:
    """Every support with its marginal likelihood, every theta with its conjugate posterior."""
    d, noise, prior, chains = 6, 0.8, 1.5, 20_000
    vector = gym.make_vec(
        POOL, num_envs=1, num_items=20, num_features=d, sparsity=sparsity, noise_std=noise,
        prior_std=prior, horizon=6,
    )  # fmt: skip
    observation, _ = label(vector, 5, seed=1)
    x = vector.model.feature_matrix(observation)[0].astype(float)
    y = observation["labels"][0, :5].astype(float)
    supports = list(combinations(range(d), sparsity))
    weight, mean, square = [], [], []
    for support in supports:
        z = x[:, support]
        marginal = prior**2 * z[:5] @ z[:5].T + noise**2 * np.eye(5)
        weight.append(stats.multivariate_normal(cov=marginal).logpdf(y))
        covariance = np.linalg.inv(z[:5].T @ z[:5] / noise**2 + np.eye(sparsity) / prior**2)
        mean.append(z @ covariance @ z[:5].T @ y / noise**2)
        square.append(mean[-1] ** 2 + np.einsum("ni,ij,nj->n", z, covariance, z))
    p = np.exp(np.array(weight) - max(weight))
    p /= p.sum()
    belief = Sparse(vector.model, 1, chains=chains, sweeps=6)
    belief.update(observation, np.ones(1, np.bool_))
    draws = belief.sample(chains, np.random.default_rng(0))[0].astype(float)
    for found, exact in ((draws, p @ mean), (draws**2, p @ square)):
        assert (np.abs(found.mean(0) - exact) < 4 * found.std(0) / chains**0.5).all()
    inclusion = (belief._support[0] == np.arange(d)[:, None, None]).any(1).mean(1)
    exact = np.array([sum(p[k] for k, s in enumerate(supports) if j in s) for j in range(d)])
    assert (np.abs(inclusion - exact) < 4 * np.sqrt(exact * (1 - exact) / chains) + 1e-9).all()
    # A support holds every feature once.
    assert (np.diff(np.sort(belief._support[0], axis=0), axis=0) > 0).all()


def test_dense_support_is_the_linear_belief() -> None:
    vector = gym.make_vec(
        POOL, num_envs=2, num_items=12, num_features=3, sparsity=3, noise_std=1.0, horizon=5
    )
    observation, _ = label(vector, 4)
    sparse, linear = Sparse(vector.model, 2, chains=20_000), Linear(vector.model, 2)
    for belief in (sparse, linear):
        belief.update(observation, np.ones(2, np.bool_))
    error = 4.5 * linear.std() / 20_000**0.5
    assert (np.abs(sparse.mean() - linear.mean()) < error).all()
    np.testing.assert_allclose(sparse.std(), linear.std(), rtol=0.03)


def test_look_ahead_is_the_label_that_comes() -> None:
    """Where the posterior is normal, looking ahead leaves what a belief with the label holds."""
    vector = gym.make_vec(
        POOL, num_envs=2, num_items=12, num_features=3, sparsity=3, noise_std=1.0, horizon=5
    )
    observation, _ = label(vector, 2)
    sparse, linear = Sparse(vector.model, 2, chains=20_000), Linear(vector.model, 2)
    sparse.update(observation, np.ones(2, np.bool_))
    ahead = sparse.look_ahead(np.array([[2, 3], [2, 3]]))
    linear.update(label(vector, 4)[0], np.ones(2, np.bool_))
    np.testing.assert_allclose(ahead.std(), linear.std(), rtol=0.03)


@pytest.mark.parametrize("noise_std", [0.1, 1.0])
def test_online_use_is_calibrated(noise_std: float) -> None:
    """After greedy choices the ranks of the truth among the draws are uniform."""
    vector = gym.make_vec(
        POOL, num_envs=128, num_items=40, num_features=12, sparsity=3, noise_std=noise_std,
        horizon=10, reveal=True,
    )  # fmt: skip
    agent = make("greedy(belief=sparse(chains=127))", vector, seed=3)
    observation, info = vector.reset(seed=7)
    values, state = info["values"], None
    for step in range(9):
        actions, state = agent.predict(observation, state)
        observation = vector.step(actions)[0]
        if step in (2, 5, 8):
            state.rest.update(observation, np.zeros(128, np.bool_))
            assert_calibrated(state.rest, values, observation)


def test_which_pools_fit_and_bad_settings() -> None:
    sparse = gym.make(POOL, num_features=5, sparsity=2).unwrapped.model
    dense = gym.make(POOL, num_features=5).unwrapped.model
    assert Sparse.fits(sparse)
    assert not Sparse.fits(dense)
    with pytest.raises(InputError, match=r"prior_std must be .* > 0 .*, got 0"):
        make("greedy(belief=sparse(prior_std=0))", sparse)
    with pytest.raises(InputError, match="No belief 'sparse' fits LinearPool"):
        make("greedy(belief=sparse)", dense)
