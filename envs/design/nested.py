"""Expected information gain by drawing data: nested Monte Carlo, and histograms of a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp, xlogy

from ..core import Random, generator_of
from ..core.arrays import Array
from .design import DesignModel
from .information import Estimate, Estimator
from .laws import Histograms
from .posteriors import Distribution


@dataclass(frozen=True)
class NestedMonteCarlo(Estimator):
    """log p(y | theta) - log of the mean of p(y | theta') over `inner` draws, over `outer` draws.

    An upper bound in expectation, whatever the number of draws (Rainforth et al. 2018).

    Args:
        outer: Pairs of parameters and data per setting.
        inner: Draws behind each marginal.
    """

    outer: int = 512
    inner: int = 512

    def _estimate(
        self, model: DesignModel[Any], posterior: Distribution, settings: Array, random: Random
    ) -> Estimate:
        outer, draws = self.outer, posterior.sample(self.outer * (1 + self.inner), random)
        gain, error = np.empty((2, len(draws), len(settings)))
        for b, mine in enumerate(draws):
            truth, others = mine[:outer], mine[outer:].reshape(outer, self.inner, -1)
            for i, setting in enumerate(settings):
                where = np.broadcast_to(setting, (outer, len(setting)))
                outcome = model.sample(truth, where, generator_of(random, b))
                outcome = outcome.astype(np.float32).astype(np.float64)
                own = model.log_likelihood(outcome, truth[:, None], where)
                rest = self._contrasted(own, model.log_likelihood(outcome, others, where))
                value = own[:, 0] - logsumexp(rest, axis=1) + np.log(rest.shape[1])
                gain[b, i], error[b, i] = value.mean(), value.std(ddof=1) / outer**0.5
        return gain, error

    def _contrasted(self, own: Array, rest: Array) -> Array:
        """Return the log likelihoods whose mean stands for the marginal."""
        return rest


@dataclass(frozen=True)
class PriorContrastive(NestedMonteCarlo):
    """As `NestedMonteCarlo`, but the parameters behind the data are among the `inner` + 1 draws.

    A lower bound in expectation, at most log(inner + 1) (Foster et al. 2020, PCE).
    """

    def _contrasted(self, own: Array, rest: Array) -> Array:
        return np.concatenate([own, rest], 1)


@dataclass(frozen=True)
class Histogram(Estimator):
    """The estimate of the original robot physicist: the likelihood is a histogram of simulated data.

    The simulator runs for each of n parameter values; the histogram of its data stands for
    p(y | theta, xi). Experiments are then drawn from these histograms and the entropy of the
    posterior over the n values is averaged. Noise of the histograms looks like a difference between
    parameters, so few simulations bias the estimate up; data that are one number are put into bins,
    which loses information. n values cannot tell more than log n nats.

    Args:
        values: Number n of parameter values, drawn from the posterior.
        simulations: Experiments simulated for each of them.
        draws: Experiments drawn from the histograms; only where they have several events.
        bins: Bins of data that are one number.
    """

    values: int = 50
    simulations: int = 100
    draws: int = 512
    bins: int = 20

    def _estimate(
        self, model: DesignModel[Any], posterior: Distribution, settings: Array, random: Random
    ) -> Estimate:
        law, theta = model.law, posterior.sample(self.values, random)
        gain, error = np.zeros((2, len(theta), len(settings)))
        for b, mine in enumerate(theta):
            runs = np.repeat(mine, self.simulations, axis=0)
            for i, setting in enumerate(settings):
                where = np.broadcast_to(setting, (len(runs), len(setting)))
                outcome = model.sample(runs, where, generator_of(random, b))
                if isinstance(law, Histograms):
                    counts = outcome.reshape(self.values, self.simulations, -1).sum(1)
                    gain[b, i], error[b, i] = self._events(counts, law, generator_of(random, b))
                else:
                    gain[b, i] = self._single(outcome[:, 0])
        return gain, error

    def _events(
        self, counts: Array, law: Histograms, random: np.random.Generator
    ) -> tuple[float, float]:
        fails, counts = counts[:, -1] * law.fails, counts[:, : counts.shape[1] - law.fails]
        # Half a count in every bin keeps an empty one from ruling a value out.
        shares = (counts + 0.5) / (counts + 0.5).sum(1, keepdims=True)
        chosen = random.integers(len(shares), size=self.draws)
        logs = random.multinomial(law.num_events, shares[chosen]) @ np.log(shares).T
        if law.fails:
            rate = (fails + 0.5) / (self.simulations + 1)
            failed = random.random(self.draws) < rate[chosen]
            logs = np.where(failed[:, None], np.log(rate), logs + np.log1p(-rate))
        logs -= logsumexp(logs, axis=1, keepdims=True)
        drop = np.log(len(shares)) + (np.exp(logs) * logs).sum(1)
        return float(drop.mean()), float(drop.std(ddof=1) / self.draws**0.5)

    def _single(self, outcome: Array) -> float:
        edges = np.unique(np.quantile(outcome, np.arange(1, self.bins) / self.bins))
        bins = np.searchsorted(edges, outcome, "right").reshape(self.values, self.simulations)
        counts = [np.bincount(row, minlength=len(edges) + 1) for row in bins]
        law = np.stack(counts) / self.simulations
        mixed = law.mean(0)
        return float(xlogy(law, law).sum(1).mean() - xlogy(mixed, mixed).sum())
