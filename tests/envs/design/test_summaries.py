"""Outcomes of several numbers: columns, summaries, planes; prices; what runs will take."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import simulators

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.envs.design.information import Exact
from discovery_gym.envs.design.simulator import black_box
from discovery_gym.envs.design.simulator import progress as watching
from discovery_gym.envs.design.simulator.black_box import Job
from discovery_gym.envs.design.simulator.estimate import Estimate
from discovery_gym.envs.design.simulator.jobs import Simulations
from discovery_gym.envs.design.simulator.progress import Progress, Watch
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.experiments import evaluate

SIMULATOR = "discovery/SimulatorDesign-v0"
WIDE: dict[str, Any] = {
    "simulator": "simulators:wide",
    "unknown_ranges": {"theta": (-1, 1)},
    "grid_size": 4,
    "settings": 2,
    "simulated_events": 300,
    "seeds": (0, 1),
    "num_events": 20,
}


pytestmark = pytest.mark.usefixtures("folder")


def drawn(model: Any, node: int = 1) -> Any:
    """Return all simulated events of a parameter value."""
    theta = model.thetas[node]
    return np.concatenate([simulators.wide(theta, np.array([40.0]), 300, seed) for seed in (0, 1)])


def law(model: Any, node: int = 1) -> Any:
    return model.rates(model.thetas[node : node + 1], np.array([[40.0]]))[0]


def smoothed(counts: Any) -> Any:
    return (counts.ravel() + 0.5) / (counts.sum() + counts.size / 2)


# ---- several numbers of an event


def test_columns_planes_and_summaries_need_no_new_runs(folder: Path) -> None:
    kept = {"cache": str(folder / "kept")}
    one = SimulatorDesign(columns=(0,), data_range=(-5, 5), num_bins=10, **WIDE, **kept)
    events = drawn(one)
    before = len(simulators.calls(folder))
    want = smoothed(np.histogram(events[:, 0], np.linspace(-5, 5, 11))[0])
    np.testing.assert_allclose(law(one), want)
    assert len(simulators.calls(folder)) == before + 8
    both = SimulatorDesign(
        columns=[0, 2], data_range=((-5, 5), (-9, 9)), num_bins=(4, 6), **WIDE, **kept
    )
    edges = np.linspace(-5, 5, 5), np.linspace(-9, 9, 7)
    want = smoothed(np.histogram2d(events[:, 0], events[:, 2], edges)[0])
    np.testing.assert_allclose(law(both), want)
    assert both.outcome_range[1].tolist() == [20] * 24
    data = both.data(events[:20])
    np.testing.assert_array_equal(
        data.reshape(4, 6), np.histogram2d(events[:20, 0], events[:20, 2], edges)[0]
    )
    single = SimulatorDesign(
        summarise="simulators:difference", data_range=(-9, 9), num_bins=6, **WIDE, **kept
    )
    want = smoothed(np.histogram(events[:, 0] - events[:, 2], np.linspace(-9, 9, 7))[0])
    np.testing.assert_allclose(law(single), want)
    assert len(simulators.calls(folder)) == before + 8


def test_a_summary_of_an_experiment_is_one_outcome() -> None:
    """Runs are cut into experiments: 15 of 20 events from each of two runs of 300."""
    model = SimulatorDesign(
        columns=0,
        summarise=simulators.mean_and_width,
        summarise_per="experiment",
        data_range=((-3, 3), (0, 3)),
        num_bins=(6, 3),
        **WIDE,
    )
    parts = drawn(model)[:, 0].reshape(30, 20)
    edges = np.linspace(-3, 3, 7), np.linspace(0, 3, 4)
    want = smoothed(np.histogram2d(parts.mean(1), parts.std(1), edges)[0])
    np.testing.assert_allclose(law(model), want)
    env = gym.make_vec(SIMULATOR, num_envs=50, **{n: getattr(model, n) for n in model.parameters()})
    env.reset(seed=0)
    outcomes = env.step(np.zeros(50, np.int64))[0]["outcomes"].reshape(50, 10, 18)
    assert (outcomes[:, 0].sum(1) == 1).all()
    assert model.law.num_events == 1


def test_two_numbers_tell_more_than_one() -> None:
    """As much as normal data do: both are N(theta, 1) and N(-theta, 2), about 20 (1 + 1/4) of one."""
    gains = []
    for columns, ranges in (((0,), (-6, 6)), ((0, 2), ((-6, 6), (-9, 9)))):
        kwargs: dict[str, Any] = WIDE | {"simulated_events": 50_000, "num_events": 1}
        model = SimulatorDesign(columns=columns, data_range=ranges, num_bins=12, **kwargs)
        posterior = model.new_posterior(1)
        posterior.reset(np.zeros(1, np.int64), [])
        random = np.random.default_rng(0)
        gains.append(Exact(20_000)(model, posterior, np.array([[40.0]]), random)[0][0, 0])
    precision = np.array([1.0, 1.25])
    want = np.log1p(model.thetas.var() * precision) / 2  # as if theta were normal
    np.testing.assert_allclose(gains, want, atol=0.02)


@pytest.mark.parametrize("text", [b"7.0\t0\t-1\n", b" 1 2\n3 4\n5 6", b"7\n8\n9", b"1 2 3"])
def test_a_text_says_the_same_in_any_pieces(text: bytes) -> None:
    """A program may write each number by itself: what is read so is what is read at once."""
    events = 1 if text.startswith(b"7.0") else 3
    whole = read(text, events, len(text))
    for size in range(1, len(text)):
        assert read(text, events, size).tolist() == whole.tolist(), size
    with pytest.raises(black_box.WrongOutput, match="more than 1 events"):
        read(b"1 2\n3 4\n", 1, 3)
    with pytest.raises(black_box.WrongOutput, match="more than 2 events"):
        read(b"1 " * 100_000, 2, 50)


def read(text: bytes, events: int, size: int) -> np.ndarray:
    """Return the numbers of a text that comes in pieces of some size."""
    pieces = iter([text[i : i + size] for i in range(0, len(text), size)] + [b""])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(black_box.os, "read", lambda *_: next(pieces))
        return black_box._numbers(0, events)


def test_a_command_prints_several_numbers_an_event(folder: Path) -> None:
    program = (
        "import sys\nfor i in range(int(sys.argv[1])): print(float(sys.argv[2]), i, -i, sep='\\t')"
    )
    simulations = Simulations([sys.executable, "-c", program, "{events}", "{theta}"], folder, 1)
    jobs = [Job((7.0,), (1.0,), events, 0) for events in (1, 4)]
    found = dict(simulations.run(jobs))
    assert found[jobs[0]].tolist() == [[7, 0, 0]]
    assert found[jobs[1]].tolist() == [[7, i, -i] for i in range(4)]
    again = dict(simulations.run(jobs))
    assert again[jobs[1]].tolist() == found[jobs[1]].tolist()
    # Numbers of one column may stand in any lines, as ever; too many are too many.
    for text, events in (("1 2\n3 4", 4), ("1 2 3 4", 4), ("1\n2\n3\n4", 4)):
        job = Job((7.0,), (1.0,), events, 0)
        ((_, found_events),) = Simulations(["echo", text], folder, 1).run([job])
        assert found_events.tolist() == [1, 2, 3, 4]
    for text in ("1\n2\n3\n4", "1 2\n3 4\n5 6"):
        with pytest.raises(InputError, match="more than 2 events"):
            list(Simulations(["echo", text], folder, 1).run([Job((7.0,), (1.0,), 2, 0)]))
    with pytest.raises(InputError, match="returned 5 events where 4 numbers"):
        list(Simulations(["echo", "1 2\n3\n4 5"], folder, 1).run([Job((7.0,), (1.0,), 4, 0)]))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {},
            r"An event of the simulator has 3 numbers, and data_range holds the ranges of 1: .*colum",
        ),
        ({"columns": (3,)}, r"columns = \(3,\) must be below 3"),
        ({"columns": (-1,)}, r"columns\[0\] must be an integer of at least 0, got -1"),
        ({"data_range": [(0, 1)] * 3}, r"at most two numbers are put into bins: name one or two"),
        ({"data_range": [(0, 1), (2, 1)]}, r"data_range\[1\] must be two increasing numbers"),
        ({"num_bins": (3, 3)}, r"num_bins must be one number or one for each range in data_range"),
        (
            {"data_range": [(0, 1)] * 2, "num_bins": 101},
            r"num_bins = 101 x 101 are more than 10,000",
        ),
        (
            {"summarise": "simulators:nothing"},
            r"summarise = 'simulators:nothing' cannot be imported",
        ),
        ({"summarise": 3}, r"summarise must be a function"),
        ({"summarise_per": "run"}, r"summarise_per must be one of 'event', 'experiment'"),
        ({"summarise_per": "experiment"}, r"needs a summarise='module:function'"),
        (
            {"summarise": simulators.mean_and_width},
            r"must return a row for each event.*summarise_per",
        ),
        (
            {"summarise": simulators.difference, "summarise_per": "experiment", "num_events": 301},
            r"simulated_events = 300 must be at least num_events = 301",
        ),
        ({"summarise": lambda _: [1.0] * 2 + [np.nan]}, r"must return a row for each event"),
        ({"summarise": lambda e: e[:, 0] * np.nan}, r"must return finite numbers"),
        (
            {"summarise": lambda e: e[:, 5]},
            r"raised IndexError: .*given events of shape \(300, 3\)",
        ),
    ],
)
def test_bad_summaries(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SimulatorDesign(**WIDE | kwargs).simulate()


# ---- prices


PRICED: dict[str, Any] = {
    "settings": [[40], [42.5], [43.5]],
    "simulated_events": 2000,
    "horizon": 4,
}


@pytest.mark.parametrize(
    ("price", "wanted"),
    [
        (2, [2, 2, 2]),
        ([1, 3, 0.5], [1, 3, 0.5]),
        (simulators.hourly, [1601, 1807.25, 1893.25]),
        ("simulators:hourly", [1601, 1807.25, 1893.25]),
    ],
)
def test_prices_of_settings(price: Any, wanted: list[float]) -> None:
    model = SimulatorDesign(price=price, **PRICED)
    np.testing.assert_allclose(
        model.prices(np.array([[0, 1], [2, 2]])), np.take(wanted, [[0, 1], [2, 2]])
    )
    result = evaluate(SIMULATOR, "random", episodes=5, env_kwargs={"price": price, **PRICED})
    assert result.actions is not None
    played = np.take(wanted, result.actions.shaped(model.action_space).reshape(5, 4))
    np.testing.assert_allclose(result.spent, played.sum(1))


def test_information_per_price_is_a_rule_of_choice() -> None:
    """The best ratio by brute force; without prices the best gain."""
    gains = {}
    for price in ([1, 1, 1], [100, 2, 1]):
        model = SimulatorDesign(price=price, **PRICED)
        posterior = model.new_posterior(1)
        posterior.reset(np.zeros(1, np.int64), [])
        settings = model.setting(np.arange(3))
        gain = Exact(4000)(model, posterior, settings, np.random.default_rng(0))[0][0]
        observation, _ = gym.make(SIMULATOR, price=price, **PRICED).reset(seed=0)
        for text in ("greedy_eig", "thompson_eig(draws=200)"):
            plain, _ = make(text, model).predict(observation)
            more = (
                text.replace("(", "(per_price=True, ") if "(" in text else f"{text}(per_price=True)"
            )
            per_price, _ = make(more, model).predict(observation)
            assert plain == gain.argmax()
            assert per_price == (gain / price).argmax()
        gains[tuple(price)] = (gain / price).argmax()
    assert len(set(gains.values())) == 2


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ([1, 2], r"price must hold a number for each of the 3 settings, got 2"),
        (0, r"price must be a finite number > 0"),
        ([1, -1, 1], r"price\[1\] must be"),
        ("simulators:nothing", r"price = 'simulators:nothing' cannot be imported"),
        (lambda setting: setting[3], r"raised IndexError.*It must return the price of a setting"),
    ],
)
def test_bad_prices(price: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SimulatorDesign(price=price, **PRICED)


def test_no_prices() -> None:
    model = SimulatorDesign()
    assert model.prices(np.array([[0]])) is None
    with pytest.raises(InputError, match=r"per_price=True needs the prices of settings.*price=\[1"):
        make("greedy_eig(per_price=True)", model)


# ---- before the start, and on the way


def test_an_estimate_before_the_start(folder: Path) -> None:
    kwargs = WIDE | {
        "grid_size": 3,
        "settings": 3,
        "columns": 0,
        "data_range": (-6, 6),
        "cache": str(folder / "kept"),
    }
    model = SimulatorDesign(**kwargs)
    found = model.estimate()
    assert (found.runs, found.kept, found.left, found.workers) == (18, 0, 18, 1)
    assert len(simulators.calls(folder)) == 3
    assert len(found.seconds) == 3
    jobs = [job for job in model._runs.jobs(range(3)) if model.simulations.known(job)]
    corners = [job.theta[0] for job in jobs]
    assert corners == pytest.approx([-2 / 3, 0, 2 / 3])
    assert [job.phi for job in jobs] == [(40,), (45,), (50,)]
    assert 18 * 8 * 300 * 3 < found.bytes < 18 * (8 * 300 * 3 + 1000)
    assert str(found).startswith(
        "18 runs (3 settings x 3 parameter values x 2 seeds): 0 kept, 18 left"
    )
    again = model.estimate()
    assert (again.kept, len(again.seconds), len(simulators.calls(folder))) == (3, 3, 6)
    model.simulate()
    assert len(simulators.calls(folder)) == 18
    done = model.estimate()
    assert (done.left, done.seconds, done.hours) == (0, (), (0, 0, 0))
    assert len(simulators.calls(folder)) == 18


def test_hours_and_words_of_an_estimate() -> None:
    found = Estimate(11, 20, 10, 200, (90.0, 60.0, 120.0), ("at theta = 1 it broke",), 4, 3_500_000)
    assert found.hours == pytest.approx(
        (2000 * 60 / 4 / 3600, 2000 * 90 / 4 / 3600, 2000 * 120 / 4 / 3600)
    )
    assert str(found) == (
        "2,200 runs (11 settings x 20 parameter values x 10 seeds): 200 kept, 2,000 left\n"
        "3 probes: 1.5 min each (60 s to 2.0 min)\n"
        "about 12.5 h with 4 workers (8.3 h to 16.7 h); 3.5 MB on the disk\n"
        "1 of them failed: at theta = 1 it broke"
    )


def test_probes_that_fail_are_told_and_not_kept(folder: Path) -> None:
    kwargs = WIDE | {"simulator": "simulators:hopeless", "cache": str(folder / "kept")}
    found = SimulatorDesign(**kwargs).estimate()
    assert len(found.failed) == 3
    assert "it raised ValueError: no such file at 40" in str(found)
    assert [path.suffix for path in (folder / "kept").iterdir() if path.suffix == ".failed"] == []


def test_progress_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.0)
    told: list[Progress] = []
    model = SimulatorDesign(
        **WIDE | {"columns": 0, "data_range": (-6, 6), "cache": str(folder / "kept")}
    )
    model.rates(model.thetas[:1], np.array([[40.0]]))
    model.simulate(progress=told.append)
    assert [one.done for one in told] == [*range(1, 9), 8]
    assert {one.total for one in told} == {8}
    assert str(told[-1]) == "8 of 8 runs"
    monkeypatch.setattr(watching, "EVERY", 1e9)
    told.clear()
    SimulatorDesign(**WIDE | {"columns": 0, "data_range": (-6, 6), "version": "2"}).simulate(
        progress=told.append
    )
    assert [one.done for one in told] == [16]


def test_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting by its own mean; one that runs counts at least its age."""
    now = 0.0
    monkeypatch.setattr(watching.time, "monotonic", lambda: now)
    watch = Watch()
    jobs = {phi: [Job((1.0,), (phi,), 4, seed) for seed in range(4)] for phi in (1.0, 2.0)}
    watch.begin(jobs[1.0] + jobs[2.0], 3, 1)
    assert watch.progress == Progress(3, 11, 1, None)
    watch.start(jobs[1.0][0])
    watch.start(jobs[2.0][0])
    now = 10.0
    # Two workers; what runs takes as long as it has: nothing is left of it, and 6 times 10 s.
    assert watch.progress.seconds == pytest.approx(30)
    watch.end(jobs[1.0][0], False, 10.0)
    watch.start(jobs[1.0][1])
    now = 30.0  # the second run of 1 has been running for 20 s, that of 2 for 30 s
    # 1: 10 and 20, 15 on average, 2 wait: 30. 2: 30, 3 wait: 90. Over two workers.
    assert watch.progress.seconds == pytest.approx(60)
    watch.end(jobs[1.0][1], True, 20.0)
    watch.end(jobs[2.0][1], False)  # elsewhere
    assert watch.progress == Progress(6, 11, 2, pytest.approx(2 * 15 + 2 * 30))
    assert str(watch.progress) == "6 of 11 runs, 2 failed, about 1.5 min left"
    watch.again(jobs[2.0][0])
    assert watch.progress.total == 11


# ---- containers


def test_a_container_is_a_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a `docker` that does what docker would, and then one that cannot reach its daemon."""
    docker = folder / "docker"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    script = (
        f"#!{sys.executable}\nimport sys, random\n"
        "assert sys.argv[1:4] == ['run', '--rm', 'lab/muons:1.0'], sys.argv\n"
        "theta, phi, events, seed = map(float, sys.argv[4:])\n"
        "random.seed(int(seed))\n"
        "if theta > 1.4: sys.exit(3)\n"
        "for _ in range(int(events)): print(random.gauss(theta, phi / 50))\n"
    )
    docker.write_text(script)
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    kwargs: dict[str, Any] = {
        "simulator": "docker run --rm lab/muons:1.0 {theta} {phi} {events} {seed}",
        "data_range": (-3, 5),
        "settings": 2,
        "grid_size": 4,
        "simulated_events": 50,
        "on_failure": "outcome",
        "max_failed": 0.5,
        "retries": 0,
        "workers": 2,
    }
    model = SimulatorDesign(cache=str(folder / "kept"), **kwargs)
    model.simulate()
    assert model.failures.rates == {"phi=40": (0, 4), "phi=50": (0, 4)}
    model = SimulatorDesign(cache=str(folder / "kept"), **kwargs | {"grid_size": 6})
    model.simulate()
    assert model.failures.rates == {"phi=40": (1, 6), "phi=50": (1, 6)}
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 125\n")
    model = SimulatorDesign(cache=str(folder / "other"), **kwargs)
    with pytest.raises(InputError, match=r"exit status 125.*'Cannot connect to the Docker daemon'"):
        model.simulate()
