"""Recorded actions are played again: every number but the times follows from them and the seeds.

Nothing is built but the environment that a spec names; its agent is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...envs.core import InputError, shown
from .chunks import stage, truth
from .evaluation import QUANTILES, Evaluation, joined, played
from .metrics import read as read_metrics
from .spec import RunSpec
from .trace import Actions, keeps, model_of

TOLERANCE = 1e-9
"""By how much a number may differ that another platform computes, absolute, and relative above 1."""


class Mismatch(ValueError):
    """A record whose actions do not give what it says; the message names the episode and the decision."""


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
        InputError: What `evaluate` raises of an environment.
    """
    seeds = [int(seed) for seed in seeds]
    if len(seeds) != len(actions.lengths) or not seeds:
        raise Mismatch(
            f"{len(seeds)} seeds are there for the actions of {len(actions.lengths)} episodes"
        )
    parts = []
    with stage(spec, min(width, len(seeds))) as venv:
        space = venv.single_action_space
        check_actions(space, seeds, actions)
        read_metrics(
            spec.metrics, model_of(venv)
        )  # what is wrong with these is no fault of an action
        for first in range(0, len(seeds), venv.num_envs):
            rows = range(first, min(first + venv.num_envs, len(seeds)))
            parts.append(_replayed(venv, spec, [seeds[i] for i in rows], actions.of(rows)))
            if tell is not None:
                tell(rows.stop)
    whole = joined(parts)
    named = {"env_id": spec.env_id, "env_kwargs": spec.env_kwargs, "agent": spec.agent, "role": ""}
    unknown = dict.fromkeys(("mean", *QUANTILES), 0.0)
    return replace(whole, **named, **truth(spec), decision_seconds=unknown)


def _replayed(
    venv: VectorEnv[Any, Any, Any], spec: RunSpec, seeds: list[int], actions: Actions
) -> Evaluation:
    """Replay as many episodes as there are rows, or fewer."""
    player = Recorded(venv, seeds, actions)
    try:
        found = played(venv, player, seeds, spec.metrics)
    except InputError as error:
        if len(seeds) > 1:  # one of them is at fault: which, is found one by one
            for i, seed in enumerate(seeds):
                _replayed(venv, spec, [seed], actions.of([i]))
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

    def __init__(
        self, venv: VectorEnv[Any, Any, Any], seeds: Sequence[int], actions: Actions
    ) -> None:
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
        episode_start: NDArray[np.bool_] | None = None,
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
        exact: Whether every bit must agree, as on the same platform; else `TOLERANCE` is allowed.
    """
    seeds = recorded.seed + np.arange(len(recorded.returns))
    if not np.array_equal(recorded.points, replayed.points):
        raise Mismatch(
            f"its points are {shown(recorded.points.tolist())}, not those of the horizon"
        )
    for name in ("lengths", "after", "best_after", "spent_after", "returns", "regret", "spent"):
        said, found = getattr(recorded, name), getattr(replayed, name)
        if (said is None) is not (found is None):
            raise Mismatch(f"it has {'no ' if said is None else ''}{name}, unlike its replay")
        if said is None:
            continue
        at = differing(said, found, exact and name != "lengths")
        if at is not None:
            after = f" after decision {recorded.points[at[1]]}" if len(at) > 1 else ""
            raise Mismatch(
                f"episode {seeds[at[0]]}: its {name.removesuffix('_after')}{after} is "
                f"{shown(said[at].item())}, but its actions give {shown(found[at].item())}"
            )
    for name in recorded.metrics.keys() | replayed.metrics.keys():
        said, found = recorded.metrics[name], replayed.metrics[name]
        if (at := differing(said, found, exact)) is not None:
            raise Mismatch(f"episode {seeds[at[0]]}: its {name} differs from that of its actions")
    for name in ("random_value", "optimal_value"):
        said, found = np.array([getattr(one, name) for one in (recorded, replayed)], np.float64)
        if differing(said[None], found[None], exact) is not None:
            raise Mismatch(f"its {name} is {said}, not {found}")


def differing(said: NDArray[Any], found: NDArray[Any], exact: bool) -> tuple[int, ...] | None:
    """Return the first place in which two arrays differ by more than is allowed, None if in none."""
    same = (said == found) | (np.isnan(said) & np.isnan(found))
    if not exact:
        same |= abs(said - found) <= TOLERANCE * np.maximum(1, abs(found))
    if same.all():
        return None
    return tuple(int(i) for i in np.argwhere(~same)[0])
