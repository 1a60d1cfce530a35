"""What all campaigns share: batches of experiments that cost money, epochs that run out.

A campaign repeats one decision: which batch of experiments to run in the next epoch. Models 1 to 3
of J. Schrier, "Three mathematical models for machine learning and high-throughput experimentation"
(2023) differ in what a batch achieves; what it costs is the same for all three.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, Model, Observation, Streams, TruthUnknown, shown
from ..core.arrays import Array, Flags, Whole
from ..core.checks import integer, money, real, sequence
from ..core.model import ONE, ZERO, State
from ..rendering.picture import Course, Curves, Picture, Series, Trace

Hidden: TypeAlias = Mapping[str, NDArray[Any]]
Moments: TypeAlias = tuple[Array, Array]
"""Mean and variance of something in B episodes, each ``(B,)``."""
EPOCH = 5000
"""Numbers that are handled in the time that an epoch of a plan takes besides."""


PLAYED, LONGEST = 256, 2048
"""Episodes that show the course of the optimum, and the actions that are shown of them at most."""


@dataclass(frozen=True, kw_only=True)
class Campaign(Model[State]):
    """A campaign of experiments.

    ## References
    J. Schrier, "Three mathematical models for machine learning and high-throughput experimentation"
    (2023).
    """

    @property
    @abstractmethod
    def choices(self) -> dict[str, NDArray[Any]]:
        """What each action means: for every knob the setting of each of the A actions, ``(A,)``."""

    @cached_property
    def action_space(self) -> spaces.Discrete:
        """One action per combination of the knobs."""
        return spaces.Discrete(len(self.costs))

    @property
    @abstractmethod
    def costs(self) -> Array:
        """Cost of each action, in the unit of the reward, ``(A,)``."""

    def prices(self, actions: Whole, first: Any = None) -> Array:
        """Return what each action costs, ``(B, t)`` as `actions`."""
        return self.costs.take(actions)

    def action(self, **setting: Any) -> int:
        """Return the action with this setting, such as ``action(batch_size=96)``.

        Knobs left out take their first value. An impossible setting raises `InputError`.
        """
        match = np.ones(len(self.costs), np.bool_)
        for knob, value in setting.items():
            if knob not in self.choices:
                raise InputError(f"Unknown knob {knob!r}; the knobs are {', '.join(self.choices)}.")
            match &= self.choices[knob] == real(knob, value)
            if not match.any():
                allowed = ", ".join(map(str, dict.fromkeys(self.choices[knob].tolist())))
                raise InputError(f"{knob} must be one of {allowed}, got {shown(value)}.")
        return int(match.argmax())

    def action_name(self, action: Any) -> str:
        """Return the setting of an action in words."""
        return ", ".join(f"{knob}={values[int(action)]:g}" for knob, values in self.choices.items())

    # ---- what luck may bring

    @abstractmethod
    def achieved(self, observation: Observation) -> Array:
        """Return what luck has brought so far, from observations of B episodes, ``(B,)``."""

    @abstractmethod
    def pictured(self, observation: Observation) -> Array:
        """Return what the first curve of a picture shows, from observations of B episodes, ``(B,)``."""

    @abstractmethod
    def outlook(
        self, observation: Observation, action: Whole, hidden: Hidden | None = None
    ) -> Moments:
        """Return mean and variance of what the next epoch adds to `achieved`, both exact, ``(B,)``.

        An epoch draws one uniform number, whatever the action, and turns it into what it adds by the
        inverse law: what is luck for one action is luck for every other.

        Args:
            observation: Observations of B episodes.
            action: Their actions, ``(B,)``.
            hidden: What they hide, if it is to count as known; None: they are given what is public.
        """

    @cached_property
    def course(self) -> Course | None:
        """What `pictured` is of the optimum after 0, 1, ... actions; None where no optimum is known.

        Mean and middle 80 % of its first 256 episodes, until all of them have ended, 2048 actions at
        most; an ended one stays where it is.
        """
        try:
            policy = self.optimal_policy()
        except (InputError, TruthUnknown):
            return None
        every = np.arange(PLAYED)
        state, streams = self.new_state(PLAYED), Streams(PLAYED, self.uniforms)
        streams.generators.reseed(every.tolist(), every.tolist())

        def begin(rows: Whole) -> None:
            self.reset(state, rows, streams)
            streams.begin(rows)

        begin(every)
        seen, ended = [self.pictured(self.observe(state))], np.zeros(PLAYED, np.bool_)
        while not ended.all() and len(seen) <= LONGEST:
            _, over = self.step(state, policy(self.observe(state)), streams)
            streams.next_step()
            seen.append(np.where(ended, seen[-1], self.pictured(self.observe(state))))
            ended |= over
            if over.any():
                begin(over.nonzero()[0])
        low, high = np.quantile(seen, (0.1, 0.9), axis=1)
        return Course(name="the optimum", mean=np.mean(seen, 1), low=low, high=high)

    def _spent(self, actions: Whole) -> Curves:
        """The cost of all actions so far."""
        total = np.append(0.0, self.prices(actions).cumsum())
        return Curves(label="cost so far", series=(Series(values=total, style="steps"),))


@dataclass(frozen=True, kw_only=True)
class Batches(Campaign[State]):
    """A campaign of batched experiments.

    ## Information
    `action_mask` (int8, all ones).

    ## Arguments
    - `batch_sizes`: the batch sizes N to choose from, in experiments.
    - `cost_per_batch`: cost of an epoch, whatever its batch, in the unit of the reward.
    - `cost_per_experiment`: cost of each experiment of a batch, in the unit of the reward.
    - `horizon`: the budget, in epochs; the episode ends when it is spent.
    """

    batch_sizes: tuple[int, ...] = (1, 96)
    cost_per_batch: float = 1.0
    cost_per_experiment: float = 0.0
    horizon: int = 1000

    def __post_init__(self) -> None:
        sizes = sequence("batch_sizes", self.batch_sizes, lambda n, v: integer(n, v, low=1))
        if len(set(sizes)) < len(sizes):
            raise InputError(f"batch_sizes must differ from each other, got {shown(sizes)}.")
        self._set(
            batch_sizes=sizes,
            cost_per_batch=money("cost_per_batch", self.cost_per_batch),
            cost_per_experiment=money("cost_per_experiment", self.cost_per_experiment),
            horizon=integer("horizon", self.horizon, low=1, high=10_000_000),
        )

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: a byte for each action."""
        return len(self.costs) // 8

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: what is tabulated for the actions."""
        return 4 * len(self.costs)

    @cached_property
    def costs(self) -> Array:
        """Cost of each action, shape ``(A,)``."""
        return self.cost_per_batch + self.cost_per_experiment * self.choices["batch_size"]

    @property
    def most_decisions(self) -> int:
        """The budget, in epochs."""
        return self.horizon

    def picture(self, trace: Trace) -> Picture:
        """Return progress, batches and cost of a campaign over its epochs."""
        actions = np.array([action for action, _, _ in trace[1:]], np.int64)
        seen = np.array([observation for _, _, observation in trace], np.float64)
        strip = self._strip(actions, self._batches(actions))
        progress = replace(self._progress(seen), course=lambda: self.course)
        panels = progress, strip, self._spent(actions)
        return Picture(panels=panels, unit="epoch", length=self.horizon)

    def pictured(self, observation: Observation) -> Array:
        """Return what the first curve shows of an ``observation`` of B episodes, ``(B,)``."""
        return self._progress(np.asarray(observation, np.float64)).series[0].values

    @abstractmethod
    def _progress(self, seen: Array) -> Curves:
        """What the observations ``(T + 1, D)`` tell about the progress of a campaign."""

    def _batches(self, actions: Whole) -> NDArray[Any]:
        """The experiments of each of t epochs, ``(..., t)``."""
        return self.choices["batch_size"][actions]

    def _strip(self, actions: Whole, sizes: NDArray[Any]) -> Curves:
        """Batch sizes, a colour for each setting of the other knobs that have more than one."""
        groups = {"": np.ones(len(actions), np.bool_)}
        for knob, values in self.choices.items():
            settings = np.unique(values[values >= 0])
            if knob != "batch_size" and len(settings) > 1:
                groups = {
                    f"{name} {knob}={setting:g}".strip(): group & (values[actions] == setting)
                    for name, group in groups.items()
                    for setting in settings
                }
        series = tuple(
            Series(name=name, values=np.where(group & (sizes > 0), sizes, np.nan), style="bars")
            for name, group in groups.items()
        )
        return Curves(label="batch size N", series=series, log=max(self.batch_sizes) > 16)

    def _batch_size(self, value: Any) -> int:
        return integer("batch_size", value, low=1)


@dataclass(kw_only=True)
class Progress:
    """State of the two campaigns that walk towards a target."""

    x: NDArray[Any]  # (B,) knowledge so far
    left: Whole  # (B,) epochs left


@dataclass(frozen=True, kw_only=True)
class Walk(Batches[Progress]):
    """A campaign whose knowledge x climbs to a target; it ends there or when its budget is spent.

    ## Observation space
    `Box`, shape `(2,)`, float32: knowledge x (at most the target), epochs left.

    ## Episode end
    Terminates at the target or when the `horizon` is spent; never truncates.

    ## Arguments
    - `target_reward`: reward for reaching the target.
    """

    target_reward: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(target_reward=money("target_reward", self.target_reward))

    @property
    @abstractmethod
    def target(self) -> float:
        """Where the campaign ends, in units of x."""

    @cached_property
    def observation_space(self) -> spaces.Box:
        """``[x, epochs left]``."""
        return spaces.Box(0.0, np.array([self.target, self.horizon], np.float32), dtype=np.float32)

    def decisions(self, observation: Any) -> Whole:
        """Return the epochs that observations ``(B, 2)`` come after, ``(B,)``."""
        return np.asarray(self.horizon - observation[:, 1].astype(np.int64))

    def observe(self, state: Progress) -> Observation:
        """Return ``[x, epochs left]``, shape ``(B, 2)``."""
        out = np.empty((len(state.x), 2), np.float32)
        out[:, 0], out[:, 1] = state.x, state.left
        return out

    def achieved(self, observation: Observation) -> Array:
        """Return the knowledge x, ``(B,)``."""
        return np.asarray(observation)[:, 0].astype(np.float64)

    @property
    def start(self) -> float:
        """Knowledge at the start of an episode."""
        return 0.0

    def new_state(self, num_episodes: int) -> Progress:
        """Return the arrays of ``num_episodes`` episodes."""
        x = np.full(num_episodes, self.start)
        return Progress(x=x, left=np.zeros(num_episodes, np.int64))

    def reset(self, state: Progress, index: Whole, streams: Streams) -> None:
        """Put episodes back to the start."""
        state.x[index] = self.start
        state.left[index] = self.horizon

    def _settle(self, state: Progress, action: Whole) -> tuple[Array, Flags]:
        """Count the epoch; return rewards and ends, each of shape ``(B,)``."""
        state.left = state.left - ONE
        arrived = state.x >= self._goal
        reward = self._pay.take(action)
        if self.target_reward:
            reward += self.target_reward * arrived
        return reward, arrived | (state.left <= ZERO)

    @cached_property
    def _goal(self) -> NDArray[Any]:
        return np.array(self.target)

    @cached_property
    def _pay(self) -> Array:
        return -self.costs

    def summary(self, observation: Observation) -> str:
        """Return where the campaign stands, in words."""
        x, left = np.asarray(observation)
        return f"x = {x:g} of {self.target:g}, {left:.0f} of {self.horizon} epochs left"

    def _progress(self, seen: Array) -> Curves:
        knowledge = Series(values=seen[:, 0], style="steps")
        return Curves(label="knowledge x", series=(knowledge,), goal=self.target)
