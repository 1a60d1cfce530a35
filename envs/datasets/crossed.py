"""A table as conditions crossed with substrates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import InputError
from ..core.arrays import Array
from .catalogue import catalogue
from .loading import load
from .table import Table

Crossed = tuple[Array, tuple[str, ...]]
"""Labels ``(K, m)``, NaN where nothing is measured, and the names of the K conditions."""


def crossed(dataset: str) -> Crossed:
    """Return the labels of a named data set, a row per condition, and the names of the conditions.

    Args:
        dataset: Its name.

    Raises:
        InputError: If it is not here, or is none of conditions that were tested on many substrates.
    """
    source, known = catalogue().get(dataset), catalogue().items()
    if source is None or source.conditions is None:
        names = ", ".join(name for name, one in known if one.conditions is not None)
        raise InputError(
            f"dataset must be one of {names}, got {dataset!r}; give another table as yields=, an "
            "array of conditions by substrates, in percent."
        )
    first = load(dataset)
    if isinstance(source.conditions, tuple):
        return _by_levels(first, source.conditions)
    columns = np.stack([load(dataset, target=target).labels for target in first.targets])
    if source.conditions == "targets":
        # Of the column yield[XPhos+P2Et] the condition is XPhos+P2Et.
        return columns, tuple(one.removeprefix(source.targets).strip("[]") for one in first.targets)
    return columns.T, tuple(f"row {i}" for i in range(columns.shape[1]))


def _by_levels(table: Table, categories: tuple[str, ...]) -> Crossed:
    """Return the labels of the rows of each combination of levels, short rows filled up."""
    every = np.arange(len(table.labels))
    cells: dict[str, Any] = {one.name: one.of(table.features, every) for one in table.settings}
    names = ["+".join(map(str, row)) for row in zip(*map(cells.get, categories), strict=True)]
    levels, place = np.unique(names, return_inverse=True)
    rows = [table.labels[place == k] for k in range(len(levels))]
    labels = np.full((len(rows), max(map(len, rows))), np.nan)
    for out, some in zip(labels, rows, strict=True):
        out[: len(some)] = some
    return labels, tuple(levels.tolist())
