"""Pools and the tables behind them."""

from __future__ import annotations

import itertools
from functools import partial
from importlib import metadata
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from scipy.special import expit, logit, ndtr
from sklearn.datasets import load_diabetes

import discovery_gym  # noqa: F401
from discovery_gym.envs import datasets
from discovery_gym.envs.datasets import loading
from discovery_gym.envs.pools import order_statistics
from discovery_gym.envs.pools.labels import best_sums
from discovery_gym.experiments.runs.scores import normalised

POOL = "discovery/TablePool-v0"
SMALL = {"features": [[0.0, 1.0], [3.0, 0.0], [4.0, 1.0]], "labels": [1.0, -2.0, 3.0]}

needs_data = pytest.mark.skipif(
    "cncci" not in datasets.available(),
    reason="set DISCOVERY_GYM_DATA to a folder with cncci_330x9.csv and pndc_80x11.csv",
)


def test_an_episode_by_hand() -> None:
    env = gym.make(POOL, **SMALL, horizon=3, reveal=True, illegal_reward=-7.0, scaling="none")
    observation, info = env.reset(seed=0)
    assert observation["features"].tolist() == [0, 1, 3, 0, 4, 1]
    assert info["values"].tolist() == [1, -2, 3]
    observation, reward, ended, _, info = env.step(0)
    assert (reward, ended, info["regret"]) == (1.0, False, 2.0)
    assert observation["action_mask"].tolist() == [0, 1, 1]
    observation, reward, ended, _, info = env.step(0)  # illegal: spends the step, shows nothing
    assert (reward, ended, info["regret"]) == (-7.0, False, 5.0)  # as if the worst, -2
    assert observation["labelled"].tolist() == [0, -1, -1]
    observation, reward, ended, _, info = env.step(2)
    assert (reward, ended, info["regret"]) == (3.0, True, 0.0)
    assert observation["labelled"].tolist() == [0, 2, -1]
    assert observation["labels"].tolist() == [1, 3, 0]
    assert observation["steps_left"].tolist() == [0]


def test_scaling() -> None:
    def features(scaling: str) -> np.ndarray:
        env = gym.make(POOL, **SMALL, scaling=scaling)
        return env.unwrapped.model.feature_matrix(env.reset()[0])

    np.testing.assert_allclose((features("l2") ** 2).sum(0), 1, rtol=1e-6)
    np.testing.assert_allclose(features("standard").mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(features("standard").std(0), 1, rtol=1e-6)
    constant = gym.make(POOL, features=[[0.0], [0.0]], labels=[1.0, 2.0], scaling="standard")
    assert constant.reset()[0]["features"].tolist() == [0, 0]


@pytest.mark.parametrize("more", [{}, {"rows": 0.5}, {"delay": 2}, {"batch_size": 5}])
def test_wasting_never_beats_labels_below_0(more: dict[str, object]) -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    table = {"features": x, "labels": -np.abs(x[:, 0]) - 1, "horizon": 5, **more}
    env = gym.make(POOL, **table, reveal=True)
    env.reset(seed=0)
    regret, ended = -1.0, False
    while not ended:
        _, _, ended, _, info = env.step(np.zeros(env.action_space.shape, np.int64))
        regret = info["regret"]
    model = env.unwrapped.model
    assert regret >= 0
    assert normalised([0.0], model.random_value(), model.optimal_value(), [regret])[0] <= 1


def test_noise_is_in_the_labels_and_not_in_the_regret() -> None:
    vector = gym.make_vec(POOL, num_envs=4000, **SMALL, noise_std=0.5, horizon=1, reveal=True)
    vector.reset(seed=0)
    observation, reward, _, _, info = vector.step(np.full(4000, 2))
    assert abs(reward.mean() - 3.0) < 4 * 0.5 / 4000**0.5
    assert reward.std() == pytest.approx(0.5, rel=0.05)
    np.testing.assert_allclose(observation["labels"][:, 0], reward, rtol=1e-6)
    assert (info["regret"] == 0).all()


def test_labels_are_seen_to_the_last_digit() -> None:
    labels = 1e9 + np.array([0.25, -1.5, 3.125])
    for kwargs in ({}, {"delay": 1}, {"batch_size": 3}, {"noise_std": 1e-3}):
        env = gym.make(POOL, **{**SMALL, "labels": labels}, horizon=3, reveal=True, **kwargs)
        observation, info = env.reset(seed=0)
        assert observation["labels"].dtype == info["values"].dtype == np.float64
        assert (info["values"] == labels).all()
        paid = 0.0
        while env.unwrapped.model.horizon > (observation["labelled"] >= 0).sum():
            action = [0, 1, 2] if "batch_size" in kwargs else (observation["labelled"] >= 0).sum()
            observation, reward, _, _, _ = env.step(action)
            paid += reward
        far = 10 * kwargs.get("noise_std", 0.0)
        np.testing.assert_allclose(observation["labels"], labels, rtol=0, atol=far)
        assert paid == pytest.approx(labels.sum(), abs=1e-6 + 3 * far)
        assert env.observation_space.contains(observation)
    assert gym.make("discovery/LinearPool-v0").reset()[0]["labels"].dtype == np.float32


def test_features_in_any_unit() -> None:
    """Scaling is that of the paper whatever the unit is, and constant features stay constant."""
    x = np.random.default_rng(0).standard_normal((9, 3))

    def features(scaling: str, given: np.ndarray) -> np.ndarray:
        env = gym.make(POOL, features=given, labels=np.arange(9.0), scaling=scaling)
        return env.unwrapped.model.feature_matrix(env.reset()[0])

    for scaling in ("l2", "standard"):
        for unit in (1e-200, 1e-30, 1e30):
            np.testing.assert_allclose(
                features(scaling, unit * x), features(scaling, x), rtol=1e-5, atol=1e-6
            )
    np.testing.assert_allclose(
        features("standard", 1e9 + x), features("standard", x), rtol=1e-5, atol=1e-5
    )
    nearly = np.full((9, 3), 0.1) + 1e-17 * np.arange(27).reshape(9, 3)
    assert np.ptp(nearly) > 0
    assert (features("standard", nearly) == 0).all()


def test_constants_are_views() -> None:
    """Features are never copied by a vector environment, nor by a single one that is told so."""
    vector = gym.make_vec(POOL, num_envs=3)
    first, second = vector.reset()[0]["features"], vector.step(np.zeros(3, np.int64))[0]["features"]
    assert np.shares_memory(first, second)
    assert not first.flags.writeable
    assert first.strides[0] == 0
    env = gym.make(POOL, copy=False).unwrapped
    assert np.shares_memory(env.reset()[0]["features"], env.step(0)[0]["features"])


def test_views_of_an_old_episode_do_not_change() -> None:
    """Features are drawn anew at a reset; whoever kept an observation keeps what it was."""
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2, num_items=8, horizon=1)
    old = vector.reset(seed=0)[0]["features"]
    kept = old.copy()
    vector.step(np.zeros(2, np.int64))
    new = vector.step(np.zeros(2, np.int64))[0]["features"]  # the reset
    np.testing.assert_array_equal(old, kept)
    assert not np.shares_memory(old, new)
    assert (old != new).all()


@pytest.mark.parametrize("scaling", ["l2", "standard", "none"])
def test_rows_are_drawn_from_the_table(scaling: str) -> None:
    """Every episode plays other rows, each at most once; features, values and regret are theirs."""
    vector = gym.make_vec(POOL, num_envs=60, rows=0.5, horizon=1, scaling=scaling, reveal=True)
    table = vector.model.table
    observation, info = vector.reset(seed=0)
    rows = info["row"]
    assert rows.shape == (60, 221)
    assert all(len(np.unique(row)) == 221 for row in rows)
    assert len(np.unique(rows, axis=0)) == 60
    assert (np.bincount(rows.reshape(-1), minlength=442) > 0).all()
    assert (np.diff(rows, axis=1) < 0).any(1).all()  # the order of the file tells nothing
    for i in range(3):  # as if these rows were all there is
        alone = gym.make(
            POOL, features=table.features[rows[i]], labels=table.labels[rows[i]], scaling=scaling
        )
        np.testing.assert_array_equal(observation["features"][i], alone.reset()[0]["features"])
    np.testing.assert_allclose(info["values"], table.labels[rows], rtol=1e-6)
    kept = {key: observation[key].copy() for key in observation}
    _, reward, _, _, info = vector.step(np.full(60, 7))
    np.testing.assert_array_equal(reward, table.labels[rows[:, 7]])
    np.testing.assert_allclose(info["regret"], table.labels[rows].max(1) - reward, rtol=1e-12)
    again, info = vector.step(np.full(60, 7))[::4]  # the reset
    assert (info["row"] != rows).any(1).all()
    assert not np.shares_memory(again["features"], observation["features"])
    for key, value in kept.items():
        np.testing.assert_array_equal(observation[key], value)


@pytest.mark.parametrize(
    ("rows", "count"), [(1, 1), (3, 3), (np.int64(2), 2), (1.0, 3), (0.5, 2), (1e-9, 1), (0.49, 1)]
)
def test_rows_as_a_share_or_a_number(rows: float, count: int) -> None:
    model = gym.make(POOL, **SMALL, rows=rows, horizon=1).unwrapped.model
    assert (model.num_items, model.num_features) == (count, 2)
    assert gym.make(POOL, **SMALL, rows=rows).unwrapped.model.horizon == int(0.2 * count) + 1


def test_a_whole_table_in_another_order_has_the_same_values() -> None:
    """All rows, but in random order: the exact values are those of the table as it is."""
    whole, shuffled = (
        gym.make(POOL, horizon=50, rows=rows).unwrapped.model for rows in (None, 1.0)
    )
    assert shuffled.optimal_value() == pytest.approx(whole.optimal_value(), rel=1e-12)
    assert shuffled.random_value() == whole.random_value()
    first = gym.make_vec(POOL, num_envs=9, rows=1.0, reveal=True).reset(seed=0)[1]["row"]
    assert (np.sort(first) == np.arange(442)).all()
    assert len(np.unique(first[:, 0])) > 1
    assert "row" not in gym.make(POOL, reveal=True).reset(seed=0)[1]


def test_best_of_drawn_values_against_every_subset() -> None:
    """The exact law against all subsets, ties included."""
    values = np.array([2.0, -1.0, 0.5, 2.0, 7.0, -3.0, 0.5])
    for drawn in range(1, 8):
        every = np.array(list(itertools.combinations(values, drawn)))
        for count in range(1, drawn + 1):
            found = order_statistics.top_sum_drawn(values, drawn, count)
            assert found == pytest.approx(best_sums(every, count)[:, -1].mean(), rel=1e-12)


@needs_data
def test_halves_of_a_reaction_table() -> None:
    """The oracle's value on random halves of the photoredox table, by drawing 20,000 of them."""
    model = gym.make(POOL, dataset="pndc", rows=0.5, horizon=9).unwrapped.model
    random = np.random.default_rng(0)
    drawn = random.permuted(np.tile(model.table.labels, (20_000, 1)), axis=1)[:, :40]
    sums = best_sums(drawn, 9)[:, -1]
    assert abs(sums.mean() - model.optimal_value()) < 4 * sums.std() / 20_000**0.5


def test_linear_values() -> None:
    """Values are linear in the features, and a sparse theta has as many entries as told."""
    vector = gym.make_vec(
        "discovery/LinearPool-v0",
        num_envs=50,
        num_items=120,
        num_features=5,
        sparsity=2,
        reveal=True,
    )
    observation, info = vector.reset(seed=0)
    x = vector.model.feature_matrix(observation).astype(float)
    for i in range(50):
        theta, *_ = np.linalg.lstsq(x[i], info["values"][i].astype(float), rcond=None)
        assert (np.abs(theta) > 1e-4).sum() == 2
        np.testing.assert_allclose(x[i] @ theta, info["values"][i], atol=1e-4)
    assert abs(x.mean()) < 4 / x.size**0.5
    assert x.std() == pytest.approx(1, abs=0.02)


def test_logistic_labels_are_coins() -> None:
    """Log odds are linear in the features, and a label is 1 as often as its probability says."""
    vector = gym.make_vec(
        "discovery/LogisticPool-v0", num_envs=3000, num_items=8, num_features=3, horizon=2,
        feature_std=0.5, reveal=True,
    )  # fmt: skip
    observation, info = vector.reset(seed=0)
    x, p = vector.model.feature_matrix(observation).astype(float), info["values"]
    for i in range(20):
        theta, *_ = np.linalg.lstsq(x[i], logit(p[i]), rcond=None)
        np.testing.assert_allclose(expit(x[i] @ theta), p[i], atol=1e-5)
    for item in (0, 5):
        _, reward, _, _, _ = vector.step(np.full(3000, item))
        assert set(reward.tolist()) == {0.0, 1.0}
        variance = p[:, item] * (1 - p[:, item])
        assert abs((reward - p[:, item]).sum()) < 4 * variance.sum() ** 0.5
        high = p[:, item] > 0.6  # the coin is the item's own, not the average one
        assert abs((reward - p[:, item])[high].sum()) < 4 * variance[high].sum() ** 0.5


def test_top_sums_against_simulation() -> None:
    random = np.random.default_rng(0)
    for draw, exact in (
        (random.standard_normal, partial(order_statistics.top_sum, lambda z: z)),
        (random.random, order_statistics.top_sum_uniform),
    ):
        for n, t in ((7, 3), (60, 60), (200, 1)):
            sums = best_sums(draw((4000, n)), t)[:, -1]
            assert abs(sums.mean() - exact(n, t)) < 4 * sums.std() / 4000**0.5
    # the uniform as a function of a normal: two ways to one number
    assert order_statistics.top_sum(ndtr, 50, 9) == pytest.approx(
        order_statistics.top_sum_uniform(50, 9), rel=1e-9
    )


def test_best_sums_against_sorting() -> None:
    values = np.random.default_rng(0).normal(size=(5, 9))
    expected = np.cumsum(np.sort(values, axis=1)[:, ::-1], axis=1)[:, :4]
    np.testing.assert_allclose(best_sums(values, 4)[:, 1:], expected)
    assert (best_sums(values, 4)[:, 0] == 0).all()


@pytest.mark.parametrize("where_we_look", [True, False])
def test_embedded_set(where_we_look: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what scikit-learn reads, wherever it keeps its files, with a label in hundreds."""
    monkeypatch.setattr(loading, "_CACHE", {})
    if not where_we_look:
        monkeypatch.setattr(metadata.PathDistribution, "locate_file", lambda *_: tmp_path)
    table, theirs = datasets.load("diabetes"), load_diabetes(scaled=False)
    assert table.feature_names == tuple(theirs.feature_names)
    np.testing.assert_array_equal(table.features, theirs.data)
    np.testing.assert_allclose(table.labels, theirs.target / 100)
    assert datasets.catalogue()["diabetes"].licence.startswith("BSD")


@needs_data
def test_reaction_tables() -> None:
    """Exact expected regret of random choices, for every column of the paper's table 1."""
    expected = {
        "cncci": [20.06, 25.21, 28.59, 29.67, 16.05, 23.44, 19.78, 26.85, 28.62],
        "pndc": [8.35, 7.81, 4.51, 2.07, 4.88, 5.76, 1.68, 7.28, 5.90, 9.96, 2.74],
    }
    pairs = {
        "cncci": [
            "XPhos+P2Et", "t-BuXPhos+P2Et", "t-BuBrettPhos+P2Et", "AdBrettPhos+P2Et", "XPhos+BTMG",
            "AdBrettPhos+BTMG", "XPhos+MTBD", "t-BuBrettPhos+MTBD", "AdBrettPhos+MTBD",
        ],
        "pndc": ["X2", "X12", "X4", "X5", "X6", "X8", "X11", "X15", "X13", "X14", "X3"],
    }  # fmt: skip
    shapes = {"cncci": (330, 10, 67), "pndc": (80, 5, 17)}
    for name, targets in pairs.items():
        for target, regret in zip(targets, expected[name], strict=True):
            model = gym.make(POOL, dataset=name, target=f"yield[{target}]").unwrapped.model
            assert (model.num_items, model.num_features, model.horizon) == shapes[name]
            assert model.optimal_value() - model.random_value() == pytest.approx(regret, abs=0.01)
    assert datasets.load("buchwald_hartwig").features.shape == (3955, 44)


@needs_data
def test_linucb_is_the_one_of_the_paper() -> None:
    """LinUCB is deterministic: all its entries of the paper's table 1, under the right labels."""
    from discovery_gym.experiments import evaluate

    printed = {
        "cncci": {
            "t-BuXPhos+P2Et": 13.63, "AdBrettPhos+BTMG": 10.08, "XPhos+MTBD": 12.00,
            "XPhos+BTMG": 11.98, "AdBrettPhos+P2Et": 17.41, "t-BuBrettPhos+P2Et": 15.60,
            "XPhos+P2Et": 12.42, "AdBrettPhos+MTBD": 11.49, "t-BuBrettPhos+MTBD": 12.32,
        },
        "pndc": {
            "X2": 9.63, "X12": 7.66, "X5": 2.58, "X11": 1.42, "X6": 5.26, "X14": 10.43,
            "X15": 3.58, "X13": 5.28, "X4": 4.53, "X8": 5.86, "X3": 2.03,
        },
    }  # fmt: skip
    for dataset, entries in printed.items():
        for target, regret in entries.items():
            kwargs = {"dataset": dataset, "target": f"yield[{target}]"}
            result = evaluate(POOL, "linucb", episodes=1, env_kwargs=kwargs)
            assert result.regret is not None
            assert result.regret[0] == pytest.approx(regret, abs=0.02)


def test_low_rank_values() -> None:
    """Values form matrices of the given rank, row by row, with the scale of the factors."""
    vector = gym.make_vec(
        "discovery/LowRankPool-v0", num_envs=300, num_rows=6, num_cols=9, rank=2, factor_std=1.5,
        horizon=1, noise_std=0.0, reveal=True,
    )  # fmt: skip
    values = vector.reset(seed=0)[1]["values"].astype(float).reshape(300, 6, 9)
    assert (np.linalg.matrix_rank(values, tol=1e-5) == 2).all()
    # The variance of u . v with two terms is 2 factor_std^4.
    assert (values**2).mean() == pytest.approx(2 * 1.5**4, rel=0.1)
    entry = vector.model.action_name(13)
    assert entry == "row 1, column 4"
    np.testing.assert_allclose(vector.step(np.full(300, 13))[1], values[:, 1, 4], rtol=1e-6)


def test_low_rank_oracle() -> None:
    """A row of a matrix is a linear pool, and the best sum of all entries is their sum."""
    from discovery_gym.envs.pools.low_rank_pool import LowRankPool

    row = LowRankPool(num_rows=1, num_cols=50, rank=1, horizon=7, factor_std=2.0)
    exact = 4 * (2 / np.pi) ** 0.5 * order_statistics.top_sum(lambda z: z, 50, 7)
    assert row.optimal_value() == pytest.approx(exact, rel=1e-3)
    whole = LowRankPool(num_rows=4, num_cols=5, horizon=20)
    assert abs(whole.optimal_value()) < 0.02
