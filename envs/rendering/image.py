"""An episode as an image, drawn by matplotlib without its global state."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from .palette import COLOURS, GREY, LIGHT
from .picture import Cloud, Curves, Drawable, Series, Trace, projection
from .text import title

MOST_POINTS = 1500  # items of a cloud that are drawn; beyond, an even sample of them
MOST_NAMES = 5  # series in a legend
COMPACT = 1.8  # how much larger letters are where the picture will be shown small


def paint(model: Drawable, trace: Trace, *, compact: bool = False) -> NDArray[np.uint8]:
    """Return the picture of an episode, ``(480, 640, 3)``.

    Args:
        model: What describes the episode.
        trace: The episode so far.
        compact: To be shown small: large letters, no title, and of the curves the first two panels.
    """
    picture = model.picture(trace)
    curves = [panel for panel in picture.panels if isinstance(panel, Curves)]
    curves = curves[:2] if compact else curves
    clouds = [panel for panel in picture.panels if isinstance(panel, Cloud)][:1]
    sheet = _sheet(len(curves), bool(clouds), compact)
    sheet.wipe()
    if not compact:
        sheet.entitle(title(model, trace, picture))
    played = len(trace) - 1
    # The axis doubles now and then, and stands still otherwise.
    end = max(10, 1 << played.bit_length())
    end = end if picture.length is None else min(end, picture.length)
    for axes, panel in zip(sheet.curves, curves, strict=True):
        _curves(axes, panel, played, sheet.letters)
        axes.set_xlim(-0.01 * end, 1.01 * end + 0.5)
    if curves:
        sheet.curves[-1].set_xlabel(picture.unit, fontsize=8 * sheet.letters, labelpad=1)
    for cloud in clouds:
        _cloud(sheet, cloud)
    canvas: Any = sheet.canvas  # matplotlib types no methods of it
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


# ---- the sheet to draw on


class _Sheet:
    """A figure with its axes; it is drawn on again and again, for axes cost more than curves."""

    def __init__(self, curves: int, cloud: bool, compact: bool) -> None:
        self.letters = COMPACT if compact else 1.0
        small = 7 * self.letters
        self.figure = Figure(figsize=(6.4, 4.8), dpi=100)
        self.canvas = FigureCanvasAgg(self.figure)
        self.title = [
            self.figure.text(0.02, y, "", fontsize=size) for y, size in ((0.95, 10), (0.905, 8.5))
        ]
        left, right, bottom, top = 0.11, 0.52 if cloud else 0.98, 0.085, 0.875
        if compact:
            left, right, bottom, top = 0.18, 0.56 if cloud else 0.98, 0.14, 0.985
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
        if cloud:
            left = right + 0.06 if curves else 0.05
            low = 0.2 + 0.05 * compact
            self.cloud = self.figure.add_axes((left, low, 0.97 - left, top - low - 0.02))
            self.cloud.set(xticks=[], yticks=[])
            self.cloud.spines[["top", "right"]].set_visible(False)
            self.scale = self.figure.add_axes((left, low - 0.085, 0.97 - left, 0.02))
            self.scale.tick_params(labelsize=small, length=2)

    def entitle(self, lines: tuple[str, str]) -> None:
        """Write two lines above all."""
        for text, size, line in zip(self.title, (10, 8.5), lines, strict=True):
            text.set_text(_shorten(line, int(1010 / size)))

    def wipe(self) -> None:
        """Remove everything that was drawn for one frame."""
        for axes in self.figure.axes:
            for artist in [*axes.lines, *axes.collections]:
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
    values = [np.asarray(series.values, np.float64) for series in panel.series]
    levels = np.concatenate([*values, [] if panel.goal is None else [panel.goal]])
    levels = levels[np.isfinite(levels)]
    bars = any(series.style == "bars" for series in panel.series)
    named = sum(bool(series.name) for series in panel.series) + len(panel.marks)
    legend = 1 < named <= MOST_NAMES or bool(panel.marks)
    _scale(axes, panel.log)
    levels = np.log2(levels) if panel.log else levels
    low, high = (levels.min(), levels.max()) if len(levels) else (0.0, 1.0)
    if bars:  # these stand on a floor, and a batch of one experiment must be seen as well
        low = min(low, 0.0) - panel.log
    room = 0.06 * (high - low) or 0.5
    low, top = low - room * (not bars), high + room  # what is drawn stays below the legend
    high = top + 0.3 * (high - low) if legend else top
    low, top, high = (2.0 ** np.array([low, top, high])).tolist() if panel.log else (low, top, high)
    axes.set_ylim(low, high)
    for i, series in enumerate(panel.series):
        colour = COLOURS[i % len(COLOURS) if series.colour is None else series.colour]
        _series(axes, series, values[i], played, colour)
    if panel.goal is not None:
        axes.axhline(panel.goal, color=GREY, linewidth=1, linestyle="--")
    for i, (name, times) in enumerate(panel.marks.items()):
        colour = COLOURS[-2 - i % (len(COLOURS) - 1)]
        axes.vlines(times, low, top, color=colour, linewidth=1, label=name)
    if legend:
        _legend(axes, letters)


def _legend(axes: Axes, letters: float) -> None:
    narrow: dict[str, Any] = {"columnspacing": 2 / letters, "handlelength": 2 / letters}
    axes.legend(
        fontsize=7 * letters,
        frameon=False,
        loc="upper left",
        ncols=MOST_NAMES,
        borderpad=0,
        **narrow,
    )


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


def _series(
    axes: Axes, series: Series, values: NDArray[np.float64], played: int, colour: str
) -> None:
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


def _cloud(sheet: _Sheet, panel: Cloud) -> None:
    """Draw the items: grey where the value is unknown, a ring around the last one."""
    axes = sheet.cloud
    values = np.asarray(panel.values, np.float64)
    known = np.isfinite(values)
    sample = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(np.int64)
    flat, centre, axis = projection(panel.points, sample)

    def dots(items: NDArray[np.int64], **style: Any) -> None:
        x, y = ((np.asarray(panel.points[items], np.float64) - centre) @ axis).T
        axes.scatter(x, y, **style)

    dots(sample[~known[sample]], s=6, color=LIGHT, linewidths=0)
    chosen = known.nonzero()[0]
    low, high = (values[chosen].min(), values[chosen].max()) if len(chosen) else (0.0, 1.0)
    colours = ScalarMappable(Normalize(low, max(high, low + 1e-12)), "viridis")
    dots(chosen, s=16, c=colours.to_rgba(values[chosen]), linewidths=0)
    if panel.last is not None:
        ring = {"facecolors": "none", "edgecolors": COLOURS[5], "linewidths": 1.5}
        dots(np.array([panel.last]), s=70, **ring)
    # The axes span the sample, so that they do not move.
    left, right = flat.min(0), flat.max(0)
    room = 0.05 * np.maximum(right - left, 1e-9)
    axes.set_xlim(left[0] - room[0], right[0] + room[0])
    axes.set_ylim(left[1] - room[1], right[1] + room[1])
    sheet.scale.set_visible(bool(len(chosen)))
    if len(chosen):
        sheet.figure.colorbar(colours, cax=sheet.scale, orientation="horizontal")
        sheet.scale.xaxis.set_major_locator(MaxNLocator(int(4 / sheet.letters)))
        sheet.scale.set_xlabel(panel.label, fontsize=8 * sheet.letters, labelpad=1)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
