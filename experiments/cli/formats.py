"""Results as JSON: one object on stdout, strict, with the numbers as they are.

`format` is the version of the keys, which the guide describes: a key that is there stays what it is.
What is not known, and what is no finite number, is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ...envs.core import InputError, shown
from ..runs.terminal import out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..report.stats import Interval

FORMAT = 1
"""Version of the keys; it rises when one goes or changes its meaning."""


def _known(form: str | None) -> str | None:
    if form not in (None, "json"):
        raise InputError(
            f"--format must be json, got {shown(form)}; without it a table is printed."
        )
    return form


Form = Annotated[
    str | None,
    Option("--format", callback=_known, help="json: print one JSON object, for programs."),
]


def write(kind: str, document: Mapping[str, Any]) -> None:
    """Print a document: in one line, but for people on a terminal."""
    whole = plain({"format": FORMAT, "kind": kind, **document})
    print(json.dumps(whole, allow_nan=False, indent=2 if out.is_terminal else None), file=out.file)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: arrays as lists, numbers that are not finite as null."""
    if hasattr(value, "tolist"):  # of NumPy
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | Set):
        return [plain(one) for one in value]
    return str(value)


def estimate(one: Interval | None) -> dict[str, Any] | None:
    """Return an estimate with its 95 % interval, and how that was found."""
    if one is None:
        return None
    return {"value": one.value, "low": one.low, "high": one.high, "how": one.how or None}


def mean(values: NDArray[Any] | None) -> dict[str, Any] | None:
    """Return mean and standard error of ``(E,)`` values; the error of one is null."""
    if values is None:
        return None
    count = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else None
    return {"mean": float(values.mean()), "standard_error": error}
