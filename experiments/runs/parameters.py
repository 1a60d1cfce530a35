"""Parameters from words of the command line."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Sequence
from typing import Any

from ...envs.core import InputError, shown

MOST_LETTERS = 10_000
"""Letters of a value in Python's own form, which is read as a whole."""


def parameters(
    text: str, settings: Sequence[str], option: str = "--set", example: str = "horizon=50"
) -> dict[str, Any]:
    """Return parameters from JSON and from ``name=value`` texts."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # nested too deep, or a number of too many digits
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"--kwargs must be a JSON object such as '{{\"horizon\": 50}}', got {shown(text)}."
        )
    given: set[str] = set()
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not (name and equals):
            raise InputError(
                f"{option} must be name=value, such as {example}, got {shown(setting)}."
            )
        if name in given:
            raise InputError(
                f'{option} {name}= is given twice; give a list once, such as {name}=\'["a", "b"]\'.'
            )
        given.add(name)
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """Return a value written as JSON or as in Python; what is neither is a word, without quotes."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # too deep, or too many digits
        pass
    if text in ("True", "False", "None") or text[:1] in set("([{'\"+-.0123456789"):
        with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return json.loads(json.dumps(ast.literal_eval(text[:MOST_LETTERS])))
    return text
