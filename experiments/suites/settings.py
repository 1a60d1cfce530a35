"""The tuned settings that the package brings: ``tuned/SUITE.json``, which `tuning` has found."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any

from ...envs.core import InputError, shown, told
from .task import Task


@lru_cache
def tuned(name: str) -> dict[str, Any]:
    """Return the tuned settings of a suite that the package brings; there may be none.

    A file that `discovery-gym tune` does not write so raises `InputError`.
    """
    file = resources.files(__package__) / "tuned" / f"{name}.json"
    if not file.is_file():
        return {"tasks": {}}
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        entries = [one for agents in settings["tasks"].values() for one in agents.values()]
        if not all(isinstance(entry["agent"], str | None) for entry in entries):
            raise TypeError("an agent is a text")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file} is not what `discovery-gym tune {name}` writes ({type(error).__name__}: "
            f"{told(error)}); run that again."
        ) from None
    return settings


def with_tuned(name: str, version: int, task: Task) -> Task:
    """Return a task with the chosen candidate of each agent, or the first if none was chosen.

    What was tuned for another version of the suite is not taken: it may have seen other problems.
    """
    settings = tuned(name)
    chosen = settings["tasks"].get(task.name, {}) if settings.get("version") == version else {}
    best = {
        agent: chosen.get(agent, {}).get("agent") or texts[0]
        for agent, texts in task.search.items()
    }
    for agent, text in best.items():
        if text not in task.search[agent]:
            raise InputError(
                f"tuned/{name}.json has {shown(text)} for {agent} on {task.name}, which is no "
                f"candidate; write the file again by `discovery-gym tune {name}`."
            )
    return replace(task, agents={**task.agents, **best})
