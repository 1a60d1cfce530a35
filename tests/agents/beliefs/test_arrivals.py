"""What a belief learns is the labels that have come, and their order says nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from golden import SHORT

import discovery_gym
from discovery_gym.agents.beliefs import BELIEFS, Arrivals
from discovery_gym.envs.pools import Pool

LABELS = 4
VARIANTS: dict[str, dict[str, Any]] = {
    "discovery/LinearPool-v0": {"sparsity": 2},
    "discovery/TablePool-v0": {
        "features": np.random.default_rng(0).standard_normal((30, 3)),
        "labels": np.arange(30) % 2.0,
    },
}
"""Settings in which more beliefs fit."""
EXACT: dict[str, dict[str, Any]] = {
    "linear": {},
    "logistic": {},
    "nodes": {},
    "gp": {
        "refit": 1
    },  # else length scale and noise are those of the last fit, without later labels
}
DRAWN: dict[str, dict[str, Any]] = {"sparse": {"chains": 4000}, "low_rank": {"chains": 4000}}


def pools() -> list[tuple[str, dict[str, Any], str]]:
    """Return every belief on every pool that it fits."""
    cases = []
    for env_id in discovery_gym.registered():
        short = SHORT.get(env_id, {})
        for kwargs in (short, *([short | VARIANTS[env_id]] if env_id in VARIANTS else [])):
            model = gym.make(env_id, **kwargs).unwrapped.model  # type: ignore[attr-defined]
            if isinstance(model, Pool):
                names = [name for name, belief in BELIEFS.items() if belief.fits(model)]
                cases += [(env_id, kwargs, name) for name in names]
    return cases


def labelled(env_id: str, kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Return the model and an observation of three episodes after some labels."""
    vector = gym.make_vec(env_id, num_envs=3, **kwargs)
    observation, _ = vector.reset(seed=3)
    for item in range(LABELS):
        observation = vector.step(np.full(3, 3 * item + 1))[0]
    return vector.unwrapped.model, observation


def permuted(observation: Any, seed: int) -> Any:
    """Return the same labels as if they had come in another order, in each episode its own."""
    random, other = np.random.default_rng(seed), dict(observation)
    orders = np.stack([random.permutation(LABELS) for _ in range(3)])
    for key in ("labelled", "labels"):
        other[key] = observation[key].copy()
        other[key][:, :LABELS] = np.take_along_axis(observation[key], orders, 1)
    return other


@pytest.mark.parametrize(("env_id", "kwargs", "name"), pools())
def test_the_order_of_arrival_does_not_matter(
    env_id: str, kwargs: dict[str, Any], name: str
) -> None:
    """Up to rounding; for beliefs made of draws, in their law."""
    model, observation = labelled(env_id, kwargs)
    moments = []
    for seen in (observation, *(permuted(observation, seed) for seed in range(2))):
        belief: Any = BELIEFS[name](model, 3, **(EXACT | DRAWN)[name])
        belief.update(seen, np.ones(3, np.bool_))
        moments.append((belief.mean(), belief.std()))
    (mean, std), *others = moments
    start: Any = BELIEFS[name](model, 3, **(EXACT | DRAWN)[name])
    start.update(gym.make_vec(env_id, num_envs=3, **kwargs).reset(seed=3)[0], np.ones(3, np.bool_))
    assert (
        np.abs(mean - start.mean()).max() > 0.05 * start.std().max()
    )  # there is something to lose
    within = (1e-5 if name in EXACT else 0.1) * start.std().max()
    for mean_too, std_too in others:
        np.testing.assert_allclose(mean_too, mean, atol=within, rtol=0)
        np.testing.assert_allclose(std_too, std, atol=within, rtol=0)


@pytest.mark.parametrize("settings", [{}, {"delay": 3}, {"delay": 2, "batch_size": 3}])
def test_arrivals_against_the_history(settings: dict[str, int]) -> None:
    """Labels come in the order in which the items were chosen, so many steps later."""
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2, horizon=12, **settings)
    observation, size, chosen = vector.reset(seed=0)[0], settings.get("batch_size", 1), 0
    ended = np.zeros(2, np.bool_)
    while not ended.all():
        arrivals = Arrivals.of(observation)
        come = max(chosen - size * settings.get("delay", 0), 0)
        assert arrivals.count.tolist() == [come] * 2
        for i in range(2):
            items = arrivals.items[i]
            assert (items[come:] == -1).all()
            assert (items[:come] >= 0).all()
            assert items[:come].tolist() == observation["labelled"][i, :come].tolist()
            np.testing.assert_array_equal(arrivals.labels[i, come:], 0)
        action = np.tile(np.arange(chosen, chosen + size) * 7, (2, 1))
        observation, _, ended, _, _ = vector.step(action if size > 1 else action[:, 0])
        chosen += size
