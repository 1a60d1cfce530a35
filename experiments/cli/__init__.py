"""The command ``discovery-gym``: to list, play, compare, submit, verify, train and reproduce.

What a user got wrong is told in one line, with exit status 2; a run that failed or a worker that
was lost gives 1, an interrupt 130.
"""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ...envs.core import InputError, told
from ..runs.terminal import any_encoding, out, say
from . import (
    asking,
    boards,
    comparing,
    completing,
    learning,
    listing,
    playing,
    showing,
    watching,
)
from .shared import complain

app = typer.Typer(
    help="Which experiment to run next: for a table or a simulator of your own (ask, tell, show, "
    "compare), and as a benchmark with a leaderboard (list, evaluate, run, leaderboard).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        from ... import __version__

        out.print(f"discovery-gym {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


_COMMANDS: dict[str, Callable[..., None]] = {
    "ask": asking.ask,
    "tell": asking.tell,
    "show": showing.show,
    "compare": comparing.compare,
    "table": listing.table,
    "list": listing.list_all,
    "watch": watching.watch,
    "evaluate": playing.evaluate,
    "run": playing.run,
    "leaderboard": boards.leaderboard,
    "submit": boards.submit,
    "verify": boards.verify,
    "tune": playing.tune,
    "train": learning.train,
    "reproduce": learning.reproduce,
    "completion": completing.completion,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


def main() -> None:
    """Run the command line."""
    any_encoding()
    sys.path.append(str(Path.cwd()))  # last: what a text names, `mine:Name`, may lie in this folder
    warnings.showwarning = _warn
    try:
        _list() if sys.argv[1:] == ["list"] else app()
    except InputError as error:
        complain(str(error))
        sys.exit(2)
    except BrokenPipeError:  # whoever reads has seen enough
        sys.stdout = None  # type: ignore[assignment]
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        complain(f"What was found cannot be written: {error.strerror}.")
        sys.exit(1)
    except KeyboardInterrupt:  # between two commands of ours, as in closing a bar
        sys.exit(130)


def _list() -> None:
    """List what there is at once: Typer, to read an option, imports a library that takes .1 s."""
    listing.list_all()
    if sys.stdout is not None:  # type: ignore[redundant-expr]
        sys.stdout.flush()
    sys.exit(0)


def _warn(message: Warning | str, *place: Any, **more: Any) -> None:
    """Say a warning in one line, once; where in the code it came up is of no use here."""
    line = told(message, 1000)
    if line not in _WARNED:
        _WARNED.add(line)
        say(line, "yellow")


_WARNED: set[str] = set()
