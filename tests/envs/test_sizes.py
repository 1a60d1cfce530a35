"""The memory that episodes take: counted as it is allocated, and refused where there is not enough."""

from __future__ import annotations

import tracemalloc
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.core.model import OVERHEAD
from discovery_gym.envs.design.death_process import DeathProcess
from discovery_gym.envs.design.weinberg import Weinberg
from discovery_gym.envs.pools.table_pool import TablePool

RANDOM = np.random.default_rng(0)
WIDE: dict[str, Any] = {"features": RANDOM.random((4000, 44)), "labels": RANDOM.random(4000)}
SUBSTRATES = 100 * RANDOM.random((9, 300))
PLAYED: dict[str, tuple[str, dict[str, Any], int]] = {
    "actions": ("GaussianStep", {"batch_sizes": range(1, 5000)}, 200),
    "drawn machines": (
        "BinomialDiscovery",
        {"success_probs": None, "beta_priors": [(1, 9)] * 2},
        200,
    ),
    "a grid": ("TemporalDiscounting", {}, 100),
    "many events": ("Weinberg", {"num_events": 1000}, 300),
    "contrasts": ("Weinberg", {"reward": "spce"}, 200),
    "evidence": ("WeinbergToy", {"reward": "log_evidence", "num_events": 100_000}, 200),
    "settings": ("WeinbergToy", {"settings": 50_000, "horizon": 3}, 300),
    "a count": ("DeathProcess", {"population": 5000}, 50),
    "parameters": ("LinearGaussianDesign", {"num_parameters": 60}, 100),
    "particles": ("LocationFinding", {}, 20),
    "conditions": ("GeneralConditions", {"num_conditions": 100}, 200),
    "substrates": ("GeneralConditions", {"world": "table", "yields": SUBSTRATES}, 100),
    "flights": ("GeneralConditions", {"horizon": 1000, "delay": 3}, 100),
    "features": ("LinearPool", {}, 50),
    "plates": ("LinearPool", {"batch_size": 10, "delay": 3, "horizon": 50}, 50),
    "cells": ("LowRankPool", {}, 100),
    "links": ("GraphPool", {}, 100),
    "a whole table": ("TablePool", WIDE, 300),
    "drawn rows": ("TablePool", {"rows": 0.5}, 100),
}


@pytest.mark.parametrize("kind", PLAYED)
def test_what_is_counted_is_what_an_episode_takes(kind: str) -> None:
    """By twice as many episodes, a reset and some steps."""
    name, kwargs, count = PLAYED[kind]
    peaks = []
    for number in (2, count, 2 * count):  # first what is made once
        tracemalloc.start()
        try:
            vector = gym.make_vec(f"discovery/{name}-v0", num_envs=number, **kwargs)
            vector.reset(seed=0)
            for _ in range(2):
                kept = vector.step(np.asarray(vector.action_space.sample()))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        del kept
        model: Any = vector.unwrapped.model  # type: ignore[attr-defined]
    each = (peaks[2] - peaks[1]) / count / 8
    assert each / 1.4 < model.size + OVERHEAD < 2 * each


def test_what_all_episodes_share_is_counted_once() -> None:
    for model in (Weinberg(num_events=1000), TablePool(**WIDE)):
        model.check_size(100_000)
        with pytest.raises(
            InputError, match=r"10000000 episodes of \w+ would hold .*num_envs=\d+ at"
        ):
            model.check_size(10_000_000)


def test_what_does_not_fit_is_refused() -> None:
    most = DeathProcess(population=100_000)
    most.check_size(4000)
    with pytest.raises(InputError, match=r"take num_envs=4\d\d\d at most"):
        most.check_size(10_000)
    large = Weinberg(num_events=1_000_000, num_bins=10_000)
    with pytest.raises(InputError, match=r"An episode .*: take a lower num_events than 1000000\.$"):
        large.check_size(1)
