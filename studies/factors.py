"""A pool made of factors: every combination of their levels is a condition.

A factor whose levels are all numbers is a number; any other one is a category, with an indicator for
each level.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..envs.core import InputError, shown
from ..envs.core.arrays import Array
from ..envs.datasets import Table
from ..envs.datasets.files import MOST_CELLS, MOST_ROWS
from ..envs.datasets.table import Setting

Level: TypeAlias = str | float
Factors: TypeAlias = dict[str, tuple[Level, ...]]


def is_factors(given: Any) -> bool:
    """Return whether something is meant as factors: a dict, or one text or several with "="."""
    if isinstance(given, str):
        return "=" in given and not os.path.exists(given)  # noqa: PTH110 (any text, also no path)
    return isinstance(given, Mapping) or (
        isinstance(given, Sequence) and all(isinstance(one, str) for one in given)
    )


def read_factors(given: Any) -> Factors:
    """Return factors with their levels, in the order given.

    Args:
        given: A dict from names to levels, or texts such as ``"T=40,60"``.

    Raises:
        InputError: There is no factor, or one has no levels, or the same level twice.
    """
    texts = given.split() if isinstance(given, str) else given
    pairs = [*given.items()] if isinstance(given, Mapping) else [*map(_parted, texts)]
    factors: Factors = {}
    for name, levels in pairs:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"A factor is called by a text, got {shown(name)}.")
        if name in factors:
            raise InputError(f"The factor {name!r} is given twice; name all its levels at once.")
        factors[name] = _levels(name, levels)
    if not factors:
        raise InputError("A study needs factors, such as ligand=a,b T=40,60, or a file.")
    count = math.prod(map(len, factors.values()))
    width = sum(1 if numeric(levels) else len(levels) for levels in factors.values())
    if count > MOST_ROWS or count * width > MOST_CELLS:
        raise InputError(
            f"These factors make {count:,} conditions of {width} features; at most {MOST_ROWS:,} "
            f"conditions and {MOST_CELLS:,} numbers are taken. Leave out levels, or list the conditions "
            "that are possible in a file."
        )
    return factors


def pool_of(factors: Mapping[str, Sequence[Level]], target: str, minimise: bool) -> Table:
    """Return all combinations as a table without labels; the last factor changes fastest.

    Args:
        factors: Levels by the name of the factor.
        target: What the label is called.
        minimise: Whether less is better.
    """
    if target in factors:
        raise InputError(f"The target {target!r} is a factor, too; call it otherwise: target=.")
    sizes = [len(levels) for levels in factors.values()]
    codes = np.indices(sizes).reshape(len(sizes), -1)
    parts: list[Array] = []
    names: list[str] = []
    settings: list[Setting] = []
    levels_of: list[tuple[str, tuple[str, ...]]] = []
    for (name, levels), code in zip(factors.items(), codes, strict=True):
        if numeric(levels):
            parts.append(np.array(levels, np.float64)[code][:, None])
            found, texts = [name], tuple[str, ...]()
        else:
            texts = tuple(map(str, levels))
            parts.append(np.eye(len(levels))[code])
            found = [f"{name}={level}" for level in texts]
            levels_of.append((name, texts))
        settings.append(Setting(name, range(len(names), len(names) + len(found)), texts))
        names += found
    notes = [
        f"{name} is a category with the levels {', '.join(map(str, levels))}, for {odd} is no number"
        for name, levels in factors.items()
        if (odd := _odd(levels)) is not None
    ]
    return Table(
        name="factors",
        notes=tuple(notes),
        features=np.hstack(parts),
        labels=np.full(codes.shape[1], np.nan),
        feature_names=tuple(names),
        target=target,
        targets=(target,),
        minimise=minimise,
        levels=tuple(levels_of),
        settings=tuple(settings),
    )


def numeric(levels: Sequence[Level]) -> bool:
    """Return whether a factor is a number rather than a category."""
    return all(isinstance(level, float) for level in levels)


def _odd(levels: Sequence[Level]) -> str | None:
    """Return the level that makes a factor a category although most of its levels are numbers."""
    odd = [level for level in map(str, levels) if _number(level) is None]
    return odd[0] if 0 < 2 * len(odd) <= len(levels) else None


def _parted(text: str) -> tuple[str, list[str]]:
    name, sign, levels = text.partition("=")
    if not sign:
        raise InputError(f"A factor is written as T=40,60, got {shown(text)}.")
    return name.strip(), [level.strip() for level in levels.split(",")]


def _levels(name: str, levels: Any) -> tuple[Level, ...]:
    """Return the levels of a factor, as numbers where all of them are."""
    if isinstance(levels, str) or not isinstance(levels, Sequence | np.ndarray) or not len(levels):
        raise InputError(
            f"The factor {name!r} needs levels, such as {{{name!r}: [40, 60]}}, got {shown(levels)}."
        )
    found = [_number(level) for level in levels]
    every = None not in found
    out: tuple[Level, ...] = (
        tuple(number + 0.0 for number in found if number is not None)
        if every
        else tuple(_text(name, level) for level in levels)
    )
    if len(set(out)) < len(out):
        double = next(one for i, one in enumerate(out) if one in out[:i])
        raise InputError(f"The factor {name!r} has the level {shown(double)} twice.")
    return out


def _number(level: Any) -> float | None:
    """Return a level as a number; None where it is none."""
    if isinstance(level, bool | np.bool_):
        return None
    try:
        number = float(level)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and "_" not in str(level) else None


def _text(name: str, level: Any) -> str:
    text = str(level).strip() if isinstance(level, str | int | float | np.generic) else ""
    if not text:
        raise InputError(f"A level of the factor {name!r} is empty, or no text: {shown(level)}.")
    return text
