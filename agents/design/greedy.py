"""Settings by their expected information gain: greedy, from few draws, and two steps ahead."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...envs.core import InputError, Knowledge, Random, generator_of
from ...envs.core.arrays import Array, Whole
from ...envs.core.checks import flag, integer
from ...envs.design.information import best_estimator
from ...envs.design.posteriors import Distribution, Posterior
from ..agent import Seed
from .agent import BEST, PROPOSED, DesignAgent


class GreedyEIG(DesignAgent):
    """The setting with the highest expected information gain in the next experiment.

    Adaptive and myopic: the standard of sequential Bayesian design (Lindley 1956).

    Args:
        model: The model.
        per_price: Whether the information is divided by what the experiment costs: nats per hour, say.
            The model must tell the prices of its settings.
        ration: Whether the budget of moves is shared out evenly over the rounds that are left. The model
            must have one.
        candidates: How many settings to weigh at first where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "greedy_eig"

    def __init__(
        self,
        model: Knowledge,
        *,
        per_price: bool = False,
        ration: bool = False,
        candidates: int = 256,
        seed: Seed = 0,
    ) -> None:
        super().__init__(model, candidates=candidates, seed=seed)
        self.per_price, self.ration = flag("per_price", per_price), flag("ration", ration)
        if self.ration and self.model.move_budget is None:
            raise InputError(
                f"ration=True shares out a budget of moves, and {model.name} has none here."
            )
        costs = self.model.costs(self.settings) if self.per_price else np.ones(1)
        if costs is None:
            raise InputError(
                f"per_price=True needs the prices of settings, and {model.name} has none here; "
                "its environment takes them as price=1 or, for listed settings, price=[1, 2, ...]."
            )
        self._cheapest = costs.min()

    def choose(self, posterior: Posterior, left: Whole, random: Random) -> NDArray[Any]:
        """Return the actions of B episodes."""
        return self.most_informative(posterior, left, random)[0][:, 0]

    def most_informative(
        self, posterior: Distribution, left: Whole, random: Random
    ) -> tuple[NDArray[Any], Array]:
        """Return the best actions of B episodes and their scores, as `search` does.

        The score is the expected information, or, per price, its share for the price of the cheapest.
        """

        def score(at: Array) -> Array:
            gain = self.gain(posterior, at, random)
            costs = self.model.costs(at) if self.per_price else None
            return gain if costs is None else np.asarray(gain * self._cheapest / costs)

        walk, moves = self.walk, self.model.moves
        if walk is not None and moves is not None and self.ration:
            walk = moves.rationed(walk, left)
        return self.search(posterior, score, random, walk)

    def gain(self, posterior: Distribution, settings: Array, random: Random) -> Array:
        """Return the expected information gain of settings ``(S, d)`` or ``(B, S, d)``, ``(B, S)``."""
        estimator = best_estimator(self.model, posterior)
        return estimator(self.model, posterior, settings, random)[0]


class ThompsonEIG(GreedyEIG):
    """The setting that best tells a few draws from the posterior apart.

    Thompson sampling for design: instead of the whole posterior, `draws` values of the parameters are
    weighed, which is quick and varies from round to round.

    Args:
        model: The model.
        draws: Draws from the posterior.
        per_price: Whether the information is divided by what the experiment costs.
        ration: Whether the budget of moves is shared out evenly over the rounds that are left.
        candidates: How many settings to weigh at first where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "thompson_eig"

    def __init__(
        self,
        model: Knowledge,
        *,
        draws: int = 4,
        per_price: bool = False,
        ration: bool = False,
        candidates: int = 256,
        seed: Seed = 0,
    ) -> None:
        super().__init__(
            model, per_price=per_price, ration=ration, candidates=candidates, seed=seed
        )
        self.draws = integer("draws", draws, low=2, high=10_000)

    def choose(self, posterior: Posterior, left: Whole, random: Random) -> NDArray[Any]:
        """Return the actions of B episodes."""
        draws = _Draws(posterior.sample(self.draws, random))
        return self.most_informative(draws, left, random)[0][:, 0]


class _Draws(Distribution):
    """A few values of equal weight."""

    def __init__(self, theta: Array) -> None:
        self.theta, self.mean = theta, theta.mean(1)

    def pick(self, index: Whole) -> Self:
        return type(self)(self.theta[index])

    def sample(self, count: int, random: Random) -> Array:
        b, n, _ = self.theta.shape
        chosen = (n * random.random((b, count))).astype(np.int64)
        return np.take_along_axis(self.theta, chosen[..., None], 1)

    def support(self, count: int, random: Random) -> tuple[Array, Array]:
        b, n, _ = self.theta.shape
        return self.theta, np.full((b, n), -np.log(n))


class LookAheadEIG(GreedyEIG):
    """The setting with the most information in it and in the best experiment after it.

    For the `first` settings of the highest expected gain, `draws` outcomes are drawn, and the best
    expected gain after each of them is added. In the last round it is greedy.

    Args:
        model: The model.
        first: Settings to look ahead from, at most 8.
        draws: Outcomes for each of them.
        ration: Whether the budget of moves is shared out evenly over the rounds that are left.
        candidates: How many settings to weigh at first where they are continuous.
        seed: Seed of the agent's own randomness.
    """

    text = "look_ahead_eig"

    def __init__(
        self,
        model: Knowledge,
        *,
        first: int = 8,
        draws: int = 8,
        ration: bool = False,
        candidates: int = 128,
        seed: Seed = 0,
    ) -> None:
        super().__init__(model, ration=ration, candidates=candidates, seed=seed)
        self.first = integer("first", first, low=1, high=BEST)
        self.draws = integer("draws", draws, low=1, high=10_000)

    def choose(self, posterior: Posterior, left: Whole, random: Random) -> NDArray[Any]:
        """Return the actions of B episodes."""
        best = self.most_informative(posterior, left, random)
        actions, gain = (part[:, : self.first] for part in best)
        for b in (left > 1).nonzero()[0].tolist():
            one, generator = posterior.pick(np.array([b])), generator_of(random, b)
            first = np.repeat(self.model.setting(actions[b]), self.draws, axis=0)
            truth = np.tile(one.sample(self.draws, generator)[0], (gain.shape[1], 1))
            outcome = self.model.sample(truth, first, generator)
            after = posterior.pick(np.full(len(first), b))
            after.update(outcome, first, [generator] * len(first))
            # What is proposed now serves for all that may be believed after one more experiment.
            second = np.concatenate([self.actions, self.proposed(one, PROPOSED, generator)[0]])
            ahead = self._ahead(b, actions[b], second, after, generator)
            gain[b] += ahead.reshape(-1, self.draws).mean(1)
        return np.asarray(actions[np.arange(len(gain)), gain.argmax(1)])

    def _ahead(
        self,
        b: int,
        first: NDArray[Any],
        second: NDArray[Any],
        after: Posterior,
        random: np.random.Generator,
    ) -> Array:
        """Return the most information in a feasible second setting, after each draw, ``(F draws,)``."""
        moves = self.model.moves
        if self.walk is None or moves is None:
            return np.asarray(self.gain(after, self.model.setting(second), random).max(1))
        walk = self.walk.pick(np.full(len(first), b))
        moves.take(walk, first)
        moves.ended(walk)
        walk = walk.pick(np.repeat(np.arange(len(first)), self.draws))
        if walk.allowed is not None:
            gain = self.gain(after, self.model.setting(second), random)
            return np.asarray(np.where(walk.allowed, gain, 0.0).max(1))
        second = np.repeat(second[None], len(walk.last), 0)
        near = np.concatenate([self.candidates(walk), second], 1)
        near, paid = self.feasible(near, walk)
        gain = self.gain(after, self.model.setting(near), random)
        return np.asarray(np.where(paid, gain, 0.0).max(1))
