r"""Beliefs about the means of conditions that may be tested again and again.

With n labels of a condition, their sum s, a normal prior N(m, v) and labels of variance w, the mean is
normal with the precision 1 / v + n / w and the mean (m / v + s / w) / (1 / v + n / w). With failures and
successes it is Beta(a + s, b + n - s); a label between 0 and 1 counts as that much of a success. A label
in flight leaves the mean where it is and counts in n.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from scipy.special import betaincinv

from ...envs.conditions import Conditions
from ...envs.core import Knowledge, Random
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import quantity, real
from .belief import Belief

FIRST = 1e3
"""The mean of what was never tested, for rules that test everything once: above any yield."""


class ConditionBelief(Belief):
    """What labels tell about the mean of each condition.

    Args:
        model: The conditions.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: Conditions, num_episodes: int) -> None:
        self.model = model
        shape = num_episodes, model.count
        self.counts, self.sums, self.pending = np.zeros((3, *shape))  # (B, K) each
        self.stds = np.zeros(shape)

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model has conditions that are tested."""
        return isinstance(model, Conditions)

    def update(self, observation: Any, start: Flags) -> None:
        """Read the labels, which the observation holds in full."""
        self.counts = observation["counts"].astype(np.float64)
        self.sums = observation["means"].astype(np.float64) * self.counts
        if self.model.outcome == "binary":
            self.sums = np.rint(self.sums)
        self.stds = observation["stds"].astype(np.float64)
        self.pending = np.zeros_like(self.counts)

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief after labels of these conditions, whose values are not known yet.

        Args:
            items: Conditions, one for each label, -1 for none, ``(B, m)``.
            fidelity: Always None: a condition has one test.
        """
        ahead = object.__new__(type(self))
        ahead.__dict__.update(self.__dict__)
        ahead.pending = self.pending.copy()
        row, place = (items >= 0).nonzero()
        np.add.at(ahead.pending, (row, items[row, place]), 1.0)
        return ahead

    @abstractmethod
    def mean(self) -> Array:
        """Return the mean of every condition, ``(B, K)``."""

    def sample(self, count: int, random: Random) -> Array:
        """Return normal draws of all conditions, ``(B, count, K)``."""
        b, k = self.counts.shape
        drawn = random.standard_normal((b, count * k)).reshape(b, count, k)
        return np.asarray(self.mean()[:, None] + self.std()[:, None] * drawn)


class Normal(ConditionBelief):
    """A normal posterior of the mean yield of every condition.

    Args:
        model: The conditions.
        num_episodes: The number B of episodes.
        prior_mean: Mean of the prior.
        prior_std: Standard deviation of the prior.
        noise_std: Standard deviation of the yields of a condition over substrates.
    """

    def __init__(
        self,
        model: Conditions,
        num_episodes: int,
        *,
        prior_mean: float = 0.5,
        prior_std: float = 0.25,
        noise_std: float = 0.3,
    ) -> None:
        super().__init__(model, num_episodes)
        self.prior_mean = real("prior_mean", prior_mean, low=-1e6, high=1e6)
        self.prior_std = quantity("prior_std", prior_std)
        self.noise_std = quantity("noise_std", noise_std)

    def mean(self) -> Array:
        """Return the posterior mean of every condition, ``(B, K)``."""
        ratio = (self.noise_std / self.prior_std) ** 2  # labels that the prior is worth
        return (ratio * self.prior_mean + self.sums) / (ratio + self.counts)

    def std(self) -> Array:
        """Return the posterior standard deviation of every condition, ``(B, K)``."""
        precision = self.prior_std**-2 + (self.counts + self.pending) / self.noise_std**2
        return np.asarray(precision**-0.5)


class Bernoulli(ConditionBelief):
    """A Beta posterior of the mean of every condition, whose labels lie between 0 and 1.

    Args:
        model: The conditions; in a Bernoulli world the prior is theirs.
        num_episodes: The number B of episodes.
        a: a of the prior; None takes that of the world, 1 for a table.
        b: b of the prior, likewise.
    """

    def __init__(
        self,
        model: Conditions,
        num_episodes: int,
        *,
        a: float | None = None,
        b: float | None = None,
    ) -> None:
        super().__init__(model, num_episodes)
        self.a = real("a", model.prior[0] if a is None else a, low=1e-3, high=1e6)
        self.b = real("b", model.prior[1] if b is None else b, low=1e-3, high=1e6)

    def mean(self) -> Array:
        """Return the posterior mean of every condition, ``(B, K)``."""
        return (self.a + self.sums) / (self.a + self.b + self.counts)

    def std(self) -> Array:
        """Return the posterior standard deviation of every condition, ``(B, K)``."""
        mean = self.mean()
        return np.sqrt(mean * (1 - mean) / (self.a + self.b + self.counts + self.pending + 1))

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of all conditions, ``(B, count, K)``; labels in flight count in part."""
        mean = self.mean()[:, None]
        total = (self.a + self.b + self.counts + self.pending)[:, None]
        b, _, k = total.shape
        u = random.random((b, count, k))
        return np.asarray(betaincinv(total * mean, total * (1 - mean), u))


class SampleMean(ConditionBelief):
    """The sample mean of every condition, and no prior: what was never tested comes first.

    Its standard deviation is ``std / (n + extra)^(1/2)`` after n labels, as in the rules of Wang et al.
    (2024): Bayes-UCB is ``bayes_ucb(width=2, belief=sample_mean)``, Thompson sampling is
    ``thompson(belief=sample_mean(extra=1))``.

    Args:
        model: The conditions.
        num_episodes: The number B of episodes.
        std: Standard deviation of a label.
        extra: What is added to the number of labels.
    """

    def __init__(
        self, model: Conditions, num_episodes: int, *, std: float = 0.25, extra: float = 0.0
    ) -> None:
        super().__init__(model, num_episodes)
        self.label_std = quantity("std", std)
        self.extra = quantity("extra", extra, zero=True)

    @property
    def tests(self) -> Array:
        """The number of labels of every condition, with those in flight if they count, ``(B, K)``."""
        return np.asarray(self.counts + self.pending)

    def variance(self) -> Array:
        """Return the variance of the labels of every condition, ``(B, K)``."""
        return np.asarray(self.stds**2)

    def mean(self) -> Array:
        """Return the mean of the labels, `FIRST` of no test, 0.5 where none has come yet, ``(B, K)``."""
        seen = np.where(self.counts > 0, self.sums / np.maximum(self.counts, 1), 0.5)
        return np.where(self.tests > 0, seen, FIRST)

    def std(self) -> Array:
        """Return how sure that is, ``(B, K)``; 0 of what was never tested."""
        return np.where(
            self.tests > 0, self.label_std / np.sqrt(np.maximum(self.tests, 1) + self.extra), 0.0
        )
