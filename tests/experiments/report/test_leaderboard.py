"""The leaderboard: true to the records, self-contained, and it renders."""

import base64
import dataclasses
import hashlib
import re
import shlex
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from browsing import data_of
from tiny import execute
from typer.testing import CliRunner

import discovery_gym
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.cli import app
from discovery_gym.experiments.report import export, stats, words
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.report.standings import overviews
from discovery_gym.experiments.report.words import difference, number, plus_minus, score, span
from discovery_gym.experiments.runs.records import open_folder, read_folder, write_record
from discovery_gym.experiments.runs.scores import gains
from discovery_gym.experiments.suites.task import plan


@pytest.fixture(scope="module")
def page(played, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "results"
    shutil.copytree(played, folder)
    assert write_leaderboard(folder) == ([folder / "LEADERBOARD.md", folder / "index.html"], [])
    return folder


def test_rows_are_ranked_and_compared_with_the_best_that_knows_nothing(played):
    (overview,) = overviews(read_folder(played).records)
    ladder, pool = overview.boards
    assert next(row.name for row in ladder.rows) == "optimal"
    assert ladder.rows[-1].failed
    returns = [row.played.returns.mean() for row in ladder.rows[:-1]]
    assert returns == sorted(returns, reverse=True)
    by_name = {row.name: row for row in ladder.rows}
    assert by_name["small"].behind is by_name["broken"].behind is None
    for other in ("random", "optimal"):
        assert by_name[other].behind == stats.paired_difference(
            by_name[other].played.returns, by_name["small"].played.returns
        )
    assert by_name["optimal"].behind.value > 0
    assert {row.name: (row.rank, row.unranked) for row in ladder.rows} == {
        "optimal": (None, "anchor"),
        "random": (None, "anchor"),
        "small": (None, "alone"),
        "broken": (None, "failed"),
    }
    assert by_name["optimal"].score.value == pytest.approx(1, abs=0.5)
    assert [row.name for row in pool.rows] == ["greedy", "random"]
    assert pool.has_regret
    assert not ladder.has_regret


def test_an_optimum_is_known_by_what_played_and_not_by_its_text(tmp_path, tiny):
    records, spec = open_folder(tmp_path), plan(tiny)[0]
    for name, agent in (
        ("planned", "optimal()"),
        ("blind", "random()"),
        ("small", "fixed(batch_size=1)"),
    ):
        assert not execute(dataclasses.replace(spec, name=name, agent=agent), records)
    rows = {row.name: row for row in overviews(read_folder(tmp_path).records)[0].boards[0].rows}
    assert {name: row.played.role for name, row in rows.items()} == {
        "planned": "optimal",
        "blind": "random",
        "small": "",
    }
    assert rows["planned"].unranked == rows["blind"].unranked == "anchor"
    assert rows["small"].unranked == "alone"
    assert rows["blind"].beats_random is None
    assert rows["small"].beats_random is not None


def test_the_newest_record_of_a_run_counts(played, tiny, tmp_path, monkeypatch):
    folder = tmp_path / "results"
    shutil.copytree(played, folder)
    spec = plan(tiny)[0]
    changed = type(spec)
    monkeypatch.setattr(changed, "fingerprint", property(lambda self: "0" * 16))
    write_record(folder / "records", spec, None, "boom")
    (overview,) = overviews(read_folder(folder).records)
    row = next(row for row in overview.boards[0].rows if row.name == "random")
    assert row.error_line == "boom"
    assert overview.boards[0].mixed
    assert not overview.boards[1].mixed
    write_leaderboard(folder)
    assert "different versions of the code" in (folder / "LEADERBOARD.md").read_text("utf-8")
    assert [task["mixed"] for task in data_of(folder, "tiny")["tasks"]] == [True, False]


def test_agents_of_other_code_are_of_one_version(tmp_path, tiny):
    """A fingerprint tells the code that an agent names, so that those of two agents differ."""
    (tmp_path / "mine.py").write_text("def first(observation):\n    return 0\n")
    specs = (
        plan(tiny)[0],
        dataclasses.replace(plan(tiny)[0], name="mine", agent=f"{tmp_path / 'mine.py'}:first"),
    )
    assert len({spec.fingerprint for spec in specs}) == 2
    for spec in specs:
        write_record(open_folder(tmp_path / "out"), spec, None, "boom")
    (overview,) = overviews(read_folder(tmp_path / "out").records)
    assert len(overview.boards[0].rows) == 2
    assert not overview.boards[0].mixed


def test_the_markdown_holds_every_run(page, tiny):
    text = (page / "LEADERBOARD.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for spec in plan(tiny):
        (row,) = (line for line in rows if spec.id in line)
        assert spec.name in row
        assert "1,000,000 to 1,000,039" in row
        assert ("**failed**" in row) == (spec.name == "broken")
    widths = {}
    for line in text.splitlines():
        if line.startswith("|"):
            widths.setdefault(line.count("|") - line.count("\\|"), []).append(line)
    assert len(widths) <= 5  # all tasks; those of a kind; a task with regret; one without; metrics


def test_where_nothing_varies_no_interval_is_shown(tmp_path, tiny):
    """No [x, x] in the page, the text or the terminal, where neither table nor agent is random."""
    records = open_folder(tmp_path)
    spec = next(spec for spec in plan(tiny) if spec.env_id == "discovery/TablePool-v0")
    for agent in ("linucb", "oracle"):
        execute(dataclasses.replace(spec, name=agent, agent=agent), records)
    (board,) = overviews(read_folder(tmp_path).records)[0].boards
    best, worst = board.rows
    assert (best.name, worst.name) == ("oracle", "linucb")
    never = "(no variation in 40 episodes)"
    words = [f"{score(row.score.value)} {never}" for row in board.rows]
    behind = f"{number(worst.behind.value, 3)} {never}"
    write_leaderboard(tmp_path)
    texts = [(tmp_path / "LEADERBOARD.md").read_text("utf-8")]
    assert all(word in texts[0] for word in (*words, behind))
    (task,) = data_of(tmp_path, "tiny")["tasks"]
    assert [f"{row['score']['text']} {row['score']['ends']}" for row in task["rows"]] == words
    assert task["rows"][1]["behind"][1] == behind
    (pair,) = task["pairs"]
    assert (pair["p"], pair["ends"]) == (None, never)
    texts += [CliRunner().invoke(app, shlex.split(row.command)[1:]).output for row in board.rows]
    for text in texts:
        assert never in text
        assert not re.search(r"\[(\S+), \1\]|\[–|\bnan\b", text)


def test_scores_and_places_leave_out_the_luck_of_the_pool(tmp_path, tiny):
    """Where the regret is known, it decides: two agents of the same labels differ by the noise."""
    spec = dataclasses.replace(
        plan(tiny)[0],
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 50, "horizon": 10},
    )
    records = open_folder(tmp_path)
    for name in ("random", "greedy"):
        execute(dataclasses.replace(spec, name=name, agent=name), records)
    (board,) = overviews(read_folder(tmp_path).records)[0].boards
    greedy, random = board.rows
    regret = {row.name: row.played.regret for row in board.rows}
    span = greedy.played.optimal_value - greedy.played.random_value
    np.testing.assert_allclose(greedy.scores, 1 - regret["greedy"] / span)
    np.testing.assert_array_equal(gains(greedy.played), -regret["greedy"])
    assert random.behind == stats.paired_difference(-regret["random"], -regret["greedy"])


class Reader(HTMLParser):
    """Checks that tags are closed, and collects what a page loads and says."""

    VOID = ("meta", "br", "input")

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.ids, self.files = [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.loads += [found[key] for key in ("src", "href", "srcset", "data") if key in found]
        self.ids += [found["id"]] if "id" in found else []
        self.files += [found["data-file"]] if "data-file" in found else []
        assert tag not in ("link", "img", "iframe", "object")
        assert "style" not in found
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def read_page(folder):
    reader = Reader()
    reader.feed((folder / "index.html").read_text(encoding="utf-8"))
    return reader


def test_the_page_is_well_formed_and_loads_its_own_data_only(page):
    reader = read_page(page)
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    places = {load[1:] for load in reader.loads if load.startswith("#") and "=" not in load}
    assert places <= set(reader.ids)
    others = {load for load in reader.loads if not load.startswith("#")}
    assert others <= {"LEADERBOARD.md", *export.NAMES.values()}
    assert all((page / other).is_file() for other in others)
    assert reader.files == ["data/tiny.js"]
    text = (page / "index.html").read_text(encoding="utf-8")
    assert not re.search(
        r"url\(|@import|fetch\(|XMLHttp|innerHTML|insertAdjacent|document\.write", text
    )
    assert set(re.findall(r"https?://[^\s\"']*", text)) == {
        "http://www.w3.org/2000/svg",
        "https://",
    }
    assert len(text) < 1_000_000


def test_its_policy_allows_its_own_script_and_style_and_nothing_else(page):
    text = (page / "index.html").read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        found = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{found}'" in policy


def test_two_versions_of_a_suite_have_their_own_data(played, tiny, tmp_path):
    shutil.copytree(played, tmp_path / "results")
    newer = dataclasses.replace(tiny, version=2)
    execute(plan(newer)[0], tmp_path / "results" / "records")
    write_leaderboard(tmp_path / "results")
    reader = read_page(tmp_path / "results")
    assert set(reader.files) == {"data/tiny-v1.js", "data/tiny.js"}
    views = {key: data_of(tmp_path / "results", key) for key in ("tiny", "tiny-v1")}
    assert {key: (view["version"], len(view["tasks"])) for key, view in views.items()} == {
        "tiny": (2, 1),
        "tiny-v1": (1, 2),
    }


def test_the_page_opens_each_number_to_its_run(page, tiny):
    rows = {row["run"]: row for task in data_of(page, "tiny")["tasks"] for row in task["rows"]}
    assert set(rows) == {spec.id for spec in plan(tiny)}
    for spec in plan(tiny):
        facts = dict(rows[spec.id]["facts"])
        assert facts["record"].startswith(f"records/{spec.id}.parquet, ")
        assert facts["seeds"] == "1,000,000 to 1,000,039"
        if spec.name == "broken":
            assert "batch_size must be one of" in "".join(rows[spec.id]["error"])
        else:
            assert len(rows[spec.id]["episodes"]["return"]) == 40


def test_the_shown_command_repeats_the_run(played):
    (overview,) = overviews(read_folder(played).records)
    for row in (row for board in overview.boards for row in board.rows if not row.failed):
        program, *words = shlex.split(row.command)
        assert program == "discovery-gym"
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert plus_minus(row.played.returns).replace("−", "-") in result.stdout
        spec = row.record.spec
        again = evaluate(
            spec.env_id,
            spec.agent,
            episodes=spec.episodes,
            seed=spec.seed,
            env_kwargs=spec.env_kwargs,
        )
        assert np.array_equal(again.returns, row.played.returns)


def test_environments_without_a_truth_are_ranked_by_return(tiny, tmp_path):
    spec = dataclasses.replace(plan(tiny)[0], env_id="discovery/BinomialDiscovery-v0")
    big = {"beta_priors": [[1, 9]] * 4, "objective": "count", "horizon": 90}
    records = open_folder(tmp_path)
    agents = ("random", "fixed(batch_size=1)", "fixed(batch_size=1, machine=1)")
    for name, agent in zip(("random", "one", "other"), agents, strict=True):
        execute(
            dataclasses.replace(spec, env_kwargs=big, name=name, agent=agent, episodes=8), records
        )
    (overview,) = overviews(read_folder(tmp_path).records)
    (board,) = overview.boards
    assert [row.score for row in board.rows] == [None] * 3
    assert not overview.whole.scored
    means = {row.name: (row.played.returns.mean(),) for row in board.rows}
    assert {one.name: one.values for one in overview.whole.standings} == means
    assert {one.mean for one in overview.whole.standings} == {None}
    write_leaderboard(tmp_path)
    assert "its column holds mean returns" in (tmp_path / "LEADERBOARD.md").read_text("utf-8")
    view = data_of(tmp_path, "tiny")
    (task,), (wing,) = view["tasks"], view["wings"]
    assert (task["quantity"], wing["scored"]) == ("return", False)
    assert [row["rank"] for row in wing["rows"]].count(None) == 1
    shown = {view["agents"][row["agent"]]["name"]: row["score"]["value"] for row in task["rows"]}
    assert shown == {name: pytest.approx(value, rel=1e-4) for name, (value,) in means.items()}


def test_no_records_make_an_empty_page(tmp_path):
    open_folder(tmp_path)
    write_leaderboard(tmp_path)
    assert "no records yet" in (tmp_path / "index.html").read_text(encoding="utf-8")
    with pytest.raises(discovery_gym.InputError, match="There is no folder"):
        write_leaderboard(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (number(-10332.4), "−10,332"),
        (number(0.001234), "0.001234"),
        (number(0), "0"),
        (number(None), "–"),
        (score(-0.0001), "0.000"),
        (score(-0.25), "−0.250"),
        (plus_minus(np.array([1.0, 3.0, 5.0])), "3.0 ± 1.2"),
        (plus_minus(np.array([121.0, 121.0])), "121.0, no variation"),
        (plus_minus(np.array([121.0])), "121.0"),
        (span(stats.Interval(0.5, 0.25, 0.75)), "0.500 [0.250, 0.750]"),
        (span(stats.Interval(0.5, np.nan, np.nan)), "0.500"),
        (
            span(stats.Interval(0.5, how="no variation", episodes=64)),
            "0.500 (no variation in 64 episodes)",
        ),
        (span(None), "–"),
        (difference(stats.Interval(-12.34, -13.0, -11.0)), "−12.3 [−13.0, −11.0]"),
        (
            difference(stats.Interval(-12.34, how="no variation", episodes=1000)),
            "−12.3 (no variation in 1,000 episodes)",
        ),
        (difference(stats.Interval(-12.34)), "−12.3"),
        (
            difference(stats.Interval(0.0, how="no variation", episodes=1000)),
            "0 (the same in all 1,000 episodes)",
        ),
        (words.rank((2, 4)), "2–4"),
        (words.rank((3, 3)), "3"),
        (words.rank(None), "–"),
        (words.date(0), "1970-01-01 00:00 UTC"),
    ],
)
def test_numbers_in_words(word, text):
    assert word == text
