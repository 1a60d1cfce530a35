r"""A pool whose labels are successes and failures: P(y = 1 | x) = sigmoid(theta . x).

Features and coefficients are those of `gaussian_features`. Given theta the probabilities are
independent draws of sigmoid(a Z) with a = feature_std |theta| and Z ~ N(0, 1), so that by the
independence of |theta| and the order of the scores an oracle collects

    E[sum of the best T of n values g(Z_1), ..., g(Z_n)],
    g(z) = E[sigmoid(feature_std prior_std chi_k z)],   k = sparsity or d.

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, sections 4.1
and 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, expit, gammainccinv, ndtr

from ..core import InputError, environments
from ..core.arrays import Array
from ..core.checks import real
from .gaussian_features import GaussianFeaturePool
from .order_statistics import top_sum


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticPool(GaussianFeaturePool):
    """Find the items that are most likely to succeed, when a label is success or failure.

    ## Description
    Adaptive sampling for discovery under the logistic model (Xu et al. 2022): each of n items may be
    labelled once, a label is 1 with probability 1 / (1 + exp(-theta . x)) and 0 otherwise, and the
    sum of the labels counts. Features and coefficients are drawn for every episode.

    ## Observation space
    - `labels`: float32, `(T,)`, their labels 0 or 1, 0 behind the last.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the highest probabilities for the
    choices spent, free of the luck of the labels) and `values` (the probability of every item). With
    `fidelities` labels are drawn at the reset, and both are about them.

    ## Arguments
    - `prior_std`: standard deviation of each coefficient, in log odds per feature.
    - `horizon`: number T of labels; None takes int(0.2 n) + 1, rounded to whole batches. The paper's
      figure 1 has d in {20, 50, 100} and shows 500 steps and 250.
    - `fidelities`: the M tests that an item may have, `(cost, sensitivity, false_positive)` each, from
      the cheapest on; the last is the label, with 1 and 0. Only labels pay. None: only the label.
    - `noise_std`: 0, because a label is 0 or 1 and its chance is all the noise there is.
    """

    fidelity_kind = "binary"

    def __post_init__(self) -> None:
        super().__post_init__()
        if real("noise_std", self.noise_std):
            raise InputError(
                "noise_std must be 0 in a logistic pool, where a label is 0 or 1 by chance and "
                f"carries no other noise, got {self.noise_std:g}; leave it out."
            )

    @property
    def outcomes(self) -> tuple[float, float]:
        """All labels are 0 or 1."""
        return 0.0, 1.0

    def _value(self, score: Array) -> Array:
        return np.asarray(expit(score), np.float64)

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices: scores are symmetric about 0, so T / 2."""
        return self.kept * self.random_labels / 2

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows theta, or with `fidelities` all labels.

        Of the n labels, each of which is 1 with probability 1/2 whatever theta's length, it then takes
        as many ones as it can pay.
        """
        if self.fidelities:
            ones = np.arange(self.num_items + 1)
            chance = np.diff(bdtr(ones, self.num_items, 0.5), prepend=0)
            return self.kept * float(np.minimum(ones, self.most_labels) @ chance)
        # chi_k as a function of a standard normal, so that the trapezoid rule is exact again; the
        # inverse of the upper tail keeps the large values, which the lower one would round to 1.
        w, step = np.linspace(-8, 8, 161, retstep=True)
        density = np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi) * step
        chi = np.sqrt(2 * gammainccinv(self._freedom / 2, ndtr(-w)))
        slopes = self.feature_std * self.prior_std * chi

        def value(z: Array) -> Array:
            mean = np.zeros_like(z)
            for weight, slope in zip(density.tolist(), slopes.tolist(), strict=True):
                mean += weight * expit(slope * z)
            return mean

        return self.kept * top_sum(value, self.num_items, self.most_labels)


LogisticPoolEnv, LogisticPoolVectorEnv = environments(LogisticPool)
