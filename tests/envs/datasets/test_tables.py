"""Tables of other people: what is read, how, and what is refused by which words."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import lzma
import os
import pickle
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from discovery_gym.envs import datasets
from discovery_gym.envs.core import InputError
from discovery_gym.envs.datasets import files, table
from discovery_gym.experiments import cli

POOL = "discovery/TablePool-v0"
OPEN = Path(os.environ.get("DISCOVERY_GYM_DATA", "")) / "tables" / "open"
needs_tables = pytest.mark.skipif(
    not (OPEN / "README.md").is_file(),
    reason="set DISCOVERY_GYM_DATA to a folder with tables/open",
)
OTHERS = '["run", "date", "selectivity", "impurity"]'
PLAIN = "ligand,T,yield\nA,60,1.5\nB,80,2.5\nA,80,3.5\nB,60,4.5\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: str | bytes, name: str = "my.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


# ---- tables with a known right reading


@needs_tables
@pytest.mark.parametrize(
    ("file", "options", "rows", "measured", "conditions", "features", "unit"),
    [
        ("edboplus_round.csv", {"target": "yield"}, 24, 5, 24, 8, ""),
        ("excel_de.csv", {"target": "Ausbeute (%)"}, 14, 14, 14, 9, ""),
        ("olympus/data.csv", {}, 16, 16, 16, 3, ""),
        ("index_unnamed.csv", {"target": "yield"}, 20, 20, 20, 2, ""),
        ("percent.csv", {"target": "conversion"}, 15, 15, 15, 8, "%"),
        ("censored.csv", {"target": "yield", "missing": ["<5", "n.d."]}, 12, 9, 12, 8, ""),
        ("replicates.csv", {"target": "yield"}, 14, 12, 8, 8, ""),
        (
            "siblings.csv",
            {"target": "yield", "drop": ["run", "date", "selectivity", "impurity"]},
            *(14, 14, 14, 8, ""),
        ),
        ("latin1.csv", {"target": "Ausbeute"}, 12, 12, 5, 4, ""),
        ("smiles.csv", {"target": "yield"}, 10, 10, 4, 6, ""),
        ("none_additive.csv", {"target": "yield"}, 12, 12, 12, 7, ""),
        ("thousands.csv", {"target": "rate", "thousands": ","}, 9, 9, 9, 2, ""),
    ],
)
def test_open_tables(
    file: str,
    options: dict[str, Any],
    rows: int,
    measured: int,
    conditions: int,
    features: int,
    unit: str,
) -> None:
    read = datasets.load(OPEN / file, **options)
    assert read.features.shape == (rows, features)
    assert int(read.measured.sum()) == measured
    assert int(read.condition.max()) + 1 == conditions
    assert read.unit == unit
    # The environment plays the conditions that are measured.
    model = gym.make(POOL, dataset=str(OPEN / file), **options).unwrapped.model
    played = {tuple(row) for row in read.features[read.measured]}
    assert {tuple(row) for row in model.table.features} == played
    assert model.num_items == len(played)


@needs_tables
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            ["edboplus_round.csv", "--target", "yield"],
            0,
            "24 rows, 5 measured, 19 not measured yet",
        ),
        (["excel_de.csv", "--target", "Ausbeute (%)"], 0, "features: 9 (7 indicators)"),
        (["olympus/data.csv"], 0, "target: impurity, less is better"),
        (["index_unnamed.csv"], 0, "features: 2: a, b"),
        (["percent.csv"], 0, "target: conversion in %"),
        (["censored.csv"], 2, "row 5, column 'yield': '<5'"),
        (["censored.csv", "--set", 'missing=["<5", "n.d."]'], 0, "12 rows, 9 measured"),
        (["replicates.csv"], 0, "8 conditions (4 measured more than once)"),
        (["siblings.csv"], 2, "several outcomes: 'yield', 'selectivity', 'impurity'"),
        (
            ["siblings.csv", "--target", "yield"],
            2,
            "drop=['selectivity', 'impurity', 'date']",
        ),
        (
            ["siblings.csv", "--target", "yield", "--set", f"drop={OTHERS}"],
            0,
            "14 rows",
        ),
        (["latin1.csv", "--target", "Ausbeute"], 0, "Lösungsmittel (3 levels)"),
        (["smiles.csv"], 0, "4 conditions (4 measured more than once)"),
        (["none_additive.csv"], 0, "additive (3 levels), ion (2 levels), dry, eq"),
        (["thousands.csv", "--target", "rate"], 2, "give thousands=','"),
        (["thousands.csv", "--target", "rate", "--set", "thousands=,"], 0, "9 rows, 9 measured"),
        (["mixed_decimal.csv"], 2, "'21.4'"),
    ],
)
def test_open_tables_by_the_command(words: list[str], status: int, told: str) -> None:
    result = CliRunner().invoke(cli.app, ["table", str(OPEN / words[0]), *words[1:]])
    if status == 2:
        assert isinstance(result.exception, InputError)
        assert told in str(result.exception)
    else:
        assert result.exit_code == 0, result.output
        assert told in result.output


def test_the_command_shows_what_python_does(write: Any) -> None:
    path = write("run,ligand,T,yield\nr1,A,60,27.5\nr2,B,60,<5\nr3,A,80,\nr4,B,80,1\n")
    words = ["table", path, "--target", "yield", "--set", "missing=<5", "--set", "index=run"]
    result = CliRunner().invoke(cli.app, words)
    assert result.output == f"{datasets.load(path, 'yield', missing='<5', index='run')}\n"


@needs_tables
def test_notes_are_said_by_evaluate() -> None:
    path = OPEN / "index_unnamed.csv"
    words = ["evaluate", "TablePool", "random", "--episodes", "2", "--set", f"dataset={path}"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    assert "note: '': no name of its own, so left out as an index" in result.stderr


@needs_tables
def test_open_tables_in_detail() -> None:
    def load(file: str, **options: Any) -> table.Table:
        return datasets.load(OPEN / file, **options)

    round_ = load("edboplus_round.csv", target="yield")
    assert {name: len(levels) for name, levels in round_.levels} == {"ligand": 4, "base": 3}
    assert any("'priority'" in note for note in round_.notes)
    assert any("'ee'" in note for note in round_.notes)
    german = load("excel_de.csv", target="Ausbeute (%)")
    assert german.feature_names[0].startswith("Ligand=")
    amount = german.features[:, german.feature_names.index("Menge (mol%)")]
    assert set(amount.tolist()) == {0.5, 1, 2.5}
    olympus = load("olympus/data.csv")
    assert olympus.feature_names == ("residence_time", "ratio", "temperature")
    assert (olympus.target, olympus.minimise, olympus.labels[0]) == ("impurity", True, -1.42)
    index = load("index_unnamed.csv", target="yield")
    assert index.feature_names == ("a", "b")
    assert "''" in index.notes[0]
    assert load("percent.csv", target="conversion").labels[0] == 27.5
    replicates = load("replicates.csv", target="yield")
    counts = np.bincount(replicates.condition[replicates.measured], minlength=8)
    assert (int((counts > 1).sum()), int((counts == 0).sum())) == (4, 2)
    latin = load("latin1.csv", target="Ausbeute")
    assert "Äthanol" in dict(latin.levels)["Lösungsmittel"]
    assert "T (°C)" in latin.feature_names
    assert "cp1252" in latin.notes[0]
    smiles = load("smiles.csv", target="yield")
    assert "[Na+].[O-]C(C)(C)C, tech." in dict(smiles.levels)["ligand_smiles"]
    assert (np.bincount(smiles.condition) > 1).all()
    nothing = load("none_additive.csv", target="yield")
    assert dict(nothing.levels) == {"additive": ("LiCl", "NA", "None"), "ion": ("K", "Na")}
    assert set(nothing.features[:, nothing.feature_names.index("dry")].tolist()) == {0, 1}
    pressure = load("thousands.csv", target="rate", thousands=",").features[:, 0]
    assert set(pressure.tolist()) == {950, 101325, 1200000}


@needs_tables
@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        (
            "censored.csv",
            {"target": "yield"},
            r"row 5, column 'yield': '<5' as a limit of detection",
        ),
        ("censored.csv", {"target": "yield", "missing": "<5"}, r"row 9, column 'yield': 'n.d.'"),
        ("siblings.csv", {}, r"several outcomes: 'yield', 'selectivity', 'impurity'"),
        (
            "siblings.csv",
            {"target": "yield"},
            r"drop=\['selectivity', 'impurity', 'date'\]",
        ),
        ("thousands.csv", {"target": "rate"}, r"row 2, .*'1,636.0'.*give thousands=','"),
        (
            "mixed_decimal.csv",
            {"target": "yield"},
            r"decimal commas \(row 2, column 'yield': '12,5'\) and decimal points \(row 4, .*'21.4'\)",
        ),
    ],
)
def test_open_tables_that_are_refused(file: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make(POOL, dataset=str(OPEN / file), **options)


@needs_tables
def test_a_table_of_numbers_alone(tmp_path: Path) -> None:
    shutil.copy(OPEN / "olympus" / "data.csv", tmp_path / "data.csv")
    with pytest.raises(InputError, match=r"the first row holds numbers only .*names="):
        datasets.load(tmp_path / "data.csv")
    named = datasets.load(tmp_path / "data.csv", header=False, target="x3")
    assert named.features.shape == (16, 3)


# ---- how a cell is read


@pytest.mark.parametrize(
    ("text", "options", "features", "labels"),
    [
        # Separators, and a line by which Excel names its own.
        ("a;y\n1;2\n3;4\n", {}, [[1], [3]], [2, 4]),
        ("a\ty\n1\t2\n3\t4\n", {}, [[1], [3]], [2, 4]),
        ("a|y\n1|2\n3|4\n", {}, [[1], [3]], [2, 4]),
        ("sep=;\na;y\n1;2\n3;4\n", {}, [[1], [3]], [2, 4]),
        ("a:y\n1:2\n3:4\n", {"separator": ":"}, [[1], [3]], [2, 4]),
        ('"a, b";y\n1,5;2\n3,5;4\n', {}, [[1.5], [3.5]], [2, 4]),
        # Decimal signs and digits in groups.
        ("a;y\n0,5;1,25\n-1,5;2\n", {}, [[0.5], [-1.5]], [1.25, 2]),
        ('a,y\n"0,5",1\n"1,5",2\n', {"decimal": ","}, [[0.5], [1.5]], [1, 2]),
        ("a;y\n1.000,5;1\n2.000;2\n", {"thousands": "."}, [[1000.5], [2000]], [1, 2]),
        ("a;y\n1,000.5;1\n2,000;2\n", {"thousands": ","}, [[1000.5], [2000]], [1, 2]),
        ("a;y\n1 000;1\n2 000;2\n", {"thousands": " "}, [[1000], [2000]], [1, 2]),
        ("a,y\n1e3,.5\n+2.,1E-2\n", {}, [[1000], [2]], [0.5, 0.01]),
        ("a\ty\n1.063\t5.25\n2.1\t6.5\n", {}, [[1.063], [2.1]], [5.25, 6.5]),
        ("a;y\n1,063;0,5\n2,125;6\n", {}, [[1.063], [2.125]], [0.5, 6]),
        ("a;y\n1,063;5\n2,125;6\n", {"decimal": ","}, [[1.063], [2.125]], [5, 6]),
        ("a;y\n1'234,5;1,5 %\n2'000;2,5 %\n", {"thousands": "'"}, [[1234.5], [2000]], [1.5, 2.5]),
        ("a;y\n1,5E-03;1\n2,5E-03;2\n", {}, [[0.0015], [0.0025]], [1, 2]),
        ("Menge, mol;y\n1,5;20\n2,5;30\n", {}, [[1.5], [2.5]], [20, 30]),
        ("A, b;y\nTrue;1,5\nFalse;2,5\n", {}, [[1], [0]], [1.5, 2.5]),
        ("n;a;y\n1,4-dioxane;1,5;2\nTHF;2;3,5\n", {"drop": "n"}, [[1.5], [2]], [2, 3.5]),
        # What programs write above, below and beside a table.
        ("\n\na,y\n1,2\n3,4\n", {}, [[1], [3]], [2, 4]),
        ("a,y\n1,2\n   \n3,4\n", {}, [[1], [3]], [2, 4]),
        ("a;y\n1;2;\n3;4;\n", {}, [[1], [3]], [2, 4]),
        ('"a" "y"\n"r1" 1 2\n"r2" 3 4\n', {"separator": " "}, [[1], [3]], [2, 4]),
        ('"sep=;"\na;y\n1;2\n3;4\n', {}, [[1], [3]], [2, 4]),
        ("run,a,y\n2,1,2\n1,3,4\n", {}, [[1], [3]], [2, 4]),
        ("BatchNr,FitNr,a,y\n0,1,1,2\n1,2,3,4\n", {}, [[1], [3]], [2, 4]),
        ("a,y\n1,-999.0\n2,5\n", {"missing": " -999 "}, [[1], [2]], [np.nan, 5]),
        # Holes, percent, truth values, spaces, blank and empty rows.
        ("a,y\n1,\n2,PENDING\n3,4\n", {}, [[1], [2], [3]], [np.nan, np.nan, 4]),
        ("a,y\n1,5 %\n2,7%\n", {}, [[1], [2]], [5, 7]),
        ("a,y\nTrue,1\nFALSE,2\n", {}, [[1], [0]], [1, 2]),
        ("a,y\n1,true\n2,false\n3,\n", {}, [[1], [2], [3]], [1, 0, np.nan]),
        (" a , y \n 1 , 2 \n\n,\n3,4\n", {}, [[1], [3]], [2, 4]),
        ("a,y\r\n1,2\r\n3,4", {}, [[1], [3]], [2, 4]),
        # What is no feature.
        (",a,y\n0,1,2\n1,3,4\n", {}, [[1], [3]], [2, 4]),
        ("a,y,\n1,2,\n3,4,\n", {}, [[1], [3]], [2, 4]),
        ("id,a,y\nu,1,2\nv,3,4\n", {"index": "id"}, [[1], [3]], [2, 4]),
        ("a,yield,y\n1,2,7\n3,4,8\n", {"drop": "y"}, [[1], [3]], [2, 4]),
        ("a,ee,b\n1,2,7\n3,4,8\n", {"target": "b", "features": ["a", "ee"]}, [[1, 2], [3, 4]], [7, 8]),
        ("y_std,a,yield\n1,2,3\n4,5,6\n", {"drop": ["y_std"]}, [[2], [5]], [3, 6]),
        # Which column is the label, and which way is up.
        ("yield,a\n1,2\n3,4\n", {}, [[2], [4]], [1, 3]),
        ("a,b\n1,2\n3,4\n", {"minimise": True}, [[1], [3]], [-2, -4]),
        ("1,2\n3,4\n", {"names": ["a", "b"]}, [[1], [3]], [2, 4]),
        ("1,2\n3,4\n", {"header": False}, [[1], [3]], [2, 4]),
        ("1,2\n3,4\n", {"header": True}, [[3]], [4]),
        # Levels.
        ("a,y\nu,1\nv,2\nu,3\n", {}, [[1, 0], [0, 1], [1, 0]], [1, 2, 3]),
        ("a,y\n2,1\n1,2\n2,3\n", {"categories": "a"}, [[0, 1], [1, 0], [0, 1]], [1, 2, 3]),
        ("a,y\nu,1\nv,2\n", {"categories": ["a"]}, [[1, 0], [0, 1]], [1, 2]),
        ("a,y\nNone,1\nNaN,2\nNone,3\n", {}, [[0, 1], [1, 0], [0, 1]], [1, 2, 3]),
    ],
)  # fmt: skip
def test_cells(
    write: Any, text: str, options: dict[str, Any], features: list[Any], labels: list[float]
) -> None:
    read = datasets.load(write(text), **options)
    np.testing.assert_array_equal(read.features, features)
    np.testing.assert_array_equal(read.labels, labels)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,y\n1,2\n,3\n", {}, r"row 3, column 'a': empty; a feature must be known before"),
        ("a,y,note\n1,2,\n2,3,old\n", {}, r"the last column, 'note', is taken; target= "),
        (
            "who,a,y,note\nA,1,2,\nB,2,n.d.,old\nC,3,4,\n",
            {"target": "y", "drop": ["a"]},
            r"index='who'\. .*: drop=\['a', 'note'\]\. .*: missing=\['n\.d\.'\]\.$",
        ),
        ("a,y\n1,2\nx,3\n", {}, r"row 3, column 'a': 'x' is not a number, as other cells"),
        ("a,y\n1,2\ninf,3\n", {}, r"row 3, column 'a': 'inf' is not a number that is finite"),
        ("a,y\nu,2\nv,3\nu,4\n7,5\n", {}, r"row 5, column 'a': '7' is a number, .*categories=\['a'\]"),
        ("a,y\n1,nan\n2,3\n", {}, r"row 2, column 'y': 'nan' is not a number; name it in missing="),
        ("a,y\n1,1e999\n2,3\n", {}, r"row 2, column 'y': '1e999' is too large for a number"),
        ("a,y\n°C,%\n1,2\n3,4\n", {}, r"delete the row if it holds units"),
        ("a,y\n1,=B1\n2,3\n", {}, r"'=B1' is a formula"),
        ("a,y\n1,5%\n2,7\n3,8\n", {}, r"row 2, column 'y': '5%' stands beside cells without %"),
        ("a,y\n1,5%\n2,7\n3,8%\n", {}, r"row 3, column 'y': '7' stands beside cells with %"),
        ('a,y\n1,"0,5"\n2,"1,5"\n', {}, r"'0,5' is not a number; .* decimal=','"),
        ('a,y\n1,"1,5"\n', {"thousands": ","}, r"'1,5' is not a number"),
        ("a,y\n1,2024-05-01\n", {}, r"'2024-05-01' is a date or a time"),
        ("d,y\n2024-05-01,1\n2024-05-02,2\n", {}, r"column 'd': dates or times"),
        ("a,a,y\n1,2,3\n4,5,6\n", {}, r"two columns called 'a'"),
        ("a,y\n1,2\n3,4,5\n6,7\n", {}, r"row 3 has 3 cells where the first row has 2"),
        ('a,y\n1,"2\n3,4\n', {}, r"a quote is not closed, so that a cell of row 2 holds rows"),
        ("a\n1\n", {}, r"a table needs at least two columns"),
        ("a,y\n", {}, r"has no rows"),
        ("", {}, r"has no rows"),
        ("\n\n", {}, r"has no rows"),
        ("a\0,y\n1,2\n", {}, r"holds NUL characters: it is UTF-16"),
        ("yield\n1\n", {}, r"two columns"),
        ("i,yield\n,1\n,2\n", {"index": "i"}, r"has no feature besides the label 'yield'"),
        # A sign before three digits, and first rows that may be experiments.
        ("a\tP\ty\n60\t1,063\t5\n70\t950\t6\n", {}, r"not sure whether ',' .*'1,063'.*thousands=','"),
        ("a;y\n1.063;5\n950;6\n", {}, r"not sure whether '.' stands before decimals or thousands"),
        ("L0,60,3.5\nL1,70,4.5\n", {}, r"the first row holds values \(60, 3.5\)"),
        ("L0,60,PENDING\nL1,70,4.5\n", {}, r"the first row holds values \(60, PENDING\)"),
        ("a,25%\nb,30%\n", {}, r"the first row holds values \(25%\)"),
        ("a;b,c\nu;1,2\nu;3,4\n", {}, r"not sure whether .* separates the cells; give separator="),
        ("Screening;;\na;b;y\n1;2;3\n", {}, r"one text alone, 'Screening'; delete the title"),
        ("Screening\na;b;y\n1;2;3\n", {}, r"Delete a title above the names"),
        ("T,y\n60 °C,1\n80 °C,2\n60 °C,3\n", {}, r"column 'T': numbers with a unit"),
        ("a;Umsatz;Ausbeute\n1;2;3\n4;5;6\n", {}, r"several outcomes: 'Umsatz', 'Ausbeute'"),
        ("run,a,ee,y\nu,1,2,3\nv,4,5,6\n", {"target": "y", "drop": "run"}, r"drop=\['run', 'ee'\]"),
        ("a,b,yield\n1,,3\n2,1,4\n", {}, r"my.csv, target 'yield': row 2, column 'b': empty"),
        # Numbers in disguise are no levels.
        ('a,y\n"0,5",1\n"1,5",2\n"0,5",3\n', {}, r"'0,5' is not a number; .*decimal=','"),
        ("a,y\n−5,1\n−4,2\n−5,3\n", {}, r"begins with a dash"),
        ("a,y\n<5,1\n<10,2\n<5,3\n", {}, r"'<5' as a limit of detection"),
        ("a,y\n1.5,1\n2.5,2\n1.5,3\n", {"decimal": ","}, r"'1.5' has a decimal point beside"),
        ("a,y\n2024-05-01,1\n2024-05-01,2\n", {}, r"column 'a': dates or times"),
        ('a;y\n"0,500";1\n"1,000";2\n', {"thousands": ","}, r"'0,500' has a decimal comma"),
        ("a,y\n20240101123456789,1\n20240101123456790,2\n", {}, r"has more digits"),
        # Quotes that swallow rows.
        ('T,yield,tube\n1,2,"6 mm\n2,3,8 mm\n3,4,6 mm"\n4,5,8 mm\n', {}, r"a quote is not closed"),
        ('"a,y\n1,2\n3,4\n', {}, r"the first row is not split by any of , ; tab \|"),
        # Names in another style.
        ("yieldStd,a,yield\n1,2,3\n4,5,6\n", {}, r"several outcomes: 'yieldStd'"),
        ("yield,a,productYield\n1,2,3\n4,5,6\n", {"target": "yield"}, r"'productYield': named like"),
        (PLAIN, {"drop": 0}, r"drop must be a name or a list of names"),
        (PLAIN, {"missing": False}, r"missing must be a name or a list of names"),
        (PLAIN, {"thousands": "\ud800"}, r"thousands must be one sign"),
        (PLAIN, {"encoding": "x" * 10**5}, r"no text in the encoding"),
        (PLAIN, {"target": "x" * 10**5}, r"has no column"),
        (PLAIN, {"descriptors": "~nobodyx/x.csv"}, r"Cannot read the table"),
        (PLAIN, {"descriptors": "x" * 5000 + ".csv"}, r"File name too long"),
        (PLAIN, {"target": "yeld"}, r"has no column 'yeld'; did you mean 'yield'\?"),
        (PLAIN, {"drop": ["T", "U"]}, r"has no column 'U'"),
        (PLAIN, {"target": "T", "drop": "T"}, r"'T' is named as target= and as drop="),
        (PLAIN, {"categories": "T", "drop": "T"}, r"named as categories= and as drop="),
        (PLAIN, {"targets": "T"}, r"not read with 'targets'; did you mean 'target'\?"),
        (PLAIN, {"drop": 3}, r"drop must be a name or a list of names"),
        (PLAIN, {"drop": [3]}, r"drop must be a name or a list of names"),
        (PLAIN, {"minimise": 1}, r"minimise must be true, false or none"),
        (PLAIN, {"decimal": ";"}, r"decimal must be '.' or ','"),
        (PLAIN, {"separator": ",,"}, r"separator must be one sign"),
        (PLAIN, {"separator": "\n"}, r"separator must be one sign"),
        (PLAIN, {"thousands": ",", "decimal": ","}, r"thousands and decimal are both ','"),
        (PLAIN, {"encoding": "klingon"}, r"no text in the encoding 'klingon'"),
        (PLAIN, {"encoding": "rot13"}, r"no text in the encoding 'rot13'"),
        (PLAIN, {"names": ["a", "b"]}, r"has 3 columns, but names= gives 2"),
        (PLAIN, {"descriptors": "none.csv"}, r"Cannot read the table .*none.csv: No such file"),
    ],
)  # fmt: skip
def test_cells_that_are_refused(
    write: Any, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        datasets.load(write(text), **options)
    assert len(str(caught.value)) < 1000


def test_olympus_beside_a_table_of_names(write: Any) -> None:
    names = [{"name": "ligand"}, {"name": "T"}]
    config = {
        "parameters": names,
        "measurements": [{"name": "cost_of_run"}],
        "default_goal": "minimize",
    }
    write(json.dumps(config), "config.json")
    for header in ("", "ligand,T,cost_of_run\n"):
        read = datasets.load(write(header + "A,1,3\nB,2,4\nA,2,5\n"))
        assert read.feature_names == ("ligand=A", "ligand=B", "T")
        assert read.labels.tolist() == [-3, -4, -5]
    for other in ({"measurements": []}, {"default_goal": "?"}, {"parameters": 3}):
        write(json.dumps(config | other), "config.json")
        with pytest.raises(InputError, match="the first row holds values"):
            datasets.load(write("A,1,3\nB,2,4\nA,2,5\n"))
    write("[" * 100_000, "config.json")
    with pytest.raises(InputError, match="the first row holds values"):
        datasets.load(write("A,1,3\nB,2,4\nA,2,5\n"))


@pytest.mark.parametrize("mark", ["utf-8", "utf-16-le"])
def test_a_mark_is_no_letter(write: Any, mark: str) -> None:
    path = write("\ufeffa,y\n1,2\n3,4\n".encode(mark))
    assert datasets.load(path, encoding=mark).feature_names == ("a",)


def test_names_are_shown_in_one_line(write: Any) -> None:
    path = write("a\x1b[31m,y\n1,2\n3,4\n", "\x1b[31mred\nfile.csv")
    assert str(datasets.load(path)).replace("\n", "").isprintable()
    with pytest.raises(InputError) as caught:
        datasets.load(path, "z" * 1000)
    assert str(caught.value).isprintable()


def test_one_message_names_all_offenders(write: Any) -> None:
    text = "run,T,eq,yield\nr1,60,1,<5\nr2,rt,2,n.d.\nr3,80,x,3\nr4,70,1,<5\n"
    with pytest.raises(InputError) as caught:
        datasets.load(write(text))
    for part in (
        "row 2, column 'yield': '<5'",
        "(and 1 more such cell)",
        "row 3, column 'yield': 'n.d.'",
        "row 3, column 'T': 'rt'",
        "row 4, column 'eq': 'x'",
        "index='run'",
    ):
        assert part in str(caught.value)


def test_many_levels(write: Any) -> None:
    rows = "".join(f"n{i % 150},{i}\n" for i in range(300))
    with pytest.raises(InputError, match=r"'a': more than 100 different texts .*categories= keeps"):
        datasets.load(write("a,y\n" + rows))
    assert datasets.load(write("a,y\n" + rows), categories="a").features.shape == (300, 150)


def test_notes(write: Any) -> None:
    text = "kind,code,priority,y\nDMSO,1,-1,1\ndmso,2,0,2\nDMSO,3,1,3\ndmso,1,1,4\n"
    notes = " | ".join(datasets.load(write(text)).notes)
    assert "'kind' has levels that differ in case or spaces only: 'DMSO', 'dmso'" in notes
    assert "'code' holds the whole numbers 1 to 3, taken as numbers" in notes
    assert "'priority': bookkeeping of a planner, left out" in notes
    assert "no target was named: it is 'y'" in notes


def test_trials_of_ax(write: Any) -> None:
    text = (
        "trial_index,arm_name,trial_status,generation_node,x,loss\n"
        "0,0_0,COMPLETED,Sobol,0.1,3\n1,1_0,FAILED,Sobol,0.2,\n2,2_0,RUNNING,MBM,0.3,\n"
    )
    read = datasets.load(write(text), "loss", minimise=True)
    assert read.feature_names == ("x",)
    assert read.failed is not None
    assert read.failed.tolist() == [False, True, False]
    np.testing.assert_array_equal(read.labels, [-3, np.nan, np.nan])
    assert "1 failed" in str(read)
    other = text.replace("trial_status", "Trial_Status").replace("FAILED", " TrialStatus.FAILED")
    read = datasets.load(write(other), "loss", drop="Trial_Status")
    assert read.failed is not None
    assert read.failed.tolist() == [False, True, False]


def test_replicates_are_one_condition(write: Any) -> None:
    path = write("a,y\n1,2\n2,5\n1,4\n3,\n-0.0,1\n0,2\n")
    played = datasets.load(path).conditions()
    assert played.features.ravel().tolist() == [1, 2, 0]
    assert played.labels.tolist() == [3, 5, 1.5]
    env = gym.make(POOL, dataset=path, horizon=3, reveal=True)
    _, info = env.reset(seed=0)
    assert info["values"].tolist() == [3, 5, 1.5]
    with pytest.raises(InputError, match=r"has no label yet in 'y'"):
        gym.make(POOL, dataset=write("a,y\n1,\n2,PENDING\n"))


def test_descriptors(write: Any) -> None:
    write("ligand,cone,pKa\nA,145,2.7\nB,182,11.4\nC,1,1\n", "ligands.csv")
    read = datasets.load(write(PLAIN), descriptors="ligands.csv")
    assert read.feature_names == ("ligand.cone", "ligand.pKa", "T")
    assert read.features[:2].tolist() == [[145, 2.7, 60], [182, 11.4, 80]]
    half = read.half(0)  # a level goes with its row
    place = [read.labels.tolist().index(label) for label in half.labels.tolist()]
    assert half.values(range(2)) == read.values(place)
    write("ligand,cone\nA,145\n", "ligands.csv")
    with pytest.raises(InputError, match=r"row 3, column 'ligand': 'B' is not in ligands.csv"):
        datasets.load(write(PLAIN), descriptors=["ligands.csv"])
    write("Ligand,cone\nA,145\n", "ligands.csv")
    with pytest.raises(InputError, match="must be called like the feature that it describes"):
        datasets.load(write(PLAIN), descriptors="ligands.csv")

    write("ligand,pKa\nA,1\nB,2\n", "ligands.csv")
    write("ligand,cone\nA,1\nB,2\n", "others.csv")
    with pytest.raises(InputError, match="both describe 'ligand'"):
        datasets.load(write(PLAIN), descriptors=["ligands.csv", "others.csv"])
    with pytest.raises(InputError, match="must be called like the feature"):
        datasets.load(write(PLAIN), descriptors="ligands.csv", drop="ligand")
    with pytest.raises(InputError, match=r"two features called 'ligand\.pKa'"):
        datasets.load(
            write("ligand,ligand.pKa,y\nA,1,2\nB,2,3\nA,1,1\n"), descriptors="ligands.csv"
        )


# ---- files


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("my.csv.gz", gzip.compress),
        ("my.CSV.BZ2", bz2.compress),
        ("MY.Csv.xz", lzma.compress),
        ("MY.CSV", bytes),
        ("my.tsv", lambda text: text.replace(b",", b"\t")),
        ("my.txt", bytes),
        ("bom.csv", lambda text: text.decode().encode("utf-8-sig")),
        ("wide.csv", lambda text: text.decode().encode("utf-16")),
    ],
)
def test_names_and_packings(write: Any, name: str, pack: Any) -> None:
    read = datasets.load(write(pack(PLAIN.encode()), name))
    assert read.labels.tolist() == [1.5, 2.5, 3.5, 4.5]
    assert read.feature_names == ("ligand=A", "ligand=B", "T")


def test_home(tmp_path: Path, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(PLAIN)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(datasets.load("~/my.csv").labels) == 4
    with pytest.raises(InputError, match="Cannot read the table"):
        datasets.load("~nobody-of-this-name/my.csv")


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
        "count": pa.array([1, 2, 3], pa.int8()),
        "dry": [True, False, True],
        "price": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(4, 2)),
        "y": [1.0, None, 3.0],
        "__index_level_0__": [0, 1, 2],
        "when": pa.array([0, 1, 2], pa.timestamp("s")),
        "nested": [[1], [2], [3]],
    }
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(InputError, match=r"'nested' of t.parquet holds list<.*drop="):
        datasets.load(path, "y")
    with pytest.raises(InputError, match=r"column 'when': dates or times"):
        datasets.load(path, "y", drop="nested")
    read = datasets.load(path, "y", drop=["nested", "when"])
    assert read.feature_names == ("kind=u", "kind=v", "count", "dry", "price")
    assert read.features.tolist() == [[1, 0, 1, 1, 1], [0, 1, 2, 0, 2], [1, 0, 3, 1, 3]]
    np.testing.assert_array_equal(read.labels, [1, np.nan, 3])
    assert np.array_equal(read.features, datasets.load(path, "y", drop=["nested", "when"]).features)
    exact = {"a": pa.array([Decimal("99.99"), Decimal("0.10")]), "y": [-999, 3]}
    parquet.write_table(pa.table(exact), path)
    read = datasets.load(path, missing="-999")
    assert read.features.ravel().tolist() == [99.99, 0.1]
    np.testing.assert_array_equal(read.labels, [np.nan, 3])
    assert datasets.load(path, categories="a").feature_names == ("a=0.1", "a=99.99")
    about = {"pandas": json.dumps({"index_columns": ["run"], "columns": []})}
    indexed = pa.table({"a": [1.0, 2.0], "y": [1, 2], "run": [7, 8]})
    parquet.write_table(indexed.replace_schema_metadata(about), path)
    assert datasets.load(path, "y").feature_names == ("a",)
    late = pa.table({"a": pa.array([1, 2], pa.duration("s")), "y": [1, 2]})
    parquet.write_table(late, path)
    with pytest.raises(InputError, match=r"'a' of t.parquet holds duration\[s\].*drop="):
        datasets.load(path)
    parquet.write_table(pa.table({"a": [2**60 + 1, 1], "y": [1, 2]}), path)
    with pytest.raises(InputError, match="Integer value"):
        datasets.load(path)
    parquet.write_table(pa.table({"a": [1.0, np.inf], "y": [1, 2]}), path)
    with pytest.raises(InputError, match=r"row 3, column 'a'"):
        datasets.load(path)


def test_parquet_with_changed_bytes(tmp_path: Path) -> None:
    path, random = tmp_path / "t.parquet", np.random.default_rng(0)
    parquet.write_table(pa.table({"a": [1.0, 2, 3], "k": ["u", "v", "u"], "y": [1, 2, 3]}), path)
    whole = path.read_bytes()
    for _ in range(300):
        changed = bytearray(whole[: random.integers(8, len(whole) + 1)])
        changed[random.integers(len(changed))] ^= 1 << random.integers(8)
        path.write_bytes(changed)
        with contextlib.suppress(InputError):
            datasets.load(path)


def test_files_without_bound(tmp_path: Path, write: Any) -> None:
    """A small file may stand for a large table, or for none at all."""
    zeros = pa.array(np.zeros(10**6, np.int8))
    with parquet.ParquetWriter(tmp_path / "much.parquet", pa.schema({"a": pa.int8()})) as writer:
        for _ in range(120):
            writer.write_table(pa.table({"a": zeros}))
    assert (tmp_path / "much.parquet").stat().st_size < 2**20
    long = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int8), ["x" * 10**5])
    parquet.write_table(pa.table({"a": long, "y": range(20_000)}), tmp_path / "long.parquet")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "folder.csv").mkdir()
    for name, message in (
        ("much.parquet", "120,000,000 rows"),
        ("long.parquet", "texts of 100,000 letters"),
        ("pipe.csv", "is no regular file"),
        ("loop.csv", "Cannot read the table"),
        ("folder.csv", "is a folder"),
        ("missing.csv", "No such file"),
        ("n" * 5000 + ".csv", "File name too long"),
        ("plan.xlsx", "is a spreadsheet; save it as CSV"),
    ):
        with pytest.raises(InputError, match=message):
            datasets.load(tmp_path / name)
    for name, content, message in (
        ("cut.csv.gz", gzip.compress(PLAIN.encode())[:-9], "Cannot read the table"),
        ("not.csv.gz", PLAIN.encode(), "Not a gzipped file"),
        ("not.csv.xz", PLAIN.encode(), "Cannot read the table"),
        ("x.parquet", b"text", "is not a readable Parquet table"),
        ("y.parquet", b"PAR1" + bytes(100) + b"PAR1", "is not a readable Parquet table"),
    ):
        with pytest.raises(InputError, match=message):
            datasets.load(write(content, name))


def test_a_packed_file_is_bounded(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_TEXT", 2**20)
    path = write(gzip.compress(PLAIN.encode() + b"A,1,2\n" * 10**6), "bomb.csv.gz")
    with pytest.raises(InputError, match="holds more than"):
        datasets.load(path)


def test_a_file_that_changes_is_read_again(write: Any) -> None:
    """Neither its time nor its size tells: only what is in it."""
    path = write(PLAIN)
    os.utime(path, ns=(1, 1))
    first = datasets.load(path)
    assert datasets.load(path) is first
    for array in (first.features, first.labels):
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    copied = pickle.loads(pickle.dumps(gym.make(POOL, dataset=path).unwrapped.model))
    assert copied.table.levels == first.levels
    write(PLAIN.replace("1.5", "9.5"))
    os.utime(path, ns=(1, 1))
    assert datasets.load(path).labels[0] == 9.5


def test_names_of_the_catalogue(
    tmp_path: Path, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCOVERY_GYM_DATA", str(tmp_path))
    write(PLAIN, "diabetes.csv")
    with pytest.warns(UserWarning, match=r"'diabetes' is that of the catalogue, not your file"):
        assert len(datasets.load("diabetes").labels) == 442
    write(PLAIN, "mine.csv")
    assert "mine" in datasets.available()
    write(PLAIN, "mine.csv.gz")
    with pytest.raises(InputError, match=r"may be mine.csv or mine.csv.gz"):
        datasets.load("mine")
    with pytest.raises(InputError, match=r"Unknown data set 'mime'; did you mean 'mine'\?"):
        datasets.load("mime")
    with pytest.raises(InputError, match=r"'diabetes' is read as it is; it takes no decimal="):
        datasets.load("diabetes", decimal=",")
    with pytest.raises(InputError, match=r"needs the file cncci_330x9.csv.*DISCOVERY_GYM_DATA"):
        datasets.load("cncci")


@pytest.mark.parametrize("dataset", [9, None, ["a.csv"], b"a.csv", "a\0.csv", "d" * 5000, True])
def test_what_is_no_name(dataset: Any) -> None:
    with pytest.raises(InputError) as caught:
        datasets.load(dataset)
    assert len(str(caught.value)) < 500


# ---- arrays


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        ([[1, 2], [3]], [1.0, 2.0], "features must be an array of numbers"),
        ([["a", 1]], [1.0], r"features must hold numbers only, got 'a' at \[0, 0\]"),
        ([["1"]], [1.0], r"features must hold numbers only, got '1'"),
        ([[1j]], [1.0], "features must hold numbers only"),
        ([[None]], [1.0], "features must hold numbers only"),
        (np.array([["2020-01-01"]], "M8[D]"), [1.0], "features must hold numbers only"),
        (np.array([[3]], "m8[s]"), [1.0], "features must hold numbers only"),
        (np.ma.masked_array([[1.0]], [[True]]), [1.0], "features has masked entries"),
        ([[1.0]], np.ma.masked_array([1.0], [True]), "labels has masked entries"),
        (np.array([[3]], "m8[ns]"), [1.0], "features must hold numbers only, got times"),
        ([[1.0]], np.array([1], "M8[ns]"), "labels must hold numbers only, got times"),
        ([np.ma.masked_array([1.0], [True])], [1.0], "features has masked entries"),
        ([[2**53 + 1]], [1.0], "above 2\\^53"),
        ([[1.0]], [np.nan], r"labels must be finite, got nan at \[0\]"),
        ([[10**400]], [1.0], "no float"),
        ([[1.0]], None, "features and labels belong together"),
        (None, [1.0], "features and labels belong together"),
        ([[1.0]], 3, r"got \(1, 1\) and \(\)"),
    ],
)
def test_arrays_that_are_refused(features: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make(POOL, features=features, labels=labels)


class Index(list[Any]):
    def equals(self, other: Any) -> bool:
        return list(self) == list(other)


class Frame(np.ndarray):
    """As much of a data frame as counts: numbers, names of rows and of columns."""

    index: Index
    columns: list[str]

    @classmethod
    def of(cls, values: Any, rows: list[Any], columns: list[str] | None = None) -> Frame:
        frame = np.array(values, float).view(cls)
        frame.index = Index(rows)
        if columns is not None:
            frame.columns = columns
        return frame


def test_data_frames() -> None:
    x = Frame.of([[1], [2], [3]], [5, 6, 7], ["T"])
    assert table.from_arrays(x, Frame.of([1, 2, 3], [5, 6, 7])).feature_names == ("T",)
    with pytest.raises(InputError, match="name their rows differently"):
        table.from_arrays(x, Frame.of([1, 2, 3], [7, 6, 5]))


def test_arrays_are_copied() -> None:
    features, labels = np.eye(3), np.arange(3.0)
    env = gym.make(POOL, features=features, labels=labels, minimise=True, horizon=1)
    features[:], labels[:] = 7, 7
    env.reset(seed=0)
    assert env.step(2)[1] == -2
    model = env.unwrapped.model
    for array in (model.features, model.labels, model.table.features, model.table.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_options_do_not_go_with_arrays() -> None:
    assert gym.make(POOL, features=[[1.0]], labels=[1.0], drop=[]).unwrapped.model.num_items == 1
    for minimise in ("false", 5, np.array([True, False])):
        with pytest.raises(InputError, match="minimise must be true, false or none"):
            gym.make(POOL, features=[[1.0]], labels=[1.0], minimise=minimise)
    with pytest.raises(InputError, match="Give drop or the arrays"):
        gym.make(POOL, features=[[1.0]], labels=[1.0], drop=["a"])


# ---- anything at all


@pytest.mark.parametrize("seed", range(8))
def test_texts_at_random(write: Any, seed: int) -> None:
    """Whatever stands in a file, it is read into finite features or refused in words."""
    random = np.random.default_rng(seed)
    pieces = [
        *"abyT", "1", "2.5", "-3", "1e5", "0,5", "1,000", "7%", "", " ", "NaN", "inf", "None", "True",
        "<5", "\"", "\"x,y\"", "'", "é", "\u2212", "=1+1", "2024-01-01", "PENDING", "\x1b[31m",
    ]  # fmt: skip
    read = refused = 0
    for _ in range(60):
        width, sign = random.integers(2, 5), random.choice([",", ";", "\t", "|"])
        odd = random.random() * 0.1
        rows = [
            sign.join(
                random.choice(pieces) if random.random() < odd else f"{random.normal():.2f}"
                for _ in range(width + (random.random() < 0.02))
            )
            for _ in range(6)
        ]
        head = sign.join("abcdy"[:width]) + "\n" if random.random() < 0.8 else ""
        try:
            found = datasets.load(write(head + "\n".join(rows)))
        except InputError as error:
            refused += 1
            words = str(error)
        else:
            read += 1
            words = str(found)
            assert np.isfinite(found.features).all()
            assert not np.isinf(found.labels).any()
        assert words.replace("\n", " ").isprintable()
    assert min(read, refused) > 5


# ---- what a person sets


def test_settings_are_the_columns_of_the_file(write: Any) -> None:
    write("ligand,angle,bulk\nA,1.5,2\nB,2.5,3\n", "ligands.csv")
    rows = "A,True,60,2\nB,False,80.5,3\n"
    path = write(f"ligand,dry,T,yield\n{rows}")
    plain = [
        {"ligand": "A", "dry": "True", "T": 60.0},
        {"ligand": "B", "dry": "False", "T": 80.5},
    ]
    assert datasets.load(path, categories=["ligand"]).values([0, 1]) == plain
    described = datasets.load(path, descriptors="ligands.csv")
    assert described.feature_names == ("ligand.angle", "ligand.bulk", "dry", "T")
    assert described.values([1, 0]) == plain[::-1]
    assert described.conditions().values([0, 1]) == plain
    one_level = datasets.load(write("ligand,T,yield\nA,60,2\nA,80,3\n"), "yield")
    assert one_level.values([1]) == [{"ligand": "A", "T": 80.0}]
    arrays = table.from_arrays([[1.0, 2.0]], [3.0])
    assert arrays.values([0]) == [{"x0": 1.0, "x1": 2.0}]


def test_a_label_may_say_that_the_experiment_failed(write: Any) -> None:
    read = datasets.load(write("a,T,yield\nA,60,2\nB,60,failed\nA,80, FAILED\nB,80,\n"), "yield")
    assert read.failed is not None
    assert read.failed.tolist() == [False, True, True, False]
    assert read.measured.tolist() == [True, False, False, False]
    assert "note: 2 failed trials, without a label" in str(read)


def test_words_for_no_label_do_not_hide_a_decimal_comma(write: Any) -> None:
    rows = [f"{t};PENDING" for t in range(5)] + ["6;failed", "7;3,5"]
    read = datasets.load(write("\n".join(["T;yield", *rows])), "yield")
    assert read.labels[-1] == 3.5
