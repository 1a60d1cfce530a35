"""Figure 1 of "Adaptive Sampling for Discovery": simulated pools of six kinds, twelve panels.

Source: Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022,
section 5.2. What its text leaves open was read from the authors' programs
(https://github.com/ZimmermanGroup/Adaptive_sampling_for_discovery, commit 0e257ae).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ....envs.core.checks import integer
from ...runs.evaluation import Evaluation
from .. import figures
from ..figures import Section, Table, new_figure, write_report
from ..playing import play_suites
from . import kinds
from .comparison import COLOURS, line, tally
from .kinds import NEWCOMERS, Played, every, plus_minus
from .ranking import newcomers, paper_ranking


def asd_figure_1(
    out: Path, *, episodes: int = 64, seed: int = 2022, workers: int | None = None
) -> list[Path]:
    """Write the report into the folder ``out``; return the files, `index.html` first.

    Finished runs are kept in ``out``, so that a killed call goes on where it stopped.

    Args:
        out: An existing folder.
        episodes: Pools of each setting, which all agents meet; where decisions take long, fewer.
        seed: Seed of the first pool.
        workers: Processes; None takes one per core.
    """
    episodes = integer("episodes", episodes, low=2, high=10_000)
    seed = integer("seed", seed, low=0)
    records = play_suites([kind.suite(episodes, seed) for kind in kinds.KINDS], out, workers)
    played = [Played(kind=kind, records=records) for kind in kinds.KINDS]
    with figures.style():
        sections = [
            _overview(played),
            paper_ranking(played),
            newcomers(played),
            *(_kind(one) for one in played),
            _differences(),
            _method(records, seed),
        ]
        return write_report(out, TITLE, _abstract(played), sections)


# ---- the figure


def _draw_curve(axes: Axes, one: Played, *, zoom: bool) -> None:
    """Draw regret against labels; zoomed, the curve of random leaves the picture."""
    kind, steps = one.kind, np.arange(1, one.kind.steps + 1)
    top = 0.0
    for agent, regret in one.curves(kind.shown).items():
        mean, reach = plus_minus(regret)
        colour = COLOURS[agent]
        axes.plot(steps, mean, line(agent), color=colour, label=agent, linewidth=1.3)
        axes.fill_between(steps, mean - reach, mean + reach, color=colour, alpha=0.18, linewidth=0)
        if agent != "random":
            top = max(top, float((mean + reach).max()))
    axes.set(xlabel="labels t", ylabel="regret")
    axes.set_xlim(0, kind.steps)
    axes.set_ylim(0, 1.05 * top if zoom else None)
    axes.set_title(f"({kind.panels[0]}) {kind.title}, {kind.symbol} = {kind.shown:g}")


def _draw_early(axes: Axes, one: Played, *, zoom: bool) -> None:
    """Draw regret after the early number of labels against what is varied."""
    kind, values = one.kind, list(one.kind.settings)
    top = 0.0
    for agent in kind.agents:
        mean, reach = np.transpose([plus_minus(one.regrets(value)[agent]) for value in values])
        axes.errorbar(
            values,
            mean,
            reach,
            fmt=f"{line(agent)}o",
            color=COLOURS[agent],
            label=agent,
            linewidth=1.3,
            markersize=3,
            capsize=2,
        )
        if agent != "random":
            top = max(top, float((mean + reach).max()))
    axes.set(xlabel=kind.axis, ylabel=f"regret after {kind.early[-1]} labels")
    if values[-1] > 10 * values[0]:
        axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    axes.set_ylim(0, 1.05 * top if zoom else None)
    axes.set_title(f"({kind.panels[1]}) {kind.title}")


def _legend(figure: Figure) -> None:
    """Put one legend for all panels below them."""
    lines = {str(one.get_label()): one for axes in figure.axes for one in axes.lines}
    lines = {label: one for label, one in lines.items() if not label.startswith("_")}
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines))


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
    return Section(
        title="Figure 1, all panels",
        text=(
            (
                "The layout is the paper's. First and third column: regret against labels at one "
                "setting. Second and fourth: regret at an early moment for several settings. The "
                "sections below show each pair of panels by itself, closer."
            ),
        ),
        name="figure_1",
        figure=figure,
        caption=_caption(*played),
    )


def _caption(*played: Played) -> str:
    pools = [one.pools for one in played]
    fewer = ", ".join(
        f"{one.pools} of “{one.kind.title}”" for one in played if one.pools < max(pools)
    )
    return (
        f"Mean regret over {max(pools)} pools{f' ({fewer})' if fewer else ''}, the same for all "
        "algorithms. Full lines: the algorithms of the paper; dashed: those that join them. Bands "
        "and bars: 95% intervals of the mean (1.96 standard errors)."
    )


def _kind(one: Played) -> Section:
    kind = one.kind
    figure = new_figure(8.2, 3.4)
    left, right = figure.subplots(1, 2)
    _draw_curve(left, one, zoom=True)
    _draw_early(right, one, zoom=True)
    _legend(figure)
    shown, numbers, curves = [], [], []
    for value in kind.settings:
        for step in kind.early:
            regrets = one.regrets(value, step)
            cells = [plus_minus(regrets[agent]) for agent in kind.agents]
            shown.append((value, step, *(f"{mean:.2f} ± {reach:.2f}" for mean, reach in cells)))
            numbers += [
                (value, step, agent, float(mean), float(mean - reach), float(mean + reach))
                for agent, (mean, reach) in zip(kind.agents, cells, strict=True)
            ]
        for agent, regret in one.curves(value).items():
            mean, reach = plus_minus(regret)
            rows = np.column_stack([mean, mean - reach, mean + reach]).tolist()
            curves += [(value, agent, t, *row) for t, row in enumerate(rows, start=1)]
    intervals = ("mean regret", "95% low", "95% high")
    settings = ", ".join(f"`{agent}` = `{text}`" for agent, text in kind.agents.items())
    parameters = ", ".join(f"{key}={value}" for key, value in kind.env_kwargs.items())
    return Section(
        title=f"{kind.title}: panels ({kind.panels[0]}) and ({kind.panels[1]})",
        text=(
            f"{kind.about} `{kind.env_id}` with {parameters}.",
            f"Agents: {settings}.",
        ),
        name=kind.name,
        figure=figure,
        caption=f"{_caption(one)} Where its regret is far above the others', random is cut off.",
        tables=(
            Table(
                name=f"{kind.name}_shown",
                columns=(kind.symbol, "labels", *kind.agents),
                rows=shown,
            ),
            Table(
                name=kind.name,
                columns=(kind.symbol, "labels", "agent", *intervals),
                rows=numbers,
                shown=False,
            ),
            Table(
                name=f"{kind.name}_curves",
                columns=(kind.symbol, "agent", "labels", *intervals),
                rows=curves,
                shown=False,
            ),
        ),
    )


def _abstract(played: Sequence[Played]) -> list[str]:
    rivals = {rival: every(played, "IDS", rival) for rival in ("TS", *NEWCOMERS)}
    return [
        (
            "A pool holds many items whose labels are unknown; each label costs one step, and no "
            "item is labelled twice. Which items, if the sum of the labels is to be large? Xu, "
            "Shim, Tewari and Zimmerman, “Adaptive Sampling for Discovery” (NeurIPS 2022), propose "
            "information-directed sampling (IDS) and compare it with Thompson sampling (TS), upper "
            "confidence bounds (UCB) and random choice in simulated pools. This is their Figure 1, "
            "made again, with two plain rules added that the paper leaves out: greedy (the highest "
            "posterior mean) and Bayes-UCB (posterior mean plus one standard deviation)."
        ),
        (
            "Regret after t labels is the sum of the best t values of the pool less the sum of the "
            "values found, free of label noise; 0 is perfect."
        ),
        (
            f"In short, of {len(rivals['TS'])} settings, the regret of IDS is "
            + "; ".join(
                f"against {rival} {tally(some, where=False)}" for rival, some in rivals.items()
            )
            + ". “Lower” and “higher” mean that the 95% interval of the paired difference lies on "
            "one side of 0, “level” that it holds 0."
        ),
    ]


# ---- how it was made


def _differences() -> Section:
    """Where the paper's words and the authors' programs differ, and what is done here."""
    rows = [
        (
            "choice of IDS",
            "draws from the distribution that minimises (regret)^λ / information",
            "the single item of the smallest ratio, information floored at 1e-6",
            "as the programs, but for the floor",
        ),
        (
            "information about",
            "the T − t + 1 best items (definition); the best item in section 5.1",
            "the best item: the variance that its identity explains",
            "as the programs",
        ),
        (
            "λ",
            "2 in theorems 1 and 3 (linear, graphs), 3 in theorem 2 (low rank)",
            "2 for linear and logistic, 3 for graphs and low rank",
            "as the programs",
        ),
        (
            "draws of the posterior",
            "not said",
            "100 (linear, graphs), 1000 (logistic), 500 after 100 burn-in (low rank)",
            (
                "as the programs; graphs: what so many draws say on average, computed; low rank: 256 "
                "chains that follow the labels"
            ),
        ),
        (
            "linear and logistic pools",
            "d = 20, 50, 100; size, variances and noise not said",
            "n = 500, features and coefficients N(0, 1), noise 0.1 (for d = 20 also 1, 5, 10)",
            "as the programs; noise 0.1",
        ),
        (
            "UCB, linear",
            "“adapted from the bandit literature”",
            "LinUCB: ridge 0.001, width 1, without the prior",
            "as the programs",
        ),
        (
            "UCB, logistic",
            "GLM-UCB of Filippi et al.",
            "OFUL on 0/1 labels after d + 1 random picks",
            "as the programs",
        ),
        (
            "posterior, logistic",
            "Laplace approximation",
            "its Hessian is used as the covariance",
            "the inverse Hessian, as the words have it",
        ),
        (
            "panel (d)",
            "“regret at T = 100” in its title",
            "“250-step regrets” on its axis",
            "250 in the panel, both in the table",
        ),
        (
            "information on graphs",
            "mutual information with the best nodes",
            "sum over neighbours of the variance explained",
            "as the programs, the node itself included",
        ),
        (
            "draws on graphs",
            "from the posterior",
            "a variance is used where a standard deviation belongs",
            "from the posterior",
        ),
        (
            "regret on graphs",
            "of the values, free of noise (equation 1)",
            "the best nodes are counted with their label noise",
            "equation 1",
        ),
        (
            "low rank: rank, factors",
            "entries of the factors N(0, σ₀²); rank and σ₀ not said",
            "rank 2, σ₀ = 1; the first 5 picks random",
            "rank 2, σ₀ = 1; ties of the prior are broken at random",
        ),
        (
            "low rank: TS",
            "Thompson sampling",
            "the curve called TS is IDS again (the test `~flag` is always true)",
            "Thompson sampling",
        ),
    ]
    columns = ("what", "the paper's words", "the authors' programs", "here")
    return Section(
        title="Where the paper's words and the authors' programs differ",
        text=(
            (
                "The paper's appendix with its settings is not at hand; they were read from the "
                "authors' programs (`ZimmermanGroup/Adaptive_sampling_for_discovery`, commit "
                "0e257ae). No line of these is used here."
            ),
        ),
        tables=(Table(name="words_and_programs", columns=columns, rows=rows),),
    )


def _method(records: Mapping[str, Mapping[str, Evaluation]], seed: int) -> Section:
    rows = [
        (
            task,
            agent,
            record.env_id,
            record.agent,
            len(record.returns),
            record.seed,
            1e3 * record.seconds_per_decision,
        )
        for task, some in records.items()
        for agent, record in some.items()
    ]
    columns = (
        "setting",
        "agent",
        "environment",
        "agent as text",
        "pools",
        "first seed",
        "ms per decision",
    )
    return Section(
        title="How it was run",
        text=(
            (
                f"{len(rows)} runs. Pool i of a setting has the seed {seed} + i whichever algorithm "
                "meets it, so that differences are taken pool by pool. Intervals of differences "
                "cover 95% and are paired: Student's t below 32 pools, from there a bootstrap "
                "(BCa); no correction is made for their number."
            ),
            (
                "None of the algorithms looks at the number of labels to come: one run serves "
                "every moment of its curve, as in the paper. Where the curve reaches the size of "
                "the pool, every item is labelled and the regret is 0 for all."
            ),
            (
                "The records, one Parquet file per run with the regret after every label, lie in "
                "`results`; the same command plays only what is missing there."
            ),
        ),
        tables=(Table(name="runs", columns=columns, rows=rows, shown=False),),
    )


TITLE = "Adaptive sampling for discovery: Figure 1 again, and two plain rules that join it"
