"""The reference pages: one per environment and per agent, generated from the docstrings.

``python -m discovery_gym.experiments.report.pages docs`` writes them; a test holds that the ones in the
repository are up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from ...agents.beliefs import BELIEFS
from ...agents.learned.shipped import ShippedAgent, shipped
from ...agents.making import PLAIN
from ...agents.rules import RULES
from ...envs.core import registered
from ..runs.files import write

HIDDEN = ("model", "env", "num_episodes", "seed")
"""Arguments that the text of an agent does not give."""


def pages() -> dict[str, str]:
    """Return the pages: path below the folder of documents -> Markdown."""
    out: dict[str, str] = {}
    entries: dict[str, tuple[str, str]] = {}
    for env_id in registered():
        spec = gym.spec(env_id)
        page: Any = gym.envs.registration.load_env_creator(str(spec.entry_point))
        out[f"environments/{spec.name}.md"] = f"# {env_id}\n\n{_text(page)}\n"
        entries[env_id] = (f"{spec.name}.md", _first(page))
    out["environments/README.md"] = _index("Environments", entries)
    kinds: dict[str, Mapping[str, type[Any]]] = {"agent": PLAIN, "rule": RULES, "belief": BELIEFS}
    entries = {}
    for kind, table in kinds.items():
        for name, cls in table.items():
            page = f"agents/{name}.md"
            if page not in out:
                head = f"# {name}\n\n`{name}` is {'an' if kind == 'agent' else 'a'} {kind}"
            else:  # `learned` is both
                head = f"{out[page]}\n## On pools\n\n`{name}` is also a {kind}"
            about = ""
            if kind == "belief":
                about = f"\n\n## About\n\n{inspect.getdoc(sys.modules[cls.__module__]) or ''}"
            elif cls is ShippedAgent:
                about = f"\n\n{_shipped()}"
            out[page] = f"{head}: `{name}{_settings(cls)}`.\n\n{_text(cls)}{about}\n"
            entries[f"{name} ({kind})"] = (f"{name}.md", _first(cls))
    out["agents/README.md"] = _index("Agents, rules and beliefs", entries)
    return out


def _shipped() -> str:
    """Return where the policies of the package come from, as Markdown."""
    out = ["The policies, each with the curve of its training:"]
    for name, policy in shipped().items():
        about, file = policy.about, f"../../agents/learned/weights/{name}.csv"
        made = "".join(f", {key} {value}" for key, value in about.get("versions", {}).items())
        minutes = f"{about['cpu_seconds'] / 60:.1f} CPU minutes"
        out.append(f"[{name}]({file}), {minutes}{made}:\n\n```sh\n{about['command']}\n```")
    return "\n\n".join(out)


def _text(cls: type[Any]) -> str:
    """Return the docstring of a class, its arguments as a list."""
    head, _, arguments = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")
    items = re.sub(r"^    (\S+): ", r"- `\1`: ", arguments, flags=re.M)
    items = re.sub(r"^        ", "  ", items, flags=re.M)
    hidden = "|".join(HIDDEN)
    items = re.sub(rf"^- `(?:{hidden})`: .*\n?(?:  .*\n?)*", "", items, flags=re.M)
    return f"{head}\nSettings:\n\n{items}".strip() if items else head.strip()


def _first(cls: type[Any]) -> str:
    return _text(cls).splitlines()[0]


def _settings(cls: type[Any]) -> str:
    """Return the settings of an agent, rule or belief with their defaults, as in a call."""
    named = [
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in inspect.signature(cls).parameters.values()
        if p.name not in HIDDEN and p.kind is not p.VAR_KEYWORD
    ]
    return f"({', '.join(named)})" if named else ""


def _index(title: str, entries: dict[str, tuple[str, str]]) -> str:
    rows = [f"| [{name}]({file}) | {about} |" for name, (file, about) in entries.items()]
    return "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows, ""])


def main() -> None:
    """Write the pages into the folder named on the command line."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name, text in pages().items():
        write(folder / name, text)


if __name__ == "__main__":
    main()
