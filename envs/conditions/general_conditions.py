r"""Which condition works best in general? Tests on random substrates, then one name.

A condition k has a yield with each of many substrates. A test runs it on a random substrate that it was
not yet tested with, and shows

    y = clip(yield / 100, 0, 1),  or 1 if the yield is above 50 %, else 0.

The best condition is that of the largest mean mu_k over all of its substrates. After T tests one
condition is named, and the simple regret is max mu - mu_k. In a Bernoulli world there are no substrates:
a test of condition k shows 1 with probability mu_k ~ Beta(a, b), which is drawn for every episode.

Source: J. Y. Wang et al., "Identifying general reaction conditions by bandit optimization", Nature 626,
1025 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from ..core import Observation, Streams, environments
from ..core.arrays import Array, Flags, Single, Whole
from ..core.delays import delays
from .worlds import World


@dataclass(kw_only=True, eq=False)
class Tests:
    """State of the tests of B episodes."""

    values: Array  # (B, K) mean of every condition
    order: NDArray[np.int16]  # (B, K m) substrates of each condition, those tested first
    tested: Whole  # (B, K) tests of every condition
    counts: Whole  # (B, K) labels seen
    sums: Array  # (B, K) their sum
    squares: Array  # (B, K) the sum of their squares
    means: Single  # (B, K) their mean; 0 without any
    stds: Single  # (B, K) their standard deviation
    lost: Whole  # (B, K) labels that will never be seen
    left: Whole  # (B,) tests left
    found: Array  # (B,) what the tests, or the naming, are worth in the mean
    unpaid: Array  # (B,) sum of labels that are in flight or lost
    due: Whole  # (B, T) number of the test after which a label resolves; -1: none
    flying: Whole  # (B, T) condition of that label
    labels: Array  # (B, T) the label; NaN where it will be lost


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneralConditions(World[Tests]):
    """Find the reaction condition that works best for most substrates.

    ## Description
    K conditions and a budget of T tests. A test runs one condition on a random substrate that it was not
    yet tested with; then a condition is named, and what counts is how much worse it is than the best on
    the average of all substrates (Wang et al., 2024). Yields come from a table, or from a Bernoulli
    world whose optimum is known, also where labels come late or never.

    ## Action space
    `Discrete(K)`: the condition to test. After the last test one more action names a condition, with
    `objective="regret"`.

    ## Observation space
    `Dict`:
    - `action_mask`: int8, `(K,)`, 1 for conditions with an untested substrate; any may be named.
    - `counts`: int64, `(K,)`, labels seen of every condition.
    - `in_flight`: int64, `(K,)`, labels still to come, with a `delay` or a `loss`.
    - `lost`: int64, `(K,)`, labels that will never come, with a `delay` or a `loss`.
    - `means`: float32, `(K,)`, mean of the labels seen, 0 without any.
    - `stds`: float32, `(K,)`, their standard deviation (of the sample, not corrected).
    - `tests_left`: float32, `(1,)`.

    ## Rewards
    With `objective="regret"` 0 for a test, and for the naming minus the simple regret, the best mean
    less that of the condition named. With "yields" each test pays its label when it is seen, and the
    last one also those in flight and those lost, for a yield counts whether or not it was measured;
    there is no naming, which would pay nothing. A test of a condition without an untested substrate
    shows and pays nothing.

    ## Starting state
    No tests. In a Bernoulli world the means are drawn for every episode; a table is the same in all.

    ## Episode end
    Terminates after T tests and the naming, without which after T tests; never truncates.

    ## Information
    `action_mask` (int8); with `reveal=True` also `values` (the mean of every condition) and, of tables,
    `regret`: simple regret, or the best expected yields of the tests spent less those of the tests made.

    ## References
    J. Y. Wang et al., "Identifying general reaction conditions by bandit optimization", Nature 626, 1025
    (2024).
    """

    # ---- dynamics

    @property
    def uniforms(self) -> int:
        """One number for what a test shows, and as many as its delay and its loss need."""
        return 1 + (not isinstance(self.delay, int)) + (self.loss > 0)

    def new_state(self, num_episodes: int) -> Tests:
        """Return the arrays of ``num_episodes`` episodes."""
        shape, flights = (num_episodes, self.count), (num_episodes, self.horizon * self.late)
        values = np.zeros(shape)
        if self.table is not None:
            values = np.broadcast_to(self.table.means, shape)
        substrates = 0 if self.table is None else self.table.array.size
        tested, counts, lost = np.zeros((3, *shape), np.int64)
        sums, squares = np.zeros((2, *shape))
        return Tests(
            values=values,
            order=np.zeros((num_episodes, substrates), np.int16),
            tested=tested,
            counts=counts,
            sums=sums,
            squares=squares,
            means=np.zeros(shape, np.float32),
            stds=np.zeros(shape, np.float32),
            lost=lost,
            left=np.zeros(num_episodes, np.int64),
            found=np.zeros(num_episodes),
            unpaid=np.zeros(num_episodes),
            due=np.full(flights, -1),
            flying=np.zeros(flights, np.int64),
            labels=np.zeros(flights),
        )

    def reset(self, state: Tests, index: Whole, streams: Streams) -> None:
        """Forget all tests; draw the means of a Bernoulli world."""
        if self.table is None:
            uniform = streams.generators.uniforms(index, self.count)
            state.values[index] = betaincinv(*self.prior, uniform)
        else:
            state.order[index] = self.table.order.reshape(-1)
        for counted in (state.tested, state.counts, state.sums, state.squares, state.lost):
            counted[index] = 0
        state.means[index] = state.stds[index] = 0
        state.left[index] = self.horizon
        state.found[index] = state.unpaid[index] = 0
        state.due[index] = -1

    def step(
        self, state: Tests, action: Whole, streams: Streams, done: Flags | None = None
    ) -> tuple[Array, Flags]:
        """Test a condition in every episode that has tests left, name it in the others."""
        uniform, row = streams.uniform(), np.arange(len(action))
        cell = row * self.count + action
        reward = self._named(state, action) if self.naming else np.zeros(len(action))
        tests = state.left > 0
        if self.table is not None:
            tests &= state.tested.take(cell) < self.table.counts.take(action)
        state.left -= 1
        if np.count_nonzero(tests) < len(tests):
            row, cell, action, uniform = row[tests], cell[tests], action[tests], uniform[tests]
        label = self._label(state, cell, action, uniform)
        state.tested.reshape(-1)[cell] += 1
        if self.late:
            paid = self._arrivals(state, row, action, label, streams)
        else:
            self._show(state, cell, label)
            paid = np.zeros(len(reward))
            paid[row] = label
        if self.naming:
            return reward, state.left < 0
        state.found[row] += state.values[row, action]
        return paid, state.left <= 0

    def _named(self, state: Tests, action: Whole) -> Array:
        """Return minus the simple regret where a condition is named, 0 elsewhere, ``(B,)``."""
        reward = np.zeros(len(action))
        some = np.flatnonzero(state.left == 0)
        if len(some):
            state.found[some] = state.values[some, action[some]]
            reward[some] = state.found[some] - state.values[some].max(1)
        return reward

    def _label(self, state: Tests, cell: Whole, action: Whole, uniform: Array) -> Array:
        """Return what tests show; in a table a random substrate goes to the place of the next one."""
        if self.table is None:
            return np.asarray(uniform < state.values.reshape(-1).take(cell), np.float64)
        labels, order = self.table.labels, state.order.reshape(-1)
        used, width = state.tested.take(cell), labels.shape[1]
        place = cell * width + used
        drawn = place + (uniform * (self.table.counts.take(action) - used)).astype(np.int64)
        substrate = order.take(drawn)
        order[drawn] = order.take(place)
        order[place] = substrate
        return np.asarray(labels.take(action * width + substrate))

    def _show(self, state: Tests, cell: Whole, label: Array) -> None:
        """Count labels that are seen, perhaps several of a condition."""
        np.add.at(state.counts.reshape(-1), cell, 1)
        np.add.at(state.sums.reshape(-1), cell, label)
        np.add.at(state.squares.reshape(-1), cell, label * label)
        seen = state.counts.take(cell)
        mean = state.sums.take(cell) / seen
        variance = state.squares.take(cell) / seen - mean * mean
        state.means.reshape(-1)[cell] = mean
        state.stds.reshape(-1)[cell] = np.sqrt(np.maximum(variance, 0.0))

    def _arrivals(
        self, state: Tests, row: Whole, action: Whole, label: Array, streams: Streams
    ) -> Array:
        """Send labels on their way; show those that come, and return what is paid, ``(B,)``."""
        now = self.horizon - state.left
        slot, fixed = now[row] - 1, isinstance(self.delay, int)
        steps = delays(self.delay, label if fixed else streams.uniform()[row])
        lost = streams.uniform()[row] < self.loss if self.loss else np.zeros(len(row), np.bool_)
        state.due[row, slot] = slot + 1 + steps
        state.flying[row, slot] = action
        state.labels[row, slot] = np.where(lost, np.nan, label)
        state.unpaid[row] += label
        episode, slot = (state.due == now[:, None]).nonzero()
        come, cell = state.labels[episode, slot], episode * self.count + state.flying[episode, slot]
        gone = np.isnan(come)
        np.add.at(state.lost.reshape(-1), cell[gone], 1)
        self._show(state, cell[~gone], come[~gone])
        paid = np.bincount(episode[~gone], come[~gone], minlength=len(now))
        state.unpaid -= paid
        return np.where(state.left == 0, paid + state.unpaid, paid)

    def observe(self, state: Tests) -> Observation:
        """Return what was seen in B episodes."""
        observation: dict[str, NDArray[Any]] = {
            "action_mask": self.action_mask(state),
            "counts": state.counts.copy(),
        }
        if self.late:
            observation["in_flight"] = state.tested - state.counts - state.lost
            observation["lost"] = state.lost.copy()
        observation["means"] = state.means.copy()
        observation["stds"] = state.stds.copy()
        observation["tests_left"] = np.maximum(state.left, 0).astype(np.float32)[:, None]
        return observation

    def action_mask(self, state: Tests) -> NDArray[np.int8]:
        """Return what may be tested, ``(B, K)``; everything, where no tests are left."""
        if self.table is None:
            return np.ones(state.tested.shape, np.int8)
        mask = state.tested < self.table.counts
        mask |= (state.left <= 0)[:, None]
        return mask.view(np.int8)

    def hidden(self, state: Tests) -> dict[str, NDArray[Any]]:
        """Return the mean of every condition, ``(B, K)``, and of tables the regret, ``(B,)``."""
        values = state.values.copy()
        if self.table is None:
            return {"values": values}
        if self.naming:
            regret = np.where(state.left < 0, values.max(1) - state.found, 0.0)
        else:
            spent = np.minimum(self.horizon - state.left, self.horizon)
            lost = self.table.best_sums[spent] - state.found
            regret = np.maximum(lost, 0.0)  # it is never below, but for rounding
        return {"regret": regret, "values": values}


GeneralConditionsEnv, GeneralConditionsVectorEnv = environments(GeneralConditions)
