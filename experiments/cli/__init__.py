"""The command ``discovery-gym``: to list, play, compare, submit, verify, train and reproduce.

Results go to stdout, all else to stderr. The exit status is 0 if it is done; 1 if something failed,
such as a run, or the answer is no, as of an entry that is refused; 2 if it was typed wrong, which is
told in one line that ends with what to type, where that is known; 130 after an interrupt.
"""

from __future__ import annotations

import contextlib
import errno
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from ...envs.core import InputError, told
from ..runs.terminal import any_encoding, out, say
from . import asking, boards, comparing, completing, learning, listing, playing, showing, watching
from .correcting import EXAMPLES, example, instead
from .shared import apart, complain

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
        bool, Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def completion(shell: completing.Shell) -> None:
    """Print the script by which a shell completes."""
    completing.complete(shell, typer.main.get_command(app))


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
    "completion": completion,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=f"Example: {EXAMPLES[_name]}")(apart()(_command))
_AT_ONCE: dict[str, tuple[Callable[..., None], int]] = {
    "list": (listing.list_all, 0),
    "completion": (completion, 1),
}
"""Commands that a person or a shell waits for, with how many arguments."""


def main() -> None:
    """Run the command line."""
    with contextlib.suppress(ValueError):  # only the main thread may
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # while this package was imported
            signal.signal(signal.SIGINT, signal.default_int_handler)
    any_encoding()
    sys.path.append(str(Path.cwd()))  # last: what a text names, `mine:Name`, may lie in this folder
    warnings.showwarning = _warn
    try:
        _run()
    except InputError as error:
        command = instead(str(error), sys.argv[1:])
        complain(f"{error} Type: {command}" if command else str(error))
        sys.exit(2)
    except SystemExit as end:
        if end.code == 2 and (command := example(sys.argv[1:], _COMMANDS)):
            say(f"Such as: {command}", "red")
        raise
    except BrokenPipeError:  # whoever reads has seen enough
        sys.stdout = None
        sys.exit(1)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            complain(f"What was found cannot be written: {error.strerror}.")
        else:  # of an agent, say: its words may be escape codes
            for line in traceback.format_exc().splitlines():
                say(line)
        sys.exit(1)
    except KeyboardInterrupt:  # between two commands of ours, as in closing a bar
        sys.exit(130)


def _run() -> None:
    """Run what was typed: at once where no option is to be read, for which Typer takes .1 s more."""
    name, *words = sys.argv[1:] or [""]
    command, arguments = _AT_ONCE.get(name, (app, -1))
    if len(words) != arguments or any(word.startswith("-") for word in words):
        app()
    command(*words)
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.exit(0)


def _warn(message: Warning | str, *place: Any, **more: Any) -> None:
    """Say a warning in one line, once; where in the code it came up is of no use here."""
    line = told(COLOUR.sub("", str(message)), 1000)  # Gymnasium paints its own
    if line not in _WARNED:
        _WARNED.add(line)
        say(line, "yellow")


COLOUR = re.compile(r"\x1b\[[\d;]*m")
_WARNED: set[str] = set()
