"""The common look of the figures of reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "svg.hashsalt": "discovery_gym",  # the same figure gives the same file
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the common style, whatever the user has set for matplotlib."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def subplots(
    width: float = 6.6, height: float = 3.8, rows: int = 1, columns: int = 1, **how: Any
) -> tuple[Figure, Any]:
    """Return a figure of this size in inches and its panels, without pyplot and its global state."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, **how)


def ordered(count: int) -> list[Any]:
    """Return ``count`` colours from dark to light for things that have an order."""
    return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.85, count)))


def plain_numbers() -> FuncFormatter:
    """Write the ticks of a logarithmic axis as 1, 10, 1,000."""
    return FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


def points(
    axes: Axes, x: Any, y: Any, half: Any = None, *, size: float, cap: float = 2.5, **how: Any
) -> None:
    """Draw points with error bars of ``half`` up and down, or of ``xerr`` to both sides."""
    axes.errorbar(x, y, half, **{"fmt": "o", "markersize": size, "capsize": cap, **how})


def common_key(figure: Figure, axes: Axes, columns: int, loc: Any = "outside upper center") -> None:
    """Put the key of one panel outside all of them."""
    figure.legend(*axes.get_legend_handles_labels(), loc=loc, ncols=columns)
