"""The reproduction of the post on high-throughput experimentation."""

import csv
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.experiments.reproduce import REPRODUCTIONS, reproduce

FIGURES = [
    "1_success_probability",
    "2_gaussian_epochs",
    "3_improvement_by_batch_size",
    "4_improvement_by_boldness",
    "5_improvement_contour",
    "6_ladder_epochs",
    "7_ladder_histograms",
    "8_first_passage",
    "9_break_even",
    "10_switch",
]
TABLES = [
    *(name for name in FIGURES if name != "6_ladder_epochs"),
    "10_switch_noise",
    "10_switch_parallel",
    "10_switch_price",
    "2_gaussian_epochs_laws",
    "6_ladder_epochs_100",
    "6_ladder_epochs_10000",
    "claims",
    "simulations",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of one report with few episodes, and the files it says it holds."""
    out = tmp_path_factory.mktemp("report") / "new"
    return out, reproduce("high-throughput", out, episodes=200)


def table(out, name):
    with (out / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_figure_and_table_is_written(report):
    out, files = report
    expected = {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")}
    expected |= {f"{name}.csv" for name in TABLES} | {"REPORT.md", "index.html"}
    assert {path.name for path in files} == {path.name for path in out.iterdir()} == expected
    assert files[0] == out / "index.html"
    for name in FIGURES:
        assert (out / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert "<svg" in (out / f"{name}.svg").read_text()


def test_report_stands_alone_and_links_to_what_is_there(report):
    out, _ = report
    page, text = (out / "index.html").read_text(), (out / "REPORT.md").read_text()
    assert page.count('<img src="data:image/svg+xml;base64,') == len(FIGURES)
    assert not re.search(r'(src|href)="(https?:|//)', page)
    for link in re.findall(r"\]\(([^)]*)\)", text) + re.findall(r'href="([^"]*)"', page):
        assert (out / link).is_file()
    for words in (page, text):
        assert "nan" not in words
        assert "inf " not in words


def test_ladder_agrees_with_the_post_to_all_its_digits(report):
    out, _ = report
    rows = table(out, "6_ladder_epochs_10000")
    assert [int(row["N"]) for row in rows] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for row in rows:
        assert f"{float(row['ours, same chain']):.6g}" == row["the post's table"]
    (row,) = (row for row in rows if row["N"] == "128")
    assert float(row["from 1 to 100"]) == pytest.approx(381.58, abs=0.005)
    assert float(row["from 0 to 100"]) == pytest.approx(460.20, abs=0.005)
    first = table(out, "6_ladder_epochs_100")[0]
    assert float(first["from 1 to 100"]) == pytest.approx(418.74, abs=0.005)
    assert float(first["from 0 to 100"]) == pytest.approx(518.74, abs=0.005)


def test_the_posts_brute_force_is_told_as_printed_and_as_conjectured(report):
    out, _ = report
    claims = {row["the post"]: row["the exact laws"] for row in table(out, "claims")}
    numbers = {"418 epochs": ("519.74", "419.74"), "382 epochs": ("461.20", "382.58")}
    text = (out / "REPORT.md").read_text()
    for printed, told in numbers.items():
        (law,) = (law for post, law in claims.items() if printed in post)
        for number in told:
            assert number in law
            assert number in text
    assert "is a conjecture" in text


def test_gaussian_means_and_the_posts_counting(report):
    out, _ = report
    one, many = table(out, "2_gaussian_epochs")
    assert float(one["mean epochs"]) == pytest.approx(252.2336, abs=5e-5)
    assert float(many["mean epochs"]) == pytest.approx(40.6278, abs=5e-5)
    assert float(many["mean, counting the start"]) == pytest.approx(41.6278, abs=5e-5)


def test_break_even_starts_at_one_and_never_saves_experiments(report):
    out, _ = report
    rows = table(out, "9_break_even")
    assert len({row["model"] for row in rows}) == 6
    for row in rows:
        gain = float(row["time of a batch at break-even"])
        assert 1 <= gain <= int(row["N"]) * (1 + 1e-12)
        assert gain * float(row["relative experiments"]) == pytest.approx(int(row["N"]))


def test_simulation_agrees_with_the_truth(report):
    out, _ = report
    rows = table(out, "simulations")
    assert {row["figure"] for row in rows} == set(FIGURES)
    scores = np.array([float(row["deviation / standard error"]) for row in rows])
    assert len(scores) > 300
    assert np.abs(scores).max() < 4
    assert 0.5 < scores.std() < 1.5


def test_unknown_name_is_refused(tmp_path):
    with pytest.raises(InputError, match="'high-throughputs'; did you mean 'high-throughput'"):
        reproduce("high-throughputs", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"episodes": 99}, {"episodes": 1.5}, {"seed": -1}])
def test_impossible_options_are_refused(tmp_path, options):
    with pytest.raises(InputError, match=next(iter(options))):
        reproduce("high-throughput", tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    file = tmp_path / "report"
    file.write_text("mine")
    with pytest.raises(InputError, match=r"report is a file"):
        reproduce("high-throughput", file)
    with pytest.raises(InputError, match=r"Cannot write the report to .*below"):
        reproduce("high-throughput", file / "below")
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Cannot write the report"):
        reproduce("high-throughput", tmp_path / "new")


def test_listing_the_reproductions_needs_no_matplotlib():
    code = (
        "import sys; from discovery_gym.experiments.reproduce import REPRODUCTIONS; "
        "assert 'matplotlib' not in sys.modules, 'matplotlib was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "high-throughput" in REPRODUCTIONS


def test_the_switch_is_that_of_exact_planning(report):
    """Values of the reference, and where the sentence of the post does not hold."""
    out, _ = report
    rows = {(float(row["price of a day"]), float(row["f"])): row for row in table(out, "10_switch")}
    best = {case: round(float(row["the best"]), 4) for case, row in rows.items()}
    assert best[0.0, 0.05] == 302.0108
    assert best[1.0, 0.05] == 524.3802
    assert best[10.0, 0.05] == 2322.8683
    assert [rows[day, 0.05]["switch at rung"] for day in (0.0, 1.0, 10.0)] == ["16", "24", "40"]
    for row in rows.values():
        single = min(float(row["careful tests alone"]), float(row["plates alone"]))
        assert float(row["gain, %"]) == pytest.approx(100 * (1 - float(row["the best"]) / single))
        assert abs(float(row["simulated"]) - float(row["the best"])) < 5 * float(
            row["standard error"]
        )
    parallel = {row["careful tests at once"]: row for row in table(out, "10_switch_parallel")}
    assert (parallel["1"]["switch at rung"], parallel["16"]["switch at rung"]) == ("48", "3")
    assert float(parallel["16"]["gain, %"]) == pytest.approx(3.06, abs=0.005)
    prices = table(out, "10_switch_price")
    for row in prices:  # beyond Youden's index no plate is worth its price
        assert float(row["gain"]) >= 0
        if float(row["price of a well"]) > 0.75:
            assert float(row["gain"]) < 1e-9
    text = " ".join((out / "REPORT.md").read_text().split())
    assert "saves 41.8% of the price of the better single instrument" in text
    assert "it never switches" in text
    assert "and the gain is 0%" in text
