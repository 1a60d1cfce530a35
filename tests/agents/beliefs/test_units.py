"""Beliefs about pools that are too large to be copied: they say the same as those with a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents.beliefs import GaussianProcess, Linear, best_item, units
from discovery_gym.agents.beliefs.best_item import about_best_of_large
from discovery_gym.agents.beliefs.history import with_intercept
from discovery_gym.agents.beliefs.units import Units
from discovery_gym.agents.rules import IDS, BayesUCB, Decision, ExpectedImprovement, Thompson
from discovery_gym.agents.rules.improvement import _at_most, _log_expected
from discovery_gym.envs.pools.table_pool import PublicTable

RANDOM = np.random.default_rng(0)
N, D, T = 3000, 12, 6


def features() -> np.ndarray:
    x = RANDOM.standard_normal((N, D)) * RANDOM.lognormal(0, 2, D)
    x += RANDOM.uniform(-2, 2, D) * x.std(0)
    x[:, 4] = 0.7  # one that does not vary
    x[:, 5] = RANDOM.random(N) < 0.02
    return x.astype(np.float32)


def belief(x: np.ndarray, labels: int = T) -> tuple[Linear, PublicTable]:
    """Return the belief that is free of units, after some labels."""
    model = PublicTable(num_items=N, num_features=D, horizon=T)
    made = Linear(model, 1)
    observation = {
        "features": x.reshape(1, -1),
        "labelled": np.where(np.arange(T) < labels, 7 * np.arange(T), -1)[None],
        "labels": np.where(np.arange(T) < labels, 40 + np.sin(np.arange(T)), 0.0)[None],
    }
    made.update(observation, np.ones(1, np.bool_))
    return made, model


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pool count as a large one."""
    monkeypatch.setattr(units, "LARGE", 0)


def test_phi_is_what_would_be_copied(large: None) -> None:
    x = features()
    found = Units.of(x)
    assert found is not None
    np.testing.assert_allclose(found.phi(x), with_intercept(x[None])[0], rtol=1e-6, atol=1e-7)
    theta = RANDOM.standard_normal((3, 1 + D))
    slope, rest = found.turned(theta)
    expected = theta @ found.phi(x).T
    np.testing.assert_allclose(slope @ x.T + rest[:, None], expected, atol=1e-5)
    for item in (None, 8):
        phi = found.phi(x)
        apart = phi[:, 1:] - (0 if item is None else phi[item, 1:])
        np.testing.assert_allclose(
            found.squares(x, item), (apart**2).sum(1), rtol=1e-12, atol=1e-15
        )


def test_features_far_from_zero_are_copied(large: None) -> None:
    x = features()
    assert Units.of(x) is not None
    x[:, 2] = 300 + RANDOM.standard_normal(N)
    assert Units.of(x) is None
    assert belief(x)[0]._units is None


@pytest.mark.parametrize("labels", [0, 1, 2, T])
def test_the_belief_is_that_with_a_copy(labels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = features()
    copied, _ = belief(x, labels)
    monkeypatch.setattr(units, "LARGE", 0)
    kept, _ = belief(x, labels)
    assert copied._units is None
    assert kept._units is not None
    assert kept._x.base is not None
    assert np.shares_memory(kept._x, x)
    pairs: list[tuple[Any, Any]] = [(kept.mean(), copied.mean()), (kept.std(), copied.std())]
    some, weight = np.array([[3, 77, 2999]]), RANDOM.random((1, N))
    ahead, other = kept.look_ahead(some), copied.look_ahead(some)
    pairs.append((ahead.std(), other.std()))
    pairs += [
        (getattr(kept, name)(*given(), r), getattr(copied, name)(*given(), q))
        for name, given, r, q in (
            ("sample", lambda: (4,), *generators()),
            ("covariance", lambda: (some,), *generators()),
            ("reduction", lambda: (weight,), *generators()),
        )
    ]
    pairs.append((kept.sample_of(some, 4, generators()[0]), pairs[3][0][:, :, some[0]]))
    for one, two in pairs:
        np.testing.assert_allclose(one, two, atol=2e-5 * np.abs(two).max(), rtol=1e-4)
    mask = (RANDOM.random((1, N)) < 0.8).astype(np.int8)
    for one, two in zip(
        kept.about_best(50, mask, generators()[0]),
        copied.about_best(50, mask, generators()[0]),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=1e-4 * np.abs(two).max())


def generators() -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng(1), np.random.default_rng(1)


def test_rules_choose_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = features()
    copied, _ = belief(x)
    monkeypatch.setattr(units, "LARGE", 0)
    kept, _ = belief(x)
    decision = Decision.first(np.ones((1, N), np.int8), 5)
    for rule in (BayesUCB(), Thompson(), ExpectedImprovement(), IDS(samples=50)):
        one, two = (
            rule.choose_batch(each, decision, random)
            for each, random in zip((kept, copied), generators(), strict=True)
        )
        assert one.tolist() == two.tolist()


@pytest.mark.parametrize("count", [4, 40, 400])
@pytest.mark.parametrize("width", [1, 3, 30])
def test_what_the_best_item_explains_is_the_sum_over_groups(
    count: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the definition, also where draws share their best item, and with fewer groups than features."""
    monkeypatch.setattr(best_item, "ROWS", 64)
    for n in (5, 500):
        x = RANDOM.standard_normal((n, width)).astype(np.float32)
        theta = RANDOM.standard_normal((count, width)).astype(np.float32)
        rest = RANDOM.standard_normal(count).astype(np.float32)
        legal = np.arange(n) % 3 > 0
        draws = theta.astype(np.float64) @ x.T + rest[:, None]
        winner = np.where(legal, draws, -np.inf).argmax(1)
        means = np.array([draws[winner == a].mean(0) for a in winner])
        regret, explained = about_best_of_large(x, theta, rest, legal)
        top = np.where(legal, draws, -np.inf).max(1).mean()
        np.testing.assert_allclose(regret, top - draws.mean(0), atol=1e-4)
        variance = ((means - draws.mean(0)) ** 2).mean(0)
        np.testing.assert_allclose(explained, variance, atol=2e-5 * variance.max(), rtol=1e-3)


def test_only_items_that_can_be_the_best_are_looked_at() -> None:
    """The bound of an expected improvement is one, and what is chosen is the largest of all."""
    ahead = np.concatenate([np.linspace(-60, 5, 4000), -np.geomspace(1e-12, 1e6, 1000)])
    for std in (1e-9, 1e-3, 1.0, 1e4):
        for off in (0.0, 1e-6, 0.3):
            sure = _log_expected(ahead + off, np.full_like(ahead, std) + off)
            bound = np.empty_like(ahead)
            _at_most(ahead, np.full_like(ahead, std), np.array(off), bound)
            assert (bound >= sure - 1e-9 * np.abs(sure)).all()


def test_a_gaussian_process_says_what_it_does_above_its_size() -> None:
    few = PublicTable(num_items=10**6, num_features=100, horizon=80)
    GaussianProcess._check_room(1, few.num_items, few.num_features, few.horizon or 0)
    many = PublicTable(num_items=10**6, num_features=100)
    assert many.horizon == 200_001
    told = (
        r"A Gaussian process over 1,000,000 items would hold 2e\+11 numbers, allowed are .*: take the "
        r"belief linear, .* or at most 2,047 labels"
    )
    with pytest.raises(InputError, match=told):
        GaussianProcess(many, 1)
