"""Histograms of a simulator in place of the likelihood, against the toy whose law is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import simulators
from scipy import stats

import discovery_gym  # noqa: F401
from discovery_gym import InputError
from discovery_gym.envs.design.information import Exact
from discovery_gym.envs.design.nested import Histogram
from discovery_gym.envs.design.simulator_design import SimulatorDesign, muons
from discovery_gym.envs.design.weinberg_toy import WeinbergToy

SIMULATOR = "discovery/SimulatorDesign-v0"
TOY = WeinbergToy(num_bins=20, grid_size=20)


def prior(model: Any, episodes: int = 1) -> Any:
    posterior = model.new_posterior(episodes)
    posterior.reset(np.arange(episodes), [])
    return posterior


@pytest.mark.parametrize(
    ("theta", "phi"), [(0.5, 45), (0.7, 42), (1.0, 50), (1.2, 40), (1.5, 50), (1.5, 40)]
)
def test_muons_follow_the_toy(theta: float, phi: float) -> None:
    """The last two have |k| > 2, where the density is cut off at 0."""
    events = muons(np.array([theta]), np.array([phi]), 50_000, 3)
    counts = np.histogram(events, np.linspace(-1, 1, 21))[0]
    asymmetry = TOY.asymmetry(np.array([[theta]]), np.array([[phi]], float))[0]
    expected = 50_000 * TOY.probabilities(asymmetry)[0]
    seen = expected > 1
    assert counts[~seen].sum() < 10
    assert ((counts - expected)[seen] ** 2 / expected[seen]).sum() < stats.chi2(20).isf(1e-5)
    np.testing.assert_array_equal(events, muons(np.array([theta]), np.array([phi]), 50_000, 3))


def test_likelihood_and_posterior_of_the_toy() -> None:
    """They differ from the exact ones by no more than the noise of N simulated events."""
    size = 50_000
    model = SimulatorDesign(simulated_events=size // 2, seeds=(1, 2), num_events=200)
    toy = WeinbergToy(num_bins=20, grid_size=20, num_events=200)
    random = np.random.default_rng(0)
    theta = model.sample_prior(30, random)
    setting = model.setting(random.integers(11, size=30))
    outcome = toy.sample(theta, setting, random)
    ours, exact = prior(model, 30), prior(toy, 30)
    np.testing.assert_array_equal(ours.theta, exact.theta)
    logs = model.log_likelihood(outcome, ours.theta, setting)
    want = toy.log_likelihood(outcome, ours.theta, setting)
    law = toy.probabilities(toy.asymmetry(ours.theta, setting))  # (30, 20, bins)
    common = law > 1e-3  # where half a count is nothing
    # sum_k y_k log p_k with p_k from N multinomial events has the variance (sum y^2 / p - n^2) / N.
    weight = (outcome[:, None] ** 2 * common / np.maximum(law, 1e-9)).sum(2)
    noise = (np.maximum(weight - 200**2, 200) / size) ** 0.5
    clear = ((outcome[:, None] > 0) <= common).all(2)
    assert clear.mean() > 0.9
    errors = ((logs - want) / noise)[clear]
    assert np.abs(errors).max() < 5
    assert 0.5 < errors.std() < 1.5
    for posterior in (ours, exact):
        posterior.update(outcome, setting)
    assert (np.abs(ours.mean - exact.mean) < 0.2 * exact.std).all()
    # One set of parameters for all, or one for each, is the same.
    each = model.log_likelihood(outcome, np.tile(ours.theta, (30, 1, 1)), setting)
    np.testing.assert_array_equal(each, logs)


def test_smoothing() -> None:
    """Half a count in every bin, the counts of all seeds together."""
    model = SimulatorDesign(simulated_events=30, seeds=(1, 2), num_bins=40, settings=3)
    law = model.rates(model.thetas[4:5], np.array([[50.0]]))[0]
    phi = np.array([50.0])
    events = np.concatenate([muons(model.thetas[4], phi, 30, seed) for seed in (1, 2)])
    counts = np.histogram(events, np.linspace(-1, 1, 41))[0]
    assert (counts == 0).any()
    np.testing.assert_allclose(law, (counts + 0.5) / (60 + 20), rtol=1e-12)


def test_beyond_the_range_of_the_data() -> None:
    model = SimulatorDesign(data_range=(-0.5, 0.25), num_bins=3, settings=2, simulated_events=4000)
    with pytest.warns(UserWarning, match=r"64% .* lies outside data_range=\(-0.5, 0.25\)"):
        law = model.rates(model.thetas[:1], np.array([[40.0]]))[0]
    wide = SimulatorDesign(num_bins=8, settings=2, simulated_events=4000)
    parts = wide.rates(wide.thetas[:1], np.array([[40.0]]))[0]
    want = [parts[:3].sum(), parts[3], parts[4:].sum()]
    np.testing.assert_allclose(law, want, atol=2e-3)


@pytest.mark.parametrize("num_events", [20, 1000])
def test_information_of_the_toy(num_events: int) -> None:
    """Expected information gain from histograms, equations (1) to (3), against the exact law."""
    settings = np.array([[40.0], [42], [44], [45], [48]])
    toy = WeinbergToy(num_bins=20, grid_size=20, num_events=num_events)
    ours = SimulatorDesign(simulated_events=100_000, num_events=num_events)
    random = np.random.default_rng(0)
    got, error = Exact(1500)(ours, prior(ours), settings, random)
    want, more = Exact(1500)(toy, prior(toy), settings, random)
    np.testing.assert_allclose(got, want, atol=0.02 + 4 * float(np.hypot(error, more).max()))
    # The slides' estimate, from histograms of what this model draws, sees the same.
    again, spread = Histogram(50, 2000)(ours, prior(ours), settings[:2], random)
    np.testing.assert_allclose(again, want[:, :2], atol=0.1 + 4 * spread.max())
    assert got[0, 3] < 1e-9  # the same noise for all parameters tells nothing


def test_few_simulations_show_too_much_information() -> None:
    """(K - 1) n / 2N nats where nothing can be learnt, if the noise of the runs is their own."""
    kwargs: dict[str, Any] = {
        "simulator": simulators.noise, "data_range": (0, 1), "num_bins": 10, "num_events": 20,
        "grid_size": 200, "settings": 2,
    }  # fmt: skip
    for size in (500, 2000):
        model = SimulatorDesign(simulated_events=size, **kwargs)
        setting = np.array([[40.0]])
        gain = Exact(4000)(model, prior(model), setting, np.random.default_rng(0))[0][0, 0]
        assert gain == pytest.approx(9 * 20 / (2 * size), rel=0.2)


def play(episodes: int, actions: list[int], **kwargs: Any) -> tuple[Any, Any, Any]:
    vector = gym.make_vec(SIMULATOR, num_envs=episodes, reveal=True, **kwargs)
    _, info = vector.reset(seed=0)
    total = np.zeros(episodes)
    for action in actions:
        observation, reward, *_ = vector.step(np.full(episodes, action))
        total += reward
    return total, observation, info["theta"]


def test_rewards_agree_in_expectation() -> None:
    """Data are drawn from the histograms themselves, so even rough ones are an exact problem."""
    totals = {
        reward: play(2000, [0, 10, 7], reward=reward, simulated_events=300, contrasts=5)[0]
        for reward in ("kl", "entropy", "log_evidence", "spce")
    }
    for name in ("entropy", "log_evidence"):
        difference = totals[name] - totals["kl"]
        assert abs(difference.mean()) < 4 * difference.std() / 2000**0.5
    assert totals["spce"].mean() < totals["kl"].mean()


def test_true_parameters_are_of_the_grid() -> None:
    theta = play(500, [0], grid_size=4)[2]
    values, counts = np.unique(theta, return_counts=True)
    np.testing.assert_allclose(values, [0.625, 0.875, 1.125, 1.375])
    assert stats.chisquare(counts).pvalue > 1e-4


NORMAL: dict[str, Any] = {
    "simulator": "simulators:good",
    "unknown_ranges": {"mean": (-1, 1)},
    "knob_ranges": {"std": (0.1, 2.1)},
    "settings": [[0.1], [0.7], [2.1]],
    "grid_size": 4,
    "data_range": (-3, 3),
    "simulated_events": 200,
}


def test_a_setting_is_simulated_when_it_is_used(folder: Path) -> None:
    env = gym.make(SIMULATOR, cache=str(folder / "kept"), **NORMAL)
    env.reset(seed=0)
    assert simulators.calls(folder) == []
    env.step(1)
    first = ["-0.75 0.7 0", "-0.25 0.7 0", "0.25 0.7 0", "0.75 0.7 0"]
    assert simulators.calls(folder) == first
    env.step(1)
    assert simulators.calls(folder) == first
    model = env.unwrapped.model
    model.simulate(part=2, parts=2)
    assert len(simulators.calls(folder)) == 4 + 4
    model.simulate()
    assert len(simulators.calls(folder)) == 12
    # Another environment, in another process perhaps, finds all of it.
    other = gym.make(SIMULATOR, cache=str(folder / "kept"), **NORMAL)
    other.unwrapped.model.simulate()
    assert len(simulators.calls(folder)) == 12
    np.testing.assert_array_equal(
        other.unwrapped.model.rates(model.thetas, np.full((4, 1), 2.1)),
        model.rates(model.thetas, np.full((4, 1), 2.1)),
    )
    # More seeds need only those runs that are new.
    gym.make(
        SIMULATOR, cache=str(folder / "kept"), seeds=(0, 1), **NORMAL
    ).unwrapped.model.simulate()
    assert len(simulators.calls(folder)) == 24


def test_fresh_data_come_from_the_simulator(folder: Path) -> None:
    """And an episode that is played again after a crash runs nothing twice."""
    kwargs = NORMAL | {"fresh": True, "cache": str(folder / "kept"), "num_events": 50}
    _, first, theta = play(40, [0, 2], **kwargs)
    assert len(simulators.calls(folder)) == 2 * 4 + 2 * 40
    # The newest data have the standard deviation of the third setting, the older of the first.
    centres = np.linspace(-2.85, 2.85, 20)
    mean = first["outcomes"][:, 20:40] @ centres / 50
    np.testing.assert_allclose(mean, theta[:, 0], atol=0.1)
    assert (first["outcomes"].reshape(40, -1, 20).sum(2)[:, :2] == 50).all()
    assert len(np.unique(first["outcomes"][:, :20], axis=0)) == 40
    again = play(40, [0, 2], **kwargs)[1]
    assert len(simulators.calls(folder)) == 2 * 4 + 2 * 40
    np.testing.assert_array_equal(first["outcomes"], again["outcomes"])


def test_failure_leaves_the_episode_usable(folder: Path) -> None:
    """The simulator fails in a step, is mended, and the same step goes on from what is kept."""
    kwargs = NORMAL | {"simulator": "simulators:poor", "knob_ranges": {"std": (0.5, 1.0)}}
    kwargs |= {"settings": 2, "unknown_ranges": {"mean": (2.5, 5.5)}, "grid_size": 3}
    kwargs |= {"data_range": (0, 9)}
    env = gym.make(SIMULATOR, cache=str(folder / "kept"), retries=0, **kwargs)
    env.reset(seed=0)
    kwargs["unknown_ranges"] = {"mean": (3.5, 5.5)}  # theta = 4 raises, 5 does not
    env = gym.make(SIMULATOR, cache=str(folder / "kept"), retries=0, **kwargs | {"grid_size": 2})
    env.reset(seed=0)
    with pytest.raises(InputError, match=r"theta = 4, phi = 1, 200 events, seed 0 raised"):
        env.step(1)
    assert env.step(1)[0]["rounds_left"] == 9
    assert simulators.calls(folder) == ["4 1 0", "5 1 0"]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"simulator": "nothing:here"}, r"'nothing:here' cannot be imported"),
        ({"simulator": 3}, r"simulator must be a function"),
        ({"unknown_ranges": {}}, r"unknown_ranges must be a dict"),
        ({"unknown_ranges": (0, 1)}, r"unknown_ranges must be a dict such as"),
        ({"knob_ranges": {"phi": (3, 2)}}, r"knob_ranges\['phi'\] must be two increasing numbers"),
        ({"settings": None}, r"settings must be a number or a list"),
        ({"settings": [[39]]}, r"phi must be .*>= 40 and <= 50, got 39"),
        ({"data_range": (1, 1)}, r"data_range must be two increasing numbers"),
        ({"num_bins": 1}, r"num_bins must be an integer of at least 2"),
        ({"simulated_events": 0}, r"simulated_events must be an integer"),
        ({"seeds": ()}, r"seeds must hold at least one"),
        ({"seeds": (1, 1)}, r"seeds must differ, got \(1, 1\)"),
        ({"seeds": (-1,)}, r"seeds\[0\] must be an integer of at least 0"),
        ({"num_events": 0}, r"num_events must be an integer"),
        ({"workers": -1}, r"workers must be an integer of at least 0"),
        ({"workers": "slurm"}, r"workers must be one of 'ray', got 'slurm'"),
        ({"workers": 2}, r"give cache='some/folder'"),
        ({"timeout": 0}, r"timeout must be .*> 0"),
        ({"retries": -1}, r"retries must be an integer of at least 0"),
        ({"cache": 3}, r"cache must be a folder or None, got 3"),
    ],
)
def test_bad_input(kwargs: dict[str, Any], message: str) -> None:
    for make in (gym.make, gym.make_vec):
        with pytest.raises(InputError, match=message):
            make(SIMULATOR, **kwargs)


def test_events_as_large_as_numbers_can_be_are_counted() -> None:
    model = SimulatorDesign(data_range=(0, 1e-3), num_bins=4)
    assert model.data([1.7e308, -1.7e308, 6e-4]).tolist() == [1, 0, 1, 1]


def test_bad_use() -> None:
    model = SimulatorDesign()
    with pytest.raises(InputError, match=r"\(41.5,\) is none of the 11 settings"):
        model.sample(model.thetas[:1], np.array([[41.5]]), np.random.default_rng(0))
    with pytest.raises(InputError, match="unless cache names a folder"):
        model.simulate(part=1, parts=2)
    with pytest.raises(InputError, match=r"part must be an integer in 1\.\.2, got 3"):
        model.simulate(part=3, parts=2)
