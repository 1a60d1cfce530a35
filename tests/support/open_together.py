"""Open one results folder from many processes at once, and beside writers; count the refusals.

python tests/support/open_together.py [--new 450] [--beside 7354]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from discovery_gym.envs.core.files import write
from discovery_gym.experiments.runs import records as rec

TOGETHER = 8


def _open_new(barrier: Barrier, place: Path, rounds: int, refused: multiprocessing.Queue) -> None:
    for i in range(rounds):
        barrier.wait()
        try:
            rec.open_folder(place / "new" / str(i))
        except Exception as error:
            refused.put(f"{type(error).__name__}: {error}")


def _write(stop: Event, folder: Path, me: int) -> None:
    count = 0
    while not stop.is_set():
        write(folder / "records" / f"{me}-{count % 50}.txt", "x")
        count += 1


@contextmanager
def _running(*processes: multiprocessing.Process) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.join()


def together(rounds: int, place: Path) -> list[str]:
    """Let `TOGETHER` processes open each of some new folders at once; return the refusals."""
    spawn = multiprocessing.get_context("fork")
    barrier, refused = spawn.Barrier(TOGETHER), spawn.SimpleQueue()
    words = (barrier, place, rounds, refused)
    with _running(*(spawn.Process(target=_open_new, args=words) for _ in range(TOGETHER))):
        pass
    return _all(refused)


def beside_writers(times: int, folder: Path) -> list[str]:
    """Open and read a folder into which two processes write all the time; return the refusals."""
    spawn, refused = multiprocessing.get_context("fork"), []
    rec.open_folder(folder)
    stop = spawn.Event()
    with _running(*(spawn.Process(target=_write, args=(stop, folder, i)) for i in range(2))):
        try:
            for _ in range(times):
                try:
                    rec.open_folder(folder)
                    rec.read_folder(folder)
                except Exception as error:
                    refused.append(f"{type(error).__name__}: {error}")
        finally:
            stop.set()
    return refused


def _all(queue: multiprocessing.SimpleQueue) -> list[str]:
    found = []
    while not queue.empty():
        found.append(queue.get())
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", type=int, default=450)
    parser.add_argument("--beside", type=int, default=7354)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for words, count, refusals in (
            ("new folders", given.new, together(given.new, Path(name))),
            ("beside writers", given.beside, beside_writers(given.beside, Path(name) / "one")),
        ):
            print(f"{words}: {len(refusals)} refusals in {count} tries", *refusals[:3], sep="\n")
