"""Metrics: what else may be computed of played episodes.

Each is named by a text such as ``"information_bounds(contrasts=1000)"``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...agents.texts import check_settings, parse
from ...envs.core import InputError, Model, closest, shown
from ...envs.core.checks import integer
from ...envs.design.design import DesignModel
from ...envs.design.information import sequential_bounds
from .episodes import Episodes


class Metric(ABC):
    """A function of played episodes, with its settings."""

    of: ClassVar[type[Any]] = Model
    """The models whose episodes it takes."""

    @abstractmethod
    def __call__(self, model: Any, episodes: Episodes) -> NDArray[np.float64]:
        """Return its value for each of E episodes, ``(E, ...)``; it must not depend on the others.

        Args:
            model: The model that they were played in, one of `of`.
            episodes: The episodes, with their last observations and what they hid.
        """


class InformationBounds(Metric):
    """Lower and upper bound of the total information of each episode, ``(E, 2)``, in nats.

    They are those of `sequential_bounds`.

    Args:
        contrasts: Number L of contrastive draws, which the episodes of `TOGETHER` seeds share.
    """

    of = DesignModel
    TOGETHER, BLOCK = 8, 1024
    """Episodes that share draws, and draws at once: their likelihoods stay in the cache."""

    def __init__(self, *, contrasts: int = 1000) -> None:
        self.contrasts = integer("contrasts", contrasts, low=1, high=1_000_000_000)

    def __call__(self, model: DesignModel[Any], episodes: Episodes) -> NDArray[np.float64]:
        """Return both bounds of each episode, ``(E, 2)``."""
        found, first, seed, count = [], 0, episodes.seed, len(episodes.returns)
        settings, outcomes = (
            np.reshape([one[key] for one in episodes.observations], (count, model.horizon, -1))
            for key in ("settings", "outcomes")
        )
        while first < count:
            group = (seed + first) // self.TOGETHER  # by the seeds, wherever the evaluation began
            some = slice(first, (group + 1) * self.TOGETHER - seed)
            bounds = sequential_bounds(
                model,
                episodes.hidden["theta"][some],
                settings[some].astype(np.float64),
                outcomes[some].astype(np.float64),
                self.contrasts,
                np.random.default_rng([group, self.contrasts]),
                self.BLOCK,
            )
            found.append(np.stack(bounds, 1))
            first = some.stop
        return np.concatenate(found)


METRICS: dict[str, type[Metric]] = {"information_bounds": InformationBounds}
"""Metrics by name."""


def read(texts: Sequence[str], model: Any) -> dict[str, Metric]:
    """Return the metrics of a model's episodes that texts describe, by name.

    Raises:
        InputError: If a text describes none, or one of other models, or two describe the same one.
    """
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise InputError(
            "metrics must be a list of texts, such as ('information_bounds(contrasts=1000)',), got "
            f"{shown(texts)}."
        )
    metrics: dict[str, Metric] = {}
    for text in texts:
        name, settings = parse(text, "a metric", "information_bounds(contrasts=1000)")
        if name not in METRICS:
            raise InputError(
                f"There is no metric {shown(name)}{closest(name, METRICS)} Known are "
                f"{', '.join(METRICS)}."
            )
        if name in metrics:
            raise InputError(f"The metric {name} is asked for twice; ask for it once.")
        check_settings(name, METRICS[name], settings)
        if not isinstance(model, METRICS[name].of):
            raise InputError(
                f"{name} is a metric of {METRICS[name].of.__name__}, which this environment is not: "
                "leave it out."
            )
        metrics[name] = METRICS[name](**settings)
    return metrics
