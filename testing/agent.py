"""The checks of an agent: legal choices, by the seed, the episode and its history alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from ..agents import make
from ..envs.core import resolve
from .checks import hold


def check_agent(agent: str, env_id: str, /, **parameters: Any) -> None:
    """Hold that choices are legal, and depend on the seed, the episode and its history alone.

    Args:
        agent: The text of an agent.
        env_id: The id of an environment that it plays.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If one is not, or does not.
    """
    first, env_id = 1_000_003, resolve(env_id)

    def play(first: int, count: int, anew: bool = False) -> list[list[Any]]:
        return choices(agent, gym.make_vec(env_id, count, **parameters), first, anew=anew)

    five = play(first, 5)
    for check, found, expected in (
        ("the same seed again", play(first, 5), five),
        ("other episodes beside it", play(first + 1, 3), five[1:4]),
        ("one episode alone", play(first + 2, 1), five[2:3]),
        # Rows whose episode is over play others, which an agent made anew cannot know.
        ("an agent made anew for each decision", play(first, 5, anew=True), five),
    ):
        for row, others in zip(found, expected, strict=True):
            for k, (one, other) in enumerate(zip(row, others, strict=False)):
                hold(one == other, f"{check}: decision {k} of {agent}", one, other)


def choices(agent: str, vector: Any, first: int, *, anew: bool = False) -> list[list[Any]]:
    """Return what an agent chooses, for each row of a vector environment; what is illegal fails.

    Args:
        agent: The text of an agent.
        vector: The environment; each of its rows plays an episode.
        first: The seed and the number of the first episode.
        anew: Whether every decision is that of a new agent, until the first episode ends.
    """
    chosen: list[list[Any]] = [[] for _ in range(vector.num_envs)]
    observation, info = vector.reset(seed=first)
    player, state = make(agent, vector, seed=4, episode=first), None
    start = running = np.ones(len(chosen), np.bool_)
    while running.any() and (running.all() or not anew):
        if anew:
            player, state = make(agent, vector, seed=4, episode=first), None
        action, state = player.predict(observation, state, start)
        _check_choice(agent, np.asarray(action), vector, info.get("action_mask"), running)
        observation, _, start, _, info = vector.step(action)
        for i in running.nonzero()[0].tolist():
            chosen[i].append(np.asarray(action[i]).tolist())
        running = running & ~start
    vector.close()
    return chosen


def _check_choice(agent: str, action: Any, vector: Any, mask: Any, running: Any) -> None:
    """Hold that actions are of the space, legal, and each once in a batch."""
    space = vector.action_space
    whole = action.shape == space.shape and action.dtype.kind == np.dtype(space.dtype).kind
    kind = f"{space.dtype} of shape {space.shape}"
    hold(whole, f"choices of {agent}", f"{action.dtype} of shape {action.shape}", kind)
    if mask is None:
        return
    for batch, legal in zip(action.reshape(len(mask), -1)[running], mask[running], strict=True):
        inside = ((batch >= 0) & (batch < len(legal))).all() and legal[batch].all()
        hold(inside, f"choices of {agent}", batch, f"some of {legal.nonzero()[0]}")
        hold(len({*batch.tolist()}) == len(batch), f"a batch of {agent}", batch, "each item once")
