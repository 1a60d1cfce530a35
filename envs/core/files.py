"""Files that appear whole or not at all, and errors that name the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import InputError

SUFFIX = ".discovery_gym.tmp"
STALE = 3600.0
"""Seconds after which a temporary file must be the rest of a killed process."""
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What file systems say that know no second name of a file."""
WRITING = threading.Lock()
"""Held while a temporary file is there: a thread that ends the process takes it first."""


def write(path: Path, content: str | bytes, keep: bool = False) -> None:
    """Write a file so that it appears whole or not at all, even if the machine loses power.

    Args:
        path: The file.
        content: What will be in it.
        keep: Whether a file that is there already stays, which raises `FileExistsError`.
    """
    data = content.encode() if isinstance(content, str) else content
    with WRITING:
        _write(path, data, keep)


def _write(path: Path, data: bytes, keep: bool) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        if keep:
            link(Path(name), path)
        else:
            Path(name).replace(path)
    finally:
        with contextlib.suppress(OSError):  # it has its name, or the folder is gone
            Path(name).unlink()


def publish(path: Path, content: bytes, same: Callable[[bytes, bytes], bool] | None = None) -> None:
    """Write a result, once: the first one stays.

    Args:
        path: Its file.
        content: The result.
        same: Whether two contents are the same result, as those of one key must be; None: if they are
            equal.

    Raises:
        InputError: Another result of this name is there, and is not the same.
    """
    try:
        write(path, content, keep=True)
    except FileExistsError:
        try:
            first = path.read_bytes()
        except FileNotFoundError:  # it has served its purpose already
            return
        if not (first == content if same is None else same(first, content)):
            raise differs(path) from None


def differs(path: Path) -> InputError:
    """Return the error of a result that is there already, and is another one."""
    return InputError(
        f"{path} is there already, and another process found something else for it. The same run gives "
        "two results: is its code random, or do two machines compute differently?"
    )


def link(path: Path, name: Path) -> None:
    """Give a file a second name; raise `FileExistsError` if that is taken.

    Of several processes that ask at once, one gets it. Where the file system knows no second names, it
    gets a copy of the file, and two may believe that they did.
    """
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with name.open("xb") as file:
            file.write(path.read_bytes())


def deliver(path: Path, content: str | bytes, what: str) -> None:
    """Write a file that somebody has named: through a link, and into a pipe or a device as it stands.

    Raises:
        InputError: It cannot be written.
    """
    if path.is_dir():
        raise InputError(f"Cannot write {what} to {path}, which is a folder; name a file.")
    with writing_to(path.parent, what):
        if path.exists() and not path.is_file():  # `write` would put a file in its place
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            write(path.resolve(), content)


def is_rest(path: Path) -> bool:
    """Return whether a file is one of our temporary ones, of another run or of a killed one."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in a folder that can be written to."""
    with tempfile.TemporaryFile(dir=folder) as new:
        now = os.fstat(
            new.fileno()
        ).st_mtime  # by the clock of the folder's machine, not of this one
    for path in folder.iterdir():
        if is_rest(path):
            # Another process may rename or delete it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > STALE:
                    path.unlink()


@contextlib.contextmanager
def writing_to(folder: Path, what: str = "results") -> Iterator[None]:
    """Turn an error of the file system into an `InputError` that names the folder."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot write {what} to {folder}: {error.strerror or error}. Name another folder."
        ) from None
