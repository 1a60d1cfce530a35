"""From the bytes of a file to columns of text, without a guess at their types.

Every cell of a CSV file stays the text that stands there, since readers that guess types turn the
additive "None" into a hole and 1,063 into a date. Rows are counted as a spreadsheet shows them: the
header is row 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow

from ..core import InputError
from ..core.arrays import Whole
from ..core.errors import shown
from .columns import Columns, check_size, listed, repeated
from .files import contents, named
from .options import Reading

SEPARATORS = ",;\t|"
NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*%?")
"""A number with either decimal sign."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FIRST = 2**20
"""Letters within which the first row must end."""


def _decoded(file: str, raw: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Return the text, and a note where its encoding is not sure."""
    if raw[:4] == b"PK\3\4":
        raise InputError(f"{file} is a spreadsheet or an archive; save the table as CSV (UTF-8).")
    used = encoding or next((name for mark, name in MARKS if raw.startswith(mark)), "utf-8")
    notes = []
    try:
        try:
            text = raw.decode(used)
        except UnicodeDecodeError:
            if encoding is not None:
                raise
            text, used = raw.decode("cp1252"), "cp1252"
            notes.append("not UTF-8, so it was read as cp1252; encoding= if letters look wrong")
        text.encode()  # lone halves of a pair are no letters
    except (LookupError, ValueError):  # an unknown encoding, or one that does not fit
        raise InputError(
            f"{file} is no text in the encoding {shown(used)}, or Python knows none of this name; give "
            "another one, such as encoding='cp1252', 'utf-16' or 'mac_roman'."
        ) from None
    if "\0" in text:
        raise InputError(
            f"{file} holds NUL characters: it is UTF-16 without a mark, which encoding='utf-16-le' "
            "reads, or no table of text."
        )
    return text.removeprefix("\ufeff"), notes


def read_text(path: Path, file: str, reading: Reading) -> Columns:
    """Return the columns of a CSV file called ``file``."""
    header, names, separator = reading.header, reading.names, reading.separator
    text, notes = _decoded(file, contents(path), reading.encoding)
    if hint := re.match(r'"?sep=(.)"?\r?\n', text):  # Excel's own, which it does not show as a row
        text, separator = text[hint.end() :], separator or hint[1]
    body = text.lstrip(" \r\n")
    if not body.strip():
        raise InputError(f"{file} has no rows.")
    above = text[: len(text) - len(body)].count("\n")
    cells, rows, separator = _split(file, body, separator, notes)
    first, goal = [column[0].as_py().strip() for column in cells], None
    if names is None and header is None:
        if beside := _olympus(path, len(cells)):
            notes.append("names and goal are those of the config.json beside it")
            names, goal = beside
            header = first == names
        else:
            _check_header(file, first)
    if names is None:
        names = [f"x{i}" for i in range(len(first))] if header is False else first
        header = header is not False
    start = int(bool(header))
    kept = (column[start:] for column in cells)
    named_cells = dict(zip(_unique(file, names, len(cells)), kept, strict=True))
    columns = Columns(file, named_cells, rows[start:] + above, separator, goal, notes=notes)
    return _without_empty_rows(columns)


def _unique(file: str, names: Sequence[str], count: int) -> list[str]:
    """Return the names of ``count`` columns; several without a name get one each."""
    if len(names) != count:
        raise InputError(f"{file} has {count} columns, but names= gives {len(names)} of them.")
    double = repeated(filter(None, names))
    if double:
        raise InputError(
            f"{file} has two columns called {listed(double[:1])}; rename one of them, or give all "
            "names as names= (with header=True, if the file has a header)."
        )
    nameless = names.count("") > 1
    return [f"Unnamed: {i}" if nameless and not name else name for i, name in enumerate(names)]


def _check_header(file: str, first: Sequence[str]) -> None:
    """Refuse a first row that does not look like names: it may be the first experiment."""
    known = "PENDING", "True", "False"
    numbers = [cell for cell in first if NUMBER.fullmatch(cell) or cell in known]
    if numbers:
        kind = "numbers only" if len(numbers) == len(first) else "values"
        raise InputError(
            f"{file}: the first row holds {kind} ({', '.join(map(named, numbers[:4]))}): give "
            "the names of the columns as names=, or header=False (x0, x1, ...), or header=True if these "
            "are names."
        )
    if sum(map(bool, first)) == 1 and len(first) > 2:
        raise InputError(
            f"{file}: the first row holds one text alone, {listed([''.join(first)])}; delete the title "
            "above the names of the columns, or give header=True."
        )


def _split(
    file: str, text: str, separator: str | None, notes: list[str]
) -> tuple[list[Any], Whole, str]:
    """Return the columns, first row included, the numbers of the rows, and the separator.

    The separator is the one that gives all rows as many cells, the most of them.
    """
    encoded = text.encode()
    widths = _widths(file, text[:FIRST], separator)
    tries = [_parsed(file, encoded, sign, width) for sign, width in widths.items()]
    good = [parsed for parsed in tries if not parsed.ragged]
    if not good:
        worst = max(tries, key=lambda parsed: parsed.width)
        named_rows = _with_name_of_rows(worst, text, notes)
        if named_rows is None:
            raise worst.error(file)
        good = [parsed := _parsed(file, named_rows.encode(), worst.separator, worst.width + 1)]
        if parsed.ragged:
            raise worst.error(file)
    # Of two signs that fit, one stands within the cells of the other: "amount, mol;yield" over "1,5;20".
    most = max(parsed.width for parsed in good)
    chosen = _likeliest(file, [parsed for parsed in good if parsed.width == most])
    chosen.check_quotes(file, text)
    return chosen.columns, chosen.rows, chosen.separator


def _widths(file: str, text: str, separator: str | None) -> dict[str, int]:
    """Return how many cells each separator gives the first row of a text."""
    widths = {}
    for sign in separator or SEPARATORS:
        try:
            width = len(next(csv.reader(io.StringIO(text, newline=""), delimiter=sign)))
        except (csv.Error, StopIteration):
            continue
        if width > 1:
            widths[sign] = width
    if not widths:
        signs = "by " + repr(separator) if separator else "by any of , ; tab |"
        raise InputError(
            f"{file}: the first row is not split {signs}; a table needs at least two columns. Delete "
            "a title above the names of the columns, close its quotes, or give separator= if it is "
            "another sign."
        )
    return widths


@dataclass(frozen=True)
class _Parsed:
    """A text split by one separator."""

    separator: str
    width: int  # cells of the first row
    columns: list[Any]  # an Arrow array of strings for each column
    rows: Whole  # (n,) the number of each row that was kept
    ragged: list[tuple[int, int, str]]  # number, length and text of the rows of another length

    def values(self) -> int:
        """Return how many cells hold a number or a truth value."""
        pattern = f"(?i)^({NUMBER.pattern}|true|false)$"
        found = (pc.match_substring_regex(column, pattern) for column in self.columns)
        return sum(pc.sum(column).as_py() or 0 for column in found)

    def check_quotes(self, file: str, text: str) -> None:
        """Refuse a quoted cell that has swallowed rows."""
        if '"' not in text:
            return
        for column in self.columns:
            for row in np.flatnonzero(np.asarray(pc.match_substring(column, "\n"))).tolist():
                cell = column[row].as_py()
                if text.count('"') % 2 or cell.count(self.separator) >= self.width - 1:
                    raise InputError(
                        f"{file}: a quote is not closed, so that a cell of row {self.rows[row]} holds "
                        "rows below it. Close it; within a quoted cell a quote is written twice."
                    )

    def error(self, file: str) -> InputError:
        """Return what is wrong with the rows of another length."""
        row, count, _ = self.ragged[0]
        more = len(self.ragged) - 1
        return InputError(
            f"{file}: row {row} has {count} cell{'s' * (count != 1)} where the first row has "
            f"{self.width}{f', as have {more} more' if more else ''}, split by "
            f"{self.separator!r}. Correct the row: a cell that holds the separator needs quotes. If "
            "another sign separates them, give it as separator=."
        )


def _likeliest(file: str, good: list[_Parsed]) -> _Parsed:
    """Return the way to split a text that gives the most numbers."""
    if len(good) == 1:
        return good[0]
    good = sorted(good, key=_Parsed.values, reverse=True)
    if good[0].values() == good[1].values():
        signs = " or ".join(repr(parsed.separator) for parsed in good)
        raise InputError(
            f"{file}: it is not sure whether {signs} separates the cells; give separator=."
        )
    return good[0]


def _parsed(file: str, text: bytes, separator: str, width: int) -> _Parsed:
    """Return a text split by a separator, without its blank lines."""
    check_size(file, 1, width)
    blank: list[int] = []
    ragged: list[tuple[int, int, str]] = []

    def aside(row: Any) -> str:
        if row.text.strip():
            ragged.append((row.number, row.actual_columns, row.text))
        else:
            blank.append(row.number)
        return "skip"

    table = _arrow_table(file, text, separator, width, aside)
    check_size(file, table.num_rows, table.num_columns)
    columns = [column.combine_chunks() for column in table.columns]
    gone = blank + [number for number, _, _ in ragged]
    rows = np.delete(np.arange(1, table.num_rows + len(gone) + 1), np.array(gone, np.int64) - 1)
    return _Parsed(separator, len(columns), columns, rows, ragged)


def _arrow_table(
    file: str, text: bytes, separator: str, width: int, aside: Callable[[Any], str]
) -> Any:
    """Return an Arrow table of texts; ``aside`` is handed every row of another length."""
    try:
        return arrow.read_csv(
            io.BytesIO(text),
            arrow.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=2**24),
            arrow.ParseOptions(
                delimiter=separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=aside,
            ),
            arrow.ConvertOptions(
                strings_can_be_null=False,
                column_types={f"f{i}": pa.string() for i in range(width)},
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{file} is not a table of text: {named(str(error))}.") from None


def _with_name_of_rows(parsed: _Parsed, text: str, notes: list[str]) -> str | None:
    """Return the text with one more name in its header, if all other rows have one more cell.

    R names its rows without naming that column, and some programs end every row but the header by a
    separator.
    """
    if len(parsed.rows) > 1 or any(count != parsed.width + 1 for _, count, _ in parsed.ragged):
        return None
    first, end, rest = re.split(r"(\r\n|\r|\n)", text, maxsplit=1)
    trailing = all(row.rstrip().endswith(parsed.separator) for _, _, row in parsed.ragged)
    notes.append("the header has one name less than the rows have cells")
    header = first + parsed.separator if trailing else parsed.separator + first
    return header + end + rest


def _without_empty_rows(columns: Columns) -> Columns:
    """Leave out rows in which every cell is empty, as spreadsheets write them below a table."""
    filled = np.zeros(len(columns.rows), np.bool_)
    for column in columns.cells.values():
        filled |= np.asarray(pc.not_equal(pc.utf8_trim_whitespace(column), ""))
        if filled.all():
            break
    if not filled.any():
        raise InputError(f"{columns.file} has no rows.")
    if filled.all():
        return columns
    count = int((~filled).sum())
    columns.notes.append(f"{count} empty row{'s' * (count > 1)} left out")
    kept = {name: column.filter(filled) for name, column in columns.cells.items()}
    return replace(columns, cells=kept, rows=columns.rows[filled])


def _olympus(path: Path, width: int) -> tuple[list[str], tuple[str, bool]] | None:
    """Return names and goal from the ``config.json`` beside a table of Olympus, if they fit it."""
    beside = path.with_name("config.json")
    try:
        if not beside.is_file():
            return None
        config = json.loads(contents(beside))
        measured = [entry["name"] for entry in config["measurements"]]
        names = [entry["name"] for entry in config["parameters"]] + measured
        goal = measured[0], {"minimize": True, "maximize": False}[config["default_goal"]]
    except (LookupError, OSError, TypeError, ValueError, RecursionError):
        return None
    if len(names) != width or not all(isinstance(name, str) and name for name in names):
        return None
    return names, goal
