"""A pool on real data: the rows of a table are the items.

Nothing is hidden but the labels themselves, so that the truth is exact: an oracle collects the best
T labels, and an agent that chooses at random T times the mean label. A whole table is one instance,
on which an agent without chance gets the same return in every episode; with `rows` each episode is a
pool drawn from the table (`order_statistics.top_sum_drawn` has the law of its best labels).

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, section 5.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Never

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..core import InputError, Streams, environments, shown
from ..core.arrays import Array, Single, Whole
from ..core.checks import COSTLY, choice, flag, integer, real
from ..datasets import Reading, Table, load
from ..datasets.table import from_arrays
from .columns import ColumnTests, TableLabels, named_columns
from .feature_pool import FeaturePool
from .labels import ANY_LABEL, FeatureLabels
from .order_statistics import top_sum_drawn
from .scaling import SCALINGS, bounds, scaled
from .shown import Shown

OPTIONS = Reading.options()

MOST_HALVES = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicTable(FeaturePool):
    """What agents know of a `TablePool`: neither its labels nor what follows from them.

    The `illegal_reward` is left at 0, for it may be the lowest label.
    """

    num_items: int = 0
    num_features: int = 0
    outcomes: tuple[float, float] | None = None
    feature_range: tuple[float, float] = (0.0, 1.0)

    _label_type: ClassVar[DTypeLike] = np.float64
    name = "TablePool"

    def new_state(self, num_episodes: int) -> Never:
        """Refuse: there are no labels to play with."""
        raise InputError("This is what agents know of a table; make an environment to play it.")


@dataclass(frozen=True, kw_only=True, eq=False)
class TablePool(ColumnTests, Reading):
    """Find the best rows of a table of real measurements.

    ## Description
    Adaptive sampling for discovery (Xu et al. 2022) on real data: items are the rows of a table
    with features, such as reaction conditions or patients; each may be labelled once, and the sum
    of the labels counts. The embedded default is a clinical data set.

    A whole table is one instance: who is ahead on it may be behind on the next. With `rows` every
    episode plays other rows, drawn from the table without replacement; n is then their number. Pools
    drawn from one table overlap, so that the spread of their returns says nothing about other tables.

    ## Observation space
    - `labels`: float64, `(T,)`, their labels in the unit of the table, 0 behind the last.

    ## Starting state
    No labels. With `rows`, the rows are drawn for every episode, in random order: the number of an item
    tells nothing.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the best labels for the choices
    spent, free of noise), `values` (the mean label of every item) and, with `rows`, `row` (int64,
    `(n,)`, the row of the table that each item is).

    ## Arguments
    - `dataset` ("diabetes"): name of a data set, or path of a CSV file (also .tsv, .txt, packed as .gz,
      .bz2 or .xz) or of a Parquet file. Further sets are found in the folder that the environment
      variable `DISCOVERY_GYM_DATA` names. Columns of texts become one indicator feature per level.
      Rows without a label are left out, and the label of rows with equal features is their mean.
    - `target`: label column; None takes the first of a named set, and of a file the column that is
      named like an outcome, else the last one.
    - `features`: names of the feature columns; None takes all that are left. With `labels` the array
      of features.
    - `drop`: columns that are neither features nor labels.
    - `categories`: columns of names, even if they are numbers: one indicator feature per level.
    - `minimise`: whether less is better; labels and rewards then change their sign. None: no, unless a
      `config.json` of Olympus beside the file says so.
    - `header`, `names`, `separator`, `decimal`, `thousands`, `missing`, `index`, `encoding`,
      `descriptors`: how to read a file that leaves it open; see
      [Data sets](../guide.md#data-sets).
    - `labels`: labels `(n,)`, with features `(n, d)`, in place of a data set; both are copied. Both must
      lie within the range of single precision, and labels differ by more than 1e-38 or not at all. Two
      values of labels, whatever they are, count as failure and success (the higher one), and both are
      public, unless there is noise.
    - `rows`: rows that an episode plays: a share in (0, 1], such as 0.5 for half of them (rounded, at
      least one), or their number, an integer; None plays the table as it is.
    - `half`: the number of a half of the rows, which takes the place of the table: 0 and 1 are the
      halves of one random split, 2 and 3 those of the next, and so on; None takes all rows.
    - `placebo`: whether labels are dealt at random to the rows of an episode, with `rows`: then features
      tell nothing, and no agent is better than random play.
    - `scaling`: "l2" divides each feature by its Euclidean norm over the pool, as the paper does;
      "standard" gives it mean 0 and standard deviation 1; "none" leaves it. With `rows` the pool is
      that of the episode: it is as if its rows were given as arrays. Features are then shown in single
      precision; a table is refused if that hides differences.
    - `fidelities`: the M tests that a row may have, from the cheapest on: `(cost, column)` with the
      name of another column, or as many numbers as there are rows, and `(cost,)` for the label, the
      last. The column is then no feature. It is shown on the scale of the labels, such that its
      correlation rho with the label v makes it rho v in the mean; rho is public, and `(cost, column,
      rho)` tells another one. Where labels and all of the columns have two values each, columns are
      shown as labels, and their sensitivity and share of false positives are public. With `minimise`
      the sign of columns changes with that of labels.
    - `price`: what a label costs: one number, one for each row, or the name of a column, which is then
      no feature. Rows are those that are given or that stand in the file, also with `half`.
    - `illegal_reward`: reward of choosing an item again; None takes 0, or the lowest label of the table
      if that is below 0, since wasting choices would beat labels otherwise. In the regret a wasted
      choice counts as that, whatever it pays.

    ## Version history
    - v0: first version. `rows`, `half` and `placebo` came later and change nothing where they are not
      given.
    """

    features: Any = None
    labels: Any = None
    half: int | None = None
    placebo: bool = False
    scaling: str = "l2"
    illegal_reward: float = None  # type: ignore[assignment]  # a number once the labels are known

    _label_type: ClassVar[DTypeLike] = np.float64  # single precision would hide that 1e9 + y differ

    def __post_init__(self) -> None:
        choice("scaling", self.scaling, SCALINGS)
        if self.fidelities is not None:
            self._set(fidelities=self._checked_fidelities(self.fidelities))
        if self.price is not None:
            self._set(price=self._checked_price(self.price))
        if self.half is not None:
            self._set(half=integer("half", self.half, low=0, high=MOST_HALVES))
        if self.labels is not None:
            self._check_arrays()
        elif self.dataset is None:
            if self.features is not None:
                raise InputError(
                    "features and labels belong together: give labels, too, or a dataset whose columns "
                    "features names."
                )
            self._set(dataset="diabetes")
        if self.rows is not None:
            self._set(rows=self._checked_rows(self.rows))
        if flag("placebo", self.placebo) and self.rows is None:
            raise InputError(
                "placebo deals labels to rows that are drawn; give rows, too: rows=1.0."
            )
        given: Any = self.illegal_reward
        if given is None:
            self._set(illegal_reward=max(self._wasted, -COSTLY))
        super().__post_init__()
        _ = self.proxies  # refuses columns that tell nothing
        self._check_labels()
        _ = self._scaled  # refuses features whose differences it cannot show

    def _check_arrays(self) -> None:
        """Refuse what does not go with arrays, and keep copies that nobody else can change."""
        if self.features is None:
            raise InputError("features and labels belong together: give both or neither.")
        reading = Reading(**{name: getattr(self, name) for name in OPTIONS if name != "features"})
        given = reading.given("minimise") + ["dataset"] * (self.dataset is not None)
        if given:
            raise InputError(f"Give {given[0]} or the arrays features and labels, not both.")
        table = from_arrays(self.features, self.labels, reading.minimise or False)
        self._set(features=table.features, labels=table.labels)
        self._set(table=self._halved(replace(table, others=self._others(table))))

    def _check_labels(self) -> None:
        """Refuse labels that an observation cannot hold."""
        labels = self.table.labels
        far = int(np.abs(labels).argmax())
        if abs(labels[far]) + 10 * self.noise_std > ANY_LABEL:
            noise = f" with noise_std={self.noise_std:g}" if self.noise_std else ""
            raise InputError(
                f"Labels must lie within -{ANY_LABEL:.3g} and {ANY_LABEL:.3g}, noise included; that "
                f"of item {far} is {labels[far]:g}{noise}. Give them in a larger unit."
            )
        if 0 < (spread := float(np.ptp(labels))) < 1 / ANY_LABEL:
            raise InputError(
                f"Labels must differ by more than {1 / ANY_LABEL:.3g} or not at all; the highest and "
                f"the lowest differ by {spread:.3g}. Give them in a smaller unit."
            )

    def _checked_rows(self, rows: Any) -> float:
        """Return a share of the rows as a float, or their number as an integer."""
        count = len(self.table.labels)
        try:
            if isinstance(rows, numbers.Integral):
                return integer("rows", rows, low=1, high=count)
            return real("rows", rows, low=0, high=1, open_low=True)
        except InputError:
            raise InputError(
                f"rows must be a share in (0, 1], such as 0.5, or an integer from 1 to {count}, the "
                f"rows of the table, got {shown(rows)}; rows=None plays them all."
            ) from None

    @cached_property
    def table(self) -> Table:
        """The table, labels included: for the environment and for people, not for agents."""
        assert self.dataset is not None  # of arrays it is made at once
        options = {name: getattr(self, name) for name in OPTIONS}
        options["drop"] = *self.drop, *named_columns(self.fidelities, self.price)
        table = load(self.dataset, **options)
        return self._halved(replace(table, others=self._others(table, options)).conditions())

    def _halved(self, table: Table) -> Table:
        return table if self.half is None else table.half(self.half)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: of a whole table masks and a history."""
        if self.rows is not None:
            return super().size
        return self.num_items // 2 + (5 + 4 * self.waiting.any) * self._horizon

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: the table."""
        return 2 * int(self.table.features.size)

    @property
    def num_items(self) -> int:
        """The number of rows that an episode plays."""
        count = len(self.table.labels)
        if self.rows is None:
            return count
        return self.rows if isinstance(self.rows, int) else max(1, round(self.rows * count))

    @property
    def num_features(self) -> int:
        """The number of features."""
        return int(self.table.features.shape[1])

    @cached_property
    def _wasted(self) -> float:
        return min(0.0, float(self.table.labels.min()))

    @cached_property
    def outcomes(self) -> tuple[float, float] | None:
        """The two values of labels, failure and success; None if there are others, or noise."""
        values = np.unique(self.table.labels)
        # A label that is missing is no value, and what the others are does not tell what it will be.
        if self.noise_std or len(values) != 2 or np.isnan(values).any():
            return None
        return float(values[0]), float(values[1])

    def public(self) -> PublicTable:
        """Return what agents know of it, always the same object."""
        return self._public

    @cached_property
    def _public(self) -> PublicTable:
        money = {"fidelities", "price", "budget"}
        names = [field.name for field in fields(PublicTable)]
        same = {name: getattr(self, name) for name in names if name not in money}
        if self.shop is None:
            return PublicTable(**same | {"illegal_reward": 0.0})
        # What costs what is public; the columns are not, of which the proxies are made.
        public = PublicTable(**same | {"illegal_reward": 0.0, "horizon": self.batch_size})
        costs = [(cost,) for cost, *_ in self.fidelities or ()]
        known: dict[str, Any] = {
            "shop": self.shop,
            "proxies": self.proxies,
            "horizon": self.horizon,
        }
        public._set(fidelities=tuple(costs) or None, budget=self.budget, **known)
        public._set(_prices_drawn=self._prices_drawn)
        return public

    @cached_property
    def _scaled(self) -> Single:
        """The features of the whole table as one pool, read-only, ``(n, d)``."""
        shown = scaled(self.table.features, self.scaling, self.table.feature_names)
        shown.flags.writeable = False
        return shown

    @cached_property
    def feature_range(self) -> tuple[float, float]:
        """The bounds of the features as they are scaled."""
        if self.rows is not None and self.scaling != "none":
            # No entry exceeds the norm of its column, which is 1, or sqrt(n) if its variance is 1.
            bound = 1.0 if self.scaling == "l2" else self.num_items**0.5
            return -bound, bound
        return bounds(self._scaled)

    # ---- dynamics

    def new_state(self, num_episodes: int) -> TableLabels:
        """Return the arrays of ``num_episodes`` episodes; of a whole table all share the values."""
        shape = (num_episodes, self.num_items)
        if self.rows is not None:
            features = np.zeros((num_episodes, self.num_items * self.num_features), np.float32)
            common = self.common(np.zeros(shape))
            return TableLabels(rows=np.zeros(shape, np.int64), features=Shown(features), **common)
        table, sums = self.table.labels, self._best_of_table
        best = np.broadcast_to(sums, (num_episodes, len(sums)))
        return TableLabels(
            rows=np.broadcast_to(np.arange(len(table)), shape),
            features=Shown(
                np.broadcast_to(self._scaled.reshape(-1), (num_episodes, self._scaled.size))
            ),
            **self.common(np.broadcast_to(table, shape), best),
        )

    def reset(self, state: FeatureLabels, index: Whole, streams: Streams) -> None:
        """Take all labels back, and draw the rows anew where they are drawn."""
        assert isinstance(state, TableLabels)
        if self.rows is not None:
            n, table = self.num_items, self.table
            features = state.features.anew(index)
            for i in index.tolist():
                drawn = streams.generators[i].permutation(len(table.labels))[:n]
                dealt = streams.generators[i].permutation(drawn) if self.placebo else drawn
                state.rows[i], state.values[i] = drawn, table.labels[dealt]
                features[i] = scaled(table.features[drawn], self.scaling).reshape(-1)
        super().reset(state, index, streams)

    def _values_at(self, state: FeatureLabels, index: Whole, item: Whole) -> Array:
        if self.rows is not None:
            return super()._values_at(state, index, item)
        return self.table.labels[item]  # `values` is a view, which `reshape` would copy

    def hidden(self, state: FeatureLabels) -> dict[str, NDArray[Any]]:
        """Return regret and values as every pool; with `rows` also the ``row`` of each item, ``(B, n)``.

        The row is no secret, but of use to people only.
        """
        assert isinstance(state, TableLabels)
        drawn = {} if self.rows is None else {"row": state.rows.copy()}
        return super().hidden(state) | drawn

    # ---- truth

    def random_value(self) -> float:
        """Return the expected return of uniform choices: their labels times the mean of the table."""
        return self.kept * self.random_labels * float(self.table.labels.mean())

    def optimal_value(self) -> float:
        """Return the expected return of an oracle that knows all labels: the sum of the best T."""
        if self.rows is not None:
            best = self.taken(self.table.labels)
            return self.kept * top_sum_drawn(best, self.num_items, self.most_labels)
        return self.kept * float(self._best_of_table[-1])

    @cached_property
    def _best_of_table(self) -> Array:
        """The best sums of the whole table for what may be spent."""
        costs = None if self.shop is None else self.shop.spend[None, :, -1]
        return np.asarray(self._best_values(self.table.labels[None], costs)[0])


TablePoolEnv, TablePoolVectorEnv = environments(TablePool)
