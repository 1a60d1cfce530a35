"""Beliefs, rules and names for conditions, against their formulas written out."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.beliefs import Bernoulli, Normal, SampleMean
from discovery_gym.agents.beliefs.conditions import FIRST
from discovery_gym.agents.rules import Repeated
from discovery_gym.envs.conditions.general_conditions import GeneralConditions

ID = "discovery/GeneralConditions-v0"
RANDOM = np.random.default_rng(0)
YIELDS = 100 * RANDOM.random((5, 40))
TABLE: dict[str, Any] = {"world": "table", "yields": YIELDS, "horizon": 30}
MODEL = GeneralConditions(**TABLE)


def seen(
    labels: list[list[float]], flying: list[int] | None = None, left: int = 3
) -> dict[str, Any]:
    """Return the observation of one episode after some labels of each condition."""
    moments = [(len(one), np.mean(one or [0]), np.std(one or [0])) for one in labels]
    counts, means, stds = (np.array([part]) for part in zip(*moments, strict=True))
    late = {} if flying is None else {"in_flight": np.array([flying]), "lost": 0 * counts}
    return {
        "action_mask": np.ones(counts.shape, np.int8),
        "counts": counts,
        **late,
        "means": means.astype(np.float32),
        "stds": stds.astype(np.float32),
        "tests_left": np.full((1, 1), left, np.float32),
    }


def learnt(belief: Any, observation: Any, model: Any = MODEL, **settings: Any) -> Any:
    one = belief(model, 1, **settings)
    one.update(observation, np.ones(1, np.bool_))
    return one


LABELS = [[0.2, 0.9, 0.4], [0.7], [], [1.0, 1.0, 0.0, 0.3], [0.5, 0.6]]


class TestBeliefs:
    def test_normal_on_a_grid(self) -> None:
        belief = learnt(Normal, seen(LABELS), prior_mean=0.4, prior_std=0.2, noise_std=0.3)
        x = np.linspace(-2, 3, 20_001)
        for k, labels in enumerate(LABELS):
            density = stats.norm(0.4, 0.2).pdf(x)
            for label in labels:
                density *= stats.norm(x, 0.3).pdf(label)
            density /= density.sum()
            mean = float(density @ x)
            assert belief.mean()[0, k] == pytest.approx(mean, abs=1e-6)
            assert belief.std()[0, k] == pytest.approx(np.sqrt(density @ (x - mean) ** 2), abs=1e-6)

    def test_bernoulli(self) -> None:
        labels = [[1.0, 1.0, 0.0], [], [0.0]]
        model = GeneralConditions(prior=(2.0, 5.0))
        belief = learnt(Bernoulli, seen(labels), model)
        law = [stats.beta(2 + sum(one), 5 + len(one) - sum(one)) for one in labels]
        np.testing.assert_allclose(belief.mean()[0], [one.mean() for one in law])
        np.testing.assert_allclose(belief.std()[0], [one.std() for one in law])
        draws = belief.sample(20_000, np.random.default_rng(1))[0]
        for k, one in enumerate(law):
            assert stats.kstest(draws[:, k], one.cdf).pvalue > 1e-4

    def test_labels_in_flight_narrow_and_do_not_move(self) -> None:
        items = np.array([[0, 2, 0, -1]])
        for kind in (Normal, Bernoulli):
            now = learnt(kind, seen(LABELS))
            ahead = now.look_ahead(items)
            np.testing.assert_array_equal(ahead.mean(), now.mean())
            changed = ahead.std()[0] < now.std()[0]
            assert changed.tolist() == [True, False, True, False, False]
            assert (now.pending == 0).all()
        ahead = learnt(Normal, seen(LABELS)).look_ahead(items)
        assert ahead.std()[0, 0] == pytest.approx((1 / 0.25**2 + 5 / 0.3**2) ** -0.5)

    def test_sample_mean(self) -> None:
        belief = learnt(SampleMean, seen(LABELS), extra=1.0)
        assert belief.mean()[0, 2] == FIRST
        assert belief.mean()[0, 3] == pytest.approx(2.3 / 4)
        assert belief.std()[0, 3] == pytest.approx(0.25 / 5**0.5)
        ahead = belief.look_ahead(np.array([[2]]))
        assert ahead.mean()[0, 2] == 0.5


class TestRules:
    def score(self, rule: str) -> Any:
        """Return how often a rule takes each condition after some labels."""
        labels = [one or [0.1] for one in LABELS]
        observation = {key: np.repeat(part, 400, 0) for key, part in seen(labels, left=19).items()}
        chosen = make(rule, MODEL).predict(observation)[0]
        return np.bincount(chosen, minlength=5) / 400, labels

    def test_ucb1(self) -> None:
        counts, labels = self.score("ucb1")
        n = np.array([len(one) for one in labels])
        index = [np.mean(one) for one in labels] + np.sqrt(2 * np.log(n.sum() + 1) / n)
        assert counts[index.argmax()] == 1

    def test_ucb1_tuned(self) -> None:
        counts, labels = self.score("ucb1_tuned")
        n, log = np.array([len(one) for one in labels]), np.log(12)
        spread = np.array([np.var(one) for one in labels]) + np.sqrt(2 * log / n)
        index = [np.mean(one) for one in labels] + np.sqrt(log / n * np.minimum(0.25, spread))
        assert counts[index.argmax()] == 1

    def test_bayes_ucb_of_the_paper(self) -> None:
        counts, labels = self.score("bayes_ucb(width=2, belief=sample_mean)")
        index = [np.mean(one) + 2 * 0.25 / len(one) ** 0.5 for one in labels]
        assert counts[int(np.argmax(index))] == 1

    def test_thompson_of_the_paper(self) -> None:
        counts, labels = self.score("thompson(belief=sample_mean(extra=1))")
        means, n = np.array([np.mean(one) for one in labels]), np.array([*map(len, labels)])
        draws = means + 0.25 / np.sqrt(n + 1) * RANDOM.standard_normal((100_000, 5))
        chances = np.bincount(draws.argmax(1), minlength=5) / 1e5
        assert (np.abs(counts - chances) < 4 * np.sqrt(chances / 400 + 1e-6)).all()

    def test_annealed_greedy(self) -> None:
        counts, labels = self.score("annealed_greedy")
        chance = 1 / np.log(12)
        best = int(np.argmax([np.mean(one) for one in labels]))
        assert abs(counts[best] - (1 - 0.8 * chance)) < 4 * 0.5 / 20
        assert (counts > 0).all()

    @pytest.mark.parametrize(
        "rule",
        ["ucb1", "ucb1_tuned", "bayes_ucb(width=2, belief=sample_mean)", "round_robin",
         "thompson(belief=sample_mean(extra=1))", "greedy(belief=sample_mean)"],
    )  # fmt: skip
    def test_every_condition_once_first(self, rule: str) -> None:
        vector = gym.make_vec(ID, num_envs=300, **TABLE)
        observation, agent, state = vector.reset(seed=0)[0], make(rule, vector), None
        orders = []
        for _ in range(5):
            action, state = agent.predict(observation, state)
            orders.append(action)
            observation = vector.step(action)[0]
        assert (observation["counts"] == 1).all()
        assert stats.chisquare(np.bincount(orders[0], minlength=5)).pvalue > 1e-4

    @pytest.mark.parametrize(
        ("text", "each"), [("explore_commit", 6), ("explore_commit(tests=2)", 2)]
    )
    def test_explore_commit(self, text: str, each: int) -> None:
        vector = gym.make_vec(ID, num_envs=50, **TABLE | {"horizon": 33})
        observation, agent, state = vector.reset(seed=0)[0], make(text, vector), None
        for t in range(33):
            action, state = agent.predict(observation, state)
            if t >= 5 * each:
                assert (action == observation["means"].argmax(1)).all()
            observation = vector.step(action)[0]
            if t == 5 * each - 1:
                assert (observation["counts"] == each).all()

    def test_what_is_in_flight(self) -> None:
        decision = Repeated.of(seen([[1.0], [], [0.5, 0.5]], [0, 2, 1]))
        assert decision.pending.tolist() == [[1, 1, 2]]
        assert decision.known.tolist() == [[True, False, True]]
        assert decision.chosen.tolist() == [6]

    def test_pending_counts_or_not(self) -> None:
        """Two labels in flight take the lead of the condition whose bound was the highest."""
        observation = seen([[0.6], [0.58]], [3, 0])
        model = GeneralConditions(**TABLE | {"yields": YIELDS[:2], "delay": 3})
        for text, best in (("bayes_ucb", 1), ("bayes_ucb(pending=False)", 0), ("greedy", 0)):
            assert make(text, model).predict(observation)[0] == best


NAMED = [[1.0], [0.8] * 12, [0.1] * 20, [], [0.2]]


class TestNames:
    @pytest.mark.parametrize(("naming", "best"), [("posterior", 1), ("mean", 0), ("tests", 2)])
    def test_ways_to_name(self, naming: str, best: int) -> None:
        observation = seen(NAMED, left=0)
        for rule in ("thompson", "ucb1"):
            agent = make(f"{rule}(naming='{naming}')", MODEL)
            assert agent.predict(observation)[0] == best
        assert make("bayes_ucb", MODEL).predict(observation)[0] == 1

    def test_equals_are_named_at_random(self) -> None:
        observation = {key: np.repeat(part, 500, 0) for key, part in seen([[]] * 5, left=0).items()}
        for naming in ("posterior", "mean", "tests"):
            names = make(f"greedy(naming='{naming}')", MODEL).predict(observation)[0]
            assert stats.chisquare(np.bincount(names, minlength=5)).pvalue > 1e-4

    def test_other_ways_are_refused(self) -> None:
        with pytest.raises(InputError, match="naming must be one of 'posterior', 'mean', 'tests'"):
            make("greedy(naming='votes')", MODEL)
        with pytest.raises(InputError, match="no setting 'naming'"):
            make("greedy(naming='mean')", gym.make("discovery/LinearPool-v0"))
