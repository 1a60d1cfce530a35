"""Information-directed sampling against brute force and exact posteriors."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import discovery_gym
from discovery_gym.agents import make
from discovery_gym.agents.beliefs import Linear
from discovery_gym.agents.beliefs.belief import Belief
from discovery_gym.agents.rules import IDS, Decision
from discovery_gym.agents.rules.information_directed import two_points

POOL = "discovery/TablePool-v0"


def brute_force(regret: Any, gain: Any, lam: float) -> float:
    """The least ratio over all pairs of items and a fine grid of weights."""
    small = np.geomspace(1e-6, 0.5, 600)
    q = np.concatenate([[0.0], small, 1 - small, [1.0]])
    mixed_regret = regret[:, None, None] * (1 - q) + regret[None, :, None] * q
    mixed_gain = gain[:, None, None] * (1 - q) + gain[None, :, None] * q
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmin(mixed_regret**lam / mixed_gain))


@pytest.mark.parametrize("lam", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("shape", ["uniform", "ties", "correlated", "heavy"])
def test_two_point_minimum_is_exact(lam: float, shape: str) -> None:
    random = np.random.default_rng(int(lam * 10))
    for n in (1, 2, 3, 9, 20):
        regret, gain = random.random((8, n)), random.random((8, n))
        if shape == "ties":
            regret, gain = np.round(regret, 1) + 0.1, np.round(gain, 1) + 0.1
        elif shape == "correlated":
            gain = regret**2 * (0.5 + random.random((8, n)))
        elif shape == "heavy":
            regret, gain = regret**6 + 1e-6, gain**6 + 1e-6
        legal = random.random((8, n)) < 0.8
        legal[:, random.integers(n)] = True
        masked = np.where(legal, regret, np.inf), np.where(legal, gain, 0.0)
        for i, (one, other, weight) in enumerate(zip(*two_points(*masked, lam), strict=True)):
            assert 0 <= weight <= 1
            assert legal.take([one, other]).all()
            assert one // n == other // n == i
            ours = ((1 - weight) * regret.take(one) + weight * regret.take(other)) ** lam / (
                (1 - weight) * gain.take(one) + weight * gain.take(other)
            )
            # What a distribution attains cannot be below the minimum; it must not be above.
            assert ours <= brute_force(regret[i][legal[i]], gain[i][legal[i]], lam) * (1 + 1e-9)


def test_no_distribution_over_many_items_is_better() -> None:
    random = np.random.default_rng(0)
    regret, gain = random.random(12), random.random(12)
    pair = np.zeros(12)
    for first, second, weight in zip(*two_points(regret[None], gain[None], 2.0), strict=True):
        pair[first] += 1 - weight
        pair[second] += weight
    best = (pair @ regret) ** 2 / (pair @ gain)
    others = random.dirichlet(np.full(12, 0.2), 20_000)
    assert ((others @ regret) ** 2 / (others @ gain)).min() >= best * (1 - 1e-12)


def learnt(episodes: int = 3, steps: int = 6, **kwargs: Any) -> tuple[Any, Any]:
    vector = gym.make_vec(POOL, num_envs=episodes, **kwargs)
    observation, _ = vector.reset(seed=0)
    belief = Linear(vector.model, episodes, noise_std=0.3)
    start = np.ones(episodes, np.bool_)
    for t in range(steps):
        belief.update(observation, start)
        start = np.zeros(episodes, np.bool_)
        observation = vector.step(np.arange(episodes) * 7 + t)[0]
    belief.update(observation, start)
    return belief, observation["action_mask"]


def test_linear_shortcut_is_the_definition() -> None:
    """The product form of the linear belief is what the draws themselves say."""
    belief, mask = learnt()
    quick = belief.about_best(4000, mask, np.random.default_rng(1))
    plain = Belief.about_best(belief, 4000, mask, np.random.default_rng(2))
    for ours, theirs in zip(quick, plain, strict=True):
        assert ours.shape == theirs.shape == (3, 442)
        scale = np.abs(theirs).max()
        assert np.abs(ours - theirs).max() < 0.25 * scale
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97


def test_what_is_explained_is_at_most_the_variance() -> None:
    belief, mask = learnt()
    regret, explained = belief.about_best(3000, mask, np.random.default_rng(0))
    assert (explained >= 0).all()
    assert (explained <= belief.std() ** 2 * 1.15 + 1e-9).all()
    assert (regret[mask == 1] > -1e-6).all()


def test_two_items_by_hand() -> None:
    """With two independent items the explained variance has a closed form."""

    class Two(Belief):
        def __init__(self) -> None: ...
        @classmethod
        def fits(cls, model: Any) -> bool:
            return True

        def update(self, observation: Any, start: Any) -> None: ...
        def mean(self) -> Any: ...
        def std(self) -> Any: ...
        def sample(self, count: int, random: np.random.Generator) -> Any:
            return random.standard_normal((1, count, 2))

        def look_ahead(self, items: Any) -> Any: ...

    regret, explained = Two().about_best(
        400_000, np.ones((1, 2), np.int8), np.random.default_rng(0)
    )
    # E[max] = 1/sqrt(pi), and E[f(x) | x is the better one] = 1/sqrt(pi) as well
    np.testing.assert_allclose(regret, 1 / np.sqrt(np.pi), atol=0.01)
    np.testing.assert_allclose(explained, 1 / np.pi, atol=0.01)


class Draws(Belief):
    """Draws that are given."""

    def __init__(self, draws: Any) -> None:
        self.draws = draws

    @classmethod
    def fits(cls, model: Any) -> bool:
        return True

    def update(self, observation: Any, start: Any) -> None: ...
    def mean(self) -> Any: ...
    def std(self) -> Any: ...
    def sample(self, count: int, random: np.random.Generator) -> Any:
        return self.draws

    def look_ahead(self, items: Any) -> Any: ...


@pytest.mark.parametrize("masked", [False, True])
def test_sets_of_the_best_by_brute_force(masked: bool) -> None:
    """Group the draws by their set of the best items, one draw after the other."""
    random = np.random.default_rng(3)
    belief = Draws(np.round(random.standard_normal((4, 60, 6)), 3) + np.arange(6) / 3)
    mask = np.ones((4, 6), np.int8)
    if masked:
        mask[:, 5] = mask[1:, 0] = mask[2, 1:4] = 0
    left = np.array([1, 2, 3, 9])
    regret, explained = belief.about_top(60, mask, left, random)
    for i in range(4):
        legal = mask[i].nonzero()[0]
        groups: dict[frozenset[int], list[Any]] = {}
        for draw in belief.draws[i]:
            best = sorted(legal, key=lambda x: -draw[x])[: left[i]]
            groups.setdefault(frozenset(best), []).append(draw)
        centre = belief.draws[i].mean(0)
        expected = sum(len(g) / 60 * (np.mean(g, 0) - centre) ** 2 for g in groups.values())
        np.testing.assert_allclose(explained[i], expected, atol=1e-12)
        top = belief.draws[i][:, legal].max(1).mean()
        np.testing.assert_allclose(regret[i], top - centre, atol=1e-12)
    if not masked:
        one = belief.about_best(60, mask, random)
        np.testing.assert_allclose(explained[0], one[1][0], atol=1e-12)


def test_with_many_labels_left_the_set_explains_everything() -> None:
    vector = gym.make_vec(POOL, num_envs=2)
    belief = Linear(vector.model, 2)
    belief.update(vector.reset(seed=0)[0], np.ones(2, np.bool_))
    free, left = np.ones((2, 442), np.int8), np.full(2, 89)
    explained = belief.about_top(2000, free, left, np.random.default_rng(0))[1]
    np.testing.assert_allclose(explained, belief.std() ** 2, rtol=0.2)


def test_agents_know_how_many_labels_are_left() -> None:
    vector = gym.make_vec(POOL, num_envs=2, horizon=4)
    agent, state = make("ids(about='top', samples=20)", vector), None
    observation, _ = vector.reset(seed=0)
    for left in (4, 3, 2, 1):
        actions, state = agent.predict(observation, state)
        assert agent.decision(observation).left.tolist() == [left, left]
        observation = vector.step(actions)[0]


def test_the_least_regret_decides_where_nothing_can_be_learnt() -> None:
    class Sure:
        def about_best(self, count: int, mask: Any, random: Any) -> Any:
            return np.array([[0.5, 0.0, 0.2]]), np.zeros((1, 3))

        def rounding(self, drawn: bool = False) -> Any:
            return np.full((1, 1), 1e-6)

        def widest(self) -> Any:
            return np.ones((1, 1))

        def reach(self, gain: Any) -> Any:
            return gain

    random, free = np.random.default_rng(0), np.ones((1, 3), np.int8)
    taken = np.array([[1, 0, 1]], np.int8)
    for deterministic in (False, True):
        rule = IDS(deterministic=deterministic)
        assert rule.choose(Sure(), Decision.first(free), random).tolist() == [1]
        assert rule.choose(Sure(), Decision.first(taken), random).tolist() == [2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ids(lam=0.5)", "lam.*>= 1.*0.5"),
        ("ids(samples=1)", "samples.*at least 2.*1"),
        ("ids(about='worst')", "about must be one of 'best', 'top', got 'worst'"),
        ("ids(deterministic=2)", "deterministic must be True or False, got 2"),
        ("linucb(ridge=0)", "ridge.*> 0"),
        ("linucb(belief=linear)", "linucb brings its own belief"),
    ],
)
def test_bad_settings(text: str, message: str) -> None:
    with pytest.raises(discovery_gym.InputError, match=message):
        make(text, gym.make(POOL))


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_last_item_of_a_pool_is_chosen_without_a_warning(deterministic: bool) -> None:
    """Labelled items may be better than all that is left: their regret is then negative."""
    x, y = np.array([[3.0], [2.0], [1.0]]), np.array([3.0, 2.0, 1.0])
    vector = gym.make_vec(POOL, num_envs=1, features=x, labels=y, horizon=3, illegal="raise")
    agent = make(f"ids(deterministic={deterministic})", vector)
    observation, _ = vector.reset(seed=0)
    state = None
    for _ in range(3):
        action, state = agent.predict(observation, state)
        observation, *_ = vector.step(action)
    assert sorted(observation["labelled"][0].tolist()) in ([0, 1, 2], [-1, -1, -1])


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("rows", [[0], [2], [0, 1, 2]])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_where_nothing_may_be_chosen_the_choice_is_an_item_of_the_same_episode(
    deterministic: bool, rows: list[int]
) -> None:
    """And those of the other episodes stay as they are."""
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=3, num_items=20, horizon=20)
    agent = make(f"ids(samples=100, deterministic={deterministic})", vector)
    observation, _ = vector.reset(seed=0)
    free = agent.predict(observation, None)[0]
    mask = np.ones((3, 20), np.int8)
    mask[rows] = 0
    chosen = agent.predict(observation | {"action_mask": mask}, None)[0]
    assert ((chosen >= 0) & (chosen < 20)).all()
    others = np.setdiff1d(np.arange(3), rows)
    np.testing.assert_array_equal(chosen[others], free[others])


def test_where_all_draws_agree_about_the_best_the_least_regret_decides() -> None:
    """What explains nothing is exactly 0: digits that rounding leaves would choose an item."""
    random = np.random.default_rng(5)
    belief = Draws(random.standard_normal((3, 50, 8)) + np.arange(8))
    mask = np.ones((3, 8), np.int8)
    regret, explained = belief.about_top(50, mask, np.full(3, 8), random)
    assert (explained == 0).all()
    gain = np.zeros((3, 8))
    chosen = IDS(about="top")._drawn(regret, gain, mask, (np.zeros((3, 1)),) * 2, random)
    np.testing.assert_array_equal(chosen, regret.argmin(1))
