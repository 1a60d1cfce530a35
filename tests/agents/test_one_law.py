"""A choice depends on the agent's seed, the episode and its history, and on nothing else."""

from __future__ import annotations

from typing import Any

import golden
import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import make

PAIRS = list(golden.pairs())
FIRST = 1_000_003


def play(
    env_id: str, kwargs: dict[str, Any], agent: str, first: int, count: int, anew: bool = False
) -> list[list[Any]]:
    """Return the actions of some episodes, chosen by one agent or by a new one at each decision."""
    vector = gym.make_vec(env_id, num_envs=count, autoreset_mode="SameStep", **kwargs)
    observation, _ = vector.reset(seed=first)
    player, state, start = (
        make(agent, vector, seed=4, episode=first),
        None,
        np.ones(count, np.bool_),
    )
    chosen: list[list[Any]] = [[] for _ in range(count)]
    running = np.ones(count, np.bool_)
    while running.any():
        if anew:
            player, state = make(agent, vector, seed=4, episode=first), None
        action, state = player.predict(observation, state, start)
        observation, _, start, _, _ = vector.step(action)
        for i in running.nonzero()[0].tolist():
            chosen[i].append(np.asarray(action[i]).tolist())
        running &= ~start
        if anew and not running.all():  # rows whose episode is over play others, which agents made
            break  # anew cannot know; episodes of one length end together
    vector.close()
    return chosen


@pytest.mark.parametrize(
    ("env_id", "kwargs", "agent"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_choices_are_those_of_the_episode(env_id: str, kwargs: dict[str, Any], agent: str) -> None:
    """Whatever is played with it, wherever the range starts, and whoever chose before."""
    nine = play(env_id, kwargs, agent, FIRST, 9)
    assert play(env_id, kwargs, agent, FIRST, 5) == nine[:5]
    assert play(env_id, kwargs, agent, FIRST + 3, 4) == nine[3:7]
    assert play(env_id, kwargs, agent, FIRST + 2, 1) == nine[2:3]
    for one, again in zip(nine[:3], play(env_id, kwargs, agent, FIRST, 3, anew=True), strict=True):
        assert again == one[: len(again)]


def test_numbers_of_episodes_have_any_size() -> None:
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2)
    keys = set()
    for first in (0, 2**32 - 1, 2**64 - 1, 2**128 - 1, 2**128 + 1, 2**192):
        agent = make("random", vector, episode=first)
        agent.predict(vector.reset(seed=0)[0])
        keys |= set(agent.keys.tolist())
    assert len(keys) == 12
