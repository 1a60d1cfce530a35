"""What every posterior can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import ClassVar, Self

import numpy as np

from ...core import Random
from ...core.arrays import Array, Flags, Whole
from ...core.seeding import ByEpisode
from .problem import Problem


def by_weight(weights: Array, level: Array) -> Whole:
    """Return the indices whose shares of ``weights`` ``(N,)`` hold the levels in [0, 1), ``(n,)``."""
    totals = weights.cumsum()
    index = np.searchsorted(totals, level * totals[-1], "right")
    return np.asarray(np.minimum(index, len(totals) - 1))


class Distribution(ABC):
    """What may be believed of the k parameters of B episodes.

    Attributes:
        mean: Its mean, ``(B, k)``.
    """

    mean: Array

    @abstractmethod
    def sample(self, count: int, random: Random) -> Array:
        """Return draws of the parameters, ``(B, count, k)``."""

    @abstractmethod
    def support(self, count: int, random: Random) -> tuple[Array, Array]:
        """Return weighted parameter values that stand for the distribution.

        Args:
            count: How many to draw where it is not made of such values.
            random: Generator of the draws.

        Returns:
            Values, ``(G, k)`` for all episodes or ``(B, G, k)``, and log weights ``(B, G)``.
        """

    @abstractmethod
    def pick(self, index: Whole) -> Self:
        """Return what is believed in the episodes ``index``, ``(R,)``, as a copy."""


class Posterior(Distribution):
    r"""The posterior over the k parameters of B episodes, each with its own data.

    Attributes:
        mean: Posterior mean, ``(B, k)``.
        std: Posterior standard deviation, ``(B, k)``.
        entropy: Entropy in nats, up to a constant of the model, ``(B,)``.
        evidence: Log evidence of the last data, log p(y_t | y_1, ..., y_(t-1)), ``(B,)``.
        divergence: Kullback-Leibler divergence KL(b_t || b_(t-1)) of the last update, ``(B,)``.

    Args:
        model: The problem, which tells the prior and the likelihood.
        num_episodes: The number B of episodes.
    """

    by_episode: ClassVar[tuple[str, ...]] = ("mean", "std", "entropy", "evidence", "divergence")
    """The attributes that are arrays with a row for each episode; a subclass adds its own."""

    def __init__(self, model: Problem, num_episodes: int) -> None:
        k = len(model.unknown_parameters)
        self.model = model
        self.mean, self.std = np.zeros((num_episodes, k)), np.zeros((num_episodes, k))
        self.entropy, self.evidence, self.divergence = np.zeros((3, num_episodes))

    @abstractmethod
    def reset(self, index: Whole, generators: ByEpisode) -> None:
        """Return the episodes ``index`` to the prior.

        Args:
            index: Which episodes, ``(R,)``.
            generators: The generator of each of the B episodes.
        """

    def update(
        self, outcome: Array, setting: Array, generators: ByEpisode = (), skip: Flags | None = None
    ) -> None:
        """Take in one experiment per episode.

        Args:
            outcome: The data, ``(B, m)``.
            setting: The settings, ``(B, d)``.
            generators: The generator of each of the B episodes, where the posterior needs one.
            skip: Episodes that stay as they are and draw nothing, ``(B,)``; None: none.
        """
        if skip is None or not skip.any():
            self._update(outcome, setting, generators, None)
            return
        kept = {name: getattr(self, name)[skip] for name in self.by_episode}
        self._update(outcome, setting, generators, skip)
        for name, rows in kept.items():
            getattr(self, name)[skip] = rows

    @abstractmethod
    def _update(
        self, outcome: Array, setting: Array, generators: ByEpisode, skip: Flags | None
    ) -> None:
        """Take in one experiment per episode; what becomes of those in ``skip`` does not matter."""

    def pick(self, index: Whole) -> Self:
        """Return a posterior whose episodes are copies of the episodes ``index``, ``(R,)``."""
        other = copy(self)
        for name in self.by_episode:
            setattr(other, name, getattr(self, name)[index])
        return other
