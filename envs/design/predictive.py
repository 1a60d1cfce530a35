r"""Do data look like what the model can yield? A predictive check with a p-value.

The discrepancy of the data y_1, ..., y_T of an episode is the log-likelihood ratio of the law that fits
each of them best, whatever it is, against the best parameters of the model,

    D(y) = sum_t log p_saturated(y_t) - max over theta of sum_t log p(y_t | theta, xi_t),

which for histograms is half the G^2 statistic. Replicas y' come from theta' ~ the posterior at the same
settings and with the same numbers of events, and their parameters are fitted anew: p is the share of
replicas with D(y') >= D(y), the data among them. As the fit is repeated, p is about uniform where the
model is right (a posterior predictive p-value with parameters kept fixed would crowd around 1/2).

The maximum is over the nodes of a grid; with particles and normal posteriors over `DRAWS` draws, which
makes p conservative.

Sources: A. Gelman, X.-L. Meng, H. Stern, Statist. Sinica 6 (1996) 733; J. Robins, A. van der Vaart, V.
Ventura, J. Amer. Statist. Assoc. 95 (2000) 1143.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.arrays import Array
from .design import DesignModel
from .posteriors import Posterior

REPLICAS, FEWEST = 999, 99
"""Replicas, and how many there are at least where the grid is large."""
NUMBERS = 1 << 24
"""Likelihoods of one round beyond which there are fewer replicas."""
TOGETHER = 1 << 21
"""Likelihoods computed together."""
DRAWS = 500
"""Draws that the best parameters are looked for in, where there is no grid."""


def p_value(
    model: DesignModel[Any],
    posterior: Posterior,
    settings: Array,
    outcomes: Array,
    random: np.random.Generator,
) -> float:
    """Return the share of replicas that fit no better than the data of one episode do.

    Args:
        model: The model.
        posterior: The posterior after these data, of one episode.
        settings: The settings of T rounds, ``(T, d)``, in any order.
        outcomes: Their data, ``(T, m)``.
        random: Generator of the replicas.
    """
    theta = posterior.support(DRAWS, random)[0]
    nodes = theta if theta.ndim == 2 else theta[0]
    count = int(np.clip(NUMBERS // len(nodes), FEWEST, REPLICAS))
    truth = posterior.sample(count, random)[0]
    best = np.full((count + 1, len(nodes)), 0.0)
    saturated = np.zeros(count + 1)
    for setting, outcome in zip(settings, outcomes, strict=True):
        where = np.tile(setting, (count + 1, 1))
        like = np.tile(outcome, (count, 1))
        replicas = model.repeat(truth, where[1:], like, random).astype(np.float32)
        data = np.concatenate([outcome[None], replicas.astype(np.float64)])
        saturated += model.saturated(data, where)
        rows = max(1, TOGETHER // len(nodes))
        for first in range(0, len(data), rows):
            part = slice(first, first + rows)
            best[part] += model.log_likelihood(data[part], nodes, where[part])
    misfit = saturated - best.max(1)
    return float((misfit[1:] >= misfit[0] - 1e-9 * abs(misfit[0])).sum() + 1) / (count + 1)
