"""Settings by their expected information gain: greedy, from few draws, and two steps ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...envs.core import Model
from ...envs.core.checks import integer
from ...envs.design.information import best_estimator
from ...envs.design.posteriors import Distribution, Posterior
from .agent import Array, DesignAgent


class GreedyEIG(DesignAgent):
    """The setting with the highest expected information gain in the next experiment.

    Adaptive and myopic: the standard of sequential Bayesian design (Lindley 1956).

    Args:
        model: The model.
        candidates: How many settings to weigh where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "greedy_eig"

    def choose(self, posterior: Posterior, left: NDArray[np.int64]) -> Any:
        """Return the actions of B episodes."""
        if self.model.settings is not None or not self._proposed(posterior.mean[:1]).size:
            return self._pick(self.gain(posterior))
        return np.stack([self._near(posterior.pick(np.array([b]))) for b in range(len(left))])

    def _near(self, posterior: Posterior) -> Any:
        """Return the action of one episode, proposals among the candidates."""
        draws = posterior.sample(len(self.settings), self.random)[0]
        actions = np.concatenate([self.actions, self._proposed(draws)])
        estimator = best_estimator(self.model, posterior)
        gain = estimator(self.model, posterior, self.model.setting(actions), self.random)[0]
        return actions[gain[0].argmax()]

    def _proposed(self, theta: Array) -> Any:
        """Return the actions that draws from the posterior suggest."""
        proposals = self.model.proposals(theta, self.random)
        return self.actions[:0] if proposals is None else self.model.nearest_actions(proposals)

    def gain(self, posterior: Distribution) -> Array:
        """Return the expected information gain of every candidate, ``(B, S)``."""
        estimator = best_estimator(self.model, posterior)
        return estimator(self.model, posterior, self.settings, self.random)[0]


class ThompsonEIG(GreedyEIG):
    """The setting that best tells a few draws from the posterior apart.

    Thompson sampling for design: instead of the whole posterior, `draws` values of the parameters are
    weighed, which is quick and varies from round to round.

    Args:
        model: The model.
        draws: Draws from the posterior.
        candidates: How many settings to weigh where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "thompson_eig"

    def __init__(
        self, model: Model[Any], *, draws: int = 4, candidates: int = 256, seed: Any = 0
    ) -> None:
        super().__init__(model, candidates=candidates, seed=seed)
        self.draws = integer("draws", draws, low=2)

    def choose(self, posterior: Posterior, left: NDArray[np.int64]) -> Any:
        """Return the actions of B episodes."""
        return self._pick(self.gain(_Draws(posterior.sample(self.draws, self.random))))


class _Draws(Distribution):
    """A few values of equal weight."""

    def __init__(self, theta: Array) -> None:
        self.theta, self.mean = theta, theta.mean(1)

    def sample(self, count: int, random: np.random.Generator) -> Array:
        return self.theta[:, random.integers(self.theta.shape[1], size=count)]

    def support(self, count: int, random: np.random.Generator) -> tuple[Array, Array]:
        b, n, _ = self.theta.shape
        return self.theta, np.full((b, n), -np.log(n))


class LookAheadEIG(GreedyEIG):
    """The setting with the most information in it and in the best experiment after it.

    For the `first` settings of the highest expected gain, `draws` outcomes are drawn, and the best
    expected gain after each of them is added. In the last round it is greedy.

    Args:
        model: The model.
        first: Settings to look ahead from.
        draws: Outcomes for each of them.
        candidates: How many settings to weigh where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "look_ahead_eig"

    def __init__(
        self,
        model: Model[Any],
        *,
        first: int = 8,
        draws: int = 8,
        candidates: int = 128,
        seed: Any = 0,
    ) -> None:
        super().__init__(model, candidates=candidates, seed=seed)
        self.first = integer("first", first, low=1)
        self.draws = integer("draws", draws, low=1)

    def choose(self, posterior: Posterior, left: NDArray[np.int64]) -> Any:
        """Return the actions of B episodes."""
        gain = self.gain(posterior)
        count = min(self.first, gain.shape[1])
        # Of settings that are equally good, such as twins left and right, any may be among the first.
        jitter = 1e-9 * self.random.random(gain.shape)
        best = np.argsort(-(gain + jitter), axis=1)[:, :count]
        total = np.full(gain.shape, -np.inf)
        np.put_along_axis(total, best, np.take_along_axis(gain, best, 1), 1)
        for b in (left > 1).nonzero()[0].tolist():
            theta = posterior.pick(np.array([b])).sample(self.draws, self.random)[0]
            truth = np.tile(theta, (count, 1))
            where = np.repeat(self.settings[best[b]], self.draws, axis=0)
            outcome = self.model.sample(truth, where, self.random)
            after = posterior.pick(np.full(len(where), b))
            after.update(outcome, where, [self.random] * len(where))
            ahead = self.gain(after).max(1).reshape(count, self.draws).mean(1)
            total[b, best[b]] += ahead
        return self._pick(total)
