"""Agents: beliefs against exact posteriors, rules against their definitions, `predict` against SB3."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import scipy.stats
from families import CAMPAIGNS, POOLS

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import Belief, Beta
from discovery_gym.agents.rules import BayesUCB, Decision, Greedy, Thompson
from discovery_gym.agents.rules.rule import any_legal, best
from discovery_gym.envs.core import KeyedRandom

POOL, BINOMIAL, LADDER = (
    f"discovery/{name}-v0" for name in ("TablePool", "BinomialDiscovery", "KnowledgeLadder")
)
PRIORS = {"beta_priors": ((1.0, 3.0), (2.0, 5.0)), "batch_sizes": (1, 6), "horizon": 8}


def run(vector: Any, agent: Any, steps: int, seed: int = 0) -> tuple[Any, Any]:
    """Play some steps; return the last observation and the belief that the agent was left with."""
    observation, _ = vector.reset(seed=seed)
    state, start = None, np.ones(vector.num_envs, np.bool_)
    for _ in range(steps):
        actions, state = agent.predict(observation, state, start)
        observation, _, start, _, _ = vector.step(actions)
    return observation, state.rest


class TestLinear:
    def test_posterior_is_conjugate(self) -> None:
        """Rank-one updates over 60 labels end at the posterior of all labels at once."""
        vector = gym.make_vec(POOL, num_envs=6, noise_std=0.3)
        model = vector.model
        agent = make("thompson(belief=linear(prior_std=2.0, noise_std=0.3))", vector, seed=1)
        observation, belief = run(vector, agent, 60)
        belief.update(observation, np.zeros(6, np.bool_))
        x = model.feature_matrix(observation).astype(float)[0]
        for i in range(6):
            chosen = observation["labelled"][i, :60]
            assert len(set(chosen.tolist())) == 60
            a, y = x[chosen], observation["labels"][i, :60]
            precision = a.T @ a / 0.09 + np.eye(10) / 4
            covariance = np.linalg.inv(precision)
            mu = covariance @ a.T @ y / 0.09
            np.testing.assert_allclose(belief.mean()[i], x @ mu, rtol=1e-4, atol=1e-4)
            std = np.sqrt(np.einsum("nd,de,ne->n", x, covariance, x))
            np.testing.assert_allclose(belief.std()[i], std, rtol=1e-3, atol=1e-5)

    def test_samples_have_the_posterior_moments(self) -> None:
        vector = gym.make_vec(POOL, num_envs=2)
        agent = make("greedy(belief=linear(noise_std=0.5))", vector)
        observation, belief = run(vector, agent, 8)
        belief.update(observation, np.zeros(2, np.bool_))
        draws = belief.sample(4000, np.random.default_rng(0))
        assert draws.shape == (2, 4000, 442)
        error = 4 * belief.std() / 4000**0.5
        assert (np.abs(draws.mean(1) - belief.mean()) < 1.4 * error + 1e-6).all()
        np.testing.assert_allclose(draws.std(1), belief.std(), rtol=0.08)
        gain = np.ones((2, 442))
        assert belief.reach(gain) is gain

    def test_another_batch_is_refused(self) -> None:
        vector = gym.make_vec(POOL, num_envs=3)
        agent = make("greedy", vector)
        observation, _ = vector.reset(seed=0)
        _, state = agent.predict(observation)
        half = {key: value[:2] for key, value in observation.items()}
        with pytest.raises(InputError, match="follows 3 episodes, but 2 observations"):
            agent.predict(half, state)


class TestBeta:
    def test_mean_is_the_expected_reward(self) -> None:
        """What the belief expects of an action is what the action pays, over the prior."""
        vector = gym.make_vec(BINOMIAL, num_envs=20_000, objective="count", **PRIORS)
        observation, _ = vector.reset(seed=0)
        belief = Beta(vector.model, 20_000)
        belief.update(observation, np.ones(20_000, np.bool_))
        reward = vector.step(np.full(20_000, 3))[1]
        assert abs(reward.mean() - belief.mean()[0, 3]) < 4 * reward.std() / 20_000**0.5


class Known:
    """A belief whose answers are known."""

    def mean(self) -> Any:
        return np.array([[0.0, 1.0, 0.5], [3.0, 2.0, 2.0]])

    def std(self) -> Any:
        return np.array([[2.0, 0.0, 1.0], [0.0, 0.0, 5.0]])

    rounding = Belief.rounding

    def sample(self, count: int, random: np.random.Generator) -> Any:
        return np.array([[[9.0, 0.0, 1.0]], [[0.0, 4.0, 1.0]]])


class TestRules:
    def test_definitions(self) -> None:
        random, free = np.random.default_rng(0), np.ones((2, 3), np.int8)
        first_taken = np.array([[0, 1, 1], [0, 1, 1]], np.int8)
        assert Greedy().choose(Known(), Decision.first(free), random).tolist() == [1, 0]
        assert BayesUCB(1.0).choose(Known(), Decision.first(free), random).tolist() == [0, 2]
        assert BayesUCB(1.0).choose(Known(), Decision.first(first_taken), random).tolist() == [2, 2]
        assert Thompson().choose(Known(), Decision.first(free), random).tolist() == [0, 1]
        assert Thompson().choose(Known(), Decision.first(first_taken), random).tolist() == [2, 1]

    def test_ties_are_broken_at_random_among_legal_items(self) -> None:
        random = np.random.default_rng(0)
        score = np.zeros((3000, 4))
        mask = np.tile(np.array([1, 0, 1, 1], np.int8), (3000, 1))
        counts = np.bincount(best(score, mask, random), minlength=4)
        assert counts[1] == 0
        assert (np.abs(counts[[0, 2, 3]] - 1000) < 4 * (3000 * 2 / 9) ** 0.5).all()

    def test_what_rounding_set_apart_is_a_tie(self) -> None:
        """Whatever the last digits say, for numbers of NumPy and for keyed ones."""
        mask = np.ones((3000, 4), np.int8)
        score = np.tile([1.0, 1 + 1e-9, 1 - 1e-9, 1 - 1e-3], (3000, 1))
        keys = np.random.default_rng(0).integers(2**64, size=3000, dtype=np.uint64)
        for random in (np.random.default_rng(0), KeyedRandom(keys)):
            counts = np.bincount(best(score, mask, random, 1e-8), minlength=4)
            assert counts[3] == 0
            assert (np.abs(counts[:3] - 1000) < 4 * (3000 * 2 / 9) ** 0.5).all()
        assert (best(score, mask, random) == 1).all()

    def test_random_is_uniform_over_legal_items(self) -> None:
        mask = np.tile(np.array([0, 1, 1, 0, 1], np.int8), (3000, 1))
        counts = np.bincount(any_legal(mask, np.random.default_rng(0)), minlength=5)
        assert counts[0] == counts[3] == 0
        assert (np.abs(counts[[1, 2, 4]] - 1000) < 4 * (3000 * 2 / 9) ** 0.5).all()


class TestPredict:
    # Experimental designs have tests of their own.
    @pytest.mark.parametrize("env_id", CAMPAIGNS + POOLS)
    def test_every_available_agent_plays(self, env_id: str) -> None:
        """Single environments; `test_one_law.py` plays many episodes at once."""
        kwargs = PRIORS if env_id == BINOMIAL else {}
        env = gym.make(env_id, **kwargs)
        vector = gym.make_vec(env_id, num_envs=3, **kwargs)
        assert available(env) == available(vector)
        for text in available(env):
            agent = make(text, env, seed=5)
            observation, info = env.reset(seed=1)
            state = None
            for _ in range(4):
                action, state = agent.predict(observation, state)
                assert info["action_mask"][action] == 1
                assert env.action_space.contains(np.int64(action))
                observation, _, ended, _, info = env.step(action)
                if ended:
                    break

    def test_stable_baselines3_evaluates_our_agents(self) -> None:
        evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
        vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
        envs = vec_env.DummyVecEnv([lambda: gym.make(POOL, horizon=20)] * 2)
        # The belief that is free of units does less well on this table.
        agent = make("bayes_ucb(belief=linear(prior_std=1))", gym.make(POOL, horizon=20))
        mean, _ = evaluation.evaluate_policy(agent, envs, n_eval_episodes=4, warn=False)
        model = gym.make(POOL, horizon=20).unwrapped.model
        assert mean > 0.5 * (model.random_value() + model.optimal_value())

    def test_better_beliefs_find_more(self) -> None:
        """On the real table, rules that learn beat random by far."""
        vector = gym.make_vec(POOL, num_envs=8, reveal=True)
        regret = {}
        for text in ("random", "greedy", "bayes_ucb", "thompson"):
            agent = make(text, vector)
            observation, info = vector.reset(seed=0)
            state, start = None, np.ones(8, np.bool_)
            for _ in range(vector.model.horizon):
                actions, state = agent.predict(observation, state, start)
                observation, _, start, _, info = vector.step(actions)
            regret[text] = info["regret"].mean()
        assert (
            max(regret["greedy"], regret["bayes_ucb"], regret["thompson"]) < 0.4 * regret["random"]
        )

    def test_wrong_observations(self) -> None:
        with pytest.raises(InputError, match=r"observations of shape \(2,\).*got \(3,\)"):
            make("random", gym.make(LADDER)).predict(np.zeros(3))
        with pytest.raises(InputError, match="expects observations with the keys"):
            make("greedy", gym.make(POOL)).predict({"features": np.zeros(3)})


class TestMake:
    @pytest.mark.parametrize(
        ("env_id", "text", "message"),
        [
            (POOL, "greedy(", "does not describe an agent"),
            (POOL, "greedy(1)", "does not describe an agent"),
            (POOL, "greedy(belief=__import__('os').getcwd())", "does not describe an agent"),
            (POOL, "3", "does not describe an agent"),
            (POOL, 3, "^3 does not describe an agent"),
            (POOL, None, "^None does not describe an agent"),
            (POOL, b"greedy", "b'greedy' does not describe an agent"),
            (POOL, "greedy\0", "does not describe an agent"),
            (POOL, "-" * 900 + "1", "does not describe an agent"),
            (POOL, "(" * 400, "does not describe an agent"),
            (POOL, "-" * 5000 + "1", "1000 characters, '---.*has 5001"),
            (POOL, "policy('" + "a" * 5000 + "')", "1000 characters"),
            (POOL, "policy('" + "a" * 900 + "')", "There is no file 'aaa"),
            (POOL, "policy('a\\0b')", "There is no file"),
            (POOL, "policy(b'x')", "policy needs a file.*got b'x'"),
            (POOL, "greedy(belief=3)", "No belief 3 fits TablePool"),
            (POOL, "greedy(belief=[1, 2])", r"No belief \[1, 2\] fits TablePool"),
            (POOL, "greedy(belief=linear(model=1))", "linear has no setting 'model'"),
            (POOL, "bayes_ucb(width={[]: 1})", "does not describe an agent"),
            (POOL, "bayes_ucb(width=1, width=2)", "bayes_ucb has width twice; give it once"),
            (POOL, "bayes_ucb(width=" + "9" * 400 + ")", "width must be a finite number >= 0"),
            (POOL, "bayes_ucb(width=linear(prior_std=1))", "width must be a finite number"),
            (POOL, "ids(samples=10**9)", "does not describe an agent"),
            (POOL, "ids(samples=1000000000)", "samples must be an integer in 2..1000000"),
            (LADDER, "fixed(seed=1)", "fixed has no setting 'seed'"),
            (LADDER, "fixed(batch_size=[1])", r"batch_size must be a finite number, got \[1\]"),
            (POOL, "gredy", r"Unknown agent 'gredy'; did you mean 'greedy'\?"),
            (POOL, "bayes_ucb(widht=2)", r"no setting 'widht'; did you mean 'width'\?"),
            (POOL, "bayes_ucb(width=-1)", "width.*>= 0.*-1"),
            (POOL, "greedy(belief=beta)", "No belief 'beta' fits TablePool"),
            (POOL, "greedy(belief=linear(noise_std=0))", "noise_std.*> 0 and <= 1e.12, got 0"),
            (
                POOL,
                "greedy(belief=linear(prior_std=1e20))",
                "prior_std.*to 1e.12, got 1e.20",
            ),
            (POOL, "greedy(belief=linear(sigma=1))", "linear has no setting 'sigma'"),
            (POOL, "optimal", "'optimal' cannot play TablePool; these can: random, greedy"),
            (LADDER, "greedy", "'greedy' cannot play KnowledgeLadder"),
            (LADDER, "fixed(batch_size=3)", "batch_size must be one of 1, 2, 4"),
            (LADDER, "fixed(size=3)", "Unknown knob 'size'"),
            (LADDER, "random(p=1)", "random has no setting 'p'"),
        ],
    )
    def test_bad_texts(self, env_id: str, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            make(text, gym.make(env_id))

    @pytest.mark.parametrize("seed", [-1, 1.5, "1", None, np.array([1, 2]), (1, 2)])
    def test_bad_seeds(self, seed: Any) -> None:
        for name in ("seed", "episode"):
            with pytest.raises(InputError, match=f"{name} must be an integer of at least 0"):
                make("random", gym.make(LADDER), **{name: seed})
        make("random", gym.make(LADDER), seed=2**80, episode=2**80)

    def test_foreign_environments(self) -> None:
        cart = gym.make("CartPole-v1")
        assert cart.action_space.contains(make("random", cart).predict(cart.reset(seed=0)[0])[0])
        with pytest.raises(
            InputError, match="greedy plays the environments of this package; others"
        ):
            make("greedy", cart)
        with pytest.raises(
            InputError, match="Agents play environments, vector environments and mod"
        ):
            make("random", object())
        with pytest.raises(InputError, match="Agents play the environments of this package"):
            available(cart)

    def test_fixed_and_optimal(self) -> None:
        env = gym.make(LADDER)
        observation, _ = env.reset()
        action, _ = make("fixed(batch_size=16)", env).predict(observation)
        assert env.unwrapped.model.batch_sizes[action] == 16
        best_action, _ = make("optimal", env).predict(observation)
        assert env.unwrapped.model.batch_sizes[best_action] == 128  # batches cost the same


def test_random_settings_follow_the_law_that_is_asked_for():
    vector = gym.make_vec("discovery/LinearGaussianDesign-v0", num_envs=20_000)
    observation = vector.reset(seed=0)[0]
    for text, law in (("random", scipy.stats.uniform(-1, 2)), ("random(std=0.5)", HALF)):
        action, _ = make(text, vector).predict(observation)
        assert scipy.stats.kstest(action[:, 0], law.cdf).pvalue > 1e-3, text
        assert abs(np.corrcoef(action.T)[0, 1]) < 0.03
    assert make("random(std=0.1)", vector).predict(observation)[0].std() < 0.11
    with pytest.raises(InputError, match="needs actions that are points of a box"):
        make("random(std=1)", gym.make("discovery/LinearPool-v0"))
    with pytest.raises(InputError, match="std"):
        make("random(std=0)", vector)


HALF = scipy.stats.truncnorm(-2, 2, scale=0.5)
