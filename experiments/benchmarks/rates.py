"""How rates grow with the number of episodes, and costs with a pool, as a table and a picture.

``python -m discovery_gym.experiments.benchmarks --picture rates.svg`` draws it. Episodes are stepped
with random actions, restarts included, beside Gymnasium's native CartPole. The cost of a label and a
choice on a linear pool should grow like the number n of its items, and of its features: exponent 1.
LinUCB computes what Bayes-UCB does, and costs the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from ...envs.core.arrays import Array
from ...envs.rendering.palette import COLOURS, GREY
from .decisions import works
from .stepping import CARTPOLE, SUBJECTS, stepper, vector
from .timing import in_turns

EPISODES = (1, 10, 100, 1_000, 10_000, 100_000)
MOST = {"TablePool": 10_000}
"""Episodes of a pool, whose state is larger."""
ITEMS = tuple((n, 20) for n in (100, 1_000, 10_000, 100_000, 1_000_000))
FEATURES = tuple((50_000, d) for d in (50, 100, 200, 400))
"""Items and features over which costs are taken."""
DRAWS = 100
RULES = ("Thompson", "Bayes-UCB", "IDS")
LARGE = 10_000
"""Items from which on an exponent is taken: before, a call costs what it costs."""

Curves = Mapping[str, tuple[NDArray[Any], Array]]
"""Numbers of episodes, items or features, and what was measured at each, by name."""


def rates(turns: int, path: Path | None = None) -> tuple[list[str], list[list[str]]]:
    """Measure all in few turns, and draw the first two into a file if one is named."""
    turns = min(turns, 3)
    stepped, by_items = _stepped(turns), _chosen(ITEMS, 0, turns)
    if path is not None:
        _draw(path, stepped, by_items)
    parts = [("episodes", stepped, "steps/s"), ("items", by_items, "s")]
    parts += [("features", _chosen(FEATURES, 1, turns), "s")]
    return ["", "numbers of", "at each", "exponent at the end"], [
        [
            name,
            f"{numbers[0]:,} to {numbers[-1]:,} {what}",
            ", ".join(map(EngFormatter(unit, places=1), found)),
            f"{_exponent(numbers, found):.2f}",
        ]
        for what, curves, unit in parts
        for name, (numbers, found) in curves.items()
    ]


def _stepped(turns: int) -> Curves:
    """Return steps per second of all episodes together."""
    found = {}
    for name in (CARTPOLE, *(name for name in SUBJECTS if "," not in name)):
        numbers = np.array([b for b in EPISODES if b <= MOST.get(name, EPISODES[-1])])
        times = in_turns({b: stepper(vector(name, b)) for b in numbers.tolist()}, turns)
        found[name] = numbers, np.array([b / np.median(spent) for b, spent in times.items()])
    return found


def _chosen(sizes: tuple[tuple[int, int], ...], axis: int, turns: int) -> Curves:
    """Return seconds of a label and a choice, by the number of items or of features."""
    pools = {size: works(*size, DRAWS, 1) for size in sizes}
    times = in_turns({(rule, size): pools[size][rule] for rule in RULES for size in sizes}, turns)
    numbers = np.array(sizes)[:, axis]
    spent = {key: np.median(values) for key, values in times.items()}
    return {rule: (numbers, np.array([spent[rule, size] for size in sizes])) for rule in RULES}


def _exponent(numbers: NDArray[Any], found: Array) -> float:
    large = numbers >= min(LARGE, numbers[-1] / 10)
    return float(np.polyfit(np.log(numbers[large]), np.log(found[large]), 1)[0])


def _draw(path: Path, stepped: Curves, chosen: Curves) -> None:
    exponents = {f"{name}: n^{_exponent(*pair):.2f}": pair for name, pair in chosen.items()}
    with mpl.rc_context({"svg.hashsalt": "rates", "svg.fonttype": "none", "font.size": 9}):
        sheet = Figure(figsize=(9, 4), layout="constrained")
        words = ("episodes", "steps per second"), ("items n", "seconds for a label and a choice")
        both = zip(sheet.subplots(1, 2), (stepped, exponents), words, strict=True)
        for axes, curves, (x, y) in both:
            for i, (name, pair) in enumerate(curves.items()):
                style = ("--", GREY) if name == CARTPOLE else ("o-", COLOURS[i % len(COLOURS)])
                axes.loglog(*pair, style[0], color=style[1], ms=3, label=name)
            axes.set(xlabel=x, ylabel=y)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(EngFormatter())
            axes.grid(alpha=0.3)
            axes.legend(frameon=False, fontsize=7)
        sheet.savefig(path, metadata={"Date": None})
