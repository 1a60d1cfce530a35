"""What figure 1 says: the paper's claims, one by one, and the rules that the paper leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..figures import Section, Table
from .comparison import COLUMNS, PAPER, tally
from .kinds import NEWCOMERS, Played, every, plus_minus


def paper_ranking(played: Sequence[Played]) -> Section:
    """Return what the paper says of its algorithms beside what the runs say."""
    kinds = {one.kind.name: one for one in played}
    pairs = [("IDS", rival) for rival in PAPER if rival != "IDS"]
    pairs += [("TS", rival) for rival in PAPER if rival not in ("IDS", "TS")]
    found = {pair: every(played, *pair) for pair in pairs}
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
                f"{ours} against {theirs}: {tally(found[ours, theirs])}."
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
                rows=[one.row for some in found.values() for one in some],
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
            mean, reach = plus_minus(curves["IDS"] - curves[rival])
            above = np.flatnonzero(mean > np.maximum(reach, 1e-6)) + 1
            where = f" (labels {above[0]} to {above[-1]})" if len(above) else ""
            parts.append(f"{rival} {len(above)}{where}")
    steps = f"steps of {one.kind.steps} at which IDS is clearly above"
    return f"{one.kind.title}, {steps}: {', '.join(parts)}."


def _reduction(one: Played) -> str:
    """Return by how much IDS lowers the regret of TS."""
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


def newcomers(played: Sequence[Played]) -> Section:
    """Return how IDS fares against all, the plain rules included, at every setting."""
    against = {rival: every(played, "IDS", rival) for rival in ("TS", "UCB", *NEWCOMERS)}
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
