"""A pool on real data: the rows of a table are the items.

Nothing is hidden but the labels themselves, so that the truth is exact: an oracle collects the best
T labels, and an agent that chooses at random T times the mean label.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import DiscoveryEnv, DiscoveryVectorEnv, InputError
from ..core.checks import choice
from ..datasets.table import Table, from_arrays, load
from .pool import FeatureLabels, FeaturePool, best_sums


@dataclass(frozen=True, kw_only=True, eq=False)
class TablePool(FeaturePool):
    """Find the best rows of a table of real measurements.

    ## Description
    Adaptive sampling for discovery (Xu et al. 2022) on real data: items are the rows of a table
    with features, such as reaction conditions or patients; each may be labelled once, and the sum
    of the labels counts. The embedded default is a clinical data set.

    ## Action space
    `Discrete(n)`: the item to label; with `batch_size` N above 1 `MultiDiscrete([n] * N)`: N items, no
    two the same.

    ## Observation space
    `Dict`:
    - `features`: float32, `(n * d,)`, row by row; constant.
    - `action_mask`: int8, `(n,)`, 1 for items that were not chosen yet.
    - `labelled`: int64, `(T,)`, the items chosen so far in order, -1 behind the last.
    - `labels`: float32, `(T,)`, their labels, 0 behind the last.
    - `steps_left`: float32, `(1,)`.
    - `arrived`: int64, `(1,)`, number of labels that have arrived, in the order of `labelled`; the rest
      is in flight. Only with a `delay`.

    ## Rewards
    The labels that arrive, in the unit of the table: those of the items chosen `delay` steps ago, and
    at the last step all that are still in flight. `illegal_reward` for each item chosen again, which
    shows nothing and spends the choice.

    ## Starting state
    No labels.

    ## Episode end
    Terminates after `horizon / batch_size` steps; never truncates.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the best labels for the choices
    spent, free of noise) and `values` (the mean label of every item).

    ## Arguments
    - `dataset` ("diabetes"): name of a data set, or path of a CSV or Parquet file. Further sets are
      found in the folder that the environment variable `DISCOVERY_GYM_DATA` names.
    - `target` (None): label column; None takes the first of a named set, the last of a file.
    - `features`, `labels` (None): arrays `(n, d)` and `(n,)` in place of a data set.
    - `scaling` ("l2"): "l2" divides each feature by its Euclidean norm over the pool, as the paper
      does; "standard" gives it mean 0 and standard deviation 1; "none" leaves it.
    - `horizon` (None): number T of labels; None takes int(0.2 n) + 1, as the paper's table,
      rounded to whole batches.
    - `noise_std` (0.0): standard deviation of noise added to each label.
    - `batch_size` (1): number N of items chosen in a step; `horizon` must be a multiple of it.
    - `delay` (0): number of steps from the choice of an item to its label.
    - `illegal` ("penalise"): or "raise"; `illegal_reward` (0.0).

    ## Vectorized environment
    Native: `gym.make_vec("discovery/TablePool-v0", num_envs=256)`.

    ## Version history
    - v0: first version.

    ## References
    Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022.
    """

    dataset: str | None = None
    target: str | None = None
    features: Any = None
    labels: Any = None
    scaling: str = "l2"

    def __post_init__(self) -> None:
        choice("scaling", self.scaling, ("l2", "standard", "none"))
        if (self.features is None) != (self.labels is None):
            raise InputError("features and labels belong together: give both or neither.")
        if self.features is not None:
            for name in ("dataset", "target"):
                if getattr(self, name) is not None:
                    raise InputError(f"Give {name} or the arrays features and labels, not both.")
        elif self.dataset is None:
            self._set(dataset="diabetes")
        super().__post_init__()

    @cached_property
    def table(self) -> Table:
        """The table, labels included: for the environment and for people, not for agents."""
        if self.dataset is None:
            return from_arrays(self.features, self.labels)
        return load(self.dataset, self.target)

    @property
    def num_items(self) -> int:
        """The number of rows."""
        return len(self.table.labels)

    @property
    def num_features(self) -> int:
        """The number of features."""
        return self.table.features.shape[1]

    @cached_property
    def binary(self) -> bool:
        """Whether all labels are 0 or 1, which is public."""
        return self.noise_std == 0 and bool(np.isin(self.table.labels, (0, 1)).all())

    @cached_property
    def _scaled(self) -> NDArray[np.float32]:
        """The features that agents see, read-only, ``(n, d)``."""
        x = self.table.features
        if self.scaling == "standard":
            x = x - x.mean(0)
            x = x / np.where(x.std(0) > 0, x.std(0), 1.0)
        elif self.scaling == "l2":
            norm = np.linalg.norm(x, axis=0)
            x = x / np.where(norm > 0, norm, 1.0)
        scaled = np.ascontiguousarray(x, np.float32)
        scaled.flags.writeable = False
        return scaled

    @cached_property
    def _feature_range(self) -> tuple[float, float]:
        low, high = float(self._scaled.min()), float(self._scaled.max())
        return low, high if high > low else low + 1.0

    # ---- dynamics

    def new_state(self, num_episodes: int) -> FeatureLabels:
        """Return the arrays of ``num_episodes`` episodes; all share the values of the table."""
        values, best = self.table.labels, best_sums(self.table.labels, self._horizon)
        features = self._scaled.reshape(-1)
        return self._blank(
            features=np.broadcast_to(features, (num_episodes, *features.shape)),
            values=np.broadcast_to(values, (num_episodes, *values.shape)),
            best=np.broadcast_to(best, (num_episodes, *best.shape)),
        )

    def _values_at(
        self, state: FeatureLabels, place: NDArray[np.int64], item: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        return self.table.labels.take(item)

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices: T times the mean label."""
        return self._horizon * float(self.table.labels.mean())

    def optimal_value(self) -> float:
        """Return the return of an oracle that knows all labels: the sum of the best T."""
        return float(best_sums(self.table.labels, self._horizon)[-1])


class TablePoolEnv(DiscoveryEnv[TablePool]):
    """One episode of `TablePool`, whose page this class carries."""

    model_class = TablePool


class TablePoolVectorEnv(DiscoveryVectorEnv[TablePool]):
    """Many episodes of `TablePool`, whose page this class carries."""

    model_class = TablePool
