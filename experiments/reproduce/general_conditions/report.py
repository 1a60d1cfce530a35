"""General reaction conditions: rules that name the best condition, on three tables of real yields.

Source: J. Y. Wang et al., "Identifying general reaction conditions by bandit optimization", Nature 626,
1025 (2024). The paper's own tables are not played; the three here come with other papers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ....envs.core import InputError
from ....envs.core.checks import integer
from ....envs.datasets import crossed
from ....envs.rendering.palette import BLUE, GREEN, GREY, ORANGE, PINK, RED
from ..figures import common_key, subplots
from ..report import Section, Words, write_report
from . import delays
from .tables import RULES, SETS, Names, Set, play

WORDS = Words(Path(__file__).with_suffix(".md"))
DRAWN = {
    "random": GREY,
    "round robin": ORANGE,
    "UCB1": PINK,
    "Bayes-UCB (2 · .25/√n)": BLUE,
    "Thompson, Gauss": GREEN,
    "greedy": RED,
}
"""The rules in the picture, and their colours."""
MORE = 5
"""The chapter on delays plays so many times the episodes."""
Results = Mapping[str, Names]


def general_conditions(out: Path, *, episodes: int = 4000, seed: int = 2024) -> list[Path]:
    """Write the report; tables whose file is not here are left out, and the report says so."""
    episodes = integer("episodes", episodes, low=100, high=100_000)
    seed = integer("seed", seed, low=0)
    missing = {one.dataset: words for one in SETS if (words := _missing(one.dataset))}
    found: dict[Set, Results] = {}
    for one in (one for one in SETS if one.dataset not in missing):
        points = _points(one)
        found[one] = {
            name: play(one.dataset, rule, points, episodes, seed) for name, rule in RULES.items()
        }
    sections = [_tables(found, missing, episodes, seed)]
    if found:
        sections += [_naming(found), _exact(found)]
    sections.append(_delays(MORE * episodes, seed))
    return write_report(out, WORDS.title, WORDS.abstract(), sections)


def _missing(dataset: str) -> str:
    """Return why a data set is not here; nothing if it is."""
    try:
        crossed(dataset)
    except InputError as error:
        return str(error)
    return ""


def _points(one: Set) -> tuple[int, ...]:
    """Return after how many tests conditions are named: those of the table, and some for the picture."""
    first, middle, last = one.tests
    return tuple(sorted({first // 2, first, middle, (middle + last) // 2, last}))


def _tables(
    found: Mapping[Set, Results], missing: Mapping[str, str], episodes: int, seed: int
) -> Section:
    """Return the chances to name the best, beside the reference."""
    rows = [_row(*moment) for moment in _moments(found)]
    apart = [0.0, *(abs(row["apart"] or 0.0) for row in rows)]
    return WORDS.section(
        "tables",
        figure=_picture(found) if found else None,
        tables={"tables": rows} if rows else {},
        episodes=episodes,
        seed=seed,
        left_out="; ".join(missing.values()) and f"Left out: {'; '.join(missing.values())}",
        compared=sum(row["reference"] is not None for row in rows),
        beyond=sum(one > 3 for one in apart),
        largest=max(apart),
    )


def _moments(found: Mapping[Set, Results]) -> Iterator[tuple[Set, str, Names, int]]:
    """Yield every table, rule and number of tests after which conditions are named."""
    for one, results in found.items():
        for rule, names in results.items():
            yield from ((one, rule, names, tests) for tests in one.tests)


def _row(one: Set, rule: str, names: Names, tests: int) -> dict[str, Any]:
    chance, regret = names.chance(tests), names.regret(tests)
    place = one.tests.index(tests)
    reference = one.reference[rule][place] if rule in one.reference else None
    apart = None
    if reference is not None:
        p, runs = chance.value, 1 / one.runs + 1 / chance.episodes
        apart = (p - reference) / np.sqrt(max(p * (1 - p), 1e-6) * runs)
    return {
        "table": one.dataset,
        "rule": rule,
        "tests": tests,
        "names the best": chance.value,
        "95% low": chance.low,
        "95% high": chance.high,
        "reference": reference,
        "its runs": None if reference is None else one.runs,
        "apart": apart,
        "simple regret": regret.value,
        "regret 95% low": regret.low,
        "regret 95% high": regret.high,
    }


def _picture(found: Mapping[Set, Results]) -> Any:
    figure, (panels,) = subplots(3.0 * len(found) + 0.6, 3.4, 1, len(found), squeeze=False)
    for axes, (one, results) in zip(panels, found.items(), strict=True):
        _draw(axes, one, results)
    panels[0].set_ylabel("chance to name the best condition")
    common_key(figure, panels[0], 3)
    return figure


def _draw(axes: Axes, one: Set, results: Results) -> None:
    points = _points(one)
    for rule, colour in DRAWN.items():
        chances = [results[rule].chance(tests) for tests in points]
        axes.plot(points, [c.value for c in chances], color=colour, label=rule)
        axes.fill_between(
            points, [c.low for c in chances], [c.high for c in chances], color=colour, alpha=0.2
        )
    axes.set_xlabel("tests")
    axes.set_title(one.title.split(",")[0], loc="left")


def _naming(found: Mapping[Set, Results]) -> Section:
    """Return what naming by the most tests loses."""
    rows: list[dict[str, Any]] = []
    for one, rule, names, tests in _moments(found):
        ways = {naming: names.chance(tests, naming).value for naming in names.named}
        rows.append(
            {
                "table": one.dataset,
                "rule": rule,
                "tests": tests,
                "by posterior mean": ways["posterior"],
                "by sample mean": ways["mean"],
                "by most tests": ways["tests"],
                "regret by posterior mean": names.regret(tests).value,
                "regret by most tests": names.regret(tests, "tests").value,
            }
        )
    rows.sort(key=lambda row: row["by most tests"] - row["by posterior mean"])
    best = "Bayes-UCB (2 · .25/√n)"
    words = [
        f"on {one.title.split(',')[0]} after {tests} tests {results[best].chance(tests).value:.3f} by "
        f"posterior mean and {results[best].chance(tests, 'tests').value:.3f} by most tests"
        for one, results in found.items()
        for tests in one.tests[-1:]
    ]
    return WORDS.section("naming", tables={"naming": rows}, words="; ".join(words))


def _exact(found: Mapping[Set, Results]) -> Section:
    """Return the exact chances of as many tests of each condition, beside the runs."""
    rows = []
    for one, results in found.items():
        names = results["explore, commit"]
        best, most = int(names.means.argmax()), len(names.means)
        for tests in (t for t in one.tests if t >= most):
            each = tests // most
            rows.append(
                {
                    "table": one.dataset,
                    "tests": tests,
                    "tests of each": each,
                    "exact, all tests equal": float(names.model.round_robin(each)[best]),
                    "explore, commit": names.chance(tests).value,
                    "round robin": results["round robin"].chance(tests).value,
                }
            )
    return WORDS.section("exact", tables={"exact": rows})


def _delays(episodes: int, seed: int) -> Section:
    rows = delays.rows(episodes, seed)
    scores = [abs(row["(played - exact) / error"]) for row in rows]
    by = {(row["resolves per step"], row["lost"], row["rule"]): row["exact value"] for row in rows}

    def gain(resolves: float, loss: float) -> float:
        ignored, counted = (
            by[resolves, loss, f"Bayes-UCB, in flight {how}"] for how in ("ignored", "counted")
        )
        return counted - ignored

    return WORDS.section(
        "delays",
        tables={"delays": rows},
        episodes=episodes,
        largest=max(scores),
        helps=gain(0.5, 0.0),
        hurts=-gain(0.5, 0.3),
        thompson=by[1.0, 0.0, "optimum"] - by[1.0, 0.0, "Thompson"],
    )
