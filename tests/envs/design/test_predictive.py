"""The predictive check: p-values are about uniform where the model is right, small where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discovery_gym.envs.design.death_process import DeathProcess
from discovery_gym.envs.design.linear_gaussian import LinearGaussianDesign
from discovery_gym.envs.design.predictive import p_value
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.envs.design.weinberg import Weinberg
from discovery_gym.envs.design.weinberg_toy import WeinbergToy

MODELS: dict[str, Any] = {
    "toy": WeinbergToy(horizon=4, grid_size=64, settings=9),
    "linear": LinearGaussianDesign(horizon=5, settings=3),
    "death": DeathProcess(horizon=4, grid_size=64, settings=9),
    "luminosity": Weinberg(
        horizon=3,
        grid_size=96,
        settings=[(91.19, -0.8, 0.0), (91.19, 0.8, 0.0), (89.0, 0.0, 0.0)],
        luminosity=0.05,
    ),
    "simulator": SimulatorDesign(horizon=4, settings=5, simulated_events=2000),
    "few": SimulatorDesign(horizon=4, settings=3, grid_size=8, simulated_events=300),
}
MANY = 30


def played(model: Any, random: np.random.Generator, wrong: Any = None) -> float:
    """The p-value of one episode of random settings, whose data a wrong law may have changed."""
    theta = model.sample_prior(1, random)
    settings = model.setting(random.integers(model.num_settings, size=model.horizon))
    outcomes = np.concatenate([model.sample(theta, one[None], random) for one in settings])
    if wrong is not None:
        outcomes = wrong(outcomes, random)
    outcomes = outcomes.astype(np.float32).astype(np.float64)
    posterior = model.new_posterior(1)
    posterior.reset(np.arange(1), [random])
    for setting, outcome in zip(settings, outcomes, strict=True):
        posterior.update(outcome[None], setting[None], [random])
    return p_value(model, posterior, settings, outcomes, random)


@pytest.mark.parametrize("name", ["toy", "linear", "death", "luminosity", "simulator"])
def test_it_is_about_uniform_under_the_right_model(name: str) -> None:
    """By Kolmogorov and Smirnov at 0.1 %, for 30 episodes: the largest distance is .35."""
    random = np.random.default_rng(7)
    found = np.sort([played(MODELS[name], random) for _ in range(MANY)])
    steps = np.arange(MANY + 1) / MANY
    distance = max((steps[1:] - found).max(), (found - steps[:-1]).max())
    assert distance < 0.35, (name, distance)
    assert (found < 0.01).sum() <= 3, name


def tilted(counts: Any, random: np.random.Generator) -> Any:
    """A third of the events in a bin where the law has few: noise that no simulator has."""
    moved = random.binomial(counts.astype(np.int64), 1 / 3)
    counts = counts - moved
    counts[:, counts.shape[1] // 2] += moved.sum(1)
    return counts


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("toy", tilted),
        ("simulator", tilted),
        ("luminosity", tilted),
        ("luminosity", lambda counts, _: 3 * counts),  # three times the luminosity, and less noise
        ("linear", lambda data, random: data + 4 * random.standard_normal(data.shape)),
    ],
)
def test_it_is_small_under_a_wrong_one(name: str, wrong: Any) -> None:
    random = np.random.default_rng(8)
    found = [played(MODELS[name], random, wrong) for _ in range(8)]
    assert np.median(found) < 0.01, (name, found)


def test_few_simulated_events_are_no_fault_of_the_data() -> None:
    """4000 real events of the law find the 300 simulated ones wrong, but not the simulator."""
    random, model = np.random.default_rng(9), MODELS["few"]
    fine = SimulatorDesign(horizon=4, settings=3, grid_size=8, simulated_events=100_000)
    found = []
    for _ in range(20):
        theta = model.sample_prior(1, random)
        settings = model.setting(np.array([0, 2, 0, 2]))
        law = fine.rates(np.repeat(theta, 4, 0), settings)
        outcomes = random.multinomial(1000, law / law.sum(1, keepdims=True)).astype(np.float64)
        posterior = model.new_posterior(1)
        posterior.reset(np.arange(1), [random])
        for setting, outcome in zip(settings, outcomes, strict=True):
            posterior.update(outcome[None], setting[None], [random])
        found.append(p_value(model, posterior, settings, outcomes, random))
    assert np.median(found) > 0.05
    assert np.mean(np.array(found) < 0.01) <= 0.2
