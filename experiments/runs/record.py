"""What a run has left: a specification and an evaluation, or the error it failed with.

`check` refuses a record that no run leaves: it must have the columns, the rows and the seeds that its
spec asks for, and finite numbers. It holds for what is read and for what is written; a run whose numbers
are not finite has failed.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...envs.core import shown
from .evaluation import Evaluation
from .fingerprints import hashed
from .spec import RunSpec, check_text, spec_text

FORMAT = 2
"""Format of records. In format 1 a spec had ``contrasts`` in place of metrics."""
LIBRARIES = ("gymnasium", "numpy", "scipy")
AHEAD = 3600.0
"""Seconds by which the clock of another machine may be ahead."""
LARGEST = 1e100
"""Larger numbers count as infinite: statistics take powers of them."""
MOST_NUMBERS = 20_000_000
MOST_LETTERS = {"error": 20_000, "versions": 100, "machine": 200}
"""Longest texts about a run; 2000 for those of its spec."""
BOUNDS = "information_bounds"
COLUMN = {BOUNDS: "bounds"}
"""Columns that have another name than their metric."""
FIXED = {"seed", "return", "length", "regret", "curve"}
"""Columns that are no metrics."""
ROLES = ("random", "optimal")
"""What an agent may stand for: the two ends of a score's scale."""
MEASURED = ("agent", "role", "seconds_per_decision", "random_value", "optimal_value")
"""What a file says of an evaluation, besides its columns."""
ABOUT = {"format", "spec", "fingerprint", "status", "error", *MEASURED, "versions", "machine",
         "created"}  # fmt: skip
"""What a file says of itself."""

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A run that has ended, as it is read from its file.

    Args:
        id: Id of the run.
        spec: What was run.
        fingerprint: Hash of the sources and the data it was run with.
        evaluation: What was achieved; ``None`` for a failed run.
        error: Traceback of a failed run; ``None`` for a finished one.
        versions: Versions of Python and of the libraries.
        machine: Operating system and processor.
        created: Time of the record, in seconds since 1970.
    """

    id: str
    spec: RunSpec
    fingerprint: str
    evaluation: Evaluation | None
    error: str | None
    versions: Mapping[str, str]
    machine: str
    created: float


@lru_cache
def versions(*more: str) -> dict[str, str]:
    """Return the versions of what a result may depend on, and of some more libraries."""
    found = {"discovery-gym": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in (*LIBRARIES, *more)}


# ---- what is in a file


def leave(
    spec: RunSpec, result: Evaluation | None, error: str | None
) -> tuple[Columns, dict[str, Any]]:
    """Return the columns of a run that ends now, and their metadata."""
    columns: dict[str, NDArray[Any]] = {
        "seed": spec.seed + np.arange(0 if result is None else spec.episodes),
        "return": np.zeros(0) if result is None else result.returns,
        "length": np.zeros(0, np.int64) if result is None else result.lengths,
    }
    if result is not None:
        more = {"regret": result.regret, "curve": result.curve}
        more |= {COLUMN.get(name, name): values for name, values in result.metrics.items()}
        columns |= {name: values for name, values in more.items() if values is not None}
    about = {
        "format": FORMAT,
        "spec": asdict(spec),
        "fingerprint": spec.fingerprint,
        "status": "failed" if result is None else "finished",
        "error": None if error is None else error[-MOST_LETTERS["error"] :],
        **{name: getattr(result, name, None) for name in MEASURED},
        "versions": versions(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "created": time.time(),
    }
    return columns, about


def read_about(about: Mapping[str, Any]) -> tuple[RunSpec, str, Mapping[str, Any]]:
    """Return the spec that a file names, the id of its run, and what it says of itself in format 2."""
    first = set(about) == ABOUT - {"format", "agent", "role"}
    if not first and set(about) != ABOUT:
        raise ValueError(f"what it says of itself must be {', '.join(sorted(ABOUT))}")
    text = spec_text(about["spec"])
    about = _renewed(about) if first else about
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {shown(about['format'])}, not 1 or {FORMAT}")
    spec = RunSpec(**{**about["spec"], "metrics": tuple(about["spec"]["metrics"])})
    return spec, hashed(text, check_text("fingerprint", about["fingerprint"], 16)), about


def _renewed(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return in format 2 what a file of format 1 says of itself, as version 0.1.0 meant it."""
    spec = {**about["spec"]}
    count, agent = spec.pop("contrasts"), spec["agent"]
    if type(count) is not int or count < 0:
        raise ValueError(f"contrasts must be an integer of at least 0, got {shown(count)}")
    spec["metrics"] = [f"{BOUNDS}(contrasts={count})"] if count else []
    role = agent if agent in ROLES else ""
    return {**about, "format": FORMAT, "spec": spec, "agent": agent, "role": role}


def record_of(spec: RunSpec, run_id: str, columns: Columns, about: Mapping[str, Any]) -> Record:
    """Return the record in what has passed the `check`."""
    return Record(
        id=run_id,
        spec=spec,
        fingerprint=about["fingerprint"],
        evaluation=None if about["error"] is not None else _evaluation(spec, columns, about),
        error=about["error"],
        versions=about["versions"],
        machine=about["machine"],
        created=about["created"],
    )


def _evaluation(spec: RunSpec, columns: Columns, about: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        env_id=spec.env_id,
        env_kwargs=spec.env_kwargs,
        seed=spec.seed,
        returns=columns["return"],
        lengths=columns["length"],
        regret=columns.get("regret"),
        curve=columns.get("curve"),
        metrics={name: columns[COLUMN.get(name, name)] for name in spec.metric_names},
        **{name: about[name] for name in MEASURED},
    )


# ---- what is a record


def check(spec: RunSpec, columns: Columns, about: Mapping[str, Any]) -> None:
    """Raise `ValueError`, with the reason, if a run does not leave such a record."""
    check_size(sum(column.size for column in columns.values()))
    failed = about["status"] == "failed"
    rows = 0 if failed else spec.episodes
    _check_names(spec, columns, failed)
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
    if (columns["length"] < 1).any():
        raise ValueError("an episode has no decision")
    if "curve" in columns:
        _check_curve(columns["curve"], columns["length"], columns["regret"])
    for name in columns.keys() - FIXED:
        if np.isnan(columns[name]).any() or (name == "bounds" and columns[name].shape != (rows, 2)):
            raise ValueError(
                f"the {name} of an episode are missing, or not as many as they should be"
            )
    _check_about(about, failed)


def check_size(numbers: int) -> None:
    """Raise `ValueError` if these are more numbers than a record has."""
    if numbers > MOST_NUMBERS:
        raise ValueError(f"{numbers:,} numbers are more than the {MOST_NUMBERS:,} of a record")


def _check_names(spec: RunSpec, columns: Columns, failed: bool) -> None:
    names = {"seed", "return", "length"}
    if not failed:
        names |= {"regret"} & columns.keys()
        names |= {"curve"} if "regret" in columns and spec.curves else set()
        names |= {COLUMN.get(name, name) for name in spec.metric_names}
    if columns.keys() != names:
        raise ValueError(f"its columns are {shown(sorted(columns))} for {shown(sorted(names))}")


def _check_curve(curve: NDArray[Any], lengths: NDArray[Any], regret: NDArray[Any]) -> None:
    inside = np.arange(lengths.max()) < lengths[:, None]
    if curve.shape != inside.shape or ((abs(curve) <= LARGEST) != inside).any():
        raise ValueError("a curve does not end with its episode, or is not finite before")
    if (curve[np.arange(len(curve)), lengths - 1] != regret).any():
        raise ValueError("a curve does not end in the regret of its episode")


def _check_about(about: Mapping[str, Any], failed: bool) -> None:
    if about["status"] not in ("failed", "finished") or failed is (about["error"] is None):
        raise ValueError(
            f"its status is {shown(about['status'])}, its error {shown(about['error'])}"
        )
    if failed:
        check_text("error", about["error"], MOST_LETTERS["error"])
    if not re.fullmatch("[0-9a-f]{16}", check_text("fingerprint", about["fingerprint"], 16)):
        raise ValueError("its fingerprint is not one of 16 hexadecimal digits")
    if not failed:
        check_text("agent", about["agent"], 2000)
        if about["role"] not in ("", *ROLES):
            raise ValueError(f"its role is {shown(about['role'])}")
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
        check_text("versions", word, MOST_LETTERS["versions"])
    check_text("machine", about["machine"], MOST_LETTERS["machine"])


def _number(value: Any) -> float:
    """Return a number, and NaN for anything else."""
    plain_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain_number and abs(value) <= LARGEST else math.nan
