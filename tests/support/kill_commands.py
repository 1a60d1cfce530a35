r"""Kill the commands ask and tell at random moments; the journal must be that of a study left alone.

    python tests/support/kill_commands.py [--of table|design] [--kills 200] [--seed 0] [--rounds 8]

A person types one command after the other, each a process of its own. It gets SIGKILL after a while,
or by itself inside an event: before its line is written, halfway through it, or between sync and print.
Then the person types the same command again. After each kill the journal must be whole and the beginning
of that of the study left alone, and all that was printed must stand in it. At the end every line of it
is edited, and left out, and the command must name it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from kill_studies import INSIDE, kill_inside, label, table

import discovery_gym.studies.design_study  # noqa: F401 (imported once for all commands)
from discovery_gym.experiments import cli
from discovery_gym.studies.journal import Journal

Person: TypeAlias = Generator[list[str], list[list[str]]]
"""What is typed, and the cells that it prints."""
FIRST = 15
PROBLEM = '[problem]\nenv = "WeinbergToy"\nnum_bins = 10\nsettings = 7\nhorizon = 30\n'


def chemist(rounds: int) -> Person:
    """Ask for plates of a table; tell one label late, others at once, in the file, failed, or wrong."""
    path = table(Path())
    words = ["ask", path.name, "--target", "yield", "--agent", "thompson", "--seed", "3"]
    for number in range(rounds):  # the first plate is larger than the budget by default
        size = ["--batch", str(FIRST)] if number == 0 else ["--batch", "3", "--budget", "50"]
        ids = [row[0] for row in (yield words + size)]
        yield ["tell", path.name, f"{ids[-1]}={label(ids[-1]) + 1}"]
        if number % 3 == 0:  # typed into the file, and told by the next ask
            lines = path.read_text().split("\n")
            for name in ids[:-1]:
                lines[int(name)] += str(label(name))
            path.write_text("\n".join(lines))
        else:
            told = [
                f"{name}={'failed' if int(name) % 4 == 0 else label(name)}" for name in ids[:-1]
            ]
            yield ["tell", path.name, *told]
            yield ["tell", path.name, f"{ids[-1]}={label(ids[-1])}", "--correct"]
            if number % 3 == 1:
                yield ["tell", path.name, f"{ids[0]}=withdrawn"]


def physicist(rounds: int) -> Person:
    """Ask for settings of a design; tell events, failures, and data of settings of one's own."""
    path = Path("problem.toml")
    path.write_text(PROBLEM)
    for number in range(rounds):
        ((name, *_),) = yield ["ask", path.name, "--agent", "thompson_eig", "--seed", "5"]
        data = Path(f"{name}.csv")
        events = np.cos(np.arange(30) * (number + 1))
        data.write_text("\n".join(["c", *map(str, events.tolist()), ""]))
        yield ["tell", path.name, f"{name}=failed" if number == 4 else f"{name}={data}"]
        if number % 3 == 2:
            own = Path("own.csv")
            rows = [f"{40.5 + number},{event}" for event in events.tolist()]
            own.write_text("\n".join(["phi,c", *rows, ""]))
            yield ["tell", path.name, own.name]


PERSONS = {"table": (chemist, "my.study.jsonl"), "design": (physicist, "problem.study.jsonl")}


def fork(words: list[str], inside: tuple[str, int] | None = None) -> int:
    """Start a command, which may kill itself inside one of its events; return its process."""
    pid = os.fork()
    if pid:
        return pid
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        os.dup2(os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), stream.fileno())
    if inside is not None:
        kill_inside(*inside)
    sys.argv = ["discovery-gym", *words]
    status = 1
    try:
        cli.main()
    except SystemExit as end:
        status = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def printed() -> list[list[str]]:
    """Return the cells of the first table that a command has printed, without its head."""
    rows = Path("stdout").read_text().split("\n\n")[0].split("\n")
    return [row.split("\t") for row in rows if "\t" in row][1:]


def typed(words: list[str], again: bool = False) -> list[list[str]]:
    """Type a command that is left alone, perhaps once more after it was killed."""
    code = os.waitstatus_to_exitcode(os.waitpid(fork(words), 0)[1])
    said = Path("stderr").read_text()
    assert code == 0 or (code == 2 and again and "were told before" in said), (words, said)
    return printed()


def alone(person: Person, log: Path) -> tuple[Journal, float]:
    """Return the journal of a study whose commands are left alone, and how long one takes."""
    start, count, cells = time.monotonic(), 0, None
    try:
        while True:
            words = next(person) if cells is None else person.send(cells)
            cells, count = typed(words), count + 1
    except StopIteration:
        return Journal(log), (time.monotonic() - start) / count


def check(words: list[str], log: Path, quiet: Journal) -> None:
    """Hold a journal, and what the last command has printed, to a study left alone."""
    events = Journal(log).events
    assert events == quiet.events[: len(events)], (events[-1], quiet.events[len(events) - 1])
    plates = [set(event["ids"]) for event in events if event["do"] == "ask"]
    shown = {cells[0] for cells in printed()} if words[0] == "ask" else set()
    assert any(shown <= plate for plate in plates) or not shown, f"{shown} is no plate of the study"


def main(kills: int, seed: int, rounds: int, of: str) -> Counter[str]:
    """Kill commands; return how often at each moment.

    Raises:
        AssertionError: A journal is not that of a study left alone.
    """
    random, done, studies = np.random.default_rng(seed), Counter[str](), 0
    person, log = PERSONS[of][0], Path(PERSONS[of][1])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        quiet, longest = alone(person(rounds), log)
        while done.total() < kills:
            studies += 1
            os.chdir(tempfile.mkdtemp(dir=folder))
            play(person(rounds), log, quiet, longest, random, done, kills)
            assert Journal(log).head == quiet.head
        damaged(log, "my.csv" if of == "table" else "problem.toml")
        os.chdir("/")
    print(f"{studies} studies of a {of}, {done.total()} kills: {dict(done)}", flush=True)
    return done


def play(
    person: Person,
    log: Path,
    quiet: Journal,
    longest: float,
    random: np.random.Generator,
    done: Counter[str],
    kills: int,
) -> None:
    """Play one study to its end, with kills until there are enough."""
    cells = None
    while True:
        try:
            words = next(person) if cells is None else person.send(cells)
        except StopIteration:
            return
        while done.total() < kills and random.random() < 0.7:
            moment = str(random.choice([*INSIDE, "after a while"], p=[0.15, 0.15, 0.2, 0.5]))
            inside = None if moment == "after a while" else (moment, int(random.integers(2)))
            pid = fork(words, inside)
            if inside is None:
                time.sleep(random.uniform(0, longest))
                os.kill(pid, signal.SIGKILL)
            done[moment] += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
            check(words, log, quiet)
        start = time.monotonic()
        cells = typed(words, again=True)
        longest = min(longest, time.monotonic() - start)  # the machine may have become faster
        check(words, log, quiet)


def damaged(log: Path, source: str) -> None:
    """Edit each line of a journal, and leave it out: the command must name it."""
    lines = log.read_bytes().splitlines(keepends=True)
    for i, line in enumerate(lines):
        at = line.index(b'"do": "') + 7
        edited = line[:at] + b"x" + line[at + 1 :]
        for new in (edited, b"")[: 1 if i == len(lines) - 1 else 2]:  # nobody misses the last one
            log.write_bytes(b"".join([*lines[:i], new, *lines[i + 1 :]]))
            code = os.waitstatus_to_exitcode(os.waitpid(fork(["ask", source]), 0)[1])
            said = Path("stderr").read_text()
            assert code == 2, said
            assert f"Line {i + 1} of" in said, said
    log.write_bytes(b"".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option, default in (("kills", 200), ("seed", 0), ("rounds", 8)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--of", choices=[*PERSONS], default="table")
    main(**vars(parser.parse_args()))
