"""Play episodes and score them: what one number of the leaderboard rests on.

Two agents evaluated with the same seed meet the same episodes and can be compared pair by pair. An
agent sees observations and legal actions, never ``info``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...agents import Rule, make
from ...envs.core import InputError, Model, TruthUnknown, resolve, shown
from ...envs.core.checks import flag, integer
from .episodes import Agent, Episodes, play, vector_env
from .metrics import read as read_metrics

__all__ = ["EVALUATION_SEED", "Evaluation", "evaluate", "exact", "rerun_command", "resolve"]

EVALUATION_SEED = 1_000_000
"""Seed of the first evaluation episode. The seeds 0 to 999,999 are for tuning and training."""
CHUNK = 1024
"""Episodes played at once, which bounds the memory; results do not depend on it."""
OWN = ("id", "num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "autoreset_mode",
       "reveal")  # fmt: skip
"""Arguments of `gymnasium.make_vec` and of environments that an evaluation sets."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an agent achieved in E episodes.

    Args:
        env_id: The environment.
        env_kwargs: Its parameters, where they differ from the defaults.
        agent: What played, as text; `learned` is replaced by the agent it chose.
        role: What it stands for: "random" play, the "optimal" agent, or "".
        seed: Seed of the first episode; episode i has ``seed + i``.
        returns: Sum of rewards of each episode, ``(E,)``, in the environment's unit of reward.
        lengths: Decisions taken in each episode, ``(E,)``.
        regret: Regret at the end of each episode, ``(E,)``; ``None`` where there is none.
        curve: Regret after each of L decisions, ``(E, L)``, NaN after the end of an episode;
            ``None`` where there is none or it was not asked for.
        metrics: The metrics that were asked for, ``(E, ...)`` each, by name.
        seconds_per_decision: Time inside ``predict`` per decision of an episode that counts.
        random_value: Exact expected return of a random agent, ``None`` where unknown.
        optimal_value: Exact expected return of the best agent, ``None`` where unknown.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    agent: str
    role: str
    seed: int
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
    agent: str | Rule[Any] | Agent | Callable[..., Any],
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
        env_id: ``"discovery/GaussianStep-v0"``, in short ``"GaussianStep"``, or any of Gymnasium's,
            such as ``"CartPole-v1"`` or ``"module:Namespace/Id-v0"``.
        agent: A text such as ``"bayes_ucb(width=2)"`` or ``"./mine.py:Name"``, a function of one
            observation, or an object with ``predict``.
        episodes: Number of episodes.
        seed: Seed of the first episode; episode i has ``seed + i``. Tuning and training must use
            smaller seeds.
        env_kwargs: Parameters of the environment.
        deterministic: Handed to ``predict``; learned policies then take their likeliest action.
        curve: Keep the regret after every decision, not only at the end.
        truth: Compute the exact values of random and of best play, which can take seconds.
        metrics: What else to compute, such as ``["information_bounds(contrasts=1000)"]``.
        agent_seed: Seed of an agent given as text. What it draws for an episode follows from this and
            from the seed of the episode, which is thus the same in every evaluation.
        progress: Told after each decision how many episodes have ended, and what is at hand.

    Raises:
        InputError: An unknown environment, agent, metric or parameter, or one out of range.
    """
    episodes = integer("episodes", episodes, low=1, high=100_000_000)
    seed = integer("seed", seed, low=0, high=math.inf)
    agent_seed = integer("agent_seed", agent_seed, low=0, high=math.inf)
    how = {"deterministic": flag("deterministic", deterministic), "curve": flag("curve", curve)}
    truth, env_id, env_kwargs = flag("truth", truth), resolve(env_id), _parameters(env_kwargs)
    venv = vector_env(env_id, min(episodes, CHUNK), env_kwargs)
    try:
        model = getattr(venv.unwrapped, "model", None)
        wanted = read_metrics(metrics, model)
        player = partial(_player, agent, venv, agent_seed)
        parts = list(_parts(venv, player, seed, episodes, how, wanted, progress))
        return Evaluation(
            env_id=env_id,
            env_kwargs=env_kwargs,
            agent=parts[0].agent or (agent if isinstance(agent, str) else type(agent).__name__),
            seed=seed,
            **_joined(parts, how["curve"]),
            random_value=exact(model if truth else None, "random_value"),
            optimal_value=exact(model if truth else None, "optimal_value"),
        )
    finally:
        venv.close()


def _parts(
    venv: VectorEnv[Any, Any, Any],
    player: Callable[[int], Agent],
    seed: int,
    episodes: int,
    how: Mapping[str, bool],
    wanted: Mapping[str, Callable[[Episodes], NDArray[np.float64]]],
    progress: Callable[[int, str], None] | None,
) -> Iterator[Episodes]:
    """Play episodes, as many at once as the environment has; each part by an agent of its own."""
    for first in range(0, episodes, venv.num_envs):
        tell = None if progress is None else partial(_tell, progress, first)
        count, here = min(venv.num_envs, episodes - first), seed + first
        part = play(venv, player(here), here, count, tell=tell, keep=bool(wanted), **how)
        part.metrics = {name: metric(part) for name, metric in wanted.items()}
        part.observations, part.hidden = [], {}  # they may be large
        yield part
    if progress is not None:
        progress(episodes, "exact values")  # which come next


def _player(agent: Any, venv: VectorEnv[Any, Any, Any], seed: int, episode: int) -> Agent:
    """Return what plays: an object as it is, or a new agent from a text or a function."""
    if isinstance(agent, type):
        raise InputError(f"agent must be an agent, not the class {agent.__name__}: make one of it.")
    if callable(getattr(agent, "predict", None)):
        return agent
    if not isinstance(agent, str | Rule) and not callable(agent):
        raise InputError(
            "agent must be a text such as 'random', a rule, a function of one observation or have a "
            f"method predict, got {shown(agent)}."
        )
    return make(agent, venv, seed=seed, episode=episode)


def _joined(parts: list[Episodes], curve: bool) -> dict[str, Any]:
    lengths = np.concatenate([part.lengths for part in parts])
    regret = np.concatenate([part.regret for part in parts])
    unknown = bool(np.isnan(regret).any())
    rows = [row for part in parts for row in part.curve]
    return {
        "role": parts[0].role,
        "returns": np.concatenate([part.returns for part in parts]),
        "lengths": lengths,
        "regret": None if unknown else regret,
        "curve": None if unknown or not curve else _padded(rows),
        "metrics": {
            name: np.concatenate([part.metrics[name] for part in parts])
            for name in parts[0].metrics
        },
        "seconds_per_decision": sum(part.seconds for part in parts) / lengths.sum(),
    }


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


def _tell(progress: Callable[[int, str], None], first: int, ended: int, decisions: int) -> None:
    """Tell how far the episodes from the ``first`` on are."""
    progress(first + ended, f"decision {decisions:,}")


def _padded(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return rows of any length as one array, NaN after the end of the shorter ones."""
    longest = max(map(len, rows))
    return np.stack([np.pad(row, (0, longest - len(row)), constant_values=np.nan) for row in rows])


def exact(model: Any, name: str) -> float | None:
    """Return an exact value, or ``None`` where the model has none or it is too large to compute."""
    if not isinstance(model, Model):
        return None
    try:
        return float(getattr(model, name)())
    except (TruthUnknown, InputError):
        return None
