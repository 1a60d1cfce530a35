"""What figure 1 says: the paper's claims, one by one, and the rules that the paper leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..report import Section
from .comparison import PAPER, Comparison, tally
from .kinds import NEWCOMERS, WORDS, Played, every, plus_minus


def paper_ranking(played: Sequence[Played]) -> Section:
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


def newcomers(played: Sequence[Played]) -> Section:
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
