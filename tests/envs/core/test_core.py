"""Streams, spaces, checks: the parts of the core that can be tested on their own."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import scipy.stats
from gymnasium import spaces
from gymnasium.vector import utils
from gymnasium.vector.utils import batch_space

from discovery_gym import InputError
from discovery_gym.envs.core import Streams, UniformBox, box, checks, closest, seeding, told
from discovery_gym.envs.core.spaces import batched
from discovery_gym.envs.core.streams import KeyedRandom

SEEDS = [0, 5, 2**32 - 2, 2**64 - 2, 2**96 + 7, 2**128 - 5, 2**128 - 2, 2**200]


def seeded(seeds: Any, per_step: int = 1) -> Streams:
    streams = Streams(len(seeds), per_step)
    streams.generators.reseed(range(len(seeds)), seeds)
    return streams


def splitmix(key: int, count: int) -> list[float]:
    """The numbers of SplitMix64 in whole-number arithmetic, as its authors write it."""
    numbers = []
    for _ in range(count):
        key = (key + 0x9E3779B97F4A7C15) % 2**64
        z = (key ^ key >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        numbers.append(((z ^ z >> 31) >> 11) * 2.0**-53)
    return numbers


@pytest.mark.parametrize("start", SEEDS)
def test_many_generators_are_those_of_numpy(start: int) -> None:
    """Seeds across each border of the words that NumPy makes of them, in a row and in any order."""
    for seeds in (range(start, start + 5), [start + 3, start, 1, start + 4]):
        reference = [np.random.default_rng(seed) for seed in seeds]
        generators = seeded(seeds).generators
        every = np.arange(len(seeds))
        words = generators.words(every)
        assert words.tolist() == [int(g.integers(2**64, dtype=np.uint64)) for g in reference]
        numbers = generators.uniforms(every[:2], 3)
        np.testing.assert_array_equal(numbers, [g.random(3) for g in reference[:2]])
        assert generators[1].normal() == reference[1].normal()  # made late, it goes on from there
        (child,), (other,) = generators[1].spawn(1), reference[1].spawn(1)
        assert child.random() == other.random()
        mixed = generators.words(every)
        assert mixed.tolist() == [int(g.integers(2**64, dtype=np.uint64)) for g in reference]
        many = generators.uniforms(every, 100)
        np.testing.assert_array_equal(many, [g.random(100) for g in reference])
        assert generators.seeds == tuple(seeds)


@pytest.mark.parametrize(("count", "per_step"), [(1, 1), (3, 1), (3, 4), (700, 3), (9000, 1)])
def test_noise_is_a_function_of_key_episode_step_and_place(count: int, per_step: int) -> None:
    """Whichever episodes restart when, and however many numbers a step reads."""
    streams, plan = seeded(range(count), per_step), np.random.default_rng(9)
    every = np.arange(count)
    streams.begin(every)
    some = plan.choice(count, min(count, 3), replace=False)
    keys = [int(np.random.default_rng(int(i)).integers(2**64, dtype=np.uint64)) for i in some]
    number, step = dict.fromkeys(some.tolist(), 0), dict.fromkeys(some.tolist(), 0)
    for _ in range(60):
        for j in range(int(plan.integers(per_step + 1))):
            row = streams.uniform()
            for i, key in zip(some.tolist(), keys, strict=True):
                first = key + (2**32 * number[i] + per_step * step[i] + j) * 0x9E3779B97F4A7C15
                assert row[i] == splitmix(first, 1)[0]
        streams.next_step()
        step = {i: t + 1 for i, t in step.items()}
        ended = (plan.random(count) < 0.1).nonzero()[0]
        streams.begin(ended)
        for i in set(ended.tolist()) & step.keys():
            number[i], step[i] = number[i] + 1, 0


def test_a_new_generator_takes_a_new_key() -> None:
    streams, other = seeded(range(3)), seeded(range(3))
    for one in (streams, other):
        one.begin(np.arange(3))
        one.uniform()
        one.next_step()
    streams.generators.adopt(1, np.random.Generator(np.random.MT19937(7)))
    streams.begin(np.array([1]))
    ours, theirs = streams.uniform(), other.uniform()
    key = np.random.Generator(np.random.MT19937(7)).integers(2**64, dtype=np.uint64)
    assert ours[1] == splitmix(int(key), 1)[0]
    assert ours[[0, 2]].tolist() == theirs[[0, 2]].tolist()


def test_numbers_of_near_seeds_steps_and_places_are_independent() -> None:
    """Uniform, and without correlation over neighbouring seeds, steps, places and episodes."""
    streams = seeded(range(5, 2005), 2)
    drawn = []
    for _ in range(2):
        streams.begin(np.arange(2000))
        steps = []
        for _ in range(25):
            steps.append([streams.uniform().copy() for _ in range(2)])
            streams.next_step()
        drawn.append(steps)
    u = np.array(drawn)  # (2 episodes, 25 steps, 2 places, 2000 seeds)
    assert scipy.stats.kstest(u.ravel(), "uniform").pvalue > 1e-4
    centred = (u - 0.5) * 12**0.5
    for axis in range(4):
        near = [slice(None)] * 4
        after, before = list(near), list(near)
        after[axis], before[axis] = slice(1, None), slice(None, -1)
        product = centred[tuple(after)] * centred[tuple(before)]
        assert abs(product.mean()) < 4 / product.size**0.5


def test_generators_of_a_step_go_on_and_differ() -> None:
    streams = seeded(range(3))
    streams.begin(np.arange(3))
    first = [streams.noise[i].random() for i in (0, 1, 0)]
    streams.next_step()
    assert len({*first, streams.noise[0].random(), streams.uniform()[0]}) == 5
    again = seeded(range(1))
    again.begin(np.arange(1))
    assert [again.noise[0].random() for _ in range(2)] == [first[0], first[2]]


def test_keyed_numbers_do_not_depend_on_the_others() -> None:
    keys = np.random.default_rng(0).integers(2**64, size=7, dtype=np.uint64)
    all_of_them, some = KeyedRandom(keys), KeyedRandom(keys[[4, 2]])
    for count in (5, 100, 5, 100):
        numbers = all_of_them.random((7, 3, 2))
        np.testing.assert_array_equal(numbers[[4, 2]], some.random((2, 3, 2)))
        normal = all_of_them.standard_normal((7, count), np.float32)
        np.testing.assert_array_equal(normal[[4, 2]], some.standard_normal((2, count), np.float32))
    assert normal.dtype == np.float32


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("count", [3, 100])
def test_borrowed_generators_go_on_as_those_that_are_made(
    count: int, in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However numbers are asked for, in turns; the reference is what NumPy makes of each key."""
    if not in_memory:
        monkeypatch.setattr(seeding.BORROWED, "memory", None)
    keys = np.random.default_rng(1).integers(2**64, size=count, dtype=np.uint64)
    random, reference = KeyedRandom(keys), [KeyedRandom(keys[i : i + 1])[0] for i in range(count)]
    some, sizes = np.arange(0, count, 2), np.arange(0, count, 2) % 7
    for handed_out in (0, 2, 2, count - 1):
        for rows, counts in ((some, sizes), (np.arange(count), np.full(count, 9))):
            drawn = random.normals(rows, counts)
            expected = [reference[i].standard_normal(k) for i, k in zip(rows, counts, strict=True)]
            np.testing.assert_array_equal(drawn, np.concatenate(expected))
        one, other = random[handed_out], reference[handed_out]
        assert one.random(dtype=np.float32) == other.random(dtype=np.float32)
        assert one.integers(2**40) == other.integers(2**40)


def test_threads_do_not_borrow_the_same_generator() -> None:
    keys, rows = np.arange(64, dtype=np.uint64), np.arange(64)

    def draw(size: int) -> bytes:
        return KeyedRandom(keys + size).normals(rows, np.full(64, size)).tobytes()

    sizes = [1000 + i for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, sizes)) == list(map(draw, sizes))


def test_uniform_box_is_a_box_without_memory() -> None:
    uniform, plain = UniformBox(-1, 2, (4, 3)), spaces.Box(-1, 2, (4, 3))
    assert uniform == plain
    assert plain == uniform
    assert uniform == UniformBox(-1, 2, (4, 3))
    assert uniform != UniformBox(-1, 3, (4, 3))
    assert uniform != UniformBox(-1, 2, (12,))
    assert batch_space(uniform, 5) == batch_space(plain, 5)
    uniform.seed(4)
    for twin in (copy.deepcopy(uniform), pickle.loads(pickle.dumps(uniform))):
        assert twin == uniform
        assert twin.low.strides == (0, 0)
        np.testing.assert_array_equal(twin.sample(), copy.deepcopy(uniform).sample())
    sample = batch_space(uniform, 5).sample()
    assert sample.shape == (5, 4, 3)
    assert batch_space(uniform, 5).contains(sample)
    assert not uniform.contains(np.full((4, 3), 2.5, np.float32))
    assert repr(uniform) == "UniformBox(-1, 2, (4, 3), float32)"
    huge = batch_space(UniformBox(0, 1, (100_000_000,)), 1000)
    assert huge.shape == (1000, 100_000_000)
    assert huge.low.strides == (0, 0)
    assert huge == copy.deepcopy(huge)
    assert len(pickle.dumps(huge)) < 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64])
def test_gymnasium_treats_a_uniform_box_as_a_box(dtype: Any) -> None:
    """What it looks up by type gives the same for both, inside tuples and dictionaries as well."""
    made = {"uniform": UniformBox(0, 5, (3,), dtype), "plain": spaces.Box(0, 5, (3,), dtype)}
    seen: dict[str, list[Any]] = {}
    for name, one in made.items():
        one.seed(0)
        samples = [one.sample() for _ in range(3)]
        pair, parts = spaces.Tuple((one, spaces.Discrete(4))), spaces.Dict({"x": one})
        numbers = np.arange(3)
        several = utils.batch_space(pair, 3)
        out = seen[name] = [
            list(utils.iterate(utils.batch_space(one, 3), np.stack(samples))),
            list(utils.iterate(several, (np.stack(samples), numbers))),
            list(utils.iterate(utils.batch_space(parts, 3), {"x": np.stack(samples)})),
            utils.batch_differing_spaces([one, one]),
            utils.batch_differing_spaces([parts, parts]),
            utils.create_empty_array(one, 3),
            utils.concatenate(one, samples, utils.create_empty_array(one, 3)),
            gym.wrappers.utils.create_zero_array(one),
            spaces.flatten_space(pair),
            spaces.flatten(pair, (samples[0], 2)),
            spaces.flatdim(parts),
            spaces.unflatten(one, spaces.flatten(one, samples[0])),
            one.from_jsonable(one.to_jsonable(samples)),
        ]
        memory = utils.create_shared_memory(one, 3)
        utils.write_to_shared_memory(one, 1, samples[1], memory)
        out.append(utils.read_from_shared_memory(one, memory, 3))
    assert len(seen["uniform"][1]) == 3
    for ours, theirs in zip(seen["uniform"], seen["plain"], strict=True):
        np.testing.assert_equal(ours, theirs)


def test_boxes_are_plain_where_they_are_small() -> None:
    assert type(box(0, 1, (4096,))) is spaces.Box
    assert type(box(0, 1, (4097,))) is UniformBox
    one = spaces.Dict({"a": box(0, 1, (8,)), "b": spaces.Box(0, np.arange(8, dtype=np.float32))})
    few, many = batched(one, 2), batched(one, 100_000)
    assert few == batch_space(one, 2)
    assert type(few["a"]) is spaces.Box
    assert type(many["a"]) is UniformBox
    assert many["a"] == batch_space(one["a"], 100_000)


def test_torch_takes_the_bounds_without_a_warning() -> None:
    torch = pytest.importorskip("torch")
    for one in (box(-1, 1, (3, 2)), UniformBox(-1, 1, (3, 2))):
        assert torch.as_tensor(one.high).sum() == 6


def test_checks_return_plain_values() -> None:
    assert type(checks.integer("n", np.int64(3), low=1)) is int
    assert checks.integer("n", 3.0, low=1) == 3
    assert type(checks.real("x", np.float32(2.0))) is float
    assert checks.sequence("s", [1, 2], lambda n, v: checks.integer(n, v, low=0)) == (1, 2)
    with pytest.raises(InputError, match=r"s\[1\] must be an integer of at least 0, got -2"):
        checks.sequence("s", [1, -2], lambda n, v: checks.integer(n, v, low=0))


def test_told() -> None:
    assert told("x" * 600, None) == "x" * 600
    assert told("as it is") == "as it is"
    text = told("a" * 10**7 + "z")
    assert text == "a" * 250 + " [9,999,501 letters are left out] " + "a" * 249 + "z"
    assert told(b"\xff\x1b[0m\n two\tlines") == "\ufffd\\x1b[0m two lines"


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
