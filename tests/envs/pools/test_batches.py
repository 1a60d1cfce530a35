"""Batches of choices and late labels."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.pools import labels_arrived

POOL = "discovery/TablePool-v0"
GRAPH = "discovery/GraphPool-v0"
TEN = {"features": np.arange(10.0)[:, None], "labels": np.arange(10.0), "scaling": "none"}


def test_a_batch_by_hand() -> None:
    env = gym.make(POOL, **TEN, horizon=6, batch_size=3, illegal_reward=-7.0, reveal=True)
    assert env.action_space == gym.spaces.MultiDiscrete([10, 10, 10])
    env.reset(seed=0)
    observation, reward, ended, _, info = env.step([2, 9, 2])  # the second 2 is a wasted choice
    assert (reward, ended, info["regret"]) == (2 + 9 - 7, False, 9 + 8 + 7 - 11)
    assert observation["labelled"].tolist() == [2, 9, -1, -1, -1, -1]
    assert observation["labels"].tolist() == [2, 9, 0, 0, 0, 0]
    assert observation["action_mask"].tolist() == [1, 1, 0, 1, 1, 1, 1, 1, 1, 0]
    assert observation["steps_left"].tolist() == [1]
    observation, reward, ended, _, info = env.step(np.array([9, 8, 7]))
    assert (reward, ended, info["regret"]) == (-7 + 8 + 7, True, 39 - 11 - 15)
    assert observation["labelled"].tolist() == [2, 9, 8, 7, -1, -1]


def test_late_labels_by_hand() -> None:
    env = gym.make(POOL, **TEN, horizon=5, delay=2, illegal_reward=-7.0, reveal=True)
    observation, _ = env.reset(seed=0)
    assert observation["arrived"].tolist() == [0]

    def step(item: int) -> tuple[float, int, list[float], bool]:
        observation, reward, ended, _, _ = env.step(item)
        return reward, observation["arrived"][0], observation["labels"].tolist(), ended

    assert step(4) == (0, 0, [0, 0, 0, 0, 0], False)
    assert step(4) == (-7, 0, [0, 0, 0, 0, 0], False)  # in flight is chosen as well
    assert step(6) == (4, 1, [4, 0, 0, 0, 0], False)
    assert step(9) == (0, 1, [4, 0, 0, 0, 0], False)  # of the illegal choice nothing arrives
    assert step(1) == (6 + 9 + 1, 4, [4, 6, 9, 1, 0], True)  # the last choice ends the wait


@pytest.mark.parametrize("delay", [0, 1, 3, 50])
def test_delay_and_batches_change_when_labels_come_and_not_what(delay: int) -> None:
    """The same choices end with the same labels and returns, one at a time and at once, or late."""
    order = np.stack([np.random.default_rng(i).permutation(442)[:60] for i in range(4)])
    settings: dict[str, Any] = {"noise_std": 0.7, "horizon": 60}
    plain = gym.make_vec(POOL, num_envs=4, **settings)
    plain.reset(seed=5)
    paid = np.zeros(4)
    for t in range(60):
        expected, reward = plain.step(order[:, t])[:2]
        paid += reward
    vector = gym.make_vec(POOL, num_envs=4, **settings, batch_size=5, delay=delay)
    observation, total = vector.reset(seed=5)[0], np.zeros(4)
    for t in range(12):
        arrived = labels_arrived(observation)
        assert (arrived == max(0, 5 * (t - delay))).all()
        assert (observation["labels"][:, arrived[0] :] == 0).all()
        observation, reward, ended = vector.step(order[:, 5 * t : 5 * t + 5])[:3]
        total += reward
    assert ended.all()
    assert (labels_arrived(observation) == 60).all()
    np.testing.assert_allclose(total, paid, rtol=1e-5)
    for key in ("labelled", "labels", "action_mask"):
        np.testing.assert_array_equal(observation[key], expected[key])


def test_neighbours_are_seen_with_the_label() -> None:
    """A late label shows the neighbours late; at the end everything was seen."""
    vector = gym.make_vec(GRAPH, num_envs=3, topology="complete", num_items=9, horizon=6, delay=2)
    vector.reset(seed=0)
    for t, seen in enumerate([0, 0, 1, 2, 3, 6]):
        observation = vector.step(np.full(3, t))[0]
        assert (observation["seen_count"] == seen).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, r"batch_size must be an integer of at least 1, got 0"),
        ({"batch_size": 11}, "batch_size must be .*10.* got 11"),
        ({"batch_size": 4, "horizon": 6}, "multiple of batch_size=4, got 6; take 4"),
        ({"delay": -1}, "delay must be .* got -1"),
        ({"delay": 1.5}, "delay must be an integer"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make(POOL, **{**TEN, "horizon": None, **settings})


def test_bad_batches() -> None:
    env = gym.make(POOL, **TEN, horizon=4, batch_size=2, illegal="raise").unwrapped
    env.reset(seed=0)
    for wrong in ([1], [1, 10], [-1, 2], 3, [0.5, 1.0], [[1, 2]]):
        with pytest.raises(InputError, match="is not an action"):
            env.step(wrong)
    with pytest.raises(InputError, match=r"Item 3 of episode 0 was chosen already.*each once"):
        env.step([3, 3])
    env.step([3, 4])
    with pytest.raises(InputError, match="Item 4 of episode 0"):
        env.step([5, 4])
    vector = gym.make_vec(POOL, num_envs=2, **TEN, horizon=4, batch_size=2)
    vector.reset(seed=0)
    with pytest.raises(InputError, match=r"\(int64 of shape \(2,\)\) is not .* shape \(2, 2\)"):
        vector.step(np.array([1, 2]))
    with pytest.raises(InputError, match=r"12, of episode 1, is not an action.* in 0\.\.9"):
        vector.step(np.array([[1, 2], [3, 12]]))


def test_text_of_a_late_batch() -> None:
    env = gym.make(POOL, **TEN, horizon=6, batch_size=2, delay=1, render_mode="ansi")
    env.reset(seed=0)
    env.step([1, 2])
    env.step([3, 4])
    text = env.render()
    assert "item 3; item 4" in text
    assert "2 of 6 labels, 2 in flight, best label 2, sum 3" in text
