"""The plain baseline on graphs: look at the best-connected node, then be greedy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Random
from .rule import Rule, best


class OneHub(Rule):
    """A random node of the highest degree first, then the highest posterior mean."""

    looks_ahead = False
    belief: tuple[str, dict[str, float]] | None = ("nodes", {})

    def choose(
        self, belief: Any, mask: NDArray[np.int8] | None, random: Random
    ) -> NDArray[np.int64]:
        """Return the chosen nodes, ``(B,)``."""
        score = belief.mean()
        fresh = np.ones(len(score), np.bool_) if mask is None else np.asarray(mask.all(1))
        if fresh.any():  # no node is labelled yet
            score = np.where(fresh[:, None], belief.reach(np.ones_like(score)), score)
        return best(score, mask, random, belief.rounding())
