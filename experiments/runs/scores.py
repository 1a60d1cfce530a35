"""Scores: random play is 0, the exact optimum 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...envs.core.arrays import Array
from .evaluation import Evaluation

ROUNDING = 1e-12
"""What is less, relative to the largest number it was computed from, is rounding only."""


def normalised(
    returns: ArrayLike,
    random_value: float,
    optimal_value: float,
    regret: ArrayLike | None = None,
) -> Array:
    """Return the score of each episode: 0 is random play in the mean, 1 the exact optimum, ``(E,)``.

    Where the regret of every episode is known, the score is 1 - regret / (optimal - random), else
    (return - random) / (optimal - random). Both have the same mean, for optimal is the mean of the
    best that each episode offers; but the return also carries whether the episode happened to offer
    much, which no agent can change. That is most of the variance of an agent that finds nearly all
    there is (1 - regret / span has a twentieth of it on the pools of the suite `quick`); an agent
    that finds less than half gains nothing, and the score of random play varies more. A task whose
    optimum is no better than random, but for rounding, has nothing to score; it gives NaN.

    Args:
        returns: Sum of rewards of each episode, ``(E,)``.
        random_value: Exact expected return of random play.
        optimal_value: Exact expected return of the best agent, in pools of an oracle.
        regret: What each episode offered minus what was gained of it, ``(E,)``, in the same unit;
            ``None`` where it is unknown or leaves out something that the return counts.
    """
    returns = np.asarray(returns, np.float64)
    span = optimal_value - random_value
    if span <= ROUNDING * max(abs(optimal_value), abs(returns).max(initial=0)):
        span = np.nan
    if regret is None:
        return (returns - random_value) / span
    return 1 - np.asarray(regret, np.float64) / span


def scores(outcome: Evaluation) -> Array | None:
    """Return the `normalised` score of each episode, ``(E,)``; ``None`` where the truth is unknown."""
    if outcome.random_value is None or outcome.optimal_value is None:
        return None
    regret = _whole_regret(outcome)
    found = normalised(outcome.returns, outcome.random_value, outcome.optimal_value, regret)
    return found if np.isfinite(found).all() else None


def gains(outcome: Evaluation) -> Array:
    """Return what agents are compared by on the same seeds, ``(E,)``, in the unit of the reward.

    It is minus the regret where that is known, else the return: two agents differ by the same in
    both, but for the noise of labels.
    """
    regret = _whole_regret(outcome)
    return outcome.returns if regret is None else -regret


def regrets(outcome: Evaluation) -> Array | None:
    """Return the regret of each episode, ``(E,)`` or ``None``; what is rounding of the returns is 0."""
    if outcome.regret is None:
        return None
    least = ROUNDING * abs(outcome.returns).max()
    return np.where(abs(outcome.regret) <= least, 0.0, outcome.regret)


def _whole_regret(outcome: Evaluation) -> Array | None:
    """Return the regret; ``None`` also where illegal choices pay, which a regret does not count."""
    return None if outcome.env_kwargs.get("illegal_reward") else regrets(outcome)
