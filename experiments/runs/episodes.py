"""Playing: one agent, some episodes, and what is kept of them.

Episode i is seeded with ``seed + i``, whatever else is played.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from ...agents.agent import Agent as OurAgent
from ...envs.core import DiscoveryVectorEnv, InputError, is_ours, shown, spec_of

Floats = NDArray[np.float64]


class Agent(Protocol):
    """Whatever has stable-baselines3's ``predict``, batched over episodes."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Return one action per episode, and what to remember until the next call."""


@dataclass(kw_only=True)
class Episodes:
    """E episodes that were played.

    Args:
        agent: What played, as text; empty where it has no text of its own.
        role: What it stands for: "random" play, the "optimal" agent, or "".
        seed: Seed of the first one; episode i has ``seed + i``.
        returns: Sum of rewards of each, ``(E,)``.
        lengths: Decisions in each, ``(E,)``.
        regret: Regret at the end of each, ``(E,)``; NaN where none is known.
        curve: Regret of each after every decision, NaN after the end, if it was asked for.
        observations: The last observation of each, if it was asked for.
        hidden: What each hid in the end, ``(E, ...)`` by name, if it was asked for.
        metrics: Values of metrics, ``(E, ...)`` by name.
        seconds: Time inside ``predict``, for episodes that count.
    """

    agent: str
    role: str
    seed: int
    returns: Floats
    lengths: NDArray[np.int64]
    regret: Floats
    curve: list[Floats] = field(default_factory=list)
    observations: list[Any] = field(default_factory=list)
    hidden: dict[str, NDArray[Any]] = field(default_factory=dict)
    metrics: dict[str, Floats] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def new(cls, agent: Agent, seed: int, count: int) -> Episodes:
        """Return episodes that have not begun."""
        return cls(
            agent=agent.text if isinstance(agent, OurAgent) else "",
            role=agent.role if isinstance(agent, OurAgent) else "",
            seed=seed,
            returns=np.zeros(count),
            lengths=np.zeros(count, np.int64),
            regret=np.full(count, np.nan),
            observations=[None] * count,
        )

    def first(self, count: int) -> Episodes:
        """Return the first of them, as they were played."""
        rows = ("returns", "lengths", "regret", "curve", "observations")
        some = {name: getattr(self, name)[:count] for name in rows}
        return replace(self, **some, hidden={k: v[:count] for k, v in self.hidden.items()})

    def end(self, ended: NDArray[np.bool_], info: Mapping[str, Any], keep: bool) -> None:
        """Take in the end of some episodes: their regret and, if they are kept, what metrics need."""
        final, index = info.get("final_info", {}), ended.nonzero()[0]
        if "regret" in final:
            self.regret[index] = final["regret"][index]
        if not keep:
            return
        for i in index.tolist():
            self.observations[i] = info["final_obs"][i]
        for name, value in final.items():
            if not name.startswith("_") and isinstance(value, np.ndarray):
                shape = (len(self.returns), *value.shape[1:])
                self.hidden.setdefault(name, np.zeros(shape, value.dtype))[index] = value[index]


def vector_env(env_id: str, size: int, env_kwargs: Mapping[str, Any]) -> VectorEnv[Any, Any, Any]:
    """Make ``size`` episodes; they restart in the step that ends them, as SB3's agents expect."""
    if is_ours(spec_of(env_id)):
        mode: dict[str, Any] = {
            "vectorization_mode": "vector_entry_point",
            "autoreset_mode": AutoresetMode.SAME_STEP.value,
            "reveal": True,
        }
    else:
        same = {"autoreset_mode": AutoresetMode.SAME_STEP}
        mode = {"vectorization_mode": "sync", "vector_kwargs": same}
    return gym.make_vec(env_id, num_envs=size, **{**env_kwargs, **mode})


def play(
    venv: VectorEnv[Any, Any, Any],
    agent: Agent,
    seed: int,
    count: int,
    *,
    deterministic: bool = False,
    curve: bool = False,
    keep: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Episodes:
    """Play one episode in each of the first ``count`` rows of a vector environment.

    Args:
        venv: The environment, in Gymnasium's mode `AutoresetMode.SAME_STEP`.
        agent: The agent.
        seed: Seed of the first episode.
        count: Number of episodes.
        deterministic: Handed to ``predict``.
        curve: Whether to keep the regret after every decision.
        keep: Whether to keep last observations and what was hidden.
        tell: Told after every decision how many episodes have ended, and how many decisions were taken.
    """
    episodes = Episodes.new(agent, seed, venv.num_envs)
    running, path = np.arange(venv.num_envs) < count, list[Floats]()
    start, state = np.ones(venv.num_envs, np.bool_), None
    wants_masks = "action_masks" in inspect.signature(agent.predict).parameters
    observation, info = venv.reset(seed=seed)
    while running.any():
        more = {"action_masks": _masks(venv, info)} if wants_masks else {}
        share = running.mean()  # rows whose episode is over play on, but do not count
        began = perf_counter()
        answer = agent.predict(
            observation, state=state, episode_start=start, deterministic=deterministic, **more
        )
        episodes.seconds += share * (perf_counter() - began)
        action, state = _checked(answer, agent)
        observation, reward, terminated, truncated, info = venv.step(action)
        episodes.returns[running] += reward[running]
        episodes.lengths += running
        start = terminated | truncated
        ended = start & running
        if ended.any():
            episodes.end(ended, info, keep)
        running &= ~ended
        if tell is not None:
            tell(count - int(running.sum()), int(episodes.lengths.max()))
        if curve:  # where an episode has just ended, `info` shows the first moment of the next one
            now = np.where(running, info.get("regret", np.nan), np.nan)
            path.append(np.where(ended, episodes.regret, now))
    episodes.curve = list(np.reshape(path, (-1, venv.num_envs)).T)
    return episodes.first(count)


def _checked(answer: Any, agent: Agent) -> tuple[Any, Any]:
    """Return what ``predict`` answered, if it is a pair."""
    if isinstance(answer, tuple) and len(answer) == 2:
        return answer
    raise InputError(
        f"predict of {type(agent).__name__} must return the actions and a state, as a pair "
        f"(None for no state), got {shown(answer)}."
    )


def _masks(venv: VectorEnv[Any, Any, Any], info: Mapping[str, Any]) -> Any:
    """Return the legal actions ``(B, n)``; None, for all or for some, where others do not tell."""
    if isinstance(venv.unwrapped, DiscoveryVectorEnv):
        return venv.unwrapped.action_masks()
    assert isinstance(venv, gym.vector.SyncVectorEnv)
    if all(env.has_wrapper_attr("action_masks") for env in venv.envs):
        return np.stack(venv.call("action_masks"))
    masks = info.get("action_mask")
    if not isinstance(masks, np.ndarray) or masks.dtype == object:
        return masks
    told = info["_action_mask"]
    some = [row > 0 if here else None for row, here in zip(masks, told, strict=True)]
    return masks > 0 if told.all() else some
