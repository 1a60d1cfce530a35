r"""Expected information gain of settings: estimators behind one call, with their biases stated.

The expected information gain of a setting xi under a posterior b is

    EIG(xi) = E[log p(y | theta, xi) - log p(y | xi)],   p(y | xi) = E_b[p(y | theta, xi)],

in nats, theta ~ b and y ~ p(y | theta, xi). Every estimator is called as
``estimator(model, posterior, settings, random)`` with settings ``(S, d)`` for all episodes, or
``(B, S, d)`` for each, and returns estimates and their standard errors, both ``(B, S)``.

| estimator | bias |
|---|---|
| `ClosedForm` | none; linear data with normal noise only |
| `Exact` | that of the posterior's nodes only |
| `NestedMonteCarlo` | up, by E[Var p(y | theta') / p(y)^2] / (2 inner); explodes once EIG > log(inner) |
| `PriorContrastive` | down, at most log(inner + 1) |
| `Channel` | up to 0.01 for histograms, N^-1/2 where their density is cut off |
| `Prepared` | below 0.003, of histograms of a fixed number of events |
| `Histogram` | up with few simulations, down with wide bins |

Sources: T. Rainforth et al., "On nesting Monte Carlo estimators", ICML 2018; A. Foster et al., "A
unified stochastic gradient approach to designing Bayesian-optimal experiments", AISTATS 2020 (prior
contrastive estimation); M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017), equations
(1) to (3) (histograms).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import logsumexp, xlogy

from ..core import InputError, Random, generator_of
from ..core.products import ROWS, by_rows
from .angular import AngularDesign
from .binomial import BinomialLaw, binomial_table
from .design import Array, DesignModel
from .posteriors import Distribution, Gaussian
from .simulator_design import SimulatorDesign

Estimate = tuple[Array, Array]
WIDE, APART = 1e5, 16.0
"""In units of the noise: a width at which gaps between points are cut short, and to what."""
CACHED = 1 << 16
"""Likelihoods that are computed together: they stay in the cache."""
CELLS = 1 << 16
"""Cells that a density of data is kept on, about."""
POSITIVE = 0.75
"""Asymmetry up to which the density of cos(theta) is positive."""
FEW = 2000
"""Events up to which histograms are prepared; `Channel` is as good for more."""
NODES = 256
"""Values that one matrix product adds up over."""
NEGLIGIBLE = 1e-5
"""Weight of all the parameter values together that may be left out."""


class Estimator(ABC):
    """What estimates the expected information gain of settings."""

    def __call__(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        """Return estimates and standard errors, both ``(B, S)``, in nats.

        Args:
            model: The model.
            posterior: What is believed in B episodes.
            settings: S settings for all of them ``(S, d)``, or for each ``(B, S, d)``.
            random: What is drawn from: one generator, or one for each episode. With one for each, an
                estimate is the same whatever else is estimated with it.

        Raises:
            InputError: The estimator is not made for such data or such a posterior.
        """
        if settings.ndim == 2:
            return self._estimate(model, posterior, settings, random)
        singles = (
            self._estimate(model, posterior.pick(np.array([b])), mine, generator_of(random, b))
            for b, mine in enumerate(settings)
        )
        gain, error = (np.concatenate(rows) for rows in zip(*singles, strict=True))
        return gain, error

    @abstractmethod
    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        """Return estimates and standard errors of the same settings ``(S, d)`` for all episodes."""


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
        gain = np.log1p(explained / model.noise_std**2) / 2  # type: ignore[attr-defined]
        return gain, np.zeros_like(gain)


@dataclass(frozen=True)
class Exact(Estimator):
    """Sum over the nodes of the posterior, and over all data where they can be listed.

    Data that are one of few values are summed over; so are counts of successes, with their law
    interpolated between chances a sixth of the noise apart. Data that are a number with normal noise
    are integrated over cells of a sixth of the noise. For anything else, such as histograms, data are
    drawn, and the mean divergence of the posteriors they lead to is taken: its noise is small, for it
    depends on the data only through how much they tell.

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
        if theta.ndim == 2 and model.outcomes is not None:
            gain = self._listed(model, *_blocks_that_count(theta, log_weights), settings)
            return gain, np.zeros_like(gain)
        gain, error = np.zeros((2, len(log_weights), len(settings)))
        for b in range(len(log_weights)):
            mine = theta if theta.ndim == 2 else theta[b]
            mine, (row,) = _likely(mine, log_weights[b : b + 1])
            if model.outcomes is not None:
                gain[b] = self._listed(model, *_blocks_that_count(mine, row[None]), settings)[0]
            elif isinstance(model, BinomialLaw):
                gain[b] = self._counted(model, mine, np.exp(row), settings)
            elif hasattr(model, "response"):
                rows = max(1, CACHED // len(mine))
                for first in range(0, len(settings), rows):
                    part = slice(first, first + rows)
                    mean = model.response(mine, settings[part])
                    mean /= model.noise_std  # type: ignore[attr-defined]
                    gain[b, part] = _unit_noise(mean[..., None], np.exp(row))
            else:
                gain[b], error[b] = self._drawn(model, mine, row, settings, generator_of(random, b))
        return gain, error

    def _listed(
        self, model: DesignModel[Any], theta: Array, weights: Array, settings: Array
    ) -> Array:
        assert model.outcomes is not None
        outcomes = model.outcomes[:-1]  # what the others leave is the probability of the last
        gain = np.empty((len(weights), len(settings)))
        together = max(CACHED // (len(outcomes) * len(theta)) // ROWS, 1) * ROWS
        for first in range(0, len(settings), together):
            part = settings[first : first + together]
            logs = model.log_likelihood(
                np.tile(outcomes, (len(part), 1)), theta, np.repeat(part, len(outcomes), axis=0)
            )
            law = np.exp(logs)
            last = np.maximum(1 - law.reshape(len(part), len(outcomes), -1).sum(1), 1e-300)
            mixed = _mixed(weights, law).reshape(len(weights), len(part), -1)
            logs *= law
            sure = logs.reshape(len(part), len(outcomes), -1).sum(1) + last * np.log(last)
            rest = _mixed(weights, last)
            gain[:, first : first + together] = (
                _mixed(weights, sure) - xlogy(mixed, mixed).sum(2) - xlogy(rest, rest)
            )
        return np.maximum(gain, 0.0)

    def _counted(self, model: BinomialLaw, theta: Array, weights: Array, settings: Array) -> Array:
        gain = np.empty(len(settings))
        rows = max(1, CACHED // len(theta))
        for first in range(0, len(settings), rows):
            part = settings[first : first + rows]
            angles = model.angles(theta, part)
            for s, number in enumerate(model.trials(part)[:, 0].astype(np.int64).tolist()):
                law, order = binomial_table(number)
                place = angles[s] * ((len(law) - 1) / (np.pi / 2))
                cell = np.minimum(place.astype(np.int64), len(law) - 2)
                above = weights * (place - cell)
                mass = np.bincount(cell, weights - above, len(law))
                mass += np.bincount(cell + 1, above, len(law))
                mixed = (mass.astype(np.float32) @ law).astype(np.float64)
                gain[first + s] = mass @ order - xlogy(mixed, mixed).sum()
        return np.maximum(gain, 0.0)

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
        place = (np.arange(self.draws) + random.random(self.draws)) / self.draws
        chosen = np.minimum(np.searchsorted(total, place * total[-1], "right"), len(theta) - 1)
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


def _blocks_that_count(theta: Array, log_weights: Array) -> tuple[Array, Array]:
    """Return values and weights in blocks of `NODES`, those in which a value counts in any episode.

    In the other episodes their weights are 0: what an episode adds up does not depend on the others.

    Args:
        theta: Values, ``(G, k)``.
        log_weights: Log weights in B episodes, ``(B, G)``.

    Returns:
        Values ``(U, k)`` and weights ``(B, U)``, U a multiple of `NODES`; the last value is repeated.
    """
    counts = log_weights > np.log(NEGLIGIBLE / len(theta))
    weights = np.zeros((len(log_weights), -(-len(theta) // NODES) * NODES))
    np.exp(log_weights, out=weights[:, : len(theta)], where=counts)
    used = (weights > 0).any(0).reshape(-1, NODES).any(1).repeat(NODES)
    place = np.minimum(used.nonzero()[0], len(theta) - 1)
    return theta[place], weights[:, used]


def _mixed(weights: Array, values: Array) -> Array:
    """Return the sums over values with the weights of B episodes, ``(B, S)``.

    They are added up block by block, so that the digits of an episode do not depend on the others.

    Args:
        weights: Weights, ``(B, U)``, U a multiple of `NODES`.
        values: What is added up, ``(S, U)``.
    """
    total = np.zeros((len(weights), len(values)))
    for first in range(0, weights.shape[1], NODES):
        block = slice(first, first + NODES)
        total += by_rows(weights[:, block], values[:, block].T)
    return total


def _likely(theta: Array, log_weights: Array) -> tuple[Array, Array]:
    """Return the values ``(G, k)`` and log weights ``(B, G)`` that count in any of B episodes."""
    counts = (log_weights > np.log(NEGLIGIBLE / len(theta))).any(0)
    return theta[counts], log_weights[:, counts]


@dataclass(frozen=True)
class Channel(Estimator):
    """Histograms taken for a point with unit normal noise, on a scale by the Fisher metric of their law.

    On a line, or in a plane if the number of events informs as well. Thousands of settings per second
    and episode. The error it states bounds what was found in comparison with `Exact`: 0.01 nats from 5
    events on where the density is positive, 0.02 where the number of events informs as well; where the
    density is cut off (an asymmetry beyond 3/4, as the toy model has) N^-1/2.

    Args:
        nodes: Draws from a posterior that has no nodes.
    """

    nodes: int = 1024

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        if not isinstance(model, AngularDesign):
            raise InputError("Channel needs histograms of cos(theta); take Exact.")
        theta, log_weights = posterior.support(self.nodes, random)
        gain, error = np.empty((2, len(log_weights), len(settings)))
        for b in range(len(gain)):
            mine = theta if theta.ndim == 2 else theta[b]
            mine, (row,) = _likely(mine, log_weights[b : b + 1])
            gain[b] = _unit_noise(model.stabilised(mine, settings), np.exp(row))
            error[b] = self._error(model, mine, settings)
        return gain, error

    def _error(self, model: AngularDesign, theta: Array, settings: Array) -> Array | float:
        """Return the stated error of settings ``(S, d)``."""
        if getattr(model, "luminosity", None):
            return 0.02
        return np.where(_cut_off(model, theta, settings), model.num_events**-0.5, 0.01)


def _cut_off(model: AngularDesign, theta: Array, settings: Array) -> NDArray[np.bool_]:
    """Return at which settings ``(S, d)`` the density is cut off for any parameter, ``(S,)``."""
    return np.abs(model.asymmetry(theta, settings)).max(1) > POSITIVE + 1e-9


@dataclass(frozen=True)
class Prepared(Estimator):
    """Histograms drawn once, at a range of asymmetries, and used for every setting.

    As `Exact`, but the data need not be drawn anew: a few milliseconds per setting, and no noise between
    settings. Where the density is positive for all parameters `Channel` is as good, and is taken.

    Args:
        nodes: Draws from a posterior that has no nodes.
    """

    nodes: int = 1024

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        if not isinstance(model, AngularDesign) or getattr(model, "luminosity", None):
            raise InputError(
                "Prepared needs histograms of cos(theta) of a fixed number of events; take Exact."
            )
        gain, error = Channel(self.nodes)(model, posterior, settings, random)
        theta, log_weights = posterior.support(self.nodes, random)
        for b in range(len(gain)):
            mine = theta if theta.ndim == 2 else theta[b]
            mine, (row,) = _likely(mine, log_weights[b : b + 1])
            for s in _cut_off(model, mine, settings).nonzero()[0].tolist():
                points = model.stabilised(mine, settings[s : s + 1])[0, :, 0]
                gain[b, s], error[b, s] = self._one(model, points, np.exp(row))
        return gain, error

    def _one(self, model: AngularDesign, points: Array, weights: Array) -> tuple[float, float]:
        """Return estimate and standard error of one setting, of points on the Fisher scale."""
        nodes, likelihood, product = model.prepared
        place = np.clip(points / nodes[1], 0, len(nodes) - 1 - 1e-9)
        cell = place.astype(np.int64)
        low, high = cell.min(), cell.max() + 2
        above = weights * (place - cell)
        mass = np.bincount(cell - low, weights - above, high - low)
        mass += np.bincount(cell - low + 1, above, high - low)
        mass = mass / mass.sum()
        part = slice(low, high), slice(None), slice(low, high)
        mixed, moment = (table[part].astype(np.float64) @ mass for table in (likelihood, product))
        divergence = moment / mixed - np.log(mixed)
        count = divergence.shape[1]
        error = (mass**2 @ divergence.var(1, ddof=1) / count) ** 0.5
        return float(mass @ divergence.mean(1)), float(error)


def _closer(points: Array) -> Array:
    """Return points ``(S, G, m)`` with gaps cut short that no noise of theirs reaches across."""
    order = points.argsort(1)
    gaps = np.diff(
        np.take_along_axis(points, order, 1), axis=1, prepend=points.min(1, keepdims=True)
    )
    closer = np.empty_like(points)
    np.put_along_axis(closer, order, np.minimum(gaps, APART).cumsum(1), 1)
    return closer


def _unit_noise(points: Array, weights: Array) -> Array:
    """Return the information of points with unit normal noise, on cells.

    Cells are a sixth of the noise on a line and a third in a plane, or up to all of it where the points
    lie far apart, and tell so much that a few hundredths of a nat do not matter.

    Args:
        points: Where the noise is about under S settings and G parameter values, ``(S, G, m)``.
        weights: Weights of the values, ``(G,)``.

    Returns:
        The entropy of the mixture less that of the noise, ``(S,)``.
    """
    dimensions = points.shape[2]
    if np.ptp(points, 1).max() > WIDE:
        points = _closer(points)
    area = np.prod(np.ptp(points, 1), 1).max()
    cells = int(np.clip((CELLS / (area + 1)) ** (1 / dimensions), 1, 6 // dimensions))
    reach = np.arange(-7 * cells, 7 * cells + 1) / cells
    kernel = np.exp(-(reach**2) / 2) / np.exp(-(reach**2) / 2).sum()
    place = ((points - points.min(1, keepdims=True)) * cells).astype(np.int64)
    gain = np.full(len(points), dimensions * xlogy(kernel, kernel).sum())
    rows = max(1, CACHED // int(np.prod(place.max((0, 1)) + len(kernel))))
    for first in range(0, len(points), rows):
        part = place[first : first + rows]
        shape = (len(part), *(part.max((0, 1)) + 1).tolist())
        axes = np.moveaxis(part, 2, 0)
        index = np.ravel_multi_index((np.arange(len(part))[:, None], *axes), shape)
        spread = np.broadcast_to(weights, index.shape)
        density = np.bincount(index.ravel(), spread.ravel(), int(np.prod(shape))).reshape(shape)
        for axis in range(1, dimensions + 1):
            along = kernel.reshape([-1 if a == axis else 1 for a in range(dimensions + 1)])
            density = fftconvolve(density, along, axes=axis)
        density = np.maximum(density, 1e-300).reshape(len(part), -1)
        gain[first : first + rows] -= (density * np.log(density)).sum(1)
    return np.maximum(gain, 0.0)


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
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        return _contrasted(self.outer, self.inner, False, model, posterior, settings, random)


@dataclass(frozen=True)
class PriorContrastive(Estimator):
    """As `NestedMonteCarlo`, but the parameters behind the data are among the `inner` + 1 draws.

    A lower bound in expectation, at most log(inner + 1) (Foster et al. 2020, PCE).

    Args:
        outer: Pairs of parameters and data per setting.
        inner: Contrastive draws.
    """

    outer: int = 512
    inner: int = 512

    def _estimate(
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        return _contrasted(self.outer, self.inner, True, model, posterior, settings, random)


def _contrasted(
    outer: int,
    inner: int,
    among: bool,
    model: DesignModel[Any],
    posterior: Distribution,
    settings: Array,
    random: Random,
) -> Estimate:
    draws = posterior.sample(outer * (1 + inner), random)
    gain, error = np.empty((2, len(draws), len(settings)))
    for b, mine in enumerate(draws):
        truth, others = mine[:outer], mine[outer:].reshape(outer, inner, -1)
        for i, setting in enumerate(settings):
            where = np.broadcast_to(setting, (outer, len(setting)))
            outcome = model.sample(truth, where, generator_of(random, b))
            outcome = outcome.astype(np.float32).astype(np.float64)
            own = model.log_likelihood(outcome, truth[:, None], where)
            rest = model.log_likelihood(outcome, others, where)
            pool = np.concatenate([own, rest], 1) if among else rest
            value = own[:, 0] - logsumexp(pool, axis=1) + np.log(pool.shape[1])
            gain[b, i], error[b, i] = value.mean(), value.std(ddof=1) / outer**0.5
    return gain, error


@dataclass(frozen=True)
class Histogram(Estimator):
    """The slides' estimate: the likelihood itself is a histogram of simulated data.

    For each of n parameter values the simulator is run; the histogram of what it yields stands for
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
        self,
        model: DesignModel[Any],
        posterior: Distribution,
        settings: Array,
        random: Random,
    ) -> Estimate:
        theta = posterior.sample(self.values, random)
        gain, error = np.zeros((2, len(theta), len(settings)))
        for b, mine in enumerate(theta):
            runs = np.repeat(mine, self.simulations, axis=0)
            for i, setting in enumerate(settings):
                where = np.broadcast_to(setting, (len(runs), len(setting)))
                outcome = model.sample(runs, where, generator_of(random, b))
                if isinstance(model, AngularDesign | SimulatorDesign):
                    counts = outcome.reshape(self.values, self.simulations, -1).sum(1)
                    # Half a count in every bin keeps an empty one from ruling a value out.
                    law = (counts + 0.5) / (counts + 0.5).sum(1, keepdims=True)
                    gain[b, i], error[b, i] = self._events(
                        law, model.num_events, generator_of(random, b)
                    )
                else:
                    gain[b, i] = self._single(outcome[:, 0])
        return gain, error

    def _events(
        self, law: Array, num_events: int, random: np.random.Generator
    ) -> tuple[float, float]:
        chosen = random.integers(len(law), size=self.draws)
        logs = random.multinomial(num_events, law[chosen]) @ np.log(law).T
        logs -= logsumexp(logs, axis=1, keepdims=True)
        drop = np.log(len(law)) + (np.exp(logs) * logs).sum(1)
        return float(drop.mean()), float(drop.std(ddof=1) / self.draws**0.5)

    def _single(self, outcome: Array) -> float:
        edges = np.unique(np.quantile(outcome, np.arange(1, self.bins) / self.bins))
        place = np.searchsorted(edges, outcome, "right").reshape(self.values, self.simulations)
        counts = [np.bincount(row, minlength=len(edges) + 1) for row in place]
        law = np.stack(counts) / self.simulations
        mixed = law.mean(0)
        return float(xlogy(law, law).sum(1).mean() - xlogy(mixed, mixed).sum())


def best_estimator(model: DesignModel[Any], posterior: Distribution) -> Estimator:
    """Return the quickest estimator that is good to 0.01 nats or so, or states its error."""
    if isinstance(posterior, Gaussian):
        return ClosedForm()
    if not isinstance(model, AngularDesign):
        return Exact(draws=64)
    few = model.num_events <= FEW and model.reach > POSITIVE
    return Prepared() if few else Channel()


def sequential_bounds(
    model: DesignModel[Any],
    theta: Array,
    settings: Array,
    outcomes: Array,
    contrasts: int,
    random: np.random.Generator,
    block: int = 4096,
) -> tuple[Array, Array]:
    r"""Return a lower and an upper bound of the total information of played episodes, in nats.

    log p(h | theta) - log of the mean of p(h | theta_l) over L draws from the prior, with theta among
    them (sPCE, at most log(L + 1)) or not (sNMC). Their expectations bound the total expected
    information gain of the policy that chose the settings (Foster et al. 2021, equations 11 and 12).

    Args:
        model: The model.
        theta: The true parameters of B episodes, ``(B, k)``.
        settings: ``(B, T, d)``, in any order.
        outcomes: ``(B, T, m)``, in the same order.
        contrasts: Number L of draws, the same for all episodes.
        random: Generator of the draws.
        block: Draws handled together.

    Returns:
        Both bounds, each ``(B,)``.
    """
    rounds = range(settings.shape[1])

    def likelihood(values: NDArray[Any]) -> Array:
        total = model.log_likelihood(outcomes[:, 0], values, settings[:, 0])
        for t in rounds[1:]:
            total += model.log_likelihood(outcomes[:, t], values, settings[:, t])
        return total

    own = likelihood(theta[:, None])[:, 0]
    rest = np.full(len(theta), -np.inf)
    for first in range(0, contrasts, block):
        draws = model.sample_prior(min(block, contrasts - first), random)
        rest = np.logaddexp(rest, logsumexp(likelihood(draws), axis=1))
    lower = own - np.logaddexp(rest, own) + np.log(contrasts + 1)
    return lower, own - rest + np.log(contrasts)
