r"""What all design environments share: T experiments, each paid by what it tells.

Unknown parameters theta are drawn from a prior. Each round the agent chooses a setting xi, sees data
y ~ p(y | theta, xi), and is paid the information gained, in nats. With b_t the posterior after t
rounds and h_t its data, the reward r_t is one of

    entropy        H(b_(t-1)) - H(b_t)
    kl             KL(b_t || b_(t-1))
    log_evidence   log p(y_t | theta, xi_t) - log p(y_t | h_(t-1), xi_t)
    spce           log p(y_t | theta, xi_t) + log C_(t-1) - log C_t,
                   C_t = sum over theta and L draws from the prior of prod_(s<=t) p(y_s | ., xi_s)

The first three have the same expectation, so their expected sum is the information about theta in
all data; "kl" is never negative and varies least. The fourth is a lower bound that saturates at
log(L + 1), offered for comparison with the literature.

Sources: D. Lindley, Ann. Math. Statist. 27 (1956) 986; A. Foster et al., "Deep adaptive design",
ICML 2021 (the bound); T. Blau et al., "Optimizing sequential experimental design with deep
reinforcement learning", ICML 2022 (its increments as rewards).
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from scipy.special import ndtr

from ..core import InputError, Model, Observation, Streams, box, shown
from ..core.checks import choice, integer, real, sequence
from ..rendering.picture import Curves, Picture, Series, Trace
from .posteriors import Grid, Posterior

Array: TypeAlias = NDArray[np.float64]
PosteriorT = TypeVar("PosteriorT", bound=Posterior)
REWARDS = ("kl", "entropy", "log_evidence", "spce")
ANY = float(np.finfo(np.float32).max)
"""Bound of what may be any number in an observation."""


@dataclass(kw_only=True, eq=False)
class Inquiry(Generic[PosteriorT]):
    """State of a design environment."""

    theta: Array  # (B, k) the unknown parameters
    quantiles: Array  # (B, k) the uniform numbers that the prior made them of
    posterior: PosteriorT
    settings: NDArray[np.float32]  # (B, T d) settings tried, the newest first; 0 behind the oldest
    outcomes: NDArray[np.float32]  # (B, T m) their data
    left: NDArray[np.int64]  # (B,) rounds left
    contrasts: Array  # (B, L, k) draws from the prior; L = 0 unless the reward is "spce"
    contrast: Array  # (B, L + 1) log likelihood of all data under theta and the contrasts


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignModel(Model[Inquiry[PosteriorT]]):
    """A sequence of experiments on unknown parameters.

    A problem is told by its `unknowns` with `log_prior` and `prior`, its `knobs`, and the law of its
    data: `log_likelihood`, and `sample` and `_experiment`, which `InverseLaw` makes of one function.

    ## Action space
    `Box(-1, 1, (d,))`, one number per knob, mapped linearly onto its range; `model.action` and
    `model.setting` translate. `Discrete(n)` if `settings` is given: the index of a setting. Numbers
    outside are clipped, NaN and infinity raise `InputError`.

    ## Observation space
    `Dict`, for k unknown parameters, d knobs and T rounds with m numbers of data each:
    - `belief`: float32, `(2 * k,)`, posterior means, then standard deviations, of the parameters.
    - `settings`: float32, `(T * d,)`, the settings tried, the newest first, 0 where there is none.
    - `outcomes`: float32, `(T * m,)`, their data in the same order.
    - `rounds_left`: float32, `(1,)`.

    ## Rewards
    Information gained by the experiment, in nats; see `reward`.

    ## Starting state
    Parameters drawn from the prior; no data.

    ## Episode end
    Terminates after `horizon` rounds; never truncates.

    ## Information
    `action_mask` (int8, all ones) with discrete settings. With `reveal=True` also `theta` (the
    parameters) and `quantiles` (the uniform numbers that the prior made them of).

    ## Arguments
    - `horizon`: number T of rounds.
    - `reward`: what a round pays: "kl", "entropy", "log_evidence" (all with the same expectation, the
      information; "kl" varies least and is never negative), or "spce" (a lower bound of it).
    - `contrasts`: number L of contrastive draws, for the reward "spce" only, which saturates at
      log(L + 1).
    - `settings`: None: an action is a point of the box. An integer n: an action is the index of one of
      n evenly spaced settings per knob. A list of settings, each with a number per knob: the index of
      one of them.
    """

    horizon: int = 10
    reward: str = "kl"
    contrasts: int = 1000
    settings: Any = None

    def __post_init__(self) -> None:
        self._set(
            horizon=integer("horizon", self.horizon, low=1, high=100_000),
            reward=choice("reward", self.reward, REWARDS),
            contrasts=integer("contrasts", self.contrasts, low=1, high=10_000_000),
        )
        if self.settings is None:
            return
        if isinstance(self.settings, numbers.Number):
            count = integer("settings", self.settings, low=2, high=1_000_000)
            self._set(settings=count)
            if count ** len(self.knobs) > 1_000_000:
                raise InputError(
                    f"settings = {count} evenly spaced settings for each of "
                    f"{len(self.knobs)} knobs are more than a million; choose fewer."
                )
            return
        rows = sequence("settings", self.settings, lambda n, v: sequence(n, v, real))
        for i, row in enumerate(rows):
            if len(row) != len(self.knobs):
                raise InputError(
                    f"settings[{i}] must hold one number for each knob "
                    f"({', '.join(self.knobs)}), got {shown(row)}."
                )
            for name, value in zip(self.knobs, row, strict=True):
                self._in_range(name, value)
        self._set(settings=rows)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        width, contrasts = len(self.knobs) + len(self.outcome_range[0]), 0
        if self.reward == "spce":
            contrasts = self.contrasts
        mask = 0 if self._choices is None else len(self._choices) // 8  # a byte each
        return 2 * self.horizon * width + 4 * contrasts * (len(self.unknowns) + 1) + mask

    # ---- what defines a problem

    @property
    @abstractmethod
    def unknowns(self) -> Mapping[str, tuple[float, float]]:
        """The k unknown parameters: name -> finite range that holds (nearly) all of the prior."""

    @property
    @abstractmethod
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """The d numbers of a setting: name -> range."""

    @property
    @abstractmethod
    def outcome_range(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Finite bounds of the m numbers of the data, each ``(m,)``."""

    @abstractmethod
    def prior(self, uniform: Array) -> Array:
        """Return the parameters that uniform numbers turn into, ``(..., k)`` to ``(..., k)``."""

    @abstractmethod
    def log_prior(self, theta: Array) -> Array:
        """Return the log prior density up to a constant, ``(..., k)`` to ``(...)``."""

    @abstractmethod
    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return log p(y | theta, xi), finite, up to a constant of y.

        Args:
            outcome: Data, ``(B, m)``.
            theta: G parameter values for all, ``(G, k)``, or for each, ``(B, G, k)``.
            setting: Settings, ``(B, d)``.

        Returns:
            An array of shape ``(B, G)``.
        """

    @abstractmethod
    def sample(self, theta: Array, setting: Array, random: np.random.Generator) -> Array:
        """Return data for B pairs of parameters ``(B, k)`` and settings ``(B, d)``, ``(B, m)``."""

    @abstractmethod
    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: NDArray[np.bool_] | None
    ) -> Array:
        """Return the data of B episodes, ``(B, m)``; those that are ``over`` may have any."""

    @abstractmethod
    def new_posterior(self, num_episodes: int) -> PosteriorT:
        """Return the posterior of a number of episodes, to be reset before use."""

    # ---- what follows from it

    @property
    def outcomes(self) -> Array | None:
        """All values the data can take, ``(Y, m)``, or None if they are too many to list.

        If they are listed, `log_likelihood` leaves no constant out.
        """
        return None

    def sample_prior(self, count: int, random: np.random.Generator) -> Array:
        """Return draws from the prior, ``(count, k)``."""
        return self.prior(random.random((count, len(self.unknowns))))

    def from_scores(self, scores: Array) -> Array:
        """Return the parameters that standard normal numbers turn into, ``(..., k)`` to ``(..., k)``."""
        return self.prior(np.minimum(ndtr(scores), 1 - 2.0**-53))

    def to_scores(self, theta: Array) -> Array:
        """Return the normal scores that turn into parameters, ``(..., k)`` to ``(..., k)``.

        Raises:
            InputError: The model does not tell them.
        """
        raise InputError(
            f"{type(self).__name__} has no normal scores of parameters; a model that is to be "
            "bracketed needs the method to_scores, the inverse of from_scores."
        )

    def relabelled(self, scores: Array, random: np.random.Generator) -> Array:
        """Return normal scores with parameters exchanged at random that no data can tell apart.

        As they are, unless the model has such parameters. Shape ``(N, k)`` to ``(N, k)``.
        """
        return scores

    def equivalent(self, scores: Array, other: Array) -> Array:
        """Return what no data can tell from ``other``, as near to ``scores`` as may be, ``(N, k)``."""
        return other

    @cached_property
    def ranges(self) -> tuple[Array, Array]:
        """Lowest and highest value of every knob, each ``(d,)``."""
        low, high = np.array(list(self.knobs.values()), np.float64).T
        return low, high

    @cached_property
    def _scale(self) -> tuple[Array, Array]:
        """Middle and half width of the range of every knob, each ``(d,)``."""
        low, high = self.ranges
        return (high + low) / 2, (high - low) / 2

    @cached_property
    def _choices(self) -> NDArray[np.float32] | None:
        """The settings to choose from, ``(A, d)``, or None if they are continuous."""
        if self.settings is None:
            return None
        if isinstance(self.settings, int):
            return self.evenly(self.settings).astype(np.float32)
        return np.array(self.settings, np.float32)

    def evenly(self, count: int) -> Array:
        """Return ``count`` evenly spaced values per knob, all combinations, ``(count^d, d)``."""
        axes = [np.linspace(low, high, count) for low, high in self.knobs.values()]
        return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))

    def setting(self, action: NDArray[Any]) -> Array:
        """Return the settings of actions ``(B,)`` or ``(B, d)`` in units of the knobs, ``(B, d)``.

        They are rounded to the float32 of the observation: an agent's posterior is the environment's.
        """
        if self._choices is not None:
            return self._choices[action].astype(np.float64)
        middle, half = self._scale
        return (
            (middle + half * np.asarray(action, np.float64)).astype(np.float32).astype(np.float64)
        )

    def proposals(self, theta: Array, random: np.random.Generator) -> Array | None:
        """Return settings that draws ``(B, n, k)`` from B posteriors suggest, ``(B, n, d)``.

        None: any setting may be as good as another, look everywhere.
        """
        return None

    def nearest_actions(self, settings: Array) -> NDArray[np.float32]:
        """Return the continuous actions nearest to settings, ``(..., d)``."""
        middle, half = self._scale
        return np.clip((settings - middle) / half, -1, 1).astype(np.float32)

    def action(self, **setting: float) -> Any:
        """Return the action with this setting, such as ``action(sqrt_s=91.2)``.

        Knobs left out stand in the middle of their range, or as the first setting that fits has them.

        Raises:
            InputError: An unknown knob, a setting outside its range, or not one of `settings`.
        """
        for name in setting:
            if name not in self.knobs:
                raise InputError(f"Unknown knob {name!r}; the knobs are {', '.join(self.knobs)}.")
        middle, half = self._scale
        values, given = middle.copy(), np.zeros(len(middle), np.bool_)
        for i, name in enumerate(self.knobs):
            if name in setting:
                values[i], given[i] = self._in_range(name, setting[name]), True
        if self._choices is None:
            return ((values - middle) / half).astype(np.float32)
        match = ((self._choices == values.astype(np.float32)) | ~given).all(1)
        if not match.any():
            raise InputError(
                f"{shown(setting)} is not one of the {len(match)} settings to choose from."
            )
        return int(match.argmax())

    def _in_range(self, name: str, value: Any) -> float:
        low, high = self.knobs[name]
        return real(name, value, low=low, high=high)

    # ---- spaces

    @cached_property
    def action_space(self) -> spaces.Space[Any]:
        """The setting: a point of ``[-1, 1]^d``, or the index of a setting."""
        if self._choices is None:
            return spaces.Box(-1.0, 1.0, (len(self.knobs),))
        return spaces.Discrete(len(self._choices))

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """Posterior mean and standard deviation, history, rounds left."""
        low, high = self.ranges
        least, most = self.outcome_range
        return spaces.Dict(
            {
                "belief": box(-ANY, ANY, (2 * len(self.unknowns),)),
                "outcomes": self._history(least, most),
                "rounds_left": box(0, self.horizon, (1,)),
                "settings": self._history(low, high),
            }
        )

    def _history(self, low: NDArray[Any], high: NDArray[Any]) -> spaces.Box:
        """Return the box of T rounds, the unused ones 0."""
        low, high = np.minimum(low, 0).astype(np.float32), np.maximum(high, 0).astype(np.float32)
        if (low == low[0]).all() and (high == high[0]).all():
            return box(float(low[0]), float(high[0]), (self.horizon * len(low),))
        return spaces.Box(np.tile(low, self.horizon), np.tile(high, self.horizon), dtype=np.float32)

    # ---- dynamics

    def new_state(self, num_episodes: int) -> Inquiry[PosteriorT]:
        """Return the arrays of ``num_episodes`` episodes."""
        k, count = len(self.unknowns), self.contrasts if self.reward == "spce" else 0
        return Inquiry(
            theta=np.zeros((num_episodes, k)),
            quantiles=np.zeros((num_episodes, k)),
            posterior=self.new_posterior(num_episodes),
            settings=np.zeros((num_episodes, self.horizon * len(self.knobs)), np.float32),
            outcomes=np.zeros(
                (num_episodes, self.horizon * len(self.outcome_range[0])), np.float32
            ),
            left=np.zeros(num_episodes, np.int64),
            contrasts=np.zeros((num_episodes, count, k)),
            contrast=np.zeros((num_episodes, count + 1)),
        )

    def reset(self, state: Inquiry[PosteriorT], index: NDArray[np.int64], streams: Streams) -> None:
        """Draw new parameters from the prior and forget the data."""
        k, count = len(self.unknowns), state.contrasts.shape[1]
        uniform = streams.generators.uniforms(index, (1 + count) * k).reshape(-1, 1 + count, k)
        draws = self.prior(uniform)
        state.quantiles[index] = uniform[:, 0]
        state.theta[index] = draws[:, 0]
        state.contrasts[index] = draws[:, 1:]
        state.contrast[index] = 0
        state.settings[index] = 0
        state.outcomes[index] = 0
        state.left[index] = self.horizon
        state.posterior.reset(index, streams.generators)

    def step(
        self,
        state: Inquiry[PosteriorT],
        action: NDArray[Any],
        streams: Streams,
        done: NDArray[np.bool_] | None = None,
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Do one experiment per episode and pay its information."""
        setting = self.setting(action)
        seen = self._experiment(state.theta, setting, streams, done).astype(np.float32)
        outcome = seen.astype(np.float64)
        posterior, before = state.posterior, state.posterior.entropy.copy()
        posterior.update(outcome, setting, streams.noise, done)
        if self.reward == "kl":
            reward = posterior.divergence.copy()
        elif self.reward == "entropy":
            reward = before - posterior.entropy
        elif self.reward == "log_evidence":
            truth = self.log_likelihood(outcome, state.theta[:, None], setting)[:, 0]
            reward = truth - posterior.evidence
        else:
            reward = self._contrast(state, outcome, setting)
        for history, new in ((state.settings, setting), (state.outcomes, seen)):
            width = new.shape[1]
            history[:, width:] = history[:, :-width].copy()
            history[:, :width] = new
        state.left -= 1
        return reward, state.left <= 0

    def _contrast(self, state: Inquiry[PosteriorT], outcome: Array, setting: Array) -> Array:
        """Return the increments of the sequential prior contrastive estimate, ``(B,)``."""
        before = np.logaddexp.reduce(state.contrast, axis=1)
        truth = self.log_likelihood(outcome, state.theta[:, None], setting)
        state.contrast[:, :1] += truth
        state.contrast[:, 1:] += self.log_likelihood(outcome, state.contrasts, setting)
        return truth[:, 0] + before - np.logaddexp.reduce(state.contrast, axis=1)

    def decisions(self, observation: Any) -> NDArray[np.int64]:
        """Return the rounds that observations of B episodes come after, ``(B,)``."""
        return self.horizon - observation["rounds_left"][:, 0].astype(np.int64)

    def observe(self, state: Inquiry[PosteriorT]) -> Observation:
        """Return the observations of B episodes."""
        posterior = state.posterior
        return {
            "belief": np.concatenate([posterior.mean, posterior.std], 1).astype(np.float32),
            "outcomes": state.outcomes.copy(),
            "rounds_left": state.left.astype(np.float32)[:, None],
            "settings": state.settings.copy(),
        }

    def hidden(self, state: Inquiry[PosteriorT]) -> dict[str, NDArray[Any]]:
        """Return what is unknown.

        Returns:
            ``theta``, the parameters, and ``quantiles``, the numbers in [0, 1) that `prior` made them
            of, both ``(B, k)``.
        """
        return {"theta": state.theta.copy(), "quantiles": state.quantiles.copy()}

    # ---- words and pictures

    def action_name(self, action: Any) -> str:
        """Return the setting in words."""
        values = self.setting(np.asarray(action)[None])[0]
        return ", ".join(f"{name}={v:.4g}" for name, v in zip(self.knobs, values, strict=True))

    def summary(self, observation: Observation) -> str:
        """Return the posterior and the rounds left, in words."""
        assert isinstance(observation, dict)
        mean, std = np.split(np.asarray(observation["belief"]), 2)
        beliefs = ", ".join(
            f"{name} = {m:.4g} +- {s:.2g}"
            for name, m, s in zip(self.unknowns, mean, std, strict=True)
        )
        left = float(np.asarray(observation["rounds_left"])[0])
        return f"{beliefs}; {left:.0f} of {self.horizon} rounds left"

    def picture(self, trace: Trace) -> Picture:
        """Return information, settings and uncertainty over the rounds."""
        gains = np.array([reward for _, reward, _ in trace])
        beliefs = np.array([observation["belief"] for _, _, observation in trace], np.float64)
        actions = [np.asarray(action) for action, _, _ in trace[1:]]
        settings = self.setting(np.array(actions)) if actions else np.zeros((0, len(self.knobs)))
        stds = beliefs[:, len(self.unknowns) :]
        return Picture(
            unit="round",
            length=self.horizon,
            panels=(
                Curves(
                    label="information, nats",
                    series=(Series(values=gains.cumsum(), style="steps"),),
                ),
                *(
                    Curves(label=name, series=(Series(values=settings[:, i], style="points"),))
                    for i, name in list(enumerate(self.knobs))[:2]
                ),
                Curves(
                    label="std / prior std",
                    series=tuple(
                        Series(name=name, values=stds[:, i] / stds[0, i])
                        for i, name in enumerate(self.unknowns)
                    ),
                ),
            ),
        )


class InverseLaw(ABC):
    """Draws the data of a `DesignModel` from one uniform number per experiment."""

    @abstractmethod
    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return the data that uniform numbers turn into, by the inverse law.

        Args:
            theta: Parameters, ``(B, k)``.
            setting: Settings, ``(B, d)``.
            uniform: Uniform numbers in [0, 1), ``(B,)``.

        Returns:
            Data, ``(B, m)``.
        """

    def sample(self, theta: Array, setting: Array, random: np.random.Generator) -> Array:
        """Return data for B pairs of parameters ``(B, k)`` and settings ``(B, d)``, ``(B, m)``."""
        return self.outcome(theta, setting, random.random(len(theta)))

    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: NDArray[np.bool_] | None
    ) -> Array:
        return self.outcome(theta, setting, streams.uniform())


@dataclass(frozen=True, kw_only=True, eq=False)
class GridDesign(DesignModel[Grid]):
    """A design environment whose posterior is exact on a grid.

    ## Arguments
    - `grid_size`: nodes of the posterior's grid along each parameter, one number for all or one for
      each.
    """

    grid_size: int | tuple[int, ...] = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes, k = self.grid_size, len(self.unknowns)
        if isinstance(sizes, tuple | list):
            sizes = sequence("grid_size", sizes, lambda n, v: integer(n, v, low=2))
        else:
            sizes = (integer("grid_size", sizes, low=2),) * k
        if len(sizes) != k or np.prod(sizes, dtype=float) > 1_000_000:
            raise InputError(
                f"grid_size must be one number or one for each of {', '.join(self.unknowns)}, with a "
                f"million nodes at most, got {shown(self.grid_size)}; choose a smaller grid."
            )
        self._set(grid_size=sizes)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself: the weights of the nodes."""
        return super().size + math.prod(self._sizes)

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: the nodes, and what is done to them."""
        return (4 * len(self.unknowns) + 8) * math.prod(self._sizes)

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The nodes along each parameter."""
        assert isinstance(self.grid_size, tuple)  # set by __post_init__
        return self.grid_size

    def new_posterior(self, num_episodes: int) -> Grid:
        """Return the posterior of a number of episodes, to be reset before use."""
        return Grid(self, num_episodes, self._sizes)


def interval(
    name: str, value: Any, low: float, high: float, *, closed: bool = False
) -> tuple[float, float]:
    """Return a pair of increasing numbers within ``(low, high)``, or ``[low, high]``."""
    pair = sequence(name, value, real)
    inside = len(pair) == 2 and pair[0] < pair[1]
    if inside:
        inside = low <= pair[0] and pair[1] <= high if closed else low < pair[0] and pair[1] < high
    if not inside:
        ends = f"[{low:g}, {high:g}]" if closed else f"({low:g}, {high:g})"
        raise InputError(
            f"{name} must be two increasing numbers within {ends}, got {shown(value)}."
        )
    return pair[0], pair[1]
