"""Figure 1 of "Adaptive Sampling for Discovery": simulated pools of six kinds, twelve panels.

Source: Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022,
section 5.2. What its text leaves open was read from the authors' programs
(https://github.com/ZimmermanGroup/Adaptive_sampling_for_discovery, commit 0e257ae).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...envs.core.checks import integer
from ..records import Record
from ..suites import Suite, Task
from . import figures
from .comparison import COLOURS, COLUMNS, PAPER, Comparison, compare, line, play_suite, tally
from .figures import Section, Table, new_figure, write_report

NEWCOMERS = ("greedy", "Bayes-UCB")
SOON = {"greedy": "greedy", "Bayes-UCB": "bayes_ucb(width=1)"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of pool: two panels of the figure.

    Args:
        name: Name of its files.
        title: Name in words.
        panels: Letters of its two panels.
        about: What is found there, in one sentence.
        env_id: The environment.
        env_kwargs: Its parameters, but those of `settings`.
        axis: What is varied: the abscissa of the second panel.
        symbol: The same in short.
        settings: Value on the axis -> the parameters that go with it.
        shown: The value whose curve the first panel shows.
        steps: Length of that curve, in labels.
        early: Numbers of labels after which regret is read; the second panel shows the last.
        agents: Name -> agent as text.
    """

    name: str
    title: str
    panels: tuple[str, str]
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    axis: str
    symbol: str
    settings: Mapping[float, Mapping[str, Any]]
    shown: float
    steps: int
    early: tuple[int, ...]
    agents: Mapping[str, str]

    def setting(self, value: float) -> str:
        """Return a setting in words."""
        return f"{self.title}, {self.symbol} = {value:g}"

    @property
    def tasks(self) -> list[Task]:
        """One task per setting; only the one whose curve is shown is played to the end."""
        return [
            Task(
                name=self.setting(value),
                about=self.about,
                env_id=self.env_id,
                env_kwargs={
                    **self.env_kwargs,
                    **parameters,
                    "horizon": self.steps if value == self.shown else self.early[-1],
                },
                agents=self.agents,
            )
            for value, parameters in self.settings.items()
        ]


DIMENSIONS = {float(d): {"num_features": d} for d in (20, 50, 100)}


def _noise(*variances: float) -> dict[float, dict[str, float]]:
    return {variance: {"noise_std": math.sqrt(variance)} for variance in variances}


def _agents(ids: str, ucb: str | None = None, **more: str) -> dict[str, str]:
    """Return the agents of a kind: the paper's, those that join them, and a kind's own."""
    bandit = {} if ucb is None else {"UCB": ucb}
    return {"random": "random", "TS": "thompson", **bandit, "IDS": ids, **SOON, **more}


def _graph(topology: str, panels: tuple[str, str], about: str, agents: dict[str, str]) -> Kind:
    return Kind(
        name=f"{topology}_graph",
        title=f"{topology.capitalize()} graph",
        panels=panels,
        about=about,
        env_id="discovery/GraphPool-v0",
        env_kwargs={"topology": topology, "num_items": 900, "edge_prob": 0.01},
        axis="variance σ² of the noise",
        symbol="σ²",
        settings=_noise(0.1, 1.0, 10.0),
        shown=0.1,
        steps=50,
        early=(50,),
        agents=agents,
    )


GRAPH_AGENTS = _agents("ids(lam=3, samples=100, deterministic=True)")

KINDS = (
    Kind(
        name="linear",
        title="Linear model",
        panels=("a", "b"),
        about="Labels are linear in d features.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={"num_items": 500, "noise_std": 0.1},
        axis="number d of features",
        symbol="d",
        settings=DIMENSIONS,
        shown=20,
        steps=500,
        early=(100,),
        agents=_agents("ids(lam=2, samples=100, deterministic=True)", "linucb"),
    ),
    Kind(
        name="logistic",
        title="Logistic model",
        panels=("c", "d"),
        about="Labels are 0 or 1; the log-odds of a 1 are linear in d features.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 500},
        axis="number d of features",
        symbol="d",
        settings=DIMENSIONS,
        shown=20,
        steps=500,
        early=(100, 250),
        agents=_agents("ids(lam=2, samples=1000, deterministic=True)", "glm_ucb"),
    ),
    _graph(
        "random",
        ("e", "f"),
        "A label also shows noisy values of the neighbours; each pair of nodes is linked with "
        "probability 0.01.",
        GRAPH_AGENTS,
    ),
    _graph(
        "complete",
        ("g", "h"),
        "Every label shows noisy values of all nodes, so that none tells more than another.",
        GRAPH_AGENTS,
    ),
    _graph(
        "star",
        ("i", "j"),
        "A third of the nodes are hubs, linked to all; the rest are linked with probability 0.01.",
        GRAPH_AGENTS | {"one hub": "one_hub"},
    ),
    Kind(
        name="low_rank",
        title="Low-rank matrix",
        panels=("k", "l"),
        about="Items are the 900 entries of a 30 x 30 matrix of rank 2.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 30, "num_cols": 30, "rank": 2},
        axis="variance σ² of the noise",
        symbol="σ²",
        settings=_noise(0.1, 0.5, 1.0),
        shown=0.1,
        steps=100,
        early=(100,),
        agents=_agents("ids(lam=3, samples=500, deterministic=True)"),
    ),
)


def asd_figure_1(
    out: Path, *, episodes: int = 64, seed: int = 2022, workers: int | None = None
) -> list[Path]:
    """Write the report into the folder ``out``; return the files, `index.html` first.

    Finished runs are kept in ``out``, so that a killed call goes on where it stopped.

    Args:
        out: An existing folder.
        episodes: Pools of each setting, which all agents meet.
        seed: Seed of the first pool.
        workers: Processes; None takes one per core.
    """
    suite = Suite(
        name="asd-figure-1",
        version=1,
        about="figure 1 of Adaptive Sampling for Discovery",
        episodes=integer("episodes", episodes, low=2, high=10_000),
        tasks=tuple(task for kind in KINDS for task in kind.tasks),
        seed=integer("seed", seed, low=0),
        curves=True,
    )
    records = play_suite(suite, out, workers)
    played = [Played(kind=kind, records=records) for kind in KINDS]
    with figures.style():
        sections = [
            _overview(played),
            _paper_ranking(played),
            _newcomers(played),
            *(_kind(one) for one in played),
            _differences(),
            _method(suite, records),
        ]
        return write_report(out, TITLE, _abstract(played), sections)


# ---- what was measured


@dataclass(frozen=True, kw_only=True)
class Played:
    """A kind of pool and the records of its runs, by task and agent."""

    kind: Kind
    records: Mapping[str, Mapping[str, Record]]

    def curves(self, value: float) -> dict[str, NDArray[np.float64]]:
        """Return the regret of every agent at one setting after each label, ``(E, T)``."""
        found = {}
        for agent, record in self.records[self.kind.setting(value)].items():
            assert record.curve is not None  # the suite keeps them
            found[agent] = record.curve
        return found

    def regrets(self, value: float, step: int | None = None) -> dict[str, NDArray[np.float64]]:
        """Return the regret of every agent after ``step`` labels, ``(E,)``; None: the last early."""
        at = (step or self.kind.early[-1]) - 1
        return {agent: curve[:, at] for agent, curve in self.curves(value).items()}

    def compare(self, ours: str, theirs: str) -> list[Comparison]:
        """Compare two agents at every setting; none where one of them does not play."""
        if not {ours, theirs} <= self.kind.agents.keys():
            return []
        return [
            compare(self.kind.setting(value), ours, theirs, [self.regrets(value)])
            for value in self.kind.settings
        ]

    @cached_property
    def means(self) -> dict[str, list[float]]:
        """Mean regret of every agent at every setting."""
        return {
            agent: [float(self.regrets(value)[agent].mean()) for value in self.kind.settings]
            for agent in self.kind.agents
        }


def _every(played: Sequence[Played], ours: str, theirs: str) -> list[Comparison]:
    return [comparison for one in played for comparison in one.compare(ours, theirs)]


def _plus_minus(regret: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and half the 95 % interval over episodes (normal), from ``(E, ...)``."""
    return regret.mean(0), 1.96 * regret.std(0, ddof=1) / math.sqrt(len(regret))


# ---- the figure


def _draw_curve(axes: Axes, one: Played, *, zoom: bool) -> None:
    """Draw regret against labels; zoomed, the curve of random leaves the picture."""
    kind, steps = one.kind, np.arange(1, one.kind.steps + 1)
    top = 0.0
    for agent, regret in one.curves(kind.shown).items():
        mean, reach = _plus_minus(regret)
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
        mean, reach = np.transpose([_plus_minus(one.regrets(value)[agent]) for value in values])
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
        caption=_caption(played[0]),
    )


def _caption(one: Played) -> str:
    episodes = len(one.regrets(one.kind.shown)["random"])
    return (
        f"Mean regret over {episodes} pools, the same for all algorithms. Full lines: the "
        "algorithms of the paper; dashed: those that join them. Bands and bars: 95% intervals of "
        "the mean (1.96 standard errors)."
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
            cells = [_plus_minus(regrets[agent]) for agent in kind.agents]
            shown.append((value, step, *(f"{mean:.2f} ± {reach:.2f}" for mean, reach in cells)))
            numbers += [
                (value, step, agent, float(mean), float(mean - reach), float(mean + reach))
                for agent, (mean, reach) in zip(kind.agents, cells, strict=True)
            ]
        for agent, regret in one.curves(value).items():
            mean, reach = _plus_minus(regret)
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


# ---- what it says


def _abstract(played: Sequence[Played]) -> list[str]:
    rivals = {rival: _every(played, "IDS", rival) for rival in ("TS", *NEWCOMERS)}
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


def _paper_ranking(played: Sequence[Played]) -> Section:
    kinds = {one.kind.name: one for one in played}
    pairs = [("IDS", rival) for rival in PAPER if rival != "IDS"]
    pairs += [("TS", rival) for rival in PAPER if rival not in ("IDS", "TS")]
    every = {pair: _every(played, *pair) for pair in pairs}
    rows = [
        (
            (
                "IDS has lower regret over all the steps in the linear, logistic, random-graph and "
                "star-graph models."
            ),
            " ".join(
                _over_steps(kinds[name])
                for name in ("linear", "logistic", "random_graph", "star_graph")
            ),
        ),
        (
            "TS and IDS always outperform random and UCB.",
            " ".join(
                f"{ours} against {theirs}: {tally(every[ours, theirs])}."
                for ours, theirs in pairs
                if theirs in ("random", "UCB")
            ),
        ),
        (
            "IDS and TS are almost the same on complete graphs.",
            (
                f"IDS is {tally(kinds['complete_graph'].compare('IDS', 'TS'))}. "
                f"{_reduction(kinds['complete_graph'])}"
            ),
        ),
        (
            "IDS is slightly lower than TS on random graphs, significantly lower on star graphs.",
            f"{_reduction(kinds['random_graph'])} {_reduction(kinds['star_graph'])}",
        ),
        (
            "IDS is better than TS at all d (linear) and all σ (random and star graphs, matrix).",
            " ".join(
                f"{kinds[name].kind.title}: {tally(kinds[name].compare('IDS', 'TS'))}."
                for name in ("linear", "random_graph", "star_graph", "low_rank")
            ),
        ),
        (
            "The regret after 100 labels grows linearly with d (panels b, d).",
            f"{_growth(kinds['linear'])} {_growth(kinds['logistic'])}",
        ),
        (
            "More noise leads to more regret (panels f, h, j, l).",
            " ".join(_noise_order(one) for one in played if one.kind.symbol == "σ²"),
        ),
    ]
    return Section(
        title="The paper's ranking, claim by claim",
        text=(
            (
                "Left, what section 5.2 of the paper says of the algorithms it compares; right, "
                "what these runs say, computed from their records."
            ),
        ),
        tables=(
            Table(name="claims", columns=("the paper", "these runs"), rows=rows),
            Table(
                name="paired_differences",
                columns=COLUMNS,
                rows=[one.row for some in every.values() for one in some],
                shown=False,
            ),
        ),
    )


def _over_steps(one: Played) -> str:
    """Return at how many steps the curve of IDS lies above that of another algorithm."""
    curves = one.curves(one.kind.shown)
    parts = []
    for rival in PAPER:
        if rival in curves and rival != "IDS":
            mean, reach = _plus_minus(curves["IDS"] - curves[rival])
            above = np.flatnonzero(mean > np.maximum(reach, 1e-6)) + 1
            where = f" (labels {above[0]} to {above[-1]})" if len(above) else ""
            parts.append(f"{rival} {len(above)}{where}")
    return (
        f"{one.kind.title}: of {one.kind.steps} steps, IDS is clearly above "
        f"{', above '.join(parts)}."
    )


def _reduction(one: Played) -> str:
    """Return by how much IDS lowers the regret of TS."""
    changes = zip(one.kind.settings, one.means["IDS"], one.means["TS"], strict=True)
    words = ", ".join(
        f"{100 * (ids / ts - 1):+.0f}% at {one.kind.symbol} = {value:g}"
        for value, ids, ts in changes
    )
    return f"{one.kind.title}: regret of IDS relative to TS {words}.".replace("-", "−")


def _growth(one: Played) -> str:
    """Return regret per feature after 100 labels."""
    parts = []
    for agent in ("TS", "IDS"):
        ratios = [float(one.regrets(d, 100)[agent].mean()) / d for d in one.kind.settings]
        parts.append(f"{agent} {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    values = ", ".join(f"{d:g}" for d in one.kind.settings)
    return f"{one.kind.title}: regret over d at d = {values}: {'; '.join(parts)}."


def _noise_order(one: Played) -> str:
    """Return for which algorithms of the paper regret does not rise with the noise."""
    fails = [agent for agent in ("TS", "IDS") if any(a > b for a, b in pairwise(one.means[agent]))]
    return f"{one.kind.title}: {'not for ' + ' and '.join(fails) if fails else 'yes'}."


def _newcomers(played: Sequence[Played]) -> Section:
    against = {rival: _every(played, "IDS", rival) for rival in ("TS", "UCB", *NEWCOMERS)}
    found = {rival: {one.setting: one for one in some} for rival, some in against.items()}
    rows, first = [], {"paper": 0, "all": 0}
    for one in played:
        for i, value in enumerate(one.kind.settings):
            means = {agent: one.means[agent][i] for agent in one.kind.agents}
            paper = min((agent for agent in means if agent in PAPER), key=means.__getitem__)
            best = min(means, key=means.__getitem__)
            first["paper"] += paper == "IDS"
            first["all"] += best == "IDS"
            setting = one.kind.setting(value)
            cells = [found[rival].get(setting) for rival in against]
            rows.append((setting, paper, best, *(cell.text if cell else None for cell in cells)))
    names = " and ".join(NEWCOMERS)
    return Section(
        title=f"Where the ranking fails once {names} join",
        text=(
            (
                f"Among the paper's own algorithms IDS has the lowest mean regret in "
                f"{first['paper']} of {len(rows)} settings; among all, in {first['all']}."
            ),
            *(f"IDS against {rival}: {tally(against[rival])}." for rival in NEWCOMERS),
            (
                "Both newcomers use the same posterior as IDS and TS, cost less, and were not "
                "tuned. “UCB” is the paper's: it does without the prior that all the others know."
            ),
        ),
        tables=(
            Table(
                name="newcomers",
                columns=(
                    "setting",
                    "lowest of the paper's",
                    "lowest of all",
                    *(f"IDS − {rival} [95%]" for rival in against),
                ),
                rows=rows,
            ),
            Table(
                name="newcomers_paired",
                columns=COLUMNS,
                rows=[one.row for rival in NEWCOMERS for one in against[rival]],
                shown=False,
            ),
        ),
    )


# ---- how it was made


def _differences() -> Section:
    """Where the paper's words and the authors' programs differ, and what is done here."""
    rows = [
        (
            "choice of IDS",
            "draws from the distribution that minimises (regret)^λ / information",
            "the single item of the smallest ratio, information floored at 1e-6",
            "as the programs",
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
            "100 (linear, graphs), 1000 (logistic), 500 (low rank)",
            "as the programs",
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


def _method(suite: Suite, records: Mapping[str, Mapping[str, Record]]) -> Section:
    rows = [
        (
            task,
            agent,
            record.spec.env_id,
            record.spec.agent,
            len(record.returns),
            record.spec.seed,
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
                f"{len(rows)} runs of {suite.episodes} pools. Pool i of a setting has the seed "
                f"{suite.seed} + i whichever algorithm meets it, so that differences are taken pool "
                "by pool. Intervals of differences are paired bootstrap intervals; no correction is "
                "made for their number."
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
