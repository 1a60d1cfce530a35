"""The reproduction of general reaction conditions."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery_gym.envs.datasets import available
from discovery_gym.experiments.reproduce import reproduce
from discovery_gym.experiments.reproduce.general_conditions import delays, report, tables

here = pytest.mark.skipif(
    not {"cncci", "pndc"} <= set(available()),
    reason="the reaction tables are not in the folder of DISCOVERY_GYM_DATA",
)


def table(out: Path, name: str) -> list[dict[str, Any]]:
    with (out / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("resolves", "loss", "values"),
    [
        (1.0, 0.0, (4.759524, 4.492730, 4.749385, 4.754960, 4.754960)),
        (0.5, 0.0, (4.667111, 4.413321, 4.658966, 4.659287, 4.662060)),
        (0.25, 0.0, (4.547843, 4.308812, 4.542520, 4.543551, 4.543812)),
        (0.5, 0.3, (4.573392, 4.322477, 4.567684, 4.569957, 4.568777)),
        (1.0, 0.3, (4.663787, 4.390916, 4.656011, 4.661170, 4.661170)),
    ],
)
def test_values_of_rules_with_late_labels(
    resolves: float, loss: float, values: tuple[float, ...]
) -> None:
    model = delays.world(resolves, loss)
    found = [model.rule_value(chances) for _, chances in delays.RULES.values()]
    np.testing.assert_allclose(found, values, atol=1e-6)


@pytest.mark.parametrize(("resolves", "loss"), [(0.25, 0.0), (0.5, 0.3)])
def test_agents_play_their_exact_values(resolves: float, loss: float) -> None:
    for text, chances in delays.RULES.values():
        paid = delays.returns(resolves, loss, text, 3000, seed=7)
        exact = delays.world(resolves, loss).rule_value(chances)
        assert abs(paid.mean() - exact) < 4 * paid.std() / 3000**0.5, text


@here
def test_equal_tests_have_their_exact_chance() -> None:
    names = tables.play("cncci", "explore_commit", (18, 45), 1000, seed=3)
    for tests in (18, 45):
        exact = names.model.round_robin(tests // 9)[names.means.argmax()]
        assert names.chance(tests).value == pytest.approx(exact, abs=4 * 0.5 / 1000**0.5)


@here
def test_a_row_of_the_reference() -> None:
    """Also where conditions run out: 200 tests of 80 conditions on 11 molecules."""
    for one, rule, runs in ((tables.SETS[0], "UCB1-tuned", 1000), (tables.SETS[2], "greedy", 200)):
        names = tables.play(one.dataset, tables.RULES[rule], one.tests, runs, seed=11)
        for tests, p in zip(one.tests, one.reference[rule], strict=True):
            error = (p * (1 - p) * (1 / runs + 1 / one.runs)) ** 0.5
            assert abs(names.chance(tests).value - p) < 4 * error
    # The condition that is right ran out, and is no longer the one with the most tests.
    assert names.chance(200, "tests").value < names.chance(200).value / 2


@here
def test_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn = {"round robin": "blue", "greedy": "red"}
    few = {rule: tables.RULES[rule] for rule in (*drawn, "explore, commit")}
    monkeypatch.setattr(report, "RULES", few | {"Bayes-UCB (2 · .25/√n)": "bayes_ucb(width=2)"})
    monkeypatch.setattr(report, "DRAWN", drawn)
    monkeypatch.setattr(report, "SETS", tables.SETS[:1])
    files = reproduce("general-conditions", tmp_path, episodes=100)
    names = {"index.html", "REPORT.md", "tables.svg", "tables.png"}
    names |= {f"{name}.csv" for name in ("tables", "naming", "exact", "delays")}
    assert {path.name for path in files} == {path.name for path in tmp_path.iterdir()} == names
    rows = table(tmp_path, "tables")
    assert len(rows) == 4 * 3
    assert {row["reference"] for row in rows if row["rule"] == "greedy"} == {
        "0.375",
        "0.458",
        "0.488",
    }
    assert len(table(tmp_path, "delays")) == 25
    assert "Left out" not in (tmp_path / "REPORT.md").read_text("utf-8")


def test_tables_that_are_not_here_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCOVERY_GYM_DATA", str(tmp_path / "nothing"))
    out = tmp_path / "report"
    reproduce("general-conditions", out, episodes=100)
    assert {path.name for path in out.iterdir()} == {"index.html", "REPORT.md", "delays.csv"}
    words = (out / "REPORT.md").read_text("utf-8")
    for file in ("cncci_330x9.csv", "pndc_80x11.csv", "buchwald_hartwig_3955.csv"):
        assert f"needs the file {file}" in words
