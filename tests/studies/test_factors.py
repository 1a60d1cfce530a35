"""Pools made of factors: every combination once, numbers as numbers, the rest as levels."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from discovery_gym import InputError
from discovery_gym.studies import Study

TEXTS = ["ligand=a,b,c", "T=40,60", "solvent=1,none"]
CONDITIONS = list(product("abc", [40.0, 60.0], ["1", "none"]))


@pytest.mark.parametrize(
    "given",
    [
        TEXTS,
        " ".join(TEXTS),
        {"ligand": ["a", "b", "c"], "T": (40, "60.0"), "solvent": [1, "none"]},
    ],
)
def test_all_combinations(given: Any) -> None:
    """In the order of nested loops."""
    study = Study.pool(given, target="yield")
    assert [tuple(one.values()) for one in study.values(study.ids)] == CONDITIONS
    assert study.features.shape == (12, 3 + 1 + 2)
    assert study.budget == 3
    assert {*study.ask(2)[0].values} == {"ligand", "T", "solvent"}


def test_a_journal_knows_its_factors(tmp_path: Path) -> None:
    """It is enough to go on, and more levels extend the pool with old ids kept."""
    path = tmp_path / "a.jsonl"
    study = Study.pool(TEXTS, journal=path, agent="thompson", budget=9)
    old = dict(zip(study.ids, study.values(study.ids), strict=True))
    plate = study.ask(3)
    study.tell({question.id: 5.0 for question in plate})
    again = Study.open(path)
    assert again.posterior().mean.tolist() == study.posterior().mean.tolist()  # type: ignore[union-attr]
    news, added = study.extend(["ligand=a,b,c", "T=40,50,60", "solvent=none,1"])
    assert not news
    assert len(added) == 6
    assert all(values["T"] == 50 for values in study.values(added))
    assert study.values(list(old)) == list(old.values())
    assert again.ask(3, more=True) == study.ask(3)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="is gone"):
        study.extend(["ligand=a,b", "T=40,50,60", "solvent=none,1"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "needs factors"),
        ({}, "needs factors"),
        (["T=40,60", "T=80"], "given twice"),
        (["T=40,40.0"], "40.0 twice"),
        (["a=x,x"], "'x' twice"),
        (["a=x,"], "is empty"),
        (["40,60"], "T=40,60"),
        (["=1,2"], "called by a text"),
        ({"T": 40}, "needs levels"),
        ({"T": "40,60"}, "needs levels"),
        ({"T": []}, "needs levels"),
        ({"T": [None, 1]}, "is empty"),
        ({3: [1, 2]}, "called by a text"),
        ({str(i): range(100) for i in range(9)}, "1,000,000,000,000,000,000 conditions"),
        (["label=1,2"], "is a factor, too"),
        (5, "a file, a table, or factors"),
    ],
)
def test_what_is_wrong(given: Any, words: str) -> None:
    """It is refused in words."""
    with pytest.raises(InputError, match=words):
        Study.pool(given)


def test_options_of_files_are_refused() -> None:
    """They mean nothing here."""
    with pytest.raises(InputError, match="separator= is for reading a file"):
        Study.pool(TEXTS, separator=";")
    with pytest.raises(InputError, match="no option 'batch'"):
        Study.pool(TEXTS, batch=3)


@pytest.mark.parametrize(
    ("factor", "noted"),
    [("T=40,6O", True), ("T=40,60,8O", True), ("l=a,b,3", False), ("T=40,60", False)],
)
def test_a_slip_in_a_number_is_noted(factor: str, noted: bool) -> None:
    """Such a factor is a category, which is said."""
    notes = Study.pool([factor, "x=1,2"]).notes
    assert any("is no number" in note for note in notes) == noted
