"""Reproductions: the figures and tables of the sources, made again from the environments.

Each writes a report. A Markdown file beside its module has the words, with names of numbers.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from ...envs.core import InputError, closest
from ...envs.core.files import writing_to
from ..runs.terminal import say

__all__ = ["REPRODUCTIONS", "reproduce"]

REPRODUCTIONS = {
    "high-throughput": "high_throughput.report:high_throughput",
    "asd-figure-1": "adaptive_sampling.figure_1:asd_figure_1",
    "asd-table-1": "adaptive_sampling.table_1:asd_table_1",
    "general-conditions": "general_conditions.report:general_conditions",
    "robot-physicist": "experimental_design.robot_physicist:robot_physicist",
    "design-benchmarks": "experimental_design.benchmarks:design_benchmarks",
    "constrained-design": "experimental_design.constrained:constrained_design",
}
"""Module and function of each reproduction; they are imported when they run."""


def reproduce(name: str, out: Path, **options: Any) -> list[Path]:
    """Write the reproduction ``name`` into ``out``; return its files, `index.html` first.

    Args:
        name: One of `REPRODUCTIONS`.
        out: The folder, which is made if it is not there; files of an earlier run are replaced.
        **options: Handed to the reproduction: ``episodes`` behind each number, ``seed`` of the first
            one and, where it plays suites, ``workers``, by default a process per core. Finished runs
            of suites are kept in ``out``, so that a second call resumes a killed one.

    Raises:
        InputError: The name or an option is not known, an option is out of range, a data set is not
            here, or nothing can be written to ``out``.
    """
    function = _function(name)
    known = list(inspect.signature(function).parameters)[1:]
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no option {option}; it takes {', '.join(known)}.")
    folder = _folder(Path(out))
    say(f"{name}: what it needs is played or computed, then section after section")
    from .figures import style  # matplotlib is slow to import

    with style():
        return function(folder, **options)


def _function(name: str) -> Callable[..., list[Path]]:
    if name not in REPRODUCTIONS:
        raise InputError(
            f"There is no reproduction {name!r}{closest(name, REPRODUCTIONS)} "
            f"Known are {', '.join(REPRODUCTIONS)}."
        )
    module, attribute = REPRODUCTIONS[name].split(":")
    found: Callable[..., list[Path]] = getattr(import_module(f".{module}", __name__), attribute)
    return found


def _folder(out: Path) -> Path:
    """Return a folder that is there and can be written to."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the report.")
    with writing_to(out, "the report"):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    return out
