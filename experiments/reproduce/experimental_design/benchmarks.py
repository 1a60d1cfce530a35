"""The benchmarks of sequential experimental design: our agents beside the published policies.

All numbers are bounds of the total expected information of a policy, in nats: below sPCE, above sNMC,
from L contrastive draws per episode (`sequential_bounds`). They need the law of the data alone, so
they do not depend on how an agent or an environment keeps its posterior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from ....envs.core.arrays import Array
from ....envs.core.checks import integer
from ....envs.rendering.palette import BLUE, GREY
from ...runs.evaluation import Evaluation
from ..figures import points, subplots
from ..playing import play_suites, runs_of
from ..report import Section, Words, write_report
from . import problems
from .problems import Entry, Problem, Published

WORDS = Words(Path(__file__).with_suffix(".md"))


def design_benchmarks(
    out: Path, *, episodes: int | None = None, seed: int = 2021, workers: int | None = None
) -> list[Path]:
    """Write the report; each agent plays by default as many episodes as its speed allows."""
    return compare(problems.PROBLEMS, WORDS, out, episodes, seed, workers)


def compare(
    every: Sequence[Problem],
    words: Words,
    out: Path,
    episodes: int | None,
    seed: int,
    workers: int | None,
) -> list[Path]:
    """Play all of some problems, and write a report with words that wait for the numbers."""
    if episodes is not None:
        episodes = integer("episodes", episodes, low=2, high=100_000)
    seed = integer("seed", seed, low=0)
    suites = [suite for one in every for suite in one.suites(episodes, seed)]
    records = play_suites(suites, out, workers)
    results = [Result(problem, records[problem.name]) for problem in every]
    sections = [
        _picture(results, words),
        *(_numbers(one, words) for one in results),
        _ahead(results, words),
        _method(results, words),
    ]
    return write_report(out, words.title, _abstract(results, words), sections)


class Estimate(NamedTuple):
    """The mean over episodes of a bound, or of what it bounds, and its standard error."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: Array) -> Estimate:
        """Return it for the values of some episodes, ``(E,)``."""
        return cls(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.mean:.3f} ± {self.error:.3f}"


@dataclass(frozen=True)
class Result:
    """What each of our agents achieved on a problem."""

    problem: Problem
    records: Mapping[str, Evaluation]

    def bounds(self, name: str) -> Array:
        """Return the lower and the upper bound of an agent in each episode, ``(E, 2)``."""
        return self.records[name].metrics["information_bounds"]

    def lower(self, name: str) -> Estimate:
        """Return the lower bound of an agent."""
        return Estimate.of(self.bounds(name)[:, 0])

    def upper(self, name: str) -> Estimate:
        """Return the upper bound of an agent."""
        return Estimate.of(self.bounds(name)[:, 1])

    @property
    def best(self) -> str:
        """The agent of ours with the highest lower bound."""
        return max(self.records, key=lambda name: self.lower(name).mean)

    @property
    def champion(self) -> Published:
        """The published policy with the highest lower bound."""
        return max(self.problem.published, key=lambda one: one.lower)

    @property
    def lead(self) -> float:
        """How far our best agent is ahead of the best published policy, in lower bounds."""
        return self.lower(self.best).mean - self.champion.lower

    @property
    def verdict(self) -> str:
        """The same in words; no comparison where ours cannot reach what a published bound can."""
        ours = next(one.contrasts for one in self.problem.entries if one.name == self.best)
        theirs = self.champion.contrasts or ours
        if ours < theirs and self.champion.lower > np.log(ours + 1):
            return f"not comparable: L = {ours:,} cannot tell more than {np.log(ours + 1):.2f}"
        if abs(self.lead) <= 2 * self.lower(self.best).error:
            return "level"
        return "ahead" if self.lead > 0 else "behind"


def _abstract(results: Sequence[Result], words: Words) -> list[str]:
    return words.abstract(
        verdicts="; ".join(
            f"{one.problem.name}: {one.best} {one.lower(one.best)}, best published "
            f"{one.champion.policy} {one.champion.lower:.3f} ({one.verdict})"
            for one in results
        )
    )


def _method(results: Sequence[Result], words: Words) -> Section:
    rows = [
        row | {"L": entry.contrasts}
        for one in results
        for row, entry in zip(
            runs_of({one.problem.name: one.records}), one.problem.entries, strict=True
        )
    ]
    return words.section("method", files={"runs": rows})


# ---- the numbers of a problem


def _numbers(one: Result, words: Words) -> Section:
    problem = one.problem
    rows = [(one.lower(entry.name).mean, _ours(one, entry)) for entry in problem.entries]
    rows += [(past.lower, _theirs(one, past)) for past in problem.published]
    rows.sort(key=lambda pair: -pair[0])
    caps = sorted({entry.contrasts for entry in problem.entries})
    return words.section(
        "problem",
        tables={slug(problem.name): [row for _, row in rows]},
        problem=problem,
        caps=", ".join(f"{np.log(n + 1):.3f} for L = {n:,}" for n in caps),
    )


def _ours(one: Result, entry: Entry) -> dict[str, Any]:
    record = one.records[entry.name]
    return {
        "policy": entry.name,
        "whose": "ours",
        "designs": entry.law,
        "T": one.problem.env_kwargs["horizon"],
        "L": f"{entry.contrasts:,}",
        "lower bound (sPCE)": str(one.lower(entry.name)),
        "upper bound (sNMC)": str(one.upper(entry.name)),
        "without bounds": str(Estimate.of(record.returns)) if entry.exact else None,
        "episodes": len(record.returns),
        "ms per decision": float(f"{record.seconds_per_decision * 1e3:.2g}"),
    }


def _theirs(one: Result, past: Published) -> dict[str, Any]:
    return {
        "policy": past.policy,
        "whose": past.source,
        "designs": None,
        "T": one.problem.env_kwargs["horizon"],
        "L": None if past.contrasts is None else f"{past.contrasts:,}",
        "lower bound (sPCE)": f"{past.lower:.3f}",
        "upper bound (sNMC)": None if past.upper is None else f"{past.upper:.3f}",
        "without bounds": None,
        "episodes": None,
        "ms per decision": None,
    }


def slug(name: str) -> str:
    """Return the name of the file of a problem."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return "_".join(words)


# ---- the picture


class Bar(NamedTuple):
    """A policy in the picture: its bounds, and the standard error of the lower one."""

    policy: str
    lower: float
    error: float
    upper: float
    ours: bool


def _picture(results: Sequence[Result], words: Words) -> Section:
    heights = [len(one.problem.published) + len(one.problem.entries) for one in results]
    height, ratios = 0.21 * sum(heights) + 2.6, {"height_ratios": heights}
    figure, panels = subplots(7.4, height, len(results), gridspec_kw=ratios)
    for axes, one in zip(panels, results, strict=True):
        _draw(axes, one)
    panels[-1].set_xlabel("information, nats")
    handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    panels[0].legend(handles.values(), handles.keys(), loc="lower right")
    return words.section("benchmarks", figure=figure)


def _draw(axes: Axes, one: Result) -> None:
    bars = [Bar(name, *one.lower(name), one.upper(name).mean, True) for name in one.records]
    bars += [Bar(p.policy, p.lower, 0.0, p.upper or p.lower, False) for p in one.problem.published]
    bars.sort(key=lambda bar: bar.lower)
    for height, bar in enumerate(bars):
        colour, label = (BLUE, "ours") if bar.ours else (GREY, "published")
        ends, half = [bar.lower, bar.upper], 2 * bar.error
        axes.plot(ends, [height] * 2, "-", color=colour, linewidth=3, alpha=0.35)
        points(axes, bar.lower, height, xerr=half, size=4.5, cap=0, color=colour, label=label)
    axes.set_yticks(range(len(bars)), [bar.policy.replace("^2", "²") for bar in bars])
    for tick, bar in zip(axes.get_yticklabels(), bars, strict=True):
        tick.set_color(BLUE if bar.ours else "#444444")
    cap = np.log(max(entry.contrasts for entry in one.problem.entries) + 1)
    most = max(bar.lower + 2 * bar.error for bar in bars)
    if cap < 1.5 * most:
        axes.axvline(cap, color=GREY, linestyle="--", linewidth=1)
        most = max(most, cap)
    axes.set_xlim(0, 1.08 * most)  # an upper bound without limit tells nothing
    axes.set_title(one.problem.name, loc="left")


# ---- who is ahead


def _ahead(results: Sequence[Result], words: Words) -> Section:
    rows = [
        {
            "problem": one.problem.name,
            "our best": one.best,
            "lower bound": str(one.lower(one.best)),
            "best published": one.champion.policy,
            "its lower bound": f"{one.champion.lower:.3f}",
            "difference": f"{one.lead:+.3f}".replace("-", "−"),
            "ours is": one.verdict,
        }
        for one in results
    ]
    behind = "; ".join(
        f"{one.champion.policy} on {one.problem.name} by {-one.lead:.2f} nats"
        for one in results
        if one.verdict == "behind"
    )
    more = "ahead by more than two standard errors"
    return words.section(
        "ahead",
        tables={"ahead": rows},
        behind=f"Published policies that are {more}: {behind}." if behind else f"None is {more}.",
        two_steps=" and ".join(text for one in results for text in _two_steps(one)),
    )


def _two_steps(one: Result) -> list[str]:
    """Return what the second step brings on the same episodes, for each agent that takes it."""
    found = []
    for entry in one.problem.entries:
        if entry.compared_with is not None:
            near, far = one.bounds(entry.compared_with), one.bounds(entry.name)
            both = min(len(near), len(far))
            gain = Estimate.of(far[:both, 0] - near[:both, 0])
            found.append(f"{gain} on {one.problem.name} ({both} episodes)".replace("-", "−"))
    return found
