"""Graphs as matrices, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discovery_gym.envs.pools.graph_pool import GraphPool

GRAPH = "discovery/GraphPool-v0"
EVERY = pytest.mark.parametrize("topology", ["random", "star", "complete"])


def adjacency(model: GraphPool, observation: Any) -> np.ndarray:
    """Return the dense adjacency matrices of B observations, ``(B, n, n)``."""
    count, n = observation["hubs"].shape
    hubs = observation["hubs"] == 1
    matrix = (hubs[:, :, None] | hubs[:, None, :]).astype(np.int64)
    matrix[:, np.arange(n), np.arange(n)] = 0
    for i in range(count if model.max_edges else 0):
        ends = observation["edges"][i].reshape(-1, 2)
        used = int((ends[:, 0] >= 0).sum())
        assert (ends[:used] >= 0).all()
        assert (ends[used:] == -1).all()
        np.add.at(matrix[i], tuple(ends[:used].T), 1)
        np.add.at(matrix[i], tuple(ends[:used].T[::-1]), 1)
    assert matrix.max() == 1  # each edge once
    assert not matrix[:, np.arange(n), np.arange(n)].any()  # no loops
    return matrix == 1
