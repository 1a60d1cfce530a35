"""What commands share: their common options, and how they end."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer import Argument, Option

from ...envs.core import InputError, told
from ..runs.parameters import parameters
from ..runs.terminal import out, say

Out = Annotated[Path, Option("--out", help="Folder for the results; made if it is not there.")]
Environment = Annotated[str, Argument(help="An environment: GaussianStep, module:lab/Mine-v0.")]
Player = Annotated[str, Argument(help="An agent: 'bayes_ucb(width=2)', ./mine.py:Name.")]
Kwargs = Annotated[str, Option(help="Parameters of the environment, as JSON.")]
Settings = Annotated[
    list[str] | None,
    Option("--set", help="One parameter as name=value, once for each; lists as '[1, 2]'."),
]
ReadAs = Annotated[
    list[str] | None,
    Option("--set", help='How a table is read: drop=run, drop=\'["a", "b"]\', header=false.'),
]
Metrics = Annotated[
    list[str] | None,
    Option("--metric", help="What else to compute: 'top(share=0.05)', area. May be repeated."),
]
Workers = Annotated[int | None, Option(min=1, help="Processes; by default one per core.")]


def _gone(shard: str | None) -> None:
    if shard is not None:
        raise InputError(
            "--shard is gone: give the same command on every machine that sees the folder, and they "
            "share the runs."
        )


Shard = Annotated[str | None, Option(hidden=True, callback=_gone)]
Slurm = Annotated[
    int | None,
    Option(min=1, help="Submit a Slurm job array of so many tasks, which share the runs."),
]
SlurmOptions = Annotated[
    list[str] | None, Option(help="An option of sbatch, such as --time=1:00:00; may be repeated.")
]
Ray = Annotated[
    str | None, Option(metavar="ADDRESS", help="Play on a Ray cluster; auto: that of this machine.")
]

Agents = Annotated[
    list[str] | None,
    Option(help="An agent that joins, NAME=AGENT: mine=./mine.py:Name. May be repeated."),
]
Tasks = Annotated[
    list[str] | None, Option(help="Play only the task of this name; may be repeated.")
]
Trust = Annotated[
    bool, Option("--trust", help="Run the code of others that the suite's file names.")
]


class Manner(NamedTuple):
    """How results are told: in place of a label, and of which; as a repetition; why one failed."""

    correct: bool
    which: int | None
    again: bool
    why: str


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Let what code of others prints go to stderr, and its end be no end of a command that is done."""
    kept, out.file = sys.stdout, sys.stdout
    sys.stdout = sys.stderr if kept is not None else None
    try:
        yield
    except SystemExit as end:  # no command of ours raises it
        complain(f"The code that was named has ended the program, with SystemExit({end.code!r}).")
        raise typer.Exit(1) from None
    finally:
        sys.stdout, out.file = kept, None  # type: ignore[assignment]  # again whatever stdout is


def reading(target: str | None, settings: Sequence[str] | None) -> dict[str, Any]:
    """Return how a table is read."""
    options = parameters("{}", settings or [], example="drop=run")
    return options if target is None else options | {"target": target}


def is_design(source: str) -> bool:
    """Return whether a file is a problem of experimental design rather than a table."""
    return Path(source).suffix.lower() == ".toml"


def note(message: str) -> None:
    """Print what is good to know to stderr, in one line."""
    say(told(message, 4000), "yellow")


def complain(message: str) -> None:
    """Print what went wrong to stderr, in one line."""
    say(told(message, 4000), "red")


def say_notes(env: str, given: Mapping[str, Any]) -> None:
    """Say what was decided in reading the table that an environment is made of."""
    from ...envs import datasets
    from ...envs.pools.columns import named_columns

    if "TablePool" in env and "dataset" in given:
        options = {"dataset", *datasets.Reading.options()} & set(given)
        how = {name: given[name] for name in options}
        if aside := named_columns(given.get("fidelities"), given.get("price")):
            how["drop"] = (*how.get("drop", ()), *aside)
        for note in datasets.load(**how).notes:
            say(f"note: {note}")


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Turn the end of runs from outside into an exit status."""
    from ..runs.sharing import WorkerLost

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, interrupt)  # as a scheduler ends us: in good order, too
    try:
        yield
    except WorkerLost as error:
        complain(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("Interrupted. Finished runs are kept; the same command plays the rest.")
        raise typer.Exit(130) from None
