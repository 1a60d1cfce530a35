"""A model of how discoveries are made: the dynamics of B independent episodes, and their truth."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Flags, Whole
from .checks import MOST_TOGETHER, room
from .errors import UnknownParameter, closest, shown
from .knowledge import Knowledge, Observation
from .pages import COMMON, Words, page, words
from .streams import Streams

State = TypeVar("State")

ZERO, ONE = np.array(0), np.array(1)
"""Numbers as arrays, which NumPy takes in faster."""
OVERHEAD = 50
"""Numbers that every episode takes, however small it is: its stream, its trace."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Model(Knowledge, Generic[State]):
    """Parameters, dynamics and truth of one environment; it holds no state and no randomness.

    A subclass is a frozen dataclass whose fields are the environment's keyword arguments. The
    methods below advance B episodes at once: every array leads with the batch axis B. Its docstring
    is joined with that of its family (see `pages`).
    """

    _words: ClassVar[Words] = COMMON

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._words = words(vars(cls).get("__doc__"), cls._words)
        cls.__doc__ = page(cls._words, cls)

    def public(self) -> Knowledge:
        """Return what agents are given: the model itself, since the state is handed in.

        A model that holds something hidden, such as the labels of a table, returns something else,
        always the same object.
        """
        return self

    @property
    def uniforms(self) -> int:
        """The most numbers that a `step` reads of each episode: its calls of ``streams.uniform()``."""
        return 1

    @classmethod
    def build(cls, /, **parameters: Any) -> Model[State]:
        """Return the model with these parameters; an unknown name raises `InputError`."""
        known = cls.parameters()
        for name in parameters:
            if name not in known:
                raise UnknownParameter(
                    f"{cls.__name__} got an unexpected keyword argument {shown(name)}"
                    f"{closest(name, known)} It takes: {', '.join(known)}."
                )
        return cls(**parameters)

    def _set(self, **values: Any) -> None:
        """Store checked parameters: the dataclass is frozen for everyone but its constructor."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: shown, hidden, and worked with."""
        return 0

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: tables, grids."""
        return 0

    def check_size(self, num_episodes: int) -> None:
        """Refuse ``num_episodes`` that would fill the memory."""
        size, shared, name = self.size + OVERHEAD, self.shared, type(self).__name__
        values = {key: getattr(self, key) for key in self.parameters()}
        whole = {key: value for key, value in values.items() if isinstance(value, int)}
        largest = max(whole, key=lambda key: whole[key])
        advice = f"take a lower {largest} than {whole[largest]}"
        room(f"An episode of {name}", size + shared, advice)
        advice = f"take num_envs={(MOST_TOGETHER - shared) // size} at most, or smaller ones"
        what = f"{num_episodes} episodes of {name}"
        room(what, size * num_episodes + shared, advice, MOST_TOGETHER)

    # ---- dynamics

    @abstractmethod
    def new_state(self, num_episodes: int) -> State:
        """Return the arrays of ``num_episodes`` episodes; `reset` must fill them before use."""

    @abstractmethod
    def reset(self, state: State, index: Whole, streams: Streams) -> None:
        """Start new episodes in some rows of the state.

        Args:
            state: The state of B episodes.
            index: The rows, ``(k,)``.
            streams: The random numbers of the B episodes.
        """

    @abstractmethod
    def step(
        self,
        state: State,
        action: NDArray[Any],
        streams: Streams,
        done: Flags | None = None,
    ) -> tuple[Array, Flags]:
        """Advance all episodes by one action each, in place.

        Args:
            state: The state of B episodes.
            action: Actions, already checked against the action space, ``(B, ...)``.
            streams: The random numbers of the B episodes.
            done: The episodes that have ended and are about to be reset, shape ``(B,)``; ``None``
                means none. What happens to their state does not matter, but they must not use their
                generator or raise.

        Returns:
            The rewards, in the unit of the environment, and whether each episode ended, both ``(B,)``.
        """

    @abstractmethod
    def observe(self, state: State) -> Observation:
        """Return the observations of B episodes: new arrays, a pure function of the state."""

    def action_mask(self, state: State) -> NDArray[np.int8] | None:
        """Return the legal actions of a ``state`` as new 0s and 1s, ``(B, n)``; None: all are."""
        return None

    def facts(self, state: State) -> dict[str, NDArray[Any]]:
        """Return what ``info`` tells of a ``state`` besides the mask, each of shape ``(B, ...)``."""
        return {}

    def hidden(self, state: State) -> dict[str, NDArray[Any]]:
        """Return what of a ``state`` an agent must not see: parameters, regret, ``(B, ...)`` each."""
        return {}
