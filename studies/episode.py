"""A study of a design as an episode: what its agent sees, believes and chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..agents import make
from ..agents.agent import Agent
from ..agents.design import DesignAgent, GreedyEIG
from ..envs.core.arrays import Array
from ..envs.design.design import DesignModel
from ..envs.design.information import best_estimator
from ..envs.design.posteriors import Grid, Posterior
from ..envs.design.predictive import p_value
from ..envs.design.simulator_design import SimulatorDesign
from ..envs.pools.status import Status
from .course import Course, Experiment
from .journal import Event

REPLICAS = 500
"""Data that are drawn to see what the posterior expects."""
WIDTH = 0.6
"""Standard deviation in cells below which a grid is too coarse."""
DRAWS = 20_000
"""Draws that an interval is taken from where there is no grid."""


@dataclass(frozen=True)
class Parameter:
    """What is believed of one parameter.

    Args:
        mean: Posterior mean.
        std: Posterior standard deviation.
        low: Lower end of the central interval that holds 95 % of the posterior.
        high: Its upper end.
    """

    mean: float
    std: float
    low: float
    high: float


class Episode:
    """The episode of a study, whose rounds are the experiments that have data, by id.

    It ends with the budget, and a failed experiment is a round less. The agent is made anew whenever the
    number of rounds or of settings changes, and reads all that has come from one observation.

    Args:
        base: The problem.
        start: The first event of the study.
        course: Its experiments.
    """

    def __init__(self, base: DesignModel[Any], start: Event, course: Course) -> None:
        self._base, self._start, self._course = base, start, course
        self._made: tuple[Any, tuple[DesignModel[Any], Agent, DesignAgent]] | None = None
        self._believed: tuple[DesignModel[Any], int, Posterior] | None = None

    def prepare(self, progress: Callable[[Any], object] | None = None) -> None:
        """Run what is missing of a simulator for all settings; may take long.

        Args:
            progress: Is told how far the runs are, see `SimulatorDesign.simulate`.
        """
        base = self._base
        if isinstance(base, SimulatorDesign):
            base.simulate(progress=progress)
            self._made = None  # takes over what is simulated
        if isinstance(model := self.model, SimulatorDesign):
            model.simulate(progress=progress)

    def choice(self) -> tuple[list[float], float]:
        """Return the next setting, and its expected information."""
        observation = self.observation()
        action, _ = self._agent.predict({name: row[0] for name, row in observation.items()})
        settings = self.model.setting(np.asarray(action)[None])
        estimator = best_estimator(self.model, self.belief)
        gain, _ = estimator(self.model, self.belief, settings, self._agent.random)
        return settings[0].tolist(), float(gain[0, 0])

    def posterior(self) -> dict[str, Parameter]:
        """Return what is believed of every parameter after all data, by name."""
        belief = self.belief
        theta, log_weights = belief.support(DRAWS, np.random.default_rng(0))
        values, weights = (theta if theta.ndim == 2 else theta[0]), np.exp(log_weights[0])
        grid = isinstance(belief, Grid)
        return {
            name: Parameter(
                float(belief.mean[0, i]),
                float(belief.std[0, i]),
                *_interval(values[:, i], weights, ends if grid else None),
            )
            for i, (name, ends) in enumerate(self.model.unknown_parameters.items())
        }

    @property
    def belief(self) -> Posterior:
        """The posterior after all data, of one episode."""
        model, version = self.model, self._course.version
        last = self._believed
        if last is None or last[0] is not model or last[1] != version:
            last = self._believed = model, version, self._follower.posterior(self._history())
        return last[2]

    def history(self) -> Posterior:
        """Return the posteriors after 0, 1, ..., T rounds, as episodes of one posterior."""
        model, rounds, whole = self.model, len(self.rounds), self._history()
        every: dict[str, NDArray[Any]] = {}
        for name in ("settings", "outcomes"):
            newest = whole[name].reshape(model.horizon, -1)
            every[name] = np.zeros((rounds + 1, *newest.shape), np.float32)
            for t in range(rounds + 1):
                every[name][t, :t] = newest[rounds - t : rounds]
            every[name] = every[name].reshape(rounds + 1, -1)
        left = model.horizon - np.arange(rounds + 1.0)
        return self._follower.posterior({**every, "rounds_left": left[:, None]})

    def predicted(self, one: Experiment) -> tuple[Array, Array]:
        """Return mean and standard deviation of the data that the posterior expects, each ``(m,)``."""
        random = np.random.default_rng(0)
        theta = self.belief.sample(REPLICAS, random)[0]
        setting, outcome = (np.tile(part, (REPLICAS, 1)) for part in (one.setting, one.outcome))
        data = self.model.repeat(theta, setting, outcome, random)
        return data.mean(0), data.std(0)

    def too_coarse(self) -> list[str]:
        """Return the parameters of which less than a cell of the grid is left."""
        belief = self.belief
        if not isinstance(belief, Grid):
            return []
        found = []
        for i, (name, (low, high)) in enumerate(self.model.unknown_parameters.items()):
            cell = (high - low) / len(np.unique(belief.theta[:, i]))
            if self.rounds and belief.std[0, i] < WIDTH * cell:
                found.append(name)
        return found

    def misfit(self) -> float | None:
        """Return the p-value of the predictive check: how often data of the model fit no better.

        Below 0.01 the data do not look like the model's. None without data.
        """
        rounds = self.rounds
        if not rounds:
            return None
        settings = np.array([one.setting for one in rounds])
        outcomes = np.array([one.outcome for one in rounds])
        random = np.random.default_rng([self._start["seed"], len(rounds)])
        return p_value(self.model, self.belief, settings, outcomes, random)

    @property
    def rounds(self) -> list[Experiment]:
        """The experiments that have data, by id."""
        return self._course.of(Status.HERE)

    def observation(self) -> dict[str, NDArray[Any]]:
        """Return what the agent sees, each ``(1, ...)``: all that has come, as an episode holds it."""
        belief = self.belief
        shown_of_it = np.concatenate([belief.mean, belief.std], 1).astype(np.float32)
        return {"belief": shown_of_it, **self._history()}

    def _history(self) -> dict[str, NDArray[Any]]:
        model, rounds = self.model, self.rounds
        settings = np.zeros((1, model.horizon, len(model.knobs)), np.float32)
        outcomes = np.zeros((1, model.horizon, len(model.outcome_range[0])), np.float32)
        for slot, one in enumerate(reversed(rounds)):  # the newest first
            settings[0, slot], outcomes[0, slot] = one.setting, one.outcome
        parts = {
            "outcomes": outcomes.reshape(1, -1),
            "rounds_left": np.full((1, 1), model.horizon - len(rounds), np.float32),
            "settings": settings.reshape(1, -1),
        }
        if model.moves is None:
            return parts
        tried = settings[0, : len(rounds)][::-1].astype(np.float64)
        return parts | model.moves.seen(model.moves.follow(tried))

    # ---- the model, and who plays it

    @property
    def model(self) -> DesignModel[Any]:
        """The problem with the rounds that there can be and all settings that were tried."""
        return self._playing[0]

    @property
    def _agent(self) -> Agent:
        return self._playing[1]

    @property
    def _follower(self) -> DesignAgent:
        """What keeps the posterior: the agent itself, or one that does no more."""
        return self._playing[2]

    @property
    def _playing(self) -> tuple[DesignModel[Any], Agent, DesignAgent]:
        failed, rounds = len(self._course.of(Status.FAILED)), len(self.rounds)
        key = max(self._course.budget - failed, rounds, 1), self._own_settings()
        if self._made is None or self._made[0] != key:
            model = self._base.with_more(*key)
            how = {"seed": self._start["seed"], "episode": self._start["options"]["episode"]}
            agent = make(self._start["agent"], model, **how)
            follower = agent if isinstance(agent, DesignAgent) else GreedyEIG(model)
            self._made = key, (model, agent, follower)
        return self._made[1]

    def _own_settings(self) -> tuple[tuple[float, ...], ...]:
        """Return the settings that must be simulated besides those of the problem."""
        base = self._base
        if not isinstance(base, SimulatorDesign):
            return ()
        every = np.arange(base.num_settings)
        known = set(map(tuple, base.setting(every).tolist()))
        tried = (one.setting for one in (*self.rounds, *self._course.of(Status.FLYING)))
        return tuple(dict.fromkeys(one for one in tried if one not in known))

    def named(self, setting: Sequence[float]) -> dict[str, float]:
        """Return a setting by the names of the knobs, in the shortest digits that tell it."""
        digits = (float(str(np.float32(value))) for value in setting)
        return dict(zip(self.model.knobs, digits, strict=True))


def _interval(
    values: Array, weights: Array, ends: tuple[float, float] | None
) -> tuple[float, float]:
    """Return the central 95 % interval of weighted values ``(G,)``.

    With the ends of a range, they are midpoints of its cells, over which their weight is spread.
    """
    marks, index = np.unique(values, return_inverse=True)
    mass = np.bincount(index, weights)
    total = np.append(0.0, mass.cumsum() / mass.sum())
    if ends is None:
        low, high = np.interp([0.025, 0.975], total[1:], marks)
    else:
        edges = np.linspace(*ends, len(marks) + 1)
        low, high = np.interp([0.025, 0.975], total, edges)
    return float(low), float(high)
