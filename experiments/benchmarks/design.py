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
from .timing import Measured, Subject, in_turns, repeated

EPISODES, EVENTS = 4096, 1000
SETTINGS, GRID = 50, 100
PARTICLES, CANDIDATES = 2000, 150


def design(turns: int) -> Measured:
    """Measure steps and decisions of experimental design."""
    times = in_turns(_stepping() | _deciding(), turns=min(turns, 9))
    steps = times["step"] / (times["draws"] + times["product"])
    bare = times["step"] / (times["bare draws"] + times["product"])
    toy, random = WeinbergToy(num_events=EVENTS, grid_size=GRID), np.random.default_rng(0)
    error = Exact()(toy, _prior(toy), toy.evenly(SETTINGS), random)[1].max()
    return ["experimental design", "median", "10th to 90th percentile"], [
        _row(f"Weinberg x{EPISODES}, {EVENTS} events: a step, ms", times["step"] * 1e3),
        _row("its draws, a generator made for each, ms", times["draws"] * 1e3),
        _row("as many draws from one generator, ms", times["bare draws"] * 1e3),
        _row("product of counts and the nodes of the grid, ms", times["product"] * 1e3),
        _row("step / (its draws + product)", steps),
        _row("step / (draws from one generator + product)", bare),
        _row("SyncVectorEnv x64 / native x64", times["sync"] / times["native"]),
        _row(
            f"toy, information of {SETTINGS} settings (s.e. {error:.3f} nats), ms",
            times["information"] * 1e3,
        ),
        _row(
            f"greedy decision, {PARTICLES} particles, {CANDIDATES} candidates and those near the "
            "best, ms",
            times["greedy"] * 1e3,
        ),
    ]


def _row(name: str, values: Any) -> list[str]:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return [name, f"{middle:.3g}", f"{low:.3g} to {high:.3g}"]


def _prior(model: Any) -> Any:
    posterior = model.new_posterior(1)
    posterior.reset(np.arange(1), [np.random.default_rng(0)])
    return posterior


def _stepping() -> dict[str, Subject]:
    made: dict[str, Any] = {"num_events": EVENTS}
    vector = gym.make_vec("discovery/Weinberg-v0", num_envs=EPISODES, **made)
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

    def sixty_four(mode: str | None) -> Subject:
        few = gym.make_vec("discovery/Weinberg-v0", num_envs=64, vectorization_mode=mode, **made)
        few.reset(seed=0)
        return repeated(lambda: few.step(actions[:64]))

    return {
        "step": repeated(lambda: vector.step(actions)),
        "draws": repeated(draws),
        "bare draws": repeated(lambda: random.multinomial(EVENTS, law)),
        "product": repeated(lambda: counts @ logs),
        "native": sixty_four("vector_entry_point"),
        "sync": sixty_four("sync"),
    }


def _deciding() -> dict[str, Subject]:
    toy, random = WeinbergToy(num_events=EVENTS, grid_size=GRID), np.random.default_rng(0)
    posterior, settings = _prior(toy), toy.evenly(SETTINGS)

    sources = gym.make_vec("discovery/LocationFinding-v0", num_envs=1, num_particles=PARTICLES)
    agent = make(f"greedy_eig(candidates={CANDIDATES - PROPOSED})", sources)
    observation, state = sources.reset(seed=0)[0], None
    for _ in range(10):
        action, state = agent.predict(observation, state)
        observation = sources.step(action)[0]
    return {
        "information": repeated(partial(Exact(), toy, posterior, settings, random)),
        # weighs settings; the posterior is up to date
        "greedy": repeated(partial(agent.predict, observation, state)),
    }
