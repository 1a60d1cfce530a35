"""What all studies share: a journal, from which everything else follows."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from .. import __version__
from ..envs.core import InputError, shown
from .journal import Event, Journal, first

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

    @abstractmethod
    def _take(self, event: Event) -> None:
        """Take in the next event."""

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
