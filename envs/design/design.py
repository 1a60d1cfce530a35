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

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, Self, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import Model, Observation, Streams, box
from ..core.arrays import Array, Flags, Single, Whole
from ..core.checks import choice, integer
from ..core.moved import former
from ..rendering.picture import Curves, Picture, Series, Trace
from .drawing import ANY
from .laws import Law
from .moves import Moves, checked, moves_of
from .posteriors import Posterior, Problem
from .reach import Walk
from .settings import Settings

PosteriorT = TypeVar("PosteriorT", bound=Posterior)
REWARDS = ("kl", "entropy", "log_evidence", "spce")

__getattr__ = former(__name__)


@dataclass(kw_only=True, eq=False)
class DesignState(Generic[PosteriorT]):
    """State of a design environment."""

    theta: Array  # (B, k) the unknown parameters
    quantiles: Array  # (B, k) the uniform numbers that the prior made them of
    posterior: PosteriorT
    settings: Single  # (B, T d) settings tried, the newest first; 0 behind the oldest
    outcomes: Single  # (B, T m) their data
    left: Whole  # (B,) rounds left
    contrasts: Array  # (B, L, k) draws from the prior; L = 0 unless the reward is "spce"
    contrast: Array  # (B, L + 1) log likelihood of all data under theta and the contrasts
    walk: Walk | None = None  # where they stand, where steps or budgets restrict designs


@dataclass(frozen=True, kw_only=True, eq=False)
class DesignModel(Settings, Problem, Model[DesignState[PosteriorT]]):
    """A sequence of experiments on unknown parameters.

    A problem is defined by its `unknown_parameters` with `log_prior` and `prior`, its `knobs`, and the
    law of its data: `log_likelihood`, and `sample` and `_experiment`, which `InverseLaw` makes of one
    function. `law` tells what more is known of it, so that information is estimated without drawing.

    ## Action space
    `Box(-1, 1, (d,))`, one number per knob, mapped linearly onto its range; `model.action` and
    `model.setting` translate. `Discrete(n)` if `settings` is given: the index of a setting. Numbers
    outside are clipped, NaN and infinity raise `InputError`. Where steps or budgets restrict designs, a
    point that is not feasible stands for the farthest feasible one on the way to it from the last
    design, and an index that the mask forbids for the nearest setting that it allows.

    ## Observation space
    `Dict`, for k unknown parameters, d knobs and T rounds with m numbers of data each:
    - `belief`: float32, `(2 * k,)`, posterior means, then standard deviations, of the parameters.
    - `settings`: float32, `(T * d,)`, the settings tried, the newest first, 0 where there is none.
    - `outcomes`: float32, `(T * m,)`, their data in the same order.
    - `rounds_left`: float32, `(1,)`.

    Where `max_step`, `move_budget`, `budget` or `start` is given, also:
    - `action_mask`: int8, `(n,)`, the feasible settings, where they are listed.
    - `budget_left`: float32, `(1,)`, what is left of `budget`, where there is one.
    - `last`: float32, `(d,)`, the last design; before the first, where it starts, else 0.
    - `moves_left`: float32, `(1,)`, what is left of `move_budget`, where there is one.

    ## Rewards
    Information gained by the experiment, in nats; see `reward`. Prices are not part of it.

    ## Starting state
    Parameters drawn from the prior; no data.

    ## Episode end
    Terminates after `horizon` rounds, or when a budget is spent: no move is left, or nothing can be
    paid. An experiment that cannot be paid for is not made, and ends it too. Never truncates.

    ## Information
    `action_mask` (int8, all ones unless it is observed) with discrete settings. Where designs are
    restricted, `projected` (int8): whether the last action stood for another, feasible one. With
    `reveal=True` also `theta` (the parameters) and `quantiles` (the uniform numbers that the prior made
    them of).

    ## Arguments
    - `horizon`: number T of rounds.
    - `reward`: what a round pays: "kl", "entropy", "log_evidence" (all with the same expectation, the
      information; "kl" varies least and is never negative), or "spce" (a lower bound of it).
    - `contrasts`: number L of contrastive draws, for the reward "spce" only, which saturates at
      log(L + 1).
    - `settings`: None: an action is a point of the box. An integer n: an action is the index of one of
      n evenly spaced settings per knob. A list of settings, each with a number per knob: the index of
      one of them.
    - `max_step`: the most that a design may move from the last one, in units of the knobs: one number,
      or one for each knob, None where it is free. None: as far as one likes.
    - `step_norm`: "box": every knob by its step at most; "l2": within the ellipsoid that has the steps
      as its half axes.
    - `move_budget`: the most that the lengths of all moves (Euclidean, in units of the knobs) add up to.
    - `price`: what an experiment costs: one number, one for each of `settings`, a function of a
      setting `(d,)` or its name "package.module:function", or "hill", .05 + exp(-|x|^2 / 4.5). Rewards
      do not contain it; records tell what was spent, and agents such as `greedy_eig(per_price=True)`
      weigh information by it.
    - `budget`: what all experiments together may cost; it needs a price.
    - `start`: None: the first design may be anything, and moves count from there. "random": it is drawn,
      free, and counts as a round; whatever the first action is, it stands for it. A setting: where the
      first move starts.
    - `overdraft`: budgets forbid nothing, but the design that makes one negative is the last.
    """

    horizon: int = 10
    reward: str = "kl"
    contrasts: int = 1000
    settings: Any = None
    max_step: Any = None
    step_norm: str = "box"
    move_budget: float | None = None
    price: Any = None
    budget: float | None = None
    start: Any = None
    overdraft: bool = False

    def __post_init__(self) -> None:
        self._set(
            horizon=integer("horizon", self.horizon, low=1, high=100_000),
            reward=choice("reward", self.reward, REWARDS),
            contrasts=integer("contrasts", self.contrasts, low=1, high=10_000_000),
        )
        self._set(settings=self._checked_settings())
        self._set(**checked(self))
        if self.moves is not None:
            self.moves.check()

    @cached_property
    def moves(self) -> Moves | None:
        """What restricts designs; None where nothing does."""
        return moves_of(self, self.horizon)

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        width = len(self.knobs) + len(self.outcome_range[0])
        contrasts = self.contrasts if self.reward == "spce" else 0
        mask = 0 if self._choices is None else len(self._choices) // 8  # a byte each
        mask *= 1 if self.moves is None else 4
        return 2 * self.horizon * width + 4 * contrasts * (len(self.unknown_parameters) + 1) + mask

    # ---- what defines a problem, besides what `Problem` and `Settings` ask for

    @abstractmethod
    def sample(self, theta: Array, setting: Array, random: np.random.Generator) -> Array:
        """Return data for B pairs of parameters ``(B, k)`` and settings ``(B, d)``, ``(B, m)``."""

    @abstractmethod
    def _experiment(
        self, theta: Array, setting: Array, streams: Streams, done: Flags | None
    ) -> Array:
        """Return the data of B episodes, ``(B, m)``; those that are ``done`` may have any."""

    @abstractmethod
    def new_posterior(self, num_episodes: int) -> PosteriorT:
        """Return the posterior of a number of episodes, to be reset before use."""

    @property
    def law(self) -> Law:
        """What is known of the law of the data for estimates of their information; here nothing."""
        return Law()

    # ---- what data may look like, to hold real ones against them

    def repeat(
        self, theta: Array, setting: Array, outcome: Array, random: np.random.Generator
    ) -> Array:
        """Return data for B pairs of parameters and settings, as many as ``outcome`` ``(B, m)`` has.

        As `sample`, unless the size of an experiment is a choice, such as a number of events.
        """
        return self.sample(theta, setting, random)

    def saturated(self, outcome: Array, setting: Array) -> Array:
        """Return the log likelihood of the law that fits each of B data best, ``(B,)``.

        In the sense of `log_likelihood`, of any law of this kind; 0 where that says nothing.
        """
        return np.zeros(len(outcome))

    def with_more(self, horizon: int, settings: Iterable[Sequence[float]] = ()) -> Self:
        """Return the same problem with another number of rounds and more settings to choose from."""
        more = tuple(map(tuple, settings))
        if self._choices is None or not more:
            return replace(self, horizon=horizon)
        chosen = tuple(map(tuple, self._choices.tolist()))
        return replace(self, horizon=horizon, settings=chosen + more)

    # ---- what follows from it

    def prices(self, actions: NDArray[Any], first: Any = None) -> Array | None:
        """Return what each action costs, ``(B, t)``; None where nothing does.

        The price of its setting where there is one; else how long its move is, where these are paid.
        """
        if self.moves is None:
            return self.costs(self.setting(actions))
        if self.price is None and self.move_budget is None:
            return None
        return self.moves.prices(actions, first)

    def sample_prior(self, count: int, random: np.random.Generator) -> Array:
        """Return draws from the prior, ``(count, k)``."""
        return self.prior(random.random((count, len(self.unknown_parameters))))

    def proposals(self, theta: Array, random: np.random.Generator) -> Array | None:
        """Return settings that draws ``(B, n, k)`` from B posteriors suggest, ``(B, n, d)``.

        None: the model suggests nothing.
        """
        return None

    # ---- spaces

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """Posterior mean and standard deviation, history, rounds left."""
        low, high = self.ranges
        least, most = self.outcome_range
        parts = {
            "belief": box(-ANY, ANY, (2 * len(self.unknown_parameters),)),
            "outcomes": self._history(least, most),
            "rounds_left": box(0, self.horizon, (1,)),
            "settings": self._history(low, high),
        }
        moves = {} if self.moves is None else self.moves.space()
        return spaces.Dict(dict(sorted((parts | moves).items())))

    def _history(self, low: NDArray[Any], high: NDArray[Any]) -> spaces.Box:
        """Return the box of T rounds, the unused ones 0."""
        low, high = np.minimum(low, 0).astype(np.float32), np.maximum(high, 0).astype(np.float32)
        if (low == low[0]).all() and (high == high[0]).all():
            return box(float(low[0]), float(high[0]), (self.horizon * len(low),))
        return spaces.Box(np.tile(low, self.horizon), np.tile(high, self.horizon), dtype=np.float32)

    @property
    def most_decisions(self) -> int:
        """The number of rounds."""
        return self.horizon

    # ---- dynamics

    def new_state(self, num_episodes: int) -> DesignState[PosteriorT]:
        """Return the arrays of ``num_episodes`` episodes."""
        k, count = len(self.unknown_parameters), self.contrasts if self.reward == "spce" else 0
        width = len(self.outcome_range[0])
        return DesignState(
            theta=np.zeros((num_episodes, k)),
            quantiles=np.zeros((num_episodes, k)),
            posterior=self.new_posterior(num_episodes),
            settings=np.zeros((num_episodes, self.horizon * len(self.knobs)), np.float32),
            outcomes=np.zeros((num_episodes, self.horizon * width), np.float32),
            left=np.zeros(num_episodes, np.int64),
            contrasts=np.zeros((num_episodes, count, k)),
            contrast=np.zeros((num_episodes, count + 1)),
            walk=None if self.moves is None else self.moves.new(num_episodes),
        )

    def reset(self, state: DesignState[PosteriorT], index: Whole, streams: Streams) -> None:
        """Draw new parameters from the prior and forget the data."""
        k, count = len(self.unknown_parameters), state.contrasts.shape[1]
        numbers, moves = (1 + count) * k, self.moves
        more = 0 if moves is None else moves.uniforms
        every = streams.generators.uniforms(index, numbers + more)
        uniform = every[:, :numbers].reshape(-1, 1 + count, k)
        draws = self.prior(uniform)
        state.quantiles[index] = uniform[:, 0]
        state.theta[index] = draws[:, 0]
        state.contrasts[index] = draws[:, 1:]
        state.contrast[index] = 0
        state.settings[index] = 0
        state.outcomes[index] = 0
        state.left[index] = self.horizon
        state.posterior.reset(index, streams.generators)
        if moves is not None and state.walk is not None:
            moves.reset(state.walk, index, every[:, numbers:])

    def step(
        self,
        state: DesignState[PosteriorT],
        action: NDArray[Any],
        streams: Streams,
        done: Flags | None = None,
    ) -> tuple[Array, Flags]:
        """Do one experiment per episode and pay its information."""
        moves, idle = self.moves, done
        if moves is None:
            setting, made = self.setting(action), None
        else:
            assert state.walk is not None
            setting, made = moves.take(state.walk, action)
            idle = ~made if done is None else done | ~made
        seen = self._experiment(state.theta, setting, streams, idle).astype(np.float32)
        outcome = seen.astype(np.float64)
        posterior, before = state.posterior, state.posterior.entropy.copy()
        posterior.update(outcome, setting, streams.noise, idle)
        if self.reward == "kl":
            reward = posterior.divergence.copy()
        elif self.reward == "entropy":
            reward = before - posterior.entropy
        elif self.reward == "log_evidence":
            truth = self.log_likelihood(outcome, state.theta[:, None], setting)[:, 0]
            reward = truth - posterior.evidence
        else:
            reward = self._contrast(state, outcome, setting)
        self._keep(state, setting, seen, made)
        if moves is None or made is None:
            return reward, state.left <= 0
        assert state.walk is not None
        return np.where(made, reward, 0.0), (state.left <= 0) | ~made | moves.ended(state.walk)

    def _keep(
        self, state: DesignState[PosteriorT], setting: Array, seen: Single, made: Flags | None
    ) -> None:
        """Put experiments in front of the histories, where they were made."""
        rows = slice(None) if made is None else made
        for history, new in ((state.settings, setting), (state.outcomes, seen)):
            width = new.shape[1]
            history[rows, width:] = history[rows, :-width].copy()
            history[rows, :width] = new[rows]
        state.left[rows] -= 1

    def _contrast(self, state: DesignState[PosteriorT], outcome: Array, setting: Array) -> Array:
        """Return the increments of the sequential prior contrastive estimate, ``(B,)``."""
        before = np.logaddexp.reduce(state.contrast, axis=1)
        truth = self.log_likelihood(outcome, state.theta[:, None], setting)
        state.contrast[:, :1] += truth
        state.contrast[:, 1:] += self.log_likelihood(outcome, state.contrasts, setting)
        return np.asarray(truth[:, 0] + before - np.logaddexp.reduce(state.contrast, axis=1))

    def decisions(self, observation: Any) -> Whole:
        """Return the rounds that observations of B episodes come after, ``(B,)``."""
        return np.asarray(self.horizon - observation["rounds_left"][:, 0].astype(np.int64))

    def observe(self, state: DesignState[PosteriorT]) -> Observation:
        """Return the observations of B episodes."""
        posterior = state.posterior
        parts = {
            "belief": np.concatenate([posterior.mean, posterior.std], 1).astype(np.float32),
            "outcomes": state.outcomes.copy(),
            "rounds_left": state.left.astype(np.float32)[:, None],
            "settings": state.settings.copy(),
        }
        if self.moves is None or state.walk is None:
            return parts
        return dict(sorted((parts | self.moves.seen(state.walk)).items()))

    def action_mask(self, state: DesignState[PosteriorT]) -> NDArray[np.int8] | None:
        """Return the feasible settings, ``(B, n)``, where they are listed and not all are."""
        allowed = None if state.walk is None else state.walk.allowed
        return None if allowed is None else allowed.astype(np.int8)

    def facts(self, state: DesignState[PosteriorT]) -> dict[str, NDArray[Any]]:
        """Return whether the last action stood for another one, ``(B,)``."""
        return {} if state.walk is None else {"projected": state.walk.projected.copy()}

    def hidden(self, state: DesignState[PosteriorT]) -> dict[str, NDArray[Any]]:
        """Return the parameters and the numbers in [0, 1) that `prior` made them of, ``(B, k)``."""
        return {"theta": state.theta.copy(), "quantiles": state.quantiles.copy()}

    # ---- words and pictures

    def history(self, observation: Observation) -> tuple[Array, Array]:
        """Return the settings ``(t, d)`` tried in one episode, the newest first, and their data."""
        assert isinstance(observation, dict)
        made = self.horizon - int(observation["rounds_left"][0])
        parts = (np.asarray(observation[key], np.float64) for key in ("settings", "outcomes"))
        settings, outcomes = (one.reshape(self.horizon, -1)[:made] for one in parts)
        return settings, outcomes

    def summary(self, observation: Observation) -> str:
        """Return the posterior and the rounds left, in words."""
        assert isinstance(observation, dict)
        mean, std = np.split(np.asarray(observation["belief"]), 2)
        beliefs = ", ".join(
            f"{name} = {m:.4g} +- {s:.2g}"
            for name, m, s in zip(self.unknown_parameters, mean, std, strict=True)
        )
        left = float(np.asarray(observation["rounds_left"])[0])
        parts = [f"{beliefs}; {left:.0f} of {self.horizon} rounds left"]
        for key, name in (("moves_left", "moves"), ("budget_left", "the budget")):
            if key in observation:
                parts.append(f"{float(np.asarray(observation[key])[0]):.4g} of {name} left")
        return ", ".join(parts)

    def picture(self, trace: Trace) -> Picture:
        """Return information, settings and uncertainty over the rounds."""
        gains = np.array([reward for _, reward, _ in trace])
        beliefs = np.array([observation["belief"] for _, _, observation in trace], np.float64)
        settings = self.history(trace[-1][2])[0][::-1]
        stds = beliefs[:, len(self.unknown_parameters) :]
        told = Series(values=gains.cumsum(), style="steps")
        tried = [
            Curves(label=name, series=(Series(values=settings[:, i], style="points"),))
            for i, name in list(enumerate(self.knobs))[:2]
        ]
        doubts = tuple(
            Series(name=name, values=stds[:, i] / stds[0, i])
            for i, name in enumerate(self.unknown_parameters)
        )
        first = Curves(label="information, nats", series=(told,))
        panels = (first, *tried, Curves(label="std / prior std", series=doubts))
        return Picture(unit="round", length=self.horizon, panels=panels)
