"""The manifest of an entry: its files and their digests, checked before any other byte is read.

An entry is a folder of a few plain files: the card, a trace for every run, and policies that nobody
loads. Anything else is refused by its name and its kind alone: a link, a pipe or a device is never
opened. The digest of an entry is that of its manifest, which has one spelling. Digests find accidents
and later edits; they are no signatures.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...envs.core import InputError, shown, spelt
from .card import FILE as CARD

FILE = "manifest.json"
FORMAT = 1
TRACES = "traces"
FOLDERS = (TRACES, "policies")
MOST_FILES, MOST_BYTES, MOST_TOGETHER = 1000, 2**28, 2**30
MOST_MANIFEST = 2**20
_PATH = re.compile(
    rf"{re.escape(CARD)}|{TRACES}/[0-9a-f]{{16}}\.parquet|policies/[A-Za-z0-9_][\w.-]{{0,99}}",
    re.ASCII,
)
_SHAPES = f"{CARD}, {TRACES}/ID.parquet (ID: 16 hexadecimal digits) or policies/NAME"
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Refused(ValueError):
    """An entry that is not accepted: ``reasons`` says why, a line each, naming the file."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Entry:
    """A folder whose files are those of its manifest.

    Args:
        folder: The folder.
        files: Size and SHA-256 of each file, by its path.
        tables: SHA-256 of the data of each table that was played, by the name of the task.
        digest: Digest of the entry.
    """

    folder: Path
    files: Mapping[str, tuple[int, str]]
    tables: Mapping[str, str]
    digest: str

    def read(self, path: str) -> bytes:
        """Return the content of a file, if it still is that of the manifest."""
        size, digest = self.files[path]
        content = _content(self.folder / path, path, size)
        if hashlib.sha256(content).hexdigest() != digest:
            raise Refused(f"{path}: its digest is not that of {FILE}: edited, or damaged.")
        return content


# ---- reading


def open_entry(folder: Path) -> Entry:
    """Return the entry in a folder, all of whose files have been compared with the manifest.

    Raises:
        InputError: There is no such folder.
        Refused: The folder holds something else than its manifest says.
    """
    sizes = _survey(folder)
    if FILE not in sizes:
        raise Refused(f"{FILE}: there is none; `discovery-gym submit` writes it.")
    if sizes[FILE] > MOST_MANIFEST:
        raise Refused(f"{FILE}: its {sizes[FILE]:,} bytes are more than {MOST_MANIFEST:,}.")
    content = _content(folder / FILE, FILE, sizes.pop(FILE))
    entry = Entry(folder, *_parsed(content), hashlib.sha256(content).hexdigest())
    for path in entry.files.keys() - sizes.keys():
        raise Refused(f"{path}: it is in {FILE}, but not in the folder.")
    for path in sizes.keys() - entry.files.keys():
        raise Refused(f"{path}: it is in the folder, but not in {FILE}.")
    if CARD not in entry.files:
        raise Refused(f"{CARD}: there is none.")
    for path, (size, _) in entry.files.items():
        if sizes[path] != size:
            raise Refused(f"{path}: it has {sizes[path]:,} bytes, and {size:,} by {FILE}.")
        entry.read(path)
    return entry


def _survey(folder: Path) -> dict[str, int]:
    """Return the size of each file of a folder, by its path; nothing is opened."""
    found: dict[str, int] = {}
    try:
        for path, status in _listed(folder):
            if not stat.S_ISREG(status.st_mode):
                raise Refused(f"{spelt(path)}: it is not a plain file but {_kind(status)}.")
            if status.st_nlink > 1:
                raise Refused(f"{spelt(path)}: it is a hard link to a file with other names.")
            if path != FILE and not _PATH.fullmatch(path):
                raise Refused(f"{spelt(path)}: a file of an entry is {_SHAPES}.")
            found[path] = status.st_size
            if status.st_size > MOST_BYTES or sum(found.values()) > MOST_TOGETHER:
                raise Refused(
                    f"{path}: with its {status.st_size:,} bytes the limit is passed, {MOST_BYTES:,} for "
                    f"a file and {MOST_TOGETHER:,} for all."
                )
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}.") from None
    return found


def _listed(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Return the things in a folder, and in those of its folders that an entry may have."""
    found = []
    for inside in ("", *FOLDERS):
        where = folder / inside
        if inside and (not os.path.lexists(where) or not stat.S_ISDIR(where.lstat().st_mode)):
            continue  # what stands there in its place is in the list already
        with os.scandir(where) as things:
            for thing in things:
                status = thing.stat(follow_symlinks=False)
                path = f"{inside}/{thing.name}" if inside else thing.name
                if not (path in FOLDERS and stat.S_ISDIR(status.st_mode)):
                    found.append((path, os.lstat(where / thing.name)))
                if len(found) > MOST_FILES:
                    raise Refused(f"{path}: there are more than {MOST_FILES:,} files.")
    return found


def _kind(status: os.stat_result) -> str:
    kinds = {stat.S_ISLNK: "a link", stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe"}
    return next((name for test, name in kinds.items() if test(status.st_mode)), "a device")


def _content(path: Path, name: str, size: int) -> bytes:
    """Return the bytes of a plain file that has been surveyed, and is still that file."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            same = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            content = file.read(size + 1) if same else b""
    except OSError as error:
        raise Refused(f"{name}: it cannot be read: {error.strerror or error}.") from None
    if not same or len(content) != size:
        raise Refused(f"{name}: it has changed while it was read.")
    return content


def _parsed(content: bytes) -> tuple[dict[str, tuple[int, str]], dict[str, str]]:
    """Return files and tables of a manifest, which must be spelt as we spell it."""
    try:
        found = json.loads(content.decode())
        rows = [(one["path"], one["size"], one["sha256"]) for one in found["files"]]
        tables = dict(found["tables"])
        files = {path: (size, digest) for path, size, digest in rows}
        plain = all(isinstance(text, str) for row in rows for text in (row[0], row[2]))
        plain = plain and all(isinstance(text, str) for text in tables.values())
        whole = plain and content == _text(files, tables)
        if not plain:
            raise TypeError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Refused(f"{FILE}: it is not what `discovery-gym submit` writes.") from None
    for path in (path for path, *_ in rows):
        if not _PATH.fullmatch(path):
            raise Refused(f"{FILE}: {shown(path)} is no file of an entry: {_SHAPES}.")
    lower = [path.lower() for path, *_ in rows]
    if len(set(lower)) < len(lower):
        raise Refused(f"{FILE}: a path is there twice, or only capital letters tell two apart.")
    if not whole:
        raise Refused(f"{FILE}: it is not spelt as `discovery-gym submit` spells it.")
    for path, (size, digest) in files.items():
        if type(size) is not int or not re.fullmatch("[0-9a-f]{64}", digest):
            raise Refused(f"{FILE}: size or digest of {path} are none.")
    return files, tables


# ---- writing


def write_manifest(folder: Path, tables: Mapping[str, str]) -> str:
    """Write the manifest of the files in a folder, and return the digest of the entry."""
    files = {
        path: (size, hashlib.sha256(_content(folder / path, path, size)).hexdigest())
        for path, size in _survey(folder).items()
        if path != FILE
    }
    text = _text(files, tables)
    (folder / FILE).write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def _text(files: Mapping[str, tuple[int, str]], tables: Mapping[str, str]) -> bytes:
    """Return the one spelling of a manifest: a line a file, in the order of their paths."""
    rows: list[Any] = [
        {"path": path, "size": size, "sha256": digest}
        for path, (size, digest) in sorted(files.items())
    ]
    about = {"format": FORMAT, "files": rows, "tables": dict(sorted(tables.items()))}
    return (json.dumps(about, indent=1) + "\n").encode()
