"""Where the page may point to: our documents and sources where they lie beside it, and https.

Nothing else becomes a link, whatever a record or an entry says.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...agents.beliefs import BELIEFS
from ...agents.making import LEARNED, PLAIN, learned
from ...agents.rules import RULES
from ...agents.texts import Described, parse
from ...envs.core import InputError

ROOT = Path(__file__).parents[2]
NAMED: dict[str, Any] = {**PLAIN, **RULES, **BELIEFS, LEARNED: learned}
"""What the text of an agent may name of ours."""
ABOVE = 3
"""Folders above the page in which ``docs`` is looked for."""
_HTTPS = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?(?:[/?#][!-~]*)?")


def https(text: Any) -> str | None:
    """Return an address that may be a link: https, a plain host, printable ASCII; else ``None``."""
    return text if isinstance(text, str) and _HTTPS.fullmatch(text) else None


@dataclass(frozen=True)
class Links:
    """Links of a page.

    Args:
        folder: Where the page lies.
    """

    folder: Path

    def to(self, path: str) -> str | None:
        """Return the link to a file of the repository such as ``docs/agents/ids.md``.

        It is relative if the file lies beside the page or above it, else https if the package says
        where it is at home, else ``None``.
        """
        if self.up is not None and (self.folder / self.up / path).is_file():
            return f"{self.up}{path}"
        return None if _home() is None else f"{_home()}/blob/main/{path}"

    @cached_property
    def up(self) -> str | None:
        """How many folders above the page our documents lie, as ``"../"``; ``None``: nowhere."""
        ways = ("../" * count for count in range(ABOVE + 1))
        return next(
            (up for up in ways if (self.folder / up / "docs/agents/ids.md").is_file()), None
        )

    def environment(self, env_id: str) -> str | None:
        """Return the link to the page of an environment; ``None`` where there is none."""
        name = env_id.rpartition("/")[2].rpartition("-v")[0]
        path = f"docs/environments/{name}.md"
        return self.to(path) if env_id.startswith("discovery/") and name.isidentifier() else None

    def agent(self, text: str) -> list[dict[str, str | None]]:
        """Return what of ours the text of an agent names: name, page, and source file with link."""
        sources = {name: source_of(NAMED[name]) for name in _names(text)}
        return [
            {
                "name": name,
                "page": self.to(f"docs/agents/{name}.md"),
                "source": source,
                "code": None if source is None else self.to(source),
            }
            for name, source in sources.items()
        ]


def source_of(thing: Any) -> str | None:
    """Return the file, below the root of the package, that a class or function of ours stands in."""
    try:
        file = Path(inspect.getfile(thing))
        return file.relative_to(ROOT).as_posix()
    except (TypeError, ValueError, OSError):
        return None


def _names(text: str) -> list[str]:
    """Return the names of ours in the text of an agent, the agent's own first."""
    try:
        asked = parse(text)
    except InputError:
        return []
    return [name for name in (asked.name, *_inner(asked)) if name in NAMED]


def _inner(asked: Described) -> list[str]:
    found = []
    for value in asked.settings.values():
        if isinstance(value, Described):
            found += [value.name, *_inner(value)]
        elif isinstance(value, str):
            found.append(value)
    return found


def _home() -> str | None:
    """Return the address of the repository, as the installed package says."""
    try:
        urls = importlib.metadata.metadata("discovery-gym").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = dict(line.split(", ", 1) for line in map(str, urls) if ", " in line)
    return https(found.get("Repository", "").rstrip(os.sep))
