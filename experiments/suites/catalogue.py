"""The suites that the package brings, ``NAME.toml`` in this folder, and those of a user's files."""

from __future__ import annotations

from pathlib import Path

from ...envs.core import InputError, closest, shown
from . import files
from .task import Suite
from .tuning import with_tuned

NAMES = ("smoke", "quick", "pools", "design", "budgets", "paper", "full")
SUITES = {name: with_tuned(files.read(Path(__file__).with_name(f"{name}.toml"))) for name in NAMES}


def suite(name: str) -> Suite:
    """Return a suite by its name, or the one in a file: ``"mine.toml"``.

    Raises:
        InputError: An unknown name, or a file that is no suite or takes the name of one of ours.
    """
    if name in SUITES:
        return SUITES[name]
    if not name.endswith(".toml"):
        raise InputError(
            f"There is no suite {shown(name)}{closest(name, SUITES)} Known are {', '.join(SUITES)}; one "
            "of your own is named by its file, such as mine.toml."
        )
    found = files.read(Path(name))
    if found.name in SUITES:
        raise InputError(
            f"{shown(name)} has the name of a suite of this package, {found.name!r}; give it another."
        )
    return with_tuned(found)
