"""The columns of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from ..core import InputError
from . import stored
from .columns import STATUS, Columns, check_size, listed, repeated
from .files import MOST_BYTES, contents, is_large, named, stamp


def read_parquet(path: Path, file: str, drop: Sequence[str]) -> Columns:
    """Return the columns of a Parquet file, whose size is looked at before it is read.

    Those of a large file stay there, and are read one at a time whenever they are asked for.
    """
    source = _Source(path, file)
    with _damage(file):
        opened = source.open()
        schema, rows = opened.schema_arrow, opened.metadata.num_rows
        check_size(file, rows, len(schema))
        if double := repeated(schema.names):
            raise InputError(f"{file} has two columns called {listed(double[:1])}; rename one.")
        if not rows:
            raise InputError(f"{file} has no rows.")
        used = [name for name in schema.names if name not in drop or name.lower() == STATUS]
        known = (schema.pandas_metadata or {}).get("index_columns", ())
    cells: Mapping[str, Any] = _Cells(source, used)
    large = rows * len(used) > stored.LARGE
    return Columns(
        file,
        cells if large else dict(cells),
        np.arange(2, rows + 2),
        index=tuple(name for name in known if isinstance(name, str)),
        numbers=frozenset(name for name in used if _is_number(schema.field(name).type)),
        again=partial(_Cells, source, used) if large else None,
    )


class _Source:
    """A Parquet file that is opened again and again, and must not change."""

    def __init__(self, path: Path, file: str) -> None:
        self.path, self.file = path, file
        self.bytes = None if is_large(path) else contents(path)
        self.stamp = stamp(path)

    def open(self) -> parquet.ParquetFile:
        """Return the file, opened."""
        if self.bytes is not None:
            where = pa.BufferReader(self.bytes)
        elif stamp(self.path) != self.stamp:
            raise InputError(f"{self.file} has changed while it was in use; start again.")
        else:
            where = pa.OSFile(str(self.path))
        schema = parquet.read_schema(where)
        texts = [name for name in schema.names if pa.types.is_string(schema.field(name).type)]
        where.seek(0)
        # A text that stands in many rows is kept once: unpacked it could be of any size.
        return parquet.ParquetFile(where, read_dictionary=texts)


class _Cells(Mapping[str, Any]):
    """The columns of a Parquet file by name: texts are kept, numbers are read at every look.

    Those that are not used are None.
    """

    def __init__(self, source: _Source, used: Sequence[str]) -> None:
        self._file, self._used = source.file, set(used)
        with _damage(source.file):
            self._opened = source.open()
            self._schema = self._opened.schema_arrow
        self._kept: dict[str, Any] = {}
        for name in used:
            if not _is_number(self._schema.field(name).type):
                self._kept[name] = self._read(name)

    def __getitem__(self, name: str) -> Any:
        if name in self._used:
            return self._kept[name] if name in self._kept else self._read(name)
        return dict.fromkeys(self._schema.names)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __len__(self) -> int:
        return len(self._schema.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()
        pa.default_memory_pool().release_unused()  # what Arrow has kept for the next column

    def _read(self, name: str) -> Any:
        with _damage(self._file):
            read = self._opened.read([name], use_threads=False)
            return _plain(self._file, name, read[name])


@contextmanager
def _damage(file: str) -> Iterator[None]:
    """Turn whatever Arrow raises of a damaged file into words."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        told = named(str(error)).rstrip(".")
        raise InputError(f"{file} is not a readable Parquet table: {told}.") from None


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _plain(file: str, name: str, column: Any) -> Any:
    """Return an Arrow column as float64 or as strings; truth values, dates and times become texts."""
    column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunk, or of several where one cannot hold all
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(column.type):
        if pa.types.is_string(column.dictionary.type):
            longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
            if longest * len(column) > MOST_BYTES:
                raise InputError(
                    f"Column {listed([name])} of {file} has texts of {longest:,} letters; drop it."
                )
        column = column.dictionary_decode()
    kind, types = column.type, pa.types
    if _is_number(kind):
        return column.cast(pa.float64())
    if types.is_decimal(kind):  # by its digits, which a product with a power of ten would not keep
        return column.cast(pa.string()).cast(pa.float64())
    words = str(kind) in ("string", "large_string", "string_view", "bool", "null")
    if words or types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind):
        return column.cast(pa.string()).fill_null("")
    raise InputError(
        f"Column {listed([name])} of {file} holds {kind}, which is neither numbers nor texts; name "
        "it in drop=."
    )
