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

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from ..core import (
    InputError,
    Model,
    Observation,
    Policy,
    Streams,
    TruthUnknown,
    environments,
    shown,
)
from ..core.checks import choice, integer, real
from ..core.delays import steps_of
from ..datasets import crossed
from .bandit import MOST_STATES, Bandit, Chances, Solution
from .conditions import MOST_TESTS, OUTCOMES, Conditions
from .round_robin import named_chances
from .yields import Yields, yields_of

WORLDS = ("bernoulli", "table")


@dataclass(kw_only=True, eq=False)
class Tests:
    """State of the tests of B episodes."""

    values: NDArray[np.float64]  # (B, K) mean of every condition
    order: NDArray[
        np.int16
    ]  # (B, K m) substrates of each condition: tested ones first, then the others
    tested: NDArray[np.int64]  # (B, K) tests of every condition
    counts: NDArray[np.int64]  # (B, K) labels seen
    sums: NDArray[np.float64]  # (B, K) their sum
    squares: NDArray[np.float64]  # (B, K) the sum of their squares
    lost: NDArray[np.int64]  # (B, K) labels that will never be seen
    left: NDArray[np.int64]  # (B,) tests left
    found: NDArray[np.float64]  # (B,) what the tests, or the naming, are worth in the mean
    unpaid: NDArray[np.float64]  # (B,) sum of labels that are in flight or lost
    due: NDArray[np.int64]  # (B, T) number of the test after which a label resolves; -1: none
    flying: NDArray[np.int64]  # (B, T) condition of that label
    labels: NDArray[np.float64]  # (B, T) the label; NaN where it will be lost


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneralConditions(Conditions, Model[Tests]):
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

    ## Arguments
    - `world`: "bernoulli", or "table", which takes `yields` or a `dataset`.
    - `yields`: yields in percent, `(K, m)` for m substrates, NaN where none is measured.
    - `dataset`: "cncci" (9 conditions, 330 substrates), "buchwald_hartwig" (12 pairs of ligand and base,
      328 to 330) or "pndc" (80 conditions, 11 substrates), in the folder that the environment variable
      `DISCOVERY_GYM_DATA` names.
    - `outcome`: what a test of a table shows: "yield", a number from 0 to 1, or "binary", whether it is
      above 50 %. A Bernoulli world is "binary"; None takes what its world allows.
    - `num_conditions`: number K of conditions of a Bernoulli world; None: 3, or those of the table.
    - `prior`: a and b of the means of a Bernoulli world.
    - `names`: names of the conditions, for people; () takes those of the data set, if there is one.
    - `horizon`: number T of tests.
    - `objective`: "regret" or "yields".
    - `delay`: steps from a test to its label: a whole number, where 0 means before the next choice;
      ("geometric", r), where a label in flight comes in each step with probability r; or ("lognormal",
      median, sigma), rounded to whole steps.
    - `loss`: probability that a label is lost, which is told when it would have come.

    ## References
    J. Y. Wang et al., "Identifying general reaction conditions by bandit optimization", Nature 626, 1025
    (2024).
    """

    world: str = "bernoulli"
    yields: Any = None
    dataset: str | None = None
    outcome: str | None = None  # type: ignore[assignment]  # a word once the world is known

    def __post_init__(self) -> None:
        choice("world", self.world, WORLDS)
        given = [name for name in ("yields", "dataset") if getattr(self, name) is not None]
        if self.world == "table":
            self._check_table(given)
        elif given:
            raise InputError(f"A Bernoulli world takes no {given[0]}; give world='table', too.")
        else:
            if self.outcome not in (None, "binary"):
                raise InputError(
                    f"outcome of a Bernoulli world is 'binary', got {self.outcome!r}; leave it out."
                )
            count = 3 if self.num_conditions is None else self.num_conditions
            self._set(num_conditions=count, outcome="binary")
        super().__post_init__()
        if self.horizon > self._most:
            raise InputError(
                f"horizon must not exceed the {self._most} yields, got {self.horizon}."
            )

    def _check_table(self, given: list[str]) -> None:
        """Read the yields; refuse what does not go with them."""
        if len(given) != 1:
            raise InputError("world='table' takes yields or a dataset; give one of them.")
        names: tuple[str, ...] = ()
        if self.dataset is None:
            array = yields_of(self.yields)
            self._set(yields=array)
        else:
            labels, names = crossed(self.dataset)
            array = 100 * labels
        if self.num_conditions not in (None, len(array)):
            raise InputError(
                f"num_conditions is that of the yields, {len(array)}, got "
                f"{shown(self.num_conditions)}; leave it out."
            )
        outcome = choice("outcome", self.outcome or "yield", OUTCOMES)
        table = Yields(array=array, binary=outcome == "binary")
        names = self.names or names
        self._set(num_conditions=len(array), outcome=outcome, names=names, table=table)

    @cached_property
    def table(self) -> Yields | None:
        """The yields: for the environment and for people, not for agents; None in a Bernoulli world."""
        return None

    @property
    def _most(self) -> int:
        """The most tests that there can be."""
        return MOST_TESTS if self.table is None else int(self.table.counts.sum())

    def public(self) -> Conditions:
        """Return what agents know of it, always the same object: of a table not its yields."""
        return self if self.table is None else self._public

    @cached_property
    def _public(self) -> Conditions:
        return Conditions(**{field.name: getattr(self, field.name) for field in fields(Conditions)})

    @property
    def size(self) -> int:
        """About how many numbers an episode has to itself."""
        order = 0 if self.table is None else self.table.array.size // 4
        return order + 14 * self.count + (3 * self.horizon if self.late else 0)

    @property
    def shared(self) -> int:
        """About how many numbers all episodes have in common: the table."""
        return 0 if self.table is None else 3 * int(self.table.array.size)

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
            lost=lost,
            left=np.zeros(num_episodes, np.int64),
            found=np.zeros(num_episodes),
            unpaid=np.zeros(num_episodes),
            due=np.full(flights, -1),
            flying=np.zeros(flights, np.int64),
            labels=np.zeros(flights),
        )

    def reset(self, state: Tests, index: NDArray[np.int64], streams: Streams) -> None:
        """Forget all tests; draw the means of a Bernoulli world."""
        if self.table is None:
            uniform = streams.generators.uniforms(index, self.count)
            state.values[index] = betaincinv(*self.prior, uniform)
        else:
            state.order[index] = self.table.order.reshape(-1)
        for counted in (state.tested, state.counts, state.sums, state.squares, state.lost):
            counted[index] = 0
        state.left[index] = self.horizon
        state.found[index] = state.unpaid[index] = 0
        state.due[index] = -1

    def step(
        self,
        state: Tests,
        action: NDArray[np.int64],
        streams: Streams,
        done: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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

    def _named(self, state: Tests, action: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return minus the simple regret where a condition is named, 0 elsewhere, ``(B,)``."""
        reward = np.zeros(len(action))
        some = np.flatnonzero(state.left == 0)
        if len(some):
            state.found[some] = state.values[some, action[some]]
            reward[some] = state.found[some] - state.values[some].max(1)
        return reward

    def _label(
        self,
        state: Tests,
        cell: NDArray[np.int64],
        action: NDArray[np.int64],
        uniform: NDArray[np.float64],
    ) -> NDArray[np.float64]:
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

    def _show(self, state: Tests, cell: NDArray[np.int64], label: NDArray[np.float64]) -> None:
        """Count labels that are seen, perhaps several of a condition."""
        np.add.at(state.counts.reshape(-1), cell, 1)
        np.add.at(state.sums.reshape(-1), cell, label)
        np.add.at(state.squares.reshape(-1), cell, label * label)

    def _arrivals(
        self,
        state: Tests,
        row: NDArray[np.int64],
        action: NDArray[np.int64],
        label: NDArray[np.float64],
        streams: Streams,
    ) -> NDArray[np.float64]:
        """Send labels on their way; show those that come, and return what is paid, ``(B,)``."""
        now = self.horizon - state.left
        slot, fixed = now[row] - 1, isinstance(self.delay, int)
        steps = steps_of(self.delay, label if fixed else streams.uniform()[row])
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
        seen = np.maximum(state.counts, 1)
        means = state.sums / seen
        variance = np.maximum(state.squares / seen - means * means, 0.0)
        observation: dict[str, NDArray[Any]] = {
            "action_mask": self.action_mask(state),
            "counts": state.counts.copy(),
        }
        if self.late:
            observation["in_flight"] = state.tested - state.counts - state.lost
            observation["lost"] = state.lost.copy()
        observation["means"] = means.astype(np.float32)
        observation["stds"] = np.sqrt(variance).astype(np.float32)
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
            regret = self.table.best_sums[spent] - state.found
        return {"regret": regret, "values": values}

    # ---- truth

    def random_value(self) -> float:
        """Return the exact expected return of uniformly random tests, and of a random name."""
        if self.table is None:
            mean = self.prior[0] / sum(self.prior)
            return float(mean - self.bandit.best_mean() if self.naming else self.horizon * mean)
        means, counts = self.table.means, self.table.counts
        if self.naming:
            return float(means.mean() - means.max())
        if self.horizon > counts.min() < counts.max():
            raise TruthUnknown(
                "The random value is not known where some conditions run out before others."
            )
        return float(self.horizon * means.mean())

    def optimal_value(self) -> float:
        """Return the expected return of the best agent, of a table that of an oracle of its means.

        Raises:
            TruthUnknown: If a Bernoulli world is too large for the recursion, or has other delays than
                geometric ones.
        """
        if self.table is None:
            return self.rule_value()
        return 0.0 if self.naming else float(self.table.best_sums[self.horizon])

    def rule_value(self, chances: Chances | None = None) -> float:
        """Return the exact expected return of a rule in a Bernoulli world.

        Args:
            chances: From successes, failures and labels in flight of each condition, sorted, to the
                probability of testing each; None: the best rule. The highest posterior mean is named.
        """
        value = self._exact().solved(chances).value
        return value - self.bandit.best_mean() if self.naming else value

    def optimal_policy(self) -> Policy:
        """Return the best policy of a Bernoulli world: from observations to actions ``(B,)``."""
        bandit = self._exact()
        solution: list[Solution] = []  # found when it is first asked for

        def policy(observation: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
            solution[:] = solution or [bandit.solved()]
            counts = observation["counts"]
            successes = np.rint(observation["means"] * counts).astype(np.int64)
            flying = np.asarray(observation.get("in_flight", 0 * counts))
            arms = bandit.number[successes, counts - successes, flying]
            order = np.argsort(arms, axis=1, kind="stable")
            key = bandit.key(np.take_along_axis(arms, order, 1))
            chosen = bandit.means[arms].argmax(1)  # the naming
            tests = self.decisions(observation)
            for t in np.unique(tests[tests < self.horizon]).tolist():
                rows = np.flatnonzero(tests == t)
                place = np.searchsorted(solution[0].keys[t], key[rows])
                chosen[rows] = order[rows, solution[0].best[t][place]]
            return np.asarray(chosen)

        return policy

    @property
    def bandit(self) -> Bandit:
        """The Bernoulli world for exact values; labels that are never late resolve at once."""
        known = isinstance(self.delay, tuple) and self.delay[0] == "geometric"
        return Bandit(
            conditions=self.count,
            tests=self.horizon,
            prior=self.prior,
            resolves=self.delay[1] if known else 1.0,
            loss=self.loss,
            naming=self.naming,
        )

    def _exact(self) -> Bandit:
        if self.table is not None:
            raise TruthUnknown("Of a table no optimum is known but that of an oracle.")
        bandit, delay = self.bandit, self.delay
        if delay and not (isinstance(delay, tuple) and delay[0] == "geometric"):
            raise TruthUnknown(f'The optimum is known for delays ("geometric", r), not {delay!r}.')
        if bandit.states > MOST_STATES:
            raise TruthUnknown(
                f"{self.count} conditions and {self.horizon} tests have more than the {MOST_STATES:,} "
                "states that the recursion takes: take a lower horizon or fewer conditions."
            )
        return bandit

    def round_robin(self, tests: int, step: float = 1e-3) -> NDArray[np.float64]:
        """Return how likely each condition of a table has the best mean after as many tests, ``(K,)``.

        Args:
            tests: Tests of each condition.
            step: Grid to which yields are rounded, as a fraction; of a binary table nothing is.
        """
        if self.table is None:
            raise TruthUnknown("Means of a Bernoulli world are drawn anew: give a table.")
        integer("tests", tests, low=1, high=int(self.table.counts.min()))
        step = 1.0 if self.table.binary else real("step", step, low=1e-5, high=1)
        rows = [np.rint(self.table.of(k) / step).astype(np.int64) for k in range(self.count)]
        return named_chances(rows, tests)


GeneralConditionsEnv, GeneralConditionsVectorEnv = environments(GeneralConditions)
