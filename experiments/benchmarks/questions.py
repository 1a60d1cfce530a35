"""What questions cost along an episode: all of them, on average, and the worst.

A Gaussian process carries a row of n numbers for each label, over all of which every further label
goes: t products of n, against which an episode is set. Efficient nonmyopic search by nearest neighbours
is set against the two products of its bound, with one sparse matrix; by a logistic belief against
those of its candidates with all items.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ...agents import make
from .timing import Measured, Work, spent

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
    rows = [_process(3 if turns > 3 else 1), *(_search(*search) for search in SEARCHES)]
    head = ["episode", "all, s", "its products, s", "/ products", "mean, ms", "worst, ms"]
    return head, rows


def _row(name: str, times: NDArray[np.float64], products: Work, some: NDArray[Any]) -> list[str]:
    floor = spent(products)
    numbers = times.sum(), floor, times.sum() / floor, 1e3 * some.mean(), 1e3 * some.max()
    return [name, *(f"{number:.3g}" for number in numbers)]


def _process(turns: int) -> list[str]:
    random = np.random.default_rng(0)
    x = random.standard_normal((ITEMS, FEATURES))
    y = np.sin(x[:, :4]).sum(1) + random.standard_normal(ITEMS) / 10
    times = np.median([_played("bayes_ucb(belief=gp)", x, y, LABELS, []) for _ in range(turns)], 0)
    rows, weight = np.ones((LABELS, ITEMS)), np.ones(LABELS)
    name = f"gp, {LABELS} labels of {ITEMS:,}; decisions at {EARLY.start}-{EARLY.stop - 1}"
    return _row(name, times, lambda: [weight[:t] @ rows[:t] for t in range(LABELS)], times[EARLY])


def _search(belief: str, agent: str, n: int, d: int) -> list[str]:
    """Play a search whose successes lie in ten small discs, or in a part of the space."""
    from scipy.sparse import random_array

    random = np.random.default_rng(0)
    x = random.random((n, d))
    apart = ((x[:, None] - random.random((10, d))) ** 2).sum(2).min(1)
    y = (apart < np.quantile(apart, 0.028)).astype(np.float64)
    times = _played(agent, x, y, QUESTIONS, [int(y.argmax())])
    if belief == "neighbours":
        left: Any = random_array((n, n), density=50 / n, rng=random, format="csr")
        right, count = random.random(n), 2 * QUESTIONS
    else:
        left, right, count = x[:50].astype(np.float32), x.T.astype(np.float32), QUESTIONS
    name = f"ens, {belief}, {QUESTIONS} labels of {n:,}"
    return _row(name, times, lambda: [left @ right for _ in range(count)], times)


def _played(text: str, x: Any, y: Any, labels: int, known: list[int]) -> NDArray[np.float64]:
    """Return the seconds of every decision of an episode after some labels that are known."""
    settings = {"features": x, "labels": y, "horizon": labels + len(known)}
    vector: Any = gym.make_vec("discovery/TablePool-v0", num_envs=1, **settings)
    agent, times = make(text, vector), []
    now = [vector.reset(seed=0)[0], agent.predict(vector.reset(seed=0)[0])[1]]

    def ask() -> None:
        now[:] = agent.predict(*now)

    for item in known:
        now[0] = vector.step(np.array([item]))[0]
    for _ in range(labels):
        times.append(spent(ask))
        now[0] = vector.step(now[0])[0]
    return np.array(times)
