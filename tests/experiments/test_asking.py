"""Ask, tell and show of a pool, as a chemist types them: what they print, write and refuse."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from discovery_gym.envs.core import InputError
from discovery_gym.envs.datasets import load
from discovery_gym.experiments import cli
from discovery_gym.studies import Study

CLI = [sys.executable, "-m", "discovery_gym.experiments"]
OPEN = Path(os.environ.get("DISCOVERY_GYM_DATA", "")) / "tables" / "open"
RAW = """\
Ligand;Base;T (°C);Ausbeute (%)
SPhos;KOtBu;60;12,5
SPhos;KOtBu;80;
SPhos;K2CO3;60;
SPhos;K2CO3;80;PENDING
XPhos;KOtBu;60;
XPhos;KOtBu;80;31,0
XPhos;K2CO3;60;
XPhos;K2CO3;80;failed
dppf;KOtBu;60;
dppf;KOtBu;80;
dppf;K2CO3;60;
dppf;K2CO3;80;
"""
"""A raw file: categories, holes, a failed one, decimal commas."""


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """A folder with the raw file, in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    path = Path("my.csv")
    path.write_text(RAW, encoding="utf-8")
    return path


def run(*words):
    """Return what a process prints: the cells of stdout, and stderr."""
    words = [*CLI, *map(str, words)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if line], done.stderr


def typed(*words):
    """Return the same without a process."""
    done = CliRunner().invoke(cli.app, list(map(str, words)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if line], done.stderr


def refused(*words):
    with pytest.raises(InputError) as error:
        typed(*words)
    return str(error.value)


def events(journal="my.study.jsonl"):
    return [json.loads(line)["event"] for line in Path(journal).read_text("utf-8").splitlines()]


def test_from_a_raw_file_to_a_plate_and_on(raw):
    first, said = run("ask", raw, "--batch", 3, "--budget", 12)
    assert first[0] == [
        "id", "Ligand", "Base", "T (°C)", "mean ± sd", "among the best", "why",
    ]  # fmt: skip
    assert "12 rows, 2 measured, 9 not measured yet, 1 failed" in said
    assert "told from my.csv: 1=12.5, 6=31, 8=failed" in said
    assert "6 of 12 labels left; the study is kept in my.study.jsonl" in said
    ids = [row[0] for row in first[1:]]
    assert len(ids) == 3
    for name, *values, believed, chance, why in first[1:]:
        row = RAW.splitlines()[int(name)].split(";")
        assert values == row[:3]
        assert re.fullmatch(r"-?[\d,.]+ ± [\d,.]+", believed)
        assert re.fullmatch(r"\d+ %", chance)
        assert why.startswith(("exploit", "explore"))
    command = re.search(r"Then: discovery-gym (tell my.csv \S+=)LABEL", said)[1]
    assert command == f"tell my.csv {ids[0]}="
    # One is told by the very command; the file is sorted, a label is typed in, and a row is new.
    told, _ = run(*f"{command}55.5".split())
    assert told[1] == [*first[1][:4], "55.5"]
    head, *rows = RAW.splitlines()
    rows[int(ids[1]) - 1] += "44,0"
    rows = sorted([*rows, "dppf;CsF;80;"])
    raw.write_text("\n".join([head, *rows]), encoding="utf-8")
    again, said = run("ask", raw)
    assert f"told from my.csv: {ids[1]}=44" in said
    assert "new in my.csv: 13" in said
    assert "1 in flight, the same again; --more asks on" in said
    assert [row[:4] for row in again[1:]] == [first[3][:4]]
    more, _ = typed("ask", raw, "-n", 2, "--more")
    assert len(more) == 3
    asked = [name for event in events() if event["do"] == "ask" for name in event["ids"]]
    assert len(asked) == len(set(asked)) == 5
    assert not set(asked) & {"1", "6", "8"}


def test_a_file_without_any_label(raw):
    raw.write_text("ligand,T,yield\n" + "".join(f"{a},{t},\n" for a in "abc" for t in (60, 80)))
    rows, said = typed("ask", raw, "-n", 3, "--same", "T")
    assert len({row[2] for row in rows[1:]}) == 1
    assert "budget: 3 labels (--budget sets it at any time)" in said  # of its own it would be 2
    assert "0 of 3 labels left" in said
    why = refused("ask", raw, "-n", 2, "--more")
    assert "2 asked for, but only 0 of the budget of 3 labels left" in why
    assert "--budget 5" in why
    assert len(typed("ask", raw, "-n", 2, "--more", "--budget", 5)[0]) == 3


def test_a_first_plate_larger_than_the_budget_by_default_stands_in_the_first_line(raw):
    """So that one that was killed before it asked has labels for it, too."""
    assert len(typed("ask", raw, "-n", 5)[0]) == 1 + 5
    assert [event["do"] for event in events()] == ["start", "tell", "ask"]
    assert events()[0]["budget"] == 3 + 5  # two labels and a failed one are in the file


def test_everything_is_in_the_sign_and_unit_of_the_file(raw):
    lines = [
        "a,T,cost",
        *(f"{a},{t},{c}" for a, t, c in [("x", 1, 9), ("y", 1, 2), ("x", 2, ""), ("y", 2, "")]),
    ]
    raw.write_text("\n".join(lines), encoding="utf-8")
    rows, _ = typed(
        "ask", raw, "--set", "minimise=true", "--target", "cost", "-n", 2, "--budget", 4
    )
    means = {row[0]: float(row[3].split()[0]) for row in rows[1:]}
    assert means["3"] > means["4"] > 0
    typed("tell", raw, "4=1.5")
    shown, said = typed("show", raw)
    assert ["target", "cost, less is better"] in shown
    assert "Lowest cost so far: 1.5, by 4 (a=y, T=2)" in said
    assert [row[-1] for row in shown if row[0] in "123" and len(row) == 6][:3] == ["9", "2", "1.5"]
    assert Study.open("my.study.jsonl").labels == {"1": [9.0], "2": [2.0], "4": [1.5]}


def test_telling(raw):
    ids = [row[0] for row in typed("ask", raw, "-n", 3)[0][1:]]
    before = len(events())
    rows, _ = typed("tell", raw, f"{ids[0]}=83.2", f"{ids[1]}=failed", "--why", "no conversion")
    assert [row[-1] for row in rows[1:]] == ["83.2", "failed"]
    assert events()[before:] == [
        {"do": "tell", "labels": {ids[0]: 83.2}, "failed": {ids[1]: "no conversion"}}
    ]
    # The same once more is nothing new, unless one says so.
    rows, said = typed("tell", raw, f"{ids[0]}=83.2")
    assert (rows, len(events())) == ([], before + 1)
    assert "has 83.2 already: nothing is written; --again" in said
    typed("tell", raw, f"{ids[0]}=83.2", "--again")
    assert Study.open("my.study.jsonl").labels[ids[0]] == [83.2, 83.2]
    # Another value is a replicate.
    _, said = typed("tell", raw, f"{ids[2]}=10")
    _, said = typed("tell", raw, f"{ids[2]}=11")
    assert f"{ids[2]} has 10 already, and 11 counts as a replicate" in said
    assert "--correct" in said
    typed("tell", raw, f"{ids[2]}=12", "--correct", "--which", 2)
    assert Study.open("my.study.jsonl").labels[ids[2]] == [10.0, 12.0]
    # What cannot be is refused before anything is written; what is so already is not written again.
    whole = len(events())
    assert "it must be failed or withdrawn" in refused("tell", raw, "5=4", f"{ids[0]}=retry")
    assert "which one is wrong" in refused("tell", raw, f"{ids[0]}=1", f"{ids[2]}=2", "--correct")
    assert "is failed, as before" in typed("tell", raw, f"{ids[1]}=failed")[1]
    assert len(events()) == whole
    # Taken back, and tried again.
    typed("tell", raw, f"{ids[0]}=withdrawn", f"{ids[1]}=retry")
    study = Study.open("my.study.jsonl")
    assert study.status[ids[0]].word == "withdrawn"
    assert study.status[ids[1]].word == "not asked"


def test_a_label_with_a_decimal_comma(raw):
    """It is read where the file has such numbers, and refused with what to type where it has none."""
    typed("ask", raw)
    assert typed("tell", raw, "3=83,2")[0][1][-1] == "83.2"
    Path("plain.csv").write_text(RAW.replace(",", ".").replace(";", ","), encoding="utf-8")
    typed("ask", "plain.csv")
    assert refused("tell", "plain.csv", "3=83,2").endswith("With a decimal point: 3=83.2.")


def test_labels_of_the_file_that_change(raw):
    typed("ask", raw)
    raw.write_text(RAW.replace("12,5", "13,5"), encoding="utf-8")
    _, said = typed("show", raw)
    assert "corrected from my.csv: 1 was 12.5 and is 13.5" in said
    raw.write_text(RAW.replace("12,5", ""), encoding="utf-8")
    _, said = typed("show", raw)
    assert (
        "1: my.csv has no 13.5 any more; the study keeps it, and 1=withdrawn takes it back" in said
    )
    assert Study.open("my.study.jsonl").labels["1"] == [13.5]
    _, said = typed("show", raw)  # said once
    assert "any more" not in said
    raw.write_text(RAW.replace("dppf;K2CO3;80", "dppf;K2CO3;90"), encoding="utf-8")
    assert "my: 12, column 'T (°C)': 80 has become 90" in refused("ask", raw)


@pytest.mark.parametrize("decimal", [",", "."])
@pytest.mark.parametrize("file", ["German", "plain"])
def test_a_plate_is_filled_in(raw, file, decimal):
    """It is written as the file of the conditions is, and read however a spreadsheet saves it."""
    text, sign = RAW.replace(";80;", ";80,5;"), ";"
    if file == "plain":
        text, sign = text.replace(",", ".").replace(";", ","), ","
    raw.write_text(text, encoding="utf-8")
    rows, said = typed("ask", raw, "-n", 3, "--out", "plate.csv")
    assert "plate: plate.csv" in said
    head, *lines = Path("plate.csv").read_text("utf-8").splitlines()
    assert head.split(sign) == ["id", "Ligand", "Base", "T (°C)", "Ausbeute (%)"]
    cells = [line.split(sign)[:4] for line in lines]
    assert {cell[3] for cell in cells} <= {"60", "80,5" if file == "German" else "80.5"}
    assert [[*cell[:3], cell[3].replace(",", ".")] for cell in cells] == [
        row[:4] for row in rows[1:]
    ]
    assert "plate.csv is there already" in refused("ask", raw, "--out", "plate.csv")
    assert "has no label yet in its column 'Ausbeute (%)'" in refused("tell", raw, "plate.csv")
    filled = [head, f"{lines[0]}50.5", f"{lines[1]}failed", lines[2]]
    if decimal == ",":  # as a German Excel saves it
        filled = [
            line.replace(sign, ";").replace("50.5", "50,5").replace("80.5", "80,5")
            for line in filled
        ]
    elif file == "German":  # as an English one saves it
        filled = [line.replace(",", ".").replace(";", ",") for line in filled]
    Path("plate.csv").write_text("\n".join(filled), encoding="utf-8")
    told, _ = typed("tell", raw, "plate.csv")
    assert [row[-1] for row in told[1:]] == ["50.5", "failed"]
    assert [one.id for one in Study.open("my.study.jsonl").flying()] == [rows[3][0]]


REFUSED = {
    "an unknown item": (["tell", "my.csv", "99=1"], r"There is no item '99'.* In flight: \d+\."),
    "no number": (["tell", "my.csv", "3=nan"], r"3='nan' is no label: type a number .*3=failed"),
    "a text": (["tell", "my.csv", "3=high"], "3='high' is no label"),
    "two decimal signs": (["tell", "my.csv", "3=1.083,2"], r"3='1\.083,2' is no label"),
    "no result": (["tell", "my.csv", "3"], r"'3' is no result: type ID=LABEL such as \d+=83\.2"),
    "twice": (["tell", "my.csv", "3=1", "3=2"], "3 is told twice"),
    "nothing to correct": (["tell", "my.csv", "3=1", "--correct"], "3 has none; leave --correct out"),
    "why what": (["tell", "my.csv", "3=1", "--why", "x"], "name it, such as 21=failed"),
    "half of it": (["tell", "my.csv", "3=1", "1=retry"], "To retry 1, it must be failed or withdrawn"),
    "half corrected": (["tell", "my.csv", "1=3", "6=1e99", "--correct"], "The label of 6 must be"),
    "failed with a label": (["tell", "my.csv", "1=failed"], "1 has a label"),
    "another agent": (["ask", "my.csv", "--agent", "thompson"], "agent='bayes_ucb'"),
    "another target": (["ask", "my.csv", "--target", "Base"], "target='Ausbeute"),
    "a typo": (["ask", "other.csv", "--target", "yeild"], "Cannot read the table other.csv"),
    "no study": (["tell", "other.csv", "1=2"], "Begin one: discovery-gym ask other.csv --target COLUMN"),
    "a spreadsheet": (["ask", "plan.xlsx"], "plan.xlsx is a spreadsheet; save it as CSV"),
    "neither": (["ask", "plan"], "name a file that ends in .csv, .parquet or .toml"),
    "an option": (["ask", "my.csv", "--set", "dorp=x"], "did you mean 'drop'"),
    "an option twice": (["ask", "my.csv", "--target", "a", "--set", "target=b"],
                        "target is given twice"),
    "an episode": (["show", "my.csv", "--episode", "1"], "--episode is of a run"),
    "a page of a run": (["show", "results/a3", "--page", "x.html"], "--page is of a study"),
    "a page nowhere": (["show", "my.csv", "--page", "no/x.html"], "Cannot write a page to no"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(kind, raw):
    words, message = REFUSED[kind]
    typed("ask", raw)
    before = events()
    assert re.search(message, refused(*words))
    assert events() == before


def test_a_target_that_is_not_there_begins_nothing(raw):
    assert "For labels that are still to come, add an empty column." in refused(
        "ask", raw, "--target", "yield"
    )
    assert not Path("my.study.jsonl").exists()


def test_two_studies_of_one_file(raw):
    typed("ask", raw, "--seed", 1)
    _, said = typed("ask", raw, "--journal", "other.jsonl", "--agent", "random")
    command = re.search(
        r"Then: discovery-gym (tell my.csv (\S+)=LABEL --journal other.jsonl)", said
    )
    typed(*command[1].replace("LABEL", "5").split())
    assert Study.open("other.jsonl").labels[command[2]] == [5.0]
    assert command[2] not in Study.open("my.study.jsonl").labels


# ---- tables with a known right reading


@pytest.mark.skipif(
    not (OPEN / "README.md").is_file(),
    reason="set DISCOVERY_GYM_DATA to a folder with tables/open",
)
@pytest.mark.parametrize(
    ("file", "options", "columns", "items", "told", "features"),
    [
        ("edboplus_round.csv", {"target": "yield"}, ["ligand", "base", "temperature"], 24, 5, 8),
        ("excel_de.csv", {"target": "Ausbeute (%)"},
         ["Ligand", "Base", "Temperatur (°C)", "Menge (mol%)"], 14, 14, 9),
        ("olympus/data.csv", {}, ["residence_time", "ratio", "temperature"], 16, 16, 3),
        ("index_unnamed.csv", {"target": "yield"}, ["a", "b"], 20, 20, 2),
        ("percent.csv", {"target": "conversion"}, ["ligand", "base", "T"], 15, 15, 8),
        ("censored.csv", {"target": "yield", "missing": ["<5", "n.d."]},
         ["ligand", "base", "T"], 12, 9, 8),
        ("replicates.csv", {"target": "yield"}, ["ligand", "base", "T"], 8, 12, 8),
        ("siblings.csv", {"target": "yield", "drop": ["run", "date", "selectivity", "impurity"]},
         ["ligand", "base", "T"], 14, 14, 8),
        ("latin1.csv", {"target": "Ausbeute"}, ["Lösungsmittel", "T (°C)"], 5, 12, 4),
        ("smiles.csv", {"target": "yield"}, ["ligand_smiles", "cone_angle", "pKa"], 4, 10, 6),
        ("none_additive.csv", {"target": "yield"}, ["additive", "ion", "dry", "eq"], 12, 12, 7),
        ("thousands.csv", {"target": "rate", "thousands": ","}, ["pressure_Pa", "T"], 9, 9, 2),
    ],
)  # fmt: skip
def test_open_tables_are_asked_as_they_read(
    file, options, columns, items, told, features, tmp_path
):
    journal = tmp_path / "open.jsonl"
    given = [
        word for name, value in options.items() for word in ("--set", f"{name}={json.dumps(value)}")
    ]
    words = ["ask", OPEN / file, "--journal", journal, *given]
    free = {"edboplus_round.csv": 19, "censored.csv": 3, "replicates.csv": 2}.get(file, 0)
    if free:
        rows, _ = typed(*words, "-n", free, "--budget", items + told)
        assert rows[0][1 : 1 + len(columns)] == columns
        assert len({row[0] for row in rows[1:]}) == free
    else:  # everything is measured
        assert f"only 0 of the {items} items left" in refused(*words)
    study = Study.open(journal)
    assert (list(study.columns), len(study.ids)) == (columns, items)
    assert sum(map(len, study.labels.values())) == told
    assert study.features.shape == (items, features)
    assert study.minimise == file.startswith("olympus")
    table = load(OPEN / file, **options)
    labels = np.sort(
        table.labels[table.measured] * (-1) ** table.minimise
    )  # in the sign of the file
    assert sorted(label for _, label in study.arrived) == labels.tolist()


@pytest.mark.skipif(not (OPEN / "README.md").is_file(), reason="as above")
@pytest.mark.parametrize(
    ("file", "given", "message"),
    [
        ("censored.csv", [], r"row 5, column 'yield': '<5' as a limit of detection"),
        ("siblings.csv", [], r"several outcomes: 'yield', 'selectivity', 'impurity'"),
        (
            "siblings.csv",
            ["--target", "yield"],
            r"""Type it so: --set "index='run'" --set "drop=\['selectivity', 'impurity', 'date'\]"$""",
        ),
        (
            "thousands.csv",
            ["--target", "rate"],
            r"""row 2, .*'1,636.0'.* --set "thousands=','"$""",
        ),
        ("mixed_decimal.csv", [], r"decimal commas \(row 2.* and decimal points \(row 4"),
    ],
)
def test_open_tables_that_are_refused_begin_nothing(file, given, message, tmp_path):
    journal = tmp_path / "open.jsonl"
    assert re.search(message, refused("ask", OPEN / file, "--journal", journal, *given))
    assert not journal.exists()


@pytest.mark.parametrize("name", ["--2", "-5", "a=b", "a,b", "007", "[red]", "é ☃"])
def test_a_printed_command_works_whatever_an_id_is(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f'"{name}{i}",{i},{i * i % 7}' for i in range(3)]
    Path("my.csv").write_text("\n".join(["name,T,x,yield", *(f"{row}," for row in rows)]), "utf-8")
    given = ["--target", "yield", "--set", "index=name", "--journal", "other.jsonl"]
    asked, said = typed("ask", "my.csv", *given)
    command = re.search(r"^Then: (discovery-gym tell .*) \(or ", said, flags=re.M)[1]
    words = shlex.split(command.replace("LABEL", "4.5"))
    told, _ = typed(*words[1:])
    assert told[1][0] == asked[1][0]
    assert events("other.jsonl")[-1]["labels"] == {asked[1][0]: 4.5}


def test_a_plate_may_lie_in_a_folder_with_an_equals_sign(raw):
    folder = Path("T=60")
    folder.mkdir()
    asked, _ = typed("ask", raw, "--out", folder / "plate.csv")
    plate = (folder / "plate.csv").read_text(encoding="utf-8").rstrip()
    (folder / "plate.csv").write_text(f"{plate}7.5\n", encoding="utf-8")
    told, _ = typed("tell", raw, folder / "plate.csv")
    assert [told[1][0], told[1][-1]] == [asked[1][0], "7.5"]


def test_a_study_that_cannot_be_written_is_shown(raw, monkeypatch):
    typed("ask", raw)
    whole, _ = typed("show", raw)
    raw.write_text(RAW.replace("60;12,5", "60;99,5"), encoding="utf-8")
    before = events()
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, who may write all
    shown, said = typed("show", raw)
    assert "my.study.jsonl cannot be written; what was typed into my.csv since" in said
    assert shown == whole
    assert events() == before


def test_what_a_refusal_says_to_type_begins_the_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "who;T / [C];lig;y;note\nr1;60;a;1,5;\nr2;80;a;<5;\nr3;60;b;n.d.;bad\nr4;80;b;;\n"
    Path("my.csv").write_text(rows, "utf-8")
    assert refused("ask", "my.csv").endswith("Type it so: --target COLUMN")
    told = refused("ask", "my.csv", "--target", "y").partition("Type it so: ")[2]
    typed("ask", "my.csv", "--target", "y", *shlex.split(told))
    study = Study.open("my.study.jsonl")
    assert list(study.ids) == ["r1", "r2", "r3", "r4"]
    assert list(study.columns) == ["T / [C]", "lig"]
    assert study.labels["r1"] == [1.5]
