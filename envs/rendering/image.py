"""An episode as an image, drawn by matplotlib without its global state."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator, ScalarFormatter
from numpy.typing import NDArray

from ..core.model import Model
from ..core.picture import Cloud, Curves, Series, Trace
from .text import title

# Okabe and Ito's colours, which stay apart for colour-blind readers.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
GREY = "#777777"
MOST_POINTS = 1500  # items of a cloud that are drawn; beyond, an even sample of them
MOST_NAMES = 5  # series in a legend


def paint(model: Model[Any], trace: Trace) -> NDArray[np.uint8]:
    """Return the picture of an episode, ``(480, 640, 3)``."""
    picture = model.picture(trace)
    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    canvas = FigureCanvasAgg(figure)
    for y, size, text in zip((0.95, 0.905), (10, 8.5), title(model, trace, picture), strict=True):
        figure.text(0.02, y, _shorten(text, int(1010 / size)), fontsize=size)
    curves = [panel for panel in picture.panels if isinstance(panel, Curves)]
    clouds = [panel for panel in picture.panels if isinstance(panel, Cloud)]
    right = 0.98 if not clouds else 0.5 if curves else 0.12
    bottom, top = 0.1, 0.87
    shares = np.array([2.0, *[1.0] * (len(curves) - 1)]) if curves else np.empty(0)
    edges = top - np.append(0.0, shares.cumsum() / shares.sum()) * (top - bottom) if curves else []
    played = len(trace) - 1
    reach = max(10, 1 << played.bit_length())  # the axis doubles now and then, and else stands still
    reach = reach if picture.length is None else min(reach, picture.length)
    for i, panel in enumerate(curves):
        height = edges[i] - edges[i + 1] - 0.03
        axes = figure.add_axes((0.12, edges[i + 1] + 0.01, right - 0.12, height))
        _curves(axes, panel, played)
        axes.set_xlim(-0.01 * reach, 1.01 * reach + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if i + 1 < len(curves):
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel(picture.unit, fontsize=8, labelpad=1)
    for panel in clouds[:1]:
        left = right + 0.06 if curves else right
        _cloud(figure, figure.add_axes((left, 0.2, 0.97 - left, top - 0.22)), panel)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _curves(axes: Axes, panel: Curves, played: int) -> None:
    """Draw series over the actions played."""
    _plain(axes, panel.label)
    if panel.log:
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_locator(LogLocator(2, numticks=5))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for i, series in enumerate(panel.series):
        _series(axes, series, played, COLOURS[i % len(COLOURS)], panel.log)
    if panel.goal is not None:
        axes.axhline(panel.goal, color=GREY, linewidth=1, linestyle="--")
    for i, (name, times) in enumerate(panel.marks.items()):
        colour = COLOURS[-1 - i % len(COLOURS)]
        for k, time in enumerate(times.tolist()):
            axes.axvline(time, color=colour, linewidth=1, label=None if k else name)
    named = sum(bool(series.name) for series in panel.series) + len(panel.marks)
    if 1 < named <= MOST_NAMES or panel.marks:
        axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=MOST_NAMES, borderpad=0)
        low, high = axes.get_ylim()  # room for the legend
        axes.set_ylim(low, high * (high / low) ** 0.3 if panel.log else high + 0.3 * (high - low))


def _series(axes: Axes, series: Series, played: int, colour: str, log: bool) -> None:
    values = np.asarray(series.values, np.float64)
    time = np.arange(played + 1 - len(values), played + 1)
    label = series.name or None
    if series.style == "bars":
        bottom = 0.5 if log else 0.0  # a batch of one experiment must be seen as well
        axes.vlines(time, bottom, values, color=colour, linewidth=2.5, label=label)
        if log:
            axes.set_ylim(bottom=bottom)
    elif series.style == "points":
        axes.plot(time, values, "o", color=colour, markersize=3.5, label=label)
    else:
        style = {"drawstyle": "steps-post"} if series.style == "steps" else {}
        axes.plot(time, values, color=colour, linewidth=1.6, label=label, **style)
        axes.plot(time[-1:], values[-1:], "o", color=colour, markersize=4)


def _cloud(figure: Figure, axes: Axes, panel: Cloud) -> None:
    """Draw the items: grey where the value is unknown, a ring around the last one."""
    _plain(axes, "")
    values = np.asarray(panel.values, np.float64)
    known = np.isfinite(values)
    sample = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(np.int64)
    flat, centre, axis = _projection(panel.points, sample)

    def place(items: NDArray[np.int64]) -> NDArray[np.float64]:
        return (np.asarray(panel.points[items], np.float64) - centre) @ axis

    unknown = sample[~known[sample]]
    axes.scatter(*place(unknown).T, s=6, color="#c8c8c8", linewidths=0)
    chosen = known.nonzero()[0]
    if len(chosen):
        drawn = axes.scatter(*place(chosen).T, s=16, c=values[chosen], cmap="viridis", linewidths=0)
        box = axes.get_position()
        bar = figure.add_axes((box.x0, 0.115, box.width, 0.02))
        figure.colorbar(drawn, cax=bar, orientation="horizontal")
        bar.tick_params(labelsize=7, length=2)
        bar.xaxis.set_major_locator(MaxNLocator(4))
        bar.set_xlabel(panel.label, fontsize=8, labelpad=1)
    if panel.last is not None:
        spot = place(np.array([panel.last]))
        axes.scatter(*spot.T, s=70, facecolors="none", edgecolors=COLOURS[5], linewidths=1.5)
    # The axes stand still whatever is known: they span the sample.
    low, high = flat.min(0), flat.max(0)
    room = 0.05 * np.maximum(high - low, 1e-9)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    axes.set_xticks([])
    axes.set_yticks([])


def _projection(
    points: NDArray[Any], sample: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the sample in the plane ``(m, 2)``, the centre ``(d,)`` and the axes ``(d, 2)``.

    The axes are the first two principal components of the sample, each turned so that its largest
    entry is positive: the same items give the same picture.
    """
    some = np.asarray(points[sample], np.float64)
    centre = some.mean(0)
    if some.shape[1] > 2:
        axis = np.linalg.svd(some - centre, full_matrices=False)[2][:2].T
        axis = axis * np.sign(axis[np.abs(axis).argmax(0), np.arange(axis.shape[1])])
    else:
        axis = np.eye(some.shape[1])
    axis = np.pad(axis, ((0, 0), (0, 2 - axis.shape[1])))
    return (some - centre) @ axis, centre, axis


def _plain(axes: Axes, label: str) -> None:
    axes.set_ylabel(label, fontsize=8, labelpad=2)
    axes.tick_params(labelsize=7, length=2)
    axes.spines[["top", "right"]].set_visible(False)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
