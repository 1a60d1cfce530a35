"""What the agents of experimental design share: the posterior they follow, the settings they weigh."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...envs.core import InputError, KeyedRandom, Knowledge, Random, generator_of
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.core.checks import integer
from ...envs.core.streams import hashed
from ...envs.design.design import DesignModel
from ...envs.design.posteriors import Distribution, Posterior
from ...envs.design.reach import Walk
from ..agent import Agent, Seed
from ..beliefs.belief import highest

Observations: TypeAlias = Mapping[str, NDArray[Any]]
PROPOSED = 64
"""Settings that the model proposes."""
ALIKE = 1e-9
"""Information that may be rounding, in nats."""
PASSES, AROUND, BEST = 3, 32, 8
"""Passes of the search, settings that each tries, and how many of the best are kept."""


@dataclass
class Followed:
    """The posterior of B episodes and how many rounds of each it holds."""

    posterior: Posterior
    rounds: Whole  # (B,)


class DesignAgent(Agent):
    """Follows the posterior of a `DesignModel` and chooses among candidate settings.

    The posterior is of the kind that the environment itself keeps, made from the observed history:
    it can be rebuilt from any single observation. Where steps or budgets restrict designs, it weighs
    feasible ones only.

    Args:
        model: The model.
        candidates: How many settings to weigh at first where they are continuous: evenly spaced for
            one knob, else quasi-random, each knob at either end in a sixth of them, for the best
            settings often lie there. `search` adds what the model proposes, and what lies near the best.
        seed: Seed of the agent's own randomness.
    """

    def __init__(self, model: Knowledge, *, candidates: int = 256, seed: Seed = 0) -> None:
        super().__init__(model, seed=seed)
        if not isinstance(model, DesignModel):
            raise InputError(f"{self.text} plays experimental design, not {model.name}.")
        self.model: DesignModel[Any] = model
        count = integer("candidates", candidates, low=2, high=1_000_000)
        if isinstance(model.action_space, spaces.Discrete):
            self.actions: NDArray[Any] = np.arange(model.action_space.n)
        elif len(model.knobs) == 1:
            self.actions = np.linspace(-1, 1, count, dtype=np.float32)[:, None]
        else:
            from scipy.stats import qmc  # slow to import, so only when it is asked for

            sobol = qmc.Sobol(len(model.knobs), rng=np.random.default_rng(0))
            points = sobol.random_base2(int(np.ceil(np.log2(count))))[:count]
            self.actions = np.clip(3 * points - 1.5, -1, 1).astype(np.float32)
        self.settings = model.setting(self.actions)
        self.walk: Walk | None = None
        """Where the B episodes of this decision stand, where steps or budgets restrict designs."""

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is one of experimental design."""
        return isinstance(model, DesignModel)

    def act(
        self, observation: Observations, state: Followed | None, start: Flags
    ) -> tuple[NDArray[Any], Followed]:
        """Take in what is new, then choose."""
        if state is None:
            state = self._nothing(len(start))
        if len(state.rounds) != len(start):
            raise InputError(
                f"{self.text} follows {len(state.rounds)} episodes, but {len(start)} observations came."
            )
        self._follow(state, observation, start)
        left = observation["rounds_left"][:, 0].astype(np.int64)
        moves = self.model.moves
        if moves is not None:
            self.walk = moves.walk(observation)
            if isinstance(moves.start, str) and self.walk.first.all():  # there is nothing to choose
                return self._stay(self.walk), state
        return self.choose(state.posterior, left, self.random), state

    def _stay(self, walk: Walk) -> NDArray[Any]:
        """Return the actions that repeat the last design."""
        if walk.allowed is not None:
            return np.asarray(walk.allowed.argmax(1))
        return self.model.nearest_actions(walk.last)

    def posterior(self, observation: Observations) -> Posterior:
        """Return what is believed after the history of observations, each ``(B, ...)``."""
        count = len(observation["rounds_left"])
        self.keys = self._keys(np.zeros(count, np.int64))
        state = self._nothing(count)
        self._follow(state, observation, np.ones(count, np.bool_))
        return state.posterior

    def _nothing(self, count: int) -> Followed:
        return Followed(self.model.new_posterior(count), np.full(count, -1))

    @abstractmethod
    def choose(self, posterior: Posterior, left: Whole, random: Random) -> NDArray[Any]:
        """Return the actions of B episodes that have ``left`` rounds left, ``(B,)``."""

    def _follow(self, state: Followed, observation: Observations, start: Flags) -> None:
        """Update the posterior by the rounds it does not hold yet, the oldest first."""
        horizon, done = self.model.horizon, self.model.decisions(observation)
        fresh = (start | (state.rounds < 0) | (done < state.rounds)).nonzero()[0]
        if len(fresh):
            state.posterior.reset(fresh, self._learning(np.full(len(start), horizon)))
            state.rounds[fresh] = 0
        every = np.arange(len(start))
        settings = observation["settings"].reshape(len(start), horizon, -1).astype(np.float64)
        outcomes = observation["outcomes"].reshape(len(start), horizon, -1).astype(np.float64)
        while (behind := state.rounds < done).any():
            slot = np.maximum(done - 1 - state.rounds, 0)  # the newest round stands first
            # Those that are not behind are skipped; any possible setting will do for them.
            setting = np.where(behind[:, None], settings[every, slot], self.settings[0])
            learning = self._learning(state.rounds)
            state.posterior.update(outcomes[every, slot], setting, learning, ~behind)
            state.rounds += behind

    def _learning(self, rounds: Whole) -> KeyedRandom:
        """Return the random numbers of a posterior of draws in these rounds, whenever it learns them."""
        return KeyedRandom(hashed(~self.keys, rounds))

    def search(
        self,
        posterior: Distribution,
        score: Callable[[Array], Array],
        random: Random,
        walk: Walk | None = None,
    ) -> tuple[NDArray[Any], Array]:
        """Look for the actions of the highest scores.

        The candidates and the proposals of the model are scored. With more than one knob, the best are
        then moved a few times by differences between them, which fit the width and the direction of a
        peak or a ridge (differential evolution, Storn and Price 1997).

        Args:
            posterior: What is believed in B episodes.
            score: Turns settings ``(S, d)``, or those of each episode ``(B, S, d)``, into ``(B, S)``.
            random: What is drawn from.
            walk: Where the episodes stand, where designs are restricted.

        Returns:
            The K best actions of each episode ``(B, K, ...)`` and their scores ``(B, K)``, the best
            first; equal ones in any order. What is not feasible scores minus infinity.
        """
        if walk is None or walk.allowed is not None:
            scores = score(self.settings)
            actions = np.broadcast_to(self.actions, (len(scores), *self.actions.shape))
        else:
            actions, paid = self.feasible(self.candidates(walk), walk)
            scores = np.where(paid, score(self.model.setting(actions)), -np.inf)
        if walk is not None and walk.allowed is not None:
            scores = np.where(walk.allowed, scores, -np.inf)
        best = _best(actions, scores, random)

        def add(more: NDArray[Any]) -> tuple[NDArray[Any], Array]:
            more, paid = (more, True) if walk is None else self.feasible(more, walk)
            actions = np.concatenate([best[0], more], 1)
            fresh = np.where(paid, score(self.model.setting(more)), -np.inf)
            return _best(actions, np.concatenate([best[1], fresh], 1), random)

        proposed = self.proposed(posterior, PROPOSED, random)
        if proposed.size:
            best = add(proposed)
        if self.model.settings is None and len(self.model.knobs) > 1:
            for _ in range(PASSES):
                found, scores = best
                index = random.random((len(found), 3, AROUND)) * found.shape[1]
                start, one, other = np.moveaxis(index.astype(np.int64)[..., None], 1, 0)
                length = random.random((len(found), AROUND, 1)).astype(np.float32)
                apart = np.take_along_axis(found, one, 1) - np.take_along_axis(found, other, 1)
                near = np.take_along_axis(found, start, 1) + length * apart
                best = add(np.clip(near, -1, 1))
        return best

    def candidates(self, walk: Walk) -> NDArray[Any]:
        """Return the first candidates within the box that can be reached, ``(B, S, d)``."""
        assert self.model.moves is not None
        low, high = map(self.model.nearest_actions, self.model.moves.reach(walk))
        return np.asarray(low[:, None] + (high - low)[:, None] * (self.actions + 1) / 2)

    def feasible(self, actions: NDArray[Any], walk: Walk) -> tuple[NDArray[Any], Flags]:
        """Return feasible actions in place of ``(B, S, d)``, and which can be paid, ``(B, S)``."""
        assert self.model.moves is not None
        asked = self.model.setting(actions)
        found, paid = self.model.moves.within(walk, asked)
        same = (found == asked).all(2)[..., None]
        return np.where(same, actions, self.model.nearest_actions(found)), paid

    def proposed(self, posterior: Distribution, count: int, random: Random) -> NDArray[Any]:
        """Return ``count`` actions of each episode that the model proposes, or 0, ``(B, n, ...)``."""
        proposals: list[Array] = []
        if self.model.settings is None:
            for b, draws in enumerate(posterior.sample(count, random)):
                some = self.model.proposals(draws[None], generator_of(random, b))
                if some is None:
                    break
                proposals.append(some)
        if not proposals:
            return np.empty((len(posterior.mean), 0, *self.actions.shape[1:]), self.actions.dtype)
        return self.model.nearest_actions(np.concatenate(proposals))


def _best(actions: NDArray[Any], scores: Array, random: Random) -> tuple[NDArray[Any], Array]:
    """Return the best of actions ``(B, S, ...)`` and their scores, equal ones in any order."""
    order = highest(scores, BEST, random, ALIKE)
    rows = np.arange(len(order))[:, None]
    return actions[rows, order], scores[rows, order]
