"""Labels that come out of order or never, against a log that is kept by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import COUNTED
from scipy import stats

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.envs.pools import labels_arrived
from discovery_gym.envs.pools.status import Status

POOL, GRAPH, LINEAR = (f"discovery/{name}-v0" for name in ("TablePool", "GraphPool", "LinearPool"))
TEN = {"features": np.arange(10.0)[:, None], "labels": np.arange(10.0) - 2, "scaling": "none"}
LAWS: list[dict[str, Any]] = [
    {"delay": ("geometric", 0.4)},
    {"delay": ("lognormal", 1.5, 1.0), "loss": 0.3},
    {"delay": 2, "loss": 0.5},
    {"loss": 0.5},
    {"delay": ("geometric", 0.05), "loss": 0.3},
]


def episodes(kwargs: dict[str, Any], batch: int, seed: int) -> Iterator[list[Any]]:
    """Play at random, now and then an item again; yield (item, step) of choices, and what was seen."""
    env = gym.make(POOL, **TEN, horizon=8, batch_size=batch, illegal_reward=-7.0, **kwargs)
    random, log = np.random.default_rng(seed), []
    observation, ended = env.reset(seed=seed)[0], False
    for step in range(8 // batch):
        assert not ended
        items = random.integers(10, size=batch)
        fresh = [k for k in range(batch) if items[k] not in [one for one, _ in log] + [*items[:k]]]
        log += [(int(items[k]), step) for k in fresh]
        before = observation
        observation, reward, ended, _, _ = env.step(items if batch > 1 else items[0])
        yield [log, step, before, observation, reward + 7 * (batch - len(fresh)), ended]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kwargs", LAWS)
def test_an_episode_by_hand(kwargs: dict[str, Any], batch: int) -> None:
    """Places, counts, ages and rewards: all follow from the choices and from what had come before."""
    for seed in range(6):
        over: dict[int, int] = {}  # age at which an item's label or its loss came
        order: dict[Status, list[int]] = {Status.HERE: [], Status.FAILED: []}
        for log, step, _, seen, reward, ended in episodes(kwargs, batch, seed):
            chosen = dict(log)
            places = {int(item): k for k, item in enumerate(seen["labelled"]) if item >= 0}
            assert places.keys() == chosen.keys()
            status = {item: Status(seen["status"][k]) for item, k in places.items()}
            news = {Status.HERE: list[int](), Status.FAILED: list[int]()}
            for item, when in log:
                age = seen["age"][places[item]]
                if item in over:
                    assert status[item] != Status.FLYING
                    assert age == over[item]
                else:
                    assert age == step - when
                    if status[item] != Status.FLYING:
                        over[item] = age
                        news[status[item]].append(item)
            for how, items in news.items():
                order[how] += items
            flying = [item for item, _ in log if item not in over]
            expected = [*order[Status.HERE], *flying, *order[Status.FAILED]]
            assert seen["labelled"].tolist() == expected + [-1] * (8 - len(expected))
            assert (seen["status"][len(expected) :] == Status.FREE).all()
            assert (seen["age"][len(expected) :] == 0).all()
            labels = [item - 2 for item in order[Status.HERE]]
            assert seen["labels"].tolist() == labels + [0] * (8 - len(labels))
            assert seen["arrived"] == len(labels)
            assert seen["lost"] == len(order[Status.FAILED])
            assert reward == sum(item - 2 for item in news[Status.HERE])
            assert not ended or not flying
        assert ended


@pytest.mark.parametrize(
    ("law", "chance"),
    [
        (("geometric", 0.4), stats.geom.pmf(np.arange(1, 13), 0.4)),
        (("lognormal", 1.5, 1.0), np.diff(stats.lognorm(1.0, scale=1.5).cdf(np.arange(13)))),
        (3, np.eye(12)[3]),
    ],
)
def test_delays_and_losses_have_their_laws(law: Any, chance: Any) -> None:
    """Of the first two choices, which have twelve steps to come; losses do not depend on delays."""
    count = 3000
    kwargs = {"num_items": 26, "num_features": 1, "horizon": 26, "batch_size": 2}
    vector = gym.make_vec(LINEAR, num_envs=count, delay=law, loss=0.25, **kwargs)
    vector.reset(seed=1)
    for step in range(13):
        action = np.tile([2 * step, 2 * step + 1], (count, 1))
        observation = vector.step(action)[0]
    rows, places = (observation["labelled"] < 2).nonzero()
    lost = observation["status"][rows, places] == Status.FAILED
    age = observation["age"][rows, places].astype(int)
    assert len(age) == 2 * count
    assert stats.binomtest(int(lost.sum()), len(lost), 0.25).pvalue > 1e-4
    for some in (lost, ~lost):
        found = np.bincount(age[some], minlength=13)
        expected = np.append(chance, 0) * some.sum()
        expected[12] = some.sum() - expected.sum()  # all that would come later comes at the end
        real = expected > 1e-9
        assert (found[~real] == 0).all()
        if real.sum() > 1:
            assert stats.chisquare(found[real], expected[real]).pvalue > 1e-4
    # The two choices of a batch, and episodes side by side, have fates of their own.
    pairs = lost.reshape(count, 2)  # in the order of place, which is no matter
    assert abs((pairs.sum(1) == 1).mean() - 2 * 0.25 * 0.75) < 5 * 0.5 / count**0.5


@pytest.mark.parametrize(
    ("law", "plain"), [(("geometric", 1), 0), (("lognormal", 3, 0), 3), (("lognormal", 0.9, 0), 0)]
)
@pytest.mark.parametrize("env_id", COUNTED)
def test_a_law_without_chance_is_a_number_of_steps(env_id: str, law: Any, plain: int) -> None:
    """The same labels come at the same time, up to single precision."""
    settings: dict[str, Any] = {"horizon": 8, "batch_size": 2, "noise_std": 0.0}
    one, two = (gym.make_vec(env_id, num_envs=3, delay=delay, **settings) for delay in (law, plain))
    one.reset(seed=2), two.reset(seed=2)
    for step in range(4):
        action = np.tile([2 * step, 2 * step + 1], (3, 1))
        (seen, reward, *_), (other, expected, *_) = one.step(action), two.step(action)
        np.testing.assert_array_equal(seen["labelled"], other["labelled"])
        come = labels_arrived(other)
        np.testing.assert_array_equal(seen["arrived"][:, 0], come)
        assert (come == (8 if step == 3 else max(0, 2 * (step + 1 - plain)))).all()
        if "Logistic" not in env_id:  # its coins are other ones where delays are drawn, too
            np.testing.assert_array_equal(seen["labels"], other["labels"])
            np.testing.assert_allclose(reward, expected, rtol=1e-6, atol=1e-6)


def test_a_lost_label_shows_nothing_of_the_neighbours() -> None:
    """Nodes are seen once by each neighbour, and by themselves, whose label has come."""
    kwargs = {"num_items": 15, "edge_prob": 0.3, "noise_std": 0.0, "horizon": 12, "batch_size": 2}
    vector = gym.make_vec(
        GRAPH, num_envs=6, delay=("geometric", 0.4), loss=0.4, reveal=True, **kwargs
    )
    observation, info = vector.reset(seed=3)
    values, random = info["values"], np.random.default_rng(0)
    linked = np.zeros((6, 15, 15), np.int64)
    for i, ends in enumerate(observation["edges"]):
        for u, v in ends[ends >= 0].reshape(-1, 2):
            linked[i, u, v] = linked[i, v, u] = 1
    out_of_order = 0
    for _ in range(6):
        masks = observation["action_mask"]
        action = np.stack([random.choice(np.flatnonzero(m), 2, replace=False) for m in masks])
        observation = vector.step(action)[0]
        for i in range(6):
            came = observation["labelled"][i, : observation["arrived"][i, 0]]
            count = linked[i, came].sum(0)
            count[came] += 1
            np.testing.assert_array_equal(observation["seen_count"][i], count)
            np.testing.assert_allclose(
                observation["seen_sum"][i], count * values[i], rtol=1e-5, atol=1e-6
            )
            out_of_order += (np.diff(observation["age"][i, : len(came)]) > 0).any()
    assert out_of_order


@pytest.mark.parametrize("agent", ["random", "oracle"])
def test_regret_is_the_truth_less_what_is_paid_in_the_mean(agent: str) -> None:
    """And the optimum and random value are those without losses, less the share that is lost."""
    kwargs = {"num_items": 20, "num_features": 3, "horizon": 8, "batch_size": 2}
    vector = gym.make_vec(
        LINEAR, num_envs=4000, reveal=True, delay=("lognormal", 2, 1), loss=0.4, **kwargs
    )
    model, plain = vector.unwrapped.model, gym.make(LINEAR, **kwargs).unwrapped.model  # type: ignore[attr-defined]
    assert model.optimal_value() == pytest.approx(0.6 * plain.optimal_value(), rel=1e-12)
    player, total = make(agent, vector), np.zeros(4000)
    observation, info = vector.reset(seed=4)
    values = info["values"].astype(float)
    for _ in range(4):
        observation, reward, _, _, info = vector.step(player.predict(observation)[0])
        total += reward
    best = 0.6 * np.sort(values, 1)[:, -8:].sum(1)
    off = total + info["regret"] - best
    assert abs(off.mean()) < 4 * off.std() / 4000**0.5
    assert (info["regret"] > -1e-5).all()
    if agent == "oracle":
        assert info["regret"].max() < 1e-5


def test_replays_agree_bit_for_bit() -> None:
    """Among others, and whatever they choose: an episode is a function of its seed and its actions."""
    kwargs = {"num_items": 14, "horizon": 6, "delay": ("lognormal", 1, 1), "loss": 0.2}
    vector = gym.make_vec(GRAPH, num_envs=5, **kwargs)
    vector.reset(seed=7)
    actions = np.random.default_rng(0).permuted(np.tile(np.arange(14), (5, 1)), axis=1)[:, :6]
    many = [vector.step(actions[:, t])[:2] for t in range(6)]
    for i in range(5):
        env = gym.make(GRAPH, **kwargs)
        env.reset(seed=7 + i)
        for t in range(6):
            observation, reward = env.step(actions[i, t])[:2]
            assert reward == many[t][1][i]
            for key, part in observation.items():
                np.testing.assert_array_equal(part, many[t][0][key][i])


def test_words_tell_what_is_lost() -> None:
    env = gym.make(POOL, **TEN, horizon=9, loss=0.5, delay=1, render_mode="ansi")
    env.reset(seed=0)
    for item in range(5):
        observation = env.step(item)[0]
    assert observation["lost"] > 0
    come, lost = int(observation["arrived"][0]), int(observation["lost"][0])
    assert f"{come} of 9 labels, 1 in flight, {lost} lost" in str(env.render())


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"delay": ("geometric", 0)}, "r of delay must be .*> 0 and <= 1, got 0"),
        ({"delay": ("geometric", 1.2)}, "r of delay must be .*got 1.2"),
        ({"delay": ("poisson", 2)}, "delay must be a number of steps, .*got \\('poisson', 2\\)"),
        ({"delay": ("lognormal", 0, 1)}, "median of delay must be .*got 0"),
        ({"delay": ("lognormal", 1, -1)}, "sigma of delay must be .*got -1"),
        ({"delay": ("lognormal", 20_000, 1)}, "median of delay must be .*<= 10000, got 20000"),
        ({"delay": 10_001}, "delay must be an integer in 0..10000"),
        ({"loss": 1}, "loss must be below 1, got 1"),
        ({"loss": -0.1}, "loss must be .*>= 0 and <= 1, got -0.1"),
        ({"loss": "0.1"}, "loss must be a finite number"),
    ],
)
def test_bad_input(bad: dict[str, Any], words: str) -> None:
    for env_id in (POOL, GRAPH):
        with pytest.raises(InputError, match=words) as caught:
            gym.make(env_id, **bad)
        assert "\n" not in str(caught.value)
