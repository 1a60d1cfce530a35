"""Tuning: equal budgets, seeds of its own, and the best candidate chosen."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from tiny import execute

from discovery_gym import InputError
from discovery_gym.envs import datasets
from discovery_gym.experiments.cli import main
from discovery_gym.experiments.runs.evaluation import EVALUATION_SEED
from discovery_gym.experiments.runs.records import open_folder, read_record, record_path
from discovery_gym.experiments.suites import catalogue as suites
from discovery_gym.experiments.suites import tuning
from discovery_gym.experiments.suites.catalogue import SUITES
from discovery_gym.experiments.suites.task import Suite, Task, plan

TINY = Task(
    name="Tiny",
    about="A pool to tune on.",
    env_id="discovery/LinearPool-v0",
    env_kwargs={"num_items": 30, "num_features": 3, "horizon": 6},
    agents={"random": "random"},
    search={
        "Bayes-UCB": ("bayes_ucb(width=0)", "bayes_ucb(width=50)", "bayes_ucb(width=1)"),
        "greedy": ("greedy",),
        "epsilon-greedy": ("epsilon_greedy(epsilon=1)", "epsilon_greedy(epsilon=0)"),
    },
)
SUITE = Suite(name="tiny", version=3, about="Tiny.", episodes=5, tasks=(TINY,))
TUNED = [one for one in SUITES.values() if any(task.search for task in one.tasks)]


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(suites.SUITES, "tiny", SUITE)


@pytest.mark.parametrize("suite", [SUITE, *TUNED], ids=lambda one: one.name)
def test_equal_budgets_on_tuning_seeds(suite):
    """Every agent of a task spends the same episodes, none of them an evaluation episode."""
    spent = {}
    for spec in tuning.plan(suite):
        name = spec.name.split(": ")[0]
        spent[spec.task, name] = spent.get((spec.task, name), 0) + spec.episodes
        assert spec.seed + spec.episodes < EVALUATION_SEED
        assert spec.suite != suite.name
    assert set(spent.values()) == {tuning.BUDGET}


def test_tune_chooses_the_best_candidate_and_resumes(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "tune", "tiny", "--out", str(tmp_path), "--workers", "1"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert "epsilon_greedy(epsilon=0)" in capsys.readouterr().out
    settings = json.loads((tmp_path / "tiny.json").read_text())
    assert settings["budget"] == tuning.BUDGET
    assert settings["version"] == 3
    chosen = settings["tasks"]["Tiny"]
    assert set(chosen) == {"Bayes-UCB", "epsilon-greedy"}  # greedy has nothing to tune
    assert chosen["epsilon-greedy"]["agent"] == "epsilon_greedy(epsilon=0)"
    for name, entry in chosen.items():
        assert tuple(entry["scores"]) == TINY.search[name]
        means = {text: score[0] for text, score in entry["scores"].items()}
        assert entry["agent"] == min(means, key=means.get)
    spec = tuning.plan(SUITE)[0]
    record = read_record(record_path(tmp_path / "records", spec.id))
    mean, error = chosen["Bayes-UCB"]["scores"][spec.agent]
    assert mean == pytest.approx(record.evaluation.regret.mean())
    assert error == pytest.approx(record.evaluation.regret.std(ddof=1) / np.sqrt(80))
    with pytest.raises(SystemExit):
        main()
    assert "5 of 5 runs are finished already" in capsys.readouterr().err


def test_a_suite_without_candidates_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "tune", "quick", "--out", str(tmp_path / "new")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "'quick' has nothing to tune" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def columns(specs):
    """Return the labels that some runs look at: table and column, or, of arrays, the labels."""
    found = set()
    for spec in specs:
        if spec.env_id.startswith("discovery/TablePool"):
            table = gym.make(spec.env_id, **spec.env_kwargs).unwrapped.model.table
            found.add((table.name, table.target, table.labels.tobytes()))
    return found


@pytest.mark.parametrize("suite", TUNED, ids=lambda one: one.name)
def test_nothing_is_tuned_on_what_it_is_judged_on(suite):
    """Neither on evaluation seeds nor, whatever the seed, on a column of labels of any suite.

    But of `paper`, which has the agents of the sources, as these have tuned them.
    """
    tried = tuning.plan(suite)
    assert all(spec.seed + spec.episodes <= EVALUATION_SEED for spec in tried)
    ours = [one for one in SUITES.values() if one.name != "paper"]
    judged = columns(spec for one in ours for spec in plan(one))
    assert judged
    assert not judged & columns(tried)
    if "cncci" in datasets.available():
        assert len(columns(tried)) == {"pools": 10, "budgets": 2}[suite.name]
    for task in suite.tasks:
        if task.search and task.env_id.startswith("discovery/TablePool"):
            assert task.tuned_on
            assert all({**task.env_kwargs, **one} == dict(one) for one in task.tuned_on)


def test_candidates_meet_all_problems_in_equal_parts(monkeypatch, tmp_path):
    """The choice is by the mean over the problems, and what was not tuned is not chosen by them."""
    problems = tuple(TINY.env_kwargs | {"horizon": horizon} for horizon in (3, 9))
    suite = replace(SUITE, tasks=(replace(TINY, tuned_on=problems),))
    specs = tuning.plan(suite)
    assert [spec.env_kwargs for spec in specs[:4]] == [*problems, *problems]
    assert {spec.episodes for spec in specs} == {40, 60}
    open_folder(tmp_path)
    for spec in specs:
        execute(spec, tmp_path / "records")
    chosen = tuning.choose(suite, tmp_path)["tasks"]["Tiny"]["Bayes-UCB"]
    for text, (mean, error) in chosen["scores"].items():
        parts = [
            read_record(record_path(tmp_path / "records", spec.id)).evaluation.regret
            for spec in specs
            if spec.agent == text
        ]
        assert len(parts) == 2
        assert mean == pytest.approx(np.mean([part.mean() for part in parts]))
        assert error == pytest.approx(np.concatenate(parts).std(ddof=1) / np.sqrt(80))


def test_settings_of_another_version_are_not_played(monkeypatch):
    stored = {"version": 3, "tasks": {"Tiny": {"Bayes-UCB": {"agent": "bayes_ucb(width=1)"}}}}
    monkeypatch.setattr(tuning, "tuned", lambda suite: stored)
    for version, text in ((3, "bayes_ucb(width=1)"), (4, "bayes_ucb(width=0)")):
        (task,) = tuning.with_tuned(replace(SUITE, version=version)).tasks
        assert task.agents == {
            "random": "random",
            "Bayes-UCB": text,
            "greedy": "greedy",
            "epsilon-greedy": "epsilon_greedy(epsilon=1)",
        }


TAMPERED = {
    "empty": b"",
    "half": b'{"version": 3, "tasks": {"Tiny": {',
    "a list": b"[]",
    "no tasks": b'{"version": 3}',
    "tasks in a list": b'{"version": 3, "tasks": [1]}',
    "agents in a list": b'{"version": 3, "tasks": {"Tiny": [1]}}',
    "an agent as a text": b'{"version": 3, "tasks": {"Tiny": {"Bayes-UCB": "greedy"}}}',
    "an agent as a number": b'{"version": 3, "tasks": {"Tiny": {"Bayes-UCB": {"agent": 3}}}}',
    "no agent": b'{"version": 3, "tasks": {"Tiny": {"Bayes-UCB": {}}}}',
    "deep": b"[" * 100_000,
    "bytes": bytes(range(256)),
    "no candidate": b'{"version": 3, "tasks": {"Tiny": {"Bayes-UCB": {"agent": "oracle"}}}}',
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_tampered_file_of_settings_is_named(kind, tmp_path):
    suite = replace(SUITE, name="tampered", file=tmp_path / "mine.toml")
    (tmp_path / "mine.tuned.json").write_bytes(TAMPERED[kind])
    with pytest.raises(InputError, match=r"mine\.tuned\.json .*tune .*mine\.toml") as error:
        tuning.with_tuned(suite)
    assert len(str(error.value).replace(str(tmp_path), "")) < 400
    assert str(error.value).isprintable()


@pytest.mark.parametrize("suite", TUNED, ids=lambda one: one.name)
def test_a_suite_plays_what_was_tuned(suite):
    """The shipped settings are those of this version, with the candidates and budget it names."""
    data = tuning.tuned(suite)
    if data["version"] != suite.version:
        pytest.skip(f"settings of version {data['version']}: discovery-gym tune {suite.name}")
    assert (data["budget"], data["seed"]) == (tuning.BUDGET, tuning.SEED)
    for task in suite.tasks:
        for name, texts in task.search.items():
            if len(texts) == 1:
                assert task.agents[name] == texts[0]
                continue
            entry = data["tasks"][task.name][name]
            assert tuple(entry["scores"]) == texts
            scored = {text: score[0] for text, score in entry["scores"].items() if score}
            assert task.agents[name] == entry["agent"] == min(scored, key=scored.get)


def test_a_users_suite_is_tuned_beside_its_file_and_plays_what_was_chosen(
    tmp_path, capsys, monkeypatch
):
    (tmp_path / "mine.toml").write_text(
        """
        format = 1
        name = "mine"
        version = 1
        about = "a test"
        episodes = 4
        [[task]]
        name = "Tiny"
        about = "A pool to tune on."
        env = "LinearPool"
        kwargs = { num_items = 30, num_features = 3, horizon = 6 }
        agents = { e = ["epsilon_greedy(epsilon=1)", "epsilon_greedy(epsilon=0)"] }
        """
    )
    for words in (["tune", "mine.toml", "--out", "tuning"], ["run", "mine.toml", "--out", "out"]):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["x", *words, "--workers", "1"])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code, capsys.readouterr().err
    chosen = json.loads((tmp_path / "mine.tuned.json").read_text())["tasks"]["Tiny"]["e"]
    assert chosen["agent"] == "epsilon_greedy(epsilon=0)"
    (record,) = (tmp_path / "out" / "records").glob("*.parquet")
    assert read_record(record).spec.agent == "epsilon_greedy(epsilon=0)"
