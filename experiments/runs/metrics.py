"""Metrics: what else may be computed of played episodes.

Each is named by a text such as ``"information_bounds(contrasts=1000)"``. Its class takes the settings,
and is called with a model and E of its episodes. It returns numbers of each, as many as its ``width``
says, which must not depend on the other episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from ...agents.texts import check_settings, parse
from ...envs.core import InputError, closest, shown
from ...envs.core.arrays import Array
from ...envs.core.checks import integer
from ...envs.design.design import DesignModel
from ...envs.design.information import sequential_bounds
from ...envs.pools.pool import Pool
from .episodes import Episodes
from .pool_metrics import Area, Found, Metric, SimpleRegret, Top


class InformationBounds(Metric):
    """Lower and upper bound of the total information of each episode, ``(E, 2)``, in nats.

    They are those of `sequential_bounds`.

    Args:
        contrasts: Number L of contrastive draws, which the episodes of `TOGETHER` seeds share.
    """

    of, numbers = DesignModel, 2
    TOGETHER, BLOCK = 8, 1024
    """Episodes that share draws, and draws at once: their likelihoods stay in the cache."""

    def __init__(self, *, contrasts: int = 1000) -> None:
        self.contrasts = integer("contrasts", contrasts, low=1, high=1_000_000_000)

    def __call__(self, model: DesignModel[Any], episodes: Episodes) -> Array:
        """Return both bounds of each episode, ``(E, 2)``."""
        count, found = len(episodes.returns), []
        settings, outcomes = (
            np.reshape([one[key] for one in episodes.observations], (count, model.horizon, -1))
            for key in ("settings", "outcomes")
        )
        left = np.array([one["rounds_left"][0] for one in episodes.observations])
        rounds = model.horizon - left.astype(np.int64)
        # Groups follow from the seeds, whatever is played besides.
        for group, rows in groupby(range(count), lambda i: episodes.seeds[i] // self.TOGETHER):
            some = list(rows)
            bounds = sequential_bounds(
                model,
                episodes.hidden["theta"][some],
                settings[some].astype(np.float64),
                outcomes[some].astype(np.float64),
                self.contrasts,
                np.random.default_rng([group, self.contrasts]),
                self.BLOCK,
                rounds[some],
            )
            found.append(np.stack(bounds, 1))
        return np.concatenate(found)


METRICS: dict[str, type[Any]] = {
    "information_bounds": InformationBounds,
    "top": Top,
    "found": Found,
    "simple_regret": SimpleRegret,
    "area": Area,
}
"""Metrics by name."""
EXAMPLE = "top(share=0.05)"


def described(text: Any) -> tuple[str, Any]:
    """Return the name of the metric that a text describes, and the metric.

    Raises:
        InputError: If it describes none.
    """
    name, settings = parse(text, "a metric", EXAMPLE)
    if name not in METRICS:
        raise InputError(
            f"There is no metric {shown(name)}{closest(name, METRICS)} Known are {', '.join(METRICS)}."
        )
    check_settings(name, METRICS[name], settings)
    return name, METRICS[name](**settings)


def read(texts: Sequence[str], model: Any) -> dict[str, Callable[[Episodes], Array]]:
    """Return the metrics that texts describe, by name, as functions of a model's episodes.

    Raises:
        InputError: If a text describes none, or one of other models, or two describe the same one.
    """
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise InputError(
            f"metrics must be a list of texts, such as ({EXAMPLE!r},), got {shown(texts)}."
        )
    metrics: dict[str, Callable[[Episodes], Array]] = {}
    for name, metric in map(described, texts):
        if name in metrics:
            raise InputError(f"The metric {name} is asked for twice; ask for it once.")
        if not isinstance(model, metric.of):
            raise InputError(
                f"{name} is a metric of {metric.of.__name__}, which this environment is not: "
                "leave it out."
            )
        if metric.of is Pool and model.shop is not None:
            raise InputError(
                f"{name} counts labels, but here tests cost money: leave it out; regret, best label and "
                "money spent are drawn anyway."
            )
        metrics[name] = partial(metric, model)
    return metrics
