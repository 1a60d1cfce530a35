"""Runs of a simulator on all machines of a Ray cluster.

Each job is a Ray task that watches a worker beside it, so that a run is killed there as it is here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ...core.cluster import Calls
from .black_box import Job
from .workers import Reply, Worker, listen


class Cluster(Calls):
    """A Ray task for each job, on every CPU of a cluster, with a worker of its own.

    Args:
        pickled: The simulator.
        timeout: Seconds after which a run is killed.
    """

    def __init__(self, pickled: bytes, timeout: float) -> None:
        super().__init__(partial(_watch, pickled, list(sys.path), timeout))

    def start(self, job: Job, log: Path) -> None:
        """Begin a job."""
        self.call(job, job, log)

    def replies(self) -> Iterator[Reply]:
        """Wait a second at most; yield jobs that have ended, with what came of them."""
        for job, reply, lost in self.answers():
            found = reply if lost is None else ("lost", f"was lost by Ray: {lost}", 0.0)
            yield Reply(job, *found)


def _watch(
    pickled: bytes, path: list[str], timeout: float, job: Job, log: Path
) -> tuple[str, Any, float]:
    """Run a job in a worker on this machine of the cluster."""
    here = [folder for folder in sys.path if folder not in path]  # this package may lie elsewhere
    worker = Worker(pickled, path + here, timeout, job, log)
    try:
        while (reply := worker.reply()) is None:
            listen([worker])
        return *reply, worker.seconds
    finally:
        worker.end()
