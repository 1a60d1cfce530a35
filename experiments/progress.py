"""Play runs behind a progress bar."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .escaping import terminal
from .records import RunSpec
from .runner import play


def play_all(todo: Sequence[RunSpec], folder: Path, workers: int | None = None) -> None:
    """Play runs in ``workers`` processes, by default one per core; the bar goes to stderr.

    Raises:
        WorkerLost: A worker was killed; what had finished is kept, a second call plays the rest.
    """
    words = TextColumn("{task.description}")
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), words)
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        bar = progress.add_task("", total=len(todo))
        with contextlib.closing(play(todo, folder, workers or _cores())) as runs:
            for spec, failed in runs:
                word = "[red]failed[/] " if failed else ""
                progress.update(
                    bar, advance=1, description=word + terminal(f"{spec.task}: {spec.name}")
                )


def _cores() -> int:
    """Return how many cores this process may use, which in a container can be few of many."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
