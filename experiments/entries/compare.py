"""What an entry says of its episodes against what they are, and that against what is possible.

On the same numeric stack (NumPy, SciPy, BLAS, processor) a replay returns the same bits. On another one
sums of products round differently, and a number may differ by a billionth of what makes it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...envs.core import shown
from ..runs.evaluation import Evaluation

ROUNDING = 1e-9
"""What rounding may do to a reward, relative to the reward or to 1."""
SURE = 4.0
"""Standard errors by which no mean return exceeds the exact optimum by chance."""


class Column(NamedTuple):
    """A number of each episode, ``(E,)``, or one after each of some decisions, ``(E, P)``."""

    name: str
    claimed: NDArray[Any] | None
    played: NDArray[Any] | None


def difference(claimed: Evaluation, played: Evaluation, same: bool) -> str | None:
    """Return where two evaluations of the same actions differ, in words without a full stop.

    Args:
        claimed: What a record says.
        played: What a replay found.
        same: Whether both were computed on the same numeric stack, so that every bit must agree.
    """
    if not np.array_equal(claimed.points, played.points):
        return (
            f"its points are {shown(claimed.points.tolist())}, not {shown(played.points.tolist())}"
        )
    for name in ("random_value", "optimal_value"):
        ours, theirs = getattr(played, name), getattr(claimed, name)
        if (ours is None) != (theirs is None) or (ours is not None and _apart(theirs, ours, 1)):
            return f"its {name} is {shown(theirs)}, and the exact one {shown(ours)}"
    for column in _columns(claimed, played):
        if (column.claimed is None) != (column.played is None):
            return f"its {column.name} is there, and not in a replay, or the other way round"
        place = _first(column, played, same)
        if place is not None:
            return _told(column, played, place)
    return None


def _columns(claimed: Evaluation, played: Evaluation) -> Iterator[Column]:
    """Yield what is compared; numbers along the way first, for they tell the decision."""
    along = "return" if played.regret is None else "regret"
    names = {"after": along, "best_after": "best label", "spent_after": "money spent",
             "lengths": "number of decisions", "returns": "return", "regret": "regret",
             "spent": "money spent"}  # fmt: skip
    for name, words in names.items():
        yield Column(words, getattr(claimed, name), getattr(played, name))
    for name in sorted(claimed.metrics.keys() | played.metrics.keys()):
        yield Column(name, claimed.metrics.get(name), played.metrics.get(name))


def is_equal(claimed: Evaluation, played: Evaluation) -> bool:
    """Return whether every number of the episodes is the same to the last bit."""
    return all(
        np.array_equal(column.claimed, column.played, equal_nan=True)
        for column in _columns(claimed, played)
        if column.claimed is not None and column.played is not None
    )


def _first(column: Column, played: Evaluation, same: bool) -> tuple[int, ...] | None:
    """Return the first place, by episode and then along it, in which a column differs."""
    theirs, ours = column.claimed, column.played
    if theirs is None or ours is None:
        return None
    if theirs.shape != ours.shape:
        return (0,)
    lengths = played.lengths.reshape(-1, *[1] * (ours.ndim - 1))
    apart = (theirs != ours) if same else _apart(theirs, ours, lengths)
    apart = apart & ~(np.isnan(theirs) & np.isnan(ours))
    return tuple(map(int, np.argwhere(apart)[0])) if apart.any() else None


def _apart(theirs: Any, ours: Any, decisions: Any) -> Any:
    """Return where numbers that are sums over some decisions differ by more than rounding."""
    with np.errstate(invalid="ignore"):
        return ~(abs(theirs - ours) <= ROUNDING * np.maximum(decisions, abs(ours)))


def _told(column: Column, played: Evaluation, place: tuple[int, ...]) -> str:
    assert column.claimed is not None
    assert column.played is not None
    if column.claimed.shape != column.played.shape:
        return f"its {column.name} has the shape {column.claimed.shape}, not {column.played.shape}"
    theirs, ours = column.claimed[place], column.played[place]
    along = len(place) > 1 and column.played.shape[1] == len(played.points)
    step = f"after decision {played.points[place[1]]:,} " if along else ""
    return (
        f"{episode(played, place[0])}: {step}the {column.name} is {theirs:.15g} in the record and "
        f"{ours:.15g} when its actions are played"
    )


def episode(played: Evaluation, index: int) -> str:
    """Return the words for an episode: its number from 0, and its seed."""
    return f"episode {index:,} (seed {played.seed + index:,})"


def beyond(played: Evaluation) -> str | None:
    """Return which bound the episodes pass that no agent can pass without foresight, in words.

    Where every episode knows what it offered, no regret is below 0. Elsewhere the optimum is that of
    the best agent, and no mean return is above it but by chance.
    """
    if played.regret is not None:
        below = played.regret < -ROUNDING * np.maximum(1, abs(played.returns))
        if below.any():
            index = int(below.argmax())
            return f"{episode(played, index)}: its regret is {played.regret[index]:.6g}, below 0"
        return None
    if played.optimal_value is None or len(played.returns) < 2:
        return None
    error = played.returns.std(ddof=1) / np.sqrt(len(played.returns))
    most = played.optimal_value + SURE * error + ROUNDING * max(1, abs(played.optimal_value))
    if played.returns.mean() <= most:
        return None
    return (
        f"its mean return is {played.returns.mean():.6g}, more than {SURE:g} standard errors of "
        f"{error:.2g} above the exact optimum {played.optimal_value:.6g}"
    )
