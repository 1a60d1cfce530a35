"""Calls of a function on all machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

PAUSE = 1.0
"""Seconds to wait for an answer, at most."""


class Calls:
    """Calls of one function, as many at a time as the cluster has CPUs.

    Who builds on it says what a call is for.

    Args:
        function: What is called. It travels with all that belongs to it; the package must be there.
        address: Of the cluster; None: that which this process has joined, else the one that is told by
            Ray's environment or runs on this machine, else a new one on this machine.
    """

    def __init__(self, function: Callable[..., Any], address: str | None = None) -> None:
        import ray

        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False)
        self._ray, self._function = ray, ray.put(function)
        # Ray repeats nothing by itself: who calls counts the failures.
        self._call = ray.remote(max_retries=0)(_call)
        self._jobs: dict[Any, Any] = {}

    @property
    def free(self) -> bool:
        """Whether a CPU has nothing to do."""
        return len(self._jobs) < max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    @property
    def busy(self) -> bool:
        """Whether there are calls that have not ended."""
        return bool(self._jobs)

    def call(self, job: Any, *arguments: Any) -> None:
        """Begin a call for a job."""
        self._jobs[self._call.remote(self._function, *arguments)] = job

    def answers(self) -> Iterator[tuple[Any, Any, str | None]]:
        """Wait for a moment; yield jobs with what was returned, or with why Ray has lost the call."""
        ended, _ = self._ray.wait(list(self._jobs), timeout=PAUSE)
        for reference in ended:
            job, value, lost = self._jobs.pop(reference), None, None
            try:
                value = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:  # a machine or its Ray is gone
                lost = str(error).strip().splitlines()[-1]
            yield job, value, lost

    def end(self) -> None:
        """Kill all that runs."""
        for reference in self._jobs:
            self._ray.cancel(reference, force=True)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
