"""The one error a user's input can cause."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """A value handed in by the user is not allowed.

    The message names the offender, its value, what is allowed and what to do next. The command
    line prints it and leaves with exit status 2; anything else that is raised is a defect of ours.
    """


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``"."``."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else "."


def told(thing: Any, most: int | None = 500) -> str:
    """Return something as one printable line, for a message or a table.

    Args:
        thing: Text, bytes or anything else, of any length and with any letters.
        most: Letters after which the middle is left out; None: nothing is.
    """
    try:
        text = thing.decode(errors="replace") if isinstance(thing, bytes) else str(thing)
    except Exception:  # an error may have a __str__ of its own
        return f"a {type(thing).__name__} without words"
    if most is not None and (cut := len(text) - most) > 0:
        text = f"{text[: most // 2]} [{cut:,} letters are left out] {text[-most // 2 :]}"
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class TruthUnknown(LookupError):
    """A model was asked for a truth that it does not have."""
