"""Degenerate covariances: features that say nothing, say the same twice, or are out of scale."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Linear

POOL = "discovery/TablePool-v0"
RANDOM = np.random.default_rng(0)
FEATURES = {
    "zero": np.zeros((9, 3)),
    "constant": np.ones((9, 3)),
    "duplicate": np.repeat(RANDOM.standard_normal((3, 3)), 3, 0),
    "one zero": np.column_stack([np.zeros(9), RANDOM.standard_normal((9, 2))]),
    "more than items": RANDOM.standard_normal((9, 20)),
    "large": 1e14 * RANDOM.standard_normal((9, 3)),
    "small": 1e-14 * RANDOM.standard_normal((9, 3)),
    "mixed": RANDOM.standard_normal((9, 3)) * [1e-6, 1.0, 1e6],
}
LABELS = np.arange(9.0) % 4  # duplicates contradict each other


def pool(features: Any, **kwargs: Any) -> Any:
    return gym.make_vec(
        POOL, num_envs=2, features=features, labels=LABELS, scaling="none", horizon=9, **kwargs
    )


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("belief", ["linear(noise_std=1e-12)", "linear", "gp"])
def test_every_rule_plays_to_the_end(name: str, belief: str) -> None:
    vector = pool(FEATURES[name])
    for rule in available(vector):
        if rule in ("random", "linucb", "glm_ucb"):
            continue
        agent, state = make(f"{rule}(belief={belief})", vector), None
        observation, _ = vector.reset(seed=0)
        for _ in range(9):
            actions, state = agent.predict(observation, state)
            assert observation["action_mask"][[0, 1], actions].all()
            observation = vector.step(actions)[0]
        state.rest.update(observation, np.zeros(2, np.bool_))
        assert np.isfinite(state.rest.mean()).all()
        assert np.isfinite(state.rest.std()).all()


@pytest.mark.parametrize("noise_std", [1e-12, 1e-3])
def test_contradicting_labels_are_averaged(noise_std: float) -> None:
    """Three items thrice: the belief ends at the mean label of each, however sure it is."""
    vector = pool(FEATURES["duplicate"])
    observation, _ = vector.reset(seed=0)
    belief = Linear(vector.model, 2, noise_std=noise_std)
    belief.update(observation, np.ones(2, np.bool_))
    for item in range(9):
        observation = vector.step(np.full(2, item))[0]
        belief.update(observation, np.zeros(2, np.bool_))
    average = np.repeat(LABELS.reshape(3, 3).mean(1), 3)
    np.testing.assert_allclose(belief.mean(), np.tile(average, (2, 1)), atol=1e-2)
    assert (belief.std() < 0.01 * np.linalg.norm(FEATURES["duplicate"], axis=1)).all()


def test_features_of_zero_stay_at_the_prior() -> None:
    vector = pool(FEATURES["zero"])
    belief = Linear(vector.model, 2, prior_std=1.0)
    belief.update(vector.reset(seed=0)[0], np.ones(2, np.bool_))
    belief.update(vector.step(np.array([1, 2]))[0], np.zeros(2, np.bool_))
    assert (belief.mean() == 0).all()
    assert (belief.std() == 0).all()


def test_features_beyond_single_precision_are_refused() -> None:
    vector = pool(1e16 * np.ones((9, 3)))
    agent = make("greedy(belief=linear(prior_std=1))", vector)
    with pytest.raises(InputError, match=r"norm 1.73e\+16.*scale the features or lower prior_std"):
        agent.predict(vector.reset(seed=0)[0])
    make("greedy(belief=linear(prior_std=1e-9))", vector).predict(vector.reset(seed=0)[0])
