r"""Histograms of cos(theta) whose law is fixed by one number, the asymmetry.

Muons leave e+ e- -> mu+ mu- with the density f(c) = 3/8 (1 + c^2) + A c on [-1, 1], c = cos(theta).
|A| <= 3/4 for anything that the physics can do; beyond that, where the toy model goes, the density
is cut off at 0 and normalised again.

The likelihood of a histogram y is L(A) = sum_k y_k log p_k(A), one curve per episode however many
parameter values are asked for. It is tabulated by one matrix product y @ log p(A_j) and interpolated
linearly. The nodes A_j are denser towards the largest |A| and for more events: the error stays below
0.003 nats where the data are likely.

The logarithms are rounded to multiples of 2^-24. Counts times these are summed without rounding, so
that a product has the same bits whatever its shape, and many episodes are the same as one.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.arrays import Array, Flags, Single
from ..core.checks import integer
from .drawing import HistogramLaw
from .grid_design import GridDesign
from .laws import PreparedNoise, UnitNoise

POSITIVE = 0.75
"""Asymmetry up to which the density of cos(theta) is positive."""
FEW = 2000
"""Events up to which histograms are prepared; for more a point with normal noise is as good."""
PREPARED = 1 << 13
"""About how many histograms are drawn once."""
IMPOSSIBLE = -64.0
"""Log probability given to bins in which no event can fall, so that sums stay finite."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AngularDesign(HistogramLaw, GridDesign):
    """An experiment whose data are a histogram of cos(theta); the prior is uniform.

    ## Arguments
    - `num_events`: events of one experiment.
    - `num_bins`: bins of the histogram, equal parts of [-1, 1].
    """

    num_events: int = 1000
    num_bins: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(
            num_events=integer("num_events", self.num_events, low=1, high=1_000_000),
            num_bins=integer("num_bins", self.num_bins, low=2, high=10_000),
        )

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: a law, counts, the likelihood of them."""
        curve = self._nodes if self.reward in ("log_evidence", "spce") else 0
        return super().size + 8 * self.num_bins + curve

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common, the table of the law included."""
        return super().shared + self._nodes * (4 * self.num_bins + 1)

    def data(self, events: Array) -> Array:
        """Return the histogram of cosines, ``(num_bins,)``."""
        return np.histogram(np.clip(events, -1, 1), self._bins[0])[0].astype(np.float64)

    def outside(self, events: Array) -> float:
        """Return the share of numbers that are no cosines."""
        return float((np.abs(events) > 1).mean())

    @property
    @abstractmethod
    def largest_asymmetry(self) -> float:
        """The largest |A| that any setting and any parameter can give."""

    @abstractmethod
    def asymmetry(self, theta: Array, setting: Array) -> Array:
        """Return A for B settings ``(B, d)`` and parameters as in `log_likelihood`, ``(B, G)``."""

    def prior(self, uniform: Array) -> Array:
        """Return uniform draws from the prior ranges."""
        low, high = np.array(list(self.unknown_parameters.values())).T
        return np.asarray(low + (high - low) * uniform)

    def log_prior(self, theta: Array) -> Array:
        """Return 0: the prior is uniform."""
        return np.zeros(theta.shape[:-1])

    # ---- the law of the data

    def rates(self, theta: Array, setting: Array) -> Array:
        """Return the probability of each bin, ``(B, num_bins)``."""
        return self.probabilities(self.asymmetry(theta[:, None], setting)[:, 0])

    def probabilities(self, asymmetry: Array) -> Array:
        """Return the probability of every bin, ``(...)`` to ``(..., num_bins)``."""
        edges, even, odd = self._bins
        if np.abs(asymmetry).max(initial=0.0) <= POSITIVE:
            return np.maximum(asymmetry[..., None] * odd + even, 0.0)
        size = np.abs(asymmetry)[..., None]
        # For A > 3/4 the density is positive right of this point.
        zero = np.sqrt(np.maximum(size**2 - 9 / 16, 0)) - size
        c = np.maximum(edges, np.where(size > POSITIVE, zero / POSITIVE, -1.0))
        mass = np.maximum(np.diff(0.375 * (c + c**3 / 3) + size * c**2 / 2), 0.0)
        mass /= mass.sum(-1, keepdims=True)
        return np.asarray(np.where(asymmetry[..., None] < 0, mass[..., ::-1], mass))

    @cached_property
    def _bins(self) -> tuple[Array, Array, Array]:
        """Edges of the bins, and the integrals over them of 3/8 (1 + c^2) and of c."""
        edges = np.linspace(-1, 1, self.num_bins + 1)
        return edges, np.diff(0.375 * (edges + edges**3 / 3)), np.diff(edges**2 / 2)

    @cached_property
    def _table(self) -> Array:
        """Log probabilities at J values of A, even in sqrt(1 + u) - sqrt(1 - u), u = A / its largest.

        They are closer towards the ends, where the density vanishes at one end of the histogram and
        the likelihood bends most. Shape ``(num_bins, J)``.
        """
        bent = np.linspace(-(2**0.5), 2**0.5, self._nodes)
        u = np.sign(bent) * np.sqrt(1 - (1 - bent**2 / 2) ** 2)
        with np.errstate(divide="ignore"):
            logs = np.log(self.probabilities(self.largest_asymmetry * u))
        return np.ascontiguousarray(np.round(np.maximum(logs, IMPOSSIBLE) * 2**24).T) / 2**24

    @property
    def _nodes(self) -> int:
        """The number J of these values."""
        return int(max(512, 16 * np.sqrt(self._expected)))

    @property
    def _expected(self) -> float:
        """About how many events an experiment has at most."""
        return self.num_events

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the multinomial log likelihood without its coefficient, ``(B, G)``."""
        return self._shape_likelihood(outcome, self.asymmetry(theta, setting))

    def _shape_likelihood(self, outcome: Array, asymmetry: Array) -> Array:
        curves = outcome @ self._table
        nodes = curves.shape[1]
        # The position (J - 1) (1 + (sqrt(1 + u) - sqrt(1 - u)) / sqrt(2)) / 2 among the nodes.
        square = (nodes - 1) ** 2 / 8
        up = asymmetry * (square / self.largest_asymmetry)
        up += square
        position = np.sqrt(np.maximum(up, 0.0, out=up))
        np.subtract(2 * square, up, out=up)
        position -= np.sqrt(np.maximum(up, 0.0, out=up), out=up)
        position += (nodes - 1) / 2
        node = np.floor(position)
        position -= node
        index = node.astype(np.int64)
        index += (np.arange(len(index)) * nodes)[:, None]
        low = curves.take(index, mode="clip")
        index += 1
        high = curves.take(index, mode="clip")
        high -= low
        high *= position
        high += low
        return np.asarray(high)

    # ---- the information of the data

    @property
    def law(self) -> UnitNoise:
        """Points with unit normal noise, or prepared histograms where these are too rough."""
        return PreparedNoise(
            num_events=self.num_events,
            points=self.stabilised,
            error=self._error_of_points,
            cut_off=self.cut_off,
            prepared=self._prepared_information,
            rough=self.num_events <= FEW and self.largest_asymmetry > POSITIVE,
        )

    def cut_off(self, theta: Array, setting: Array) -> Flags:
        """Return at which settings ``(S, d)`` the density is cut off for any parameter, ``(S,)``."""
        return np.asarray(np.abs(self.asymmetry(theta, setting)).max(1) > POSITIVE + 1e-9)

    def _error_of_points(self, theta: Array, setting: Array) -> Array:
        """Return the largest errors found in comparison with the information of histograms, ``(S,)``."""
        return np.where(self.cut_off(theta, setting), self.num_events**-0.5, 0.01)

    def stabilised(self, theta: Array, setting: Array) -> Array:
        """Return the law as points about which data have unit noise, ``(B, G, m)``.

        Here m = 1, and a point is the Fisher length sqrt(N) int sqrt(I(A)) dA, the arc length of
        2 sqrt(N p(A)): for many events the data are as good as a normal number of standard deviation
        1 about it.
        """
        length = self._length(self.asymmetry(theta, setting))
        return np.asarray(self.num_events**0.5 * length[..., None])

    def _length(self, asymmetry: Array) -> Array:
        """Return the Fisher length of one event, ``(...)`` to ``(...)``."""
        return np.interp(asymmetry, *self._lengths)

    @cached_property
    def _lengths(self) -> tuple[Array, Array]:
        """Values of A and the Fisher length of one event up to them."""
        a = np.linspace(-self.largest_asymmetry, self.largest_asymmetry, 4001)
        steps = np.diff(2 * np.sqrt(self.probabilities(a)), axis=0)
        return a, np.append(0.0, np.sqrt((steps**2).sum(1)).cumsum())

    def _prepared_information(self, points: Array, weights: Array) -> tuple[float, float]:
        """Return the information of points ``(G,)`` by the prepared histograms, and its error."""
        nodes, likelihood, product = self._prepared
        position = np.clip(points / nodes[1], 0, len(nodes) - 1 - 1e-9)
        cell = position.astype(np.int64)
        low, high = cell.min(), cell.max() + 2
        above = weights * (position - cell)
        mass = np.bincount(cell - low, weights - above, high - low)
        mass += np.bincount(cell - low + 1, above, high - low)
        mass = mass / mass.sum()
        part = slice(low, high), slice(None), slice(low, high)
        mixed, moment = (table[part].astype(np.float64) @ mass for table in (likelihood, product))
        divergence = moment / mixed - np.log(mixed)
        count = divergence.shape[1]
        error = (mass**2 @ divergence.var(1, ddof=1) / count) ** 0.5
        return float(mass @ divergence.mean(1)), float(error)

    @cached_property
    def _prepared(self) -> tuple[Array, Single, Single]:
        """Histograms drawn once at J values of A, a sixth of the noise apart in Fisher length.

        Returns:
            The Fisher lengths of the values times sqrt(N), ``(J,)``; the likelihood of all values under
            R histograms of each, over its largest, ``(J, R, J)``; and that times its logarithm.
        """
        a, lengths = self._lengths
        scale = self.num_events**0.5
        nodes = np.linspace(0, lengths[-1] * scale, int(np.ceil(6 * lengths[-1] * scale)) + 1)
        law = self.probabilities(np.interp(nodes / scale, lengths, a))
        count = max(8, PREPARED // len(nodes))
        draws = np.random.default_rng(0)  # the same for every setting: a search sees no noise
        outcome = draws.multinomial(self.num_events, np.repeat(law, count, axis=0))
        logs = outcome @ np.log(np.maximum(law, np.exp(IMPOSSIBLE))).T
        logs = (logs - logs.max(1, keepdims=True)).reshape(len(nodes), count, -1)
        likelihood = np.exp(logs)
        return nodes, likelihood.astype(np.float32), (likelihood * logs).astype(np.float32)
