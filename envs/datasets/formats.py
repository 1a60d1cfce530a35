"""The columns of a CSV or Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core import InputError
from .columns import Columns
from .delimited import read_text
from .files import ending, named
from .parquet import read_parquet


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
    file = named(path.name)
    if ending(path) == ".parquet":
        options = {"header": header, "names": names, "separator": separator, "encoding": encoding}
        for option, value in options.items():
            if value is not None:
                raise InputError(f"{file} is a Parquet file, which takes no {option}=.")
        return read_parquet(path, file, drop)
    return read_text(path, file, header, names, separator, encoding)
