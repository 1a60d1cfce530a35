"""The page of a model: its docstring, joined with those of its families.

A docstring is a summary and sections under the headings of Gymnasium's pages. A section of a class
replaces that of its family, as a method would. Sections may be lists with entries such as
"- `delay`: number of steps". Then an entry replaces the family's entry of the same name, new entries
come first, and the family's words above the list stay if the class has none there. The defaults of
the arguments are filled in.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any, TypeAlias

Words: TypeAlias = Mapping[str, str]
"""Sections by their headings; what stands above all headings has the heading ""."""

HEADINGS = (
    "Description", "Action space", "Observation space", "Rewards", "Starting state", "Episode end",
    "Information", "Arguments", "Vectorized environment", "Version history", "References",
)  # fmt: skip

COMMON: Words = {
    "Vectorized environment": "Native: `gym.make_vec(id, num_envs=64)` steps 64 episodes at once.",
    "Version history": "- v0: first version.",
}
"""What holds for every model that says nothing else."""

NAME = r"`(\w+)`( \([^`]*?\))?"
NAMES = re.compile(rf"- {NAME}(,\s+{NAME})*")
"""The names at the start of an entry, each perhaps with its default."""


def words(docstring: str | None, family: Words) -> Words:
    """Return the sections of a class: those of its docstring over those of its family."""
    head, *rest = re.split(r"^## (.+)\n", inspect.cleandoc(docstring or ""), flags=re.M)
    own = {heading: text.strip() for heading, text in zip(rest[::2], rest[1::2], strict=True)}
    for heading in own.keys() & family.keys():
        own[heading] = _merged(own[heading], family[heading])
    return {**family, **own, "": head.strip() or family.get("", "")}


def page(sections: Words, cls: type) -> str:
    """Return the page of a class: its sections in Gymnasium's order."""
    parts = [sections[""]]
    for heading in dict.fromkeys([*HEADINGS, *sections]):
        if heading and heading in sections:
            text = sections[heading]
            if heading == "Arguments":
                text = "\n".join(_with_defaults(part, cls) for part in _parts(text)).lstrip()
            parts.append(f"## {heading}\n{text}")
    return "\n\n".join(parts)


def entries(text: str) -> list[tuple[list[str], str]]:
    """Return the entries of a list in a section: the names of each, and what it says of them."""
    found = ((NAMES.match(part), part) for part in _parts(text))
    return [(_told(start[0]), part[start.end() :].lstrip(": ")) for start, part in found if start]


def _told(start: str) -> list[str]:
    return [name for name, _ in re.findall(NAME, start)]


def _parts(text: str) -> list[str]:
    """Return what stands above a list, which may be nothing, and the entries of the list."""
    return [part.rstrip() for part in re.split(r"^(?=- `)", text, flags=re.M)]


def _names(entry: str) -> set[str]:
    start = NAMES.match(entry)
    return set(_told(start[0])) if start else set()


def _merged(own: str, family: str) -> str:
    """Return a section of a class over the same section of its family."""
    above, *entries = _parts(own)
    family_above, *others = _parts(family)
    new = dict.fromkeys(entries)
    for i, other in enumerate(others):
        for entry in entries:
            if _names(entry) & _names(other):
                others[i] = entry
                new.pop(entry, None)
    return "\n".join(filter(None, [above or family_above, *new, *dict.fromkeys(others)]))


def _with_defaults(entry: str, cls: type) -> str:
    """Return the entry of some arguments with those defaults that it does not tell."""

    def told(match: re.Match[str]) -> str:
        default = getattr(cls, match[1], None)
        if match[2] or not hasattr(cls, match[1]) or isinstance(default, Field | property):
            return match[0]
        return f"{match[0]} {_shown(default)}"

    start = NAMES.match(entry)
    return entry if start is None else re.sub(NAME, told, start[0]) + entry[start.end() :]


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return repr(default)
    return f'("{default}")' if isinstance(default, str) else f"({default!r})"
