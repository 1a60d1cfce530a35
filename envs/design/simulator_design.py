r"""Bring your own simulator: the likelihood is built from histograms of what it yields.

Of a black box one can only ask for events x_1, x_2, ... ~ p(x | theta, phi). Put into bins,

    P(bin k | theta_i, phi) = (n_k + 1/2) / (N + K/2)                              for every i,
    P(bin k | phi)          = sum_i P(bin k | theta_i, phi) P(theta_i),
    EIG(phi)                = sum over data y of P(y | phi) [H[P(theta)] - H[P(theta | y, phi)]],

where n_k of the N simulated events fall into bin k of K, and data y are the counts of the bins. Half
a count is added to every bin (the posterior mean under Jeffreys' prior), because a finite simulation
leaves bins empty and one event there would rule theta_i out for good.

Source: M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017), equations (1) to (3).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Streams, environments, shown
from ..core.checks import choice, flag, integer, real, sequence
from .design import Array
from .drawing import HistogramLaw
from .grid_design import GridDesign
from .laws import Histograms
from .settings import interval
from .simulator.black_box import Job
from .simulator.jobs import Simulations

Ranges: TypeAlias = Mapping[str, tuple[float, float]]
HUGE = 1e9
"""Bound of every range."""


def muons(theta: Array, phi: Array, n_events: int, seed: int) -> Array:
    """Simulate the toy of the original robot physicist: cosines of muon directions.

    The density (1 + c^2 + k c) / (8/3), k = 2 tanh(10 (2 phi - 90) / 90) theta, is a mixture of
    3/8 (1 + c)^2 and its mirror image, in the shares 1/2 +- k/4, as long as |k| <= 2. Beyond, where
    it would be negative, it is cut off at 0, here by rejection.

    Args:
        theta: The Fermi constant over its nominal value, ``(1,)``.
        phi: Beam energy in GeV, ``(1,)``.
        n_events: Number of events.
        seed: Fixes the events.

    Returns:
        Cosines, ``(n_events,)``.
    """
    random = np.random.default_rng(seed)
    k = 2 * np.tanh((2 * phi[0] - 90) / 9) * theta[0]
    share, sign = 0.5 + min(abs(k), 2) / 4, -1.0 if k < 0 else 1.0
    kept: list[Array] = []
    while sum(map(len, kept)) < n_events:
        side, c = random.random((2, n_events))
        c = np.where(side < share, 1.0, -1.0) * (2 * np.cbrt(c) - 1)
        # The positive part of the density is at most (2 + |k|) / 4 times 3/8 (1 + c)^2.
        excess = max((2 + abs(k)) / 4, 1.0)
        ratio = np.maximum(1 + c**2 + abs(k) * c, 0) / np.maximum((1 + c) ** 2, 1e-300)
        kept.append(c if excess == 1 else c[random.random(n_events) * excess < ratio])
    return sign * np.concatenate(kept)[:n_events]


OUTSIDE = 0.2
"""Share of the events outside `data_range` above which a warning is given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatorDesign(HistogramLaw, GridDesign):
    """Choose the settings of an experiment that only a simulator of yours describes.

    ## Description
    `simulate(theta, phi, n_events, seed)` gives events, one number each, of an experiment with
    parameters theta at the setting phi. It is run for every theta of a grid, and histograms of the
    events stand for the likelihood. One experiment then gives a histogram of `num_events` events of
    the true theta, one of the grid, and the posterior over the grid is exact.

    The simulator is a black box: any Python function, or any program. Slow ones run in parallel, each
    run is kept in a file, and a run that hangs or dies is killed and repeated. If the program stops,
    make the environment again: it goes on with the missing runs. A setting is simulated when it is
    first used; `model.simulate()` does all of them beforehand, and `model.simulate(part=2, parts=4)`
    a quarter, for several machines that share the folder.

    Histograms of few simulated events differ by chance, which looks like information: at a setting
    that tells nothing, runs of N events with seeds of their own seem to tell about
    (num_bins - 1) num_events / 2N nats. All runs use the same seeds, which makes this smaller for
    simulators in which a seed means the same noise; otherwise let N exceed the product of num_events
    and num_bins.

    ## Action space
    `Discrete(n)`: the index of a setting, see `model.action(phi=42)` and `model.setting(action)`.
    Anything outside raises `InputError`.

    ## Observation space
    - `outcomes`: float32, `(T * num_bins,)`, the counts of the bins in the same order.

    ## Starting state
    theta drawn uniformly from the grid; no data.

    ## Arguments
    - `simulator` (the toy of `discovery/WeinbergToy-v0`): a function of `(theta, phi, n_events, seed)`
      with arrays theta and phi, that returns `n_events` finite numbers and depends on nothing else;
      or a text `"package.module:function"`; or a command line, a text or a list, such as
      `["./simulate", "{theta}", "{phi}", "{events}", "{seed}"]`, that prints one event a line, or
      writes the file that `{output}` names. Several parameters are separated by commas; `{phi[1]}` is
      one of them. No shell is involved.
    - `unknown_ranges` ({"theta": (0.5, 1.5)}): names and ranges of the parameters; the prior is
      uniform on the midpoints of `grid_size` equal cells.
    - `knob_ranges` ({"phi": (40.0, 50.0)}): names and ranges of what can be set.
    - `settings`: settings to choose from: n evenly spaced per knob, or a list of them.
    - `grid_size`: values of each parameter, one number for all or one for each.
    - `data_range`, `num_bins`: the histogram; its first and last bin take in what lies beyond; a
      warning says where that is more than a fifth of all.
    - `simulated_events`: events of one run of the simulator.
    - `seeds`: the simulator is run once with each, and the events are put together.
    - `num_events`: events of an experiment.
    - `fresh`: where the data of an experiment come from. False: drawn from the histograms, which costs
      nothing and makes the posterior exactly right. True: a run of the simulator with the true theta
      and a seed of its own, as nature would do it.
    - `workers`: processes that run the simulator, with one thread each unless OMP_NUM_THREADS says
      otherwise. 0 runs it in this one, for quick and trusted functions; a run that hangs cannot be
      killed then. "ray": one process on every CPU of the Ray cluster that `ray.init()` finds, or
      on this machine where there is none; for runs of a second or more, each in a new process. Needs the
      extra `ray`, and a `cache` that all machines of the cluster share.
    - `timeout`: seconds after which a run is killed, with everything that it started.
    - `retries`: how often a run that was killed, died or raised is repeated.
    - `cache`: folder of finished runs; needed if there are workers.
    - `version`: change it when the simulator changes, so that runs of the old one are not used. A
      function of a module is told from an earlier one by its source text anyway, though not by what it
      calls.

    ## References
    M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017),
    https://github.com/cranmer/active_sciencing.
    """

    simulator: Any = f"{__name__}:muons"
    unknown_ranges: Ranges = field(default_factory=lambda: {"theta": (0.5, 1.5)})
    knob_ranges: Ranges = field(default_factory=lambda: {"phi": (40.0, 50.0)})
    settings: Any = 11
    grid_size: int | tuple[int, ...] = 20
    data_range: tuple[float, float] = (-1.0, 1.0)
    num_bins: int = 20
    simulated_events: int = 10_000
    seeds: Sequence[int] = (0,)
    num_events: int = 20
    fresh: bool = False
    workers: int | str = 0
    timeout: float = 3600.0
    retries: int = 2
    cache: str | Path | None = None
    version: str = ""

    def __post_init__(self) -> None:
        for name in ("unknown_ranges", "knob_ranges"):
            self._set(**{name: _ranges(name, getattr(self, name))})
        if self.settings is None:
            raise InputError(
                "settings must be a number or a list: the simulator is run beforehand at every "
                "setting that there is."
            )
        if self.cache is not None and not isinstance(self.cache, str | Path):
            raise InputError(f"cache must be a folder or None, got {shown(self.cache)}.")
        if not isinstance(self.version, str | int | float):
            raise InputError(f"version must be a text, got {shown(self.version)}.")
        if isinstance(self.workers, str):
            choice("workers", self.workers, ["ray"])
        else:
            self._set(workers=integer("workers", self.workers, low=0, high=10_000))
        seeds = sequence("seeds", self.seeds, lambda n, v: integer(n, v, low=0, high=2**31 - 1))
        if len(set(seeds)) < len(seeds):
            raise InputError(f"seeds must differ, got {shown(seeds)}.")
        self._set(
            data_range=interval("data_range", self.data_range, -HUGE, HUGE),
            num_bins=integer("num_bins", self.num_bins, low=2, high=10_000),
            simulated_events=integer("simulated_events", self.simulated_events, low=1, high=10**8),
            seeds=seeds,
            num_events=integer("num_events", self.num_events, low=1, high=1_000_000),
            fresh=flag("fresh", self.fresh),
            timeout=real("timeout", self.timeout, low=0, high=1e9, open_low=True),
            retries=integer("retries", self.retries, low=0, high=1000),
            version=str(self.version),
        )
        super().__post_init__()
        _ = self.simulations  # complain about the simulator now

    @property
    def unknown_parameters(self) -> Ranges:
        """The parameters."""
        return self.unknown_ranges

    @property
    def knobs(self) -> Ranges:
        """What can be set."""
        return self.knob_ranges

    # ---- the grid of parameters

    @cached_property
    def thetas(self) -> Array:
        """The values that the parameters may have, ``(G, k)``."""
        return self.new_posterior(1).theta

    def log_prior(self, theta: Array) -> Array:
        """Return 0: the prior is uniform."""
        return np.zeros(theta.shape[:-1])

    def prior(self, uniform: Array) -> Array:
        """Return uniform draws from the grid."""
        low, width = self._cells
        return self.thetas[self._node(low + width * self._sizes * uniform)]

    @cached_property
    def _cells(self) -> tuple[Array, Array]:
        """Lower end and width of a cell of each parameter, ``(k,)``."""
        low, high = np.array(list(self.unknown_parameters.values())).T
        return low, (high - low) / self._sizes

    def _node(self, theta: Array) -> NDArray[np.int64]:
        """Return the index of parameters in the grid, ``(..., k)`` to ``(...)``."""
        low, width = self._cells
        cells = ((theta - low) / width).astype(np.int64)
        return np.asarray(
            np.ravel_multi_index(tuple(np.moveaxis(cells, -1, 0)), self._sizes, mode="clip")
        )

    # ---- simulations

    @cached_property
    def simulations(self) -> Simulations:
        """What runs the simulator and keeps what it yields."""
        return Simulations(
            self.simulator,
            None if self.cache is None else Path(self.cache),
            self.workers,
            self.timeout,
            self.retries,
            self.version,
        )

    def simulate(self, part: int = 1, parts: int = 1) -> None:
        """Run what is missing for all settings, or every ``parts``-th run, counted from ``part``.

        Raises:
            InputError: The simulator fails or yields nonsense; or there is no cache for a part.
        """
        parts = integer("parts", parts, low=1)
        part = integer("part", part, low=1, high=parts)
        if parts == 1:
            return self._simulate_settings(range(len(self._settings)))
        if self.cache is None:
            raise InputError("A part of the simulations is of no use unless cache names a folder.")
        jobs = [job for index in range(len(self._settings)) for job in self._jobs(index)]
        for _ in self.simulations.run(jobs[part - 1 :: parts]):
            pass
        return None

    @property
    def _settings(self) -> NDArray[np.float32]:
        assert self._choices is not None  # `settings` is not None
        return self._choices

    @cached_property
    def _laws(self) -> dict[int, tuple[Array, Array]]:
        """By index of a setting: probabilities of the bins ``(G, K)``, and their logs ``(K, G)``."""
        return {}

    def _jobs(self, index: int) -> list[Job]:
        return [
            self._job(theta, self._settings[index], self.simulated_events, seed)
            for theta in self.thetas
            for seed in self.seeds
        ]

    def _job(self, theta: Array, setting: NDArray[Any], events: int, seed: int) -> Job:
        # The shortest decimal of a setting's float32: 40.1 rather than 40.099998474121094.
        phi = tuple(float(str(value)) for value in setting.astype(np.float32))
        return Job(tuple(theta.tolist()), phi, events, seed)

    def _simulate_settings(self, indices: Iterable[int]) -> None:
        """Run what is missing for these settings, and keep their laws."""
        jobs = {index: self._jobs(index) for index in indices if index not in self._laws}
        if not jobs:
            return
        everything = [job for some in jobs.values() for job in some]
        counts, beyond = {}, 0
        low, high = self.data_range
        for job, events in self.simulations.run(everything):
            counts[job] = self.count(events)
            beyond += int(np.count_nonzero((events < low) | (events > high)))
        share = beyond / (len(everything) * self.simulated_events)
        if share > OUTSIDE:
            warnings.warn(
                f"{share:.0%} of what the simulator yields lies outside data_range=({low:g}, {high:g}): "
                "it counts in the end bins, which tell little of it. Give a data_range that holds it.",
                stacklevel=2,
            )
        for index, mine in jobs.items():
            total = np.array([counts[job] for job in mine], np.float64)
            total = total.reshape(len(self.thetas), len(self.seeds), -1).sum(1) + 0.5
            law = total / total.sum(1, keepdims=True)
            # Rounded so that sums of counts times logs are exact: one episode is the same as many.
            self._laws[index] = law, np.ascontiguousarray(np.round(np.log(law) * 2**24).T) / 2**24

    def _indices(self, setting: Array) -> list[int]:
        """Return the indices of B settings; those that are new are simulated."""
        rows = setting.astype(np.float32).tolist()
        try:
            indices = [self._index[tuple(row)] for row in rows]
        except KeyError as error:
            raise InputError(
                f"The setting {error} is none of the {len(self._settings)} settings that are "
                "simulated; see `settings`."
            ) from None
        self._simulate_settings(set(indices))
        return indices

    @cached_property
    def _index(self) -> dict[tuple[float, ...], int]:
        """The index of every setting."""
        return {tuple(row): index for index, row in enumerate(self._settings.tolist())}

    # ---- the law of the data

    @property
    def event_range(self) -> tuple[float, float]:
        """The range of the histogram."""
        return self.data_range

    @property
    def law(self) -> Histograms:
        """Histograms of a fixed number of events."""
        return Histograms(self.num_events)

    def rates(self, theta: Array, setting: Array) -> Array:
        """Return P(bin | theta, phi) for B parameters ``(B, k)`` and settings, ``(B, num_bins)``."""
        pairs = zip(self._indices(setting), self._node(theta).tolist(), strict=True)
        return np.array([self._laws[index][0][node] for index, node in pairs])

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the multinomial log likelihood without its coefficient, ``(B, G)``."""
        indices, nodes = self._indices(setting), self._node(theta)
        logs = np.empty((len(outcome), len(self.thetas)))
        for index in set(indices):
            mine = np.equal(indices, index)
            logs[mine] = outcome[mine] @ self._laws[index][1]
        # `take` keeps the order of memory, and with it that of later sums, whatever B is.
        return logs.take(nodes, 1) if nodes.ndim == 1 else np.take_along_axis(logs, nodes, 1)

    def repeat(
        self, theta: Array, setting: Array, outcome: Array, random: np.random.Generator
    ) -> Array:
        """Return histograms of as many events as each ``outcome`` has, ``(B, num_bins)``.

        The law of each is drawn from what the simulated events leave open, Dirichlet(n_k + 1/2): more
        real events than simulated ones find their difference, which is no fault of the simulator.
        """
        simulated = self.simulated_events * len(self.seeds) + self.num_bins / 2
        law = random.standard_gamma(self.rates(theta, setting) * simulated)
        law /= law.sum(1, keepdims=True)
        return random.multinomial(outcome.sum(1).astype(np.int64), law).astype(np.float64)

    def with_more(self, horizon: int, settings: Iterable[Sequence[float]] = ()) -> Self:
        """Return the same problem with more rounds and settings; what is simulated stays so."""
        other = super().with_more(horizon, settings)
        known = len(self._settings)
        other._laws.update({i: law for i, law in self._laws.items() if i < known})
        return other

    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: NDArray[np.bool_] | None
    ) -> Array:
        if not self.fresh:
            return super()._experiment(theta, setting, streams, done)
        jobs = {}
        for i in range(len(theta)):
            if done is None or not done[i]:
                seed = int(streams.noise[i].integers(2**31))
                jobs[i] = self._job(theta[i], setting[i], self.num_events, seed)
        counts = {job: self.count(events) for job, events in self.simulations.run(jobs.values())}
        outcome = np.zeros((len(theta), self.num_bins))
        for i, job in jobs.items():
            outcome[i] = counts[job]
        return outcome


def _ranges(name: str, value: Any) -> Ranges:
    """Return names with intervals."""
    if not isinstance(value, Mapping) or not value:
        example = "{'theta': (0.5, 1.5)}"
        raise InputError(f"{name} must be a dict such as {example}, got {shown(value)}.")
    for key in value:
        if not isinstance(key, str):
            raise InputError(f"The names in {name} must be texts, got {shown(key)}.")
    return {key: interval(f"{name}[{shown(key)}]", v, -HUGE, HUGE) for key, v in value.items()}


SimulatorDesignEnv, SimulatorDesignVectorEnv = environments(SimulatorDesign)
