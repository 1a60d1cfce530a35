"""Where a study of a design stands: what follows from the events of its journal, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..envs.pools.status import Status
from .journal import Event


@dataclass(frozen=True)
class Experiment:
    """One experiment, asked for or of the user's own choice.

    Args:
        id: Its id.
        setting: The value of every knob.
        status: Where it stands.
        outcome: Its data as the model takes them; empty where there are none.
        information: What it was expected to tell, in nats; None where nobody asked.
        why: Why it failed.
    """

    id: str
    setting: tuple[float, ...]
    status: Status
    outcome: tuple[float, ...] = ()
    information: float | None = None
    why: str = ""


class Course:
    """The experiments of a study, by id, in the order in which they were asked for or told."""

    def __init__(self) -> None:
        self.experiments: dict[str, Experiment] = {}
        self.budget = 0
        self.version = 0
        """The number of events that were taken in."""
        self.heads: list[tuple[int, str]] = []
        """How many rows of a file were told, and the digest of them."""

    def of(self, status: Status) -> list[Experiment]:
        """Return the experiments of a status."""
        return [one for one in self.experiments.values() if one.status == status]

    @property
    def spent(self) -> int:
        """Experiments that have data, are in flight, or failed."""
        return sum(
            one.status in (Status.HERE, Status.FLYING, Status.FAILED)
            for one in self.experiments.values()
        )

    def next_id(self, after: int = 0) -> str:
        """Return the id of the next experiment, or of one after it."""
        return str(len(self.experiments) + 1 + after)

    def take(self, event: Event) -> None:
        """Take in the next event."""
        self.version += 1
        match event["do"]:
            case "start" | "budget":
                self.budget = event["budget"]
            case "ask":
                for name, setting in event["settings"].items():
                    told = event["information"][name]
                    self._put(name, setting, Status.FLYING, information=told)
            case "tell" | "correct":
                self._tell(event)
            case "withdraw":
                self._move(event["id"], Status.WITHDRAWN, outcome=())
            case "retry":
                self._move(event["id"], Status.FLYING, why="")

    def _tell(self, event: Event) -> None:
        for name, told in _ordered(event.get("outcomes", {})):
            if name not in self.experiments:
                self._put(name, told["setting"], Status.HERE)
            self._move(name, Status.HERE, outcome=tuple(told["data"]), why="")
        for name, why in _ordered(event.get("failed", {})):
            self._move(name, Status.FAILED, why=why)
        if "rows" in event:
            self.heads.append((event["rows"], event["digest"]))

    def _put(self, name: str, setting: Any, status: Status, **more: Any) -> None:
        self.experiments[name] = Experiment(name, tuple(setting), status, **more)

    def _move(self, name: str, status: Status, **more: Any) -> None:
        self.experiments[name] = replace(self.experiments[name], status=status, **more)


def _ordered(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what was told at once by id: the order of a dictionary means nothing."""
    return sorted(found.items(), key=lambda pair: int(pair[0]))
