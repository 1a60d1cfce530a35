"""Runs and records: complete or not there, resumed by content, failures kept."""

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kill_runs
import pyarrow.parquet as pq
import pytest
from kill_runs import COMMAND, contents, start

import discovery_gym
from discovery_gym.envs.core import files
from discovery_gym.experiments.runs import records as rec
from discovery_gym.experiments.runs.records import (
    open_folder,
    read_folder,
    read_record,
    record_path,
)
from discovery_gym.experiments.runs.runner import WorkerLost, execute, missing, play
from discovery_gym.experiments.suites.catalogue import suite
from discovery_gym.experiments.suites.task import Shard, plan

SUPPORT = Path(kill_runs.__file__).parent

# ---- one run


def test_a_record_holds_the_run(played, tiny):
    records = read_folder(played).records
    spec = plan(tiny)[4]
    record = read_record(record_path(played / "records", spec.id))
    assert record.id in {one.id for one in records}
    assert record.spec == spec
    assert record.evaluation.regret.shape == record.evaluation.returns.shape == (40,)
    assert record.evaluation.random_value < record.evaluation.optimal_value
    assert {"python", "numpy", "discovery-gym"} <= record.versions.keys()
    table = pq.read_table(record_path(played / "records", spec.id))
    assert table["seed"].to_pylist() == list(range(spec.seed, spec.seed + 40))


def test_a_failed_run_is_recorded_with_its_error(played, tiny):
    (record,) = (record for record in read_folder(played).records if record.error)
    assert record.spec == plan(tiny)[3]
    assert "Traceback" in record.error
    assert "batch_size must be one of" in record.error
    assert record.evaluation is None


def test_a_run_is_a_pure_function_of_its_spec(played, tiny, tmp_path):
    records = open_folder(tmp_path / "again")
    for spec in reversed(plan(tiny)):
        execute(spec, records)
    assert contents(tmp_path / "again") == contents(played)


def test_the_id_depends_on_everything_that_decides_the_result(tiny, monkeypatch, tmp_path):
    spec = plan(tiny)[4]
    changes = {
        "suite": "other",
        "version": 2,
        "task": "other",
        "name": "other",
        "env_id": "discovery/KnowledgeLadder-v0",
        "env_kwargs": {"dataset": "diabetes", "horizon": 4},
        "agent": "greedy",
        "episodes": 41,
        "seed": 3,
    }
    others = [dataclasses.replace(spec, **{key: value}) for key, value in changes.items()]
    assert len({spec.id, *(other.id for other in others)}) == 10
    assert dataclasses.replace(spec, about="prose").id == spec.id


def test_the_id_depends_on_the_data(tiny, tmp_path):
    path = tmp_path / "mine.csv"
    kwargs = {"dataset": str(path), "horizon": 2}
    spec = dataclasses.replace(plan(tiny)[4], env_kwargs=kwargs)
    ids = []
    for label in (3, 4):
        path.write_text(f"x,y\n1,2\n2,{label}\n3,5\n", encoding="utf-8")
        ids.append(spec.id)
    assert ids[0] != ids[1]


# ---- the folder


def test_finished_runs_are_skipped_and_failed_ones_tried_again(played, tiny):
    specs = plan(tiny)
    assert missing(specs, played) == [specs[3]]


def test_shards_split_a_plan(tiny):
    parts = [plan(tiny, Shard(i, 4)) for i in (1, 2, 3, 4)]
    assert sorted(spec.id for part in parts for spec in part) == sorted(s.id for s in plan(tiny))
    assert Shard.parse("2/4") == Shard(2, 4)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "-1/2", "1/2/3"])
def test_a_bad_shard_is_refused(text):
    with pytest.raises(discovery_gym.InputError, match="shard"):
        Shard.parse(text)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    for use in (open_folder, read_folder):
        with pytest.raises(discovery_gym.InputError, match="not a results folder"):
            use(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    place = tmp_path / "place"
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(discovery_gym.InputError, match="is a file"):
        open_folder(place)
    with pytest.raises(discovery_gym.InputError, match="Cannot write"):
        open_folder(place / "below")
    assert place.read_text(encoding="utf-8") == "mine"


def test_rests_of_a_killed_run_do_not_hinder_and_are_swept(tmp_path):
    rest = tmp_path / f".{rec.MARK}.abc{files.SUFFIX}"
    rest.write_text("{", encoding="utf-8")
    records = open_folder(tmp_path)
    old, new = (records / f".{name}.parquet.abc{files.SUFFIX}" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half", encoding="utf-8")
    os.utime(old, (0, 0))
    open_folder(tmp_path)
    assert [path for path in (old, new) if path.exists()] == [new]  # another run may be writing it
    assert read_folder(tmp_path).records == []


def test_a_folder_is_not_foreign_for_what_another_run_has_just_put_there(tmp_path, monkeypatch):
    """Two runs start in a new folder: the other one is ahead while this one looks."""
    listed = Path.iterdir

    def meanwhile(self):
        monkeypatch.setattr(Path, "iterdir", listed)
        files.write(open_folder(tmp_path) / "abc.parquet", "x")
        files.write(tmp_path / "LEADERBOARD.md", "x")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", meanwhile)
    assert open_folder(tmp_path) == tmp_path / "records"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_many_processes_open_one_folder():
    """Without a refusal: three rounds of what `open_together.py` does by the thousand."""
    words = [sys.executable, str(SUPPORT / "open_together.py"), "--new", "60", "--beside", "300"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "new folders: 0 refusals in 60 tries" in done.stdout, done.stdout
    assert "beside writers: 0 refusals in 300 tries" in done.stdout, done.stdout


def test_writing_leaves_the_whole_file_or_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write(path, "old")

    def fail(handle):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


# ---- the pool, and what may happen to it


def test_a_killed_worker_is_reported_and_the_rest_can_be_played(tiny, played, tmp_path):
    slow = {"target": 4000, "p_scale": 1e9, "batch_sizes": [1], "horizon": 10_000_000}
    endless = dataclasses.replace(plan(tiny)[0], env_kwargs=slow, agent="fixed")
    runs = play([plan(tiny)[0], endless], tmp_path, workers=1)
    spec, failed = next(runs)
    assert (spec, failed) == (plan(tiny)[0], False)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(WorkerLost, match="1 of 2 runs are recorded"):
        next(runs)

    todo = missing(plan(tiny), tmp_path)
    assert len(todo) == len(plan(tiny)) - 1
    done = {spec.name: failed for spec, failed in play(todo, tmp_path, workers=2)}
    assert [name for name, failed in done.items() if failed] == ["broken"]
    assert contents(tmp_path) == contents(played)
    assert multiprocessing.active_children() == []


def count(folder):
    return len(list(folder.glob("records/*.parquet")))


SHARD = Shard(1, 3)  # of the smoke suite: enough to be killed in


def under_way(folder):
    """Start a run in a process of its own; wait until some runs are finished."""
    process = start(folder)
    for _ in range(6000):
        if count(folder) >= 2 or process.poll() is not None:
            break
        time.sleep(0.005)
    return process


def test_killed_and_started_again_gives_the_records_of_a_run_never_killed(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = under_way(killed)
    process.kill()
    process.communicate()  # ends with the last worker, which holds the pipes as well
    before = count(killed)
    for folder in (killed, whole):
        command = [*COMMAND, str(folder)]
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        if folder is killed:
            assert 2 <= before < count(killed)
            assert f"{before} of {count(killed)} runs are finished already" in again.stderr
    assert contents(killed) == contents(whole)
    assert len(contents(whole)) == len(plan(suite("smoke"), SHARD))
    assert {path.name for path in whole.iterdir()} == {rec.MARK, "records"}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_leaves_cleanly(tmp_path):
    process = under_way(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the parent and its workers
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert 2 <= len(read_folder(tmp_path).records) < len(plan(suite("smoke"), SHARD))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals of POSIX, and /proc")
def test_signals_at_random_moments_change_no_record():
    """A few of the signals that `kill_runs.py` sends, to two runs in one folder."""
    words = [sys.executable, str(SUPPORT / "kill_runs.py"), "--signals", "4", "--folders", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 folders" in done.stdout
    assert "exit status" not in done.stdout
