"""Prey population: the closed form, the law of counts, and the information in them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp
from scipy.special import xlogy

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.envs.design.information import Exact, sequential_bounds
from discovery_gym.envs.design.prey_population import PreyPopulation

PREY = "discovery/PreyPopulation-v0"


@pytest.mark.parametrize("duration", [24.0, 0.5])
def test_closed_form_solves_the_equation(duration: float) -> None:
    """Also where nobody is eaten, nobody is left, or digesting takes for ever."""
    model, random = PreyPopulation(duration=duration), np.random.default_rng(0)
    ends = np.array([[x, y] for x in (-7.4, 4.6) for y in (-7.4, 4.6)])
    for log_rates in np.concatenate([model.sample_prior(20, random), ends]):
        a, h = np.exp(log_rates)
        for prey in (1.0, 17.0, 300.0):
            solution = solve_ivp(
                lambda _, n, a=a, h=h: -a * n**2 / (1 + a * h * n**2),
                (0, duration), [prey], method="LSODA", rtol=1e-10, atol=1e-12,
            )  # fmt: skip
            eaten, left = model.log_chances(log_rates[None], np.array([[prey]]))
            assert np.exp(left[0, 0]) == pytest.approx(solution.y[0, -1] / prey, rel=1e-7)
            assert np.exp(eaten[0, 0]) + np.exp(left[0, 0]) == pytest.approx(1, abs=1e-12)


def test_counts_follow_their_law() -> None:
    """The inverse law against SciPy's, and the environment against its likelihood."""
    model, random = PreyPopulation(), np.random.default_rng(1)
    theta, uniform = model.sample_prior(400, random), random.random(400)
    prey = random.integers(1, 301, (400, 1)).astype(float)
    chance = np.exp(model.log_chances(theta[:, None], prey)[0])
    want = stats.binom.ppf(uniform[:, None], prey, chance)
    np.testing.assert_array_equal(model.outcome(theta, prey, uniform), want)
    np.testing.assert_allclose(
        model.log_likelihood(want, theta[:, None], prey), stats.binom.logpmf(want, prey, chance),
        atol=1e-9,
    )  # fmt: skip
    impossible = model.log_likelihood(prey + 1, theta[:, None], prey)[prey[:, 0] < 300]
    assert np.isfinite(impossible).all()
    assert (np.exp(impossible) == 0).all()


def test_prey_are_whole() -> None:
    model = PreyPopulation()
    actions = np.linspace(-1, 1, 4001, dtype=np.float32)[:, None]
    settings = model.setting(actions)
    assert set(settings[:, 0]) == set(range(1, 301))
    assert (settings == np.rint(settings)).all()
    for prey in (1, 2, 37, 299, 300):
        assert model.setting(model.action(prey=prey)[None]) == prey
    listed = PreyPopulation(settings=300)
    assert listed.action_space.n == 300
    np.testing.assert_array_equal(listed.setting(np.arange(300))[:, 0], np.arange(1, 301))


def test_grid_is_fine_enough() -> None:
    """More nodes along both axes change little, over ten rounds of any numbers of prey.

    One episode in some hundred differs by half a nat, this way or that: a mean over 60 has a standard
    error of 0.005 to 0.01.
    """
    totals = []
    for size in ({}, {"grid_size": (48, 640)}):
        vector = gym.make_vec(
            PREY, num_envs=240, reward="log_evidence", autoreset_mode="Disabled", **size
        )
        vector.reset(seed=0)
        vector.action_space.seed(0)
        totals.append(sum(vector.step(vector.action_space.sample())[1] for _ in range(10)))
    coarse, fine = totals
    assert abs((coarse - fine).mean()) < 0.01
    assert np.quantile(np.abs(coarse - fine), 0.95) < 0.1
    assert np.abs(coarse - fine).max() < 1


@pytest.mark.parametrize("prey", [(), (150, 20, 300)])
def test_information_by_brute_force(prey: tuple[int, ...]) -> None:
    """The sum over all counts, with no interpolation; under the prior and under a posterior."""
    model, random = PreyPopulation(grid_size=(16, 160)), np.random.default_rng(2)
    posterior, truth = model.new_posterior(1), np.array([[-2.0, -1.0]])
    posterior.reset(np.arange(1), [])
    for number in prey:
        setting = np.array([[float(number)]])
        posterior.update(model.sample(truth, setting, random), setting)
    weights = np.exp(posterior.log_weights[0])
    settings = np.array([[1.0], [4], [30], [100], [300]])
    ours, error = Exact()(model, posterior, settings, random)
    assert (error == 0).all()
    for (number,), gain in zip(settings, ours[0], strict=True):
        counts = np.arange(number + 1)[:, None]
        chance = np.exp(model.log_chances(posterior.theta, np.array([[number]]))[0])
        law = stats.binom.pmf(counts, number, chance)
        mixed = law @ weights
        assert gain == pytest.approx(
            xlogy(law, law).sum(0) @ weights - xlogy(mixed, mixed).sum(), abs=3e-3
        )


def test_rewards_lie_between_the_bounds() -> None:
    """The grid's evidence against contrastive draws, on the same episodes; greedy is ahead."""
    totals = []
    for text, episodes in (("random", 128), ("greedy_eig", 32)):
        vector = gym.make_vec(
            PREY, num_envs=episodes, settings=[[1], [3], [10], [30], [100], [300]],
            reward="log_evidence", autoreset_mode="Disabled",
        )  # fmt: skip
        agent, model = make(text, vector, seed=1), vector.model
        observation, state, total = vector.reset(seed=0)[0], None, np.zeros(episodes)
        for _ in range(10):
            actions, state = agent.predict(observation, state)
            observation, reward, *_ = vector.step(actions)
            total += reward
        history = [
            observation[name].reshape(episodes, 10, 1).astype(float)
            for name in ("settings", "outcomes")
        ]
        theta, random = vector.unwrapped._state.theta, np.random.default_rng(0)
        lower, upper = sequential_bounds(model, theta, *history, 20_000, random)
        assert lower.mean() - 0.05 < total.mean() < upper.mean() + 0.05
        assert upper.mean() - lower.mean() < 0.15
        totals.append(total)
    both = len(totals[1])
    assert (totals[1] - totals[0][:both]).mean() > 0.2


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"most_prey": 1}, r"most_prey must be an integer of at least 2, got 1"),
        ({"most_prey": 2.5}, r"most_prey must be an integer"),
        ({"duration": 0.0}, r"duration.*>= 1e-12"),
        ({"settings": [[2.5]]}, r"prey must be an integer, got 2.5"),
        ({"settings": [[301]]}, r"prey must be .*<= 300, got 301"),
        ({"settings": [[0]]}, r"prey must be .*>= 1"),
        ({"grid_size": (10, 10, 10)}, r"grid_size must be one number or one for each"),
    ],
)
def test_bad_input(kwargs: dict[str, Any], message: str) -> None:
    for make_env in (gym.make, gym.make_vec):
        with pytest.raises(InputError, match=message):
            make_env(PREY, **kwargs)
    with pytest.raises(InputError, match=r"prey must be an integer, got 3\.5"):
        PreyPopulation().action(prey=3.5)
