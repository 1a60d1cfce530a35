"""Recorded actions are played again: every number but the times follows from them and the seeds.

Nothing is built but the environment that a spec names; its agent is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...envs.core import InputError, shown
from ...envs.core.arrays import Array, Flags
from .chunks import stage, truth
from .evaluation import QUANTILES, Evaluation, joined, played
from .metrics import read as read_metrics
from .spec import RunSpec
from .trace import Actions, Envs, keeps, model_of

TOLERANCE = 1e-9
"""By how much a number may differ that another platform computes, absolute, and relative above 1."""


class Mismatch(ValueError):
    """A record whose actions do not give what it says; the message names episode and decision."""


def replay(
    spec: RunSpec,
    seeds: Sequence[int],
    actions: Actions,
    width: int = 64,
    tell: Callable[[int], None] | None = None,
) -> Evaluation:
    """Play recorded actions and return the evaluation that they earn, with no times.

    Args:
        spec: The run, of which the environment, its parameters and the metrics are used.
        seeds: The seed of each of E episodes.
        actions: What was done in each of them.
        width: Number of episodes to play side by side.
        tell: Told now and then how many episodes are done.

    Raises:
        Mismatch: An episode ends earlier or later than its actions do, or an action is not one of the
            environment, or is refused by it.
        InputError: What `evaluate` raises of an environment or a metric.
    """
    with stage(spec.env_id, spec.env_kwargs, max(1, min(width, len(seeds)))) as venv:
        read_metrics(spec.metrics, model_of(venv))  # what is wrong there is no fault of an action
        found = _again(venv, seeds, actions, tell, metrics=spec.metrics)
    known = truth(spec.env_id, spec.env_kwargs)
    return found.changed(env_id=spec.env_id, env_kwargs=spec.env_kwargs, agent=spec.agent, **known)


def curves(record: Evaluation, width: int = 64) -> Array:
    """Return the regret (return, where that is unknown) after every decision, ``(E, L)``.

    It is replayed from the actions; NaN behind the end of an episode.
    """
    assert record.actions is not None  # of a run with such actions, as it is today
    seeds = range(record.seed, record.seed + len(record.returns))
    points = np.arange(1, record.lengths.max() + 1)
    with stage(record.env_id, record.env_kwargs, min(width, len(seeds))) as venv:
        return _again(venv, seeds, record.actions, points=points).after


def _again(
    venv: Envs,
    seeds: Sequence[int],
    actions: Actions,
    tell: Callable[[int], None] | None = None,
    **how: Any,
) -> Evaluation:
    """Return what episodes earn, as many side by side as there are rows."""
    if len(seeds) != len(actions.lengths) or not len(seeds):
        raise Mismatch(f"there are {len(seeds)} seeds for {len(actions.lengths)} episodes")
    seeds = [int(seed) for seed in seeds]
    check_actions(venv.single_action_space, seeds, actions)
    parts = []
    for first in range(0, len(seeds), venv.num_envs):
        rows = range(first, min(first + venv.num_envs, len(seeds)))
        parts.append(_together(venv, [seeds[i] for i in rows], actions.of(rows), how))
        if tell is not None:
            tell(rows.stop)
    return joined(parts).changed(decision_seconds=dict.fromkeys(("mean", *QUANTILES), 0.0))


def _together(venv: Envs, seeds: list[int], actions: Actions, how: Mapping[str, Any]) -> Evaluation:
    """Return what at most as many episodes earn as there are rows."""
    player = Recorded(venv, seeds, actions)
    try:
        found = played(venv, player, seeds, **how)
    except InputError as error:
        if len(seeds) > 1:  # one of them is at fault: which, is found one by one
            for i, seed in enumerate(seeds):
                _together(venv, [seed], actions.of([i]), how)
        raise Mismatch(f"{player.place(0)}: the environment refuses the action: {error}") from None
    for i in np.flatnonzero(found.lengths != actions.lengths)[:1]:
        raise Mismatch(
            f"episode {seeds[i]} ends after {found.lengths[i]} decisions, but has {actions.lengths[i]}"
        )
    return found


class Recorded:
    """An agent that does what was recorded.

    Args:
        venv: The environment, of B rows.
        seeds: The seeds of the first rows.
        actions: The actions in these; other rows do what the last one does, and what has ended begins
            again.
    """

    def __init__(self, venv: Envs, seeds: Sequence[int], actions: Actions) -> None:
        rows = np.minimum(np.arange(venv.num_envs), len(seeds) - 1)
        self._seeds = [seeds[i] for i in rows]
        self._lengths, self._starts = actions.lengths[rows], actions.starts[rows]
        self._actions = actions.shaped(venv.single_action_space)
        self._over = np.zeros(venv.num_envs, np.bool_)
        self._count = 0

    def place(self, row: int) -> str:
        """Return what a row is about to do, in words."""
        return f"episode {self._seeds[row]}, decision {self._count}"

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Flags | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], None]:
        """Return what was done next in each row."""
        done, self._count = self._count, self._count + 1
        if done and episode_start is not None:
            self._over |= episode_start
        late = ~self._over & (self._lengths <= done)
        if late.any():
            row = int(late.argmax())
            raise Mismatch(
                f"episode {self._seeds[row]} goes on after the {done} decisions that it has"
            )
        return self._actions[self._starts + done % self._lengths], None


def check_actions(space: gym.Space[Any], seeds: Sequence[int], actions: Actions) -> None:
    """Raise `Mismatch` unless all actions are numbers of a space, in its type."""
    size = int(np.prod(space.shape or ()))
    if not keeps(space):
        raise Mismatch(f"actions of {type(space).__name__} are not numbers that a record keeps")
    if len(actions.parts) != size:
        raise Mismatch(f"an action has {len(actions.parts)} numbers where the space has {size}")
    if (actions.lengths < 1).any():
        raise Mismatch(f"episode {seeds[int(actions.lengths.argmin())]} has no decision")
    low, high = (np.broadcast_to(one, space.shape or ()).ravel() for one in bounds(space))
    for name, (part, least, most) in enumerate(zip(actions.parts, low, high, strict=True)):
        if part.dtype != space.dtype:
            raise Mismatch(f"a{name} holds {part.dtype} where the space holds {space.dtype}")
        if len(part) != actions.lengths.sum():
            raise Mismatch(f"a{name} has {len(part)} numbers for {actions.lengths.sum()} decisions")
        wrong = ~((part >= least) & (part <= most))  # NaN too
        if wrong.any():
            row, decision = actions.place(int(wrong.argmax()))
            raise Mismatch(
                f"episode {seeds[row]}, decision {decision}: {shown(part[wrong][0].item())} is outside "
                f"of {least} to {most}"
            )


def bounds(space: gym.Space[Any]) -> tuple[Any, Any]:
    """Return the least and the largest value of each number of an action."""
    if isinstance(space, spaces.Box):
        return space.low, space.high
    if isinstance(space, spaces.Discrete):
        return space.start, space.start + space.n - 1
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    return 0, 1


def compare(recorded: Evaluation, replayed: Evaluation, exact: bool) -> None:
    """Raise `Mismatch` if a record says anything else of its episodes than their replay.

    Args:
        recorded: What is said; times, agent and role are not looked at.
        replayed: What `replay` has found.
        exact: Whether every bit must agree, as on the same platform; else `TOLERANCE` is allowed, as it
            always is for exact values: two processes sum them with other last digits.
    """
    if not np.array_equal(recorded.points, replayed.points):
        raise Mismatch(
            f"its points are {shown(recorded.points.tolist())}, not those of the horizon"
        )
    for name in ("lengths", "after", "best_after", "spent_after", "returns", "regret", "spent"):
        said, found = getattr(recorded, name), getattr(replayed, name)
        _compare(name, said, found, recorded, exact or name == "lengths")
    if recorded.metrics.keys() != replayed.metrics.keys():
        raise Mismatch(f"its metrics are {shown(sorted(recorded.metrics))}")
    for name in replayed.metrics:
        _compare(name, recorded.metrics[name], replayed.metrics[name], recorded, exact)
    for name in ("random_value", "optimal_value"):
        said, found = (np.array([getattr(one, name)], float) for one in (recorded, replayed))
        if differing(said, found, exact=False) is not None:
            raise Mismatch(
                f"its {name} is {shown(said.item())}, but should be {shown(found.item())}"
            )


def _compare(name: str, said: Any, found: Any, recorded: Evaluation, exact: bool) -> None:
    """Raise `Mismatch` if numbers of all episodes differ from those found, ``(E, ...)`` both."""
    if said is None or found is None:
        if said is not found:
            raise Mismatch(f"it has {'no ' if said is None else ''}{name}, unlike its replay")
        return
    if said.shape != found.shape:
        raise Mismatch(f"its {name} is of shape {said.shape}, not {found.shape}")
    at = differing(said, found, exact)
    if at is None:
        return
    words = {"returns": "return", "lengths": "length", "best_after": "best", "spent_after": "spent"}
    words["after"] = "return" if recorded.regret is None else "regret"
    after = name.endswith("after")
    raise Mismatch(
        f"episode {recorded.seed + at[0]}: its {words.get(name, name)}"
        f"{f' after decision {recorded.points[at[1]]}' if after else ''} is "
        f"{shown(said[at].item())}, but its actions give {shown(found[at].item())}"
    )


def differing(said: NDArray[Any], found: NDArray[Any], exact: bool) -> tuple[int, ...] | None:
    """Return the first place in which two arrays differ by more than is allowed, None if in none."""
    same = (said == found) | (np.isnan(said) & np.isnan(found))
    if not exact:
        same |= abs(said - found) <= TOLERANCE * np.maximum(1, abs(found))
    if same.all():
        return None
    return tuple(int(i) for i in np.argwhere(~same)[0])
