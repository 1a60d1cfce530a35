"""A file of conditions as the sheet of a study: its items and their ids, and what was typed into it.

A row is matched to its item by content, by what a person sets in it: a file that was sorted or has new
rows keeps the ids. Of a small table the journal keeps the content of every item, so that a change can be
named; of a large one a digest, and its rows must stay in their order.

An event of the journal that was read from the file says in ``file`` which labels stood there, of each
item of which that had changed, so that a label that was changed is told from one that was added.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from ..envs.core import InputError, shown
from ..envs.core.arrays import Whole
from ..envs.datasets import Reading, Table
from ..envs.datasets.stored import first_rows
from ..envs.pools.status import Status
from .ids import Numbers, Places, joined
from .journal import Event

Cell: TypeAlias = str | float
Labels: TypeAlias = Mapping[str, Sequence[float]]

MOST_CELLS = 200_000
"""The most cells of a table whose items stand in the journal one by one."""
WRITTEN = ("separator", "decimal", "thousands", "missing", "encoding")
"""Options of reading that tell how a file is written, not what it means: they may change."""
MOST_NAMED = 4
"""The most items that a message names."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The n items of a table: rows in which the same is set are replicates of one.

    Args:
        table: The table, of m rows.
        ids: How the items are called, ``(n,)``.
        rows: The first row of each item, ``(n,)``.
        item: The item of each row, ``(m,)``.
    """

    table: Table
    ids: Sequence[str]
    rows: Whole
    item: Whole

    @classmethod
    def of(cls, table: Table, known: Mapping[str, Any] | None = None) -> Sheet:
        """Return the items of a table: first those that are known, in their order, then new ones.

        Args:
            table: The table.
            known: What `record` said of it before; None: nothing is known.

        Raises:
            InputError: A known item is gone or was changed, or two items have one name.
        """
        condition = _conditions(table)
        rows = first_rows(condition)
        if known is None:
            ids = _named(table, rows, 0)
            _check_names(table, ids, condition)
            return cls(table, ids, rows, condition)
        _check_columns(table, known)
        found = _matched(table, rows, known)
        others = np.ones(len(rows), np.bool_)
        others[found] = False
        new = others.nonzero()[0]
        order = np.concatenate([found, new])
        ids = joined(_ids(known), _named(table, rows[new], len(found)))
        _check_double(ids)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        _check_names(table, ids, place[condition])
        return cls(table, ids, rows[order], place[condition])

    @cached_property
    def number(self) -> Mapping[str, int]:
        """The number of each item by its id, and by the names of its other rows."""
        if isinstance(self.ids, Numbers) and self.table.row_names is None:
            return Places(self.ids)
        rows = zip(self.table.row_names or (), self.item.tolist(), strict=False)
        return dict(rows) | {name: i for i, name in enumerate(self.ids)}

    def values(self, items: Sequence[int]) -> list[dict[str, Cell]]:
        """Return what is set in some items, by the names of the columns."""
        return self.table.values(self.rows[np.asarray(items, np.int64)])

    @cached_property
    def labels(self) -> dict[str, list[float]]:
        """The labels in the file of each item that has some, in its unit and with its sign."""
        found: dict[str, list[float]] = {}
        sign = -1.0 if self.table.minimise else 1.0
        for row in self.table.measured.nonzero()[0].tolist():
            label = sign * float(self.table.labels[row]) + 0.0
            found.setdefault(self.ids[self.item[row]], []).append(label)
        return found

    @cached_property
    def failed(self) -> list[str]:
        """The items that failed, by the file, and have no label there."""
        if self.table.failed is None:
            return []
        names = [self.ids[i] for i in np.unique(self.item[self.table.failed]).tolist()]
        return [name for name in names if name not in self.labels]

    def record(self) -> dict[str, Any]:
        """Return what the journal keeps of the items, as JSON."""
        columns = [one.name for one in self.table.settings]
        about = {
            "target": self.table.target,
            "minimise": self.table.minimise,
            "index": self.table.index,
            "columns": columns,
            "levels": [name for name, _ in self.table.levels],
        }
        if len(self.ids) * len(columns) > MOST_CELLS:
            names = {} if self.table.row_names is None else {"ids": list(self.ids)}
            digest = _digest(self.table, self.rows)
            return about | {"count": len(self.ids), "digest": digest, **names}
        cells = (list(values.values()) for values in self.values(range(len(self.ids))))
        return about | {"items": dict(zip(self.ids, cells, strict=True))}


def written(reading: Reading | None) -> dict[str, Any]:
    """Return what options tell of how a file is written, as a journal keeps it."""
    given = [] if reading is None else [name for name in reading.given() if name in WRITTEN]
    found = {name: getattr(reading, name) for name in given}
    return {name: [*one] if isinstance(one, tuple) else one for name, one in found.items()}


def going_on(reading: Reading, known: Mapping[str, Any]) -> Reading:
    """Return how a file is read again: its columns keep the roles that they had.

    A column that was added since is left out, and the target stays the target.
    """
    return replace(
        reading,
        target=known["target"],
        minimise=known["minimise"],
        index=known["index"],
        features=tuple(known["columns"]),
        categories=tuple(dict.fromkeys((*reading.categories, *known["levels"]))),
    )


# ---- which row is which item


def _conditions(table: Table) -> Whole:
    """Return the item of each row, numbered as they are first seen, ``(m,)``."""
    coded = [one.codes for one in table.settings if one.codes is not None]
    if not coded:
        return table.condition
    seen: dict[tuple[int, ...], int] = {}  # levels may be described by the same numbers
    rows = zip(*(column.tolist() for column in (table.condition, *coded)), strict=True)
    return np.array([seen.setdefault(row, len(seen)) for row in rows], np.int64)


def _named(table: Table, rows: Whole, start: int) -> Sequence[str]:
    """Return the ids of new items, by their first rows: those of the index, or numbers."""
    if table.row_names is None:
        return Numbers(range(start + 1, start + 1 + len(rows)))
    names = tuple(table.row_names[row] for row in rows.tolist())
    if "" in names:
        what = told(table.values(rows[[names.index("")]])[0])
        raise InputError(
            f"{table.name}: the row with {what} has no name in the index column; give it one."
        )
    _check_double(names)
    return names


def _check_double(ids: Sequence[str]) -> None:
    if not isinstance(ids, Numbers) and len(set(ids)) < len(ids):
        double = next(name for name, count in Counter(ids).items() if count > 1)
        raise InputError(
            f"Two conditions are called {shown(double)} in the index column; rename one of them."
        )


def _check_names(table: Table, ids: Sequence[str], item: Whole) -> None:
    """Refuse a name that stands for two items: a label told by it might go to the wrong one.

    Args:
        table: The table.
        ids: How the items are called.
        item: The item of each row.
    """
    if table.row_names is None:
        return
    number = {name: i for i, name in enumerate(ids)}
    for row, name in enumerate(table.row_names):
        own, here = number.setdefault(name, int(item[row])), int(item[row])
        if name and own != here:
            raise InputError(
                f"{table.name}: the row with {told(table.values([row])[0])}, which is item "
                f"{shown(ids[here])}, is called {shown(name)} in column {shown(table.index)}, and so is "
                f"item {shown(ids[own])}. Give rows the names that they had, and new ones names of "
                "their own; or begin another study, with --journal."
            )


def _ids(known: Mapping[str, Any]) -> Sequence[str]:
    if "items" in known:
        return tuple(known["items"])
    return tuple(known["ids"]) if "ids" in known else Numbers(range(1, known["count"] + 1))


def _check_columns(table: Table, known: Mapping[str, Any]) -> None:
    columns = [one.name for one in table.settings]
    if columns != list(known["columns"]):
        raise InputError(
            f"{table.name} has the columns {', '.join(map(shown, columns))}, and the study began with "
            f"{', '.join(map(shown, known['columns']))}. Take the columns back, or begin another study."
        )


def _matched(table: Table, rows: Whole, known: Mapping[str, Any]) -> Whole:
    """Return where the known items are among those of a table, by their first rows."""
    if "items" not in known:
        count = known["count"]
        if len(rows) < count or _digest(table, rows[:count]) != known["digest"]:
            raise InputError(
                f"The first {count:,} conditions of {table.name} are not those with which the study "
                "began, in their order; take the file back from a copy. New rows go to its end."
            )
        return np.arange(count)
    cells = [tuple(values.values()) for values in table.values(rows)]
    places = {one: i for i, one in enumerate(cells)}
    items = {name: tuple(one) for name, one in known["items"].items()}
    if gone := {name: one for name, one in items.items() if one not in places}:
        kept = set(items.values())
        others = [i for i, one in enumerate(cells) if one not in kept]
        raise InputError(_gone(table, rows[others], known["columns"], gone))
    return np.array([places[one] for one in items.values()], np.int64)


def _gone(
    table: Table, rows: Whole, columns: Sequence[str], gone: Mapping[str, tuple[Cell, ...]]
) -> str:
    """Return in words which known items are not in a table any more, and what became of them.

    Args:
        table: The table.
        rows: The rows whose content is not known.
        columns: What is set.
        gone: What was set in the items that are gone.
    """
    new = [tuple(values.values()) for values in table.values(rows)]
    names = [] if table.row_names is None else [table.row_names[row] for row in rows.tolist()]
    changes = []
    for name, old in list(gone.items())[:MOST_NAMED]:
        now = new[names.index(name)] if name in names else _nearest(old, new)
        if now is None:
            changes.append(f"{name} ({told(dict(zip(columns, old, strict=True)))}) is gone")
            continue
        for column, was, has in zip(columns, old, now, strict=True):
            if was != has:
                old_text, new_text = cell(was), cell(has)
                if old_text == new_text:  # they differ in the last digits
                    old_text, new_text = str(was), str(has)
                changes.append(f"{name}, column {shown(column)}: {old_text} has become {new_text}")
    more = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
    return (
        f"{table.name}: {'; '.join(changes)}{more}. What an item of a study is cannot change: take the "
        "old value back, and add a row for a new condition; or begin another study, with --journal."
    )


def _nearest(old: tuple[Cell, ...], new: Sequence[tuple[Cell, ...]]) -> tuple[Cell, ...] | None:
    """Return the content that has most in common with an old one; None if that is less than half."""
    same = [sum(map(lambda a, b: a == b, old, one)) for one in new]
    best = max(same, default=0)
    return new[same.index(best)] if best and 2 * best >= len(old) else None


_DIGESTS: WeakKeyDictionary[Table, dict[bytes, str]] = WeakKeyDictionary()


def _digest(table: Table, rows: Whole) -> str:
    """Return a digest of what is set in some rows, whatever other levels there are."""
    known, name = _DIGESTS.setdefault(table, {}), hashlib.sha256(rows.tobytes()).digest()
    if name not in known:  # a million rows take seconds
        known[name] = _digest_of(table, rows)
    return known[name]


def _digest_of(table: Table, rows: Whole) -> str:
    digest = hashlib.sha256()
    if not any(one.levels for one in table.settings):  # the keys are there, of the conditions
        digest.update("\0".join(one.name for one in table.settings).encode())
        digest.update(table.keys[:, rows].tobytes())
        return digest.hexdigest()
    for one in table.settings:
        digest.update(f"{one.name}\0".encode())
        if one.levels:
            words = [hashlib.sha256(level.encode()).digest() for level in one.levels]
            content = np.array(words, "S32")[one.code(table.features, rows)]
        else:
            content = table.features[rows, one.features.start] + 0.0
        digest.update(content.tobytes())
    return digest.hexdigest()


def told(values: Mapping[str, Cell], most: int = 8) -> str:
    """Return what is set in an item, in words."""
    cells = [f"{name}={cell(one)}" for name, one in list(values.items())[:most]]
    return ", ".join([*cells, "..."] if len(values) > most else cells)


def cell(value: Cell) -> str:
    """Return a number, or the name of a level, as a person would type it."""
    return value if isinstance(value, str) else f"{value:.12g}"


# ---- what was typed into the file


@dataclass(kw_only=True)
class News:
    """What a file says that the study does not know yet.

    Args:
        labels: New labels, by item.
        corrected: Labels that have changed, the old one and the new one, by item.
        emptied: Labels that are no longer in the file, by item; the study keeps them.
        failed: Items that failed.
        file: What stands in the file now, of the items of which that has changed.
    """

    labels: dict[str, list[float]] = field(default_factory=dict)
    corrected: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    emptied: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    file: dict[str, list[float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether there is anything to tell."""
        return bool(self.file or self.failed)


def news(
    sheet: Sheet, events: Iterable[Event], known: Labels, status: Mapping[str, Status]
) -> News:
    """Return what a file says that a study does not know yet.

    A label is new if it was not in the file when it was last looked at, and was not told in another
    way. Where one has gone from the same item, it has been corrected.

    Args:
        sheet: The file.
        events: The journal.
        known: The labels of the study that count, by item.
        status: The status in the study of each item that failed by the file.
    """
    found, here, before = News(), sheet.labels, seen(events)
    for name in dict.fromkeys((*here, *before)):
        old, now = Counter(before.get(name, ())), Counter(here.get(name, ()))
        if old == now:
            continue
        found.file[name] = list(here.get(name, ()))
        own = Counter(known.get(name, ()))
        added = list((now - old - (own - old)).elements())  # but those told in another way
        gone = list(((old - now) & own).elements())  # but those taken back in another way
        both = min(len(added), len(gone))
        if both:
            found.corrected[name] = list(zip(gone[:both], added[:both], strict=True))
        if added[both:]:
            found.labels[name] = added[both:]
        if gone[both:]:
            found.emptied[name] = gone[both:]
    over = Status.FAILED, Status.WITHDRAWN
    found.failed = [one for one in sheet.failed if status[one] not in over and not known.get(one)]
    return found


def seen(events: Iterable[Event]) -> dict[str, list[float]]:
    """Return the labels of each item that stood in the file when it was last looked at."""
    found: dict[str, list[float]] = {}
    for event in events:
        found |= event.get("file", {})
    return found
