"""An agent: stable-baselines3's `predict`, for one episode or a batch of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..envs.core import InputError, Model


class Agent(ABC):
    """Chooses actions from observations; it knows the model's public parameters, never its state.

    Args:
        model: The model of the environment, `env.unwrapped.model`.
        seed: Seed of the agent's own randomness.
    """

    text: ClassVar[str]
    """How the agent is called in `agents.make`."""

    def __init__(self, model: Model[Any], *, seed: int | np.random.SeedSequence = 0) -> None:
        self.model = model
        self.random = np.random.default_rng(seed)

    @classmethod
    @abstractmethod
    def fits(cls, model: Model[Any]) -> bool:
        """Return whether the agent can play this model with its default settings."""

    @abstractmethod
    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Choose for B episodes.

        Args:
            observation: Observations with leading axis B.
            state: What the last call returned, or None at first.
            start: Whether each observation is the first of its episode, ``(B,)``.

        Returns:
            B actions and the next state.
        """

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
            state: The state returned by the last call; None starts afresh.
            episode_start: Whether each observation is the first of its episode, ``(B,)``.
            deterministic: Accepted for compatibility. What is random in a rule, such as the draws
                of Thompson sampling, is part of the rule and stays random.

        Returns:
            The action of one episode or of B of them, and the state for the next call.
        """
        single = self._is_single(observation)
        if single:
            observation = (
                {key: np.asarray(value)[None] for key, value in observation.items()}
                if isinstance(observation, dict)
                else np.asarray(observation)[None]
            )
        count = len(
            next(iter(observation.values())) if isinstance(observation, dict) else observation
        )
        start = np.zeros(count, np.bool_)
        if state is None:
            start[:] = True
        elif episode_start is not None:
            start |= np.asarray(episode_start, np.bool_)
        actions, state = self.act(observation, state, start)
        return (actions[0] if single else actions), state

    def _is_single(self, observation: Any) -> bool:
        """Tell one observation from a batch by the shape; refuse what is neither."""
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
