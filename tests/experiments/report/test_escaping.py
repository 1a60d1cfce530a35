"""Names that somebody chose to do harm with: shown as they are, obeyed by nothing."""

import csv
import dataclasses
import io
import re
import shutil
from html.parser import HTMLParser

import pytest
from browsing import data_of
from hostile import HOSTILE
from markdown_it import MarkdownIt
from tiny import execute
from typer.testing import CliRunner

from discovery_gym.envs.core import spelt
from discovery_gym.experiments import cli
from discovery_gym.experiments.report import escaping
from discovery_gym.experiments.report.leaderboard import left_out, write_leaderboard
from discovery_gym.experiments.reproduce.report import Table
from discovery_gym.experiments.runs.records import open_folder, read_folder, write_record
from discovery_gym.experiments.suites import catalogue as suites
from discovery_gym.experiments.suites.task import Suite, Task, plan


@pytest.fixture(scope="module")
def board(tiny, tmp_path_factory):
    """A folder whose suites, tasks, agents, errors and files all bear such names."""
    folder = tmp_path_factory.mktemp("hostile") / "results"
    records = open_folder(folder)
    for name in HOSTILE:
        spec = dataclasses.replace(plan(tiny)[0], name=name, about=name, episodes=8)
        execute(spec, records)
        execute(dataclasses.replace(spec, task=name), records)
        execute(dataclasses.replace(spec, suite=name, episodes=9), records)
        execute(dataclasses.replace(spec, env_kwargs={name: 1}, name=f"kw {name}"), records)
        failed = dataclasses.replace(spec, name=f"failed {name}", agent=name)
        write_record(records, failed, None, f"Traceback\n{name}")
        file = name.encode("ascii", "ignore").decode().replace("/", "%")
        (records / f"{file}x.parquet").write_text("no")
    write_leaderboard(folder)
    return folder


@pytest.fixture(scope="module")
def tiny():
    return Suite(
        name="tiny",
        version=1,
        about="for the tests",
        episodes=8,
        tasks=(
            Task(
                name="Tiny",
                about="A few rungs.",
                env_id="discovery/KnowledgeLadder-v0",
                env_kwargs={"target": 4, "batch_sizes": [1, 8], "horizon": 30},
                agents={"random": "random"},
            ),
        ),
    )


def shown(name):
    return " ".join(spelt(name).split())


class Reader(HTMLParser):
    """Collects tags, attributes that act or load, and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.acts, self.text = set(), set(), []
        self.ids, self.links = [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for key, value in attrs:
            self.ids += [value] if key == "id" else []
            self.links |= {value} if key in ("href", "src") else set()
            self.acts |= {(tag, key, value)} if key.startswith("on") else set()

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_shows_names_and_obeys_none(board, played, tmp_path):
    shutil.copytree(played, tmp_path / "harmless")
    write_leaderboard(tmp_path / "harmless")
    usual, reader = Reader(), Reader()
    usual.feed((tmp_path / "harmless" / "index.html").read_text("utf-8"))
    page = (board / "index.html").read_text("utf-8")
    reader.feed(page)
    assert reader.acts == set()
    assert len(set(reader.ids)) == len(reader.ids)
    assert reader.tags <= usual.tags | {"ul", "li"}
    assert all(
        link in usual.links or re.fullmatch(r"#suite=[a-z0-9-]+", link) for link in reader.links
    )
    text = " ".join(" ".join(reader.text).split())
    for name in HOSTILE:
        assert shown(name) in text
    assert all(c.isprintable() or c in "\n\t" for c in page)


def test_the_data_are_plain_text(board):
    """In files of ASCII without a <, whose names are plain words; every text is one printable line."""
    files = sorted((board / "data").iterdir())
    assert len(files) == len(HOSTILE) + 1
    texts = set()

    def collect(value):
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, str):
                texts.add(one)
            elif isinstance(one, dict | list):
                collect(one)

    for file in files:
        assert re.fullmatch(r"[a-z0-9-]{1,80}\.js", file.name)
        collect(data_of(board, file.stem))
    assert all(text.isprintable() for text in texts)
    lines = {" ".join(text.split()) for text in texts}
    for name in HOSTILE:
        assert shown(name) in lines


def test_markdown_shows_names_and_obeys_none(board):
    text = (board / "LEADERBOARD.md").read_text("utf-8")
    assert all(c.isprintable() or c == "\n" for c in text)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    every = [t for token in tokens for t in (token, *(token.children or ()))]
    kinds = {token.type for token in every}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "s_open", "em_open"}
    assert "fence" not in kinds
    assert "blockquote_open" not in kinds
    assert not kinds & {"ordered_list_open", "code_block"}
    cells = {"".join(t.content for t in token.children) for token in every if token.children}
    heads = {token.tag for token in every if token.type == "heading_open"}
    assert heads == {"h1", "h2", "h3"}
    for name in HOSTILE:
        assert shown(name) in {" ".join(cell.split()) for cell in cells}, name
        assert any(f"Suite {shown(name)}, version 1" in cell for cell in cells)


def test_markdown_makes_no_link_where_a_reader_makes_links_of_bare_names():
    """GitHub links www., http:// and addresses; only https may be one."""
    found = [escaping.markdown(word) for word in ("www.a.org", "see http://a.org", "me@a.org")]
    assert found == ["www\\.a.org", "see http\\://a.org", "me\\@a.org"]
    assert escaping.markdown("https://a.org") == "https://a.org"
    assert escaping.markdown("1. a") == "1\\. a"
    assert escaping.markdown("12.parquet") == "12.parquet"
    assert escaping.markdown("-") == "\\-"
    assert escaping.markdown("A 95 % bound (1 of 2): 3 - 4, x = 1.") == (
        "A 95 % bound (1 of 2): 3 - 4, x = 1."
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_in_one_line(name):
    assert spelt(name).isprintable()
    assert spelt(spelt(name)) == spelt(name)


def test_the_command_line_names_what_is_left_out(board):
    done = CliRunner().invoke(cli.app, ["leaderboard", str(board)])
    assert done.exit_code == 0, done.output
    assert not {c for c in done.output if not c.isprintable()} - {"\n"}
    assert done.stderr.count("Left out: ") >= 20
    words = " ".join(done.stderr.split())
    found = left_out(read_folder(board), [])
    assert [line for line in found if " ".join(line.split()) not in words] == []


def test_a_suite_with_such_names_is_run(tmp_path, monkeypatch, tiny):
    (task,) = tiny.tasks
    agents = dict.fromkeys(HOSTILE[:3] + HOSTILE[20:26], "random") | {"[/x]": "fixed(batch_size=7)"}
    hostile = dataclasses.replace(
        tiny, tasks=(dataclasses.replace(task, name="[/b]\x1b[2J", agents=agents),)
    )
    monkeypatch.setitem(suites.SUITES, "tiny", hostile)
    done = CliRunner().invoke(cli.app, ["run", "tiny", "--out", str(tmp_path), "--workers", "1"])
    assert done.exit_code == 1, done.output
    assert "1 runs failed" in done.output
    assert not {c for c in done.output if not c.isprintable()} - {"\n", "\t"}
    assert "[/x]" in done.output


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\t=1"),
        ("\r=1\n2", "\\r=1\\n2"),
        ("  =1", "'  =1"),
        ("=1", "'=1"),
        ("-1.5", "-1.5"),
        ("-0.312 ± 0.004", "-0.312 ± 0.004"),
        ("+2e-5", "+2e-5"),
        ("plain", "plain"),
        (-1.5, "-1.5"),
        (None, ""),
    ],
)
def test_a_spreadsheet_calculates_with_no_text(value, cell):
    for text in (
        escaping.csv_text([[value, "x"]]),
        Table(name="t", rows=[{"a": value, "b": "x"}]).csv().partition("\n")[2],
    ):
        assert list(csv.reader(io.StringIO(text, newline=""))) == [[cell, "x"]]
