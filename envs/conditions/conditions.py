"""What is public about conditions under test: spaces, budget, and the words for people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces

from ..core import InputError, Knowledge, Observation, box, shown
from ..core.arrays import Whole
from ..core.checks import choice, integer, real, sequence
from ..core.delays import DelayLaw, delay_law, loss_chance
from ..rendering.picture import Curves, Picture, Series, Trace

MOST_CONDITIONS, MOST_TESTS = 100_000, 1_000_000
OBJECTIVES, OUTCOMES = ("regret", "yields"), ("yield", "binary")


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditions(Knowledge):
    """K conditions, T tests, and what a test shows: all that agents are given of a table."""

    num_conditions: int | None = None
    horizon: int = 20
    objective: str = "regret"
    outcome: str = "yield"
    prior: Any = (1.0, 1.0)
    delay: DelayLaw = 0
    loss: float = 0.0
    names: Any = ()

    name = "GeneralConditions"

    def __post_init__(self) -> None:
        count = integer("num_conditions", self.num_conditions, low=2, high=MOST_CONDITIONS)
        checked: dict[str, Any] = {
            "num_conditions": count,
            "horizon": integer("horizon", self.horizon, low=1, high=MOST_TESTS),
            "objective": choice("objective", self.objective, OBJECTIVES),
            "outcome": choice("outcome", self.outcome, OUTCOMES),
            "prior": sequence("prior", self.prior, _shape),
            "delay": delay_law("delay", self.delay),
            "loss": loss_chance("loss", self.loss),
            "names": _names(self.names, count),
        }
        if len(checked["prior"]) != 2:
            raise InputError(f"prior must be a pair (a, b), got {shown(self.prior)}.")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def beliefs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the beliefs about it; of failures and successes those come first."""
        first = ("bernoulli", "normal") if self.outcome == "binary" else ("normal", "bernoulli")
        return (*first, "sample_mean")

    @property
    def count(self) -> int:
        """The number K of conditions."""
        assert self.num_conditions is not None  # set by __post_init__
        return self.num_conditions

    @property
    def naming(self) -> bool:
        """Whether the last action names a condition."""
        return self.objective == "regret"

    @property
    def late(self) -> bool:
        """Whether labels may come later than before the next choice, or never."""
        return self.delay != 0 or self.loss > 0

    # ---- spaces

    @cached_property
    def action_space(self) -> spaces.Discrete:
        """The condition to test, or to name."""
        return spaces.Discrete(self.count)

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """What was seen of every condition, and the tests left."""
        shape, most = (self.count,), self.horizon
        late = ("in_flight", "lost") if self.late else ()
        counted = {name: box(0, most, shape, np.int64) for name in ("counts", *late)}
        parts = counted | {
            "action_mask": box(0, 1, shape, np.int8),
            "means": box(0, 1, shape),
            "stds": box(0, 1, shape),
            "tests_left": box(0, most, (1,)),
        }
        return spaces.Dict({name: parts[name] for name in sorted(parts)})

    @property
    def most_decisions(self) -> int:
        """The number of tests, and the naming."""
        return self.horizon + self.naming

    def decisions(self, observation: Any) -> Whole:
        """Return the tests that observations of B episodes come after, ``(B,)``."""
        return np.asarray(self.horizon - observation["tests_left"][:, 0].astype(np.int64))

    def tested(self, observation: Any) -> Whole:
        """Return the tests of every condition, with those in flight and lost, ``(..., K)``."""
        late = [observation[name] for name in ("in_flight", "lost") if name in observation]
        return np.asarray(sum(late, observation["counts"]))

    # ---- words and pictures

    def action_name(self, action: Any) -> str:
        """Return a condition in words."""
        return self.names[int(action)] if self.names else f"condition {int(action)}"

    def summary(self, observation: Observation) -> str:
        """Return where the episode stands, in words."""
        assert isinstance(observation, dict)
        counts, means = (np.asarray(observation[name]) for name in ("counts", "means"))
        words = f"{int(observation['tests_left'][0])} of {self.horizon} tests left"
        if not counts.any():
            return words
        best = int(np.where(counts > 0, means, -1.0).argmax())
        seen = f"mean {means[best]:.3g} of {counts[best]}"
        return f"{words}, best so far {self.action_name(best)} ({seen})"

    def picture(self, trace: Trace) -> Picture:
        """Return the means and the tests of the conditions that were tested most."""
        last = trace[-1][2]
        some = np.argsort(-self.tested(last), kind="stable")[:6].tolist()

        def series(what: str, condition: int, colour: int) -> Series:
            seen = np.array([one[what][condition] for _, _, one in trace], np.float64)
            known = np.array([one["counts"][condition] > 0 for _, _, one in trace])
            values = np.where(known, seen, np.nan) if what == "means" else seen
            name = self.action_name(condition)
            return Series(name=name, values=values, style="steps", colour=colour)

        panels = tuple(
            Curves(label=label, series=tuple(series(what, k, i) for i, k in enumerate(some)))
            for label, what in (("labels seen", "counts"), ("mean yield", "means"))
        )
        return Picture(unit="test", length=self.most_decisions, panels=panels)


def _shape(name: str, value: Any) -> float:
    return real(name, value, low=1e-3, high=1e6)


def _names(value: Any, count: int) -> tuple[str, ...]:
    """Return the names of the conditions; none, if none are given."""
    good = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    if not good or len(value) not in (0, count):
        raise InputError(f"names must be {count} texts, one per condition, got {shown(value)}.")
    return tuple(map(str, value))
