r"""What tempered Monte Carlo needs: the next power of a likelihood, and reversible steps.

States are normal scores z ~ N(0, I), which a model's `from_scores` turns into parameters: no prior has
edges in them, and steps need no unit.

Proposals are differences of two other states (ter Braak's differential evolution), of all coordinates
or of some, times a length from a wide range: they fit themselves to the scale and the direction of a
ridge, and whole differences lead from one mode to another. Some are autoregressive steps instead, which
leave the prior unchanged (Cotter et al. 2013): they find what no two states differ by.

Sources: C. ter Braak, Statist. Comput. 16 (2006) 239; S. Cotter et al., Statist. Sci. 28 (2013) 424; Y.
Zhou, A. Johansen, J. Aston, "Toward automatic model comparison: an adaptive sequential Monte Carlo
approach", J. Comput. Graph. Statist. 25 (2016) 701 (conditional effective sample size).
"""

from __future__ import annotations

import numpy as np

from ...core.arrays import Array, Whole
from .posterior import by_weight
from .problem import Problem

PART, AUTOREGRESSIVE = 0.3, 0.1
"""Share of the proposals that change some coordinates only, and share that ignore differences."""
SHORT, LONG = 0.1, 1.2
"""Range of the lengths of differences."""
LEAST_STEP = 1e-3
"""Least length of an autoregressive step."""
TOGETHER = 1 << 14
"""About how many likelihoods are computed together: they stay in the cache."""
BUFFER = 128
"""Size of NumPy's buffers: rows that are longer are broadcast as they are, and not copied first."""


def likelihoods(model: Problem, outcomes: Array, settings: Array, theta: Array) -> Array:
    """Return the log likelihood of t experiments without the last, and of the last, ``(2, N)``.

    Args:
        model: The problem.
        outcomes: Data of one episode, ``(t, m)``.
        settings: Their settings, ``(t, d)``.
        theta: Parameters, ``(N, k)``.
    """
    rows = max(64, TOGETHER // len(outcomes))
    theta, logs = np.asfortranarray(theta), np.empty((2, len(theta)))
    with np.errstate():  # which restores the size of buffers, too
        np.setbufsize(BUFFER)
        for first in range(0, len(theta), rows):
            part = model.log_likelihood(outcomes, theta[first : first + rows], settings)
            logs[0, first : first + rows] = part[:-1].sum(0)
            logs[1, first : first + rows] = part[-1]
    return logs


def log_sum(logs: Array) -> float:
    """Return the logarithm of a sum from those of its terms, ``(N,)``; SciPy's takes much longer."""
    top = logs.max()
    most = logs == top
    terms = np.exp(logs - top)
    terms[most] = 0  # apart, for precision
    count = np.count_nonzero(most)
    return float(np.log1p(terms.sum() / count) + np.log(count) + top)


def next_step(log_weights: Array, logs: Array, most: float, least: float) -> float:
    """Return the largest step of the power that keeps the states effective, at most ``most``.

    Args:
        log_weights: Log weights of the states, normalised, ``(N,)``.
        logs: Log likelihood that the power is of, ``(N,)``.
        most: What is left of the power.
        least: Effective part that must be left of the weighted states, in (0, 1): the conditional
            effective sample size, on which the variance of the evidence of the step depends.
    """
    weights = np.exp(log_weights)
    logs = np.minimum(logs - logs[weights > 0].max(), 0.0)  # states without weight do not count

    def effective(step: float) -> float:
        growth = np.exp(step * logs)
        return float((weights @ growth) ** 2 / (weights @ growth**2))

    if effective(most) >= least:
        return most
    # By the logarithm: likelihoods may be of any size.
    low, high = np.log(most) - 60, np.log(most)
    while high - low > 0.02:
        middle = (low + high) / 2
        low, high = (middle, high) if effective(np.exp(middle)) >= least else (low, middle)
    return float(np.exp(low))


def resampled(log_weights: Array, count: int, random: np.random.Generator) -> Whole:
    """Return ``count`` indices drawn by weights, as evenly as can be, ``(count,)``."""
    return by_weight(np.exp(log_weights), (np.arange(count) + random.random()) / count)


def propose(
    model: Problem, scores: Array, others: Array, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return proposals for N states, reversible under the prior once accepted by the given ratio.

    Args:
        model: The problem.
        scores: The states, ``(N, k)``.
        others: States to take differences of, ``(M, k)``; they must not depend on ``scores``.
        random: Generator.

    Returns:
        Proposals ``(N, k)``, and the log ratio of their prior density times that of the proposal
        back, ``(N,)``.
    """
    n, k = scores.shape
    uniform = random.random((3, n))
    first = random.integers(len(others), size=n)
    second = first + random.integers(1, len(others), size=n)
    one, other = (np.take(others.T, row, 1, mode="wrap").T for row in (first, second))
    length = np.exp(np.log(SHORT) + uniform[0] * np.log(LONG / SHORT))
    # Either of the two may stand first, so that taking a nearer equivalent of one changes no balance.
    length = np.copysign(length, uniform[1] - 0.5)
    step = one - model.equivalent(one, other)
    step *= length[:, None]
    rows = (uniform[2] < PART).nonzero()[0]
    step[rows] *= random.random((len(rows), k)) < 0.5
    proposal = scores + step
    ratio = (square(scores) - square(proposal)) / 2
    rows = (uniform[2] >= 1 - AUTOREGRESSIVE).nonzero()[0]
    size = LEAST_STEP ** random.random((len(rows), 1))
    size = size * (random.random((len(rows), k)) < 0.5)
    old = scores[rows]
    proposal[rows] = np.sqrt(1 - size**2) * old + size * random.standard_normal(old.shape)
    ratio[rows] = 0.0
    return proposal, ratio


def square(scores: Array) -> Array:
    """Return the sums of squares of states ``(N, k)``, ``(N,)``."""
    return np.asarray(np.einsum("nk,nk->n", scores, scores))
