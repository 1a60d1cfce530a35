"""How rates grow with the number of episodes, and costs with the number of items, as a picture.

``python -m discovery_gym.experiments.benchmarks --picture rates.svg`` draws it. Episodes are stepped
with random actions, restarts included, beside Gymnasium's native CartPole. The cost of a label and a
choice on a linear pool should grow like the number of its items: exponent 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ...envs.rendering.palette import COLOURS, GREY
from .decisions import works
from .stepping import CARTPOLE, SUBJECTS, stepper
from .timing import Measured, in_turns

EPISODES = (1, 10, 100, 1_000, 10_000, 100_000)
MOST = {"TablePool": 10_000}
"""Episodes of a pool, whose state is larger."""
ITEMS = (100, 1_000, 10_000, 100_000, 1_000_000)
FEATURES, DRAWS = 20, 100
RULES = {"thompson": "Thompson", "ucb": "Bayes-UCB", "ids": f"IDS, {DRAWS} draws (choice alone)"}
LARGE = 10_000
"""Items from which on an exponent is taken: before, a call costs what it costs."""

Curves = Mapping[str, tuple[NDArray[Any], NDArray[np.float64]]]
"""Numbers of episodes or items, and what was measured at each, by name."""


def rates(turns: int, path: Path | None = None) -> Measured:
    """Measure both in at most 5 turns, and draw them into a file if one is named."""
    stepped, chosen = _stepped(min(turns, 5)), _chosen(min(turns, 5))
    if path is not None:
        _draw(path, stepped, chosen)
    head = ["", *(f"{number:,}" for number in EPISODES), "exponent"]
    rows = [
        [f"{name}: steps/s by episodes", *_cells([f"{rate:,.0f}" for rate in found]), ""]
        for name, (_, found) in stepped.items()
    ]
    rows += [
        [
            f"{name}: ms, 100 times the items",
            *_cells([f"{seconds * 1e3:.3g}" for seconds in found]),
            f"{_exponent(numbers, found):.2f}",
        ]
        for name, (numbers, found) in chosen.items()
    ]
    return head, rows


def _cells(cells: list[str]) -> list[str]:
    return [*cells, *[""] * (len(EPISODES) - len(cells))]


def _stepped(turns: int) -> Curves:
    """Return steps per second of all episodes together."""
    made = {
        CARTPOLE: (CARTPOLE, {"vectorization_mode": "vector_entry_point"}),
        **{name: subject for name, subject in SUBJECTS.items() if "," not in name},
    }
    found = {}
    for name, (env_id, kwargs) in made.items():
        numbers = np.array([b for b in EPISODES if b <= MOST.get(name, EPISODES[-1])])
        envs = {b: gym.make_vec(env_id, num_envs=b, **kwargs) for b in numbers.tolist()}
        times = in_turns({b: stepper(env) for b, env in envs.items()}, turns=turns)
        found[name] = numbers, np.array([b / np.median(times[b]) for b in envs])
    return found


def _chosen(turns: int) -> Curves:
    """Return seconds of a label and a choice."""
    pools = {n: works(n, FEATURES, DRAWS, 1) for n in ITEMS}
    subjects = {(rule, n): pools[n][rule] for rule in RULES for n in ITEMS}
    times = in_turns(subjects, turns=turns)
    return {
        name: (np.array(ITEMS), np.array([np.median(times[rule, n]) for n in ITEMS]))
        for rule, name in RULES.items()
    }


def _exponent(numbers: NDArray[Any], found: NDArray[np.float64]) -> float:
    large = numbers >= LARGE
    return float(np.polyfit(np.log(numbers[large]), np.log(found[large]), 1)[0])


def _draw(path: Path, stepped: Curves, chosen: Curves) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure  # slow to import
    from matplotlib.ticker import EngFormatter

    exponents = {f"{name}: n^{_exponent(*pair):.2f}": pair for name, pair in chosen.items()}
    with mpl.rc_context({"svg.hashsalt": "rates", "svg.fonttype": "none", "font.size": 9}):
        sheet = Figure(figsize=(9, 4), layout="constrained")
        words = ("episodes", "steps per second"), ("items n", "seconds for a label and a choice")
        for axes, curves, (x, y) in zip(
            sheet.subplots(1, 2), (stepped, exponents), words, strict=True
        ):
            for i, (name, pair) in enumerate(curves.items()):
                peer = name == CARTPOLE
                colour = GREY if peer else COLOURS[i % len(COLOURS)]
                axes.loglog(*pair, "--" if peer else "o-", color=colour, ms=3, label=name)
            axes.set(xlabel=x, ylabel=y)
            axes.xaxis.set_major_formatter(EngFormatter())
            axes.yaxis.set_major_formatter(EngFormatter())
            axes.grid(alpha=0.3)
            axes.legend(frameon=False, fontsize=7)
        sheet.savefig(path, metadata={"Date": None})
