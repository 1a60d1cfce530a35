"""The folder of a training: a mark, a checkpoint to resume from, and the files that it vouches for.

The checkpoint is a plain zip archive of the settings, of the state in a form of the training's own, and
of copies of the files beside it, such as the best policy. The checksums of the archive show damage,
which torch's loader would take for numbers; a file beside it that is cut or gone is written again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...envs.core import InputError, told
from ...envs.core.files import write, writing_to
from ..runs.terminal import say

MARK, CHECKPOINT = "training.json", "checkpoint.zip"
STATE = "state"
TABLE = "table"
"""The setting that is the hash of the table that is trained on."""


class Folder:
    """The folder of a training, which is made and marked if it is not there.

    Args:
        path: The folder.
        settings: What is trained, as JSON.
        files: Names of the files that the checkpoint vouches for.

    Raises:
        InputError: The folder holds another training or other things.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], files: tuple[str, ...]) -> None:
        self.path, self.files = path, files
        about = {"what": "training of discovery-gym", "format": 2, **settings}
        self.mark = json.dumps(about, indent=1).encode()
        with writing_to(path):
            if (path / MARK).is_file():
                with (path / MARK).open("rb") as file:
                    there = file.read(2**20)
                if there != self.mark and (difference := _difference(there, self.mark)):
                    raise InputError(
                        f"{path} holds another training: {told(difference)}. Repeat its command to "
                        "resume it, or name another folder."
                    )
                return
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise InputError(
                    f"{path} is not a training of discovery-gym (it holds no {MARK}); name a new or "
                    "an empty folder."
                )
            path.mkdir(parents=True, exist_ok=True)
            write(path / MARK, self.mark)

    def save(self, state: bytes, files: Mapping[str, bytes]) -> None:
        """Write a checkpoint, then the files that it vouches for."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in {MARK: self.mark, STATE: state, **files}.items():
                archive.writestr(name, content)
        with writing_to(self.path):
            write(self.path / CHECKPOINT, buffer.getvalue())
            for name, content in files.items():
                write(self.path / name, content)

    def load(self) -> tuple[bytes, dict[str, bytes]] | None:
        """Return the state and the files of the checkpoint, or None where there is none."""
        path = self.path / CHECKPOINT
        if not path.exists() and not path.is_symlink():
            return None
        try:
            if not path.is_file():
                raise ValueError("it is no file")
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                    raise ValueError("it is compressed")  # to any size
                parts = {entry.filename: archive.read(entry) for entry in entries}
            if set(parts) != {MARK, STATE, *self.files}:
                raise ValueError(f"it holds {sorted(parts)}")
            if difference := _difference(parts.pop(MARK), self.mark):
                raise ValueError(f"of another training: {difference}")
        except Exception as error:  # zip archives have many ways to be wrong
            raise self.damaged(error) from None
        return parts.pop(STATE), parts

    def mend(self, files: Mapping[str, bytes]) -> None:
        """Write the files again that differ from the checkpoint's copies; say which."""
        with writing_to(self.path):
            for name, content in files.items():
                path = self.path / name
                whole = path.is_file() and path.stat().st_size == len(content)
                if not whole or path.read_bytes() != content:
                    write(path, content)
                    say(f"{path} was missing or damaged; it is written again from {CHECKPOINT}.")

    def damaged(self, error: Exception) -> InputError:
        """Return what is raised for a checkpoint that cannot be resumed from."""
        return InputError(
            f"{self.path / CHECKPOINT} is not a checkpoint of this training, or it is damaged "
            f"({type(error).__name__}: {told(error)}). Delete it to train from the start."
        )


def _difference(there: bytes, mark: bytes) -> str:
    """Return in which settings two trainings differ; nothing if in none."""
    try:
        old, new = json.loads(there), json.loads(mark)
        return ", ".join(
            "its table has changed (put the old one back)"
            if key == TABLE
            else f"{key} {old.get(key)!r} instead of {new.get(key)!r}"
            for key in {**new, **old}
            if old.get(key) != new.get(key)
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return f"its {MARK} is not readable"
