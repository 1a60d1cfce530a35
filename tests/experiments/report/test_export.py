"""The leaderboard for other programs: whole, exact, and obeyed by none of them."""

import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
from hostile import HOSTILE
from synthetic import TABLE, record
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.experiments.cli import app
from discovery_gym.experiments.report import escaping, export
from discovery_gym.experiments.report.leaderboard import leaderboard_text, write_leaderboard
from discovery_gym.experiments.report.standings import overviews
from discovery_gym.experiments.runs.records import read_folder


@pytest.fixture
def folder(played, tmp_path):
    shutil.copytree(played, tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize("form", ["md", *export.NAMES])
def test_the_command_prints_and_writes_nothing(folder, form):
    before = sorted(folder.iterdir())
    done = CliRunner().invoke(app, ["leaderboard", str(folder), "--format", form])
    assert done.exit_code == 0, done.output
    assert done.stdout == leaderboard_text(folder, form)[0]
    assert sorted(folder.iterdir()) == before
    write_leaderboard(folder)
    name = "LEADERBOARD.md" if form == "md" else export.NAMES[form]
    assert (folder / name).read_text("utf-8") == done.stdout


def test_an_unknown_format_is_refused(folder):
    with pytest.raises(InputError, match="format must be one of 'md', 'csv', 'json', 'latex'"):
        leaderboard_text(folder, "xml")


def test_csv_and_json_hold_every_digit(folder):
    (overview,) = overviews(read_folder(folder).records)
    rows = list(csv.DictReader(io.StringIO(leaderboard_text(folder, "csv")[0])))
    (suite,) = json.loads(leaderboard_text(folder, "json")[0])["suites"]
    of_json = {
        (task["task"], one["agent"]): one for task in suite["tasks"] for one in task["agents"]
    }
    of_csv = {(one["task"], one["agent"]): one for one in rows if one["task"]}
    assert len(of_csv) == len(of_json) == sum(len(board.rows) for board in overview.boards) == 6
    for board in overview.boards:
        for row in board.rows:
            first, second = of_csv[board.spec.task, row.name], of_json[board.spec.task, row.name]
            for name, text in first.items():
                if name in second:
                    value = second[name]
                    assert text == ("" if value is None else str(value).removeprefix("'"))
            assert second["unranked"] == (row.unranked or None)
            assert second["run"] == row.record.id
            if row.played is None:
                assert second["return"] is None
                assert "batch_size must be one of" in second["error"]
                continue
            returns = row.played.returns
            assert float(first["return"]) == returns.mean()
            assert second["return_error"] == pytest.approx(
                returns.std(ddof=1) / len(returns) ** 0.5
            )
            assert float(first["score_low"]) == row.score.low
    over = [(one["kind"], one["agent"]) for one in rows if not one["task"]]
    wings = [("all", overview.whole), *((wing.kind, wing) for wing in overview.wings)]
    assert over == [(kind, one.name) for kind, wing in wings for one in wing.standings]


def test_the_keys_of_json_are_kept():
    """Others read them: add some, rename none."""
    values = np.random.default_rng(0).normal(size=(2, 16))
    shown = overviews([record("a", values[0]), record("b", values[1])])
    found = json.loads(export.exported("json", shown, ["x"]))
    (suite,) = found["suites"]
    (task,), (table,) = suite["tasks"], suite["tables"]
    assert found["format"] == 1
    assert found["left_out"] == ["x"]
    assert table["agents"][0].keys() >= {
        "agent", "rank_low", "rank_high", "unranked", "score", "score_low", "score_high", "tasks",
        "values",
    }  # fmt: skip
    assert task.keys() >= {
        "task", "about", "kind", "env", "parameters", "scored", "random_value", "optimal_value",
        "may_be_best", "can_tell", "episodes_for_percent", "agents", "pairs",
    }  # fmt: skip
    assert task["agents"][0].keys() >= {
        "agent", "rank_low", "rank_high", "unranked", "score", "score_low", "score_high", "return",
        "return_error", "regret", "regret_error", "against_best", "against_best_low",
        "against_best_high", "seconds_per_decision", "episodes", "first_seed", "text", "status",
        "digest", "error", "run", "created",
    }  # fmt: skip
    assert task["pairs"][0].keys() >= {"first", "second", "difference", "error", "p", "p_holm"}


def test_nothing_to_show_is_valid_in_every_format():
    assert json.loads(export.exported("json", [], []))["suites"] == []
    assert len(list(csv.reader(io.StringIO(export.exported("csv", [], []))))) == 1
    assert "tabular" not in export.exported("latex", [], [])


def test_a_single_episode_and_a_failure_are_empty_and_never_nan():
    shown = overviews([record("one", [0.5]), record("two", [0.5]), record("gone", None, task="B")])
    for form in export.NAMES:
        assert "nan" not in export.exported(form, shown, []).lower()


@pytest.fixture(scope="module")
def hostile():
    """A board whose agents and tasks are named to do harm."""
    more = (
        "\\input{/etc/passwd}",
        "\\\\[9cm]",
        "100%",
        "a & b",
        "$x^2_3$",
        "--,,``''?`!`",
        "[x]",
        "*",
        "東京 é",
    )
    names = [repr(name)[1:-1] if "\ud800" in name else name for name in (*HOSTILE, *more)]
    values = np.random.default_rng(0).normal(size=(len(names), 16))
    return names, overviews(
        [record(name, values[i], env_id=TABLE, task=names[-1 - i]) for i, name in enumerate(names)]
    )


def test_no_cell_of_csv_is_a_formula(hostile):
    names, shown = hostile
    rows = list(csv.reader(io.StringIO(export.exported("csv", shown, []))))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == 1 + 2 * len(names)
    for cell in (cell for row in rows for cell in row):
        assert cell.isprintable()
        assert not re.match(r" *[=@]| *[-+](?!\d)", cell)


LATEX = re.compile(
    r"\\(?:begin\{(?:table|tabular)\}(?:\{l+\})?|end\{(?:table|tabular)\}|caption\{|toprule|midrule|bottomrule"
    r"|textbackslash\{\}|textasciicircum\{\}|textasciitilde\{\}|textless\{\}|textgreater\{\}|textbar\{\}"
    r"|textendash\{\}|char34\{\}|ensuremath\{(?:\\(?:mu|pm|infty)|-)\}|[{}$&#_%])"
)
"""All commands that a table may hold."""


def test_latex_obeys_no_name(hostile):
    names, shown = hostile
    text = export.exported("latex", shown, []).split("\n", 1)[1]
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 1 + len(names)
    for line in text.splitlines():
        left = LATEX.sub("", line.removesuffix(" \\\\"))
        assert not set(left.replace(" & ", "")) & set('\\%$#^~_&"<>|'), line
        assert not re.search(r"--|,,|(?<!\{)[][*`']", left), line
        opened = line.replace("\\{", "").replace("\\}", "")
        assert opened.count("{") == opened.count("}"), line
        assert all(letter.isascii() or letter in "é" for letter in left), line
    rows = [line for line in text.splitlines() if line.endswith(" \\\\")]
    assert all(row.replace("\\&", "").count("&") in (4, 5) for row in rows)


def test_latex_says_the_letters():
    assert escaping.latex("50 % of a_b & {c}") == "50 \\% of a\\_b \\& \\{c\\}"
    assert escaping.latex("[−1, 2]") == "{[}\\ensuremath{-}1, 2{]}"
    assert escaping.latex("Bayes-UCB -- 京") == "Bayes-UCB -{}- U+4EAC"
    assert escaping.latex("a\nb") == "a\\textbackslash{}nb"
