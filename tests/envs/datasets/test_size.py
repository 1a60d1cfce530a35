"""Tables too large to be held twice: their features stay in the file, and say the same."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from discovery_gym import InputError
from discovery_gym.envs import datasets
from discovery_gym.envs.datasets import files, stored
from discovery_gym.envs.datasets.columns import check_size
from discovery_gym.envs.datasets.stored import Stored, groups, groups_of, keys
from discovery_gym.envs.pools.scaling import SCALINGS, scaled
from discovery_gym.envs.pools.table_pool import TablePool

RANDOM = np.random.default_rng(0)
ROWS, WIDTH = 300, 9


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every Parquet file count as a large one."""
    monkeypatch.setattr(stored, "LARGE", 0)
    monkeypatch.setattr(files, "KEPT", 0)


def written(path: Path, names: str = "plain large") -> list[Path]:
    """Write a table twice: numbers of three types, replicates, holes and a category, in row groups."""
    columns: dict[str, Any] = {
        f"x{k}": RANDOM.integers(-2, 3, ROWS).astype(np.float32) / 3 for k in range(WIDTH)
    }
    columns["n"] = RANDOM.integers(0, 2, ROWS)
    columns["kind"] = RANDOM.choice(["u", "v", "w"], ROWS)
    again = np.arange(ROWS)
    again[200:] = RANDOM.integers(0, 200, ROWS - 200)
    table = pa.table({name: np.asarray(column)[again] for name, column in columns.items()})
    y = RANDOM.standard_normal(ROWS)
    table = table.append_column("y", pa.array(y, mask=RANDOM.random(ROWS) < 0.4))
    made = [path / f"{name}.parquet" for name in names.split()]
    for one in made:
        parquet.write_table(table, one, row_group_size=70)
    return made


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, list[Path]]:
    """Return the same table, read at once and left in its file."""
    plain, large = written(tmp_path)
    table = datasets.load(plain, "y")
    monkeypatch.setattr(stored, "LARGE", 0)
    monkeypatch.setattr(files, "KEPT", 0)
    return table, datasets.load(large, "y"), [plain, large]


def test_what_stays_in_the_file_says_the_same(both: Any) -> None:
    plain, large, _ = both
    assert isinstance(plain.features, np.ndarray)
    assert isinstance(large.features, Stored)
    x = plain.features
    assert large.features.shape == x.shape == (ROWS, WIDTH + 4)
    assert len(large.features) == ROWS
    np.testing.assert_array_equal(np.asarray(large.features), x)
    np.testing.assert_array_equal(large.labels, plain.labels)
    assert large.feature_names == plain.feature_names
    assert large.levels == plain.levels
    rows = np.array([5, 3, 299, 3])
    np.testing.assert_array_equal(np.asarray(large.features[rows]), x[rows])
    np.testing.assert_array_equal(np.asarray(large.features[rows][1:3]), x[rows][1:3])
    np.testing.assert_array_equal(np.asarray(large.features[x[:, 0] > 0]), x[x[:, 0] > 0])
    for index in ((rows, slice(2, 4)), (slice(None), 3), (7, slice(1, 3)), (7, 2), (rows, 1)):
        np.testing.assert_array_equal(large.features[index], x[index])
    np.testing.assert_array_equal(large.features[7], x[7])
    assert large.values(rows) == plain.values(rows)
    np.testing.assert_array_equal(large.condition, plain.condition)
    one, other = large.conditions(), plain.conditions()
    np.testing.assert_array_equal(np.asarray(one.features), other.features)
    np.testing.assert_array_equal(one.labels, other.labels)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(np.asarray(again.features), other.features)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_it_is_played_as_the_same_pool(both: Any, scaling: str) -> None:
    _, _, (plain, large) = both
    stored.LARGE = 10**9
    one = TablePool(dataset=str(plain), target="y", scaling=scaling)
    other = TablePool(dataset=str(large), target="y", scaling=scaling)  # as it was read before
    assert isinstance(other.table.features, Stored)
    np.testing.assert_allclose(other._scaled, one._scaled, rtol=1e-6, atol=1e-9)
    assert other._scaled.flags.c_contiguous
    assert other.num_items == one.num_items
    assert other.optimal_value() == one.optimal_value()


def test_drawn_rows_are_those_of_the_table(both: Any) -> None:
    _, _, paths = both
    pools = [TablePool(dataset=str(path), target="y", rows=50, scaling="none") for path in paths]
    for pool in pools:
        assert pool.num_items == 50
    rows = RANDOM.permutation(len(pools[0].table.labels))[:50]
    drawn = [scaled(pool.table.features[rows], "none") for pool in pools]
    np.testing.assert_array_equal(*drawn)


def test_a_file_that_changes_while_it_is_in_use(both: Any) -> None:
    _, left, (_, path) = both
    parquet.write_table(pa.table({"x0": [1.0, 2.0], "y": [0.0, 1.0]}), path)
    with pytest.raises(InputError, match=r"large\.parquet has changed while it was in use"):
        np.asarray(left.features)
    path.unlink()
    with pytest.raises(InputError, match="has changed while it was in use"):
        _ = left.features[3]


def test_a_damaged_large_file_is_refused(tmp_path: Path, small: None) -> None:
    (path,) = written(tmp_path, "damaged")
    whole = path.read_bytes()
    for place in RANDOM.integers(4, len(whole) - 2000, 40).tolist():
        changed = bytearray(whole)
        changed[place : place + 8] = bytes(8)
        path.write_bytes(changed)
        with contextlib.suppress(InputError):  # whatever Arrow raises
            scaled(datasets.load(path, "y").features, "l2")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_some_columns_at_a_time_are_scaled_bit_for_bit(
    order: Any, scaling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.array(RANDOM.lognormal(1, 3, (500, 11)), order=order)
    x[:, 4] = 3.0
    whole = scaled(x, scaling)
    monkeypatch.setattr(stored, "GROUP", 1500)
    assert [some.stop - some.start for some, _ in groups(x)] == [3, 3, 3, 2]
    assert scaled(x, scaling).tobytes() == whole.tobytes()


def test_the_feature_that_cannot_be_shown_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "GROUP", 200)
    names = tuple("abcdefg")
    x = RANDOM.random((100, 7))
    x[:, 5] = 1e9 + x[:, 5]
    with pytest.raises(InputError, match=r"Feature f lies within .* at values of up to 1e\+09"):
        scaled(x, "l2", names)
    x[3, 6] = 1e300
    with pytest.raises(InputError, match=r"Features must lie within .*; g of item 3 is 1e\+300"):
        scaled(x[:, 6:], "l2", names[6:])


@pytest.mark.parametrize("width", [1, 2, 7])
def test_equal_rows_are_found_as_by_comparing_them(width: int) -> None:
    x = RANDOM.integers(-1, 2, (400, width)) * RANDOM.choice([1.0, -0.0], (400, width))
    seen: dict[tuple[float, ...], int] = {}
    expected = [seen.setdefault(tuple(row), len(seen)) for row in (x + 0.0).tolist()]
    assert groups_of(keys(x)).tolist() == expected


def test_keys_of_different_rows_differ() -> None:
    """Also of rows that differ in one bit, or by the order of their numbers."""
    x = np.tile(np.float64(1.5), (64 + 1, 3))
    x.view(np.uint64)[np.arange(64), 1] ^= np.uint64(1) << np.arange(64, dtype=np.uint64)
    pairs = np.array([[a, b, 0.0] for a in range(100) for b in range(100)])
    names = np.concatenate([keys(x), keys(pairs)], axis=1)
    assert len(np.unique(names[0])) == len(np.unique(names[1])) == 65 + 10**4


def test_a_million_rows_and_a_hundred_features_are_not_too_many() -> None:
    check_size("big.parquet", 10**6, 101)


CHILD = """
import re, sys
from pathlib import Path
from discovery_gym.envs.datasets import reading, stored
from discovery_gym.envs.pools.table_pool import TablePool
def peak(): return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
stored.LARGE, before = 2**22, peak()
pool = TablePool(dataset=sys.argv[1], target="y")
print((peak() - before) / pool._scaled.size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process tells its peak in another way")
def test_the_memory_that_a_large_file_takes(tmp_path: Path) -> None:
    """Four bytes a number are what agents see; it was more than ten times that before."""
    n, d, path = 100_000, 100, tmp_path / "big.parquet"
    x = RANDOM.standard_normal((d, n), dtype=np.float32)
    columns = {f"x{k}": x[k] for k in range(d)} | {"y": x[0] + 1.0}
    parquet.write_table(pa.table(columns), path)
    command = [sys.executable, "-c", CHILD, str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert 3 < float(told) < 15
