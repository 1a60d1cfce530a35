"""Play episodes and score them: what one number of the leaderboard rests on.

Two agents evaluated with the same seed meet the same episodes and can be compared pair by pair. An
agent sees observations and legal actions, never ``info``.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents import Rule, make
from ...envs.core import InputError, Model, TruthUnknown, resolve, shown
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import flag, integer, sequence
from .episodes import Agent, Episodes, Tell, play, vector_env
from .metrics import read as read_metrics
from .rows import Rows, packed
from .trace import Actions, Envs, log_spaced, model_of, most_decisions

__all__ = ["EVALUATION_SEED", "Evaluation", "evaluate", "exact", "rerun_command", "resolve"]

EVALUATION_SEED = 1_000_000
"""Seed of the first evaluation episode. The seeds 0 to 999,999 are for tuning and training."""
CHUNK = 128
"""Episodes played side by side. Up to rounding in the last digit, results do not depend on it."""
QUANTILES = {"q50": 0.5, "q90": 0.9, "q99": 0.99}
"""Quantiles of the time of one decision."""
ONCE, AFTER = ("returns", "lengths", "regret", "spent"), ("after", "best_after", "spent_after")
"""What is kept of an episode once, and after each point."""
SAME = ("agent", "role", "returns", "lengths", "points", "best_after", "spent_after", "spent",
        "actions")  # fmt: skip
"""What an evaluation keeps of `Episodes` as it is."""
OWN = ("id", "num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "autoreset_mode",
       "reveal")  # fmt: skip
"""Arguments of `gymnasium.make_vec` and of environments that an evaluation sets."""


@packed(*AFTER)
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
        regret: Regret at the end of each episode, ``(E,)``, in that unit; ``None`` where there is none.
        points: P numbers of decisions, counted from 1, increasing, ``(P,)``.
        after: Regret after these decisions, where it is known, else return, ``(E, P)``, in the unit of
            reward; NaN behind the end of an episode.
        best_after: Best label found so far, ``(E, P)``, in the unit of the label, NaN also before the
            first one; ``None`` where there are no labels.
        spent_after: Money spent so far, ``(E, P)``, in the unit that the environment names, mostly that
            of reward; ``None`` where all is free.
        spent: All money spent in each episode, ``(E,)``; ``None`` likewise.
        actions: What was done; ``None`` where actions are not numbers, or were not kept.
        metrics: The metrics that were asked for, ``(E, ...)`` each, in units of their own, by name.
        decision_seconds: Time inside ``predict`` per decision of an episode that counts: its ``mean``,
            and the quantiles ``q50``, ``q90`` and ``q99``, which old records lack.
        random_value: Exact expected return of a random agent, ``None`` where unknown.
        optimal_value: Exact expected return of the best agent, ``None`` where unknown.
    """

    env_id: str
    env_kwargs: Mapping[str, Any]
    agent: str
    role: str
    seed: int
    returns: Array
    lengths: Whole
    regret: Array | None
    points: Whole
    after: Array
    best_after: Array | None = None
    spent_after: Array | None = None
    spent: Array | None = None
    actions: Actions | None = None
    metrics: Mapping[str, Array]
    decision_seconds: Mapping[str, float]
    random_value: float | None
    optimal_value: float | None

    @property
    def seconds_per_decision(self) -> float:
        """Mean time of one decision."""
        return self.decision_seconds["mean"]

    def changed(self, **fields: Any) -> Evaluation:
        """Return it with other values of some fields; what is packed in `Rows` stays so."""
        return Evaluation(**{**vars(self), **fields})


def evaluate(
    env_id: str,
    agent: str | Rule[Any] | Agent | Callable[..., Any],
    *,
    episodes: int,
    seed: int = EVALUATION_SEED,
    env_kwargs: Mapping[str, Any] | None = None,
    deterministic: bool = False,
    points: Sequence[int] | None = None,
    truth: bool = True,
    metrics: Sequence[str] = (),
    agent_seed: int = 0,
    chunk: int = CHUNK,
    progress: Callable[[int, str], None] | None = None,
) -> Evaluation:
    """Play ``episodes`` episodes with an agent and return what it achieved in each.

    Args:
        env_id: ``"discovery/GaussianStep-v0"``, in short ``"GaussianStep"``, or any of Gymnasium's,
            such as ``"CartPole-v1"`` or ``"module:Namespace/Id-v0"``.
        agent: A text such as ``"bayes_ucb(width=2)"`` or ``"./mine.py:Name"``, a function of one
            observation, an object with ``predict``, or a function ``make(env, seed)`` that returns one.
        episodes: Number of episodes.
        seed: Seed of the first episode; episode i has ``seed + i``. Smaller ones are for tuning.
        env_kwargs: Parameters of the environment.
        deterministic: Handed to ``predict``; learned policies then take their likeliest action.
        points: Decisions, from 1 on, after which to note where episodes stand; ``None``: `log_spaced`.
        truth: Compute the exact values of random and of best play, which can take seconds.
        metrics: What else to compute, such as ``["information_bounds(contrasts=1000)"]``.
        agent_seed: Seed of an agent given as text; what it draws follows from it and the episode's seed.
        chunk: Number of episodes to play side by side.
        progress: Told after each decision how many episodes have ended, and what is at hand.

    Raises:
        InputError: An unknown environment, agent, metric or parameter, or one out of range.
    """
    episodes = integer("episodes", episodes, low=1, high=100_000_000)
    seed = integer("seed", seed, low=0, high=math.inf)
    agent_seed = integer("agent_seed", agent_seed, low=0, high=math.inf)
    chunk = integer("chunk", chunk, low=1, high=1_000_000)
    deterministic, truth = flag("deterministic", deterministic), flag("truth", truth)
    env_id, env_kwargs = resolve(env_id), parameters(env_kwargs)
    with closing(vector_env(env_id, min(episodes, chunk), env_kwargs)) as venv:
        at = log_spaced(most_decisions(venv)) if points is None else _increasing(points)
        how = {"points": at, "deterministic": deterministic}
        player = partial(player_of, agent, venv, agent_seed)
        seeds = range(seed, seed + episodes)
        whole = joined(_chunks(venv, player, seeds, metrics, progress, how))
        model = model_of(venv) if truth else None
        return whole.changed(
            env_id=env_id,
            env_kwargs=env_kwargs,
            agent=whole.agent or (agent if isinstance(agent, str) else type(agent).__name__),
            random_value=exact(model, "random_value"),
            optimal_value=exact(model, "optimal_value"),
        )


def _chunks(
    venv: Envs,
    player: Callable[[int], Agent],
    seeds: range,
    metrics: Sequence[str],
    progress: Callable[[int, str], None] | None,
    how: Mapping[str, Any],
) -> Iterator[Evaluation]:
    """Play episodes, as many at once as the environment has; each chunk by an agent of its own."""
    for first in range(0, len(seeds), venv.num_envs):
        some = seeds[first : first + venv.num_envs]
        tell = None if progress is None else partial(_tell, progress, first)
        yield played(venv, player(some[0]), some, metrics, tell=tell, **how)
    if progress is not None:
        progress(len(seeds), "exact values")  # which come next


def played(
    venv: Envs,
    player: Agent,
    seeds: Sequence[int],
    metrics: Sequence[str] = (),
    *,
    points: Whole | None = None,
    deterministic: bool = False,
    tell: Tell | None = None,
) -> Evaluation:
    """Play one episode for each seed, at most as many as the environment has, and no truth.

    The other rows are filled: with the seeds that come next, or with the last one again.
    """
    wanted = read_metrics(metrics, getattr(venv.unwrapped, "model", None))
    points = log_spaced(most_decisions(venv)) if points is None else points
    count, width = len(seeds), venv.num_envs
    if isinstance(seeds, range):
        filled: Sequence[int] = range(seeds[0], seeds[0] + width)
    else:
        filled = [*seeds, *[seeds[-1]] * (width - count)]
    how = {"deterministic": deterministic, "keep": bool(wanted)}
    found = play(venv, player, filled, count, points, tell=tell, **how)
    return _evaluation(found, {name: metric(found) for name, metric in wanted.items()})


def _evaluation(found: Episodes, metrics: Mapping[str, Array]) -> Evaluation:
    """Return what was achieved in some episodes of an environment that is not named yet."""
    unknown = bool(np.isnan(found.regret).any())
    return Evaluation(
        env_id="",
        env_kwargs={},
        seed=found.seeds[0],
        regret=None if unknown else found.regret,
        after=found.return_after if unknown else found.regret_after,
        metrics=metrics,
        decision_seconds=_seconds(np.array(found.seconds), np.array(found.running)),
        random_value=None,
        optimal_value=None,
        **{name: getattr(found, name) for name in SAME},
    )


def _seconds(seconds: Array, counts: Whole) -> dict[str, float]:
    """Return mean and quantiles of the times ``(t,)``, each of so many decisions ``(t,)``."""
    order = seconds.argsort()
    up_to = counts[order].cumsum()
    found = {"mean": float(seconds @ counts / up_to[-1])}
    for name, q in QUANTILES.items():
        found[name] = float(seconds[order[np.searchsorted(up_to, q * up_to[-1])]])
    return found


def joined(parts: Iterable[Evaluation]) -> Evaluation:
    """Return the evaluation of the episodes of some, one after the other; each is let go once read.

    Of the quantiles of times it has the mean, weighted by decisions.
    """
    rows, seconds, weights, known = defaultdict[Any, Rows](Rows), [], [], set()
    first = next(parts := iter(parts))
    for part in chain([first], parts):
        for name, array in _arrays(part):
            rows[name].add(array)
        seconds.append(part.decision_seconds)
        weights.append(part.lengths.sum())
        known.add(part.regret is not None)
    changes: dict[str, Any] = {name: rows[name].read() for name in ONCE}
    changes |= {name: rows[name] for name in AFTER}
    if len(known) > 1:  # then nothing is known after a point
        changes |= {"points": first.points[:0], "after": np.zeros((len(changes["lengths"]), 0))}
    if first.actions is not None:
        kept: list[Any] = [rows[i] for i in range(len(first.actions.parts))]
        changes["actions"] = Actions(lengths=changes["lengths"], parts=kept)
    return first.changed(
        **changes,
        metrics={name: rows["metric", name].read() for name in first.metrics},
        decision_seconds={
            name: float(np.average([one[name] for one in seconds], weights=weights))
            for name in first.decision_seconds
        },
    )


def _arrays(one: Evaluation) -> Iterator[tuple[Any, NDArray[Any] | None]]:
    """Yield the arrays of an evaluation with names of them: a number is that of a part of actions."""
    yield from ((name, getattr(one, name)) for name in (*ONCE, *AFTER))
    yield from enumerate(() if one.actions is None else one.actions.parts)
    yield from ((("metric", name), array) for name, array in one.metrics.items())


def _increasing(points: Any) -> Whole:
    """Return the numbers of decisions that a user has named."""
    found = sequence("points", points, lambda name, one: integer(name, one, low=1, high=2**62))
    if any(a >= b for a, b in pairwise(found)):
        raise InputError(f"points must increase, got {shown(points)}.")
    return np.array(found, np.int64)


def player_of(agent: Any, venv: Envs, seed: int, episode: int) -> Agent:
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


def parameters(env_kwargs: Any) -> dict[str, Any]:
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


def exact(model: Any, name: str) -> float | None:
    """Return an exact value, or ``None`` where the model has none or it is too large to compute."""
    if not isinstance(model, Model):
        return None
    try:
        return float(getattr(model, name)())
    except (TruthUnknown, InputError):
        return None
