"""The adapter for stable-baselines3, against its own `DummyVecEnv` of single environments."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from discovery_gym import InputError

sb3 = pytest.importorskip("stable_baselines3", reason="the extra 'learn' is not installed")
from sb3_contrib import MaskablePPO  # noqa: E402
from sb3_contrib.common.maskable.evaluation import evaluate_policy  # noqa: E402
from sb3_contrib.common.maskable.utils import (  # noqa: E402
    get_action_masks,
    is_masking_supported,
)
from stable_baselines3.common.monitor import Monitor  # noqa: E402
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor  # noqa: E402

from discovery_gym.agents.learned.sb3_env import SB3Env  # noqa: E402
from discovery_gym.envs.wrappers import OneByOne, VectorOneByOne  # noqa: E402

LADDER = ("KnowledgeLadder", {"target": 3, "p_scale": 8.0, "batch_sizes": (1, 4), "horizon": 9})
POOL = ("LinearPool", {"num_items": 12, "num_features": 2, "horizon": 4})
PLATES = ("LinearPool", {"num_items": 12, "num_features": 2, "horizon": 6, "batch_size": 2})
DESIGN = ("LinearGaussianDesign", {"horizon": 3})
LATE = ("GraphPool", {"num_items": 12, "horizon": 6, "batch_size": 2, "delay": 1})
LOST = ("LogisticPool", {"num_items": 12, "num_features": 2, "horizon": 6, "loss": 0.3})


def native(problem: tuple[str, dict[str, Any]], count: int, **more: Any) -> SB3Env:
    name, kwargs = problem
    return SB3Env(
        gym.make_vec(
            f"discovery/{name}-v0", num_envs=count, autoreset_mode="SameStep", **kwargs, **more
        )
    )


def same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            same(ours[key], theirs[key])
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype


@pytest.mark.parametrize("reveal", [False, True])
@pytest.mark.parametrize("problem", [LADDER, POOL, PLATES, LATE, LOST, DESIGN], ids=lambda p: p[0])
def test_same_as_single_environments_bit_for_bit(
    problem: tuple[str, dict[str, Any]], reveal: bool
) -> None:
    name, kwargs = problem
    make = partial(gym.make, f"discovery/{name}-v0", reveal=reveal, **kwargs)
    single = DummyVecEnv([lambda: Monitor(make())] * 5)
    vector = native(problem, 5, reveal=reveal)
    assert vector.observation_space == single.observation_space
    assert vector.action_space == single.action_space
    single.seed(7), vector.seed(7)
    same(vector.reset(), single.reset())
    random, ends = np.random.default_rng(0), 0
    for _ in range(25):
        if not isinstance(vector.action_space, spaces.Box):
            masks = get_action_masks(vector)
            np.testing.assert_array_equal(masks, get_action_masks(single))
        if isinstance(vector.action_space, spaces.Box):
            actions = random.uniform(-1, 1, (5, *vector.action_space.shape)).astype(np.float32)
        elif isinstance(vector.action_space, spaces.MultiDiscrete):
            sizes = len(vector.action_space.nvec), len(masks)
            halves = masks.reshape(sizes[1], sizes[0], -1)[:, 0]
            actions = np.stack(
                [random.choice(m.nonzero()[0], sizes[0], replace=False) for m in halves]
            )
        else:
            actions = np.array([random.choice(m.nonzero()[0]) for m in masks])
        ours, theirs = vector.step(actions), single.step(actions)
        for mine, yours in zip(ours[:3], theirs[:3], strict=True):
            same(mine, yours)
        for mine, yours, ended in zip(ours[3], theirs[3], ours[2], strict=True):
            if ended:
                ends += 1
                assert mine.keys() == yours.keys()
                for key in yours.keys() - {"episode", "TimeLimit.truncated"}:
                    same(mine[key], yours[key])
                assert mine["episode"]["r"] == pytest.approx(yours["episode"]["r"], abs=1e-6)
                assert mine["episode"]["l"] == yours["episode"]["l"]
                assert mine["episode"]["t"] >= 0
                assert mine["TimeLimit.truncated"] is yours["TimeLimit.truncated"] is False
            else:
                assert mine == {}
    assert ends > 5


def test_parts_of_the_observation_alone() -> None:
    name, kwargs = DESIGN
    vector = gym.make_vec(f"discovery/{name}-v0", num_envs=4, autoreset_mode="SameStep", **kwargs)
    whole, some = native(DESIGN, 4), SB3Env(vector, parts=["rounds_left", "belief"])
    assert list(some.observation_space) == ["belief", "rounds_left"]
    whole.seed(3), some.seed(3)
    full, part, ends = whole.reset(), some.reset(), 0
    for _ in range(4):
        same(part, {key: full[key] for key in ("belief", "rounds_left")})
        action = np.full((4, *some.action_space.shape), 0.3, np.float32)
        (full, _, _, long), (part, _, _, short) = whole.step(action), some.step(action)
        for one, other in zip(long, short, strict=True):
            if one:
                ends += 1
                last = one["terminal_observation"]
                same(other["terminal_observation"], {k: last[k] for k in ("belief", "rounds_left")})
    assert ends == 4
    with pytest.raises(InputError, match="no part 'beleif'; did you mean 'belief'"):
        SB3Env(vector, parts=["beleif"])
    with pytest.raises(InputError, match="it is one array"):
        SB3Env(native(LADDER, 2).env, parts=["belief"])


@pytest.mark.filterwarnings("ignore:The environment is already wrapped:UserWarning")
def test_the_monitor_of_vectors_reads_the_truth_of_ended_episodes() -> None:
    vector = VecMonitor(native(POOL, 3, reveal=True), info_keywords=("regret",))
    vector.reset()
    for item in range(4):
        infos = vector.step(np.full(3, item))[3]
    for info in infos:
        assert info["episode"]["regret"] == info["regret"] >= 0


def test_wrappers_stay_around_the_environment() -> None:
    """A batch played item by item, and statistics around it, through the masks of the wrapper."""
    name, kwargs = PLATES
    kwargs = {**kwargs, "illegal": "raise"}
    made = gym.make_vec(f"discovery/{name}-v0", num_envs=4, autoreset_mode="SameStep", **kwargs)
    vector = SB3Env(RecordEpisodeStatistics(VectorOneByOne(made)))
    assert vector.action_space == spaces.Discrete(12)
    assert vector.get_attr("model")[0] is made.model
    model = MaskablePPO("MultiInputPolicy", vector, device="cpu", **SMALL)
    model.learn(64)
    _, lengths = evaluate_policy(model, vector, 8, return_episode_rewards=True)
    assert lengths == [6] * 8
    single = OneByOne(gym.make(f"discovery/{name}-v0", **kwargs))
    MaskablePPO("MultiInputPolicy", single, device="cpu", **SMALL).learn(32)


def test_running_episodes_share_one_dictionary() -> None:
    vector = native(LADDER, 3)
    vector.reset()
    infos = vector.step(np.zeros(3, np.int64))[3]
    assert infos[0] is infos[1] is infos[2]


def test_attributes_and_methods_of_episodes() -> None:
    vector = native(POOL, 4, render_mode="rgb_array")
    assert vector.render_mode == "rgb_array"
    vector.reset()
    assert is_masking_supported(vector)
    assert not vector.has_attr("nothing")
    assert vector.get_attr("model", [0, 2]) == [vector.env.model] * 2
    assert [m.shape for m in vector.env_method("action_masks", indices=[1, 3])] == [(12,)] * 2
    assert vector.render().ndim == 3
    assert vector.env_is_wrapped(Monitor, 0) == [True]
    assert vector.env_is_wrapped(gym.Wrapper) == [False] * 4
    vector.set_attr("mark", 1)
    assert vector.get_attr("mark") == [1] * 4
    with pytest.raises(InputError, match="without indices"):
        vector.set_attr("mark", 2, indices=[0])
    with pytest.raises(InputError, match="'step' is not one for single episodes"):
        vector.env_method("step", 0)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match=r"got autoreset_mode='NextStep'.*SameStep"):
        SB3Env(gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=2))
    with pytest.raises(InputError, match="takes a vector environment of this package"):
        SB3Env(gym.make("discovery/KnowledgeLadder-v0"))


def test_without_the_extra_the_message_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "import discovery_gym.agents.learned\n"
        "try: import discovery_gym.agents.learned.sb3_env\n"
        "except discovery_gym.InputError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "stable_baselines3 is not installed" in done.stdout
    assert "pip install -c constraints.txt -e '.[learn]'" in done.stdout


# ---- the algorithms


SMALL = {"n_steps": 8, "batch_size": 32, "n_epochs": 1, "seed": 0}


@pytest.mark.parametrize(
    ("algorithm", "policy", "problem", "settings"),
    [
        (sb3.PPO, "MlpPolicy", LADDER, SMALL),
        (sb3.PPO, "MultiInputPolicy", PLATES, SMALL),
        (MaskablePPO, "MlpPolicy", LADDER, SMALL),
        (MaskablePPO, "MultiInputPolicy", POOL, SMALL),
        (MaskablePPO, "MultiInputPolicy", LATE, SMALL),
        (sb3.DQN, "MlpPolicy", LADDER, {"learning_starts": 8, "buffer_size": 400, "seed": 0}),
        (sb3.PPO, "MultiInputPolicy", DESIGN, SMALL),
        (
            sb3.SAC,
            "MultiInputPolicy",
            DESIGN,
            {"learning_starts": 8, "buffer_size": 400, "seed": 0},
        ),
    ],
)
def test_algorithms_train(algorithm: Any, policy: str, problem: Any, settings: Any) -> None:
    """Each algorithm trains for some steps, sees episodes end, and changes its weights."""
    vector = native(problem, 4)
    model = algorithm(policy, vector, device="cpu", **settings)
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(64)
    assert len(model.ep_info_buffer) > 4
    after = model.policy.state_dict()
    assert any((before[name] != after[name]).any() for name in before)


def test_masks_hold_while_training_and_evaluating() -> None:
    """With `illegal="raise"` an illegal choice would end the program."""
    vector = native(POOL, 4, illegal="raise")
    model = MaskablePPO("MultiInputPolicy", vector, device="cpu", **SMALL)
    model.learn(64)
    returns, lengths = evaluate_policy(model, vector, 8, return_episode_rewards=True)
    assert lengths == [4] * 8
    assert len(returns) == 8
