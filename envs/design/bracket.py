r"""A lower and an upper bound of what an episode told, which do not saturate, in nats.

The information of an episode with parameters theta* and data h is log p(h | theta*) - log Z, where Z
is the evidence p(h). Given h, theta* is an exact draw from the posterior, so that Z can be had from two
sides:

* sequential Monte Carlo from the prior has E[Z_f] = Z, so log p(h | theta*) - log Z_f is an upper
  bound in expectation;
* conditional sequential Monte Carlo, in which one of the particles is kept on a path that leads from
  theta* back to the prior, has E[1 / Z_r] = 1 / Z, which gives a lower bound in expectation.

A single pair may be in the wrong order. Most of the bias cancels in the mean of the two.

Powers of the likelihood and the states whose differences are proposed come from a pilot that sees the
data alone: what is bounded must not depend on theta* or on the chains that are scored.

Sources: R. Neal, Statist. Comput. 11 (2001) 125; R. Grosse, Z. Ghahramani, R. Adams, "Sandwiching the
marginal likelihood using bidirectional Monte Carlo" (2015); C. Andrieu, A. Doucet, R. Holenstein, J. R.
Statist. Soc. B 72 (2010) 269 (conditional sequential Monte Carlo).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from ..core.arrays import Array
from .design import DesignModel
from .posteriors.tempering import likelihoods, log_sum, next_step, propose, resampled

LEAST = 0.7
"""Conditional effective part of the particles that a step of the power leaves."""
UNEVEN = 0.5
"""Effective part of the particles below which they are drawn again."""
ROUNDS = 2000
"""Largest number of powers; the last step goes to 1, however long it is."""

Chains = tuple[Array, Array]
"""States as normal scores ``(N, k)`` and the log likelihood of all data there, ``(N,)``."""


@dataclass(frozen=True)
class Bracket:
    """Bounds of the information of one episode.

    Args:
        model: The model.
        settings: Settings of the t experiments, ``(t, d)``, as they were really used.
        outcomes: Their data, ``(t, m)``, in the same order.
        size: Number N of particles; the pilot has twice as many.
        moves: Metropolis steps at each power.
    """

    model: DesignModel[Any]
    settings: Array
    outcomes: Array
    size: int = 1024
    moves: int = 8

    def bounds(self, quantiles: Array, random: np.random.Generator) -> tuple[float, float]:
        """Return a lower and an upper bound in expectation, in nats.

        Args:
            quantiles: The uniform numbers that the prior made the true parameters of, ``(k,)``.
            random: Generator.
        """
        truth = ndtri(quantiles)[None]
        own = float(self._likelihood(self.model.from_scores(truth))[0])
        powers, archives = self.pilot(random)
        forward = self.evidence(powers, archives, random)
        backward = self.evidence(powers, archives, random, truth)
        return own - backward, own - forward

    def pilot(self, random: np.random.Generator) -> tuple[list[float], list[Array]]:
        """Return powers from 0 to 1, and states at each but the first, ``(2 N, k)``."""
        size = 2 * self.size
        chains, powers, archives = self._prior(size, random), [0.0], list[Array]()
        even = np.full(size, -np.log(size))
        while powers[-1] < 1:
            left = 1 - powers[-1]
            step = next_step(even, chains[1], left, LEAST) if len(powers) < ROUNDS else left
            powers.append(1.0 if step > left - 1e-9 else powers[-1] + step)
            logs = (powers[-1] - powers[-2]) * chains[1]
            chosen = resampled(logs - log_sum(logs), size, random)
            chains = chains[0][chosen], chains[1][chosen]
            chains = self._moved(chains, chains[0], powers[-1], random)
            archives.append(chains[0])
        return powers, archives

    def evidence(
        self,
        powers: list[float],
        archives: list[Array],
        random: np.random.Generator,
        truth: Array | None = None,
    ) -> float:
        """Return an estimate of log Z: of E[Z], or with the ``truth`` ``(1, k)`` of 1 / E[1 / Z]."""
        size = self.size
        chains = self._prior(size, random)
        path = list[Chains]() if truth is None else self._path(truth, powers, archives, random)
        weights, total = np.full(size, -np.log(size)), 0.0
        for step, archive in enumerate(archives):
            if path:
                chains[0][:1], chains[1][:1] = path[step]
            weights = weights + (powers[step + 1] - powers[step]) * chains[1]
            sum_ = log_sum(weights)
            total, weights = total + sum_, weights - sum_
            if step == len(archives) - 1:
                break
            if np.exp(2 * weights).sum() > 1 / (UNEVEN * size):
                # Independent draws: evenly spaced ones around a kept path would not be valid.
                chosen = np.minimum(
                    np.searchsorted(np.exp(weights).cumsum(), random.random(size)), size - 1
                )
                if path:
                    chosen[0] = 0
                chains = chains[0][chosen], chains[1][chosen]
                weights = np.full(size, -np.log(size))
            chains = self._moved(chains, archive, powers[step + 1], random)
        return total

    def _path(
        self, truth: Array, powers: list[float], archives: list[Array], random: np.random.Generator
    ) -> list[Chains]:
        """Return the states of the kept particle before each step, from the prior to the truth."""
        chains = truth, self._likelihood(self.model.from_scores(truth))
        path = list[Chains]()
        for power, archive in zip(powers[-2:0:-1], archives[-2::-1], strict=True):
            path.append(chains)
            chains = self._moved(chains, archive, power, random)
        path.append(chains)
        return path[::-1]

    def _prior(self, count: int, random: np.random.Generator) -> Chains:
        scores = random.standard_normal((count, len(self.model.unknown_parameters)))
        return scores, self._likelihood(self.model.from_scores(scores))

    def _likelihood(self, theta: Array) -> Array:
        return np.asarray(likelihoods(self.model, self.outcomes, self.settings, theta).sum(0))

    def _moved(
        self, chains: Chains, archive: Array, power: float, random: np.random.Generator
    ) -> Chains:
        """Return chains moved by a reversible kernel: relabelled before, and after, every step."""
        scores, logs = chains
        for _ in range(self.moves):
            scores = self.model.relabelled(scores, random)
            proposal, ratio = propose(self.model, scores, archive, random)
            fresh = self._likelihood(self.model.from_scores(proposal))
            accepted = random.standard_exponential(len(logs)) > -(ratio + power * (fresh - logs))
            scores = np.where(accepted[:, None], proposal, scores)
            logs = np.where(accepted, fresh, logs)
        return self.model.relabelled(scores, random), logs
