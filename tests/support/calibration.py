"""Simulation-based calibration of a belief that is made of draws.

Sources: Talts et al., "Validating Bayesian Inference Algorithms with Simulation-Based Calibration",
2018; Modrak et al., "Simulation-Based Calibration Checking for Bayesian Computation: The Choice of
Test Quantities Shapes Sensitivity", 2023: the fit to the labels tells a posterior from its prior.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from discovery_gym.agents.beliefs.draws import Draws


def assert_calibrated(belief: Draws, values: np.ndarray, observation: Any) -> None:
    """Hold that over episodes the ranks of the truth among the draws are uniform.

    Of some items, of the best item, of the sum of squares, and of the fit to the labels.

    Args:
        belief: K + 1 is a multiple of 8 for K chains.
        values: The truth, ``(B, n)``.
        observation: What the belief has seen.
    """
    draws = belief.sample(belief.chains, np.random.default_rng(0)).astype(np.float64)
    items, seen = np.maximum(observation["labelled"], 0), observation["labelled"] >= 0
    ranks = []

    def rank(of_draws: np.ndarray, of_truth: np.ndarray) -> None:
        ranks.append((of_draws < of_truth[:, None]).sum(1))

    for item in range(0, values.shape[1], 7):
        rank(draws[:, :, item], values[:, item])
    rank(draws.max(2), values.max(1))
    rank((draws**2).sum(2), (values**2).sum(1))
    fit = np.take_along_axis(draws, items[:, None], 2) - observation["labels"][:, None]
    truth = np.take_along_axis(values, items, 1) - observation["labels"]
    rank((fit**2 * seen[:, None]).sum(2), (truth**2 * seen).sum(1))
    for one in ranks:
        counts = np.bincount(one * 8 // (belief.chains + 1), minlength=8)
        assert stats.chisquare(counts).pvalue > 1e-3, counts
