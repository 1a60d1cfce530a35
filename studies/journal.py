r"""The journal of a study: an append-only file of JSON lines with a hash chain.

A line is ``{"event": {...}, "hash": h}`` with h = SHA-256 of the hash before and the event in canonical
form. It is on the disk before anybody acts on it. A last line that a crash cut short is dropped; any
other line that is missing or edited is refused by its number. The chain shows accidents and edits, not a
file that was written anew as a whole: quote its last hash, `Journal.head`, in a report.

One process writes at a time. The lock is the operating system's, so that it ends with its owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from ..envs.core import InputError, shown

Event: TypeAlias = Mapping[str, Any]

MOST_BYTES = 2**30
"""Bound of a journal."""


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
        if self.path is None or not self.path.exists():
            return
        if self.path.stat().st_size > MOST_BYTES:
            raise InputError(f"{self.path} is larger than {MOST_BYTES:,} bytes: it is no journal.")
        with self.path.open("rb") as file:
            file.seek(self._size)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._take(line)
        self._size += len(whole)

    def _take(self, line: bytes) -> None:
        number = len(self.events) + 1
        try:
            found = json.loads(line)
            event, digest = found["event"], found["hash"]
            intact = digest == _digest(self.head, event) and isinstance(event["do"], str)
        except (ValueError, LookupError, TypeError, RecursionError):
            intact = False
        if not intact:
            raise InputError(
                f"Line {number} of {self.path} is not what was written: it, or a line before it, was "
                "edited or removed. Take the journal back from a copy."
            )
        self.events.append(event)
        self.head = digest

    def append(self, event: Event) -> None:
        """Write an event; when this returns it is on the disk. Only inside `writing`."""
        head = _digest(self.head, event)
        line = json.dumps({"event": event, "hash": head}, ensure_ascii=False, allow_nan=False)
        data = line.encode() + b"\n"
        if self.path is not None:
            new = not self.path.exists()
            with self.path.open("r+b" if not new else "xb") as file:
                file.truncate(self._size)  # of the rest of a line that was cut short
                file.seek(self._size)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync(self.path.parent)
        self.events.append(json.loads(line)["event"])
        self.head = head
        self._size += len(data)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep others from writing, and read what they have written until now.

        Raises:
            InputError: Another process is writing.
        """
        if self.path is None:
            yield
            return
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            file = lock.open("ab")
        except OSError as error:
            raise InputError(
                f"Cannot write the journal {self.path}: {error.strerror or error}. Name another one "
                "as journal=."
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"Another process is writing to {self.path}; wait until it has finished."
                ) from None
            self.refresh()
            yield


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
