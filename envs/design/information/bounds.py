"""Bounds of the information of whole episodes, from draws of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ..design import Array, DesignModel


def sequential_bounds(
    model: DesignModel[Any],
    theta: Array,
    settings: Array,
    outcomes: Array,
    contrasts: int,
    random: np.random.Generator,
    block: int = 4096,
) -> tuple[Array, Array]:
    r"""Return a lower and an upper bound of the total information of played episodes, in nats.

    log p(h | theta) - log of the mean of p(h | theta_l) over L draws from the prior, with theta among
    them (sPCE, at most log(L + 1)) or not (sNMC). Their expectations bound the total expected
    information gain of the policy that chose the settings (Foster et al. 2021, equations 11 and 12).

    Args:
        model: The model.
        theta: The true parameters of B episodes, ``(B, k)``.
        settings: ``(B, T, d)``, in any order.
        outcomes: ``(B, T, m)``, in the same order.
        contrasts: Number L of draws, the same for all episodes.
        random: Generator of the draws.
        block: Draws handled together.

    Returns:
        Both bounds, each ``(B,)``.
    """
    rounds = range(settings.shape[1])

    def likelihood(values: NDArray[Any]) -> Array:
        total = model.log_likelihood(outcomes[:, 0], values, settings[:, 0])
        for t in rounds[1:]:
            total += model.log_likelihood(outcomes[:, t], values, settings[:, t])
        return total

    own = likelihood(theta[:, None])[:, 0]
    rest = np.full(len(theta), -np.inf)
    for first in range(0, contrasts, block):
        draws = model.sample_prior(min(block, contrasts - first), random)
        rest = np.logaddexp(rest, logsumexp(likelihood(draws), axis=1))
    lower = own - np.logaddexp(rest, own) + np.log(contrasts + 1)
    return lower, own - rest + np.log(contrasts)
