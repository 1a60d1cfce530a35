"""Code that somebody names on the command line: what it prints is no result, its exit is no success."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from terminals import CLI, environment

from discovery_gym.experiments.runs.records import read_folder

MINE = """
import sys
import gymnasium as gym
import numpy as np

print("imported")

def first(observation):
    print("asked")
    return int(np.flatnonzero(observation["action_mask"])[0])

def last(observation):
    mask = observation["action_mask"]
    if mask.sum() < len(mask) - 2:
        sys.exit(0)
    return first(observation)

def same(observation):
    return 3

def rude(observation):
    raise ValueError("\\x1b[31mred")

def zero(observation):
    return 0

def leave(observation):
    sys.exit("enough")

class Odd(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        print("reset")
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), float("nan"), True, False, {}

def lacking():
    raise ImportError("No module named 'jax'")

gym.register("lab/Odd-v0", entry_point=Odd)
gym.register("lab/Lacks-v0", entry_point=lacking)
gym.register("lab/Lacks-v1", entry_point=Odd, vector_entry_point="absent:Vector")
"""
SUITE = """
format = 1
name = "mine"
version = 1
about = "a test"
episodes = 6
[[task]]
name = "Pool"
about = "Choose."
env = "LinearPool"
kwargs = { num_items = 20, horizon = 4 }
[task.agents]
random = "random"
"""
SMALL = ["--set", "num_items=20", "--set", "horizon=6"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def call(*words: str) -> Any:
    return subprocess.run(
        [*CLI, *words], capture_output=True, text=True, check=False, env=environment()
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a path of this kind")
@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "LinearPool", "./mine.py:first", *SMALL, "--episodes", "2"],
        ["evaluate", "mine:lab/Odd-v0", "random", "--episodes", "2"],
    ],
)
def test_stdout_is_of_results(words: list[str], here: Path) -> None:
    done = call(*words, "--format", "json")
    assert json.loads(done.stdout)["kind"] == "evaluation"
    assert "imported\n" in done.stderr
    assert "\x1b" not in done.stderr.replace("\\x1b", "\x1b")  # nor Gymnasium's colours, spelt out


def test_what_an_agent_raises_paints_nothing(here: Path) -> None:
    done = call("evaluate", "LinearPool", "./mine.py:rude", *SMALL)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("imported\nTraceback")
    assert done.stderr.endswith("\nValueError: \\x1b[31mred\n")
    assert "\x1b" not in done.stderr


def test_wasted_choices_are_counted(here: Path) -> None:
    """One of six is of use to an agent that always says the same; with money another test may be."""
    many = ["evaluate", "LinearPool", *SMALL, "--episodes", "5"]
    done = call(*many, "./mine.py:same")
    assert "25 of 30 choices were wasted" in done.stderr
    assert "wasted" not in call(*many, "random").stderr
    steps = ["evaluate", "KnowledgeLadder", "./mine.py:zero", "--set", "horizon=9"]
    done = call(*steps, "--episodes", "5")
    assert (done.returncode, "wasted" in done.stderr) == (0, False), done.stderr


def test_an_exit_is_a_failure(here: Path) -> None:
    done = call("evaluate", "LinearPool", "./mine.py:leave", *SMALL, "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "SystemExit('enough')" in done.stderr
    (here / "suite.toml").write_text(SUITE)
    run = ["run", "suite.toml", "--out", "runs", "--workers", "1"]
    done = call(*run, "--agent", "me=./mine.py:leave")
    assert done.returncode == 2
    assert "me fits no task of mine: on Pool: SystemExit: enough" in done.stderr
    done = call(*run, "--agent", "me=./mine.py:last")
    assert done.returncode == 1
    assert "1 runs failed and are recorded as failed: me on Pool" in done.stderr
    errors = {one.spec.name: one.error for one in read_folder(here / "runs").records}
    assert [name for name, error in errors.items() if error] == ["me"]
    assert "SystemExit: 0" in str(errors["me"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["CartPole-v1", "random", "--set", "foo=1"], "unexpected keyword argument 'foo'"),
        (["mine:lab/Lacks-v0", "random"], "cannot be made so: No module named 'jax'"),
        (["mine:lab/Lacks-v1", "random"], "cannot be made: No module named 'absent'"),
    ],
)
def test_what_cannot_be_made_is_told(words: list[str], message: str, here: Path) -> None:
    done = call("evaluate", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
