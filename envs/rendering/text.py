"""An episode as a few lines of text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .picture import Curves, Drawable, Picture, Trace

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 40  # characters of a bar or a sparkline


def write(model: Drawable, trace: Trace) -> str:
    """Return where the episode stands, its last action, its return and its course."""
    picture = model.picture(trace)
    action, reward, observation = trace[-1]
    total = float(sum(moment[1] for moment in trace))
    played = "none yet" if action is None else f"{model.action_name(action)} (reward {reward:g})"
    lines = {
        picture.unit: _count(len(trace) - 1, picture.length),
        "last action": played,
        "return": f"{total:g}",
    }
    for panel in picture.panels:
        if isinstance(panel, Curves):
            lines[panel.label] = _course(panel)
    width = max(map(len, lines))
    table = (f"{name:<{width}}  {value}" for name, value in lines.items())
    return "\n".join([f"{type(model).__name__}: {model.summary(observation)}", *table])


def title(model: Drawable, trace: Trace, picture: Picture) -> tuple[str, str]:
    """Return two lines above an image: where the episode stands; what was done last."""
    action, _, observation = trace[-1]
    total = float(sum(moment[1] for moment in trace))
    last = "none yet" if action is None else model.action_name(action)
    count = _count(len(trace) - 1, picture.length)
    head = f"{type(model).__name__}: {model.summary(observation)}"
    return head, f"{picture.unit} {count}   last action: {last}   return: {total:g}"


def _count(done: int, length: int | None) -> str:
    return str(done) if length is None else f"{done} of {length}"


def _course(panel: Curves) -> str:
    """A sparkline of the first series, with its last value, and a bar towards the goal."""
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
    """At most `WIDTH` blocks, each the mean of equally many values; a blank where none is known."""
    if log:
        values = np.log(values)
    known = np.isfinite(values)
    low, high = values[known].min(), values[known].max()
    line = ""
    for part, seen in zip(
        np.array_split(values, min(WIDTH, len(values))),
        np.array_split(known, min(WIDTH, len(values))),
        strict=True,
    ):
        if seen.any():
            height = (part[seen].mean() - low) / (high - low) if high > low else 0.0
            line += BLOCKS[min(int(height * len(BLOCKS)), len(BLOCKS) - 1)]
        else:
            line += " "
    return line
