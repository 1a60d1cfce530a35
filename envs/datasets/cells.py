"""What a cell of a table means: a number, a hole, a level of a category, or nothing that is sure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core import InputError
from ..core.arrays import Array, Flags
from ..core.errors import shown
from .columns import Columns, listed
from .files import MOST_CELLS
from .options import Reading

PENDING = ("", "PENDING", "pending")
"""Cells of a label that is not measured yet."""

FAILED = ("failed", "Failed", "FAILED")
"""Cells of a label whose experiment has failed: there will be none."""

MOST_LEVELS = 100
"""The most different texts of a column that count as levels of a category without being named."""
DATE = r"^(\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|\d{1,2}:\d\d(:\d\d(\.\d+)?)?)$"
MEASURE = r"^[+-]?\d+([.,]\d+)?(\s+\S{1,6}|\s*°\s*\S?)$"
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(([,.'’ \u00a0\u202f])\d{3})+([.,]\d+)?")
DISGUISED = re.compile(r"[+\-−<>≤≥~]*\s*\d+([.,'’\s]\d+)*([eE][+\-−]?\d+)?\s*%?")
"""Texts that a person reads as a number, and this module does not."""

DECIMALS = r"^[+-]?\d*%s\d+([eE][+-]?\d+)?\s*%%?$"
UNSURE = r"^[+-]?[1-9]\d{0,2}%s\d{3}\s*%%?$"
"""Three digits behind a sign: decimals, or a thousand."""

NAMES = "a different text in every row", "index= or categories"
"""Why a column is refused that may name the rows, and the options that keep it."""

MOST_NAMED = 4
"""The largest number of different problems of one column that a message names."""


class Problems:
    """All reasons to refuse a table, collected for one message."""

    def __init__(self) -> None:
        self._cells: list[str] = []
        self._columns: dict[tuple[str, str], list[str]] = {}  # by reason and options
        self._holes: list[str] = []  # texts that may mean "not measured"
        self.remarks: list[str] = []  # columns that are mostly empty, and hardly features

    def cell(self, where: str, text: str) -> None:
        """Note a cell that cannot be understood."""
        self._cells.append(f"{where}: {text}")

    def columns(self, names: Sequence[str], why: str, roles: str) -> None:
        """Note columns that are no features, and the options that would make them features."""
        self._columns.setdefault((why, roles), []).extend(names)

    def hole(self, text: str) -> None:
        """Note a text among the labels that may mean that nothing is measured."""
        if text not in self._holes:
            self._holes.append(text)

    def __bool__(self) -> bool:
        return bool(self._cells or self._columns)

    def refuse(self, file: str, reading: Reading | None = None, remedy: str = "") -> None:
        """Raise an error that names everything noted, if there is anything, and what to type."""
        if not self:
            return
        told = self._cells[: 2 * MOST_NAMED]
        if len(self._cells) > len(told):
            told.append(f"and {len(self._cells) - len(told)} more such columns")
        told += [
            f"{'columns' if len(names) > 1 else 'column'} {listed(names)}: {why} "
            f"({roles}= keeps {'them' if len(names) > 1 else 'it'})"
            for (why, roles), names in self._columns.items()
        ]
        remedies = [remedy] if remedy else self._remedies(reading)
        raise InputError(" ".join([f"{file}: {'; '.join(told)}.", *remedies]))

    def _remedies(self, reading: Reading | None) -> list[str]:
        """Return what to type; what is given already is part of it."""
        found, names = list[str](), self._columns.get(NAMES, [])
        if names and reading is not None and reading.index is None:
            found.append(f"To call the rows by it: index={shown(names[0])}.")
            names = names[:1]
        else:
            names = []
        out = [one for part in self._columns.values() for one in part] + self.remarks
        if out := [name for name in out if name not in names]:
            out = [*(reading.drop if reading else ()), *out]
            found.append(f"To leave out what is no feature: drop=[{listed(out)}].")
        if self._holes:
            holes = [*(reading.missing if reading else ()), *self._holes]
            found.append(f"To leave out labels that are none: missing=[{listed(holes)}].")
        return found


class Conversion:
    """From the cells of one column at a time to numbers or levels."""

    def __init__(
        self,
        columns: Columns,
        decimal: str,
        thousands: str | None,
        problems: Problems,
        given: bool = False,
    ) -> None:
        self.columns, self.problems = columns, problems
        self.decimal, self.thousands = decimal, thousands
        self.given = given  # the decimal sign was, by the user
        point, group = re.escape(decimal), re.escape(thousands or "")
        whole = rf"(\d+|[1-9]\d{{0,2}}({group}\d{{3}})+)" if thousands else r"\d+"
        self.number = rf"^[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?$"

    def labels(self, name: str, missing: Iterable[str]) -> tuple[Array, str]:
        """Return the labels, NaN where there are none yet, and "%" if all are written with it."""
        holes = [*PENDING, *FAILED, *(text.strip() for text in missing)]
        values, bad, percent = self.numbers(name, holes)
        absent = [float(text) for text in holes if re.fullmatch(r"[+-]?\d+(\.\d+)?", text)]
        values[np.isin(values, absent)] = np.nan
        if bad.any():
            if (truth := self._truth(name, holes)) is not None:
                return truth, ""
            self._refuse(name, bad, "missing")
        return values, percent

    def failed(self, name: str) -> Flags:
        """Return the rows whose label says that the experiment has failed, ``(n,)``."""
        column = self.columns.cells[name]
        if pa.types.is_floating(column.type):
            return np.zeros(len(column), np.bool_)
        return np.asarray(pc.is_in(pc.utf8_trim_whitespace(column), pa.array(FAILED)))

    def feature(self, name: str) -> Array | None:
        """Return the numbers of a feature; None if they are names of levels."""
        values, bad, _ = self.numbers(name, ("",))
        empty = np.isnan(values) & ~bad
        if empty.any():
            count = int(empty.sum()) - 1
            self._note_empty(name, int(empty.argmax()), f" (and {count} more)" if count else "")
            if 2 * (count + 1) > len(empty):
                self.problems.remarks.append(name)
            return values
        if not bad.any():
            self._note_codes(name, values)
            return values
        if (truth := self._truth(name, ())) is not None:
            return truth
        return values if self._no_levels(name, bad) else None

    def _note_empty(self, name: str, row: int, more: str = "") -> None:
        why = (
            f"empty{more}; a feature must be known before the experiment: fill it in, or drop= leaves "
            "the column out"
        )
        self.problems.cell(self.columns.where(row, name), why)

    def _no_levels(self, name: str, bad: Flags) -> bool:
        """Return whether the cells that are no numbers cannot be levels either; note the reason."""
        for pattern, what in ((DATE, "dates or times"), (MEASURE, "numbers with a unit")):
            if self._all(name, pattern):
                self.problems.columns([name], what, "categories")
                return True
        count = int(bad.sum())
        if 2 * count <= len(bad) or self._disguised(name, bad):
            self._refuse(name, bad, "categories")
            return True
        if count < len(bad):  # names with a number among them: what is it?
            texts, row = self.texts(name), int((~bad).argmax())
            why = (
                f"{shown(texts[row])} is a number, and other cells are names such as "
                f"{shown(texts[int(bad.argmax())])}; if it is a name, too, give "
                f"categories=[{listed([name])}]"
            )
            self.problems.cell(self.columns.where(row, name), why)
        return count < len(bad)

    def levels(self, name: str, given: bool) -> tuple[tuple[str, ...], Array] | None:
        """Return the levels of a category and their indicators ``(n, L)``; None if it is refused."""
        texts, rows = self._arrow_texts(name), len(self.columns.rows)
        levels = sorted(pc.unique(texts).to_pylist())
        if "" in levels:
            self._note_empty(name, pc.index(texts, "").as_py())
            return None
        if not given and (len(levels) == rows or len(levels) > MOST_LEVELS):
            why, roles = f"more than {MOST_LEVELS} different texts", "categories"
            if len(levels) == rows:
                why, roles = NAMES
            self.problems.columns([name], why, roles)
            return None
        if len(levels) * rows > MOST_CELLS:
            why = f"{len(levels):,} levels in {rows:,} rows, which are too many"
            self.problems.columns([name], why, "descriptors")
            return None
        self._note_alike(name, levels)
        indicators = np.zeros((rows, len(levels)))
        indicators[np.arange(rows), np.asarray(pc.index_in(texts, pa.array(levels)))] = 1.0
        return tuple(levels), indicators

    def _note_alike(self, name: str, levels: Sequence[str]) -> None:
        """Note levels that may mean the same."""
        alike = Counter(" ".join(level.casefold().split()) for level in levels)
        double = [level for level in levels if alike[" ".join(level.casefold().split())] > 1]
        if double:
            self.columns.notes.append(
                f"{listed([name])} has levels that differ in case or spaces only: {listed(double)}"
            )

    def texts(self, name: str) -> list[str]:
        """Return the cells of a column as texts, without spaces around them."""
        return list(self._arrow_texts(name).to_pylist())

    def _arrow_texts(self, name: str) -> Any:
        column = self.columns.cells[name]
        if not pa.types.is_floating(column.type):
            return pc.utf8_trim_whitespace(column)
        words = ["" if x is None or x != x else repr(x) for x in column.to_pylist()]
        return pa.array([word.removesuffix(".0") for word in words], pa.string())

    def numbers(self, name: str, missing: Sequence[str]) -> tuple[Array, Flags, str]:
        """Return the numbers, NaN where there are none, which cells are none, and "%" or ""."""
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
            few = 2 * share.sum() <= len(share)
            ok = pc.and_not(ok, percent if few else pc.invert(percent))
        ok = pc.and_not(ok, _rounded(text))
        for sign, plain in ((self.thousands, ""), (self.decimal, ".")):
            if sign and sign != plain:
                text = pc.replace_substring(text, sign, plain)
        found = pc.cast(pc.if_else(ok, text, pa.scalar(None, pa.string())), pa.float64())
        values = found.fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        bad = (~np.asarray(ok) & ~np.asarray(hole)) | np.isinf(values)
        return values, bad, unit

    def truths(self, name: str) -> tuple[str, ...]:
        """Return how a column of truth values writes 0 and 1; nothing for one of numbers."""
        column = self.columns.cells[name]
        if pa.types.is_floating(column.type) or self._truth(name, ()) is None:
            return ()
        written = {text.lower(): text for text in pc.unique(self._arrow_texts(name)).to_pylist()}
        return written.get("false", "False"), written.get("true", "True")

    def _truth(self, name: str, missing: Sequence[str]) -> Array | None:
        """Return 1 for True and 0 for False, NaN where there is none; None if there is more."""
        column = self._arrow_texts(name)
        hole = np.asarray(pc.is_in(column, pa.array(list(missing), pa.string())))
        lower = pc.utf8_lower(column)
        true, false = (np.asarray(pc.equal(lower, word)) for word in ("true", "false"))
        if not (true | false | hole).all():
            return None
        return np.where(hole, np.nan, true)

    def _all(self, name: str, pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(self._arrow_texts(name), pattern)).as_py())

    def _disguised(self, name: str, bad: Flags) -> bool:
        """Return whether a cell that is not a number looks like one, or is a date."""
        texts = pc.unique(self._arrow_texts(name).filter(bad)).to_pylist()
        return any(DISGUISED.fullmatch(text) or re.match(DATE, text) for text in texts[:1000])

    def _refuse(self, name: str, bad: Flags, option: str) -> None:
        """Note the cells of a column that are no numbers, and what to do for each kind."""
        texts, told = self.texts(name), dict[str, tuple[int, int]]()
        for row in np.flatnonzero(bad)[:1000].tolist():
            hint = self._hint(texts[row], row, bad, option)
            first, count = told.get(hint, (row, 0))
            told[hint] = first, count + 1
            if "missing=" in hint:
                self.problems.hole(texts[row])
        for hint, (row, count) in list(told.items())[:MOST_NAMED]:
            more = f" (and {count - 1} more such cell{'s' * (count > 2)})" if count > 1 else ""
            where = self.columns.where(row, name)
            self.problems.cell(where, f"{shown(texts[row])} {hint}{more}")

    def _hint(self, text: str, row: int, bad: Flags, option: str) -> str:
        """Return why a text is not a number, and what to type."""
        number = text.rstrip("%").rstrip()
        if text in ("inf", "-inf"):
            return "is not a number that is finite"
        if re.match(self.number, number, re.ASCII):
            if re.fullmatch(r"[+-]?\d{16,300}", text):
                return "has more digits than a number here can hold; drop some, or its column"
            if not np.isfinite(float(number.replace(self.thousands or "\0", "").replace(",", "."))):
                return "is too large for a number; give it in a larger unit"
            return f"stands beside cells {'without' if '%' in text else 'with'} %"
        if (grouped := GROUPED.fullmatch(number)) and self.thousands is None:
            return f"is not a number; if it is grouped by thousands, give thousands={grouped[2]!r}"
        if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", number) and self.decimal == ".":
            if self.columns.separator == "," and not self.given:
                return "is not a number; if it has a decimal comma, give decimal=','"
            return "has a decimal comma beside decimal points; correct it"
        if re.fullmatch(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", number) and self.decimal == ",":
            return "has a decimal point beside decimal commas; correct it"
        if text[:1] in tuple("<>≤≥~"):
            told = "as a limit of detection is not a number; replace it"
            return f"{told}, or name it in missing=" if option == "missing" else told
        if text[:1] == "−":
            return "begins with a dash (U+2212) where a minus is meant; replace it by -"
        if text[:1] == "=":
            return "is a formula; save the table with its values"
        if re.match(DATE, text):
            return "is a date or a time; give a number, such as hours, or name the column in drop="
        second = int(bad.sum()) == 1 and self.columns.rows[row] == 2
        units = "; delete the row if it holds units" if second else ""
        if option == "missing":
            return f"is not a number; name it in missing= if it means 'not measured'{units}"
        return (
            "is not a number, as other cells of this column are; correct it, or name the column in "
            f"categories= or drop={units}"
        )

    def _note_codes(self, name: str, values: Array) -> None:
        """Note numbers that may be codes: whole ones in a row, from 0 or 1."""
        if 0 <= values.min() <= 1 and 2 <= values.max() <= 20:
            codes = np.unique(values)
            if len(codes) > 2 and np.array_equal(codes, codes[0] + np.arange(len(codes))):
                self.columns.notes.append(
                    f"{listed([name])} holds the whole numbers {codes[0]:g} to {codes[-1]:g}, taken "
                    "as numbers; categories= makes them levels"
                )


def _rounded(text: Any) -> Any:
    """Return which cells of an Arrow array are whole numbers that a float would round."""
    long = pc.match_substring_regex(text, r"^[+-]?\d{16,}$")
    if not pc.any(long).as_py():
        return long
    cells = pc.if_else(long, text, pa.scalar(None, pa.string())).to_pylist()
    return pa.array([cell is not None and int(float(cell)) != int(cell) for cell in cells])


def decimal_sign(
    columns: Columns, names: Iterable[str], thousands: str | None, label: str | None = None
) -> str:
    """Return the decimal sign of a file, looking at all columns of numbers at once.

    A label counts as one of numbers, however few are measured and however many are "n.d.".
    """
    if thousands in (",", "."):
        return "." if thousands == "," else ","
    if columns.separator in ("", ","):
        return "."
    sure, unsure = dict[str, str](), dict[str, str]()
    for name in names:
        for sign, (pattern, where) in _decimals(columns, name, thousands, name == label).items():
            (sure if pattern == DECIMALS else unsure).setdefault(sign, where)
    if len(sure) == 2:
        raise InputError(
            f"{columns.file} has decimal commas ({sure[',']}) and decimal points ({sure['.']}); "
            "correct one of them, or say which sign is meant as decimal=."
        )
    if sure:
        return next(iter(sure))
    if unsure:
        sign, where = next(iter(unsure.items()))
        raise InputError(
            f"{columns.file}: it is not sure whether {sign!r} stands before decimals or thousands "
            f"({where}); give decimal={sign!r} or thousands={sign!r}."
        )
    return "."


def _decimals(
    columns: Columns, name: str, thousands: str | None, numbers: bool
) -> dict[str, tuple[str, str]]:
    """Return the signs in the numbers of a column, each with how sure it is and with a cell."""
    column = columns.cells[name]
    if not pa.types.is_string(column.type):
        return {}
    text = pc.utf8_trim_whitespace(column)
    text = pc.if_else(pc.is_in(text, pa.array([*PENDING, *FAILED])), "", text)
    if thousands:
        text = pc.replace_substring(text, thousands, "")
    filled = pc.sum(pc.not_equal(text, "")).as_py() or 0
    alike = pc.sum(pc.match_substring_regex(text, r"^[+-]?\d*[.,]?\d*([eE][+-]?\d+)?\s*%?$"))
    if not numbers and 2 * ((alike.as_py() or 0) - (len(text) - filled)) < filled:
        return {}  # a column of names, in which 1,4 is not a number
    found = {}
    for sign in (",", "."):
        unsure = pc.match_substring_regex(text, UNSURE % re.escape(sign))
        any_ = pc.match_substring_regex(text, DECIMALS % re.escape(sign))
        for pattern, match in ((DECIMALS, pc.and_not(any_, unsure)), (UNSURE, unsure)):
            row = pc.index(match, True).as_py()
            if row >= 0:
                found[sign] = pattern, f"{columns.where(row, name)}: {shown(column[row].as_py())}"
                break
    return found
