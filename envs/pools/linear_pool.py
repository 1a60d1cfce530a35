"""A pool whose labels are linear in the features: f(x) = theta . x.

Features and coefficients are those of `gaussian_features`, so that an oracle collects

    feature_std prior_std E[chi_k] E[sum of the best T of n normals],   k = sparsity or d.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, sections 4.1
and 5.2; the sparse model is that of its appendix G.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core import environments
from ..core.arrays import Array
from .gaussian_features import GaussianFeaturePool
from .order_statistics import chi_mean, top_sum


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearPool(GaussianFeaturePool):
    """Find the items with the largest labels, which are linear in the features.

    ## Description
    Adaptive sampling for discovery under the linear model (Xu et al. 2022): each of n items may be
    labelled once, a label is theta . x plus noise, and the sum of the labels counts. Features and
    coefficients are drawn for every episode.
    """

    noise_std: float = 0.1

    beliefs = "sparse", "linear", "gp"
    fidelity_kind = "gaussian"

    @property
    def value_std(self) -> float:
        """Standard deviation of theta . x."""
        return self.feature_std * self.prior_std * math.sqrt(self._freedom)

    def _value(self, score: Array) -> Array:
        return score

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices, which is 0."""
        self._check_waste()
        return 0.0

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows theta."""
        length = self.kept * self.prior_std * chi_mean(self._freedom)
        return self.feature_std * length * top_sum(self.taken, self.num_items, self.most_labels)


LinearPoolEnv, LinearPoolVectorEnv = environments(LinearPool)
