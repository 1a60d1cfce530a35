"""How many frames per second PPO trains on, with native episodes and with a list of single ones.

A frame is one step of one episode, played and learnt from. The peer is stable-baselines3 as it is
commonly used: its `DummyVecEnv` of 8 single environments and its own settings, 10 epochs of batches of
64. It is compared with 256 native episodes: with the settings of ``discovery-gym train``; with 10 epochs
and the large batches that many episodes allow; and with its batches of 64, where only the stepping is
saved. All normalise observations and rewards. Collecting is the share of the time in which episodes are
played, policy included; stepping the part of it that is ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from ...agents.learned import learn_extra
from ..training.sb3 import ON_POLICY
from .timing import Measured, in_turns, median, rate

with learn_extra():
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    from ...agents.learned.sb3_env import SB3Env

LADDER = "discovery/KnowledgeLadder-v0"
EPISODES, WIDE = 256, 4096


def learning(turns: int) -> Measured:
    """Measure training in at most 9 turns."""
    torch.set_num_threads(1)
    steps, epochs = ON_POLICY["n_steps"], ON_POLICY["n_epochs"]
    batch, few = EPISODES * steps // 4, EPISODES * steps // WIDE
    native, large = f"native x{EPISODES}", f"batches of {batch}"
    learners = {
        name: _Learner(episodes, {"n_steps": length, **settings})
        for name, episodes, length, settings in (
            ("DummyVecEnv of 8, batches of 64, 10 epochs", 8, 256, {}),
            (f"{native}, batches of 64, 10 epochs", EPISODES, 8, {}),
            (f"{native}, {large}, 10 epochs", EPISODES, steps, {"batch_size": batch}),
            (f"{native}, as trained: {large}, {epochs} epochs", EPISODES, steps,
             {"batch_size": batch, "n_epochs": epochs}),
            (f"native x{WIDE}, {large}, 10 epochs", WIDE, few, {"batch_size": batch}),
        )
    }  # fmt: skip
    times = in_turns(learners, min(turns, 9))
    peer = next(iter(times))
    rows = []
    for name, learner in learners.items():
        ratio = learner.frames / times[name] / (learners[peer].frames / times[peer])
        shares = (f"{part / learner.whole:.1%}" for part in (learner.collecting, learner.stepping))
        rows.append([name, rate(times[name], learner.frames), median(ratio, ".1f"), *shares])
    head = ["PPO on KnowledgeLadder", "frames/s", "/ DummyVecEnv of 8", "collecting", "stepping"]
    return head, rows


class _Learner:
    """Plays rollouts and learns from them, and keeps what parts of it take."""

    def __init__(self, episodes: int, settings: dict[str, Any]) -> None:
        if episodes == 8:
            env = make_vec_env(LADDER, episodes, seed=0)
        else:
            env = SB3Env(gym.make_vec(LADDER, num_envs=episodes, autoreset_mode="SameStep"))
        self.model: Any = PPO("MlpPolicy", VecNormalize(env), seed=0, device="cpu", **settings)
        self.frames = episodes * settings["n_steps"]
        self.whole = self.collecting = self.stepping = 0.0
        env.step_wait = self._timed(env.step_wait, "stepping")
        self.model.collect_rollouts = self._timed(self.model.collect_rollouts, "collecting")
        self._learn = self._timed(self.model.learn, "whole")

    def __call__(self) -> None:
        self._learn(self.frames, reset_num_timesteps=False)

    def _timed(self, work: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            found = work(*args, **kwargs)
            setattr(self, part, getattr(self, part) + time.process_time() - start)
            return found

        return timed
