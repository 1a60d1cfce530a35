"""The one error a user's input can cause."""

from __future__ import annotations

import difflib
import reprlib
import unicodedata
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
    """Return a value as a message shows it: in one line, cut short."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # its repr may raise anything
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def closest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``"."``."""
    match = difflib.get_close_matches(name[:SHOWN], list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else "."


def told(thing: Any, most: int | None = 500) -> str:
    """Return something as one printable line, for a message or a table.

    Args:
        thing: Text, bytes or anything else, of any length and with any letters.
        most: Number of letters beyond which the middle is left out; None keeps all.
    """
    try:
        text = thing.decode(errors="replace") if isinstance(thing, bytes) else str(thing)
    except Exception:  # an error may have a __str__ of its own
        return f"a {type(thing).__name__} without words"
    if most is not None and (cut := len(text) - most) > 0:
        text = f"{text[: most // 2]} [{cut:,} letters are left out] {text[-most // 2 :]}"
    return spelt(" ".join(text.split()))


def spelt(text: Any) -> str:
    """Return a text in one line, with unseen characters such as ESC escaped as Python does."""
    words = str(text)
    if words.isprintable():
        return words
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, what turns a line around, half letters
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in unseen else c for c in words)


class TruthUnknown(LookupError):
    """A model was asked for a truth that it does not have."""


class UnknownParameter(InputError, TypeError):
    """A keyword argument that does not exist.

    Python raises a `TypeError` for it, and libraries that try a keyword first, as TorchRL does with
    ``frameskip``, wait for one.
    """
