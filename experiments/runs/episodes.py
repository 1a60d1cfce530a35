"""Playing: one agent, some episodes, and what is kept of them.

An episode follows from its seed, whatever else is played.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium.error import DependencyNotInstalled
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from ...agents.agent import Agent as OurAgent
from ...envs.core import DiscoveryVectorEnv, InputError, Knowledge, is_ours, shown, spec_of, told
from ...envs.core.arrays import Array, Flags, Whole
from .trace import Actions, Ended, Envs, Tape, model_of

Tell: TypeAlias = Callable[[int, int], None]
"""Told after every decision how many episodes have ended, and how many decisions were taken."""


class Agent(Protocol):
    """Whatever has stable-baselines3's ``predict``, batched over episodes."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Flags | None = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Return one action per episode, and what to remember until the next call."""


@dataclass(kw_only=True)
class Episodes:
    """E episodes that were played.

    Args:
        agent: What played, as text; empty where it has no text of its own.
        role: What it stands for: "random" play, the "optimal" agent, or "".
        seeds: The seed of each.
        returns: Sum of rewards of each, ``(E,)``.
        lengths: Decisions in each, ``(E,)``.
        regret: Regret at the end of each, ``(E,)``; NaN where none is known.
        points: P numbers of decisions, increasing.
        return_after: Return of each after these decisions, ``(E, P)``; NaN behind its end.
        regret_after: The regret likewise; NaN where none is known.
        best_after: The best label so far likewise; None where there are no labels.
        spent_after: The money spent likewise; None where nothing costs money.
        spent: All money spent, ``(E,)``; None likewise.
        actions: What was done; None where actions are not numbers.
        observations: The last observation of each, if it was asked for.
        hidden: What each hid in the end, ``(E, ...)`` by name, if it was asked for.
        seconds: Time of each call of ``predict``, for one of its rows, ``(t,)``.
        running: Episodes that each call decided for and that count, ``(t,)``.
    """

    agent: str
    role: str
    seeds: Sequence[int]
    returns: Array
    lengths: Whole
    regret: Array
    points: Whole
    return_after: Array
    regret_after: Array
    best_after: Array | None = None
    spent_after: Array | None = None
    spent: Array | None = None
    actions: Actions | None = None
    observations: list[Any] = field(default_factory=list)
    hidden: dict[str, NDArray[Any]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    running: list[int] = field(default_factory=list)

    @classmethod
    def new(cls, agent: Agent, seeds: Sequence[int], points: Whole) -> Episodes:
        """Return episodes that have not begun."""
        count, shape = len(seeds), (len(seeds), len(points))
        return cls(
            agent=agent.text if isinstance(agent, OurAgent) else "",
            role=agent.role if isinstance(agent, OurAgent) else "",
            seeds=seeds,
            returns=np.zeros(count),
            lengths=np.zeros(count, np.int64),
            regret=np.full(count, np.nan),
            points=points,
            return_after=np.full(shape, np.nan),
            regret_after=np.full(shape, np.nan),
            observations=[None] * count,
        )

    def first(self, count: int) -> Episodes:
        """Return the first of them, as they were played."""
        rows = ("seeds", "returns", "lengths", "regret", "return_after", "regret_after",
                "best_after", "observations")  # fmt: skip
        found = {name: getattr(self, name) for name in rows}
        some: dict[str, Any] = {n: c if c is None else c[:count] for n, c in found.items()}
        return replace(self, **some, hidden={k: v[:count] for k, v in self.hidden.items()})

    def end(self, ended: Flags, info: Mapping[str, Any], keep: bool) -> None:
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

    def note(
        self,
        point: int,
        model: Knowledge | None,
        running: Flags,
        ended: Flags,
        observation: Any,
        info: Mapping[str, Any],
    ) -> None:
        """Keep where the episodes stand at a point: those that go on, and those that end with it."""
        here = running | ended
        self.return_after[here, point] = self.returns[here]
        if "regret" in info:  # where an episode has ended, it is that of the next one
            self.regret_after[running, point] = info["regret"][running]
            self.regret_after[ended, point] = self.regret[ended]
        best = None if model is None else model.best(observation)
        if best is None:
            return
        assert model is not None
        if self.best_after is None:
            self.best_after = np.full(self.return_after.shape, np.nan)
        self.best_after[running, point] = best[running]
        if ended.any():
            self.best_after[ended, point] = model.best(Ended(info["final_obs"][ended]))

    def wind_up(self, tape: Tape, model: Knowledge | None, first: Any) -> None:
        """Take in all actions, and what they cost after the first observations of all rows."""
        self.actions, count = tape.actions(self.lengths), len(self.lengths)
        if model is None or not tape.kept:
            return
        if isinstance(first, Mapping):
            first = {key: part[:count] for key, part in first.items()}
        prices = model.prices(tape.whole(count), first)
        if prices is None:
            return
        spent, row = prices.cumsum(1), np.arange(count)
        self.spent = spent[row, self.lengths - 1]
        at = self.points[self.points <= tape.steps]
        self.spent_after = np.full(self.return_after.shape, np.nan)
        self.spent_after[:, : len(at)] = spent[:, at - 1]
        self.spent_after[self.points > self.lengths[:, None]] = np.nan


def vector_env(env_id: str, size: int, env_kwargs: Mapping[str, Any]) -> Envs:
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
    try:
        return gym.make_vec(env_id, num_envs=size, **{**env_kwargs, **mode})
    except (TypeError, ImportError, DependencyNotInstalled) as error:
        wrong = not isinstance(error, TypeError) or "unexpected keyword argument" in str(error)
        if isinstance(error, InputError) or not wrong:
            raise
        raise InputError(f"{env_id} cannot be made so: {told(error)}.") from None


def play(
    venv: Envs,
    agent: Agent,
    seeds: Sequence[int],
    count: int,
    points: Whole,
    *,
    deterministic: bool = False,
    keep: bool = False,
    tell: Tell | None = None,
) -> Episodes:
    """Play one episode in each of the first ``count`` rows of a vector environment.

    Args:
        venv: The environment, in Gymnasium's mode `AutoresetMode.SAME_STEP`.
        agent: The agent.
        seeds: The seed of each row.
        count: Number of episodes that count.
        points: After which decisions to note where the episodes stand, counted from 1, increasing.
        deterministic: Handed to ``predict``.
        keep: Whether to keep last observations and what was hidden.
        tell: Told after every decision how many episodes have ended, and how many decisions were taken.
    """
    episodes, model = Episodes.new(agent, seeds, points), model_of(venv)
    tape = Tape(venv.single_action_space, venv.num_envs)
    ahead = iter([*points.tolist(), 0])  # 0 never comes
    point, place = next(ahead), 0
    running, left = np.arange(venv.num_envs) < count, count
    start, state = np.ones(venv.num_envs, np.bool_), None
    wants_masks = "action_masks" in inspect.signature(agent.predict).parameters
    each: Any = seeds[0] if isinstance(seeds, range) else list(seeds)
    first, info = venv.reset(seed=each)
    observation = first
    while left:
        more = {"action_masks": _masks(venv, info)} if wants_masks else {}
        began = perf_counter()
        answer = agent.predict(
            observation, state=state, episode_start=start, deterministic=deterministic, **more
        )
        episodes.seconds.append((perf_counter() - began) / venv.num_envs)
        episodes.running.append(left)  # rows whose episode is over play on, but do not count
        action, state = _checked(answer, agent)
        observation, reward, terminated, truncated, info = venv.step(action)
        tape.add(action)
        np.add(episodes.returns, reward, out=episodes.returns, where=running)
        episodes.lengths += running
        start = terminated | truncated
        ended = start & running
        if ended.any():
            episodes.end(ended, info, keep)
            running &= ~ended
            left = int(np.count_nonzero(running))
        if tape.steps == point:
            episodes.note(place, model, running, ended, observation, info)
            point, place = next(ahead), place + 1
        if tell is not None:
            tell(count - left, tape.steps)
    episodes = episodes.first(count)
    episodes.wind_up(tape, model, first)
    return episodes


def _checked(answer: Any, agent: Agent) -> tuple[Any, Any]:
    """Return what ``predict`` answered, if it is a pair."""
    if isinstance(answer, tuple) and len(answer) == 2:
        return answer
    raise InputError(
        f"predict of {type(agent).__name__} must return the actions and a state, as a pair "
        f"(None for no state), got {shown(answer)}."
    )


def _masks(venv: Envs, info: Mapping[str, Any]) -> Any:
    """Return the legal actions ``(B, n)``; None, for all or for some, where others do not tell."""
    if isinstance(venv.unwrapped, DiscoveryVectorEnv):
        endless = isinstance(venv.single_action_space, gym.spaces.Box)
        return None if endless else venv.unwrapped.action_masks()
    assert isinstance(venv, gym.vector.SyncVectorEnv)
    if all(env.has_wrapper_attr("action_masks") for env in venv.envs):
        return np.stack(venv.call("action_masks"))
    masks = info.get("action_mask")
    if not isinstance(masks, np.ndarray) or masks.dtype == object:
        return masks
    told = info["_action_mask"]
    some = [row > 0 if here else None for row, here in zip(masks, told, strict=True)]
    return masks > 0 if told.all() else some
