"""Play episodes and score them: what one number of the leaderboard rests on.

Episode i is seeded with ``seed + i`` whatever its neighbours do, so that two agents evaluated with
the same seed meet the same episodes and can be compared pair by pair. What an agent draws follows from
its own seed and that of the episode, so that an episode is the same in every evaluation that plays it.
An agent sees observations and legal actions, never ``info``.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from ...agents import Agent as OurAgent
from ...agents import make
from ...envs.core import InputError, Model, TruthUnknown, closest, registered, shown
from ...envs.core.checks import flag, integer
from ...envs.design.design import DesignModel
from ...envs.design.information import sequential_bounds

EVALUATION_SEED = 1_000_000
"""Seed of the first evaluation episode. The seeds 0 to 999,999 are for tuning and training."""
CHUNK = 1024
"""Episodes played at once, which bounds the memory and means nothing else."""
TOGETHER, BLOCK = 8, 1024
"""Episodes that share contrastive draws, and draws at once: their likelihoods stay in the cache."""
OWN = (
    "id",
    "num_envs",
    "vectorization_mode",
    "vector_kwargs",
    "wrappers",
    "autoreset_mode",
    "reveal",
)
"""Arguments of `gymnasium.make_vec` and of environments that an evaluation sets."""


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


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an agent achieved in E episodes.

    Args:
        env_id: The environment.
        env_kwargs: Its parameters, where they differ from the defaults.
        agent: The agent, as text.
        seed: Seed of the first episode; episode i has ``seed + i``.
        role: What the agent stands for: "random" play, the "optimal" agent, or "".
        returns: Sum of rewards of each episode, ``(E,)``, in the environment's unit of reward.
        lengths: Decisions taken in each episode, ``(E,)``.
        regret: Regret at the end of each episode, ``(E,)``; ``None`` where there is none.
        curve: Regret after each of L decisions, ``(E, L)``, NaN behind the end of an episode;
            ``None`` where there is none or it was not asked for.
        metrics: What else was asked for, by its name, ``(E, ...)``.
        seconds_per_decision: Time inside ``predict`` per decision of an episode that counts.
        random_value: Exact expected return of a random agent, ``None`` where unknown.
        optimal_value: Exact expected return of the best agent, ``None`` where unknown.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    agent: str
    seed: int
    role: str
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    regret: NDArray[np.float64] | None
    curve: NDArray[np.float64] | None
    metrics: Mapping[str, NDArray[np.float64]]
    seconds_per_decision: float
    random_value: float | None
    optimal_value: float | None


def evaluate(
    env_id: str,
    agent: str | Agent,
    *,
    episodes: int,
    seed: int = EVALUATION_SEED,
    env_kwargs: Mapping[str, Any] | None = None,
    deterministic: bool = False,
    curve: bool = False,
    truth: bool = True,
    metrics: Sequence[str] = (),
    agent_seed: int = 0,
    progress: Callable[[int, str], None] | None = None,
) -> Evaluation:
    """Play ``episodes`` episodes with an agent and return what it achieved in each.

    Args:
        env_id: An environment, ``"discovery/GaussianStep-v0"`` or in short ``"GaussianStep"``. An
            environment of another package is stepped through Gymnasium's SyncVectorEnv.
        agent: A text such as ``"bayes_ucb(width=2)"``, or any object with ``predict``.
        episodes: Number of episodes.
        seed: Seed of the first episode; episode i has ``seed + i``. What is tuned or trained is to see
            smaller seeds only.
        env_kwargs: Parameters of the environment.
        deterministic: Handed to ``predict``; learned policies then take their likeliest action.
        curve: Keep the regret after every decision, not only at the end.
        truth: Compute the exact values of random and of best play, which can take seconds.
        metrics: What else to find out about the episodes, such as
            ``"information_bounds(contrasts=1000)"``.
        agent_seed: Seed of an agent given as text. What it draws for an episode follows from this and
            from the seed of the episode: an episode is the same in every evaluation that plays it.
        progress: Told after each decision how many episodes have ended, and what is at hand.

    Raises:
        InputError: An unknown environment, agent or parameter, or one out of range.
    """
    episodes = integer("episodes", episodes, low=1, high=100_000_000)
    seed = integer("seed", seed, low=0, high=math.inf)
    contrasts = int(metrics[0].split("=")[1].strip(")")) if metrics else 0
    agent_seed = integer("agent_seed", agent_seed, low=0, high=math.inf)
    deterministic, curve = flag("deterministic", deterministic), flag("curve", curve)
    truth, env_id, env_kwargs = flag("truth", truth), resolve(env_id), _parameters(env_kwargs)
    if isinstance(agent, type):
        raise InputError(f"agent must be an agent, not the class {agent.__name__}: make one of it.")
    if not isinstance(agent, str) and not callable(getattr(agent, "predict", None)):
        raise InputError(
            f"agent must be a text such as 'random' or have a method predict, got {shown(agent)}."
        )
    size, player = min(episodes, CHUNK), agent
    venv = _vector_env(env_id, size, env_kwargs)
    returns, lengths, regret = np.zeros(episodes), np.zeros(episodes, np.int64), np.zeros(episodes)
    paths: list[NDArray[np.float64]] = []
    bounds: list[NDArray[np.float64]] = []
    seconds = 0.0
    try:
        model = getattr(venv.unwrapped, "model", None)
        if contrasts and not isinstance(model, DesignModel):
            raise InputError(
                f"contrasts are for experimental design; {env_id} is none: leave them 0."
            )
        for first in range(0, episodes, size):
            player = agent
            if isinstance(player, str):
                player = make(player, venv, seed=agent_seed, episode=seed + first)
            part = slice(first, min(first + size, episodes))
            tell = None if progress is None else partial(_tell, progress, first)
            count = part.stop - part.start
            returns[part], lengths[part], regret[part], path, spent, last = _play(
                venv, player, seed + first, count, deterministic, curve, tell
            )
            paths += list(path)
            seconds += spent
            if contrasts and isinstance(model, DesignModel):
                bounds.append(_bounds(model, last, contrasts, seed + first))
        known = model if truth else None
        if progress is not None:
            progress(episodes, "exact values")
        random_value, optimal_value = exact(known, "random_value"), exact(known, "optimal_value")
    finally:
        venv.close()
    unknown = np.isnan(regret).any()
    return Evaluation(
        env_id=env_id,
        env_kwargs=env_kwargs,
        agent=agent if isinstance(agent, str) else type(agent).__name__,
        seed=seed,
        role=player.role if isinstance(player, OurAgent) else "",
        returns=returns,
        lengths=lengths,
        regret=None if unknown else regret,
        curve=None if unknown or not curve else _padded(paths),
        metrics={"information_bounds": np.concatenate(bounds)} if bounds else {},
        seconds_per_decision=seconds / lengths.sum(),
        random_value=random_value,
        optimal_value=optimal_value,
    )


def resolve(env_id: str) -> str:
    """Return the full id of an environment, which may be given in short: ``"GaussianStep"``."""
    if not isinstance(env_id, str):
        raise InputError(f"An environment is named by a text, got {shown(env_id)}.")
    if env_id in gym.registry:
        return env_id
    short = {name.split("/")[1].rsplit("-v", 1)[0]: name for name in registered()}
    if env_id in short:
        return short[env_id]
    raise InputError(
        f"There is no environment {shown(env_id)}{closest(env_id, [*short, *registered()])} "
        f"Known are {', '.join(short)}; import the package that registers another one."
    )


def _parameters(env_kwargs: Any) -> dict[str, Any]:
    """Return the parameters of an environment, none of which is what an evaluation sets itself."""
    if env_kwargs is None:
        return {}
    if not isinstance(env_kwargs, Mapping) or not all(isinstance(key, str) for key in env_kwargs):
        raise InputError(
            "env_kwargs must be a dict of parameters, such as {'horizon': 50}, got "
            f"{shown(env_kwargs)}."
        )
    for name in OWN:
        if name in env_kwargs:
            raise InputError(f"{name} is not for env_kwargs: an evaluation sets it itself.")
    return dict(env_kwargs)


def rerun_command(
    env_id: str, agent: str, episodes: int, seed: int, env_kwargs: Mapping[str, Any]
) -> list[str]:
    """Return the words of the command line that repeats an evaluation."""
    words = ["discovery-gym", "evaluate", env_id, agent]
    words += ["--episodes", str(episodes), "--seed", str(seed)]
    return words + (["--kwargs", json.dumps(env_kwargs)] if env_kwargs else [])


def _vector_env(env_id: str, size: int, env_kwargs: Mapping[str, Any]) -> VectorEnv[Any, Any, Any]:
    """Make the episodes; they restart in the step that ends them, as SB3's agents expect."""
    if env_id in registered():
        own: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP.value, "reveal": True}
        mode: dict[str, Any] = {"vectorization_mode": "vector_entry_point"}
    else:
        own = {}
        mode = {
            "vectorization_mode": "sync",
            "vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP},
        }
    return gym.make_vec(env_id, num_envs=size, **mode, **{**env_kwargs, **own})


def _play(
    venv: VectorEnv[Any, Any, Any],
    agent: Agent,
    seed: int,
    count: int,
    deterministic: bool,
    curve: bool,
    tell: Callable[[int, int], None] | None,
) -> tuple[
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    float,
    list[Any],
]:
    """Play one episode in each of the first ``count`` places.

    Returns:
        Returns, lengths and final regrets (NaN where not revealed), each of shape ``(count,)``; the
        regret after every decision if ``curve`` asks for it, ``(count, L)``, NaN behind the end;
        the seconds of thinking; and of each episode its last observation and what it revealed.
    """
    size, seconds, state = venv.num_envs, 0.0, None
    returns, lengths, regret = np.zeros(size), np.zeros(size, np.int64), np.full(size, np.nan)
    path: list[NDArray[np.float64]] = []
    last: list[Any] = [None] * size
    running = np.arange(size) < count
    episode_start = np.ones(size, np.bool_)
    wants_masks = "action_masks" in inspect.signature(agent.predict).parameters
    observation, _ = venv.reset(seed=seed)
    while running.any():
        masks = {"action_masks": _masks(venv)} if wants_masks else {}
        share = running.mean()  # places whose episode is over play on, but do not count
        began = perf_counter()
        answer: Any = agent.predict(
            observation,
            state=state,
            episode_start=episode_start,
            deterministic=deterministic,
            **masks,
        )
        seconds += share * (perf_counter() - began)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise InputError(
                f"predict of {type(agent).__name__} must return the actions and a state, as a pair "
                f"(None for no state), got {shown(answer)}."
            )
        action, state = answer
        observation, reward, terminated, truncated, info = venv.step(action)
        returns[running] += reward[running]
        lengths += running
        episode_start = terminated | truncated
        ended = episode_start & running
        if ended.any():
            final = info.get("final_info", {})
            if "regret" in final:
                regret[ended] = final["regret"][ended]
            for i in ended.nonzero()[0].tolist() if "theta" in final else ():
                last[i] = info["final_obs"][i], final["theta"][i]
        running &= ~ended
        if tell is not None:
            tell(count - int(running.sum()), int(lengths.max()))
        if curve:  # where an episode has just ended, `info` shows the first moment of the next one
            path.append(
                np.where(ended, regret, np.where(running, info.get("regret", np.nan), np.nan))
            )
    regrets = np.reshape(path, (-1, size)).T
    return (
        returns[:count],
        lengths[:count],
        regret[:count],
        regrets[:count],
        float(seconds),
        last[:count],
    )


def _tell(progress: Callable[[int, str], None], first: int, ended: int, decisions: int) -> None:
    """Tell how far the episodes from the ``first`` on are."""
    progress(first + ended, f"decision {decisions:,}")


def _bounds(
    model: DesignModel[Any], last: list[Any], contrasts: int, seed: int
) -> NDArray[np.float64]:
    """Return both bounds of the information in played episodes, ``(E, 2)``.

    Args:
        model: The model.
        last: Last observation and true parameters of each episode.
        contrasts: Number of contrastive draws, which the episodes of `TOGETHER` seeds share.
        seed: Seed of the first episode.
    """
    found, first = [], 0
    while first < len(last):
        group = (seed + first) // TOGETHER  # by the seeds, wherever the evaluation began
        some = last[first : (group + 1) * TOGETHER - seed]
        shape = (len(some), model.horizon, -1)
        settings, outcomes = (
            np.reshape([observation[key] for observation, _ in some], shape).astype(np.float64)
            for key in ("settings", "outcomes")
        )
        theta = np.stack([theta for _, theta in some])
        random = np.random.default_rng([group, contrasts])
        first += len(some)
        found.append(
            np.stack(
                sequential_bounds(model, theta, settings, outcomes, contrasts, random, BLOCK), 1
            )
        )
    return np.concatenate(found)


def _padded(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return rows of any length as one array, NaN behind the end of the shorter ones."""
    longest = max(map(len, rows))
    return np.stack([np.pad(row, (0, longest - len(row)), constant_values=np.nan) for row in rows])


def _masks(venv: VectorEnv[Any, Any, Any]) -> NDArray[np.bool_]:
    """Return the legal actions ``(B, n)`` of a native or of a wrapped vector environment."""
    if hasattr(venv, "action_masks"):
        return venv.action_masks()
    return np.stack(venv.call("action_masks"))  # type: ignore[attr-defined]


def exact(model: Any, name: str) -> float | None:
    """Return an exact value, or ``None`` where the model has none or it is too large to compute."""
    if not isinstance(model, Model):
        return None
    try:
        return float(getattr(model, name)())
    except (TruthUnknown, InputError):
        return None
