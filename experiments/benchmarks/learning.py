"""How many frames per second PPO trains on, with native episodes and with a list of single ones.

A frame is one step of one episode, played and learnt from. The peer is stable-baselines3 as it is
commonly used: its `DummyVecEnv` of 8 single environments and its own settings, 10 epochs of batches of
64. It is compared with 256 native episodes: with the settings of ``discovery-gym train``; with 10 epochs
and the large batches that many episodes allow; and with its batches of 64, where only the stepping is
saved. All normalise observations and rewards.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from ...agents.learned import learn_extra
from ..training.sb3 import ON_POLICY
from .timing import Measured, Subject, in_turns, median

with learn_extra():
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    from ...agents.learned.sb3_env import SB3Env

LADDER = "discovery/KnowledgeLadder-v0"
EPISODES = 256


def learning(turns: int) -> Measured:
    """Measure training in at most 9 turns."""
    torch.set_num_threads(1)
    rollout = EPISODES * ON_POLICY["n_steps"]
    epochs, batch = ON_POLICY["n_epochs"], rollout // 4
    many: dict[str, Any] = {"n_steps": ON_POLICY["n_steps"], "batch_size": batch}
    native, trained = f"native x{EPISODES}", f"as trained: batches of {batch}, {epochs} epochs"
    frames, subjects = {}, {}
    for name, single, settings in (
        ("DummyVecEnv of 8, batches of 64, 10 epochs", True, {"n_steps": 256}),
        (f"{native}, batches of 64, 10 epochs", False, {"n_steps": 8}),
        (f"{native}, batches of {batch}, 10 epochs", False, many),
        (f"{native}, {trained}", False, many | {"n_epochs": epochs}),
    ):
        frames[name] = int(settings["n_steps"]) * (8 if single else EPISODES)
        subjects[name] = _learner(single, frames[name], settings)
    times = in_turns(subjects, turns=min(turns, 9))
    peer = next(iter(times))
    rows = []
    for name in times:
        ratio = frames[name] / times[name] / (frames[peer] / times[peer])
        rate = f"{frames[name] / np.median(times[name]):,.0f}"
        rows.append([name, rate, "1" if name == peer else median(ratio, ".1f")])
    return ["PPO on KnowledgeLadder", "frames/s", "/ DummyVecEnv of 8"], rows


def _learner(single: bool, frames: int, settings: dict[str, Any]) -> Subject:
    """Return what plays one rollout and learns from it."""
    env = (
        make_vec_env(LADDER, 8, seed=0)
        if single
        else SB3Env(gym.make_vec(LADDER, num_envs=EPISODES, autoreset_mode="SameStep"))
    )
    model = PPO("MlpPolicy", VecNormalize(env), seed=0, device="cpu", **settings)

    def learn(count: int) -> None:
        model.learn(count * frames, reset_num_timesteps=False)

    return learn
