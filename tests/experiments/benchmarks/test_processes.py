"""The benchmark of imports and commands measures in fresh processes."""

from __future__ import annotations

from discovery_gym.experiments.benchmarks.processes import COMMANDS, OWN, PEER, importing


def test_imports_and_commands_are_measured() -> None:
    head, rows = importing(1)
    names = ["gymnasium", "discovery_gym", *(f"discovery-gym {one}" for one in COMMANDS)]
    assert [row[0] for row in rows] == [PEER, OWN, *names[2:]] == names
    assert all(len(row) == len(head) for row in rows)
    assert all(float(row[1]) > 0 for row in rows)
    assert float(rows[1][2].split()[0]) > 0.5  # it imports the peer itself
