"""An agent: stable-baselines3's `predict`, for one episode or a batch of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces

from ..envs.core import InputError, KeyedRandom, Knowledge
from ..envs.core.arrays import Flags, Whole
from ..envs.core.checks import integer
from ..envs.core.seeding import Words
from ..envs.core.streams import hashed, mix

Seed: TypeAlias = int | np.random.SeedSequence


@dataclass(frozen=True)
class Memory:
    """What an agent carries from one call of `predict` to the next, for B rows of episodes."""

    played: Whole  # (B,) episodes that each row has ended
    keys: Words  # (B,) of the present ones, for what is random about them
    decisions: Whole  # (B,) decisions taken in the present one
    rest: Any  # what `act` returned


class Agent(ABC):
    """Chooses actions from observations; it knows only what is public of the environment.

    What is random in a choice depends on the agent's seed, the number of the episode, and the number of
    earlier decisions: not on how many episodes are played together, nor on who took those decisions.

    Args:
        model: What is public of the environment, `env.unwrapped.model.public()`.
        seed: Seed of the agent's own randomness.
    """

    text: str
    """How the agent is called in `agents.make`."""

    role: str = ""
    """"random" or "optimal" for the agents that stand for the ends of a score's scale."""

    episode: int = 0
    """Number of the episode in the first row of observations. Row i of B plays episode ``episode + i``,
    and when that has ended number ``episode + i + B``, and so on."""

    def __init__(self, model: Knowledge, *, seed: Seed = 0) -> None:
        self.model = model
        if not isinstance(seed, np.random.SeedSequence):
            seed = np.random.SeedSequence(integer("seed", seed, low=0, high=math.inf))
        self._seed = seed.generate_state(1, np.uint64)
        self.keys: Words = self._seed
        """A key for what is random about each of the B episodes, ``(B,)``."""
        self._decisions = np.zeros(1, np.int64)  # taken in each of them
        self._random: KeyedRandom | None = None

    @classmethod
    @abstractmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the agent can play this model with its default settings."""

    @abstractmethod
    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes.

        Args:
            observation: Observations with leading axis B.
            state: What the last call returned, or None at first.
            start: Whether each observation is the first of its episode, ``(B,)``.

        Returns:
            B actions and the next state.
        """

    def _keys(self, played: Whole) -> Words:
        """Return the keys of the episodes of B rows, each of which has ended some, ``(B,)``."""
        high, low = divmod(self.episode, 2**64)  # numbers have any size
        number = np.uint64(low) + (np.arange(len(played)) + len(played) * played).astype(np.uint64)
        above = np.array([_one_word(high), _one_word(high + 1)], np.uint64)
        return mix(hashed(self._seed, number) + above[(number < low).astype(np.int64)])

    @property
    def random(self) -> KeyedRandom:
        """What is random about this decision in each of the B episodes."""
        if self._random is None:
            key = hashed(self.keys, self._decisions)
            self._random = KeyedRandom(key, ~self._seed, self._decisions)
        return self._random

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Choose actions, with the signature of stable-baselines3.

        Args:
            observation: One observation, or a batch of B.
            state: The state returned by the last call; None starts a new one, in the middle of
                episodes by what observations tell of the past.
            episode_start: Whether each observation is the first of its episode, ``(B,)``.
            deterministic: Accepted for compatibility. What is random in a rule, such as the draws
                of Thompson sampling, is part of the rule and stays random.

        Returns:
            The action of one episode or of B of them, and the state for the next call.
        """
        single = self._is_single(observation)
        if single:
            observation = batch_of_one(observation)
        count = self._count(observation)
        start = np.zeros(count, np.bool_)
        if state is None:
            start[:] = True
            played = decisions = np.zeros(count, np.int64)
            keys, rest = self._keys(played), None
        elif len(state.played) != count:
            raise InputError(
                f"{self.text} follows {len(state.played)} episodes, but {count} observations came; pass "
                "state=None for a new batch."
            )
        else:
            played, keys = state.played, state.keys
            decisions, rest = state.decisions, state.rest
            if episode_start is not None:
                start |= np.asarray(episode_start, np.bool_)
            if start.any():
                played, decisions = played + start, np.where(start, 0, decisions)
                keys = self._keys(played)
        if (known := self.model.decisions(observation)) is not None:
            decisions = known
        self.keys, self._decisions, self._random = keys, decisions, None
        actions, rest = self.act(observation, rest, start)
        return (actions[0] if single else actions), Memory(played, keys, decisions + 1, rest)

    def _count(self, observation: Any) -> int:
        """Return the number B of episodes that observations are of."""
        space: Any = self.model.observation_space
        while isinstance(space, (spaces.Dict, spaces.Tuple)):
            key: Any = next(iter(space.spaces)) if isinstance(space, spaces.Dict) else 0
            space, observation = space.spaces[key], observation[key]
        return len(observation)

    def _is_single(self, observation: Any) -> bool:
        """Return whether this is one observation or, by its shape, a batch; refuse anything else."""
        space = self.model.observation_space
        if isinstance(space, spaces.Dict):
            if not isinstance(observation, dict) or not space.keys() <= observation.keys():
                raise InputError(
                    f"{self.text} expects observations with the keys {', '.join(space.keys())}."
                )
            key = next(iter(space.keys()))
            shape, got = space[key].shape, np.shape(observation[key])
        else:
            shape, got = space.shape, np.shape(observation)
        if shape is None or (got != shape and got[1:] != shape):
            raise InputError(
                f"{self.text} expects observations of shape {shape}, or a batch of them, got {got}."
            )
        return got == shape


def batch_of_one(observation: Any) -> Any:
    """Return an observation as a batch."""
    if isinstance(observation, dict):
        return {key: np.asarray(value)[None] for key, value in observation.items()}
    return np.asarray(observation)[None]


def _one_word(number: int) -> int:
    """Return a number below 2^64 itself, and a hash of a larger one."""
    if number < 2**64:
        return number
    return int(np.random.SeedSequence(number).generate_state(1, np.uint64)[0])
