"""What a belief of one's own can do, whatever it derives from."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import AdditiveNoise, Belief, Probabilities
from discovery_gym.agents.beliefs.belief import explained_by


class Plain(Belief):
    """A belief that derives from nothing but `Belief`."""

    def update(self, observation: Any, start: Any) -> None: ...

    def mean(self) -> Any:
        return np.array([[1.0, 2.0, 3.0]])

    def std(self) -> Any:
        return np.array([[2.0, 1.0, 0.0]])

    def sample(self, count: int, random: Any) -> Any:
        return self.mean()[:, None] + self.std()[:, None] * random.standard_normal((1, count, 3))


class Noisy(Plain):
    def noise_variance(self, items: Any) -> Any:
        return 0.5 + items


def test_what_a_belief_can_do_is_told_by_its_methods() -> None:
    """Whatever it derives from; and what it does not bring has a default."""
    assert not issubclass(Plain, AdditiveNoise | Probabilities)
    assert issubclass(Noisy, AdditiveNoise)
    assert not issubclass(Noisy, Probabilities)
    model: Any = gym.make("discovery/LinearPool-v0").unwrapped.model  # type: ignore[attr-defined]
    plain, noisy, random = Plain(model, 1), Noisy(model, 1), np.random.default_rng(0)
    np.testing.assert_allclose(plain.label_variance(), [[4, 1, 0]])
    np.testing.assert_allclose(noisy.label_variance(), [[4.5, 2.5, 2.5]])
    assert plain.fits(model)
    assert plain.look_ahead(np.array([[1]])) is plain
    covariance = plain.covariance(np.array([[0, 1]]), random)
    np.testing.assert_allclose(covariance, [[[4, 0, 0], [0, 1, 0]]], atol=0.5)
    reduction = noisy.reduction(np.ones((1, 3)), random)
    np.testing.assert_allclose(reduction, [[16 / 4.5, 1 / 2.5, 0]], rtol=0.2, atol=0.05)


@pytest.mark.parametrize("unit", [1e-24, 1.0, 1e24])
@pytest.mark.parametrize("groups", [1, 3, 40])
def test_variance_between_groups_is_that_of_their_means(groups: int, unit: float) -> None:
    """Against a loop over the groups, few or many, in double precision and any unit."""
    random = np.random.default_rng(groups)
    label = random.integers(groups, size=60) * 7
    draws = (random.standard_normal((60, 5)) + 3).astype(np.float32)
    means = {one: draws[label == one].mean(0, np.float64) for one in label}
    expected = np.mean([(means[one] - draws.mean(0, np.float64)) ** 2 for one in label], 0)
    found = explained_by(label, draws * np.float32(unit)) / unit**2
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
