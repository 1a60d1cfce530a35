"""Designs whose law is a table: runs of a simulator at listed settings, for a grid of parameters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Streams
from ..core.arrays import Array, Flags, Single, Whole
from .drawing import HistogramLaw
from .grid_design import GridDesign
from .laws import Histograms
from .posteriors.grid import nodes
from .simulator.black_box import Failed, Job
from .simulator.runs import Runs

NEVER = -1e15
"""Log prior of what is left out: below all data, and finite."""
TRIES = 100
"""Seeds that are tried for a fresh experiment of a simulator that fails where nature would not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TabulatedDesign(HistogramLaw, GridDesign):
    """A design environment whose law is made of the runs of a simulator."""

    @property
    @abstractmethod
    def _runs(self) -> Runs:
        """The runs."""

    @property
    def _settings(self) -> Single:
        """The settings to choose from, ``(A, d)``."""
        assert self._choices is not None  # `settings` is not None
        return self._choices

    # ---- the grid of parameters

    @cached_property
    def thetas(self) -> Array:
        """The values that the parameters may have, ``(G, k)``."""
        return nodes(self.unknown_parameters.values(), self._sizes)

    def log_prior(self, theta: Array) -> Array:
        """Return 0, for the prior is uniform; what a mask leaves out is as good as impossible."""
        if not self._runs.masks:
            return np.zeros(theta.shape[:-1])
        return np.where(self.masked[self._node(theta)], NEVER, 0.0)

    def prior(self, uniform: Array) -> Array:
        """Return uniform draws from the grid, or what a mask leaves of it."""
        low, width = self._cells
        node = self._node(low + width * self._sizes * uniform)
        if self._runs.masks:
            left = (~self.masked).nonzero()[0]
            place = (node + self._sizes[0] * uniform[..., 0] % 1) / len(self.thetas)  # uniform
            node = left[np.minimum((place * len(left)).astype(np.int64), len(left) - 1)]
        return self.thetas[node]

    @property
    def masked(self) -> Flags:
        """Parameter values that "mask" leaves out, ``(G,)``: at some setting all of their runs failed.

        Raises:
            InputError: They hold more than `max_failed` of the prior.
        """
        return self._runs.masked

    @cached_property
    def _cells(self) -> tuple[Array, Array]:
        """Lower end and width of a cell of each parameter, ``(k,)``."""
        low, high = np.array(list(self.unknown_parameters.values())).T
        return low, (high - low) / self._sizes

    def _node(self, theta: Array) -> Whole:
        """Return the index of parameters in the grid, ``(..., k)`` to ``(...)``."""
        low, width = self._cells
        cells = ((theta - low) / width).astype(np.int64)
        return np.asarray(
            np.ravel_multi_index(tuple(np.moveaxis(cells, -1, 0)), self._sizes, mode="clip")
        )

    # ---- settings

    def _places(self, setting: Array) -> list[int]:
        """Return the indices of B settings."""
        rows = setting.astype(np.float32).tolist()
        try:
            return [self._place[tuple(row)] for row in rows]
        except KeyError as error:
            raise InputError(
                f"The setting {error} is none of the {len(self._settings)} settings that are "
                "simulated; see `settings`."
            ) from None

    def _indices(self, setting: Array) -> list[int]:
        """Return the indices of B settings; those that are new are simulated."""
        indices = self._places(setting)
        self._runs.need(dict.fromkeys(indices))
        return indices

    # ---- the law of the data

    @property
    def law(self) -> Histograms:
        """Histograms of a fixed number of events, or of summaries."""
        return Histograms(self._counted, fails=self._runs.fails)

    @property
    def _counted(self) -> int:
        """How many counts an experiment gives."""
        return self.num_events if self._runs.bins.together is None else 1

    @property
    def outcome_range(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Counts per bin, and perhaps whether the experiment failed."""
        most = [self._counted] * self._runs.bins.total + [1] * self._runs.fails
        return np.zeros(len(most)), np.array(most)

    def rates(self, theta: Array, setting: Array) -> Array:
        """Return P(bin | theta, phi) for B parameters ``(B, k)`` and settings, ``(B, K)``.

        Where failing is an outcome, this is the chance of a bin if it does not fail, and P(fail) comes
        last, ``(B, K + 1)``.
        """
        pairs = zip(self._indices(setting), self._node(theta).tolist(), strict=True)
        return np.array([self._runs.tables[index].rates[node] for index, node in pairs])

    def draw(self, rates: Array, random: np.random.Generator) -> Whole:
        """Return the data of experiments with these rates, of the same shape."""
        if not self._runs.fails:
            return random.multinomial(self._counted, rates)
        failed = random.random(rates.shape[:-1]) < rates[..., -1]
        counts = random.multinomial(self._counted, rates[..., :-1])
        return np.concatenate([counts * ~failed[..., None], failed[..., None]], -1)

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the log likelihood without the multinomial coefficient, ``(B, G)``."""
        indices, at = self._indices(setting), self._node(theta)
        logs = np.empty((len(outcome), len(self.thetas)))
        for index in set(indices):
            mine, table = np.equal(indices, index), self._runs.tables[index]
            logs[mine] = outcome[mine] @ table.logs + table.rest
        # `take` keeps the order of memory, and with it that of later sums, whatever B is.
        return logs.take(at, 1) if at.ndim == 1 else np.take_along_axis(logs, at, 1)

    # ---- real data

    def outside(self, events: Array) -> float:
        """Return the share of events that lie beyond the histogram."""
        numbers = self._runs.bins.numbers(events)
        return self._runs.bins.beyond(numbers) / max(len(numbers), 1)

    def repeat(
        self, theta: Array, setting: Array, outcome: Array, random: np.random.Generator
    ) -> Array:
        """Return data of as many events as each ``outcome`` has, ``(B, m)``.

        The law of each is drawn from what the simulated events leave open, Dirichlet(n_k + 1/2): more
        real events than simulated ones find their difference, which is no fault of the simulator.
        """
        total = self._runs.bins.total
        places = list(zip(self._indices(setting), self._node(theta).tolist(), strict=True))
        weight = np.array([self._runs.tables[index].weight[node] for index, node in places])
        rates = np.array([self._runs.tables[index].rates[node] for index, node in places])
        law = random.standard_gamma(rates[:, :total] * weight[:, None])
        law /= law.sum(1, keepdims=True)
        size = outcome[:, :total].sum(1).astype(np.int64)
        if not self._runs.fails:
            return random.multinomial(size, law).astype(np.float64)
        failed = random.random(len(rates)) < rates[:, -1]
        counts = random.multinomial(np.where(size > 0, size, self._counted), law)
        return np.column_stack([counts * ~failed[:, None], failed]).astype(np.float64)

    def saturated(self, outcome: Array, setting: Array) -> Array:
        """Return the log likelihood if each bin has the chance of its share, ``(B,)``."""
        return super().saturated(outcome[:, : self._runs.bins.total], setting)

    def with_more(self, horizon: int, settings: Iterable[Sequence[float]] = ()) -> Self:
        """Return the same problem with more rounds and settings; what is simulated stays so."""
        other = super().with_more(horizon, settings)
        other._runs.take_over(self._runs)
        return other

    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: Flags | None
    ) -> Array:
        if not self._runs.fresh:
            return super()._experiment(theta, setting, streams, done)
        outcome = np.zeros((len(theta), len(self.outcome_range[0])))
        missing = [i for i in range(len(theta)) if done is None or not done[i]]
        jobs: dict[int, Job] = {}
        for _ in range(TRIES):
            seeds = [int(streams.noise[i].integers(2**31)) for i in missing]
            jobs = {
                i: self._runs.job(theta[i], setting[i], self.num_events, seed)
                for i, seed in zip(missing, seeds, strict=True)
            }
            results = dict(self._runs.simulations.run(jobs.values()))
            for i, job in jobs.items():
                failed = isinstance(results[job], Failed)
                if self._runs.fails or not failed:
                    outcome[i] = self._runs.data(None if failed else results[job])
                    missing.remove(i)
            if not missing:
                return outcome
        raise InputError(
            f"The simulator failed with {TRIES} seeds at {jobs[missing[0]]}, where nature would not: "
            "fresh=True needs one that mostly works."
        )
