"""The benchmarks of sequential experimental design: our agents beside the published policies.

All numbers are bounds of the total expected information of a policy, in nats: below sPCE, above sNMC,
from L contrastive draws per episode (`sequential_bounds`). They need the law of the data alone, so
they do not depend on how an agent or an environment keeps its posterior.

Sources: A. Foster, D. Ivanova, I. Malik, T. Rainforth, "Deep adaptive design", ICML 2021; T. Blau, E.
Bonilla, I. Chades, A. Dezfouli, "Optimizing sequential experimental design with deep reinforcement
learning", ICML 2022; D. Ivanova, A. Foster, S. Kleinegesse, M. Gutmann, T. Rainforth, "Implicit deep
adaptive design", NeurIPS 2021; W. Shen, J. Dong, X. Huan, "Variational sequential optimal experimental
design using reinforcement learning" (2023); D. Huang et al., "ALINE" (2025). The last three are quoted
second hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ....envs.core.checks import integer
from ...runs.evaluation import Evaluation
from ...suites.task import Suite, Task
from .. import figures
from ..figures import BLUE, GREY, Section, Table, new_figure, write_report
from ..playing import play_suites


class Published(NamedTuple):
    """A published policy; bounds in nats, None where the source has none."""

    policy: str
    lower: float
    upper: float | None
    contrasts: int | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One of our agents on a problem.

    Args:
        name: Its name.
        agent: The agent as text.
        law: What its designs are, in words.
        episodes: Episodes by default.
        contrasts: Number L of contrastive draws.
        env_kwargs: What differs from the problem's environment.
        exact: Whether the environment keeps the posterior exactly, so that its rewards need no bound.
    """

    name: str
    agent: str
    law: str
    episodes: int
    contrasts: int
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A benchmark.

    Args:
        name: Its name.
        about: The problem in one line.
        env_id: The environment.
        env_kwargs: Its parameters, the horizon among them.
        published: The published policies.
        entries: Our agents.
    """

    name: str
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    published: tuple[Published, ...]
    entries: tuple[Entry, ...]

    def suites(self, episodes: int | None, seed: int) -> list[Suite]:
        """Return a suite for each of our agents, which differ in their number of episodes."""
        return [
            Suite(
                name="design-benchmarks",
                version=1,
                about="published benchmarks of sequential experimental design",
                episodes=episodes or entry.episodes,
                tasks=(
                    Task(
                        name=self.name,
                        about=self.about,
                        env_id=self.env_id,
                        env_kwargs={**self.env_kwargs, **entry.env_kwargs},
                        agents={entry.name: entry.agent},
                        metrics=(f"information_bounds(contrasts={entry.contrasts})",),
                    ),
                ),
                seed=seed,
            )
            for entry in self.entries
        ]


DAD, BLAU, IDAD = "Foster et al. 2021", "Blau et al. 2022", "Ivanova et al. 2021, not checked"
SHEN, ALINE = "Shen et al. 2023, not checked", "Huang et al. 2025, not checked"
NORMAL, GREEDY, FEW = "N(0, I)", "adaptive, one step", "adaptive, one step, from 8 draws"
FEWEST = {"num_particles": 10, "num_moves": 1}
"""Designs at random need no posterior."""
FINE = {"grid_size": (1024, 32)}
"""On the grid by default an agent that plays for the information on it gains 0.06 nats too much."""

PROBLEMS = (
    Problem(
        name="Location finding, T = 30",
        about="Find two hidden sources in the plane by 30 noisy measurements of their signal.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 30},
        published=(
            Published("random, N(0, I)", 8.303, 8.322, 500_000, DAD),
            Published("random, U[-8, 8]^2", 1.624, 1.639, 1_000_000, BLAU),
            Published("fixed", 8.838, 8.914, 500_000, DAD),
            Published("variational", 8.776, 9.064, 500_000, DAD),
            Published("VPCE", 7.766, 7.802, 1_000_000, BLAU),
            Published("DAD", 10.926, 12.382, 500_000, DAD),
            Published("DAD, played anew", 10.965, 12.380, 1_000_000, BLAU),
            Published("RL (REDQ)", 11.73, 12.362, 1_000_000, BLAU),
        ),
        entries=(
            Entry(
                name="random, N(0, I)",
                agent="random(std=0.25)",
                law="N(0, I), within ±4",
                episodes=128,
                contrasts=500_000,
                env_kwargs=FEWEST,
            ),
            Entry(
                name="random, U[-8, 8]^2",
                agent="random",
                law="U[-8, 8]^2",
                episodes=256,
                contrasts=100_000,
                env_kwargs={"reach": 8.0, **FEWEST},
            ),
            Entry(
                name="greedy",
                agent="greedy_eig(candidates=75)",
                law=GREEDY,
                episodes=32,
                contrasts=1_000_000,
                env_kwargs={"num_particles": 2000},
            ),
        ),
    ),
    Problem(
        name="Location finding, T = 10",
        about="The same with ten measurements.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 10},
        published=(
            Published("random, N(0, I)", 4.791, None, None, IDAD),
            Published("DAD", 7.97, None, None, IDAD),
        ),
        entries=(
            Entry(
                name="random, N(0, I)",
                agent="random(std=0.25)",
                law="N(0, I), within ±4",
                episodes=512,
                contrasts=100_000,
                env_kwargs=FEWEST,
            ),
            Entry(
                name="Thompson",
                agent="thompson_eig(draws=8)",
                law=FEW,
                episodes=48,
                contrasts=1_000_000,
            ),
            Entry(
                name="greedy",
                agent="greedy_eig(candidates=75)",
                law=GREEDY,
                episodes=64,
                contrasts=1_000_000,
                env_kwargs={"num_particles": 2000},
            ),
        ),
    ),
    Problem(
        name="Temporal discounting, T = 20",
        about="Learn from 20 choices between offers how someone discounts the future. The published "
        "code has 1/2 + erf((R - V) / alpha) / 2 for Phi((R - V) / alpha), so that alpha is smaller by "
        "a root of two: so it is here.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 20, "alpha_scale": 2**0.5},
        published=(
            Published("Kirby", 1.861, None, 5000, DAD),
            Published("fixed", 2.518, None, 5000, DAD),
            Published("Frye", 3.500, None, 5000, DAD),
            Published("Badapted", 4.454, None, 5000, DAD),
            Published("DAD", 5.021, 5.123, 5000, DAD),
        ),
        entries=(
            Entry(
                name="random",
                agent="random",
                law="R ~ U[0, 100], log D ~ U[0, 9]",
                episodes=1024,
                contrasts=5000,
                env_kwargs={"grid_size": 16},
            ),
            Entry(
                name="Thompson",
                agent="thompson_eig(draws=8)",
                law=FEW,
                episodes=512,
                contrasts=5000,
                env_kwargs=FINE,
                exact=True,
            ),
            Entry(
                name="greedy",
                agent="greedy_eig",
                law=GREEDY,
                episodes=512,
                contrasts=5000,
                env_kwargs=FINE,
                exact=True,
            ),
            Entry(
                name="trained for Phi (deep adaptive design)",
                agent="policy('TemporalDiscounting-dad')",
                law="adaptive, trained",
                episodes=512,
                contrasts=5000,
                env_kwargs=FINE,
                exact=True,
            ),
            Entry(
                name="greedy, coarse grid",
                agent="greedy_eig(candidates=128)",
                law=GREEDY,
                episodes=96,
                contrasts=5000,
                env_kwargs={"grid_size": (96, 16)},
            ),
            Entry(
                name="two steps ahead, coarse grid",
                agent="look_ahead_eig(candidates=128)",
                law="adaptive, two steps",
                episodes=96,
                contrasts=5000,
                env_kwargs={"grid_size": (96, 16)},
            ),
        ),
    ),
    Problem(
        name="Death process, T = 4",
        about="Learn the rate of an infection from four counts of the infected.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 4},
        published=(
            Published("fixed", 2.023, None, None, DAD),
            Published("variational", 2.076, None, None, DAD),
            Published("DAD", 2.113, None, None, DAD),
        ),
        entries=(
            Entry(
                name="random, log-uniform",
                agent="random",
                law="log-uniform in [0.01, 5]",
                episodes=2048,
                contrasts=10_000,
                env_kwargs={"settings": [[float(t)] for t in np.geomspace(0.01, 5, 200)]},
                exact=True,
            ),
            Entry(
                name="random, uniform",
                agent="random",
                law="U[0.01, 5]",
                episodes=2048,
                contrasts=10_000,
                exact=True,
            ),
            Entry(
                name="greedy",
                agent="greedy_eig",
                law=GREEDY,
                episodes=2048,
                contrasts=10_000,
                exact=True,
            ),
            Entry(
                name="two steps ahead",
                agent="look_ahead_eig",
                law="adaptive, two steps",
                episodes=128,
                contrasts=10_000,
                exact=True,
            ),
        ),
    ),
    Problem(
        name="Constant elasticity of substitution, T = 10",
        about="Learn from ten comparisons of two baskets what someone prefers.",
        env_id="discovery/ConstantElasticity-v0",
        env_kwargs={"horizon": 10},
        published=(
            Published("random", 8.099, None, 10_000_000, BLAU),
            Published("DAD", 10.774, None, 10_000_000, BLAU),
            Published("vsOED", 12.12, None, 10_000_000, SHEN),
            Published("RL (REDQ)", 13.965, None, 10_000_000, BLAU),
            Published("RL (REDQ), played anew", 14.60, None, 10_000_000, ALINE),
            Published("ALINE", 13.50, None, 10_000_000, ALINE),
        ),
        entries=(
            Entry(
                name="random",
                agent="random",
                law="U[0.01, 100]^6",
                episodes=128,
                contrasts=1_000_000,
                env_kwargs=FEWEST,
            ),
            Entry(
                name="greedy",
                agent="greedy_eig(candidates=16)",
                law=GREEDY,
                episodes=32,
                contrasts=1_000_000,
                env_kwargs={"num_particles": 500},
            ),
        ),
    ),
    Problem(
        name="Prey population, T = 10",
        about="Learn from ten counts of prey that were eaten how a predator attacks and digests.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 10, "settings": 300},
        published=(
            Published("random", 3.923, None, None, BLAU),
            Published("VPCE", 4.396, None, None, BLAU),
            Published("SMC", 4.521, None, None, BLAU),
            Published("RL (REDQ)", 4.456, None, None, BLAU),
        ),
        entries=(
            Entry(
                name="random",
                agent="random",
                law="U{1, ..., 300}",
                episodes=2048,
                contrasts=20_000,
                env_kwargs={"grid_size": 2},
            ),
            Entry(
                name="Thompson",
                agent="thompson_eig(draws=8)",
                law=FEW,
                episodes=256,
                contrasts=100_000,
            ),
            Entry(name="greedy", agent="greedy_eig", law=GREEDY, episodes=512, contrasts=100_000),
        ),
    ),
)


def design_benchmarks(
    out: Path, *, episodes: int | None = None, seed: int = 2021, workers: int | None = None
) -> list[Path]:
    """Write the report into the folder ``out``; return the files, `index.html` first.

    Finished runs are kept in ``out``, so that a killed call goes on where it stopped.

    Args:
        out: An existing folder.
        episodes: Episodes of every agent; None: for each agent as many as its speed allows.
        seed: Seed of the first episode.
        workers: Processes; None takes one per core.

    Raises:
        InputError: An option is out of range.
    """
    if episodes is not None:
        episodes = integer("episodes", episodes, low=2, high=100_000)
    seed = integer("seed", seed, low=0)
    suites = [suite for problem in PROBLEMS for suite in problem.suites(episodes, seed)]
    records = play_suites(suites, out, workers)
    results = [Result(problem, records[problem.name]) for problem in PROBLEMS]
    with figures.style():
        sections = [_picture(results), *map(_numbers, results), _ahead(results), _method(results)]
        return write_report(out, TITLE, _abstract(results), sections)


@dataclass(frozen=True)
class Bound:
    """The mean over episodes of a bound, or of what it bounds, and its standard error."""

    mean: float
    error: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Bound:
        """Return it for the values of some episodes, ``(E,)``."""
        return cls(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5))

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.mean:.3f} ± {self.error:.3f}"


@dataclass(frozen=True)
class Result:
    """What our agents achieved on a problem.

    Args:
        problem: The problem.
        records: The record of each agent.
    """

    problem: Problem
    records: Mapping[str, Evaluation]

    def bound(self, name: str, which: int) -> Bound:
        """Return the lower (0) or the upper (1) bound of an agent."""
        return Bound.of(self.records[name].metrics["information_bounds"][:, which])

    @property
    def best(self) -> str:
        """The agent of ours with the highest lower bound."""
        return max(self.records, key=lambda name: self.bound(name, 0).mean)

    @property
    def champion(self) -> Published:
        """The published policy with the highest lower bound."""
        return max(self.problem.published, key=lambda one: one.lower)

    @property
    def lead(self) -> float:
        """How far our best agent is ahead of the best published policy, in lower bounds."""
        return self.bound(self.best, 0).mean - self.champion.lower

    @property
    def verdict(self) -> str:
        """The same in words; no comparison where ours cannot reach what a published bound can."""
        ours = next(one.contrasts for one in self.problem.entries if one.name == self.best)
        theirs = self.champion.contrasts or ours
        if ours < theirs and self.champion.lower > np.log(ours + 1):
            return f"not comparable: L = {ours:,} cannot tell more than {np.log(ours + 1):.2f}"
        error = self.bound(self.best, 0).error
        if abs(self.lead) <= 2 * error:
            return "level"
        return "ahead" if self.lead > 0 else "behind"


# ---- the report

TITLE = "Sequential experimental design: our agents beside the published policies"


def _abstract(results: Sequence[Result]) -> list[str]:
    return [
        (
            "A policy of experimental design is judged by the information that all its experiments "
            "together are expected to give about the unknown parameters. Published figures are "
            "bounds of it, from L contrastive draws: the lower one (sPCE) is never above log(L + 1), "
            "and the law of designs “at random” changes everything, so both stand in every row. "
            "Where a grid holds the posterior exactly, the divergences KL(b_t || b_(t-1)) of all "
            "rounds add up to it in the mean; their sum needs no bound and varies less from episode "
            "to episode."
        ),
        "In short, by lower bounds: "
        + "; ".join(
            f"{one.problem.name}: {one.best} {one.bound(one.best, 0)}, best published "
            f"{one.champion.policy} {one.champion.lower:.3f} ({one.verdict})"
            for one in results
        )
        + ".",
    ]


COLUMNS = (
    "policy",
    "whose",
    "designs",
    "T",
    "L",
    "lower bound (sPCE)",
    "upper bound (sNMC)",
    "without bounds",
    "episodes",
    "ms per decision",
)


def _numbers(one: Result) -> Section:
    """Return the rows of a problem, the highest lower bound first."""
    problem, horizon = one.problem, one.problem.env_kwargs["horizon"]
    rows: list[tuple[float, tuple[Any, ...]]] = []
    for entry in problem.entries:
        record, lower = one.records[entry.name], one.bound(entry.name, 0)
        exact = str(Bound.of(record.returns)) if entry.exact else None
        words = str(lower), str(one.bound(entry.name, 1)), exact
        law = (entry.law, horizon, _count(entry.contrasts))
        cost = float(f"{record.seconds_per_decision * 1e3:.2g}")
        rows.append((lower.mean, (entry.name, "ours", *law, *words, len(record.returns), cost)))
    for past in problem.published:
        upper = None if past.upper is None else f"{past.upper:.3f}"
        numbers = (_count(past.contrasts), f"{past.lower:.3f}", upper, None, None, None)
        row = (past.policy, past.source, None, horizon, *numbers)
        rows.append((past.lower, row))
    rows.sort(key=lambda pair: -pair[0])
    caps = sorted({entry.contrasts for entry in problem.entries})
    return Section(
        title=problem.name,
        text=(
            f"{problem.about} `{problem.env_id}`. A lower bound is at most "
            + ", ".join(f"{np.log(n + 1):.3f} for L = {_count(n)}" for n in caps)
            + ".",
        ),
        tables=(Table(name=_slug(problem.name), columns=COLUMNS, rows=[row for _, row in rows]),),
    )


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _slug(name: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return "_".join(words)


def _picture(results: Sequence[Result]) -> Section:
    heights = [len(one.problem.published) + len(one.problem.entries) for one in results]
    figure = new_figure(7.4, 0.21 * sum(heights) + 2.6)
    panels = figure.subplots(len(results), gridspec_kw={"height_ratios": heights})
    for axes, one in zip(panels, results, strict=True):
        _draw(axes, one)
    panels[-1].set_xlabel("information, nats")
    _legend(figure, panels[0])
    return Section(
        title="All of them",
        name="benchmarks",
        figure=figure,
        caption=(
            "Bars from the lower to the upper bound of the total information. Blue: ours, with two "
            "standard errors of the lower bound; grey: published. The dashed line is what a lower "
            "bound cannot exceed with the largest L of ours; beyond it upper bounds are of no use and "
            "are cut off."
        ),
    )


def _draw(axes: Axes, one: Result) -> None:
    """Draw a line for each policy, the best on top."""
    lines: list[tuple[str, float, float, float, bool]] = []
    for name in one.records:
        bound = one.bound(name, 0)
        lines.append((name, bound.mean, bound.error, one.bound(name, 1).mean, True))
    lines += [(p.policy, p.lower, 0.0, p.upper or p.lower, False) for p in one.problem.published]
    lines.sort(key=lambda line: line[1])
    for height, (_, low, error, high, ours) in enumerate(lines):
        colour = BLUE if ours else GREY
        label = "ours" if ours else "published"
        axes.plot([low, high], [height] * 2, "-", color=colour, linewidth=3, alpha=0.35)
        axes.errorbar(
            low, height, xerr=2 * error, fmt="o", color=colour, markersize=4.5, label=label
        )
    axes.set_yticks(range(len(lines)), [line[0].replace("^2", "²") for line in lines])
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_color(BLUE if line[-1] else "#444444")
    cap = np.log(max(entry.contrasts for entry in one.problem.entries) + 1)
    most = max(line[1] + 2 * line[2] for line in lines)
    if cap < 1.5 * most:
        axes.axvline(cap, color=GREY, linestyle="--", linewidth=1)
        most = max(most, cap)
    axes.set_xlim(0, 1.08 * most)  # an upper bound without limit tells nothing
    axes.set_title(one.problem.name, loc="left")


def _legend(figure: Figure, axes: Axes) -> None:
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(handles.values(), handles.keys(), loc="lower right")


def _ahead(results: Sequence[Result]) -> Section:
    rows = []
    for one in results:
        bound, past = one.bound(one.best, 0), one.champion
        rows.append(
            (
                one.problem.name,
                one.best,
                str(bound),
                past.policy,
                f"{past.lower:.3f}",
                f"{one.lead:+.3f}".replace("-", "−"),
                one.verdict,
            )
        )
    behind = [one for one in results if one.verdict == "behind"]
    words = "; ".join(
        f"{one.champion.policy} on {one.problem.name} by {-one.lead:.2f} nats" for one in behind
    )
    return Section(
        title="Where a published policy is still ahead",
        text=(
            (
                f"Published policies that are ahead by more than two standard errors: {words}."
                if behind
                else "None is ahead by more than two standard errors."
            ),
            _two_steps(results),
        ),
        tables=(
            Table(
                name="ahead",
                columns=(
                    "problem",
                    "our best",
                    "lower bound",
                    "best published",
                    "its lower bound",
                    "difference",
                    "ours is",
                ),
                rows=rows,
            ),
        ),
    )


def _two_steps(results: Sequence[Result]) -> str:
    """Return what the second step brings on the same episodes."""
    words = []
    for one in results:
        for name in one.records:
            if not name.startswith("two steps ahead"):
                continue
            pair = (name.replace("two steps ahead", "greedy"), name)
            near, far = (one.records[which].metrics["information_bounds"] for which in pair)
            assert near is not None
            assert far is not None
            both = min(len(near), len(far))
            gain = far[:both, 0] - near[:both, 0]
            words.append(
                f"{Bound.of(gain)} on {one.problem.name} ({both} episodes)".replace("-", "−")
            )
    return (
        "Two steps instead of one bring, on the same seeds, " + " and ".join(words) + "."
        if words
        else ""
    )


def _method(results: Sequence[Result]) -> Section:
    rows = []
    for one in results:
        for entry in one.problem.entries:
            record = one.records[entry.name]
            made = record.agent, len(record.returns), record.seed, entry.contrasts
            rows.append((one.problem.name, entry.name, *made))
    return Section(
        title="How it was run",
        text=(
            (
                "± is one standard error over episodes. Each group of eight episodes has "
                "contrastive draws of its own. Greedy agents look for the setting of the highest "
                "expected information among candidates, proposals of the model and what lies near "
                "the best of these, under the exact posterior on a grid, or under 2000 particles "
                "moved by tempered sequential Monte Carlo; nothing is learned beforehand, while "
                "DAD and the agents of reinforcement learning are trained for hours and then "
                "decide at once."
            ),
            (
                "The published random policies of Blau et al. lie below ours of the same law on "
                "location finding and above it on prey population; the reason is not known. "
                "Figures marked as not checked are quoted second hand. Two steps ahead, temporal "
                "discounting is played with a coarse grid of 96 by 16 nodes for speed, and so is the "
                "greedy agent that it is compared with; the bounds do not use the grid, and tell what "
                "its coarseness costs."
            ),
        ),
        tables=(
            Table(
                name="runs",
                columns=("problem", "agent", "agent as text", "episodes", "first seed", "L"),
                rows=rows,
                shown=False,
            ),
        ),
    )
