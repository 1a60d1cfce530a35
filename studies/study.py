"""What all studies share: a journal, from which everything else follows, and how a study is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .. import __version__
from ..envs.core import InputError, shown
from .journal import Event, Journal, first

if TYPE_CHECKING:
    from .design_study import DesignStudy
    from .pool_study import PoolStudy

FORMAT = 1
"""Format of the journals that this version writes."""


class Study(ABC):
    """A campaign of your own: what to measure next, and what has been found.

    Everything follows from the journal. Whatever is asked or told is on the disk before a method returns;
    a study that was killed goes on where it was, with the choices that it would have made.

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
                f"{journal.path} is the journal of a study of a {shown(self.start.get('kind'))}, not of a "
                f"{self.kind}; name another journal."
            )
        self._taken = 0  # events

    @abstractmethod
    def _take(self, event: Event) -> None:
        """Take in the next event."""

    def _follow(self) -> None:
        """Take in the events that are new in the journal."""
        while self._taken < len(self.journal.events):
            try:
                self._take(self.journal.events[self._taken])
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"Line {self._taken + 1} of {self.journal.path} is no event of this study; was it "
                    "written by another version?"
                ) from None
            self._taken += 1

    def _write(self, event: Event) -> None:
        """Write an event and take it in. Only inside `Journal.writing`."""
        self.journal.append(event)
        self._follow()

    # ---- which study

    @staticmethod
    def pool(source: Any, **options: Any) -> PoolStudy:
        """Begin a study of a pool, or go on with it; see `PoolStudy.begin`."""
        from .pool_study import PoolStudy  # it imports the agents, and with them SciPy

        return PoolStudy.begin(source, **options)

    @staticmethod
    def design(problem: Any, **options: Any) -> DesignStudy:
        """Begin a study of a design problem, or go on with it; see `DesignStudy.begin`."""
        from .design_study import DesignStudy  # as above

        return DesignStudy.begin(problem, **options)

    @staticmethod
    def open(journal: str | Path) -> PoolStudy | DesignStudy:
        """Go on with the study of a journal.

        Raises:
            InputError: There is no such journal, or what it is about is not there any more.
        """
        path = Path(journal)
        if not path.exists():
            raise InputError(f"There is no journal {path}; begin a study by ask, or by Study.pool.")
        found = Journal(path)
        kind = first(found.events, path, FORMAT).get("kind")
        if kind == "pool":
            from .pool_study import PoolStudy

            return PoolStudy(found)
        if kind == "design":
            from .design_study import DesignStudy

            return DesignStudy(found)
        raise InputError(f"{path} is the journal of a {shown(kind)}, which this version does not know.")


def start_of(kind: str, **fields: Any) -> Event:
    """Return the first event of a study."""
    return {"do": "start", "kind": kind, "format": FORMAT, "version": __version__, **fields}


def agree(name: str, given: Any, stored: Any, remedy: str = "name another journal") -> None:
    """Refuse an option that is given and contradicts the journal.

    Args:
        name: What it is called.
        given: What is given; None: nothing.
        stored: What the study began with.
        remedy: What to do instead.
    """
    if given is not None and given != stored:
        raise InputError(
            f"The study began with {name}={shown(stored)}, and now {name}={shown(given)} is given: leave "
            f"it out to go on, or {remedy} to begin another study."
        )
