"""Files that appear whole or not at all, and errors that name the folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...envs.core import InputError

SUFFIX = ".discovery_gym.tmp"


def write(path: Path, content: str | bytes) -> None:
    """Write a file so that it appears whole or not at all, even if the machine loses power."""
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def is_rest(path: Path) -> bool:
    """Return whether a file is one of our temporary ones, of another run or of a killed one."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)


@contextlib.contextmanager
def writing_to(folder: Path, what: str = "results") -> Iterator[None]:
    """Turn an error of the file system into an `InputError` that names the folder."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot write {what} to {folder}: {error.strerror or error}. Name another folder."
        ) from None
