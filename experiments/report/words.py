"""Numbers in words, as pages and the terminal show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import stats as st


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with about ``digits`` significant digits and a true minus sign."""
    if value is None or np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _decimals(value, digits - 1 - int(np.floor(np.log10(abs(value)))) if value else 0)


def _decimals(value: float, after: int) -> str:
    """Return a number with so many digits after the point; by a power of ten far from one."""
    if abs(value) >= 1e15 or after > 12:
        return f"{value:.2e}".replace("-", "−")
    return f"{value:,.{min(max(after, 0), 8)}f}".replace("-", "−")


def score(value: float | None) -> str:
    """Return a normalised score."""
    if value is None or not abs(value) < 1e15:
        return number(value)
    return f"{value:z.3f}".replace("-", "−")


def ends(one: st.Interval) -> str:
    """Return the interval of a score, or that nothing varied; nothing for a single episode."""
    return one.ends(score)


def span(one: st.Interval | None) -> str:
    """Return a score with its interval."""
    return "–" if one is None else f"{score(one.value)} {ends(one)}".strip()


def rank(ends: tuple[int, int] | None) -> str:
    """Return the ranks that an agent may have, such as 2–4."""
    if ends is None:
        return "–"
    low, high = ends
    return str(low) if low == high else f"{low}–{high}"


def difference(one: st.Interval | None) -> str:
    """Return a difference in returns with its interval."""
    if one is None:
        return "–"
    if one.how == st.NO_VARIATION and one.value == 0:
        return f"0 (the same in all {one.episodes:,} episodes)"
    return f"{number(one.value, 3)} {one.ends(lambda end: number(end, 3))}".strip()


def against(behind: st.Interval | None, ranked: bool) -> str:
    """Return the difference of an agent to the best of its task, which has none if it is that one."""
    return "best" if ranked and behind is None else difference(behind)


def estimate(one: st.Interval, word: Callable[[float], str], bound: str = "") -> str:
    """Return an estimate with its interval, as ``word`` writes numbers; it may be a bound."""
    return f"{bound} {word(one.value)} {one.ends(word)}".strip()


def plus_minus(values: NDArray[Any]) -> str:
    """Return mean ± standard error of ``(E,)`` values, rounded to the error's second digit.

    The mean alone of one episode, which has no error, and of episodes that are all alike.
    """
    average, count = float(np.mean(values)), len(values)
    if count < 2:
        return number(average)
    if not np.isfinite(average):
        return "not finite"
    error = float(np.std(values, ddof=1) / np.sqrt(count))
    if error <= 1e-12 * abs(average):
        return f"{number(average)}, no variation"
    return with_error(average, error)


def with_error(value: float, error: float) -> str:
    """Return a value ± its error, which is above 0, rounded to the error's second digit."""
    after = 1 - int(np.floor(np.log10(error)))
    return f"{_decimals(value, after)} ± {_decimals(error, after)}"


def microseconds(seconds: float) -> str:
    """Return a time per decision."""
    return number(1e6 * seconds, 2)


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, two significant digits."""
    units = ((1.0, "s"), (1e-3, "ms"))
    size, unit = next((one for one in units if seconds >= one[0]), (1e-6, "µs"))
    return f"{number(seconds / size, 2)} {unit}"


def date(seconds: float | None) -> str:
    """Return a point in time, in UTC."""
    return "–" if seconds is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


FILTERS = number, score, span, rank, against, estimate, plus_minus, microseconds, date
"""The words that templates may use."""
