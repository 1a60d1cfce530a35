"""Data that count successes: Binomial(trials, chance)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import gammaln, xlogy

from ..core.arrays import Array, Single
from .drawing import InverseLaw
from .laws import CACHED, Map, SummedLaw

NEVER = -1e6
"""Log probability of more successes than trials: 0, but finite."""


class BinomialLaw(InverseLaw):
    """The law of a `DesignModel` whose data are one count."""

    @property
    @abstractmethod
    def most_trials(self) -> int:
        """The largest number of trials."""

    @property
    def outcome_range(self) -> tuple[Array, Array]:
        """A count."""
        return np.zeros(1), np.full(1, float(self.most_trials))

    @abstractmethod
    def trials(self, setting: Array) -> Array:
        """Return the number of trials at settings ``(B, d)``, ``(B, 1)``."""

    @abstractmethod
    def log_chances(self, theta: Array, setting: Array) -> tuple[Array, Array]:
        """Return the logarithms of the chances of success and of failure, finite.

        Args:
            theta: G parameter values for all, ``(G, k)``, or for each, ``(B, G, k)``.
            setting: Settings, ``(B, d)``.

        Returns:
            Two arrays of shape ``(B, G)``.
        """

    def angles(self, theta: Array, setting: Array) -> Array:
        """Return the angles whose squared sines are the chances of success, ``(B, G)``."""
        return np.arcsin(np.exp(np.minimum(self.log_chances(theta, setting)[0] / 2, 0.0)))

    @property
    def law(self) -> SummedLaw:
        """A count whose law depends on the angle alone."""
        return BinomialCounts(self.angles, self.trials)

    @cached_property
    def _log_factorials(self) -> Array:
        return np.asarray(gammaln(np.arange(self.most_trials + 1.0) + 1))

    def log_law(self, count: Array, success: Array, failure: Array, trials: Array) -> Array:
        """Return the log probability of counts from the logs of the chances; all broadcast."""
        logs, done = self._log_factorials, count.astype(np.int64)
        rest = trials.astype(np.int64) - done
        left = np.maximum(rest, 0)
        ways = logs[trials.astype(np.int64)] - logs[done] - logs[left]
        return np.asarray(np.where(rest < 0, NEVER, ways) + count * success + left * failure)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the log binomial probability, ``(B, G)``."""
        return self.log_law(outcome, *self.log_chances(theta, setting), self.trials(setting))

    def saturated(self, outcome: Array, setting: Array) -> Array:
        """Return the log binomial probability if the chance is the share of successes, ``(B,)``."""
        trials = self.trials(setting)
        share = outcome / np.maximum(trials, 1)
        with np.errstate(divide="ignore"):
            logs = [np.maximum(np.log(part), NEVER) for part in (share, 1 - share)]
        return np.asarray(self.log_law(outcome, logs[0], logs[1], trials)[:, 0])

    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return counts by the inverse law, ``(B, 1)``."""
        counts, trials = np.arange(self.most_trials + 1.0)[None], self.trials(setting)
        logs = self.log_law(counts, *self.log_chances(theta[:, None], setting), trials)
        below = np.exp(logs).cumsum(1) <= uniform[:, None]
        return np.asarray(np.minimum(below.sum(1, keepdims=True), trials).astype(np.float64))


@dataclass(frozen=True)
class BinomialCounts(SummedLaw):
    """Counts of successes, whose law is interpolated between chances a sixth of the noise apart.

    Args:
        angles: Angles whose squared sines are the chances of success, ``(S, G)``.
        trials: The number of trials at settings, ``(S, 1)``.
    """

    angles: Map
    trials: Callable[[Array], Array]

    def single(self, theta: Array, log_weights: Array, settings: Array) -> Array:
        """Return the expected information of one episode, ``(S,)``."""
        weights, gain = np.exp(log_weights), np.empty(len(settings))
        rows = max(1, CACHED // len(theta))
        for first in range(0, len(settings), rows):
            part = settings[first : first + rows]
            angles = self.angles(theta, part)
            for s, number in enumerate(self.trials(part)[:, 0].astype(np.int64).tolist()):
                law, order = binomial_table(number)
                position = angles[s] * ((len(law) - 1) / (np.pi / 2))
                cell = np.minimum(position.astype(np.int64), len(law) - 2)
                above = weights * (position - cell)
                mass = np.bincount(cell, weights - above, len(law))
                mass += np.bincount(cell + 1, above, len(law))
                mixed = (mass.astype(np.float32) @ law).astype(np.float64)
                gain[first + s] = mass @ order - xlogy(mixed, mixed).sum()
        return np.maximum(gain, 0.0)


@lru_cache(maxsize=300)
def binomial_table(trials: int) -> tuple[Single, Array]:
    """Return the law of counts at evenly spaced angles, chance = sin^2(angle), from 0 to pi/2.

    The frequency of successes has an angle with a standard deviation of 1/2 trials^-1/2 everywhere;
    the angles are at most a sixth of that apart.

    Args:
        trials: Number n of trials.

    Returns:
        Probabilities of 0 to n successes at C angles, ``(C, n + 1)``, and the sums of p log p over
        the counts, which are the negative entropies, ``(C,)``.
    """
    size = int(np.ceil(6 * np.pi * trials**0.5)) + 1
    angle, count = np.linspace(0, np.pi / 2, size)[:, None], np.arange(trials + 1.0)
    ways = gammaln(trials + 1) - gammaln(count + 1) - gammaln(trials - count + 1)
    logs = ways + 2 * (xlogy(count, np.sin(angle)) + xlogy(trials - count, np.cos(angle)))
    law = np.exp(logs)
    logs[law == 0] = 0
    return law.astype(np.float32), (law * logs).sum(1)
