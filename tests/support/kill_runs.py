"""Kill, stop and interrupt runs at random moments; their records must be those of a run left alone.

    python tests/support/kill_runs.py [--signals 100] [--seed 0]

In a folder two runs of the same suite play at a time, one worker each. Each signal goes to one of
them, or to its worker: SIGKILL, SIGINT, or SIGSTOP and a while later, often past the expiry of leases,
SIGCONT. Who is gone is started again, until all has been played and another folder comes. The records
are compared with those of a run that was left alone, and nothing but records may be left over in the
folder of a finished run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import typer

from discovery_gym.envs.core.files import SUFFIX
from discovery_gym.envs.core.leases import VARIABLE
from discovery_gym.experiments.cli.shared import resumable
from discovery_gym.experiments.runs import records as rec
from discovery_gym.experiments.runs.board import CHUNKS, missing
from discovery_gym.experiments.runs.engine import play
from discovery_gym.experiments.runs.record_file import KEY
from discovery_gym.experiments.suites.task import Suite, Task, plan

SUITE = Suite(
    name="killed",
    version=1,
    about="runs of several chunks, some of which take a while",
    episodes=70,
    chunk=16,  # the last one is shorter
    tasks=(
        Task(
            name="Ladder",
            about="Rungs.",
            env_id="discovery/KnowledgeLadder-v0",
            env_kwargs={"target": 60, "batch_sizes": [1, 8], "horizon": 1000},
            agents={"optimal": "optimal", "small": "fixed(batch_size=1)"},
        ),
        Task(
            name="Pool",
            about="Items.",
            env_id="discovery/LinearPool-v0",
            env_kwargs={"num_items": 200, "horizon": 30},
            agents={"greedy": "greedy", "IDS": "ids"},
        ),
    ),
)
EXPIRY = 1.0
"""Seconds after which leases expire."""
TIMINGS = {"created", "decision_seconds"}
LONGEST = 4.0
"""Seconds between two signals, at most: about the time of a run."""


def play_suite(folder: Path, workers: int) -> int:
    """Play what is missing; return the exit status of the command line."""
    try:
        with resumable():
            play(missing(plan(SUITE), folder), folder, workers)
    except typer.Exit as end:
        return end.exit_code
    return 0


def contents(folder: Path) -> dict[str, object]:
    """Return every record with all that is in it but the timings."""
    found: dict[str, object] = {}
    for path in sorted((folder / "records").glob("*.parquet")):
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[KEY])
        kept = {key: value for key, value in about.items() if key not in TIMINGS}
        found[path.name] = (table.to_pydict(), kept)
    return found


def start(folder: Path, workers: int = 1) -> subprocess.Popen[str]:
    """Start a run in a session of its own, in which interrupts are not ignored."""
    return subprocess.Popen(
        [sys.executable, __file__, "--play", str(folder), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {VARIABLE: str(EXPIRY)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def left_over(folder: Path) -> set[str]:
    """Return what is in the folder of a finished run besides records."""
    ours = {rec.MARK, "records", CHUNKS}
    inside = {path.name for path in (*folder.iterdir(), *(folder / CHUNKS).iterdir())} - ours
    damaged = {path.name for path in folder.glob(f"records/*{rec.ASIDE}*")}
    return {name for name in inside if not name.endswith(SUFFIX)} | damaged


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return []


def disturb(run: subprocess.Popen[str], chance: np.random.Generator) -> str:
    """Send one signal to a run or one of its workers; return what was done."""
    workers = children(run.pid)
    while not workers and run.poll() is None and chance.random() < 0.99:  # mostly once it plays
        time.sleep(0.05)
        workers = children(run.pid)
    target = int(chance.choice([run.pid, *workers]))
    kind = str(chance.choice(["KILL", "INT", "STOP"]))
    try:
        if kind == "INT":
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
            return "INT"
        os.kill(target, signal.SIGKILL if kind == "KILL" else signal.SIGSTOP)
        if kind == "STOP":
            time.sleep(chance.uniform(0, 3 * EXPIRY))
            os.kill(target, signal.SIGCONT)
    except ProcessLookupError:
        return "gone"
    return kind + (" worker" if target != run.pid else "")


def ended(run: subprocess.Popen[str], allowed: set[int]) -> None:
    """Hold a run that is over to an exit status and to words."""
    _, errors = run.communicate(timeout=120)
    # What Python tells before we are there is not ours.
    ours = "in play_suite" in errors or "in serve" in errors
    if run.returncode not in allowed or ("Traceback" in errors and ours):
        print(f"exit status {run.returncode}: {errors[-2000:]}", flush=True)


def torment(folder: Path, signals: int, chance: np.random.Generator) -> Counter[str]:
    """Disturb two runs of a folder until all is played; return how often each signal was sent."""
    runs, done = [start(folder), start(folder)], Counter[str]()
    while done.total() < signals and len(list(folder.glob("records/*"))) < len(plan(SUITE)):
        time.sleep(chance.uniform(0, LONGEST))
        done[disturb(runs[chance.integers(2)], chance)] += 1
        del done["gone"]
        time.sleep(0.05)
        for i, run in enumerate(runs):
            if run.poll() is not None:
                ended(run, {0, 1, 130, -signal.SIGINT, -signal.SIGKILL})
                runs[i] = start(folder)
    for run in runs:
        ended(run, {0, 1, 130, -signal.SIGINT, -signal.SIGKILL})
    last = start(folder)
    ended(last, {0})
    assert last.returncode == 0, f"{folder}: the last run left with {last.returncode}"
    return done


def main(signals: int, seed: int) -> Counter[str]:
    """Torment some folders; return how often each signal was sent.

    Raises:
        AssertionError: Records differ from those of a run that was left alone.
    """
    chance, done, folders = np.random.default_rng(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        alone = Path(name) / "alone"
        ended(start(alone), {0})
        whole = contents(alone)
        assert len(whole) == len(plan(SUITE))
        while done.total() < signals:
            folder = Path(name) / str(folders)
            done += torment(folder, signals - done.total(), chance)
            folders += 1
            assert contents(folder) == whole, f"{folder}: other records"
            assert not left_over(folder), left_over(folder)
            print(f"{folders} folders, {done.total()} signals: {dict(done)}", flush=True)
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, default in (("signals", 100), ("seed", 0), ("workers", 1)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--play", type=Path, help="play the suite in this folder, no more")
    given = vars(parser.parse_args())
    only, workers = given.pop("play"), given.pop("workers")
    if only is not None:
        sys.exit(play_suite(only, workers))
    main(**given)
