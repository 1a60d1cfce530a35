"""Run the benchmarks and print their tables."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np
from threadpoolctl import threadpool_limits

from ... import __version__
from ...envs.core import InputError
from ..runs.terminal import any_encoding, out, show
from .decisions import decisions, design, questions, truths
from .processes import importing, memory, size
from .rates import rates
from .stepping import graphs, particles, resets, restarts, stepping, streams
from .timing import HEAD, Rows

TABLES: tuple[Callable[[], Rows], ...] = (importing, stepping, streams, graphs, restarts, resets)
TABLES += (particles, truths, memory, decisions, questions, size, design)


def main() -> None:
    """Print every table; ``--quick`` takes few turns, to see that the programs run.

    ``--picture FILE`` measures how rates and costs grow, and nothing else, and draws them.
    """
    turns = 3 if "--quick" in sys.argv[1:] else 25
    picture = None
    if "--picture" in sys.argv:
        picture = Path(sys.argv[sys.argv.index("--picture") + 1])
    # One core for everyone, and one thread of the linear algebra.
    threadpool_limits(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    any_encoding()
    out.print(
        f"discovery_gym {__version__}, gymnasium {gymnasium.__version__}, numpy "
        f"{np.__version__}, Python {platform.python_version()}, {platform.machine()}, one core; medians "
        f"of at most {turns} turns (10th to 90th percentile)"
    )
    for table in TABLES if picture is None else ():
        _show(table, turns)
    show(*rates(turns, picture), "How rates and costs grow")
    if picture is None:
        try:
            from .learning import learning
        except InputError as error:
            out.print(f"Learning is not measured. {error}")
        else:
            _show(learning, turns)


def _show(table: Callable[[], Rows], turns: int) -> None:
    title = (table.__doc__ or "").splitlines()[0]
    show(HEAD, [row.cells(turns) for row in table()], title)


if __name__ == "__main__":
    main()
