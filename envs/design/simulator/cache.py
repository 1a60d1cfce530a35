"""Finished runs of a simulator, a file each; and those that failed for good, with the reason.

It names its run, and a digest covers the name and the events: if the computer stops at any moment, each
file is whole or known to be damaged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core import InputError
from ...core.arrays import Array
from ...core.files import write
from .black_box import Failed, Job, WrongOutput, unpacked

log = logging.getLogger(__name__)
FAILED, LOG = ".failed", ".log"
"""How the names of files end that keep why a run failed, and what it printed."""


@dataclass(frozen=True)
class Cache:
    """The runs of one simulator in a folder, which other simulators and processes may share.

    Args:
        folder: The folder.
        simulator: Name of the simulator, None if it has none.
        version: Tells the results of this simulator from those of an earlier one of the same name.
    """

    folder: Path
    simulator: str | None
    version: str

    def path(self, job: Job) -> Path:
        """Return the file that keeps a run."""
        digest = hashlib.sha256(self.header(job)).hexdigest()[:32]
        return self.folder / f"{digest}.events"

    def log(self, job: Job) -> Path:
        """Return the file that what a run prints goes to, until it has ended well."""
        return self.path(job).with_suffix(LOG)

    def header(self, job: Job) -> bytes:
        """Return whose run it is, as JSON."""
        name = {"simulator": self.simulator, "version": self.version}
        return json.dumps(name | job._asdict()).encode()

    def read(self, job: Job, again: bool = False) -> Array | None:
        """Return the events of a run, or None if it is missing or damaged, which is told once."""
        path = self.path(job)
        size = size_of(path)
        if size is None:
            return None
        length = size - 65 - len(self.header(job)) - 1
        if length > 0 and length % (8 * job.events) == 0:  # or it is not worth reading
            content = self._content(path, job)
            if content is not None:
                with contextlib.suppress(WrongOutput):
                    return unpacked(content, job.events)
        if not again:
            log.warning("%s is damaged; its run is repeated (%s).", path, job)
        return None

    def knows(self, job: Job, failures: bool) -> bool:
        """Return whether there is a file of a run, or of its failure if those count."""
        path = self.path(job)
        return path.exists() or (failures and path.with_suffix(FAILED).exists())

    def read_failure(self, job: Job) -> Failed | None:
        """Return why a run failed for good, or None if it did not, or the file is damaged."""
        path = self.path(job).with_suffix(FAILED)
        content = None if size_of(path) is None else self._content(path, job)
        return None if content is None else Failed(content.decode(errors="replace"))

    def _content(self, path: Path, job: Job) -> bytes | None:
        """Return what stands in the file of a run after its header, None if it is damaged."""
        header = self.header(job) + b"\n"
        try:
            digest, _, content = path.read_bytes().partition(b"\n")
        except OSError as error:
            raise _unusable(path, error) from None
        whole = digest == _digest(content) and content.startswith(header)
        return content[len(header) :] if whole else None

    def write(self, job: Job, events: Array) -> None:
        """Keep the events of a run, and remove its log."""
        self._write(self.path(job), job, events.astype("<f8").tobytes())
        self._remove(job, LOG, FAILED)

    def write_failure(self, job: Job, reason: Failed) -> None:
        """Keep why a run failed for good, and its log beside it."""
        self._write(self.path(job).with_suffix(FAILED), job, reason.encode(errors="replace"))

    def forget(self, job: Job) -> None:
        """Remove what is kept of a run that failed."""
        self._remove(job, FAILED)

    def _write(self, path: Path, job: Job, content: bytes) -> None:
        content = self.header(job) + b"\n" + content
        try:
            write(path, _digest(content) + b"\n" + content)
        except OSError as error:
            raise _unusable(path, error) from None

    def _remove(self, job: Job, *suffixes: str) -> None:
        for suffix in suffixes:
            path = self.path(job).with_suffix(suffix)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _unusable(path, error) from None


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def size_of(path: Path) -> int | None:
    """Return the size of a file, or None where there is nothing.

    Raises:
        InputError: Something else stands in its place, which reading or writing might wait for.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    if not stat.S_ISREG(found.st_mode):
        raise _unusable(path, "it is no regular file")
    return found.st_size


def _unusable(path: Path, why: Any) -> InputError:
    why = getattr(why, "strerror", None) or why
    return InputError(f"The cache cannot use {path}: {why}. Remove it, or name another folder.")


def last_words(path: Path) -> str:
    """Return the last words of a log."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(path.stat().st_size - 2000, 0))
        return file.read(2000).decode(errors="replace").strip().rpartition("\n")[2][-300:]
    return ""
