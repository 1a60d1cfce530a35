"""How the table of a laboratory is read: which column is what, and what a cell means.

One rule converts a column, independent of the others. What is not sure is refused, all of it in one
message, and never guessed: a wrong number is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..core import InputError
from ..core.arrays import Array, Flags
from .cells import Conversion, Problems, decimal_sign
from .columns import STATUS, Columns, listed, repeated
from .descriptors import Descriptors, described
from .files import MOST_CELLS
from .options import Reading
from .roles import Roles
from .stored import Column, Features, Stored
from .table import Setting, Table

FAILED = ("FAILED", "ABANDONED")
"""States of a trial of Ax that is over and left no label."""


def interpret(columns: Columns, reading: Reading, folder: Path = Path()) -> Table:
    """Return what columns mean: which are features, which is the label, and their numbers.

    Args:
        columns: The columns of a file.
        reading: What columns and cells mean, as far as it is not left to this function.
        folder: Where the tables of descriptors are.

    Raises:
        InputError: If cells or columns cannot be understood. One message names all of them, with
            row and column, and what to type.
    """
    problems, roles = Problems(), Roles(columns, reading)
    target, features = roles.target, roles.features(problems)
    file = columns.file if reading.target else f"{columns.file}, target {listed([target])}"
    if not features:
        problems.refuse(file, reading)
        raise InputError(
            f"{columns.file} has no feature besides the label {listed([target])}; its columns are "
            f"{listed(columns.cells)}."
        )
    tables = described(columns, features, reading, folder)
    texts = {*reading.categories, *tables}
    numbers = [name for name in (target, *features) if name not in texts]
    decimal = reading.decimal or decimal_sign(columns, numbers, reading.thousands, target)
    given = reading.decimal is not None
    convert = Conversion(columns, decimal, reading.thousands, problems, given)
    labels, unit = convert.labels(target, reading.missing)
    guess = (
        f"No label is named, so the last column, {listed([target])}, is taken; target= names another."
        if problems and roles.guessed
        else ""
    )
    found = _Features(convert, reading.categories, tables)
    for name in features:
        found.add(name)
    problems.refuse(file, reading, guess)
    failed = _failed(columns) | convert.failed(target)
    if count := int(failed.sum()):
        columns.notes.append(f"{count} failed trial{'s' * (count > 1)}, without a label")
    labels[failed] = np.nan
    minimise = columns.goal == (target, True) if reading.minimise is None else reading.minimise
    outcomes = (name for name in columns.cells if name != target and name in roles.outcomes)
    return Table(
        name=columns.file,
        features=found.matrix(),
        labels=-labels if minimise else labels,
        feature_names=tuple(found.names),
        target=target,
        targets=(target, *outcomes),
        unit=unit,
        minimise=minimise,
        levels=tuple(found.levels.items()),
        failed=failed,
        row_names=None if roles.index is None else tuple(convert.texts(roles.index)),
        index=roles.index,
        settings=tuple(found.settings),
        notes=tuple(columns.notes),
        signs=(columns.separator or ",", decimal),
    )


class _Features:
    """The numeric features that columns turn into, one column after the other."""

    def __init__(
        self, convert: Conversion, categories: Sequence[str], described: Mapping[str, Descriptors]
    ) -> None:
        self._convert, self._categories, self._described = convert, categories, described
        self._parts: list[Array | str] = []  # the name of one that stays in the file
        self._size = 0
        self.names: list[str] = []
        self.settings: list[Setting] = []
        self.levels: dict[str, tuple[str, ...]] = {}

    def add(self, name: str) -> None:
        """Add the features of a column; those that cannot be understood are noted as a problem."""
        levels, codes = tuple[str, ...](), None
        if name in self._described:
            levels, codes = self._described[name].levels, self._described[name].codes(self._convert)
            part, found = self._described[name].of(codes)
        elif (values := self._values(name)) is not None:
            part, found = values[:, None], [name]
            levels = self._convert.truths(name)
        elif kind := self._convert.levels(name, name in self._categories):
            levels, part = kind
            self.levels[name] = levels
            found = [f"{name}={level}" for level in levels]
        else:
            return
        stays = self._convert.columns.again is not None and name in self._convert.columns.numbers
        self._parts.append(name if stays else part)
        place = range(len(self.names), len(self.names) + len(found))
        self.settings.append(Setting(name, place, levels, codes))
        self.names += found
        self._size += part.size
        if self._size > MOST_CELLS:
            raise InputError(
                f"{self._convert.columns.file}: the features up to {listed([name])} are "
                f"{self._size:,} numbers; at most {MOST_CELLS:,} are read. Drop a category, or give "
                "descriptors=."
            )

    def _values(self, name: str) -> Array | None:
        return None if name in self._categories else self._convert.feature(name)

    def matrix(self) -> Features:
        """Return all features side by side, ``(n, d)``."""
        if double := repeated(self.names):
            file = self._convert.columns.file
            raise InputError(f"{file} has two features called {listed(double[:1])}; rename one.")
        if (again := self._convert.columns.again) is None:
            return np.hstack(self._parts)
        columns: list[Column] = []
        for part in self._parts:
            columns += [part] if isinstance(part, str) else [*part.T]
        return Stored(again, tuple(columns), len(self._convert.columns.rows))


def _failed(columns: Columns) -> Flags:
    """Return the rows that Ax marked as over without a label."""
    failed = np.zeros(len(columns.rows), np.bool_)
    for name in columns.cells:
        if name.lower() == STATUS and (column := columns.cells[name]) is not None:
            states = [str(cell).strip().upper().split(".")[-1] for cell in column.to_pylist()]
            failed |= np.isin(states, FAILED)
    return failed
