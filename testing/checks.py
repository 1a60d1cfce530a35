"""What a check says when it fails."""

from __future__ import annotations

from typing import Any

from gymnasium.utils.env_checker import data_equivalence

from ..envs.core import told

ERRORS = 5.0
"""Standard errors by which a mean may be off."""


class CheckFailed(AssertionError):
    """What a check found, and what it expected."""


def hold(holds: Any, what: str, found: object, expected: object) -> None:
    """Raise `CheckFailed` unless something holds."""
    if not holds:
        raise CheckFailed(f"{what}: found {told(found)}, expected {told(expected)}.")


def hold_same(what: str, found: Any, expected: Any) -> None:
    """Hold that two nested structures are equal bit for bit, types and shapes included."""
    hold(data_equivalence(found, expected, exact=True), what, found, expected)
