"""The oracle: it cheats, for scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..envs.core import DiscoveryEnv, DiscoveryVectorEnv, InputError, Knowledge
from ..envs.core.arrays import Flags, Whole
from ..envs.pools.money import best_set
from ..envs.pools.pool import Pool
from .agent import Agent, Seed
from .rules import best


class OracleAgent(Agent):
    """Labels the item of the largest true value: no regret, for scale.

    Where labels cost money it buys those that are worth the most together, and keeps what is left if it
    may: it then tries what is not allowed, unless that is worse than all that is.

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

    def act(self, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Choose for B episodes."""
        values = self._env.hidden()["values"]
        if len(values) != len(start):
            raise InputError(
                f"oracle looks into an environment of {len(values)} episodes, but {len(start)} "
                "observations came; make it with the environment that it plays."
            )
        if self.model.shop is not None:
            return self._buy(values, observation, state, start)
        mask = observation["action_mask"].copy()
        batch = np.empty((len(mask), self.model.batch_size), np.int64)
        for k in range(self.model.batch_size):
            batch[:, k] = best(values, mask, self.random)
            mask[np.arange(len(mask)), batch[:, k]] = 0
        return (batch[:, 0] if self.model.batch_size == 1 else batch), ()

    def _buy(self, values: Any, observation: Any, state: Any, start: Flags) -> tuple[Any, Any]:
        """Buy what is planned, the best first; the state is what is, ``(B, n)``."""
        pool, money = self.model, self.model.money_left(observation)
        b, n, m = len(start), pool.num_items, pool.num_tests
        mask = observation["action_mask"].reshape(b, n, m) > 0
        costs = np.broadcast_to(pool.costs(observation), mask.shape)
        plan = np.zeros((b, n), np.bool_) if state is None else state
        for i in range(b) if state is None else start.nonzero()[0].tolist():
            worth = np.where(mask[i, :, -1], values[i], 0)
            plan[i] = best_set(worth.astype(np.float64), costs[i, :, -1], int(money[i]))
        batch = np.empty((b, pool.batch_size), np.int64)
        for k in range(pool.batch_size):
            item = best(values, plan.astype(np.int8), self.random)
            batch[:, k] = np.where(plan.any(1), item * m + m - 1, self._rest(values, mask))
            plan[np.arange(b), item] = False
        return (batch[:, 0] if pool.batch_size == 1 else batch), plan

    def _rest(self, values: Any, mask: Flags) -> Whole:
        """Return the least harm: a proxy, which pays nothing, what is not allowed, or the best label."""
        pool, flat = self.model, mask.reshape(len(mask), -1)
        label = np.where(mask[:, :, -1], values, -np.inf)
        harm = np.where(mask, 0.0, pool.illegal_reward if pool.illegal == "penalise" else -np.inf)
        harm[:, :, -1] = np.where(mask[:, :, -1], label, harm[:, :, -1])
        return np.asarray(harm.reshape(flat.shape).argmax(1))
