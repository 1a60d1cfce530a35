"""The oracle: it cheats, for scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..envs.core import DiscoveryEnv, DiscoveryVectorEnv, InputError, Knowledge, Random
from ..envs.pools.pool import Pool
from .agent import Agent, Seed
from .beliefs import Belief
from .rules import Decision, Greedy


class OracleAgent(Agent):
    """Labels the item of the largest true value: no regret, for scale.

    This is cheating. The values are hidden from agents, so that the oracle cannot play from
    observations: it looks into the very environment that it is made with, and is no agent of
    `available`. It plays pools, whose labels may carry noise that it does not know.

    Args:
        env: The environment or vector environment that it is going to play.
        seed: Seed of the choice among equal values.
    """

    text = "oracle"
    model: Pool[Any]

    def __init__(self, env: Any, *, seed: Seed = 0) -> None:
        inner = getattr(env, "unwrapped", env)
        if not isinstance(inner, DiscoveryEnv | DiscoveryVectorEnv):
            raise InputError(
                "oracle cheats: it looks up the true values in the environment that it plays, and a "
                f"model has none. Make it with the environment, not with {type(inner).__name__}."
            )
        if not isinstance(inner.model, Pool):
            raise InputError(
                f"oracle plays pools only, not {type(inner.model).__name__}; 'optimal' is the best "
                "agent of a campaign."
            )
        super().__init__(inner.model, seed=seed)
        self._env = inner

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return False: no model is enough for it to play."""
        return False

    def act(self, observation: Any, state: Any, start: NDArray[np.bool_]) -> tuple[Any, Any]:
        """Choose for B episodes."""
        values = self._env.hidden()["values"]
        if len(values) != len(start):
            raise InputError(
                f"oracle looks into an environment of {len(values)} episodes, but {len(start)} "
                "observations came; make it with the environment that it plays."
            )
        size = self.model.batch_size
        decision = Decision.first(observation["action_mask"], batch_size=size)
        batch = Greedy().choose_batch(_Truth(values), decision, self.random)
        return (batch[:, 0] if size == 1 else batch), ()


class _Truth(Belief):
    """The belief that knows the values; greedy is then best."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def update(self, observation: Any, start: NDArray[np.bool_]) -> None: ...

    def mean(self) -> NDArray[Any]:
        return self.values

    def std(self) -> NDArray[Any]:
        return np.zeros_like(self.values)

    def rounding(self, drawn: bool = False) -> NDArray[Any]:
        return np.zeros((1, 1))

    def sample(self, count: int, random: Random) -> NDArray[Any]:
        return np.repeat(self.values[:, None], count, 1)
