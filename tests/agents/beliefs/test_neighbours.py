"""Nearest neighbours: against their definition; and searches by them, against brute force."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Neighbours
from discovery_gym.agents.rules import ENS, ActiveSearch, Decision, pruning
from discovery_gym.testing import check_belief

TABLE, POOL = "discovery/TablePool-v0", "discovery/LogisticPool-v0"


def table(n: int, seed: int = 0) -> dict[str, Any]:
    """Return a table of two features, one in large units, whose successes are clustered."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 2))
    y = random.random(n) < 0.05 + 0.9 * (x[:, 0] * x[:, 1] > 0.7)
    return {"features": x * [1.0, 1e3], "labels": y.astype(float)}


def neighbours(x: Any, k: int) -> Any:
    """Return who has whom among its k nearest, ``(n, n)``, by the definition."""
    apart = cdist((x - x.mean(0)) / x.std(0), (x - x.mean(0)) / x.std(0))
    np.fill_diagonal(apart, np.inf)
    return apart <= np.sort(apart, 1)[:, k - 1 : k]


def chances(near: Any, items: Any, y: Any, share: float, weight: float) -> Any:
    hits, labels = near[:, items] @ y, near[:, items].sum(1)
    return (weight * share + hits) / (weight + labels)


@pytest.mark.parametrize("kind", ["shared", "own"])
def test_chances_are_those_of_the_definition(kind: str) -> None:
    settings = table(60) if kind == "shared" else {"num_items": 60, "num_features": 2}
    vector = gym.make_vec(TABLE if kind == "shared" else POOL, num_envs=3, horizon=20, **settings)
    belief = Neighbours(vector.model, 3, k=7, share=0.3, weight=2.0)  # type: ignore[attr-defined]
    observation, start = vector.reset(seed=0)[0], np.ones(3, np.bool_)
    random = np.random.default_rng(0)
    for _ in range(12):
        belief.update(observation, start)
        start = np.zeros(3, np.bool_)
        free = np.where(observation["action_mask"], random.random((3, 60)), -1)
        observation = vector.step(free.argmax(1))[0]
    belief.update(observation, start)
    some = random.integers(60, size=(3, 4))
    failure, success = belief.given(some)
    for i in range(3):
        near = neighbours(vector.model.feature_matrix(observation)[i].astype(float), 7)  # type: ignore[attr-defined]
        items, y = observation["labelled"][i, :12], observation["labels"][i, :12]
        np.testing.assert_allclose(belief.chance()[i], chances(near, items, y, 0.3, 2.0))
        for j, item in enumerate(some[i]):
            for after, label in ((failure, 0.0), (success, 1.0)):
                expected = chances(near, np.append(items, item), np.append(y, label), 0.3, 2.0)
                np.testing.assert_allclose(after[i, j], expected, rtol=1e-6)
        total = 2.0 + near[:, items].sum(1)
        p = belief.chance()[i]
        np.testing.assert_allclose(belief.std()[i] ** 2, p * (1 - p) / (total + 1))
        np.testing.assert_allclose(belief.label_variance()[i], p * (1 - p))


@pytest.mark.parametrize("env_id", [TABLE, POOL])
def test_is_a_belief(env_id: str) -> None:
    settings = table(40) if env_id == TABLE else {"num_items": 40, "num_features": 2}
    check_belief("neighbours(k=9)", env_id, horizon=12, **settings)


def brute_force(near: Any, p: Any, after: Any, legal: Any, later: int) -> Any:
    """Return the score of every legal item, each by sorting all chances."""
    score = np.full(len(p), -np.inf)
    for x in legal.nonzero()[0]:
        score[x] = p[x]
        for share, chance in zip((1 - p[x], p[x]), after, strict=True):
            then = np.where(near[:, x], chance, p)
            then = np.sort(then[legal & (np.arange(len(p)) != x)])
            score[x] += share * then[len(then) - later :].sum()
    return score


def question(seed: int, b: int, n: int, random: Any) -> tuple[Any, Any, Any]:
    """Return a belief that has seen some labels, a decision, and who has whom as neighbours."""
    vector: Any = gym.make_vec(TABLE, num_envs=b, horizon=n - 1, **table(n, seed))
    k, weight = int(random.integers(2, 12)), float(random.choice([0.1, 1.0]))
    belief = Neighbours(vector.model, b, k=k, weight=weight)
    observation = vector.reset(seed=0)[0]
    for _ in range(int(random.integers(n // 2))):
        free = np.where(observation["action_mask"], random.random((b, n)), -1)
        observation = vector.step(free.argmax(1))[0]
    belief.update(observation, np.ones(b, np.bool_))
    decision = Decision.first(observation["action_mask"], random.integers(1, 30, b))
    return belief, decision, neighbours(table(n, seed)["features"], k)


def test_choices_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand questions: few labels and many, few left and more than a label can reach."""
    random, ruled_out, not_greedy = np.random.default_rng(0), 0, 0
    monkeypatch.setattr(pruning, "FIRST", 1)
    for seed in range(50):
        belief, decision, near = question(seed, 20, 40, random)
        choice = ENS(None).choose(belief, decision, np.random.default_rng(seed))
        failure, success = belief.after()
        for i, legal in enumerate(decision.mask > 0):
            p, later = belief.chance()[i], min(decision.left[i], legal.sum()) - 1
            exact = brute_force(near, p, (failure[i], success[i]), legal, later)
            assert exact[choice[i]] >= exact.max() - 1e-9
            not_greedy += p[choice[i]] < p[legal].max() - 1e-9
            of = [np.where(legal, one, 0.0) for one in (p, failure[i], success[i])]
            scores = pruning.pruned(belief.reached(i), (of[0], of[1], of[2]), legal, later, 1e-9)
            known = np.isfinite(scores)
            np.testing.assert_allclose(scores[known], exact[known])
            ruled_out += legal.sum() - known.sum()
    assert not_greedy > 100
    assert ruled_out > 10_000


def test_candidates_and_steps() -> None:
    """Of the likeliest items the best by a shorter look-ahead; the last label is a greedy one."""
    random = np.random.default_rng(1)
    for seed in range(5):
        belief, decision, near = question(seed, 20, 40, random)
        few = ActiveSearch(2, 5).choose(belief, decision, random)
        one = ActiveSearch(1, None).choose(belief, decision, random)
        failure, success = belief.after()
        for i, legal in enumerate(decision.mask > 0):
            p = np.where(legal, belief.chance()[i], -1.0)
            assert p[one[i]] == p.max()
            exact = brute_force(near, p, (failure[i], success[i]), legal, int(decision.left[i] > 1))
            fifth = np.sort(p)[-5]
            assert p[few[i]] >= fifth - 1e-12
            assert exact[few[i]] >= exact[p > fifth].max(initial=-np.inf) - 1e-9


def test_agents_play_batches_and_late_labels() -> None:
    """Also where all episodes share a table, and on a pool of two."""
    for settings in ({"batch_size": 3}, {"delay": 2}):
        vector = gym.make_vec(TABLE, num_envs=2, horizon=12, **table(50), **settings)
        agent = make("ens(candidates=None, belief=neighbours(k=5))", vector)
        observation, state = vector.reset(seed=0)[0], None
        for _ in range(4):
            action, state = agent.predict(observation, state)
            observation = vector.step(action)[0]
        assert (observation["labelled"][:, :3] >= 0).all()
    two = gym.make_vec(TABLE, num_envs=1, features=[[0.0], [1.0]], labels=[0.0, 1.0], horizon=2)
    assert make("ens(belief=neighbours)", two).predict(two.reset(seed=0)[0])[0].shape == (1,)


def test_which_pools_and_bad_settings() -> None:
    assert "ens" in available(gym.make(POOL))
    for text, message in (
        ("ens(belief=neighbours(k=0))", "k must be an integer of at least 1, got 0"),
        ("ens(belief=neighbours(share=1))", "share must be .* got 1"),
        ("ens(belief=neighbours(weight=0))", "weight must be .* > 0 .*, got 0"),
    ):
        with pytest.raises(InputError, match=message):
            make(text, gym.make(POOL))
    with pytest.raises(InputError, match="No belief 'neighbours' fits LinearPool"):
        make("greedy(belief=neighbours)", gym.make("discovery/LinearPool-v0"))
