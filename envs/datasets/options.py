"""The options of reading a table, each with its check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..core import InputError
from ..core.errors import shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What the columns of a table are, and how to read its cells.

    All of it may be left out: the reader then decides, or says what it cannot decide. A single name may
    be given in place of a sequence of names.

    Args:
        target: The label column. None: the one that is named like an outcome, else the last one.
        features: Names of the feature columns; None takes all that are left.
        drop: Columns that are neither features nor labels.
        categories: Columns of names: one indicator feature per level.
        minimise: Whether less is better; labels then change their sign. None: no, unless a
            ``config.json`` of Olympus beside the file says so.
        header: Whether the first row holds names; None looks, and refuses a row of numbers.
        names: Names of the columns, in place of a header.
        separator: What stands between cells; None finds it out of ``, ; tab |``.
        decimal: "." or ","; None looks, and refuses a file with both.
        thousands: What groups digits, such as ","; None refuses grouped digits.
        missing: Texts of the label column that mean "not measured yet", besides an empty cell and
            ``PENDING``.
        index: The column that names the rows; no feature. None: one that numbers them, if there is one.
        encoding: Encoding of the text; None takes what its mark says, UTF-8 or cp1252.
        descriptors: Tables that describe the levels of a category: the first column is called like
            the category and names its levels, the others are numbers and take the place of the
            indicator features.
    """

    target: str | None = None
    features: Any = None
    drop: Any = ()
    categories: Any = ()
    minimise: bool | None = None
    header: bool | None = None
    names: Any = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: Any = ()
    index: str | None = None
    encoding: str | None = None
    descriptors: Any = ()

    def __post_init__(self) -> None:
        for name in ("features", "names", "drop", "categories", "missing", "descriptors"):
            value = getattr(self, name)
            value = () if value is None and name not in ("features", "names") else value
            object.__setattr__(self, name, None if value is None else _texts(name, value))
        for name in ("target", "index", "separator", "decimal", "thousands", "encoding"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InputError(f"{name} must be a text, got {shown(value)}.")
            object.__setattr__(self, name, None if value is None else str(value))
        for name in ("minimise", "header"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, bool | np.bool_):
                raise InputError(f"{name} must be true, false or none, got {shown(value)}.")
            object.__setattr__(self, name, None if value is None else bool(value))
        self._check_signs()

    def _check_signs(self) -> None:
        """Refuse signs that cannot separate cells, digits or decimals."""
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal must be '.' or ',', got {shown(self.decimal)}.")
        for name in ("separator", "thousands"):
            sign = getattr(self, name)
            if sign is None or sign in tuple(" \t\u00a0\u202f"):
                continue
            if len(sign) != 1 or sign.isalnum() or sign in '"+-%' or not sign.isprintable():
                raise InputError(f"{name} must be one sign, such as ',', got {shown(sign)}.")
        if self.separator is not None and not self.separator.isascii():
            raise InputError(f"separator must be an ASCII sign, got {shown(self.separator)}.")
        if self.thousands is not None and self.thousands == self.decimal:
            raise InputError(
                f"thousands and decimal are both {self.thousands!r}; name another sign as decimal=."
            )

    def given(self, *but: str) -> list[str]:
        """Return the options that differ from their defaults, except those named in ``but``."""
        plain, names = Reading(), [name for name in self.options() if name not in but]
        return [name for name in names if getattr(self, name) != getattr(plain, name)]

    @property
    def key(self) -> tuple[Any, ...]:
        """All options: two readings with the same ones read alike."""
        return tuple(getattr(self, name) for name in self.options())

    @staticmethod
    def options() -> tuple[str, ...]:
        """Return the names of the options."""
        return tuple(option.name for option in fields(Reading))


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (str(value),)
    texts = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"{name} must be a name or a list of names, such as ['a', 'b'], got {shown(value)}."
        )
    return tuple(str(text) for text in texts)
