"""The robot physicist and the design benchmarks, written small, and the claims that they make."""

import csv
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.design.information import Exact
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.reproduce import playing, reproduce
from discovery_gym.experiments.reproduce.experimental_design import (
    benchmarks,
    episode,
    problems,
    robot_physicist,
    twins,
)
from discovery_gym.experiments.runs.records import read_folder

pytestmark = pytest.mark.usefixtures("no_processes")


def table(out, name):
    with (out / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# ---- benchmarks


def small(problem):
    """A problem with a short horizon, few particles and nodes, few contrasts and quick agents."""
    particles = {"num_particles": 30, "num_moves": 1}
    quick = {"LocationFinding": particles, "ConstantElasticity": particles}
    family = problem.env_id.split("/")[1].removesuffix("-v0")
    few = {"TemporalDiscounting": {"grid_size": 12}, "PreyPopulation": {"grid_size": (5, 30)}}
    fewer = few | quick
    entries = [
        replace(
            entry,
            agent=re.sub("candidates=[0-9]+", "candidates=8", entry.agent)
            if "policy" not in entry.agent
            else "random",  # what was trained for 20 rounds plays no fewer
            contrasts=50,
            env_kwargs=entry.env_kwargs | fewer.get(family, {}),
        )
        for entry in problem.entries
    ]
    return replace(problem, env_kwargs=problem.env_kwargs | {"horizon": 3}, entries=tuple(entries))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "PROBLEMS", tuple(map(small, problems.PROBLEMS)))
        return out, reproduce("design-benchmarks", out, episodes=3, seed=5, workers=1)


def test_every_policy_has_its_row(compared):
    out, files = compared
    assert files[0] == out / "index.html"
    assert all(path.is_file() for path in files)
    assert not re.search(r"\bnan\b", (out / "REPORT.md").read_text())
    for problem in problems.PROBLEMS:
        rows = table(out, benchmarks.slug(problem.name))
        assert len(rows) == len(problem.published) + len(problem.entries)
        ours = [row for row in rows if row["whose"] == "ours"]
        assert all(row["L"] == "50" and row["designs"] for row in ours)
        bounds = [float(row["lower bound (sPCE)"].split()[0]) for row in rows]
        assert bounds == sorted(bounds, reverse=True)


def test_bounds_are_those_of_evaluate(compared):
    out, _ = compared
    problem = next(one for one in map(small, problems.PROBLEMS) if "Death" in one.name)
    entry = next(one for one in problem.entries if one.name == "greedy")
    name = benchmarks.slug(problem.name)
    played = evaluate(
        problem.env_id,
        entry.agent,
        episodes=3,
        seed=5,
        env_kwargs={**problem.env_kwargs, **entry.env_kwargs},
        metrics=["information_bounds(contrasts=50)"],
    )
    (row,) = (row for row in table(out, name) if row["policy"] == "greedy")
    for column, values in (
        ("lower bound (sPCE)", played.metrics["information_bounds"][:, 0]),
        ("without bounds", played.returns),
    ):
        assert row[column] == f"{values.mean():.3f} ± {values.std(ddof=1) / 3**0.5:.3f}"


def test_a_second_call_plays_nothing_anew(compared, monkeypatch):
    out, _ = compared
    before = {record.id: record.created for record in read_folder(out / playing.RESULTS).records}
    monkeypatch.setattr(problems, "PROBLEMS", tuple(map(small, problems.PROBLEMS)))
    reproduce("design-benchmarks", out, episodes=3, seed=5, workers=1)
    after = {record.id: record.created for record in read_folder(out / playing.RESULTS).records}
    assert before == after


def test_published_figures_are_bounds_of_the_right_order():
    for problem in problems.PROBLEMS:
        assert len({one.policy for one in problem.published}) == len(problem.published)
        for one in problem.published:
            assert one.upper is None or one.lower <= one.upper
            assert one.contrasts is None or one.lower < np.log(one.contrasts + 1)


def test_a_bound_at_its_cap_is_no_comparison():
    """Ours of 1e6 contrasts ends at 13.8 nats; a policy with 1e7 has 14.6 and need not be better."""
    capped = []
    for problem in problems.PROBLEMS:
        ours = problem.entries[0]
        cap = np.log(ours.contrasts + 1)
        bounds = np.full((4, 2), cap) - [[0.0], [0.0], [0.0], [1e-9]]
        record = SimpleNamespace(metrics={"information_bounds": bounds})
        result = benchmarks.Result(problem, {ours.name: record})
        assert ("not comparable" in result.verdict) == (result.champion.lower > cap), problem.name
        capped += [problem.name] if "not comparable" in result.verdict else []
    assert any("elasticity" in name for name in capped)


def test_random_designs_from_the_normal_law_give_the_published_information():
    """Ten measurements, 4.74 to 4.79 nats; a uniform law gives far less."""
    problem = problems.PROBLEMS[1]
    entry = problem.entries[0]
    bounds = evaluate(
        problem.env_id,
        entry.agent,
        episodes=96,
        env_kwargs={**problem.env_kwargs, **entry.env_kwargs},
        metrics=["information_bounds(contrasts=2000)"],
    ).metrics["information_bounds"]
    error = bounds.std(0) / 96**0.5
    assert bounds[:, 0].mean() - 3 * error[0] < 4.76 < bounds[:, 1].mean() + 3 * error[1]


# ---- the robot physicist


AGENTS = {
    "random": "random",
    "Bayesian optimisation": "bayes_opt_eig(start=2, calls=3, outer=8, inner=8)",
    "greedy": "greedy_eig(candidates=8)",
}


@pytest.fixture(scope="module")
def physicist(tmp_path_factory):
    out = tmp_path_factory.mktemp("physicist")
    tasks = [
        replace(task, env_kwargs=task.env_kwargs | few)
        for task, few in zip(
            robot_physicist.TASKS,
            ({}, {}, *[{"settings": [[80.0, 0, 0], [91.19, 0, 0]], "grid_size": 32}] * 4),
            strict=True,
        )
    ]
    tasks = [replace(task, agents=AGENTS) for task in tasks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(robot_physicist, "TASKS", tuple(tasks))
        for module in (episode, robot_physicist):
            patch.setattr(module, "CURVES", Exact(draws=48))
        return out, reproduce("robot-physicist", out, episodes=2, seed=3, workers=1)


def test_the_report_is_whole(physicist):
    out, files = physicist
    assert files[0] == out / "index.html"
    assert all(path.is_file() for path in files)
    assert not re.search(r"\bnan\b", (out / "REPORT.md").read_text())
    for name in ("toy_information", "physics_information", "twins", "totals"):
        assert (out / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_curves_go_through_the_reference_values(physicist):
    for name in ("toy_information", "physics_information"):
        for row in table(physicist[0], name):
            error = 4 * np.hypot(float(row["standard error"]), 0.02) + 0.01
            assert abs(float(row["EIG, nats"]) - float(row["reference"])) < error, row


def test_the_rounds_shown_are_those_of_the_records(physicist):
    out, _ = physicist
    task = robot_physicist.TASKS[0]
    for name in ("greedy", "Bayesian optimisation"):
        rows = [row for row in table(out, "rounds_toy_20_events") if row["agent"] == name]
        assert len(rows) == robot_physicist.ROUNDS
        result = evaluate(task.env_id, AGENTS[name], episodes=1, seed=3, env_kwargs=task.env_kwargs)
        total = sum(float(row["information, nats"]) for row in rows)
        assert total == pytest.approx(result.returns[0], abs=1e-3 * len(rows))
        assert result.lengths[0] == len(rows)


def test_twins_have_the_same_asymmetry_and_settings_resolve_them():
    assert twins.twin(80.0) == pytest.approx(0.277, abs=1e-3)
    assert twins.twin(91.1876) == pytest.approx(0.269, abs=1e-3)
    assert twins.twin(150.0) is None
    for energy in (80.0, 91.1876):
        pair = np.array([twins.SIN2, twins.twin(energy)])
        np.testing.assert_allclose(*twins.asymmetry(pair, energy), atol=1e-9)
    shares = [twins.wrong(experiments) for experiments in twins.EXPERIMENTS.values()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.5
    assert shares[-1] < 1e-3
    more = twins.wrong([(80.0, 0.0, 100_000)])
    assert 0.3 < more < 0.7  # no number of events tells them apart


# ---- options


@pytest.mark.parametrize("name", ["robot-physicist", "design-benchmarks"])
@pytest.mark.parametrize("options", [{"episodes": 1}, {"seed": -1}, {"workers": 0}])
def test_impossible_options_are_refused(tmp_path, name, options):
    with pytest.raises(InputError, match=next(iter(options))):
        reproduce(name, tmp_path, **options)
    assert not list(tmp_path.iterdir())
