"""Simulators that fail: as an outcome, as a mask, and too often; what is kept and what is repeated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import simulators
from scipy.special import ndtri, xlogy
from scipy.stats import norm
from simulators import SEEDS, logistic

from discovery_gym import InputError
from discovery_gym.agents.design import DESIGN
from discovery_gym.envs.design.information import Exact
from discovery_gym.envs.design.nested import Histogram
from discovery_gym.envs.design.simulator.black_box import Failed, Job
from discovery_gym.envs.design.simulator.jobs import Simulations
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.experiments import evaluate

SIMULATOR = "discovery/SimulatorDesign-v0"


# ---- failing as an outcome

HALF = 0.5 / 19  # half a step between 20 points from 0.5 to 1.5
BRITTLE: dict[str, Any] = {
    "simulator": "simulators:brittle",
    "unknown_ranges": {"theta": (0.5 - HALF, 1.5 + HALF)},
    "knob_ranges": {"sigma": (0.1, 2.0)},
    "settings": [[0.25], [0.5], [1.0]],
    "data_range": (-4, 6),
    "num_bins": 400,
    "simulated_events": 500,
    "seeds": range(SEEDS),
    "num_events": 1,
    "on_failure": "outcome",
    "max_failed": 0.5,
}


@pytest.fixture(scope="module")
def brittle() -> SimulatorDesign:
    model = SimulatorDesign(**BRITTLE)
    model.simulate()
    return model


def prior(model: Any, episodes: int = 1) -> Any:
    posterior = model.new_posterior(episodes)
    posterior.reset(np.arange(episodes), [])
    return posterior


def listed(model: Any) -> Any:
    """Return all data of one event: each bin, and the failure."""
    return np.eye(len(model.outcome_range[0]))


def likelihoods(model: Any, sigma: float) -> Any:
    every = listed(model)
    return np.exp(model.log_likelihood(every, model.thetas, np.full((len(every), 1), sigma)))


@pytest.mark.parametrize(
    ("sigma", "told", "dropped"), [(0.25, 0.508, 0.281), (0.5, 0.351, 0.095), (1.0, 0.297, 0.026)]
)
def test_what_a_failure_tells(
    brittle: SimulatorDesign, sigma: float, told: float, dropped: float
) -> None:
    """Against quadrature; to drop failures loses half or more."""
    theta = np.linspace(0.5, 1.5, 20)
    np.testing.assert_allclose(brittle.thetas[:, 0], theta)

    def information(fails: Any) -> float:
        """Of one event with normal noise, or a failure."""
        x = np.linspace(-9, 11, 40_001)
        seen = (1 - fails)[:, None] * norm.pdf(x, theta[:, None], sigma)
        density = (xlogy(seen, seen).mean(0) - xlogy(seen.mean(0), seen.mean(0))).sum()
        failure = xlogy(fails, fails).mean() - xlogy(fails.mean(), fails.mean())
        return float(density * (x[1] - x[0]) + failure)

    assert information(logistic(theta)) == pytest.approx(told, abs=5e-4)
    # Half a count in 200 seeds, bins of 1/40, and 100,000 events less those that failed.
    counted = np.array([((np.arange(SEEDS) + 0.5) / SEEDS < logistic(t)).sum() for t in theta])
    exact = information((counted + 0.5) / (SEEDS + 1))
    assert exact == pytest.approx(told, abs=0.008)
    law = likelihoods(brittle, sigma)  # (outcomes, theta)
    np.testing.assert_allclose(law.sum(0), 1, rtol=1e-6)
    ours = (xlogy(law, law).mean(1) - xlogy(law.mean(1), law.mean(1))).sum()
    assert ours == pytest.approx(exact, abs=0.002)
    got, error = Exact(4000)(brittle, prior(brittle), np.array([[sigma]]), np.random.default_rng(0))
    assert got[0, 0] == pytest.approx(ours, abs=4 * error[0, 0])
    # What one believes who takes no notice of failures, by the truth: the score of his posterior.
    blind = law[:-1] / law[:-1].sum(0)
    score = (law[:-1] * (np.log(blind) - np.log(blind.mean(1, keepdims=True)))).mean(1).sum()
    assert score == pytest.approx(dropped, abs=0.003)


def test_failures_are_counted_with_half_a_count(brittle: SimulatorDesign) -> None:
    rates = brittle.rates(brittle.thetas, np.full((20, 1), 0.5))
    failed = [
        sum((s + 0.5) / SEEDS < logistic(t) for s in range(SEEDS)) for t in brittle.thetas[:, 0]
    ]
    np.testing.assert_allclose(rates[:, -1], (np.array(failed) + 0.5) / (SEEDS + 1), rtol=1e-12)
    np.testing.assert_allclose(rates[:, :-1].sum(1), 1)
    # The bins are those of the runs that went well: none of theta's events is lost or counted twice.
    left = SEEDS - failed[0]
    events = [
        brittle.thetas[0, 0] + 0.5 * ndtri((np.arange(500) + s * 0.618034 % 1) / 500 + 1e-9)
        for s in range(failed[0], SEEDS)
    ]
    counts = np.histogram(np.concatenate(events), np.linspace(-4, 6, 401))[0]
    want = (counts + 0.5) / (left * 500 + 200)
    np.testing.assert_allclose(rates[0, :-1], want, rtol=1e-9)


def test_data_posterior_and_rewards_know_of_failures(brittle: SimulatorDesign) -> None:
    vector = gym.make_vec(SIMULATOR, num_envs=4000, reveal=True, **BRITTLE | {"horizon": 1})
    _, info = vector.reset(seed=0)
    observation, reward, *_ = vector.step(np.full(4000, 1))
    outcome = observation["outcomes"]
    failed = outcome[:, -1] == 1
    assert (outcome[failed, :-1] == 0).all()
    assert (outcome[~failed, :-1].sum(1) == 1).all()
    chance = brittle.rates(info["theta"], np.full((4000, 1), 0.5))[:, -1]
    assert abs((failed - chance).mean()) < 4 * (chance * (1 - chance)).mean() ** 0.5 / 4000**0.5
    assert reward.mean() == pytest.approx(0.351, abs=0.003 + 4 * reward.std() / 4000**0.5)
    # The posterior after a failure is that of Bayes' rule by hand.
    weights = brittle.rates(brittle.thetas, np.full((20, 1), 0.5))[:, -1]
    mean = weights @ brittle.thetas[:, 0] / weights.sum()
    np.testing.assert_allclose(observation["belief"][failed, 0], mean, rtol=1e-6)
    good = observation["belief"][~failed, 0]
    assert (good - info["theta"][~failed, 0]).mean() == pytest.approx(0, abs=0.02)


def test_the_estimate_of_the_slides_sees_failures(brittle: SimulatorDesign) -> None:
    """A few hundred experiments for each of a few values, with the bias that this has."""
    model = SimulatorDesign(**BRITTLE | {"num_bins": 5, "data_range": (0, 2)})
    got, error = Histogram(50, 2000, 4000)(
        model, prior(model), np.array([[0.5]]), np.random.default_rng(1)
    )
    law = likelihoods(model, 0.5)
    exact = (xlogy(law, law).mean(1) - xlogy(law.mean(1), law.mean(1))).sum()
    assert got[0, 0] == pytest.approx(exact, abs=0.03 + 4 * error[0, 0])


@pytest.mark.parametrize("mode", ["outcome", "fresh", "mask"])
@pytest.mark.filterwarnings("ignore:on_failure='mask' leaves out")
def test_one_episode_is_the_same_as_many(mode: str) -> None:
    kwargs = BRITTLE | {"num_bins": 5, "simulated_events": 20, "grid_size": 5, "num_events": 3}
    kwargs |= {"seeds": [90, 150, 190], "data_range": (-6, 8), "fresh": mode == "fresh"}
    kwargs |= {"on_failure": "mask" if mode == "mask" else "outcome"}
    vector = gym.make_vec(SIMULATOR, num_envs=4, **kwargs)
    singles = [gym.make(SIMULATOR, **kwargs) for _ in range(4)]
    together = [vector.reset(seed=3)[0]]
    alone = [[one.reset(seed=3 + i)[0]] for i, one in enumerate(singles)]
    for action in ([0, 1, 2, 0], [1, 1, 2, 2], [0, 0, 0, 1]):
        observation, reward, *_ = vector.step(np.array(action))
        together.append({**observation, "reward": reward})
        for i, one in enumerate(singles):
            observation, reward, *_ = one.step(action[i])
            assert one.observation_space.contains(observation)
            alone[i].append({**observation, "reward": reward})
    for step, seen in enumerate(together):
        for name, rows in seen.items():
            for i in range(4):
                np.testing.assert_array_equal(rows[i], alone[i][step][name])


def test_fresh_experiments_fail_as_their_runs_do() -> None:
    vector = gym.make_vec(SIMULATOR, num_envs=300, reveal=True, **BRITTLE | {"fresh": True})
    _, info = vector.reset(seed=0)
    outcome = vector.step(np.full(300, 1))[0]["outcomes"][:, :401]
    # Seeds of nature are far beyond those that fail: brittle fails for small ones alone.
    assert (outcome[:, -1] == 0).all()
    assert (outcome.sum(1) == 1).all()
    always = BRITTLE | {"simulator": "simulators:hopeful", "fresh": True, "num_bins": 4}
    vector = gym.make_vec(SIMULATOR, num_envs=300, reveal=True, **always)
    _, info = vector.reset(seed=0)
    outcome = vector.step(np.full(300, 1))[0]["outcomes"][:, :5]
    np.testing.assert_array_equal(outcome[:, -1], info["theta"][:, 0] > 1.2)


# ---- a mask

NUMERIC: dict[str, Any] = {
    "simulator": "simulators:numeric",
    "unknown_ranges": {"theta": (0, 3)},
    "knob_ranges": {"phi": (1, 3)},
    "settings": 2,
    "grid_size": 6,
    "data_range": (-4, 7),
    "simulated_events": 100,
    "seeds": (0, 1),
    "on_failure": "mask",
    "max_failed": 0.5,
}


def test_a_mask_takes_values_out_of_the_prior(folder: Path) -> None:
    env: Any = gym.make(SIMULATOR, reveal=True, **NUMERIC)
    assert simulators.calls(folder) == []
    told = r"leaves out 33% of the prior \(2 of 6 parameter values\).*phi=3: 6 of 12.*returned nan"
    with pytest.warns(UserWarning, match=told):
        first, _ = env.reset(seed=0)
    assert len(simulators.calls(folder)) == 2 * 6 * 2
    model = env.unwrapped.model
    np.testing.assert_array_equal(model.masked, model.thetas[:, 0] > 2)
    left = model.thetas[~model.masked, 0]
    assert first["belief"] == pytest.approx([left.mean(), left.std()])
    draws = model.sample_prior(4000, np.random.default_rng(0))[:, 0]
    values, counts = np.unique(draws, return_counts=True)
    np.testing.assert_array_equal(values, left)
    assert np.abs(counts / 4000 - 0.25).max() < 0.03
    for _ in range(3):  # and no data bring it back
        belief = env.step(1)[0]["belief"]
        assert np.isfinite(belief).all()
        assert belief[0] < 2
    # Where one of two seeds failed, the law is that of the other one.
    events = np.random.default_rng(0).normal(0.25, 1, 100)
    counts = np.histogram(events, np.linspace(-4, 7, 21))[0]
    law = model.rates(model.thetas[:1], np.array([[1.0]]))[0]
    np.testing.assert_allclose(law, (counts + 0.5) / 110, rtol=1e-9)


def test_draws_of_several_parameters_leave_out_what_is_masked(folder: Path) -> None:
    kwargs = NUMERIC | {"unknown_ranges": {"theta": (0, 3), "idle": (0, 1)}, "grid_size": (6, 3)}
    model = SimulatorDesign(**kwargs)
    with pytest.warns(UserWarning, match="33% of the prior"):
        draws = model.sample_prior(6000, np.random.default_rng(0))
    values, counts = np.unique(draws, axis=0, return_counts=True)
    np.testing.assert_array_equal(values, model.thetas[~model.masked])
    assert np.abs(counts / 6000 - 1 / 12).max() < 0.02


def test_a_mask_of_too_much_is_refused(folder: Path) -> None:
    model = SimulatorDesign(**NUMERIC | {"max_failed": 0.3, "seeds": (0, 2)})
    with pytest.raises(
        InputError, match=r"33% of the prior.*At most max_failed = 0.3 may be: give"
    ):
        model.sample_prior(1, np.random.default_rng(0))


def test_fresh_experiments_never_fail_under_a_mask(folder: Path) -> None:
    """Nature would have yielded something: other seeds are tried."""
    kwargs = NUMERIC | {"fresh": True, "cache": str(folder / "kept")}
    vector = gym.make_vec(SIMULATOR, num_envs=20, **kwargs)
    with pytest.warns(UserWarning, match="leaves out"):
        vector.reset(seed=0)
    outcome = vector.step(np.full(20, 0))[0]["outcomes"][:, :20]
    assert (outcome.sum(1) == 20).all()
    odd = [
        line
        for line in simulators.calls(folder)[24:]
        if int(line.split()[2]) % 2 and line[0] == "0"
    ]
    assert odd  # some did fail


# ---- too many, and what is kept


def test_a_simulator_that_always_fails_is_stopped_at_once(folder: Path) -> None:
    kwargs: dict[str, Any] = NUMERIC | {"simulator": "simulators:hopeless", "seeds": range(50)}
    kwargs |= {"cache": str(folder / "kept"), "max_failed": 0.2, "on_failure": "outcome"}
    model = SimulatorDesign(**kwargs)
    told = (
        r"fails too often: 9 of 9 runs failed \(phi=\d: \d of \d; phi=\d: \d of \d\); \d times it "
    )
    told += (
        r"raised ValueError: no such file at \d, such as at .*at most 120 may \(max_failed = 0.2\)"
    )
    with pytest.raises(InputError, match=told):
        model.simulate()
    assert len(simulators.calls(folder)) == 18  # each twice: the same words again are final
    assert list((folder / "kept").glob("*.failed")) == []  # a simulator that is mended starts anew


def test_more_failures_than_may_be_are_refused_setting_by_setting(folder: Path) -> None:
    """Lazily, too: 6 of the 24 runs fail, all at the second setting or for odd seeds."""
    model = SimulatorDesign(**NUMERIC | {"on_failure": "outcome", "max_failed": 0.3})
    model.rates(model.thetas[:1], np.array([[1.0]]))  # 2 of 7.2 that may fail
    assert str(model.failures).startswith("2 of 12 runs failed (phi=1: 2 of 12); 2 times it")
    with pytest.raises(InputError, match=r"8 of 2\d runs failed \(phi=3: 6 of"):
        model.rates(model.thetas[:1], np.array([[3.0]]))
    model = SimulatorDesign(**NUMERIC | {"on_failure": "outcome", "max_failed": 0.34})
    model.simulate()
    assert model.failures.rates == {"phi=3": (6, 12), "phi=1": (2, 12)}


def test_failures_are_kept_like_results(folder: Path) -> None:
    def rates(**kwargs: Any) -> Any:
        more = {"on_failure": "outcome", "cache": str(folder / "kept")}
        model = SimulatorDesign(**NUMERIC | more | kwargs)
        model.simulate()
        return model.rates(model.thetas, np.full((6, 1), 3.0))

    first = rates()
    assert len(simulators.calls(folder)) == 24
    kept = sorted((folder / "kept").glob("*.failed"))
    assert len(kept) == 8
    assert b"returned nan as event 0; all must be finite" in kept[0].read_bytes()
    np.testing.assert_array_equal(rates(), first)
    assert len(simulators.calls(folder)) == 24  # nothing again
    kept[0].unlink()
    kept[1].write_bytes(kept[1].read_bytes()[:-1])  # damaged
    np.testing.assert_array_equal(rates(), first)
    assert len(simulators.calls(folder)) == 26
    rates(version="2")
    assert len(simulators.calls(folder)) == 50
    # Where failures are errors, none is believed: they are run again.
    with pytest.raises(InputError, match="returned nan as event 0"):
        rates(on_failure="raise")
    assert len(simulators.calls(folder)) == 51
    model = SimulatorDesign(
        **NUMERIC | {"on_failure": "outcome", "cache": str(folder / "kept"), "max_failed": 0.5}
    )
    model.simulate(retry_failed=True)
    assert len(simulators.calls(folder)) == 51 + 8
    assert len(model.failures.failed) == 8


def test_a_part_counts_its_own(folder: Path) -> None:
    model = SimulatorDesign(
        **NUMERIC | {"on_failure": "outcome", "cache": str(folder / "kept"), "max_failed": 0.4}
    )
    model.simulate(part=1, parts=2)  # the even seeds
    assert {line.split()[2] for line in simulators.calls(folder)} == {"0"}
    assert len(model.failures.failed) == 2


@pytest.mark.parametrize(("theta", "tries"), [(1, 2), (2, 4), (3, 4)])
def test_only_what_may_go_well_is_repeated(folder: Path, theta: float, tries: int) -> None:
    """The same words twice are final; other words, and kills, are not."""
    job = Job((theta,), (1.0,), 4, 0)
    simulations = Simulations("simulators:moody", folder / "kept", 1, retries=3, failures=True)
    ((_, result),) = simulations.run([job])
    assert isinstance(result, Failed)
    assert len((folder / f"tries-{theta}").read_text().splitlines()) == tries
    assert dict(simulations.run([job])) == {job: result}
    assert len((folder / f"tries-{theta}").read_text().splitlines()) == tries


@pytest.mark.parametrize(
    ("simulator", "message"),
    [
        (["sh", "-c", "exit 125"], "ended with exit status 125"),
        (["sh", "-c", "exit 127"], "ended with exit status 127"),
        ([sys.executable, "{phi[3]}"], "names a parameter or a knob that there is not"),
        (["{theta}"], "No such file or directory"),
    ],
)
def test_what_cannot_start_has_not_failed(folder: Path, simulator: Any, message: str) -> None:
    simulations = Simulations(simulator, folder / "kept", 1, failures=True)
    with pytest.raises(InputError, match=message):
        list(simulations.run([Job((1.0,), (1.0,), 4, 0)]))
    assert list((folder / "kept").glob("*.failed")) == []


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    SimulatorDesign(**BRITTLE | {"seeds": range(0, SEEDS, 20), "grid_size": 4}).simulate()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"on_failure": "drop"},
            r"on_failure must be one of 'raise', 'outcome', 'mask', got 'drop'",
        ),
        ({"max_failed": 1.5}, r"max_failed must be a finite number >= 0 and <= 1, got 1.5"),
    ],
)
def test_bad_input(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SimulatorDesign(**kwargs)


def test_the_data_of_a_real_experiment(brittle: SimulatorDesign) -> None:
    assert brittle.data(None).tolist() == [0.0] * 400 + [1.0]
    data = brittle.data([1.01, 1.02, 5.99])
    assert data.sum() == 3
    assert data[[200, 399]].tolist() == [2, 1]
    with pytest.raises(InputError, match="on_failure='outcome' only"):
        SimulatorDesign().data(None)


PLAYERS = [
    agent for agent in DESIGN if agent.text != "random_walk"
]  # which needs a budget of moves


@pytest.mark.parametrize("agent", PLAYERS, ids=lambda agent: agent.text)
@pytest.mark.parametrize("mode", ["outcome", "mask"])
@pytest.mark.filterwarnings("ignore:on_failure='mask' leaves out")
def test_every_agent_of_design_plays_it(agent: Any, mode: str) -> None:
    kwargs = BRITTLE | {"num_bins": 5, "simulated_events": 20, "grid_size": 5, "num_events": 3}
    kwargs |= {"seeds": [90, 150, 190], "data_range": (-6, 8), "on_failure": mode, "horizon": 3}
    result = evaluate(SIMULATOR, agent.text, episodes=4, env_kwargs=kwargs)
    assert np.isfinite(result.returns).all()
