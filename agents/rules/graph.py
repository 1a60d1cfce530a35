"""The plain baseline on graphs: look at the best-connected node, then be greedy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from ..beliefs import Belief
from .decision import Decision
from .rule import Rule, best


class OneHub(Rule[Belief]):
    """A random node of the highest degree first, then the highest posterior mean."""

    looks_ahead = False
    belief: tuple[str, dict[str, float]] | None = ("nodes", {})

    def choose(self, belief: Belief, decision: Decision, random: Random) -> NDArray[np.int64]:
        """Return the chosen nodes, ``(B,)``."""
        score = belief.mean()
        fresh = np.asarray((decision.labelled < 0).all(1))
        if fresh.any():  # no node is chosen yet
            score = np.where(fresh[:, None], belief.reach(np.ones_like(score)), score)
        return best(score, decision.mask, random, belief.rounding())
