"""A choice depends on the agent's seed, the episode and its history, and on nothing else."""

from __future__ import annotations

from typing import Any

import golden
import gymnasium as gym
import pytest

from discovery_gym.agents import make
from discovery_gym.testing import check_agent

PAIRS = list(golden.pairs())


@pytest.mark.parametrize(
    ("env_id", "kwargs", "agent"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_choices_are_those_of_the_episode(env_id: str, kwargs: dict[str, Any], agent: str) -> None:
    """Whatever is played with it, wherever the range starts, and whoever chose before."""
    check_agent(agent, env_id, **kwargs)


def test_numbers_of_episodes_have_any_size() -> None:
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2)
    keys = set()
    for first in (0, 2**32 - 1, 2**64 - 1, 2**128 - 1, 2**128 + 1, 2**192):
        agent = make("random", vector, episode=first)
        agent.predict(vector.reset(seed=0)[0])
        keys |= set(agent.keys.tolist())
    assert len(keys) == 12
