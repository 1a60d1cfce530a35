"""The one error a user's input can cause."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """A value handed in by the user is not allowed.

    The message names the offender, its value, what is allowed and what to do next. The command
    line prints it and leaves with exit status 2; anything else that is raised is a defect of ours.
    """


class UnknownParameter(InputError, TypeError):
    """A keyword argument that does not exist.

    Python raises a `TypeError` for it, and libraries that try a keyword first, as TorchRL does with
    ``frameskip``, wait for one.
    """


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: Any) -> str:
    """Return ``repr(value)`` as one line of a sensible length, whatever the value is."""
    try:
        text = " ".join(_short.repr(value).split())
    except Exception:  # such as an integer of more digits than Python prints
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``"."``."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else "."


class TruthUnknown(LookupError):
    """A model was asked for a truth that it does not have."""
