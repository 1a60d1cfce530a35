r"""Model 2: each batch tries N normal steps from the best result so far.

The state of knowledge x starts at 0; an epoch draws N experiments from Normal(x, sigma^2) and keeps
the best result found so far,

    x <- max(x, x + sigma M_N),    P(M_N <= m) = Phi(m)^N,

until the target is reached. The improvement D = max(0, sigma M_N) has an atom P(D = 0) = 2^-N and
the density N phi(d / sigma) Phi(d / sigma)^(N-1) / sigma; the epochs until the target obey a
renewal equation in D, solved to rounding by `renewal`.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023), model 2. The exact means are 252.2336 epochs for N = 1 and 40.6278 for
N = 96; the post's "~250" and "~42" count the starting state as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.interpolate import CubicHermiteSpline
from scipy.special import log_ndtr, ndtri, ndtri_exp

from ..core import InputError, Observation, Policy, Streams, environments, shown
from ..core.arrays import Array, Flags, Single, Whole
from ..core.checks import money, quantity, real, room, sequence
from ..core.model import ZERO
from .campaign import EPOCH, Hidden, Moments, Progress, Walk
from .first_passage import Epochs, inverse_gaussian, tabulated
from .renewal import NODES, Density, Panels, Renewal

MOST_STDS = 9.5
"""Standard deviations beyond which the maximum of up to a million normals has no mass left."""

CELL = 1 / 128
"""Width of the cells of an integral over the maximum of N normals, whose law is nowhere narrower than a
tenth: the integral is exact to nine digits."""

PRODUCT = 128
"""Operations of a matrix product in the time of handling a number."""


@dataclass(frozen=True, kw_only=True)
class GaussianStep(Walk):
    """Reach the `target` by the best of N normal steps per epoch.

    ## Description
    Model 2 of Schrier (2023): a machine-learning model proposes N experiments around the best
    result so far, with boldness sigma. Larger batches improve ever more slowly, about as the root
    of the logarithm of N; boldness multiplies what a batch yields. The exact optimum is known for
    every price.

    ## Action space
    `Discrete(len(batch_sizes) * len(stds))`: action = index of N * len(stds) + index of sigma.

    ## Rewards
    Minus the cost of the epoch, `cost_per_batch + cost_per_experiment * N` and the entry of
    `std_costs` for sigma; plus `target_reward` when the target is reached.

    ## Starting state
    x = 0, all epochs left.

    ## Arguments
    - `target`: distance to cover, in units of x.
    - `stds`: boldness sigma, in units of x.
    - `std_costs`: cost per epoch of each sigma, in the order of `stds`; None: free.
    """

    target: float = 100.0
    stds: tuple[float, ...] = (1.0,)
    std_costs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        stds = sequence("stds", self.stds, quantity)
        if len(set(stds)) < len(stds):
            raise InputError(f"stds must differ from each other, got {shown(stds)}.")
        self._set(target=quantity("target", self.target), stds=stds)
        if self.std_costs is not None:
            costs = sequence("std_costs", self.std_costs, money)
            if len(costs) != len(stds):
                raise InputError(
                    f"std_costs must hold one cost for each of the {len(stds)} stds, got {shown(costs)}."
                )
            self._set(std_costs=costs)

    @property
    def choices(self) -> dict[str, NDArray[Any]]:
        """Batch size and boldness of each action."""
        sizes, stds = np.meshgrid(self.batch_sizes, self.stds, indexing="ij")
        return {"batch_size": sizes.ravel(), "std": stds.ravel()}

    @cached_property
    def costs(self) -> Array:
        """Cost of each action, shape ``(A,)``."""
        extra = np.zeros(len(self.stds)) if self.std_costs is None else np.array(self.std_costs)
        return np.asarray(super().costs + np.tile(extra, len(self.batch_sizes)))

    # ---- dynamics

    def step(
        self, state: Progress, action: Whole, streams: Streams, done: Flags | None = None
    ) -> tuple[Array, Flags]:
        """Improve x by the best of N normals, drawn with one uniform.

        The inverse law of the maximum, m = -ndtri(1 - u^(1/N)), is taken in the upper tail, where
        1 - u^(1/N) = -expm1(log(u) / N) keeps its digits however large N is.
        """
        tail = -np.expm1(np.log(streams.uniform()) * self._inverse_sizes.take(action))
        gain = np.maximum(ndtri(tail) * self._minus_stds.take(action), ZERO)
        state.x = np.minimum(state.x + gain, self._goal)
        return self._settle(state, action)

    @cached_property
    def _inverse_sizes(self) -> Array:
        return 1.0 / self.choices["batch_size"]

    @cached_property
    def _minus_stds(self) -> Array:
        return -self.choices["std"]

    # ---- truth

    def outlook(
        self, observation: Observation, action: Whole, hidden: Hidden | None = None
    ) -> Moments:
        """Return mean and variance of the next improvement, which the target cuts off, ``(B,)``.

        With S(s) = P(M_N > s) and h the distance in units of sigma the improvement min(D, h sigma) has
        the moments sigma int_0^h S and sigma^2 int_0^h 2 s S, integrated over cells of `CELL`.
        """
        distance = self.target - self.achieved(observation)
        mean, square = np.empty((2, len(distance)))
        for i in np.unique(action).tolist():
            size, sigma = self._settings[i]
            some, (first, second) = action == i, _cut_off(size)
            far = np.minimum(distance[some] / sigma, MOST_STDS)
            mean[some], square[some] = sigma * first(far), sigma**2 * second(far)
        return mean, np.maximum(square - mean**2, 0.0)

    def success_probability(
        self, batch_size: int, std: float | None = None, distance: float | None = None
    ) -> float:
        """Return P(sigma M_N >= distance): one batch covers the ``distance`` (all of it if None)."""
        size, sigma = self._batch_size(batch_size), self._std(std)
        far = self.target if distance is None else real("distance", distance, low=0)
        return float(-np.expm1(size * log_ndtr(far / sigma)))

    def expected_improvement(self, batch_size: int, std: float | None = None) -> float:
        """Return E[max(0, sigma M_N)], what a batch adds to x, by quadrature, in units of x."""
        size, sigma = self._batch_size(batch_size), self._std(std)
        return sigma * _integral(lambda m: -np.expm1(size * log_ndtr(m)), size)

    def expected_maximum(self, batch_size: int, std: float | None = None) -> float:
        """Return E[sigma M_N], the mean best of N normals, as the post plots it, in units of x.

        It is below `expected_improvement` by E[max(0, -sigma M_N)], which matters for few
        experiments only: a single one improves by 0.399 sigma in the mean although its mean is 0.
        """
        size, sigma = self._batch_size(batch_size), self._std(std)
        loss = quad(lambda m: np.exp(size * log_ndtr(-m)), 0, 40, epsabs=1e-14, epsrel=1e-12)[0]
        return float(self.expected_improvement(size, sigma) - sigma * loss)

    def expected_maximum_asymptote(self, batch_size: int, std: float | None = None) -> float:
        """Return the extreme-value asymptote of `expected_maximum` for large N >= 2.

        b_N + gamma (c_N - b_N) with b_N = Phi^-1(1 - 1/N), c_N = Phi^-1(1 - 1/(eN)) and Euler's
        gamma (Gumbel's law; de Haan and Ferreira, "Extreme Value Theory", 2006).
        """
        size, sigma = self._batch_size(batch_size), self._std(std)
        if size < 2:
            raise InputError("The extreme-value asymptote needs batch_size >= 2, got 1.")
        location, scale = -ndtri(1 / size), -ndtri(1 / (np.e * size))
        return sigma * float(location + np.euler_gamma * (scale - location))

    def mean_epochs(self, batch_size: int, std: float | None = None) -> float:
        """Return the expected epochs to the target with a fixed action and no budget."""
        return self._renewal(batch_size, std).moments[0]

    def epochs_variance(self, batch_size: int, std: float | None = None) -> float:
        """Return the variance of the epochs to the target, in epochs squared."""
        return self._renewal(batch_size, std).moments[1]

    def epochs_distribution(self, batch_size: int, std: float | None = None) -> Epochs:
        """Return the exact law of the epochs, a frozen discrete scipy distribution."""
        renewal = self._renewal(batch_size, std)
        return tabulated(renewal.law(), *renewal.moments)

    def diffusion_epochs(self, batch_size: int, std: float | None = None) -> Any:
        """Return the inverse-Gaussian approximation of the epochs, a frozen scipy distribution.

        A Brownian motion with the mean v and variance s^2 of an improvement reaches the target after
        target / v epochs in the mean, with variance target s^2 / v^3 (see `inverse_gaussian`). It
        knows no overshoot beyond the target, so that its mean is low by E[D^2] / (2 v^2) epochs.
        """
        size, sigma = self._batch_size(batch_size), self._std(std)
        mean = self.expected_improvement(size, sigma)
        second = 2 * sigma**2 * _integral(lambda m: -m * np.expm1(size * log_ndtr(m)), size)
        return inverse_gaussian(self.target / mean, self.target * (second - mean**2) / mean**3)

    def optimal_value(self) -> float:
        """Return the expected return of the best policy, by dynamic programming on the panels."""
        return self._plan[0]

    def optimal_policy(self) -> Policy:
        """Return the function from observations ``(B, 2)`` to the best actions ``(B,)``.

        The actions are tabulated at the nodes within panels; between two nodes the nearer counts.
        """
        nodes, best = self._grid.nodes[:, :-1].ravel(), self._plan[1]
        middles = (nodes[1:] + nodes[:-1]) / 2

        def policy(observation: Single) -> Whole:
            distance = self.target - observation[:, 0].astype(np.float64)
            left = observation[:, 1].astype(np.int64)
            return best[left, np.searchsorted(middles, distance)].astype(np.int64)

        return policy

    def random_value(self) -> float:
        """Return the expected return of uniformly random actions."""
        return self._values(lambda returns: returns.mean(-1))

    @cached_property
    def _plan(self) -> tuple[float, NDArray[np.int16]]:
        """The optimal value at the start, and the best action by epochs left and node within panels."""
        best = [np.zeros(NODES * self._grid.count, np.int16)]

        def choose(returns: Array) -> Array:
            best.append(returns[:, :-1].argmax(-1).ravel().astype(np.int16))
            return np.asarray(returns.max(-1))

        return self._values(choose), np.array(best)

    def _values(self, choose: Callable[[Array], Array]) -> float:
        """Return the value at the start; ``choose`` reduces returns ``(..., A)`` over actions."""
        panels = self._grid
        kernel = len(self.costs) * NODES * NODES * (panels.depth + 1)
        work = kernel + self.horizon * (kernel * panels.count // PRODUCT + EPOCH)
        advice = "take a shorter horizon, a nearer target or like stds"
        room("The plan of this campaign", work, advice)
        steps = [Renewal(panels, *_law(n, s)) for n, s in self._settings]
        kernels = np.concatenate([step.kernel for step in steps], axis=1)
        atoms = np.array([step.atom for step in steps])
        sizes, stds = self.choices["batch_size"], self.choices["std"]
        arrives = -np.expm1(sizes * log_ndtr(panels.nodes[..., None] / stds))
        gain = self._pay + self.target_reward * arrives  # (P, q + 1, A)
        value = np.zeros_like(panels.nodes)
        shape = panels.count, len(steps), -1
        for _ in range(self.horizon):
            integral = (panels.windows(value) @ kernels).reshape(shape).swapaxes(1, 2)
            value = choose(gain + atoms * value[..., None] + integral)
        return float(value[-1, -1])

    # ---- parts of the truth

    @property
    def _settings(self) -> list[tuple[int, float]]:
        return list(zip(*(values.tolist() for values in self.choices.values()), strict=True))

    @cached_property
    def _grid(self) -> Panels:
        return Panels(self.target, min(self.stds) / 2, MOST_STDS * max(self.stds))

    def _std(self, value: float | None) -> float:
        return self.stds[0] if value is None else quantity("std", value)

    def _renewal(self, batch_size: int, std: float | None) -> Renewal:
        return _renewal(self.target, self._batch_size(batch_size), self._std(std))


@lru_cache(maxsize=128)
def _cut_off(size: int) -> tuple[CubicHermiteSpline, CubicHermiteSpline]:
    """Return the integrals of S(s) and of 2 s S(s) from 0 to h, as functions of h, S(s) = P(M_N > s)."""
    s = np.linspace(0.0, MOST_STDS, 2 * round(MOST_STDS / CELL) + 1)
    above = -np.expm1(size * log_ndtr(s))
    ends, integrals = s[::2], []
    for f in (above, 2 * s * above):
        cells = (ends[1] / 6) * (f[:-2:2] + 4 * f[1::2] + f[2::2])  # Simpson's rule
        integrals.append(CubicHermiteSpline(ends, np.append(0.0, cells.cumsum()), f[::2]))
    return integrals[0], integrals[1]


@lru_cache(maxsize=32)
def _renewal(target: float, size: int, sigma: float) -> Renewal:
    return Renewal(Panels(target, sigma / 2, MOST_STDS * sigma), *_law(size, sigma))


def _law(size: int, sigma: float) -> tuple[Density, float]:
    """Return the density of D on (0, inf) and its atom at 0."""

    def density(d: Array) -> Array:
        z = d / sigma
        log_density = -(z**2) / 2 + (size - 1) * log_ndtr(z)
        return np.asarray(np.exp(log_density) * size / (sigma * np.sqrt(2 * np.pi)))

    return density, 0.5**size


def _integral(f: Callable[[float], float], size: int) -> float:
    """Integrate f over (0, 40), which turns near the typical maximum of ``size`` normals."""
    turn = max(float(-ndtri_exp(-np.log(2.0 * size))), 0.1)
    return float(quad(f, 0, 40, points=[turn, turn + 2], epsabs=1e-14, epsrel=1e-12, limit=200)[0])


GaussianStepEnv, GaussianStepVectorEnv = environments(GaussianStep)
