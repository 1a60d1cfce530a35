"""Records of format 1 (version 0.1.0, and with a digest) and 2: read, shown, never resumed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny import execute, missing_specs

from discovery_gym import InputError
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.runs import former, record_file
from discovery_gym.experiments.runs.records import open_folder, read_folder, read_record
from discovery_gym.experiments.suites.task import plan

FIXTURES = Path(__file__).parents[2] / "fixtures"
VERSIONS = {
    "v0.1.0": "322924a733b593ab",
    "951fcc0": "929390437161a1c1",
    "acdb1bd": "e2932e9a77525340",
}
"""Folders of records, and the id of the run that failed."""


@pytest.fixture(params=VERSIONS)
def first(request, tmp_path):
    """A copy of a results folder of format 1 or 2."""
    return Path(shutil.copytree(FIXTURES / request.param / "runs", tmp_path / request.param))


def test_what_an_earlier_format_holds_is_what_stands_in_its_file(first):
    found = read_folder(first)
    assert found.left_out == {}
    assert len(found.records) == 3
    for record in found.records:
        path = first / "records" / f"{record.id}.parquet"
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[record_file.KEY])
        count = about["spec"].pop("contrasts", None)
        if "format" in about:
            assert (about["format"], first.name) == (2, "acdb1bd")
            assert record.spec.metrics == tuple(about["spec"]["metrics"])
            count = 20 if record.spec.metrics else 0
        assert record.spec.metrics == ((f"information_bounds(contrasts={count})",) if count else ())
        curves = about["spec"].pop("curves")
        assert record.spec.chunk == former.CHUNK
        assert {**about["spec"], "metrics": record.spec.metrics, "chunk": 1024} == vars(record.spec)
        assert (record.error, record.created) == (about["error"], about["created"])
        if record.error is not None:
            assert record.evaluation is None
            assert record.id == VERSIONS[first.name]
            continue
        played = record.evaluation
        assert played.returns.tolist() == table["return"].to_pylist()
        assert played.lengths.tolist() == table["length"].to_pylist()
        assert (played.random_value, played.optimal_value) == (
            about["random_value"],
            about["optimal_value"],
        )
        assert played.role == ("random" if record.spec.agent == "random" else "")
        assert played.seconds_per_decision == about["seconds_per_decision"]
        assert (played.actions, played.best_after, played.spent) == (None, None, None)
        if curves:
            assert played.points.tolist() == [*range(1, played.after.shape[1] + 1)]
            assert played.after.tolist() == table["curve"].to_pylist()
        else:
            assert played.after.shape == (len(played.returns), 0)
        if count:
            bounds = played.metrics["information_bounds"]
            assert bounds.tolist() == table["bounds"].to_pylist()


def test_an_earlier_format_is_shown_and_the_run_is_played_again(first):
    write_leaderboard(first)
    board = (first / "LEADERBOARD.md").read_text("utf-8")
    records = read_folder(first).records
    before = sorted(path.name for path in (first / "records").iterdir())
    for record in records:
        assert record.spec.name in board
        assert missing_specs([record.spec], first) == [record.spec]
    again = next(record.spec for record in records if record.spec.metrics)
    assert not execute(again, first / "records")
    after = sorted(path.name for path in (first / "records").iterdir())
    assert after == sorted([*before, f"{again.id}.parquet"])  # nothing is set aside
    assert missing_specs([again], first) == []


def test_a_record_of_format_1_under_another_name_is_none(first):
    path = next((first / "records").iterdir())
    path = path.rename(path.with_name("0123456789abcdef.parquet"))
    with pytest.raises(InputError, match=r"those of the run [0-9a-f]{16}: renamed"):
        read_record(path)


def test_the_digest_of_a_later_record_cannot_be_left_out(played, tiny, tmp_path):
    """Without one only what version 0.1.0 wrote is read: Arrow's own entry and no format."""
    path = played / "records" / f"{plan(tiny)[0].id}.parquet"
    table = pq.read_table(path)
    about = table.schema.metadata[record_file.KEY]
    bare = tmp_path / path.name
    pq.write_table(table.replace_schema_metadata({record_file.KEY: about}), bare)
    assert record_file.FIRST in bare.read_bytes()
    with pytest.raises(InputError, match="it has no digest"):
        read_record(bare)


def test_a_record_keeps_what_its_metrics_found(tiny, tmp_path):
    spec = plan(tiny)[0]
    made = {
        "env_id": "discovery/LinearGaussianDesign-v0",
        "env_kwargs": {"horizon": 2},
        "metrics": ("information_bounds(contrasts=20)",),
    }
    spec = type(spec)(**{**vars(spec), **made})
    records = open_folder(tmp_path)
    assert not execute(spec, records)
    record = read_record(records / f"{spec.id}.parquet")
    assert record.spec == spec
    bounds = record.evaluation.metrics["information_bounds"]
    assert bounds.shape == (40, 2)
    table = pq.read_table(records / f"{spec.id}.parquet")
    np.testing.assert_array_equal(np.stack(table["bounds"].to_numpy()), bounds)
