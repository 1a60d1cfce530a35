"""The one error a user's input can cause."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

SHOWN = 80
"""Characters of a value that a message shows."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = SHOWN


class InputError(ValueError):
    """A value handed in by the user is not allowed.

    The message names the offender, its value, what is allowed and what to do next. The command
    line prints it and leaves with exit status 2; anything else that is raised is a defect of ours.
    """


def shown(value: Any) -> str:
    """Return a value as a message shows it: in one line and cut short, whatever it is."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # whatever showing it raises
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``"."``."""
    match = difflib.get_close_matches(name[:SHOWN], list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else "."


class TruthUnknown(LookupError):
    """A model was asked for a truth that it does not have."""


class UnknownParameter(InputError, TypeError):
    """A keyword argument that does not exist.

    Python raises a `TypeError` for it, and libraries that try a keyword first, as TorchRL does with
    ``frameskip``, wait for one.
    """
