"""What the command line lists: the pages of commands, suites and data sets, and all names.

It knows the names without importing what they stand for: `list` and completion must not wait.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import typer

from discovery_gym.agents import available
from discovery_gym.agents.beliefs import BELIEFS
from discovery_gym.agents.making import LEARNED, PLAIN, learned
from discovery_gym.agents.rules import RULES
from discovery_gym.envs import datasets
from discovery_gym.envs.core import resolve
from discovery_gym.envs.datasets.catalogue import Source
from discovery_gym.experiments import training
from discovery_gym.experiments.cli import app
from discovery_gym.experiments.cli.correcting import EXAMPLES
from discovery_gym.experiments.cli.known import short
from discovery_gym.experiments.runs.metrics import METRICS
from discovery_gym.experiments.suites.catalogue import SUITES
from discovery_gym.experiments.suites.task import Suite

KINDS: dict[str, Mapping[str, Any]] = {
    "agent": {**PLAIN, LEARNED: learned},
    "rule": RULES,
    "belief": BELIEFS,
}
"""What an agent is made of, by kind and name."""


def pages() -> dict[str, str]:
    """Return the pages: path below the folder of documents -> Markdown."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    out: dict[str, str] = {}
    kinds: list[tuple[str, Any, Callable[..., str], Callable[[Any], str]]] = [
        ("Commands", commands, _command, lambda one: one.help.splitlines()[0]),
        ("Suites", SUITES, _suite, _about),
        ("Data sets", datasets.catalogue(), _data_set, lambda one: one.about),
    ]
    for title, things, page, about in kinds:
        folder = title.lower().replace(" ", "_")
        out |= {f"{folder}/{name}.md": page(name, one) for name, one in things.items()}
        rows = [(link(name), about(one)) for name, one in things.items()]
        out[f"{folder}/README.md"] = f"# {title}\n\n{table(rows)}\n"
    return out


def link(name: str, place: str = "") -> str:
    """Return a link to the page of a thing, in its folder."""
    return f"[{name}]({place}{name}.md)"


def table(rows: Iterable[Sequence[str]], head: str = "| | |") -> str:
    """Return a table in Markdown."""
    line = "|---" * (head.count("|") - 1) + "|"
    return "\n".join([head, line, *(f"| {' | '.join(cells)} |" for cells in rows)])


def _command(name: str, command: Any) -> str:
    """Return what ``--help`` says of a command."""
    text = inspect.cleandoc(command.help or "").replace("\f", "")
    given = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    needed = [f"{one.opts[0]} {one.name.upper()}" for one in options if one.required]
    usage = " ".join([name, *map(_metavar, given), *needed])
    parts = [f"# {name}", text, f"```sh\ndiscovery-gym {usage}\n{EXAMPLES[name]}\n```"]
    for title, those in (("Arguments", given), ("Options", options)):
        if those:
            parts.append(f"## {title}\n\n{table(map(_cells, those))}")
    return "\n\n".join(parts) + "\n"


def _metavar(one: Any) -> str:
    text = one.name.upper() + ("..." if one.nargs == -1 else "")
    return text if one.required else f"[{text}]"


def _cells(one: Any) -> tuple[str, str]:
    """Return what a table says of an argument or option: its names, what it is, its default."""
    names = [one.name] if one.param_type_name == "argument" else [*one.opts, *one.secondary_opts]
    plain = one.default in (None, "", ()) or isinstance(one.default, bool)
    text = f"{one.help or ''}{'' if plain else f' ({one.default})'}"
    return ", ".join(f"`{name}`" for name in names), text.replace("|", "\\|").replace("\n", " ")


def _suite(name: str, suite: Suite) -> str:
    """Return the tasks of a suite, and who plays them."""
    rows = []
    for task in suite.tasks:
        env = link(short(resolve(task.env_id)), "../environments/")
        rows.append((task.name, env, ", ".join(task.agents)))
    return (
        f"# {name}\n\n{_about(suite)} Version {suite.version}.\n\n"
        f"```sh\ndiscovery-gym run {name} --out results\n```\n\n"
        f"{table(rows, '| task | environment | agents |')}\n"
    )


def _about(suite: Suite) -> str:
    return f"{suite.about[:1].upper()}{suite.about[1:]}."


def _data_set(name: str, source: Source) -> str:
    """Return what a named table is, and whose."""
    label = f"{source.unit}; columns that begin with `{source.targets}`"
    needs = "nothing: it comes with an installed package"
    if source.file:
        needs = f"the file `{source.file}`"
    rows = (
        ("source", source.origin),
        ("licence", source.licence),
        ("label", label),
        ("needs", needs),
    )
    return (
        f"# {name}\n\n{source.about}.\n\n"
        f'```py\nenv = gym.make("discovery/TablePool-v0", dataset="{name}")\n```\n\n'
        f"{table(rows)}\n\n"
        "A file is found in the folder that the environment variable `DISCOVERY_GYM_DATA` names. "
        "[How a table is read](../guide.md#a-table-of-your-own).\n"
    )


def names(models: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Return the names as JSON.

    Args:
        models: The models of the environments with their defaults, by id.
        told: What each lets an agent decide, and the truth that it knows, by the environment's name.
    """
    found: dict[str, dict[str, Any]] = {
        "environments": {
            env_id: {
                "about": first(type(model)),
                **{key: told[gym.spec(env_id).name][key] for key in ("decision", "truth")},
                "agents": available(model),
                "beliefs": list(model.beliefs),
            }
            for env_id, model in models.items()
        },
        "agents": {
            name: {"kind": kind, "about": first(cls)}
            for kind, known in KINDS.items()
            for name, cls in known.items()
        },
        "suites": {
            suite.name: {
                "about": suite.about,
                "version": suite.version,
                "tasks": len(suite.tasks),
                "runs": sum(len(task.agents) for task in suite.tasks),
                "episodes": suite.episodes,
            }
            for suite in SUITES.values()
        },
    }
    found["algorithms"] = {name: training.settings(name) for name in training.ALGORITHMS}
    found["metrics"] = {name: first(metric) for name, metric in METRICS.items()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def first(thing: Any) -> str:
    """Return the first line of a docstring."""
    return (thing.__doc__ or "").strip().splitlines()[0]
