"""Code that somebody names on the command line: what it prints is no result, its exit is no success."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from terminals import CLI, environment

from discovery_gym import InputError
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

def leave(observation):
    sys.exit("enough")

class Odd(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        print("reset")
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), float("nan"), True, False, {}

gym.register("lab/Odd-v0", entry_point=Odd)
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


def test_parameters_that_an_environment_of_others_lacks(here: Path) -> None:
    from discovery_gym.experiments import evaluate

    with pytest.raises(InputError, match="unexpected keyword argument 'foo'"):
        evaluate("CartPole-v1", "random", episodes=1, env_kwargs={"foo": 1})
