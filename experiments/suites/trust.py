"""What a suite's file names of others' code: read from its texts, so that a reader can decide.

Agents named ``module:Name`` or ``./file.py:Name``, files of stable-baselines3, environments that are not
of this package, and simulators. Nothing is imported; `--trust` is the word that lets it run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ...agents.making import files as files_of
from ...agents.making import references
from ...envs.core import InputError, shown, told
from ..runs.fingerprints import source
from .files import SB3
from .task import Suite, Task


def code(suite: Suite) -> dict[str, str]:
    """Return what would run: each reference, and where it leads."""
    return {what: where for task in suite.tasks for what, where in _of_task(task)}


def check(suite: Suite, trusted: bool) -> list[str]:
    """Return, in words, what will run.

    Raises:
        InputError: If that is anything, and it is not trusted.
    """
    lines = [f"{told(what, 300)} ({where})" for what, where in code(suite).items()]
    if not lines or trusted:
        return [f"--trust lets this run: {line}" for line in lines]
    raise InputError(
        f"{suite.file or suite.name} names code of others, which would run with all your rights: "
        f"{'; '.join(lines)}. Read it; if you trust it, add --trust."
    )


def _of_task(task: Task) -> Iterator[tuple[str, str]]:
    texts = {*task.agents.values(), *(text for some in task.search.values() for text in some)}
    for text in sorted(texts):
        for reference in references(text):
            if reference == SB3:
                (path,) = files_of(text)
                yield str(path), "of stable-baselines3: a pickle, which can do anything when opened"
            else:
                yield reference, _place(reference)
    if not task.env_id.startswith("discovery/"):
        yield task.env_id, _place(task.env_id) if ":" in task.env_id else "of another package"
    for kwargs in (task.env_kwargs, *task.tuned_on):
        yield from of_parameters(kwargs)


def of_parameters(kwargs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the parameters of an environment name that would run, or be written into."""
    if "simulator" in kwargs:
        yield shown(kwargs["simulator"]), "a simulator: a program or a function"
    if "cache" in kwargs:
        yield shown(kwargs["cache"]), "a folder that a simulator writes into"
    for name in ("summarise", "price"):
        if isinstance(kwargs.get(name), str):
            yield shown(kwargs[name]), f"a function, {name} of a simulator"


def _place(reference: str) -> str:
    found = source(reference)
    if found is None:
        own = reference.split(":")[0].split(".")[0] in sys.stdlib_module_names
        return "of Python itself" if own else "found nowhere"
    return str(found.resolve())
