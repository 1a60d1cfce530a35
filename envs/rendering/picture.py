"""What an episode looks like, as data: a model says what is to be seen, `rendering` draws it.

Everything runs over the actions of an episode: its trace has one moment before the first action
and one after each of them. Where an action is several tests, or one that comes later, it runs over
these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Trace: TypeAlias = Sequence[tuple[Any, float, Any]]
"""The moments (action, reward, observation) of one episode; at the first one the action is None."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One value per moment.

    Args:
        name: Its name in the legend; "" leaves it out.
        values: Shape ``(T + 1,)`` from before the first of T actions on, or ``(T,)``, one per
            action. NaN leaves a gap.
        style: "line", "steps", "points" or "bars".
        colour: Number of its colour, so that one thing has one colour in all panels; -1 is black,
            None means its place among the series.
    """

    name: str = ""
    values: NDArray[Any]
    style: Literal["line", "steps", "points", "bars"] = "line"
    colour: int | None = None


@dataclass(frozen=True, kw_only=True)
class Course:
    """What was to be expected before the start, from before the first action on.

    Args:
        name: Whose course it is, for the legend.
        mean: Shape ``(L,)``, at least two.
        low: Where its band begins, ``(L,)``; None: no band.
        high: Where the band ends, ``(L,)``.
    """

    name: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Axes that show series over the actions of an episode.

    Args:
        label: What the values are, with their unit.
        series: What to draw, at least one; the text rendering shows the first, its gaps filled from
            the others of its style.
        goal: A level to reach, drawn as a line.
        log: Whether the values stand on a logarithmic scale; they must then be positive.
        marks: Events to mark: name to the numbers of their actions, counted from 1.
        course: Finds what was to be expected, or None; only images ask for it.
    """

    label: str
    series: tuple[Series, ...]
    goal: float | None = None
    log: bool = False
    marks: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    course: Callable[[], Course | None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Axes that show n items as points, coloured by their value where it is known.

    Args:
        label: What the values are, with their unit.
        points: Features of the items, shape ``(n, d)``, finite; more than two are projected onto
            their first two principal components.
        values: Value of each item, shape ``(n,)``, NaN where it is unknown.
        last: The item chosen last, or None.
        believed: What is believed of each item, in the unit of the values, ``(n,)``, or None.
        sure: How sure that is, from 0 to 1, ``(n,)``.
        names: What the two columns of the points are called; none where they mean nothing.
        tiles: Whether the points cover the plane, fifteen a side or so.
    """

    label: str
    points: NDArray[Any]
    values: NDArray[Any]
    last: int | None = None
    believed: NDArray[np.float64] | None = None
    sure: NDArray[np.float64] | None = None
    names: tuple[str, ...] = ()
    tiles: bool = False


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Axes that show a curve over what can be chosen next.

    Args:
        label: What the values are, with their unit.
        name: What can be chosen.
        choices: Shape ``(m,)``, ascending.
        values: Shape ``(m,)``.
        last: What was chosen last, or None.
    """

    label: str
    name: str
    choices: NDArray[np.float64]
    values: NDArray[np.float64]
    last: float | None = None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What an episode looks like.

    Args:
        panels: What to show, the most important first: up to four `Curves`, and one `Cloud` or
            `Profile`.
        unit: What one action is called: "epoch", "label".
        length: The number of them the budget allows, or None.
        played: How many of them there were so far; None: one a moment.
    """

    panels: tuple[Curves | Cloud | Profile, ...]
    unit: str = "action"
    length: int | None = None
    played: int | None = None

    def after(self, trace: Trace) -> int:
        """Return the number T of units that ``trace`` has been through."""
        return len(trace) - 1 if self.played is None else self.played


class Drawable(Protocol):
    """What can be drawn: something that describes its episodes, as every model does."""

    def picture(self, trace: Trace) -> Picture:
        """Return what is to be seen of an episode."""

    def action_name(self, action: Any) -> str:
        """Return an action in words."""

    def summary(self, observation: Any) -> str:
        """Return one line that tells where an episode stands."""


def projection(
    points: NDArray[Any], sample: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the sample in the plane ``(m, 2)``, the centre ``(d,)`` and the axes ``(d, 2)``.

    The axes are the first two principal components of the sample, each turned so that its largest
    entry is positive: the same items give the same picture.

    Args:
        points: The items, ``(n, d)``.
        sample: The items that span the plane, ``(m,)``.
    """
    some = np.asarray(points[sample], np.float64)
    centre, axis = some.mean(0), np.eye(some.shape[1])
    if len(axis) > 2:
        axis = np.linalg.svd(some - centre, full_matrices=False)[2][:2].T
        axis = axis * np.sign(axis[np.abs(axis).argmax(0), np.arange(axis.shape[1])])
    axis = np.pad(axis, ((0, 0), (0, 2 - axis.shape[1])))
    return (some - centre) @ axis, centre, axis
