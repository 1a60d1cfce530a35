"""What tests of simulators share."""

from pathlib import Path

import pytest
import simulators


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(simulators.FOLDER, str(tmp_path))
    return tmp_path
