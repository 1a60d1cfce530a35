"""Kill studies at random moments of ask and tell; the journal must be that of a study left alone.

    python tests/support/kill_studies.py [--kills 200] [--seed 0]

A technician is a process of its own: it asks for a plate, notes what it was shown, tells one label late
and the others at once, some of them as failed, until the budget is spent. It gets SIGKILL after a
while, or by itself inside an event: before its line is written, halfway through it, or between sync and
answer. A new one goes on from what is there. After each kill the journal must be whole and the beginning
of that of the study left alone, and what was shown must be a plate of it: there are never two for one.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas  # noqa: F401, ICN001 (imported once for all technicians, as are these)

import discovery_gym.envs.datasets.formats
import discovery_gym.envs.datasets.reading
import discovery_gym.studies.pool_study  # noqa: F401
from discovery_gym.studies import Study
from discovery_gym.studies.journal import Journal

ROWS, BUDGET, PLATE = 60, 24, 3
INSIDE = ("before", "halfway", "synced")
"""Moments of an event at which a technician kills itself."""


def table(folder: Path) -> Path:
    """Write a table of conditions without labels."""
    random = np.random.default_rng(1)
    rows = [f"{a},{b:.2f},{t}," for a, b, t in zip(
        random.choice(["x", "y", "z"], ROWS), random.random(ROWS), random.integers(20, 90, ROWS),
        strict=True,
    )]  # fmt: skip
    path = folder / "my.csv"
    path.write_text("\n".join(["base,eq,T,yield", *rows, ""]))
    return path


def work(path: Path, shown: Path) -> None:
    """Ask and tell until the budget is spent; what is done follows from the study alone."""
    study = Study.pool(path, target="yield", agent="thompson", budget=BUDGET, seed=3)
    while study.left or study.flying():
        plate = [question.id for question in study.ask(PLATE)]
        with shown.open("a") as file:
            file.write(",".join(plate) + "\n")
        if len(plate) == PLATE:  # the last one is ready first
            study.tell(plate[-1], label(plate[-1]))
            continue
        bad = [name for name in plate if int(name) % 4 == 0]
        good = {name: label(name) for name in reversed(plate) if name not in bad}
        study.tell(good, failed=dict.fromkeys(bad, "no conversion"))


def label(name: str) -> float:
    """Return what is measured."""
    return round(50 + 30 * np.sin(int(name)), 1)


def fork(path: Path, shown: Path, inside: tuple[str, int] | None) -> int:
    """Start a technician, which may kill itself inside one of its next events; return its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if inside is not None:
            kill_inside(*inside)
        work(path, shown)
        os._exit(0)
    except BaseException as error:
        print(f"technician: {error!r}", flush=True)
        os._exit(1)


def kill_inside(moment: str, number: int) -> None:
    """Let this process be killed inside the event of this number, from 0."""
    put, count = Journal._put, iter(range(1000))

    def dying(self: Journal, where: Path, line: bytes) -> None:
        mine = next(count) == number
        if mine and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if mine and moment == "halfway":
            with where.open("ab") as file:
                file.write(line[: len(line) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, where, line)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal._put = dying  # type: ignore[method-assign]


def killed(path: Path, shown: Path, longest: float, random: np.random.Generator) -> str:
    """Let one technician work until it is killed or has finished; return how it ended."""
    moment = str(random.choice([*INSIDE, "after a while"], p=[0.15, 0.15, 0.2, 0.5]))
    inside = None if moment == "after a while" else (moment, int(random.integers(4)))
    pid = fork(path, shown, inside)
    if inside is None:
        time.sleep(random.uniform(0, longest))
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a technician has met an error"
    return moment if os.WIFSIGNALED(status) else "finished"


def check(path: Path, shown: Path, alone: Journal) -> bool:
    """Hold the journal and what was shown to a study left alone; return whether it has finished."""
    log = Journal(path.with_name("my.study.jsonl"))
    assert log.events == alone.events[: len(log.events)], (
        "another choice than of a study left alone"
    )
    plates = [event["ids"] for event in log.events if event["do"] == "ask"]
    lines = shown.read_text().split("\n")[:-1] if shown.exists() else []
    for names in (line.split(",") for line in lines):
        assert any(set(names) <= set(plate) for plate in plates), (
            f"{names} is no plate of the study"
        )
    if log.head != alone.head:
        return False
    counts = Counter(name for plate in plates for name in plate)
    assert max(counts.values()) == 1, "an item was asked for twice"
    return True


def main(kills: int, seed: int) -> Counter[str]:
    """Kill technicians; return how often at each moment.

    Raises:
        AssertionError: A journal is not that of a study left alone.
    """
    random, done, folders = np.random.default_rng(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        quiet = Path(name) / "alone"
        quiet.mkdir()
        start = time.monotonic()
        pid = fork(table(quiet), quiet / "shown", None)
        assert os.waitpid(pid, 0)[1] == 0
        longest = (time.monotonic() - start) / 3
        alone = Journal(quiet / "my.study.jsonl")
        assert len(alone.events) > BUDGET // PLATE * 2
        while done.total() - done["finished"] < kills:
            folder = Path(name) / str(folders)
            folder.mkdir()
            path, shown, over = table(folder), folder / "shown", False
            while not over and done.total() - done["finished"] < kills:
                done[killed(path, shown, longest, random)] += 1
                over = check(path, shown, alone)
            folders += 1
        assert os.waitpid(fork(path, shown, None), 0)[1] == 0  # the last one is left alone
        assert check(path, shown, alone)
    print(f"{folders} studies, {done.total() - done['finished']} kills: {dict(done)}", flush=True)
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, default in (("kills", 200), ("seed", 0)):
        parser.add_argument(f"--{option}", type=int, default=default)
    main(**vars(parser.parse_args()))
