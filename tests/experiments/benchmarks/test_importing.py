"""The benchmark of imports measures in fresh processes."""

from __future__ import annotations

from discovery_gym.experiments.benchmarks.importing import OWN, PEER, importing


def test_both_imports_are_measured() -> None:
    head, rows = importing(2)
    assert [row[0] for row in rows] == [PEER, OWN] == ["gymnasium", "discovery_gym"]
    assert all(len(row) == len(head) for row in rows)
    assert all(float(row[1]) > 0 for row in rows)
    assert float(rows[1][2].split()[0]) > 0.5  # it imports the peer itself
