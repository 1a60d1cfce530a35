"""What stands beside the curves of an episode: a map of items, or a curve over what can be chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .palette import DARK, GREEN, LIGHT, RED
from .picture import Cloud, Profile, projection

MOST_POINTS = 1500
"""Items of a cloud that are drawn; beyond, an even sample of them."""
SHADES, DOUBTS = 16, 4
"""Colours of values, and steps from grey to a colour: with few, less changes between pictures."""


def draw_cloud(axes: Axes, scale: Axes, panel: Cloud, letters: float) -> None:
    """Draw items: grey where nothing is known of them, a ring around the last one.

    Args:
        axes: Where.
        scale: Axes for the scale of colours.
        panel: What to draw.
        letters: How much larger letters are.
    """
    values = np.asarray(panel.values, np.float64)
    known = np.isfinite(values)
    sample = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(np.int64)
    flat, centre, axis = projection(panel.points, sample)

    def dots(items: NDArray[np.int64], **style: Any) -> None:
        x, y = ((np.asarray(panel.points[items], np.float64) - centre) @ axis).T
        axes.scatter(x, y, **style)

    chosen, rest = known.nonzero()[0], sample[~known[sample]]
    colours = _colours(values[chosen], panel.believed)
    dots(rest, **_unknown(panel, rest, colours))
    edge = {"linewidths": 0} if panel.believed is None else {"linewidths": 0.6, "edgecolors": DARK}
    form = {"marker": "s", "s": 280} if panel.tiles else {"s": 20}
    dots(chosen, c=colours.to_rgba(values[chosen]), **form, **edge)
    if panel.last is not None:
        ring = {"facecolors": "none", "edgecolors": RED, "linewidths": 1.5}
        dots(np.array([panel.last]), s=70, **ring)
    # The axes span the sample, so that they do not move.
    left, right = flat.min(0), flat.max(0)
    room = 0.05 * np.maximum(right - left, 1e-9)
    axes.set_xlim(left[0] - room[0], right[0] + room[0])
    axes.set_ylim(left[1] - room[1], right[1] + room[1])
    _name(axes, panel.names, letters)
    scale.set_visible(bool(len(chosen)) or panel.believed is not None)
    if scale.get_visible():
        axes.figure.colorbar(colours, cax=scale, orientation="horizontal")
        scale.xaxis.set_major_locator(MaxNLocator(int(4 / letters)))
        scale.set_xlabel(panel.label, fontsize=8 * letters, labelpad=1)


def _colours(values: NDArray[np.float64], believed: NDArray[np.float64] | None) -> ScalarMappable:
    """Return the colours of what is known and believed."""
    levels = np.append(values, [] if believed is None else believed)
    low, high = (levels.min(), levels.max()) if len(levels) else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # a single value
        low, high = low - 0.5, high + 0.5
    return ScalarMappable(Normalize(low, high), colormaps["viridis"].resampled(SHADES))


def _unknown(panel: Cloud, items: NDArray[np.int64], colours: ScalarMappable) -> dict[str, Any]:
    """Return the style of items without a value; what is not sure fades to grey."""
    if panel.believed is None:
        return {"s": 6, "color": LIGHT, "linewidths": 0}
    sure = np.ones(len(items)) if panel.sure is None else panel.sure[items]
    sure = np.round(DOUBTS * sure)[:, None] / DOUBTS
    shade = np.asarray(colours.to_rgba(panel.believed[items]))[:, :3]
    mixed = sure * shade + (1 - sure) * np.array(to_rgb(LIGHT))
    return {"s": np.clip(3000 / len(panel.values), 9, 40), "c": mixed, "linewidths": 0}


def _name(axes: Axes, names: tuple[str, ...], letters: float) -> None:
    """Write the names of both directions into axes that have no numbers."""
    places = ((0.98, 0.02, "right", "bottom", 0), (0.02, 0.98, "left", "top", 90))
    for name, (x, y, side, end, turn) in zip(names, places, strict=False):
        style: dict[str, Any] = {"ha": side, "va": end, "rotation": turn, "fontsize": 7 * letters}
        style["bbox"] = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}
        axes.text(x, y, name, transform=axes.transAxes, **style)


def draw_profile(axes: Axes, panel: Profile, letters: float) -> None:
    """Draw a curve over what can be chosen, its highest point, and where the last choice lies."""
    axes.plot(panel.choices, panel.values, color=GREEN, linewidth=1.6)
    best = panel.values.argmax()
    axes.plot(panel.choices[best], panel.values[best], "o", color=GREEN, markersize=4)
    if panel.last is not None:
        axes.axvline(panel.last, color=RED, linewidth=1.2, linestyle="--")
    axes.set_xlim(panel.choices[0], panel.choices[-1])
    axes.set_ylim(0.0, 1.1 * max(float(panel.values.max()), 1e-12))
    axes.set_xlabel(panel.name, fontsize=8 * letters, labelpad=1)
    axes.set_ylabel(panel.label, fontsize=8 * letters, labelpad=2)
