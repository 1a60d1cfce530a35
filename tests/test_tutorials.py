"""A tutorial that shows what it prints prints that, when all of its blocks are pasted in turn.

That holds for Python, and for the commands of a page that has `COMMANDS`; how a terminal breaks and
aligns their lines does not count. The other tutorials are run by the build of the site, which prints
what they print.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from discovery_gym.envs.design.simulator_design import SimulatorDesign

PAGES = sorted((Path(__file__).parents[1] / "docs" / "tutorials").glob("*.md"))
TESTED = ("plates", "robot_physicist")
TUTORIALS = [page for page in PAGES if page.stem in TESTED]
BLOCK = (
    r"```(python|sh)\n(.*?)```(?:\n\n```\n(.*?)```)?"  # and what it prints, if that never varies
)
COMMANDS = ("plates",)
"""Tutorials whose commands are run; those of the others need what is not here, such as a container."""
BREAK = "\f"
SHELL = """
import subprocess
print(subprocess.run({!r}, shell=True, text=True, stdout=-1, stderr=-2).stdout, end='')
"""


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run(page: Path, tmp_path: Path) -> None:
    found = re.findall(BLOCK, page.read_text(), re.S)
    blocks = [one for one in found if one[0] == "python" or page.stem in COMMANDS]
    assert blocks
    code = f"\nprint({BREAK!r}, end='')\n".join(
        text if language == "python" else SHELL.format(text) for language, text, _ in blocks
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ
        | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(BREAK)
    assert len(printed) == len(blocks)
    for (language, _, shown), text in zip(blocks, printed, strict=True):
        assert "Traceback" not in text
        if shown:
            plain = str.split if language == "sh" else str
            assert plain(text) == plain(shown)


def test_the_site_knows_what_is_run_here() -> None:
    """Its module needs the extra `docs`, and in brief does not run these again."""
    source = (PAGES[0].parents[1] / "site" / "pages_of_site.py").read_text("utf-8")
    assert f"TESTED = {TESTED}\n".replace("'", '"') in source


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
