"""How often all rank sets cover, on boards of which the true ranks are known.

    python tests/support/rank_coverage.py [BOARDS [SHAPE ...]]

A line for each shape of the true means, law, number of tasks and of episodes. Nominal is .95. A cover is
one in which no agent is told to be better than another that is as good or better: then every rank that
the true means allow lies in every set, ties included.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from discovery_gym.experiments.report.ranks import rank_sets

Floats = NDArray[np.float64]
AGENTS = 8
WIDTHS = np.geomspace(0.2, 2, AGENTS)[:, None]
"""Standard deviations of agents that vary unlike each other."""


def _normal(random: np.random.Generator, episodes: int) -> Floats:
    return random.standard_normal((AGENTS, episodes))


def _exponential(random: np.random.Generator, episodes: int) -> Floats:
    return random.exponential(size=(AGENTS, episodes)) - 1


def _failing(random: np.random.Generator, episodes: int) -> Floats:
    """Nearly always .95, one in ten near 0."""
    fails = random.random((AGENTS, episodes)) < 0.1
    noise = random.standard_normal((AGENTS, episodes))
    return np.where(fails, 0.1 * noise, 0.95 + 0.02 * noise) - 0.855


def _success(random: np.random.Generator, episodes: int) -> Floats:
    return (random.random((AGENTS, episodes)) < 0.3) - 0.3


def _correlated(random: np.random.Generator, episodes: int) -> Floats:
    """Nine tenths of the variance is luck that all agents share."""
    return 3 * random.standard_normal(episodes) + _normal(random, episodes)


def _both_ways(random: np.random.Generator, episodes: int) -> Floats:
    """Half of the agents skewed up, half down: differences are as skewed as the agents."""
    return (
        _exponential(random, episodes) * np.where(np.arange(AGENTS) < AGENTS // 2, 1, -1)[:, None]
    )


def _widths(random: np.random.Generator, episodes: int) -> Floats:
    return _normal(random, episodes) * WIDTHS


def _skewed_widths(random: np.random.Generator, episodes: int) -> Floats:
    return _exponential(random, episodes) * WIDTHS


LAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": _normal,
    "exponential": _exponential,
    "one in ten fails": _failing,
    "success of 30 %": _success,
    "correlated": _correlated,
    "unlike widths": _widths,
    "skewed both ways": _both_ways,
    "skewed, unlike widths": _skewed_widths,
}
SHAPES: dict[str, Floats] = {
    "all equal": np.zeros(AGENTS),
    "two groups of four": np.repeat([0.0, 2.0], AGENTS // 2),
    "seven equal, one ahead": np.array([2.0] + [0.0] * (AGENTS - 1)),
    "ladder": 0.3 * np.arange(AGENTS),
}
TASKS = (1, 2, 6)
EPISODES = (16, 32, 128, 1000)


def coverage(shape: str, law: str, tasks: int, episodes: int, boards: int, seed: int = 0) -> float:
    """Return the share of boards on which all sets hold all true ranks."""
    random, means = np.random.default_rng(seed), SHAPES[shape]
    lowest = 1 + (means[None] > means[:, None]).sum(1)
    highest = AGENTS - (means[None] < means[:, None]).sum(1)
    covered = 0
    for board in range(boards):
        scores = [LAWS[law](random, episodes) + means[:, None] for _ in range(tasks)]
        low, high = rank_sets(scores, draws=500, seed=board)
        covered += bool((low <= lowest).all() and (high >= highest).all())
    return covered / boards


def table(shape: str, boards: int) -> Iterator[str]:
    """Yield a line for each law and number of tasks: the coverage by the number of episodes."""
    for law in LAWS:
        for tasks in TASKS:
            found = [
                coverage(shape, law, tasks, episodes, boards if episodes < 1000 else boards // 10)
                for episodes in EPISODES
            ]
            yield f"{shape:22} {law:22} {tasks} " + " ".join(f"{one:.3f}" for one in found)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(
        f"{'means':22} {'law':22} tasks; coverage at {EPISODES} episodes; {number} boards, at 1000 "
        "episodes a tenth of them"
    )
    for name in sys.argv[2:] or SHAPES:
        for line in table(name, number):
            print(line, flush=True)
