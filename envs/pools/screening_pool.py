r"""Exchangeable candidates, a cheap test that errs, and a careful one that pays.

Each of n candidates is a hit, label 1, with probability pi on its own. A cheap test is positive with
sensitivity s on a hit and with probability f <= s on any other; a careful one shows the label and pays
it. Candidates tested alike are alike, so that counts are the state and the best policy follows from its
optimality equation (`ScreeningPlan`). Where pi, or what a cheap test is worth, is not known, (pi, s, f)
is one of K public models, drawn for the episode, and outcomes tell which.

Sources: Nguyen, Modiri, Garnett, "Nonmyopic Multifidelity Active Search", ICML 2021, for the problem:
only labels of the highest fidelity count, and lower ones are the label, sometimes turned; Kandasamy et
al., "The Multi-fidelity Multi-armed Bandit", NeurIPS 2016, for the budget. Models without features, and
the values, are this package's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Policy, Streams, TruthUnknown, environments, shown
from ..core.arrays import Array, Whole
from ..core.checks import LARGE, SMALL, integer, real, sequence
from ..rendering.picture import Curves, Picture, Series, Trace
from .labels import Labels, labels_arrived
from .pool import Pool
from .screening_plan import CHEAP, ScreeningPlan
from .shop import BinaryProxy

MOST_MODELS = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class ScreeningPool(Pool[Labels]):
    """Find hits among candidates that are alike, by cheap tests that err and careful ones that pay.

    ## Description
    Active search on a budget of money. Nothing tells candidates apart before they are tested, so that
    all there is to choose is how many cheap tests pay before careful ones, and which test comes next.
    With `models` the share of hits, or the worth of a cheap test, is unknown as well. The best policy is
    known exactly.

    Rules that weigh the next test alone fall short here. One cheap test mostly costs a whole careful
    one, by rounding, and changes little alone: efficient nonmyopic search with a budget never buys one
    (`ens(per_cost=False)`, worth as much as careful tests only). By its gain per cost (`ens`) it does,
    but then also where they do not pay. `cheap_then_greedy` plans j = 0, 1, ... cheap tests; it is
    optimal in all of these cases of six candidates, though no theorem says that it must be:

    | hits | cheap test (price, s, f) | careful | budget | optimum | careful only | gain per cost |
    |---|---|---|---|---|---|---|
    | .3 | 1, .9, .1 | 4 | 12 | 1.2075 | .9 | 1.1825 |
    | .3 | 2, .9, .1 | 4 | 12 | .936 | .9 | .9268 |
    | .1 | 1, .9, .1 | 4 | 12 | .4795 | .3 | .4668 |
    | .1 or .5 | 1, .9, .1 | 4 | 12 | 1.0648 | .9 | 1.0490 |
    | .3 | 1, .7, .3 | 4 | 12 | .9 | .9 | **.8647** |
    | .3 | 1, .95, .05 or .5, .5 | 4 | 16 | 1.2452 | 1.2 | **1.1447** |
    | .1 or .6 | 1, .9, .1 | 3 | 15 | 1.7688 | 1.75 | **1.6978** |

    In the last three gain per cost loses to careful tests only. (Where two kinds of tests are equal,
    the rule takes each of their items with the same chance; each kind with the same chance, the last
    two would be 1.1735 and 1.6952.)

    ## Action space
    `Discrete(2 * n)`: 2 i buys the cheap test of candidate i, 2 i + 1 its careful test. With
    `batch_size` N above 1 `MultiDiscrete([2 * n] * N)`: N tests, paid from left to right.

    ## Observation space
    - `labels`: float32, `(T,)`, what they showed, 0 or 1; 0 behind the last.

    ## Rewards
    1 for every hit that a careful test finds.

    ## Starting state
    Fresh candidates, none tested; with `models` one of them, drawn by its weight.

    ## Information
    `action_mask` (int8); with `reveal=True` also `regret` (against the hits that the money spent could
    have found) and `values` (the label of every candidate).

    ## Arguments
    - `num_items`: number n of candidates.
    - `hit_chance`: probability pi that a candidate is a hit; without `models`.
    - `models`: sequence of (weight, pi, s, f), one of which is drawn for each episode; None: one
      model, of `hit_chance` and the cheap test of `fidelities`. With it, these say nothing.
    - `fidelities`: the cheap test, (price, sensitivity s, false positives f), and the careful one,
      (price, 1, 0).
    - `budget`: the money at the start. `horizon`, the most tests that it buys, follows.
    - `price`: None: prices stand in `fidelities`.
    - `noise_std`: 0: a test errs by its sensitivity and false positives alone.

    ## References
    Q. Nguyen, A. Modiri, R. Garnett, "Nonmyopic Multifidelity Active Search", ICML 2021.
    """

    num_items: int = 30
    hit_chance: float = 0.1
    models: Sequence[tuple[float, float, float, float]] | None = None
    fidelities: Any = ((1.0, 0.9, 0.1), (4.0, 1.0, 0.0))
    budget: float | None = 60.0

    beliefs = ("exchangeable",)
    fidelity_kind = "binary"

    def __post_init__(self) -> None:
        self._set(
            num_items=integer("num_items", self.num_items, low=1),
            hit_chance=real("hit_chance", self.hit_chance, low=0, high=1),
        )
        if self.models is not None:
            models = sequence("models", self.models, _model)
            if len(models) > MOST_MODELS:
                raise InputError(f"models may be {MOST_MODELS} at most, got {len(models)}.")
            self._set(models=models)
        if noise := real("noise_std", self.noise_std):
            raise InputError(
                f"noise_std must be 0 where a label is a hit or none, got {noise:g}; "
                "leave it out: the cheap test of fidelities errs."
            )
        if self.budget is None or self.price is not None:
            raise InputError(
                "A ScreeningPool is paid in money, by the prices in fidelities: give a budget, such as "
                "60, and no price."
            )
        super().__post_init__()
        if len(self.fidelities) != 2:
            raise InputError(
                "fidelities must be a cheap test and the careful one, such as ((1, 0.9, 0.1), "
                f"(4, 1, 0)), got {shown(self.fidelities)}."
            )

    # ---- what is public

    @property
    def outcomes(self) -> tuple[float, float]:
        """All labels are 0 or 1."""
        return 0.0, 1.0

    @cached_property
    def mixture(self) -> Array:
        """Weight, chance of a hit, sensitivity and false positives of each model, ``(K, 4)``."""
        if self.models is None:
            return np.array([[1.0, self.hit_chance, *self.fidelities[0][1:]]])
        models = np.array(self.models, np.float64)
        models[:, 0] /= models[:, 0].sum()
        return models

    @cached_property
    def test_chances(self) -> Array:
        """Chance that either test is positive on a hit, and on others, in each model, ``(2, 2, K)``."""
        exact = np.repeat([[1.0], [0.0]], len(self.mixture), 1)
        return np.stack([self.mixture[:, 2:].T, exact])

    @cached_property
    def proxies(self) -> tuple[BinaryProxy, ...]:
        """The cheap test, on average over the models."""
        weight, hit, sensitivity, false = self.mixture.T
        on_hit, on_other = weight * hit, weight * (1 - hit)
        return (
            BinaryProxy(
                float((on_hit * sensitivity).sum() / max(on_hit.sum(), 1e-300)),
                float((on_other * false).sum() / max(on_other.sum(), 1e-300)),
            ),
        )

    def outcomes_of(self, observation: Any) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Return the outcomes of the cheap and of the careful test of every candidate, ``(B, n)``.

        -1 stands where there is none yet.
        """
        items, come = observation["labelled"], labels_arrived(observation)[:, None]
        both = np.full((len(items), self.num_items, 2), -1, np.int8)
        episode, slot = (np.arange(items.shape[1]) < come).nonzero()
        test = observation["fidelity"][episode, slot]
        both[episode, items[episode, slot], test] = observation["labels"][episode, slot]
        return both[:, :, 0], both[:, :, 1]

    # ---- dynamics

    def new_state(self, num_episodes: int) -> Labels:
        """Return the arrays of ``num_episodes`` episodes."""
        return Labels(**self.common(np.zeros((num_episodes, self.num_items))))

    def reset(self, state: Labels, index: Whole, streams: Streams) -> None:
        """Draw a model, and by it the hits."""
        coins = [streams.generators[i].random() for i in index.tolist()]
        drawn = self.mixture[np.searchsorted(self.mixture[:-1, 0].cumsum(), coins, "right")]
        state.values[index] = drawn[:, 1:2]
        super().reset(state, index, streams)
        assert state.purse is not None
        hits, sensitivity, false = state.values[index] > 0, drawn[:, 2:3], drawn[:, 3:4]
        state.purse.means[index, :, 0] = np.where(hits, sensitivity, false)

    # ---- truth

    @cached_property
    def plan(self) -> ScreeningPlan:
        """The exact values of policies; of one test at a time, seen at once."""
        if self.batch_size > 1 or self.delay or self.loss:
            raise TruthUnknown(
                f"{self.name} has no exact values in batches, with a delay or a loss."
            )
        assert self.shop is not None
        cheap, careful = self.shop.spend[0].tolist()
        return ScreeningPlan(
            num_items=self.num_items,
            money=self.shop.total,
            prices=(cheap, careful),
            models=self.mixture,
        )

    def optimal_value(self) -> float:
        """Return the expected return of the best policy, which knows no label before its test."""
        return self.plan.optimal_value()

    def random_value(self) -> float:
        """Return the expected return of uniform choices among the tests that may be bought."""
        return self.plan.random_value()

    def optimal_policy(self) -> Policy:
        """Return the policy that attains `optimal_value`."""
        plan = self.plan
        plan.prepare()

        def policy(observation: Any) -> Whole:
            cheap, careful = self.outcomes_of(observation)
            best = plan.best(plan.counted(cheap, careful, self.money_left(observation)))
            # Candidates that a purchase is about: not done, and with this outcome of the cheap test.
            shown = np.array([-1, -1, 1, 0])[best]
            item = ((careful < 0) & (cheap == shown[:, None])).argmax(1)
            return np.asarray(2 * item + (best != CHEAP))

        return policy

    # ---- pictures

    def picture(self, trace: Trace) -> Picture:
        """Return what the tests have found, and the money left, over the purchases."""
        seen = [{key: value[None] for key, value in moment[2].items()} for moment in trace]
        cheap, careful = np.array([self.outcomes_of(one) for one in seen])[:, :, 0].swapaxes(0, 1)
        money = np.array([moment[2]["money_left"][0] for moment in trace], np.float64)
        found = ("hits", careful == 1, 2), ("negative", cheap == 0, 6), ("positive", cheap == 1, 1)
        series = tuple(
            Series(name=name, values=which.sum(1), style="steps", colour=colour)
            for name, which, colour in found
        )
        left = Curves(label="money left", series=(Series(values=money, style="steps"),))
        tests = Curves(label="candidates", series=series, goal=self._ends[1])
        return Picture(unit="purchase", length=self.most_decisions, panels=(tests, left))


def _model(name: str, given: Any) -> tuple[float, float, float, float]:
    """Return one model in its plain form."""
    parts = sequence(name, given, lambda part, value: real(part, value, low=0))
    if len(parts) == 4:
        weight, hit, sensitivity, false = parts
        if SMALL <= weight <= LARGE and hit <= 1 and false <= sensitivity <= 1:
            return weight, hit, sensitivity, false
    raise InputError(
        f"{name} must be (weight, hit_chance, sensitivity, false_positive), with a weight from "
        f"{SMALL:g} to {LARGE:g}, chances, and false positives of at most the sensitivity, got "
        f"{shown(given)}."
    )


ScreeningPoolEnv, ScreeningPoolVectorEnv = environments(ScreeningPool)
