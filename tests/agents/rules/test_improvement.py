"""Expected improvement and the knowledge gradient: against quadrature and brute force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.special import roots_legendre
from scipy.stats import norm

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import GaussianProcess, Linear, Nodes
from discovery_gym.agents.beliefs.belief import AdditiveNoise, Belief
from discovery_gym.agents.rules import (
    Decision,
    EpsilonGreedy,
    ExpectedImprovement,
    KnowledgeGradient,
    improvement,
)
from discovery_gym.agents.rules.improvement import (
    _gain_at_most,
    envelope,
    log_improvement,
    rise_of_largest,
)

POOL, LINEAR, GRAPH = (f"discovery/{name}-v0" for name in ("TablePool", "LinearPool", "GraphPool"))
FREE = np.random.default_rng(0)
POINTS, WEIGHTS = roots_legendre(4000)
POINTS, WEIGHTS = 9 * POINTS, 9 * WEIGHTS * norm.pdf(9 * POINTS)


class Given(AdditiveNoise):
    """A belief with given moments; labels carry noise of variance 0.25."""

    def __init__(self, mean: Any, root: Any) -> None:
        self._mean, self._cov = np.array(mean), root @ np.swapaxes(root, 1, 2)

    @classmethod
    def fits(cls, model: Any) -> bool:
        return True

    def update(self, observation: Any, start: Any) -> None: ...
    def mean(self) -> Any:
        return self._mean

    def std(self) -> Any:
        return np.sqrt(np.einsum("bnn->bn", self._cov))

    def sample(self, count: int, random: np.random.Generator) -> Any:
        return np.stack(
            [
                random.multivariate_normal(m, c, count)
                for m, c in zip(self._mean, self._cov, strict=True)
            ]
        )

    def covariance(self, items: Any, random: np.random.Generator) -> Any:
        return np.take_along_axis(self._cov, items[..., None], 1)

    def noise_variance(self, items: Any) -> Any:
        return np.full(items.shape, 0.25)

    def look_ahead(self, items: Any) -> Any: ...


def learnt(name: str, kind: Any, steps: int = 6, **kwargs: Any) -> tuple[Any, Any]:
    """Return a belief about three episodes that has seen some labels, and the observation."""
    vector = gym.make_vec(name, num_envs=3, **kwargs)
    observation, _ = vector.reset(seed=0)
    belief = kind(vector.model, 3)
    belief.update(observation, np.ones(3, np.bool_))
    for t in range(steps):
        observation = vector.step(np.arange(3) * 7 + t)[0]
    belief.update(observation, np.zeros(3, np.bool_))
    return belief, observation


# ---- covariances


@pytest.mark.parametrize("name", ["linear", "table", "gp", "gp matern", "gp fresh", "nodes"])
def test_covariance_is_that_of_the_draws(name: str) -> None:
    small = {"num_items": 40, "horizon": 12}
    belief, _ = {
        "linear": lambda: learnt(LINEAR, Linear, **small, num_features=4),
        "table": lambda: learnt(POOL, Linear),
        "gp": lambda: learnt(LINEAR, GaussianProcess, **small, num_features=4),
        "gp matern": lambda: learnt(
            LINEAR, lambda m, b: GaussianProcess(m, b, kernel="matern"), **small, num_features=4
        ),
        "gp fresh": lambda: learnt(LINEAR, GaussianProcess, 0, **small, num_features=4),
        "nodes": lambda: learnt(GRAPH, Nodes),
    }[name]()
    n = belief.mean().shape[1]
    items = np.array([[3, 0], [5, n - 1], [11, 11]])
    exact = belief.covariance(items, FREE)
    assert exact.shape == (3, 2, n)
    own = np.take_along_axis(exact, items[..., None], 2)[..., 0]
    variance = np.take_along_axis(belief.std() ** 2, items, 1)
    np.testing.assert_allclose(own, variance, rtol=1e-4, atol=1e-6)
    random = np.random.default_rng(7)
    drawn = np.mean([Belief.covariance(belief, items, random) for _ in range(15)], 0)
    std = belief.std()
    scale = np.take_along_axis(std, items, 1)[..., None] * std[:, None]
    # 15,000 draws; those of the Gaussian process have a few per cent of their own.
    assert (np.abs(exact - drawn) < (0.045 if "gp" not in name else 0.09) * scale + 1e-6).all()


def test_the_label_moves_the_means_along_the_covariance() -> None:
    """What the knowledge gradient rests on: mean' = mean + cov(., f(x)) (y - mean(x)) / variance."""
    vector = gym.make_vec(LINEAR, num_envs=2, noise_std=0.5)
    observation, _ = vector.reset(seed=0)
    belief, start = Linear(vector.model, 2), np.ones(2, np.bool_)
    for t in range(5):
        belief.update(observation, start)
        start = np.zeros(2, np.bool_)
        observation = vector.step(np.array([t, t + 50]))[0]
    belief.update(observation, start)
    items = np.array([[9], [400]])
    before, row = belief.mean().copy(), belief.covariance(items, FREE)[:, 0]
    every = np.arange(2)
    variance = belief.std()[every, items[:, 0]] ** 2 + belief.noise_variance(items)[:, 0]
    observation = vector.step(items[:, 0])[0]
    belief.update(observation, start)
    surprise = observation["labels"][:, 5] - before[every, items[:, 0]]
    expected = before + row * (surprise / variance)[:, None]
    np.testing.assert_allclose(belief.mean(), expected, rtol=1e-4, atol=1e-4)


# ---- formulas


def test_log_improvement() -> None:
    z = np.linspace(-8, 8, 33)
    exact = [(np.maximum(0, x + POINTS) * WEIGHTS).sum() for x in z]
    np.testing.assert_allclose(np.exp(log_improvement(z)), exact, rtol=1e-3, atol=1e-12)
    far = log_improvement(np.array([-999.0, -1001.0, -1e12]))
    x = np.array([-999.0, -1001.0, -1e12])
    series = -(x**2) / 2 - np.log(2 * np.pi) / 2 - 2 * np.log(-x)
    np.testing.assert_allclose(far, series, rtol=1e-10, atol=1e-4)
    assert np.diff(log_improvement(np.linspace(-50, 50, 4001))).min() > 0


def lines(seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    n = random.integers(1, 60)
    mean, slope = random.standard_normal(n), random.standard_normal(n)
    if seed % 4 == 1:
        mean, slope = np.round(mean), np.round(slope)  # parallel and equal lines
    if seed % 4 == 2:
        slope *= 1e-3
    if seed % 4 == 3:
        mean += 1e6
    return mean, slope


@pytest.mark.parametrize("seed", range(40))
def test_envelope_and_rise(seed: int) -> None:
    mean, slope = lines(seed)
    chosen = envelope(mean, slope)
    assert (np.diff(slope[chosen]) > 0).all()
    heights = mean + slope * POINTS[:, None]
    highest = heights.max(1)
    np.testing.assert_allclose(heights[:, chosen].max(1), highest, rtol=1e-11, atol=1e-11)
    expected = ((highest - mean.max()) * WEIGHTS).sum()
    assert abs(rise_of_largest(mean, slope) - expected) < 1e-5 * np.abs(slope).max() + 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_bound_of_the_rise(seed: int) -> None:
    """Exactly E[max(mean + r std |Z|)] - max(mean), and so above any slopes of at most r std."""
    mean, slope = lines(seed)
    std, signal = np.abs(slope) + 0.01, np.array([0.0, 0.3, 1.0])
    bound = _gain_at_most(mean, std, signal)
    for r, ours in zip(signal, bound, strict=True):
        highest = (mean + r * std * np.abs(POINTS)[:, None]).max(1)
        expected = ((highest - mean.max()) * WEIGHTS).sum()
        assert abs(ours - expected) < 1e-5 * std.max() + 1e-9
    assert rise_of_largest(mean, slope) <= bound[2] + 1e-9


def test_a_test_that_tells_nothing_of_items_that_are_all_but_alike() -> None:
    """It gains nothing, and no number overflows."""
    bound = _gain_at_most(np.array([0.0, -1.0]), np.array([1.0, 1.0 + 1e-9]), np.zeros(1))
    assert bound == 0


# ---- rules


def some_labelled(mask: Any, arrived: Any) -> Decision:
    """Return the decision where the items outside ``mask`` are chosen, and some labels have come."""
    chosen = np.where(mask == 0, np.arange(mask.shape[1]), -1)
    rows = -np.sort(-chosen, axis=1)
    known = np.where(np.isin(rows, arrived), rows, -1)
    return replace(Decision.first(mask), labelled=rows, arrived=known)


def test_expected_improvement_by_its_definition() -> None:
    """The incumbent is the best of the items whose labels have come; of all items, where none has."""
    random = np.random.default_rng(1)
    mean, root = random.standard_normal((5, 9)), random.standard_normal((5, 9, 9))
    root *= random.random((5, 9, 1))
    mask = np.ones((5, 9), np.int8)
    mask[1:, :3] = 0
    mean[1:, 2] += 5.0  # where it is in flight, it must not count
    belief = Given(mean, root)
    for arrived in ([0, 1, 2], [0, 1], []):
        chosen = ExpectedImprovement().choose(belief, some_labelled(mask, arrived), random)
        for i in range(5):
            found = mean[i, arrived] if i and arrived else mean[i]
            gain = mean[i] - found.max() + belief.std()[i] * POINTS[:, None]
            score = (np.maximum(gain, 0) * WEIGHTS[:, None]).sum(0)
            score[mask[i] == 0] = -1
            assert score[chosen[i]] > score.max() - 1e-6


@pytest.mark.parametrize("settings", [{"delay": 3}, {"batch_size": 3}])
def test_expected_improvement_improves_on_what_has_its_label(
    settings: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an item in flight nor one of the same batch counts as found, by the agent's choices."""
    vector = gym.make_vec(LINEAR, num_envs=3, num_items=30, num_features=4, horizon=12, **settings)
    agent, state = make("expected_improvement", vector), None
    observation, start = vector.reset(seed=0)[0], np.ones(3, np.bool_)
    seen: list[Any] = []
    bound = improvement._at_most
    monkeypatch.setattr(improvement, "_at_most", lambda a, *s: seen.append(a) or bound(a, *s))
    for _ in range(3):
        seen.clear()
        belief = agent.new_belief(3)
        belief.update(observation, start)
        action, state = agent.predict(observation, state)
        come = observation.get("arrived", (observation["labelled"] >= 0).sum(1, keepdims=True))
        mean = belief.mean()
        for i, count in enumerate(come[:, 0]):
            found = mean[i, observation["labelled"][i, :count]] if count else mean[i]
            for ahead in seen:  # once for every item of a batch
                np.testing.assert_allclose(ahead[i], mean[i] - found.max(), atol=1e-5)
        observation = vector.step(action)[0]


def test_expected_improvement_where_nothing_is_unsure() -> None:
    """The largest mean, also where it is below the incumbent and its improvement underflows."""
    mean = np.array([[5.0, 1.0, 2.0], [5.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    root = np.zeros((3, 3, 3))
    root[1] = np.eye(3) * 1e-3
    mask = np.array([[0, 1, 1]] * 3, np.int8)
    decision = some_labelled(mask, [0])
    chosen = ExpectedImprovement().choose(Given(mean, root), decision, FREE)
    assert chosen[:2].tolist() == [2, 2]
    assert chosen[2] in (1, 2)


@pytest.mark.parametrize("left", [1, 2, 40])
def test_knowledge_gradient_by_brute_force(left: int) -> None:
    """The score of every item by quadrature over its label; the rule finds the best of them."""
    random = np.random.default_rng(left)
    b, n = 12, 14
    mean = random.standard_normal((b, n))
    root = random.standard_normal((b, n, 3)) * random.random((b, n, 1))
    mask = (random.random((b, n)) < 0.7).astype(np.int8)
    mask[0], mask[1], mask[2, 1:] = 1, [1, 1, *[0] * (n - 2)], 0
    mask[2, 0] = 1
    belief, decision = Given(mean, root), Decision.first(mask, left)
    chosen = KnowledgeGradient().choose(belief, decision, random)
    for i in range(b):
        score = np.full(n, -np.inf)
        for x in mask[i].nonzero()[0]:
            others = [z for z in mask[i].nonzero()[0] if z != x]
            score[x] = mean[i, x]
            if others:
                slope = belief._cov[i, x, others] / np.sqrt(belief._cov[i, x, x] + 0.25)
                highest = (mean[i, others] + slope * POINTS[:, None]).max(1)
                rise = (highest * WEIGHTS).sum() - mean[i, others].max()
                score[x] += (left - 1) * rise
        assert score[chosen[i]] > score.max() - 1e-4
    if left > 2:
        few = KnowledgeGradient(candidates=1).choose(belief, decision, random)
        greedy = np.where(mask, mean, -np.inf).argmax(1)
        assert few.tolist() == greedy.tolist()  # the item of the largest mean comes first
        assert (few != chosen).any()


def test_independent_items_are_taken_greedily() -> None:
    mean = np.array([[0.0, 0.3, 0.2]])
    root = np.diag([5.0, 0.1, 3.0])[None]
    decision = Decision.first(np.ones((1, 3), np.int8), 30)
    assert KnowledgeGradient().choose(Given(mean, root), decision, FREE).tolist() == [1]


def test_who_can_use_the_knowledge_gradient() -> None:
    """On graphs a label shows many values at once; campaigns have no additive noise."""
    assert "knowledge_gradient" in available(gym.make(POOL))
    assert "knowledge_gradient" not in available(gym.make(GRAPH))
    with pytest.raises(InputError, match="'knowledge_gradient' cannot play GraphPool"):
        make("knowledge_gradient", gym.make(GRAPH))
    agent = make("knowledge_gradient(belief=gp(kernel='matern'))", gym.make(POOL))
    assert isinstance(agent.new_belief(1), GaussianProcess)


def test_epsilon_greedy() -> None:
    mean = np.tile([0.0, 2.0, 1.0, 9.0], (8000, 1))
    mask = np.tile(np.array([1, 1, 1, 0], np.int8), (8000, 1))
    belief = Given(mean[:1], np.zeros((1, 4, 4)))
    belief._mean = mean
    counts = np.bincount(EpsilonGreedy(0.3).choose(belief, Decision.first(mask), FREE), minlength=4)
    expected = 8000 * np.array([0.1, 0.8, 0.1, 0.0])
    assert (np.abs(counts - expected) <= 4.5 * np.sqrt(expected)).all()
    assert (EpsilonGreedy(0.0).choose(belief, Decision.first(mask), FREE) == 1).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epsilon_greedy(epsilon=1.5)", "epsilon.*<= 1.*1.5"),
        ("knowledge_gradient(candidates=0)", "candidates must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(text, gym.make(POOL))
