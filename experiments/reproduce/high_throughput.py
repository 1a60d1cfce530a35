"""Every figure and table of the source of the three campaigns, from the exact laws.

Source: J. Schrier, "Three mathematical models for machine learning and high-throughput
experimentation" (2023). The curves are the exact laws that the models know; over them lies a
simulation of the registered environments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray
from scipy.stats import binomtest

from ...envs.campaigns.binomial_discovery import BinomialDiscovery
from ...envs.campaigns.gaussian_step import GaussianStep
from ...envs.campaigns.knowledge_ladder import KnowledgeLadder
from ...envs.core.checks import integer
from . import figures
from .figures import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PINK,
    RED,
    SKY,
    Section,
    Table,
    new_figure,
    ordered,
    write_report,
)
from .simulation import COLUMNS, Arrivals, Simulation

PROBS = (0.001, 0.01, 0.1)
POWERS = tuple(2**k for k in range(17))
LADDER = POWERS[:8]
SLOW_LADDER = POWERS[:9]
POST_TABLE = (51773.8, 25911.7, 12980.7, 6515.36, 3282.93, 1667.21, 860.331, 458.823, 261.619)
"""The table of the source, for p_scale = 1e4 and N = 1, 2, 4, ..., 256."""
EPOCHS = 100  # of the campaigns whose epochs are looked at one by one


def high_throughput(out: Path, *, episodes: int = 10_000, seed: int = 2023) -> list[Path]:
    """Write the report into the folder ``out``; return the files, `index.html` first.

    Args:
        out: An existing folder.
        episodes: Episodes (or batches) behind each histogram and each point; some slow ones take
            fewer, as the captions say.
        seed: Seed of the first episode.
    """
    episodes = integer("episodes", episodes, low=100, high=100_000)
    simulation = Simulation(seed=integer("seed", seed, low=0))
    with figures.style():
        gauss = {n: simulation.arrivals("GaussianStep", episodes, n) for n in (1, 96)}
        ladder = {n: simulation.arrivals("KnowledgeLadder", episodes, n) for n in LADDER}
        slow = {
            n: simulation.arrivals("KnowledgeLadder", episodes // 25, n, target=99, p_scale=1e4)
            for n in SLOW_LADDER
        }
        sections = [
            _success_probability(simulation, episodes),
            _gaussian_epochs(simulation, gauss),
            _improvement_by_size(simulation, episodes),
            _improvement_by_boldness(simulation, episodes),
            _improvement_contour(simulation, episodes),
            _ladder_epochs(simulation, ladder, slow),
            _ladder_histograms(simulation, ladder),
            _first_passage(simulation, ladder),
            _break_even(simulation, gauss, ladder, slow, episodes),
            _claims(),
            _method(simulation, episodes),
        ]
        return write_report(out, TITLE, _abstract(), sections)


TITLE = "High-throughput experimentation: three models, their exact laws and a simulation"


def _abstract() -> list[str]:
    gauss, ladder = GaussianStep(), KnowledgeLadder()
    slow = KnowledgeLadder(target=99, p_scale=1e4)
    return [
        (
            "J. Schrier's “Three mathematical models for machine learning and high-throughput "
            "experimentation” (30 January 2023) asks what a batch of N experiments buys over one "
            "experiment at a time, and answers by Monte Carlo in Mathematica. Here every figure "
            "and table of the post is made again from exact laws, the environments of this "
            "package are simulated over them, and the question that the post leaves open is "
            "answered as a curve: how slow may a batch be before one-at-a-time wins?"
        ),
        (
            "In short. The laws confirm the post's numbers up to its habits of counting. A batch "
            f"of 96 may take up to {_gain(gauss, 96):.2f} times as long as a single experiment in "
            f"model 2; a batch of 128 up to {_gain(ladder, 128):.2f} times in model 3 and, when "
            f"success is a hundred times rarer, up to {_gain(slow, 128):.0f} times. Experiments "
            f"are never saved by batches: these cost {_cost(gauss, 96):.1f}, "
            f"{_cost(ladder, 128):.1f} and {_cost(slow, 128):.2f} times the experiments."
        ),
    ]


# ---- model 1


def _success_probability(simulation: Simulation, episodes: int) -> Section:
    name, model = "1_success_probability", BinomialDiscovery(success_probs=PROBS)
    sizes = (1, 10, 25, 50, 75, 100, 125, 150, 175, 200)
    copies = math.ceil(episodes / EPOCHS)
    actions = np.repeat(np.arange(len(PROBS) * len(sizes)), copies)
    run = simulation.run(
        "BinomialDiscovery",
        len(actions),
        success_probs=PROBS,
        batch_sizes=sizes,
        objective="count",
        horizon=EPOCHS,
    )
    # An epoch costs 1 and pays 1 for each success.
    found = np.array([run.env.step(actions)[1] > -1 for _ in range(EPOCHS)])
    shape = len(PROBS), len(sizes), copies
    hits, batches = found.sum(0).reshape(shape).sum(-1), copies * EPOCHS
    figure = new_figure()
    axes = figure.subplots()
    every = np.arange(1, 201)
    rows = []
    for machine, (prob, colour) in enumerate(zip(PROBS, (BLUE, ORANGE, GREEN), strict=True)):
        truth = [model.success_probability(n, machine) for n in every.tolist()]
        axes.plot(every, truth, color=colour, label=f"p = {100 * prob:g}%")
        intervals = [
            binomtest(int(k), batches).proportion_ci(method="wilson") for k in hits[machine]
        ]
        shares = hits[machine] / batches
        low, high = np.array([(i.low, i.high) for i in intervals]).T
        reach = np.maximum([shares - low, high - shares], 0.0)
        axes.errorbar(sizes, shares, reach, fmt="o", color=colour, markersize=3.5, capsize=2.5)
        for i, n in enumerate(sizes):
            exact = truth[n - 1]
            error = math.sqrt(exact * (1 - exact) / batches)
            setting = f"p={prob:g}, N={n}"
            simulation.check(name, run, setting, "P(success)", exact, shares[i], error, batches)
            rows.append((prob, n, exact, float(shares[i]), float(low[i]), float(high[i]), batches))
    axes.set(xlabel="batch size N (experiments)", ylabel="P(at least one success)", ylim=(0, 1.03))
    axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    columns = ("p", "N", "exact", "simulated", "95% low", "95% high", "batches")
    return Section(
        title="Model 1: at least one success",
        text=(
            (
                "A batch of N experiments, each a success with probability p, holds at least one "
                "success with probability 1 − (1 − p)^N."
            ),
            (
                "Doubling p helps more than doubling N, as the post says, but only just: (1 − "
                "2p)^N is below (1 − p)^(2N) by the factor (1 − p²/(1 − p)²)^N. For p = 1% and N "
                "= 100 the probabilities of success are "
                f"{-math.expm1(100 * math.log1p(-0.02)):.4f} and "
                f"{-math.expm1(200 * math.log1p(-0.01)):.4f}. While p is small, only N·p matters."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Probability that a batch succeeds. Lines: 1 − (1 − p)^N. Points: simulated, "
            f"{batches:,} batches each ({copies:,} episodes of {EPOCHS} epochs, first seed "
            f"{run.seed}), with 95% (Wilson) intervals. {simulation.largest(name)}"
        ),
        tables=(Table(name=name, columns=columns, rows=rows, shown=False),),
    )


# ---- model 2


def _gaussian_epochs(simulation: Simulation, gauss: dict[int, Arrivals]) -> Section:
    name, model = "2_gaussian_epochs", GaussianStep()
    figure = new_figure(7.4, 3.4)
    rows, laws = [], []
    for axes, (n, width) in zip(figure.subplots(1, 2), ((1, 4), (96, 1)), strict=True):
        arrivals = gauss[n]
        edges = _histogram(axes, model, arrivals, width)
        arrivals.check_mean(simulation, name, f"N={n}")
        arrivals.check_shares(simulation, name, f"N={n}", edges)
        mean = model.mean_epochs(n)
        axes.axvline(mean, color=DARK, linewidth=0.9, linestyle=":")
        axes.set_title(f"N = {n}: mean {mean:.2f} epochs")
        axes.set(xlabel="epochs to reach x = 100", ylabel="probability per epoch")
        axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
        axes.legend(loc="upper right" if n == 1 else "upper left")
        diffusion = model.diffusion_epochs(n)
        rows.append(
            (
                n,
                mean,
                mean + 1,
                math.sqrt(model.epochs_variance(n)),
                float(arrivals.epochs.mean()),
                arrivals.error,
                float(diffusion.mean()),
                float(diffusion.std()),
            )
        )
        law = model.epochs_distribution(n)
        laws += [
            (n, t, float(law.pmf(t)), float(diffusion.pdf(t)))
            for t in range(int(law.ppf(1e-6)), int(law.ppf(1 - 1e-6)) + 1)
        ]
    columns = (
        "N",
        "mean epochs",
        "mean, counting the start",
        "standard deviation",
        "simulated mean",
        "standard error",
        "diffusion mean",
        "diffusion standard deviation",
    )
    return Section(
        title="Model 2: epochs of the Gaussian step",
        text=(
            (
                "An epoch draws N experiments from a normal law around the best result x so far "
                "and keeps the best: x ← max(x, x + σM), M the maximum of N standard normals. The "
                "number of epochs until x = 100 obeys a renewal equation, solved here to rounding."
            ),
            (
                f"The means are {model.mean_epochs(1):.4f} epochs for N = 1 and "
                f"{model.mean_epochs(96):.4f} for N = 96. The post reads ~250 and ~42: its "
                "`Length@NestWhileList` counts the starting state as well, so that it estimates "
                f"{model.mean_epochs(1) + 1:.2f} and {model.mean_epochs(96) + 1:.2f}."
            ),
            (
                "The dashed line is what the post's addendum asks for: the walk taken for a "
                "Brownian motion with the mean and variance of one improvement, which first "
                "passes the target after an inverse-Gaussian time. It knows nothing of the "
                "overshoot beyond the target and is early by "
                f"{model.mean_epochs(1) - model.diffusion_epochs(1).mean():.2f} epochs for N = 1 "
                f"and {model.mean_epochs(96) - model.diffusion_epochs(96).mean():.2f} for N = 96."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Epochs to reach x = 100 with σ = 1. Line: exact law by the renewal equation. Bars: "
            f"simulated, {len(gauss[1].epochs):,} episodes each, first seeds {gauss[1].run.seed} "
            f"and {gauss[96].run.seed}. Dashed: inverse-Gaussian law of the diffusion. Dotted: "
            f"exact mean. {simulation.largest(name)}"
        ),
        tables=(
            Table(name=name, columns=columns, rows=rows),
            Table(
                name=f"{name}_laws",
                columns=("N", "epochs", "exact probability", "diffusion density"),
                rows=laws,
                shown=False,
            ),
        ),
    )


def _histogram(axes: Axes, model: Any, arrivals: Arrivals, width: int) -> NDArray[np.float64]:
    """Draw the exact law, the simulation and the diffusion; return the edges of the bins."""
    edges, density = arrivals.histogram(width)
    axes.bar(edges[:-1], density, width, align="edge", color=PALE, label="simulation")
    law = model.epochs_distribution(arrivals.batch_size)
    time = np.arange(edges[0] + 0.5, edges[-1] + 0.5)
    axes.plot(time, law.pmf(time), color=BLUE, linewidth=1.4, label="exact law")
    fine = np.linspace(edges[0], edges[-1], 400)
    density = model.diffusion_epochs(arrivals.batch_size).pdf(fine)
    axes.plot(fine, density, "--", color=RED, linewidth=1.1, label="diffusion")
    return edges


def _improvements(
    simulation: Simulation, name: str, sizes: Sequence[int], stds: Sequence[float], batches: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Simulate what a batch adds to x; return means and standard errors ``(S, K)``, and how."""
    copies = math.ceil(batches / EPOCHS)
    actions = np.repeat(np.arange(len(sizes) * len(stds)), copies)
    run = simulation.run(
        "GaussianStep",
        len(actions),
        batch_sizes=tuple(sizes),
        stds=tuple(stds),
        target=1e6,  # out of reach: every epoch improves as freely as the first
        horizon=EPOCHS,
    )
    x = np.array([run.env.step(actions)[0][:, 0] for _ in range(EPOCHS)], np.float64)
    gains = np.diff(x, axis=0, prepend=0.0).reshape(EPOCHS, len(sizes), len(stds), copies)
    means, count = gains.mean((0, 3)), copies * EPOCHS
    errors = gains.std((0, 3), ddof=1) / math.sqrt(count)
    for i, n in enumerate(sizes):
        for k, std in enumerate(stds):
            exact = run.model.expected_improvement(n, std)
            simulation.check(
                name,
                run,
                f"N={n}, sigma={std:g}",
                "mean improvement",
                exact,
                means[i, k],
                errors[i, k],
                count,
            )
    return means, errors, f"{count:,} batches each ({copies:,} episodes, first seed {run.seed})"


def _improvement_by_size(simulation: Simulation, episodes: int) -> Section:
    name, model = "3_improvement_by_batch_size", GaussianStep()
    means, errors, how = _improvements(simulation, name, POWERS, (1.0,), episodes)
    improvement = [model.expected_improvement(n) for n in POWERS]
    maximum = [model.expected_maximum(n) for n in POWERS]
    asymptote = [model.expected_maximum_asymptote(n) for n in POWERS[1:]]
    figure = new_figure()
    axes = figure.subplots()
    axes.plot(POWERS, improvement, color=BLUE, label="improvement E[max(0, M)]")
    axes.plot(POWERS, maximum, color=ORANGE, label="maximum E[M], as in the post")
    axes.plot(
        POWERS[1:], asymptote, "--", color=RED, linewidth=1.2, label="extreme-value asymptote"
    )
    axes.errorbar(
        POWERS,
        means[:, 0],
        1.96 * errors[:, 0],
        fmt="o",
        color=DARK,
        markersize=3.5,
        capsize=2.5,
        label="simulated improvement",
    )
    _log_sizes(axes, POWERS[::2])
    axes.set(xlabel="batch size N (experiments)", ylabel="gain per batch (units of σ)")
    axes.legend(loc="upper left")
    rows = list(
        zip(
            POWERS,
            maximum,
            improvement,
            means[:, 0].tolist(),
            errors[:, 0].tolist(),
            [None, *asymptote],
            strict=True,
        )
    )
    return Section(
        title="Model 2: what a larger batch adds",
        text=(
            (
                "The post plots the mean of the maximum M of N normals, E[M] = ∫ m dΦ(m)^N. What "
                "the campaign gains is E[max(0, M)], for it keeps its best result when a batch "
                "finds nothing better. The two differ for the smallest batches only: a single "
                f"experiment has E[M] = 0 but improves by {improvement[0]:.3f}σ in the mean; at N "
                f"= 16 the difference is {improvement[4] - maximum[4]:.1e}σ."
            ),
            (
                f"E[M] is {model.expected_maximum(96):.5f}σ for N = 96 and {maximum[-1]:.5f}σ for "
                "N = 65536. The dashed line is Gumbel's law, b + γ(c − b) with b = Φ⁻¹(1 − 1/N) "
                "and c = Φ⁻¹(1 − 1/(eN)); it grows like √(2 ln N), more slowly than the logarithm "
                f"of N: the first doubling, from 1 to 2, adds {maximum[1]:.3f}σ, the last, from "
                f"32768 to 65536, {maximum[-1] - maximum[-2]:.3f}σ."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Gain of one batch in units of σ, by quadrature, and its asymptote. Points: simulated "
            f"improvement with 95% intervals, {how}. {simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=name,
                columns=(
                    "N",
                    "E[M]",
                    "E[max(0, M)]",
                    "simulated E[max(0, M)]",
                    "standard error",
                    "asymptote of E[M]",
                ),
                rows=rows,
            ),
        ),
    )


def _improvement_by_boldness(simulation: Simulation, episodes: int) -> Section:
    name, model = "4_improvement_by_boldness", GaussianStep()
    stds = tuple(float(s) for s in range(1, 11))
    means, errors, how = _improvements(simulation, name, (96,), stds, episodes)
    truth = [model.expected_improvement(96, s) for s in stds]
    figure = new_figure(5.4, 3.4)
    axes = figure.subplots()
    axes.plot(stds, truth, color=BLUE, label=f"exact: {truth[0]:.4f} σ")
    axes.errorbar(
        stds,
        means[0],
        1.96 * errors[0],
        fmt="o",
        color=DARK,
        markersize=3.5,
        capsize=2.5,
        label="simulated",
    )
    axes.set(xlabel="boldness σ (units of x)", ylabel="improvement per batch (units of x)")
    axes.set(xlim=(0, 10.5), ylim=(0, None))
    axes.legend(loc="upper left")
    rows = list(zip(stds, truth, means[0].tolist(), errors[0].tolist(), strict=True))
    return Section(
        title="Model 2: what boldness adds",
        text=("A bolder model pays in proportion: the improvement is σ·E[max(0, M)] exactly.",),
        name=name,
        figure=figure,
        caption=(
            "Improvement of a batch of 96. Line: exact. Points: simulated with 95% intervals, "
            f"{how}. {simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=name,
                columns=("sigma", "exact", "simulated", "standard error"),
                rows=rows,
                shown=False,
            ),
        ),
    )


def _improvement_contour(simulation: Simulation, episodes: int) -> Section:
    name, model = "5_improvement_contour", GaussianStep()
    sizes, stds = POWERS[1:], tuple(float(s) for s in range(1, 11))
    means, errors, how = _improvements(simulation, name, sizes, stds, episodes // 10)
    fine = np.unique(np.geomspace(2, 65536, 60).round().astype(np.int64))
    unit = np.array([model.expected_improvement(n) for n in fine.tolist()])
    boldness = np.linspace(1, 10, 40)
    figure = new_figure(6.2, 4.2)
    axes = figure.subplots()
    axes.grid(visible=False)
    levels, norm = np.arange(0, 46, 5), Normalize(0, 45)
    grid = np.log10(fine), boldness, np.outer(boldness, unit)
    filled = axes.contourf(*grid, levels=levels, norm=norm, cmap="viridis")
    lines = axes.contour(*grid, levels=levels, colors="white", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%g")
    where = np.meshgrid(np.log10(sizes), stds, indexing="ij")
    axes.scatter(
        where[0],
        where[1],
        c=means.ravel(),
        s=22,
        cmap="viridis",
        norm=norm,
        edgecolors="white",
        linewidths=0.6,
        zorder=3,
    )
    figure.colorbar(filled, ax=axes, label="improvement per batch (units of x)")
    axes.set(xlabel="log₁₀ of the batch size N", ylabel="boldness σ (units of x)")
    axes.set(xlim=(0.2, 4.95), ylim=(0.6, 10.4))
    exact = np.outer([model.expected_improvement(n) for n in sizes], stds)
    rows = [
        (n, s, float(exact[i, k]), float(means[i, k]), float(errors[i, k]))
        for i, n in enumerate(sizes)
        for k, s in enumerate(stds)
    ]
    double = model.expected_improvement(192) / model.expected_improvement(96) - 1
    return Section(
        title="Model 2: batch size against boldness",
        text=(
            (
                "The synergy that the post sees is a product, σ·E[max(0, M)]: either factor pays "
                "more the larger the other is. It is lopsided. At N = 96, doubling the boldness "
                f"doubles the improvement, doubling the batch adds {double:.1%}."
            ),
        ),
        name=name,
        figure=figure,
        caption=(
            "Improvement per batch, in units of x. Colours and lines: exact. Dots: simulated, in "
            f"the same colours, {how}; where they vanish, simulation and law agree. "
            f"{simulation.largest(name)}"
        ),
        tables=(
            Table(
                name=name,
                columns=("N", "sigma", "exact", "simulated", "standard error"),
                rows=rows,
                shown=False,
            ),
        ),
    )


# ---- model 3


def _ladder_epochs(
    simulation: Simulation, ladder: dict[int, Arrivals], slow: dict[int, Arrivals]
) -> Section:
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
        _log_sizes(axes, SLOW_LADDER[::2])
        axes.set(xlabel="batch size N", ylabel="mean epochs")
    from_one = KnowledgeLadder(start=1)
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
            KnowledgeLadder(p_scale=1e4, start=1).mean_epochs(n),
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
                "its digits (second table). The post's 418 epochs (p_scale = 100, N = 1) and 382 "
                "epochs (p_scale = 10,000, N = 128) are the ladder started at x = 1: "
                f"{from_one.mean_epochs(1):.2f} and "
                f"{KnowledgeLadder(p_scale=1e4, start=1).mean_epochs(128):.2f}. From x = 0 it "
                f"takes {fast_model.mean_epochs(1):.2f} and "
                f"{KnowledgeLadder(p_scale=1e4).mean_epochs(128):.2f}."
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


def _ladder_histograms(simulation: Simulation, ladder: dict[int, Arrivals]) -> Section:
    name, model = "7_ladder_histograms", KnowledgeLadder()
    figure = new_figure(8.2, 4.4)
    panels = figure.subplots(2, 4)
    widths = (20, 10, 6, 3, 2, 1, 1, 1)
    rows = []
    for axes, (n, arrivals), width in zip(panels.flat, ladder.items(), widths, strict=True):
        edges = _histogram(axes, model, arrivals, width)
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


def _first_passage(simulation: Simulation, ladder: dict[int, Arrivals]) -> Section:
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


# ---- the open question


def _gain(model: Any, size: int) -> float:
    """How slow a batch may be, in single experiments: mean epochs of 1 over mean epochs of N."""
    return float(model.mean_epochs(1) / model.mean_epochs(size))


def _cost(model: Any, size: int) -> float:
    """Experiments of a campaign of batches over those of one at a time."""
    return size / _gain(model, size)


def _break_even(
    simulation: Simulation,
    gauss: dict[int, Arrivals],
    ladder: dict[int, Arrivals],
    slow: dict[int, Arrivals],
    episodes: int,
) -> Section:
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
        gains = np.array([_gain(model, n) for n in sizes])
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
                math.log(_gain(model, n)),
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
        _log_sizes(axes, POWERS[:13:2])
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
                f"2: {_gain(gaussian, 96):.2f} at N = 96 and {_gain(gaussian, 4096):.2f} at N = "
                "4096; almost all of it comes early, and it never catches up with the cost. Model "
                f"3: with p = (x + 1)/100 it is {_gain(fast, 128):.2f} at N = 128 and can never "
                f"exceed {_gain(fast, 10**6):.2f}, for the ladder has 100 rungs to climb one by "
                f"one; with p a hundred times smaller it is {_gain(chain, 128):.0f} at N = 128."
            ),
            (
                "So the answer hangs on how rare success is. Where most experiments fail (N·p "
                "well below 1), a batch may take nearly as long as its experiments one after the "
                "other and still not lose. The post closes with the remark that machinery for "
                "batches must be much faster than serial work to pay off in elapsed time; that "
                "holds for model 2 and for the easy ladder, but for the hard ladder, to which the "
                "remark is attached, a batch of 128 wins as soon as it takes less than "
                f"{_gain(chain, 128):.0f} single experiments' time, {_gain(chain, 128) / 128:.2f} "
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


def _claims() -> Section:
    gauss, ladder, one = GaussianStep(), KnowledgeLadder(), KnowledgeLadder(start=1)
    chain = KnowledgeLadder(target=99, p_scale=1e4)
    hard = partial(KnowledgeLadder, p_scale=1e4)
    g1, g96 = gauss.mean_epochs(1), gauss.mean_epochs(96)
    rows = [
        (
            "Model 2 takes ~250 epochs (N = 1) and ~42 (N = 96).",
            (
                f"{g1:.2f} and {g96:.2f}; counting the starting state, as the post does, "
                f"{g1 + 1:.2f} and {g96 + 1:.2f}."
            ),
        ),
        (
            "A batch of 96 may take ~6 times as long (250/42).",
            f"{g1 / g96:.2f}; the counted start lowers it to {(g1 + 1) / (g96 + 1):.2f}.",
        ),
        (
            "It consumes 4032 experiments, 16 times more.",
            f"{96 * g96:.0f} experiments, {_cost(gauss, 96):.2f} times as many.",
        ),
        (
            "Model 3, N = 1: 418 epochs.",
            (
                f"{one.mean_epochs(1):.2f} from x = 1; {ladder.mean_epochs(1):.2f} from x = 0, as "
                "the text describes it."
            ),
        ),
        (
            "N = 128 accelerates 4 times, at 30 times the experiments (128·100/418).",
            (
                f"From x = 1: {_gain(one, 128):.2f} and {_cost(one, 128):.1f}; from x = 0: "
                f"{_gain(ladder, 128):.2f} and {_cost(ladder, 128):.1f}."
            ),
        ),
        (
            "With N = 128 there is always a success and 100 iterations suffice.",
            (
                f"{ladder.mean_epochs(128):.2f} epochs in the mean; exactly 100 in "
                f"{ladder.epochs_distribution(128).pmf(100):.0%} of the campaigns."
            ),
        ),
        (
            "p_scale = 10,000, N = 128: 382 epochs.",
            (
                f"{hard(start=1).mean_epochs(128):.2f} from x = 1; {hard().mean_epochs(128):.2f} "
                "from x = 0."
            ),
        ),
        (
            "Table for p_scale = 10,000: 51773.8 … 261.619.",
            "All nine entries agree to all digits on the same chain (x from 0 to 99).",
        ),
        (
            "N = 128 reduces the epochs by a factor of 113.",
            f"{_gain(chain, 128):.2f}.",
        ),
        (
            "It needs about 13% more experiments (128·468/51773).",
            (
                f"{_cost(chain, 128) - 1:.1%} more: the 13% are right, the 468 is a slip for "
                f"458.8 (with 468 it would be {128 * 468 / 51773 - 1:.1%})."
            ),
        ),
        (
            "Improvement grows less than the logarithm of N.",
            "It does: like √(2 ln N).",
        ),
        (
            "Batch machinery must be much faster than serial work.",
            (
                "Per experiment, a batch must be faster than serial work by "
                f"{_cost(gauss, 96):.1f} times (model 2, N = 96) and {_cost(ladder, 128):.1f} "
                f"times (model 3, p_scale = 100, N = 128), but only by {_cost(chain, 128):.2f} "
                "times for p_scale = 10,000."
            ),
        ),
    ]
    return Section(
        title="What the post says, and what the laws say",
        tables=(Table(name="claims", columns=("the post", "the exact laws"), rows=rows),),
    )


def _method(simulation: Simulation, episodes: int) -> Section:
    scores = np.array([row[7] for row in simulation.checks])
    return Section(
        title="How the simulation was run",
        text=(
            (
                f"{simulation.runs} simulations with `gym.make_vec`, stepped natively, with "
                f"{episodes:,} episodes or batches behind most points. Episode i of a simulation "
                "has the seed of its first episode plus i, so that each number can be made again "
                "alone."
            ),
            (
                f"Of {len(scores):,} comparisons with the truth, "
                f"{np.mean(np.abs(scores) > 2):.1%} lie beyond two standard errors (4.6% are "
                f"expected for normal errors) and the largest is {np.abs(scores).max():.2f}. "
                "Standard errors are exact where the law is known, and estimated for the "
                "improvements of a batch; many comparisons share their episodes, so that they are "
                "not independent."
            ),
        ),
        tables=(Table(name="simulations", columns=COLUMNS, rows=simulation.checks, shown=False),),
    )


def _log_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    """Put batch sizes on a logarithmic axis, labelled in full."""
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(list(sizes)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(figures.plain_numbers())
