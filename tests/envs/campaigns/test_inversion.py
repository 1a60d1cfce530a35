"""Binomial counts by inversion, against the distribution function itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from discovery_gym.envs.campaigns.inversion import FEW, BinomialTables, invert


@pytest.mark.parametrize("count", [1, 2, FEW - 1, FEW, 500])
def test_counts_are_quantiles_however_many_there_are(count: int) -> None:
    random, sizes = np.random.default_rng(count), np.array([1, 3, 96])
    tables = BinomialTables(sizes)
    probs = np.array([0.05, 0.6])
    row, size = random.integers(2, size=count), random.choice(sizes, count)
    uniform = random.random(count)
    start = row * tables.width + tables.start(size)
    found = invert(tables.rows(probs).ravel(), start, size, uniform)
    assert found.shape == (count,)
    np.testing.assert_array_equal(found, stats.binom.ppf(uniform, size, probs[row]))
