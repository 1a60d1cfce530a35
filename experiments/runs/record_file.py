"""The file of a record: a Parquet table with one row per episode, and its metadata.

The spec, the status, the error and the platform are in the metadata, with the digest of all other bytes.
The digest is checked before anything is parsed, for Arrow ends the process for some damaged files, and
the metadata before any number is loaded, for there may be too many. The digest finds accidents and
edits; it is no signature, for anybody can compute it for other numbers. Files of version 0.1.0 have no
digest, and are known by Arrow's own entry, which ours have not.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...envs.core import told
from . import former
from .pages import check_metadata, unpacked
from .record import AFTER, FORMAT, Columns, Record, check, check_size, read_about, record_of
from .spec import RunSpec
from .trace import NUMBERS, Ragged

KEY, DIGEST, FIRST = b"discovery_gym", b"discovery_gym.sha256", b"ARROW:schema"
MOST_BYTES, MOST_HEAD = 2**28, 2**24
"""Bounds of a file, and of its metadata."""
ONE, MANY = pa.float64(), pa.list_(pa.float64())
COLUMNS = {"seed": [pa.int64()], "return": [ONE], "length": [pa.int64()], "regret": [ONE],
           "spent": [ONE], "curve": [MANY], **{name: [MANY] for name in AFTER}}  # fmt: skip
"""Types of columns; those of metrics hold a number or a list of them."""
ACTION = re.compile(r"a(0|[1-9]\d*)")
ACTIONS = [pa.list_(pa.from_numpy_dtype(one)) for one in NUMBERS]
"""Types of columns of actions."""
DAMAGE = (pa.ArrowException, OSError, LookupError, TypeError, ValueError, ArithmeticError,
          RecursionError, MemoryError)  # fmt: skip
"""What may be raised while a damaged file is read."""


def to_table(columns: Columns) -> pa.Table:
    """Return the table of columns: numbers ``(E,)``, lists of one length ``(E, ...)`` or of any."""
    return pa.table({name: _to_arrow(column) for name, column in columns.items()})


def _to_arrow(column: NDArray[Any] | Ragged) -> pa.Array:
    if isinstance(column, Ragged):
        offsets = np.concatenate([[0], np.cumsum(column.lengths)]).astype(np.int32)
        return pa.ListArray.from_arrays(offsets, pa.array(column.values))
    return pa.array(list(column) if column.ndim > 1 else column)


def to_bytes(table: pa.Table, about: str, level: int | None = None) -> bytes:
    """Return the content of a file: a table, its metadata, and the digest of both.

    Whole numbers repeat, which a dictionary makes small, but for seeds, which count. Others rarely do;
    their bytes are kept by significance, so that signs and exponents stand together.

    Args:
        table: Its columns.
        about: Its metadata, in JSON.
        level: How hard zstd tries; 19 is slow, and makes compact records a sixth smaller.
    """
    types = {field.name: field.type for field in table.schema}
    paths = {n: f"{n}.list.element" if pa.types.is_list(t) else n for n, t in types.items()}
    inner = {n: t.value_type if pa.types.is_list(t) else t for n, t in types.items()}
    split = [paths[name] for name, one in inner.items() if pa.types.is_floating(one)]
    plain = {*split, "seed"}
    how: dict[str, Any] = {"use_dictionary": [path for path in paths.values() if path not in plain]}
    how["column_encoding"] = dict.fromkeys(split, "BYTE_STREAM_SPLIT")
    if "seed" in paths:
        how["column_encoding"]["seed"] = "DELTA_BINARY_PACKED"
    how |= {"compression": "zstd", "compression_level": level}
    how |= {"store_schema": False, "write_statistics": False}
    buffer = pa.BufferOutputStream()
    with pq.ParquetWriter(buffer, table.schema, **how) as file:
        file.write_table(table)
        file.add_key_value_metadata({KEY: about, DIGEST: "0" * 64})
    content = buffer.getvalue().to_pybytes()
    at = place_of_digest(content)
    return content[: at.start] + digest_of(content, at) + content[at.stop :]


def same(first: bytes, second: bytes) -> bool:
    """Return whether two files tell the same of every episode; what was timed may differ."""
    tables = (pq.read_table(pa.BufferReader(one), use_threads=False) for one in (first, second))
    return len({to_bytes(table.replace_schema_metadata(), "") for table in tables}) == 1


def read(path: Path) -> Record:
    """Return the record in a file; any other file raises one of `DAMAGE`."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a file")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"its {status.st_size:,} bytes are more than {MOST_BYTES:,}")
    return parse(path.read_bytes(), path.name)


def parse(content: bytes, name: str) -> Record:
    """Return the record in the bytes of a file of this name; any others raise one of `DAMAGE`."""
    parquet, spec, run_id, about = _opened(content)
    # Threads of Arrow that outlive Python abort the process as it ends.
    columns: Mapping[str, Any] = from_table(parquet.read(use_threads=False))
    if about["format"] < FORMAT:
        columns, about = former.columns(columns, about)
    check(spec, columns, about)
    if name != f"{run_id}.parquet":
        raise ValueError(f"its spec and code are those of the run {run_id}: renamed, or edited")
    return record_of(spec, run_id, columns, about)


def head(content: bytes) -> RunSpec:
    """Return what was run by the bytes of a file, of which no number is loaded."""
    return _opened(content)[1]


def _opened(content: bytes) -> tuple[pq.ParquetFile, RunSpec, str, Mapping[str, Any]]:
    """Return the table in the bytes of a file and what it says of itself, once its digest fits."""
    if content[-4:] != b"PAR1":
        raise ValueError("it is not a Parquet file")
    if (length := int.from_bytes(content[-8:-4], "little")) > MOST_HEAD:
        raise ValueError(f"its metadata is longer than {MOST_HEAD:,} bytes")
    at = place_of_digest(content)
    first = FIRST in content and KEY in content and DIGEST not in content
    if not first and content[at] != digest_of(content, at):
        raise ValueError("its digest is not that of its content: edited, or not of this version")
    check_metadata(content, length)
    parquet = pq.ParquetFile(pa.BufferReader(content))
    found = _head(parquet, first)
    numbers, size = unpacked(content, parquet.metadata)
    check_size(max(numbers, size // 8))
    return parquet, *found


def _head(parquet: pq.ParquetFile, first: bool) -> tuple[RunSpec, str, Mapping[str, Any]]:
    """Return the spec, the id and all the metadata of a file, without loading a number."""
    schema, size = parquet.schema_arrow, parquet.metadata
    if KEY not in (schema.metadata or {}):
        raise ValueError("nothing in it says what was run")
    found = json.loads(schema.metadata[KEY])
    if first and "format" in found:
        raise ValueError("it has no digest")
    spec, run_id, about = read_about(found)
    for field in schema:
        more = ACTIONS if ACTION.fullmatch(field.name) else [ONE, MANY]
        if field.type not in COLUMNS.get(field.name, more):
            raise ValueError(f"its column {field.name} holds {told(field.type)}")
    groups = (size.row_group(i) for i in range(size.num_row_groups))
    check_size(
        sum(group.column(j).num_values for group in groups for j in range(group.num_columns))
    )
    return spec, run_id, about


def from_table(table: pa.Table) -> dict[str, Any]:
    """Return the columns of a table, as `to_table` takes them."""
    ragged = {name for name in table.column_names if name in AFTER or ACTION.fullmatch(name)}
    return {
        name: _to_ragged(table[name]) if name in ragged else _to_array(table[name])
        for name in table.column_names
    }


def _to_array(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column as an array, lists of one length as its rows."""
    if column.null_count:
        raise ValueError("a column has holes")
    if not pa.types.is_list(column.type):
        return np.asarray(column.to_numpy())
    lists = _to_ragged(column)
    if len(np.unique(lists.lengths)) != 1:
        raise ValueError("the lists of a column differ in length")
    return lists.values.reshape(len(lists), -1)


def _to_ragged(column: pa.ChunkedArray) -> Ragged:
    """Return a column of lists of any length."""
    lists = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    values = lists.flatten()
    if lists.null_count or values.null_count:
        raise ValueError("a column has holes")
    lengths = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    return Ragged(values=values.to_numpy(zero_copy_only=False), lengths=lengths)


def place_of_digest(content: bytes) -> slice:
    """Return where the digest is: after its name and Parquet's two bytes for a text of 64."""
    name = DIGEST + b"\x18\x40"
    start = content.rfind(name) + len(name)
    return slice(start, start + 64)


def digest_of(content: bytes, at: slice) -> bytes:
    """Return the hash of all that is not the digest."""
    found = hashlib.sha256(content[: at.start])
    found.update(content[at.stop :])
    return found.hexdigest().encode()


def reason(error: BaseException) -> str:
    """Return why a file is no record, in one line."""
    if isinstance(error, OSError):
        return told(error.strerror or error)
    named = isinstance(error, ValueError) and str(error)
    return told(str(error) if named else f"{type(error).__name__}: {error}").rstrip(".")
