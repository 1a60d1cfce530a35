"""Where an item stands: in a study, and in a pool whose labels come out of order or never."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What has happened to an item: one state at a time."""

    FREE = 0
    """Not asked yet: it may be chosen."""
    FLYING = 1
    """In flight: it was asked, and its label is still to come."""
    HERE = 2
    """It has a label, or several."""
    FAILED = 3
    """Its experiment gave no label, and never will."""
    WITHDRAWN = 4
    """It was taken out: it has no label that counts, and is not chosen. In studies only."""

    @property
    def word(self) -> str:
        """The state in words."""
        return ("not asked", "in flight", "here", "failed", "withdrawn")[self]
