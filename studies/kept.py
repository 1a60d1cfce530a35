"""What all studies share: a journal, from which everything else follows."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from .. import __version__
from ..envs.core import InputError, shown
from ..envs.core.checks import MOST, integer
from ..envs.pools.status import Status
from .course import Course
from .journal import Event, Journal, first
from .progress import Progress
from .telling import check_change

FORMAT = 1
"""Format of the journals that this version writes."""


class KeptStudy(ABC):
    """A campaign of your own: what to measure next, and what has been found.

    Everything follows from the journal. Whatever is asked or told is on the disk before a method
    returns; a study that was killed goes on where it was, with the choices that it would have made.

    Args:
        journal: The journal, which has its first event.
    """

    kind: ClassVar[str]
    most: ClassVar[int] = MOST
    """The largest budget."""
    _stand: Progress | Course
    """What follows from the events that were taken in."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.start = first(journal.events, journal.path, FORMAT)
        """The first event: what the study is."""
        if self.start.get("kind") != self.kind:
            raise InputError(
                f"{journal.path} is the journal of a study of a {shown(self.start.get('kind'))}, not of "
                f"a {self.kind}; name another journal."
            )
        self._taken = 0  # events

    @property
    def other_version(self) -> tuple[str, ...]:
        """A note, if another version of this package has begun the study."""
        version = self.start.get("version")
        if version == __version__:
            return ()
        note = f"this study was begun by version {shown(version)}, and this is {__version__}"
        return (f"{note}: its next choices may be others",)

    @property
    def budget(self) -> int:
        """The number of labels, or of experiments, which may be set anew."""
        return self._stand.budget

    @budget.setter
    def budget(self, number: int) -> None:
        number = integer("budget", number, low=1, high=self.most)
        with self.journal.writing():
            self._follow()
            if number != self.budget:
                self._write({"do": "budget", "budget": number})

    @property
    def spent(self) -> int:
        """The number of those that have come, are in flight, or failed to come."""
        return self._stand.spent

    @property
    def left(self) -> int:
        """The number of those that may still be asked for."""
        return max(self.budget - self.spent, 0)

    def withdraw(self, name: str) -> None:
        """Take an item or an experiment out, by its id: its data do not count until `retry`."""
        self._change("withdraw", name)

    def retry(self, name: str) -> None:
        """Let what failed, or was withdrawn, be chosen again; an experiment is in flight again."""
        self._change("retry", name)

    def check(self, do: str, name: str) -> None:
        """Refuse what `withdraw` or `retry`, named by ``do``, would refuse."""
        check_change(do, name, self._state(name))

    def _change(self, do: str, name: str) -> None:
        with self.journal.writing():
            self._follow()
            self.check(do, name)
            self._write({"do": do, "id": name})

    @abstractmethod
    def _state(self, name: Any) -> Status:
        """Return the status of an item or an experiment by its id."""

    def _take(self, event: Event) -> None:
        """Take in the next event."""
        self._stand.take(event)

    def _follow(self) -> None:
        """Take in the events that are new in the journal."""
        while self._taken < len(self.journal.events):
            with self._at_line(self._taken):
                self._take(self.journal.events[self._taken])
            self._taken += 1

    @contextlib.contextmanager
    def _at_line(self, number: int) -> Iterator[None]:
        """Turn what an event of the journal raises, by its number from 0, into words with its line."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"Line {number + 1} of {self.journal.path} is no event of this study; was it written by "
                "another version?"
            ) from None

    def _write(self, event: Event) -> None:
        """Write an event and take it in. Only inside `Journal.writing`."""
        self.journal.append(event)
        self._follow()


def start_of(kind: str, **fields: Any) -> Event:
    """Return the first event of a study."""
    return {"do": "start", "kind": kind, "format": FORMAT, "version": __version__, **fields}


def agree(name: str, given: Any, stored: Any, remedy: str = "") -> None:
    """Refuse an option that is given and contradicts the journal.

    Args:
        name: What it is called.
        given: What is given; None: nothing.
        stored: What the study began with.
        remedy: What to do instead, besides leaving it out.
    """
    if given is not None and given != stored:
        remedy = remedy or "name another journal to begin another study"
        raise InputError(
            f"The study has {name}={shown(stored)}, and {name}={shown(given)} is given: leave it out to "
            f"go on, or {remedy}."
        )
