"""Real data of an experiment: from a file, or numbers at hand, to what a model takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..envs.core import InputError, closest, shown
from ..envs.core.arrays import Array
from ..envs.datasets import Reading
from ..envs.datasets.columns import Columns
from ..envs.datasets.files import contents, ending
from ..envs.datasets.formats import read_columns
from ..envs.design.binomial import BinomialLaw
from ..envs.design.design import DesignModel
from ..envs.design.drawing import HistogramLaw
from ..envs.design.laws import Listed
from ..envs.design.simulator_design import SimulatorDesign

MOST = 2.0**24
"""Counts that single precision holds."""


@dataclass(frozen=True)
class Measured:
    """What a file tells of one experiment.

    Args:
        setting: The setting ``(d,)``; None where the file has no columns of settings.
        outcome: The data as the model takes them, ``(m,)``.
    """

    setting: tuple[float, ...] | None
    outcome: tuple[float, ...]


@dataclass(frozen=True)
class DataFile:
    """The rows of a file: settings ``(n, d)`` or None, and data ``(n, c)``."""

    name: str
    settings: Array | None
    data: Array
    counts: bool  # each row is a histogram

    @classmethod
    def read(cls, path: Path, model: DesignModel[Any]) -> DataFile:
        """Read a file of data.

        Its columns are those of the settings, named as the knobs, and those of the data. These are one
        event in a row where data are histograms (or the counts of all bins), else the numbers of one
        experiment in a row. Events without settings may stand in lines without a header.

        Raises:
            InputError: A column is missing, or a cell is no number.
        """
        if (events := _lines(path)) is not None and isinstance(model, HistogramLaw):
            return cls(str(path), None, events[:, None], counts=False)
        columns = read_columns(path, Reading(header=True))
        names, knobs = [name for name in columns.cells if name], list(model.knobs)
        found = [name for name in knobs if name in names]
        rest = [name for name in names if name not in knobs]
        if found and len(found) < len(knobs):
            lost = next(name for name in knobs if name not in found)
            raise InputError(
                f"{path} has no column {shown(lost)}{closest(lost, rest)} The settings are "
                f"{', '.join(knobs)}: give all of them, or none to tell what is in flight."
            )
        width, wanted = len(model.outcome_range[0]), _width(model, len(rest))
        counts = isinstance(model, HistogramLaw) and len(rest) == width
        if len(rest) != wanted and not counts:
            raise InputError(f"{path} has the columns {_columns(model, names, rest, wanted)}")
        data = _numbers(path, columns, rest)
        return cls(str(path), _numbers(path, columns, found) if found else None, data, counts)

    def digest(self, rows: int) -> str:
        """Return what stands for the first rows."""
        parts = [part[:rows] for part in (self.settings, self.data) if part is not None]
        return hashlib.sha256(b"".join(part.astype("<f8").tobytes() for part in parts)).hexdigest()

    def after(self, rows: int, model: DesignModel[Any]) -> list[Measured]:
        """Return the experiments that the rows after the first ones tell of, in their order.

        Events of one setting are one experiment; otherwise each row is one.
        """
        settings: list[tuple[float, ...] | None] = [None] * len(self.data)
        if self.settings is not None:
            settings = [tuple(row) for row in self.settings.tolist()]
        pairs = zip(settings[rows:], self.data[rows:], strict=True)
        if not isinstance(model, HistogramLaw) or self.counts:
            return [Measured(at, outcome_of(model, row, counts=self.counts)) for at, row in pairs]
        events: dict[tuple[float, ...] | None, list[Any]] = {}
        for at, row in pairs:
            events.setdefault(at, []).append(row if len(row) > 1 else row[0])
        return [Measured(at, outcome_of(model, some)) for at, some in events.items()]


def _width(model: DesignModel[Any], given: int) -> int:
    """Return how many columns of data a model takes, of so many that are given."""
    if isinstance(model, SimulatorDesign):
        some = model.columns is not None or model.summarise is not None  # of an event's numbers
        return given if some and given else len(np.atleast_2d(model.data_range))
    return 1 if isinstance(model, HistogramLaw) else len(model.outcome_range[0])


def _columns(model: DesignModel[Any], names: list[str], rest: list[str], wanted: int) -> str:
    """Return in words which columns a file has, and which a model takes."""
    knobs, width = list(model.knobs), len(model.outcome_range[0])
    hints = (closest(name, set(knobs) - set(names)) for name in rest)
    hint = next((one for one in hints if one != "."), ".")
    what = f"{'one column' if wanted == 1 else f'{wanted} columns'} of "
    what += f"events (or {width} of counts)" if isinstance(model, HistogramLaw) else "data"
    given, settings = ", ".join(map(shown, names)), ", ".join(knobs)
    return (
        f"{given}{hint} Wanted are the settings {settings}, all or none of them, and {what}. Leave "
        "others out."
    )


def _lines(path: Path) -> Array | None:
    """Return the numbers of a text with one in each line, ``(n,)``, perhaps below a name."""
    if ending(path) == ".parquet":
        return None
    words = [line.strip() for line in contents(path).decode(errors="replace").splitlines()]
    numbers = np.array([_number(word, ",") for word in words if word])
    numbers = numbers[int(not np.isfinite(numbers[:1]).all()) :]  # below a name
    return numbers if numbers.size and np.isfinite(numbers).all() else None


def _numbers(path: Path, columns: Columns, names: list[str]) -> Array:
    """Return columns as numbers, ``(n, c)``."""
    found = np.empty((len(columns.rows), len(names)))
    for j, name in enumerate(names):
        for i, cell in enumerate(columns.cells[name].to_pylist()):
            found[i, j] = number = _number(cell, columns.separator)
            if not np.isfinite(number):
                raise InputError(
                    f"{path}, {columns.where(i, name)}: {shown(cell)} is no number. An experiment "
                    "without data has failed: tell ID=failed."
                )
    return found


def _number(cell: Any, separator: str) -> float:
    text = str(cell).strip()
    if separator != "," and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        return float("nan") if "_" in text else float(text)
    except ValueError:
        return float("nan")


def outcome_of(model: DesignModel[Any], data: Any, *, counts: bool = False) -> tuple[float, ...]:
    """Return data as a model takes them.

    Args:
        model: The model.
        data: Events, as many as there are, where data are histograms; else the numbers of an experiment.
        counts: Whether these are the counts of the bins.

    Raises:
        InputError: The data cannot be those of the model.
    """
    values = _finite(data, isinstance(model, HistogramLaw))
    if isinstance(model, HistogramLaw) and not counts:
        if model.outside(values) > 0.5:
            raise InputError(
                f"Most of the {len(values)} events lie outside of the histogram, the first is "
                f"{shown(values[0].tolist())}. Are they in another unit?"
            )
        values = model.data(values)
    return tuple(_checked(model, values).tolist())


def _finite(data: Any, events: bool) -> Array:
    """Return data as numbers, ``(n,)``, or events of several numbers, ``(n, c)``."""
    try:
        values: Array = np.atleast_1d(np.asarray(data, np.float64))
    except (TypeError, ValueError, OverflowError):
        values = np.empty(0)
    if not 1 <= values.ndim <= 1 + events or not values.size or not np.isfinite(values).all():
        raise InputError(f"Data are finite numbers, at least one, got {shown(data)}.")
    return values


def _checked(model: DesignModel[Any], values: Array) -> Array:
    low, high = model.outcome_range
    if len(values) != len(low):
        raise InputError(f"{model.name} takes {len(low)} numbers of data, got {len(values)}.")
    if isinstance(model, HistogramLaw):
        low, high = np.zeros(len(low)), np.full(len(low), MOST)  # any number of events
        if (values % 1 != 0).any():
            raise InputError("Counts of bins are whole numbers.")
    if (outside := (values < low) | (values > high)).any():
        i = int(outside.argmax())
        raise InputError(
            f"Data of {model.name} lie in [{low[i]:g}, {high[i]:g}], got {values[i]:g}."
        )
    if isinstance(model, BinomialLaw) and values[0] % 1:
        raise InputError(f"Data of {model.name} are counts, whole numbers, got {values[0]:g}.")
    law = model.law
    if isinstance(law, Listed) and not (law.outcomes == values).all(1).any():
        known = ", ".join(f"{row[0]:g}" for row in law.outcomes[:10])
        raise InputError(f"Data of {model.name} are one of {known}, got {values[0]:g}.")
    rounded: Array = values.astype(np.float32).astype(np.float64)  # as observations hold them
    return rounded
