"""Bayesian optimisation of the expected information gain, as the original robot physicist did."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Model
from ...envs.core.checks import integer
from ...envs.design.information import NestedMonteCarlo
from ...envs.design.posteriors import Posterior
from .agent import DesignAgent


class BayesOptEIG(DesignAgent):
    """A Gaussian process over settings, fed with noisy estimates of the information gain.

    Each round starts with a few random settings, goes on where the upper confidence bound is highest,
    and ends with the setting of the highest posterior mean: not with the best estimate, which is the
    luckiest one (the original took that). For information gains that are costly to estimate; where
    they are cheap, `greedy_eig` weighs all settings.

    Args:
        model: The model.
        start: Random settings at first.
        calls: Estimates in all.
        outer: Outer draws of each nested Monte Carlo estimate.
        inner: Inner draws.
        candidates: How many settings to weigh where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "bayes_opt_eig"

    def __init__(
        self,
        model: Model[Any],
        *,
        start: int = 4,
        calls: int = 12,
        outer: int = 64,
        inner: int = 256,
        candidates: int = 256,
        seed: Any = 0,
    ) -> None:
        super().__init__(model, candidates=candidates, seed=seed)
        self.start = integer("start", start, low=1)
        self.calls = integer("calls", calls, low=self.start)
        self.estimator = NestedMonteCarlo(
            integer("outer", outer, low=2), integer("inner", inner, low=1)
        )
        low, high = self.model.ranges
        self._unit = (self.settings - low) / (high - low)

    def choose(self, posterior: Posterior, left: NDArray[np.int64]) -> Any:
        """Return the actions of B episodes."""
        chosen = [self._optimise(posterior.pick(np.array([b]))) for b in range(len(posterior.mean))]
        return self.actions[np.array(chosen)]

    def _optimise(self, posterior: Posterior) -> int:
        """Return the number of the best candidate for one episode."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern

        tried: list[int] = self.random.choice(
            len(self.settings), min(self.start, len(self.settings)), replace=False
        ).tolist()
        gains: list[float] = []
        errors: list[float] = []
        mean = hope = np.zeros(len(self.settings))
        for call in range(self.calls):
            if call >= len(tried):
                tried.append(int(hope.argmax()))
            gain, error = self.estimator(
                self.model, posterior, self.settings[tried[call]][None], self.random
            )
            gains.append(float(gain[0, 0]))
            errors.append(float(error[0, 0]))
            if call + 1 < self.start:
                continue
            y, noise = np.array(gains), np.maximum(errors, 1e-3)
            scale = max(float(y.std()), 1e-2)
            process = GaussianProcessRegressor(
                ConstantKernel(1.0, "fixed") * Matern(0.3, "fixed", nu=2.5),
                alpha=(noise / scale) ** 2,
            )
            process.fit(self._unit[tried], (y - y.mean()) / scale)
            mean, std = process.predict(self._unit, return_std=True)
            hope = mean + 2 * std
        return int(mean.argmax())
