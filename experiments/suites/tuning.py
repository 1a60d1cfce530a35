"""Tuning: which settings of an agent a suite plays, found on seeds that no evaluation uses.

A task of a suite may name candidates for an agent (`Task.search`). Every agent gets the same budget
of episodes, split evenly over its candidates, which all start at the same seed, far below
`EVALUATION_SEED`. Agents of a table play other columns (`Task.tuned_on`), in equal parts: other seeds
of the same column would hold the labels that they are judged on. The candidate of the least mean
regret is chosen, or of the largest mean return where regret is unknown. An agent with one candidate
is not tuned.

What was chosen is data, with the budget and the score of every candidate; `settings` says where it is
read. `discovery-gym tune SUITE` writes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ...envs.core import files
from ..runs.records import read_record, record_path
from ..runs.scores import gains
from ..runs.spec import RunSpec
from .settings import SHIPPED, place
from .task import Suite, Task

BUDGET = 240
"""Episodes per task and agent; divisible by most numbers of candidates and of problems."""
SEED = 0
"""Seed of the first episode of every candidate."""


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
