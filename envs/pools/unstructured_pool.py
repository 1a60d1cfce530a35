"""A pool without structure: no label tells anything about another item.

Every item holds its own theta ~ U(0, 1), and there are as many items as the square of the budget.
Nothing can be learnt about an item but by labelling it, which is the only time it counts: every
agent has the same expected return T / 2, and its regret grows linearly in T.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, proposition 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core import InputError, Streams, environments
from ..core.arrays import Whole
from ..core.checks import integer, quantity
from .labels import Labels
from .order_statistics import top_sum_uniform
from .pool import Pool


@dataclass(frozen=True, kw_only=True, eq=False)
class UnstructuredPool(Pool[Labels]):
    """Label items that tell nothing about each other: everyone's regret is linear.

    ## Description
    The lower bound of adaptive sampling for discovery (Xu et al. 2022, proposition 1), as an
    environment: a check of agents and of the accounting rather than a challenge.

    ## Starting state
    Fresh values theta ~ U(0, 1), no labels.

    ## Arguments
    - `num_items`: number n of items; None takes T squared, as the proposition does.
    - `horizon`: number T of labels.
    """

    num_items: int | None = None  # type: ignore[assignment]
    horizon: int | None = 20
    noise_std: float = 1.0

    def __post_init__(self) -> None:
        if self.num_items is None and self.budget is not None:
            raise InputError("With a budget no horizon tells the number of items: give num_items.")
        count = integer("horizon", self.horizon, low=1) ** 2 if self.num_items is None else None
        self._set(
            num_items=count or integer("num_items", self.num_items, low=1),
            noise_std=quantity("noise_std", self.noise_std, zero=True),
        )
        super().__post_init__()

    @property
    def _count(self) -> int:
        assert self.num_items is not None  # set by __post_init__
        return self.num_items

    # ---- dynamics

    def new_state(self, num_episodes: int) -> Labels:
        """Return the arrays of ``num_episodes`` episodes."""
        return Labels(**self.common(np.zeros((num_episodes, self._count))))

    def reset(self, state: Labels, index: Whole, streams: Streams) -> None:
        """Draw new values."""
        for i in index.tolist():
            streams.generators[i].random(out=state.values[i])
        super().reset(state, index, streams)

    # ---- truth

    def label_moments(self) -> tuple[float, float]:
        """Return mean and variance of the label of any item, whatever is known of others."""
        return 0.5, 1 / 12 + self.noise_std**2

    def random_value(self) -> float:
        """Return the expected return of uniform choices, and of any others: T / 2."""
        return self.kept * self.random_labels / 2

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows every theta."""
        return self.kept * top_sum_uniform(self._count, self.most_labels)


UnstructuredPoolEnv, UnstructuredPoolVectorEnv = environments(UnstructuredPool)
