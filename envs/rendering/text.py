"""An episode as a few lines of text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .picture import Curves, Drawable, Picture, Trace

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # characters of a bar or a sparkline


def write(model: Drawable, trace: Trace, picture: Picture) -> str:
    """Return where the episode stands, its last action, its return and its course."""
    head, lines = _standing(model, trace, picture)
    if len(trace) > 1:
        lines["last action"] += f" (reward {trace[-1][1]:g})"
    for panel in picture.panels:
        if isinstance(panel, Curves):
            lines[panel.label] = _course(panel)
    width = max(map(len, lines))
    return "\n".join([head, *(f"{name:<{width}}  {value}" for name, value in lines.items())])


def title(model: Drawable, trace: Trace, picture: Picture) -> tuple[str, str]:
    """Return two lines above an image: where the episode stands; what was done last."""
    head, lines = _standing(model, trace, picture)
    count = lines.pop(picture.unit)
    return head, "   ".join([f"{picture.unit} {count}", *(f"{k}: {v}" for k, v in lines.items())])


def _standing(model: Drawable, trace: Trace, picture: Picture) -> tuple[str, dict[str, str]]:
    """Return where an episode stands: in a line, and as the values of some names."""
    action, _, observation = trace[-1]
    limit = "" if picture.length is None else f" of {picture.length}"
    return f"{type(model).__name__}: {model.summary(observation)}", {
        picture.unit: f"{picture.after(trace)}{limit}",
        "last action": "none yet" if action is None else model.action_name(action),
        "return": f"{float(sum(moment[1] for moment in trace)):g}",
    }


def _course(panel: Curves) -> str:
    """Return a sparkline of the first series, with its last value, and a bar towards the goal."""
    values = np.asarray(panel.series[0].values, np.float64)
    for other in panel.series[1:]:
        if other.style == panel.series[0].style:
            values = np.where(np.isnan(values), other.values, values)
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    text = f"{_sparkline(values, panel.log)}  {known[-1]:g}"
    if panel.goal:
        share = min(max(known[-1] / panel.goal, 0.0), 1.0)
        full = int(share * WIDTH)
        text += f" of {panel.goal:g} [{'#' * full}{'.' * (WIDTH - full)}]"
    return text


def _sparkline(values: NDArray[np.float64], log: bool) -> str:
    """Return `WIDTH` blocks at most, each the mean of as many values; a blank where none is known."""
    values = np.log(values) if log else values
    known = values[np.isfinite(values)]
    low, span = known.min(), np.ptp(known) or np.inf
    line = ""
    for part in np.array_split(values, min(WIDTH, len(values))):
        seen = part[np.isfinite(part)]
        height = (seen.mean() - low) / span if len(seen) else 0.0
        line += BLOCKS[min(int(height * len(BLOCKS)), len(BLOCKS) - 1)] if len(seen) else " "
    return line
