"""Model 3: the knowledge ladder."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ....envs.campaigns.knowledge_ladder import KnowledgeLadder
from .. import figures
from ..figures import (
    BLUE,
    GREY,
    ORANGE,
    Section,
    Table,
    new_figure,
    ordered,
)
from ..simulation import Arrivals, Simulation
from .common import LADDER, SLOW_LADDER, histogram, log_sizes

POST_TABLE = (51773.8, 25911.7, 12980.7, 6515.36, 3282.93, 1667.21, 860.331, 458.823, 261.619)
"""The table of the source, for p_scale = 1e4 and N = 1, 2, 4, ..., 256."""


def brute_force(batch_size: int, p_scale: float) -> str:
    """Return what the post's simulation estimates, as it is printed and if it started at x = 1."""
    zero, one = (
        KnowledgeLadder(p_scale=p_scale, start=start).mean_epochs(batch_size) for start in (0, 1)
    )
    return (
        f"{zero:.2f} from x = 0; the code as printed counts the starting state as well and gives "
        f"{zero + 1:.2f}. From x = 1 it would give {one + 1:.2f} ({one:.2f} without the start)."
    )


def ladder_epochs(
    simulation: Simulation, ladder: dict[int, Arrivals], slow: dict[int, Arrivals]
) -> Section:
    """Return the mean epochs of the ladder against the size of a batch, the post's table included."""
    name = "6_ladder_epochs"
    fast_model, slow_model = KnowledgeLadder(), KnowledgeLadder(target=99, p_scale=1e4)
    figure = new_figure(8.2, 3.0)
    panels = figure.subplots(1, 3)
    for axes, model, colour, data, label in (
        (panels[0], fast_model, BLUE, ladder, "p = (x + 1)/100"),
        (panels[1], slow_model, ORANGE, slow, "p = (x + 1)/10,000"),
    ):
        sizes = tuple(data)
        truth = [model.mean_epochs(n) for n in sizes]
        for n, arrivals in data.items():
            arrivals.check_mean(simulation, name, f"p_scale={model.p_scale:g}, N={n}")
        means = [arrivals.epochs.mean() for arrivals in data.values()]
        errors = [1.96 * arrivals.error for arrivals in data.values()]
        for place in (axes, panels[2]):
            place.plot(sizes, truth, color=colour, label=label)
            place.errorbar(sizes, means, errors, fmt="o", color=colour, markersize=3, capsize=2)
        axes.set_title(label)
        axes.set_ylim(bottom=0)
    panels[1].yaxis.set_major_formatter(figures.plain_numbers())
    panels[2].set_yscale("log")
    panels[2].yaxis.set_major_formatter(figures.plain_numbers())
    panels[2].set_title("both, log-log")
    panels[2].legend(loc="upper right")
    panels[2].set_ylim(60, 4e5)
    for axes in panels:
        log_sizes(axes, SLOW_LADDER[::2])
        axes.set(xlabel="batch size N", ylabel="mean epochs")
    from_one, slow_from_one = KnowledgeLadder(start=1), KnowledgeLadder(p_scale=1e4, start=1)
    rows = [
        (
            n,
            fast_model.mean_epochs(n),
            from_one.mean_epochs(n),
            float(ladder[n].epochs.mean()),
            ladder[n].error,
        )
        for n in LADDER
    ]
    slow_rows = [
        (
            n,
            post,
            slow_model.mean_epochs(n),
            KnowledgeLadder(p_scale=1e4).mean_epochs(n),
            slow_from_one.mean_epochs(n),
            float(slow[n].epochs.mean()),
            slow[n].error,
        )
        for n, post in zip(SLOW_LADDER, POST_TABLE, strict=True)
    ]
    return Section(
        title="Model 3: epochs of the knowledge ladder",
        text=(
            (
                "Knowledge x climbs by one when any of N trials succeeds, each with probability "
                "p(x) = (x + 1)/p_scale. The rungs take independent geometric times, so the mean "
                "is the sum over the rungs of 1/(1 − (1 − p)^N)."
            ),
            (
                "Which ladder? The post describes a climb from x = 0 to 100; its Markov chain, "
                "whose states are 1 to 100 with p = i/p_scale, leaves out the last rung: it is "
                "`KnowledgeLadder(target=99, p_scale=1e4)` here and gives the post's table to all "
                "its digits (second table)."
            ),
            (
                "Two numbers of the post's brute force are not those of its code. For p_scale = "
                f"100, N = 1 the post reports 418 epochs; the law says {brute_force(1, 100.0)} For "
                f"p_scale = 10,000, N = 128 it reports 382: {brute_force(128, 1e4)} That the "
                "post's runs started at x = 1 is a conjecture: with the noise of 10,000 runs "
                "(standard errors "
                f"{math.sqrt(from_one.epochs_variance(1) / 10_000):.2f} and "
                f"{math.sqrt(slow_from_one.epochs_variance(128) / 10_000):.2f}) it fits, and a "
                "start at x = 0 does not."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Mean epochs against the batch size: p_scale = 100 from x = 0 to 100, and p_scale = "
            "10,000 on the post's chain. Lines: exact. Points: simulated with 95% intervals, "
            f"{len(ladder[1].epochs):,} and {len(slow[1].epochs):,} episodes each (first seeds "
            f"{ladder[1].run.seed} and {slow[1].run.seed}, more in `simulations.csv`). "
            f"{simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=f"{name}_100",
                columns=(
                    "N",
                    "from 0 to 100",
                    "from 1 to 100",
                    "simulated from 0",
                    "standard error",
                ),
                rows=rows,
            ),
            Table(
                name=f"{name}_10000",
                columns=(
                    "N",
                    "the post's table",
                    "ours, same chain",
                    "from 0 to 100",
                    "from 1 to 100",
                    "simulated, same chain",
                    "standard error",
                ),
                rows=slow_rows,
            ),
        ),
    )


def ladder_histograms(simulation: Simulation, ladder: dict[int, Arrivals]) -> Section:
    """Return the laws of the epochs that the ladder takes, for all sizes."""
    name, model = "7_ladder_histograms", KnowledgeLadder()
    figure = new_figure(8.2, 4.4)
    panels = figure.subplots(2, 4)
    widths = (20, 10, 6, 3, 2, 1, 1, 1)
    rows = []
    for axes, (n, arrivals), width in zip(panels.flat, ladder.items(), widths, strict=True):
        edges = histogram(axes, model, arrivals, width)
        arrivals.check_shares(simulation, name, f"N={n}", edges)
        axes.set_title(f"N = {n}: mean {model.mean_epochs(n):.1f}")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        law, diffusion = model.epochs_distribution(n), model.diffusion_epochs(n)
        rows += [
            (n, t, float(law.pmf(t)), float(diffusion.pdf(t)))
            for t in range(int(law.ppf(1e-6)), int(law.ppf(1 - 1e-6)) + 1)
        ]
    figure.supxlabel("epochs from x = 0 to 100", fontsize=9)
    figure.supylabel("probability per epoch", fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return Section(
        title="Model 3: the laws of the epochs",
        text=(
            (
                "For N = 128 the post says that there is always a success, so that one more or "
                "less concludes in 100 epochs. More exactly: on the first rung a batch of 128 "
                f"succeeds with probability {model.success_probability(128):.3f}, the mean is "
                f"{model.mean_epochs(128):.2f} epochs and "
                f"{model.epochs_distribution(128).pmf(100):.0%} of the campaigns take exactly 100."
            ),
            (
                "The inverse-Gaussian law with the same mean and variance (dashed) is close while "
                "many rungs take many epochs each. For large batches, where all but the first "
                "rungs take one epoch, it misses the hard floor of 100 epochs."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Epochs from x = 0 to 100 with p = (x + 1)/100. Line: exact law, the chain of "
            f"geometric times. Bars: simulated, {len(ladder[1].epochs):,} episodes each, first "
            f"seeds {ladder[1].run.seed} to {ladder[128].run.seed}. Dashed: inverse-Gaussian "
            f"first-passage law. {simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=name,
                columns=("N", "epochs", "exact probability", "diffusion density"),
                rows=rows,
                shown=False,
            ),
        ),
    )


def first_passage(simulation: Simulation, ladder: dict[int, Arrivals]) -> Section:
    """Return when the ladder is first climbed, and some campaigns on their way."""
    name, model = "8_first_passage", KnowledgeLadder()
    figure = new_figure(8.2, 3.5)
    left, right = figure.subplots(1, 2)
    colours = dict(zip(LADDER, ordered(len(LADDER)), strict=True))
    rows = []
    for n, arrivals in ladder.items():
        law, count = model.epochs_distribution(n), len(arrivals.epochs)
        time = np.arange(int(law.ppf(1e-5)), int(law.ppf(1 - 1e-5)) + 1)
        left.plot(time, law.cdf(time), color=colours[n], label=f"N = {n}")
        marks = np.unique(law.ppf((0.05, 0.25, 0.5, 0.75, 0.95)))
        shares = (arrivals.epochs[:, None] <= marks).mean(0)
        left.plot(marks, shares, "o", color=colours[n], markersize=3.5)
        for t, share in zip(marks.tolist(), shares.tolist(), strict=True):
            exact = float(law.cdf(t))
            error = math.sqrt(exact * (1 - exact) / count)
            quantity = f"P(arrived by {t:.0f})"
            simulation.check(name, arrivals.run, f"N={n}", quantity, exact, share, error, count)
        rows += [(n, int(t), float(p)) for t, p in zip(time, law.cdf(time), strict=True)]
    left.set_xscale("log")
    left.set_xlim(95, 1400)
    left.xaxis.set_major_locator(FixedLocator([100, 200, 400, 800]))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(figures.plain_numbers())
    left.set(xlabel="epoch t", ylabel="P(arrived by epoch t)", title="first passage")
    left.legend(loc="lower right", fontsize=7)
    seeds = []
    for n in (1, 4, 16, 128):
        run = simulation.run("KnowledgeLadder", 3, batch_sizes=(n,), horizon=2000)
        seeds.append(run.seed)
        paths, ended = [np.zeros(3)], np.zeros(3, np.bool_)
        while not ended.all():
            observation, _, now, _, _ = run.env.step(np.zeros(3, np.int64))
            paths.append(np.where(ended, np.nan, observation[:, 0]))
            ended |= now
        for i, path in enumerate(np.array(paths).T):
            label = f"N = {n}" if i == 0 else None
            right.plot(path, color=colours[n], linewidth=1.0, drawstyle="steps-post", label=label)
    right.axhline(100, color=GREY, linewidth=0.9, linestyle="--")
    right.set(xlabel="epoch", ylabel="knowledge x", title="three campaigns each")
    right.set_ylim(0, 106)
    right.set_xlim(0, 1.3 * right.get_xlim()[1])  # room for the legend
    right.legend(loc="center right")
    return Section(
        title="Model 3: first passage",
        text=(
            (
                "The post turns the ladder into a Markov chain to find its first-passage time. "
                "Left: its distribution function, from the exact law. Right: campaigns as they "
                "go, slow at first and then ever faster when N = 1, a straight climb when N = 128."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Left: probability that the ladder with p = (x + 1)/100 has reached x = 100; lines "
            f"exact, points the same {len(ladder[1].epochs):,} episodes as in the histograms. "
            f"Right: simulated campaigns, first seeds {', '.join(map(str, seeds))}. "
            f"{simulation.largest(name)}"
        ),
        tables=(
            Table(name=name, columns=("N", "epoch", "P(arrived by epoch)"), rows=rows, shown=False),
        ),
    )
