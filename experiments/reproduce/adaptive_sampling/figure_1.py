"""Figure 1 of "Adaptive Sampling for Discovery": simulated pools of six kinds, twelve panels.

Source: Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022,
section 5.2. What its text leaves open was read from the authors' programs
(https://github.com/ZimmermanGroup/Adaptive_sampling_for_discovery, commit 0e257ae).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....envs.core.checks import integer
from ..figures import new_figure, points
from ..playing import play_suites, runs_of
from ..report import Section, write_report
from . import kinds
from .comparison import COLOURS, line, tally
from .kinds import NEWCOMERS, WORDS, Played, every, plus_minus
from .ranking import newcomers, paper_ranking


def asd_figure_1(
    out: Path, *, episodes: int = 64, seed: int = 2022, workers: int | None = None
) -> list[Path]:
    """Write the report on so many pools of each setting, fewer where decisions take long."""
    episodes = integer("episodes", episodes, low=2, high=10_000)
    seed = integer("seed", seed, low=0)
    records = play_suites([kind.suite(episodes, seed) for kind in kinds.KINDS], out, workers)
    played, runs = [Played(kind=kind, records=records) for kind in kinds.KINDS], runs_of(records)
    sections = [
        _overview(played),
        paper_ranking(played),
        newcomers(played),
        *(_kind(one) for one in played),
        WORDS.section("words_and_programs"),
        WORDS.section("method", files={"runs": runs}, runs=len(runs), seed=seed),
    ]
    return write_report(out, WORDS.title, _abstract(played), sections)


def _abstract(played: Sequence[Played]) -> list[str]:
    rivals = {rival: every(played, "IDS", rival) for rival in ("TS", *NEWCOMERS)}
    tallies = (f"against {rival} {tally(some, where=False)}" for rival, some in rivals.items())
    return WORDS.abstract(settings=len(rivals["TS"]), tallies="; ".join(tallies))


# ---- the figure


def _overview(played: Sequence[Played]) -> Section:
    rows = math.ceil(len(played) / 2)
    figure = new_figure(12.0, 2.7 * rows + 0.4)
    panels = figure.subplots(rows, 4, squeeze=False).flat
    for one in played:
        _draw_curve(next(panels), one, zoom=False)
        _draw_early(next(panels), one, zoom=False)
    for rest in panels:
        rest.set_axis_off()
    _legend(figure)
    return WORDS.section("figure_1", figure=figure, **_pools(*played))


def _pools(*played: Played) -> dict[str, Any]:
    """Return how many pools were played, in words for a caption."""
    pools = [one.pools for one in played]
    fewer = ", ".join(
        f"{one.pools} of “{one.kind.title}”" for one in played if one.pools < max(pools)
    )
    return {"pools": max(pools), "fewer": f" ({fewer})" if fewer else ""}


def _kind(one: Played) -> Section:
    kind = one.kind
    figure = new_figure(8.2, 3.4)
    left, right = figure.subplots(1, 2)
    _draw_curve(left, one, zoom=True)
    _draw_early(right, one, zoom=True)
    _legend(figure)
    return WORDS.section(
        "kind",
        name=kind.name,
        figure=figure,
        tables={f"{kind.name}_shown": _early_in_words(one)},
        files={kind.name: _early(one), f"{kind.name}_curves": _curves(one)},
        kind=kind,
        parameters=", ".join(f"{key}={value}" for key, value in kind.env_kwargs.items()),
        agents=", ".join(f"`{agent}` = `{text}`" for agent, text in kind.agents.items()),
        **_pools(one),
    )


def _draw_curve(axes: Axes, one: Played, *, zoom: bool) -> None:
    """Draw regret against labels; zoomed, the curve of random leaves the picture."""
    kind, steps = one.kind, np.arange(1, one.kind.steps + 1)
    top = 0.0
    for agent, regret in one.curves[kind.shown].items():
        mean, half = plus_minus(regret)
        colour = COLOURS[agent]
        axes.plot(steps, mean, line(agent), color=colour, label=agent, linewidth=1.3)
        axes.fill_between(steps, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
        if agent != "random":
            top = max(top, float((mean + half).max()))
    axes.set(xlabel="labels t", ylabel="regret")
    axes.set(xlim=(0, kind.steps), ylim=(0, 1.05 * top if zoom else None))
    axes.set_title(f"({kind.panels[0]}) {kind.title}, {kind.symbol} = {kind.shown:g}")


def _draw_early(axes: Axes, one: Played, *, zoom: bool) -> None:
    """Draw regret after the early number of labels against what is varied."""
    kind, values = one.kind, list(one.kind.settings)
    top = 0.0
    for agent in kind.agents:
        mean, half = np.transpose([plus_minus(one.regrets(value)[agent]) for value in values])
        look = {"fmt": f"{line(agent)}o", "color": COLOURS[agent], "linewidth": 1.3}
        points(axes, values, mean, half, size=3, cap=2, label=agent, **look)
        if agent != "random":
            top = max(top, float((mean + half).max()))
    axes.set(xlabel=kind.axis, ylabel=f"regret after {kind.early[-1]} labels")
    if values[-1] > 10 * values[0]:
        axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    axes.set_ylim(0, 1.05 * top if zoom else None)
    axes.set_title(f"({kind.panels[1]}) {kind.title}")


def _legend(figure: Figure) -> None:
    lines = {str(one.get_label()): one for axes in figure.axes for one in axes.lines}
    lines = {label: one for label, one in lines.items() if not label.startswith("_")}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines))


# ---- its numbers


def _early_in_words(one: Played) -> list[dict[str, Any]]:
    """Return the regret of all agents at the early moments, a row for each moment of a setting."""
    rows = []
    for value in one.kind.settings:
        for step in one.kind.early:
            regrets = one.regrets(value, step)
            cells = {agent: plus_minus(regrets[agent]) for agent in one.kind.agents}
            words = {agent: f"{mean:.2f} ± {half:.2f}" for agent, (mean, half) in cells.items()}
            rows.append({one.kind.symbol: value, "labels": step, **words})
    return rows


def _early(one: Played) -> list[dict[str, Any]]:
    """Return the same, a row for each agent."""
    return [
        {
            one.kind.symbol: value,
            "labels": step,
            "agent": agent,
            **_interval(*plus_minus(one.regrets(value, step)[agent])),
        }
        for value in one.kind.settings
        for step in one.kind.early
        for agent in one.kind.agents
    ]


def _curves(one: Played) -> list[dict[str, Any]]:
    return [
        {one.kind.symbol: value, "agent": agent, "labels": t, **_interval(mean, half)}
        for value in one.kind.settings
        for agent, regret in one.curves[value].items()
        for t, (mean, half) in enumerate(zip(*plus_minus(regret), strict=True), start=1)
    ]


def _interval(mean: Any, half: Any) -> dict[str, float]:
    return {
        "mean regret": float(mean),
        "95% low": float(mean - half),
        "95% high": float(mean + half),
    }
