"""What commands share: their common options, and how they end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ...envs.core import told
from ..runs.terminal import say

Out = Annotated[
    Path, typer.Option("--out", help="Folder for the results; made if it is not there.")
]
Kwargs = Annotated[str, typer.Option(help="Parameters of the environment, as JSON.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One parameter as name=value, once for each; lists as '[1, 2]'."),
]

Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")]


def complain(message: str) -> None:
    """Print what went wrong to stderr, in one line."""
    say(told(message, 4000), "red")


def say_notes(env: str, parameters: Mapping[str, Any]) -> None:
    """Say what was decided in reading the table that an environment is made of."""
    from ...envs import datasets

    if "TablePool" in env and "dataset" in parameters:
        names = {"dataset", *datasets.Reading.options()} & set(parameters)
        for note in datasets.load(**{name: parameters[name] for name in names}).notes:
            say(f"note: {note}")


@contextlib.contextmanager
def resumable() -> Iterator[None]:
    """Turn the end of runs from outside into an exit status."""
    from ..runs.engine import WorkerLost

    try:
        yield
    except WorkerLost as error:
        complain(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("Interrupted. Finished runs are kept; the same command plays the rest.")
        raise typer.Exit(130) from None
