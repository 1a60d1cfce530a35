"""The pages of what the command line lists: commands, suites, data sets."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

from discovery_gym.envs import datasets
from discovery_gym.envs.core import resolve
from discovery_gym.envs.datasets.catalogue import Source
from discovery_gym.experiments.cli import app
from discovery_gym.experiments.cli.correcting import EXAMPLES
from discovery_gym.experiments.suites.catalogue import SUITES
from discovery_gym.experiments.suites.task import Suite


def pages() -> dict[str, str]:
    """Return the pages: path below the folder of documents -> Markdown."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    out = _folder("commands", "Commands", commands, _command, lambda one: one.help.splitlines()[0])
    out |= _folder(
        "suites", "Suites", SUITES, _suite, lambda one: f"{one.about[:1].upper()}{one.about[1:]}."
    )
    return out | _folder(
        "data_sets", "Data sets", datasets.catalogue(), _data_set, lambda one: one.about
    )


def _folder(
    folder: str, title: str, things: Any, page: Callable[..., str], about: Callable[[Any], str]
) -> dict[str, str]:
    """Return a page for each thing, and one that lists them."""
    out = {f"{folder}/{name}.md": page(name, one) for name, one in things.items()}
    rows = [f"| [{name}]({name}.md) | {about(one)} |" for name, one in things.items()]
    out[f"{folder}/README.md"] = "\n".join([f"# {title}", "", "| | |", "|---|---|", *rows, ""])
    return out


def _command(name: str, command: Any) -> str:
    """Return what ``--help`` says of a command."""
    text = inspect.cleandoc(command.help or "").replace("\f", "")
    given = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    needed = [f"{one.opts[0]} {one.name.upper()}" for one in options if one.required]
    usage = " ".join([name, *map(_metavar, given), *needed])
    parts = [f"# {name}", text, f"```sh\ndiscovery-gym {usage}\n{EXAMPLES[name]}\n```"]
    for title, table in (("Arguments", given), ("Options", options)):
        if table:
            parts.append("\n".join([f"## {title}", "", "| | |", "|---|---|", *map(_row, table)]))
    return "\n\n".join(parts) + "\n"


def _metavar(one: Any) -> str:
    text = one.name.upper() + ("..." if one.nargs == -1 else "")
    return text if one.required else f"[{text}]"


def _row(one: Any) -> str:
    """Return a row of an argument or option: its names, what it is, its default."""
    names = [one.name] if one.param_type_name == "argument" else [*one.opts, *one.secondary_opts]
    default = (
        ""
        if one.default in (None, "", ()) or isinstance(one.default, bool)
        else f" ({one.default})"
    )
    text = f"{one.help or ''}{default}".replace("|", "\\|").replace("\n", " ")
    return f"| {', '.join(f'`{name}`' for name in names)} | {text} |"


def _suite(name: str, suite: Suite) -> str:
    """Return the tasks of a suite, and who plays them."""
    head = f"# {name}\n\n{suite.about[:1].upper()}{suite.about[1:]}. Version {suite.version}."
    run = f"```sh\ndiscovery-gym run {name} --out results\n```"
    lines = ["| task | environment | agents |", "|---|---|---|"]
    for task in suite.tasks:
        env = resolve(task.env_id).removeprefix("discovery/").removesuffix("-v0")
        lines.append(
            f"| {task.name} | [{env}](../environments/{env}.md) | {', '.join(task.agents)} |"
        )
    return "\n\n".join([head, run, "\n".join(lines)]) + "\n"


def _data_set(name: str, source: Source) -> str:
    """Return what a named table is, and whose."""
    found = (
        f"the file `{source.file}`"
        if source.file
        else "nothing: it comes with an installed package"
    )
    return (
        f"# {name}\n\n{source.about}.\n\n"
        f'```py\nenv = gym.make("discovery/TablePool-v0", dataset="{name}")\n```\n\n'
        f"| | |\n|---|---|\n| source | {source.origin} |\n| licence | {source.licence} |\n"
        f"| label | {source.unit}; columns that begin with `{source.targets}` |\n| needs | {found} |\n\n"
        "A file is found in the folder that the environment variable `DISCOVERY_GYM_DATA` names. "
        "[How a table is read](../guide.md#a-table-of-your-own).\n"
    )
