"""The small pictures of the page, as inline SVG that takes its colours from the page's style."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from . import stats as st

LOWEST = -1.0
"""Scores below are drawn at the edge: an agent that is far worse than random must not squeeze the
others into one pixel. Its number stands beside the picture."""

BINS = 48


class Scale:
    """Map numbers to pixels.

    Args:
        low: Number at the left edge.
        high: Number at the right edge.
        width: Pixels in between.
        margin: Pixels left free on both sides.
    """

    def __init__(self, low: float, high: float, width: int, margin: int = 8) -> None:
        self.low, self.high, self.width, self.margin = low, high, width, margin

    def __call__(self, value: float) -> float:
        """Return the pixel of a number, at the edge if it lies outside."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low or 1.0)
        return round(self.margin + share * (self.width - 2 * self.margin), 2)


def score_scale(intervals: Sequence[st.Interval], width: int = 220) -> Scale:
    """Return the common scale of some scores: it always shows 0 (random) and 1 (optimal)."""
    ends = [x for one in intervals for x in (one.value, one.low, one.high) if np.isfinite(x)]
    return Scale(max(min([0.0, *ends]), LOWEST), max([1.0, *ends]), width)


def axis(scale: Scale) -> Markup:
    """Return the head of a column of intervals: where 0 (random) and 1 (optimal) lie."""
    words = "".join(
        f'<text x="{scale(at)}" y="11" text-anchor="middle">{at:g}</text>' for at in (0.0, 1.0)
    )
    return _svg(scale.width, 16, words, "axis", "scores of random play and of the optimum")


def interval(one: st.Interval, scale: Scale) -> Markup:
    """Return an estimate as a dot on its interval, between the lines of random and optimal."""
    parts = [_line(scale(at), 0, scale(at), 26, "guide") for at in (0.0, 1.0)]
    if one.value < scale.low:
        x = scale(scale.low)
        parts.append(f'<path class="dot" d="M{x - 6} 13l9 -5v10z"/>')
    else:
        if np.isfinite(one.low):
            parts.append(_line(scale(one.low), 13, scale(one.high), 13, "bar"))
        parts.append(f'<circle class="dot" cx="{scale(one.value)}" cy="13" r="4"/>')
    return _svg(scale.width, 26, "".join(parts), "interval", f"score {one.value:.3f}")


def histogram(
    returns: st.Floats, random_value: float | None, optimal_value: float | None, width: int = 620
) -> Markup:
    """Return the distribution of the returns, with the mean and the two exact values marked."""
    marks = {"random": random_value, "optimum": optimal_value, "mean": float(returns.mean())}
    known = {word: at for word, at in marks.items() if at is not None}
    low, high = (f([*known.values(), f(returns)]) for f in (min, max))
    scale = Scale(low, high, width, margin=44)
    counts, edges = np.histogram(returns, BINS, (low, high) if high > low else None)
    parts = []
    for count, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if count:
            height = round(70 * count / counts.max(), 2)
            wide = max(scale(right) - scale(left) - 0.6, 1.0)
            parts.append(
                f'<rect class="bin" x="{scale(left)}" y="{90 - height}" width="{wide:.2f}" '
                f'height="{height}"><title>{count} episodes</title></rect>'
            )
    parts.append(_line(scale.margin, 90, width - scale.margin, 90, "guide"))
    rows = {"mean": 12, "random": 104, "optimum": 104}
    if {"random", "optimum"} <= known.keys():
        near = abs(scale(known["random"]) - scale(known["optimum"])) < 130
        rows["optimum"] += 13 * near  # the words would overlap
    for word, at in known.items():
        parts.append(_line(scale(at), 16 if word == "mean" else 20, scale(at), 94, word))
        parts.append(
            f'<text x="{scale(at)}" y="{rows[word]}" text-anchor="middle">{word} {at:,.4g}</text>'
        )
    return _svg(width, 122, "".join(parts), "histogram", "distribution of the returns")


def profiles(scores: Sequence[tuple[int, st.Floats]], width: int = 620) -> Markup:
    """Return, for each agent's (colour, scores), the share of its episodes that reach a score."""
    low, high = np.percentile(np.concatenate([one for _, one in scores]), (2, 98))
    scale = Scale(max(min(low, 0.0), LOWEST), max(high, 1.0), width, margin=36)
    levels = np.linspace(scale.low, scale.high, 161)

    def height(share: float) -> float:
        return round(150 - 136 * share, 2)

    parts = [_line(scale(at), 14, scale(at), 150, "guide") for at in (0.0, 1.0)]
    for share in (0.0, 0.5, 1.0):
        y = height(share)
        parts.append(_line(scale.margin, y, width - scale.margin, y, "guide"))
        place = f'x="{scale.margin - 5}" y="{y + 4}" text-anchor="end"'
        parts.append(f"<text {place}>{share:.0%}</text>")
    for at, word in ((0.0, "random"), (1.0, "optimum")):
        parts.append(f'<text x="{scale(at)}" y="164" text-anchor="middle">{word}</text>')
    for colour, one in scores:
        shares = st.performance_profile([one], levels)
        points = " ".join(f"{scale(x)},{height(y)}" for x, y in zip(levels, shares, strict=True))
        parts.append(f'<polyline class="profile c{colour}" points="{points}"/>')
    return _svg(width, 170, "".join(parts), "profiles", "share of episodes that reach a score")


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> str:
    return f'<line class="{name}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _svg(width: int, height: int, inside: str, name: str, label: str) -> Markup:
    """Return the picture; everything in it is numbers and words of ours, so nothing to escape."""
    return Markup(
        f'<svg class="{name}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}">{inside}</svg>'
    )
