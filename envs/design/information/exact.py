"""The information in closed form, or as a sum over the nodes of the posterior and over the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core import InputError, Random, generator_of
from ..design import Array, DesignModel
from ..laws import CACHED, SummedLaw, values_that_count
from ..posteriors import Distribution, Gaussian
from .estimator import Estimate, Estimator


@dataclass(frozen=True)
class ClosedForm(Estimator):
    """1/2 log(1 + xi' C xi / sigma^2), for the posterior `Gaussian` with covariance C."""

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        if not isinstance(posterior, Gaussian):
            raise InputError("ClosedForm needs linear data with normal noise; take Exact.")
        explained = ((settings @ posterior.root) ** 2).sum(2)
        gain = np.log1p(explained / posterior.noise_std**2) / 2
        return gain, np.zeros_like(gain)


@dataclass(frozen=True)
class Exact(Estimator):
    """Sum over the nodes of the posterior, and over all data where they can be listed.

    A `SummedLaw` of the model says how its data are summed over. For anything else, such as histograms,
    data are drawn, and the mean divergence of the posteriors they lead to is taken: its noise is small,
    for it depends on the data only through how much they tell.

    Args:
        draws: Data drawn per setting where they cannot be listed.
        nodes: Draws from a posterior that has no nodes.
    """

    draws: int = 256
    nodes: int = 1024

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        theta, log_weights = posterior.support(self.nodes, random)
        if isinstance(model.law, SummedLaw):
            gain = model.law.information(theta, log_weights, settings)
            return gain, np.zeros_like(gain)
        gain, error = np.empty((2, len(log_weights), len(settings)))
        for b, (mine, row) in enumerate(values_that_count(theta, log_weights)):
            gain[b], error[b] = self._drawn(model, mine, row, settings, generator_of(random, b))
        return gain, error

    def _drawn(
        self,
        model: DesignModel[Any],
        theta: Array,
        log_weights: Array,
        settings: Array,
        random: np.random.Generator,
    ) -> tuple[Array, Array]:
        # Stratified draws of theta, the same for every setting.
        total = np.exp(log_weights).cumsum()
        level = (np.arange(self.draws) + random.random(self.draws)) / self.draws
        chosen = np.minimum(np.searchsorted(total, level * total[-1], "right"), len(theta) - 1)
        truth = np.tile(theta[chosen], (len(settings), 1))
        where = np.repeat(settings, self.draws, axis=0)
        outcome = model.sample(truth, where, random).astype(np.float32).astype(np.float64)
        divergence = np.empty(len(where))
        rows = max(1, CACHED // len(theta))
        for first in range(0, len(where), rows):
            part = slice(first, first + rows)
            logs = model.log_likelihood(outcome[part], theta, where[part])
            joint = logs + log_weights
            top = joint.max(1, keepdims=True)
            joint -= top
            mass = np.exp(joint, out=joint)
            size = mass.sum(1)
            divergence[part] = np.einsum("bg,bg->b", mass, logs) / size - top[:, 0] - np.log(size)
        values = divergence.reshape(len(settings), self.draws)
        return values.mean(1), values.std(1, ddof=1) / self.draws**0.5
