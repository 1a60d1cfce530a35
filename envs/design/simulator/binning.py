"""From the events of a run to counts of bins: columns, summaries, histograms on a line or in a plane."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self, TypeAlias

import numpy as np

from ...core import InputError, shown, told
from ...core.arrays import Array, Whole
from ...core.checks import choice, integer, sequence
from ..settings import interval
from .black_box import REFERENCE, imported

Summary: TypeAlias = Callable[[Array], Any]
HUGE = 1e9
"""Bound of every range."""
MOST_BINS = 10_000
ADVICE = (
    "name one or two of them in columns, such as columns=(0,), or give "
    "summarise='module:function', which makes one or two numbers of them"
)


@dataclass(frozen=True)
class Bins:
    """Bins of one or two numbers.

    Args:
        ranges: What the bins divide, for each of the d numbers.
        sizes: Bins along each; the first and the last take in what lies beyond.
        columns: Which numbers of an event are looked at; None: all.
        summary: Makes d numbers of each event, or of some events together; None: they are as they are.
        together: How many events are summarised together; None: each by itself.
    """

    ranges: tuple[tuple[float, float], ...]
    sizes: tuple[int, ...]
    columns: tuple[int, ...] | None = None
    summary: Summary | None = None
    together: int | None = None

    @classmethod
    def of(
        cls, data_range: Any, num_bins: Any, columns: Any, summary: Any, together: int | None
    ) -> Self:
        """Return bins from what a user gives; see `SimulatorDesign`.

        Raises:
            InputError: They are no bins, or too many.
        """
        ranges, check = _ranges(data_range), partial(integer, low=2, high=MOST_BINS)
        if isinstance(num_bins, list | tuple):
            sizes = sequence("num_bins", num_bins, check)
        else:
            sizes = (check("num_bins", num_bins),) * len(ranges)
        if len(sizes) != len(ranges):
            raise InputError(
                f"num_bins must be one number or one for each range in data_range ({len(ranges)}), "
                f"got {shown(num_bins)}."
            )
        if np.prod(sizes) > MOST_BINS:
            product = " x ".join(map(str, sizes))
            raise InputError(f"num_bins = {product} are more than {MOST_BINS:,} bins; take fewer.")
        if columns is not None:
            listed = columns if isinstance(columns, list | tuple) else (columns,)
            columns = sequence("columns", listed, lambda n, v: integer(n, v, low=0, high=99))
        if together is not None and summary is None:
            raise InputError(
                "summarise_per = 'experiment' needs a summarise='module:function' of its events."
            )
        return cls(ranges, sizes, columns, _function(summary), together)

    @property
    def total(self) -> int:
        """How many bins there are."""
        return int(np.prod(self.sizes))

    def numbers(self, events: Array) -> Array:
        """Return the numbers that are put into bins, ``(M, d)``, of events ``(N,)`` or ``(N, c)``.

        Raises:
            InputError: They are not d numbers, or the summary fails.
        """
        rows = events[:, None] if events.ndim == 1 else events
        if self.columns is not None:
            if max(self.columns) >= rows.shape[1]:
                raise InputError(
                    f"columns = {shown(self.columns)} must be below {rows.shape[1]}, for so many "
                    "numbers has an event of the simulator; the first one is 0."
                )
            rows = rows[:, list(self.columns)]
        if self.summary is not None:
            rows = self._summarised(self.summary, rows)
        if rows.shape[1] != len(self.ranges):
            what = "The summary" if self.summary is not None else "An event of the simulator"
            raise InputError(
                f"{what} has {rows.shape[1]} numbers, and data_range holds the ranges of "
                f"{len(self.ranges)}: give a range for each of two, or {ADVICE}."
            )
        return rows

    def count(self, numbers: Array) -> Whole:
        """Return the histogram of numbers ``(M, d)``, ``(total,)``."""
        indices = []
        for column, (low, high), size in zip(numbers.T, self.ranges, self.sizes, strict=True):
            with np.errstate(over="ignore"):  # of events as large as numbers can be
                bins = np.clip((column - low) / (high - low) * size, 0, size - 1)
            indices.append(bins.astype(np.int64))
        index = np.ravel_multi_index(tuple(indices), self.sizes)
        return np.bincount(index, minlength=self.total)

    def beyond(self, numbers: Array) -> int:
        """Return how many of the numbers ``(M, d)`` lie outside their ranges."""
        low, high = np.array(self.ranges).T
        return int(np.count_nonzero(((numbers < low) | (numbers > high)).any(1)))

    def _summarised(self, summary: Summary, rows: Array) -> Array:
        rows = rows[:, 0] if rows.shape[1] == 1 else rows
        if self.together is None:
            return _checked(summary, rows, len(rows))
        count = len(rows) // self.together
        parts = rows[: count * self.together].reshape(count, self.together, *rows.shape[1:])
        return np.concatenate([_checked(summary, part, None) for part in parts])


def _checked(summary: Summary, events: Array, count: int | None) -> Array:
    """Return the numbers of a summary: a row for each of ``count`` events, or one row for all."""
    name = getattr(summary, "__qualname__", None) or reprlib.repr(summary)
    try:
        found = np.asarray(summary(events), np.float64)
    except Exception as error:  # whatever a user's function may raise
        raise InputError(
            f"summarise = {name} raised {type(error).__name__}: {told(error)}, given events of shape "
            f"{events.shape}."
        ) from error
    wanted = "one or two numbers for all events" if count is None else "a row for each event"
    if count is None:
        found = np.atleast_1d(found)[None]
    rows = found[:, None] if found.ndim == 1 else found
    if rows.ndim != 2 or (count is not None and len(rows) != count):
        raise InputError(
            f"summarise = {name} must return {wanted}, got shape {found.shape} for events of shape "
            f"{events.shape}; see summarise_per."
        )
    if not np.isfinite(rows).all():
        raise InputError(
            f"summarise = {name} must return finite numbers, got {shown(rows.tolist())}."
        )
    return rows


def _ranges(value: Any) -> tuple[tuple[float, float], ...]:
    """Return the ranges of one or two numbers."""
    pairs = sequence("data_range", value, lambda _, pair: pair)
    if not any(isinstance(pair, list | tuple | np.ndarray) for pair in pairs):
        return (interval("data_range", value, -HUGE, HUGE),)
    if len(pairs) > 2:
        raise InputError(
            f"data_range holds {len(pairs)} ranges, but at most two numbers are put into bins: "
            f"{ADVICE}."
        )
    return tuple(interval(f"data_range[{i}]", pair, -HUGE, HUGE) for i, pair in enumerate(pairs))


def _function(summary: Any) -> Summary | None:
    if isinstance(summary, str) and re.fullmatch(REFERENCE, summary):
        summary = imported("summarise", summary)
    if summary is not None and not callable(summary):
        raise InputError(
            f"summarise must be a function of events or a text 'package.module:function', got "
            f"{shown(summary)}."
        )
    found: Summary | None = summary
    return found


def checked_of(value: Any) -> bool:
    """Return whether a summary is of an experiment, and not of an event."""
    return choice("summarise_per", value, ("event", "experiment")) == "experiment"
