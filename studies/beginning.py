"""How a study of a pool begins: its options, checked, as the first event of its journal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.making import full_text
from ..envs.core import InputError, closest, shown
from ..envs.core.checks import choice, integer, real, sequence
from ..envs.datasets import Reading
from ..envs.pools.scaling import SCALINGS
from .choosing import AGENT, Pool
from .journal import Event
from .kept import agree, start_of
from .sheet import WRITTEN, Sheet
from .source import Source

PLAIN: Mapping[str, Any] = {
    "same": None,
    "outcomes": None,
    "failed_value": None,
    "scaling": "l2",
    "episode": 0,
}
"""The options of a study besides those of reading, with their defaults."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user gives when a study begins, or goes on; None: it is left open.

    Args:
        source: Where the conditions come from.
        reading: How a file is read.
        agent: Who chooses.
        budget: Number of labels.
        seed: Seed of what is random in choices.
        plate: Size of the first plate, for which the budget is enough where none is given.
        others: The others, by name: those of `PLAIN`.
    """

    source: Source
    reading: Reading
    agent: str | None
    budget: int | None
    seed: int | None
    plate: int
    others: Mapping[str, Any]

    @classmethod
    def of(
        cls, source: Any, agent: Any, budget: Any, seed: Any, plate: Any, options: Mapping[str, Any]
    ) -> Options:
        """Check what is given."""
        for name in options:
            if name not in PLAIN and name not in Reading.options():
                known = [*PLAIN, *Reading.options()]
                raise InputError(
                    f"A study has no option {name!r}{closest(name, known)} Options are "
                    f"{', '.join(known)}."
                )
        if agent is not None and not isinstance(agent, str):
            raise InputError(
                f"The agent of a study is a text, for its journal names it; got {shown(agent)}. One of "
                "your own is './mine.py:Name'."
            )
        own = {name: value for name, value in options.items() if name in PLAIN}
        return cls(
            source=Source.of(source),
            reading=Reading(**{k: v for k, v in options.items() if k not in PLAIN}),
            agent=None if agent is None else full_text(agent),
            budget=None if budget is None else integer("budget", budget, low=1),
            seed=None if seed is None else integer("seed", seed, low=0, high=math.inf),
            plate=integer("plate", plate, low=1),
            others={name: _checked(name, value) for name, value in own.items()},
        )

    def start(self, journal: Path | None) -> tuple[Event, Pool]:
        """Return the first event of the study, and its pool.

        Raises:
            InputError: The pool cannot be played; nothing is written yet.
        """
        sheet = Sheet.of(self.source.read(self.reading))
        count = len(sheet.ids)
        here = sum(map(len, sheet.labels.values())) + len(sheet.failed)  # spent before it begins
        more = max(int(0.2 * count) + 1, min(self.plate, count))
        others = {name: self.others.get(name) or value for name, value in PLAIN.items()}
        event = start_of(
            "pool",
            agent=self.agent or AGENT,
            seed=self.seed or 0,
            budget=self.budget or here + more,
            options={"reading": _plain(self.reading), **others},
            source=self.source.to_json(journal),
            count=count,
            table=sheet.record(),
        )
        return event, Pool(event, sheet, count)

    def check(self, start: Event, budget: int) -> None:
        """Refuse what contradicts the journal of a study that goes on.

        Args:
            start: Its first event.
            budget: Its budget now.
        """
        agree("agent", self.agent, start["agent"])
        agree("seed", self.seed, start["seed"])
        agree("budget", self.budget, budget, f"change it: study.budget = {self.budget}")
        for name, value in self.others.items():
            agree(name, value, start["options"].get(name))
        stored = {name: start["table"][name] for name in ("target", "minimise", "index")}
        stored = {**_plain(Reading()), **start["options"]["reading"], **stored}
        for name in self.reading.given(*WRITTEN):
            agree(name, _plain(self.reading)[name], stored[name])


def _checked(name: str, value: Any) -> Any:
    """Return an option of `PLAIN` as a journal keeps it."""
    if value is None:
        return None
    if name == "episode":
        return integer("episode", value, low=0, high=math.inf)
    if name == "scaling":
        return choice("scaling", value, SCALINGS)
    if name == "failed_value":
        return choice("failed_value", value, ("worst",))
    if name == "outcomes":
        ends = sorted(sequence("outcomes", value, real))
        if len(ends) != 2 or ends[0] == ends[1]:
            raise InputError(
                f"outcomes are two different labels, such as (0, 1); got {shown(value)}."
            )
        return ends
    if not isinstance(value, str) or not value:
        raise InputError(f"same is the name of a column, got {shown(value)}.")
    return value


def _plain(reading: Reading) -> dict[str, Any]:
    """Return the options of reading as a journal keeps them."""
    given = vars(reading).items()
    return {name: [*value] if isinstance(value, tuple) else value for name, value in given}
