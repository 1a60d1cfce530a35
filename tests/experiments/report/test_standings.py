"""Who is ranked over several tasks, and how; pairs; what a task can tell."""

import itertools

import numpy as np
import pytest
from scipy.stats import ttest_rel
from synthetic import CAMPAIGN, POOL, TABLE, record

from discovery_gym.experiments.report import page, ranks
from discovery_gym.experiments.report.boards import NO_RANK
from discovery_gym.experiments.report.standings import overviews


def around(mean, seed, count=32):
    return mean + 0.05 * np.random.default_rng(seed).normal(size=count)


def text_of(overview):
    """Return the Markdown of one suite."""
    nothing = {"records": 0, "failed": 0, "superseded": 0, "first": None, "last": None,
               "versions": {}, "machines": []}  # fmt: skip
    view = {"left_out": [], "provenance": nothing, "intervals": ""}
    return page.render("leaderboard.md.j2", overviews=[overview], **view)


def test_the_best_of_three_easy_tasks_is_not_above_those_that_played_all_ten():
    """Once it stood on top, for it was ahead of all its rivals wherever it met them."""
    records = [
        record(name, around(mean, 10 * task + seed), task=f"Task {task}")
        for seed, (name, mean, tasks) in enumerate(
            [
                ("of ten", 0.5, range(10)),
                ("of ten, too", 0.2, range(10)),
                ("of three", 0.9, range(3)),
            ]
        )
        for task in tasks
    ]
    (overview,) = overviews(records)
    standings = overview.whole.standings
    assert [(one.name, one.rank, one.entered) for one in standings] == [
        ("of ten", (1, 1), 10),
        ("of ten, too", (2, 2), 10),
        ("of three", None, 3),
    ]
    assert standings[-1].unranked == "not all tasks"
    assert standings[-1].mean is None
    assert standings[0].mean.value == pytest.approx(0.5, abs=0.02)
    assert [row.rank for row in overview.boards[0].rows] == [(1, 1), (2, 2), (3, 3)]
    assert "| – | of three | – | 3 of 10 |" in text_of(overview)


def test_a_truth_with_another_last_digit_is_the_same_truth():
    """Two worker processes sum it in two orders, and one of the agents would be on no board."""
    truths = [(0.1, 0.7), (np.nextafter(0.1, 1), np.nextafter(0.7, 0)), (0.1001, 0.7)]
    records = [
        record(name, around(0.5, seed), truth=truth)
        for seed, (name, truth) in enumerate(zip(["a", "b", "of other data"], truths, strict=True))
    ]
    (table,) = overviews(records)[0].boards
    assert {row.name for row in table.rows} == {"a", "b"}
    assert [one.spec.name for one in table.others] == ["of other data"]


def test_an_agent_of_one_kind_is_ranked_in_its_wing():
    records = [
        record(name, around(mean, seed), task=task, env_id=env)
        for task, env, names in (
            ("A", CAMPAIGN, {"all": 0.2, "campaigns only": 0.8}),
            ("B", CAMPAIGN, {"all": 0.2, "campaigns only": 0.8}),
            ("C", POOL, {"all": 0.2}),
            ("D", TABLE, {"all": 0.2}),
        )
        for seed, (name, mean) in enumerate(names.items())
    ]
    (overview,) = overviews(records)
    assert [(wing.kind, len(wing.boards)) for wing in overview.wings] == [
        ("campaign", 2),
        ("pool", 1),
        ("table", 1),
    ]
    first = overview.wings[0].standings
    assert [(one.name, one.rank) for one in first] == [("campaigns only", (1, 1)), ("all", (2, 2))]
    whole = {one.name: one.rank for one in overview.whole.standings}
    assert whole == {"all": None, "campaigns only": None}
    (alone,) = overviews([one for one in records if one.spec.task in "AB"])
    assert alone.wings == ()  # the whole suite is one wing


def test_anchors_failures_flags_and_open_books_have_no_rank():
    tasks = (("A", POOL), ("B", TABLE))
    records = [
        record("optimal", around(1.0, 0), task=task, env_id=env, role="optimal")
        for task, env in tasks
    ] + [
        record(name, around(mean, seed), task=task, env_id=env, role=role, flags=flags)
        for task, env in tasks
        for seed, (name, mean, role, flags) in enumerate(
            [
                ("random", 0.0, "random", None),
                ("ours", 0.5, "", None),
                ("theirs", 0.7, "", []),
                ("odd", 0.9, "", ["reads labels"]),
                ("disguised", 0.6, "optimal", []),
            ],
            start=1,
        )
    ]
    records += [record("broken", None if env == POOL else around(0.3, 9), task=task, env_id=env)
                for task, env in tasks]  # fmt: skip
    (overview,) = overviews(records)
    pool, table = overview.boards
    assert {row.name: (row.rank, row.unranked) for row in pool.rows} == {
        "optimal": (None, "anchor"),
        "odd": (None, "flagged"),
        "theirs": ((1, 1), ""),
        "disguised": ((2, 2), ""),
        "ours": ((3, 3), ""),
        "random": (None, "anchor"),
        "broken": (None, "failed"),
    }
    of_table = {row.name: row.unranked for row in table.rows}
    assert of_table["theirs"] == of_table["disguised"] == "open book"
    assert {row.name: row.rank for row in table.rows}["ours"] == (1, 1)
    # the best is the best that has a rank; who has none may be ahead of it
    behind = {row.name: row.behind for row in pool.rows}
    assert behind["theirs"] is None
    assert behind["optimal"].low > 0 < behind["odd"].low
    assert behind["ours"].high < 0
    whole = [(one.name, one.rank, one.unranked) for one in overview.whole.standings]
    assert whole == [
        ("optimal", None, "anchor"),
        ("ours", None, "alone"),
        ("random", None, "anchor"),
        ("odd", None, "flagged"),
        ("theirs", None, "open book"),
        ("disguised", None, "open book"),
        ("broken", None, "failed"),
    ]
    assert {why for *_, why in whole} - {""} <= NO_RANK.keys()
    text = text_of(overview)
    assert "theirs (open book)" in text
    assert "odd (flagged)" in text


@pytest.mark.parametrize(
    "other", [None, ("odd", 0.9, ["reads labels"]), ("broken", None, None), ("second", 0.2, None)]
)
def test_a_rank_is_one_among_others(other):
    """Who is alone with random play, the optimum, and runs without a rank, has none; two have."""
    records = [
        record(name, around(mean, seed), task=task, role=role)
        for task in "AB"
        for seed, (name, mean, role) in enumerate(
            [("optimal", 1.0, "optimal"), ("random", 0.0, "random"), ("first", 0.5, "")]
        )
    ]
    if other is not None:
        name, mean, flags = other
        returns = None if mean is None else around(mean, 4)
        records += [record(name, returns, task=task, flags=flags) for task in "AB"]
    (overview,) = overviews(records)
    rank, why = ((1, 1), "") if other and other[0] == "second" else (None, "alone")
    for table in (*(board.rows for board in overview.boards), overview.whole.standings):
        (first,) = (one for one in table if one.name == "first")
        assert (first.rank, first.unranked) == (rank, why)
        assert [one.name for one in table][:2] != ["random", "optimal"]
    for board in overview.boards:
        assert board.may_be_best == (("first",) if rank else ())
        assert {row.name for row in board.rows if row.behind is None} == {"first", "broken"} & {
            row.name for row in board.rows
        }
    assert (f"| {'1' if rank else '–'} | first |") in text_of(overview)


def test_tasks_without_scores_weigh_the_same():
    """Returns in thousands do not outweigh those in units."""
    records = [
        record(name, unit * around(mean, seed), task=task, truth=(None, None), role=role)
        for task, unit, means in (("A", 1.0, (0, 1, 0.4)), ("B", 1000.0, (0, 0.8, 1)))
        for seed, (name, role, mean) in enumerate(
            zip(("random", "x", "y"), ("random", "", ""), means, strict=True)
        )
    ]
    (overview,) = overviews(records)
    assert not overview.whole.scored
    ranked = [(one.name, one.rank) for one in overview.whole.standings]
    assert ranked == [("x", (1, 1)), ("y", (2, 2)), ("random", None)]
    assert "its column holds mean returns" in text_of(overview)


def test_one_person_with_one_episode_has_a_board():
    (overview,) = overviews([record("me", [0.3])])
    (board,) = overview.boards
    assert [one.unranked for one in (*board.rows, *overview.whole.standings)] == ["alone"] * 2
    assert board.tells is None
    assert overview.pairs == ()
    (overview,) = overviews([record("me", [0.3]), record("you", [0.9])])
    (board,) = overview.boards
    assert [row.rank for row in board.rows] == [(1, 2), (1, 2)]
    assert board.may_be_best == ("you", "me")
    (pair,) = overview.pairs
    assert np.isnan([pair.error, pair.p, pair.adjusted]).all()
    assert pair.difference == pytest.approx(0.6)
    text = text_of(overview)
    assert "| 1–2 | me | 0.300 | 0.3000 | −0.600 |" in text
    assert "nan" not in text


def test_agents_whose_episodes_are_the_same_share_a_rank():
    luck = around(0.5, 0)
    (overview,) = overviews([record("a", luck), record("b", luck), record("c", around(0.1, 1))])
    (board,) = overview.boards
    assert [row.rank for row in board.rows] == [(1, 2), (1, 2), (3, 3)]
    assert board.rows[1].behind.value == 0
    assert board.tells.pair == ("a", "c")  # the next that differs
    text = text_of(overview)
    assert "0 (the same in all 32 episodes)" in text
    assert "Not told apart from the best: a, b." in text
    assert overview.pairs[0].p == overview.pairs[0].adjusted == 1


def test_a_task_says_what_its_episodes_can_tell():
    a, b = around(0.5, 0), around(0.45, 1)
    truth = (-1.0, 3.0)
    (overview,) = overviews([record("a", a, truth=truth), record("b", b, truth=truth)])
    (board,) = overview.boards
    assert board.tells.detectable == pytest.approx(ranks.detectable(a - b) / 4)
    assert board.tells.for_percent == ranks.episodes_to_tell(a - b, 0.04)
    text = text_of(overview)
    assert "What 32 episodes can tell between a and b" in text
    assert f"1 % would take {board.tells.for_percent} episodes" in text


def test_pairs_are_adjusted_over_all_tasks():
    records = [
        record(name, around(0.5 + 0.03 * k, 10 * k + task), task=f"Task {task}")
        for task in range(3)
        for k, name in enumerate(["a", "b", "c"])
    ]
    (overview,) = overviews(records)
    played = {(one.spec.task, one.spec.name): one.evaluation.returns for one in records}
    expected = {}
    for task in range(3):
        for a, b in itertools.combinations("abc", 2):
            test = ttest_rel(played[f"Task {task}", a], played[f"Task {task}", b])
            expected[f"Task {task}", frozenset((a, b))] = test.pvalue
    adjusted, most = {}, 0.0
    for left, (pair, p) in enumerate(sorted(expected.items(), key=lambda one: one[1])):
        most = max(most, min(1.0, (len(expected) - left) * p))
        adjusted[pair] = most
    assert len(overview.pairs) == 9
    for pair in overview.pairs:
        key = pair.board.spec.task, frozenset((pair.first.name, pair.second.name))
        assert pair.p == pytest.approx(expected[key])
        assert pair.adjusted == pytest.approx(adjusted[key])
        assert pair.difference > 0
