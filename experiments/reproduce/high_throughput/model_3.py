"""Model 3: the knowledge ladder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ....envs.campaigns.knowledge_ladder import KnowledgeLadder
from ....envs.rendering.palette import BLUE, GREY, ORANGE
from ..figures import common_key, ordered, plain_numbers, points, subplots
from ..report import Rows, Section, rows_of
from .campaigns import Arrivals, BySize, Simulation
from .common import LADDER, POWERS, SLOW_LADDER, WORDS, histogram, laws, log_sizes

SIZES = POWERS[:8]
POST_TABLE = {
    1: 51773.8,
    2: 25911.7,
    4: 12980.7,
    8: 6515.36,
    16: 3282.93,
    32: 1667.21,
    64: 860.331,
    128: 458.823,
    256: 261.619,
}
"""The table of the source for p_scale = 1e4: N -> mean epochs."""
FROM_ONE, SLOW_FROM_ONE = KnowledgeLadder(start=1), KnowledgeLadder(p_scale=1e4, start=1)


def brute_force(batch_size: int, p_scale: float) -> str:
    """Return what the post's simulation estimates, as it is printed and if it started at x = 1."""
    zero, one = (
        KnowledgeLadder(p_scale=p_scale, start=start).mean_epochs(batch_size) for start in (0, 1)
    )
    return (
        f"{zero:.2f} from x = 0; the code as printed counts the starting state as well and gives "
        f"{zero + 1:.2f}. From x = 1 it would give {one + 1:.2f} ({one:.2f} without the start)."
    )


# ---- the mean


def ladder_epochs(simulation: Simulation, ladder: BySize, slow: BySize) -> Section:
    """Return the mean epochs of the ladder against the size of a batch, beside the post's table."""
    name = "6_ladder_epochs"
    for model, data in ((LADDER, ladder), (SLOW_LADDER, slow)):
        for n, arrivals in data.items():
            arrivals.check_mean(name, f"p_scale={model.p_scale:g}, N={n}")
    figure, panels = subplots(8.2, 3.0, 1, 3)
    _draw_epochs(panels, ladder, slow)
    return WORDS.section(
        name,
        figure=figure,
        tables=_tables(name, ladder, slow),
        fast_from_zero=brute_force(1, 100.0),
        slow_from_zero=brute_force(128, 1e4),
        fast_error=math.sqrt(FROM_ONE.epochs_variance(1) / 10_000),
        slow_error=math.sqrt(SLOW_FROM_ONE.epochs_variance(128) / 10_000),
        ladder=ladder,
        slow=slow,
        largest=simulation.largest(name),
    )


def _draw_epochs(panels: Any, ladder: BySize, slow: BySize) -> None:
    for axes, model, colour, data, label in (
        (panels[0], LADDER, BLUE, ladder, "p = (x + 1)/100"),
        (panels[1], SLOW_LADDER, ORANGE, slow, "p = (x + 1)/10,000"),
    ):
        for each in (axes, panels[2]):
            _draw_means(each, model, data, color=colour, label=label)
        axes.set_title(label)
        axes.set_ylim(bottom=0)
    panels[2].set_yscale("log")
    panels[2].set_title("both, log-log")
    panels[2].legend(loc="upper right")
    panels[2].set_ylim(60, 4e5)
    for axes in panels[1:]:
        axes.yaxis.set_major_formatter(plain_numbers())
    for axes in panels:
        log_sizes(axes, tuple(POST_TABLE)[::2])
        axes.set(xlabel="batch size N", ylabel="mean epochs")


def _draw_means(axes: Axes, model: Any, data: BySize, **how: Any) -> None:
    axes.plot(tuple(data), [model.mean_epochs(n) for n in data], **how)
    means = [arrivals.mean for arrivals in data.values()]
    half = [1.96 * arrivals.error for arrivals in data.values()]
    points(axes, tuple(data), means, half, color=how["color"], size=3, cap=2)


def _tables(name: str, ladder: BySize, slow: BySize) -> dict[str, Rows]:
    """Return the mean epochs for p_scale = 100 and, beside the post's, for 10,000."""
    fast_rows = {
        "N": ladder,
        "from 0 to 100": map(LADDER.mean_epochs, ladder),
        "from 1 to 100": map(FROM_ONE.mean_epochs, ladder),
        "simulated from 0": [arrivals.mean for arrivals in ladder.values()],
        "standard error": [arrivals.error for arrivals in ladder.values()],
    }
    slow_rows = {
        "N": POST_TABLE,
        "the post's table": POST_TABLE.values(),
        "ours, same chain": map(SLOW_LADDER.mean_epochs, slow),
        "from 0 to 100": map(KnowledgeLadder(p_scale=1e4).mean_epochs, slow),
        "from 1 to 100": map(SLOW_FROM_ONE.mean_epochs, slow),
        "simulated, same chain": [arrivals.mean for arrivals in slow.values()],
        "standard error": [arrivals.error for arrivals in slow.values()],
    }
    return {f"{name}_100": rows_of(fast_rows), f"{name}_10000": rows_of(slow_rows)}


# ---- the laws


def ladder_histograms(simulation: Simulation, ladder: BySize) -> Section:
    """Return the laws of the epochs that the ladder takes, for all sizes."""
    name = "7_ladder_histograms"
    figure, panels = subplots(8.2, 4.4, 2, 4)
    widths = (20, 10, 6, 3, 2, 1, 1, 1)
    for axes, (n, arrivals), width in zip(panels.flat, ladder.items(), widths, strict=True):
        edges = histogram(axes, LADDER, arrivals, width)
        arrivals.check_shares(name, f"N={n}", edges)
        axes.set_title(f"N = {n}: mean {LADDER.mean_epochs(n):.1f}")
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
    figure.supxlabel("epochs from x = 0 to 100", fontsize=9)
    figure.supylabel("probability per epoch", fontsize=9)
    common_key(figure, panels[0, 0], 3)
    return WORDS.section(
        name,
        figure=figure,
        files={name: laws(LADDER, tuple(ladder))},
        success=LADDER.success_probability(128),
        mean=LADDER.mean_epochs(128),
        exactly_100=LADDER.epochs_distribution(128).pmf(100),
        ladder=ladder,
        largest=simulation.largest(name),
    )


# ---- first passage


def first_passage(simulation: Simulation, ladder: BySize) -> Section:
    """Return when the ladder is first climbed, and some campaigns on their way."""
    name = "8_first_passage"
    figure, (left, right) = subplots(8.2, 3.5, 1, 2)
    colours = dict(zip(SIZES, ordered(len(SIZES)), strict=True))
    rows = []
    for n, arrivals in ladder.items():
        rows += _arrived(left, name, arrivals, color=colours[n])
    left.set_xscale("log")
    left.set_xlim(95, 1400)
    left.xaxis.set_major_locator(FixedLocator([100, 200, 400, 800]))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(plain_numbers())
    left.set(xlabel="epoch t", ylabel="P(arrived by epoch t)", title="first passage")
    left.legend(loc="lower right", fontsize=7)
    seeds = [_draw_paths(right, simulation, n, color=colours[n]) for n in (1, 4, 16, 128)]
    right.axhline(100, color=GREY, linewidth=0.9, linestyle="--")
    right.set(xlabel="epoch", ylabel="knowledge x", title="three campaigns each")
    right.set_ylim(0, 106)
    right.set_xlim(0, 1.3 * right.get_xlim()[1])  # room for the legend
    right.legend(loc="center right")
    return WORDS.section(
        name,
        figure=figure,
        files={name: rows},
        ladder=ladder,
        seeds=", ".join(map(str, seeds)),
        largest=simulation.largest(name),
    )


def _arrived(axes: Axes, name: str, arrivals: Arrivals, **how: Any) -> list[dict[str, Any]]:
    """Draw the distribution function of a size, simulated points included; return its rows."""
    n, law = arrivals.batch_size, LADDER.epochs_distribution(arrivals.batch_size)
    time = np.arange(int(law.ppf(1e-5)), int(law.ppf(1 - 1e-5)) + 1)
    axes.plot(time, law.cdf(time), label=f"N = {n}", **how)
    marks = np.unique(law.ppf((0.05, 0.25, 0.5, 0.75, 0.95)))
    shares = (arrivals.epochs[:, None] <= marks).mean(0)
    axes.plot(marks, shares, "o", markersize=3.5, **how)
    for t, share in zip(marks.tolist(), shares.tolist(), strict=True):
        exact, quantity = float(law.cdf(t)), f"P(arrived by {t:.0f})"
        arrivals.run.check_share(name, f"N={n}", quantity, exact, share, arrivals.count)
    columns = {"epoch": time.tolist(), "P(arrived by epoch)": law.cdf(time).tolist()}
    return rows_of(columns, {"N": n})


def _draw_paths(axes: Axes, simulation: Simulation, n: int, **how: Any) -> int:
    """Draw three simulated campaigns with batches of n; return their first seed."""
    run = simulation.run("KnowledgeLadder", 3, batch_sizes=(n,), horizon=2000)
    paths, ended = [np.zeros(3)], np.zeros(3, np.bool_)
    while not ended.all():
        observation, _, now, _, _ = run.env.step(np.zeros(3, np.int64))
        paths.append(np.where(ended, np.nan, observation[:, 0]))
        ended |= now
    for path, label in zip(np.array(paths).T, (f"N = {n}", None, None), strict=True):
        axes.plot(path, linewidth=1.0, drawstyle="steps-post", label=label, **how)
    return run.seed
