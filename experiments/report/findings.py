"""What the metrics of a run say of its agent: estimates with intervals, and their words.

Of pools (`runs.pool_metrics`), where N is how many experiments it takes to find one of the best items:

- acceleration: mean N of random play, which is known exactly, over the mean N of the agent. Episodes
  that found none count as if chance had gone on, so that it is a lower bound if an agent that goes on
  is no worse than that;
- gap closed: (best of the agent - best of random play) / (best item - best of random play), of the means
  over the episodes. A ratio of two bests would move with the zero of the label's scale;
- enhancement: the mean share of the best items that the agent found over that of random play, which is
  known exactly, both after the last experiment (EF of Liang et al.).

Source: Adesiji et al., Digital Discovery (2025), 10.1039/d5dd00337g, for factors of acceleration and
enhancement against a reference; Liang et al. (2021), npj Computational Materials 7, 188.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...envs.core.arrays import Array
from ..runs.evaluation import Evaluation
from ..runs.metrics import described
from . import stats as st
from .words import estimate, number, score

SHORT = partial(number, digits=3)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An estimate.

    Args:
        key: Its name for programs.
        name: Its name for people.
        about: What it is, in a line.
        estimate: The estimate, with its interval where it has one.
        word: How its numbers are written.
        up: Whether less is better.
        bound: What it is of the truth: "at least", "at most", or empty.
        chance: The same of random play, exactly; ``None`` where that is no news.
    """

    key: str
    name: str
    about: str
    estimate: st.Interval
    word: Callable[[float], str] = score
    up: bool = False
    bound: str = ""
    chance: float | None = None

    @property
    def text(self) -> str:
        """The estimate in words, without its interval."""
        return f"{self.bound} {self.word(self.estimate.value)}".strip()

    @property
    def ends(self) -> str:
        """The interval in words; empty if there is none."""
        return self.estimate.ends(self.word)

    @property
    def line(self) -> str:
        """All of it in words."""
        chance = "" if self.chance is None else f"; random play {self.word(self.chance)}"
        return estimate(self.estimate, self.word, self.bound) + chance


def findings(played: Evaluation, metrics: Sequence[str]) -> list[Finding]:
    """Return what the metrics of an evaluation say, which are described by these texts."""
    found: list[Finding] = []
    for text in metrics:
        name = text.partition("(")[0]
        if name in FINDERS and played.metrics[name].size:
            found += FINDERS[name](played.metrics[name], described(text)[1])
    return found


def closed_after(played: Evaluation) -> Array | None:
    """Return values whose mean over the episodes is the gap closed after P decisions, ``(E, P)``.

    NaN where random play leaves no gap; ``None`` without that metric.
    """
    if "simple_regret" not in played.metrics:
        return None
    ours, chance = np.split(played.metrics["simple_regret"], 2, axis=1)
    return 1 - st.pulled(ours, np.where(chance.mean(0) > 0, chance, np.nan))


# ---- one metric each


def _top(values: Array, metric: Any) -> Iterator[Finding]:
    needed, chance, found = values.T
    items = f"to the top {100 * metric.share:g} %"
    median = float(np.median(np.where(found == 1, needed, np.inf)))
    bound = "" if found.all() else "at most"
    yield Finding(
        key="top_median",
        name=f"{items}, median",
        about="median number of experiments to one of the best items; ∞: half of the episodes or more "
        "found none",
        estimate=st.Interval(median),
        word=lambda count: number(count) if np.isinf(count) else f"{count:g}",
        up=True,
    )
    yield Finding(
        key="top_mean",
        name=f"{items}, mean",
        about="mean number of experiments to one of the best items; where none was found, as if "
        "chance had gone on after the last experiment",
        estimate=st.mean(needed).within(1, np.inf),
        word=SHORT,
        up=True,
        bound=bound,
        chance=float(chance.mean()),
    )
    yield Finding(
        key="top_found",
        name="found one",
        about="share of the episodes that found one of the best items",
        estimate=st.proportion(int((found == 1).sum()), len(found)),
        word=lambda share: f"{number(100 * share, 3)} %",
    )
    yield Finding(
        key="acceleration",
        name="acceleration",
        about="experiments that random play needs in the mean, exactly, for one of the agent's",
        estimate=_inverse(st.ratio(needed, chance)),
        word=SHORT,
        bound=bound and "at least",
    )


def _found(values: Array, metric: Any) -> Iterator[Finding]:
    ours, chance = values.shape[1] // 2 - 1, -1
    items = f"the top {100 * metric.share:g} %"
    yield Finding(
        key="share_found",
        name=f"found of {items}",
        about=f"mean share of {items} of the items that was found by the last experiment",
        estimate=st.mean(values[:, ours]).within(0, 1),
        chance=float(values[:, chance].mean()),
    )
    yield Finding(
        key="enhancement",
        name="enhancement",
        about=f"share of {items} that was found, over that of random play after as many experiments",
        estimate=st.ratio(values[:, ours], values[:, chance]).within(0, np.inf),
        word=SHORT,
    )


def _simple_regret(values: Array, metric: Any) -> Iterator[Finding]:
    ours, chance = values.shape[1] // 2 - 1, -1
    left = st.ratio(values[:, ours], values[:, chance]).within(0, np.inf)
    yield Finding(
        key="simple_regret",
        name="simple regret",
        about="how far the best item found lies below the best of all, in the unit of the label",
        estimate=st.mean(values[:, ours]).within(0, np.inf),
        word=SHORT,
        up=True,
        chance=float(values[:, chance].mean()),
    )
    yield Finding(
        key="gap_closed",
        name="gap closed",
        about="share of what random play leaves between the best it finds and the best of all; 0 is "
        "random play, 1 the best item in every episode",
        estimate=st.Interval(1 - left.value, 1 - left.high, 1 - left.low, left.how, left.episodes),
    )


def _area(values: Array, metric: Any) -> Iterator[Finding]:
    yield Finding(
        key="area",
        name="area",
        about="mean over the experiments of the best item so far: 0 is the mean item, 1 the best one",
        estimate=st.mean(values[:, 0]).within(-np.inf, 1),
        chance=float(values[:, 1].mean()),
    )


def _information(values: Array, metric: Any) -> Iterator[Finding]:
    for column, name in enumerate(("lower", "upper")):
        yield Finding(
            key=f"information_{name}",
            name=f"information, {name} bound",
            about="total information of an episode, in nats, from contrastive draws",
            estimate=st.mean(values[:, column]),
            word=number,
            bound=("at least", "at most")[column],
        )


FINDERS: dict[str, Callable[[Array, Any], Iterator[Finding]]] = {
    "top": _top,
    "found": _found,
    "simple_regret": _simple_regret,
    "area": _area,
    "information_bounds": _information,
}


def _inverse(one: st.Interval) -> st.Interval:
    """Return one over an estimate above 0; what its interval does not keep from 0 has no upper end."""
    if not one.value > 0:
        return st.Interval(np.nan, episodes=one.episodes)
    high = 1 / one.low if one.low > 0 else np.inf if one.low <= 0 else np.nan
    return st.Interval(1 / one.value, 1 / one.high, high, one.how, one.episodes)
