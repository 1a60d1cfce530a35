"""Records: what a run is, and the one Parquet file that a finished run leaves.

A run is a pure function of its `RunSpec`. The id of a run is a hash of the spec, of the sources of
everything that decides its result (environment, agents, scoring) and of its data set: a resume
finds a record by what it is, never by its position, and code that has changed is run again.

A record is a table with one row per episode; the spec, the status, the error and the platform stand
in the metadata of its schema. It is written to a temporary file and renamed, so that a record is
either whole or not there.

A file is a record if it could have been written here: it has the name, the columns, the rows, the
seeds and the digest that its spec asks for, and its numbers are finite. `_check` says so of what is
read and of what is written; a run whose numbers are not finite has failed. What is no record is
left out by whoever reads a folder, by name and reason, and set aside by a run that it is in the way
of. The digest is that of all other bytes, and is looked at before anything is parsed. It finds
accidents and edits; it is no signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import math
import os
import platform
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ... import __version__
from ...agents import making
from ...envs.core import InputError, is_ours, shown, spec_of, spelt, told
from ...envs.datasets import Reading, load
from .evaluation import Evaluation
from .fingerprints import digest, files, fingerprint, hashed

MARK = "discovery_gym.json"
MARKED = {"what": "results of discovery-gym", "format": 1}
KEY, DIGEST = b"discovery_gym", b"discovery_gym.sha256"
LIBRARIES = ("gymnasium", "numpy", "scipy")
SUFFIX, ASIDE = ".discovery_gym.tmp", ".invalid"
STALE = 3600.0
"""Seconds after which a temporary file must be the rest of a killed run."""
AHEAD = 3600.0
"""Seconds by which the clock of another machine may be ahead."""
LARGEST = 1e100
"""Numbers beyond are as good as infinite: their powers, which statistics take, are."""
MOST_BYTES, MOST_HEAD, MOST_NUMBERS = 2**28, 2**24, 20_000_000
"""Bounds of a record: of its file, of what stands about it in the file, and of its numbers."""
MOST_LETTERS = {"error": 20_000, "versions": 100, "machine": 200}
"""Longest texts about a run; 2000 for those of its spec."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One agent on one task; see `suites` for the words."""

    suite: str
    version: int
    task: str
    about: str
    name: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    agent: str
    episodes: int
    seed: int
    curves: bool = False
    contrasts: int = 0

    def __post_init__(self) -> None:
        for name in ("suite", "task", "about", "name", "env_id", "agent"):
            _text(name, getattr(self, name), 2000, empty=name == "about")
        for name, low in (("version", 0), ("episodes", 1), ("seed", 0), ("contrasts", 0)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value < 2**62:
                raise InputError(
                    f"{name} must be an integer of at least {low}, got {shown(value)}."
                )
        if type(self.curves) is not bool:
            raise InputError(f"curves must be True or False, got {shown(self.curves)}.")
        try:
            gym.envs.registration.parse_env_id(self.env_id.rpartition(":")[2])
        except gym.error.Error:
            raise InputError(
                f"env_id must be one such as discovery/LinearPool-v0, got {shown(self.env_id)}."
            ) from None
        try:
            kept = json.loads(json.dumps(self.env_kwargs))
            same = json.dumps(kept, sort_keys=True) == json.dumps(self.env_kwargs, sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            kept, same = None, False
        if not (isinstance(kept, dict) and same):
            raise InputError(
                f"env_kwargs must be a JSON object, names -> values, got {shown(self.env_kwargs)}."
            )

    @property
    def fingerprint(self) -> str:
        """Hash of what decides the result besides the spec: code, data and trained policy.

        The code is that which this process found first, as it was imported about then.
        """
        return self._hash_with(_first_code)

    def look(self) -> str:
        """Return the fingerprint with the code as it stands now."""
        return self._hash_with(_code)

    def _hash_with(self, code: Callable[[str, str, tuple[str, ...]], str]) -> str:
        policies = (digest(path) if path.is_file() else "none" for path in making.files(self.agent))
        data = data_hash(self.env_id, self.env_kwargs), *files(self.env_kwargs)
        outside = making.references(self.agent)
        return hashed(code(self.env_id, json.dumps(self.env_kwargs), outside), *data, *policies)

    @property
    def id(self) -> str:
        """Hash of the spec and its fingerprint: 16 hexadecimal digits."""
        return hashed(self.text, self.fingerprint)

    @property
    def text(self) -> str:
        """What is run, as JSON with sorted keys; ``about`` is prose and decides nothing."""
        return json.dumps({**asdict(self), "about": None}, sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A run that has ended, as it is read from its file.

    Args:
        id: Id of the run.
        spec: What was run.
        fingerprint: Hash of the sources and the data it was run with.
        error: Traceback of a failed run; ``None`` for a finished one.
        returns: Sum of rewards of each episode, ``(E,)``; empty for a failed run.
        lengths: Decisions of each episode, ``(E,)``.
        regret: Final regret of each episode, ``(E,)``, or ``None``.
        curve: Regret after each of L decisions, ``(E, L)``, where it was kept; NaN behind the end.
        bounds: Lower and upper bound of the information in each episode, ``(E, 2)``, where they were
            asked for.
        seconds_per_decision: NaN for a failed run.
        random_value: Exact expected return of random play, ``None`` where unknown.
        optimal_value: Exact expected return of the best agent, ``None`` where unknown.
        versions: Versions of Python and of the libraries.
        machine: Operating system and processor.
        created: Time of the record, in seconds since 1970.
    """

    id: str
    spec: RunSpec
    fingerprint: str
    error: str | None
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    regret: NDArray[np.float64] | None
    curve: NDArray[np.float64] | None
    bounds: NDArray[np.float64] | None
    seconds_per_decision: float
    random_value: float | None
    optimal_value: float | None
    versions: Mapping[str, str]
    machine: str
    created: float


# ---- the folder


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
    written then. Any number of processes may open a folder at once: whatever else one of them puts
    there, the mark is there before it.
    """
    records = folder / "records"
    with writing_to(folder):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder for the results.")
        # First what is there, then the mark: it was there before what others have put there since.
        empty = not folder.exists() or all(_is_rest(path) for path in folder.iterdir())
        if not _is_marked(folder):
            if not empty:
                raise _foreign(folder)
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / MARK, json.dumps(MARKED))
        records.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=records):
            pass
        for path in records.iterdir():
            if _is_rest(path):
                with contextlib.suppress(
                    FileNotFoundError
                ):  # another process has written or swept it
                    if time.time() - path.stat().st_mtime > STALE:
                        path.unlink()
    return records


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into an `InputError` that names the folder."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot write results to {folder}: {error.strerror or error}. Name another folder."
        ) from None


def _is_rest(path: Path) -> bool:
    """Return whether a file is one of our temporary ones, of another run or of a killed one."""
    return path.name.startswith(".") and path.name.endswith(SUFFIX)


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


def read_folder(folder: Path) -> Results:
    """Return the records of a results folder, and which files there are none, and why.

    Raises:
        InputError: It is no results folder, or there are files but no record.
    """
    records = folder / "records"
    try:
        if not folder.exists():
            raise InputError(
                f"There is no folder {folder}; `discovery-gym run SUITE --out {folder}` makes it."
            )
        if not _is_marked(folder):
            raise _foreign(folder)
        paths = sorted(p for p in records.iterdir() if p.suffix == ".parquet")
    except FileNotFoundError:
        paths = []
    except OSError as error:
        raise InputError(f"Cannot read {folder}: {error.strerror or error}.") from None
    found = Results([], {})
    for path in paths:
        try:
            found.records.append(_read(path))
        except DAMAGE as error:
            if os.path.lexists(path):  # else a run has just set it aside
                found.left_out[path.name] = _reason(error)
    if found.left_out and not found.records:
        name, reason = next(iter(found.left_out.items()))
        more = len(found.left_out) - 1
        raise InputError(
            f"There is no record in {records}: {spelt(name)}: {reason}"
            f"{f', and {more} more files' if more else ''}. Run the suite again."
        )
    return found


def _foreign(folder: Path) -> InputError:
    return InputError(
        f"{folder} is not a results folder of discovery-gym (it holds no {MARK}); name a new or an "
        "empty folder."
    )


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


# ---- one record


def record_path(records: Path, run_id: str) -> Path:
    """Return the file of a run."""
    return records / f"{run_id}.parquet"


def write_record(
    records: Path, spec: RunSpec, result: Evaluation | None, error: str | None = None
) -> bool:
    """Write what a run achieved, or the error it failed with; return whether it failed.

    A result that is no record, since its numbers are not finite, is a failure with that reason.
    """
    columns: dict[str, NDArray[Any]] = {
        "seed": spec.seed + np.arange(0 if result is None else spec.episodes),
        "return": np.zeros(0) if result is None else result.returns,
        "length": np.zeros(0, np.int64) if result is None else result.lengths,
    }
    if result is not None:
        bounds = result.metrics.get("information_bounds")
        more = {"regret": result.regret, "curve": result.curve, "bounds": bounds}
        columns |= {name: column for name, column in more.items() if column is not None}
    about = {
        "spec": asdict(spec),
        "fingerprint": spec.fingerprint,
        "status": "failed" if result is None else "finished",
        "error": None if error is None else error[-MOST_LETTERS["error"] :],
        "seconds_per_decision": None if result is None else result.seconds_per_decision,
        "random_value": None if result is None else result.random_value,
        "optimal_value": None if result is None else result.optimal_value,
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "created": time.time(),
    }
    try:
        _check(spec, columns, about)
    except ValueError as flaw:
        if result is None:
            raise
        return write_record(records, spec, None, str(flaw))
    table = pa.table({n: list(c) if c.ndim > 1 else c for n, c in columns.items()})
    content = to_bytes(table, json.dumps(about))
    with writing_to(records):
        write(record_path(records, spec.id), content)
    return result is None


def read_record(path: Path) -> Record:
    """Return the record in a file; a file that is no record raises `InputError`."""
    try:
        return _read(path)
    except DAMAGE as error:
        raise InputError(
            f"{path} is not a record: {_reason(error)}. Delete it and run the suite again."
        ) from None


def is_finished(records: Path, run_id: str) -> bool:
    """Return whether the run has a record and did not fail.

    What lies in its place and is no record is neither trusted nor deleted: it gets another name,
    which is told on stderr, and the run is not finished.
    """
    path = record_path(records, run_id)
    if not os.path.lexists(path):
        return False
    try:
        return _read(path).error is None
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
                *(spelt(path), _reason(error), spelt(aside.name)),
            )
        return False


# ---- what is a record

DAMAGE = (pa.ArrowException, OSError, LookupError, TypeError, ValueError, ArithmeticError,
          RecursionError, MemoryError)  # fmt: skip
"""What a file that is not as it should be may raise while it is read."""
COLUMNS = {
    "seed": pa.int64(),
    "return": pa.float64(),
    "length": pa.int64(),
    "regret": pa.float64(),
    "curve": pa.list_(pa.float64()),
    "bounds": pa.list_(pa.float64()),
}
ABOUT = ("spec", "fingerprint", "status", "error", "seconds_per_decision", "random_value",
         "optimal_value", "versions", "machine", "created")  # fmt: skip


def _read(path: Path) -> Record:
    """Return the record in a file; one that is none raises one of `DAMAGE`.

    What the file says of itself is looked at first: nothing large is ever loaded.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a file")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"its {status.st_size:,} bytes are more than {MOST_BYTES:,}")
    content = path.read_bytes()
    if content[-4:] != b"PAR1":
        raise ValueError("it is not a Parquet file")
    if int.from_bytes(content[-8:-4], "little") > MOST_HEAD:
        raise ValueError(f"what stands about its table is longer than {MOST_HEAD:,} bytes")
    at = _place_of_digest(content)
    if content[at] != _digest_of(content, at):
        raise ValueError("its digest is not that of its content: edited, or not of this version")
    parquet = pq.ParquetFile(pa.BufferReader(content))
    spec, about = _head(parquet)
    table = parquet.read()
    columns = {name: _array(table[name]) for name in table.column_names}
    _check(spec, columns, about)
    run_id = hashed(spec.text, about["fingerprint"])
    if path.name != record_path(path.parent, run_id).name:
        raise ValueError(f"its spec and code are those of the run {run_id}: renamed, or edited")
    return Record(
        id=run_id,
        spec=spec,
        fingerprint=about["fingerprint"],
        error=about["error"],
        returns=columns["return"],
        lengths=columns["length"],
        regret=columns.get("regret"),
        curve=columns.get("curve"),
        bounds=columns.get("bounds"),
        seconds_per_decision=_number(about["seconds_per_decision"]),
        random_value=about["random_value"],
        optimal_value=about["optimal_value"],
        versions=about["versions"],
        machine=about["machine"],
        created=about["created"],
    )


def _head(parquet: pq.ParquetFile) -> tuple[RunSpec, dict[str, Any]]:
    """Return what a file says of itself: the spec and the rest; no number is loaded."""
    schema, size = parquet.schema_arrow, parquet.metadata
    if KEY not in (schema.metadata or {}):
        raise ValueError("nothing in it says what was run")
    if len(set(schema.names)) < len(schema.names) or not set(schema.names) <= set(COLUMNS):
        raise ValueError(f"its columns are {shown(schema.names)}")
    for field in schema:
        if field.type != COLUMNS[field.name]:
            raise ValueError(f"its column {field.name} holds {told(field.type)}")
    about = json.loads(schema.metadata[KEY])
    if set(about) != set(ABOUT):
        raise ValueError(f"what it says of itself must be {', '.join(ABOUT)}")
    spec = RunSpec(**about["spec"])
    rows = 0 if about["status"] == "failed" else spec.episodes
    if size.num_rows != rows:
        raise ValueError(f"it has {size.num_rows:,} rows for {rows:,} episodes")
    groups = (size.row_group(i) for i in range(size.num_row_groups))
    _few(sum(group.column(j).num_values for group in groups for j in range(group.num_columns)))
    return spec, about


def _few(numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise ValueError(f"{numbers:,} numbers are more than the {MOST_NUMBERS:,} of a record")


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column as an array, lists of one length as its rows."""
    if column.null_count:
        raise ValueError("a column has holes")
    array = column.to_numpy()
    return np.stack(array) if array.dtype == object else np.asarray(array)


def _check(spec: RunSpec, columns: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Raise `ValueError`, with the reason, if a run does not leave such a record."""
    _few(sum(column.size for column in columns.values()))
    failed = about["status"] == "failed"
    rows = 0 if failed else spec.episodes
    names = {"seed", "return", "length"}
    if not failed:
        names |= {"regret", "curve"} & columns.keys()
        names |= {"curve"} if "regret" in columns and spec.curves else set()
        names |= {"bounds"} if spec.contrasts else set()
    if columns.keys() != names or ("curve" in names and not (spec.curves and "regret" in names)):
        raise ValueError(f"its columns are {shown(sorted(columns))} for {shown(sorted(names))}")
    for name, column in columns.items():
        if len(column) != rows:
            raise ValueError(f"{name} has {len(column):,} rows for {rows:,} episodes")
    if (columns["seed"] != spec.seed + np.arange(rows)).any():
        raise ValueError(f"its seeds are not {spec.seed} to {spec.seed + rows - 1}")
    for name in ("return", "regret"):
        bad = (~(abs(columns.get(name, np.zeros(0))) <= LARGEST)).sum()
        if bad:
            raise ValueError(
                f"the {name} of {bad:,} of {rows:,} episodes is not finite, or beyond {LARGEST:g}"
            )
    lengths = columns["length"]
    if (lengths < 1).any():
        raise ValueError("an episode has no decision")
    if "curve" in columns:
        curve = columns["curve"]
        inside = np.arange(lengths.max()) < lengths[:, None]
        if curve.shape != inside.shape or ((abs(curve) <= LARGEST) != inside).any():
            raise ValueError("a curve does not end with its episode, or is not finite before")
        if (curve[np.arange(rows), lengths - 1] != columns["regret"]).any():
            raise ValueError("a curve does not end in the regret of its episode")
    if "bounds" in columns and (
        columns["bounds"].shape != (rows, 2) or np.isnan(columns["bounds"]).any()
    ):
        raise ValueError("an episode has not two bounds")
    _check_about(about)


def _check_about(about: Mapping[str, Any]) -> None:
    failed = about["status"] == "failed"
    if about["status"] not in ("failed", "finished") or failed is (about["error"] is None):
        raise ValueError(
            f"its status is {shown(about['status'])}, its error {shown(about['error'])}"
        )
    if failed:
        _text("error", about["error"], MOST_LETTERS["error"])
    if not re.fullmatch("[0-9a-f]{16}", _text("fingerprint", about["fingerprint"], 16)):
        raise ValueError("its fingerprint is not one of 16 hexadecimal digits")
    for name in ("seconds_per_decision", "random_value", "optimal_value"):
        value = about[name]
        missing = value is None and (failed or name != "seconds_per_decision")
        if not missing and not abs(_number(value)) <= LARGEST:
            raise ValueError(f"{name} is no finite number: {shown(value)}")
        if name == "seconds_per_decision" and not missing and value < 0:
            raise ValueError(f"{name} is below 0: {shown(value)}")
    if not 0 <= _number(about["created"]) <= time.time() + AHEAD:
        raise ValueError(f"created is no time of the past: {shown(about['created'])}")
    found = about["versions"]
    if not isinstance(found, dict) or len(found) > 20:
        raise ValueError("its versions are not names and versions of libraries")
    for word in (*found, *found.values()):
        _text("versions", word, MOST_LETTERS["versions"])
    _text("machine", about["machine"], MOST_LETTERS["machine"])


def _text(name: str, value: Any, most: int, empty: bool = False) -> str:
    """Return a text of 1 (or 0) to ``most`` letters."""
    if not isinstance(value, str) or len(value) > most or not (value.strip() or empty):
        raise InputError(f"{name} must be a text of 1 to {most:,} letters, got {shown(value)}.")
    return value


def _number(value: Any) -> float:
    """Return a number, NaN for what is none."""
    plain_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain_number and abs(value) <= LARGEST else math.nan


def to_bytes(table: pa.Table, text: str) -> bytes:
    """Return the content of a file: a table, what stands about it, and the digest of both."""
    buffer = pa.BufferOutputStream()
    with pq.ParquetWriter(buffer, table.schema, store_schema=False) as file:
        file.write_table(table)
        file.add_key_value_metadata({KEY: text, DIGEST: "0" * 64})
    content = buffer.getvalue().to_pybytes()
    at = _place_of_digest(content)
    return content[: at.start] + _digest_of(content, at) + content[at.stop :]


def _place_of_digest(content: bytes) -> slice:
    """Return where the digest stands: behind its name, and Parquet's two bytes for a text of 64."""
    name = DIGEST + b"\x18\x40"
    start = content.rfind(name) + len(name)
    return slice(start, start + 64)


def _digest_of(content: bytes, at: slice) -> bytes:
    """Return the hash of all that is not the digest."""
    found = hashlib.sha256(content[: at.start])
    found.update(content[at.stop :])
    return found.hexdigest().encode()


def _reason(error: BaseException) -> str:
    """Return in a line why a file is no record."""
    if isinstance(error, OSError):
        return told(error.strerror or error)
    named = isinstance(error, ValueError) and str(error)
    return told(str(error) if named else f"{type(error).__name__}: {error}").rstrip(".")


# ---- what decides a result


def _code(env_id: str, env_kwargs: str, outside: tuple[str, ...]) -> str:
    return fingerprint(env_id, json.loads(env_kwargs), outside)


_first_code = lru_cache(maxsize=4096)(_code)


def data_hash(env_id: str, env_kwargs: Mapping[str, Any]) -> str:
    """Hash the table that the environment is made of, as it is now; empty if none is named."""
    if "dataset" not in env_kwargs or not is_ours(spec_of(env_id)):
        return ""
    options = {name: env_kwargs[name] for name in Reading.options() if name in env_kwargs}
    table = load(env_kwargs["dataset"], **options)
    return hashlib.sha256(table.features.tobytes() + table.labels.tobytes()).hexdigest()


@lru_cache
def versions(*more: str) -> dict[str, str]:
    """Return the versions of what a result may depend on, and of some more libraries."""
    found = {"discovery-gym": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in (*LIBRARIES, *more)}
