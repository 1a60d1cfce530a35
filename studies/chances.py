"""How likely items are among the best of a pool."""

from __future__ import annotations

import numpy as np

from ..agents import Belief
from ..envs.core.arrays import Array, Whole

DRAWS = 2000
"""Joint draws: a chance of one half is then known to 0.011 (one standard error)."""

FIRST = 500
"""Items of the highest mean + 2 standard deviations that are looked at themselves."""

OTHERS = 250
"""Items that stand for the others, in the order of mean + 2 standard deviations."""


def chances(belief: Belief, items: Whole, count: int, random: np.random.Generator) -> Array:
    """Return the posterior probability of some items to be among the best ``count``, ``(m,)``.

    Joint draws of all items tell, up to `FIRST` + `OTHERS` of them. Of larger pools only the items
    asked for and the most promising ones are drawn, and others that stand for as many as lie between
    them.

    Args:
        belief: A belief about one episode.
        items: The items, ``(m,)``.
        count: How many are the best, at least 1.
        random: What is drawn from.
    """
    some, weight = _looked_at(belief, items)
    draws = belief.sample_of(some[None], DRAWS, random)[0]
    order = np.argsort(-draws, axis=1)
    reached = np.cumsum(weight[order], axis=1) >= min(count, weight.sum()) - 1e-9
    last = np.take_along_axis(order, reached.argmax(1)[:, None], 1)
    least = np.take_along_axis(draws, last, 1)
    return np.asarray((draws[:, np.searchsorted(some, items)] >= least).mean(0))


def _looked_at(belief: Belief, items: Whole) -> tuple[Whole, Array]:
    """Return the items to draw, in order, and how many each of them stands for."""
    mean, std = belief.mean()[0], belief.std()[0]
    n = len(mean)
    if n <= FIRST + OTHERS:
        return np.arange(n), np.ones(n)
    order = np.argsort(-(mean + 2 * std), kind="stable")
    order = np.concatenate([order[:FIRST], order[FIRST:][~np.isin(order[FIRST:], items)]])
    asked = np.setdiff1d(items, order[:FIRST])
    ends = np.unique(np.linspace(FIRST, len(order), OTHERS + 1).round().astype(np.int64))
    middle = (ends[1:] + ends[:-1]) // 2
    some = np.concatenate([order[:FIRST], asked, order[middle]])
    weight = np.concatenate([np.ones(FIRST + len(asked)), np.diff(ends)])
    place = np.argsort(some)
    return some[place], weight[place]
