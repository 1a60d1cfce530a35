r"""Model 3 with noise: plates that find hits, and careful tests that climb.

On rung x a candidate is real with probability p(x). A plate of N wells shows each real one with
sensitivity s and any other with probability f < s, so that a well reads positive with probability q and
a hit is real with probability r,

    q = s p + f (1 - p),      r = s p / q.

A plate never climbs: it leaves h ~ Binomial(N, q) hits. A careful test never errs. k of them at once
climb with probability 1 - (1 - p)^k on fresh candidates, 1 - (1 - r)^k on hits; a climb clears the tray,
whose wells answered the question of the last rung. So hits are exchangeable and nothing is hidden.

Source: the conclusion of J. Schrier, "Three mathematical models for machine learning and
high-throughput experimentation" (2023): "very high throughput and fast, but potentially noisy initial
experiments", then "careful one-at-at-ime style experiments". The model and its values are this
package's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..core import InputError, Observation, Policy, Streams, environments
from ..core.arrays import Array, Flags, Single, Whole
from ..core.checks import integer
from ..core.spaces import box
from ..rendering.picture import Curves, Picture, Series, Trace
from .campaign import Hidden, Moments
from .fidelity import Fidelity
from .fidelity_plan import NEVER, BudgetPlan, RungPlan, random_cost
from .plates import switch_probability
from .rungs import Tables


@dataclass(kw_only=True)
class Climb:
    """State of the campaign."""

    x: Whole  # (B,) rung
    tray: Whole  # (B,) number of the tray; see `Rungs`
    actions: Whole  # (B,) actions left
    left: Whole  # (budgets, B) units left of each
    allowed: Flags  # (A, B) what hits and budgets allow, where there are budgets


@dataclass(frozen=True, kw_only=True)
class FidelityLadder(Fidelity[Climb]):
    """Climb a ladder by noisy plates and careful tests, for the least money and time.

    ## Description
    Model 3 of Schrier (2023), with the noise that the post's conclusion speaks of. A plate tests many
    candidates at once and errs; its hits are in hand until a new plate or a climb clears them. A careful
    test is sure, and only its success climbs a rung: on a hit, or on a fresh candidate. When is a plate
    worth its price, and from which rung on are careful tests? The exact optimum is known, without a
    budget and with budgets of money and days, and in closed form where plates give way to careful
    tests (`switch_probability`).

    ## Action space
    `Discrete(2 * len(careful_sizes) + len(plates))`: for each of the `careful_sizes` k, that many
    careful tests of fresh candidates at once (`careful=k`); then, for each k, as many of hits in hand
    (`confirm=k`); then a new plate of each of the `plates` (`plate=1` is the first). Without plates,
    fresh candidates alone.

    ## Observation space
    `Dict`:
    - `action_mask`: int8, one number per action, what hits and budgets allow. An action that it forbids
      is not bought: it changes nothing, and is paid for in the reward.
    - `actions_left`: float32, `(1,)`.
    - `days_left`: float32, `(1,)`, with a budget of days.
    - `hits`: float32, `(1,)`, the hits in hand, where there are plates.
    - `money_left`: float32, `(1,)`, with a budget of money.
    - `plate`: float32, `(1,)`, the number of the plate that they are from, 0 without hits; where there
      are several.
    - `rung`: float32, `(1,)`.

    ## Rewards
    With `objective="price"` minus the price of the action, its money and `price_per_day` times its
    days; with "rungs" 1 for each rung; with "target" nothing. Reaching the target pays `target_reward`.

    ## Starting state
    Rung 0, no hits, all budgets full.

    ## Episode end
    Terminates at the target, when nothing is affordable, or after as many actions as a budget can pay;
    never truncates. Without a budget it ends after `horizon` actions at the latest, and what is left to
    climb is charged at the expected price of careful tests alone, so that idling never pays.

    ## Information
    `action_mask`, as observed.
    """

    # ---- dynamics

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """What is observed, with its bounds."""
        budgets = self.budgets
        most: dict[str, float] = {"actions_left": self.most_decisions, "rung": self.target}
        if self.plates:
            most["hits"] = int(self.rungs.hits.max())
        if len(self.plates) > 1:
            most["plate"] = len(self.plates)
        for name, unit, total in zip(budgets.names, budgets.units, budgets.totals, strict=True):
            most[f"{name}_left"] = float(np.float32(unit * max(total, 1)))
        parts = {key: box(0, most[key], (1,)) for key in sorted(most)}
        return spaces.Dict({"action_mask": box(0, 1, (len(self.costs),), np.int8), **parts})

    def new_state(self, num_episodes: int) -> Climb:
        """Return the arrays of ``num_episodes`` episodes."""
        x, tray, actions = np.zeros((3, num_episodes), np.int64)
        left = np.zeros((len(self.budgets.totals), num_episodes), np.int64)
        allowed = np.zeros((len(self.costs) if len(left) else 0, num_episodes), np.bool_)
        return Climb(x=x, tray=tray, actions=actions, left=left, allowed=allowed)

    def reset(self, state: Climb, index: Whole, streams: Streams) -> None:
        """Put episodes back to the start."""
        state.x[index] = 0
        state.tray[index] = 0
        state.actions[index] = self.most_decisions
        if len(state.left):
            totals = np.array(self.budgets.totals, np.int64)[:, None]
            state.left[:, index] = totals
            state.allowed[:, index] = self._legal[:, :1] & self.budgets.affordable(totals)

    def step(
        self, state: Climb, action: Whole, streams: Streams, done: Flags | None = None
    ) -> tuple[Array, Flags]:
        """Test with one uniform number: a high one climbs, or gives many hits."""
        uniform, tables = streams.uniform(), self._tables
        cell = state.tray * len(self.costs)
        cell += action
        tray = tables.fall.take(cell)
        some = (action >= self.rungs.first_plate).nonzero()[0]
        if len(some):
            plate = action[some] - self.rungs.first_plate
            tray[some] = tables.new_tray(state.x[some], plate, uniform[some])
        cell += state.x * tables.legal.size
        climbed = uniform >= tables.stay.take(cell)
        if len(state.left):
            bought = state.allowed[action, np.arange(len(action))]
            climbed &= bought
            tray = np.where(bought, tray, state.tray)
            for left, spend in zip(state.left, self.budgets.spend, strict=True):
                left -= spend.take(action) * bought
        tray *= ~climbed
        state.tray = tray
        state.x += climbed
        state.actions -= 1
        return self._settle(state, action, climbed)

    def _settle(self, state: Climb, action: Whole, climbed: Flags) -> tuple[Array, Flags]:
        """Return rewards and ends, each of shape ``(B,)``."""
        if self.objective == "price":
            reward = self._pay.take(action)
        else:
            reward = np.asarray(climbed * float(self.objective == "rungs"), np.float64)
        ended = state.x >= self.target
        if self.target_reward:
            reward += self.target_reward * (ended & climbed)
        late = state.actions <= 0
        if len(state.left):
            state.allowed = self._legal.take(state.tray, 1)
            state.allowed &= self.budgets.affordable(state.left)
            broke = ~np.logical_or.reduce(state.allowed)
            state.allowed |= broke  # masks must leave something to choose, also at the end
            late |= broke
        elif np.count_nonzero(late):
            reward += np.where(late & ~ended, self._rest.take(state.x), 0.0)
        ended |= late
        return reward, ended

    @cached_property
    def _legal(self) -> Flags:
        """What a tray allows, ``(A, T)``."""
        return np.ascontiguousarray(self.rungs.legal.T)

    @cached_property
    def _pay(self) -> Array:
        return -self.costs

    @cached_property
    def _rest(self) -> Array:
        """What careful tests alone would be paid from each rung on, ``(X + 1,)``."""
        cost, _ = self._rung_plan.fresh()
        return self.target_reward - np.append(cost[::-1].cumsum()[::-1], 0.0)

    @cached_property
    def _tables(self) -> Tables:
        return Tables(self.rungs)

    def decisions(self, observation: Any) -> Whole:
        """Return the actions that observations of B episodes come after, ``(B,)``."""
        return np.asarray(self.most_decisions - observation["actions_left"][:, 0].astype(np.int64))

    def observe(self, state: Climb) -> Observation:
        """Return what is known of B episodes."""
        observation: dict[str, NDArray[Any]] = {"action_mask": self.action_mask(state)}
        rows = np.empty((len(self._keys), len(state.x), 1), np.float32)
        observation |= zip(self._keys, rows, strict=True)
        observation["actions_left"][:, 0] = state.actions
        observation["rung"][:, 0] = state.x
        if self.plates:
            self._seen_hits.take(state.tray, out=observation["hits"][:, 0], mode="clip")
        if len(self.plates) > 1:
            observation["plate"][:, 0] = self.rungs.plate.take(state.tray)
        for name, unit, left in zip(
            self.budgets.names, self.budgets.units, state.left, strict=True
        ):
            np.multiply(left, unit, out=observation[f"{name}_left"][:, 0], casting="unsafe")
        return observation

    @cached_property
    def _masks(self) -> NDArray[np.int8]:
        return self.rungs.legal.astype(np.int8)

    @cached_property
    def _keys(self) -> list[str]:
        """What is observed besides the mask."""
        return list(self.observation_space.spaces)[1:]

    @cached_property
    def _seen_hits(self) -> Single:
        return self.rungs.hits.astype(np.float32)

    def action_mask(self, state: Climb) -> NDArray[np.int8]:
        """Return what hits and budgets allow, ``(B, A)``; everything where nothing is affordable."""
        if len(state.left):
            return state.allowed.T.astype(np.int8)
        return self._masks.take(state.tray, 0)

    # ---- what luck may bring

    def achieved(self, observation: Observation) -> Array:
        """Return the rung, and the probability that a hit in hand is real, ``(B,)``."""
        x, tray = self._place(observation)
        return x + self.rungs.promise[x, tray]

    def pictured(self, observation: Observation) -> Array:
        """Return the rung, ``(B,)``."""
        return np.asarray(self._place(observation)[0], np.float64)

    def outlook(
        self, observation: Observation, action: Whole, hidden: Hidden | None = None
    ) -> Moments:
        """Return mean and variance of what an action adds to `achieved`, ``(B,)``."""
        assert isinstance(observation, dict)
        mean, variance = self.rungs.outlook(*self._place(observation), action)
        bought = observation["action_mask"][np.arange(len(action)), action] > 0
        return mean * bought, variance * bought

    def _place(self, observation: Any) -> tuple[Whole, Whole]:
        """Return rung and tray of observations, each ``(B,)``."""
        x = np.asarray(observation["rung"])[..., 0].astype(np.int64)
        if not self.plates:
            return x, 0 * x
        hits = np.asarray(observation["hits"])[..., 0].astype(np.int64)
        if len(self.plates) == 1:
            return x, hits
        plate = np.asarray(observation["plate"])[..., 0].astype(np.int64)
        return x, np.append(0, self.rungs.before)[plate] + hits

    # ---- truth

    def optimal_value(self) -> float:
        """Return the exact expected return of the best policy, by dynamic programming."""
        return self.best_value()

    def best_value(self, *, plates: Sequence[int] | None = None, fresh: bool = True) -> float:
        """Return the exact expected return of the best policy that does without some actions.

        Args:
            plates: The plates that are used, by their numbers from 1; None: all of them.
            fresh: Whether fresh candidates are tested carefully; if not, hits alone are.
        """
        allowed = self._allowed(plates, fresh)
        if self.budgets.names:
            return self._budget_plan(allowed).value
        plan = RungPlan(rungs=self.rungs, price=self.costs, allowed=allowed)
        if plan.cost.max() >= NEVER:
            raise InputError("These actions never climb: there are never enough hits for a test.")
        self._check_horizon(plan.steps)
        return float(self.target_reward - plan.cost.sum())

    def random_value(self) -> float:
        """Return the exact expected return of uniformly random allowed actions."""
        if self.budgets.names:
            return self._budget_plan(self._allowed(None, True), random=True).value
        self._check_horizon(random_cost(self.rungs, np.ones(len(self.costs))))
        return float(self.target_reward - random_cost(self.rungs, self.costs).sum())

    def optimal_policy(self) -> Policy:
        """Return the function from observations of B episodes to the best actions ``(B,)``."""
        budgets, best = self.budgets, self._best

        def policy(observation: dict[str, NDArray[Any]]) -> Whole:
            x, tray = self._place(observation)
            units = zip(budgets.names, budgets.units, strict=True)
            seen = [observation[f"{name}_left"][:, 0].astype(np.float64) / u for name, u in units]
            left = np.rint(seen).astype(np.int64)
            place = (*left, np.minimum(x, self.target - 1), tray)
            return np.asarray(best[place].astype(np.int64))

        return policy

    def first_actions(self) -> Whole:
        """Return the best action on every rung without hits in hand and without a budget, ``(X,)``."""
        return self._rung_plan.best[:, 0]

    def switch_rung(self) -> int:
        """Return the rung from which fresh candidates are tested first; `target`: none."""
        plates = np.flatnonzero(self.first_actions() >= self.rungs.first_plate)
        return int(plates[-1]) + 1 if len(plates) else 0

    def switch(self, plate: int = 1) -> float:
        """Return p* of a plate, by its number, and single careful tests; see `switch_probability`."""
        one = self.costs[self.action(careful=1)]
        other = self.plates[integer("plate", plate, low=1, high=len(self.plates)) - 1]
        ratio = self.costs[self.action(plate=plate)] / one if one else np.inf
        return switch_probability(min(ratio, 1e300), *other[:3])

    @cached_property
    def _rung_plan(self) -> RungPlan:
        allowed = self._allowed(None, True)
        return RungPlan(rungs=self.rungs, price=self.costs, allowed=allowed)

    @cached_property
    def _best(self) -> NDArray[Any]:
        """The best action by what is left of each budget, rung and tray."""
        if self.budgets.names:
            return self._budget_plan(self._allowed(None, True)).best
        return self._rung_plan.best

    def _budget_plan(self, allowed: list[int], random: bool = False) -> BudgetPlan:
        gain = np.full(self.target, float(self.objective == "rungs"))
        gain[-1] += self.target_reward
        return BudgetPlan(
            rungs=self.rungs,
            price=self.costs * (self.objective == "price"),
            gain=gain,
            totals=self.budgets.totals,
            spends=list(self.budgets.spend),
            allowed=allowed,
            random=random,
        )

    def _allowed(self, plates: Sequence[int] | None, fresh: bool) -> list[int]:
        """Return the actions that are left without some plates, or without fresh candidates."""
        count, k, first = len(self.plates), len(self.careful_sizes), self.rungs.first_plate
        chosen = [] if plates is None else [integer("plates", n, low=1, high=count) for n in plates]
        numbers = range(1, count + 1) if plates is None else sorted(set(chosen))
        allowed = [*range(k if fresh else 0), *(range(k, first) if numbers else ())]
        allowed += [first + n - 1 for n in numbers]
        if not allowed:
            raise InputError("Without plates and without fresh candidates nothing is left to do.")
        return allowed

    def _check_horizon(self, steps: Array) -> None:
        """Refuse exact values where more than about an episode in a billion would end too early.

        A rung lasts longer than j times twice the mean with probability 2^-j at most.
        """
        enough = math.ceil(2 * steps.sum() + 60 * steps.max())
        if self.horizon < enough:
            raise InputError(
                f"horizon = {self.horizon:,} ends episodes before exact values hold: raise it to "
                f"{enough:,}, or give a budget of money or days."
            )

    # ---- words and pictures

    def summary(self, observation: Observation) -> str:
        """Return where the campaign stands, in words."""
        assert isinstance(observation, dict)
        rung, hits = int(observation["rung"][0]), int(observation.get("hits", [0])[0])
        left = [f"{name} left: {observation[f'{name}_left'][0]:g}" for name in self.budgets.names]
        return ", ".join([f"rung {rung} of {self.target}", f"{hits} hits in hand", *left])

    def picture(self, trace: Trace) -> Picture:
        """Return rungs, hits, tests and cost of a campaign over its actions."""
        actions = np.array([action for action, _, _ in trace[1:]], np.int64)
        rung = np.array([seen["rung"][0] for _, _, seen in trace], np.float64)
        hits = np.array([seen.get("hits", [0])[0] for _, _, seen in trace], np.float64)
        size = self.rungs.size[actions]
        chosen = {
            knob: np.where(of[actions] > 0, size, np.nan) for knob, of in self.choices.items()
        }
        tests = tuple(
            Series(name=knob, values=values, style="bars", colour=i)
            for i, (knob, values) in enumerate(chosen.items())
        )
        climb, held = (Series(values=values, style="steps") for values in (rung, hits))
        panels = (
            Curves(label="rung x", series=(climb,), goal=self.target, course=lambda: self.course),
            Curves(label="hits in hand", series=(held,)),
            Curves(label="tests at once", series=tests, log=int(self.rungs.size.max()) > 16),
            self._spent(actions),
        )
        return Picture(panels=panels, unit="action")


FidelityLadderEnv, FidelityLadderVectorEnv = environments(FidelityLadder)
