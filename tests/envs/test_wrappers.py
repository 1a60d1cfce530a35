"""Wrappers for masks: the parts of an observation by name, and batches played item by item."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

from discovery_gym import InputError
from discovery_gym.envs.wrappers import NamedParts, OneByOne, VectorOneByOne

LADDER, POOL, GRAPH = (f"discovery/{n}-v0" for n in ("KnowledgeLadder", "LinearPool", "GraphPool"))
PLATES: dict[str, Any] = {"num_items": 12, "num_features": 2, "horizon": 6, "batch_size": 3}
LATE: dict[str, Any] = {"num_items": 14, "horizon": 8, "batch_size": 2, "delay": 1}
LOST: dict[str, Any] = {**LATE, "delay": ["geometric", 0.5], "loss": 0.3}
PLAYED = [(POOL, PLATES), (GRAPH, LATE), (GRAPH, LOST)]
batches = pytest.mark.parametrize(("env_id", "kwargs"), PLAYED)
wrapped = pytest.mark.filterwarnings("ignore:.*is different from the unwrapped:UserWarning")


@wrapped
@batches
def test_checkers(env_id: str, kwargs: dict[str, Any]) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    for env in (
        OneByOne(gym.make(env_id, **kwargs)),
        NamedParts(OneByOne(gym.make(env_id, **kwargs))),
        NamedParts(gym.make(env_id, **kwargs), "obs", "mask"),
        NamedParts(gym.make(LADDER)),
    ):
        check_env(env)
        sb3.check_env(env, warn=True)
        again = gym.make(EnvSpec.from_json(env.spec.to_json()))
        assert str(again) == str(env)
        assert again.observation_space == env.observation_space
        assert again.action_space == env.action_space


def test_masks_of_single_choices_are_exact_within_a_batch() -> None:
    """A masked random player wastes none of 1800 choices; with masks of batches it wastes many."""
    random, wasted = np.random.default_rng(0), []
    kwargs = {**PLATES, "illegal_reward": -1e6, "horizon": 9}
    for env in (gym.make(POOL, **kwargs), OneByOne(gym.make(POOL, **kwargs))):
        illegal, choices = 0, 0
        for seed in range(200):
            observation, ended = env.reset(seed=seed)[0], False
            while not ended:
                legal = observation["action_mask"].nonzero()[0]
                action = random.choice(legal, env.action_space.shape)
                observation, reward, ended, _, _ = env.step(action)
                illegal += round(max(0.0, -reward) / 1e6)
                choices += action.size
        assert choices == 1800
        wasted.append(illegal)
    assert wasted[0] > 100
    assert wasted[1] == 0


@batches
def test_choices_one_by_one_are_the_batches(env_id: str, kwargs: dict[str, Any]) -> None:
    """Rewards, labels and ends are those of whole batches; meanwhile nothing but the mask changes."""
    whole, parted = gym.make(env_id, **kwargs), OneByOne(gym.make(env_id, **kwargs))
    made = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", **kwargs)
    vector = VectorOneByOne(made)
    assert parted.action_space == spaces.Discrete(kwargs["num_items"])
    (before, _), (seen, info), (many, _) = (e.reset(seed=5) for e in (whole, parted, vector))
    random, ended, size = np.random.default_rng(1), False, kwargs["batch_size"]
    while not ended:
        batch = random.permutation(before["action_mask"].nonzero()[0])[:size]
        for n, item in enumerate(batch):
            np.testing.assert_array_equal(many["action_mask"][0], seen["action_mask"])
            np.testing.assert_array_equal(info["action_mask"], seen["action_mask"])
            np.testing.assert_array_equal(parted.action_masks(), seen["action_mask"] == 1)
            np.testing.assert_array_equal(vector.action_masks()[0], seen["action_mask"] == 1)
            assert parted.observation_space.contains(seen)
            assert vector.observation_space.contains(many)
            assert seen["action_mask"][item]
            other = vector.action_masks()[1].argmax()
            seen, reward, over, _, info = parted.step(item)
            many, rewards, overs, _, infos = vector.step(np.array([item, other]))
            if n < size - 1:
                assert (reward, over, rewards[0], overs[0]) == (0.0, False, 0.0, False)
                assert not seen["action_mask"][item]
                assert "final_obs" not in infos
                for key in before.keys() - {"action_mask"}:
                    np.testing.assert_array_equal(seen[key], before[key])
        before, paid, ended, _, _ = whole.step(batch)
        assert (reward, over, rewards[0], overs[0]) == (paid, ended, paid, ended)
        for key, part in before.items():
            np.testing.assert_array_equal(seen[key], part)
            last = infos["final_obs"][0] if ended else {k: v[0] for k, v in many.items()}
            np.testing.assert_array_equal(last[key], part)
    with pytest.raises(gym.error.ResetNeeded):
        parted.step(0)
    many, *_ = vector.step(vector.action_masks().argmax(1))  # of the next episodes
    assert (many["labelled"] == -1).all()


def test_an_item_chosen_again_raises_at_once_and_changes_nothing() -> None:
    kwargs = {**PLATES, "illegal": "raise"}
    single = OneByOne(gym.make(POOL, **kwargs))
    vector = VectorOneByOne(
        gym.make_vec(POOL, num_envs=2, autoreset_mode="SameStep", reveal=True, **kwargs)
    )
    single.reset(seed=0), vector.reset(seed=0)
    for env, choose in ((single, int), (vector, lambda item: np.array([item, 11 - item]))):
        env.step(choose(3))
        for _ in range(2):
            with pytest.raises(InputError, match="was chosen already; choose by the mask"):
                env.step(choose(3))
        env.step(choose(4))
        observation = env.step(choose(5))[0]
        assert np.atleast_2d(observation["labelled"])[0, :4].tolist() == [3, 4, 5, -1]
        with pytest.raises(InputError, match="was chosen already"):
            env.step(choose(4))


def test_named_parts() -> None:
    plain, env = gym.make(POOL, **PLATES), NamedParts(gym.make(POOL, **PLATES), "obs", "mask")
    (seen, _), (parts, _) = plain.reset(seed=1), env.reset(seed=1)
    assert set(parts) == {"obs", "mask"}
    rest = np.concatenate(list(seen.values()))
    np.testing.assert_array_equal(parts["obs"], rest.astype(np.float32))
    np.testing.assert_array_equal(parts["mask"], np.tile(seen["action_mask"], 3))
    ladder = NamedParts(gym.make(LADDER))
    parts, info = ladder.reset(seed=0)
    np.testing.assert_array_equal(parts["action_mask"], info["action_mask"])
    np.testing.assert_array_equal(parts["observations"], gym.make(LADDER).reset(seed=0)[0])


def test_what_does_not_fit_is_named() -> None:
    design, pool = gym.make("discovery/WeinbergToy-v0"), gym.make(POOL)
    plates = gym.make_vec(POOL, **PLATES)
    for make, message in (
        (lambda: NamedParts(design), "NamedParts takes .* with finitely many actions, got .*Toy"),
        (lambda: NamedParts(pool, "a", "a"), "two different names, got 'a' and 'a'"),
        (lambda: NamedParts(gym.make("CartPole-v1")), "environment of this package"),
        (lambda: OneByOne(pool), "OneByOne takes a single .* with a batch_size above 1, got "),
        (lambda: OneByOne(plates), "OneByOne takes a single environment"),
        (lambda: VectorOneByOne(plates), "got autoreset_mode='NextStep'; .*'SameStep'"),
        (lambda: VectorOneByOne(gym.make(POOL, **PLATES)), "takes a vector environment"),
        (lambda: OneByOne(NamedParts(gym.make(POOL, **PLATES))), "need the pool's own observation"),
        (
            lambda: OneByOne(gym.wrappers.FlattenObservation(gym.make(POOL, **PLATES))),
            "with an action_mask of 12 items",
        ),
    ):
        with pytest.raises(InputError, match=message):
            make()
    parted = OneByOne(gym.make(POOL, **PLATES))
    for call in (parted.action_masks, lambda: parted.step(0)):
        with pytest.raises(gym.error.ResetNeeded):
            call()
    parted.reset(seed=0)
    for action in (12, -1, 0.5, None, [0], "0", [[1], [2, 3]], 10**400):
        with pytest.raises(InputError, match=r"not a choice of items; .* 0\.\.11, of shape \(\)"):
            parted.step(action)
    vector = VectorOneByOne(gym.make_vec(POOL, num_envs=2, autoreset_mode="SameStep", **PLATES))
    vector.reset(seed=0)
    with pytest.raises(InputError, match="leave reset_mask out"):
        vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(InputError, match="options must be"):
        vector.reset(options=5)
