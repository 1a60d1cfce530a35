"""The examples of `docs/own`: short, in one file each, and ours in every respect."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import gymnasium as gym
import pytest
from outsiders import working_folder

from discovery_gym.agents import available
from discovery_gym.agents.rules import RULES
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.runs.board import missing
from discovery_gym.experiments.runs.engine import play
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.suites.task import Suite, Task, plan
from discovery_gym.testing import check_agent, check_belief, check_model, check_rule
from discovery_gym.testing.agent import choices

OWN = Path(__file__).parents[1] / "docs" / "own"
SHORT = {"horizon": 8}
SQUARES, GROUPS = "environment:lab/Squares-v0", "belief:lab/Groups-v0"
LINES = {"environment": 25, "belief": 50, "rule": 12, "agent": 10, "data_set": 25}
"""The most lines of each file, imports counted and empty ones not."""
PLAYS: dict[str, tuple[str, str]] = {
    "environment": (SQUARES, "greedy"),
    "belief": (GROUPS, "thompson"),
    "rule": (SQUARES, "./rule.py:Optimist(width=1)"),
    "agent": (SQUARES, "./agent.py:neighbours"),
    "data_set": ("data_set:lab/Reactions-v0", "ids"),
}
"""An environment and an agent that need the file."""
CHANGES = {name: [f"{name}.py"] for name in PLAYS} | {"data_set": ["data_set.py", "reactions.csv"]}
"""The files of which a byte counts."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the examples, of which nothing is loaded before or after."""
    here = copytree(OWN, tmp_path / "own", ignore=lambda *_: ["__pycache__"])
    with working_folder(here, monkeypatch):
        yield here


@pytest.mark.parametrize("name", LINES)
def test_they_are_short(name: str) -> None:
    text = (OWN / f"{name}.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= LINES[name]
    assert {path.stem for path in OWN.glob("*.py")} == LINES.keys()


LOST: dict[str, Any] = {"delay": ("geometric", 0.5), "loss": 0.3}


@pytest.mark.parametrize("late", [{}, {"delay": 3}, {"batch_size": 4}, LOST])
@pytest.mark.parametrize("env_id", sorted({env_id for env_id, _ in PLAYS.values()}))
def test_environments(folder: Path, env_id: str, late: dict[str, Any]) -> None:
    check_model(env_id, **SHORT, **late)
    assert {"greedy", "thompson", "ids", "meta_ucb"} <= {*available(gym.make(env_id))}


@pytest.mark.parametrize("late", [{}, {"delay": 2}, LOST])
def test_beliefs(folder: Path, late: dict[str, Any]) -> None:
    check_belief("belief:ByGroup", GROUPS, **late)
    check_belief("linear", SQUARES, noise_std=0.1, **late)


@pytest.mark.parametrize("belief", [None, "linear(noise_std=0.2)"])
def test_rules(folder: Path, belief: str | None) -> None:
    check_rule("./rule.py:Optimist", SQUARES, belief=belief, **SHORT)


def test_rules_on_a_belief_of_somebody(folder: Path) -> None:
    check_rule("./rule.py:Optimist(width=1)", GROUPS, belief="belief:ByGroup", **SHORT)


@pytest.mark.parametrize("late", [{}, {"delay": 3}, {"batch_size": 4}])
@pytest.mark.parametrize("name", ["LinearPool", "GraphPool", "LogisticPool"])
def test_the_rule_chooses_as_ours_of_the_same_bound(
    folder: Path, name: str, late: dict[str, int]
) -> None:
    theirs, ours = (
        choices(text, gym.make_vec(f"discovery/{name}-v0", 8, num_items=40, **SHORT, **late), 5)
        for text in ("./rule.py:Optimist(width=0.5)", "bayes_ucb(width=0.5)")
    )
    assert theirs == ours


@pytest.mark.parametrize("late", [{}, {"delay": 3}, {"batch_size": 4}])
def test_every_rule_plays_on_the_belief_and_it_pays(folder: Path, late: dict[str, int]) -> None:
    rules = [text for text in available(gym.make(GROUPS)) if text in RULES]
    assert {"greedy", "thompson", "ids", "expected_improvement", "meta_ucb"} <= set(rules)
    assert not {"linucb", "knowledge_gradient", "ens"} & set(rules)
    regret = {
        text: evaluate(GROUPS, text, episodes=200, env_kwargs={**SHORT, **late}).regret
        for text in ("random", *rules)
    }
    for text in rules:
        gain = regret["random"] - regret[text]
        assert gain.mean() > 3 * gain.std() / len(gain) ** 0.5, text


def test_agents(folder: Path) -> None:
    check_agent("./agent.py:neighbours", SQUARES, **SHORT)


@pytest.mark.parametrize("name", PLAYS)
def test_evaluate(folder: Path, name: str) -> None:
    """From the command line, in a process of its own."""
    command = (sys.executable, "-m", "discovery_gym.experiments", "evaluate", *PLAYS[name])
    env = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    words = (*command, "--episodes", "3", "--set", "horizon=8")
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "regret" in done.stdout
    assert done.stderr == ""


def test_the_problem_of_the_guide_is_that_of_the_folder() -> None:
    """But for its comments."""
    guide = (OWN.parent / "guide.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(\[problem\].*?)```", guide, re.S)
    problem = (OWN / "design" / "decay.toml").read_text(encoding="utf-8")
    assert tomllib.loads(shown) == tomllib.loads(problem)


def test_the_suite_plays_with_trust_and_only_so(folder: Path) -> None:
    """Ten lines, the same ones as in the guide."""
    text = (OWN / "suite.toml").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 10
    assert f"```toml\n{text}```" in (OWN.parent / "guide.md").read_text(encoding="utf-8")
    command = (sys.executable, "-m", "discovery_gym.experiments", "run", "suite.toml")
    words = (*command, "--out", "out", "--workers", "1")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, (folder / "out").exists()) == (2, False)
    assert "./agent.py:neighbours" in done.stderr
    words = (*words, "--trust")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    played = {one.spec.name: one.evaluation for one in read_folder(folder / "out").records}
    assert set(played) == {"random", "greedy", "neighbours"}
    chance, greedy = played["random"], played["greedy"]
    assert chance is not None
    assert greedy is not None
    assert greedy.returns.mean() > chance.returns.mean()


def test_a_run_with_two_workers_and_a_changed_byte(folder: Path) -> None:
    """A byte changed makes the records stale that the file decides, and no others."""
    tasks = [
        Task(name=name, about="", env_id=env_id, env_kwargs=SHORT, agents={"its": agent})
        for name, (env_id, agent) in PLAYS.items()
    ]
    specs = plan(Suite(name="t", version=1, about="", episodes=3, seed=0, tasks=tuple(tasks)))
    play(missing(specs, folder / "out"), folder / "out", workers=2)
    records = read_folder(folder / "out").records
    assert [one.error for one in records] == [None] * len(PLAYS)
    kept: dict[str, Any] = {one.spec.task: one.fingerprint for one in records}

    def stale() -> set[str]:
        return {one.task for one in specs if one.look() != kept[one.task]}

    assert stale() == set()
    for name, files in CHANGES.items():
        for file in files:
            before = (folder / file).read_bytes()
            (folder / file).write_bytes(before + b"\n")
            also = {"rule", "agent"} if name == "environment" else set()
            assert stale() == {name} | also, file
            (folder / file).write_bytes(before)
    assert stale() == set()
