"""The chance to be among the best, against many draws of all items, and in large pools."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import discovery_gym  # noqa: F401 (registers the environments)
from discovery_gym.agents import make
from discovery_gym.studies import chances as module
from discovery_gym.studies.chances import chances

LEARNED = 12


def believed(agent: str, n: int, binary: bool = False) -> Any:
    """Return a belief about n items after some labels."""
    random = np.random.default_rng(n)
    x = random.normal(size=(n, 3))
    y = x @ [1.0, 0.5, 0.0] + 0.3 * random.normal(size=n)
    y = (y > 0.5).astype(float) if binary else 20 * y + 300
    env = gym.make("discovery/TablePool-v0", features=x, labels=y, horizon=LEARNED + 1)
    player, state = make(agent, env), None
    observation, _ = env.reset(seed=0)
    for _ in range(LEARNED):
        action, state = player.predict(observation, state)
        observation, *_ = env.step(action)
    _, state = player.predict(observation, state)
    return state.rest


@pytest.mark.parametrize("count", [1, 7, 40])
@pytest.mark.parametrize(
    ("agent", "binary"),
    [("greedy(belief=linear)", False), ("greedy(belief=gp)", False), ("greedy", True)],
)
def test_against_draws_of_all_items(agent: str, binary: bool, count: int) -> None:
    """Ranks of joint draws, counted one by one."""
    belief, items = believed(agent, 60, binary), np.array([3, 17, 59, 20])
    found = chances(belief, items, count, np.random.default_rng(0))
    draws = belief.sample(20_000, np.random.default_rng(1))[0]
    better = (draws[:, None, :] > draws[:, items, None]).sum(2)
    truth = (better < count).mean(0)
    # The Gaussian process draws all items by Fourier features, which are good to a percent.
    within = 4 * np.sqrt(truth * (1 - truth) * (1 / module.DRAWS + 1 / 20_000)) + 0.03
    np.testing.assert_array_less(np.abs(found - truth), within)
    assert chances(belief, items, 60, np.random.default_rng(0)).tolist() == [1.0] * 4


@pytest.mark.parametrize("agent", ["greedy(belief=linear)", "greedy(belief=gp)"])
def test_some_items_are_drawn_as_all_are(agent: str) -> None:
    """`sample_of` has the mean and the covariance of the belief."""
    belief, items = believed(agent, 60), np.array([[3, 17, 59, 20, 21]])
    draws = belief.sample_of(items, 100_000, np.random.default_rng(0))[0]
    truth = belief.covariance(items, np.random.default_rng(0))[0][:, items[0]]
    scale = np.sqrt(np.outer(np.diag(truth), np.diag(truth)))
    np.testing.assert_allclose(
        draws.mean(0), belief.mean()[0, items[0]], atol=0.02 * scale.max() ** 0.5
    )
    np.testing.assert_allclose(np.cov(draws.T) / scale, truth / scale, atol=0.02)


@pytest.mark.parametrize("count", [3, 150, 1200])
def test_large_pools(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some items stand for the others: the chances are those of all of them."""
    belief, items = believed("greedy(belief=linear)", 2000), np.array([4, 1000, 1999])
    order = np.argsort(-belief.mean()[0])
    items = np.concatenate([items, order[[0, 2, 130, 170, 1150, 1250]]])
    few = chances(belief, items, count, np.random.default_rng(0))
    monkeypatch.setattr(module, "FIRST", 2000)
    monkeypatch.setattr(module, "DRAWS", 4000)
    every = chances(belief, items, count, np.random.default_rng(1))
    np.testing.assert_allclose(few, every, atol=0.06)
    assert every.max() > 0.3
