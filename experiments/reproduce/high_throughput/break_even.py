"""The open question: how slow may a batch be before one-at-a-time wins?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ....envs.campaigns.binomial_discovery import BinomialDiscovery
from ....envs.rendering.palette import BLUE, DARK, GREEN, GREY, ORANGE, PINK, SKY
from ..figures import common_key, plain_numbers, subplots
from ..report import Section, rows_of
from .campaigns import BySize, Simulation
from .common import GAUSS, LADDER, POWERS, PROBS, SLOW_LADDER, WORDS, gain, log_sizes

NAME = "9_break_even"
SIZES = np.unique(np.geomspace(1, 4096, 49).round().astype(np.int64)).tolist()
CROSS: dict[str, Any] = {
    "marker": "x",
    "markersize": 8,
    "markeredgewidth": 2,
    "linestyle": "none",
    "zorder": 5,
}
CLAIMS = ((96, 6, 16, GREEN), (128, 4, 30, ORANGE), (128, 113, 1.13, PINK))
"""Of the source: N, gain, cost, colour of the model."""


@dataclass(frozen=True)
class Curve:
    """A model and its simulated campaigns, by the size of a batch."""

    label: str
    model: Any
    colour: str
    data: BySize

    @cached_property
    def gains(self) -> list[float]:
        """The gain of each of `SIZES`."""
        return [gain(self.model, n) for n in SIZES]

    def rows(self) -> list[dict[str, Any]]:
        """Return gain and cost of all sizes."""
        costs = (np.array(SIZES) / self.gains).tolist()
        columns = {"N": SIZES, "time of a batch at break-even": self.gains}
        return rows_of(columns | {"relative experiments": costs}, {"model": self.label})

    def ratios(self) -> dict[int, float]:
        """Return the simulated gain of every size above 1."""
        return {n: self.data[1].mean / one.mean for n, one in self.data.items() if n > 1}

    def check(self) -> None:
        """Compare the simulated gains with the exact ones."""
        for n, ratio in self.ratios().items():
            many, setting = self.data[n], f"{self.label}, N={n}"
            errors = (self.data[k].error / self.model.mean_epochs(k) for k in (1, n))
            what = "log(mean epochs of 1 / mean epochs of N)"  # the ratio itself is skewed
            found = math.log(gain(self.model, n)), math.log(ratio), math.hypot(*errors)
            many.run.check(NAME, setting, what, *found, many.count)

    def draw(self, left: Axes, right: Axes) -> None:
        """Draw the gain on the left, the cost on the right."""
        left.plot(SIZES, self.gains, color=self.colour, label=self.label)
        right.plot(SIZES, np.array(SIZES) / self.gains, color=self.colour)
        for n, ratio in self.ratios().items():
            left.plot(n, ratio, "o", color=self.colour, markersize=3.2)
            right.plot(n, n / ratio, "o", color=self.colour, markersize=3.2)


def break_even(
    simulation: Simulation, gauss: BySize, ladder: BySize, slow: BySize, episodes: int
) -> Section:
    """Return how slow a batch may be: all models in one picture, points over exact curves."""
    few = min(episodes, max(episodes // 5, 200))
    curves = [
        *_more(simulation, gauss, few),
        Curve("3: p = (x + 1)/100", LADDER, ORANGE, ladder),
        Curve("3: p = (x + 1)/10,000", SLOW_LADDER, PINK, slow),
    ]
    figure, (left, right) = subplots(8.2, 4.0, 1, 2)
    for curve in curves:
        curve.check()
        curve.draw(left, right)
    _draw_claims(left, right)
    common_key(figure, left, 4, "outside lower center")
    rows = [row for curve in curves for row in curve.rows()]
    return WORDS.section(
        NAME,
        figure=figure,
        files={NAME: rows},
        gauss={n: gain(GAUSS, n) for n in (96, 4096)},
        ladder={n: gain(LADDER, n) for n in (128, 10**6)},
        slow=gain(SLOW_LADDER, 128),
        share=gain(SLOW_LADDER, 128) / 128,
        few=few,
        episodes=episodes,
        slow_episodes=slow[1].count,
        largest=simulation.largest(NAME),
    )


def _more(simulation: Simulation, gauss: BySize, episodes: int) -> list[Curve]:
    curves = []
    for p, colour in zip(PROBS, (SKY, BLUE, DARK), strict=True):
        data = {
            n: simulation.arrivals("BinomialDiscovery", episodes, n, success_probs=(p,))
            for n in (1, 4, 16, 64, 256, 1024)
        }
        model = BinomialDiscovery(success_probs=(p,))
        curves.append(Curve(f"1: p = {100 * p:g}%", model, colour, data))
    more = {n: simulation.arrivals("GaussianStep", episodes, n) for n in (4, 16, 1024)}
    data = {1: gauss[1], **more, 96: gauss[96]}
    return [*curves, Curve("2: Gaussian step", GAUSS, GREEN, data)]


def _draw_claims(left: Axes, right: Axes) -> None:
    left.plot(SIZES, SIZES, color=GREY, linewidth=0.9, linestyle=":")
    left.text(30, 46, "N singles in a row", rotation=45, fontsize=7, color=GREY, ha="center")
    for n, time, experiments, colour in CLAIMS:
        left.plot(n, time, color=colour, **CROSS)
        right.plot(n, experiments, color=colour, **CROSS)
    left.plot([], [], color=GREY, label="claims of the post", **CROSS)
    for axes in (left, right):
        log_sizes(axes, POWERS[:13:2])
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(plain_numbers())
        axes.set_xlabel("batch size N (experiments)")
    left.set(ylim=(0.8, 1200), ylabel="batch time at break-even (single epochs)")
    left.set_title("How slow may a batch be?")
    right.set_ylabel("experiments, relative to one at a time")
    right.set_title("What does it cost in experiments?")
