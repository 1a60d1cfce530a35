"""Model 2: the Gaussian step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from ....envs.campaigns.gaussian_step import GaussianStep
from ..figures import (
    BLUE,
    DARK,
    ORANGE,
    RED,
    Section,
    Table,
    new_figure,
)
from ..simulation import Arrivals, Simulation
from .common import EPOCHS, POWERS, histogram, log_sizes


def gaussian_epochs(simulation: Simulation, gauss: dict[int, Arrivals]) -> Section:
    """Return the law of the epochs that the Gaussian step takes to its target."""
    name, model = "2_gaussian_epochs", GaussianStep()
    figure = new_figure(7.4, 3.4)
    rows, laws = [], []
    for axes, (n, width) in zip(figure.subplots(1, 2), ((1, 4), (96, 1)), strict=True):
        arrivals = gauss[n]
        edges = histogram(axes, model, arrivals, width)
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


def improvement_by_size(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against its size."""
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
    log_sizes(axes, POWERS[::2])
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


def improvement_by_boldness(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against its boldness."""
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


def improvement_contour(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against size and boldness."""
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
