"""Which runs an entry must hold: whole wings of a suite, each run as the suite plays it.

A wing is all tasks of a kind: campaigns, pools, tables or design. Whoever enters one plays all of it.
Tables are an open book, for anybody can read their labels: they count in no rank of an entry. A
simulator is somebody's program and is not run again: such tasks are outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

from ...envs.core import shown, told
from ..runs.spec import RunSpec
from ..suites.task import Suite, Task
from .card import Card
from .manifest import Refused

SIMULATORS = ("discovery/SimulatorDesign-v0",)
TABLE = "table"
"""The kind of tasks that are an open book."""
FREE = {"about", "name", "agent", "chunk"}
"""What a run of an entry may have of its own; how many episodes were played at once changes none."""


def can_enter(task: Task) -> bool:
    """Return whether an entry can play a task: one of ours, and no simulator."""
    return task.env_id.startswith("discovery/") and task.env_id not in SIMULATORS


def expected(suite: Suite, task: Task, spec: RunSpec) -> RunSpec:
    """Return the run that the suite plays on a task, with what a run of an entry may have of its own."""
    own = {name: getattr(spec, name) for name in FREE - {"about"} if hasattr(spec, name)}
    return replace(suite.run(task, "random", "random"), **own)


def check_runs(suite: Suite, card: Card, specs: Mapping[str, RunSpec]) -> dict[str, Task]:
    """Return the task of each run of an entry, in the order of the suite.

    Args:
        suite: The suite that was entered.
        card: The card of the entry.
        specs: The runs, by their files.

    Raises:
        Refused: The runs are not those of whole wings of this suite under the name of the card.
    """
    _check_name(suite, card)
    tasks = {task.name: task for task in suite.tasks if can_enter(task)}
    flaws, found = [], dict[str, str]()
    for path, spec in specs.items():
        flaw = _flaw(suite, card, tasks, spec)
        if flaw is None and spec.task in found:
            flaw = f"its run is that of {found[spec.task]} too"
        if flaw is not None:
            flaws.append(f"{path}: {told(flaw)}.")
        found.setdefault(spec.task, path)
    if not flaws:
        wings = {task.kind for name, task in tasks.items() if name in found}
        flaws = [
            f"traces: the run on {name!r} is missing; an entry plays all tasks of a wing."
            for name, task in tasks.items()
            if name not in found and (task.kind in wings or not wings)
        ]
    if flaws:
        raise Refused(*flaws)
    return {found[name]: task for name, task in tasks.items() if name in found}


def _check_name(suite: Suite, card: Card) -> None:
    taken = {name.casefold() for task in suite.tasks for name in task.agents}
    if card.name.casefold() in taken:
        raise Refused(
            f"submission.toml: the name {card.name!r} is taken: {suite.name} has an agent of its own of "
            "that name."
        )


def _flaw(suite: Suite, card: Card, tasks: Mapping[str, Task], spec: RunSpec) -> str | None:
    """Return why a run is not one of the suite, in words without a full stop."""
    if (spec.suite, spec.version) != (suite.name, suite.version):
        return (
            f"its spec is not that of {suite.name}, version {suite.version}: it is of {spec.suite}, "
            f"version {spec.version}"
        )
    if any(task.name == spec.task and not can_enter(task) for task in suite.tasks):
        return f"{spec.task} is outside: its environment is code of others, which nobody runs again"
    if spec.task not in tasks:
        return f"its spec is not the suite's: there is no task {spec.task} to enter"
    if spec.name != card.name:
        return f"its run is of {spec.name}, the entry is {card.name}"
    if spec.agent.partition("(")[0] != card.agent.partition("(")[0]:
        return f"it was played by {spec.agent}, the agent of the card is {card.agent}"
    ours, theirs = asdict(expected(suite, tasks[spec.task], spec)), asdict(spec)
    for name in sorted(ours.keys() - FREE):
        if json.dumps(ours[name], sort_keys=True) != json.dumps(theirs[name], sort_keys=True):
            return (
                f"its spec is not the suite's: {name} is {shown(theirs[name])}, and "
                f"{shown(ours[name])} in {suite.name}"
            )
    return None
