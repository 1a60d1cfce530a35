"""The low-rank belief: against quadrature, calibrated in the long run and on the way, look-ahead."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from calibration import assert_calibrated
from scipy import stats

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.agents.beliefs import LowRank

POOL = "discovery/LowRankPool-v0"
SMALL = {"num_rows": 6, "num_cols": 5, "rank": 2, "noise_std": 0.5}


def label(vector: Any, items: list[int], seed: int = 0) -> tuple[Any, Any]:
    """Label some items in all episodes; return the last observation and the first info."""
    observation, info = vector.reset(seed=seed)
    for item in items:
        observation = vector.step(np.full(vector.num_envs, item))[0]
    return observation, info


def test_long_run_is_calibrated() -> None:
    """A belief that sees twelve labels at once, and sweeps long."""
    vector = gym.make_vec(POOL, num_envs=128, horizon=12, reveal=True, **SMALL)
    observation, info = label(vector, [0, 1, 2, 5, 6, 7, 12, 13, 16, 19, 24, 29])
    belief = LowRank(vector.model, 128, chains=31, sweeps=6)
    belief.update(observation, np.ones(128, np.bool_))
    assert_calibrated(belief, info["values"], observation)


@pytest.mark.parametrize("noise_std", [0.1, 1.0])
def test_online_use_is_calibrated(noise_std: float) -> None:
    """Few sweeps after each label of a greedy choice keep the chains with the posterior."""
    settings = SMALL | {"noise_std": noise_std}
    vector = gym.make_vec(POOL, num_envs=128, horizon=15, reveal=True, **settings)
    agent = make("greedy(belief=low_rank(chains=127))", vector, seed=3)
    observation, info = vector.reset(seed=7)
    values, state = info["values"], None
    for _ in range(12):
        actions, state = agent.predict(observation, state)
        observation = vector.step(actions)[0]
    state.rest.update(observation, np.zeros(128, np.bool_))
    assert_calibrated(state.rest, values, observation)


def test_posterior_of_rank_one_is_that_of_quadrature() -> None:
    """Given v the rows are conjugate, which leaves three dimensions to integrate over."""
    noise, items = 0.4, [0, 1, 4, 8]
    vector = gym.make_vec(
        POOL, num_envs=1, num_rows=3, num_cols=3, rank=1, noise_std=noise, horizon=5
    )
    observation, _ = label(vector, items, seed=4)
    grid = np.linspace(-6, 6, 97)
    v = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 3)
    weight, first, second = -(v**2).sum(1) / 2, [], []
    for i in range(3):
        mine = [k for k, item in enumerate(items) if item // 3 == i]
        y, x = observation["labels"][0, mine].astype(float), v[:, [items[k] % 3 for k in mine]]
        # u ~ N(0, 1), y = x u + noise.
        precision = 1 + (x**2).sum(1) / noise**2
        mean = (x @ y) / noise**2 / precision
        weight += precision * mean**2 / 2 - np.log(precision) / 2
        first.append(mean[:, None] * v)
        second.append((mean**2 + 1 / precision)[:, None] * v**2)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    mean = np.concatenate([weight @ f for f in first])
    square = np.concatenate([weight @ f for f in second])
    belief = LowRank(vector.model, 1, chains=20_000, sweeps=25)
    belief.update(observation, np.ones(1, np.bool_))
    draws = belief.sample(20_000, np.random.default_rng(0))[0].astype(float)
    for found, exact in ((draws, mean), (draws**2, square)):
        assert (np.abs(found.mean(0) - exact) < 4 * found.std(0) / 20_000**0.5).all()
    np.testing.assert_allclose(belief.mean()[0], draws.mean(0), atol=1e-5)
    np.testing.assert_allclose(belief.std()[0], draws.std(0), atol=1e-5)


def test_a_label_is_foreseen_as_by_the_joint_normal_law() -> None:
    """Labels of one row are jointly normal given V, and those of one column given U."""
    vector = gym.make_vec(POOL, num_envs=1, horizon=9, factor_std=1.3, **SMALL)
    belief = LowRank(vector.model, 1, chains=5)
    belief.update(label(vector, [0, 2, 3, 7, 12])[0], np.ones(1, np.bool_))
    seen, labels = belief._seen_at[0], belief._label_at[0]
    for other, w, y, new in ((belief._v, seen, labels, 4), (belief._u, seen.T, labels.T, 5)):
        near = [*w[0].nonzero()[0], new]
        known, guess = y[0, near[:-1]], np.array([-2.0, 0.5])
        found = [belief._foreseen(other[0], w[0], y[0], new, one) for one in guess]
        for k, factor in enumerate(other[0, :, near].transpose(2, 0, 1)):
            covariance = 1.3**2 * factor @ factor.T + belief.noise_std**2 * np.eye(len(near))
            law = stats.multivariate_normal(cov=covariance)
            one, two = (law.logpdf([*known, label]) for label in guess)
            assert found[0][k] - found[1][k] == pytest.approx(one - two)


def test_most_chains_survive_the_first_label_of_a_column(monkeypatch: Any) -> None:
    """To a row that is known it would be a surprise for most chains, to the column it is none."""
    vector = gym.make_vec(POOL, num_envs=1, horizon=30, num_rows=8, num_cols=8, noise_std=0.01)
    observation, _ = label(vector, [*range(7), 8, 9, 10, 16, 17, 18])
    belief, survivors = LowRank(vector.model, 1), LowRank._survivors
    belief.update(observation, np.ones(1, np.bool_))
    kept: list[int] = []

    def counted(belief: LowRank, evidence: Any) -> Any:
        chains = survivors(belief, evidence)
        kept.append(len(np.unique(chains)))
        return chains

    monkeypatch.setattr(LowRank, "_survivors", counted)
    belief.update(vector.step(np.array([7]))[0], np.zeros(1, np.bool_))
    assert len(kept) == 1
    assert kept[0] > belief.chains / 2


def test_prior_where_nothing_is_labelled() -> None:
    """An entry whose row and column have no labels is a sum of products of prior draws."""
    vector = gym.make_vec(POOL, num_envs=1, horizon=3, factor_std=1.3, **SMALL)
    belief = LowRank(vector.model, 1, chains=20_000)
    for items in ([], [0, 1, 5]):
        belief.update(label(vector, items)[0], np.ones(1, np.bool_))
        draws = belief.sample(20_000, np.random.default_rng(0))[0, :, -1]
        signs = np.random.default_rng(1).standard_normal((2, 2, 20_000))
        product = 1.3**2 * (signs[0] * signs[1]).sum(0)
        assert stats.ks_2samp(draws, product).pvalue > 1e-3


def test_seeds() -> None:
    vector = gym.make_vec(POOL, num_envs=2, horizon=4, **SMALL)
    runs = []
    for seed in (0, 0, 1):
        agent = make("thompson(belief=low_rank(chains=16))", vector, seed=seed)
        observation, state = vector.reset(seed=5)[0], None
        for _ in range(3):
            actions, state = agent.predict(observation, state)
            observation = vector.step(actions)[0]
        runs.append(state.rest.mean())
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_which_agents_fit_and_bad_settings() -> None:
    vector = gym.make_vec(POOL, num_envs=2)
    assert {"random", "greedy", "bayes_ucb", "thompson", "ids"} <= set(available(vector))
    assert "linucb" not in available(vector)
    for text, message in (
        ("greedy(belief=low_rank(chains=1))", "chains must be an integer of at least 2, got 1"),
        ("greedy(belief=low_rank(sweeps=0))", "sweeps must be an integer of at least 1, got 0"),
        ("greedy(belief=low_rank(noise_std=0))", "noise_std must be .* > 0 .*, got 0"),
        ("greedy(belief=linear)", "No belief 'linear' fits LowRankPool"),
    ):
        with pytest.raises(InputError, match=message):
            make(text, vector)
    agent = make("greedy", vector)
    with pytest.raises(InputError, match="follows 2 episodes, but 1 observations"):
        LowRank(vector.model, 2).update(
            {k: v[:1] for k, v in vector.reset()[0].items()}, np.ones(1, np.bool_)
        )
    assert agent.predict(vector.reset()[0])[0].shape == (2,)


def test_look_ahead_conditions_the_draws() -> None:
    """Means stay, and the covariance is that of a Gaussian with one noisy label more."""
    vector = gym.make_vec(POOL, num_envs=2, horizon=6, **SMALL)
    observation, _ = label(vector, [0, 6, 7])
    belief = LowRank(vector.model, 2, chains=200)
    belief.update(observation, np.ones(2, np.bool_))
    belief._draws = belief._draws.astype(np.float64)
    before = belief._draws.copy()
    items = np.array([[3, 11, 20], [8, -1, 29]])
    ahead = belief.look_ahead(items)
    np.testing.assert_array_equal(belief._draws, before)
    np.testing.assert_allclose(ahead.mean(), belief.mean(), atol=1e-12)
    for i in range(2):
        covariance = np.cov(before[i].T, bias=True)
        for x in items[i][items[i] >= 0]:
            c = covariance[:, x]
            covariance = covariance - np.outer(c, c) / (c[x] + belief.noise_std**2)
        np.testing.assert_allclose(np.cov(ahead._draws[i].T, bias=True), covariance, atol=1e-10)
        np.testing.assert_allclose(ahead.std()[i], np.sqrt(np.diag(covariance)), atol=1e-10)
    chained = belief.look_ahead(items[:, :1]).look_ahead(items[:, 1:])
    np.testing.assert_array_equal(chained._draws, ahead._draws)
    # It goes on as a belief: the rules' questions are answered from what would be left.
    regret, gain = ahead.about_best(500, observation["action_mask"], np.random.default_rng(0))
    assert (
        gain[0, items[0]]
        < belief.about_best(500, np.ones((2, 30), np.int8), np.random.default_rng(0))[1][
            0, items[0]
        ]
    ).all()
    assert regret.shape == gain.shape == (2, 30)
