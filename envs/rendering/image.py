"""An episode as an image, drawn by matplotlib without its global state."""

from __future__ import annotations

import inspect
import itertools
import textwrap
import threading
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from .beside import draw_cloud, draw_profile
from .palette import COLOURS, GREY, LIGHT
from .picture import Cloud, Course, Curves, Drawable, Picture, Profile, Series, Trace
from .text import title

MOST_NAMES = 5  # series in a legend
COMPACT = 1.8  # how much larger letters are where the picture will be shown small


def paint(
    model: Drawable, trace: Trace, picture: Picture, *, compact: bool = False
) -> NDArray[np.uint8]:
    """Return the picture of an episode, ``(480, 640, 3)``.

    Before the first action it says what the problem is, where nothing that was to be expected does.

    Args:
        model: What describes the episode.
        trace: The episode so far.
        picture: What is to be seen of it.
        compact: To be shown small: large letters, no title, and of the curves the first two panels.
    """
    curves = [panel for panel in picture.panels if isinstance(panel, Curves)]
    curves = curves[:2] if compact else curves
    beside = [panel for panel in picture.panels if not isinstance(panel, Curves)][:1]
    sheet = _sheet(len(curves), type(beside[0]) if beside else None, compact)
    sheet.wipe()
    if not compact:
        sheet.entitle(title(model, trace, picture))
    played = picture.after(trace)
    # The axis is as long as what was to be expected; beyond, it doubles now and then.
    end = max([len(one.mean) - 1 for panel in curves if (one := panel.course())], default=0)
    end = end if 0 < end >= played else max(10, 1 << played.bit_length())
    end = end if picture.length is None else min(end, picture.length)
    for axes, panel in zip(sheet.curves, curves, strict=True):
        _curves(axes, panel, played, sheet.letters)
        axes.set_xlim(-0.01 * end, 1.01 * end + 0.5)
    if curves:
        sheet.curves[-1].set_xlabel(f"{picture.unit}s", fontsize=8 * sheet.letters, labelpad=1)
        if not played and curves[0].course() is None:
            _say(sheet.curves[0], inspect.getdoc(type(model)) or "", sheet.letters)
    for other in beside:
        if isinstance(other, Cloud):
            draw_cloud(sheet.beside, sheet.scale, other, sheet.letters)
        else:
            draw_profile(sheet.beside, other, sheet.letters)
    canvas: Any = sheet.canvas  # matplotlib types no methods of it
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


# ---- the sheet to draw on


class _Sheet:
    """A figure with its axes; it is drawn on again and again, for axes cost more than curves."""

    def __init__(self, curves: int, kind: type[Cloud | Profile] | None, compact: bool) -> None:
        self.letters = COMPACT if compact else 1.0
        small = 7 * self.letters
        self.figure = Figure(figsize=(6.4, 4.8), dpi=100)
        self.canvas = FigureCanvasAgg(self.figure)
        self.title = [
            self.figure.text(0.02, y, "", fontsize=size) for y, size in ((0.95, 10), (0.905, 8.5))
        ]
        left, right, bottom, top = 0.11, 0.52 if kind else 0.98, 0.085, 0.875
        if compact:
            left, right, bottom, top = 0.18, 0.56 if kind else 0.98, 0.14, 0.985
        shares = np.array([2.0, *[1.0] * (curves - 1)])[:curves]
        edges = top - np.append(0.0, shares.cumsum() / shares.sum()) * (top - bottom)
        self.curves = [
            self.figure.add_axes((left, low + 0.01, right - left, high - low - 0.03))
            for high, low in itertools.pairwise(edges)
        ]
        for axes in self.curves:
            lowest = axes is self.curves[-1]  # ticks are what costs most: one scale for all
            axes.xaxis.set_major_locator(
                MaxNLocator(3 if compact else 5, integer=True) if lowest else NullLocator()
            )
            axes.tick_params(labelsize=small, length=2)
            axes.spines[["top", "right"]].set_visible(False)
        if kind is not None:
            self._add_beside(kind, bool(curves), right, top)

    def _add_beside(
        self, kind: type[Cloud | Profile], curves: bool, right: float, top: float
    ) -> None:
        """Add the axes beside the curves."""
        left, narrow = right + 0.06 if curves else 0.05, self.letters > 1
        low = 0.2 + 0.05 * narrow
        if kind is Profile:
            left, low = left + 0.03 + 0.06 * narrow, 0.14 if narrow else 0.085
        axes = self.figure.add_axes((left, low, 0.97 - left, top - low - 0.02))
        axes.spines[["top", "right"]].set_visible(False)
        if kind is Cloud:
            axes.set(xticks=[], yticks=[])
            self.scale = self.figure.add_axes((left, low - 0.085, 0.97 - left, 0.02))
            self.scale.tick_params(labelsize=7 * self.letters, length=2)
        else:
            axes.tick_params(labelsize=7 * self.letters, length=2)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.yaxis.set_major_locator(MaxNLocator(4))
        self.beside = axes

    def entitle(self, lines: tuple[str, str]) -> None:
        """Write two lines above all."""
        for text, size, line in zip(self.title, (10, 8.5), lines, strict=True):
            text.set_text(_shorten(line, int(1010 / size)))

    def wipe(self) -> None:
        """Remove everything that was drawn for one frame."""
        for axes in self.figure.axes:
            for artist in [*axes.lines, *axes.collections, *axes.texts]:
                artist.remove()
            if (legend := axes.get_legend()) is not None:
                legend.remove()


_sheets = threading.local()


def _sheet(*layout: Any) -> _Sheet:
    known: dict[tuple[Any, ...], _Sheet] = vars(_sheets).setdefault("by_layout", {})
    if layout not in known:
        known[layout] = _Sheet(*layout)
    return known[layout]


# ---- what stands on it


def _curves(axes: Axes, panel: Curves, played: int, letters: float) -> None:
    fit = int(96 * axes.get_position().height / letters)  # letters beside the axes
    label = panel.label if letters == 1 else _shorten(panel.label, fit)
    axes.set_ylabel(label, fontsize=8 * letters, labelpad=2)
    named = sum(bool(series.name) for series in panel.series) + len(panel.marks)
    legend = 1 < named <= MOST_NAMES or bool(panel.marks) or panel.course() is not None
    _scale(axes, panel.log)
    low, top, high = _limits(panel, legend)
    axes.set_ylim(low, high)
    if (course := panel.course()) is not None:
        _course(axes, course)
    for i, series in enumerate(panel.series):
        colour = COLOURS[i % len(COLOURS) if series.colour is None else series.colour]
        _series(axes, series, played, colour)
    if panel.goal is not None:
        axes.axhline(panel.goal, color=GREY, linewidth=1, linestyle="--")
    for i, (name, times) in enumerate(panel.marks.items()):
        colour = COLOURS[-2 - i % (len(COLOURS) - 1)]
        axes.vlines(times, low, top, color=colour, linewidth=1, label=name)
    if legend:
        _legend(axes, letters)


def _limits(panel: Curves, legend: bool) -> tuple[float, float, float]:
    """Return where axes begin, where what is drawn ends, and where the axes end: a legend is above."""
    values = [np.asarray(series.values, np.float64) for series in panel.series]
    course = [] if (one := panel.course()) is None else [*_band(one), one.mean]
    levels = np.concatenate([*values, [] if panel.goal is None else [panel.goal], *course])
    levels = levels[np.isfinite(levels)]
    levels = np.log2(levels) if panel.log else levels
    low, high = (levels.min(), levels.max()) if len(levels) else (0.0, 1.0)
    bars = any(series.style == "bars" for series in panel.series)
    if bars:  # these stand on a floor, and a batch of one experiment must be seen as well
        low = min(low, 0.0) - panel.log
    room = 0.06 * (high - low) or 0.5
    low, top = low - room * (not bars), high + room
    ends = np.array([low, top, top + 0.3 * (top - room - low) if legend else top])
    low, top, high = (2.0**ends if panel.log else ends).tolist()
    return low, top, high


def _band(course: Course) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the band of a course lies; on its mean, where it has none."""
    low, high = course.low, course.high
    return course.mean if low is None else low, course.mean if high is None else high


def _course(axes: Axes, course: Course) -> None:
    """Draw what was to be expected, behind everything."""
    time = np.arange(len(course.mean))
    axes.fill_between(time, *_band(course), color=LIGHT, alpha=0.5, linewidth=0, zorder=0)
    axes.plot(time, course.mean, color=GREY, linewidth=1.2, label=course.name, zorder=0)


def _say(axes: Axes, text: str, letters: float) -> None:
    """Write the first sentence of a text into empty axes."""
    sentence = text.partition("\n\n")[0].replace("\n", " ")
    lines = textwrap.wrap(sentence, int(88 * axes.get_position().width / letters))
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9 * letters}
    axes.text(0.5, 0.5, "\n".join(lines), color=GREY, transform=axes.transAxes, **style)


def _legend(axes: Axes, letters: float) -> None:
    style: dict[str, Any] = {"columnspacing": 2 / letters, "handlelength": 2 / letters}
    style |= {"fontsize": 7 * letters, "frameon": False, "borderpad": 0}
    axes.legend(loc="upper left", ncols=MOST_NAMES, **style)


def _scale(axes: Axes, log: bool) -> None:
    scale = "log" if log else "linear"
    if axes.get_yscale() != scale:
        axes.set_yscale(scale, **({"base": 2} if log else {}))
    if log:
        axes.yaxis.set_major_locator(LogLocator(2, numticks=4))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(3))


def _series(axes: Axes, series: Series, played: int, colour: str) -> None:
    values = np.asarray(series.values, np.float64)
    time = np.arange(played + 1 - len(values), played + 1)
    label = series.name or "_"  # what starts like this is left out of the legend
    if series.style == "bars":
        axes.vlines(time, axes.get_ylim()[0], values, color=colour, linewidth=2.5, label=label)
    elif series.style == "points":
        axes.plot(time, values, "o", color=colour, markersize=3.5, label=label)
    else:
        (line,) = axes.plot(time, values, color=colour, linewidth=1.6, label=label)
        line.set_drawstyle("steps-post" if series.style == "steps" else "default")
        axes.plot(time[-1:], values[-1:], "o", color=colour, markersize=4)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
