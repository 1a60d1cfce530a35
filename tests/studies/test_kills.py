"""Studies that are killed, and commands; the scripts in `tests/support` do it at length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("script", "kills", "words"),
    [
        ("kill_studies.py", "10", []),
        ("kill_commands.py", "6", ["--of", "table", "--rounds", "2"]),
        ("kill_commands.py", "6", ["--of", "design", "--rounds", "1"]),
    ],
)
def test_some_kills(script: str, kills: str, words: list[str]) -> None:
    """The journal is that of a study left alone, and no item is asked for twice."""
    run = subprocess.run(
        [sys.executable, SUPPORT / script, "--kills", kills, "--seed", "7", *words],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert f" {kills} kills" in run.stdout
