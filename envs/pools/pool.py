r"""What all pools share: n items, T labels, no item labelled twice.

A pool holds items x with unknown mean labels f(x). Each step labels N items, y = f(x) + noise, and
pays their labels, perhaps some steps later; until then the items are in flight. The regret after T
labels is

    R_T = max over T items of sum f(x) - sum_t f(X_t).

Source: Xu, Shim, Tewari, Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022, section 2,
equation (1), where N = 1 and the delay is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import DTypeLike, NDArray

from ..core import InputError, Observation, Streams, box
from ..core.arrays import Array, Flags, Whole
from ..core.checks import COSTLY, choice, integer, money, real
from ..core.delays import DelayLaw, delay_law, loss_chance
from ..core.model import ONE, ZERO
from ..core.moved import former
from .drawn import Drawn
from .labels import ANY_LABEL, Labels, first_time, labels_arrived, labels_lost
from .late import Late, Waiting

StateT = TypeVar("StateT", bound=Labels)

CHOSEN = np.array(0, np.int8)
"""What stands in `Labels.legal` for an item that was chosen."""

__getattr__ = former(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool(Drawn[StateT], Generic[StateT]):
    """A pool of items, each of which may be labelled once.

    ## Action space
    `Discrete(n)`: the item to label. With `batch_size` N above 1 `MultiDiscrete([n] * N)`: N items, no
    two the same. With M `fidelities` n M in place of n: action item * M + m buys test m of an item,
    M - 1 its label. A batch is paid from left to right.

    ## Observation space
    `Dict`:
    - `action_mask`: int8, `(n,)`, 1 for items that were not chosen yet; with a `budget`, `(n M,)`, for
      tests that the money left pays, were not bought yet, and of whose item the label was not.
    - `labelled`: int64, `(T,)`, the items chosen so far in order, -1 behind the last.
    - `labels`: float32, `(T,)`, their labels, 0 behind the last.
    - `steps_left`: float32, `(1,)`.
    - `arrived`: int64, `(1,)`, number of labels that have arrived, in the order of `labelled`; the rest
      is in flight. Only with a `delay` or a `loss`.

    With a random `delay` or a `loss`, `labelled` holds first the items whose labels have come, in the
    order in which they came (those of one step in the order of choice), then those in flight, then
    those whose labels are lost; and there are
    - `lost`: int64, `(1,)`, number of labels that are known to be lost.
    - `status`: int8, `(T,)`, of each item in `labelled`: 1 in flight, 2 here, 3 lost, 0 behind the last.
    - `age`: float32, `(T,)`, steps in flight: so far, or until the label or the news of its loss came.

    ## Rewards
    The labels that arrive: those of the items chosen `delay` steps ago, and at the last step all that
    are still in flight, but for those that are lost; proxies pay nothing. `illegal_reward` for each item
    chosen again, which shows nothing and spends the choice, but no money; likewise for what the money
    left does not pay.

    ## Starting state
    Fresh values of the items, no labels.

    ## Episode end
    Terminates after `horizon / batch_size` steps, with a `budget` when it pays no test that is left, or
    after T steps; never truncates.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the best labels for the choices
    spent, free of noise and of the luck of losses; with a `budget` for the money spent, which an oracle
    may keep) and `values` (the mean label of every item).

    ## Arguments
    - `horizon`: number T of labels; None takes int(0.2 n) + 1, rounded to whole batches.
    - `noise_std`: standard deviation of the label noise, in units of the label.
    - `batch_size`: number N of items chosen in a step; `horizon` must be a multiple of it.
    - `delay`: number of steps from the choice of an item to its label, or their law:
      `("geometric", r)`, by which a label in flight comes at each step with probability r (1: at once),
      or `("lognormal", median, sigma)`, rounded down.
    - `loss`: chance that a label never comes, below 1; it is told when the label would have come.
    - `illegal`: what choosing an item again does. "penalise" pays `illegal_reward`, shows nothing and
      spends the choice; "raise" raises `InputError`.
    - `illegal_reward`: reward of such a choice.

    ## References
    Z. Xu, E. Shim, A. Tewari, P. Zimmerman, "Adaptive Sampling for Discovery", NeurIPS 2022.
    """

    delay: DelayLaw = 0
    loss: float = 0.0

    _label_type: ClassVar[DTypeLike] = np.float32
    """Type of the labels that are seen."""

    def __post_init__(self) -> None:
        batch = integer("batch_size", self.batch_size, low=1, high=self.num_items)
        self._check_money()
        self._check_work()
        if self.shop is not None:
            horizon = self.shop.most
        elif self.horizon is None:
            horizon = (int(0.2 * self.num_items) + 1) // batch * batch or batch
        else:
            horizon = integer("horizon", self.horizon, low=1)
        if horizon > self.num_items and self.shop is None:
            raise InputError(
                f"horizon must not exceed the {self.num_items} items of the pool, got {horizon}; "
                f"give horizon={self.num_items // batch * batch} or less."
            )
        if horizon % batch and self.shop is None:
            raise InputError(
                f"horizon counts labels and must be a multiple of batch_size={batch}, got {horizon}; "
                f"take {horizon // batch * batch or batch}."
            )
        self._set(
            horizon=horizon,
            batch_size=batch,
            delay=delay_law("delay", self.delay),
            loss=loss_chance("loss", self.loss),
            noise_std=real("noise_std", self.noise_std, low=0),
            illegal=choice("illegal", self.illegal, ("penalise", "raise")),
            illegal_reward=money("illegal_reward", self.illegal_reward, low=-COSTLY),
        )

    @cached_property
    def waiting(self) -> Waiting:
        """How long labels are waited for, and how many never come."""
        return Waiting(self.delay, self.loss)

    @property
    def kept(self) -> float:
        """The share of labels that are not lost."""
        return 1 - self.loss

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        tests = 0 if self.shop is None else 3 * self.num_items * self.num_tests + self._widest
        return 4 * self.num_items + (5 + 4 * self.waiting.any) * self._horizon + tests

    # ---- spaces

    @cached_property
    def action_space(self) -> spaces.Discrete | spaces.MultiDiscrete:
        """The item to label, or the N items."""
        count = self.num_items * self.num_tests
        if self.batch_size == 1:
            return spaces.Discrete(count)
        return spaces.MultiDiscrete(np.full(self.batch_size, count))

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """Legal items, history, steps left, and what else a pool shows."""
        counted = {"steps_left": box(0, self._steps, (1,))}
        left = counted if self.shop is None else self.money_spaces()
        return spaces.Dict(
            {
                "action_mask": box(0, 1, (self.num_items * self.num_tests,), np.int8),
                "labelled": box(-1, self.num_items - 1, (self._horizon,), np.int64),
                "labels": box(-ANY_LABEL, ANY_LABEL, (self._horizon,), self._label_type),
                **left,
                **self.waiting.spaces(self._horizon, self._steps),
                **self.extra_spaces(),
            }
        )

    def extra_spaces(self) -> dict[str, spaces.Box]:
        """Return the spaces of what this pool shows besides the history."""
        return {}

    @property
    def _steps(self) -> int:
        return self._horizon // (self.batch_size if self.shop is None else 1)

    @property
    def most_decisions(self) -> int:
        """The number of steps."""
        return self._steps

    def best(self, observation: Any) -> Array:
        """Return the best label that has arrived, ``(...,)``; NaN before the first one."""
        labels = np.asarray(observation["labels"], np.float64)
        known = np.arange(labels.shape[-1]) < labels_arrived(observation)[..., None]
        if self.fidelities:
            known &= observation["fidelity"] == self.num_tests - 1
        best = np.where(known, labels, -np.inf).max(-1)
        return np.where(known.any(-1), best, np.nan)

    # ---- dynamics

    @property
    def uniforms(self) -> int:
        """For each label one number if it carries noise, and those that tell when it comes."""
        return super().uniforms + self.batch_size * self.waiting.uniforms

    def common(self, values: Array, best: Array | None = None) -> dict[str, Any]:
        """Return the fields of `Labels` for B episodes.

        Args:
            values: Mean label of the items, ``(B, n)``.
            best: Sums of the best 0, 1, ..., T values, ``(B, T + 1)``; None: `reset` finds them.
        """
        count, t = len(values), self._horizon
        return {
            "values": values,
            "best": np.zeros((count, self._widest + 1)) if best is None else best,
            "legal": np.ones(values.shape if self.shop is None else (count, 0), np.int8),
            "labelled": np.full((count, t), -1),
            "labels": np.zeros((count, t), self._label_type),
            "count": np.zeros(count, np.int64),
            "left": np.zeros(count, np.int64),
            "found": np.zeros(count),
            "first_item": np.repeat(np.arange(count) * self.num_items, self.batch_size),
            "first_slot": np.repeat(np.arange(count) * t, self.batch_size),
            "arrived": np.zeros(count, np.int64),
            "late": Late.empty(count, t) if self.waiting.any else None,
            "purse": self._purse(count),
        }

    def reset(self, state: StateT, index: Whole, streams: Streams) -> None:
        """Take all labels back. A pool that draws its values anew does so before it calls this."""
        if state.purse is not None:
            self._draw_tests(state, index, streams)
        if state.best.flags.writeable:
            state.best[index] = self._best(state, index)
        state.legal[index] = 1
        state.labelled[index] = -1
        state.left[index] = self._steps
        for counted in (state.labels, state.count, state.found, state.arrived):
            counted[index] = 0
        if state.late is not None:
            state.late.reset(index)

    def step(
        self,
        state: StateT,
        action: Whole,
        streams: Streams,
        done: Flags | None = None,
    ) -> tuple[Array, Flags]:
        """Choose N items per episode; show and pay the labels that arrive.

        All B N choices are handled in one row, those of an episode side by side.
        """
        n, purse = self.batch_size, state.purse
        item, fresh, value, label = (self._choose if purse is None else self._buy)(
            state, action, streams, done
        )
        all_fresh = np.count_nonzero(fresh) == len(fresh)
        # Only an episode that is about to be reset can have all its labels here.
        slot = np.minimum(state.count, self._last_slot)
        if n > 1:
            slot = (slot[:, None] + fresh.reshape(-1, n).cumsum(1) - 1).reshape(-1)
        slot = slot + state.first_slot
        state.left = state.left - ONE
        ended = state.left <= ZERO if purse is None else (state.left <= ZERO) | purse.spent_up
        paid = self._paid(state, slot, fresh, label)
        if all_fresh:
            state.labelled.ravel()[slot] = item
            state.labels.ravel()[slot] = label
            state.count = state.count + (ONE if n == 1 else n)
            state.found = state.found + self._per_episode(value)
            reward = paid.copy() if paid is value else paid
        else:
            state.labelled.ravel()[slot[fresh]] = item[fresh]
            state.labels.ravel()[slot[fresh]] = label[fresh]
            state.count = state.count + self._per_episode(fresh)
            wasted = self._wasted if purse is None else 0.0  # which takes no money
            state.found = state.found + self._per_episode(np.where(fresh, value, wasted))
            reward = np.where(fresh, paid, self.illegal_reward)
        before = state.arrived
        if state.late is None:
            state.arrived = state.count
            reward = self._per_episode(reward)
        else:
            fates = self.waiting.draw(len(item), partial(self._uniform, streams))
            come = state.late.step(slot[fresh], fates.of(fresh), ended)
            state.arrived = before + come.sum(1)
            reward = self._per_episode(np.where(fresh, 0.0, self.illegal_reward))
            reward += np.where(come, self._paying(state), 0.0).sum(1)
        self._show(state, before, streams, done)
        return reward, ended

    def _choose(
        self,
        state: StateT,
        action: Whole,
        streams: Streams,
        done: Flags | None,
    ) -> tuple[Whole, Flags, Array, Array]:
        """Return the items chosen, whether each is new, their values and labels, each ``(B N,)``."""
        item = action if self.batch_size == 1 else action.reshape(-1)
        index = state.first_item + item
        legal = state.legal.ravel()
        fresh = legal[index].view(np.bool_)
        if self.batch_size > 1:
            fresh &= first_time(action)
        if self.illegal == "raise" and not fresh.all():
            self._refuse(item, fresh, done)
        value = self._values_at(state, index, item)
        label = self._label(value, streams)
        legal[index] = CHOSEN
        return item, fresh, value, label

    def _per_episode(self, row: NDArray[Any]) -> NDArray[Any]:
        """Return the sums over the choices of each episode, ``(B,)``."""
        return row if self.batch_size == 1 else row.reshape(-1, self.batch_size).sum(1)

    def _values_at(self, state: StateT, index: Whole, item: Whole) -> Array:
        """Return the mean labels of items, ``index`` being theirs in the flat ``values``, ``(B N,)``."""
        return state.values.ravel()[index]

    def _show(
        self,
        state: StateT,
        before: Whole,
        streams: Streams,
        done: Flags | None,
    ) -> None:
        """Note what else is seen when labels arrive.

        Args:
            state: The state of B episodes; ``state.arrived`` of their labels have arrived, the first
                ones, or where they are waited for those of ``state.late``.
            before: The number of labels that had arrived before this step, ``(B,)``.
            streams: The random numbers of the B episodes.
            done: The episodes that have ended, as in `step`; they must not use their generator.
        """

    def _refuse(
        self,
        item: Whole,
        fresh: Flags,
        done: Flags | None,
    ) -> None:
        n = self.batch_size
        wrong = ~fresh if done is None else ~fresh & ~done.repeat(n)
        if wrong.any():
            k = int(wrong.argmax())
            raise InputError(
                f"Item {item[k]} of episode {k // n} was chosen already; choose among the items whose "
                "action_mask is 1, each once, or make the pool with illegal='penalise'."
            )

    def decisions(self, observation: Any) -> Whole:
        """Return the steps that observations of B episodes come after, ``(B,)``."""
        if self.shop is not None:
            return np.asarray(observation["decisions"][:, 0])
        return np.asarray(self._steps - observation["steps_left"][:, 0].astype(np.int64))

    def labels_left(self, observation: Any) -> Whole:
        """Return how many labels may still be chosen after observations of B episodes, ``(B,)``."""
        if self.shop is not None:
            return self.labels_paid(observation)
        return np.asarray(self.batch_size * observation["steps_left"][:, 0].astype(np.int64))

    def observe(self, state: StateT) -> Observation:
        """Return the observations of B episodes; what is constant is a read-only view.

        Keys come in the order of the space, by which others join the parts to one vector.
        """
        observation: dict[str, NDArray[Any]] = {
            "action_mask": self.action_mask(state),
            "labelled": state.labelled.copy(),
            "labels": state.labels.copy(),
            "steps_left": state.left.astype(np.float32)[:, None],
            **({} if state.purse is None else self._money_seen(state)),
            **self.extra(state),
        }
        if state.late is not None:
            observation |= state.late.seen(observation, self.waiting.in_order)
        return {key: observation[key] for key in self.observation_space.spaces}

    def extra(self, state: StateT) -> dict[str, NDArray[Any]]:
        """Return what this pool shows besides the history."""
        return {}

    def action_mask(self, state: StateT) -> NDArray[np.int8]:
        """Return the items not chosen yet, ``(B, n)``; all items once the last one is chosen.

        Masks must leave something to choose, also in the observation that ends an episode.
        """
        if state.purse is not None:
            tests = state.purse.mask.reshape(len(state.left), -1)
            return (tests | state.purse.spent_up[:, None]).astype(np.int8)
        mask = state.legal.copy()
        if self._labels_all:
            mask[state.left <= ZERO] = 1
        return mask

    def hidden(self, state: StateT) -> dict[str, NDArray[Any]]:
        """Return the regret so far and the values of the items.

        Returns:
            ``regret`` ``(B,)``: the best labels for the choices spent minus the labels of the items
            chosen, free of noise and of the luck of losses; ``values`` ``(B, n)``: the mean label of
            every item.
        """
        values = state.values.astype(self._label_type)
        return {"regret": self.kept * self._regret(state), "values": values}

    # ---- words

    def action_name(self, action: Any) -> str:
        """Return the item, or the items of a batch, in words; with fidelities also the test."""
        return "; ".join(self._test_name(int(test)) for test in np.ravel(action))

    def summary(self, observation: Observation) -> str:
        """Return where the episode stands, in words."""
        assert isinstance(observation, dict)
        labels, come = self._labels_seen(observation), int(labels_arrived(observation))
        lost = int(labels_lost(observation) or 0)
        flying = int((np.asarray(observation["labelled"]) >= 0).sum()) - come - lost
        late = f", {flying} in flight" * (flying > 0) + f", {lost} lost" * (lost > 0)
        best = f", best label {labels.max():.4g}, sum {labels.sum():.4g}" if len(labels) else ""
        if self.shop is None:
            return f"{len(labels)} of {self._horizon} labels{late}{best}"
        return f"{self._bought_words(observation)}{late}{best}"
