"""What a label and the decision after it cost, against what they cannot do without.

Information-directed sampling with K joint draws on a pool of n items with d features needs the
values of all items under all draws, one product n x d x K, unless it keeps them from one label to the
next. The label's own update costs n d: it is that of the belief without draws, in a column of its own.
Thompson sampling and upper bounds need no product.

Where the posterior has no closed form, every rule needs joint draws, and a label costs some Gibbs
sweeps of their chains: the product is that of the factors in all chains. On a star graph, where the
values are independent, the exact quadrature is set against the draws that it saves.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import gymnasium as gym
import numpy as np

from ...agents import make
from ...agents.beliefs import Linear, LowRank, Nodes
from ...agents.rules import IDS, BayesUCB, Decision, Thompson
from ...envs.pools.table_pool import TablePool
from .timing import Measured, Work, in_turns, median, milli

POOLS = (
    (500, 20, 100, 1),
    (500, 20, 1000, 1),
    (500, 20, 100, 64),
    (10_000, 50, 1000, 1),
    (1_000_000, 100, 100, 1),
)
"""Items, features, draws, episodes of linear pools."""
STAR = (900, 0.01, 100, 64)
"""Nodes, probability of an edge, draws, episodes of a star graph."""
MATRIX_EPISODES = (1, 16)
"""Episodes at once on the default low-rank pool."""


def decisions(turns: int) -> Measured:
    """Measure pools of all kinds; large ones take few turns."""
    rows = [
        _row(f"linear: n={n:,}, d={d}, {k} draws", works(n, d, k, b), b, few(turns, n))
        for n, d, k, b in POOLS
    ]
    rows += [_row(*_matrices(b), b, turns) for b in MATRIX_EPISODES]
    rows.append(_row(*_star(*STAR), STAR[-1], turns))
    head = ["pool, episodes", "floor, ms", "label + IDS, ms", "/ floor", "label + Thompson, ms"]
    return [*head, "label + UCB, ms", "label alone / floor"], rows


def few(turns: int, items: int) -> int:
    """Return how many turns a pool takes."""
    return turns if items < 100_000 else min(turns, 3)


def _row(name: str, subjects: dict[str, Work], episodes: int, turns: int) -> list[str]:
    """Return milliseconds per episode and what they are to the floor, as far as there are any."""
    times = in_turns(subjects, turns)
    floor, ids, thompson, ucb = (
        milli(times[one], episodes) if one in times else ""
        for one in ("floor", "ids", "thompson", "ucb")
    )
    ratio, label = (
        median(times[one] / times["floor"]) if one in times else "" for one in ("ids", "label")
    )
    return [f"{name}, x{episodes}", floor, ids, ratio, thompson, ucb, label]


def works(n: int, d: int, k: int, b: int) -> dict[str, Work]:
    """Return what one label and choice take on b linear pools, and their product, by name."""
    random = np.random.default_rng(0)
    x = random.standard_normal((n, d), dtype=np.float32)
    model = TablePool(features=x, labels=np.zeros(n), scaling="none", horizon=10)
    belief, keeping = Linear(model, b, prior_std=1.0), Linear(model, b, prior_std=1.0)
    keeping.keep(k)
    decision = Decision.first(np.ones((b, n), np.int8))
    every = np.arange(b)
    observation: dict[str, Any] = {
        "features": np.broadcast_to(x.reshape(-1), (b, n * d)),
        "labelled": np.full((b, 10), -1),
        "labels": np.zeros((b, 10), np.float32),
    }
    for one in (belief, keeping):
        one.update(observation, np.ones(b, np.bool_))
    draws, labels = random.standard_normal((b * k, d), dtype=np.float32), count(1)

    def product() -> None:
        for first in range(0, n, 1024):  # in blocks, which is the fastest way to do it
            draws @ x[first : first + 1024].T

    def learn(belief: Linear) -> None:
        belief._learn(every, random.integers(n, size=b), random.standard_normal(b))

    def learn_and_choose(rule: Any) -> None:
        learn(belief)
        rule.choose(belief, decision, random)

    def keep_and_choose(rule: Any) -> None:
        assert keeping._kept is not None
        keeping._kept.expect(np.full(b, next(labels)), keeping._product)
        learn(keeping)
        rule.choose(keeping, decision, random)

    return {
        "floor": product,
        "ids": partial(keep_and_choose, IDS(samples=k)),
        "label": partial(learn, belief),
        "thompson": partial(learn_and_choose, Thompson()),
        "ucb": partial(learn_and_choose, BayesUCB()),
    }


def _matrices(b: int) -> tuple[str, dict[str, Work]]:
    """Return the name of the low-rank pool, and agents that play b episodes of it."""
    model = gym.make("discovery/LowRankPool-v0").unwrapped.model  # type: ignore[attr-defined]
    chains, random = LowRank(model, 1).chains, np.random.default_rng(0)
    u = random.standard_normal((b * chains, model.num_rows, model.rank), np.float32)
    v = random.standard_normal((b * chains, model.rank, model.num_cols), np.float32)
    texts = {"ids": "ids(lam=3)", "thompson": "thompson", "ucb": "bayes_ucb"}
    players = {name: _player(text, b) for name, text in texts.items()}
    name = f"{model.num_rows} x {model.num_cols} of rank {model.rank}: {chains} draws"
    return name, {"floor": lambda: u @ v, **players}


def _player(text: str, b: int) -> Work:
    """Return what labels and chooses in b episodes of the low-rank pool."""
    vector: Any = gym.make_vec("discovery/LowRankPool-v0", num_envs=b)
    agent = make(text, vector)
    now: list[Any] = [vector.reset(seed=0)[0], None]

    def play() -> None:
        action, now[1] = agent.predict(*now)
        now[0] = vector.step(action)[0]

    return play


def _star(n: int, edge_prob: float, k: int, b: int) -> tuple[str, dict[str, Work]]:
    """Return the name of star graphs, and what a decision takes after the label of one hub."""
    settings: dict[str, Any] = {"topology": "star", "num_items": n, "edge_prob": edge_prob}
    env = gym.make_vec("discovery/GraphPool-v0", num_envs=b, **settings)
    observation, _ = env.reset(seed=0)
    observation = env.step(observation["hubs"].argmax(1))[0]
    belief, random = Nodes(env.model, b), np.random.default_rng(0)  # type: ignore[attr-defined]
    decision, rule = Decision.first(observation["action_mask"]), IDS(lam=3.0)

    def decide() -> None:
        belief.update(observation, np.zeros(b, np.bool_))
        rule.choose(belief, decision, random)

    belief.update(observation, np.ones(b, np.bool_))
    draws = partial(random.standard_normal, (b, k, n))
    return f"star: n={n}, edge_prob={edge_prob}, {k} draws", {"floor": draws, "ids": decide}
