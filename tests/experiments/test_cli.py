"""The command line: what it prints, and how it refuses."""

import json
import re
import subprocess
import sys

import gymnasium as gym
import pytest
from typer.testing import CliRunner

import discovery_gym
from discovery_gym import registered
from discovery_gym.agents import available
from discovery_gym.envs import datasets
from discovery_gym.experiments import cli
from discovery_gym.experiments.runs.parameters import parameters
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.runs.spec import data_hash
from discovery_gym.experiments.suites import catalogue as suites

CLI = [sys.executable, "-m", "discovery_gym.experiments"]


def call(*words):
    return subprocess.run([*CLI, *map(str, words)], capture_output=True, text=True, check=False)


def invoke(*words):
    return CliRunner().invoke(cli.app, list(map(str, words)))


def refused(*words):
    """Return the message of the `InputError` that `main` turns into exit status 2."""
    result = invoke(*words)
    assert isinstance(result.exception, discovery_gym.InputError), result.output
    return str(result.exception)


def test_help_and_version_do_not_load_the_heavy_libraries():
    code = (
        "import sys; sys.argv = ['discovery-gym', '--version']\n"
        "from discovery_gym.experiments.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted({'scipy', 'pyarrow', 'jinja2', 'sklearn', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:2] == [f"discovery-gym {discovery_gym.__version__}", "[]"]


@pytest.mark.parametrize("kind", ["foreign", "file", "unwritable", "unknown"])
def test_a_refusal_is_one_line_on_stderr_and_status_2(kind, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    words = {
        "foreign": ("run", "smoke", "--out", tmp_path),
        "file": ("run", "smoke", "--out", tmp_path / "thesis.txt"),
        "unwritable": ("run", "smoke", "--out", "/proc/results"),
        "unknown": ("run", "smok", "--out", tmp_path / "new"),
    }[kind]
    done = call(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert {
        "foreign": "is not a results folder",
        "file": "is a file",
        "unwritable": "Cannot write results to /proc/results",
        "unknown": "did you mean 'smoke'",
    }[kind] in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "GausianStep", "random"), "did you mean 'GaussianStep'"),
        (("evaluate", "GaussianStep", "optmal"), "did you mean 'optimal'"),
        (("evaluate", "GaussianStep", "random", "--episodes", "0"), "episodes"),
        (("evaluate", "GaussianStep", "random", "--kwargs", "{"), "--kwargs must be a JSON object"),
        (
            ("evaluate", "GaussianStep", "random", "--kwargs", "[" * 100_000),
            "--kwargs must be a JSON object",
        ),
        (
            ("evaluate", "GaussianStep", "random", "--set", "horizon=" + "[" * 100_000),
            "horizon must be an integer",
        ),
        (
            ("evaluate", "GaussianStep", "random", "--kwargs", "[1]"),
            "--kwargs must be a JSON object",
        ),
        (("evaluate", "GaussianStep", "random", "--set", "target"), "--set must be name=value"),
        (("evaluate", "GaussianStep", "random", "--set", "target=far"), "target.*'far'"),
        (
            ("evaluate", "TablePool", "random", "--set", "dataset=diabets"),
            "did you mean 'diabetes'",
        ),
        (("reproduce", "high-throghput", "--out", "x"), "did you mean 'high-throughput'"),
        (
            ("run", "smoke", "--out", "x", "--shard", "3/2"),
            "--shard is gone: give the same command",
        ),
        (("leaderboard", "nowhere"), "There is no folder nowhere"),
    ],
)
def test_bad_input_is_named(words, message):
    assert re.search(message, refused(*words))


def test_list_names_everything():
    result = invoke("list")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.output.splitlines()]
    listed = {row[0]: row for row in rows}
    assert {*registered(), *suites.SUITES, *datasets.catalogue()} <= set(listed)
    for env_id in registered():
        assert listed[env_id][2].split(", ") == available(gym.make(env_id))


def test_evaluate_shows_the_score():
    words = ("--episodes", 20, "--set", "target=5", "--set", "batch_sizes=[1, 8]")
    result = invoke("evaluate", "GaussianStep", "optimal", *words)
    assert result.exit_code == 0, result.output
    assert "discovery/GaussianStep-v0" in result.output
    assert "score" in result.output
    assert "exact optimum" in result.output
    assert "20, 1000000" in result.output  # no tuning seed, unless it is asked for
    result = invoke("evaluate", "GaussianStep", "optimal", *words, "--seed", 3)
    assert "20, 3" in result.output


def test_columns_of_prices_and_proxies_are_no_outcomes(tmp_path):
    """Named as what they are, they are not taken for the label; and they are part of the data."""
    table = tmp_path / "my.csv"
    rows = [f"{i},{i % 3},{i * i % 7},{1 + i % 2},{i % 5}" for i in range(12)]
    table.write_text("\n".join(["t,b,quick,cost,yield", *rows]))
    options = {"dataset": str(table), "fidelities": [[1, "quick"], [None]], "price": "cost"}
    words = [f"--set={name}={json.dumps(value)}" for name, value in options.items()]
    result = invoke("evaluate", "TablePool", "greedy", "--episodes", 3, "--set", "budget=9", *words)
    assert result.exit_code == 0, result.output
    assert "note: no target was named: it is 'yield'" in result.output
    assert "money spent" in result.output
    before = data_hash("discovery/TablePool-v0", options)
    for old, new in (("11,2,2,2,1", "11,2,3,2,1"), ("11,2,2,2,1", "11,2,2,1,1")):
        text = table.read_text()
        assert old in text
        table.write_text(text.replace(old, new))
        assert data_hash("discovery/TablePool-v0", options) != before
        table.write_text(text)
    assert data_hash("discovery/TablePool-v0", options) == before


def test_run_shows_failures_keeps_them_and_tries_them_again(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(suites.SUITES, "tiny", tiny)
    result = invoke("run", "tiny", "--out", tmp_path, "--workers", 1)
    assert result.exit_code == 1
    assert "1 runs failed and are recorded as failed: broken on Tiny ladder" in result.output
    assert "greedy" in result.output
    first = {record.id: record.created for record in read_folder(tmp_path).records}
    assert len(first) == 6

    result = invoke("run", "tiny", "--out", tmp_path, "--workers", 1)
    assert result.exit_code == 1
    assert "5 of 6 runs are finished already" in result.output
    second = {record.id: record.created for record in read_folder(tmp_path).records}
    assert second.keys() == first.keys()
    assert sum(second[key] != first[key] for key in first) == 1

    result = invoke("leaderboard", tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "index.html").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("true", True),
        ("True", True),
        ("None", None),
        (".2", 0.2),
        ("-.5e-3", -0.0005),
        ("2.", 2.0),
        ("+3", 3),
        ("1_000", 1000),
        ("007", "007"),
        ("2026-11-26", "2026-11-26"),
        ("5%", "5%"),
        ("1+2j", "1+2j"),
        (".", "."),
        ("", ""),
        ("[1, 2]", [1, 2]),
        ("(1, 8)", [1, 8]),
        ("['a', 'b']", ["a", "b"]),
        ("{'a': 1}", {"a": 1}),
        ("word", "word"),
        ("a,b", "a,b"),
        ("[1", "[1"),
        ("[f()]", "[f()]"),
        ("(1j,)", "(1j,)"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values_are_json_or_python(text, value):
    assert parameters("{}", [f"x={text}"]) == {"x": value}


def test_a_setting_is_given_once():
    message = refused(
        "evaluate", "LinearPool", "random", "--set", "horizon=3", "--set", "horizon=4"
    )
    assert "--set horizon= is given twice" in message
