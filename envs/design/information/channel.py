"""The information of histograms without drawing any: as of points with noise, or prepared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core import InputError, Random
from ..design import Array, DesignModel
from ..laws import PreparedNoise, UnitNoise, unit_noise, values_that_count
from ..posteriors import Distribution
from .estimator import Estimate, Estimator


@dataclass(frozen=True)
class Channel(Estimator):
    """Histograms taken for a point with unit normal noise, on a scale by the Fisher metric of their law.

    On a line, or in a plane if the number of events informs as well. Thousands of settings per second
    and episode. The error it states bounds what was found in comparison with `Exact`: 0.01 nats from 5
    events on where the density is positive, 0.02 where the number of events informs as well; where the
    density is cut off (an asymmetry beyond 3/4, as the toy model has) N^-1/2.

    Args:
        nodes: Draws from a posterior that has no nodes.
    """

    nodes: int = 1024

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        law = model.law
        if not isinstance(law, UnitNoise):
            raise InputError("Channel needs histograms of cos(theta); take Exact.")
        theta, log_weights = posterior.support(self.nodes, random)
        gain, error = np.empty((2, len(log_weights), len(settings)))
        for b, (mine, row) in enumerate(values_that_count(theta, log_weights)):
            gain[b] = unit_noise(law.points(mine, settings), np.exp(row))
            error[b] = law.error(mine, settings)
        return gain, error


@dataclass(frozen=True)
class Prepared(Estimator):
    """Histograms drawn once, at a range of asymmetries, and used for every setting.

    As `Exact`, but the data need not be drawn anew: a few milliseconds per setting, and no noise between
    settings. Where the density is positive for all parameters `Channel` is as good, and is taken.

    Args:
        nodes: Draws from a posterior that has no nodes.
    """

    nodes: int = 1024

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        law = model.law
        if not isinstance(law, PreparedNoise):
            raise InputError(
                "Prepared needs histograms of cos(theta) of a fixed number of events; take Exact."
            )
        gain, error = Channel(self.nodes)(model, posterior, settings, random)
        theta, log_weights = posterior.support(self.nodes, random)
        for b, (mine, row) in enumerate(values_that_count(theta, log_weights)):
            for s in law.cut_off(mine, settings).nonzero()[0].tolist():
                points = law.points(mine, settings[s : s + 1])[0, :, 0]
                gain[b, s], error[b, s] = law.prepared(points, np.exp(row))
        return gain, error
