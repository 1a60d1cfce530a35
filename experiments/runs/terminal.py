"""What the command line prints: results on stdout, everything else on stderr.

On a terminal a result is a table. Elsewhere it is lines of cells with tabs between them, whole and
without colours, for `grep`, `cut` and their like. ``NO_COLOR`` leaves no escape code at all, and an
encoding that lacks a letter gets the nearest plain one.
"""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from ...envs.core import spelt, told

PAUSE = 10.0
"""Seconds between two lines that say how far something is, where no bar can be drawn."""
PLAIN = {"−": "-", "–": "-", "—": "-", "±": "+-", "µ": "u", "×": "x", "…": "...", "→": "->"}
"""Letters of ours that an encoding may lack."""


def _console(stderr: bool) -> Console:
    console = functools.partial(Console, stderr=stderr, highlight=False, markup=False, emoji=False)
    if os.environ.get("NO_COLOR"):
        plain = False if stderr else None  # a bar moves by escape codes, a table does not
        made = console(color_system=None, force_terminal=plain)
    else:
        made = console()
    if not all(made.size):  # COLUMNS=0, which would print nothing
        made.size = made.width or 80, made.height or 25
    return made


out, err = _console(stderr=False), _console(stderr=True)


def _nearest(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for letters that an encoding lacks: the nearest plain ones, or "?"."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if all("\udc80" <= letter <= "\udcff" for letter in text):  # a file's name, as bytes
        return text.encode(errors="surrogateescape"), error.end
    bases = (unicodedata.normalize("NFKD", letter).encode("ascii", "ignore") for letter in text)
    plain = (PLAIN.get(a) or b.decode() or "?" for a, b in zip(text, bases, strict=True))
    return "".join(plain), error.end


def any_encoding() -> None:
    """Let whatever is printed be printed in any encoding."""
    codecs.register_error("discovery_gym.nearest", _nearest)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # it is closed, or a test's, where it has not
            stream.reconfigure(errors="discovery_gym.nearest")


def say(message: str, style: str | None = None) -> None:
    """Print one line to stderr, if it takes one."""
    with contextlib.suppress(OSError):
        err.print(spelt(message), style=style, soft_wrap=True)


def show(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str | None = None
) -> None:
    """Print a table to stdout; with a title, all but its first column are numbers."""
    title = None if title is None else told(title, None)
    head, *cells = [[_clean(cell) for cell in row] for row in [columns, *rows]]
    if not out.is_terminal:
        lines = ["\t".join(map(str, row)).replace("−", "-") for row in [head, *cells]]
        lines = [*([] if title is None else [title]), *lines, ""]
        print(*lines, sep="\n", file=out.file)
        return
    from rich.measure import Measurement  # in pipes, and for help, nobody waits for these
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )
    for index, column in enumerate(head):
        numbers = title is not None and index > 0
        whole = numbers or index == 0
        longest = max(len(column), *(len(row[index]) for row in cells if index < len(row)), 0)
        table.add_column(
            column,
            justify="right" if numbers else "left",
            no_wrap=whole,
            overflow="fold",
            min_width=longest if whole else min(longest, 20),
        )
    for row in cells:
        table.add_row(*row)
    # In a narrow terminal the lines go on in the next one: an id that is cut is no use.
    least = Measurement.get(out, out.options.update(max_width=10_000), table).minimum
    table.width = least if least > out.width else None
    out.print(table, crop=False)


def stream(cells: Sequence[str], widths: Sequence[int]) -> None:
    """Print one row to stdout at once, before others are known.

    Args:
        cells: Its cells.
        widths: The letters that a terminal gives to each, numbers less than 0; 0: what it needs.
    """
    texts = [str(_clean(cell)) for cell in cells]
    if out.is_terminal:
        pairs = zip(texts, widths, strict=True)
        line = "  ".join(
            text.rjust(-width) if width < 0 else text.ljust(width) for text, width in pairs
        )
    else:
        line = "\t".join(texts).replace("−", "-")
    print(line.rstrip(" "), file=out.file, flush=True)


def _clean(cell: str | Text) -> Text:
    return Text(told(cell, None), cell.style if isinstance(cell, Text) else "")


@contextlib.contextmanager
def progress(total: int, unit: str) -> Iterator[Callable[[int, str], None]]:
    """Show on stderr how far something is: a bar, or where there is no terminal a line now and then.

    Args:
        total: How much there is to do.
        unit: Of what.

    Yields:
        A function that is told how much is done, and what is at hand.
    """
    if err.is_terminal and not err.is_dumb_terminal:
        from rich.progress import (  # as above
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        words = TextColumn("{task.description}", markup=False)
        with Progress(*columns, words, console=err) as bar:
            task = bar.add_task("", total=total)
            yield lambda done, at: bar.update(task, completed=done, description=told(at, 200))
        return
    with _telling(total, unit) as update:
        yield update


@contextlib.contextmanager
def _telling(total: int, unit: str) -> Iterator[Callable[[int, str], None]]:
    """Say in a line, now and then, how far something is."""
    state, began, ended = (0, ""), time.monotonic(), threading.Event()

    def update(done: int, at: str) -> None:
        nonlocal state
        state = done, at

    def tell() -> None:
        while not ended.wait(PAUSE):
            done, at = state
            spent = time.monotonic() - began
            words = f": {told(at, 200)}" if at else ""
            say(f"{done:,} of {total:,} {unit} after {spent:.0f} s{words}")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield update
    finally:
        ended.set()
        teller.join()
