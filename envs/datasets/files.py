"""The bytes of a table's file, bounded in time and memory for any path."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core import InputError
from ..core.errors import SHOWN, shown

TEXTS = (".csv", ".tsv", ".tab", ".txt")
PACKED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
ENDINGS = (*TEXTS, ".parquet")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")

MOST_BYTES = 2**30
"""The largest Parquet file; a pool of a million items and a hundred features fits."""
KEPT = 2**24
"""Bytes up to which a Parquet file is read at once."""
MOST_TEXT = 2**28
"""The largest table of text, unpacked, in bytes."""
MOST_CELLS = 2**27
"""The most cells of a table, indicators of categories included: a million rows and 134 columns."""
MOST_ROWS = 5 * 10**6
MOST_COLUMNS = 20_000


def is_file(path: Path) -> bool:
    """Return whether there is a file; unlike `Path.is_file`, also of names that are too long."""
    return os.path.isfile(path)  # noqa: PTH113


def is_path(dataset: str) -> bool:
    """Return whether a text names a file rather than a data set: by its ending, or a folder in it."""
    return ending(Path(dataset)) in ENDINGS + SPREADSHEETS or len(Path(dataset).parts) > 1


def ending(path: Path) -> str:
    """Return how a name ends, in lower case, without that of a packed file: ".csv" of "A.CSV.gz"."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def stem(path: Path) -> str:
    """Return the name of a table's file without its endings."""
    name = path.stem if path.suffix.lower() in PACKED else path.name
    return Path(name).stem


def named(text: str, most: int = SHOWN) -> str:
    """Return the name of a file or column as a message shows it: in one line, cut if it is long."""
    return text if text.isprintable() and len(text) <= most else shown(text)


def expanded(name: str) -> Path:
    """Return the path that a text names, "~" being a home folder."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # no such user
        raise InputError(f"Cannot read the table {named(name)}: {error}") from None


def contents(path: Path) -> bytes:
    """Return what is in a file, unpacked.

    Args:
        path: A regular file. What ends in .gz, .bz2 or .xz is unpacked.

    Raises:
        InputError: If the file is not there, is no regular file, is too large once unpacked, or is
            not packed as its name says.
    """
    found = io.BytesIO()
    for part in _parts(path):
        found.write(part)
    return found.getvalue()


def digest(path: Path) -> bytes:
    """Return the SHA-256 of what `contents` returns, which is not kept; errors are the same."""
    known = hashlib.sha256()
    for part in _parts(path):
        known.update(part)
    return known.digest()


def _parts(path: Path) -> Iterator[bytes]:
    """Yield what is in a file, unpacked, piece by piece."""
    name, most = named(str(path), most=300), MOST_BYTES if ending(path) == ".parquet" else MOST_TEXT
    try:
        _check(path, name)
        raw: Any = path.open("rb")
        with raw, PACKED.get(path.suffix.lower(), lambda file: file)(raw) as file:
            found = 0
            while part := file.read(2**24):
                found += len(part)
                if found > most:
                    raise InputError(
                        f"{name} holds more than {most / 2**20:g} MiB; keep the rows and the columns "
                        "that are needed, or save numbers as Parquet."
                    )
                yield part
    except InputError:
        raise
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read the table {name}: {reason}.") from None


def is_large(path: Path) -> bool:
    """Return whether a file is large, and can be read in parts, for it is not packed."""
    try:
        known = path.stat()
    except (OSError, ValueError):
        return False  # `contents` says why
    plain = path.suffix.lower() not in PACKED and stat.S_ISREG(known.st_mode)
    return plain and known.st_size > KEPT


def stamp(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is written, or another one takes its place."""
    try:
        known = path.stat()
    except OSError:
        return ()
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns


def _check(path: Path, name: str) -> None:
    """Refuse what is no name of a table."""
    if re.match(r"[a-z]+:/", str(path)):
        raise InputError(f"{name} is an address; download the table and name the file.")
    if ending(path) in SPREADSHEETS:
        raise InputError(f"{name} is a spreadsheet; save it as CSV (UTF-8) and name that file.")
    if ending(path) not in (*ENDINGS, ".json"):
        raise InputError(f"{name} must end in {', '.join(ENDINGS)}, or .gz, .bz2, .xz after it.")
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
        kind = "a folder" if path.is_dir() else "no regular file"
        raise InputError(f"{name} is {kind}; name a file that ends in {', '.join(ENDINGS)}.")
