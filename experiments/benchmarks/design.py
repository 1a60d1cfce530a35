"""What experimental design costs, against the draws and the product that it cannot do without.

A step of many Weinberg experiments draws a histogram per episode, each from its own generator, and
needs the likelihood of every node of the grid, at least one product of counts and log probabilities.
An agent needs the expected information of many settings.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

from ...agents import make
from ...agents.design.agent import PROPOSED
from ...envs.design.information import Exact
from ...envs.design.weinberg_toy import WeinbergToy
from .timing import Measured, Work, in_turns, median, milli

EPISODES, EVENTS = 4096, 1000
SETTINGS, GRID = 50, 100
PARTICLES, CANDIDATES = 2000, 150


def design(turns: int) -> Measured:
    """Measure steps and decisions of experimental design."""
    deciding, rows = _deciding(), []
    times = in_turns(_stepping() | deciding, min(turns, 9))
    for whose in ("its draws, a generator made for each", "as many draws from one generator"):
        floor, name = times[whose] + times["product"], f"a step of Weinberg x{EPISODES}: {whose}"
        parts = (milli(times[part]) for part in ("step", whose, "product"))
        rows.append([name, *parts, median(times["step"] / floor)])
    rows += [[name, milli(times[name]), "", "", ""] for name in deciding]
    return ["experimental design", "ms", "draws, ms", "product, ms", "/ draws and product"], rows


def _stepping() -> dict[str, Work]:
    vector = gym.make_vec("discovery/Weinberg-v0", num_envs=EPISODES, num_events=EVENTS)
    vector.action_space.seed(0)
    vector.reset(seed=0)
    env: Any = vector.unwrapped
    model, state, streams = env.model, env._state, env._streams
    actions = vector.action_space.sample()
    setting = model.setting(actions)
    law = model.probabilities(model.asymmetry(state.theta[:, None], setting)[:, 0])
    random = np.random.default_rng(0)
    counts = random.multinomial(EVENTS, law).astype(np.float64)
    logs = np.log(law[: model.grid_size[0]].T)

    def draws() -> None:
        streams.next_step()
        for i, row in enumerate(law):
            streams.noise[i].multinomial(EVENTS, row)

    return {
        "step": lambda: vector.step(actions),
        "its draws, a generator made for each": draws,
        "as many draws from one generator": lambda: random.multinomial(EVENTS, law),
        "product": lambda: counts @ logs,
    }


def _deciding() -> dict[str, Work]:
    toy, random = WeinbergToy(num_events=EVENTS, grid_size=GRID), np.random.default_rng(0)
    posterior: Any = toy.new_posterior(1)
    posterior.reset(np.arange(1), [np.random.default_rng(0)])
    told = partial(Exact(), toy, posterior, toy.evenly(SETTINGS), random)

    sources = gym.make_vec("discovery/LocationFinding-v0", num_envs=1, num_particles=PARTICLES)
    agent = make(f"greedy_eig(candidates={CANDIDATES - PROPOSED})", sources)
    observation, state = sources.reset(seed=0)[0], None
    for _ in range(10):
        action, state = agent.predict(observation, state)
        observation = sources.step(action)[0]
    near = f"{PARTICLES} particles, {CANDIDATES} candidates and those near the best"
    return {
        f"information of {SETTINGS} settings of the toy (s.e. {told()[1].max():.3f} nats)": told,
        # weighs settings; the posterior is up to date
        f"greedy: {near}": partial(agent.predict, observation, state),
    }
