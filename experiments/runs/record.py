"""What a run has left: a specification and an evaluation, or the error it failed with.

`check` refuses a record that no run leaves: it must have the columns, the rows and the seeds that its
spec asks for, and finite numbers. It holds for what is read and for what is written; a run whose numbers
are not finite has failed.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ...envs.core import shown
from ...envs.core.arrays import Whole
from . import former
from .evaluation import QUANTILES, Evaluation
from .fingerprints import hashed
from .metrics import METRICS, described
from .platforms import platform_here
from .spec import RunSpec, check_text, spec_text
from .trace import MOST_POINTS, Actions, Ragged

FORMAT = 3
"""Format of records. Those of format 2 and 1 have no actions; see `former`."""
LIBRARIES = ("gymnasium", "numpy", "scipy")
AHEAD = 3600.0
"""Seconds by which the clock of another machine may be ahead."""
LARGEST = 1e100
"""Larger numbers count as infinite: statistics take powers of them."""
MOST_NUMBERS = 50_000_000
MOST_LETTERS = {"error": 20_000, "versions": 100, "machine": 200, "platform": 1000, "card": 40_000}
"""Longest texts about a run; 2000 for those of its spec."""
BOUNDS = "information_bounds"
COLUMN = {BOUNDS: "bounds"}
"""Columns that have another name than their metric."""
PLAIN = {"return": "returns", "length": "lengths", "regret": "regret", "spent": "spent"}
"""Columns of a number of each episode, and what an evaluation calls them."""
LATER = ("best_after", "spent_after")
AFTER = ("regret_after", "return_after", *LATER)
"""Columns of what is known after the decisions at the points."""
FIXED = {"seed", "return", "length", "regret", "spent", *AFTER}
"""Columns that are no metrics, besides actions, ``a0``, ``a1``, ..."""
ROLES = ("random", "optimal")
"""What an agent may stand for: the two ends of a score's scale."""
MEASURED = ("agent", "role", "decision_seconds", "random_value", "optimal_value")
"""What a file says of an evaluation, besides its columns."""
ABOUT = {"format", "spec", "fingerprint", "status", "error", "points", *MEASURED, "versions",
         "platform", "machine", "created", "entry"}  # fmt: skip
"""What a file says of itself."""
STATUSES = ("verified", "confirmed")
"""How far the numbers of an entry were checked."""

Columns = Mapping[str, NDArray[Any] | Ragged]


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
        platform: What decides the last bits of a number, by name; empty in old records.
        machine: Operating system and processor.
        created: Time of the record, in seconds since 1970.
        entry: Of a run of somebody else: ``name``, ``digest``, ``status``, ``flags`` and ``card``.
    """

    id: str
    spec: RunSpec
    fingerprint: str
    evaluation: Evaluation | None
    error: str | None
    versions: Mapping[str, str]
    platform: Mapping[str, str]
    machine: str
    created: float
    entry: Mapping[str, Any] | None = None


@lru_cache
def versions(*more: str) -> dict[str, str]:
    """Return the versions of what a result may depend on, and of some more libraries."""
    found = {"discovery-gym": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in (*LIBRARIES, *more)}


# ---- what is in a file


def leave(
    spec: RunSpec,
    result: Evaluation | None,
    error: str | None,
    *,
    fingerprint: str | None = None,
    entry: Mapping[str, Any] | None = None,
) -> tuple[Columns, dict[str, Any]]:
    """Return the columns of a run that ends now, and their metadata."""
    about = {
        "format": FORMAT,
        "spec": asdict(spec),
        "fingerprint": spec.fingerprint if fingerprint is None else fingerprint,
        "status": "failed" if result is None else "finished",
        "error": None if error is None else error[-MOST_LETTERS["error"] :],
        "points": [] if result is None else result.points.tolist(),
        **{name: getattr(result, name, None) for name in MEASURED},
        "versions": versions(),
        "platform": platform_here(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "created": time.time(),
        "entry": entry,
    }
    return _columns(spec, result), about


def _columns(spec: RunSpec, result: Evaluation | None) -> Columns:
    if result is None:
        none = np.zeros(0, np.int64)
        return {"seed": none, "return": np.zeros(0), "length": none}
    reached = np.searchsorted(result.points, result.lengths, side="right")
    after = "return_after" if result.regret is None else "regret_after"
    lists = {after: result.after} | {name: getattr(result, name) for name in LATER}
    columns: dict[str, Any] = {
        "seed": spec.seed + np.arange(spec.episodes),
        **{column: getattr(result, name) for column, name in PLAIN.items()},
        **{name: None if c is None else Ragged.of(c, reached) for name, c in lists.items()},
        **{COLUMN.get(name, name): values for name, values in result.metrics.items()},
    }
    for i, part in enumerate(result.actions.parts if result.actions is not None else ()):
        columns[f"a{i}"] = Ragged(values=part, lengths=result.lengths)
    return {name: values for name, values in columns.items() if values is not None}


def read_about(about: Mapping[str, Any]) -> tuple[RunSpec, str, Mapping[str, Any]]:
    """Return the spec that a file names, the id of its run, and what it says of itself in format 3.

    ``format`` stays what it was.
    """
    found = about
    if set(found) != ABOUT:
        about = former.about(found)
    elif about["format"] != FORMAT:
        raise ValueError(f"its format is {shown(about['format'])}, not 1 to {FORMAT}")
    text = spec_text(found["spec"])
    spec = RunSpec(**{**about["spec"], "metrics": tuple(about["spec"]["metrics"])})
    return spec, hashed(text, check_text("fingerprint", about["fingerprint"], 16)), about


def record_of(spec: RunSpec, run_id: str, columns: Columns, about: Mapping[str, Any]) -> Record:
    """Return the record in what has passed the `check`."""
    kept = ("fingerprint", "error", "versions", "platform", "machine", "created", "entry")
    return Record(
        id=run_id,
        spec=spec,
        evaluation=None if about["error"] is not None else _evaluation(spec, columns, about),
        **{name: about[name] for name in kept},
    )


def _evaluation(spec: RunSpec, columns: Mapping[str, Any], about: Mapping[str, Any]) -> Evaluation:
    points, rows = np.array(about["points"], np.int64), spec.episodes
    padded = {n: columns[n].padded(len(points)) for n in AFTER if n in columns}
    parts = [columns[name].values for name in action_columns(columns)]
    after = padded.get("return_after" if "regret" not in columns else "regret_after")
    plain: dict[str, Any] = {name: columns.get(column) for column, name in PLAIN.items()}
    plain |= {name: padded.get(name) for name in LATER}
    return Evaluation(
        env_id=spec.env_id,
        env_kwargs=spec.env_kwargs,
        seed=spec.seed,
        points=points,
        after=np.zeros((rows, 0)) if after is None else after,
        actions=Actions(lengths=columns["length"], parts=parts) if parts else None,
        metrics={name: columns[COLUMN.get(name, name)] for name in spec.metric_names},
        **plain,
        **{name: about[name] for name in MEASURED},
    )


def action_columns(names: Collection[str]) -> list[str]:
    """Return those of some columns that hold actions: ``a0``, ``a1``, ..."""
    return list(takewhile(names.__contains__, (f"a{i}" for i in range(len(names)))))


# ---- what is a record


def check(spec: RunSpec, columns: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Raise `ValueError`, with the reason, if a run does not leave such a record."""
    check_size(sum(column.size for column in columns.values()))
    failed = about["status"] == "failed"
    rows = 0 if failed else spec.episodes
    _check_names(spec, columns, failed, about["format"])
    for name, column in columns.items():
        if len(column) != rows:
            raise ValueError(f"{name} has {len(column):,} rows for {rows:,} episodes")
    if (columns["seed"] != spec.seed + np.arange(rows)).any():
        raise ValueError(f"its seeds are not {spec.seed} to {spec.seed + rows - 1}")
    for name in ("return", "regret", "spent"):
        bad = (~(abs(columns.get(name, np.zeros(0))) <= LARGEST)).sum()
        if bad:
            raise ValueError(
                f"the {name} of {bad:,} of {rows:,} episodes is not finite, or beyond {LARGEST:g}"
            )
    if (columns["length"] < 1).any():
        raise ValueError("an episode has no decision")
    _check_points(about["points"], about["format"])
    check_size(len(about["points"]) * rows * len({*AFTER} & columns.keys()))  # with the ends filled
    _check_after(columns, np.array(about["points"], np.int64))
    _check_actions(columns)
    if not failed:
        _check_metrics(spec, columns, len(about["points"]))
    _check_about(about, failed)


def check_size(numbers: int) -> None:
    """Raise `ValueError` if these are more numbers than a record has."""
    if numbers > MOST_NUMBERS:
        raise ValueError(f"{numbers:,} numbers are more than the {MOST_NUMBERS:,} of a record")


def _check_names(spec: RunSpec, columns: Columns, failed: bool, form: int) -> None:
    names, there = {"seed", "return", "length"}, columns.keys()
    if not failed:
        names |= {COLUMN.get(name, name) for name in spec.metric_names}
        names |= {"regret", "best_after", *action_columns(columns)} & there
        names |= {"spent", "spent_after"} if {"spent", "spent_after"} & there else set()
        after = "regret_after" if "regret" in there else "return_after"
        names |= {after} & there if form < FORMAT else {after}
    if there != names:
        raise ValueError(f"its columns are {shown(sorted(columns))} for {shown(sorted(names))}")


def _check_points(points: Any, form: int) -> None:
    whole = isinstance(points, list) and all(type(one) is int for one in points)
    most = MOST_POINTS if form == FORMAT else MOST_NUMBERS
    if not whole or len(points) > most or any(a >= b for a, b in pairwise([0, *points])):
        raise ValueError(f"its points are not at most {most} increasing numbers: {shown(points)}")
    if points and points[-1] >= 2**62:
        raise ValueError(f"a point is too large: {points[-1]}")


def _check_after(columns: Mapping[str, Any], points: Whole) -> None:
    """Raise `ValueError` unless lists end with their episodes, and in what these end with."""
    length = columns["length"]
    reached = np.searchsorted(points, length, side="right")
    last = np.isin(length, points)  # episodes that end at a point
    for name in AFTER:
        if name not in columns:
            continue
        column, whole = columns[name], columns.get(name.removesuffix("_after"))
        if not np.array_equal(column.lengths, reached):
            raise ValueError(f"the {name} of an episode does not end with it")
        odd = ~(abs(column.values) <= LARGEST)
        if name == "best_after":
            odd &= ~np.isnan(column.values)  # before the first label
        if odd.any():
            raise ValueError(f"the {name} of an episode is not finite, or beyond {LARGEST:g}")
        ends = np.cumsum(column.lengths) - 1
        if whole is not None and (column.values[ends[last]] != whole[last]).any():
            raise ValueError(f"the {name} of an episode does not end in its value at the end")


def _check_actions(columns: Mapping[str, Any]) -> None:
    for name in action_columns(columns):
        if not np.array_equal(columns[name].lengths, columns["length"]):
            raise ValueError(f"the actions {name} of an episode are not as many as its decisions")
        if not np.isfinite(columns[name].values).all():
            raise ValueError(f"an action of {name} is not finite")


def _check_metrics(spec: RunSpec, columns: Mapping[str, Any], points: int) -> None:
    """Raise `ValueError` unless metrics have the numbers they should; an upper bound may be infinite."""
    for text, metric in zip(spec.metrics, spec.metric_names, strict=True):
        name = COLUMN.get(metric, metric)
        known = described(text)[1] if metric in METRICS else None
        shape = columns[name].shape if known is None else (spec.episodes, known.width(points))
        if np.isnan(columns[name]).any() or columns[name].shape != shape:
            raise ValueError(
                f"the {name} of an episode are missing, or not as many as they should be"
            )
        if known is not None and metric != BOUNDS and (abs(columns[name]) > LARGEST).any():
            raise ValueError(f"the {name} of an episode is not finite, or beyond {LARGEST:g}")


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
    for name in ("random_value", "optimal_value"):
        if about[name] is not None and not abs(_number(about[name])) <= LARGEST:
            raise ValueError(f"{name} is no finite number: {shown(about[name])}")
    _check_seconds(about, failed)
    if not 0 <= _number(about["created"]) <= time.time() + AHEAD:
        raise ValueError(f"created is no time of the past: {shown(about['created'])}")
    for name, what in (("versions", "versions of libraries"), ("platform", "properties")):
        found = about[name]
        if not isinstance(found, dict) or len(found) > 20:
            raise ValueError(f"its {name} are not names and {what}")
        for word in (*found, *found.values()):
            check_text(name, word, MOST_LETTERS[name])
    check_text("machine", about["machine"], MOST_LETTERS["machine"])
    if about["entry"] is not None:
        _check_entry(about["entry"])


def _check_seconds(about: Mapping[str, Any], failed: bool) -> None:
    found = about["decision_seconds"]
    if failed and found is None:
        return
    names = {"mean"} if about["format"] < FORMAT else {"mean", *QUANTILES}
    if not isinstance(found, dict) or found.keys() != names:
        raise ValueError(f"decision_seconds are not {', '.join(sorted(names))}: {shown(found)}")
    for name, value in found.items():
        if not 0 <= _number(value) <= LARGEST:
            raise ValueError(
                f"{name} of decision_seconds is no finite number from 0 on: {shown(value)}"
            )


def _check_entry(entry: Any) -> None:
    """Raise `ValueError` unless these are name, digest, status, flags and card of an entry."""
    names = {"name", "digest", "status", "flags", "card"}
    if not isinstance(entry, dict) or entry.keys() != names:
        raise ValueError(f"its entry is not {', '.join(sorted(names))}: {shown(entry)}")
    check_text("the name of its entry", entry["name"], 200)
    if not re.fullmatch("[0-9a-f]{64}", check_text("the digest of its entry", entry["digest"], 64)):
        raise ValueError("the digest of its entry is not one of 64 hexadecimal digits")
    if entry["status"] not in STATUSES:
        raise ValueError(f"the status of its entry is {shown(entry['status'])}")
    if not isinstance(entry["flags"], list) or len(entry["flags"]) > 20:
        raise ValueError(f"the flags of its entry are {shown(entry['flags'])}")
    for flag in entry["flags"]:
        check_text("a flag of its entry", flag, 500)
    if not isinstance(entry["card"], dict):
        raise ValueError(f"the card of its entry is {shown(entry['card'])}")  # noqa: TRY004
    card = json.dumps(entry["card"], ensure_ascii=False)
    check_text("the card of its entry", card, MOST_LETTERS["card"])


def _number(value: Any) -> float:
    """Return a number, and NaN for anything else."""
    plain_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain_number and abs(value) <= LARGEST else math.nan
