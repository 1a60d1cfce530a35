"""Table 1 of "Adaptive Sampling for Discovery": two data sets of real reactions.

Source: Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022,
section 5.3 and table 1. The labels above its columns are permuted, and the report shows what their
order here rests on: the paper's UCB leaves nothing to chance, so that ours must hit it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ....envs.core.checks import integer
from ....envs.datasets import load
from ...suites.task import Suite
from ..figures import common_key, subplots
from ..playing import play_suites, runs_of
from ..report import Section, Words, write_report
from . import columns
from .columns import DATASETS, NEWCOMERS, OTHER_BELIEF, Results
from .comparison import COLOURS, PAPER, tally

WORDS = Words(Path(__file__).with_suffix(".md"))


def asd_table_1(
    out: Path, *, episodes: int = 10, seed: int = 2022, workers: int | None = None
) -> list[Path]:
    """Write the report on so many runs of each agent on each column; the paper has 10."""
    suite = Suite(
        name="asd-table-1",
        version=1,
        about="table 1 of Adaptive Sampling for Discovery",
        episodes=integer("episodes", episodes, low=2, high=10_000),
        tasks=tuple(columns.task_of(column) for column in columns.TABLE),
        seed=integer("seed", seed, low=0),
    )
    for name in DATASETS:
        load(name)  # what is missing is told before anything is played
    records = play_suites([suite], out, workers)
    results, runs = {name: Results(name, records) for name in DATASETS}, runs_of(records)
    sections = [
        *(_numbers(one) for one in results.values()),
        _labels(list(results.values())),
        _ranking(results),
        WORDS.section("method", files={"runs": runs}, runs=len(runs), suite=suite),
    ]
    return write_report(out, WORDS.title, _abstract(results), sections)


def _abstract(results: Mapping[str, Results]) -> list[str]:
    best = {
        one.name: min((one.mean(agent), agent) for agent in NEWCOMERS) for one in results.values()
    }
    return WORDS.abstract(
        ids="; ".join(
            f"{one.mean('IDS'):.2f} on {one.name} (paper {one.paper_mean('IDS'):.2f})"
            for one in results.values()
        ),
        best="; ".join(f"{mean:.2f} on {name} ({agent})" for name, (mean, agent) in best.items()),
        ucb_error=_ucb_error(list(results.values())),
    )


# ---- the numbers


def _numbers(one: Results) -> Section:
    agents = tuple(columns.agents_of(0.1))
    figure, axes = subplots(8.2, 0.36 * len(one.columns) + 1.3)
    _draw(axes, one, agents)
    common_key(figure, axes, 1, "outside right center")
    return WORDS.section(
        "numbers",
        name=one.dataset,
        figure=figure,
        tables={
            f"{one.dataset}_paper": _beside_the_paper(one),
            f"{one.dataset}_all": _all_agents(one, agents[1:]),
        },
        files={one.dataset: _all_digits(one, agents)},
        title=f"{one.name}: {DATASETS[one.dataset]}",
        episodes=len(one.regrets(one.columns[0])["random"]),
    )


def _beside_the_paper(one: Results) -> list[dict[str, Any]]:
    """Return the printed means beside ours, and the exact regret of random choice."""

    def row(printed: str, real: str, exact: Any, paper: Any, ours: Any) -> dict[str, Any]:
        cells = {"printed label": printed, "real label": real, "random, exact": f"{exact:.2f}"}
        for agent in ("random", "IDS", "TS", "UCB"):
            cells[f"{agent}, paper"] = f"{paper(agent):.2f}"
            cells[f"{agent}, ours"] = f"{ours(agent):.2f}"
        return cells

    rows = []
    for column in one.columns:
        means = {agent: regret.mean() for agent, regret in one.regrets(column).items()}
        exact, paper = one.exact_random(column), column.paper
        rows.append(row(column.printed, column.real, exact, paper.get, means.get))
    return [*rows, row("mean", "", one.mean_exact_random, one.paper_mean, one.mean)]


def _all_agents(one: Results, agents: Sequence[str]) -> list[dict[str, str]]:
    """Return mean and standard deviation of the regret."""
    rows = []
    for column in one.columns:
        regrets = one.regrets(column)
        cells = {
            agent: f"{regrets[agent].mean():.2f} ± {regrets[agent].std():.2f}" for agent in agents
        }
        rows.append({"real label": column.real, **cells})
    return [*rows, {"real label": "mean", **{agent: f"{one.mean(agent):.2f}" for agent in agents}}]


def _all_digits(one: Results, agents: Sequence[str]) -> list[dict[str, Any]]:
    """Return the same numbers, all digits of them, a row for each agent on a column."""
    return [
        {
            "printed label": column.printed,
            "real label": column.real,
            "agent": agent,
            "paper mean": column.paper.get(agent),
            "mean": float(one.regrets(column)[agent].mean()),
            "standard deviation": float(one.regrets(column)[agent].std()),
            "exact random": one.exact_random(column),
        }
        for column in one.columns
        for agent in agents
    ]


def _draw(axes: Axes, one: Results, agents: Sequence[str]) -> None:
    height = np.arange(len(one.columns))[::-1]
    for agent in agents:
        colour, marker = COLOURS[agent], "D" if agent in OTHER_BELIEF else "o"
        means = [one.regrets(column)[agent].mean() for column in one.columns]
        axes.plot(means, height, marker, color=colour, markersize=4.5, label=agent)
        if agent in PAPER:
            printed = [column.paper[agent] for column in one.columns]
            axes.plot(printed, height, "o", color=colour, markersize=8, fillstyle="none")
    axes.set_yticks(height, [column.real for column in one.columns])
    axes.set(xlabel="regret (sum of yields)", xlim=(0, None))


# ---- which column is which


def _ucb_error(results: Sequence[Results]) -> float:
    return max(
        abs(one.regrets(column)["UCB"].mean() - column.ucb)
        for one in results
        for column in one.columns
    )


def _labels(results: Sequence[Results]) -> Section:
    rows = []
    for one in results:
        ucb = {column.real: one.regrets(column)["UCB"].mean() for column in one.columns}
        for column in one.columns:
            near = sorted(ucb, key=lambda real: abs(ucb[real] - column.ucb))
            own = f"{ucb[column.printed]:.2f}" if column.printed in ucb else None
            rows.append(
                {
                    "data set": one.name,
                    "printed label": column.printed,
                    "UCB, printed": f"{column.ucb:.2f}",
                    "nearest column": f"{near[0]} ({ucb[near[0]]:.2f})",
                    "second nearest": f"{near[1]} ({ucb[near[1]]:.2f})",
                    "the printed label itself": own,
                }
            )
    return WORDS.section("labels", tables={"labels": rows}, ucb_error=_ucb_error(results))


# ---- the ranking


def _ranking(results: Mapping[str, Results]) -> Section:
    rivals = (*(agent for agent in PAPER if agent != "IDS"), *NEWCOMERS)
    differences, paired = [], []
    for one in results.values():
        for rival in rivals:
            overall, each = one.compare("IDS", rival), one.compare_columns("IDS", rival)
            paired += [other.row for other in (overall, *each)]
            differences.append(
                {
                    "data set": one.name,
                    "other": rival,
                    "IDS − other [95%]": overall.text,
                    "IDS is": overall.verdict,
                    "column by column": tally(each),
                }
            )
    return WORDS.section(
        "claims",
        tables={"differences": differences},
        files={"paired_differences": paired},
        gain={name: one.mean_exact_random - one.mean("IDS") for name, one in results.items()},
        printed={
            name: one.paper_mean("random") - one.paper_mean("IDS") for name, one in results.items()
        },
        first_of_paper={name: _winners(one, PAPER) for name, one in results.items()},
        first_of_all={name: _winners(one) for name, one in results.items()},
        over_all_columns="\n\n".join(_verdicts(one, rivals) for one in results.values()),
    )


def _winners(one: Results, among: Sequence[str] = ()) -> str:
    """Return on how many columns each algorithm has the lowest mean regret, of some or of all."""
    found = []
    for column in one.columns:
        means = {agent: regret.mean() for agent, regret in one.regrets(column).items()}
        found.append(min(among or means, key=means.__getitem__))
    return ", ".join(f"{name} {found.count(name)}" for name in dict.fromkeys(found))


def _verdicts(one: Results, rivals: Sequence[str]) -> str:
    found = {rival: one.compare("IDS", rival).verdict for rival in rivals}
    parts = []
    for verdict, link in (("lower", "than"), ("level", "with"), ("higher", "than")):
        names = [rival for rival in rivals if found[rival] == verdict]
        if names:
            listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
            parts.append(f"{verdict} {link} {listed}")
    return f"{one.name}: over all columns IDS is {', '.join(parts)}."
