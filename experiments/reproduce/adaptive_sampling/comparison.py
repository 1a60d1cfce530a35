"""Agents on the same episodes, compared pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....envs.core.arrays import Array
from ....envs.rendering.palette import BLUE, DARK, GREEN, GREY, ORANGE, PINK, RED, SKY
from ...report.stats import NO_VARIATION, Interval, mean_over_tasks

COLOURS = {
    "random": GREY,
    "TS": ORANGE,
    "UCB": GREEN,
    "IDS": BLUE,
    "greedy": PINK,
    "Bayes-UCB": RED,
    "one hub": SKY,
    "GP greedy": SKY,
    "GP-UCB": DARK,
}
PAPER = ("random", "TS", "UCB", "IDS")
"""The algorithms that the paper compares; they are drawn as full lines, the others dashed."""


def line(agent: str) -> str:
    """Return the style of the line of an agent."""
    return "-" if agent in PAPER else "--"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The mean regret of one agent minus that of another in the same episodes, in some setting."""

    setting: str
    ours: str
    theirs: str
    difference: Interval

    @property
    def verdict(self) -> str:
        """Whether the regret of ours is "lower", "higher", or "level": the interval holds 0.

        Where no pair differs from another, as with agents and tables without chance, they all
        differ by the mean.
        """
        one = self.difference
        varies = one.how != NO_VARIATION
        low, high = (one.low, one.high) if varies else (one.value, one.value)
        if high < 0:
            return "lower"
        return "higher" if low > 0 else "level"

    @property
    def text(self) -> str:
        """The difference with its interval."""
        ends = self.difference.ends("{:.2f}".format)
        return f"{self.difference.value:.2f} {ends}".strip().replace("-", "−")

    @property
    def row(self) -> dict[str, Any]:
        """The comparison as a row of a table."""
        return {
            "setting": self.setting,
            "agent": self.ours,
            "other agent": self.theirs,
            "regret minus the other's": self.difference.value,
            "95% low": self.difference.low,
            "95% high": self.difference.high,
            "verdict": self.verdict,
        }


def compare(
    setting: str, ours: str, theirs: str, tasks: Sequence[Mapping[str, Array]]
) -> Comparison:
    """Compare two agents by their regret in each episode, ``(E,)``, of tasks that count alike."""
    difference = mean_over_tasks([task[ours] - task[theirs] for task in tasks])
    return Comparison(setting=setting, ours=ours, theirs=theirs, difference=difference)


def tally(comparisons: Sequence[Comparison], *, where: bool = True) -> str:
    """Return in words how often the first agent's regret is lower, level and higher.

    With ``where``, the settings are named, but not those of the most frequent verdict.
    """
    found = {
        verdict: [one.setting for one in comparisons if one.verdict == verdict]
        for verdict in ("lower", "level", "higher")
    }
    most = max(found, key=lambda verdict: len(found[verdict]))
    return ", ".join(
        f"{verdict} in {len(settings)}"
        + (f" ({'; '.join(settings)})" if where and verdict != most else "")
        for verdict, settings in found.items()
        if settings
    )
