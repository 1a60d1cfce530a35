"""Studies that are killed; `tests/support/kill_studies.py` does it at length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "kill_studies.py"


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_ten_kills() -> None:
    """The journal is that of a study left alone, and no item is asked for twice."""
    run = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "10", "--seed", "7"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 10 kills" in run.stdout
