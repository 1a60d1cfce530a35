"""The results in docs/results: those of the present suites, shown as they are, and made again."""

from __future__ import annotations

import shutil
from dataclasses import replace

import keep_results
import numpy as np
import pytest

from discovery_gym.experiments.report.findings import findings
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.runs.chunks import play_chunk
from discovery_gym.experiments.runs.platforms import platform_here
from discovery_gym.experiments.runs.records import read_folder, read_record, write_record
from discovery_gym.experiments.suites.catalogue import SUITES, suite
from discovery_gym.experiments.suites.task import plan

CHEAP = 1.0
"""Seconds of thinking that a run may have taken to be played again here."""
SAMPLE = 16
"""Runs that are played again."""


@pytest.fixture(scope="module")
def kept():
    found = read_folder(keep_results.RESULTS)
    assert found.left_out == {}
    return found.records


def seconds(record):
    played = record.evaluation
    return played.seconds_per_decision * played.lengths.sum()


@pytest.mark.parametrize("name", keep_results.SUITES)
def test_every_run_of_the_suite_is_there_and_no_other(kept, name):
    """If it fails: run the suite, and python docs/keep_results.py."""
    suite = SUITES[name]
    if any(task.missing is not None for task in suite.tasks):
        pytest.skip("the suite's tables are not here")
    texts = {record.spec.text for record in kept if record.spec.suite == name}
    assert texts == {spec.text for spec in plan(suite)}
    assert all(record.error is None for record in kept)


def test_the_leaderboard_is_that_of_the_records(tmp_path):
    """If it fails: python docs/keep_results.py."""
    folder = tmp_path / "docs" / "results"
    for name in ("agents", "environments"):
        shutil.copytree(keep_results.RESULTS.parent / name, tmp_path / "docs" / name)
    for name in ("agents", "envs"):  # sources that the page points to
        (tmp_path / name).symlink_to(keep_results.RESULTS.parents[1] / name)
    shutil.copytree(keep_results.RESULTS / "records", folder / "records")
    shutil.copy(keep_results.RESULTS / "discovery_gym.json", folder)
    write_leaderboard(folder)
    there, made = (
        {path.relative_to(one): path.read_bytes() for path in one.rglob("*") if path.is_file()}
        for one in (keep_results.RESULTS, folder)
    )
    assert sorted(there) == sorted(made)
    assert [path for path in there if there[path] != made[path]] == []


def test_a_sample_of_runs_comes_out_again_bit_for_bit(kept):
    """The first episodes of one run of each of many tasks."""
    if any(record.platform != platform_here() for record in kept):
        pytest.skip("another platform decides other last bits")
    random = np.random.default_rng(0)
    cheap = [record for record in kept if seconds(record) < CHEAP]
    tasks = {
        record.spec.task: record for i in random.permutation(len(cheap)) for record in [cheap[i]]
    }
    sample = [list(tasks.values())[i] for i in random.permutation(len(tasks))[:SAMPLE]]
    assert len({record.spec.env_id for record in sample}) > 4
    for record in sample:
        played, said = play_chunk(record.spec, 0), record.evaluation
        some = slice(len(played.returns))
        what = f"{record.spec.name} on {record.spec.task}"
        np.testing.assert_array_equal(played.returns, said.returns[some], err_msg=what)
        np.testing.assert_array_equal(played.lengths, said.lengths[some], err_msg=what)
        for name in ("regret", "spent"):
            if getattr(said, name) is not None:
                np.testing.assert_array_equal(getattr(played, name), getattr(said, name)[some])
        after = played.after[:, np.isin(played.points, said.points)]
        np.testing.assert_allclose(
            after, said.after[some], rtol=2.0**-keep_results.BITS, err_msg=what
        )


def test_a_compact_record_has_the_same_findings(tmp_path):
    """What is printed of the end of a curve was once rounded, too."""
    plans = (one for one in plan(suite("quick")) if "simple_regret" in one.metrics)
    spec = replace(next(plans), episodes=12)
    whole = play_chunk(spec, 0)
    write_record(tmp_path, spec, whole)
    (path,) = tmp_path.glob("*.parquet")
    path.write_bytes(keep_results.compact(read_record(path)))
    found = read_record(path).evaluation
    said, true = (
        [(one.key, str(one.estimate), one.chance) for one in findings(of, spec.metrics)]
        for of in (found, whole)
    )
    assert said == true
    assert "simple_regret" in {key for key, *_ in said}


def test_a_compact_record_tells_the_same(played, tmp_path):
    """Every number of every episode as it was; curves in some bits, no actions."""
    for record in read_folder(played).records:
        if record.error is not None:
            continue
        path = tmp_path / f"{record.id}.parquet"
        path.write_bytes(keep_results.compact(record))
        found, whole = read_record(path), record.evaluation
        said = found.evaluation
        assert said.actions is None
        assert whole.actions is not None
        assert (found.spec, found.created) == (record.spec, record.created)
        for name in ("returns", "lengths", "regret", "spent"):
            np.testing.assert_array_equal(getattr(said, name), getattr(whole, name))
        assert len(said.points) == min(len(whole.points), keep_results.POINTS)
        points = np.isin(whole.points, said.points)
        for name in ("after", "best_after", "spent_after"):
            if getattr(whole, name) is not None:
                np.testing.assert_allclose(
                    getattr(said, name),
                    getattr(whole, name)[:, points],
                    rtol=2.0**-keep_results.BITS,
                )
