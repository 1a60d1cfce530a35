"""Playing episodes: the same whoever asks, in whatever portions, and true to the exact values."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import discovery_gym
from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.experiments import Evaluation, evaluate
from discovery_gym.experiments.runs import evaluation

SMALL = {
    "KnowledgeLadder": {"target": 8, "p_scale": 20.0, "cost_per_experiment": 0.3, "horizon": 40},
    "GaussianStep": {
        "target": 8.0,
        "batch_sizes": [1, 8],
        "cost_per_experiment": 0.1,
        "horizon": 30,
    },
    "BinomialDiscovery": {
        "beta_priors": [[1, 4], [3, 12]],
        "objective": "count",
        "cost_per_experiment": 0.1,
        "batch_sizes": [1, 4],
        "horizon": 5,
    },
}
POOL = {"dataset": "diabetes", "horizon": 6}


BOUNDS = ("information_bounds(contrasts=50)",)
PLAYED = {
    "ladder": ("KnowledgeLadder", "random", SMALL["KnowledgeLadder"], ()),
    "step": ("GaussianStep", "optimal", SMALL["GaussianStep"], ()),
    "counts": ("BinomialDiscovery", "thompson", SMALL["BinomialDiscovery"], ()),
    "table": ("TablePool", "thompson", POOL, ()),
    "noisy table": ("TablePool", "ids(samples=20)", POOL | {"noise_std": 1.0}, ()),
    "Gaussian process": ("TablePool", "thompson(belief=gp)", POOL, ()),
    "graph": ("GraphPool", "epsilon_greedy", {"num_items": 20, "horizon": 5}, ()),
    "matrix": (
        "LowRankPool",
        "thompson(belief=low_rank(chains=8))",
        {"num_rows": 4, "num_cols": 4, "rank": 1, "horizon": 5},
        (),
    ),
    "late plates": (
        "LinearPool",
        "random",
        {"num_items": 20, "num_features": 3, "horizon": 6, "batch_size": 2, "delay": 1},
        (),
    ),
    "lost labels": (
        "GraphPool",
        "bayes_ucb",
        {"num_items": 20, "horizon": 6, "delay": ["geometric", 0.4], "loss": 0.3},
        (),
    ),
    "sources": (
        "LocationFinding",
        "thompson_eig",
        {"num_particles": 64, "num_sources": 1, "horizon": 3},
        BOUNDS,
    ),
    "lines": ("LinearGaussianDesign", "random", {"num_parameters": 1, "horizon": 3}, BOUNDS),
}
"""Environment, agent, parameters and metrics of what may be played in any portions."""
played = pytest.mark.parametrize("name", PLAYED)
ARRAYS = "returns", "lengths", "regret", "after", "best_after", "spent_after", "spent"
"""What an evaluation holds of each episode, unless it is None."""


def play(name: str, episodes: int, seed: int, chunk: int = 128) -> Evaluation:
    env_id, agent, env_kwargs, metrics = PLAYED[name]
    return evaluate(
        env_id,
        agent,
        episodes=episodes,
        seed=seed,
        env_kwargs=env_kwargs,
        truth=False,
        metrics=metrics,
        agent_seed=6,
        chunk=chunk,
    )


def assert_part(part: Evaluation, whole: Evaluation, first: int) -> None:
    """Assert that an evaluation is that of some episodes of another one, from ``first`` on."""
    for key in ARRAYS:
        mine, other = getattr(part, key), getattr(whole, key)
        if other is None:
            assert mine is None
        else:
            np.testing.assert_array_equal(mine, other[first : first + len(part.returns)])
    some = whole.actions.of(range(first, first + len(part.returns)))
    np.testing.assert_array_equal(part.actions.lengths, some.lengths)
    np.testing.assert_array_equal(part.actions.parts, some.parts)
    assert part.metrics.keys() == whole.metrics.keys()
    for key, value in part.metrics.items():
        np.testing.assert_array_equal(value, whole.metrics[key][first : first + len(value)])


def same(a: Evaluation, b: Evaluation) -> bool:
    regrets = a.regret is b.regret is None or np.array_equal(a.regret, b.regret)
    return np.array_equal(a.returns, b.returns) and np.array_equal(a.lengths, b.lengths) and regrets


@pytest.mark.parametrize("agent", ["random", "optimal"])
@pytest.mark.parametrize("env_id", SMALL)
def test_returns_agree_with_the_exact_values(env_id, agent):
    result = evaluate(env_id, agent, episodes=2500, seed=5, env_kwargs=SMALL[env_id])
    exact = result.random_value if agent == "random" else result.optimal_value
    error = result.returns.std(ddof=1) / np.sqrt(result.returns.size)
    assert abs(result.returns.mean() - exact) < 4 * error
    assert result.random_value < result.optimal_value


@pytest.mark.parametrize(
    ("env_id", "agent", "env_kwargs"),
    [
        ("KnowledgeLadder", "random", SMALL["KnowledgeLadder"]),
        ("GaussianStep", "optimal", SMALL["GaussianStep"]),
        ("TablePool", "thompson", POOL),
    ],
)
def test_the_same_seed_gives_the_same_episodes(env_id, agent, env_kwargs):
    first, second, other = (
        evaluate(env_id, agent, episodes=30, seed=seed, env_kwargs=env_kwargs) for seed in (3, 3, 4)
    )
    assert same(first, second)
    assert not same(first, other)
    assert first.seconds_per_decision > 0


def test_no_tuning_seed_is_played_unless_it_is_asked_for():
    plain = evaluate("TablePool", "random", episodes=2, env_kwargs=POOL)
    asked = evaluate(
        "TablePool", "random", episodes=2, seed=evaluation.EVALUATION_SEED, env_kwargs=POOL
    )
    assert plain.seed == asked.seed
    assert same(plain, asked)


@played
def test_an_episode_is_the_same_in_every_evaluation(name):
    """Whatever is played with it, wherever the range starts, and in however many ranges."""
    nine = play(name, 9, 1_000_003)
    assert len({*nine.returns.tolist()}) > 1
    assert_part(play(name, 5, 1_000_003), nine, 0)
    assert_part(play(name, 4, 1_000_005), nine, 2)
    assert_part(play(name, 4, 1_000_008), nine, 5)


@played
@pytest.mark.parametrize("chunk", [1, 7, 1024])
def test_chunks_do_not_change_the_episodes(name, chunk):
    assert_part(play(name, 9, 3, chunk), play(name, 9, 3, 4), 0)


def test_every_episode_has_choices_of_its_own_and_every_agent_seed_others():
    one, other = (
        evaluate("TablePool", "random", episodes=12, env_kwargs=POOL, agent_seed=seed, chunk=4)
        for seed in (0, 1)
    )
    assert len({*one.returns, *other.returns}) == 24
    with pytest.raises(InputError, match="agent_seed"):
        evaluate("TablePool", "random", episodes=2, agent_seed=-1)


def test_episode_i_is_the_single_environment_with_seed_plus_i():
    kwargs = SMALL["KnowledgeLadder"]
    result = evaluate("KnowledgeLadder", "optimal", episodes=6, seed=40, env_kwargs=kwargs)
    env = gym.make("discovery/KnowledgeLadder-v0", **kwargs)
    agent = make("optimal", env)
    for i in range(6):
        observation, _ = env.reset(seed=40 + i)
        total, length, ended = 0.0, 0, False
        while not ended:
            observation, reward, ended, _, _ = env.step(agent.predict(observation)[0])
            total, length = total + reward, length + 1
        assert (total, length) == (result.returns[i], result.lengths[i])


def test_regret_is_what_the_oracle_has_more():
    result = evaluate("TablePool", "random", episodes=20, env_kwargs=POOL)
    np.testing.assert_allclose(result.regret, result.optimal_value - result.returns)
    assert (result.lengths == 6).all()
    assert evaluate("KnowledgeLadder", "random", episodes=2).regret is None


class Recorder:
    """An agent that takes the last legal item and keeps what it is shown."""

    def __init__(self):
        self.calls = []

    def predict(
        self, observation, state=None, episode_start=None, deterministic=False, action_masks=None
    ):
        self.calls.append((state, episode_start.copy(), deterministic))
        assert np.array_equal(action_masks, observation["action_mask"].astype(bool))
        return action_masks.shape[1] - 1 - action_masks[:, ::-1].argmax(1), len(self.calls)


def test_any_object_with_predict_plays_with_masks_and_state():
    agent = Recorder()
    result = evaluate("TablePool", agent, episodes=5, env_kwargs=POOL, deterministic=True)
    assert result.agent == "Recorder"
    assert [state for state, _, _ in agent.calls] == [None, 1, 2, 3, 4, 5]
    assert [start.all() for _, start, _ in agent.calls] == [True] + [False] * 5
    assert all(deterministic for _, _, deterministic in agent.calls)
    assert (result.returns == result.returns[0]).all()


class Push:
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return (observation[:, 2] > 0).astype(np.int64), None


def test_environments_of_others_are_played_too():
    result = evaluate("CartPole-v1", Push(), episodes=3)
    assert (result.returns == result.lengths).all()
    assert result.regret is result.random_value is result.optimal_value is None


def test_models_of_stable_baselines3_play():
    sb3 = pytest.importorskip("sb3_contrib")
    env = gym.make("discovery/TablePool-v0", **POOL)
    model = sb3.MaskablePPO("MultiInputPolicy", env, n_steps=8, batch_size=8, seed=0, device="cpu")
    result = evaluate("TablePool", model, episodes=4, env_kwargs=POOL, deterministic=True)
    assert result.agent == "MaskablePPO"
    assert result.lengths.tolist() == [6] * 4
    assert (result.returns > 0).all()


class Answers:
    """An agent that answers what it is told to, right or wrong."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return self.answer


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("KnowledgeLader", "random", {}), "did you mean 'KnowledgeLadder'"),
        (("KnowledgeLadder", "randm", {}), "randm"),
        (("KnowledgeLadder", 3, {}), "predict"),
        (("KnowledgeLadder", "random", {"episodes": 0}), "episodes"),
        (("KnowledgeLadder", "random", {"seed": -1}), "seed"),
        (("KnowledgeLadder", "random", {"env_kwargs": {"targt": 3}}), "targt"),
        (("KnowledgeLadder", "random", {"env_kwargs": {"cls": 3}}), "keyword argument 'cls'"),
        (("KnowledgeLadder", "random", {"env_kwargs": {"self": 3}}), "keyword argument 'self'"),
        (("KnowledgeLadder", Answers, {}), "not the class Answers: make one of it"),
        (("KnowledgeLadder", Answers(None), {}), "predict of Answers must return the actions and"),
        (("KnowledgeLadder", Answers(0), {}), "must return the actions and a state, .*, got 0"),
        (("KnowledgeLadder", Answers((0, 1, 2)), {}), "must return the actions and a state"),
        (("LinearPool", "bayes_ucb(width=1e308)", {}), "width must be .*, got 1e.308"),
    ],
)
def test_bad_input_is_named(call, message):
    env_id, agent, options = call
    with pytest.raises(discovery_gym.InputError, match=message):
        evaluate(env_id, agent, **{"episodes": 2, **options})


def test_the_regret_after_every_label():
    every = range(1, POOL["horizon"] + 1)
    result = evaluate(
        "TablePool", "random", episodes=6, env_kwargs=POOL, chunk=4, points=[*every, 99]
    )
    assert result.points.tolist() == [*every, 99]
    assert np.isnan(result.after[:, -1]).all()  # which no episode reaches
    np.testing.assert_array_equal(result.after[:, -2], result.regret)
    labels = np.sort(gym.make("discovery/TablePool-v0", **POOL).unwrapped.model.table.labels)[::-1]
    best = labels.cumsum()[: POOL["horizon"]]
    found = best - result.after[:, :-1]  # sums of 1, 2, ... labels of the table
    assert np.isin(np.diff(found, prepend=0.0).round(9), labels.round(9)).all()
    few = evaluate("TablePool", "random", episodes=6, env_kwargs=POOL, points=[2, 5])
    np.testing.assert_array_equal(few.after, result.after[:, [1, 4]])
    assert same(result, few)


def bounds(contrasts: int, **made: Any) -> Evaluation:
    metrics = [f"information_bounds(contrasts={contrasts})"]
    made = {"num_parameters": 1, "horizon": 3, **made}
    return evaluate("LinearGaussianDesign", "random", episodes=60, env_kwargs=made, metrics=metrics)


def test_bounds_are_about_the_information_of_played_experiments():
    """The log evidence of every episode, estimated by contrasts, up to their noise."""
    one, two = (bounds(20_000, reward="log_evidence") for _ in range(2))
    found = one.metrics["information_bounds"]
    np.testing.assert_array_equal(found, two.metrics["information_bounds"])
    np.testing.assert_allclose(found, one.returns[:, None] * [1, 1], atol=0.1)
    low, high = found.T
    assert low.mean() < high.mean()
    few = bounds(2, reward="log_evidence").metrics["information_bounds"]
    assert (few[:, 0] <= np.log(3)).all()


def test_metrics_are_those_asked_for():
    assert evaluate("LinearGaussianDesign", "random", episodes=2).metrics == {}
    plain = evaluate("LinearGaussianDesign", "random", episodes=2, metrics=["information_bounds"])
    assert plain.metrics["information_bounds"].shape == (2, 2)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["information_bounds"], "information_bounds is a metric of DesignModel, which this"),
        (["bounds"], r"no metric 'bounds'.* Known are information_bounds"),
        (["information_bounds(5)"], "does not describe a metric; write a name such as 'top'"),
        (["information_bounds(draws=5)"], "has no setting 'draws'.*It takes: contrasts"),
        ("information_bounds", "metrics must be a list of texts.*got 'information_bounds'"),
        ([3], "3 does not describe a metric"),
    ],
)
def test_bad_metrics_are_named(metrics: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate("GaussianStep", "random", episodes=2, metrics=metrics)


def test_a_metric_is_asked_for_once_and_rightly():
    with pytest.raises(InputError, match="information_bounds is asked for twice"):
        evaluate("WeinbergToy", "random", episodes=2, metrics=["information_bounds"] * 2)
    with pytest.raises(InputError, match="contrasts must be an integer of at least 1"):
        bounds(-1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"episodes": 1e30}, r"episodes must be an integer in 1\.\.100000000, got 1e\+30"),
        ({"episodes": True}, "episodes must be an integer"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": np.array([1, 2])}, "seed must be an integer"),
        ({"agent_seed": "1"}, "agent_seed must be an integer"),
        ({"env_kwargs": 5}, "env_kwargs must be a dict of parameters.*got 5"),
        ({"env_kwargs": {1: 2}}, "env_kwargs must be a dict of parameters"),
        ({"env_kwargs": {"num_envs": 2}}, "num_envs is not for env_kwargs"),
        ({"truth": np.array([True, False])}, "truth must be True or False"),
        ({"points": [2, 2]}, r"points must increase, got \[2, 2\]"),
        ({"points": [0, 1]}, r"points\[0\] must be an integer of at least 1|points\[0\] must be"),
        ({"points": []}, "points must hold at least one"),
        ({"chunk": 0}, "chunk must be an integer"),
        (
            {"agent": 5},
            "agent must be a text such as 'random', a rule, a function of .* method predict, got 5",
        ),
        ({"env_id": 5}, "An environment is named by a text, got 5"),
        ({"env_id": ["x"]}, "An environment is named by a text"),
    ],
)
def test_odd_arguments(given: dict[str, Any], message: str) -> None:
    arguments = {"env_id": "KnowledgeLadder", "agent": "random", "episodes": 2, **given}
    with pytest.raises(InputError, match=message):
        evaluate(**arguments)


def test_seeds_of_any_size() -> None:
    result = evaluate("KnowledgeLadder", "random", episodes=2, seed=2**200, agent_seed=2**200)
    assert np.isfinite(result.returns).all()
