"""The tuned settings of a suite: a JSON file that `tuning` has written.

Those of a suite of the package lie in ``tuned/NAME.json``, those of a user's ``mine.toml`` beside it, in
``mine.tuned.json``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...envs.core import InputError, shown, told
from .task import Suite, Task

HERE = Path(__file__).parent
SHIPPED = HERE / "tuned"
MOST_BYTES = 2**22


def place(suite: Suite) -> Path | None:
    """Return where the tuned settings of a suite lie; ``None`` if it comes from no file."""
    if suite.file is None:
        return None
    if suite.file.parent == HERE:
        return SHIPPED / f"{suite.name}.json"
    return suite.file.with_suffix(".tuned.json")


def tuned(suite: Suite) -> dict[str, Any]:
    """Return the tuned settings of a suite; there may be none.

    A file that `discovery-gym tune` does not write so raises `InputError`.
    """
    file = place(suite)
    if file is None or not file.is_file():
        return {"tasks": {}}
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        settings = json.loads(file.read_text(encoding="utf-8"))
        entries = [one for agents in settings["tasks"].values() for one in agents.values()]
        if not all(isinstance(entry["agent"], str | None) for entry in entries):
            raise TypeError("an agent is a text")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file} is not what `{_command(suite)}` writes ({type(error).__name__}: "
            f"{told(error)}); run that again."
        ) from None
    return settings


def _command(suite: Suite) -> str:
    own = suite.file is not None and suite.file.parent != HERE
    return f"discovery-gym tune {suite.file if own else suite.name}"


def with_tuned(suite: Suite) -> Suite:
    """Return a suite with the chosen candidate of each agent, or the first if none was chosen.

    What was tuned for another version of the suite is not taken: it may have seen other problems.
    """
    if not any(task.search for task in suite.tasks):
        return suite
    settings = tuned(suite)
    entries = settings["tasks"] if settings.get("version") == suite.version else {}
    tasks = [_chosen(suite, task, entries.get(task.name, {})) for task in suite.tasks]
    return replace(suite, tasks=tuple(tasks))


def _chosen(suite: Suite, task: Task, entries: dict[str, Any]) -> Task:
    best = {
        agent: entries.get(agent, {}).get("agent") or texts[0]
        for agent, texts in task.search.items()
    }
    for agent, text in best.items():
        if text not in task.search[agent]:
            raise InputError(
                f"{place(suite)} has {shown(text)} for {agent} on {task.name}, which is no candidate; "
                f"write the file again by `{_command(suite)}`."
            )
    return replace(task, agents={**task.agents, **best})
