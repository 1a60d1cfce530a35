r"""Weighted draws for parameters too many for a grid: tempered sequential Monte Carlo.

N particles carry the posterior of an episode. New data come in by powers 0 < phi_1 < ... < 1 of their
likelihood, each as large as the conditional effective number of particles allows; when the weights get
uneven the particles are resampled and moved by Metropolis steps that leave the tempered posterior
unchanged (`tempering`), until most have moved. The products of the mean weights estimate the
evidence p(y_t | y_1, ..., y_(t-1)) without bias, so its logarithm is biased down a little.

If only a few particles foresaw the new data, all later ones would descend from these few, and from the
wrong ones if a mode is lost. Then all data are learned again from draws of the prior, by powers of
their likelihood. That finds the modes that the data have left rather than those that were likely
before, and corrects the evidence of earlier rounds. If few families are left
after a number of resamplings, the evidence is uncertain by the sum of their squared shares, and more
particles try again.

Sources: N. Chopin, "A sequential particle filter method for static models", Biometrika 89 (2002) 539;
P. Del Moral, A. Doucet, A. Jasra, "Sequential Monte Carlo samplers", J. R. Statist. Soc. B 68 (2006)
411; A. Lee, N. Whiteley, "Variance estimation in the particle filter", Biometrika 105 (2018) 609.
"""

from __future__ import annotations

import numpy as np

from ...core import Random
from ...core.arrays import Array, Flags, Whole
from ...core.seeding import ByEpisode
from .posterior import Posterior, by_weight
from .problem import Problem
from .tempering import likelihoods, log_sum, next_step, propose, resampled

LEAST = 0.6
"""Conditional effective part of the particles that a step of the power leaves."""
UNEVEN = 0.7
"""Effective part of the particles below which they are resampled."""
FORESEEN = 0.03
"""Effective part of the particles after all of the new data, below which all are learned again."""
MOVED = 0.45
"""Share of `moves` Metropolis steps; once so many are accepted, moving stops."""
GENERATIONS = 8
"""Number of resamplings after which the descendants of each particle are counted."""
UNCERTAIN, ENOUGH = 0.06, 1000
"""Relative variance of the evidence from `GENERATIONS` resamplings above which more particles
restart. With fewer than `ENOUGH` particles the limit is higher in proportion."""
MOST = 16
"""Largest factor by which more particles restart; each try takes four times as many."""
ROUNDS = 1000
"""Largest number of powers; the last step goes to 1, however long it is."""


Weighted = tuple[Array, Array, Array]
"""Particles ``(N, k)``, log weights ``(N,)``, log likelihood of known and of new data ``(2, N)``."""


class Particles(Posterior):
    """N draws per episode, moved by Metropolis steps where the weights get uneven.

    Attributes:
        theta: The particles, ``(B, N, k)``.
        log_weights: Their log weights, normalised, ``(B, N)``.

    Args:
        model: The problem.
        num_episodes: The number B of episodes.
        size: Number N of particles.
        moves: Metropolis steps after each resampling, about: half to twice as many, the fewer the
            more of them are accepted.
    """

    by_episode = (
        *Posterior.by_episode,
        *("theta", "log_weights", "log_evidence"),
        *("_scores", "_likelihood", "_settings", "_outcomes", "_rounds"),
    )

    def __init__(self, model: Problem, num_episodes: int, size: int, moves: int) -> None:
        super().__init__(model, num_episodes)
        k, d, m = len(model.unknown_parameters), len(model.knobs), len(model.outcome_range[0])
        self.moves = moves
        self.theta = np.zeros((num_episodes, size, k))
        self.log_weights = np.full((num_episodes, size), -np.log(size))
        self.log_evidence = np.zeros(num_episodes)  # of all data
        self._scores = np.zeros((num_episodes, size, k))  # theta as normal scores
        self._likelihood = np.zeros((num_episodes, size))  # log likelihood of all data
        self._settings = np.zeros((num_episodes, model.horizon, d))
        self._outcomes = np.zeros((num_episodes, model.horizon, m))
        self._rounds = np.zeros(num_episodes, np.int64)

    def reset(self, index: Whole, generators: ByEpisode) -> None:
        """Return episodes to fresh draws from the prior."""
        for i in index.tolist():
            self._scores[i] = generators[i].standard_normal(self._scores.shape[1:])
        self.log_weights[index] = -np.log(self.theta.shape[1])
        self._likelihood[index] = 0
        self.log_evidence[index] = 0
        self._rounds[index] = 0
        for i in index.tolist():
            self._describe(i)

    def _update(
        self, outcome: Array, setting: Array, generators: ByEpisode, skip: Flags | None
    ) -> None:
        episodes = range(len(outcome)) if skip is None else (~skip).nonzero()[0].tolist()
        for i in episodes:
            self._learn(i, outcome[i], setting[i], generators[i])

    def _learn(self, i: int, outcome: Array, setting: Array, random: np.random.Generator) -> None:
        """Take in one experiment of episode ``i``."""
        t = self._rounds[i]
        self._outcomes[i, t], self._settings[i, t] = outcome, setting
        self._rounds[i] = t + 1
        size, before = self.theta.shape[1], self.log_evidence[i]
        new = self.model.log_likelihood(outcome[None], self.theta[i], setting[None])[0]
        weights = self.log_weights[i] + new
        shares = np.exp(weights - weights.max())
        foreseen = shares.sum() ** 2 >= FORESEEN * size * (shares @ shares)
        if t == 0 or not foreseen:
            self.log_evidence[i], (scores, weights, logs) = self._restarted(i, random)
        else:
            state = self._scores[i], self.log_weights[i], np.stack([self._likelihood[i], new])
            total, _, (scores, weights, logs) = self._temper(i, *state, random, every=False)
            self.log_evidence[i] += total
        self._scores[i], self._likelihood[i], self.log_weights[i] = scores, logs.sum(0), weights
        self._describe(i)
        new = self.model.log_likelihood(outcome[None], self.theta[i], setting[None])[0]
        self.evidence[i] = self.log_evidence[i] - before
        self.divergence[i] = np.exp(self.log_weights[i]) @ new - self.evidence[i]

    def _restarted(self, i: int, random: np.random.Generator) -> tuple[float, Weighted]:
        """Learn all data from the prior; return the log evidence, and N particles as `_temper` does."""
        _, size, k = self.theta.shape
        more = 1
        while True:
            scores = random.standard_normal((more * size, k))
            weights = np.full(len(scores), -np.log(len(scores)))
            logs = self._densities(i, scores, every=True)
            total, variance, state = self._temper(i, scores, weights, logs, random, every=True)
            if variance < UNCERTAIN * max(1, ENOUGH / size) or more >= MOST:
                break
            more *= 4
        if more > 1:
            scores, weights, logs = state
            chosen = resampled(weights, size, random)
            state = scores[chosen], np.full(size, -np.log(size)), logs[:, chosen]
        return total, state

    def _temper(
        self,
        i: int,
        scores: Array,
        weights: Array,
        logs: Array,
        random: np.random.Generator,
        every: bool,
    ) -> tuple[float, float, Weighted]:
        """Take in data by powers of their likelihood.

        Args:
            i: The episode.
            scores: Particles, ``(N, k)``.
            weights: Their log weights, ``(N,)``.
            logs: Log likelihood that they know, and of what is new to them, ``(2, N)``.
            random: Generator.
            every: Whether all data are new, or the newest only.

        Returns:
            The log evidence of the new data; the largest relative variance that it has from
            `GENERATIONS` resamplings; particles, log weights and log likelihoods.
        """
        size, power, evidence = len(scores), 0.0, 0.0
        families, drawn, variance = np.arange(size), 0, 0.0
        for step_number in range(ROUNDS):
            step = 1 - power
            if step_number < ROUNDS - 1:
                step = next_step(weights, logs[1], step, LEAST)
            power = 1.0 if power + step > 1 - 1e-9 else power + step
            weights = weights + step * logs[1]
            total = log_sum(weights)
            evidence += total
            weights = weights - total
            if 1 / np.exp(2 * weights).sum() < UNEVEN * size:
                chosen = resampled(weights, size, random)
                families = families[chosen]
                drawn += 1
                if drawn % GENERATIONS == 0:
                    variance = max(
                        variance, float(np.square(np.bincount(families)).sum()) / size**2
                    )
                    families = np.arange(size)
                kept = scores.take(chosen, 0), logs.take(chosen, 1)
                scores, logs = self._move(i, *kept, power, random, every)
                weights = np.full(size, -np.log(size))
            if power == 1:
                break
        return evidence, variance, (scores, weights, logs)

    def _move(
        self,
        i: int,
        scores: Array,
        logs: Array,
        power: float,
        random: np.random.Generator,
        every: bool,
    ) -> tuple[Array, Array]:
        """Move particles of equal weight by Metropolis steps under the tempered posterior."""
        size = len(scores)
        scores = np.asfortranarray(self.model.relabelled(scores, random))  # few and long columns
        goal, moved = MOVED * self.moves * size, 0
        archive = scores  # differences of states that stay: every step is reversible
        for _ in range(2 * self.moves):
            proposal, ratio = propose(self.model, scores, archive, random)
            fresh = self._densities(i, proposal, every)
            change = fresh - logs
            ratio += change[0]
            ratio += power * change[1]
            accepted = random.standard_exponential(size) > -ratio
            scores = np.where(accepted[:, None], proposal, scores)
            logs = np.where(accepted, fresh, logs)
            moved += int(np.count_nonzero(accepted))
            if moved > goal:
                break
        return scores, logs

    def _densities(self, i: int, scores: Array, every: bool) -> Array:
        """Return the log likelihood of what is known and of what is new, ``(2, N)``."""
        t = self._rounds[i]
        theta = self.model.from_scores(scores)
        logs = likelihoods(self.model, self._outcomes[i, :t], self._settings[i, :t], theta)
        if every:
            logs[1] += logs[0]
            logs[0] = 0
        return logs

    def sample(self, count: int, random: Random) -> Array:
        """Return particles drawn by their weights, ``(B, count, k)``."""
        weights = np.exp(self.log_weights)
        level = random.random((len(weights), count))
        index = np.stack(list(map(by_weight, weights, level)))
        return np.take_along_axis(self.theta, index[..., None], 1)

    def support(self, count: int, random: Random) -> tuple[Array, Array]:
        """Return the particles ``(B, N, k)`` and their log weights ``(B, N)``."""
        return self.theta, self.log_weights

    def _describe(self, i: int) -> None:
        theta = self.theta[i] = self.model.from_scores(self._scores[i])
        weights = np.exp(self.log_weights[i])
        mean = weights @ theta
        self.mean[i] = mean
        self.std[i] = np.sqrt(weights @ (theta - mean) ** 2)
        density = self.model.log_prior(theta) + self._likelihood[i]
        self.entropy[i] = self.log_evidence[i] - weights @ density
