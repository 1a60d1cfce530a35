"""Where a study of a pool stands: what follows from the events of its journal, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..envs.core import InputError
from ..envs.pools.status import Status
from .journal import Event


class Progress:
    """What was asked and what has come, of n items that are numbered from 0.

    Args:
        number: From the id of an item to its number.
    """

    def __init__(self, number: Callable[[str], int]) -> None:
        self._number = number
        self.status = np.zeros(0, np.int8)  # (n,) as in `Status`
        self.arrived: list[tuple[int, float]] = []
        """Items and their labels, in the order in which they came; an item has one or several."""
        self.flying: list[int] = []
        """Items in flight, in the order of choice."""
        self.failed: dict[int, str] = {}
        """Items whose labels will never come, and why."""
        self.decisions = 0
        self.budget = 0

    @property
    def spent(self) -> int:
        """Number of labels that have come, are in flight, or failed to come."""
        return len(self.arrived) + len(self.flying) + len(self.failed)

    @property
    def left(self) -> int:
        """Number of labels that may still be asked for."""
        return max(self.budget - self.spent, 0)

    def check_left(self, n: int) -> None:
        """Refuse to ask for n items where not so many labels, or items, are left."""
        free = int((self.status == Status.FREE).sum())
        budget = self.spent + n
        for count, of, remedy in (
            (self.left, f"of the budget of {self.budget} labels",
             f"raise the budget: study.budget = {budget}, or ask --budget {budget}"),
            (free, f"of the {len(self.status)} items",
             "add conditions (as rows of the file), or retry what failed"),
        ):  # fmt: skip
            if n > count:
                fewer = f"ask for {count}, or " if count else ""
                raise InputError(f"{n} asked for, but only {count} {of} left: {fewer}{remedy}.")

    def labels(self, item: int) -> list[float]:
        """Return the labels of an item, in the order in which they came."""
        return [label for one, label in self.arrived if one == item]

    def take(self, event: Event) -> None:
        """Take in the next event."""
        match event["do"]:
            case "start":
                self._extend(event)
                self.budget = int(event["budget"])
            case "extend":
                self._extend(event)
            case "budget":
                self.budget = int(event["budget"])
            case "ask":
                self._ask(event)
            case "tell":
                self._tell(event)
            case "correct":
                self._correct(event)
            case "withdraw":
                item = self._number(event["id"])
                self._move(item, Status.WITHDRAWN)
                self.arrived = [one for one in self.arrived if one[0] != item]
            case "retry":
                self._move(self._number(event["id"]), Status.FREE)
            case other:
                raise LookupError(other)

    def _extend(self, event: Event) -> None:
        self.status = np.pad(self.status, (0, event["count"] - len(self.status)))

    def _ask(self, event: Event) -> None:
        for item in map(self._number, event["ids"]):
            self.status[item] = Status.FLYING
            self.flying.append(item)
        self.decisions += event["decisions"]

    def _tell(self, event: Event) -> None:
        """Take in what was told at once, in an order of its own: that of a dictionary means nothing."""
        for values in event.get("file", {}).values():
            _ = [*map(float, values)]  # what `sheet.news` will look at
        for item, pairs in self._ordered(event.get("corrected", {})).items():
            for old, new in pairs:
                self.arrived[self.arrived.index((item, old))] = item, float(new)
        for item, labels in self._ordered(event.get("labels", {})).items():
            self._move(item, Status.HERE)
            several = labels if isinstance(labels, Sequence) else [labels]
            self.arrived += [(item, float(label)) for label in several]
        for item, why in self._ordered(event.get("failed", {})).items():
            self._move(item, Status.FAILED)
            self.failed[item] = why

    def _ordered(self, told: Mapping[str, Any]) -> dict[int, Any]:
        """Return what was told by number: first of what is in flight, in the order of choice."""
        place = {item: i for i, item in enumerate(self.flying)}
        found = {self._number(name): value for name, value in told.items()}
        return {i: found[i] for i in sorted(found, key=lambda i: (place.get(i, len(place)), i))}

    def _correct(self, event: Event) -> None:
        item = self._number(event["id"])
        places = [i for i, (one, _) in enumerate(self.arrived) if one == item]
        self.arrived[places[event["which"] - 1]] = item, float(event["value"])

    def _move(self, item: int, status: Status) -> None:
        if self.status[item] == Status.FLYING:
            self.flying.remove(item)
        self.failed.pop(item, None)
        self.status[item] = status
