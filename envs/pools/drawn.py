"""Pools, drawn: labels and their sum beside what chance and an oracle have, and a map of the items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, TruthUnknown
from ..rendering.picture import Cloud, Course, Curves, Picture, Series, Trace
from .buying import Buying
from .labels import Labels, labels_arrived

StateT = TypeVar("StateT", bound=Labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn(Buying[StateT]):
    """The part of a pool that describes its pictures."""

    def places(self, observation: dict[str, NDArray[Any]]) -> NDArray[Any] | None:
        """Return where the items lie on a map, ``(n, d)``; None if nothing tells them apart."""
        return None

    place_names: ClassVar[tuple[str, ...]] = ()
    """What the two directions of the map are called; none where they mean nothing."""

    @cached_property
    def _ends(self) -> tuple[Course | None, float | None]:
        """The sum of labels by chance, label after label, and that of an oracle, where known."""
        chance, oracle = _known(self.random_value), _known(self.optimal_value)
        if chance is None or self.shop is not None:
            return None, oracle
        return Course(name="chance", mean=np.linspace(0, chance, self._horizon + 1)), oracle

    def picture(self, trace: Trace) -> Picture:
        """Return the tests in the order in which they came, the sum of labels, and a map."""
        observation, (chance, oracle) = trace[-1][2], self._ends
        seen, test = self._tests_seen(observation)
        *proxies, labels = (np.where(test == m, seen, np.nan) for m in range(self.num_tests))
        points = Series(name="label", values=labels, style="points")
        best = Series(name="best so far", values=np.fmax.accumulate(labels), style="steps")
        total = Series(name="sum", values=np.append(0.0, np.nancumsum(labels)), style="steps")
        panels: list[Curves | Cloud] = [
            Curves(label="label", series=(points, best)),
            Curves(label="sum of labels", series=(total,), goal=oracle, course=lambda: chance),
        ]
        if proxies:
            several = len(proxies) > 1
            cheap = [
                Series(name=f"proxy {m}" * several, values=one, style="points")
                for m, one in enumerate(proxies)
            ]
            panels.append(Curves(label="proxies", series=tuple(cheap)))
        if (cloud := self._cloud(observation)) is not None:
            panels.append(cloud)
        unit = "test" if proxies else "label"
        count = {"length": self._horizon, "played": len(seen)}
        return Picture(unit=unit, panels=tuple(panels), **count)

    def _cloud(self, observation: dict[str, NDArray[Any]]) -> Cloud | None:
        """Return the items where they lie, with the labels that have come."""
        places = self.places(observation)
        if places is None:
            return None
        known = np.arange(self._horizon) < labels_arrived(observation)
        if self.fidelities:
            known &= observation["fidelity"] == self.num_tests - 1
        items, found = observation["labelled"][known], np.full(self.num_items, np.nan)
        found[items] = observation["labels"][known]
        last = int(items[-1]) if len(items) else None
        names = self.place_names
        return Cloud(label="label", points=places, values=found, last=last, names=names)


def _known(value: Callable[[], float]) -> float | None:
    """Return an exact value, or None where it is not known."""
    try:
        return value()
    except (InputError, TruthUnknown):
        return None
