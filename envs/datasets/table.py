"""Tables of items: numeric features and labels, read from a named set, a file or arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, closest
from .catalogue import FOLDER_VARIABLE, Source, available, catalogue, folder


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Items with features and labels.

    Args:
        name: Name of the data set.
        features: Numeric features, shape ``(n, d)``.
        labels: Labels of the chosen target, shape ``(n,)``.
        feature_names: Names of the d features.
        target: Name of the chosen target.
        targets: Names of all targets of the data set.
        unit: Unit of the labels.
    """

    name: str
    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    feature_names: tuple[str, ...]
    target: str
    targets: tuple[str, ...]
    unit: str = ""


def load(dataset: str, target: str | None = None) -> Table:
    """Return a table by the name of a data set or by the path of a CSV or Parquet file.

    A file of the user's own holds numbers only: the column ``target`` (the last one if None) is the
    label, all others are features. Missing or text values raise `InputError`.

    Args:
        dataset: A name out of `available`, or a path.
        target: The label column; None takes the first target of a named set.
    """
    path = Path(dataset)
    if path.suffix in (".csv", ".parquet"):
        return _read(path, path.stem, None, target)
    sources, place = catalogue(), folder()
    if dataset not in available():
        if dataset in sources:
            raise InputError(
                f"Data set {dataset!r} needs the file {sources[dataset].file}: put it into a folder "
                f"and name the folder in the environment variable {FOLDER_VARIABLE}."
            )
        raise InputError(
            f"Unknown data set {dataset!r}{closest(dataset, available())} Known are "
            f"{', '.join(available())}, files of the folder in {FOLDER_VARIABLE}, and paths that "
            "end in .csv or .parquet."
        )
    source = sources.get(dataset)
    if source is not None and source.file is None:
        return _embedded(dataset, source, target)
    assert place is not None  # available() has just looked into it
    names = [source.file] if source else [f"{dataset}.csv", f"{dataset}.parquet"]
    file = next(place / name for name in names if name and (place / name).exists())
    return _read(file, dataset, source, target)


def from_arrays(features: Any, labels: Any) -> Table:
    """Return a table made of arrays: features ``(n, d)`` and labels ``(n,)``."""
    x, y = (_numbers(name, value) for name, value in (("features", features), ("labels", labels)))
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not x.size:
        raise InputError(
            f"features must have shape (n, d) and labels (n,), got {x.shape} and {y.shape}."
        )
    return Table(
        name="arrays",
        features=x,
        labels=y,
        feature_names=tuple(f"x{i}" for i in range(x.shape[1])),
        target="label",
        targets=("label",),
    )


def _numbers(name: str, value: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must hold numbers only, got {value!r}.") from None
    if not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise InputError(f"{name} must be finite, got {array[tuple(where)]} at {where}.")
    return array


def _embedded(name: str, source: Source, target: str | None) -> Table:
    from sklearn.datasets import load_diabetes  # slow to import, so only when it is asked for

    data = load_diabetes(scaled=False)
    columns = {str(key): data.data[:, i] for i, key in enumerate(data.feature_names)}
    return _choose(name, columns | {source.targets: data.target}, source, target)


def _read(path: Path, name: str, source: Source | None, target: str | None) -> Table:
    try:
        return _read_cached(path.resolve(), path.stat().st_mtime_ns, name, source, target)
    except OSError as error:
        raise InputError(f"Cannot read the table {path}: {error.strerror or error}.") from None


@lru_cache(maxsize=32)
def _read_cached(
    path: Path, modified: int, name: str, source: Source | None, target: str | None
) -> Table:
    """Read a file once per version of it: a suite opens the same table many times."""
    import pyarrow as pa  # slow to import, so only when a file is read
    from pyarrow import csv, parquet

    try:
        table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a {path.suffix[1:]} table: {error}.") from None
    if not table.num_rows:
        raise InputError(f"{path} has no rows.")
    known = source or Source(about="", origin="", licence="")
    columns: dict[str, NDArray[np.float64]] = {}
    for key in table.column_names:
        column = table.column(key)
        if column.null_count:
            row = column.is_null().to_pylist().index(True)
            raise InputError(f"Column {key!r} of {path.name} has no value in row {row + 1}.")
        if key in known.drop:
            continue
        if key in known.categories:
            values = np.array(column.to_pylist())
            columns |= {
                f"{key}={v}": np.asarray(values == v, np.float64) for v in np.unique(values)
            }
        elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise InputError(
                f"Column {key!r} of {path.name} holds {column.type}, for example "
                f"{column[0].as_py()!r}; a table must hold numbers only. Drop or encode the column."
            )
        else:
            columns[key] = _numbers(f"column {key!r} of {path.name}", column.to_numpy())
    return _choose(name, columns, source, target)


def _choose(
    name: str, columns: dict[str, NDArray[np.float64]], source: Source | None, target: str | None
) -> Table:
    """Split columns into features and the chosen label."""
    names = tuple(columns)
    if source is None:
        if len(names) < 2:
            raise InputError(f"Table {name!r} needs a feature and a label, got columns {names}.")
        targets, scale, unit = names, 1.0, ""
        chosen = names[-1] if target is None else target
        label_columns = {chosen}
    else:
        targets = tuple(key for key in names if key.startswith(source.targets))
        scale, unit = source.scale, source.unit
        chosen = targets[0] if target is None else target
        label_columns = set(targets)
    if chosen not in targets:
        raise InputError(
            f"Table {name!r} has no target {chosen!r}{closest(chosen, targets)} It has: "
            f"{', '.join(targets)}."
        )
    feature_names = tuple(key for key in names if key not in label_columns)
    return Table(
        name=name,
        features=np.stack([columns[key] for key in feature_names], axis=1).astype(np.float64),
        labels=np.asarray(columns[chosen] * scale, np.float64),
        feature_names=feature_names,
        target=chosen,
        targets=targets,
        unit=unit,
    )
