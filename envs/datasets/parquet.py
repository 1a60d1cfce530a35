"""The columns of a Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from ..core import InputError
from .columns import STATUS, Columns, check_size, listed, repeated
from .files import MOST_BYTES, contents, named


def read_parquet(path: Path, file: str, drop: Sequence[str]) -> Columns:
    """Return the columns of a Parquet file, whose size is looked at before it is read."""
    try:
        buffer = pa.BufferReader(contents(path))
        with parquet.ParquetFile(buffer) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
        check_size(file, rows, len(schema))
        if double := repeated(schema.names):
            raise InputError(f"{file} has two columns called {listed(double[:1])}; rename one.")
        if not rows:
            raise InputError(f"{file} has no rows.")
        used = [name for name in schema.names if name not in drop or name.lower() == STATUS]
        texts = [name for name in used if pa.types.is_string(schema.field(name).type)]
        buffer.seek(0)
        # A text that stands in many rows is kept once: unpacked it could be of any size.
        table = parquet.ParquetFile(buffer, read_dictionary=texts).read(used, use_threads=False)
        cells = {
            name: _plain(file, name, table[name]) if name in used else None for name in schema.names
        }
        known = (schema.pandas_metadata or {}).get("index_columns", ())
    except InputError:
        raise
    except Exception as error:  # whatever Arrow raises of a damaged file
        told = named(str(error)).rstrip(".")
        raise InputError(f"{file} is not a readable Parquet table: {told}.") from None
    index = tuple(name for name in known if isinstance(name, str))
    return Columns(file, cells, np.arange(2, rows + 2), index=index)


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
    if types.is_integer(kind) or types.is_floating(kind):
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
