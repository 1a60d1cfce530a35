"""The command compare, in real processes."""

import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.experiments import cli
from discovery_gym.experiments.runs.records import read_folder

CLI = [sys.executable, "-m", "discovery_gym.experiments"]


def call(*words, where):
    done = subprocess.run(
        [*CLI, *map(str, words)], capture_output=True, text=True, check=False, cwd=where
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def invoke(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def csv(path, rows, measured=None):
    random = np.random.default_rng(0)
    x = random.uniform(size=(rows, 2)).round(4)
    lines = ["T,time,yield"]
    for i, (a, b) in enumerate(x):
        lines.append(f"{a},{b},{'' if measured and i >= measured else round(50 * a + 9 * b, 3)}")
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    csv(folder / "my.csv", 46, measured=42)
    words = ["compare", "my.csv", "--target", "yield", "--strategy", "greedy", "--strategy"]
    words += ["bayes_ucb(belief=gp)", "--episodes", 16, "--horizon", 6, "--workers", 1]
    return folder, words, call(*words, where=folder)


def test_it_says_what_it_costs_and_ends_with_the_next_command(compared):
    _, _, done = compared
    assert done.returncode == 0, done.stderr
    before = done.stderr.splitlines()
    assert before[0] == "suite: my.compare/suite.toml, 18 tasks, 36 runs"
    assert before[1].startswith("about ")
    assert "on 1 core" in before[1]
    lines = done.stdout.splitlines()
    assert lines[0].split("\t")[0] == "strategy"
    names = {line.split("\t")[0] for line in lines[1:4]}
    assert names == {"greedy", "bayes_ucb(belief=gp)", "random"}
    random = next(line for line in lines if line.startswith("random\t"))
    assert random.endswith("behind")
    assert "with labels dealt at random" in done.stdout
    assert "Chosen on one half of the rows" in done.stdout
    assert "could have been seen" in done.stdout
    now = done.stderr.splitlines()[-1]
    assert now.startswith("Now: discovery-gym ask my.csv --target yield --agent ")


def test_as_json_it_tells_the_same(compared, monkeypatch):
    folder, words, first = compared
    monkeypatch.chdir(folder)
    done = invoke(*words, "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["kind"] == "comparison"
    rows = [line.split("\t") for line in first.stdout.splitlines()[1:4]]
    assert [one["name"] for one in found["strategies"]] == [row[0] for row in rows]
    for one, row in zip(found["strategies"], rows, strict=True):
        gain, lost = one["ahead_of_random"], row[1].replace("−", "-").split(" ± ")
        assert round(gain["value"], 3) == float(lost[0])
        assert one["not_told_apart"] == (row[-1] == "not told apart")
        assert gain["low"] <= gain["value"] <= gain["high"]
    assert f"Now: {found['command']}" == first.stderr.splitlines()[-1]
    assert found["strategies"][0]["name"] == found["best"]
    assert found["failed"] == {}


def test_its_suite_runs_to_the_same_records(compared):
    folder, _, _ = compared
    suite = tomllib.loads((folder / "my.compare" / "suite.toml").read_text(encoding="utf-8"))
    assert suite["groups"]["strategies"]["greedy"] == "greedy"
    words = ["run", "my.compare/suite.toml", "--out", "other", "--task", "split 2, half b"]
    run = call(*words, "--workers", 1, where=folder)
    assert run.returncode == 0, run.stderr
    ours = {one.id: one for one in read_folder(folder / "my.compare").records}
    others = read_folder(folder / "other").records
    assert len(ours) == 36
    assert len(others) == 2
    for one in others:
        np.testing.assert_array_equal(one.evaluation.returns, ours[one.id].evaluation.returns)


def test_a_second_call_plays_nothing_whatever_the_metric(compared, monkeypatch):
    folder, words, first = compared
    monkeypatch.chdir(folder)
    again, area = (invoke(*words, *more) for more in ([], ["--metric", "area"]))
    whole = invoke("run", "my.compare/suite.toml", "--out", "my.compare")
    for done in (again, area, whole):
        assert done.exit_code == 0, done.output
        assert "36 of 36 runs are finished already." in done.stderr
    assert again.stdout == first.stdout
    assert area.stdout != first.stdout


def test_few_rows_get_the_default_and_play_nothing(tmp_path, monkeypatch):
    csv(tmp_path / "few.csv", 60, measured=39)
    monkeypatch.chdir(tmp_path)
    done = invoke("compare", "few.csv")
    assert done.exit_code == 0, done.output
    assert "39 measured conditions" in done.stdout
    assert done.stderr.splitlines()[-1] == "Now: discovery-gym ask few.csv --agent bayes_ucb"
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--metric", "end"], "sum or area"),
        (["--agent", "greedy"], "NAME=AGENT"),
        (["--agent", "greedy=ids"], "Two strategies"),
        (["--strategy", "random"], "known exactly"),
        (["--strategy", "nodes"], "nodes"),
        (["--horizon", "100"], "horizon"),
        (["--strategy", "greedy(belief=nodes)"], "does not fit"),
        (["--strategy", "oracle"], "oracle looks up the truth, which a study does not know"),
        (["--agent", "mine=oracle"], "oracle looks up the truth, which a study does not know"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, words, told):
    csv(tmp_path / "my.csv", 45)
    done = invoke("compare", tmp_path / "my.csv", *words)
    assert isinstance(done.exception, InputError), done.output
    assert told in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["my.csv"]
