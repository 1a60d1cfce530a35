"""Draws that are kept from one label to the next, against fresh ones and against formulas."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from discovery_gym.agents import make
from discovery_gym.agents.beliefs import Linear, kept, linear, units
from discovery_gym.agents.beliefs.kept import EVERY
from discovery_gym.envs.pools.table_pool import TablePool

Array = NDArray[np.float64]

N, D, B, K = 24, 9, 40, 250
RANDOM = np.random.default_rng(7)
FEATURES = RANDOM.standard_normal((N, D)).astype(np.float32)
FEATURES[1] = FEATURES[0]  # two items that are one
LABELS = FEATURES @ RANDOM.standard_normal(D) + 0.3 * RANDOM.standard_normal(N)
NOISE = 0.3
ORDER = RANDOM.permutation(N)
COLUMN = (20 - LABELS + RANDOM.standard_normal(N)).tolist()
PRICED: dict[str, Any] = {"fidelities": ((1, COLUMN), (3,)), "budget": 90}


def pool(**settings: Any) -> TablePool:
    return TablePool(features=FEATURES, labels=LABELS, scaling="none", **settings)


def seen(items: Any, episodes: int = B, fidelity: Any = None) -> dict[str, Any]:
    """Return what is seen of labels that came in this order, the same in all episodes."""
    out: dict[str, Any] = {"features": np.broadcast_to(FEATURES.ravel(), (episodes, N * D))}
    out["labelled"] = np.full((episodes, 90), -1)
    out["labelled"][:, : len(items)] = items
    out["labels"] = np.zeros((episodes, 90), np.float32)
    out["labels"][:, : len(items)] = LABELS[items]
    if fidelity is not None:
        out["fidelity"] = np.full((episodes, 90), -1)
        out["fidelity"][:, : len(items)] = fidelity
    return out


def made(model: Any, episodes: int = B, *, first: int = 0, **settings: Any) -> Linear:
    belief = Linear(model, episodes, **settings)
    belief.keep(K)
    belief.take_keys(np.arange(first, first + episodes, dtype=np.uint64) << np.uint64(40))
    return belief


def told(belief: Any, items: Any, steps: Any = (0,), fidelity: Any = None) -> Any:
    """Return the belief after labels that came in these steps, and then all at once."""
    start = np.ones(len(belief._seen), np.bool_)
    for t in (*steps, len(items)):
        at = None if fidelity is None else fidelity[:t]
        belief.update(seen(items[:t], len(start), at), start)
        start = ~np.ones_like(start)
    return belief


def conditional(items: Any, noise: float) -> tuple[Array, Array]:
    """Return mean and covariance of the values by the n x n covariance of all, prior_std 1."""
    prior = FEATURES.astype(np.float64) @ FEATURES.T
    inverse = np.linalg.inv(prior[np.ix_(items, items)] + noise**2 * np.eye(len(items)))
    gain = prior[:, items] @ inverse
    return gain @ LABELS[items].astype(np.float32), prior - gain @ prior[items]


def hold_moments(draws: Any, covariance: Array) -> None:
    """Hold that draws ``(B, K, n)`` have mean 0 in every episode and this covariance, over episodes."""
    size = np.sqrt(covariance.max())
    assert np.abs(draws.mean(1)).max() < 1e-5 * size
    each = np.matmul(draws.transpose(0, 2, 1), draws, dtype=np.float64) / draws.shape[1]
    error = each.std(0) / len(each) ** 0.5 + 1e-6 * size**2
    assert (np.abs(each.mean(0) - covariance) < 5 * error).all()


@pytest.mark.parametrize("count", [0, 1, 5, N])
def test_draws_have_the_covariance_and_the_best_item_of_the_posterior(count: int) -> None:
    """The items are chosen beforehand; among them are two with the same features."""
    items = np.array([*ORDER[:count], *[0, 1][: count // 2]], np.int64)
    belief = told(made(pool(), prior_std=1.0, noise_std=NOISE), items)
    mean, covariance = conditional(items, NOISE)
    draws = belief._kept.values
    hold_moments(draws, covariance)
    np.testing.assert_allclose(draws[..., 0], draws[..., 1], atol=1e-5)
    ahead = belief.look_ahead(np.tile(ORDER[-4:], (B, 1)))
    _, left = conditional(np.append(items, ORDER[-4:]), NOISE)
    hold_moments(ahead._kept.now(slice(None), slice(None)), left)
    free = np.setdiff1d(np.arange(N), [*items, 1])
    if free.size:
        root = np.linalg.cholesky(covariance[np.ix_(free, free)] + 1e-9 * np.eye(len(free)))
        exact = mean[free] + np.random.default_rng(0).standard_normal((100_000, len(free))) @ root.T
        share = np.bincount(exact.argmax(1), minlength=len(free)) / len(exact)
        winner = (mean + draws)[..., free].argmax(2)
        found = (winner[..., None] == np.arange(len(free))).mean((0, 1))
        assert np.abs(found - share).max() < 5 * (0.25 / (B * K)) ** 0.5


@pytest.mark.parametrize("settings", [{}, {"prior_std": 1.0, "noise_std": NOISE}])
@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_draws_follow_every_kind_of_label(
    settings: Any, priced: bool, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the belief is free of units, and of proxies; its covariance is held elsewhere."""
    if large:  # features are not copied, and what is told comes from values
        monkeypatch.setattr(units, "LARGE", 0)
    model = pool(**PRICED) if priced else pool()
    at = RANDOM.integers(0, 2, 12) if priced else None
    belief = told(made(model, **settings), ORDER[:12], range(12), at)
    every = np.tile(np.arange(N), (B, 1))
    unit = belief._unit[0] ** 2
    hold_moments(belief._kept.values, belief.covariance(every, RANDOM)[0] / unit)
    assert (belief._units is not None) == (large and not settings)
    mask = (np.arange(N) % 3 > 0).astype(np.int8)[None].repeat(B, 0)
    regret, told_ = belief.about_best(K, mask, RANDOM)
    draws = belief._mean[:, None] + belief._kept.values
    top = draws[:, :, mask[0] > 0].max(2).mean(1)[:, None]
    np.testing.assert_allclose(regret, (top - belief._mean) * unit**0.5, rtol=1e-4, atol=1e-4)
    assert (told_ <= belief.std() ** 2 * 1.001).all()


@pytest.mark.parametrize("noise", [1e-12, NOISE])
def test_rounding_errors_do_not_pile_up(noise: float) -> None:
    """Over 400 labels, most of them of items that have some, down to the least noise there is."""
    items = np.random.default_rng(1).integers(N, size=400)
    model = pool()
    belief = made(model, 4, prior_std=1.0, noise_std=noise)
    belief.update(seen([], 4), np.ones(4, np.bool_))
    for t, item in enumerate(items):
        belief._kept.expect(np.full(4, t + 1), belief._product)
        belief._learn(np.arange(4), np.full(4, item), np.full(4, LABELS[item]))
    exact = belief._kept.z @ belief._root.transpose(0, 2, 1) @ FEATURES.T.astype(np.float64)
    assert np.abs(belief._kept.values - exact).max() < 1e-5
    if noise == NOISE:
        square = (belief._kept.values.astype(np.float64) ** 2).mean(1) / belief.std() ** 2
        np.testing.assert_allclose(square, 1, atol=1e-3)
    else:
        assert np.abs(belief._kept.values).max() < 1e-4


def test_labels_that_were_looked_ahead_at_in_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products are kept for the labels to come, and not for another table with the same item."""
    monkeypatch.setattr(units, "LARGE", 0)
    settings = {"prior_std": 1.0, "noise_std": NOISE}
    one, other = made(pool(), **settings), made(pool(), **settings)
    for belief in (one, other):
        belief.update(seen([]), np.ones(B, np.bool_))
    one.look_ahead(np.tile(ORDER[:3], (B, 1)))
    products = []
    times = Linear._times
    monkeypatch.setattr(Linear, "_times", lambda *all: products.append(all) or times(*all))
    one.update(seen(ORDER[:3]), np.zeros(B, np.bool_))
    assert not products
    other.update(seen(ORDER[:3]), np.zeros(B, np.bool_))
    assert len(products) == 3
    monkeypatch.setattr(linear, "AHEAD", 2 * B * N)  # room for two of them
    other.look_ahead(np.tile(ORDER[3:8], (B, 1)))
    other.look_ahead(np.tile(ORDER[3:8], (B, 1)))
    assert len(products) == 3 + 5 + 3
    assert len(other._ahead) == 2
    turned = seen([N - 1])
    turned["features"] = np.broadcast_to(FEATURES[::-1].ravel(), (B, N * D))
    for belief in (one, other):
        belief.update(seen([]), np.ones(B, np.bool_))
    one.look_ahead(np.zeros((B, 1), np.int64))
    for belief in (one, other):
        belief.update(turned, np.ones(B, np.bool_))
    for part in ("_mean", "_var", "_root"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_what_is_told_by_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of draws by their values or by their coefficients, kept, or too many to be kept."""
    items = ORDER[:6]
    mask = np.ones((3, N), np.int8)
    mask[:, items] = mask[1, 3:9] = 0
    belief = told(made(pool(), 3, prior_std=1.0, noise_std=NOISE), items)
    draws = belief.mean()[:, None] + belief._kept.values
    regret, told_ = np.empty((2, 3, N))
    for e in range(3):
        legal = np.where(mask[e], draws[e], -np.inf)
        regret[e] = legal.max(1).mean() - draws[e].mean(0)
        groups = [draws[e][legal.argmax(1) == item] for item in np.unique(legal.argmax(1))]
        told_[e] = sum(len(g) / K * (g.mean(0) - draws[e].mean(0)) ** 2 for g in groups)
    monkeypatch.setattr(kept, "ROOM", 0)
    anew = told(made(pool(), 3, prior_std=1.0, noise_std=NOISE), items)
    assert not len(anew._kept.values)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "is_large", lambda x: True)
        by_values = belief.about_best(K, mask, RANDOM)
    for found in (
        belief.about_best(K, mask, RANDOM),
        by_values,
        anew.about_best(K, mask, RANDOM),
    ):
        np.testing.assert_allclose(found[0], regret, atol=1e-4)
        np.testing.assert_allclose(found[1], told_, atol=1e-4)


def test_draws_are_a_function_of_the_labels_in_their_order() -> None:
    """Not of when they came, nor of the episodes beside; and looking ahead leaves them as they are."""
    items = np.resize(ORDER, EVERY + 9)
    settings = {"prior_std": 1.0, "noise_std": NOISE}
    belief = told(made(pool(), 3, **settings), items, range(len(items)))
    draws = belief._kept.values.copy()
    late = told(made(pool(), 3, **settings), items, (0, 5, EVERY - 1, EVERY + 2))
    resumed = told(made(pool(), 3, **settings), items, ())
    resumed_ = told(made(pool(), 1, first=2, **settings), items, range(0, len(items), 7))
    np.testing.assert_array_equal(late._kept.values, draws)
    np.testing.assert_array_equal(resumed._kept.values, draws)
    np.testing.assert_array_equal(resumed_._kept.values, draws[2:])
    ahead = late.look_ahead(np.array([[3, 4], [5, -1], [-1, -1]]))
    after = ahead._kept.now(slice(None), slice(None))
    np.testing.assert_array_equal(late._kept.values, draws)
    np.testing.assert_array_equal(after[2], draws[2])
    for e, more in ((0, [3, 4]), (1, [5])):
        next_ = told(made(pool(), 3, **settings), [*items, *more])._kept.values
        np.testing.assert_allclose(after[e], next_[e], atol=1e-5)
    one = ahead.look_ahead(np.array([[7], [7], [7]]))._kept
    two = late.look_ahead(np.array([[3, 4, 7], [5, 7, -1], [7, -1, -1]]))._kept
    every = slice(None), slice(None)
    np.testing.assert_allclose(one.now(*every), two.now(*every), atol=1e-6)
    # Fewer labels than before are those of a new episode: it begins anew.
    again = told(belief, items[:4], ())._kept.values
    np.testing.assert_array_equal(again, told(made(pool(), 3, **settings), items[:4])._kept.values)


@pytest.mark.parametrize(("features", "draws"), [(10, 50), (100, 100)])
def test_draws_stay_honest_under_the_choices_that_they_lead_to(features: int, draws: int) -> None:
    """Items are chosen by the draws, which must not make them too narrow or too wide for it."""
    settings = {"num_items": 100, "num_features": features, "horizon": 36}
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=40, **settings)
    agent, state, ended = make(f"ids(samples={draws})", vector), None, np.zeros(1)
    observation, squares = vector.reset(seed=0)[0], []
    while not ended.any():
        action, state = agent.predict(observation, state)
        belief = state.rest
        square = (belief._kept.values.astype(np.float64) ** 2).mean(1) / belief.std() ** 2
        squares.append(square[observation["action_mask"] > 0].mean())
        observation, _, ended, _, _ = vector.step(action)
    assert len(squares) == 36
    assert np.abs(np.array(squares) - 1).max() < 0.05


def test_few_draws_are_not_kept() -> None:
    """Unless they are more than the coefficients, when their moments are exact."""
    belief = Linear(pool(), 2, prior_std=1.0)
    for count, is_kept in ((D + 1, False), (D + 2, True)):
        belief.keep(count)
        assert (belief._kept is not None) == is_kept


@pytest.mark.parametrize(
    "settings", [{}, {"batch_size": 3}, {"delay": 2}, {"batch_size": 3, "delay": 2}]
)
def test_an_agent_that_is_made_anew_goes_on_as_the_old_one(settings: dict[str, Any]) -> None:
    """In the middle of an episode, and alone."""
    settings |= {"num_items": 60, "num_features": 10, "horizon": 45}
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=3, **settings)
    agent, state, ended = make("ids(samples=50)", vector), None, np.zeros(1)
    observation = vector.reset(seed=0)[0]
    while not ended.any():
        action, state = agent.predict(observation, state)
        anew = make("ids(samples=50)", vector, episode=1)
        alone = {key: value[1:2] for key, value in observation.items()}
        np.testing.assert_array_equal(anew.predict(alone)[0], action[1:2])
        observation, _, ended, _, _ = vector.step(action)
