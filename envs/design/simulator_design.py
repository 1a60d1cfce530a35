r"""Bring your own simulator: the likelihood is built from histograms of what it yields.

Of a black box one can only ask for events x_1, x_2, ... ~ p(x | theta, phi). Put into bins,

    P(bin k | theta_i, phi) = (n_k + 1/2) / (N + K/2)                              for every i,
    P(bin k | phi)          = sum_i P(bin k | theta_i, phi) P(theta_i),
    EIG(phi)                = sum over data y of P(y | phi) [H[P(theta)] - H[P(theta | y, phi)]],

where n_k of the N simulated events fall into bin k of K, and data y are the counts of the bins. Half
a count is added to every bin (the posterior mean under Jeffreys' prior), because a finite simulation
leaves bins empty and one event there would rule theta_i out for good. Where an experiment may fail, as f
of the n runs of theta_i did, the failure is one more outcome, of probability (f + 1/2) / (n + 1).

Source: M. Kumar, M. Ceru, P. Yeres, K. Cranmer, "Robot physicist" (2017), equations (1) to (3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from ..core import InputError, environments, shown
from ..core.arrays import Array
from ..core.checks import choice, flag, integer, real, sequence
from .settings import interval
from .simulator.binning import HUGE, Bins, checked_of
from .simulator.estimate import Estimate
from .simulator.failures import MODES, Tally
from .simulator.jobs import Simulations
from .simulator.progress import Tell
from .simulator.runs import Runs
from .tabulated import TabulatedDesign

Ranges: TypeAlias = Mapping[str, tuple[float, float]]


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


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatorDesign(TabulatedDesign):
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

    A run fails if it raises, ends with an exit status other than 0, yields something else than finite
    numbers, or is killed, also by `timeout`, more than `retries` times. What that means is
    `on_failure`. A failure that the real experiment can show as well, such as a reaction that runs
    away, tells something: "outcome" makes it a part of the data, of probability (f + 1/2) / (n + 1)
    where f of n runs failed. One run then stands for one experiment, whatever their numbers of events;
    of n seeds, chance alone seems to tell about 1/2n nats. To leave failures out instead is biased:
    what did not fail is believed to be likely. If only the simulation fails, for reasons of numerics,
    the real experiment would have yielded something that nobody knows. "mask" then goes by the seeds
    that did not fail, and where there is none takes the parameter value out of the prior, of which a
    warning tells how much is lost. (A histogram made up from its neighbours would do for a failure
    here or there, for which more seeds do as well, but not at the edge of a region that cannot be
    simulated.) All settings are simulated before the first episode then, for the prior depends on
    them.

    A simulator that cannot be started, or whose machine is lost, has not failed: this is always an
    error; so are the exit statuses 125, 126 and 127, by which containers and shells say so.

    `model.estimate()` times three runs before all are started, and its text says how long they will
    take; `model.simulate(progress=print)` tells how far they are; `model.failures` which have failed.

    ## Action space
    `Discrete(n)`: the index of a setting, see `model.action(phi=42)` and `model.setting(action)`.
    Anything outside raises `InputError`.

    ## Observation space
    - `outcomes`: float32, `(T * m,)`, the counts of the m bins in the same order; in a plane, those of
      the second number in turn for each bin of the first. Where failing is an outcome, there is one
      more, 1 for an experiment that failed, whose other counts are 0.

    ## Starting state
    theta drawn uniformly from the grid, or from what a mask leaves of it; no data.

    ## Arguments
    - `simulator` (the toy of `discovery/WeinbergToy-v0`): a function of `(theta, phi, n_events, seed)`
      with arrays theta and phi, that returns `n_events` finite numbers, or an array with a row for
      each event, and depends on nothing else; or a text `"package.module:function"`; or a command
      line, a text or a list, such as `["./simulate", "{theta}", "{phi}", "{events}", "{seed}"]`, that
      prints one event a line, several numbers of it with spaces between them, or writes the file that
      `{output}` names. Several parameters are separated by commas; `{phi[1]}` is one of them. No shell
      is involved. A container is a command line: `"docker run --rm image {theta} {phi} {events}
      {seed}"`.
    - `unknown_ranges` ({"theta": (0.5, 1.5)}): names and ranges of the parameters; the prior is
      uniform on the midpoints of `grid_size` equal cells.
    - `knob_ranges` ({"phi": (40.0, 50.0)}): names and ranges of what can be set.
    - `settings`: settings to choose from: n evenly spaced per knob, or a list of them.
    - `grid_size`: values of each parameter, one number for all or one for each.
    - `data_range`, `num_bins`: the histogram; its first and last bin take in what lies beyond; a
      warning says where that is more than a fifth of all. Two numbers are put into bins of a plane:
      `data_range=((0, 1), (-3, 3))`, `num_bins=(10, 20)` or one number for both.
    - `columns` (None): which numbers of an event are looked at, the first is 0; None: all.
    - `summarise` (None): a function of events `(N,)`, or `(N, c)` of several columns, or its name
      `"package.module:function"`, that makes one or two numbers of them. Runs are kept as they were, so
      that another summary needs no new ones.
    - `summarise_per`: "event": it returns a row for each event; "experiment": one or two numbers
      of all `num_events` events of an experiment, and runs are cut into experiments of so many events.
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
    - `retries`: how often a run that was killed, died or raised is repeated; never again once it has
      raised the same error twice.
    - `on_failure`: what a run that fails for good is: "raise" an error, an "outcome" of the
      experiment, or a reason to "mask" its parameter value; see above.
    - `max_failed`: largest share of the runs that may fail, and of the prior that may be masked. The
      runs, which are then made in random order, are stopped as soon as there is no doubt, and the
      settings listed by how many failed.
    - `cache`: folder of finished runs; needed if there are workers. Runs that failed for good, where
      they are no error, are kept there too, with the reason, and not repeated, unless
      `model.simulate(retry_failed=True)` asks for it.
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
    data_range: Any = (-1.0, 1.0)
    num_bins: Any = 20
    simulated_events: int = 10_000
    seeds: Sequence[int] = (0,)
    num_events: int = 20
    fresh: bool = False
    workers: int | str = 0
    timeout: float = 3600.0
    retries: int = 2
    cache: str | Path | None = None
    version: str = ""
    on_failure: str = "raise"
    max_failed: float = 0.2
    columns: Any = None
    summarise: Any = None
    summarise_per: str = "event"

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
            on_failure=choice("on_failure", self.on_failure, MODES),
            max_failed=real("max_failed", self.max_failed, low=0, high=1),
            simulated_events=integer("simulated_events", self.simulated_events, low=1, high=10**8),
            seeds=seeds,
            num_events=integer("num_events", self.num_events, low=1, high=1_000_000),
            fresh=flag("fresh", self.fresh),
            timeout=real("timeout", self.timeout, low=0, high=1e9, open_low=True),
            retries=integer("retries", self.retries, low=0, high=1000),
            version=str(self.version),
        )
        bins = self._bins
        self._set(
            data_range=bins.ranges if len(bins.ranges) > 1 else bins.ranges[0],
            num_bins=bins.sizes if len(bins.sizes) > 1 else bins.sizes[0],
            columns=bins.columns,
        )
        super().__post_init__()
        _ = self.simulations  # complain about it now

    @property
    def unknown_parameters(self) -> Ranges:
        """The parameters."""
        return self.unknown_ranges

    @property
    def knobs(self) -> Ranges:
        """What can be set."""
        return self.knob_ranges

    # ---- simulations

    @cached_property
    def simulations(self) -> Simulations:
        """What runs the simulator and keeps what it yields."""
        folder, failures = (
            None if self.cache is None else Path(self.cache),
            self.on_failure != "raise",
        )
        how = self.workers, self.timeout, self.retries, self.version
        return Simulations(self.simulator, folder, *how, failures=failures)

    @cached_property
    def _bins(self) -> Bins:
        together = self.num_events if checked_of(self.summarise_per) else None
        if together is not None and together > self.simulated_events:
            raise InputError(
                f"simulated_events = {self.simulated_events} must be at least num_events = {together}: "
                "a summary of an experiment needs all of its events."
            )
        return Bins.of(self.data_range, self.num_bins, self.columns, self.summarise, together)

    @cached_property
    def _runs(self) -> Runs:
        return Runs(
            self.simulations,
            self._bins,
            self.thetas,
            self._settings,
            self.simulated_events,
            self.seeds,
            self.on_failure,
            self.max_failed,
            self.fresh,
            self._name,
        )

    def _name(self, phi: tuple[float, ...]) -> str:
        return ", ".join(f"{name}={v:.4g}" for name, v in zip(self.knobs, phi, strict=True))

    @property
    def failures(self) -> Tally:
        """The runs that were looked at so far, and which of them failed; its text tells of both."""
        return self._runs.failures

    def estimate(self) -> Estimate:
        """Time three runs, of both corners and the centre; return what all runs will take.

        They are kept, unless they fail. Its text is for people, its `hours` for programs.

        Raises:
            InputError: The simulator cannot start.
        """
        return self._runs.estimate()

    def simulate(
        self,
        part: int = 1,
        parts: int = 1,
        *,
        progress: Tell | None = None,
        retry_failed: bool = False,
    ) -> None:
        """Run what is missing for all settings, or every ``parts``-th run, counted from ``part``.

        Args:
            part: Which part, from 1.
            parts: How many parts there are.
            progress: Is told how far the runs are every 10 s and in the end, such as `print`.
            retry_failed: Whether runs that are kept as failed are run again.

        Raises:
            InputError: The simulator fails or yields nonsense; or there is no cache for a part.
        """
        parts = integer("parts", parts, low=1)
        part = integer("part", part, low=1, high=parts)
        if parts > 1 and self.cache is None:
            raise InputError("A part of the simulations is of no use unless cache names a folder.")
        if retry_failed:
            self._runs.forget_failures()
        if parts == 1:
            self._runs.need(self._runs.every, progress)
        else:
            self._runs.part(part, parts, progress)

    def data(self, events: Any) -> Array:
        """Return the data of an experiment as observations hold them, ``(m,)``.

        Args:
            events: Its events, ``(N,)`` or ``(N, c)`` as the simulator returns them; None: it failed.

        Raises:
            InputError: They are no such events; or it failed, and that is no outcome.
        """
        return self._runs.data(None if events is None else np.asarray(events, np.float64))

    # ---- prices

    def with_more(self, horizon: int, settings: Iterable[Sequence[float]] = ()) -> Self:
        """Return the same problem with more rounds and settings; what is simulated stays so.

        Where prices are listed, a new setting costs what the nearest one does.
        """
        more = tuple(settings)
        if not more or self._prices is None or callable(self.price) or isinstance(self.price, str):
            return super().with_more(horizon, more)
        width = np.subtract(*reversed(self.ranges))
        apart = (np.array(more)[:, None] - self._settings) / width
        nearest = self._prices[(apart**2).sum(2).argmin(1)]
        free = replace(self, price=None).with_more(horizon, more)
        other = replace(free, price=(*self._prices.tolist(), *nearest.tolist()))
        other._runs.take_over(self._runs)
        return other


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
