"""Where the conditions of a study come from: a file, a data set by name, factors, or a table at hand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..envs.core import InputError, shown
from ..envs.datasets import Reading, Table, load
from ..envs.datasets.files import expanded, is_file, is_path
from .factors import is_factors, pool_of, read_factors


@dataclass(frozen=True)
class Source:
    """What was named as the conditions of a study; one of these.

    Args:
        path: A file.
        name: A data set.
        factors: Levels by the name of the factor: all combinations.
        table: A table at hand, which a journal cannot name.
    """

    path: Path | None = None
    name: str | None = None
    factors: Mapping[str, Sequence[str | float]] | None = None
    table: Table | None = None

    @classmethod
    def of(cls, given: Any) -> Source:
        """Return what a user names: a path, a data set, factors as a dict or as texts, or a table."""
        if isinstance(given, Source):
            return given
        if isinstance(given, Table):
            return cls(table=given)
        if is_factors(given):
            return cls(factors=read_factors(given))
        if not isinstance(given, str | os.PathLike):
            raise InputError(
                "A study is about a file, a table, or factors such as {'ligand': ['a', 'b'], 'T': [40, "
                f"60]}}, got {shown(given)}."
            )
        text = os.fspath(given)
        return cls(path=expanded(text)) if is_path(text) else cls(name=text)

    @classmethod
    def from_json(cls, found: Mapping[str, Any], journal: Path | None) -> Source:
        """Return the source that a journal names."""
        if "path" in found:
            path = (journal.parent if journal else Path()) / found["path"]
            if not is_file(path):
                raise InputError(
                    f"The study of {journal} is about {path}, which is not there. If it has moved, name "
                    "it and the journal: Study.pool(FILE, journal=...), or ask FILE --journal ..."
                )
            return cls(path=path)
        return cls(name=found.get("name"), factors=found.get("factors"))

    def to_json(self, journal: Path | None) -> dict[str, Any]:
        """Return how a journal names it: a file by where it is, seen from the journal."""
        if self.path is not None:
            start = journal.parent if journal else Path()
            return {"path": Path(os.path.relpath(self.path, start)).as_posix()}
        if self.factors is not None:
            return {"factors": {name: [*levels] for name, levels in self.factors.items()}}
        return {} if self.name is None else {"name": self.name}

    @property
    def journal(self) -> Path | None:
        """Where the journal of a study of it is by default: beside a file, else nowhere."""
        return None if self.path is None else self.path.with_name(f"{self.path.stem}.study.jsonl")

    def read(self, reading: Reading) -> Table:
        """Return the table, read with some options."""
        if self.path is not None or self.name is not None:
            return load(self.path or self.name or "", **vars(reading))
        given = reading.given("target", "minimise", "features", "categories")
        if given:
            raise InputError(f"{given[0]}= is for reading a file; this study has none.")
        if self.factors is not None:
            return pool_of(self.factors, reading.target or "label", bool(reading.minimise))
        if self.table is None:
            raise InputError(
                "This study is about a table that was at hand in Python: go on with it by "
                "Study.pool(table, journal=...)."
            )
        return _as_asked(self.table, reading)


def _as_asked(table: Table, reading: Reading) -> Table:
    """Return a table at hand, whose labels may change their sign, and nothing else."""
    if reading.target not in (None, table.target):
        raise InputError(
            f"The table at hand has the target {table.target!r}, not {reading.target!r}."
        )
    if reading.minimise in (None, table.minimise):
        return table
    return replace(table, labels=-table.labels, minimise=not table.minimise)
