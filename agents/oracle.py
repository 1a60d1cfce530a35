"""The oracle: it cheats, for scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..envs.core import DiscoveryEnv, DiscoveryVectorEnv, InputError, Knowledge
from ..envs.pools.pool import Pool
from .agent import Agent, Seed
from .rules import best


class OracleAgent(Agent):
    """Labels the item of the largest true value: no regret, for scale.

    This is cheating. The values are hidden from agents, so the oracle looks into the environment that it
    is made with, and `available` does not list it. It plays pools; it does not know the noise of their
    labels.

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
        mask = observation["action_mask"].copy()
        batch = np.empty((len(mask), self.model.batch_size), np.int64)
        for k in range(self.model.batch_size):
            batch[:, k] = best(values, mask, self.random)
            mask[np.arange(len(mask)), batch[:, k]] = 0
        return (batch[:, 0] if self.model.batch_size == 1 else batch), ()
