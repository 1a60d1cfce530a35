"""What campaigns declare beyond the values that `check_model` holds agrees with simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import BATCHES, CAMPAIGNS
from numpy.typing import NDArray
from problems import NAMES, PROBLEMS
from scipy import stats


def _those(keep: Callable[[str, dict[str, Any]], bool]) -> pytest.MarkDecorator:
    chosen = [(p, name) for p, name in zip(PROBLEMS, NAMES, strict=True) if keep(*p)]
    return pytest.mark.parametrize(
        ("env_id", "kwargs"), [p for p, _ in chosen], ids=[name for _, name in chosen]
    )


campaign = _those(lambda env_id, _: env_id in CAMPAIGNS)
race = _those(lambda env_id, kwargs: env_id in BATCHES and kwargs.get("objective") != "count")
EPISODES = 2000


def play(
    vector: Any, choose: Callable[[Any], NDArray[np.int64]], seed: int = 1000
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Play one episode in each sub-environment; return the returns and the lengths, ``(B,)``."""
    observation, _ = vector.reset(seed=seed)
    returns, lengths = np.zeros(vector.num_envs), np.zeros(vector.num_envs, np.int64)
    running = np.ones(vector.num_envs, np.bool_)
    while running.any():
        observation, reward, terminated, _, _ = vector.step(choose(observation))
        returns += reward * running
        lengths += running
        running &= ~terminated
    return returns, lengths


def assert_mean(sample: NDArray[Any], truth: float, errors: float = 4.0) -> None:
    """Hold that the mean of a sample is the truth within some standard errors."""
    spread = sample.std(ddof=1) / len(sample) ** 0.5
    assert abs(sample.mean() - truth) <= errors * spread + 1e-9 * abs(truth), (
        f"mean {sample.mean()} +- {spread}, truth {truth}"
    )


@campaign
def test_no_constant_action_beats_the_optimal_value(env_id: str, kwargs: dict[str, Any]) -> None:
    vector = gym.make_vec(env_id, num_envs=EPISODES, **kwargs)
    for action in range(vector.single_action_space.n):
        returns = play(vector, lambda _, action=action: np.full(EPISODES, action))[0]
        error = returns.std() / EPISODES**0.5
        assert returns.mean() - 4 * error <= vector.model.optimal_value() + 1e-9


@race
def test_epochs(env_id: str, kwargs: dict[str, Any]) -> None:
    """Mean, variance and law of the epochs of every fixed action, with a wide budget."""
    horizon = 3000
    changed = {k: v for k, v in kwargs.items() if "upgrade" not in k} | {"horizon": horizon}
    if env_id.startswith("discovery/Binomial"):
        changed["batch_sizes"] = (1, 8)
    episodes = 600
    vector = gym.make_vec(env_id, num_envs=episodes, **changed)
    model = vector.model
    for action in range(vector.single_action_space.n):
        setting = {k: v[action].item() for k, v in model.choices.items()}
        lengths = play(vector, lambda _, action=action: np.full(episodes, action))[1]
        law = model.epochs_distribution(**setting)
        mean, variance = model.mean_epochs(**setting), model.epochs_variance(**setting)
        assert mean == pytest.approx(law.mean(), rel=1e-9)
        # A sample may be told from the law by the randomised probability integral transform.
        u = np.random.default_rng(action).random(episodes)
        mass = np.where(lengths < horizon, law.pmf(lengths), law.sf(lengths - 1))
        ranks = law.cdf(lengths - 1) + u * mass
        assert stats.kstest(ranks, "uniform").pvalue > 1e-4
        if np.isfinite(variance):
            assert variance == pytest.approx(law.var(), rel=1e-9)
            assert abs(lengths.mean() - mean) <= 4 * (variance / episodes) ** 0.5
        if "beta_priors" not in kwargs and variance > 0.01:
            error = variance * ((law.stats("k") + 2) / episodes) ** 0.5
            assert abs(lengths.var() - variance) <= 4 * error


def test_one_batch() -> None:
    """Success probability and expected improvement of one batch, from one step of 5000 episodes."""
    b = 5000

    def step(env_id: str, action: int, **kwargs: Any) -> tuple[Any, Any]:
        vector = gym.make_vec(env_id, num_envs=b, **kwargs)
        vector.reset(seed=5)
        observation, _, terminated, _, _ = vector.step(np.full(b, action))
        return vector.model, (observation, terminated)

    for action in (0, 3, 7):
        model, (observation, ended) = step("discovery/BinomialDiscovery-v0", action)
        size = model.batch_sizes[action]
        assert_mean(ended.astype(float), model.success_probability(size))
        assert_mean(observation[:, 1].astype(float), model.expected_improvement(size))
    priors = {"beta_priors": ((2.0, 30.0), (0.5, 3.0)), "batch_sizes": (4, 50)}
    for action, (machine, size) in enumerate([(0, 4), (0, 50), (1, 4), (1, 50)]):
        model, (observation, ended) = step("discovery/BinomialDiscovery-v0", action, **priors)
        assert_mean(ended.astype(float), model.success_probability(size, machine))
        counts = observation[:, 1 + machine].astype(float)
        assert_mean(counts, model.expected_improvement(size, machine))
        # The whole law of the counts is beta-binomial.
        law = stats.betabinom(size, *priors["beta_priors"][machine])
        u = np.random.default_rng(action).random(b)
        assert stats.kstest(law.cdf(counts - 1) + u * law.pmf(counts), "uniform").pvalue > 1e-4
    for action, size in enumerate((1, 2, 96, 65536)):
        model, (observation, ended) = step(
            "discovery/GaussianStep-v0", action, batch_sizes=(1, 2, 96, 65536), stds=(1.5,)
        )
        assert_mean(observation[:, 0].astype(float), model.expected_improvement(size, 1.5))
        near, (_, ended) = step("discovery/GaussianStep-v0", 0, batch_sizes=(size,), target=2.0)
        assert_mean(ended.astype(float), near.success_probability(size))
    model, (observation, _) = step("discovery/KnowledgeLadder-v0", 4)
    assert_mean(observation[:, 0].astype(float), model.success_probability(16))
