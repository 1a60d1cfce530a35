"""Play runs, and show how far they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from .runner import play
from .spec import RunSpec
from .terminal import progress


def play_all(todo: Sequence[RunSpec], folder: Path, workers: int | None = None) -> None:
    """Play runs in ``workers`` processes, by default one per core; say on stderr how far they are.

    Raises:
        WorkerLost: A worker was killed; what had finished is kept, a second call plays the rest.
    """
    with (
        progress(len(todo), "runs") as update,
        contextlib.closing(play(todo, folder, workers or _cores())) as runs,
    ):
        for done, (spec, failed) in enumerate(runs, 1):
            update(done, f"{'failed: ' if failed else ''}{spec.task}: {spec.name}")


def _cores() -> int:
    """Return how many cores this process may use, which in a container can be few of many."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
