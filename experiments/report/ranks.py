"""Ranks as simultaneous confidence sets, many comparisons at once, and what a task can tell.

A stand-in with the signature agreed on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rank_sets(
    scores: Sequence[ArrayLike], level: float = 0.95, draws: int = 1000, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lowest and highest rank of each of p agents, from ``(p, E_k)`` scores of each task."""
    tasks = [np.asarray(one, np.float64) for one in scores]
    random = np.random.default_rng(seed)
    p = len(tasks[0])
    mean = np.mean([s.mean(1) for s in tasks], 0)
    cov = np.sum([np.atleast_2d(np.cov(s)) / s.shape[1] for s in tasks], 0) / len(tasks) ** 2
    variance = np.diag(cov)
    error = np.sqrt(np.maximum(variance[:, None] + variance[None] - 2 * cov, 0))
    off = (error > 0) & ~np.eye(p, dtype=bool)
    noise = random.multivariate_normal(np.zeros(p), cov, draws, method="eigh")
    gap = np.abs(noise[:, :, None] - noise[:, None, :])
    largest = np.where(off, gap / np.where(off, error, 1), 0).max((1, 2))
    critical = np.quantile(largest, level)
    better = (mean[None] - mean[:, None]) > critical * error
    return 1 + better.sum(1), p - better.sum(0)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p-values."""
    values = np.asarray(p, np.float64)
    order = values.argsort()
    adjusted = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1)).clip(max=1)
    return adjusted[order.argsort()]


def detectable(differences: ArrayLike) -> float:
    """Return the mean paired difference that is told from 0 in four of five cases."""
    values = np.asarray(differences, np.float64)
    return float(2.8 * values.std(ddof=1) / values.size**0.5) if values.size > 1 else float("nan")
