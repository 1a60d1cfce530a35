"""--format json: one strict object, numbers in full, keys that stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

from discovery_gym import registered
from discovery_gym.agents import available
from discovery_gym.envs import datasets
from discovery_gym.experiments import cli, evaluate
from discovery_gym.experiments.cli import formats
from discovery_gym.experiments.report.stats import mean
from discovery_gym.experiments.runs.records import read_record, record_path
from discovery_gym.experiments.runs.scores import scores
from discovery_gym.experiments.suites.catalogue import SUITES
from discovery_gym.experiments.suites.task import plan
from discovery_gym.studies import Study

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
RAW = "ligand;T;yield\nSPhos;60;12,5\nSPhos;80;\nXPhos;60;\nXPhos;80;31,0\ndppf;60;\ndppf;80;\n"


def read(*words: Any, status: int = 0) -> dict[str, Any]:
    """Return the object that a command prints, which is all of stdout and strict JSON."""
    done = CliRunner().invoke(cli.app, [*map(str, words), "--format", "json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    (line,) = done.stdout.splitlines()

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found: dict[str, Any] = json.loads(line, parse_constant=refuse)
    assert found.pop("format") == formats.FORMAT
    _check_told(found)
    return found


def _check_told(found: dict[str, Any]) -> None:
    """Fail unless the guide names every key of an object, and of the objects in its lists."""
    text = GUIDE.read_text("utf-8").partition("### Results for programs")[2]
    (row,) = (line for line in text.splitlines() if f"| `{found['kind']}` |" in line)
    keys = {*found} - {"kind"}
    for part in found.values():
        if isinstance(part, list) and part and isinstance(part[0], dict):
            keys |= {*part[0]}
    assert {key for key in keys if f"`{key}`" not in row} == set()


def test_list() -> None:
    found = read("list")
    assert [*found] == ["kind", "environments", "suites", "datasets"]
    agents = {one["id"]: one["agents"] for one in found["environments"]}
    assert [*agents] == registered()
    assert agents["discovery/TablePool-v0"] == available(gym.make("discovery/TablePool-v0"))
    for one in found["suites"]:
        suite = SUITES[one["name"]]
        runs = sum(len(task.agents) for task in suite.tasks)
        told = one["version"], one["tasks"], one["runs"], one["episodes"]
        assert told == (suite.version, len(suite.tasks), runs, suite.episodes)
    here = [one["name"] for one in found["datasets"] if one["here"]]
    assert here == datasets.available()


@pytest.mark.parametrize("env_id", ["KnowledgeLadder", "LinearPool", "TemporalDiscounting"])
def test_evaluate(env_id: str) -> None:
    found = read("evaluate", env_id, "random", "--episodes", 40, "--set", "horizon=10")
    played = evaluate(env_id, "random", episodes=40, env_kwargs={"horizon": 10})
    assert found["each"]["returns"] == played.returns.tolist()  # every digit
    assert found["each"]["lengths"] == played.lengths.tolist()
    assert (found["environment"], found["seed"], found["episodes"]) == (
        played.env_id,
        1_000_000,
        40,
    )
    assert found["parameters"] == {"horizon": 10}
    error = np.std(played.returns, ddof=1) / 40**0.5
    assert found["return"] == {
        "mean": pytest.approx(played.returns.mean(), rel=1e-15),
        "standard_error": pytest.approx(error, rel=1e-12),
    }
    assert found["optimal_value"] == played.optimal_value
    normalised = scores(played)
    assert (found["score"] is None) == (normalised is None)
    if normalised is not None:
        one = mean(normalised)
        assert found["score"]["value"] == one.value
        assert found["score"]["low"] == (None if np.isnan(one.low) else one.low)
    assert (found["regret"] is None) == (played.regret is None) == (env_id != "LinearPool")


def test_metrics_and_what_is_not_finite() -> None:
    words = ["--set", "num_items=40", "--set", "horizon=2", "--episodes", 9]
    found = read("evaluate", "LinearPool", "random", *words, "--metric", "top(share=0.01)")
    assert found["metrics"]["top_median"]["value"] is None  # most of them find none: infinity
    how: dict[str, Any] = {"env_kwargs": {"num_items": 40, "horizon": 2}, "episodes": 9}
    played = evaluate("LinearPool", "random", metrics=["top(share=0.01)"], **how)
    needed, chance, _ = played.metrics["top"].T
    assert found["metrics"]["top_mean"]["value"] == pytest.approx(needed.mean(), rel=1e-14)
    assert found["metrics"]["top_mean"]["random"] == pytest.approx(chance.mean(), rel=1e-14)
    alone = read("evaluate", "LinearPool", "random", "--episodes", 1)
    assert alone["return"]["standard_error"] is None


def test_a_run_and_an_episode_of_it(played: Path, tiny: Any) -> None:
    for spec in plan(tiny)[:4]:
        path = record_path(played / "records", spec.id)
        record, found = read_record(path), read("show", path)
        assert (found["kind"], found["id"], found["task"]) == ("run", spec.id, spec.task)
        assert found["error"] == record.error
        if record.evaluation is None:
            assert found["evaluation"] is None
            continue
        returns = record.evaluation.returns
        assert found["evaluation"]["each"]["returns"] == returns.tolist()
        episode = read("show", path, "--episode", 3)
        assert episode["seed"] == record.evaluation.seed + 3
        earned = sum(one["reward"] for one in episode["decisions"])
        assert earned == pytest.approx(returns[3], rel=1e-12)


def test_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.csv").write_text(RAW, encoding="utf-8")
    study = Study.pool("my.csv")
    (asked,) = study.ask()
    found = read("show", "my.csv")
    assert found["kind"] == "study"
    assert found["in_flight"] == [asked.id]
    assert found["told"] == [{"id": "1", "label": 12.5}, {"id": "4", "label": 31.0}]
    posterior = study.posterior()
    assert [one["id"] for one in found["items"]] == list(posterior.ids)
    assert [one["mean"] for one in found["items"]] == posterior.mean.tolist()
    item = next(one for one in found["items"] if one["id"] == asked.id)
    assert item["values"] == dict(asked.values)
    assert item["status"] == "in flight"
    assert found["hash"] == study.journal.head
    Path("beam.toml").write_text('[problem]\nenv = "WeinbergToy"\nhorizon = 3\nsettings = 5\n')
    design = Study.design("beam.toml")
    (one,) = design.ask()
    found = read("show", "beam.toml")
    assert found["kind"] == "design"
    assert found["experiments"][0]["values"] == dict(one.values)
    assert found["experiments"][0]["nats_expected"] == one.information
    assert found["parameters"][0]["mean"] == design.posterior()["theta"].mean
    assert found["p_value"] is None


def test_names_are_shown() -> None:
    found = read("show", "LinearPool", "--set", "noise_std=.25")
    assert found["kind"] == "environment"
    noise = next(one for one in found["parameters"] if one["name"] == "noise_std")
    assert (noise["value"], noise["default"]) == (0.25, 0.1)
    model: Any = gym.make("discovery/LinearPool-v0").unwrapped.model  # type: ignore[attr-defined]
    assert found["optimal_value"] == model.optimal_value()
    found = read("show", "bayes_ucb")
    assert (found["kind"], found["role"]) == ("agent", "rule")
    assert found["options"][0]["default"] == 1.0


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([[1.0, np.nan], [np.inf, -0.5]]), [[1.0, None], [None, -0.5]]),
        ({"a": (1, np.bool_(True))}, {"a": [1, True]}),
        (Path("x") / "y", str(Path("x/y"))),
        (float("nan"), None),
        (None, None),
        ({1: {2}}, {"1": [2]}),
    ],
)
def test_plain_values(value: Any, plain: Any) -> None:
    found = formats.plain(value)
    assert found == plain
    assert json.loads(json.dumps(found, allow_nan=False)) == plain


def test_people_get_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rich.console import Console

    monkeypatch.setattr(formats, "out", Console(force_terminal=True))
    formats.write("thing", {"a": [1]})
    text = capsys.readouterr().out
    assert text.startswith('{\n  "format": 1,\n  "kind": "thing"')
    assert json.loads(text)["a"] == [1]
