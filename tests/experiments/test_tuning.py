"""Tuning: equal budgets, seeds of its own, and the best candidate chosen."""

import json

import numpy as np
import pytest

from discovery_gym.experiments import suites, tuning
from discovery_gym.experiments.cli import main
from discovery_gym.experiments.evaluation import EVALUATION_SEED
from discovery_gym.experiments.records import read_record, record_path
from discovery_gym.experiments.suites import SUITES, Suite, Task

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
    assert mean == pytest.approx(record.regret.mean())
    assert error == pytest.approx(record.regret.std(ddof=1) / np.sqrt(80))
    with pytest.raises(SystemExit):
        main()
    assert "5 of 5 runs are finished already" in capsys.readouterr().out


def test_a_suite_without_candidates_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "tune", "quick", "--out", str(tmp_path / "new")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "'quick' has nothing to tune" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("suite", TUNED, ids=lambda one: one.name)
def test_a_suite_plays_what_was_tuned(suite):
    """The shipped settings are those of this version, with the candidates and budget it names."""
    data = suites.tuned(suite.name)
    assert (data["version"], data["budget"], data["seed"]) == (
        suite.version,
        tuning.BUDGET,
        tuning.SEED,
    )
    for task in suite.tasks:
        for name, texts in task.search.items():
            if len(texts) == 1:
                assert task.agents[name] == texts[0]
                continue
            entry = data["tasks"][task.name][name]
            assert tuple(entry["scores"]) == texts
            scored = {text: score[0] for text, score in entry["scores"].items() if score}
            assert task.agents[name] == entry["agent"] == min(scored, key=scored.get)
