"""Run the benchmarks and print their tables."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path

import gymnasium
import numpy as np
from threadpoolctl import threadpool_limits

from ... import __version__
from ...envs.core import InputError
from ..runs.terminal import any_encoding, out, show
from .decisions import decisions, questions
from .design import design
from .limits import graphs, memory, particles, resets
from .processes import importing, size
from .rates import rates
from .stepping import restarts, stepping, streams
from .timing import Measured


def main() -> None:
    """Print every table; ``--quick`` takes few turns, to see that the programs run.

    ``--picture FILE`` measures how rates and costs grow, and nothing else, and draws them.
    """
    turns = 3 if "--quick" in sys.argv[1:] else 25
    # One core for everyone, and one thread of the linear algebra.
    threadpool_limits(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    any_encoding()
    out.print(
        f"discovery_gym {__version__}, gymnasium {gymnasium.__version__}, numpy "
        f"{np.__version__}, Python {platform.python_version()}, {platform.machine()}, one core"
    )
    tables: list[Callable[[int], Measured]] = [
        importing,
        stepping,
        streams,
        graphs,
        restarts,
        resets,
    ]
    tables += [particles, memory, rates, decisions, questions, size, design]
    try:
        from .learning import learning

        tables.append(learning)
    except InputError as error:
        out.print(f"Learning is not measured. {error}")
    if "--picture" in sys.argv:
        picture = Path(sys.argv[sys.argv.index("--picture") + 1])
        tables = [update_wrapper(partial(rates, path=picture), rates)]
    for measure in tables:
        title = (
            f"{measure.__name__.capitalize()}: median over {turns} turns (10th to 90th percentile)"
        )
        show(*measure(turns), title)


if __name__ == "__main__":
    main()
