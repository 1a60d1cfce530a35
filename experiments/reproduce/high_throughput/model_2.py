"""Model 2: the Gaussian step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ....envs.core.arrays import Array
from ....envs.rendering.palette import BLUE, DARK, ORANGE, RED
from ..figures import points, subplots
from ..report import Section, rows_of
from .campaigns import Arrivals, BySize, Simulation
from .common import EPOCHS, GAUSS, POWERS, WORDS, histogram, laws, log_sizes

BOLDNESS = tuple(float(s) for s in range(1, 11))


def gaussian_epochs(simulation: Simulation, gauss: BySize) -> Section:
    """Return the law of the epochs that the Gaussian step takes to its target."""
    name = "2_gaussian_epochs"
    figure, panels = subplots(7.4, 3.4, 1, 2)
    for axes, (n, arrivals), width in zip(panels, gauss.items(), (4, 1), strict=True):
        edges = histogram(axes, GAUSS, arrivals, width)
        arrivals.check_mean(name, f"N={n}")
        arrivals.check_shares(name, f"N={n}", edges)
        mean = GAUSS.mean_epochs(n)
        axes.axvline(mean, color=DARK, linewidth=0.9, linestyle=":")
        axes.set_title(f"N = {n}: mean {mean:.2f} epochs")
        axes.set(xlabel="epochs to reach x = 100", ylabel="probability per epoch")
        axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
        axes.legend(loc="upper right" if n == 1 else "upper left")
    rows = {n: _moments(arrivals) for n, arrivals in gauss.items()}
    return WORDS.section(
        name,
        figure=figure,
        tables={name: list(rows.values())},
        files={f"{name}_laws": laws(GAUSS, tuple(gauss))},
        rows=rows,
        early={n: GAUSS.mean_epochs(n) - GAUSS.diffusion_epochs(n).mean() for n in gauss},
        gauss=gauss,
        largest=simulation.largest(name),
    )


def _moments(arrivals: Arrivals) -> dict[str, Any]:
    n = arrivals.batch_size
    mean, diffusion = GAUSS.mean_epochs(n), GAUSS.diffusion_epochs(n)
    return {
        "N": n,
        "mean epochs": mean,
        "mean, counting the start": mean + 1,
        "standard deviation": math.sqrt(GAUSS.epochs_variance(n)),
        "simulated mean": arrivals.mean,
        "standard error": arrivals.error,
        "diffusion mean": float(diffusion.mean()),
        "diffusion standard deviation": float(diffusion.std()),
    }


# ---- what a batch adds


@dataclass(frozen=True)
class Improvements:
    """What a batch adds to x, exact and simulated.

    Args:
        rows: A row per size and boldness.
        how: How it was simulated, in words.
    """

    rows: list[dict[str, Any]]
    how: str

    def column(self, name: str) -> Array:
        """Return a column, ``(R,)``."""
        return np.array([row[name] for row in self.rows])

    def draw(self, axes: Axes, x: Sequence[float], label: str) -> None:
        """Draw the simulated means with their 95% intervals."""
        half = 1.96 * self.column("standard error")
        points(axes, x, self.column("simulated"), half, color=DARK, size=3.5, label=label)


def _improvements(
    simulation: Simulation, name: str, sizes: Sequence[int], stds: Sequence[float], batches: int
) -> Improvements:
    """Simulate what a batch adds to x, and compare it with the truth."""
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
    rows = []
    for (i, k), mean in np.ndenumerate(means):
        n, std, error = sizes[i], stds[k], float(errors[i, k])
        exact, setting = float(run.model.expected_improvement(n, std)), f"N={n}, sigma={std:g}"
        run.check(name, setting, "mean improvement", exact, mean, error, count)
        numbers = {"exact": exact, "simulated": float(mean), "standard error": error}
        rows.append({"N": n, "sigma": std, **numbers})
    how = f"{count:,} batches each ({copies:,} episodes, first seed {run.seed})"
    return Improvements(rows, how)


def improvement_by_size(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against its size."""
    name = "3_improvement_by_batch_size"
    found = _improvements(simulation, name, POWERS, (1.0,), episodes)
    maximum = [GAUSS.expected_maximum(n) for n in POWERS]
    improvement = found.column("exact").tolist()
    columns = {
        "N": POWERS,
        "E[M]": maximum,
        "E[max(0, M)]": improvement,
        "simulated E[max(0, M)]": found.column("simulated").tolist(),
        "standard error": found.column("standard error").tolist(),
        "asymptote of E[M]": [None, *map(GAUSS.expected_maximum_asymptote, POWERS[1:])],
    }
    figure, axes = subplots()
    _draw_growth(axes, columns, found)
    return WORDS.section(
        name,
        figure=figure,
        tables={name: rows_of(columns)},
        improvement=improvement,
        maximum=maximum,
        maximum_96=GAUSS.expected_maximum(96),
        apart=improvement[4] - maximum[4],
        last_doubling=maximum[-1] - maximum[-2],
        how=found.how,
        largest=simulation.largest(name),
    )


def _draw_growth(axes: Axes, columns: dict[str, Any], found: Improvements) -> None:
    axes.plot(POWERS, columns["E[max(0, M)]"], color=BLUE, label="improvement E[max(0, M)]")
    axes.plot(POWERS, columns["E[M]"], color=ORANGE, label="maximum E[M], as in the post")
    limit, label = columns["asymptote of E[M]"][1:], "extreme-value asymptote"
    axes.plot(POWERS[1:], limit, "--", color=RED, linewidth=1.2, label=label)
    found.draw(axes, POWERS, "simulated improvement")
    log_sizes(axes, POWERS[::2])
    axes.set(xlabel="batch size N (experiments)", ylabel="gain per batch (units of σ)")
    axes.legend(loc="upper left")


def improvement_by_boldness(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against its boldness."""
    name = "4_improvement_by_boldness"
    found = _improvements(simulation, name, (96,), BOLDNESS, episodes)
    truth = found.column("exact")
    figure, axes = subplots(5.4, 3.4)
    axes.plot(BOLDNESS, truth, color=BLUE, label=f"exact: {truth[0]:.4f} σ")
    found.draw(axes, BOLDNESS, "simulated")
    axes.set(xlabel="boldness σ (units of x)", ylabel="improvement per batch (units of x)")
    axes.set(xlim=(0, 10.5), ylim=(0, None))
    axes.legend(loc="upper left")
    rows = [{key: value for key, value in row.items() if key != "N"} for row in found.rows]
    return WORDS.section(
        name,
        figure=figure,
        files={name: rows},
        how=found.how,
        largest=simulation.largest(name),
    )


def improvement_contour(simulation: Simulation, episodes: int) -> Section:
    """Return what a batch of the Gaussian step adds, against size and boldness."""
    name = "5_improvement_contour"
    found = _improvements(simulation, name, POWERS[1:], BOLDNESS, episodes // 10)
    figure, axes = subplots(6.2, 4.2)
    _draw_contour(figure, axes, found)
    return WORDS.section(
        name,
        figure=figure,
        files={name: found.rows},
        doubled=GAUSS.expected_improvement(192) / GAUSS.expected_improvement(96) - 1,
        how=found.how,
        largest=simulation.largest(name),
    )


def _draw_contour(figure: Figure, axes: Axes, found: Improvements) -> None:
    sizes = np.unique(np.geomspace(2, 65536, 60).round().astype(np.int64))
    boldness = np.linspace(1, 10, 40)
    unit = np.array([GAUSS.expected_improvement(n) for n in sizes.tolist()])
    grid = np.log10(sizes), boldness, np.outer(boldness, unit)
    axes.grid(visible=False)
    levels = np.arange(0, 46, 5)
    colours: dict[str, Any] = {"cmap": "viridis", "norm": Normalize(0, 45)}
    filled = axes.contourf(*grid, levels=levels, **colours)
    lines = axes.contour(*grid, levels=levels, colors="white", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%g")
    x, y, means = np.log10(found.column("N")), found.column("sigma"), found.column("simulated")
    axes.scatter(x, y, 22, means, edgecolors="white", linewidths=0.6, zorder=3, **colours)
    figure.colorbar(filled, ax=axes, label="improvement per batch (units of x)")
    axes.set(xlabel="log₁₀ of the batch size N", ylabel="boldness σ (units of x)")
    axes.set(xlim=(0.2, 4.95), ylim=(0.6, 10.4))
