"""The one error a user's input can cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """A value handed in by the user is not allowed.

    The message names the offender, its value, what is allowed and what to do next. The command
    line prints it and leaves with exit status 2; anything else that is raised is a defect of ours.
    """


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``"."``."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else "."


class TruthUnknown(LookupError):
    """A model was asked for a truth that it does not have."""
