"""The results folder: a file for every run that has ended, which is whole or not there.

A reader leaves out a file that is no record, with its name and the reason; a run of the same name sets
it aside. Records of earlier formats are read, but no run is resumed by them, for its id differs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...envs.core import InputError, spelt
from ...envs.core.files import is_rest, sweep, write, writing_to
from .evaluation import Evaluation
from .fingerprints import hashed
from .record import Record, check, leave
from .record_file import DAMAGE, read, reason, to_bytes, to_table
from .spec import RunSpec

MARK = "discovery_gym.json"
MARKED = {"what": "results of discovery-gym", "format": 1}
ASIDE = ".invalid"

log = logging.getLogger(__name__)


class Results(NamedTuple):
    """What is in a results folder.

    Args:
        records: The records, in the order of their ids.
        left_out: Why a file is no record, by its name.
    """

    records: list[Record]
    left_out: dict[str, str]


def open_folder(folder: Path) -> Path:
    """Return the folder of records inside a results folder, which is made if it is not there.

    A new or empty results folder is marked as ours by a small file. A folder with other things in
    it, a file in its place, and a place where nothing can be written raise `InputError`; nothing is
    written then. Any number of processes may open a folder at once: the mark is the first file that one
    of them writes.
    """
    records = folder / "records"
    with writing_to(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder for the results.")
        # Look at the files before the mark: another process writes the mark first.
        empty = not folder.exists() or all(is_rest(path) for path in folder.iterdir())
        if not _is_marked(folder):
            if not empty:
                raise _foreign(folder)
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / MARK, json.dumps(MARKED))
        records.mkdir(exist_ok=True)
        sweep(records)
    return records


def _is_marked(folder: Path) -> bool:
    """Return whether the mark is there; one that is not ours, or of another format, is refused."""
    path = folder / MARK
    if not path.is_file():
        return False
    with path.open("rb") as file:
        content = file.read(1000)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if found != MARKED:
        raise InputError(
            f"{path} is not the mark of this version, {json.dumps(MARKED)}; name another folder, or "
            "put that into it."
        )
    return True


def read_folder(folder: Path, keep: Callable[[Record], Record] = lambda one: one) -> Results:
    """Return the records of a results folder, and why its other files are none.

    Args:
        folder: The results folder.
        keep: Returns what is needed of a record; the rest is let go before the next one is read, for
            the actions of all runs are many.

    Raises:
        InputError: It is no results folder, or there are files but no record.
    """
    found = Results([], {})
    for path in _files(folder):
        try:
            found.records.append(keep(read(path)))
        except DAMAGE as error:
            if os.path.lexists(path):  # else a run has just set it aside
                found.left_out[path.name] = reason(error)
    if found.left_out and not found.records:
        name, why = next(iter(found.left_out.items()))
        more = len(found.left_out) - 1
        raise InputError(
            f"There is no record in {folder / 'records'}: {spelt(name)}: {why}"
            f"{f', and {more} more files' if more else ''}. Run the suite again."
        )
    return found


def _files(folder: Path) -> list[Path]:
    """Return the files of a results folder that may be records."""
    try:
        if not folder.exists():
            raise InputError(
                f"There is no folder {folder}; `discovery-gym run SUITE --out {folder}` makes it."
            )
        if not _is_marked(folder):
            raise _foreign(folder)
        return sorted(p for p in (folder / "records").iterdir() if p.suffix == ".parquet")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}.") from None


def _foreign(folder: Path) -> InputError:
    return InputError(
        f"{folder} is not a results folder of discovery-gym (it holds no {MARK}); name a new or an "
        "empty folder."
    )


# ---- one record


def record_path(records: Path, run_id: str) -> Path:
    """Return the file of a run."""
    return records / f"{run_id}.parquet"


def write_record(
    records: Path,
    spec: RunSpec,
    result: Evaluation | None,
    error: str | None = None,
    *,
    fingerprint: str | None = None,
    entry: Mapping[str, Any] | None = None,
) -> bool:
    """Write what a run achieved, or the error it failed with; return whether it failed.

    A result that is no record, since its numbers are not finite, is a failure with that reason.

    Args:
        records: The folder of records.
        spec: The run.
        result: What was achieved; None for a failed run.
        error: Why a run has failed.
        fingerprint: Hash of the code and the data it was run with; None: that of here and now.
        entry: Of a run of somebody else: ``name``, ``digest``, ``status``, ``flags`` and ``card``.
    """
    known = fingerprint or spec.fingerprint
    try:
        content = content_of(spec, result, error, known, entry)
    except ValueError as flaw:
        if result is None:
            raise
        return write_record(records, spec, None, str(flaw), fingerprint=known, entry=entry)
    with writing_to(records):
        write(record_path(records, hashed(spec.text, known)), content)
    return result is None


def content_of(
    spec: RunSpec,
    result: Evaluation | None,
    error: str | None,
    fingerprint: str,
    entry: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the content of a record's file; what is no record raises `ValueError`."""
    columns, about = leave(spec, result, error, fingerprint=fingerprint, entry=entry)
    check(spec, columns, about)
    return to_bytes(to_table(columns), json.dumps(about))


def read_record(path: Path) -> Record:
    """Return the record in a file; a file that is no record raises `InputError`."""
    try:
        return read(path)
    except DAMAGE as error:
        raise InputError(
            f"{path} is not a record: {reason(error)}. Delete it and run the suite again."
        ) from None


def find_record(text: str) -> Path:
    """Return the file of a record from a path: of it, or of its results folder and how its id begins.

    Args:
        text: Such as ``"results/records/a3f09c1b2d4e5f60.parquet"`` or, in short, ``"results/a3f"``.

    Raises:
        InputError: There is no such record, or there are several.
    """
    path = Path(text)
    if path.is_file():
        return path
    folder = path.parent / "records"
    folder = folder if folder.is_dir() else path.parent
    try:
        found = sorted(one for one in folder.iterdir() if one.name.startswith(path.name))
    except OSError as error:
        raise InputError(
            f"Cannot read {spelt(str(folder))}: {error.strerror or error}. A record is named from the "
            "working folder, by its results folder and how its id begins, such as results/a3f."
        ) from None
    found = [one for one in found if one.suffix == ".parquet"]
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"There is no record {spelt(text)}: name its file, or its results folder and how the id of "
            "the run begins, such as results/a3f; the leaderboard shows the ids."
        )
    raise InputError(
        f"{len(found)} records begin with {spelt(text)}, such as {spelt(found[0].stem)} and "
        f"{spelt(found[1].stem)}; write more of the id."
    )


def is_finished(records: Path, run_id: str) -> bool:
    """Return whether the run has a record of our own and did not fail.

    A file in its place that is no record is renamed, which is told on stderr; the run is not finished.
    """
    path = record_path(records, run_id)
    if not os.path.lexists(path):
        return False
    try:
        found = read(path)
        return found.error is None and found.entry is None
    except DAMAGE as error:
        aside = next(
            one
            for count in range(1_000_000)
            if not os.path.lexists(one := path.with_name(f"{path.name}{ASIDE}{count or ''}"))
        )
        with writing_to(records), contextlib.suppress(FileNotFoundError):  # another run has done so
            path.rename(aside)
            log.warning(
                "%s is not a record: %s. It is kept as %s, and the run is played again.",
                *(spelt(path), reason(error), spelt(aside.name)),
            )
        return False
