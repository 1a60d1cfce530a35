"""The report of a reproduction: its words, its tables and its files."""

import pytest

from discovery_gym.experiments.reproduce.report import Section, Table, Words, rows_of, write_report

WORDS = """\
# The title

First paragraph of {count:,}
lines.

Second.

## plain: A section: of {kind[name]}

Words with `code`.

{more}

Caption: What the figure
shows.

| left |  |
| --- | --- |
| {count} | b |
| c | d |

## bare: Another
"""


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "words.md"
    path.write_text(WORDS, encoding="utf-8")
    return Words(path)


def test_words_wait_for_their_numbers(words, capsys):
    assert words.title == "The title"
    assert words.abstract(count=1234) == ["First paragraph of 1,234 lines.", "Second."]
    tables = {"tables": {"more": [{"a": 1}]}, "files": {"rest": [{"b": 2}]}}
    section = words.section("plain", kind={"name": "x"}, count=2, more="One.\n\nTwo.", **tables)
    assert section.title == "A section: of x"
    assert capsys.readouterr() == ("", "done: A section: of x\n")
    assert section.name == "plain"
    assert section.text == ("Words with `code`.", "One.", "Two.")
    assert section.caption == "What the figure shows."
    written, *given = section.tables
    shown = Table(name="more", rows=[{"a": 1}])
    assert given == [shown, Table(name="rest", rows=[{"b": 2}], shown=False)]
    assert (written.name, written.columns) == ("plain", ["left", ""])
    assert written.cells() == [["2", "b"], ["c", "d"]]


def test_words_without_anything_in_them_are_left_out(words):
    section = words.section("plain", name="other", kind={"name": "x"}, count=2, more="")
    assert section.name == "other"
    assert section.text == ("Words with `code`.",)
    assert words.section("bare") == Section(title="Another", name="bare")


def test_a_number_that_is_missing_is_an_error(words):
    with pytest.raises(KeyError, match="count"):
        words.abstract()


def test_rows_are_those_of_the_columns():
    assert rows_of({"a": (1, 2), "b": map(str, (3, 4))}) == [{"a": 1, "b": "3"}, {"a": 2, "b": "4"}]
    with pytest.raises(ValueError, match="shorter"):
        rows_of({"a": (1, 2), "b": (3,)})


def test_report_without_figures_escapes_its_words(tmp_path):
    words = Table(name="words", rows=[{"a < b": "`x`", "c": None}, {"a < b": 1.23456789, "c": 2}])
    files = write_report(
        tmp_path, "T & T", ["one < two^N + p^(2N)"], [Section(title="S", tables=(words,))]
    )
    assert [path.name for path in files] == ["index.html", "REPORT.md", "words.csv"]
    page = (tmp_path / "index.html").read_text()
    assert "one &lt; two<sup>N</sup> + p<sup>2N</sup>" in page
    assert "<td><code>x</code></td><td>–</td>" in page
    assert "| 1.23457 | 2 |" in (tmp_path / "REPORT.md").read_text()
    assert (tmp_path / "words.csv").read_text() == "a < b,c\n`x`,\n1.23456789,2\n"
