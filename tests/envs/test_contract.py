"""The contract that every registered environment keeps."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import warnings
from dataclasses import MISSING, fields
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import SyncVectorEnv, utils
from problems import NAMES, PROBLEMS

import discovery_gym
from discovery_gym import InputError
from discovery_gym.testing import check_model

problem = pytest.mark.parametrize(("env_id", "kwargs"), PROBLEMS, ids=NAMES)
B = 5


def assert_same(a: Any, b: Any) -> None:
    """Hold that two nested structures are equal bit for bit, types and shapes included."""
    assert data_equivalence(a, b, exact=True)


@problem
def test_models(env_id: str, kwargs: dict[str, Any]) -> None:
    """All that one's own environments are checked for; `test_public.py` looks at every agent."""
    check_model(env_id, agents=["random"], **kwargs)


POOLS = [env_id for env_id in discovery_gym.registered() if "Pool" in env_id]
BATCHES = [
    (env_id, {"batch_size": size, "delay": delay, "loss": loss})
    for env_id in POOLS
    for size, delay, loss in (
        (1, 0, 0.0),
        (1, 2, 0.0),
        (4, 0, 0.0),
        (4, 2, 0.0),
        (1, ("geometric", 0.5), 0.0),
        (4, 1, 0.2),
    )
]


@pytest.mark.parametrize(
    ("env_id", "kwargs"), [*PROBLEMS, *BATCHES], ids=[*NAMES, *map(str, range(len(BATCHES)))]
)
def test_checkers(env_id: str, kwargs: dict[str, Any]) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(env_id, **kwargs).unwrapped)
        sb3.check_env(gym.make(env_id, **kwargs), warn=True)


@problem
def test_spaces_suit_what_gymnasium_does_with_them(env_id: str, kwargs: dict[str, Any]) -> None:
    """Alone and inside of tuples and dictionaries; actions are of the types that libraries know."""
    env = gym.make(env_id, **kwargs)
    seen, acts = env.observation_space, env.action_space
    assert type(acts) in (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)
    assert type(gym.make_vec(env_id, num_envs=B, **kwargs).single_action_space) is type(acts)
    for space in (seen, acts, spaces.Tuple((seen, acts)), spaces.Dict(seen=seen, acts=acts)):
        assert copy.deepcopy(space) == pickle.loads(pickle.dumps(space)) == space
        samples, many = [space.sample() for _ in range(3)], utils.batch_space(space, 3)
        joined = utils.concatenate(space, samples, utils.create_empty_array(space, 3))
        assert many.contains(joined)
        assert len(list(utils.iterate(many, joined))) == 3
        flat = spaces.flatten(space, samples[0])
        assert spaces.flatten_space(space).contains(flat)
        assert space.contains(spaces.unflatten(space, flat))


@problem
def test_points_outside_of_a_box_are_clipped(env_id: str, kwargs: dict[str, Any]) -> None:
    """A Gaussian policy plays; both environments and the history see the ends of the range."""
    vector, twin = (gym.make_vec(env_id, num_envs=B, **kwargs) for _ in range(2))
    single = gym.make(env_id, **kwargs)
    if not isinstance(single.action_space, spaces.Box):
        return
    vector.reset(seed=2), twin.reset(seed=2), single.reset(seed=2)
    random = np.random.default_rng(0)
    for _ in range(3):
        actions = random.normal(size=vector.action_space.shape) * 2
        ours = vector.step(actions)[:4]
        assert_same(ours, twin.step(actions.clip(-1, 1).astype(np.float32))[:4])
        alone = single.step(actions[0])
        assert_same(alone[0], {key: part[0] for key, part in ours[0].items()})
        assert alone[1] == ours[1][0]


@problem
def test_observations_belong_to_the_user(env_id: str, kwargs: dict[str, Any]) -> None:
    """What a vector environment returned is not changed by later steps; constants are read-only."""
    vector = gym.make_vec(env_id, num_envs=B, **kwargs)
    first = vector.reset(seed=0)[0]
    kept = copy.deepcopy(first)
    vector.step(vector.action_space.sample())
    assert_same(first, kept)
    parts = first.values() if isinstance(first, dict) else [first]
    for part in parts:
        if part.flags.writeable:
            part[...] = 0  # must not disturb the episodes
    vector.reset(seed=0)


@problem
def test_keys_come_in_the_order_of_the_space(env_id: str, kwargs: dict[str, Any]) -> None:
    """Whoever joins the parts of an observation to one vector finds each at its place."""
    single, vector = gym.make(env_id, **kwargs), gym.make_vec(env_id, num_envs=B, **kwargs)
    if not isinstance(single.observation_space, gym.spaces.Dict):
        return
    keys = list(single.observation_space.spaces)
    assert keys == list(vector.observation_space.spaces)
    for env in (single, vector):
        env.action_space.seed(0)
        for observation in (env.reset(seed=0)[0], env.step(env.action_space.sample())[0]):
            assert list(observation) == keys
            joined = gym.spaces.flatten(env.observation_space, observation)
            np.testing.assert_array_equal(
                joined, np.concatenate([part.ravel() for part in observation.values()])
            )


@problem
def test_nobody_writes_through_a_view(env_id: str, kwargs: dict[str, Any]) -> None:
    """Read-only parts stay that, also for who sets the flag of the array or of what it is based on."""
    for made in (
        gym.make(env_id, copy=False, **kwargs),
        gym.make_vec(env_id, num_envs=B, **kwargs),
    ):
        env = made.unwrapped
        env.reset(seed=0)
        for twin in (env, copy.deepcopy(env)):  # copies lose the flags of arrays
            observation = twin.model.observe(twin._state)
            kept = copy.deepcopy(observation)
            parts = observation.values() if isinstance(observation, dict) else [observation]
            for part in parts:
                while isinstance(part, np.ndarray):
                    try:
                        part.flags.writeable = True
                        part[...] = 1 - part
                    except ValueError:
                        pass
                    part = part.base
            assert_same(twin.model.observe(twin._state), kept)


@problem
def test_masks_of_one_episode(env_id: str, kwargs: dict[str, Any]) -> None:
    """They are what Gymnasium's spaces and sb3-contrib ask for."""
    env = gym.make(env_id, **kwargs)
    _, info = env.reset(seed=0)
    if isinstance(env.action_space, gym.spaces.Box):  # every point is legal
        with pytest.raises(InputError, match="no finite set of actions"):
            env.unwrapped.action_masks()
        return
    count = len(getattr(env.action_space, "nvec", [0]))  # a batch has the mask of one, count times
    mask = info["action_mask"]
    several = isinstance(env.action_space, gym.spaces.MultiDiscrete)
    assert env.action_space.contains(env.action_space.sample((mask,) * count if several else mask))
    assert env.unwrapped.action_masks().tolist() == np.tile(mask == 1, count).tolist()


@problem
def test_observation_keys_suit_torch(env_id: str, kwargs: dict[str, Any]) -> None:
    """Stable-baselines3 keeps a network per key in a `ModuleDict`, which refuses some names."""
    torch = pytest.importorskip("torch")
    space = gym.make(env_id, **kwargs).observation_space
    for key in space.keys() if isinstance(space, gym.spaces.Dict) else ():
        assert not hasattr(torch.nn.ModuleDict(), key)


def section(page: str, heading: str) -> str:
    """Return one section of a page; there must be exactly one."""
    _, text = page.split(f"## {heading}\n")
    return text.split("\n## ")[0]


TOLD_IN_WORDS = {"simulator", "dataset"}
"""Defaults that a page tells by what they stand for."""


@problem
def test_pages(env_id: str, kwargs: dict[str, Any]) -> None:
    """The page stands on model and environments, and tells all arguments and observations rightly."""
    env = gym.make(env_id, **kwargs).unwrapped
    model, vector = type(env.model), type(gym.make_vec(env_id, **kwargs).unwrapped)
    page = model.__doc__
    assert page
    assert type(env).__doc__ == vector.__doc__ == page
    headings = (
        "Description", "Action space", "Observation space", "Rewards", "Starting state",
        "Episode end", "Information", "Arguments", "Vectorized environment",
        "Version history", "References",
    )  # fmt: skip
    assert re.findall("^## (.+)", page, re.M) == list(headings)
    arguments = section(page, "Arguments")
    for field in fields(model):
        named = re.search(rf"`{field.name}` (\(.*?\))(?::(?!\))|,(?!\)| \())", arguments)
        assert named, field.name
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if field.name not in TOLD_IN_WORDS:
            told = ast.literal_eval(named[1].replace("1/3", repr(1 / 3)))
            assert told == default, field.name
    kinds = {"batch_size": 2, "horizon": 4, "delay": 1, "loss": 0.1}
    _told_spaces(page, env.model)
    if kinds.keys() <= {field.name for field in fields(model)}:
        if getattr(env.model, "shop", None) is not None:  # the horizon follows from the budget
            del kinds["horizon"]
        _told_spaces(page, model(**(kwargs | kinds)))


def _told_spaces(page: str, model: Any) -> None:
    """Fail if the page lacks the kind of the actions, or a key or dtype of the observations."""
    assert f"`{type(model.action_space).__name__}(" in section(page, "Action space")
    told, space = section(page, "Observation space"), model.observation_space
    if isinstance(space, spaces.Dict):
        for name, part in space.items():
            assert f"- `{name}`: {part.dtype}, " in told, name
    else:
        assert f"`{type(space).__name__}`, " in told
        assert str(space.dtype) in told


def test_wrappers_of_gymnasium_and_async() -> None:
    """Gymnasium's own wrappers and its process-parallel vector environment take our ids."""
    env = gym.wrappers.FlattenObservation(gym.make("discovery_gym:discovery/TablePool-v0"))
    assert env.observation_space.contains(env.reset(seed=0)[0])
    vector = gym.wrappers.vector.RecordEpisodeStatistics(
        gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=3, target=1, p_scale=1.0)
    )
    vector.reset(seed=0)
    assert vector.step(np.zeros(3, np.int64))[4]["episode"]["l"].tolist() == [1, 1, 1]
    spawned = gym.make_vec(
        "discovery/GaussianStep-v0",
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn"},
    )
    native = gym.make_vec("discovery/GaussianStep-v0", num_envs=2)
    assert_same(spawned.reset(seed=4)[0], native.reset(seed=4)[0])
    assert_same(spawned.step(np.ones(2, np.int64))[0], native.step(np.ones(2, np.int64))[0])
    spawned.close()


def test_registered_ids() -> None:
    assert discovery_gym.registered() == [
        "discovery/BinomialDiscovery-v0",
        "discovery/ConstantElasticity-v0",
        "discovery/DeathProcess-v0",
        "discovery/FidelityLadder-v0",
        "discovery/GaussianStep-v0",
        "discovery/GeneralConditions-v0",
        "discovery/GraphPool-v0",
        "discovery/KnowledgeLadder-v0",
        "discovery/LinearGaussianDesign-v0",
        "discovery/LinearPool-v0",
        "discovery/LocationFinding-v0",
        "discovery/LogisticPool-v0",
        "discovery/LowRankPool-v0",
        "discovery/PreyPopulation-v0",
        "discovery/ScreeningPool-v0",
        "discovery/SimulatorDesign-v0",
        "discovery/TablePool-v0",
        "discovery/TemporalDiscounting-v0",
        "discovery/UnstructuredPool-v0",
        "discovery/Weinberg-v0",
        "discovery/WeinbergToy-v0",
    ]


SEEDED = [
    name for name in NAMES if name.split("-")[0] in ("KnowledgeLadder", "LinearPool", "Weinberg")
]


@pytest.mark.parametrize("name", [*SEEDED, "BinomialDiscovery-v0-priors", "GraphPool-v0-star"])
@pytest.mark.parametrize("seed", [2**32 - 2, 2**64 - 2, 2**128 - 2, 2**200])
def test_seeds_of_any_size(name: str, seed: int) -> None:
    """Episode i of seed s is the single environment of seed s + i, also across words of 32 bits."""
    env_id, kwargs = PROBLEMS[NAMES.index(name)]
    vector = gym.make_vec(env_id, num_envs=4, **kwargs)
    singles = SyncVectorEnv([lambda: gym.make(env_id, **kwargs)] * 4)
    assert_same(vector.reset(seed=seed)[0], singles.reset(seed=seed)[0])
    assert vector.np_random_seed == tuple(range(seed, seed + 4))
    for _ in range(5):
        actions = vector.action_space.sample()
        assert_same(vector.step(actions)[:4], singles.step(actions)[:4])


@problem
def test_a_replaced_generator_counts(env_id: str, kwargs: dict[str, Any]) -> None:
    """Whoever brings a generator along gets its episodes, in a single environment and in many."""
    single, vector = (
        gym.make(env_id, **kwargs).unwrapped,
        gym.make_vec(env_id, num_envs=2, **kwargs),
    )
    single.reset(seed=3)
    vector.reset(seed=3)
    single.np_random = np.random.Generator(np.random.Philox(8))
    vector.np_random = [np.random.Generator(np.random.Philox(8)), np.random.default_rng(9)]
    assert vector.np_random_seed == (-1, -1)
    reference = gym.make(env_id, **kwargs).unwrapped
    reference.reset(seed=9)
    vector.action_space.seed(0)
    one, many = single.reset()[0], vector.reset()[0]
    for t in range(4):
        assert_same(one, {k: v[0] for k, v in many.items()} if isinstance(many, dict) else many[0])
        actions = vector.action_space.sample()
        many, rewards, ended, _, _ = vector.step(actions)
        one, reward, *_ = single.step(actions[0])
        assert rewards[0] == reward
        if t == 0:
            assert rewards[1] == reference.step(actions[1])[1]
        if ended.any():
            break


@problem
def test_no_step_reads_more_than_it_says(
    env_id: str, kwargs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers beyond `Model.uniforms` would be those of the next step."""
    vector = gym.make_vec(env_id, num_envs=3, **kwargs)
    streams, read = vector._streams, []
    uniform = streams.uniform
    monkeypatch.setattr(streams, "uniform", lambda: read.append(1) or uniform())
    vector.reset(seed=1)
    for _ in range(40):
        read.clear()
        vector.step(vector.action_space.sample())
        assert len(read) <= vector.model.uniforms


def test_unseeded_episodes_differ() -> None:
    vector = gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=3)
    vector.reset()
    first = vector.np_random_seed
    other = gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=3)
    other.reset(seed=[None, 5, None])
    assert len({*first, *other.np_random_seed}) == 6
    assert other.np_random_seed[1] == 5
    other.reset(seed=[None] * 3)  # as stable-baselines3 does: they go on with what they have
    assert other.np_random_seed[1] == 5


@pytest.mark.parametrize("seed", [-1, 1.5, True, "a"])
def test_bad_seeds_are_refused(seed: Any) -> None:
    vector = gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=2)
    for bad in (seed, [seed, 1]):
        with pytest.raises(InputError, match="seed"):
            vector.reset(seed=bad)
