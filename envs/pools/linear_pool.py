"""A pool whose labels are linear in the features: f(x) = theta . x.

Features and coefficients are those of `gaussian_features`, so that an oracle collects

    feature_std prior_std E[chi_k] E[sum of the best T of n normals],   k = sparsity or d.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, sections 4.1
and 5.2; the sparse model is that of its appendix G.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import environments
from .gaussian_features import GaussianFeaturePool
from .order_statistics import chi_mean, top_sum_normal


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearPool(GaussianFeaturePool):
    """Find the items with the largest labels, which are linear in the features.

    ## Description
    Adaptive sampling for discovery under the linear model (Xu et al. 2022): each of n items may be
    labelled once, a label is theta . x plus noise, and the sum of the labels counts. Features and
    coefficients are drawn anew for every episode.

    ## Action space
    `Discrete(n)`: the item to label; with `batch_size` N above 1 `MultiDiscrete([n] * N)`: N items, no
    two the same.

    ## Observation space
    `Dict`:
    - `features`: float32, `(n * d,)`, row by row; constant within an episode.
    - `action_mask`: int8, `(n,)`, 1 for items that were not chosen yet.
    - `labelled`: int64, `(T,)`, the items chosen so far in order, -1 behind the last.
    - `labels`: float32, `(T,)`, their labels, 0 behind the last.
    - `steps_left`: float32, `(1,)`.
    - `arrived`: int64, `(1,)`, number of labels that have arrived, in the order of `labelled`; the rest
      is in flight. Only with a `delay`.

    ## Rewards
    The labels that arrive: those of the items chosen `delay` steps ago, and at the last step
    all that are still in flight. `illegal_reward` for each item chosen again, which shows nothing and
    spends the choice.

    ## Starting state
    Fresh features and coefficients, no labels.

    ## Episode end
    Terminates after `horizon / batch_size` steps; never truncates.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the best labels for the choices
    spent, free of noise) and `values` (the mean label of every item).

    ## Arguments
    - `num_items` (500): number n of items.
    - `num_features` (20): number d of features.
    - `feature_std` (1.0): standard deviation of each feature.
    - `prior_std` (1.0): standard deviation of each coefficient, in label per feature.
    - `sparsity` (None): number of coefficients that are not 0; None: all of them.
    - `horizon` (100): number T of labels.
    - `noise_std` (0.1): standard deviation of the label noise.
    - `batch_size` (1): number N of items chosen in a step; `horizon` must be a multiple of it.
    - `delay` (0): number of steps from the choice of an item to its label.
    - `illegal` ("penalise"): or "raise"; `illegal_reward` (0.0).

    ## Vectorized environment
    Native: `gym.make_vec("discovery/LinearPool-v0", num_envs=64)`.

    ## Version history
    - v0: first version.

    ## References
    Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022.
    """

    noise_std: float = 0.1

    def _value(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        return score

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices, which is 0."""
        return 0.0

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows theta."""
        length = self.prior_std * chi_mean(self._freedom)
        return self.feature_std * length * top_sum_normal(self.num_items, self._horizon)


LinearPoolEnv, LinearPoolVectorEnv = environments(LinearPool)
