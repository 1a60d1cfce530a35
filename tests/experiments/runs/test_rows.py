"""What is kept in narrow types is what was given, to the last bit, in as much memory as it needs."""

import tracemalloc
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from discovery_gym.experiments.runs.evaluation import evaluate
from discovery_gym.experiments.runs.rows import Rows, packed

NAN, TINY = np.nan, 2.0**-24  # the least of half precision
CASES = {
    "a byte": ([np.array([-128, 127]), np.array([5])], "i1"),
    "two bytes, from the second on": ([np.array([127]), np.array([128]), np.array([-1])], "i2"),
    "four bytes": ([np.array([3]), np.array([-(2**31), 2**31 - 1])], "i4"),
    "eight bytes": ([np.array([3]), np.array([2**31]), np.array([4])], "i8"),
    "unsigned": ([np.array([255], np.uint64), np.array([256], np.uint64)], "u2"),
    "bytes that came": ([np.array([1, 0], np.int8)], "i1"),
    "truth values": ([np.array([True, False])], "b1"),
    "half precision": ([np.array([[0.0, NAN], [2048.0, -1.5]]), np.array([[TINY, 65504.0]])], "f2"),
    "single, for 2049": ([np.array([1.0]), np.array([2049.0])], "f4"),
    "single, for 65520": ([np.array([1.0]), np.array([65520.0])], "f4"),
    "single, that came": ([np.array([0.1], np.float32)], "f4"),
    "double": ([np.array([1.0, NAN]), np.array([0.1, 1e300]), np.array([-np.inf, 2.0])], "f8"),
    "double, for what is tiny": ([np.array([1.0]), np.array([5e-324])], "f8"),
    "no columns": ([np.zeros((2, 0)), np.zeros((3, 0))], "f2"),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_are_read_as_they_came(case):
    parts, kind = CASES[case]
    rows = Rows()
    for part in parts:
        rows.add(part)
    whole = np.concatenate(parts)
    assert rows.read().dtype == whole.dtype
    np.testing.assert_array_equal(rows.read(), whole)
    np.testing.assert_array_equal(rows[[1, 0] if len(whole) > 1 else [0]], whole[:2][::-1])
    assert len(rows._bytes) == whole.size * np.dtype(kind).itemsize


def test_zero_keeps_its_sign_and_none_is_none():
    rows = Rows()
    rows.add(np.array([-0.0, 0.0]))
    assert np.signbit(rows.read()).tolist() == [True, False]
    rows.add(None)
    rows.add(np.array([1.0]))
    assert rows.read() is None


def test_other_types_are_taken_in_where_nothing_is_lost():
    rows = Rows()
    rows.add(np.array([1, 300], np.int32))
    rows.add(np.array([-2], np.int8))
    with pytest.raises(TypeError, match=r"float64.*int32"):
        rows.add(np.array([0.5]))
    assert rows.read().tolist() == [1, 300, -2]
    assert rows.read().dtype == np.int32


def test_packed_fields_are_read_as_arrays():
    @packed("some", "more")
    @dataclass(frozen=True, kw_only=True)
    class Kept:
        some: Any
        more: Any = None

    rows = Rows()
    rows.add(np.array([1.0, 2.0]))
    one = Kept(some=rows)
    assert one.some.tolist() == [1, 2]
    assert one.more is None
    assert vars(one)["some"] is rows
    assert replace(one, more=[rows, np.zeros(1)]).more[0].dtype == np.float64
    with pytest.raises(TypeError, match="some"):
        Kept()


def test_episodes_take_little_memory():
    """An episode of the ladder is 125 actions, and its return and cost after 35 numbers of them."""

    def peak(episodes):
        tracemalloc.start()
        result = evaluate("KnowledgeLadder", "random", episodes=episodes, truth=False)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found, result.lengths.sum()

    peak(128)  # what is made once
    (few, short), (many, long) = peak(512), peak(2560)
    least = (long - short) + 2048 * 2 * 2 * 35  # a byte for an action, two for a number of a curve
    assert least < many - few < 1.4 * least
