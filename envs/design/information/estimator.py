"""What every estimator of the expected information gain is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np

from ...core import Random, generator_of
from ..design import Array, DesignModel
from ..posteriors import Distribution

Estimate: TypeAlias = tuple[Array, Array]
"""Estimates and their standard errors, both ``(B, S)``."""


class Estimator(ABC):
    """What estimates the expected information gain of settings."""

    def __call__(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        """Return estimates and standard errors, both ``(B, S)``, in nats.

        Args:
            model: The model.
            posterior: What is believed in B episodes.
            settings: S settings for all of them ``(S, d)``, or for each ``(B, S, d)``.
            random: What is drawn from: one generator, or one for each episode. With one for each, an
                estimate is the same whatever else is estimated with it.

        Raises:
            InputError: The estimator is not made for such data or such a posterior.
        """
        if settings.ndim == 2:
            return self._estimate(model, posterior, settings, random)
        singles = (
            self._estimate(model, posterior.pick(np.array([b])), mine, generator_of(random, b))
            for b, mine in enumerate(settings)
        )
        gain, error = (np.concatenate(rows) for rows in zip(*singles, strict=True))
        return gain, error

    @abstractmethod
    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        """Return estimates and standard errors of the same settings ``(S, d)`` for all episodes."""
