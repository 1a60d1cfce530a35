"""The columns of a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

from ..core import InputError
from .columns import Columns
from .delimited import read_text
from .files import ending, named
from .options import Reading
from .parquet import read_parquet


def read_columns(path: Path, reading: Reading) -> Columns:
    """Return the columns of a CSV or Parquet file."""
    file = named(path.name)
    if ending(path) != ".parquet":
        return read_text(path, file, reading)
    for option in ("header", "names", "separator", "encoding"):
        if getattr(reading, option) is not None:
            raise InputError(f"{file} is a Parquet file, which takes no {option}=.")
    return read_parquet(path, file, reading.drop)
