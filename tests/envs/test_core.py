"""Streams, spaces, checks: the parts of the core that can be tested on their own."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from discovery_gym import InputError
from discovery_gym.envs.core import Streams, UniformBox, checks, closest
from discovery_gym.envs.core.streams import TAPE


def seated(count: int) -> Streams:
    streams = Streams(count)
    streams.seat(range(count), [np.random.default_rng(i) for i in range(count)])
    return streams


def test_streams_are_the_generators_own_numbers() -> None:
    streams = seated(3)
    drawn = np.array([streams.uniform().copy() for _ in range(2 * TAPE + 5)])
    for i in range(3):
        np.testing.assert_array_equal(drawn[:, i], np.random.default_rng(i).random(2 * TAPE + 5))


def test_skipping_keeps_every_stream_in_its_own_order() -> None:
    """Whatever is skipped where, an episode reads the numbers of its generator in order."""
    streams, plan = seated(4), np.random.default_rng(9)
    expected = [np.random.default_rng(i).random(4 * TAPE) for i in range(4)]
    place = np.zeros(4, int)
    for t in range(2 * TAPE):
        if t % 3 == 0:
            index = plan.permutation(4)[: plan.integers(1, 5)]
            streams.skip(np.sort(index), 1)
            place[index] += 1
        numbers = streams.uniform()
        assert numbers.tolist() == [expected[i][place[i]] for i in range(4)]
        place += 1


def test_seating_some_leaves_the_others_alone() -> None:
    streams, other = seated(3), seated(3)
    for _ in range(10):
        streams.uniform(), other.uniform()
    streams.seat([1], [np.random.default_rng(77)])
    ours, theirs = streams.uniform(), other.uniform()
    assert ours[1] == np.random.default_rng(77).random()
    assert ours[[0, 2]].tolist() == theirs[[0, 2]].tolist()


def test_uniform_box_is_a_box_without_memory() -> None:
    box, plain = UniformBox(-1, 2, (4, 3)), spaces.Box(-1, 2, (4, 3))
    assert box == plain
    assert batch_space(box, 5) == batch_space(plain, 5)
    assert copy.deepcopy(box) == box
    assert pickle.loads(pickle.dumps(box)) == box
    sample = batch_space(box, 5).sample()
    assert sample.shape == (5, 4, 3)
    assert batch_space(box, 5).contains(sample)
    assert not box.contains(np.full((4, 3), 2.5, np.float32))
    assert repr(box) == "UniformBox(-1, 2, (4, 3), float32)"
    huge = batch_space(UniformBox(0, 1, (100_000_000,)), 1000)
    assert huge.shape == (1000, 100_000_000)
    assert huge.low.strides == (0, 0)


def test_checks_return_plain_values() -> None:
    assert type(checks.integer("n", np.int64(3), low=1)) is int
    assert checks.integer("n", 3.0, low=1) == 3
    assert type(checks.real("x", np.float32(2.0))) is float
    assert checks.sequence("s", [1, 2], lambda n, v: checks.integer(n, v, low=0)) == (1, 2)
    with pytest.raises(InputError, match=r"s\[1\] must be an integer of at least 0, got -2"):
        checks.sequence("s", [1, -2], lambda n, v: checks.integer(n, v, low=0))


def test_closest() -> None:
    assert closest("kitten", ["mitten", "dog"]) == "; did you mean 'mitten'?"
    assert closest("xyz", ["mitten", "dog"]) == "."


def test_the_seed_of_an_episode_does_not_depend_on_its_neighbours() -> None:
    one = gym.make_vec("discovery/GaussianStep-v0", num_envs=1)
    many = gym.make_vec("discovery/GaussianStep-v0", num_envs=7)
    assert many.np_random_seed == (-1,) * 7
    one.reset(seed=14), many.reset(seed=10)
    assert many.np_random_seed == tuple(range(10, 17))
    for _ in range(300):
        a = one.step(np.array([1]))[0]
        b = many.step(np.full(7, 1))[0]
        np.testing.assert_array_equal(a[0], b[4])


def test_models_are_equal_only_if_their_parameters_are() -> None:
    ladder, pool = "discovery/KnowledgeLadder-v0", "discovery/TablePool-v0"

    def model(env_id: str, **kwargs: float) -> object:
        return gym.make(env_id, **kwargs).unwrapped.model

    assert model(ladder) == model(ladder, target=100)
    assert hash(model(ladder)) == hash(model(ladder))
    assert model(ladder) != model(ladder, target=99)
    assert model(pool) != model(pool, horizon=3)  # pools may hold arrays: each equals itself only
