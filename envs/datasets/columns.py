"""From the bytes of a file to columns of text or numbers, none of whose types was guessed.

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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .files import MOST_BYTES, MOST_CELLS, contents, ending

SEPARATORS = ",;\t|"
PLAIN = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
NAMELESS = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Args:
        file: Name of the file, for messages.
        cells: An Arrow array per column, in order: strings, or float64 with nulls.
        rows: The number of each row as a spreadsheet shows it, ``(n,)``.
        separator: What stands between cells; empty for Parquet.
        goal: What a file beside it says: its target, and whether that is minimised.
        notes: What was decided that a reader should know.
    """

    file: str
    cells: dict[str, Any]
    rows: NDArray[np.int64]
    separator: str = ""
    goal: tuple[str, bool] | None = None
    notes: list[str] = field(default_factory=list)

    def place(self, row: int, name: str) -> str:
        """Return where a cell stands, in words; ``row`` counts from 0."""
        return f"row {self.rows[row]}, column {name!r}"


def read_columns(
    path: Path,
    *,
    header: bool | None = None,
    names: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    drop: Sequence[str] = (),
) -> Columns:
    """Return the columns of a CSV or Parquet file; the arguments are those of `Reading`."""
    if ending(path) == ".parquet":
        about_text = {
            "header": header,
            "names": names,
            "separator": separator,
            "encoding": encoding,
        }
        for option, value in about_text.items():
            if value is not None:
                raise InputError(f"{path.name} is a Parquet file, which takes no {option}=.")
        return _of_parquet(path, drop)
    text, notes = _decoded(path.name, contents(path), encoding)
    return _of_text(path, text, header, names, separator, notes)


# ---- text


def _decoded(file: str, raw: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Return the text, and a note where its encoding is not sure."""
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
    except (LookupError, ValueError):  # an unknown encoding, or one that does not fit
        raise InputError(
            f"{file} is no text in the encoding {used!r}; give the right one, such as "
            "encoding='utf-8', 'cp1252', 'utf-16' or 'mac_roman'."
        ) from None
    if "\0" in text:
        raise InputError(
            f"{file} holds NUL characters: it is UTF-16 without a mark, which encoding='utf-16-le' "
            "reads, or no table of text."
        )
    return text, notes


def _of_text(
    path: Path,
    text: str,
    header: bool | None,
    names: Sequence[str] | None,
    separator: str | None,
    notes: list[str],
) -> Columns:
    hint = re.match(r"sep=(.)\r?\n", text)  # written by Excel, which does not show it as a row
    if hint:
        text, separator = text[hint.end() :], separator or hint[1]
    if not text.strip():
        raise InputError(f"{path.name} has no rows.")
    cells, separator = _split(path.name, text, separator)
    first = [column[0].as_py().strip() for column in cells]
    goal = None
    if header is not True and all(re.fullmatch(PLAIN, cell) for cell in first):
        beside, told = _olympus(path) or (None, None)
        if beside is not None and (names is None or list(names) == beside):
            names, goal = beside, told
            notes.append("names and goal are those of the config.json beside it")
        elif names is None and header is None:
            raise InputError(
                f"{path.name}: the first row holds numbers only ({', '.join(first[:4])}): give the "
                "names of the columns as names=, or header=False (x0, x1, ...), or header=True if "
                "these are names."
            )
    if names is None and header is False:
        names = [f"x{i}" for i in range(len(first))]
    if names is None:
        names, start = first, 1
    else:
        start = 1 if header else 0
        if len(names) != len(cells):
            raise InputError(
                f"{path.name} has {len(cells)} columns, but names= gives {len(names)} of them."
            )
    double = [name for name, count in Counter(names).items() if count > 1 and name]
    if double:
        raise InputError(
            f"{path.name} has two columns called {double[0]!r}; rename one of them, or give all "
            "names as names= (with header=True, if the file has a header)."
        )
    kept = {
        name if name or names.count("") == 1 else f"Unnamed: {i}": column[start:]
        for i, (name, column) in enumerate(zip(names, cells, strict=True))
    }
    rows = np.arange(start, len(cells[0])) + 1
    return _without_empty_rows(
        Columns(path.name, kept, rows, separator=separator, goal=goal, notes=notes)
    )


def _split(file: str, text: str, separator: str | None) -> tuple[list[Any], str]:
    """Return the columns, first row included, and the separator that gives all rows as many cells."""
    firsts = {}
    for sign in separator or SEPARATORS:
        try:
            firsts[sign] = len(next(csv.reader(io.StringIO(text, newline=""), delimiter=sign)))
        except (csv.Error, StopIteration):
            continue
    most = max(firsts.values(), default=0)
    if most < 2:
        signs = repr(separator) if separator else "none of , ; tab |"
        raise InputError(
            f"{file}: the first row is not parted by {signs}; a table needs two columns at least. "
            "Give separator= if it is another sign."
        )
    encoded, ragged = text.encode(), ""
    for sign, width in sorted(firsts.items(), key=lambda item: -item[1]):
        if width < 2:
            break
        columns, bad = _parsed(file, encoded, sign, width)
        if not bad:
            if text.count('"') % 2 and any("\n" in column[-1].as_py() for column in columns):
                raise InputError(
                    f"{file}: a quote is not closed, so that row {len(columns[0])} holds all that "
                    "follows. Mend it; within a quoted cell a quote is written twice."
                )
            return columns, sign
        row, count = bad[0]
        ragged = ragged or (
            f"row {row} has {count} cell{'s' * (count != 1)} where the first row has {width}"
            + (f" (and {len(bad) - 1} more rows are like that)" if len(bad) > 1 else "")
            + f", parted by {sign!r}"
        )
    raise InputError(
        f"{file}: {ragged}. Mend the row: a cell that holds the separator stands in quotes. If "
        "another sign parts the cells, give it as separator=."
    )


def _parsed(
    file: str, text: bytes, separator: str, width: int
) -> tuple[list[Any], list[tuple[int, int]]]:
    """Return the columns as strings, and number and length of the rows of another length."""
    import pyarrow as pa  # slow to import, so only when a file is read
    from pyarrow import csv as arrow

    ragged: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        ragged.append((row.number, row.actual_columns))
        return "skip"

    try:
        table = arrow.read_csv(
            io.BytesIO(text),
            arrow.ReadOptions(use_threads=False, autogenerate_column_names=True),
            arrow.ParseOptions(
                delimiter=separator,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            arrow.ConvertOptions(
                strings_can_be_null=False,
                column_types={f"f{i}": pa.string() for i in range(width)},
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{file} is not a table of text: {error}.") from None
    _bounded(file, table.num_rows, table.num_columns)
    return [column.combine_chunks() for column in table.columns], ragged


def _without_empty_rows(columns: Columns) -> Columns:
    """Leave out rows in which every cell is empty, as spreadsheets write them below a table."""
    import pyarrow.compute as pc

    filled = np.zeros(len(columns.rows), np.bool_)
    for column in columns.cells.values():
        filled |= np.asarray(pc.not_equal(pc.utf8_trim_whitespace(column), ""))
    if not filled.any():
        raise InputError(f"{columns.file} has no rows.")
    if filled.all():
        return columns
    columns.notes.append(f"{int((~filled).sum())} empty rows left out")
    kept = {name: column.filter(filled) for name, column in columns.cells.items()}
    return replace(columns, cells=kept, rows=columns.rows[filled])


def _olympus(path: Path) -> tuple[list[str], tuple[str, bool]] | None:
    """Return names and goal from the ``config.json`` beside a table of Olympus, if it is there."""
    place = path.with_name("config.json")
    if not place.is_file():
        return None
    try:
        config = json.loads(contents(place))
        measured = [entry["name"] for entry in config["measurements"]]
        names = [entry["name"] for entry in config["parameters"]] + measured
        minimise = {"minimize": True, "maximize": False}[config["default_goal"]]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if not all(isinstance(name, str) for name in names):
        return None
    return names, (measured[0], minimise)


# ---- Parquet


def _of_parquet(path: Path, drop: Sequence[str]) -> Columns:
    """Return the columns of a Parquet file, whose size is looked at before it is read."""
    import pyarrow as pa  # slow to import, so only when a file is read
    from pyarrow import parquet

    try:
        buffer = pa.BufferReader(contents(path))
        with parquet.ParquetFile(buffer) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        _bounded(path.name, rows, len(schema))
        double = [name for name, count in Counter(schema.names).items() if count > 1]
        if double:
            raise InputError(f"{path.name} has two columns called {double[0]!r}; rename one.")
        if not rows:
            raise InputError(f"{path.name} has no rows.")
        used = [name for name in schema.names if name not in drop]
        texts = [name for name in used if pa.types.is_string(schema.field(name).type)]
        buffer.seek(0)
        # A text that stands in many rows is kept once: unpacked it could be of any size.
        table = parquet.ParquetFile(buffer, read_dictionary=texts).read(used, use_threads=False)
        cells = {
            name: _plain(path.name, name, table[name]) if name in used else None
            for name in schema.names
        }
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise InputError(f"{path.name} is not a readable Parquet table: {error}.") from None
    return Columns(path.name, cells, np.arange(2, rows + 2))


def _plain(file: str, name: str, column: Any) -> Any:
    """Return an Arrow column as float64 or as strings; True, dates and times become texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk, or of several where one cannot hold all
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        longest = pc.max(pc.binary_length(column.dictionary.cast(pa.large_string()))).as_py() or 0
        if longest * len(column) > MOST_BYTES:
            raise InputError(
                f"Column {name!r} of {file} has texts of {longest:,} letters; drop it."
            )
        column = column.dictionary_decode()
    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return column.cast(pa.float64())
    texts = types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind)
    if texts or types.is_temporal(kind) or types.is_null(kind):
        return column.cast(pa.string()).fill_null("")
    raise InputError(
        f"Column {name!r} of {file} holds {kind}, which is neither numbers nor texts; name it in "
        "drop=."
    )


def _bounded(file: str, rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise InputError(
            f"{file} has {rows:,} rows and {columns:,} columns; at most {MOST_CELLS:,} cells are "
            "read. Keep the rows and the columns that are needed."
        )
