"""The examples for other libraries run, for a moment, where their library is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "libraries"
EXAMPLES = {
    "plain_gymnasium.py": ("gymnasium", ()),
    "ppo.py": ("torch", ("8192",)),
    "with_torchrl.py": ("torchrl", ("2",)),
    "with_tianshou.py": ("tianshou", ("1",)),
    "with_rllib.py": ("ray.rllib", ("1",)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name: str, tmp_path: Path) -> None:
    library, words = EXAMPLES[name]
    top = library.partition(".")[0]
    if importlib.util.find_spec(top) is None or importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("return ") for line in done.stdout.splitlines()), done.stdout


def test_every_example_is_tested_and_listed() -> None:
    files = {path.name for path in FOLDER.glob("*.py")}
    assert files == set(EXAMPLES)
    text = (FOLDER / "README.md").read_text()
    assert all(f"[{name}]({name})" in text for name in files)
