"""What questions cost along an episode: all of them, on average, and the worst.

A Gaussian process carries a row of n numbers for each label, over all of which every further label
goes: t products of n, against which an episode is set. Efficient nonmyopic search by nearest neighbours
is set against the two products of its bound, with one sparse matrix; by a logistic belief against
those of its candidates with all items.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ...agents import make
from .timing import Measured

LABELS, ITEMS, FEATURES = 790, 3955, 44
"""Labels, items and features of the episode of a Gaussian process."""
EARLY = slice(90, 111)
"""Labels at which decisions are looked at one by one."""
SEARCHES = (
    ("neighbours", "ens(candidates=None, belief=neighbours)", 100_000, 2),
    ("neighbours", "ens(candidates=None, belief=neighbours)", 10_000, 2),
    ("logistic, 50 candidates", "ens", 10_000, 20),
)
"""Belief, agent, items, features."""
QUESTIONS = 100
"""Labels of a search, from one success on."""


def questions(turns: int) -> Measured:
    """Measure whole episodes once, or three times if there are as many turns as usual."""
    rows = [_process(min(turns, 3) if turns > 3 else 1)]
    rows += [_search(*search) for search in SEARCHES]
    head = ["episode", "all, s", "its products, s", "/ products", "mean, ms", "worst, ms"]
    return head, rows


def _row(name: str, spent: NDArray[np.float64], products: float, some: NDArray[np.float64]) -> Any:
    total = float(spent.sum())
    numbers = total, products, total / products, 1e3 * some.mean(), 1e3 * some.max()
    return [name, *(f"{number:.3g}" for number in numbers)]


def _process(turns: int) -> list[str]:
    random = np.random.default_rng(0)
    x = random.standard_normal((ITEMS, FEATURES))
    y = np.sin(x[:, :4]).sum(1) + random.standard_normal(ITEMS) / 10
    spent = np.median([_played("bayes_ucb(belief=gp)", x, y, LABELS, []) for _ in range(turns)], 0)
    rows, weight = np.ones((LABELS, ITEMS)), np.ones(LABELS)

    def products() -> None:
        for t in range(LABELS):
            weight[:t] @ rows[:t]

    name = f"gp, {LABELS} labels of {ITEMS:,}; decisions at {EARLY.start}-{EARLY.stop - 1}"
    return _row(name, spent, _timed(products), spent[EARLY])


def _search(belief: str, agent: str, n: int, d: int) -> list[str]:
    """Play a search whose successes lie in ten small discs, or in a part of the space."""
    random = np.random.default_rng(0)
    x = random.random((n, d))
    apart = ((x[:, None] - random.random((10, d))) ** 2).sum(2).min(1)
    y = (apart < np.quantile(apart, 0.028)).astype(np.float64)
    spent = _played(agent, x, y, QUESTIONS, [int(y.argmax())])
    if belief == "neighbours":
        from scipy.sparse import random_array

        graph = random_array((n, n), density=50 / n, rng=random, format="csr")
        vector = random.random(n)
        products = _timed(lambda: [graph @ vector for _ in range(2 * QUESTIONS)])
    else:
        few, all_ = x[:50].astype(np.float32), x.T.astype(np.float32)
        products = _timed(lambda: [few @ all_ for _ in range(QUESTIONS)])
    return _row(f"{belief}, {QUESTIONS} labels of {n:,}", spent, products, spent)


def _played(text: str, x: Any, y: Any, labels: int, known: list[int]) -> NDArray[np.float64]:
    """Return the seconds of every decision of an episode after some labels that are known."""
    settings = {"features": x, "labels": y, "horizon": labels + len(known)}
    vector: Any = gym.make_vec("discovery/TablePool-v0", num_envs=1, **settings)
    agent, spent = make(text, vector), []
    observation, state = vector.reset(seed=0)[0], agent.predict(vector.reset(seed=0)[0])[1]
    for item in known:
        observation = vector.step(np.array([item]))[0]
    for _ in range(labels):
        start = time.process_time()
        action, state = agent.predict(observation, state)
        spent.append(time.process_time() - start)
        observation = vector.step(action)[0]
    return np.array(spent)


def _timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
