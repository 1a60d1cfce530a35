"""The best of independent Gaussian values: against dense quadrature and long simulation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from discovery_gym.agents.beliefs import Nodes
from discovery_gym.agents.beliefs.independent import _normal, about_best_of_independent


def beliefs() -> dict[str, tuple[Any, Any]]:
    """Return means and standard deviations: a fresh pool, a star after one hub, and odd ones."""
    random = np.random.default_rng(0)
    seen = random.random(120) < 0.5
    return {
        "two": (np.zeros(2), np.ones(2)),
        "one": (np.array([3.0]), np.array([2.0])),
        "fresh": (np.full(150, -2.0), np.full(150, 1.5)),
        "hub": (random.normal(0, 0.5**0.5, 150), np.full(150, 0.5**0.5)),
        "mixed": (
            np.where(seen, random.standard_normal(120), 0.0),
            np.where(seen, random.uniform(0.02, 0.2, 120), 1.0),
        ),
        "narrow": (np.append(random.standard_normal(20), 0.2), np.append(np.full(20, 2e-3), 1.0)),
        "odds": (np.array([0.0, 1.0, 0.3, -4.0]), np.array([1.0, 0.01, 2.0, 0.5])),
        "sure": (np.array([0.0, 9.0, 1.0]), np.array([1.0, 0.1, 1.0])),
        "far": (np.array([1e6, 1e6 + 1, 1e6]), np.array([1.0, 1.0, 0.1])),
    }


def dense(mean: Any, std: Any) -> tuple[float, Any]:
    """The definition, item by item, on 4,000 points in double precision."""
    low, high = (mean - 9 * std).max(), (mean + 9 * std).max()
    t = low + np.append(0.0, np.geomspace(1e-5 * (high - low), high - low, 4_000))
    z = (t[:, None] - mean) / std
    law = ndtr(z)
    everyone = np.exp(np.log(np.maximum(law, 1e-150)).sum(1))
    hazard = norm.pdf(z) / std / np.maximum(law, 1e-150)
    weight = np.gradient(t)
    explained, top = np.zeros(len(mean)), 0.0
    for a in range(len(mean)):
        first = everyone * hazard[:, a] * weight  # the density of (a is best, its value is t)
        prob = first.sum()
        if prob < 1e-12:
            continue
        shift = -(std**2) * (first @ hazard)
        shift[a] = first @ (t - mean[a])
        explained += shift**2 / prob
        top += first @ (t - low)
    return low + top, explained


@pytest.mark.parametrize("name", beliefs())
def test_against_dense_quadrature(name: str) -> None:
    mean, std = beliefs()[name]
    top, _, explained = about_best_of_independent(mean, std)
    exact_top, exact = dense(mean, std)
    assert abs(top - exact_top) < 2e-3 * std.max()
    assert np.abs(explained - exact).max() < 0.01 * exact.max() + 1e-3 * std.max() ** 2
    assert (explained <= std**2 * 1.001).all()


def test_many_scales() -> None:
    """Standard deviations over up to three decades, at any distance."""
    random = np.random.default_rng(5)
    for _ in range(60):
        n = random.integers(1, 40)
        mean = random.standard_normal(n) * random.choice([0.01, 0.3, 1.0, 5.0])
        std = 10 ** -random.uniform(0, random.choice([0.0, 0.5, 1.0, 2.9]), n)
        top, _, explained = about_best_of_independent(mean, std)
        exact_top, exact = dense(mean, std)
        assert abs(top - exact_top) < 5e-3 * std.max()
        assert np.abs(explained - exact).max() < 0.01 * exact.max() + 1e-3 * std.max() ** 2


@pytest.mark.parametrize("name", ["hub", "mixed", "odds"])
def test_against_simulation(name: str) -> None:
    mean, std = beliefs()[name]
    count, n = 60_000, len(mean)
    random, tops = np.random.default_rng(1), []
    size, total = np.zeros(n), np.zeros((n, n))
    for _ in range(10):
        draws = random.normal(0.0, std, (count // 10, n))
        winner = (mean + draws).argmax(1)
        tops.append((mean + draws).max(1))
        member = np.eye(n)[winner]
        size += member.sum(0)
        total += member.T @ draws
    won = size > 0
    # Each of the groups adds one variance over the number of draws.
    simulated = (total[won] ** 2 / size[won, None]).sum(0) / count - std**2 * won.sum() / count
    top, prob, explained = about_best_of_independent(mean, std)
    assert np.abs(prob - size / count).max() < 4 * 0.5 / count**0.5
    assert abs(prob.sum() - 1) < 1e-4
    assert abs(top - np.mean(tops)) < 4 * np.std(tops) / count**0.5 + 2e-3
    assert np.abs(explained - simulated).max() < 0.02 * simulated.max() + 8e-3 * std.max() ** 2
    assert abs(explained.sum() / simulated.sum() - 1) < 0.02


def test_values_known_exactly() -> None:
    mean = np.array([1.0, 2.0, 0.0])
    top, _, explained = about_best_of_independent(mean, np.zeros(3))
    assert top == 2.0
    assert (explained == 0).all()
    top, _, explained = about_best_of_independent(mean, np.array([0.0, 0.0, 1.0]))
    z = 2.0  # only the last item can beat the known value 2
    rise = norm.pdf(z) - z * norm.sf(z)
    assert abs(top - 2 - rise) < 2e-3
    shift = norm.pdf(z)  # E[f; f above 2] and -E[f; f below 2]
    np.testing.assert_allclose(
        explained, [0, 0, shift**2 / norm.sf(z) + shift**2 / norm.cdf(z)], atol=2e-3
    )


def test_normal_law() -> None:
    z = np.linspace(-6, 12, 5001).astype(np.float32)
    density, law = _normal(z)
    assert np.abs(law - ndtr(z)).max() < 1e-6
    assert np.abs(density - norm.pdf(z)).max() < 1e-6


def test_nodes_use_it_for_legal_nodes() -> None:
    """Nodes with a label cannot be the best, and nobody's identity tells anything about them."""
    vector = gym.make_vec(
        "discovery/GraphPool-v0", num_envs=3, num_items=40, topology="star", hub_fraction=0.1
    )
    vector.reset(seed=0)
    for item in range(5):
        observation = vector.step(np.full(3, item))[0]
    belief, mask = Nodes(vector.model, 3), observation["action_mask"]
    belief.update(observation, np.ones(3, np.bool_))
    exact = belief.about_best(20_000, mask, np.random.default_rng(0))
    drawn = super(Nodes, belief).about_best(20_000, mask, np.random.default_rng(0))
    assert (exact[1][mask == 0] == 0).all()
    np.testing.assert_allclose(exact[0], drawn[0], atol=0.02)
    np.testing.assert_allclose(exact[1], drawn[1], atol=0.02)


@pytest.mark.parametrize("count", [5, 40])
def test_nodes_say_what_so_many_draws_say_on_average(count: int) -> None:
    vector = gym.make_vec("discovery/GraphPool-v0", num_envs=2, num_items=30, topology="complete")
    vector.reset(seed=0)
    observation = vector.step(np.zeros(2, np.int64))[0]
    belief, mask = Nodes(vector.model, 2), observation["action_mask"]
    belief.update(observation, np.ones(2, np.bool_))
    random = np.random.default_rng(0)
    drawn = np.mean(
        [super(Nodes, belief).about_best(count, mask, random)[1] for _ in range(1500)], 0
    )
    computed = belief.about_best(count, mask, random)[1]
    legal = mask == 1
    assert np.abs(computed - drawn)[legal].max() < 0.15 * drawn[legal].max()
    assert abs(computed[legal].mean() / drawn[legal].mean() - 1) < 0.05
