"""Runs of a simulator on all machines of a Ray cluster.

Each job is a Ray task that watches a worker beside it, so that a run is killed there as it is here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .black_box import Job
from .workers import Worker, listen


class Cluster:
    """A Ray task for each job, on every CPU of a cluster, with a worker of its own.

    Args:
        pickled: The simulator.
        timeout: Seconds after which a run is killed.
    """

    def __init__(self, pickled: bytes, timeout: float) -> None:
        import ray

        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        self._ray, self._pickled, self._timeout = ray, pickled, timeout
        # Ray repeats nothing by itself: failures are counted here.
        self._task = ray.remote(max_retries=0)(_watch)
        self._jobs: dict[Any, Job] = {}

    @property
    def free(self) -> bool:
        """Whether a CPU has no job."""
        return len(self._jobs) < max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    @property
    def busy(self) -> bool:
        """Whether there are jobs that have not ended."""
        return bool(self._jobs)

    def start(self, job: Job, log: Path) -> None:
        """Begin a job."""
        reference = self._task.remote(self._pickled, sys.path, self._timeout, job, log)
        self._jobs[reference] = job

    def replies(self) -> Iterator[tuple[Job, str, Any]]:
        """Wait a second at most; yield jobs that have ended, with what `attempt` returns."""
        ended, _ = self._ray.wait(list(self._jobs), timeout=1.0)
        for reference in ended:
            job = self._jobs.pop(reference)
            try:
                reply = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:  # a machine or its Ray is gone
                reply = "failed", f"was lost by Ray: {str(error).strip().splitlines()[-1]}"
            yield job, *reply

    def end(self) -> None:
        """Kill all that runs."""
        for reference in self._jobs:
            self._ray.cancel(reference, force=True)


def _watch(pickled: bytes, path: list[str], timeout: float, job: Job, log: Path) -> tuple[str, Any]:
    """Run a job in a worker on this machine of the cluster."""
    here = [folder for folder in sys.path if folder not in path]  # this package may lie elsewhere
    worker = Worker(pickled, path + here, timeout, job, log)
    try:
        while (reply := worker.reply()) is None:
            listen([worker])
        return reply
    finally:
        worker.end()
