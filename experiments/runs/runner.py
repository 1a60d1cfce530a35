"""Play runs that have no record yet, in a pool of processes; resume after a crash."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ...envs.core import InputError
from .chunks import chunks_of, joined, play_chunk
from .records import is_finished, open_folder, write_record
from .spec import RunSpec
from .terminal import progress

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class WorkerLost(RuntimeError):
    """A worker process was killed from outside, most often for want of memory."""


def missing(specs: list[RunSpec], folder: Path) -> list[RunSpec]:
    """Return the runs without a record, or whose record says that they failed."""
    records = open_folder(folder)
    return [spec for spec in specs if not is_finished(records, spec.id)]


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


def play(
    specs: Sequence[RunSpec], folder: Path, workers: int
) -> Generator[tuple[RunSpec, bool], None, None]:
    """Play runs as `play_all`; yield each with whether it failed, as it is recorded."""
    records = open_folder(folder)
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        max_workers=max(1, min(workers, len(specs))),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
    )
    done: set[str] = set()
    try:
        with _one_thread():  # the pool starts its workers as runs are handed in
            futures = {
                pool.submit(execute, spec, records, spec.fingerprint): spec for spec in specs
            }
        for future in as_completed(futures):
            failed = future.result()
            done.add(futures[future].id)
            yield futures[future], failed
    except BrokenProcessPool:
        raise WorkerLost(
            f"A worker process was killed, perhaps for want of memory (try fewer --workers). "
            f"{len(done)} of {len(specs)} runs are recorded; the same command plays the rest."
        ) from None
    finally:
        if len(done) < len(specs):  # interrupted: nothing in flight is worth a wait
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
        pool.shutdown(cancel_futures=True)


def execute(spec: RunSpec, records: Path, planned: str | None = None) -> bool:
    """Play one run and write its record; return whether it failed.

    Args:
        spec: The run.
        records: The folder of its record.
        planned: The fingerprint that the run was planned with; None takes that of now.

    Raises:
        InputError: If code or data changed meanwhile, so that nobody could say what gave the result.
    """
    planned = spec.fingerprint if planned is None else planned
    _check_unchanged(spec, planned)
    try:
        parts = [play_chunk(spec, index) for index in range(chunks_of(spec))]
        result, error = joined(spec, parts), None
    except Exception:  # whatever it was, it belongs into the record
        result, error = None, traceback.format_exc()
    _check_unchanged(spec, planned)
    return write_record(records, spec, result, error)


def _check_unchanged(spec: RunSpec, planned: str) -> None:
    if spec.look() != planned:
        raise InputError(
            f"The code, the data or the policy of {spec.name} on {spec.task} changed after the run was "
            "planned; it is not recorded. The same command plays what is missing with what is there now."
        )


def _cores() -> int:
    """Return how many cores this process may use, which in a container can be few of many."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker() -> None:
    """Leave an interrupt to the parent, which ends its workers in good order; do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # only workers call this
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes started inside use one thread each: the workers already fill the cores."""
    saved = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
