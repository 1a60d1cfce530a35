"""The columns of a table as they stand in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ..core import InputError
from ..core.arrays import Whole
from ..core.errors import shown
from .files import MOST_CELLS, MOST_COLUMNS, MOST_ROWS

STATUS = "trial_status"
"""The column in which Ax says how a trial ended; it counts even where it is dropped."""


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    A column is an Arrow array, of strings or of float64 with nulls, or None if it is to be dropped.
    """

    file: str  # its name, for messages
    cells: Mapping[str, Any]  # the columns in order
    rows: Whole  # (n,) the number of each row as a spreadsheet shows it
    separator: str = ""  # what stands between cells; empty for Parquet
    goal: tuple[str, bool] | None = None  # target, and whether less is better, by a file beside it
    index: tuple[str, ...] = ()  # columns that the file itself calls an index
    numbers: frozenset[str] = frozenset()  # columns that are numbers, whatever stands in them
    again: Callable[[], AbstractContextManager[Mapping[str, Any]]] | None = None
    """Opens a file that is too large to be kept anew."""
    notes: list[str] = field(default_factory=list)  # decisions that a reader should know

    def where(self, row: int, name: str) -> str:
        """Return where a cell stands, in words; ``row`` counts from 0."""
        return f"row {self.rows[row]}, column {listed([name])}"


def listed(names: Iterable[str]) -> str:
    """Return names in quotes for a message; of many only the first."""
    texts = [shown(name) for name in names]
    return ", ".join(texts[:20]) + (f" and {len(texts) - 20} more" if len(texts) > 20 else "")


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that are given more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def check_size(file: str, rows: int, columns: int) -> None:
    """Refuse a table that is larger than what is read."""
    if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
        raise InputError(
            f"{file} has {rows:,} rows and {columns:,} columns; read are at most {MOST_ROWS:,} rows, "
            f"{MOST_COLUMNS:,} columns and {MOST_CELLS:,} cells. Keep those that are needed."
        )
