"""Records: what a run is, and the one Parquet file that a finished run leaves.

A run is a pure function of its `RunSpec`. The id of a run is a hash of the spec, of the sources of
everything that decides its result (environment, agents, scoring) and of its data set: a resume
finds a record by what it is, never by its position, and code that has changed is run again.

A record is a table with one row per episode; the spec, the status, the error and the platform stand
in the metadata of its schema. It is written to a temporary file and renamed, so that a record is
either whole or not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .. import __version__
from ..agents import making
from ..envs.core import InputError, registered
from ..envs.datasets import Reading, load
from .evaluation import Evaluation

PACKAGE = Path(__file__).resolve().parents[1]
MARK = "discovery_gym.json"
KEY = b"discovery_gym"
LIBRARIES = ("gymnasium", "numpy", "scipy")
SUFFIX = ".discovery_gym.tmp"
STALE = 3600.0
"""Seconds after which a temporary file must be the rest of a killed run."""


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

    @property
    def fingerprint(self) -> str:
        """Hash of the sources, the data and the trained policy that decide the result."""
        data = _data(self.env_id, json.dumps(self.env_kwargs))
        policies = (_hash(path) if path.is_file() else "none" for path in making.files(self.agent))
        return _digest(_sources(self.env_id), data, *policies)

    @property
    def id(self) -> str:
        """Hash of the spec and its fingerprint: 16 hexadecimal digits."""
        return _digest(self.text, self.fingerprint)

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


def open_folder(folder: Path) -> Path:
    """Return the folder of records inside a results folder, which is made if it is not there.

    A new or empty results folder is marked as ours by a small file. A folder with other things in
    it, a file in its place, and a place where nothing can be written raise `InputError`; nothing is
    written then.
    """
    records = folder / "records"
    with writing_to(folder):
        if not (folder / MARK).is_file():
            if folder.exists() and not folder.is_dir():
                raise InputError(f"{folder} is a file; name a folder for the results.")
            if folder.exists() and not all(_is_rest(path) for path in folder.iterdir()):
                raise _foreign(folder)
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / MARK, json.dumps({"what": "results of discovery-gym", "format": 1}))
        records.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=records):
            pass
        for path in records.iterdir():
            if _is_rest(path) and time.time() - path.stat().st_mtime > STALE:
                path.unlink(missing_ok=True)
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


def read_folder(folder: Path) -> list[Record]:
    """Return all records of a results folder, in the order of their ids."""
    if not folder.exists():
        raise InputError(
            f"There is no folder {folder}; `discovery-gym run SUITE --out {folder}` makes it."
        )
    if not (folder / MARK).is_file():
        raise _foreign(folder)
    return [read_record(path) for path in sorted((folder / "records").glob("*.parquet"))]


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
) -> None:
    """Write what a run achieved, or the error it failed with."""
    columns: dict[str, Any] = {
        "seed": spec.seed + np.arange(0 if result is None else spec.episodes),
        "return": np.zeros(0) if result is None else result.returns,
        "length": np.zeros(0, np.int64) if result is None else result.lengths,
    }
    if result is not None and result.regret is not None:
        columns["regret"] = result.regret
    if result is not None and result.curve is not None:
        columns["curve"] = list(result.curve)
    if result is not None and result.bounds is not None:
        columns["bounds"] = list(result.bounds)
    about = {
        "spec": asdict(spec),
        "fingerprint": spec.fingerprint,
        "status": "failed" if result is None else "finished",
        "error": error,
        "seconds_per_decision": None if result is None else result.seconds_per_decision,
        "random_value": None if result is None else result.random_value,
        "optimal_value": None if result is None else result.optimal_value,
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "created": time.time(),
    }
    table = pa.table(columns).replace_schema_metadata({KEY: json.dumps(about)})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    with writing_to(records):
        write(record_path(records, spec.id), buffer.getvalue().to_pybytes())


def read_record(path: Path) -> Record:
    """Return the record in a file; a file that is no record raises `InputError`."""
    try:
        table = pq.read_table(path)
        about = json.loads((table.schema.metadata or {})[KEY])
        regret = table["regret"].to_numpy() if "regret" in table.column_names else None
        curve, bounds = (
            np.stack(table[name].to_numpy()) if name in table.column_names else None
            for name in ("curve", "bounds")
        )
        return Record(
            id=path.stem,
            spec=RunSpec(**about["spec"]),
            fingerprint=about["fingerprint"],
            error=about["error"],
            returns=table["return"].to_numpy(),
            lengths=table["length"].to_numpy(),
            regret=regret,
            curve=curve,
            bounds=bounds,
            seconds_per_decision=about["seconds_per_decision"] or float("nan"),
            random_value=about["random_value"],
            optimal_value=about["optimal_value"],
            versions=about["versions"],
            machine=about["machine"],
            created=about["created"],
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a readable record ({type(error).__name__}: {error}); delete it and run "
            "the suite again."
        ) from None


def is_finished(records: Path, run_id: str) -> bool:
    """Return whether the run has a record and did not fail."""
    path = record_path(records, run_id)
    return path.exists() and read_record(path).error is None


# ---- what decides a result


@lru_cache
def _sources(env_id: str) -> str:
    """Hash every file that the result of a run on this environment depends on."""
    paths = [*(PACKAGE / "agents").rglob("*"), PACKAGE / "experiments" / "evaluation.py"]
    spec = gym.spec(env_id)
    if env_id in registered():
        family = str(spec.entry_point).split(":")[0].split(".")[-2]
        for folder in ("core", "datasets", family):
            paths += (PACKAGE / "envs" / folder).rglob("*")
        other = ""
    else:
        other = f"{env_id} {spec.to_json()} gymnasium {gym.__version__}"
    files = sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts)
    return _digest(other, *(f"{p.relative_to(PACKAGE).as_posix()} {_hash(p)}" for p in files))


@lru_cache
def _data(env_id: str, env_kwargs: str) -> str:
    """Hash the table that the environment is made of, if its parameters (JSON) name one."""
    named = json.loads(env_kwargs)
    if env_id not in registered() or "dataset" not in named:
        return ""
    options = {name: named[name] for name in Reading.options() if name in named}
    table = load(named["dataset"], **options)
    return hashlib.sha256(table.features.tobytes() + table.labels.tobytes()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@lru_cache
def versions(*more: str) -> dict[str, str]:
    """Return the versions of what a result may depend on, and of some more libraries."""
    found = {"discovery-gym": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in (*LIBRARIES, *more)}
