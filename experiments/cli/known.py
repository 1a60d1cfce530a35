"""What has a name, from a file beside this one: nothing is imported to list it, or to complete it.

`docs/pages.py` writes the file from the registries, and a test holds it to them.
"""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any


@cache
def known() -> dict[str, dict[str, Any]]:
    """Return environments, agents and suites by their names, each with what `list` says of it."""
    text = Path(__file__).with_name("names.json").read_text("utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def typed(*words: object) -> str:
    """Return a command as it is typed."""
    return shlex.join(["discovery-gym", *map(str, words)])


def short(env_id: str) -> str:
    """Return how an environment of this package may be called for short."""
    return env_id.removeprefix("discovery/").rpartition("-v")[0] or env_id


def environments() -> list[str]:
    """Return the short names of the environments of this package."""
    return [short(env_id) for env_id in known()["environments"]]


def agents() -> list[str]:
    """Return the names of the agents of this package."""
    return [name for name, one in known()["agents"].items() if one["kind"] != "belief"]
