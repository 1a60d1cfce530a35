"""A pool whose labels are linear in the features: f(x) = theta . x.

Features are x ~ N(0, feature_std^2 I) and coefficients theta ~ N(0, prior_std^2 I), of which all but
`sparsity` are 0 where that is given; both are drawn anew for every episode. Given theta the values
are independent normals with standard deviation feature_std |theta|, so that an oracle collects

    feature_std prior_std E[chi_k] E[sum of the best T of n normals],   k = sparsity or d.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, sections 4.1
and 5.1; the sparse model is that of its appendix G.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ..core import DiscoveryEnv, DiscoveryVectorEnv, Streams
from ..core.checks import integer, real
from .order_statistics import top_sum_normal
from .pool import ANY_LABEL, FeatureLabels, FeaturePool, best_sums


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearPool(FeaturePool):
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

    num_items: int = 500
    num_features: int = 20
    feature_std: float = 1.0
    prior_std: float = 1.0
    sparsity: int | None = None
    horizon: int | None = 100
    noise_std: float = 0.1

    def __post_init__(self) -> None:
        features = integer("num_features", self.num_features, low=1)
        self._set(
            num_items=integer("num_items", self.num_items, low=1),
            num_features=features,
            feature_std=real("feature_std", self.feature_std, low=0, open_low=True),
            prior_std=real("prior_std", self.prior_std, low=0, open_low=True),
        )
        if self.sparsity is not None:
            self._set(sparsity=integer("sparsity", self.sparsity, low=1, high=features))
        super().__post_init__()

    @property
    def _feature_range(self) -> tuple[float, float]:
        return -ANY_LABEL, ANY_LABEL

    # ---- dynamics

    def new_state(self, num_episodes: int) -> FeatureLabels:
        """Return the arrays of ``num_episodes`` episodes."""
        return self._blank(
            features=np.zeros((num_episodes, self.num_items * self.num_features), np.float32),
            values=np.zeros((num_episodes, self.num_items)),
            best=np.zeros((num_episodes, self._horizon + 1)),
        )

    def reset(self, state: FeatureLabels, index: NDArray[np.int64], streams: Streams) -> None:
        """Draw new features and coefficients.

        The features go to a new array: observations of the old ones are views and must not change.
        """
        features = state.features.copy()
        for i in index.tolist():
            generator = streams.generators[i]
            x = generator.standard_normal((self.num_items, self.num_features), np.float32)
            x *= np.float32(self.feature_std)
            theta = self.prior_std * generator.standard_normal(self.num_features)
            if self.sparsity is not None:
                theta[generator.permutation(self.num_features)[self.sparsity :]] = 0.0
            features[i] = x.reshape(-1)
            state.values[i] = x @ theta
        features.flags.writeable = False
        state.features = features
        state.best[index] = best_sums(state.values[index], self._horizon)
        super().reset(state, index, streams)

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices, which is 0."""
        return 0.0

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows theta."""
        k = self.sparsity or self.num_features
        chi = float(np.sqrt(2) * np.exp(gammaln((k + 1) / 2) - gammaln(k / 2)))
        return (
            self.feature_std * self.prior_std * chi * top_sum_normal(self.num_items, self._horizon)
        )


class LinearPoolEnv(DiscoveryEnv[LinearPool]):
    """One episode of `LinearPool`, whose page this class carries."""

    model_class = LinearPool


class LinearPoolVectorEnv(DiscoveryVectorEnv[LinearPool]):
    """Many episodes of `LinearPool`, whose page this class carries."""

    model_class = LinearPool
