"""What the linear and the logistic pool share: normal features, normal coefficients.

Features are x ~ N(0, feature_std^2 I) and coefficients theta ~ N(0, prior_std^2 I), of which all but
`sparsity` are 0 where that is given; both are drawn for every episode. An item's value is an
increasing function of its score theta . x. Given theta the scores are independent normals with
standard deviation feature_std |theta|, and |theta| / prior_std has a chi distribution with
k = sparsity or d degrees of freedom.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, sections 4.1
and 5.2; the sparse model is that of its appendix G.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from ..core import Streams
from ..core.arrays import Array, Whole
from ..core.checks import integer, quantity
from .feature_pool import FeaturePool
from .labels import ANY_LABEL, FeatureLabels
from .shown import Shown


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianFeaturePool(FeaturePool):
    """A pool whose values depend on a linear score of normal features.

    ## Starting state
    Fresh features and coefficients, no labels.

    ## Arguments
    - `num_items`: number n of items.
    - `num_features`: number d of features.
    - `feature_std`: standard deviation of each feature.
    - `prior_std`: standard deviation of each coefficient, in label per feature.
    - `sparsity`: number of coefficients that are not 0; None: all of them.
    """

    num_items: int = 500
    num_features: int = 20
    feature_std: float = 1.0
    prior_std: float = 1.0
    sparsity: int | None = None
    horizon: int | None = 100

    def __post_init__(self) -> None:
        features = integer("num_features", self.num_features, low=1)
        self._set(
            num_items=integer("num_items", self.num_items, low=1),
            num_features=features,
            feature_std=quantity("feature_std", self.feature_std),
            prior_std=quantity("prior_std", self.prior_std),
            noise_std=quantity("noise_std", self.noise_std, zero=True),
        )
        if self.sparsity is not None:
            self._set(sparsity=integer("sparsity", self.sparsity, low=1, high=features))
        super().__post_init__()

    @property
    def feature_range(self) -> tuple[float, float]:
        """Any bounds: a normal number has none."""
        return -ANY_LABEL, ANY_LABEL

    @property
    def _freedom(self) -> int:
        """The number k of coefficients that are not 0."""
        return self.sparsity or self.num_features

    @abstractmethod
    def _value(self, score: Array) -> Array:
        """Return the mean labels of items with these scores theta . x, elementwise."""

    # ---- dynamics

    def new_state(self, num_episodes: int) -> FeatureLabels:
        """Return the arrays of ``num_episodes`` episodes."""
        features = np.zeros((num_episodes, self.num_items * self.num_features), np.float32)
        values = np.zeros((num_episodes, self.num_items))
        return FeatureLabels(features=Shown(features), **self.common(values))

    def reset(self, state: FeatureLabels, index: Whole, streams: Streams) -> None:
        """Draw new features and coefficients."""
        features = state.features.anew(index)
        for i in index.tolist():
            generator = streams.generators[i]
            x = features[i].reshape(self.num_items, self.num_features)
            generator.standard_normal(dtype=np.float32, out=x)
            x *= np.float32(self.feature_std)
            theta = self.prior_std * generator.standard_normal(self.num_features)
            if self.sparsity is not None:
                theta[generator.permutation(self.num_features)[self.sparsity :]] = 0.0
            state.values[i] = self._value(x @ theta)
        super().reset(state, index, streams)
