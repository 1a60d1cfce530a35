"""Bayesian optimisation of the expected information gain, as the original robot physicist did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Knowledge, Random, generator_of
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import integer
from ...envs.design.nested import NestedMonteCarlo
from ...envs.design.posteriors import Posterior
from ...envs.design.reach import Walk
from ..agent import Seed
from .agent import DesignAgent


class BayesOptEIG(DesignAgent):
    """A Gaussian process over settings, fed with noisy estimates of the information gain.

    Each round starts with a few settings, such as the model proposes or else random ones, goes on
    where the upper confidence bound is highest, and ends with the setting of the highest posterior
    mean: not with the best estimate, which is the luckiest one (the original took that). For
    information gains that are costly to estimate; where they are cheap, `greedy_eig` weighs them all.

    Args:
        model: The model.
        start: Settings at first.
        calls: Estimates in all.
        outer: Outer draws of each nested Monte Carlo estimate.
        inner: Inner draws.
        candidates: How many settings to weigh at first where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "bayes_opt_eig"

    def __init__(
        self,
        model: Knowledge,
        *,
        start: int = 4,
        calls: int = 12,
        outer: int = 64,
        inner: int = 256,
        candidates: int = 256,
        seed: Seed = 0,
    ) -> None:
        super().__init__(model, candidates=candidates, seed=seed)
        self.start = integer("start", start, low=1, high=1000)
        self.calls = integer("calls", calls, low=self.start, high=1000)
        self.estimator = NestedMonteCarlo(
            integer("outer", outer, low=2, high=10_000),
            integer("inner", inner, low=1, high=10_000),
        )

    def choose(self, posterior: Posterior, left: Whole, random: Random) -> NDArray[Any]:
        """Return the actions of B episodes."""
        chosen = []
        for b in range(len(left)):
            walk = None if self.walk is None else self.walk.pick(np.array([b]))
            one = posterior.pick(np.array([b]))
            chosen.append(self._optimise(one, walk, generator_of(random, b)))
        return np.stack(chosen)

    def _optimise(
        self, posterior: Posterior, walk: Walk | None, random: np.random.Generator
    ) -> NDArray[Any]:
        """Return the action of one episode."""
        actions = self.proposed(posterior, self.start, random)[0]
        if not len(actions):
            possible = self.actions
            if walk is not None and walk.allowed is not None:
                possible = possible[walk.allowed[0]]
            actions = random.choice(possible, min(self.start, len(possible)), replace=False)
        if walk is not None and walk.allowed is None:
            actions = self.feasible(actions[None], walk)[0][0]
        settings, gain, error = np.empty((0, len(self.model.knobs))), np.empty(0), np.empty(0)
        for width in [2.0] * (self.calls - self.start) + [0.0]:
            new = self.model.setting(actions)
            more = self.estimator(self.model, posterior, new, random)
            settings = np.concatenate([settings, new])
            gain, error = np.append(gain, more[0]), np.append(error, more[1])
            bound = self._bound(settings, gain, error, width)
            actions = self.search(posterior, bound, random, walk)[0][0, :1]
        return np.asarray(actions[0])

    def _bound(
        self, settings: Array, gain: Array, error: Array, width: float
    ) -> Callable[[Array], Array]:
        """Return the function from settings to mean plus ``width`` standard deviations."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern

        low, high = self.model.ranges
        scale = max(float(gain.std()), 1e-2)
        process = GaussianProcessRegressor(
            ConstantKernel(1.0, "fixed") * Matern(0.3, "fixed", nu=2.5),
            alpha=(np.maximum(error, 1e-3) / scale) ** 2,
        )
        process.fit((settings - low) / (high - low), (gain - gain.mean()) / scale)

        def bound(at: Array) -> Array:
            flat = (at.reshape(-1, at.shape[-1]) - low) / (high - low)
            mean, std = process.predict(flat, return_std=True)
            return np.asarray(mean + width * std).reshape(1, -1)

        return bound
