r"""The journal of a study: an append-only file of JSON lines with a hash chain.

A line is ``{"event": {...}, "hash": h}`` with h = SHA-256 of the hash before and the event in canonical
form. It is on the disk before anybody acts on it. A last line that a crash cut short is dropped; any
other line that is missing or edited is refused by its number. The chain shows accidents and edits, but
neither a file that was written anew as a whole nor that its last lines are gone: quote its last hash,
`Journal.head`, in a report.

One process writes at a time, and others wait for it. The lock is the operating system's, so that it ends
with its owner; the file that carries it, ``.NAME.lock``, stays and means nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from ..envs.core import InputError, shown

Event: TypeAlias = Mapping[str, Any]

MOST_BYTES = 2**30
"""Bound of a journal."""

PATIENCE = 20.0
"""Seconds to wait for another process that is writing; choosing may take a while."""


def path_of(given: Any) -> Path:
    """Return the path of a journal that somebody names."""
    if isinstance(given, str | os.PathLike) and os.fspath(given):
        return Path(given)
    raise InputError(
        f"A journal is the path of a file, such as 'my.study.jsonl'; got {shown(given)}."
    )


class Journal:
    """The events of a study in their order, in a file or, without a path, in memory only.

    Args:
        path: The file; it is made by the first event.

    Raises:
        InputError: The file is no journal, or a line of it is missing or was edited.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.events: list[Event] = []
        self.head = ""
        """The hash of the last line: it stands for the whole file."""
        self._size = 0  # bytes that are read
        self.refresh()

    def refresh(self) -> None:
        """Read what other processes have written since."""
        if self.path is None:
            return
        content = _content(self.path, self._size)
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.split(b"\n")[:-1]:
            self._take(line)
        self._size += len(whole)

    def _take(self, line: bytes) -> None:
        event, digest = _parsed(line)
        if event is None or digest != _digest(self.head, event):
            raise InputError(
                f"Line {len(self.events) + 1} of {self.path} is not what was written: it, or a line "
                "before it, was edited or removed. Take the journal back from a copy."
            )
        self.events.append(event)
        self.head = digest

    def append(self, event: Event) -> None:
        """Write an event; when this returns it is on the disk. Only inside `writing`."""
        head = _digest(self.head, event)
        line = _line(event, head)
        if self.path is not None:
            with _named(self.path):
                self._put(self.path, line)
        self.events.append(json.loads(line)["event"])
        self.head = head
        self._size += len(line)

    def _put(self, path: Path, line: bytes) -> None:
        new = not path.exists()
        with path.open("xb" if new else "r+b") as file:
            file.truncate(self._size)  # of the rest of a line that was cut short
            file.seek(self._size)
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:  # such as a full disk
                file.truncate(self._size)
                raise
        if new and sys.platform != "win32":
            _sync(path.parent)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep others from writing, and read what they have written until now.

        Raises:
            InputError: Another process goes on writing for longer than `PATIENCE`.
        """
        if self.path is None:
            yield
            return
        with _named(self.path):
            file = self.path.with_name(f".{self.path.name}.lock").open("ab")
        with file:
            end = time.monotonic() + PATIENCE
            while not _locked(file):
                if time.monotonic() > end:
                    raise InputError(
                        f"Another process is writing to {self.path}; wait until it has finished."
                    )
                time.sleep(0.02)
            self.refresh()
            yield


def _content(path: Path, start: int) -> bytes:
    """Return what a journal holds from a place on; nothing, if there is no such file."""
    if not path.exists():
        if start:
            raise InputError(f"{path} is gone; put it back, and open the study again.")
        return b""
    if not path.is_file():
        raise InputError(f"{path} is no file; name another journal.")
    with _named(path, "read"), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES:,} bytes: it is no journal.")
        if size < start:
            raise InputError(f"{path} has become shorter; open the study again.")
        file.seek(start)
        return file.read()


def _locked(file: IO[bytes]) -> bool:
    """Take the lock that a file carries, if nobody has it; it ends with the file, or its process."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _named(path: Path, what: str = "write") -> Iterator[None]:
    """Turn an error of the file system into an `InputError` that names the journal."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot {what} the journal {path}: {error.strerror or error}. Name another one: journal=, "
            "or --journal."
        ) from None


def _parsed(line: bytes) -> tuple[Event | None, str]:
    """Return the event of a line, and its hash; None, if it is not as `_line` writes it."""
    try:
        found = json.loads(line)
        event, digest = found["event"], found["hash"]
        if isinstance(event["do"], str) and _line(event, digest) == line + b"\n":
            return event, digest
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return None, ""


def _line(event: Event, digest: str) -> bytes:
    line = json.dumps({"event": event, "hash": digest}, ensure_ascii=False, allow_nan=False)
    return line.encode() + b"\n"


def _digest(before: str, event: Event) -> str:
    body = json.dumps(
        event, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256((before + body).encode()).hexdigest()


def _sync(folder: Path) -> None:
    """Put the name of a new file on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def first(events: list[Event], path: Path | None, formats: int) -> Event:
    """Return the first event of a journal, which says what the study is.

    Raises:
        InputError: There is none, or it is of a later version.
    """
    start = events[0] if events else {}
    if start.get("do") != "start":
        raise InputError(f"{path} does not begin with the start of a study.")
    if not isinstance(start.get("format"), int) or not 1 <= start["format"] <= formats:
        raise InputError(
            f"{path} has format {shown(start.get('format'))}, and this version reads up to {formats}; "
            "use a later one."
        )
    return start
