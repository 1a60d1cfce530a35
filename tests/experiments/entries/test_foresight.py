"""The test of foresight: exact against other formulas, blind to honest agents, not to readers."""

import foresight_power as power
import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from discovery_gym.agents import make
from discovery_gym.envs.core import InputError
from discovery_gym.experiments.entries import foresight as module
from discovery_gym.experiments.entries import luck as laws
from discovery_gym.experiments.entries.foresight import FLAG, foresight
from discovery_gym.experiments.entries.luck import Decision, Luck, Tally
from discovery_gym.experiments.runs.chunks import stage
from discovery_gym.experiments.runs.evaluation import played


def followed(env, kwargs, agent="random", episodes=30, seed=5):
    """Play episodes of one length; return the model, the decisions, the values and both tallies."""
    env_id = f"discovery/{env}-v0"
    venv = gym.make_vec(env_id, num_envs=episodes, **kwargs)
    player = make(agent, venv, seed=1) if isinstance(agent, str) else agent
    observation, _ = venv.reset(seed=seed)
    values = venv.hidden().get("values")
    state, start, path = None, np.ones(episodes, bool), []
    ended = ~start
    while not ended.all():
        action, state = player.predict(observation, state=state, episode_start=start)
        before, start = observation, np.zeros(episodes, bool)
        observation, reward, ended, _, _ = venv.step(action)
        path.append((before, action, reward, observation))
    luck = Luck()
    with stage(env_id, kwargs, episodes) as again:
        again.reset(seed=seed)
        watch = laws.WATCHES[type(venv.model)](again.unwrapped, luck)
        for before, action, reward, after in path:
            watch.ask(before, action)
            again.step(action)
            every = np.ones(episodes, bool)
            watch.see(
                Decision(before=before, action=action, reward=reward, after=after, playing=every)
            )
        watch.end()
    return venv.model, path, values, luck


class Twice:
    """Chooses an item again now and then."""

    def predict(self, observation, state=None, episode_start=None):
        free = observation["action_mask"].argmax(1)
        odd = observation["steps_left"][:, 0] % 3 == 0
        return np.where(odd, np.maximum(observation["labelled"][:, 0], 0), free), None


LINEAR = {
    "one by one": {"horizon": 12},
    "plates, late": {"horizon": 12, "batch_size": 3, "delay": 2},
    "lost": {"horizon": 12, "batch_size": 3, "delay": ("geometric", 0.4), "loss": 0.3},
    "no noise": {"horizon": 12, "noise_std": 0.0},
    "other scales": {"horizon": 12, "noise_std": 3.0, "prior_std": 2.0, "feature_std": 0.5},
}


PLAYERS = [
    (agent, name)
    for agent in ("thompson", "again")
    for name, kwargs in LINEAR.items()
    if agent == "thompson" or "batch_size" not in kwargs  # it takes an item again, one by one
]


@pytest.mark.parametrize(("agent", "name"), PLAYERS)
def test_predictions_on_a_linear_pool_are_those_of_the_normal_law(name, agent):
    """The labels of an episode are jointly normal: y ~ N(0, X X' prior^2 + noise^2)."""
    kwargs = {"num_items": 30, "num_features": 5} | LINEAR[name]
    model, path, _, luck = followed(
        "LinearPool", kwargs, Twice() if agent == "again" else agent, 20
    )
    last, total, variance = path[-1][3], 0.0, 0.0
    x = model.feature_matrix(last).astype(float)
    for b in range(20):
        items = list(dict.fromkeys(int(item) for step in path for item in np.ravel(step[1][b])))
        place = last["labelled"][b].tolist()
        y = last["labels"][b][[place.index(item) for item in items]].astype(float)
        came = (
            last["status"][b][[place.index(item) for item in items]] == 2 if model.loss else y == y
        )
        joint = model.prior_std**2 * x[b][items] @ x[b][items].T
        joint += (model.noise_std**2 or 1e-9) * np.eye(len(items))
        for t in range(len(items)):  # each given those chosen before it that came
            past = np.flatnonzero(came[:t])
            weights = np.linalg.solve(joint[np.ix_(past, past)], joint[past, t])
            mean, spread = weights @ y[past], joint[t, t] - weights @ joint[past, t]
            kept = 1 - model.loss
            total += y[t] - kept * mean
            variance += kept * (spread + mean**2) - (kept * mean) ** 2
    assert luck.alone.total == pytest.approx(total, rel=1e-3, abs=1e-3)
    assert luck.alone.variance == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"topology": "star", "num_items": 20, "edge_prob": 0.1, "horizon": 8},
        {"num_items": 20, "edge_prob": 0.2, "horizon": 9, "batch_size": 3, "delay": 1},
        {"num_items": 20, "edge_prob": 0.2, "horizon": 9, "delay": ("geometric", 0.5), "loss": 0.3},
        {"num_items": 12, "edge_prob": 0.3, "horizon": 8, "noise_std": 2.0, "prior_std": 3.0},
    ],
)
@pytest.mark.parametrize("agent", ["thompson", "greedy"])
def test_predictions_on_a_graph_are_those_of_independent_nodes(kwargs, agent):
    model, path, values, luck = followed("GraphPool", kwargs, agent, 20)
    prior, noise = model.prior_std**2, model.noise_std**2
    alone, compared = Tally(), Tally()
    for b in range(20):
        known = set()
        labels = dict(
            zip(path[-1][3]["labelled"][b].tolist(), path[-1][3]["labels"][b].tolist(), strict=True)
        )
        for before, action, _, _ in path:
            precision = 1 / prior + before["seen_count"][b] / noise
            mean = before["seen_sum"][b] / noise / precision
            chosen = set(np.ravel(action[b]).tolist())
            free = np.where(before["action_mask"][b] > 0, mean, -np.inf)
            free[sorted(chosen)] += 1e-9  # of equal nodes those that were chosen
            best = set(np.argsort(-free, kind="stable")[: len(chosen)].tolist())
            surprise = variance = 0.0
            for node in chosen:
                kept, m, v = 1 - model.loss, mean[node], 1 / precision[node] + noise
                expected, spread = kept * m, kept * (v + m**2) - (kept * m) ** 2
                alone.add(np.array([labels[node] - expected]), np.array([spread]))
            for node in (chosen ^ best) - known:
                sign = 1 if node in chosen else -1
                surprise += sign * (values[b, node] - mean[node])
                variance += 1 / precision[node]
                known.add(node)
            compared.add(np.array([surprise]), np.array([variance]))
    for found, expected in ((luck.alone, alone), (luck.compared, compared)):
        assert found.total == pytest.approx(expected.total, rel=1e-4, abs=1e-3)
        assert found.variance == pytest.approx(expected.variance, rel=1e-5)
        assert found.largest == pytest.approx(expected.largest, rel=1e-4, abs=1e-4)
    if agent == "greedy" and "delay" not in kwargs:  # it is what it is compared with
        assert luck.compared.variance == 0


def test_what_experiments_tell_has_this_mean_and_variance():
    """Of normal data in closed form; of counts against rewards of many worlds."""
    model, path, _, luck = followed("LinearGaussianDesign", {"horizon": 3}, "random", 50)
    mean = variance = paid = 0.0
    for b in range(50):
        covariance = np.eye(2) * model.prior_std**2
        for _, _, reward, after in path:
            x = after["settings"][b, :2].astype(float)
            told = x @ covariance @ x
            share = told / (told + model.noise_std**2)
            mean += np.log1p(told / model.noise_std**2) / 2
            variance += share**2 / 2
            paid += reward[b]
            covariance -= np.outer(covariance @ x, covariance @ x) / (told + model.noise_std**2)
    assert luck.alone.total == pytest.approx(paid - mean, rel=1e-5)
    assert luck.alone.variance == pytest.approx(variance, rel=1e-5)
    for env, kwargs in (
        ("DeathProcess", {"horizon": 2, "population": 15, "reward": "kl"}),
        ("DeathProcess", {"horizon": 2, "population": 15, "reward": "entropy"}),
        ("TemporalDiscounting", {"horizon": 2, "grid_size": [128, 8]}),
    ):
        _, path, _, one = followed(env, kwargs, "random", 1000)
        assert abs(one.alone.total) < 4 * one.alone.variance**0.5
        rewards = np.concatenate([reward for _, _, reward, _ in path])
        # What is explained of the variance of rewards by settings and histories is not in it.
        assert 0.2 * rewards.var() < one.alone.variance / len(rewards) < 1.1 * rewards.var()


# ---- honest agents, and readers


@pytest.mark.parametrize("name", power.READ)
def test_an_agent_that_reads_in_every_step_is_flagged_at_256_episodes(name):
    found = power.reading(name, 1.0, 256)
    assert found.exact
    assert found.z > 10
    assert found.flagged
    assert "knowledge of what could not be known" in found.reason
    assert not power.reading(name, 0.0, 256).flagged


@pytest.mark.parametrize("name", ["linear", "Gaussian step"])
def test_one_that_reads_in_a_twentieth_of_its_steps_is_flagged_at_4000(name):
    assert power.reading(name, 0.05, 4000).flagged


def test_honest_agents_are_not_flagged():
    """Every task and agent of the program once; 1,000 runs take it 40 seconds."""
    zs, number = [], 0
    for env, kwargs, agents in power.HONEST.values():
        for agent in agents:
            number += 1
            found = power.honest(env, kwargs, agent, 3_000_000 + 1000 * number, 64)
            assert found.exact, found
            assert not found.flagged, (env, kwargs, agent, found)
            zs.append(found.z)
    # Each is the larger of one or two standard normal numbers, about: above 2 in 2.3 to 4.6 %.
    high, low = (stats.binom.isf(1e-4, number, share) for share in (0.046, 0.6))
    assert sum(z > 2 for z in zs) <= high
    assert number - low < sum(z > 0 for z in zs)
    assert sum(z < 0 for z in zs) > stats.binom.ppf(1e-4, number, 0.25)


def test_few_and_skewed_episodes_are_not_flagged():
    """A success of one in fifty in one episode is more than five standard deviations."""
    tally = Tally()
    tally.add(np.array([0.99]), np.array([0.01 * 0.99]))
    assert tally.total / tally.variance**0.5 > 9
    assert tally.z < 2
    tally.add(np.full(99, -0.01), np.full(99, 0.0099))
    assert tally.z == pytest.approx(0, abs=1e-9)
    assert Tally().z == 0


def test_blocks_and_rows_that_are_filled_change_nothing(monkeypatch):
    env_id, kwargs = "discovery/KnowledgeLadder-v0", {"target": 8, "p_scale": 20.0}
    seeds = [7, 1_000_000, 3, 12, 99]
    with stage(env_id, kwargs, 5) as venv:
        actions = played(venv, make("random", venv, seed=2), seeds).actions
    zs = []
    for width in (1, 2, 5, 64):
        monkeypatch.setattr(module, "WIDTH", width)
        zs.append(foresight(env_id, kwargs, seeds, actions).z)
    np.testing.assert_allclose(zs, zs[0], rtol=1e-12)
    monkeypatch.undo()
    assert zs[0] != 0


def test_where_there_is_no_exact_law_there_is_no_test_and_a_reason():
    """Before anything is played: the actions are not looked at."""
    cases = {
        "TablePool": ({"dataset": "diabetes", "horizon": 3}, "open book"),
        "LogisticPool": ({}, "no closed form"),
        "LowRankPool": ({}, "no closed form"),
        "LinearPool": ({"num_features": 6, "sparsity": 2}, "sparse"),
        "LocationFinding": ({"num_particles": 20}, "estimated"),
        "DeathProcess": ({"population": 500}, "too many"),
        "TemporalDiscounting": ({"reward": "log_evidence"}, "hidden"),
        "LinearGaussianDesign": ({"reward": "entropy"}, "nothing to foresee"),
    }
    for env, (kwargs, word) in cases.items():
        found = foresight(f"discovery/{env}-v0", kwargs, [1, 2], None)
        assert (found.exact, found.flagged, found.z) == (False, False, 0.0)
        assert word in found.reason
    assert "not known" in foresight("CartPole-v1", {}, [1, 2], None).reason
    assert 10_000 * np.exp(-(FLAG**2) / 2) < 1  # of ten thousand honest runs, by Freedman's bound
    with pytest.raises(InputError, match="bathc"):
        foresight("discovery/LinearPool-v0", {"bathc": 1}, [1], None)


def test_what_would_happen_is_what_happens():
    """And asking changes nothing."""
    for env, kwargs in (
        ("GaussianStep", power.STEP), ("BinomialDiscovery", power.MACHINES), ("GraphPool", power.STAR),
    ):  # fmt: skip
        asked, other = (gym.make_vec(f"discovery/{env}-v0", num_envs=40, **kwargs) for _ in "ab")
        for venv in (asked, other):
            venv.reset(seed=4)
            venv.action_space.seed(1)
        for _ in range(5):
            action = asked.action_space.sample()
            asked.would(other.action_space.sample())
            before, reward = asked.would(action)
            first, second = asked.step(action), other.step(action)
            for one in (first, second):
                np.testing.assert_array_equal(one[1], reward)
                for key in before if isinstance(before, dict) else [...]:
                    np.testing.assert_array_equal(one[0][key], before[key])
