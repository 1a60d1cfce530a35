"""The open question: how slow may a batch be before one-at-a-time wins?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....envs.campaigns.binomial_discovery import BinomialDiscovery
from ....envs.campaigns.gaussian_step import GaussianStep
from ....envs.campaigns.knowledge_ladder import KnowledgeLadder
from .. import figures
from ..figures import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    Section,
    Table,
    new_figure,
)
from ..simulation import Arrivals, Simulation
from .common import POWERS, PROBS, gain, log_sizes


def break_even(
    simulation: Simulation,
    gauss: dict[int, Arrivals],
    ladder: dict[int, Arrivals],
    slow: dict[int, Arrivals],
    episodes: int,
) -> Section:
    """Return how slow a batch may be: all models in one picture, simulated points over exact curves."""
    name = "9_break_even"
    models: dict[str, tuple[Any, str, str]] = {
        f"1: p = {100 * p:g}%": (BinomialDiscovery(success_probs=(p,)), colour, "-")
        for p, colour in zip(PROBS, (SKY, BLUE, DARK), strict=True)
    }
    models["2: Gaussian step"] = (GaussianStep(), GREEN, "-")
    models["3: p = (x + 1)/100"] = (KnowledgeLadder(), ORANGE, "-")
    models["3: p = (x + 1)/10,000"] = (KnowledgeLadder(target=99, p_scale=1e4), PINK, "-")
    few = min(episodes, max(episodes // 5, 200))
    data = {
        label: {
            n: simulation.arrivals("BinomialDiscovery", few, n, success_probs=model.success_probs)
            for n in (1, 4, 16, 64, 256, 1024)
        }
        for label, (model, _, _) in list(models.items())[:3]
    }
    more = {n: simulation.arrivals("GaussianStep", few, n) for n in (4, 16, 1024)}
    data["2: Gaussian step"] = {1: gauss[1], **more, 96: gauss[96]}
    data["3: p = (x + 1)/100"] = ladder
    data["3: p = (x + 1)/10,000"] = slow
    sizes = np.unique(np.geomspace(1, 4096, 49).round().astype(np.int64)).tolist()
    figure = new_figure(8.2, 4.0)
    left, right = figure.subplots(1, 2)
    rows = []
    for label, (model, colour, line) in models.items():
        gains = np.array([gain(model, n) for n in sizes])
        left.plot(sizes, gains, line, color=colour, label=label)
        right.plot(sizes, np.array(sizes) / gains, line, color=colour)
        rows += [(label, n, g, n / g) for n, g in zip(sizes, gains.tolist(), strict=True)]
        one = data[label][1]
        for n, arrivals in data[label].items():
            if n == 1:
                continue
            ratio = one.epochs.mean() / arrivals.epochs.mean()
            relative = one.error / model.mean_epochs(1), arrivals.error / model.mean_epochs(n)
            simulation.check(
                name,
                arrivals.run,
                f"{label}, N={n}",
                "log(mean epochs of 1 / mean epochs of N)",  # the ratio itself is skewed
                math.log(gain(model, n)),
                math.log(ratio),
                math.hypot(*relative),
                len(arrivals.epochs),
            )
            left.plot(n, ratio, "o", color=colour, markersize=3.2)
            right.plot(n, n / ratio, "o", color=colour, markersize=3.2)
    left.plot(sizes, sizes, color=GREY, linewidth=0.9, linestyle=":")
    left.text(30, 46, "N singles in a row", rotation=45, fontsize=7, color=GREY, ha="center")
    post = {"marker": "x", "markersize": 8, "markeredgewidth": 2, "linestyle": "none", "zorder": 5}
    for axes, claims in (
        (left, ((96, 6, GREEN), (128, 4, ORANGE), (128, 113, PINK))),
        (right, ((96, 16, GREEN), (128, 30, ORANGE), (128, 1.13, PINK))),
    ):
        for n, value, colour in claims:
            axes.plot(n, value, color=colour, **post)
        log_sizes(axes, POWERS[:13:2])
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(figures.plain_numbers())
        axes.set_xlabel("batch size N (experiments)")
    left.plot([], [], color=GREY, label="claims of the post", **post)
    left.set_ylim(0.8, 1200)
    left.set_ylabel("batch time at break-even (single epochs)")
    left.set_title("How slow may a batch be?")
    right.set_ylabel("experiments, relative to one at a time")
    right.set_title("What does it cost in experiments?")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    gaussian, fast = GaussianStep(), KnowledgeLadder()
    chain = KnowledgeLadder(target=99, p_scale=1e4)
    return Section(
        title="The open question: how slow may a batch be?",
        text=(
            (
                "Let a batch of N take τ times as long as a single experiment. Batches win in "
                "elapsed time as long as τ is below (mean epochs with N = 1)/(mean epochs with "
                "N), the curve on the left. The number of experiments, on the right, grows by N "
                "divided by this."
            ),
            (
                "Model 1: the curve is (1 − (1 − p)^N)/p. It follows N up to about 1/p and then "
                "stands still at 1/p: beyond, a batch holds successes that nobody needed. Model "
                f"2: {gain(gaussian, 96):.2f} at N = 96 and {gain(gaussian, 4096):.2f} at N = "
                "4096; almost all of it comes early, and it never catches up with the cost. Model "
                f"3: with p = (x + 1)/100 it is {gain(fast, 128):.2f} at N = 128 and can never "
                f"exceed {gain(fast, 10**6):.2f}, for the ladder has 100 rungs to climb one by "
                f"one; with p a hundred times smaller it is {gain(chain, 128):.0f} at N = 128."
            ),
            (
                "So the answer hangs on how rare success is. Where most experiments fail (N·p "
                "well below 1), a batch may take nearly as long as its experiments one after the "
                "other and still not lose. The post closes with the remark that machinery for "
                "batches must be much faster than serial work to pay off in elapsed time; that "
                "holds for model 2 and for the easy ladder, but for the hard ladder, to which the "
                "remark is attached, a batch of 128 wins as soon as it takes less than "
                f"{gain(chain, 128):.0f} single experiments' time, {gain(chain, 128) / 128:.2f} "
                "of its serial time."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Left: the time of a batch, in single experiments, at which batches and one-at-a-time "
            "finish together in the mean; below its curve, batches win. Right: experiments spent. "
            f"Lines: exact. Points: simulated ({few:,} to {episodes:,} episodes each, "
            f"{len(slow[1].epochs):,} for the hard ladder; seeds in `simulations.csv`). Crosses: "
            "the post's claims (6 and 16 at N = 96; 4 and 30, 113 and 1.13 at N = 128). "
            f"{simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=name,
                columns=("model", "N", "time of a batch at break-even", "relative experiments"),
                rows=rows,
                shown=False,
            ),
        ),
    )
