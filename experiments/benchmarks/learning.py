"""How long PPO trains for a frame, with native episodes and with a list of single ones.

A frame is one step of one episode, played and learnt from. The peer is stable-baselines3 as it is
commonly used: its `DummyVecEnv` of 8 single environments and its own settings, 10 epochs of batches of
64. It is compared with 256 native episodes: with the settings of ``discovery-gym train``; with 10 epochs
and the large batches that many episodes allow; and with its batches of 64, where only the stepping is
saved. All normalise observations and rewards. Collecting is the time in which episodes are played,
policy included; stepping the part of it that is ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from ...agents.learned import learn_extra
from ..training.sb3 import ON_POLICY
from .timing import Row, Rows

with learn_extra():
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    from ...agents.learned.sb3_env import SB3Env

LADDER = "discovery/KnowledgeLadder-v0"
EPISODES, WIDE, SINGLE = 256, 4096, 8
STEPS, EPOCHS = ON_POLICY["n_steps"], ON_POLICY["n_epochs"]
BATCH = EPISODES * STEPS // 4
LEARNERS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("batches of 64, 10 epochs", EPISODES, {"n_steps": 8}),
    (f"batches of {BATCH}, 10 epochs", EPISODES, {"n_steps": STEPS, "batch_size": BATCH}),
    (f"as trained: batches of {BATCH}, {EPOCHS} epochs", EPISODES,
     {"n_steps": STEPS, "batch_size": BATCH, "n_epochs": EPOCHS}),
    (f"batches of {BATCH}, 10 epochs", WIDE, {"n_steps": EPISODES * STEPS // WIDE, "batch_size": BATCH}),
)  # fmt: skip


def learning() -> Rows:
    """PPO on KnowledgeLadder: a frame, over that of DummyVecEnv of 8; what of it plays, and is ours."""
    torch.set_num_threads(1)
    peer = _Learner(SINGLE, {"n_steps": 256})
    for about, episodes, settings in LEARNERS:
        name, learner = f"native x{episodes}, {about}", _Learner(episodes, settings)
        yield Row(name, learner, peer)
        for part, reach in (("collecting", "0.08"), ("stepping", "")):  # of the turns that were had
            yield Row(f"{name}: {part}", learner.spent[part], learner.spent["whole"], 1, reach)


class _Learner:
    """Plays rollouts and learns from them, and keeps what parts of it take, in seconds a frame."""

    def __init__(self, episodes: int, settings: dict[str, Any]) -> None:
        if episodes == SINGLE:
            env = make_vec_env(LADDER, episodes, seed=0)
        else:
            env = SB3Env(gym.make_vec(LADDER, num_envs=episodes, autoreset_mode="SameStep"))
        self.model: Any = PPO("MlpPolicy", VecNormalize(env), seed=0, device="cpu", **settings)
        self.frames = episodes * settings["n_steps"]
        self.spent = dict.fromkeys(("whole", "collecting", "stepping"), 0.0)
        env.step_wait = self._timed(env.step_wait, "stepping")
        self.model.collect_rollouts = self._timed(self.model.collect_rollouts, "collecting")
        self._learn = self._timed(self.model.learn, "whole")

    def __call__(self) -> float:
        before = self.spent["whole"]
        self._learn(self.frames, reset_num_timesteps=False)
        return (self.spent["whole"] - before) / self.frames

    def _timed(self, work: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            found = work(*args, **kwargs)
            self.spent[part] += time.process_time() - start
            return found

        return timed
