"""The law that a model declares decides how its information is estimated, not its methods' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from discovery_gym import agents, registered
from discovery_gym.envs.design.drawing import InverseLaw
from discovery_gym.envs.design.grid_design import GridDesign
from discovery_gym.envs.design.information import Exact, best_estimator
from discovery_gym.envs.design.laws import Law, NormalNoise, SummedLaw, unit_noise

DESIGNS = [name for name in registered() if ".design." in str(gym.spec(name).entry_point)]
SETTINGS = np.array([[3.0], [1.0], [0.0]])
STEPS = np.linspace(-12, 12, 6001)


def information(density: Any, scale: float, theta: Any, weights: Any, settings: Any) -> Any:
    """Return the information of a number with additive noise, by adding up over a fine line."""
    found = []
    for xi in settings[:, 0]:
        law = density(STEPS, loc=xi * theta, scale=scale)  # (G, Y)
        mixed = weights @ law
        inner = law * np.log(np.maximum(law, 1e-300) / np.maximum(mixed, 1e-300))
        found.append(weights @ inner.sum(1) * (STEPS[1] - STEPS[0]))
    return np.array(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Heavy(InverseLaw, GridDesign):
    """A response with Laplace noise, whose methods are called as those of a normal model are."""

    noise_std: float = 0.3
    grid_size: int | tuple[int, ...] = 40

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        return {"theta": (-1.0, 1.0)}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        return {"xi": (0.0, 3.0)}

    @property
    def outcome_range(self) -> tuple[Any, Any]:
        return np.full(1, -1e6), np.full(1, 1e6)

    def prior(self, uniform: Any) -> Any:
        return 2 * uniform - 1

    def log_prior(self, theta: Any) -> Any:
        return np.zeros(theta.shape[:-1])

    def response(self, theta: Any, setting: Any) -> Any:
        return theta[..., 0] * setting

    def log_likelihood(self, outcome: Any, theta: Any, setting: Any) -> Any:
        return stats.laplace.logpdf(outcome, self.response(theta, setting), self.noise_std)

    def outcome(self, theta: Any, setting: Any, uniform: Any) -> Any:
        mean = self.response(theta[:, None], setting)
        return stats.laplace.ppf(np.maximum(uniform, 1e-12)[:, None], mean, self.noise_std)


class Line(SummedLaw):
    """A law of one's own: Laplace noise, added up over a line."""

    def single(self, theta: Any, log_weights: Any, settings: Any) -> Any:
        return information(stats.laplace.pdf, 0.3, theta, np.exp(log_weights), settings)


class Summed(Heavy):
    """The same model, which says how its data are summed over."""

    @property
    def law(self) -> Law:
        return Line()


class Mistaken(Heavy):
    """The same model, which takes its noise for normal."""

    @property
    def law(self) -> Law:
        return NormalNoise(self.response, self.noise_std)


def prior(model: Any) -> Any:
    posterior = model.new_posterior(1)
    posterior.reset(np.arange(1), [])
    return posterior


def truth(density: Any) -> Any:
    theta = Heavy().new_posterior(1).theta
    return information(density, 0.3, theta, np.full(len(theta), 1 / len(theta)), SETTINGS)


def test_a_response_is_not_taken_for_normal() -> None:
    """Without a law data are drawn; only a model that says so has normal noise."""
    want, normal = truth(stats.laplace.pdf), truth(stats.norm.pdf)
    assert abs(want[0] - normal[0]) > 0.1  # or the test could not tell
    random = np.random.default_rng(0)
    gain, error = Exact(4000)(Heavy(), prior(Heavy()), SETTINGS, random)
    assert (error[0, :2] > 0).all()
    np.testing.assert_allclose(gain[0], want, atol=4 * error.max())
    gain, _ = Exact()(Mistaken(), prior(Mistaken()), SETTINGS, random)
    np.testing.assert_allclose(gain[0], normal, atol=0.02)


def test_a_law_of_ones_own() -> None:
    model, random = Summed(), np.random.default_rng(0)
    estimator = best_estimator(model, prior(model))
    gain, error = estimator(model, prior(model), SETTINGS, random)
    np.testing.assert_allclose(gain[0], truth(stats.laplace.pdf), atol=1e-12)
    assert (error == 0).all()
    agent = agents.make("greedy_eig", model)
    observation = {
        name: space.sample() * 0 for name, space in model.observation_space.spaces.items()
    }
    action, _ = agent.predict({**observation, "rounds_left": np.full(1, 10, np.float32)})
    assert model.setting(action[None])[0, 0] == 3.0  # the farther the settings, the more is told


@pytest.mark.parametrize("env_id", DESIGNS)
def test_arrays_of_episodes_are_named(env_id: str) -> None:
    """All arrays of a posterior with a row for each episode, and no others, are copied with them."""
    kwargs = {"num_particles": 20} if "num_particles" in gym.spec(env_id).kwargs else {}
    model: Any = gym.make(env_id, **kwargs).unwrapped.model  # type: ignore[attr-defined]
    posterior = model.new_posterior(7)
    posterior.reset(np.arange(7), [np.random.default_rng(i) for i in range(7)])
    rows = {
        name
        for name, value in vars(posterior).items()
        if isinstance(value, np.ndarray) and len(value) == 7
    }
    assert rows == set(posterior.by_episode)
    one = posterior.pick(np.array([2]))
    for name in rows:
        np.testing.assert_array_equal(getattr(one, name), getattr(posterior, name)[2:3])
        assert not np.shares_memory(getattr(one, name), getattr(posterior, name))


@pytest.mark.parametrize(("dimensions", "far"), [(1, 30.0), (1, 3000.0), (2, 20.0), (2, 70.0)])
def test_points_far_apart_tell_themselves_apart(dimensions: int, far: float) -> None:
    """Of two pairs far from each other the one is known, and then the pair tells what it does alone."""
    near = np.zeros((2, dimensions))
    near[1] = 1.5
    pair = np.full(2, 0.5)
    alone = unit_noise(near[None], pair)
    shift = np.linspace(far, 0.7 * far, dimensions)
    points = np.concatenate([near, near + shift])
    both = unit_noise(points[None], np.tile(pair, 2) / 2)
    assert both == pytest.approx(np.log(2) + alone, abs=0.02)
