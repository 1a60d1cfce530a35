"""The benchmark of imports and commands measures in fresh processes."""

from __future__ import annotations

from discovery_gym.experiments.benchmarks.processes import COMMANDS, importing
from discovery_gym.experiments.benchmarks.timing import HEAD, Row


def test_imports_and_commands_are_measured() -> None:
    rows = [row.cells(1) for row in importing()]
    names = ["discovery_gym", *(f"discovery-gym {one}" for one in COMMANDS)]
    assert [row[0] for row in rows] == names
    assert all(len(row) == len(HEAD) for row in rows)
    ratios = [float(row[3].split()[0]) for row in rows]
    assert min(ratios) > 0.5  # each imports the peer itself


def test_a_row_shows_one_of_many_and_its_floor() -> None:
    """Numbers that were measured already, and works that measure themselves."""
    row = Row("both", lambda: 0.02, 0.005, each=10, reach="3")
    assert row.cells(3) == ["both", "2.00 ms", "500.00 µs", "4 (4 to 4)", "3"]
    assert Row("memory", 4e8, unit="B").cells(1) == ["memory", "400.00 MB", "", "", ""]
