"""Tuning: which settings of an agent a suite plays, found on seeds that no evaluation uses.

A task of a suite may name candidates for an agent (`Task.search`). Every agent gets the same budget
of episodes, split evenly over its candidates, which all start at the same seed, far below
`EVALUATION_SEED`. Agents of a table play other columns (`Task.tuned_on`), in equal parts: other seeds
of the same column would hold the labels that they are judged on. The candidate of the least mean
regret is chosen, or of the largest mean return where regret is unknown. An agent with one candidate
is not tuned.

What was chosen is data, with the budget and the score of every candidate: a JSON file that
`discovery-gym tune SUITE` writes. Those of a suite of the package lie in ``tuned/NAME.json``, those of a
user's ``mine.toml`` beside it, in ``mine.tuned.json``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...envs.core import InputError, files, shown, told
from ..runs.records import read_record, record_path
from ..runs.scores import gains
from ..runs.spec import RunSpec
from .task import Suite, Task

BUDGET = 240
"""Episodes per task and agent; divisible by most numbers of candidates and of problems."""
SEED = 0
"""Seed of the first episode of every candidate."""
HERE = Path(__file__).parent
SHIPPED = HERE / "tuned"
MOST_BYTES = 2**22
"""Largest file of tuned settings."""


def plan(suite: Suite) -> list[RunSpec]:
    """Return the runs that tune a suite; tasks whose data is missing have none."""
    return [
        spec
        for task in suite.tasks
        if task.missing is None
        for name, texts in task.search.items()
        if len(texts) > 1
        for trial in _trials(suite, task, name).values()
        for spec in trial
    ]


def _trials(suite: Suite, task: Task, name: str) -> dict[str, list[RunSpec]]:
    """Return the runs of each candidate of an agent, one per problem that it is tuned on."""
    texts, problems = task.search[name], task.tuned_on or (task.env_kwargs,)
    return {
        text: [
            suite.run(
                task,
                f"{name}: {text}",
                text,
                suite=f"{suite.name}, tuning",
                env_kwargs=problem,
                episodes=BUDGET // (len(texts) * len(problems)),
                seed=SEED,
                metrics=(),
            )
            for problem in problems
        ]
        for text in texts
    }


def choose(suite: Suite, folder: Path) -> dict[str, Any]:
    """Return the tuned settings of a suite, as its file has them.

    Args:
        suite: The suite.
        folder: A results folder in which all runs of the `plan` have a record.

    Returns:
        ``version``, ``budget``, ``seed`` and ``tasks``: for each task and agent the ``agent`` chosen
        and the ``scores`` of all candidates, mean and standard error of the regret (or of the
        negative return); None for a candidate that failed, which is never chosen.
    """
    tasks: dict[str, dict[str, Any]] = {}
    for task in suite.tasks:
        for name, texts in task.search.items():
            if task.missing is not None or len(texts) == 1:
                continue
            scores: dict[str, list[float] | None] = {}
            for text, specs in _trials(suite, task, name).items():
                found = [read_record(record_path(folder / "records", spec.id)) for spec in specs]
                played = [record.evaluation for record in found if record.evaluation is not None]
                if len(played) < len(found):
                    scores[text] = None
                    continue
                loss = -np.concatenate([gains(one) for one in played])
                scores[text] = [float(loss.mean()), float(loss.std(ddof=1) / len(loss) ** 0.5)]
            scored = {text: score[0] for text, score in scores.items() if score is not None}
            tasks.setdefault(task.name, {})[name] = {
                "agent": min(scored, key=lambda text: scored[text]) if scored else None,
                "scores": scores,
            }
    return {"version": suite.version, "budget": BUDGET, "seed": SEED, "tasks": tasks}


def path(suite: Suite, folder: Path) -> Path:
    """Return where tuned settings are written: beside a user's file, for ours into a results folder."""
    beside = place(suite)
    if beside is None or beside.parent == SHIPPED:
        return folder / f"{suite.name}.json"
    return beside


def write(settings: dict[str, Any], path: Path) -> Path:
    """Write tuned settings to a file, whole or not at all."""
    files.write(path, json.dumps(settings, indent=1) + "\n")
    return path


# ---- where they lie


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
