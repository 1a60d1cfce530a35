"""The examples for other libraries run, for a moment, where their library is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from problems import NAMES, PROBLEMS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "libraries"
EXAMPLES = {
    "plain_gymnasium.py": ("gymnasium", ()),
    "ppo.py": ("torch", ("8192",)),
    "with_torchrl.py": ("torchrl", ("2",)),
    "with_tianshou.py": ("tianshou", ("1",)),
    "with_tianshou_masks.py": ("tianshou", ("1",)),
    "with_rllib.py": ("ray.rllib", ("1",)),
    "with_rllib_masks.py": ("ray.rllib", ("1",)),
    "with_skrl.py": ("skrl", ("60",)),
    "with_minari.py": ("minari", ("20",)),
}


def require(library: str) -> None:
    """Skip without a library, unless `.ci/libraries` has installed it."""
    top = library.partition(".")[0]
    if importlib.util.find_spec(top) is None or importlib.util.find_spec(library) is None:
        missing = pytest.fail if "LIBRARY_INSTALLED" in os.environ else pytest.skip
        missing(f"{library} is not installed")


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name: str, tmp_path: Path) -> None:
    library, words = EXAMPLES[name]
    require(library)
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("return ") for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize(("env_id", "kwargs"), PROBLEMS, ids=NAMES)
def test_torchrl_makes_and_checks_every_environment(env_id: str, kwargs: dict[str, Any]) -> None:
    """By the line of its documentation: it offers ``frameskip`` and takes it back."""
    require("torchrl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from torchrl.envs import GymEnv, GymWrapper, check_env_specs
    if "batch_size" in kwargs:  # a word of TorchRL as well
        check_env_specs(GymWrapper(gym.make(env_id, **kwargs)))
    else:
        check_env_specs(GymEnv(env_id, **kwargs))


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_torchrl_steps_native_vector_environments(mode: str) -> None:
    require("torchrl")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports, and of read-only features
        from torchrl.envs import GymWrapper, check_env_specs

        made = gym.make_vec(
            "discovery/LinearPool-v0", num_envs=3, num_items=9, horizon=4, autoreset_mode=mode
        )
        env = GymWrapper(made, categorical_action_encoding=True)
        check_env_specs(env)
        frames = env.rollout(10, break_when_any_done=False)
    assert frames["next", "done"].sum() == 6


def test_every_example_is_tested_and_listed() -> None:
    files = {path.name for path in FOLDER.glob("*.py")}
    assert files == set(EXAMPLES)
    text = (FOLDER / "README.md").read_text()
    assert all(f"[{name}]({name})" in text for name in files)


def test_the_list_tells_what_was_tried() -> None:
    """The versions of the list are those that `.ci/libraries` installs."""
    pins = re.findall(
        r'^start "?(\S+?)(?:\[\S+\])?==([\d.]+)', (ROOT / ".ci/libraries").read_text(), re.M
    )
    assert len(pins) > 5
    text = (FOLDER / "README.md").read_text()
    for library, version in pins:
        assert f"{library} {version}" in text, library


PYTHON = r"""#!/usr/bin/env bash
# Stands for the python of an environment: one library cannot be installed, and the tests of one fail.
case "$*" in
-c*) pwd ;;
*-m\ venv*) mkdir -p "${@: -1}"/{bin,lib/python3.11/site-packages} && cp "$0" "${@: -1}/bin/python" ;;
*\ install\ *torchrl*) echo "no torchrl" && exit 1 ;;
*pytest*) echo "begin ${@: -1}" && sleep 0.1 && echo "end ${@: -1}" && [[ $* != *skrl* ]] ;;
esac
"""


def test_the_script_tells_what_was_skipped_and_what_failed(tmp_path: Path) -> None:
    """Of some at a time, each in one piece; one that fails is the status of all."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "libraries", python], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    told = re.findall(r"^(\S+?)==.*: (passed|skipped|FAILED)", done.stdout, re.M)
    assert dict(told) == {
        **dict.fromkeys(("ray[rllib]", "tianshou", "gymnasium", "minari[arrow,create]"), "passed"),
        "torchrl": "skipped",
        "skrl": "FAILED",
    }
    assert len(told) == 7
    assert any("torchrl==" in line and line.endswith("no torchrl") for line in lines)
    begun = [i for i, line in enumerate(lines) if line.startswith("begin ")]
    assert len(begun) == 6
    assert all(lines[i + 1] == lines[i].replace("begin", "end") for i in begun)
    assert all(re.search("passed|FAILED", lines[i + 2]) for i in begun)
    assert lines[-1] == "Failed: skrl==2.1.1"


def test_the_script_that_runs_them_names_files_that_are_there() -> None:
    script = (ROOT / ".ci" / "libraries").read_text(encoding="utf-8")
    files = re.findall(r"tests/[\w/]+\.py", script)
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
