"""Rows that observations show: what was handed out never changes, whoever is reset."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.envs.pools.shown import Shown


@pytest.mark.parametrize("seed", range(20))
def test_views_are_never_written_to(seed: int) -> None:
    """Against copies, with views that are kept for any time, also as parts of them."""
    random = np.random.default_rng(seed)
    rows = np.zeros((6, 3))
    shown, kept = Shown(rows.copy()), list[tuple[Any, Any]]()
    for step in range(60):
        index = random.choice(6, random.integers(1, 7), replace=False)
        shown.anew(index)[index] = rows[index] = step + random.random((len(index), 3))
        if random.random() < 0.2:
            continue  # drawn anew before anybody looks
        view = shown.view()
        np.testing.assert_array_equal(view, rows)
        kept.append((view, rows.copy()) if random.random() < 0.5 else (view[2], rows[2].copy()))
        del view
        for held, then in kept:
            np.testing.assert_array_equal(held, then)
        kept = [one for one in kept if random.random() < 0.6]
        if random.random() < 0.1:
            shown = copy.deepcopy(shown)


def test_an_agent_that_looks_at_the_last_one_leaves_an_array_free() -> None:
    """Then partial resets write into two arrays in turns."""
    shown = Shown(np.zeros((4, 2)))
    places, view = set(), shown.view()
    for i in range(8):
        index = np.array([i % 4])
        shown.anew(index)[index] = i
        view = shown.view()
        places.add(view.__array_interface__["data"][0])
    assert len(places) == 2
    with pytest.raises(ValueError, match=r"read-only|WRITEABLE"):
        view[0] = 1.0
    assert pickle.loads(pickle.dumps(shown)).rows.sum() != 0


def test_the_first_partial_reset_copies_nothing_but_its_rows() -> None:
    """The array is 8 MB, a row 8 KB; its readers keep the last view and let go of the ones before."""
    shown, every = Shown(np.zeros((1000, 1000))), np.arange(1000)
    shown.anew(every)[:] = 1
    view, row = shown.view(), np.arange(1)
    tracemalloc.start()
    for i in range(5):
        shown.anew(row + i)[row + i] = 2 + i
        view = shown.view()
        assert view[: i + 2, 0].tolist() == [2 + k for k in range(i + 1)] + [1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_last_observations_share_what_all_have_in_common() -> None:
    """The features of a whole table are one array, which nobody can write to."""
    envs = gym.make_vec("discovery/TablePool-v0", num_envs=3, autoreset_mode="SameStep", horizon=2)
    first, _ = envs.reset(seed=0)
    envs.step(np.array([0, 1, 2]))
    _, _, ended, _, info = envs.step(np.array([3, 4, 5]))
    assert ended.all()
    for i, last in enumerate(info["final_obs"]):
        assert last["labelled"].tolist() == [i, i + 3]
        assert np.shares_memory(last["features"], first["features"])
        assert not last["features"].flags.writeable


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        ("LinearPool", {"num_items": 6, "num_features": 2, "horizon": 3}),
        ("GraphPool", {"num_items": 8, "topology": "star", "edge_prob": 0.3, "horizon": 3}),
        ("TablePool", {"rows": 12, "horizon": 3}),
    ],
)
@pytest.mark.parametrize("mode", ["Disabled", "SameStep"])
def test_observations_stay_as_they_were(env_id: str, kwargs: dict[str, Any], mode: str) -> None:
    """Whatever is reset later; and a partial reset draws what a single environment draws."""
    random = np.random.default_rng(0)
    envs = gym.make_vec(f"discovery/{env_id}-v0", num_envs=5, autoreset_mode=mode, **kwargs)
    first, _ = envs.reset(seed=3)
    kept = [(first, copy.deepcopy(first))]
    for k in range(25):
        if mode == "SameStep":
            items = (kept[-1][1]["action_mask"] * random.random(first["action_mask"].shape)).argmax(
                1
            )
            seen = envs.step(items)[0]
        else:
            mask = random.random(5) < 0.4
            mask[k % 5] = True
            seen, _ = envs.reset(options={"reset_mask": mask})
        kept.append((seen, copy.deepcopy(seen)))
        for held, then in kept[-3:]:
            for key, value in then.items():
                np.testing.assert_array_equal(held[key], value)
    for held, then in kept:
        for key, value in then.items():
            np.testing.assert_array_equal(held[key], value)
