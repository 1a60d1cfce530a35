"""Active search against brute force, and GLM-UCB against its definition."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.rules import ENS, ActiveSearch, Decision, Greedy, active_search

POOL = "discovery/LogisticPool-v0"


class Worlds:
    """An exact belief: one of a few worlds, each with a probability of success per item."""

    def __init__(self, labels_left: list[int], items: int = 6, worlds: int = 4) -> None:
        random, b = np.random.default_rng(0), len(labels_left)
        self.left = np.array(labels_left)
        self.f = random.beta(0.4, 0.6, (b, worlds, items))  # probability of success
        self.weight = random.dirichlet(np.ones(worlds), b)

    def mean(self) -> Any:
        return np.einsum("bw,bwn->bn", self.weight, self.f)

    chance = mean

    def rounding(self) -> Any:
        return np.full((len(self.left), 1), 1e-12)

    def given(self, items: Any) -> tuple[Any, Any]:
        f = np.take_along_axis(self.f, items[:, None], 2)  # (B, W, m)
        both = [np.einsum("bw,bwm,bwn->bmn", self.weight, g, self.f) for g in (1 - f, f)]
        p = np.einsum("bw,bwm->bm", self.weight, f)[..., None]
        return both[0] / (1 - p), both[1] / p


def brute_force(belief: Worlds, mask: Any, steps: int | None) -> Any:
    """The score of every item by the definition: all outcomes and all sets of later items."""
    b, _, n = belief.f.shape
    score = np.full((b, n), -np.inf)
    for i in range(b):
        left = int(belief.left[i]) if steps is None else min(steps, belief.left[i])
        for x in mask[i].nonzero()[0]:
            others = [z for z in mask[i].nonzero()[0] if z != x]
            sets = list(combinations(others, min(max(left - 1, 0), len(others))))
            score[i, x] = belief.weight[i] @ belief.f[i, :, x]
            for y in (0, 1):
                likelihood = belief.f[i, :, x] if y else 1 - belief.f[i, :, x]
                joint = belief.weight[i] * likelihood
                means = joint @ belief.f[i]  # P(y) times the means given y
                score[i, x] += max(sum(means[z] for z in s) for s in sets)
    return score


@pytest.mark.parametrize("steps", [1, 2, 3, None])
def test_choices_are_those_of_brute_force(
    steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    belief = Worlds([1, 2, 3, 4, 6, 6, 5, 0] * 25)
    b, n = belief.mean().shape
    mask = (np.random.default_rng(1).random((b, n)) < 0.7).astype(np.int8)
    mask[:, 0] = 1
    rule = ENS() if steps is None else ActiveSearch(steps)
    decision = Decision.first(mask, belief.left)
    score = brute_force(belief, mask, steps)
    # These probabilities are in double precision, those of the beliefs of the package in single.
    monkeypatch.setattr(active_search, "ROUNDING", 1e-12)
    widths, given = list[int](), belief.given
    monkeypatch.setattr(belief, "given", lambda x: widths.append(x.shape[1]) or given(x))
    # The candidates all at once, three at a time because there is room for no more, and one by one.
    for block, room, width in ((2**13, 2**22, n), (1, 3 * b * n, 3), (1, 1, 1)):
        monkeypatch.setattr(active_search, "BLOCK", block)
        monkeypatch.setattr(active_search, "ROOM", room)
        widths.clear()
        choice = rule.choose(belief, decision, np.random.default_rng(0))
        assert max(widths) == width
        # two items may be equally good whichever comes first
        np.testing.assert_allclose(score[np.arange(b), choice], score.max(1))
    greedy = Greedy().choose(belief, decision, np.random.default_rng(0))
    loss = score.max(1) - score[np.arange(b), greedy]
    assert (loss < 1e-9).all() == (steps == 1)


def test_two_steps_are_the_best_policy_for_two_labels() -> None:
    """With two labels left the look-ahead is the exact optimum: no pair of policies finds more."""
    belief = Worlds([2] * 30, items=5)
    free = np.ones((30, 5), np.int8)
    choice = ActiveSearch().choose(
        belief, Decision.first(free, belief.left), np.random.default_rng(0)
    )
    for i in range(30):
        value = np.zeros(5)
        for x in range(5):
            for first in [z for z in range(5) if z != x]:  # after a failure
                for second in [z for z in range(5) if z != x]:  # after a success
                    f = belief.f[i]
                    found = f[:, x] + (1 - f[:, x]) * f[:, first] + f[:, x] * f[:, second]
                    value[x] = max(value[x], belief.weight[i] @ found)
        assert value[choice[i]] == pytest.approx(value.max())


def test_few_candidates() -> None:
    """Only the likeliest items are looked at, and of these the best is chosen."""
    belief = Worlds([4] * 40)
    mask = np.ones((40, 6), np.int8)
    mask[:, 2] = 0
    score = brute_force(belief, mask, None)
    rank = np.argsort(np.argsort(-np.where(mask, belief.mean(), -1), axis=1), axis=1)
    few = np.where(rank < 2, score, -np.inf)
    assert (few.max(1) < score.max(1) - 1e-9).any()
    choice = ENS(2).choose(belief, Decision.first(mask, belief.left), np.random.default_rng(0))
    np.testing.assert_allclose(few[np.arange(40), choice], few.max(1))


def test_on_the_logistic_pool() -> None:
    """The rules reach the belief through the agent, and the last label is a greedy one."""
    vector = gym.make_vec(POOL, num_envs=3, num_items=25, num_features=3, horizon=6)
    for text in ("ens(candidates=None)", "active_search(steps=2)"):
        agent, state = make(text, vector), None
        observation, _ = vector.reset(seed=0)
        for left in range(6, 0, -1):
            actions, state = agent.predict(observation, state)
            assert agent.decision(observation).left.tolist() == [left] * 3
            assert observation["action_mask"][np.arange(3), actions].all()
            if left == 1:
                legal = np.where(observation["action_mask"], state.rest.mean(), -1)
                np.testing.assert_array_equal(actions, legal.argmax(1))
            observation = vector.step(actions)[0]


def test_glm_ucb() -> None:
    """d + 1 random items first, then the bound of LinUCB on labels 0 and 1."""
    vector = gym.make_vec(POOL, num_envs=200, num_items=40, num_features=3, horizon=9)
    agent, state = make("glm_ucb", vector), None
    observation, _ = vector.reset(seed=0)
    for t in range(9):
        actions, state = agent.predict(observation, state)
        bound = np.where(observation["action_mask"], state.rest.mean() + state.rest.std(), -np.inf)
        short = bound.max(1) - bound[np.arange(200), actions]
        largest = short <= 2 * state.rest.rounding()[:, 0]
        assert largest.mean() < 0.2 if t < 4 else largest.all()
        assert t < 4 or (short == 0).mean() > 0.95
        observation = vector.step(actions)[0]
    x = vector.model.feature_matrix(observation).astype(float)
    a, y = x[0][observation["labelled"][0, :8]], observation["labels"][0, :8]
    ridge = np.linalg.inv(a.T @ a + 1e-3 * np.eye(3))
    np.testing.assert_allclose(state.rest.mean()[0], x[0] @ ridge @ a.T @ y, atol=1e-3)
    width = np.sqrt(np.einsum("nd,de,ne->n", x[0], ridge, x[0]))
    np.testing.assert_allclose(state.rest.std()[0], width, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("active_search(steps=0)", "steps must be an integer of at least 1, got 0"),
        ("ens(candidates=0)", "candidates must be an integer of at least 1, got 0"),
        ("ens(steps=2)", "ens has no setting 'steps'"),
        ("ens(belief=linear)", "No belief 'linear' fits LogisticPool and the rule.*: logistic"),
        ("glm_ucb(belief=logistic)", "glm_ucb brings its own belief"),
        ("glm_ucb(ridge=0)", "ridge.*> 0"),
    ],
)
def test_bad_settings(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(text, gym.make(POOL))


def test_which_pools() -> None:
    assert {"ens", "active_search", "glm_ucb"} <= set(available(gym.make(POOL)))
    assert not {"ens", "active_search"} & set(available(gym.make("discovery/LinearPool-v0")))
