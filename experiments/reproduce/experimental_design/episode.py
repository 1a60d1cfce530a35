"""One episode of experimental design, kept round by round, and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
from matplotlib.axes import Axes

from ....agents import make
from ....envs.core.arrays import Array
from ....envs.design.grid_design import GridDesign
from ....envs.design.information import Exact, best_estimator
from ....envs.design.posteriors import Grid
from ....envs.design.weinberg_toy import WeinbergToy
from ....envs.rendering.palette import DARK
from ...suites.task import Task
from ..figures import ordered

CURVES = Exact(draws=1024)
"""Estimator of the expected information along a curve."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What an agent did in an episode of T rounds with one unknown.

    Args:
        agent: Name of the agent.
        model: The model.
        truth: The true value of the unknown.
        theta: The nodes of the grid, ``(G,)``.
        posteriors: Density before the first and after each round, ``(T + 1, G)``.
        knob: Values of the first knob, ``(S,)``.
        curves: Before each round, the expected information of the first knob at the best setting of
            the others, ``(T, S)``.
        settings: The settings chosen, ``(T, d)``.
        expected_gain: Their expected information, ``(T,)``.
        gains: The information they gave, ``(T,)``.
        means: Posterior mean before the first and after each round, ``(T + 1,)``.
        stds: Posterior standard deviations, ``(T + 1,)``.
    """

    agent: str
    model: GridDesign
    truth: float
    theta: Array
    posteriors: Array
    knob: Array
    curves: Array
    settings: Array
    expected_gain: Array
    gains: Array
    means: Array
    stds: Array

    def words(self, t: int) -> str:
        """Return the setting of a round in words."""
        pairs = zip(self.model.knobs, self.settings[t], strict=True)
        return ", ".join(f"{name} = {value:.4g}" for name, value in pairs)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rounds as rows of a table."""
        return [
            {
                "agent": self.agent,
                "round": t + 1,
                "setting": self.words(t),
                "information, nats": self.gains[t],
                "posterior mean": self.means[t + 1],
                "posterior std": self.stds[t + 1],
            }
            for t in range(len(self.gains))
        ]


def at_prior(model: GridDesign, num_episodes: int) -> Grid:
    """Return the posterior of a number of episodes without data."""
    posterior = model.new_posterior(num_episodes)
    random = np.random.default_rng(0)
    posterior.reset(np.arange(num_episodes), [random] * num_episodes)
    return posterior


def play_rounds(task: Task, name: str, seed: int) -> Episode:
    """Play the episode of a seed with an agent of a task."""
    env = gym.make(task.env_id, reveal=True, **task.env_kwargs)
    model: Any = env.unwrapped.model  # type: ignore[attr-defined]
    agent = make(task.agents[name], env, episode=seed)  # as `evaluate` plays it
    random = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed)
    posterior, others = at_prior(model, 1), other_settings(model)
    knob = _first(model)
    settings = np.array([(value, *rest) for value in knob for rest in others])
    kept: dict[str, list[Any]] = {k: [] for k in ("curves", "settings", "expected_gain", "gains")}
    laws, state = [_law(posterior)], None
    for _ in range(model.horizon):
        action, state = agent.predict(observation, state)
        chosen = model.setting(np.asarray(action)[None])
        toy = isinstance(model, WeinbergToy)
        estimator = CURVES if toy else best_estimator(model, posterior)
        gain = estimator(model, posterior, np.concatenate([settings, chosen]), random)[0][0]
        kept["curves"].append(gain[:-1].reshape(len(knob), -1).max(1))
        kept["expected_gain"].append(gain[-1])
        kept["settings"].append(chosen[0])
        observation, reward, _, _, _ = env.step(action)
        kept["gains"].append(reward)
        outcome = observation["outcomes"][: len(model.outcome_range[0])].astype(np.float64)
        posterior.update(outcome[None], chosen, [random])
        laws.append(_law(posterior))
    weights, means, stds = (np.array(column) for column in zip(*laws, strict=True))
    theta = posterior.theta[:, 0]
    return Episode(
        agent=name,
        model=model,
        truth=float(info["theta"][0]),
        theta=theta,
        posteriors=weights / (theta[1] - theta[0]),
        knob=knob,
        means=means,
        stds=stds,
        **{key: np.array(values, np.float64) for key, values in kept.items()},
    )


def _law(posterior: Grid) -> tuple[Array, float, float]:
    return np.exp(posterior.log_weights[0]), posterior.mean[0, 0], posterior.std[0, 0]


def _first(model: GridDesign) -> Array:
    if model.settings is not None:
        return np.unique([setting[0] for setting in model.settings])
    return np.linspace(*next(iter(model.knobs.values())), 51)


def other_settings(model: GridDesign) -> list[tuple[float, ...]]:
    """Return settings of the other knobs: those to choose from, or the ends of their ranges."""
    if model.settings is not None:
        return sorted({tuple(setting[1:]) for setting in model.settings})
    return list(product(*list(model.knobs.values())[1:]))


def draw_rounds(panels: Any, one: Episode) -> None:
    """Draw posterior and expected information, round by round, into two panels."""
    above, below = panels
    rounds, (theta, knob) = len(one.gains), _names(one.model)
    colours = ordered(rounds + 1)[::-1]
    for t, density in enumerate(one.posteriors):
        label = f"after {t}" if t else "prior"
        above.plot(one.theta, density, color=colours[t], label=label)
        above.fill_between(one.theta, density, color=colours[t], alpha=0.08, linewidth=0)
    above.axvline(one.truth, color=DARK, linestyle="--", linewidth=1)
    above.set_title(one.agent, loc="left")
    above.set(xlabel=theta, ylabel="density")
    for t, curve in enumerate(one.curves):
        below.plot(one.knob, curve, color=colours[t])
        _mark(below, one.settings[t, 0], one.expected_gain[t], colours[t], t + 1)
    below.set(xlabel=f"{knob}, GeV", ylabel="expected information, nats")


def _names(model: GridDesign) -> tuple[str, str]:
    toy = isinstance(model, WeinbergToy)
    return ("theta = G_F / nominal", "phi") if toy else ("s_W²", "sqrt(s)")


def _mark(axes: Axes, x: float, y: float, colour: Any, number: int) -> None:
    axes.plot(x, y, "o", color=colour, markeredgecolor=DARK, markersize=6, zorder=3)
    axes.annotate(
        str(number), (x, y), textcoords="offset points", xytext=(6, 4), fontsize=8, zorder=4
    )
