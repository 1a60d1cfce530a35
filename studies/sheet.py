"""A file of conditions as the sheet of a study: what was typed into it since it was last looked at.

The journal says in ``file`` which labels stood in the file of each item when it was last looked at, so
that a label that has changed is told from one that was added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .journal import Event
from .status import Status

Cell: TypeAlias = str | float
Labels: TypeAlias = Mapping[str, Sequence[float]]


def told(values: Mapping[str, Cell], most: int = 8) -> str:
    """Return what is set in an item, in words."""
    cells = [f"{name}={cell(one)}" for name, one in list(values.items())[:most]]
    return ", ".join([*cells, "..."] if len(values) > most else cells)


def cell(value: Cell) -> str:
    """Return a number, or the name of a level, as a person would type it."""
    return value if isinstance(value, str) else f"{value:.12g}"


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
        """Return whether there is anything to write."""
        return bool(self.file or self.failed)


def news(
    here: Labels,
    failed: Iterable[str],
    events: Iterable[Event],
    known: Labels,
    status: Mapping[str, Status],
) -> News:
    """Return what a file says that a study does not know yet.

    A label is new if it was not in the file when it was last looked at, and was not told in another
    way. Where one has gone from the same item, it has been corrected.

    Args:
        here: The labels in the file, by item.
        failed: The items that failed, by the file.
        events: The journal.
        known: The labels of the study that count, by item.
        status: The status of each item in the study.
    """
    found, before = News(), seen(events)
    for name in dict.fromkeys((*here, *before)):
        old, now = Counter(before.get(name, ())), Counter(here.get(name, ()))
        if old == now:
            continue
        found.file[name] = list(here.get(name, ()))
        own = Counter(known.get(name, ()))
        added = list((now - old - (own - old)).elements())  # but those told in another way
        gone = list(((old - now) & own).elements())  # but those taken back in another way
        both = min(len(added), len(gone))
        for part, content in (
            (found.corrected, list(zip(gone[:both], added[:both], strict=True))),
            (found.labels, added[both:]),
            (found.emptied, gone[both:]),
        ):
            if content:
                part[name] = content  # type: ignore[index]
    over = Status.FAILED, Status.WITHDRAWN
    found.failed = [one for one in failed if status[one] not in over and not known.get(one)]
    return found


def seen(events: Iterable[Event]) -> dict[str, list[float]]:
    """Return the labels of each item that stood in the file when it was last looked at."""
    found: dict[str, list[float]] = {}
    for event in events:
        found |= event.get("file", {})
    return found
