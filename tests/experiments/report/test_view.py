"""What the page draws, held against the records and against brute force."""

import base64
import dataclasses
import json
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browsing import data_of
from scipy import stats as scipy_stats
from synthetic import record

from discovery_gym.envs.rendering import palette
from discovery_gym.experiments.report import leaderboard, page, view, view_task, words
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.report.links import Links, https
from discovery_gym.experiments.report.standings import overviews
from discovery_gym.experiments.runs.records import open_folder, read_folder, write_record
from discovery_gym.experiments.suites.files import SB3

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def board(played):
    """The tables of the tiny suite, and what the page gets of them."""
    (overview,) = overviews(read_folder(played).records)
    return overview, view.suite_view(overview, Links(played))


def test_a_board_holds_the_actions_that_it_shows_and_no_others(played, monkeypatch):
    """And shows the same; a record is let go before the next one is read."""
    monkeypatch.setattr(view_task, "EPISODES", 5)
    seen = []

    def keep(record):
        assert all(one() is None for one in seen)
        assert record.evaluation is None or record.evaluation.actions is not None
        few = leaderboard.with_shown_actions(record)
        seen.extend(map(weakref.ref, filter(None, [record.evaluation])))
        return few

    whole, few = read_folder(played), read_folder(played, keep)
    assert len(seen) == len(whole.records) - 1  # one has failed
    for one, other in zip(whole.records, few.records, strict=True):
        if one.evaluation is not None:
            (ours,), (theirs,) = other.evaluation.actions.parts, one.evaluation.actions.parts
            np.testing.assert_array_equal(ours, theirs[: one.evaluation.lengths[:5].sum()])
            assert len(one.evaluation.lengths) == len(other.evaluation.lengths) == 40
    first, second = (
        view.suite_view(overview, Links(played))
        for found in (whole, few)
        for overview in overviews(found.records)
    )
    assert first == second


def test_a_pair_is_the_paired_difference_of_its_scores(board):
    overview, shown = board
    p = []
    for table, task in zip(overview.boards, shown["tasks"], strict=True):
        for pair in task["pairs"]:
            x, y = (table.rows[pair[one]].scores for one in "ab")
            test = scipy_stats.ttest_rel(x, y)
            low, high = test.confidence_interval(0.95)
            assert pair["value"] == pytest.approx((x - y).mean(), rel=1e-4)
            assert [pair["low"], pair["high"]] == pytest.approx([low, high], rel=1e-4)
            assert pair["text"] == words.score((x - y).mean())
            assert (pair["above"], pair["below"]) == ((x > y).sum(), (x < y).sum())
            p.append((test.pvalue, pair))
    p.sort(key=lambda one: one[0])
    assert len(p) == 3 + 1  # the failed run has no pair
    least = 0.0
    for rank, (one, pair) in enumerate(p):  # Holm: the smallest times their number, and so on
        least = max(least, min(1.0, one * (len(p) - rank)))
        assert pair["p"] == pytest.approx(least, rel=0.05)
        assert pair["sure"] == (least < 0.05)


def test_a_curve_is_the_mean_over_episodes_that_keep_their_last_value(board):
    overview, shown = board
    for table, task in zip(overview.boards, shown["tasks"], strict=True):
        first = task["curves"][0]
        assert first["name"] == ("regret" if task["regret"] else "return")
        for line in first["lines"]:
            played = table.rows[line["row"]].played
            total = played.returns if played.regret is None else played.regret
            assert line["points"] == played.points.tolist()
            for k, point in enumerate(line["points"]):
                ended = played.lengths < point
                held = np.where(ended, total, played.after[:, k])
                half = scipy_stats.t.ppf(0.975, len(held) - 1) * scipy_stats.sem(held)
                expected = [held.mean(), held.mean() - half, held.mean() + half]
                found = [line[name][k] for name in ("mean", "low", "high")]
                assert found == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_a_curve_of_labels_begins_with_the_first_label():
    nan = np.nan
    held = view_task._held(np.array([[nan, 1.0, nan], [nan, nan, 3.0]]))
    np.testing.assert_array_equal(held, [[nan, 1, 1], [nan, nan, 3]])
    line = view_task._line(np.array([1, 5, 9]), held)
    assert line["points"] == [9]
    assert line["mean"] == [2]


def test_episodes_are_drawn_where_they_are(board):
    overview, shown = board
    for table, task in zip(overview.boards, shown["tasks"], strict=True):
        low, high = task["histogram"]["low"], task["histogram"]["high"]
        for row, packed, counts, told in zip(
            table.rows, task["dots"], task["histogram"]["counts"], task["rows"], strict=True
        ):
            if row.failed:
                assert packed is counts is None
                continue
            places = np.frombuffer(base64.b64decode(packed), "<u2") / 65535
            scores = row.scores.clip(low, high)
            np.testing.assert_allclose(
                low + places * (high - low), scores, atol=2e-5 * (high - low)
            )
            assert sum(counts) == len(scores)
            edges = np.linspace(low, high, len(counts) + 1)
            assert counts[-1] == (scores >= edges[-2]).sum()
            assert told["episodes"]["return"] == [words.number(x) for x in row.played.returns]
            assert told["episodes"]["length"] == row.played.lengths.tolist()
            first = told["episodes"]["actions"][0].partition(" and ")[0].split(", ")
            actions = row.played.actions.parts[0][: len(first)]
            assert [float(word) for word in first] == actions.tolist()


def test_nothing_beats_what_is_on_the_line():
    random = np.random.default_rng(0)
    for _ in range(50):
        prices, values = random.integers(1, 6, 8).astype(float), random.integers(0, 5, 8) / 4
        points = [
            {"value": v, "knows": False, "time": p} for p, v in zip(prices, values, strict=True)
        ]
        pictures = view_task.costs([None, *points])
        if not pictures:
            assert len(set(prices)) == 1
            continue
        for i, price, value, _, best in pictures[0]["dots"]:
            assert (price, value) == (prices[i - 1], values[i - 1])
            beaten = ((values > value) & (prices <= price)) | ((values >= value) & (prices < price))
            twin = (values == value) & (prices == price)
            assert best <= (not beaten.any())
            assert best or beaten.any() or twin.sum() > 1


def test_what_knows_the_truth_is_drawn_and_not_on_the_line():
    points = [{"value": v, "knows": v == 3, "time": t} for v, t in ((1, 1.0), (2, 2.0), (3, 0.5))]
    (picture,) = view_task.costs(points)
    assert [dot[4] for dot in picture["dots"]] == [True, True, False]


@pytest.mark.parametrize("odd", [0, 1])
def test_a_flag_on_any_task_marks_the_entry(odd, played):
    records = read_folder(played).records
    task, name = next((s.task, s.name) for s in (r.spec for r in records) if s.name != "random")
    about = {"name": name, "digest": "ab", "status": "verified", "card": {}}
    entered = []
    for one in records:
        flags = ["foresight"] * odd if one.spec.task == task else []
        theirs = one.spec.name == name
        entered.append(dataclasses.replace(one, entry={**about, "flags": flags}) if theirs else one)
    (overview,) = overviews(entered)
    agents = view.suite_view(overview, Links(played))["agents"]
    (agent,) = [one for one in agents if one["entry"]]
    assert agent["badge"] == ("flagged" if odd else "verified")
    assert agent["entry"]["flags"] == [f"{task}: foresight"] * odd


@pytest.mark.parametrize("version", ["v0.1.0", "951fcc0"])
def test_records_of_earlier_formats_are_shown(version, tmp_path):
    found = next((ROOT / "tests" / "fixtures" / version).rglob("discovery_gym.json"), None)
    if found is None:
        pytest.skip("no results folder in this fixture")
    shutil.copytree(found.parent, tmp_path / "old")
    write_leaderboard(tmp_path / "old")
    files = list((tmp_path / "old" / "data").iterdir())
    tasks = [task for file in files for task in data_of(tmp_path / "old", file.stem)["tasks"]]
    assert tasks
    rows = [row for task in tasks for row in task["rows"] if "failed" not in row]
    assert all(row["time"][0] > 0 for row in rows)
    assert all("actions" not in row["episodes"] for row in rows)


def test_days_are_sorted_by_the_second():
    assert view_task.day(1795686896.1) == [1795686896, "2026-11-26"]


def test_a_file_of_stable_baselines3_is_learned_and_from_outside(played, tmp_path):
    whole = next(one for one in read_folder(played).records if one.evaluation is not None)
    text = f"{SB3}(path='ppo.zip')"
    spec = dataclasses.replace(whole.spec, name="ppo", agent=text)
    write_record(
        open_folder(tmp_path), spec, dataclasses.replace(whole.evaluation, agent=text, role="")
    )
    (overview,) = overviews(read_folder(tmp_path).records)
    (agent,) = view.suite_view(overview, Links(tmp_path))["agents"]
    assert agent["kinds"] == ["learned", "outside"]


def test_no_two_agents_look_alike():
    looks = [view.look(i) for i in range(320)]
    assert len({tuple(one.values()) for one in looks}) == len(looks)
    first = looks[: view.COLOURS]
    assert len({one["colour"] for one in first}) == len({one["marker"] for one in first}) == 8


# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB: those who lack a kind of cone.
SEEN = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                 [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(colour, seen):
    """Return a colour in CIELAB, as somebody sees it."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = (np.asarray(seen) @ linear).clip(0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt((to_xyz @ linear) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("paper", ["#ffffff", "#1b1f26"])
@pytest.mark.parametrize("seen", SEEN)
def test_colours_are_told_apart_by_anyone_and_from_the_paper(paper, seen):
    colours = page.colours_on(paper)
    assert len(set(colours)) == view.COLOURS
    assert min(palette.contrast(one, paper) for one in colours) >= 3
    places = [lab(one, SEEN[seen]) for one in colours]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(places) for b in places[:i]]
    assert min(apart) > 8  # four times what is just noticed, beside other markers


def test_contrast_is_that_of_the_guidelines():
    assert palette.contrast("#ffffff", "#000000") == 21
    assert palette.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert palette.against("#0072B2", "#ffffff") == "#0072b2"
    assert palette.contrast(palette.against("#E69F00", "#ffffff", 4.5), "#ffffff") >= 4.5


# ---- names and links


def test_names_become_words_of_files_and_addresses():
    assert view.key("Linear pool, 200 items") == "linear-pool-200-items"
    for one, other in (("a\u202e", "a"), ("../x", "x"), ("é", "e"), ("x" * 70, "x" * 71)):
        assert view.key(one).replace("-", "").isalnum()
        if one != "../x":
            assert view.key(one) != view.key(other)
    assert view.distinct(["a", "b", "a", "a"]) == ["a", "b", "a--2", "a--3"]
    assert view.distinct(["a", "a--2", "a"]) == ["a", "a--2", "a--3"]


def test_data_hold_no_sign_of_markup():
    data = view.script("x", {"name": "</script><!--", "more": ["\u2028", float(1)]})
    assert not set(data) & set("<>\u2028")
    assert json.loads(data[len('board("x",') : -3]) == {
        "name": "</script><!--",
        "more": ["\u2028", 1],
    }
    with pytest.raises(ValueError, match="not JSON compliant"):
        view.script("x", {"name": float("nan")})


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://example.org/a?b=c#d", True),
        ("https://example.org", True),
        ("http://example.org", False),
        ("javascript:alert(1)", False),
        (" https://example.org", False),
        ("https://example.org/ onclick=x", False),
        ("https://example.org\u202e", False),
        ("https://me@example.org", False),
        ("https://", False),
        ("data:text/html,x", False),
        (7, False),
    ],
)
def test_nothing_but_https_is_a_link(text, is_link):
    assert https(text) == (text if is_link else None)


def test_documents_are_linked_where_they_lie_beside_the_page(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    assert Links(results).environment("discovery/LinearPool-v0") is None
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    links = Links(results)
    assert links.environment("discovery/LinearPool-v0") == "../docs/environments/LinearPool.md"
    assert links.environment("mylab/LinearPool-v0") is None
    assert links.environment("discovery/../../x-v0") is None
    (rule, belief) = links.agent("thompson(belief=linear(noise_std=0.1))")
    assert (rule["name"], rule["page"]) == ("thompson", "../docs/agents/thompson.md")
    assert (belief["name"], belief["source"]) == ("linear", "agents/beliefs/linear.py")
    assert links.agent("os:system") == links.agent("(((") == []


@pytest.mark.parametrize(
    "card",
    [
        {"method": 3},
        {"method": {"kind": ["exact"]}},
        {"method": {"kind": {}}},
        {"who": [[{}]]},
        {"a": None},
    ],
)
def test_a_card_that_no_verifier_writes_is_shown_as_text(card, tmp_path):
    one = record("mine", np.arange(20.0), flags=[])
    one = replace(one, entry={**one.entry, "card": card})
    seen = view.suite_view(overviews([one])[0], Links(tmp_path))
    assert seen["agents"][0]["kinds"] == ["outside"]


def test_a_reader_is_given_no_command_that_runs_what_an_entry_names(tmp_path):
    one = record("mine", np.arange(20.0), flags=[])
    one = replace(one, spec=replace(one.spec, agent="shutil:rmtree(path='/home')"))
    text = json.dumps(view.suite_view(overviews([one])[0], Links(tmp_path)))
    assert f"discovery-gym show records/{one.id}.parquet --episode 0" in text
    assert "evaluate" not in text
