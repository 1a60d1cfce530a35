"""Metrics of pools: what was found, and beside it what play at random finds in the mean, exactly.

An experiment is the choice of an item, in the order of the choices, whenever its label comes; one that
was wasted on an item chosen before counts. What was found is told by the items' mean labels, free of
noise: the best item so far is the best one that was chosen, whether or not its label shows it.

All are the same for labels a y + c with a > 0, but for the unit of `SimpleRegret`.

Sources: Liang et al., "Benchmarking the performance of Bayesian optimization across multiple
experimental materials science domains", npj Computational Materials 7 (2021), 188, for the experiments
to the top share and for factors of acceleration and enhancement against random play;
`order_statistics` for the laws of random play.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import real
from ...envs.pools import order_statistics as law
from ...envs.pools.pool import Pool
from .episodes import Episodes


class Metric:
    """What a metric says of itself."""

    of: ClassVar[type] = Pool
    """The models whose episodes it takes."""
    numbers: ClassVar[int] = 0
    """Numbers of an episode, besides those after each point."""
    per_point: ClassVar[int] = 0
    """Numbers of an episode after each of the P points."""

    @classmethod
    def width(cls, points: int) -> int:
        """Return how many numbers an episode has."""
        return cls.numbers + cls.per_point * points


class Top(Metric):
    """Experiments to the first of the best items of each episode, ``(E, 3)``.

    The columns are how many experiments an agent needed, how many random play needs in the mean, and
    whether the agent found one (1) or not (0). What was not found in the T experiments of an episode is
    no number of experiments: the first column then adds to T what random play of the items that are left
    needs in the mean. So it is at most what the agent needs, in the mean, if chance took over.

    Args:
        share: The best items are the best ``share`` of all, rounded up, and all that are equal to the
            last of them.
    """

    numbers = 3

    def __init__(self, *, share: float = 0.05) -> None:
        self.share = real("share", share, low=0, high=1, open_low=True)

    def __call__(self, model: Pool[Any], episodes: Episodes) -> Array:
        """Return the experiments needed, those of random play, and whether one was found, ``(E, 3)``."""
        values, items = _played(episodes)
        n, t = values.shape[1], items.shape[1]
        best = _best(values, self.share)
        hits = np.take_along_axis(best, items, axis=1)
        found, many = hits.any(axis=1), best.sum(axis=1)
        chosen = 1 + (np.diff(np.sort(items, axis=1), axis=1) > 0).sum(axis=1)
        needed = np.where(found, hits.argmax(axis=1) + 1, t + law.draws_to_first(n - chosen, many))
        return np.stack([needed, law.draws_to_first(n, many), found], 1).astype(np.float64)


class Found(Metric):
    """Share of the best items of each episode that was chosen so far, ``(E, 2 P)``.

    The first P columns hold this after the decisions at the P points of the evaluation (beyond the last
    decision: after the last), the others what it is in the mean when items are chosen at random: i of n
    items hold i / n of the best.

    Args:
        share: The best items, as for `Top`.
    """

    per_point = 2

    def __init__(self, *, share: float = 0.05) -> None:
        self.share = real("share", share, low=0, high=1, open_low=True)

    def __call__(self, model: Pool[Any], episodes: Episodes) -> Array:
        """Return the shares that were found, and those of random play, ``(E, 2 P)``."""
        values, items = _played(episodes)
        counts = np.minimum(episodes.points * model.batch_size, items.shape[1])
        best = _best(values, self.share)
        order = np.argsort(items, axis=1, kind="stable")
        sorted_ = np.take_along_axis(items, order, axis=1)
        new = np.ones(items.shape, bool)  # whether it was chosen for the first time
        np.put_along_axis(new, order[:, 1:], sorted_[:, 1:] != sorted_[:, :-1], axis=1)
        hits = np.cumsum(np.take_along_axis(best, items, axis=1) & new, axis=1)
        found = hits[:, counts - 1] / best.sum(axis=1)[:, None]
        chance = np.broadcast_to(counts / values.shape[1], found.shape)
        return np.concatenate([found, chance], axis=1)


class SimpleRegret(Metric):
    """How far the best item so far lies below the best of all, ``(E, 2 P)``, in the unit of the label.

    The first P columns hold this, the simple regret, after the decisions at the P points of the
    evaluation (beyond the last decision: after the last), the others what it is in the mean when items
    are chosen at random.
    """

    per_point = 2

    def __call__(self, model: Pool[Any], episodes: Episodes) -> Array:
        """Return the simple regrets, and those of random play, ``(E, 2 P)``."""
        values, items = _played(episodes)
        counts = np.minimum(episodes.points * model.batch_size, items.shape[1])
        chance = law.gap_drawn(values, counts.tolist()) if len(counts) else values[:, :0]
        return np.concatenate([_gaps(values, items)[:, counts - 1], chance], axis=1)


class Area(Metric):
    """Area under the best so far of each episode, and under that of random play, ``(E, 2)``.

    It is the mean over the experiments of where the best item so far lies between the mean of all items,
    which is 0, and the best, which is 1. Where all items are equal it is 1.
    """

    numbers = 2

    def __call__(self, model: Pool[Any], episodes: Episodes) -> Array:
        """Return the area of the agent and the one of random play, ``(E, 2)``."""
        values, items = _played(episodes)
        ours, chance = _gaps(values, items).mean(1), law.mean_gap_drawn(values, items.shape[1])
        span = (values.max(1, keepdims=True) - values).mean(1)
        lost, unit = np.stack([ours, chance], 1), np.where(span > 0, span, 1.0)
        return np.asarray(1 - lost / unit[:, None])


def _played(episodes: Episodes) -> tuple[Array, Whole]:
    """Return the mean labels of all items, ``(E, n)``, and the items in order of choice, ``(E, T)``."""
    values = episodes.hidden["values"].astype(np.float64)
    assert episodes.actions is not None  # they are indices
    return values, np.stack(episodes.actions.parts, 1).reshape(len(values), -1)


def _best(values: Array, share: float) -> Flags:
    """Return which items are among the best share of each episode, with all ties, ``(E, n)``."""
    n = values.shape[1]
    place = n - max(1, math.ceil(round(share * n, 9)))  # 0.07 * 100 is above 7
    return np.asarray(values >= np.partition(values, place, axis=1)[:, place, None])


def _gaps(values: Array, items: Whole) -> Array:
    """Return how far the best item lies below the best of all after each experiment, ``(E, T)``."""
    best = np.maximum.accumulate(np.take_along_axis(values, items, axis=1), axis=1)
    return np.asarray(values.max(1, keepdims=True) - best)
