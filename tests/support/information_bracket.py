"""Rewards of played episodes against the bracket of their information."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from discovery_gym.envs.design.bracket import Bracket


def assert_bracketed(env_id: str, episodes: int, **kwargs: Any) -> None:
    """The sum of the rewards lies at the middle of the bracket, which is no wider than it may be."""
    vector = gym.make_vec(
        env_id, num_envs=episodes, reward="log_evidence", autoreset_mode="Disabled", **kwargs
    )
    model, total = vector.model, np.zeros(episodes)
    vector.reset(seed=0)
    vector.action_space.seed(0)
    for _ in range(model.horizon):
        observation, reward, *_ = vector.step(vector.action_space.sample())
        total += reward
    settings, outcomes = (
        observation[name].reshape(episodes, model.horizon, -1).astype(np.float64)
        for name in ("settings", "outcomes")
    )
    bounds = np.array([
        Bracket(model, settings[i], outcomes[i], size=512).bounds(
            vector.unwrapped._state.quantiles[i], np.random.default_rng(i)
        )
        for i in range(episodes)
    ])  # fmt: skip
    assert np.diff(bounds).mean() < 1.5
    error = total - bounds.mean(1)
    assert np.abs(error).max() < 2
    assert abs(error.mean()) < 0.5
