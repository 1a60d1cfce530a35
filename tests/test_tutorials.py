"""Each tutorial works when all of its blocks are pasted in turn, and prints what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from discovery_gym.envs.design.simulator_design import SimulatorDesign

TUTORIALS = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.md"))
BLOCK = r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?"  # and what it prints, if that never varies
BREAK = "\f"


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(BLOCK, page.read_text(), re.S)
    assert blocks
    code = f"\nprint({BREAK!r}, end='')\n".join(block for block, _ in blocks)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(BREAK)
    assert len(printed) == len(blocks)
    for (_, shown), found in zip(blocks, printed, strict=True):
        if shown:
            assert found == shown


def test_the_robot_physicist_fails_as_often_as_it_says(tmp_path: Path) -> None:
    """And its file is one of a study, but for the container."""
    page = next(page for page in TUTORIALS if page.stem == "robot_physicist").read_text()
    (told,) = re.findall(r"360 of 360 runs, (\d+) failed", page)
    assert int(told) == 36  # a tenth
    (file,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    keys = tomllib.loads(file)["problem"]
    assert keys["simulator"].startswith("docker run --rm ")
    program = [sys.executable, *keys["simulator"].split()[4:]]
    model = SimulatorDesign(**keys | {"simulator": program, "cache": str(tmp_path)})
    assert model.num_settings == 3
    assert len(model.thetas) * len(model.seeds) * model.num_settings == 360
