"""How the table of a laboratory is read: which column is what, and what a cell means.

A column is converted by one rule, whatever stands in the others. What is not sure is refused, with
all offenders in one message, rather than guessed: a wrong number is worse than none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, closest
from ..core.errors import shown
from .cells import Conversion, Problems, decimal_sign
from .columns import STATUS, Columns, listed, read_columns
from .files import MOST_CELLS, expanded

OUTCOME = re.compile(
    r"yields?|conversion|selectivity|ee|er|dr|purity|impurity|impurities|cost|ton|tof|productivity"
    r"|ausbeute|umsatz|selektivität|reinheit|kosten|rendement|sélectivité|pureté|rendimiento|resa"
)
"""Words that name what an experiment yields, which is not known before it."""

BOOKKEEPING = re.compile(
    r"priority|.*_predicted_(mean|variance)|.*_expected_improvement"
    r"|trial_index|arm_name|trial_status|generation_(node|method)|batchnr|fitnr"
)
"""Columns that planners (EDBO+, Ax, BayBE) write for themselves."""

FAILED = ("FAILED", "ABANDONED")
"""States of a trial of Ax that is over and left no label."""

NAMELESS = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
COUNTER = re.compile(
    r"index|idx|id|run|no|nr|number|row|sample|entry|experiment|trial|versuch|probe|lauf|essai"
)
"""Names of a column that may count the rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Which column of a table is what, and how its cells are to be read.

    All of it may be left out; `read` then decides, or says what it cannot decide. A single name may
    be given in place of a sequence of names.

    Args:
        target: The label column. None: the one that is named like an outcome, else the last one.
        features: Names of the feature columns; None takes all that are left.
        drop: Columns that are neither features nor labels.
        categories: Columns of names: one indicator feature per level.
        minimise: Whether less is better; labels then change their sign. None: no, unless a
            ``config.json`` of Olympus beside the file says so.
        header: Whether the first row holds names; None looks, and refuses a row of numbers.
        names: Names of the columns, in place of a header.
        separator: What stands between cells; None finds it out of ``, ; tab |``.
        decimal: "." or ","; None looks, and refuses a file with both.
        thousands: What groups digits, such as ","; None refuses grouped digits.
        missing: Texts of the label column that mean "not measured yet", besides an empty cell and
            ``PENDING``.
        index: The column that names the rows; no feature.
        encoding: Encoding of the text; None takes what its mark says, UTF-8 or cp1252.
        descriptors: Tables that describe the levels of a category: the first column is called like
            the category and names its levels, the others are numbers and take the place of the
            indicator features.
    """

    target: str | None = None
    features: Any = None
    drop: Any = ()
    categories: Any = ()
    minimise: bool | None = None
    header: bool | None = None
    names: Any = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: Any = ()
    index: str | None = None
    encoding: str | None = None
    descriptors: Any = ()

    def __post_init__(self) -> None:
        for name in ("features", "names", "drop", "categories", "missing", "descriptors"):
            value = getattr(self, name)
            value = () if value is None and name not in ("features", "names") else value
            object.__setattr__(self, name, None if value is None else _texts(name, value))
        for name in ("target", "index", "separator", "decimal", "thousands", "encoding"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name} must be a text, got {shown(value)}.")
            object.__setattr__(self, name, None if value is None else str(value))
        for name in ("minimise", "header"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool | np.bool_):
                raise InputError(f"{name} must be true, false or none, got {shown(value)}.")
            object.__setattr__(self, name, None if value is None else bool(value))
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal must be '.' or ',', got {shown(self.decimal)}.")
        for name in ("separator", "thousands"):
            sign = getattr(self, name)
            blank = sign in tuple(" \t\u00a0\u202f")
            if sign is not None and (
                len(sign) != 1
                or sign.isalnum()
                or sign in '"+-%'
                or not (blank or sign.isprintable())
            ):
                raise InputError(f"{name} must be one sign, such as ',', got {shown(sign)}.")
        if self.separator is not None and not self.separator.isascii():
            raise InputError(f"separator must be an ASCII sign, got {shown(self.separator)}.")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InputError(
                f"thousands and decimal are both {self.thousands!r}; name another sign as decimal=."
            )

    def given(self, *but: str) -> list[str]:
        """Return the options that differ from what they are by themselves, but for some."""
        plain = Reading()
        return [
            name
            for name in self.options()
            if name not in but and getattr(self, name) != getattr(plain, name)
        ]

    @property
    def key(self) -> tuple[Any, ...]:
        """All options: two readings with the same ones read alike."""
        return tuple(getattr(self, name) for name in self.options())

    @staticmethod
    def options() -> tuple[str, ...]:
        """Return the names of the options."""
        return tuple(option.name for option in fields(Reading))


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (str(value),)
    texts = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{name} must be a name or a list of names, such as ['a', 'b'], got {shown(value)}."
        )
    return tuple(str(text) for text in texts)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a table holds once it is read.

    Args:
        features: Numeric features, ``(n, d)``.
        labels: Labels as they stand in the file, ``(n,)``; NaN where nothing is measured.
        feature_names: Names of the d features; ``column=level`` for an indicator.
        levels: Name and levels of each category.
        target: Name of the label column.
        outcomes: Names of the columns that hold outcomes, the target included.
        unit: "%" where the labels were written with it, else nothing.
        minimise: Whether less is better.
        failed: Rows whose experiment failed, ``(n,)``.
        row_names: The names of the rows, where a column holds them.
        notes: What was decided that a reader should know.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    feature_names: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str, ...]], ...]
    target: str
    outcomes: tuple[str, ...]
    unit: str
    minimise: bool
    failed: NDArray[np.bool_]
    row_names: tuple[str, ...] | None
    notes: tuple[str, ...]


def read(path: Path, reading: Reading) -> Content:
    """Return what a CSV or Parquet file holds.

    Args:
        path: The file.
        reading: What its columns and cells mean, as far as it is not left to this function.

    Raises:
        InputError: If the file is no table, or cells or columns cannot be understood: one message
            names all of them, with row and column, and what to type.
    """
    columns = read_columns(
        path,
        header=reading.header,
        names=reading.names,
        separator=reading.separator,
        encoding=reading.encoding,
        drop=reading.drop,
    )
    return interpret(columns, reading, path.parent)


def interpret(columns: Columns, reading: Reading, folder: Path = Path()) -> Content:
    """Return what columns mean: which are features, which is the label, and their numbers."""
    cells, notes, problems = columns.cells, columns.notes, Problems()
    roles = Roles(columns, reading)
    target, features = roles.target, roles.features(problems)
    if not features:
        problems.refuse(_told(columns, reading, target), reading.drop)
        raise InputError(
            f"{columns.file} has no feature besides the label {listed([target])}; its columns are "
            f"{listed(cells)}."
        )
    described = _described(columns, features, reading, folder)
    texts = {*reading.categories, *described}
    numbers = [name for name in (target, *features) if name not in texts]
    decimal = reading.decimal or decimal_sign(columns, numbers, reading.thousands)
    given = reading.decimal is not None
    convert = Conversion(columns, decimal, reading.thousands, problems, given)

    labels, unit = convert.labels(target, reading.missing)
    parts: list[NDArray[np.float64]] = []
    names: list[str] = []
    levels: dict[str, tuple[str, ...]] = {}
    size = 0
    for name in features:
        if name in described:
            part, found = described[name].of(convert, problems)
        elif (values := None if name in texts else convert.feature(name)) is not None:
            part, found = values[:, None], [name]
        elif kind := convert.levels(name, name in reading.categories):
            levels[name], part = kind
            found = [f"{name}={level}" for level in levels[name]]
        else:
            continue
        size += part.size
        if size > MOST_CELLS:
            raise InputError(
                f"{columns.file}: the features up to {listed([name])} are {size:,} numbers; at most "
                f"{MOST_CELLS:,} are read. Drop a category, or give descriptors=."
            )
        parts.append(part)
        names += found
    problems.refuse(_told(columns, reading, target), reading.drop)
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise InputError(
            f"{columns.file} has two features called {listed(double[:1])}; rename one."
        )
    failed = _failed(columns)
    labels[failed] = np.nan
    minimise = columns.goal is not None and columns.goal == (target, True)
    index = None if reading.index is None else convert.texts(reading.index)
    return Content(
        features=np.hstack(parts),
        labels=labels,
        feature_names=tuple(names),
        levels=tuple(levels.items()),
        target=target,
        outcomes=(target, *(name for name in cells if name != target and name in roles.outcomes)),
        unit=unit,
        minimise=minimise if reading.minimise is None else reading.minimise,
        failed=failed,
        row_names=None if index is None else tuple(index),
        notes=tuple(notes),
    )


def _told(columns: Columns, reading: Reading, target: str) -> str:
    """Return the name of the file, and the target where it was not named."""
    return columns.file if reading.target else f"{columns.file}, target {listed([target])}"


# ---- which column is what


class Roles:
    """Which column is the label and which are features, as the options and the names tell."""

    def __init__(self, columns: Columns, reading: Reading) -> None:
        self.columns, self.reading = columns, reading
        single = [name for name in (reading.target, reading.index) if name is not None]
        for name in [*single, *(reading.features or ()), *reading.drop, *reading.categories]:
            if name not in columns.cells:
                raise InputError(
                    f"{columns.file} has no column {listed([name])}{closest(name, columns.cells)} "
                    f"Its columns are {listed(columns.cells)}."
                )
        self.aside = {name for name in columns.cells if self._is_aside(name)}
        self.pending = {name for name in columns.cells if self._is_pending(name)}
        self.outcomes = {name for name in columns.cells if self._is_outcome(name)}
        self.target = self._target()
        self._one_each()

    def _is_aside(self, name: str) -> bool:
        known = NAMELESS.fullmatch(name) or BOOKKEEPING.fullmatch(name.lower())
        return bool(known) or name in self.columns.index

    def _is_pending(self, name: str) -> bool:
        """Return whether a column says of a cell that it is pending."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.columns.cells[name]
        if column is None or not pa.types.is_string(column.type):
            return False
        return bool(pc.any(pc.match_substring_regex(column, r"^\s*PENDING\s*$")).as_py())

    def _is_outcome(self, name: str) -> bool:
        """Return whether a column is named like an outcome or its error, or says that it is pending."""
        if name in self.aside:
            return False
        parted = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", name)  # productYield
        words = [word.lower() for word in re.findall(r"[^\W\d_]+", parted)]
        spread = len(words) > 1 and words[-1] in ("std", "sd", "sem", "stderr")
        return spread or any(map(OUTCOME.fullmatch, words)) or name in self.pending

    def _target(self) -> str:
        """Return the label column: the one named, that of a config.json, an outcome, or the last."""
        columns, reading = self.columns, self.reading
        if reading.target is not None:
            return reading.target
        taken = {*reading.drop, *(reading.features or ()), *reading.categories, reading.index}
        left = [name for name in columns.cells if name not in taken and name not in self.aside]
        if columns.goal is not None and columns.goal[0] in left:
            return columns.goal[0]
        if not left:
            raise InputError(
                f"{columns.file} has no column left for the label; name it as target=."
            )
        outcomes = [name for name in left if name in self.outcomes]
        if len(outcomes) > 1:
            raise InputError(
                f"{columns.file} has several outcomes: {listed(outcomes)}. Name one as target=, and "
                "the others in drop=."
            )
        target = outcomes[0] if outcomes else left[-1]
        columns.notes.append(f"no target was named: it is {listed([target])}")
        return target

    def _one_each(self) -> None:
        """Refuse a column that is named twice, or in two roles that exclude each other."""
        reading = self.reading
        taken: dict[str, str] = {}
        for role, names in (
            ("target", (self.target,)),
            ("features", reading.features or ()),
            ("drop", reading.drop),
            ("index", () if reading.index is None else (reading.index,)),
        ):
            for name in names:
                if name in taken:
                    raise InputError(
                        f"Column {listed([name])} is named as {taken[name]}= and as {role}=."
                    )
                taken[name] = role
        for name in reading.categories:
            if taken.get(name, "features") != "features":
                raise InputError(
                    f"Column {listed([name])} is named as categories= and as {taken[name]}=."
                )
            if reading.features is not None and name not in reading.features:
                raise InputError(
                    f"Column {listed([name])} is named as categories= but not in features=."
                )

    def features(self, problems: Problems) -> list[str]:
        """Return the feature columns, and note which columns are none."""
        columns, reading = self.columns, self.reading
        known = {self.target, *reading.drop, reading.index}
        left = [name for name in columns.cells if name not in known]
        if reading.features is not None:
            others = [name for name in left if name not in reading.features]
            if others:
                columns.notes.append(f"not named as features, so left out: {listed(others)}")
            return list(reading.features)
        features: list[str] = []
        nameless: list[str] = []
        planner: list[str] = []
        counters: list[str] = []
        pending: list[str] = []
        outcomes: list[str] = []
        for name in left:
            if name in reading.categories:
                features.append(name)
            elif name in self.aside:
                (planner if BOOKKEEPING.fullmatch(name.lower()) else nameless).append(name)
            elif name in self.pending:
                pending.append(name)
            elif name in self.outcomes:
                outcomes.append(name)
            elif self._counts_rows(name):
                counters.append(name)
            else:
                features.append(name)
        for names, why in (
            (nameless, "no name of its own, so left out as an index"),
            (planner, "bookkeeping of a planner, left out"),
            (counters, "numbers the rows, so left out as an index; features= keeps it"),
            (pending, "holds PENDING: an outcome, left out"),
        ):
            if names:
                columns.notes.append(f"{listed(names)}: {why}")
        if outcomes:
            why = "named like an outcome, which is not known beforehand"
            problems.columns(outcomes, why, "features")
        return features

    def _counts_rows(self, name: str) -> bool:
        """Return whether a column is named like a number of the row, and holds each once."""
        if not COUNTER.fullmatch(name.strip("# ._").lower()) or len(self.columns.rows) < 2:
            return False
        values, bad, _ = Conversion(self.columns, ".", None, Problems()).numbers(name, ())
        if bad.any() or np.isnan(values).any():
            return False
        ordered = np.sort(values)
        return bool(ordered[0] in (0, 1) and (np.diff(ordered) == 1).all())


def _failed(columns: Columns) -> NDArray[np.bool_]:
    """Return the rows that Ax marked as over without a label."""
    failed = np.zeros(len(columns.rows), np.bool_)
    for name, column in columns.cells.items():
        if name.lower() == STATUS and column is not None:
            states = [str(cell).strip().upper().split(".")[-1] for cell in column.to_pylist()]
            failed |= np.isin(states, FAILED)
    if count := int(failed.sum()):
        columns.notes.append(f"{count} failed trial{'s' * (count > 1)}, without a label")
    return failed


# ---- descriptors


@dataclass(frozen=True)
class Descriptors:
    """Numbers that describe the levels of a category: ``values`` of shape ``(L, d)``."""

    file: str
    name: str
    levels: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]

    def of(self, convert: Conversion, problems: Problems) -> tuple[NDArray[np.float64], list[str]]:
        """Return the descriptors of each row's level, ``(n, d)``, and the names of the features."""
        texts = convert.texts(self.name)
        index = {level: i for i, level in enumerate(self.levels)}
        unknown = next((row for row, text in enumerate(texts) if text not in index), None)
        if unknown is not None:
            near = closest(texts[unknown], index)
            problems.cell(
                convert.columns.place(unknown, self.name),
                f"{shown(texts[unknown])} stands not in {self.file}{near.rstrip('.')}",
            )
        values = self.values[[index.get(text, 0) for text in texts]]
        return values, [f"{self.name}.{column}" for column in self.columns]


def _described(
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
    """Return the descriptors in a file."""
    table = read_columns(path, header=True if path.suffix.lower() != ".parquet" else None)
    name, *others = table.cells
    problems = Problems()
    decimal = reading.decimal or decimal_sign(table, others, None)
    convert = Conversion(table, decimal, None, problems)
    levels = tuple(convert.texts(name))
    double = [level for level, count in Counter(levels).items() if count > 1]
    if double:
        raise InputError(f"{table.file} describes {listed(double[:1])} more than once.")
    values = []
    for other in others:
        part = convert.feature(other)
        if part is None:
            problems.columns([other], "holds texts where numbers are meant", "no option")
        else:
            values.append(part)
    problems.refuse(table.file)
    if not values:
        raise InputError(f"{table.file} has no column besides {listed([name])}.")
    return Descriptors(table.file, name, levels, tuple(others), np.stack(values, axis=1))
