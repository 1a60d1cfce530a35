"""Tables by the name of a data set or by the path of a file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError, closest
from ..core.arrays import Array
from ..core.errors import shown
from .catalogue import FOLDER_VARIABLE, Source, available, catalogue, files, folder
from .columns import Columns
from .files import ENDINGS, digest, expanded, is_file, is_path, stem
from .options import Reading
from .table import Table

MOST_CACHED = 32


def load(dataset: str | os.PathLike[str], target: str | None = None, **options: Any) -> Table:
    """Return a table by the name of a data set or by the path of a file.

    Args:
        dataset: A name out of `available`, or the path of a CSV file (also .tsv, .tab, .txt, packed
            as .gz, .bz2 or .xz) or of a Parquet file; "~" is the home folder.
        target: The label column; None takes the first target of a named set, and of a file the
            column that is named like an outcome, else the last one.
        **options: The other fields of `Reading`: how columns and cells are to be read.

    Raises:
        InputError: If there is no such table, or it cannot be understood.
    """
    for option in options:
        if option not in Reading.options():
            raise InputError(
                f"A table is not read with {option!r}{closest(option, Reading.options())} Options "
                f"are {', '.join(Reading.options())}."
            )
    reading, name = Reading(target=target, **options), _text(dataset)
    if is_path(name):
        path = expanded(name)
        return _of_file(path, stem(path), reading)
    if name not in available():
        raise _unknown(name)
    found, source = files().get(name, []), catalogue().get(name)
    if source is not None:
        _check_named(name, found, reading)
        return _of_source(name, source, reading)
    if len(found) > 1:
        raise InputError(
            f"Data set {name!r} may be {' or '.join(path.name for path in found)}; name one of them "
            "by its path."
        )
    return _of_file(found[0], name, reading)


def _text(dataset: Any) -> str:
    if not isinstance(dataset, str | os.PathLike):
        raise InputError(f"dataset must be the name of a data set or a path, got {shown(dataset)}.")
    name: Any = os.fspath(dataset)
    if not isinstance(name, str) or "\0" in name:
        raise InputError(f"dataset must be a text without NUL characters, got {shown(name)}.")
    return name


def _check_named(name: str, found: list[Path], reading: Reading) -> None:
    """Refuse options that a set of the catalogue does not take; warn of files of the same name."""
    fixed = "header", "names", "separator", "encoding", "decimal", "thousands", "missing"
    if given := [option for option in reading.given() if option in fixed]:
        raise InputError(f"Data set {name!r} is read as it is; it takes no {given[0]}=.")
    here = [name, *(name + end for end in ENDINGS)]
    found = found + [Path(file) for file in here if is_file(Path(file))]
    if found:
        warnings.warn(
            f"Data set {name!r} is that of the catalogue, not your file {found[0]}, which is read by "
            "its path.",
            stacklevel=3,
        )


def _unknown(name: str) -> InputError:
    sources = catalogue()
    if name in sources:
        return InputError(
            f"Data set {name!r} needs the file {sources[name].file}: put it into a folder "
            f"and name the folder in the environment variable {FOLDER_VARIABLE}."
        )
    return InputError(
        f"Unknown data set {shown(name)}{closest(name, available())} Known are "
        f"{', '.join(available())}, files of the folder in {FOLDER_VARIABLE}, and paths that "
        f"end in {', '.join(ENDINGS)}."
    )


# ---- from files to a table


def _of_file(path: Path, name: str, reading: Reading) -> Table:
    described = [path.parent / expanded(table) for table in reading.descriptors]
    config = path.with_name("config.json")  # of Olympus
    beside = [config] if is_file(config) else []

    def make() -> Table:
        from .formats import read_columns  # what reads files imports Arrow, which is slow
        from .reading import interpret

        return replace(interpret(read_columns(path, reading), reading, path.parent), name=name)

    return _cached((name, reading.key), (path, *beside, *described), make)


def _of_source(name: str, source: Source, reading: Reading) -> Table:
    where = folder()
    path = None if source.file is None or where is None else where / source.file

    def make() -> Table:
        from .reading import interpret  # as above

        columns = _source_columns(name, source, path)
        targets = [column for column in columns.cells if column.startswith(source.targets)]
        chosen = targets[0] if reading.target is None else reading.target
        if chosen not in targets:
            raise InputError(
                f"Table {name!r} has no target {chosen!r}{closest(chosen, targets)} It has: "
                f"{', '.join(targets)}."
            )
        known = {chosen, *(reading.features or ()), *reading.drop}
        aside = [column for column in (*source.drop, *targets) if column not in known]
        categories = tuple(dict.fromkeys((*reading.categories, *source.categories)))
        drop = (*reading.drop, *aside)
        options = replace(reading, target=chosen, drop=drop, categories=categories)
        table = interpret(columns, options)
        labels, known_targets = table.labels * source.scale, tuple(targets)
        return replace(table, name=name, labels=labels, targets=known_targets, unit=source.unit)

    return _cached((name, reading.key), () if path is None else (path,), make)


def column(dataset: str | os.PathLike[str], name: str, beside: str, **options: Any) -> Array:
    """Return the numbers of one more column, in its unit, ``(n,)``; NaN where a cell is empty.

    Args:
        dataset: As for `load`.
        name: The column.
        beside: Any other column.
        **options: How the table was read.

    Raises:
        InputError: If there is no such column, or it holds other things than numbers.
    """
    own = {"target": name, "features": (beside,), "minimise": False}
    none: dict[str, Any] = dict.fromkeys(("drop", "categories", "descriptors"), ())
    source = None if is_path(_text(dataset)) else catalogue().get(_text(dataset))
    if source is None:
        return load(dataset, **{**options, **none, **own}).labels
    from .reading import interpret  # as above

    where = folder()
    path = None if source.file is None or where is None else where / source.file
    columns = _source_columns(_text(dataset), source, path)
    return interpret(columns, Reading(**{**options, **none, **own})).labels


def _source_columns(name: str, source: Source, path: Path | None) -> Columns:
    from .formats import read_columns  # as above

    return _embedded(name, source) if path is None else read_columns(path, Reading())


def _embedded(name: str, source: Source) -> Columns:
    """Return the table that comes with scikit-learn, whose own import would take most of a second."""
    from importlib import metadata

    import pyarrow as pa

    files = metadata.distribution("scikit-learn").locate_file("sklearn/datasets/data")
    try:
        data = np.loadtxt(str(files / "diabetes_data_raw.csv.gz"))
        target = np.loadtxt(str(files / "diabetes_target.csv.gz"))
    except OSError:  # another version may keep them elsewhere
        from sklearn.datasets import load_diabetes

        data, target = load_diabetes(scaled=False, return_X_y=True)
    names = ("age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7)))
    cells = {key: pa.array(column) for key, column in zip(names, data.T, strict=True)}
    return Columns(name, {**cells, source.targets: pa.array(target)}, np.arange(2, len(target) + 2))


_CACHE: dict[Any, Table] = {}


def _cached(key: Any, paths: Sequence[Path], make: Callable[[], Table]) -> Table:
    """Return what was made of files with the same contents before: suites open a table many times."""
    digests = [digest(path) for path in paths]
    key = (key, *paths, *digests)
    if key not in _CACHE:
        while len(_CACHE) >= MOST_CACHED:
            _CACHE.pop(next(iter(_CACHE)))
        _CACHE[key] = make()
    return _CACHE[key]
