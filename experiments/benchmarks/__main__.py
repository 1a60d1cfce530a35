"""Run the benchmarks and print their tables."""

from __future__ import annotations

import os
import platform
import sys
from functools import partial
from pathlib import Path

import gymnasium
import numpy as np
from threadpoolctl import threadpool_limits

from ... import __version__
from ...envs.core import InputError
from ..runs.terminal import any_encoding, out, show
from .decisions import decisions, growth, low_rank_decisions, star_decisions
from .design import design
from .importing import importing
from .limits import graphs, memory, particles, resets, restarts
from .questions import questions
from .rates import rates
from .size import size
from .stepping import stepping, streams


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
    tables = {
        "Import": importing,
        "Stepping": stepping,
        "Random streams": streams,
        "Pools on graphs": graphs,
        "Restarts": restarts,
        "Partial resets": resets,
        "Particles": particles,
        "Memory": memory,
        "Growth": rates,
        "Decisions": decisions,
        "Decisions on a star graph": star_decisions,
        "Decisions by draws": low_rank_decisions,
        "Growth with the pool": growth,
        "Questions of an episode": questions,
        "A million items": size,
        "Design": design,
    }
    try:
        from .learning import learning

        tables["Learning"] = learning
    except InputError as error:
        out.print(f"Learning is not measured. {error}")
    if "--picture" in sys.argv:
        path = Path(sys.argv[sys.argv.index("--picture") + 1])
        tables = {"Growth": partial(rates, path=path)}
    for title, measure in tables.items():
        head, rows = measure(turns)
        show(head, rows, f"{title}: median over {turns} turns (10th to 90th percentile)")


if __name__ == "__main__":
    main()
