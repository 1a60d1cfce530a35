"""Runs and records: complete or not there, resumed by content, failures kept."""

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import discovery_gym
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from discovery_gym.experiments import records as rec
from discovery_gym.experiments.records import open_folder, read_folder, read_record, record_path
from discovery_gym.experiments.runner import Shard, WorkerLost, execute, missing, plan, play

CLI = [sys.executable, "-m", "discovery_gym.experiments"]
TIMINGS = {"created", "seconds_per_decision"}


def contents(folder):
    """Every record with all that is in it but the timings."""
    found = {}
    for path in sorted((folder / "records").glob("*.parquet")):
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[rec.KEY])
        kept = {key: value for key, value in about.items() if key not in TIMINGS}
        found[path.name] = (table.to_pydict(), kept)
    return found


# ---- one run


def test_a_record_holds_the_run(played, tiny):
    records = read_folder(played)
    spec = plan(tiny)[4]
    record = read_record(record_path(played / "records", spec.id))
    assert record in_ids(records)
    assert record.spec == spec
    assert record.regret.shape == record.returns.shape == (40,)
    assert record.random_value < record.optimal_value
    assert {"python", "numpy", "discovery-gym"} <= record.versions.keys()
    table = pq.read_table(record_path(played / "records", spec.id))
    assert table["seed"].to_pylist() == list(range(spec.seed, spec.seed + 40))


def test_a_failed_run_is_recorded_with_its_error(played, tiny):
    (record,) = (record for record in read_folder(played) if record.error)
    assert record.spec == plan(tiny)[3]
    assert "Traceback" in record.error
    assert "batch_size must be one of" in record.error
    assert record.returns.size == 0


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

    source = tmp_path / "agents" / "rule.py"
    source.parent.mkdir()
    monkeypatch.setattr(rec, "PACKAGE", tmp_path)
    (tmp_path / "experiments").mkdir()
    ids = []
    for text in ("one", "two"):
        source.write_text(text, encoding="utf-8")
        rec._sources.cache_clear()
        ids.append(spec.id)
    rec._sources.cache_clear()
    assert ids[0] != ids[1]


def test_the_id_depends_on_the_data(tiny, tmp_path):
    path = tmp_path / "mine.csv"
    kwargs = {"dataset": str(path), "horizon": 2}
    spec = dataclasses.replace(plan(tiny)[4], env_kwargs=kwargs)
    ids = []
    for label in (3, 4):
        path.write_text(f"x,y\n1,2\n2,{label}\n3,5\n", encoding="utf-8")
        rec._data.cache_clear()
        ids.append(spec.id)
    assert ids[0] != ids[1]


# ---- the folder


def test_finished_runs_are_skipped_and_failed_ones_tried_again(played, tiny):
    specs = plan(tiny)
    assert missing(specs, played) == [specs[3]]


def test_shards_split_a_plan():
    suite_of = plan(dataclasses.replace(TINY_LIKE, name="sharded"))
    parts = [plan(dataclasses.replace(TINY_LIKE, name="sharded"), Shard(i, 3)) for i in (1, 2, 3)]
    assert sorted(s.id for part in parts for s in part) == sorted(s.id for s in suite_of)
