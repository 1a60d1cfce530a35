"""Labels that come late, out of order, or never.

At its choice an item draws a delay d and whether its label is lost. The label is in flight until d steps
after the next observation; then it comes or, if it is lost, that is announced. With the last step of an
episode all that is in flight comes, or is known to be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import box
from ..core.arrays import Array, Flags, Whole
from ..core.delays import DelayLaw, delays
from .status import Status

EMPTY = 2**60
"""When what was not chosen comes: never."""


class Fates(NamedTuple):
    """What becomes of m choices."""

    wait: Whole  # (m,) steps from the next observation to the label
    lost: Flags  # (m,) whether it never comes

    def of(self, some: Flags) -> Fates:
        """Return what becomes of some of them, ``some`` being ``(m,)``."""
        return Fates(self.wait[some], self.lost[some])


@dataclass(frozen=True)
class Waiting:
    """How long labels are waited for, and how many never come.

    Args:
        delay: The law of delays, see `delays`.
        loss: The chance of a loss.
    """

    delay: DelayLaw = 0
    loss: float = 0.0

    @property
    def any(self) -> bool:
        """Whether labels are waited for at all."""
        return bool(self.delay or self.loss)

    @property
    def in_order(self) -> bool:
        """Whether all labels come, in the order of choice."""
        return isinstance(self.delay, int) and not self.loss

    @property
    def uniforms(self) -> int:
        """The numbers that a choice draws: one for a random delay, one for a loss."""
        return (not isinstance(self.delay, int)) + bool(self.loss)

    def spaces(self, horizon: int, steps: int) -> dict[str, spaces.Box]:
        """Return the spaces of what is seen of T labels besides items and labels."""
        counts = [] if not self.any else ["arrived"] if self.in_order else ["arrived", "lost"]
        seen = {key: box(0, horizon, (1,), np.int64) for key in counts}
        if not self.in_order:
            seen["status"] = box(int(Status.FREE), int(Status.FAILED), (horizon,), np.int8)
            seen["age"] = box(0, steps, (horizon,))
        return seen

    def draw(self, count: int, uniform: Callable[[], Array]) -> Fates:
        """Draw what becomes of m choices.

        Args:
            count: The number m.
            uniform: Returns m numbers in [0, 1); it is called `uniforms` times.
        """
        fixed = isinstance(self.delay, int)
        wait = delays(self.delay, np.empty(count) if fixed else uniform())
        return Fates(wait, uniform() < self.loss if self.loss else np.zeros(count, np.bool_))


@dataclass(kw_only=True, eq=False)
class Late:
    """When the labels of B episodes come, each at its place in the order of choice."""

    clock: Whole  # (B,) steps taken
    since: Whole  # (B, T) clock of the first observation after the choice; `EMPTY`
    due: Whole  # (B, T) clock of the observation that shows the label, or its loss
    lost: Flags  # (B, T) whether it never comes
    new: Flags  # (B, T) whether it came in the last step

    @classmethod
    def empty(cls, num_episodes: int, horizon: int) -> Self:
        """Return the arrays of B episodes in which nothing was chosen."""
        shape = num_episodes, horizon
        return cls(
            clock=np.zeros(num_episodes, np.int64),
            since=np.full(shape, EMPTY),
            due=np.full(shape, EMPTY),
            lost=np.zeros(shape, np.bool_),
            new=np.zeros(shape, np.bool_),
        )

    @classmethod
    def of_counts(cls, counts: Whole, clock: Whole, horizon: int) -> Self:
        """Return the arrays of B episodes whose labels come k steps after the choice.

        Args:
            counts: Number of choices after each of the last k steps, that of step s at s modulo k.
            clock: Steps taken, ``(B,)``.
            horizon: The number T of labels.
        """
        late, delay = cls.empty(len(counts), horizon), counts.shape[1]
        late.clock[:] = clock
        for i, taken in enumerate(clock.tolist()):
            first = 0
            for s in range(max(taken - delay, 0), taken):
                last = int(counts[i, s % delay])
                late.since[i, first:last] = s + 1
                first = max(first, last)
        late.due = np.where(late.since < EMPTY, late.since + delay, EMPTY)
        return late

    def reset(self, index: Whole) -> None:
        """Start the episodes ``index`` anew."""
        self.clock[index] = 0
        self.since[index] = self.due[index] = EMPTY
        self.lost[index] = self.new[index] = False

    def step(self, slot: Whole, fates: Fates, ended: Flags) -> Flags:
        """Note m choices, go on to the next observation, and return which labels it shows, ``(B, T)``.

        Args:
            slot: The places of the choices in the flat arrays, ``(m,)``.
            fates: What becomes of them.
            ended: The episodes of which it is the last observation, ``(B,)``.
        """
        self.clock += 1
        since = self.clock[slot // self.due.shape[1]]
        self.since.reshape(-1)[slot] = since
        self.due.reshape(-1)[slot] = since + fates.wait
        self.lost.reshape(-1)[slot] = fates.lost
        now = self.clock[:, None]
        if ended.any():
            last = ended[:, None] & (self.since <= now) & (self.due > now)
            self.due = np.where(last, now, self.due)
        self.new = (self.due == now) & ~self.lost
        return self.new

    def seen(self, history: Mapping[str, NDArray[Any]], in_order: bool) -> dict[str, NDArray[Any]]:
        """Return what is seen of a history ``(B, T)`` that stands in the order of choice.

        Args:
            history: ``labelled``, ``labels`` and perhaps ``fidelity``; other keys are left out.
            in_order: Whether all labels come in that order.
        """
        now, labels = self.clock[:, None], history["labels"]
        over, chosen = self.due <= now, self.since < EMPTY
        if in_order:
            here = np.where(over, labels, labels.dtype.type(0))
            return {"labels": here, "arrived": np.count_nonzero(over, axis=1)[:, None]}
        status = np.where(over, np.where(self.lost, Status.FAILED, Status.HERE), Status.FLYING)
        status = np.where(chosen, status, Status.FREE).astype(np.int8)
        age = np.where(chosen, np.minimum(self.due, now) - self.since, 0).astype(np.float32)
        parts = {
            **{key: history[key] for key in ("labelled", "fidelity") if key in history},
            "labels": np.where(status == Status.HERE, labels, labels.dtype.type(0)),
            "status": status,
            "age": age,
        }
        order = np.argsort(RANK[status] * (now + 1) + np.where(over, self.due, 0), 1, kind="stable")
        return {
            **{key: np.take_along_axis(part, order, 1) for key, part in parts.items()},
            "arrived": (status == Status.HERE).sum(1)[:, None],
            "lost": (status == Status.FAILED).sum(1)[:, None],
        }


RANK = np.array([3, 1, 0, 2])
"""Where items of each `Status` stand: labels as they came, then what is in flight, then losses."""
