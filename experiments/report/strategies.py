"""Which strategies a table cannot tell apart, from replays on its rows.

Scores are those of `suites/comparing.py`: 0 is random play, in the mean exactly, whatever it would do.

**What varies.** More episodes find what *these* rows say, not what other rows would say: an interval
over episodes alone leaves out the winner of other rows far too often (docs/compare.md). Two halves of
the rows share none. Half of how far a difference d of two strategies differs between them has the
variance that n other rows would give it,

    mean over splits of ((d_a - d_b) / 2)^2 = V_rows + V_episodes,

since half of the rows has twice the variance of all, and the mean of two halves again half of that
(half-samples: McCarthy, Review of the International Statistical Institute 37 (1969), 239). V_episodes,
the part of the F episodes of each half, is known from how they scatter. A few splits tell V_rows of a
single pair badly; all pairs of strategies share how many times more halves differ than their episodes
explain, and so do all pairs with random play. The difference itself comes from pools of all rows; its
squared error is V_rows + variance over these E episodes / E.

**The set.** If nothing is surely better than random play, all strategies taken together, nothing is told
apart. Else the strategies are kept of which one would win on n other rows, measured as often as these,
with a probability of `SURE`: their scores there are t about those here, with the covariance of both,
which is twice that of one. What is kept is not ranked.

**Nothing is reported on what chose it.** What was best on one half is scored on the other half of the
split, by other rows and other seeds; then they swap.

**What would tell more.** A difference D is seen in 80 % of the cases if (t_.975 + t_.8) error = D, which
is 2.8 error for many splits; so it takes (2.8 sd / D)^2 rows with sd^2 = n V_rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import stdtr, stdtrit

from ...envs.core import InputError
from ...envs.core.arrays import Array, Flags
from ..runs.evaluation import Evaluation
from ..runs.records import read_record, record_path
from ..runs.scores import ROUNDING, scores
from ..suites.comparing import PLACEBO, WHOLE, halves
from ..suites.task import Suite, plan
from .ranks import quantiles
from .stats import LEVEL

RANDOM = "random"
ALIKE = 1e-6
"""Scores that differ by less, relative to their spread, are those of strategies that choose alike."""
SURE = 0.9
"""How often a set holds what wins on other rows."""
DRAWS = 10_000
"""Draws of what other rows would give; the seed is fixed, so that the same records tell the same."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Replays:
    """Scores of p strategies, paired over episodes; 0 is the mean of random play.

    Args:
        names: The strategies.
        whole: On pools of all rows, ``(p, E)``.
        halves: On pools of halves of the rows, ``(R, 2, p, F)``: R random splits.
        placebo: On pools of all rows with labels dealt at random, ``(p, G)``.
    """

    names: tuple[str, ...]
    whole: Array
    halves: Array
    placebo: Array

    def __post_init__(self) -> None:
        p, shapes = len(self.names), (self.whole.shape, self.halves.shape, self.placebo.shape)
        fits = [len(shape) for shape in shapes] == [2, 4, 2] and self.halves.shape[1] == 2
        if not fits or {self.whole.shape[0], self.halves.shape[2], self.placebo.shape[0]} != {p}:
            raise InputError(f"The scores of {p} strategies have the shapes {shapes}.")
        if min(self.whole.shape[1], self.halves.shape[3], self.placebo.shape[1]) < 2:
            raise InputError("Two episodes are the least that tell how they scatter; take more.")
        if not all(np.isfinite(one).all() for one in (self.whole, self.halves, self.placebo)):
            raise InputError("scores must be finite; leave out strategies whose runs have failed.")

    @property
    def splits(self) -> int:
        """The number R of splits."""
        return len(self.halves)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A mean difference, and why it could have been another.

    Args:
        mean: The difference.
        rows: Variance from the rows, which more episodes leave.
        replays: Variance from the episodes.
        freedom: Degrees of freedom of Student's t.
    """

    mean: float
    rows: float
    replays: float
    freedom: int

    @property
    def error(self) -> float:
        """Standard error, as if other rows had been measured."""
        return math.sqrt(self.rows + self.replays)

    @property
    def p_value(self) -> float:
        """Chance of a mean as large or larger if there is no difference, one side."""
        if self.error == 0:
            return 1.0 if self.mean <= 0 else 0.0
        return float(stdtr(self.freedom, -self.mean / self.error))

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval."""
        return float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.error

    @property
    def detectable(self) -> float:
        """The smallest difference that is seen in 80 % of the cases."""
        return quantiles(self.freedom) * self.error

    def __str__(self) -> str:
        """Return the difference with its 95 % interval."""
        return f"{self.mean:z.3f} ± {self.half_width:.3f}".replace("-", "−")

    def rows_to_see(self, size: float, rows: int) -> int:
        """Return how many rows see a difference, given those here, if replays cost nothing."""
        return math.ceil(rows * quantiles(self.freedom) ** 2 * self.rows / size**2)

    def episodes_to_see(self, size: float, episodes: int) -> int | None:
        """Return how many episodes see a difference, given those here; None: these rows never do."""
        left = (size / quantiles(self.freedom)) ** 2 - self.rows
        return math.ceil(episodes * self.replays / left) if left > 0 else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What replays tell of p strategies; the last is random play, in the mean exactly.

    Args:
        names: The strategies, and `RANDOM`.
        ahead: How far each is ahead of each other, [i][j] being i minus j.
        best: The one with the highest mean score.
        stays: Which are not told apart, ``(p,)``.
        wins: How probable each is to be the best on other rows, with others or alone.
        beats_random: Whether anything is surely better than random play.
        placebo: How far each is ahead of random play where labels are dealt at random.
    """

    names: tuple[str, ...]
    ahead: Sequence[Sequence[Difference]]
    best: int
    stays: Flags
    wins: Array
    beats_random: bool
    placebo: Sequence[Difference]

    @property
    def gains(self) -> Sequence[Difference]:
        """How far each is ahead of random play."""
        return [row[-1] for row in self.ahead]

    @property
    def order(self) -> list[int]:
        """The strategies, best first."""
        return sorted(range(len(self.names)), key=lambda i: -self.gains[i].mean)

    @property
    def set(self) -> list[str]:
        """The names of those not told apart, best first."""
        return [self.names[i] for i in self.order if self.stays[i]]

    def advice(self, default: str) -> str:
        """Return which strategy to take: the default if nothing is surely better, else the best."""
        if default in self.set or not self.beats_random:
            return default
        return self.names[self.best]


def verdict(replays: Replays) -> Verdict:
    """Return what replays tell."""
    whole, halves = (
        np.concatenate([one, np.zeros_like(one[..., :1, :])], -2)
        for one in (replays.whole, replays.halves)
    )
    pairs, chance = _pairs(whole), np.zeros((len(whole),) * 2, bool)
    chance[-1] = chance[:, -1] = True  # the pairs with random play
    episodes = _covariance(halves) / (2 * halves.shape[-1])
    rows = _rows(halves, episodes, chance) + _rows(halves, episodes, ~chance)
    means, errors = pairs.mean(-1), pairs.var(-1, ddof=1) / pairs.shape[-1]
    ahead = [
        [
            Difference(mean=m, rows=r, replays=e, freedom=replays.splits)
            for m, r, e in zip(*of, strict=True)
        ]
        for of in zip(means.tolist(), rows.tolist(), errors.tolist(), strict=True)
    ]
    p = len(replays.names)
    beats_random = p * min(row[-1].p_value for row in ahead[:p]) < 1 - LEVEL
    factor = _factor(halves, episodes, ~chance)
    covariance = (factor - 1) * episodes + _covariance(whole) / whole.shape[-1]
    wins, stays = _winners(whole[:p].mean(-1), 2 * covariance[:p, :p], replays.splits)
    return Verdict(
        names=(*replays.names, RANDOM),
        ahead=ahead,
        best=int(whole.mean(-1).argmax()),
        stays=np.append(stays, False) if beats_random else np.ones(p + 1, bool),
        wins=np.append(wins, 0.0),
        beats_random=beats_random,
        placebo=[_of_episodes(one) for one in replays.placebo],
    )


def _winners(mean: Array, covariance: Array, freedom: int) -> tuple[Array, Flags]:
    """Return how often each of p scores is the highest, and which hold it in `SURE` of the cases."""
    random = np.random.default_rng(0)
    drawn = random.multivariate_normal(np.zeros(len(mean)), covariance, DRAWS, method="eigh")
    drawn *= np.sqrt(freedom / random.chisquare(freedom, (DRAWS, 1)))
    drawn += mean
    near = ALIKE * max(np.ptp(drawn, axis=0).max(), abs(mean).max())
    best = drawn >= drawn.max(1, keepdims=True) - near  # those that choose alike win together
    wins = best.mean(0)
    order = np.argsort(-wins, kind="stable")
    held = np.logical_or.accumulate(best[:, order], axis=1).mean(0)
    return wins, wins >= wins[order[int((held >= SURE).argmax())]]


def _pairs(scores: Array) -> Array:
    """Return how far each is ahead of each other, ``(..., p, p, E)``; what is rounding is 0."""
    found = scores[..., :, None, :] - scores[..., None, :, :]
    return np.where(abs(found) <= ROUNDING * abs(scores).max(), 0.0, found)


def _covariance(scores: Array) -> Array:
    """Return the covariance of p scores over episodes, ``(p, p)``, in the mean of what comes before."""
    off = scores - scores.mean(-1, keepdims=True)
    each = off @ off.swapaxes(-1, -2) / (scores.shape[-1] - 1)
    return np.asarray(each.reshape(-1, *each.shape[-2:]).mean(0))


def _rows(halves: Array, episodes: Array, some: Flags) -> Array:
    """Return V_rows of some pairs, 0 for the others, ``(p, p)``."""
    return np.where(some, (_factor(halves, episodes, some) - 1) * _variances(episodes), 0.0)


def _factor(halves: Array, episodes: Array, some: Flags) -> float:
    """Return how many times more halves differ in some pairs than their episodes explain, at least 1."""
    means = _pairs(halves).mean(-1)
    across = ((means[:, 0] - means[:, 1]) ** 2).mean(0) / 4
    within = _variances(episodes)
    known = some & (within > ROUNDING * within.max())
    return max(float((across[known] / within[known]).mean()), 1.0) if known.any() else 1.0


def _variances(covariance: Array) -> Array:
    """Return the variance of every difference, ``(p, p)``."""
    own = np.diag(covariance)
    return np.maximum(own[:, None] + own - 2 * covariance, 0.0)


def _of_episodes(values: Array) -> Difference:
    error = float(values.var(ddof=1)) / len(values)
    return Difference(mean=float(values.mean()), rows=0.0, replays=error, freedom=len(values) - 1)


def chosen(replays: Replays, other: str | None = None) -> Difference:
    """Return what the best of one half scores on the other half, as strategies would be chosen.

    Args:
        replays: The scores.
        other: A strategy that its score is compared with; None: random play.
    """
    means = replays.halves.mean(-1)  # (R, 2, p)
    choice = means[:, ::-1].argmax(-1)  # made on the other half
    score = np.take_along_axis(means, choice[..., None], -1)[..., 0]
    if other is not None:
        score = score - means[..., replays.names.index(other)]
    error = float(((score[:, 0] - score[:, 1]) ** 2).mean()) / 4
    return Difference(mean=float(score.mean()), rows=error, replays=0.0, freedom=replays.splits)


# ---- from records, and to words


def of_records(suite: Suite, folder: Path, metric: str) -> tuple[Replays, dict[str, str]]:
    """Return the scores in a results folder, and why strategies that failed have none.

    Args:
        suite: One of `suites/comparing.py`, all of whose runs are recorded.
        folder: The results folder.
        metric: "sum" (of the labels: random play is 0, the best labels are 1) or "area" (under the best
            so far, beyond that of random play on the same pool).
    """
    names = [*suite.tasks[0].agents]
    records = {
        (spec.task, spec.name): read_record(record_path(folder / "records", spec.id))
        for spec in plan(suite)
    }
    failed = {name: one.error or "" for (_, name), one in records.items() if one.evaluation is None}
    kept = [name for name in names if name not in failed]
    if not kept:
        raise InputError(f"All strategies failed, the first as {next(iter(failed.values()))}")

    def of(task: str) -> Array:
        return np.stack([_scores(records[task, name].evaluation, metric) for name in kept])

    replays = Replays(
        names=tuple(kept),
        whole=of(WHOLE),
        halves=np.stack([[of(one), of(other)] for one, other in halves()]),
        placebo=of(PLACEBO),
    )
    return replays, {name: error.strip().splitlines()[-1] for name, error in failed.items()}


def _scores(played: Evaluation | None, metric: str) -> Array:
    assert played is not None
    if metric == "area":
        ours, chance = played.metrics["area"].T
        return ours - chance
    found = scores(played)
    return np.zeros(len(played.returns)) if found is None else found  # where all labels are equal


def words(found: Verdict, replays: Replays, rows: int, default: str) -> list[str]:
    """Return what was found, a line each, for a table of so many measured conditions."""
    lines = [_about_placebo(found)]
    if not found.beats_random:
        return [*lines, "So nothing is told apart."]
    rest = [i for i in found.order if i not in (found.best, len(found.names) - 1)]
    lines.append(
        f"Not told apart, {len(found.set)} of {len(found.names)}: {', '.join(found.set)}. "
        f"What would win on as many other rows is one of them in {SURE:.0%} of the cases."
    )
    lines.append(
        f"Chosen on one half of the rows, on the other half: {chosen(replays)} ahead of random play"
    )
    if default in replays.names:
        lines[-1] += f", {chosen(replays, default)} of {default}"
    lines[-1] += "."
    if rest:
        lines.append(_about_more(found.ahead[found.best][rest[0]], replays, rows))
    return lines


def _about_placebo(found: Verdict) -> str:
    real = found.gains[found.best]
    luckiest = max(found.placebo, key=lambda one: one.mean)
    told = (
        "features tell something"
        if found.beats_random
        else "features are not seen to tell anything"
    )
    return (
        f"The best is ahead of random play by {real}; with labels dealt at random the best would be by "
        f"{luckiest}: {told}."
    )


def _about_more(one: Difference, replays: Replays, rows: int) -> str:
    """Return what the two best could have been told apart by."""
    if not one.error:
        return "The two best choose alike."
    half, episodes = one.detectable / 2, replays.whole.shape[1]
    more = one.episodes_to_see(half, episodes)
    how = f"about {max(one.rows_to_see(half, rows), rows):,} measured rows"
    how += f", or {more:,} episodes of these" if more else "; more episodes of these would not do"
    return (
        f"Of the two best, {one.mean:.3f} apart, a difference of {one.detectable:.3f} could have been "
        f"seen; half of it would take {how}."
    )
