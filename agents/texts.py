"""The text of an agent: a name, or a call of a name with settings, some of which may be such calls.

A name is one of ours, a short one that somebody has registered, or a reference to code outside:
``module:Name`` or ``path/to/file.py:Name``. Texts are read as data; nothing in them is executed.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..envs.core import InputError, closest, shown

LONGEST = 1000
"""Characters of a text."""
FIRST = {"policy": "path", "sb3": "path"}
"""Settings that may be given without their name."""
GIVEN = ("model", "env", "num_episodes", "seed")
"""Arguments that a text does not give."""
_REFERENCE = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?:^|(?<=[=(,]))\s*(?P<name>(?:[^=(),'"\s][^=(),'"]*\.py|[^\W\d][\w.]*):[^\W\d]\w*)"""
)
"""A string, or a reference where a name may stand; a path has no brackets, commas, quotes or ``=``."""


class Described(NamedTuple):
    """What a text describes, or a setting that is a thing with settings of its own."""

    name: str
    settings: dict[str, Any]


def parse(text: Any, what: str = "an agent", example: str = "bayes_ucb(width=2)") -> Described:
    """Read ``name`` or ``name(setting=value, ...)``; a value may be such a call itself.

    Args:
        text: The text.
        what: What it describes, for the message.
        example: A text that is right, for the message.

    Raises:
        InputError: If it is anything else.
    """
    wrong = InputError(
        f"{shown(text)} does not describe {what}; write a name such as "
        f"{example.partition('(')[0]!r} or a name with settings such as {example!r}."
    )
    if not isinstance(text, str):
        raise wrong
    if len(text) > LONGEST:
        raise InputError(
            f"The text of {what} has at most {LONGEST} characters, {shown(text)} has {len(text)}."
        )
    names: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        """Return a name that Python can read for a reference, and keep what it stands for."""
        if match["string"]:
            return match["string"]
        names[name := f"outside_{len(names)}_"] = match["name"]
        return name

    try:
        tree = ast.parse(_REFERENCE.sub(hide, text.strip()), mode="eval").body
        parsed = _read(tree, names)
    except InputError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise wrong from None
    if isinstance(tree, ast.Name):
        return Described(parsed, {})
    if not isinstance(parsed, Described):
        raise wrong
    return parsed


def _read(node: ast.expr, names: dict[str, str]) -> Any:
    """Return the value of an expression; one that is no name, call or literal raises ValueError."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    if not isinstance(node.func, ast.Name) or len(node.args) > (node.func.id in FIRST):
        raise ValueError("a call of a name, with settings by name")
    name, settings = names.get(node.func.id, node.func.id), {}
    if node.args:
        settings[FIRST[name]] = _read(node.args[0], names)
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ValueError("no ** either")
        if keyword.arg in settings:
            raise InputError(f"{name} has {keyword.arg} twice; give it once.")
        settings[keyword.arg] = _read(keyword.value, names)
    return Described(name, settings)


def written(value: Any) -> str:
    """Return the text of an agent or of a setting."""
    if not isinstance(value, Described):
        return repr(value)
    first = FIRST.get(value.name)
    inside = [f"{'' if k == first else f'{k}='}{written(v)}" for k, v in value.settings.items()]
    return f"{value.name}({', '.join(inside)})" if inside else value.name


def strings(settings: Any) -> Iterator[str]:
    """Go through all strings among settings, however deep."""
    if isinstance(settings, str):
        yield settings
    elif isinstance(settings, Mapping | list | tuple):
        for part in settings.values() if isinstance(settings, Mapping) else settings:
            yield from strings(part)


def named(given: Any) -> Described:
    """Return what a setting describes; the name is empty if it is neither a name nor a call."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict):
        return Described(*given)
    return Described(given if isinstance(given, str) else "", {})


def check_settings(
    name: str, made: Callable[..., Any], settings: dict[str, Any], given: Sequence[str] = GIVEN
) -> None:
    """Refuse settings that what is made or called does not take, and settings without one it needs."""
    lacking = sorted(getattr(made, "__abstractmethods__", ()))
    if lacking:
        raise InputError(f"{name} lacks {', '.join(lacking)}; write it.")
    parameters = inspect.signature(made).parameters.values()
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    known = {
        p.name: p.default
        for p in parameters
        if p.name not in given and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    for setting in settings:
        if setting in given or (setting not in known and not any_name):
            raise InputError(
                f"{name} has no setting {shown(setting)}{closest(setting, known)} It takes: "
                f"{', '.join(known) or 'none'}."
            )
    for setting, default in known.items():
        if default is inspect.Parameter.empty and setting not in settings:
            raise InputError(f"{name} needs {setting}{_advice(name, setting, given)}")


def _advice(name: str, setting: str, given: Sequence[str]) -> str:
    """Return how to give what is lacking; some of it is no setting."""
    if setting not in GIVEN:
        return f"; give it: {name}({setting}=...)."
    return (
        f", which it is not given: besides settings it may take {' and '.join(given)}. Or write a "
        "function make(env, seed) that returns it."
    )
