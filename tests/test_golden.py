"""The golden files hold: nothing has changed but what was meant to (see `golden.py`)."""

from __future__ import annotations

import json
from typing import Any

import golden
import pytest

NOTE = "if that is meant, run `python tests/support/golden.py --write` and say so in CHANGELOG.md"


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    kept = json.loads(golden.FILE.read_text(encoding="utf-8"))
    if kept["rounding"] != golden.rounding():
        pytest.skip("this processor rounds otherwise than the one that wrote the golden files")
    return kept


@pytest.mark.parametrize("name", golden.NAMES)
def test_trajectory(kept: dict[str, Any], name: str) -> None:
    problem = golden.PROBLEMS[golden.NAMES.index(name)]
    assert golden.trajectory(*problem) == kept["trajectories"][name], NOTE


@pytest.mark.parametrize(
    ("name", "pair"), [(name, pair) for name, *pair in golden.pairs()], ids=lambda x: str(x)[:60]
)
def test_agent(kept: dict[str, Any], name: str, pair: list[Any]) -> None:
    assert golden.played(*pair) == kept["agents"][name], NOTE


def test_nothing_is_left_out(kept: dict[str, Any]) -> None:
    assert kept["trajectories"].keys() == set(golden.NAMES)
    assert kept["agents"].keys() == {name for name, *_ in golden.pairs()}
