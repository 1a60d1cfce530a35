"""The pool on a graph: its graphs, what a label shows, and what it costs."""

from __future__ import annotations

import copy
import tracemalloc
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from graphs import EVERY, GRAPH, adjacency
from scipy import stats

from discovery_gym import InputError


def graphs(count: int, **kwargs: Any) -> np.ndarray:
    """Return the adjacency matrices of new episodes."""
    vector = gym.make_vec(GRAPH, num_envs=count, **kwargs)
    return adjacency(vector.model, vector.reset(seed=0)[0])


def test_random_graphs_have_the_law_of_erdos_and_renyi() -> None:
    n, p, count = 12, 0.15, 3000
    matrix = graphs(count, num_items=n, edge_prob=p)
    u, v = np.triu_indices(n, 1)
    links = matrix[:, u, v]
    assert np.abs(links.mean(0) - p).max() < 4.5 * (p * (1 - p) / count) ** 0.5
    law = stats.binom(len(u), p)
    total = links.sum(1)
    bins = np.r_[-0.5, np.arange(5, 17) - 0.5, 66.5]
    seen, expected = np.histogram(total, bins)[0], count * np.diff(law.cdf(bins))
    assert stats.chisquare(seen, expected).pvalue > 1e-4
    # Different pairs are independent of each other.
    correlation = np.corrcoef(links.T)[np.triu_indices(len(u), 1)]
    assert np.abs(correlation).max() < 5 / count**0.5


def test_graphs_have_at_least_one_edge() -> None:
    """What chance would leave without edges is drawn given that there is one: uniformly."""
    matrix = graphs(3000, num_items=4, edge_prob=1e-9)
    assert (matrix.sum((1, 2)) == 2).all()
    pairs = matrix[:, *np.triu_indices(4, 1)].sum(0)
    assert stats.chisquare(pairs).pvalue > 1e-4
    matrix = graphs(50, num_items=5, topology="star", hub_fraction=1e-200, edge_prob=0)
    assert (matrix.sum((1, 2)) == 8).all()


def test_star_graphs() -> None:
    """A third of the nodes, uniformly, are linked to all; the rest is a random graph."""
    n, p, count = 12, 0.2, 3000
    vector = gym.make_vec(GRAPH, num_envs=count, num_items=n, topology="star", edge_prob=p)
    observation = vector.reset(seed=0)[0]
    matrix, hubs = adjacency(vector.model, observation), observation["hubs"] == 1
    assert (hubs.sum(1) == 4).all()
    assert (matrix.sum(2)[hubs] == n - 1).all()
    assert np.abs(hubs.mean(0) - 1 / 3).max() < 4 * (2 / 9 / count) ** 0.5
    links = [matrix[i][np.ix_(~hubs[i], ~hubs[i])].sum() // 2 for i in range(count)]
    seen, expected = np.bincount(links, minlength=29), stats.binom(28, p).pmf(np.arange(29)) * count
    tails = [slice(0, 2), *(slice(k, k + 1) for k in range(2, 11)), slice(11, 29)]
    seen, expected = ([part[tail].sum() for tail in tails] for part in (seen, expected))
    assert stats.chisquare(seen, expected).pvalue > 1e-4


@EVERY
def test_a_label_shows_the_node_and_its_neighbours(topology: str) -> None:
    """What is seen is the closed neighbourhood; with noise 0 it is the values themselves."""
    vector = gym.make_vec(
        GRAPH, num_envs=6, num_items=30, topology=topology, hub_fraction=0.1, noise_std=0.0,
        horizon=4, reveal=True,
    )  # fmt: skip
    observation, info = vector.reset(seed=3)
    model, values = vector.model, info["values"]
    near = adjacency(model, observation) | np.eye(30, dtype=np.bool_)
    total, count, episodes = np.zeros((6, 30)), np.zeros((6, 30)), np.arange(6)
    for items in np.random.default_rng(0).permuted(np.tile(np.arange(30), (6, 1)), axis=1).T[:3]:
        observation, reward, _, _, _ = vector.step(items)
        total += np.where(near[episodes, items], values, 0)
        count += near[episodes, items]
        np.testing.assert_allclose(reward, values[episodes, items], rtol=1e-6)
        np.testing.assert_array_equal(observation["seen_count"], count)
        np.testing.assert_allclose(observation["seen_sum"], total, rtol=1e-5, atol=1e-6)
    assert (observation["action_mask"].sum(1) == 27).all()  # what was only seen stays legal
    before = observation
    observation, reward, _, _, _ = vector.step(items)  # illegal: shows nothing
    assert not reward.any()
    np.testing.assert_array_equal(observation["seen_count"], before["seen_count"])


@EVERY
def test_the_noise_of_everything_shown_is_independent(topology: str) -> None:
    n, count = 5, 4000
    vector = gym.make_vec(
        GRAPH, num_envs=count, num_items=n, topology=topology, edge_prob=0.999, hub_fraction=0.4,
        noise_std=2.0, prior_std=0.5, horizon=2, reveal=True,
    )  # fmt: skip
    _, info = vector.reset(seed=0)
    first, reward, _, _, _ = vector.step(np.full(count, 2))
    whole = (first["seen_count"] == 1).all(1)
    noise = (first["seen_sum"] - info["values"])[whole]
    np.testing.assert_array_equal(first["labels"][:, 0], first["seen_sum"][:, 2])
    np.testing.assert_allclose(reward, first["seen_sum"][:, 2], rtol=1e-6, atol=1e-6)
    for x in range(n):
        assert stats.kstest(noise[:, x] / 2, "norm").pvalue > 1e-4
    second = vector.step(np.full(count, 0))[0]
    again = (second["seen_sum"] - first["seen_sum"] - info["values"])[whole]
    full = np.hstack([noise, again])[(second["seen_count"] == 2).all(1)[whole]]
    correlation = np.corrcoef(full.T)[np.triu_indices(2 * n, 1)]
    assert np.abs(correlation).max() < 4.5 / len(full) ** 0.5
    assert np.abs(info["values"].std(0) - 0.5).max() < 0.03


def test_edges_handed_out_never_change() -> None:
    vector = gym.make_vec(GRAPH, num_envs=3, num_items=10, autoreset_mode="Disabled", horizon=2)
    first = vector.reset(seed=0)[0]["edges"]
    kept = first.copy()
    for _ in range(2):
        after = vector.step(np.array([1, 1, 1]))[0]["edges"]
        assert np.shares_memory(first, after)
        assert not after.flags.writeable
    chosen = np.array([False, True, False])
    after = vector.reset(options={"reset_mask": chosen})[0]["edges"]
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(
        vector.model.observe(vector._state)["edges"][[0, 2]], kept[[0, 2]]
    )
    assert (after[1] != kept[1]).any()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"edge_prob": 0},
            r"edge_prob must be above 0 and below 1, got 0.0: at 0 the graph has no edg",
        ),
        ({"edge_prob": 1.0}, r"edge_prob.*got 1.0:.*topology='complete'"),
        ({"topology": "star", "edge_prob": 1}, r"edge_prob.*topology='complete'"),
        ({"edge_prob": -0.1}, r"edge_prob.*>= 0 and <= 1, got -0.1"),
        ({"edge_prob": "0.1"}, r"edge_prob.*'0.1'"),
        ({"topology": "star", "hub_fraction": 0.0}, r"hub_fraction.*> 0 and <= 1, got 0.0"),
        ({"topology": "ring"}, r"topology must be one of 'random', 'complete', 'star', got 'ring'"),
        ({"num_items": 1}, r"num_items must be an integer of at least 2, got 1"),
        ({"num_items": 10, "horizon": 11}, r"horizon must not exceed the 10 items"),
        ({"prior_std": 0.0}, r"prior_std.*> 0.*got 0"),
        ({"noise_std": -1.0}, r"noise_std.*-1.0"),
        ({"num_items": 100_000, "edge_prob": 0.5}, r"edge_prob=0.5 with num_items=100000 makes"),
    ],
)
def test_bad_parameters(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make(GRAPH, **kwargs)


@pytest.mark.parametrize(
    "kwargs", [{"edge_prob": 1e-3}, {"topology": "star", "edge_prob": 1e-3}, {"topology": "complete"}]
)  # fmt: skip
def test_ten_thousand_nodes_stay_sparse(kwargs: dict[str, Any]) -> None:
    """No array of n x n: the whole of reset and step fits in a tenth of one of bytes."""
    env = gym.make(GRAPH, num_items=10_000, horizon=50, copy=False, **kwargs).unwrapped
    tracemalloc.start()
    env.reset(seed=0)
    for item in range(20):
        env.step(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000**2 / 10


def test_words() -> None:
    env = gym.make(GRAPH, num_items=6, topology="complete", render_mode="ansi").unwrapped
    env.reset(seed=0)
    observation = env.step(3)[0]
    assert env.model.summary(observation).startswith("1 of 2 labels")
    assert env.model.summary(observation).endswith("6 of 6 nodes seen")
    assert env.model.action_name(3) == "node 3"
    panels = env.model.picture(env._trace).panels
    assert [panel.label for panel in panels] == ["label", "sum of labels", "label", "nodes seen"]
    assert panels[3].series[0].values.tolist() == [0, 6]


def test_a_pickle_that_held_lists_of_neighbours_goes_on() -> None:
    envs = gym.make_vec(GRAPH, num_envs=3, num_items=20, topology="star", edge_prob=0.2, horizon=4)
    envs.reset(seed=0)
    state = dict(envs.unwrapped._state.__dict__)  # type: ignore[attr-defined]
    lists = zip(state.pop("starts"), state.pop("linked"), strict=True)
    state["neighbours"] = [(start.astype(np.int64), linked[: start[-1]]) for start, linked in lists]
    other = copy.deepcopy(envs)
    kept = type(envs.unwrapped._state).__new__(type(envs.unwrapped._state))  # type: ignore[attr-defined]
    kept.__setstate__(copy.deepcopy(state))
    other.unwrapped._state = kept  # type: ignore[attr-defined]
    for items in ([0, 1, 2], [5, 5, 5], [7, 8, 9]):
        one, two = (some.step(np.array(items))[0] for some in (envs, other))
        for key, value in one.items():
            np.testing.assert_array_equal(value, two[key])
