"""The oracle: no regret, and no way to play without the environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.experiments.runs.evaluation import evaluate

POOLS: dict[str, dict[str, Any]] = {
    "TablePool": {"noise_std": 0.5, "horizon": 12},
    "LinearPool": {"num_items": 40, "horizon": 12},
    "GraphPool": {"num_items": 30},
    "UnstructuredPool": {"horizon": 5},
}


@pytest.mark.parametrize("name", POOLS)
def test_no_regret(name: str) -> None:
    result = evaluate(name, "oracle", episodes=7, seed=3, env_kwargs=POOLS[name])
    assert result.regret is not None
    assert np.abs(result.regret).max() < 1e-4


def test_single_environments_and_wrappers() -> None:
    env = gym.make("discovery/TablePool-v0", horizon=5, reveal=True)
    agent = make("oracle", env)
    observation, _ = env.reset(seed=0)
    for _ in range(5):
        action, _ = agent.predict(observation)
        observation, _, ended, _, info = env.step(action)
    assert ended
    assert abs(info["regret"]) < 1e-4


def test_it_is_no_agent_of_available() -> None:
    assert "oracle" not in available(gym.make("discovery/TablePool-v0"))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda env: env.unwrapped.model, "oracle cheats.*not with TablePool"),
        (lambda env: gym.make("CartPole-v1"), "oracle plays the environments of this package"),
        (lambda env: gym.make("discovery/KnowledgeLadder-v0"), "pools only, not KnowledgeLadder"),
    ],
)
def test_what_it_cannot_play(made: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make("oracle", made(gym.make("discovery/TablePool-v0")))


def test_it_looks_into_the_environment_that_it_plays() -> None:
    two, three = (gym.make_vec("discovery/TablePool-v0", num_envs=n) for n in (2, 3))
    agent = make("oracle", two)
    two.reset(seed=0)
    with pytest.raises(InputError, match="of 2 episodes, but 3 observations"):
        agent.predict(three.reset(seed=0)[0])
    with pytest.raises(InputError, match="oracle has no setting 'width'"):
        make("oracle(width=1)", two)
