"""Write the reference pages, one per environment and per agent, from the docstrings.

python docs/pages.py
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from discovery_gym.agents.beliefs import BELIEFS
from discovery_gym.agents.learned.policy import PolicyAgent, shipped
from discovery_gym.agents.making import LEARNED, PLAIN, learned
from discovery_gym.agents.rules import RULES
from discovery_gym.envs.core import registered
from discovery_gym.envs.core.files import write
from discovery_gym.studies.schema import schema

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
    agents = {**PLAIN, LEARNED: learned}
    kinds: dict[str, Mapping[str, Any]] = {"agent": agents, "rule": RULES, "belief": BELIEFS}
    entries = {}
    for kind, table in kinds.items():
        for name, cls in table.items():
            head = f"# {name}\n\n`{name}` is {'an' if kind == 'agent' else 'a'} {kind}"
            about = ""
            if kind == "belief":
                about = f"\n\n## About\n\n{inspect.getdoc(sys.modules[cls.__module__]) or ''}"
            elif cls is PolicyAgent:
                about = f"\n\n{_shipped()}"
            out[f"agents/{name}.md"] = f"{head}: `{name}{_settings(cls)}`.\n\n{_text(cls)}{about}\n"
            entries[f"{name} ({kind})"] = (f"{name}.md", _first(cls))
    out["agents/README.md"] = _index("Agents, rules and beliefs", entries)
    out["own/design/problem.schema.json"] = schema()
    return out


def _shipped() -> str:
    """Return where the policies of the package come from, as Markdown."""
    out = ["The policies, each with the curve of its training:"]
    for name, policy in shipped().items():
        about, file = policy.about, f"../../agents/learned/weights/{name}.csv"
        made = "".join(f", {key} {value}" for key, value in about.get("versions", {}).items())
        minutes = f"{about['cpu_seconds'] / 60:.1f} CPU minutes"
        command = command_of_today(about["command"])
        out.append(f"[{name}]({file}), {minutes}{made}:\n\n```sh\n{command}\n```")
    out.append(
        "The heads of the files name the commands as they were. What version 0.1.0 trained by "
        "`python -m discovery_gym.experiments.training_designs ENV FOLDER --name value` is trained "
        "today by `discovery-gym train ENV --out FOLDER --algo dad --hyper name=value`."
    )
    return "\n\n".join(out)


def command_of_today(command: str) -> str:
    """Return the command that trains what a command of version 0.1.0 trained."""
    if found := re.match(r"python -m discovery_gym\.\S+\.training_designs (\S+) FOLDER", command):
        options = command[found.end() :].replace(" --horizon 0", "")  # that of the environment
        options = re.sub(r"--(?!seed|episodes)(\w+) (\S+)", r"--hyper \1=\2", options)
        return f"discovery-gym train {found[1]} --out FOLDER --algo dad{options}"
    return command


def _text(cls: Any) -> str:
    """Return the docstring of a class, its arguments as a list."""
    head, _, arguments = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")
    items = re.sub(r"^    (\S+): ", r"- `\1`: ", arguments, flags=re.M)
    items = re.sub(r"^        ", "  ", items, flags=re.M)
    hidden = "|".join(HIDDEN)
    items = re.sub(rf"^- `(?:{hidden})`: .*\n?(?:  .*\n?)*", "", items, flags=re.M)
    return f"{head}\nSettings:\n\n{items}".strip() if items else head.strip()


def _first(cls: Any) -> str:
    return _text(cls).splitlines()[0]


def _settings(cls: Any) -> str:
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
    """Write the pages beside this file."""
    for name, text in pages().items():
        write(Path(__file__).parent / name, text)


if __name__ == "__main__":
    main()
