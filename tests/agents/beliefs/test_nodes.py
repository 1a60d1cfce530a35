"""The belief about a graph: the conjugate posterior, its draws, and what a label reaches."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from graphs import EVERY, GRAPH, adjacency

from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Linear, Nodes


def play(vector: Any, steps: int, seed: int = 0) -> tuple[Any, Any, np.ndarray]:
    """Label the nodes 0, 1, ...; return the last observation, and everything shown on the way."""
    observation, info = vector.reset(seed=seed)
    shown = []
    for item in range(steps):
        before = observation
        observation = vector.step(np.full(vector.num_envs, item))[0]
        seen = observation["seen_count"] > before["seen_count"]
        shown.append(np.where(seen, observation["seen_sum"] - before["seen_sum"], np.nan))
    return observation, info, np.array(shown)


@EVERY
@pytest.mark.parametrize(("prior", "noise"), [(1.0, 1.0), (3.0, 0.4), (1.5, 0.0)])
def test_posterior_is_conjugate(topology: str, prior: float, noise: float) -> None:
    """Conditioning on one noisy value after the other ends at the belief's posterior."""
    vector = gym.make_vec(
        GRAPH, num_envs=4, num_items=20, topology=topology, hub_fraction=0.1,
        prior_std=prior, noise_std=noise, horizon=6,
    )  # fmt: skip
    observation, _, shown = play(vector, 5)
    belief = Nodes(vector.model, 4)
    belief.update(observation, np.ones(4, np.bool_))
    mean, variance = np.zeros((4, 20)), np.full((4, 20), prior**2)
    for values in shown:
        known = ~np.isnan(values)
        gain = variance / np.maximum(variance + noise**2, 1e-300)
        mean = np.where(known, mean + gain * (np.nan_to_num(values) - mean), mean)
        variance = np.where(known, variance * (1 - gain), variance)
    np.testing.assert_allclose(belief.mean(), mean, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(belief.std(), np.sqrt(variance), rtol=1e-9, atol=1e-9)


def test_posterior_is_calibrated() -> None:
    """Over many episodes the values lie around the mean as the standard deviation says."""
    vector = gym.make_vec(GRAPH, num_envs=2000, num_items=15, noise_std=0.7, horizon=5, reveal=True)
    observation, info, _ = play(vector, 4)
    belief = Nodes(vector.model, 2000)
    belief.update(observation, np.ones(2000, np.bool_))
    z = (info["values"] - belief.mean()) / belief.std()
    assert np.abs(z.mean(0)).max() < 4.5 / 2000**0.5
    assert np.abs((z**2).mean(0) - 1).max() < 4.5 * (2 / 2000) ** 0.5


def test_samples_have_the_posterior_moments() -> None:
    vector = gym.make_vec(GRAPH, num_envs=2, num_items=40)
    belief = Nodes(vector.model, 2, noise_std=0.5)
    belief.update(play(vector, 5)[0], np.ones(2, np.bool_))
    draws = belief.sample(4000, np.random.default_rng(0))
    assert draws.shape == (2, 4000, 40)
    assert (np.abs(draws.mean(1) - belief.mean()) < 4.5 * belief.std() / 4000**0.5).all()
    np.testing.assert_allclose(draws.std(1), belief.std(), rtol=0.06)
    correlation = np.corrcoef(draws[0].T)[np.triu_indices(40, 1)]
    assert np.abs(correlation).max() < 5 / 4000**0.5


@EVERY
def test_reach_is_the_sum_over_the_neighbourhood(topology: str) -> None:
    vector = gym.make_vec(
        GRAPH, num_envs=5, num_items=25, topology=topology, hub_fraction=0.1, horizon=2
    )
    belief, start, random = Nodes(vector.model, 5), np.ones(5, np.bool_), np.random.default_rng(0)
    observation = vector.reset(seed=0)[0]
    for _ in range(7):  # through two restarts, each with new graphs
        belief.update(observation, start)
        gain = random.random((5, 25))
        near = adjacency(vector.model, observation) + np.eye(25)
        expected = (near @ gain[..., None])[..., 0]
        np.testing.assert_allclose(belief.reach(gain), expected, rtol=1e-12)
        ended = vector._ended.copy()
        observation = vector.step(random.integers(25, size=5))[0]
        start = ended


def test_which_agents_fit() -> None:
    graph, table = gym.make(GRAPH), gym.make("discovery/TablePool-v0")
    assert {"greedy", "thompson", "one_hub"} <= set(available(graph))
    assert "one_hub" not in available(table)
    assert not Linear.fits(graph.unwrapped.model)
    assert not Nodes.fits(table.unwrapped.model)
    assert isinstance(make("greedy(belief=nodes(noise_std=2.0))", graph).new_belief(1), Nodes)


def test_one_hub() -> None:
    """The first choice is a random node of the highest degree, the others are greedy."""
    vector = gym.make_vec(
        GRAPH, num_envs=300, num_items=40, topology="star", hub_fraction=0.08, horizon=4
    )
    agent = make("one_hub", vector, seed=1)
    observation, _ = vector.reset(seed=0)
    degree = adjacency(vector.model, observation).sum(2)
    actions, state = agent.predict(observation)
    assert (degree[np.arange(300), actions] == 39).all()
    hubs = degree == 39
    rank = (hubs.cumsum(1)[np.arange(300), actions] - 1)[hubs.sum(1) == 3]
    assert (np.bincount(rank, minlength=3) > 0.15 * len(rank)).all()
    observation = vector.step(actions)[0]
    actions, state = agent.predict(observation, state)
    score = np.where(observation["action_mask"], observation["seen_sum"], -np.inf)
    np.testing.assert_array_equal(actions, score.argmax(1))
