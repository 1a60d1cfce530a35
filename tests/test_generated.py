"""Whatever is handed in gives its right value or one of our errors: thousands of generated cases."""

from __future__ import annotations

import time
import traceback

import pytest
from generator import case

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*lies outside data_range:UserWarning", "ignore:.* is now .*:FutureWarning"
)
BLOCK = 500
SEED = 2024
LIMIT = 15.0
"""Seconds of one case, looked at in the long run only."""


def run(seed: int, first: int, count: int) -> tuple[float, str]:
    """Run some cases, name all that fail, and return the time and the words of the slowest."""
    failed, slowest = [], (0.0, "")
    for number in range(first, first + count):
        words, checked = case(seed, number)
        began = time.perf_counter()
        try:
            checked()
        except Exception:
            failed.append(f"case({seed}, {number}): {words}\n{traceback.format_exc()}")
        slowest = max(slowest, (time.perf_counter() - began, f"case({seed}, {number}): {words}"))
    assert not failed, f"{len(failed)} of {count} failed:\n" + "\n".join(failed[:3])
    return slowest


@pytest.mark.parametrize("first", range(0, 10_000, BLOCK))
def test_some(first: int) -> None:
    run(SEED, first, BLOCK)


@pytest.mark.many
@pytest.mark.parametrize("first", range(0, 100_000, BLOCK))
def test_many(first: int) -> None:
    seconds, words = run(SEED + 1, first, BLOCK)
    assert seconds < LIMIT, words
