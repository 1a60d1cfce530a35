"""Suites of a reproduction: played by the engine, kept as records below the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...envs.core.checks import integer
from ..runs.board import missing
from ..runs.engine import play
from ..runs.evaluation import Evaluation
from ..runs.records import read_record, record_path
from ..suites.task import Suite, plan

RESULTS = "results"
"""Folder of the records, below the report's. `discovery-gym leaderboard` reads it, too."""


Records = Mapping[str, Mapping[str, Evaluation]]
"""What was achieved, by task and agent."""


def play_suites(suites: Sequence[Suite], out: Path, workers: int | None) -> Records:
    """Play what is missing of some suites; return what was achieved by task and agent.

    Finished runs lie under ``out / RESULTS``: a second call plays only what a killed one left.

    Raises:
        InputError: The number of workers is not allowed, or the folder cannot be written to.
        RuntimeError: A run failed.
        WorkerLost: A worker was killed.
    """
    if workers is not None:
        workers = integer("workers", workers, low=1)
    folder, specs = out / RESULTS, [spec for suite in suites for spec in plan(suite)]
    todo = missing(specs, folder)
    if todo:
        play(todo, folder, workers)
    records: dict[str, dict[str, Evaluation]] = {}
    for spec in specs:
        record = read_record(record_path(folder / "records", spec.id))
        if record.evaluation is None:
            raise RuntimeError(f"{spec.name} on {spec.task} failed:\n{record.error}")
        records.setdefault(spec.task, {})[spec.name] = record.evaluation
    return records


def runs_of(records: Records) -> list[dict[str, Any]]:
    """Return the runs as rows of a table."""
    return [
        {
            "task": task,
            "agent": agent,
            "environment": run.env_id,
            "agent as text": run.agent,
            "episodes": len(run.returns),
            "first seed": run.seed,
            "ms per decision": 1e3 * run.seconds_per_decision,
        }
        for task, some in records.items()
        for agent, run in some.items()
    ]
