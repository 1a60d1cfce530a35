"""What is kept of episodes while they are played: every action, and some numbers along the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from ...envs.core import Knowledge
from ...envs.core.arrays import Array, Whole
from .rows import packed

Envs: TypeAlias = VectorEnv[Any, Any, Any]
"""Episodes of any environment, side by side."""

MOST_POINTS = 40
UNKNOWN = 1_000_000
"""The last point where nobody knows how long an episode may be."""
NUMBERS = tuple(
    np.dtype(one) for one in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
)
"""Types of actions that a record keeps."""


def log_spaced(horizon: int | None) -> Whole:
    """Return at most 40 decisions from the first to the last, evenly in their logarithm."""
    points = np.geomspace(1, horizon or UNKNOWN, MOST_POINTS)
    return np.unique(np.rint(points).astype(np.int64))


def most_decisions(venv: Envs) -> int | None:
    """Return the most decisions of an episode, None where that is not known."""
    model = model_of(venv)
    if model is not None:
        return model.most_decisions
    spec = getattr(venv, "spec", None)
    return None if spec is None else spec.max_episode_steps


def model_of(venv: Envs) -> Knowledge | None:
    """Return the model of an environment of this package, None for others."""
    model = getattr(venv.unwrapped, "model", None)
    return model if isinstance(model, Knowledge) else None


@packed("parts")
@dataclass(frozen=True, kw_only=True)
class Actions:
    """The actions of E episodes, one after the other.

    Args:
        lengths: Decisions of each episode, ``(E,)``.
        parts: Each number of an action over all decisions, ``(sum of lengths,)``, in the type of the
            action space: one array for an index, d for d numbers.
    """

    lengths: Whole
    parts: Sequence[NDArray[Any]]

    @property
    def starts(self) -> Whole:
        """Where each episode begins, ``(E,)``."""
        return np.cumsum(self.lengths) - self.lengths

    def place(self, index: int) -> tuple[int, int]:
        """Return the episode, and the decision counted from 1, of a number of all decisions."""
        episode = int(np.searchsorted(np.cumsum(self.lengths), index, side="right"))
        return episode, index - int(self.starts[episode]) + 1

    def of(self, episodes: Sequence[int] | Whole) -> Actions:
        """Return the actions of some episodes."""
        rows = np.asarray(episodes, np.int64)
        lengths, starts = self.lengths[rows], self.starts[rows]
        ends = np.cumsum(lengths)
        index = np.arange(ends[-1] if len(ends) else 0) + (starts - ends + lengths).repeat(lengths)
        return Actions(lengths=lengths, parts=[part[index] for part in vars(self)["parts"]])

    def shaped(self, space: gym.Space[Any]) -> NDArray[Any]:
        """Return the actions as a space has them, ``(sum of lengths, ...)``."""
        shape = space.shape or ()
        return np.stack(self.parts, 1).reshape(-1, *shape)


@dataclass(frozen=True, kw_only=True)
class Ragged:
    """A list of numbers for each of E episodes, one after the other.

    Args:
        values: All numbers.
        lengths: How many of them each episode has, ``(E,)``.
    """

    values: NDArray[Any]
    lengths: Whole

    @property
    def size(self) -> int:
        """How many numbers these are."""
        return self.values.size

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def of(cls, rows: NDArray[Any], lengths: Whole) -> Ragged:
        """Return the first numbers of each row ``(E, P)``."""
        return cls(values=rows[np.arange(rows.shape[1]) < lengths[:, None]], lengths=lengths)

    def padded(self, width: int) -> Array:
        """Return rows ``(E, P)``, NaN behind their end."""
        rows = np.full((len(self), width), np.nan)
        rows[np.arange(width) < self.lengths[:, None]] = self.values
        return rows


class Tape:
    """The actions of B rows over time, as they are played.

    Args:
        space: The space of one action.
        width: The number B of rows.
    """

    def __init__(self, space: gym.Space[Any], width: int) -> None:
        self.steps = 0
        self.space = space
        self._box = space if isinstance(space, spaces.Box) else None
        self.kept = keeps(space)
        shape = (64 if self.kept else 0, width, *(space.shape or ()))
        self._store = np.empty(shape, space.dtype if self.kept else np.int8)

    def add(self, action: Any) -> None:
        """Keep what has been played: points of a box lie inside it, as the environment clips them."""
        if self.kept:
            if self.steps == len(self._store):
                self._store = np.concatenate([self._store, np.empty_like(self._store)])
            if self._box is not None:
                action = np.clip(action, self._box.low, self._box.high)
            self._store[self.steps] = action
        self.steps += 1

    def whole(self, count: int) -> NDArray[Any]:
        """Return the actions of the first rows, those of ended episodes too, ``(count, t, ...)``."""
        return self._store[: self.steps, :count].swapaxes(0, 1)

    def actions(self, lengths: Whole) -> Actions | None:
        """Return the actions of the first rows up to the end of their episodes, None if not kept."""
        if not self.kept:
            return None
        inside = np.arange(self.steps) < lengths[:, None]
        flat = self.whole(len(lengths))[inside].reshape(int(lengths.sum()), -1)
        return Actions(lengths=lengths, parts=[np.ascontiguousarray(part) for part in flat.T])


def keeps(space: gym.Space[Any]) -> bool:
    """Return whether actions of a space are numbers that a record keeps."""
    plain = spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary | spaces.Box
    return isinstance(space, plain) and space.dtype in NUMBERS


class Ended(Mapping[str, NDArray[Any]]):
    """The last observations of some episodes as one batch, each part joined when it is asked for."""

    def __init__(self, observations: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        self._rows = observations

    def __getitem__(self, key: str) -> NDArray[Any]:
        return np.stack([row[key] for row in self._rows])

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows[0])

    def __len__(self) -> int:
        return len(self._rows[0])

    def __contains__(self, key: object) -> bool:
        return key in self._rows[0]
