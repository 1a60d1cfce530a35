"""Suites of a reproduction: played by the engine, kept as records below the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...envs.core.checks import integer
from ..runs.board import missing
from ..runs.engine import play
from ..runs.evaluation import Evaluation
from ..runs.records import read_record, record_path
from ..suites.task import Suite, plan

RESULTS = "results"
"""Folder of the records, below the report's. `discovery-gym leaderboard` reads it, too."""


def play_suites(
    suites: Sequence[Suite], out: Path, workers: int | None
) -> dict[str, dict[str, Evaluation]]:
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
