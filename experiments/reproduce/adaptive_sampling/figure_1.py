"""Figure 1 of "Adaptive Sampling for Discovery": simulated pools of six kinds, twelve panels.

Source: Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022,
section 5.2. What its text leaves open was read from the authors' programs
(https://github.com/ZimmermanGroup/Adaptive_sampling_for_discovery, commit 0e257ae).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....envs.core.checks import integer
from ..figures import points, subplots
from ..playing import play_suites, runs_of
from ..report import Section, write_report
from . import kinds
from .comparison import COLOURS, PAPER, Comparison, line, tally
from .kinds import NEWCOMERS, WORDS, Played, every, plus_minus


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
        _claims(played),
        _newcomers(played),
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
    figure, panels = subplots(12.0, 2.7 * rows + 0.4, rows, 4, squeeze=False)
    free = panels.flat
    for one in played:
        _draw_curve(next(free), one, zoom=False)
        _draw_early(next(free), one, zoom=False)
    for rest in free:
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
    figure, (left, right) = subplots(8.2, 3.4, 1, 2)
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


# ---- what it says: the paper's claims, one by one, and the rules that the paper leaves out


def _claims(played: Sequence[Played]) -> Section:
    """Return what the paper says of its algorithms beside what the runs say."""
    kinds = {one.kind.name: one for one in played}
    pairs = [("IDS", rival) for rival in PAPER if rival != "IDS"]
    pairs += [("TS", rival) for rival in PAPER if rival not in ("IDS", "TS")]
    found = {pair: every(played, *pair) for pair in pairs}
    against_ts = {name: tally(one.compare("IDS", "TS")) for name, one in kinds.items()}
    rows = [one.row for some in found.values() for one in some]
    return WORDS.section(
        "claims",
        files={"paired_differences": rows},
        over_steps=" ".join(
            _over_steps(kinds[name])
            for name in ("linear", "logistic", "random_graph", "star_graph")
        ),
        outperform=" ".join(
            f"{ours} against {theirs}: {tally(some)}."
            for (ours, theirs), some in found.items()
            if theirs in ("random", "UCB")
        ),
        complete_graph=against_ts["complete_graph"],
        reduction={name: _reduction(one) for name, one in kinds.items()},
        all_settings=" ".join(
            f"{kinds[name].kind.title}: {against_ts[name]}."
            for name in ("linear", "random_graph", "star_graph", "low_rank")
        ),
        growth={name: _growth(kinds[name]) for name in ("linear", "logistic")},
        noise=" ".join(_noise_order(one) for one in played if one.kind.symbol == "σ²"),
    )


def _over_steps(one: Played) -> str:
    curves = one.curves[one.kind.shown]
    parts = []
    for rival in PAPER:
        if rival in curves and rival != "IDS":
            mean, half = plus_minus(curves["IDS"] - curves[rival])
            above = np.flatnonzero(mean > np.maximum(half, 1e-6)) + 1
            where = f" (labels {above[0]} to {above[-1]})" if len(above) else ""
            parts.append(f"{rival} {len(above)}{where}")
    steps = f"steps of {one.kind.steps} at which IDS is clearly above"
    return f"{one.kind.title}, {steps}: {', '.join(parts)}."


def _reduction(one: Played) -> str:
    changes = zip(one.kind.settings, one.means["IDS"], one.means["TS"], strict=True)
    words = ", ".join(
        f"{100 * (ids / ts - 1):+.0f}% at {one.kind.symbol} = {value:g}"
        for value, ids, ts in changes
    )
    return f"{one.kind.title}: regret of IDS relative to TS {words}.".replace("-", "−")


def _growth(one: Played) -> str:
    """Return regret per feature at the first early moment."""
    parts, step = [], one.kind.early[0]
    for agent in ("TS", "IDS"):
        ratios = [float(one.regrets(d, step)[agent].mean()) / d for d in one.kind.settings]
        parts.append(f"{agent} {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    values = ", ".join(f"{d:g}" for d in one.kind.settings)
    return f"{one.kind.title}: regret over d at d = {values}: {'; '.join(parts)}."


def _noise_order(one: Played) -> str:
    """Return for which algorithms of the paper regret does not rise with the noise."""
    fails = [agent for agent in ("TS", "IDS") if any(a > b for a, b in pairwise(one.means[agent]))]
    return f"{one.kind.title}: {'not for ' + ' and '.join(fails) if fails else 'yes'}."


def _newcomers(played: Sequence[Played]) -> Section:
    """Return how IDS fares against all, the plain rules included, at every setting."""
    against = {rival: every(played, "IDS", rival) for rival in ("TS", "UCB", *NEWCOMERS)}
    rows = _lowest(played, against)
    paired = [one.row for rival in NEWCOMERS for one in against[rival]]
    return WORDS.section(
        "newcomers",
        tables={"newcomers": rows},
        files={"newcomers_paired": paired},
        names=" and ".join(NEWCOMERS),
        first_of_paper=sum(row["lowest of the paper's"] == "IDS" for row in rows),
        first_of_all=sum(row["lowest of all"] == "IDS" for row in rows),
        settings=len(rows),
        against="\n\n".join(
            f"IDS against {rival}: {tally(against[rival])}." for rival in NEWCOMERS
        ),
    )


def _lowest(
    played: Sequence[Played], against: Mapping[str, Sequence[Comparison]]
) -> list[dict[str, Any]]:
    """Return for every setting who has the lowest mean regret, and how IDS compares with some."""
    rows = []
    for one in played:
        for i, value in enumerate(one.kind.settings):
            means = {agent: one.means[agent][i] for agent in one.kind.agents}
            row: dict[str, Any] = {
                "setting": one.kind.setting(value),
                "lowest of the paper's": min(
                    (agent for agent in means if agent in PAPER), key=means.__getitem__
                ),
                "lowest of all": min(means, key=means.__getitem__),
            }
            for rival, some in against.items():
                text = {other.setting: other.text for other in some}.get(row["setting"])
                row[f"IDS − {rival} [95%]"] = text
            rows.append(row)
    return rows
