"""What metrics say: of random play, of agents that find nothing, and on the board."""

import csv
import dataclasses
import io
import json
import shutil

import numpy as np
import pytest
from browsing import data_of
from synthetic import record
from typer.testing import CliRunner

from discovery_gym.experiments import evaluate
from discovery_gym.experiments.cli import app
from discovery_gym.experiments.report import stats as st
from discovery_gym.experiments.report.findings import closed_after, findings
from discovery_gym.experiments.report.leaderboard import leaderboard_text, write_leaderboard
from discovery_gym.experiments.report.view_task import _line
from discovery_gym.experiments.runs.records import read_folder

ALL = ("top(share=0.05)", "found(share=0.05)", "simple_regret", "area")
HALVES = {"rows": 0.5, "horizon": 15}


def play(agent, metrics=ALL, episodes=64, seed=1_000_000, **kwargs):
    return evaluate(
        "TablePool", agent, episodes=episodes, seed=seed, env_kwargs={**HALVES, **kwargs},
        metrics=metrics, truth=False,
    )  # fmt: skip


def said(played, metrics=ALL):
    return {one.key: one for one in findings(played, metrics)}


def test_random_play_has_the_acceleration_one_and_closes_no_gap():
    """Within its interval, in about 95 of 100 evaluations; a quarter of the episodes finds nothing."""
    covered = {"acceleration": 0, "enhancement": 0, "gap_closed": 0}
    for k in range(40):
        found = said(play("random", seed=1_000_000 + 64 * k))
        assert found["acceleration"].bound == "at least"
        for key, truth in (("acceleration", 1), ("enhancement", 1), ("gap_closed", 0)):
            one = found[key].estimate
            covered[key] += one.low <= truth <= one.high
    assert min(covered.values()) >= 34  # 33 or fewer: once in a thousand


def test_what_an_agent_finds_follows_from_its_episodes():
    played = play("bayes_ucb")
    needed, chance, hit = played.metrics["top"].T
    ours, random = np.split(played.metrics["simple_regret"], 2, axis=1)
    found = said(played)
    assert found["top_median"].estimate.value == np.median(np.where(hit, needed, 99))
    assert found["top_mean"].estimate == st.mean(needed)
    assert found["top_mean"].chance == pytest.approx(222 / 13, abs=0.5)  # 12 of 221, and ties
    assert found["top_found"].estimate == st.proportion(int(hit.sum()), 64)
    acceleration = found["acceleration"].estimate
    assert acceleration.value == pytest.approx(chance.mean() / needed.mean(), rel=1e-12)
    assert acceleration.low < acceleration.value < acceleration.high
    assert acceleration.low > 1
    closed = 1 - ours.mean(0) / random.mean(0)
    assert found["gap_closed"].estimate.value == pytest.approx(closed[-1], rel=1e-12)
    np.testing.assert_allclose(closed_after(played).mean(0), closed, atol=1e-12)
    shares = played.metrics["found"]
    assert found["enhancement"].estimate.value == pytest.approx(shares[:, 14].mean() / (15 / 221))
    assert found["share_found"].estimate == st.mean(shares[:, 14])
    assert found["simple_regret"].estimate.value == ours[:, -1].mean()
    assert found["area"].chance == played.metrics["area"][:, 1].mean()


def test_censored_episodes_are_told_and_give_bounds():
    """Who never finds one has no median, and bounds for the rest."""
    worst = np.arange(30.0)
    kwargs = {"features": np.eye(30), "labels": worst, "rows": None, "horizon": 4}
    played = play(lambda seen: int(seen["action_mask"].argmax()), episodes=8, **kwargs)
    found = said(played)
    assert found["top_median"].line == "∞"
    assert found["top_mean"].line == "at most 13.0 (no variation in 8 episodes); random play 10.3"
    assert found["top_found"].line.startswith("0 % [0 %, ")
    assert found["acceleration"].line == "at least 0.795 (no variation in 8 episodes)"


@pytest.mark.parametrize("factor", [0.01, 1000.0])
def test_shares_and_factors_have_no_unit(factor):
    """Where a ratio of two bests moves with the zero of the scale."""
    random = np.random.default_rng(2)
    labels, features = random.lognormal(size=60), random.normal(size=(60, 2))
    kwargs = {"features": features, "rows": 30, "horizon": 8}
    plain = said(play("random", labels=labels, **kwargs))
    other = said(play("random", labels=factor * (labels + 5), **kwargs))
    for key in (
        "top_median",
        "top_mean",
        "top_found",
        "acceleration",
        "enhancement",
        "gap_closed",
        "area",
    ):
        ours, theirs = plain[key].estimate, other[key].estimate
        assert [ours.value, ours.low, ours.high] == pytest.approx(
            [theirs.value, theirs.low, theirs.high], rel=1e-6, abs=1e-9, nan_ok=True
        )


def test_intervals_stay_where_the_truth_can_be():
    """Of few episodes near the end of what is possible, where Student's t alone goes beyond it."""
    near = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.97, 0.9, 1.0])
    half, one = np.full(8, 0.5), np.ones(8)
    metrics = {
        "top": np.stack([1 + 20 * (1 - near), 3 * one, one], 1),
        "found": np.stack([near, half], 1),
        "simple_regret": np.stack([1 - near, half], 1),
        "area": np.stack([near, half], 1),
    }
    played = dataclasses.replace(play("random", episodes=8), metrics=metrics)
    found, beyond = said(played), st.mean(near)
    assert beyond.high > 1
    ends = {key: (found[key].estimate.low, found[key].estimate.high) for key in found}
    assert ends["share_found"] == ends["area"] == (beyond.low, 1)
    assert ends["simple_regret"] == pytest.approx((0, 1 - beyond.low))
    assert ends["gap_closed"] == pytest.approx((1 - 2 * (1 - beyond.low), 1))
    assert ends["top_mean"][0] == 1 < ends["top_mean"][1]
    assert ends["enhancement"][0] == pytest.approx(2 * beyond.low)
    metrics["found"] = np.stack([1 - near, half], 1)
    found = said(dataclasses.replace(played, metrics=metrics))
    assert found["share_found"].estimate.low == found["enhancement"].estimate.low == 0
    assert np.isnan(st.Interval(0.5).within(0, 1).low)
    line = _line(np.arange(1), near[:, None], 1.0)
    assert (line["low"][0], line["high"][0]) == (pytest.approx(beyond.low, abs=1e-4), 1)


def test_where_random_play_finds_all_there_is_no_gap():
    kwargs = {"features": np.eye(4), "labels": [1.0, 2.0, 3.0, 4.0], "rows": None, "horizon": 4}
    found = said(play("random", episodes=8, **kwargs))
    assert found["gap_closed"].line == "–"
    assert found["simple_regret"].estimate.value == 0


def test_the_terminal_says_it():
    words = ["evaluate", "TablePool", "greedy", "--set", "rows=0.5", "--set", "horizon=5"]
    words += ["--episodes", "8", "--metric", "top(share=0.1)", "--metric", "area"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    lines = dict(line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    assert {"to the top 10 %, median", "acceleration", "area"} <= lines.keys()
    assert "; random play 0." in lines["area"]


def test_the_information_of_designs_is_told_too():
    texts = ["information_bounds(contrasts=10)"]
    kwargs = {"horizon": 2}
    played = evaluate(
        "LinearGaussianDesign", "random", episodes=8, env_kwargs=kwargs, metrics=texts
    )
    lower, upper = findings(played, texts)
    assert lower.line.startswith("at least ")
    assert upper.estimate == st.mean(played.metrics["information_bounds"][:, 1])
    assert not findings(record("none", [1.0, 2.0]).evaluation, ())


# ---- on the board


@pytest.fixture(scope="module")
def folder(played, tmp_path_factory):
    """The tiny suite, whose pool has metrics and whose ladder has none."""
    folder = tmp_path_factory.mktemp("found") / "results"
    shutil.copytree(played, folder)
    write_leaderboard(folder)
    return folder


def test_the_board_shows_it_where_records_have_it(folder):
    ladder, pool = data_of(folder, "tiny")["tasks"]
    assert ladder["metrics"] is None
    assert [curve["name"] for curve in ladder["curves"]][-1] != "closed"
    records = {
        one.spec.name: one for one in read_folder(folder).records if one.spec.task == "Tiny pool"
    }
    assert [row["row"] for row in pool["metrics"]["rows"]] == [0, 1]
    for row, name in zip(pool["metrics"]["rows"], ("greedy", "random"), strict=True):
        one = records[name]
        expected = findings(one.evaluation, one.spec.metrics)
        assert [cell["text"] for cell in row["cells"]] == [one.text for one in expected]
        assert [cell["ends"] for cell in row["cells"]] == [one.ends for one in expected]
        assert [head["name"] for head in pool["metrics"]["heads"]] == [e.name for e in expected]
        (curve,) = (curve for curve in pool["curves"] if curve["name"] == "closed")
        (line,) = (line for line in curve["lines"] if line["row"] == row["row"])
        np.testing.assert_allclose(line["mean"], closed_after(one.evaluation).mean(0), atol=1e-3)
        text = (folder / "LEADERBOARD.md").read_text("utf-8")
        assert f"| {name} | " + " | ".join(
            f"{one.text} {one.ends}".strip() for one in expected
        ) in text  # fmt: skip


def test_downloads_have_it_with_every_digit(folder):
    rows = csv.DictReader(io.StringIO(leaderboard_text(folder, "csv")[0]))
    of_csv = {row["agent"]: row for row in rows if row["task"] == "Tiny pool"}
    (suite,) = json.loads(leaderboard_text(folder, "json")[0])["suites"]
    for one in suite["tasks"][1]["agents"]:
        for key in ("acceleration", "acceleration_low", "gap_closed", "top_found", "area_high"):
            assert float(of_csv[one["agent"]][key]) == one[key]
    assert "acceleration" not in suite["tasks"][0]["agents"][0]
