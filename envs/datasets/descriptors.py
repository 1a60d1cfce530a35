"""Tables that describe the levels of a category by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import InputError, closest
from ..core.arrays import Array, Whole
from ..core.errors import shown
from .cells import Conversion, Problems, decimal_sign
from .columns import Columns, listed, repeated
from .files import expanded
from .formats import read_columns
from .options import Reading


@dataclass(frozen=True)
class Descriptors:
    """Numbers that describe the levels of a category: ``values`` of shape ``(L, d)``."""

    file: str
    name: str
    levels: tuple[str, ...]
    columns: tuple[str, ...]
    values: Array

    def of(self, codes: Whole) -> tuple[Array, list[str]]:
        """Return the descriptors of each row's level, ``(n, d)``, and the names of the features."""
        return self.values[codes], [f"{self.name}.{column}" for column in self.columns]

    def codes(self, convert: Conversion) -> Whole:
        """Return the level of each row, ``(n,)``; one that is not described is a problem."""
        texts = convert.texts(self.name)
        index = {level: i for i, level in enumerate(self.levels)}
        unknown = next((row for row, text in enumerate(texts) if text not in index), None)
        if unknown is not None:
            near = closest(texts[unknown], index)
            convert.problems.cell(
                convert.columns.where(unknown, self.name),
                f"{shown(texts[unknown])} is not in {self.file}{near.rstrip('.')}",
            )
        return np.array([index.get(text, 0) for text in texts], np.int64)


def described(
    columns: Columns, features: Sequence[str], reading: Reading, folder: Path
) -> dict[str, Descriptors]:
    """Return the descriptors of each category that has some."""
    found: dict[str, Descriptors] = {}
    for path in reading.descriptors:
        one = _describe(folder / expanded(path), reading)
        if one.name not in features:
            raise InputError(
                f"{one.file}: its first column must be called like the feature that it describes, "
                f"one of {listed(features)}; it is {listed([one.name])}."
            )
        if one.name in found:
            raise InputError(
                f"{one.file} and {found[one.name].file} both describe {listed([one.name])}; join them."
            )
        found[one.name] = one
    return found


def _describe(path: Path, reading: Reading) -> Descriptors:
    header = None if path.suffix.lower() == ".parquet" else True
    table = read_columns(path, Reading(header=header))
    name, *others = table.cells
    problems = Problems()
    decimal = reading.decimal or decimal_sign(table, others, None)
    convert = Conversion(table, decimal, None, problems)
    levels = tuple(convert.texts(name))
    if double := repeated(levels):
        raise InputError(f"{table.file} describes {listed(double[:1])} more than once.")
    values = []
    for other in others:
        if (part := convert.feature(other)) is not None:
            values.append(part)
        else:
            problems.columns([other], "holds texts where numbers are meant", "no option")
    problems.refuse(table.file)
    if not values:
        raise InputError(f"{table.file} has no column besides {listed([name])}.")
    return Descriptors(table.file, name, levels, tuple(others), np.stack(values, axis=1))
