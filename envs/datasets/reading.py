"""How the table of a laboratory is read: which column is what, and what a cell means.

A column is converted by one rule, whatever stands in the others. What is not sure is refused, with
all offenders in one message, rather than guessed: a wrong number is worse than none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, closest
from .columns import NAMELESS, PLAIN, Columns, read_columns
from .files import MOST_CELLS

PENDING = ("", "PENDING", "pending")
"""Cells of a label that is not measured yet."""

MOST_LEVELS = 100
"""The most different texts of a column that count as levels of a category without being named."""

OUTCOME = re.compile(
    r"yields?|conversion|selectivity|ee|er|dr|purity|impurity|impurities|cost|ton|tof|productivity"
)
"""Words that name what an experiment yields, which is not known before it."""

BOOKKEEPING = re.compile(
    r"priority|.*_predicted_(mean|variance)|.*_expected_improvement"
    r"|trial_index|arm_name|trial_status|generation_(node|method)"
)
"""Columns that planners (EDBO+, Ax) write for themselves."""

FAILED = ("FAILED", "ABANDONED")
"""States of a trial of Ax that is over and left no label."""

GROUPED = re.compile(r"[+-]?\d{1,3}(([,.'’ \u00a0\u202f])\d{3})+([.,]\d+)?")
MOST_NAMED = 4
"""The most different troubles of one column that a message names."""


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
        for name in ("drop", "categories", "missing", "descriptors"):
            object.__setattr__(self, name, _texts(name, getattr(self, name) or ()))
        for name in ("features", "names"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for name in ("target", "index", "separator", "decimal", "thousands", "encoding"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value):
                raise InputError(f"{name} must be a text, got {value!r:.80}.")
        for name in ("minimise", "header"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool | np.bool_):
                raise InputError(f"{name} must be true, false or none, got {value!r:.80}.")
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal must be '.' or ',', got {self.decimal!r:.80}.")
        for name in ("separator", "thousands"):
            sign = getattr(self, name)
            if sign is not None and (len(sign) > 1 or sign.isalnum() or sign in '"\r\n+-%'):
                raise InputError(f"{name} must be one sign, such as ',', got {sign!r:.80}.")
            if sign is not None and (name == "separator" and ord(sign) > 127):
                raise InputError(f"separator must be an ASCII sign, got {sign!r}.")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InputError(
                f"thousands and decimal are both {self.thousands!r}; name another sign as decimal=."
            )

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
        return (value,)
    texts = tuple(value) if isinstance(value, Sequence) else (None,)
    if not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{name} must be a name or a list of names, such as ['a', 'b'], got {value!r:.80}."
        )
    return texts


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a table holds once it is read.

    Args:
        features: Numeric features, ``(n, d)``.
        labels: Labels as they stand in the file, ``(n,)``; NaN where nothing is measured.
        feature_names: Names of the d features; ``column=level`` for an indicator.
        levels: The levels of each category.
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
    levels: Mapping[str, tuple[str, ...]]
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
    for name in _named(reading):
        if name not in cells:
            raise InputError(
                f"{columns.file} has no column {name!r}{closest(name, cells)} "
                f"Its columns are {_listed(cells)}."
            )
    target = _target(columns, reading)
    _one_role_each(reading, target)
    features = _features(columns, reading, target, problems)
    kinds = [_describe(columns, folder / path, reading) for path in reading.descriptors]
    described = {kind.name: kind for kind in kinds}
    texts = {*reading.categories, *described}
    other = {",": ".", ".": ","}.get(reading.thousands or "")
    decimal = reading.decimal or other
    if decimal is None:
        decimal = _decimal(columns, [c for c in (target, *features) if c not in texts])
    convert = Conversion(columns, decimal, reading.thousands, problems)

    labels, unit = convert.labels(target, (*PENDING, *reading.missing))
    parts: list[NDArray[np.float64]] = []
    names: list[str] = []
    levels: dict[str, tuple[str, ...]] = {}
    size = 0
    for name in features:
        if name in described:
            part, found = described[name].of(columns, problems)
        elif (values := None if name in texts else convert.feature(name)) is not None:
            part, found = values[:, None], [name]
        else:
            kind = convert.levels(name, name in reading.categories)
            if kind is None:
                continue
            levels[name], part = kind
            found = [f"{name}={level}" for level in levels[name]]
        size += part.size
        if size > MOST_CELLS:
            raise InputError(
                f"{columns.file}: the indicators of {name!r} and of the columns before it are "
                f"{size:,} numbers; at most {MOST_CELLS:,} are read. Drop it, or give descriptors=."
            )
        parts.append(part)
        names += found
    if not features:
        raise InputError(
            f"{columns.file} has no feature besides the label {target!r}; its columns are "
            f"{_listed(cells)}."
        )
    problems.refuse(columns.file)
    failed = _failed(columns)
    labels[failed] = np.nan
    minimise = columns.goal[1] if columns.goal and columns.goal[0] == target else False
    index = None if reading.index is None else cells[reading.index]
    return Content(
        features=np.hstack(parts),
        labels=labels,
        feature_names=tuple(names),
        levels=levels,
        target=target,
        outcomes=(target, *(c for c in cells if c != target and _is_outcome(columns, c))),
        unit=unit,
        minimise=minimise if reading.minimise is None else bool(reading.minimise),
        failed=failed,
        row_names=None if index is None else tuple(map(str, index.to_pylist())),
        notes=tuple(notes),
    )


# ---- which column is what


def _named(reading: Reading) -> list[str]:
    """Return the columns that the options name."""
    single = [name for name in (reading.target, reading.index) if name is not None]
    return [*single, *(reading.features or ()), *reading.drop, *reading.categories]


def _one_role_each(reading: Reading, target: str) -> None:
    """Refuse a column that is named twice, or in two roles that exclude each other."""
    roles = {
        "target": (target,),
        "features": reading.features or (),
        "drop": reading.drop,
        "index": () if reading.index is None else (reading.index,),
    }
    taken: dict[str, str] = {}
    for role, names in roles.items():
        for name in names:
            if name in taken:
                raise InputError(f"Column {name!r} is named as {taken[name]}= and as {role}=.")
            taken[name] = role
    for name in reading.categories:
        if taken.get(name, "features") != "features":
            raise InputError(f"Column {name!r} is named as categories= and as {taken[name]}=.")
        if reading.features is not None and name not in reading.features:
            raise InputError(f"Column {name!r} is named as categories= but not in features=.")


def _target(columns: Columns, reading: Reading) -> str:
    """Return the label column: the one named, the one of a config.json, an outcome, or the last."""
    if reading.target is not None:
        return reading.target
    if columns.goal is not None and columns.goal[0] in columns.cells:
        return columns.goal[0]
    taken = {*reading.drop, *(reading.features or ()), *reading.categories, reading.index}
    left = [c for c in columns.cells if c not in taken and not _is_aside(c)]
    if not left:
        raise InputError(f"{columns.file} has no column left for the label; name one as target=.")
    outcomes = [c for c in left if _is_outcome(columns, c)]
    if len(outcomes) > 1:
        raise InputError(
            f"{columns.file} has several outcomes: {_listed(outcomes)}. Name one as target=, and "
            "the others in drop=."
        )
    target = outcomes[0] if outcomes else left[-1]
    columns.notes.append(f"no target was named: it is {target!r}")
    return target


def _features(columns: Columns, reading: Reading, target: str, problems: Problems) -> list[str]:
    """Return the feature columns, and note which columns are none."""
    if reading.features is not None:
        known = {target, *reading.drop, *reading.features, reading.index}
        left = [c for c in columns.cells if c not in known]
        if left:
            columns.notes.append(f"not named as features, so left out: {_listed(left)}")
        return list(reading.features)
    features, aside, pending, outcomes = [], [], [], []
    for name in columns.cells:
        if name == target or name in reading.drop or name == reading.index:
            continue
        if name in reading.categories:
            features.append(name)
        elif _is_aside(name):
            aside.append(name)
        elif _is_pending(columns, name):
            pending.append(name)
        elif _is_outcome(columns, name):
            outcomes.append(name)
        else:
            features.append(name)
    nameless = [name for name in aside if NAMELESS.fullmatch(name)]
    for names, why in (
        (nameless, "no name of its own, so left out as an index"),
        ([name for name in aside if name not in nameless], "bookkeeping of a planner, left out"),
        (pending, "holds PENDING: an outcome, left out"),
    ):
        if names:
            columns.notes.append(f"{_listed(names)}: {why}")
    if outcomes:
        problems.columns(
            outcomes, "named like an outcome, which is not known beforehand", "features"
        )
    return features


def _is_aside(name: str) -> bool:
    return bool(NAMELESS.fullmatch(name) or BOOKKEEPING.fullmatch(name))


def _is_outcome(columns: Columns, name: str) -> bool:
    """Return whether a column is named like an outcome or its error, or says that it is pending."""
    if _is_aside(name):
        return False
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    spread = len(words) > 1 and words[-1] in ("std", "sd", "sem", "stderr")
    return spread or any(OUTCOME.fullmatch(word) for word in words) or _is_pending(columns, name)


def _is_pending(columns: Columns, name: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = columns.cells[name]
    if column is None or not pa.types.is_string(column.type):
        return False
    return bool(pc.any(pc.equal(pc.utf8_trim_whitespace(column), "PENDING")).as_py())


def _failed(columns: Columns) -> NDArray[np.bool_]:
    """Return the rows that Ax marked as over without a label."""
    status = columns.cells.get("trial_status")
    if status is None:
        return np.zeros(len(columns.rows), np.bool_)
    failed = np.isin([str(cell).upper() for cell in status.to_pylist()], FAILED)
    if failed.any():
        columns.notes.append(f"{int(failed.sum())} rows are failed trials, which have no label")
    return failed


# ---- what a cell means


class Problems:
    """All that a table is refused for, to be told at once."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._columns: dict[str, list[str]] = {}
        self._roles: dict[str, str] = {}

    def cell(self, place: str, text: str) -> None:
        """Note a cell that cannot be understood."""
        self._cells.append(f"{place}: {text}")

    def columns(self, names: Sequence[str], why: str, roles: str) -> None:
        """Note columns that are no features, and the options that would make them ones."""
        self._columns.setdefault(why, []).extend(names)
        self._roles[why] = roles

    def refuse(self, file: str) -> None:
        """Raise an error that names everything noted, if there is anything."""
        if not (self._cells or self._columns):
            return
        told = self._cells[: 2 * MOST_NAMED]
        if len(self._cells) > len(told):
            told.append(f"and {len(self._cells) - len(told)} more such columns")
        told += [
            f"{'columns' if len(names) > 1 else 'column'} {_listed(names)}: {why} "
            f"({self._roles[why]}= keeps {'them' if len(names) > 1 else 'it'})"
            for why, names in self._columns.items()
        ]
        out = [name for names in self._columns.values() for name in names]
        remedy = f" To leave out what is no feature: drop={out!r}." if out else ""
        raise InputError(f"{file}: {'; '.join(told)}.{remedy}")


class Conversion:
    """From the cells of one column at a time to numbers or levels."""

    def __init__(
        self, columns: Columns, decimal: str, thousands: str | None, problems: Problems
    ) -> None:
        self.columns, self.problems = columns, problems
        self.decimal, self.thousands = decimal, thousands
        point, group = re.escape(decimal), re.escape(thousands or "")
        whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)" if thousands else r"\d+"
        self.number = rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"

    def labels(self, name: str, missing: Iterable[str]) -> tuple[NDArray[np.float64], str]:
        """Return the labels, NaN where there are none yet, and "%" if all are written with it."""
        values, bad, percent = self._numbers(name, missing)
        if bad.any():
            truth = self._truth(name, missing)
            if truth is not None:
                return truth, ""
            self._refuse(name, bad, "missing")
        return values, percent

    def feature(self, name: str) -> NDArray[np.float64] | None:
        """Return the numbers of a feature; None if they are names of levels."""
        values, bad, _ = self._numbers(name, ("",))
        empty = np.isnan(values) & ~bad
        if empty.any():
            place = self.columns.place(int(empty.argmax()), name)
            count = int(empty.sum()) - 1
            more = f" (and {count} more)" if count else ""
            self.problems.cell(place, f"empty{more}; a feature must be known before the experiment")
            return values
        if not bad.any():
            self._note_codes(name, values)
            return values
        truth = self._truth(name, ())
        if truth is not None:
            return truth
        texts, count = self._texts(name), int(bad.sum())
        grouped = any(GROUPED.fullmatch(texts[row]) for row in np.flatnonzero(bad)[:1000])
        if grouped or 2 * count <= len(bad):
            self._refuse(name, bad, "categories")
            return values
        if count < len(bad):  # names with a number among them: what is it?
            row = int((~bad).argmax())
            self.problems.cell(
                self.columns.place(row, name),
                f"{_shown(texts[row])} is a number, and other cells are names such as "
                f"{_shown(texts[int(bad.argmax())])}; if it is a name, too, give "
                f"categories={[name]!r}",
            )
            return values
        return None

    def levels(self, name: str, named: bool) -> tuple[tuple[str, ...], NDArray[np.float64]] | None:
        """Return the levels of a category and their indicators ``(n, L)``; None if it is refused."""
        texts = np.array(self._texts(name), object)
        levels, place = np.unique(texts, return_inverse=True)
        if "" in levels:
            row = int((texts == "").argmax())
            self.problems.cell(
                self.columns.place(row, name),
                "empty; a feature must be known before the experiment",
            )
            return None
        if not named and (len(levels) == len(texts) or len(levels) > MOST_LEVELS):
            different = (
                "a different text in every row"
                if len(levels) == len(texts)
                else f"more than {MOST_LEVELS} different texts"
            )
            self.problems.columns([name], different, "index= or categories")
            return None
        if len(levels) * len(texts) > MOST_CELLS:
            self.problems.columns(
                [name], f"{len(levels):,} levels, which are too many", "descriptors"
            )
            return None
        alike = Counter(" ".join(level.casefold().split()) for level in levels)
        double = [level for level in levels if alike[" ".join(level.casefold().split())] > 1]
        if double:
            self.columns.notes.append(
                f"{name!r} has levels that differ in case or spaces only: {_listed(double)}"
            )
        indicators = np.zeros((len(texts), len(levels)))
        indicators[np.arange(len(texts)), place] = 1.0
        return tuple(levels.tolist()), indicators

    def _texts(self, name: str) -> list[str]:
        """Return the cells of a column as texts, without spaces around them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.columns.cells[name]
        if pa.types.is_floating(column.type):
            values = column.to_numpy(zero_copy_only=False)
            return ["" if value != value else f"{value:.17g}" for value in values.tolist()]
        return list(pc.utf8_trim_whitespace(column).to_pylist())

    def _numbers(
        self, name: str, missing: Iterable[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], str]:
        """Return the numbers, NaN where there are none, which cells are none, and "%" or ""."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.columns.cells[name]
        if pa.types.is_floating(column.type):
            values = column.fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
            return values, np.isinf(values), ""
        text = pc.utf8_trim_whitespace(column)
        hole = pc.is_in(text, pa.array(list(missing), pa.string()))
        percent = pc.ends_with(text, "%")
        share = np.asarray(percent)[~np.asarray(hole)]
        unit = "%" if share.any() else ""
        if unit:
            text = pc.utf8_rtrim_whitespace(pc.utf8_rtrim(text, "%"))
        ok = pc.and_not(pc.match_substring_regex(text, self.number), hole)
        if unit and not share.all():  # neither kind is a number where the other stands beside it
            rare = percent if 2 * share.sum() <= len(share) else pc.invert(percent)
            ok = pc.and_not(ok, rare)
        if self.thousands:
            text = pc.replace_substring(text, self.thousands, "")
        if self.decimal != ".":
            text = pc.replace_substring(text, self.decimal, ".")
        values = pc.cast(pc.if_else(ok, text, pa.scalar(None, pa.string())), pa.float64())
        values = values.fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        bad = ~np.asarray(ok) & ~np.asarray(hole) | np.isinf(values)
        return values, bad, unit

    def _truth(self, name: str, missing: Iterable[str]) -> NDArray[np.float64] | None:
        """Return 1 for True and 0 for False, if a column holds nothing else."""
        texts = np.char.lower(np.array(self._texts(name), np.str_))
        hole = np.isin(texts, [text.lower() for text in missing])
        if not np.isin(texts[~hole], ("true", "false")).all():
            return None
        return np.where(hole, np.nan, texts == "true")

    def _refuse(self, name: str, bad: NDArray[np.bool_], option: str) -> None:
        """Note the first different cells of a column that are no numbers, and what to do."""
        texts, told = self._texts(name), dict[str, tuple[int, int]]()
        for row in np.flatnonzero(bad)[:1000].tolist():
            hint = self._hint(texts[row], row, bad, option)
            first, count = told.get(hint, (row, 0))
            told[hint] = first, count + 1
        for hint, (row, count) in list(told.items())[:MOST_NAMED]:
            more = f" (and {count - 1} more such cells)" if count > 1 else ""
            self.problems.cell(self.columns.place(row, name), f"{_shown(texts[row])} {hint}{more}")

    def _hint(self, text: str, row: int, bad: NDArray[np.bool_], option: str) -> str:
        """Return why a text is no number, and what to type."""
        if re.fullmatch(PLAIN, text.rstrip("% ")):
            if re.fullmatch(PLAIN, text) and not np.isfinite(float(text)):
                return "is too large for a number; give it in a larger unit"
            return "stands beside cells " + ("without %" if "%" in text else "with %")
        if grouped := GROUPED.fullmatch(text):
            return f"is no number; if it is grouped by thousands, give thousands={grouped[2]!r}"
        if re.fullmatch(r"[+-]?\d+,\d+", text):
            return "is no number; if it has a decimal comma, give decimal=','"
        if text[0] in "<>≤≥~":
            told = "as a limit of detection is no number; replace it"
            return f"{told}, or name it in missing=" if option == "missing" else told
        if text[0] == "=":
            return "is a formula; save the table with its values"
        second = int(bad.sum()) == 1 and self.columns.rows[row] == 2
        units = "; delete the row if it holds units" if second else ""
        if option == "missing":
            return f"is no number; name it in missing= if it means 'not measured'{units}"
        return (
            "is no number, as other cells of this column are; mend it, or name the column in "
            f"categories= or drop={units}"
        )

    def _note_codes(self, name: str, values: NDArray[np.float64]) -> None:
        """Note numbers that may be codes: whole ones in a row, from 0 or 1."""
        if len(values) and 0 <= values.min() <= 1 and 2 <= values.max() <= 20:
            codes = np.unique(values)
            if len(codes) > 2 and np.array_equal(codes, codes[0] + np.arange(len(codes))):
                self.columns.notes.append(
                    f"{name!r} holds the whole numbers {codes[0]:g} to {codes[-1]:g}, taken as "
                    "numbers; categories= makes them levels"
                )


def _decimal(columns: Columns, names: Iterable[str]) -> str:
    """Return the decimal sign of a file, looking at all columns of numbers at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if columns.separator in ("", ","):
        return "."
    found: dict[str, str] = {}
    for name in names:
        column = columns.cells[name]
        if not pa.types.is_string(column.type):
            continue
        text = pc.utf8_trim_whitespace(column)
        for sign, pattern in ((",", r"^[+-]?\d+,\d+%?$"), (".", r"^[+-]?\d+\.\d+%?$")):
            match = pc.index(pc.match_substring_regex(text, pattern), True).as_py()
            if sign not in found and match >= 0:
                found[sign] = f"{columns.place(match, name)}: {text[match].as_py()!r}"
    if len(found) == 2:
        raise InputError(
            f"{columns.file} has decimal commas ({found[',']}) and decimal points ({found['.']}); "
            "mend one of them, or say which sign is meant as decimal=."
        )
    return "," if "," in found else "."


# ---- descriptors


@dataclass(frozen=True)
class Descriptors:
    """Numbers that describe the levels of a category: ``values`` of shape ``(L, d)``."""

    file: str
    name: str
    levels: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]

    def of(self, columns: Columns, problems: Problems) -> tuple[NDArray[np.float64], list[str]]:
        """Return the descriptors of each row's level, ``(n, d)``, and the names of the features."""
        texts = Conversion(columns, ".", None, problems)._texts(self.name)
        place = {level: i for i, level in enumerate(self.levels)}
        unknown = next((row for row, text in enumerate(texts) if text not in place), None)
        if unknown is not None:
            near = closest(texts[unknown], place)
            problems.cell(
                columns.place(unknown, self.name),
                f"{_shown(texts[unknown])} stands not in {self.file}{near.rstrip('.')}",
            )
        values = self.values[[place.get(text, 0) for text in texts]]
        return values, [f"{self.name}.{column}" for column in self.columns]


def _describe(columns: Columns, path: Path, reading: Reading) -> Descriptors:
    """Return the descriptors in a file."""
    table = read_columns(path.expanduser())
    name, *others = table.cells
    if name not in columns.cells:
        raise InputError(
            f"{path.name}: its first column must be called like the category that it describes, one "
            f"of {_listed(columns.cells)}; it is {name!r}."
        )
    problems = Problems()
    convert = Conversion(table, reading.decimal or _decimal(table, others), None, problems)
    levels = tuple(convert._texts(name))
    double = [level for level, count in Counter(levels).items() if count > 1]
    if double:
        raise InputError(f"{path.name} describes {_shown(double[0])} more than once.")
    values = []
    for other in others:
        part = convert.feature(other)
        if part is None:
            problems.columns([other], "holds texts where numbers are meant", "no option")
        else:
            values.append(part)
    problems.refuse(path.name)
    if not values:
        raise InputError(f"{path.name} has no column besides {name!r}.")
    return Descriptors(path.name, name, levels, tuple(others), np.stack(values, axis=1))


def _listed(names: Iterable[str]) -> str:
    texts = [_shown(name) for name in names]
    return ", ".join(texts[:20]) + (f" and {len(texts) - 20} more" if len(texts) > 20 else "")


def _shown(text: str) -> str:
    """Return a text for a message, cut if it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
