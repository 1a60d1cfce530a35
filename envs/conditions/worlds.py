"""The worlds of conditions: their settings, and what is known exactly about them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Model, Policy, TruthUnknown, shown
from ..core.arrays import Array, Whole
from ..core.checks import choice, integer, real
from ..core.model import State
from ..datasets import crossed
from .bandit import MOST_STATES, Bandit, Chances, Solution
from .conditions import MOST_TESTS, OUTCOMES, Conditions
from .round_robin import named_chances
from .yields import Yields, yields_of

WORLDS = ("bernoulli", "table")


@dataclass(frozen=True, kw_only=True, eq=False)
class World(Conditions, Model[State]):
    """Conditions of a table, or of a Bernoulli world.

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
            word = self.outcome if isinstance(self.outcome, str) else None
            if self.outcome is not None and word != "binary":
                raise InputError(
                    f"outcome of a Bernoulli world is 'binary', got {shown(self.outcome)}; leave it out."
                )
            count = 3 if self.num_conditions is None else self.num_conditions
            self._set(num_conditions=count, outcome="binary")
        super().__post_init__()
        if self.horizon > self._most:
            raise InputError(
                f"horizon must not exceed the {self._most} yields, got {self.horizon}; give "
                f"horizon={self._most} or less."
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
        given_count, count = self.num_conditions, len(array)
        if given_count is not None and integer("num_conditions", given_count, low=2) != count:
            raise InputError(
                f"num_conditions is that of the yields, {count}, got {shown(given_count)}; leave it out."
            )
        outcome = "yield" if self.outcome is None else choice("outcome", self.outcome, OUTCOMES)
        table = Yields(array=array, binary=outcome == "binary")
        names = names if isinstance(self.names, tuple | list) and not self.names else self.names
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

        def policy(observation: dict[str, NDArray[Any]]) -> Whole:
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
        delay = self.delay
        law = delay if isinstance(delay, tuple) and delay[0] == "geometric" else ("geometric", 1.0)
        return Bandit(
            conditions=self.count,
            tests=self.horizon,
            prior=self.prior,
            resolves=law[1],
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

    def round_robin(self, tests: int, step: float = 1e-3) -> Array:
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
