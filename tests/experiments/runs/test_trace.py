"""What a record keeps: every action, and where an episode stands, told again by single environments."""

import dataclasses
import re
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.runs import chunks
from discovery_gym.experiments.runs.chunks import chunks_of, joined, play_chunk
from discovery_gym.experiments.runs.evaluation import _seconds
from discovery_gym.experiments.runs.platforms import platform_here
from discovery_gym.experiments.runs.records import (
    open_folder,
    read_record,
    record_path,
    write_record,
)
from discovery_gym.experiments.runs.spec import RunSpec
from discovery_gym.experiments.runs.trace import Actions, log_spaced

UPGRADES = {"success_probs": [0.02], "objective": "count", "success_reward": 5.0, "horizon": 25,
            "cost_per_batch": 1.0, "cost_per_experiment": 0.05, "batch_sizes": [1, 16],
            "model_upgrade": [1.5, 8.0, 3], "throughput_upgrade": [2, 6.0, 2]}  # fmt: skip
PLAYED = {
    "ladder": ("KnowledgeLadder", {"target": 6, "p_scale": 20.0, "cost_per_experiment": 0.3}),
    "step": ("GaussianStep", {"target": 9.0, "stds": [1.0, 2.0], "std_costs": [0.0, 4.0],
                              "batch_sizes": [1, 8], "cost_per_experiment": 0.1, "horizon": 60}),
    "upgrades": ("BinomialDiscovery", UPGRADES),
    "pool": ("LinearPool", {"num_items": 20, "num_features": 3, "horizon": 12}),
    "late": ("LinearPool", {"num_items": 20, "num_features": 3, "horizon": 12, "delay": 3}),
    "plates": ("GraphPool", {"num_items": 20, "horizon": 12, "batch_size": 3, "delay": 2}),
    "lost": ("LinearPool", {"num_items": 20, "num_features": 3, "horizon": 12, "batch_size": 2,
                            "delay": ["geometric", 0.4], "loss": 0.3}),
    "table": ("TablePool", {"dataset": "diabetes", "horizon": 60}),
    "lines": ("LinearGaussianDesign", {"horizon": 4}),
}  # fmt: skip


def run(name, agent="random", episodes=7, chunk=3, **more):
    env, kwargs = PLAYED[name]
    return RunSpec(suite="s", version=1, task=name, about="", name=agent, agent=agent, seed=1_000_003,
                   env_id=f"discovery/{env}-v0", env_kwargs=kwargs, episodes=episodes, chunk=chunk,
                   **more)  # fmt: skip


def played(spec):
    return joined(spec, [play_chunk(spec, index) for index in range(chunks_of(spec))])


def steps(spec, seed, actions):
    """Yield return, regret, best label and money spent after each action in a single environment."""
    env = gym.make(spec.env_id, **spec.env_kwargs, reveal=True)
    env.reset(seed=seed)
    total, prize = 0.0, spec.env_kwargs.get("success_reward", 0.0)
    for i, action in enumerate(actions, 1):
        observation, reward, ended, _, info = env.step(action)
        assert ended is (i == len(actions))
        total += reward
        best, successes = np.nan, 0
        if isinstance(observation, dict) and "labels" in observation:
            known = int(observation.get("arrived", [i])[0])
            best = max(observation["labels"][:known], default=np.nan)
        elif prize:
            successes = int(observation[1])
        yield total, info.get("regret", total), best, prize * successes - total


@pytest.mark.parametrize("name", PLAYED)
def test_what_is_kept_is_what_single_environments_tell(name):
    spec = run(name)
    result, space = played(spec), gym.make(spec.env_id, **spec.env_kwargs).action_space
    assert (result.spent is None) == (name not in ("ladder", "step", "upgrades"))
    assert (result.best_after is None) == (name not in ("pool", "late", "plates", "lost", "table"))
    np.testing.assert_array_equal(result.actions.lengths, result.lengths)
    for row, length in enumerate(result.lengths):
        actions = result.actions.of([row]).shaped(space)
        assert (len(actions), actions.dtype) == (length, space.dtype)
        total, after, best, money = np.transpose([*steps(spec, spec.seed + row, actions)])
        reached = result.points[result.points <= length] - 1
        some = row, slice(len(reached))
        np.testing.assert_array_equal(result.after[some], after[reached])
        assert np.isnan(result.after[row, len(reached) :]).all()
        assert result.returns[row] == total[-1]
        assert result.regret is None or result.regret[row] == after[-1]
        if result.best_after is not None:
            np.testing.assert_array_equal(result.best_after[some], best[reached])
        if result.spent is not None:
            np.testing.assert_allclose(result.spent_after[some], money[reached], atol=1e-9)
            assert result.spent[row] == pytest.approx(money[-1], abs=1e-9)


def assert_same(one, other):
    """Hold that two evaluations are bit for bit the same, but for the times."""
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "metrics":
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])
        elif field.name == "actions":
            assert [part.dtype for part in a.parts] == [part.dtype for part in b.parts]
            np.testing.assert_array_equal(a.parts, b.parts)
        elif field.name != "decision_seconds":
            np.testing.assert_array_equal(a, b)


def test_points_are_few_and_end_with_the_horizon():
    for horizon in (1, 2, 39, 40, 41, 100, 2000, 10_000_000):
        points = log_spaced(horizon)
        assert (points[0], points[-1]) == (1, horizon)
        assert len(points) <= 40
        assert (np.diff(points) > 0).all()
    small = log_spaced(2000)
    ratio = small[1:] / small[:-1]
    assert ratio[small[1:] > 50].max() < 1.25  # evenly in the logarithm, once there is room
    assert log_spaced(None)[-1] == 1_000_000


def test_quantiles_are_those_of_all_decisions():
    random = np.random.default_rng(0)
    seconds, counts = random.random(50), random.integers(1, 9, 50)
    every = np.repeat(seconds, counts)
    found = _seconds(seconds, counts)
    assert found["mean"] == pytest.approx(every.mean())
    for name, q in (("q50", 0.5), ("q90", 0.9), ("q99", 0.99)):
        assert found[name] == np.quantile(every, q, method="inverted_cdf")


def test_actions_of_some_episodes():
    whole = Actions(lengths=np.array([2, 1, 3]), parts=[np.arange(6), -np.arange(6)])
    some = whole.of([2, 0])
    assert some.lengths.tolist() == [3, 2]
    assert [part.tolist() for part in some.parts] == [[3, 4, 5, 0, 1], [-3, -4, -5, 0, -1]]
    assert [whole.place(i) for i in range(6)] == [(0, 1), (0, 2), (1, 1), (2, 1), (2, 2), (2, 3)]


# ---- chunks


@pytest.mark.parametrize("name", ["upgrades", "late", "lines"])
def test_chunks_make_the_run_that_evaluate_plays(name):
    spec = run(name, metrics=("information_bounds(contrasts=10)",) if name == "lines" else ())
    parts = {index: play_chunk(spec, index) for index in (2, 0, 1)}  # by anybody, in any order
    assert [len(parts[i].returns) for i in range(3)] == [3, 3, 1]
    assert parts[1].optimal_value is None
    made = joined(spec, [parts[i] for i in range(3)])
    asked = evaluate(spec.env_id, "random", episodes=7, seed=spec.seed, env_kwargs=spec.env_kwargs,
                     metrics=spec.metrics, chunk=3)  # fmt: skip
    assert_same(made, asked)
    with pytest.raises(InputError, match="A run of 3 chunks has no chunk 3"):
        play_chunk(spec, 3)


def test_the_truth_is_computed_once_for_a_task(monkeypatch):
    asked = []
    monkeypatch.setattr(chunks, "exact", lambda model, name: asked.append(name) or 1.5)
    monkeypatch.setattr(chunks, "_truths", {})
    for agent in ("random", "thompson"):
        assert played(run("pool", agent)).optimal_value == 1.5
    assert asked == ["random_value", "optimal_value"]
    played(run("late"))
    assert len(asked) == 4


def test_a_foreign_environment_keeps_its_actions_too():
    result = evaluate("CartPole-v1", lambda seen, random: int(seen[2] > 0), episodes=5, chunk=2)
    assert result.points[-1] == 500
    assert result.actions.parts[0].dtype == np.int64
    assert result.actions.lengths.tolist() == result.lengths.tolist() == result.returns.tolist()
    assert result.best_after is result.spent_after is None


# ---- files


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A run and the file of its record."""
    spec = run("table", "greedy", episodes=40, chunk=16)
    records = open_folder(tmp_path_factory.mktemp("trace") / "results")
    assert not write_record(records, spec, played(spec))
    return spec, record_path(records, spec.id)


def test_a_record_gives_back_what_was_played(file):
    spec, path = file
    made, read = played(spec), read_record(path)
    assert_same(read.evaluation, made)
    assert read.platform == platform_here()
    assert read.entry is None


def test_pandas_reads_a_record_in_one_line(file):
    pandas = pytest.importorskip("pandas")
    assert_read(file, pandas.read_parquet(file[1]).to_dict("list"))


def test_polars_reads_a_record_in_one_line(file):
    polars = pytest.importorskip("polars")
    assert_read(file, polars.read_parquet(file[1]).to_dict(as_series=False))


def test_duckdb_reads_a_record_in_one_line(file):
    duckdb = pytest.importorskip("duckdb")
    assert_read(file, duckdb.sql(f"select * from '{file[1]}'").to_arrow_table().to_pydict())


def test_the_line_of_the_guide_reads_all_runs_of_a_folder(file, tmp_path):
    """Runs of other environments have other columns."""
    duckdb = pytest.importorskip("duckdb")
    folder = tmp_path / "results"
    records = open_folder(folder)
    shutil.copy(file[1], records)
    for name in ("ladder", "lines"):
        assert not write_record(records, run(name), played(run(name)))
    guide = (Path(__file__).parents[3] / "docs/guide.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^duckdb\..*$", guide, re.MULTILINE)
    found = eval(line.replace("results/", f"{folder}/"), {"duckdb": duckdb})  # noqa: S307 - our own guide
    assert found.fetchall() == [(pytest.approx(read_record(file[1]).evaluation.regret.mean()),)]


def assert_read(file, columns):
    result = read_record(file[1]).evaluation
    assert columns["seed"] == [*range(1_000_003, 1_000_043)]
    for name, there in (("return", "returns"), ("length", "lengths"), ("regret", "regret")):
        np.testing.assert_array_equal(columns[name], getattr(result, there))
    np.testing.assert_array_equal(np.concatenate(columns["a0"]), result.actions.parts[0])
    for name, there in (("regret_after", "after"), ("best_after", "best_after")):
        np.testing.assert_array_equal(np.stack(columns[name]), getattr(result, there))


def test_indices_take_about_a_byte_a_decision(file):
    spec = run("table", episodes=1000, chunk=500)
    records = open_folder(file[1].parents[1])
    assert not write_record(records, spec, played(spec))
    whole = record_path(records, spec.id).stat().st_size
    assert whole < 1000 * (60 * 1.3 + 40 * 9) + 20_000  # 60 of 442 items; two floats at 40 points
