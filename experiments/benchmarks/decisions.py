"""What a decision costs, against the matrix product that it cannot do without.

Information-directed sampling with K joint draws on a pool of n items with d features needs the
values of all items under all draws, one product n x d x K, unless it keeps them from one label to the
next. The label's own update costs n d: it is that of the belief without draws, in a column of its own.
Thompson sampling and upper bounds need no product: their cost per label should grow like n d. On a star
graph, where the values are independent, the exact quadrature is set against the draws that it saves.

Where the posterior has no closed form, every rule needs joint draws, and a label costs some Gibbs
sweeps of their chains. These are timed through whole episodes.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ...agents import make
from ...agents.beliefs import Linear, LowRank, Nodes
from ...agents.rules import IDS, BayesUCB, Decision, Thompson
from ...envs.pools.table_pool import TablePool
from .timing import Measured, Subject, in_turns, median, repeated

POOLS = ((500, 20, 100), (500, 20, 1000), (10_000, 50, 1000), (1_000_000, 100, 100))
"""Items, features, draws."""
BATCH = (500, 20, 100, 64)
"""Items, features, draws, episodes."""
ITEMS = (50_000, 100_000, 200_000, 400_000)
"""Items over which the cost per label is taken, at the first of `FEATURES`."""
FEATURES = (50, 100, 200, 400)
"""Features over which it is taken, at the first of `ITEMS`."""
STAR = (900, 0.01, 100, 64)
"""Nodes, probability of an edge, draws, episodes of a star graph."""

MATRIX_EPISODES = (1, 16)
"""Episodes at once on the default low-rank pool."""


def decisions(turns: int) -> Measured:
    """Measure decisions on linear pools; large ones take few turns."""
    rows = []
    for n, d, k in POOLS:
        few = turns if n < 100_000 else min(turns, 3)
        times = in_turns(works(n, d, k, 1), turns=few)
        rows.append([f"n={n:,}, d={d}, {k} draws", *_cells(times, 1), _label(times)])
    n, d, k, b = BATCH
    times = in_turns(works(n, d, k, b), turns=turns)
    name = f"n={n:,}, d={d}, {k} draws, per episode of {b}"
    rows.append([name, *_cells(times, b), _label(times)])
    return [*_head("linear pool", "label + IDS, ms"), "label alone / product"], rows


def growth(turns: int) -> Measured:
    """Measure how the cost of a label and a choice grows with the pool: O(n d) is slope 1.

    LinUCB computes what Bayes-UCB does, and costs the same.
    """
    rows, rules = [], ("thompson", "ucb")
    items, features = [(n, FEATURES[0]) for n in ITEMS], [(ITEMS[0], d) for d in FEATURES]
    for axis, (name, sizes) in enumerate((("items", items), ("features", features))):
        pools = {size: works(*size, 2, 1) for size in sizes}
        subjects = {(rule, size): pools[size][rule] for rule in rules for size in sizes}
        times = in_turns(subjects, turns=turns)
        for rule in rules:
            cost = np.array([times[rule, size] for size in sizes])  # (sizes, turns)
            numbers = [size[axis] for size in sizes]
            slopes = np.polyfit(np.log(numbers), np.log(cost), 1)[0]
            ratios = " ".join(f"{r:.2f}" for r in np.median(cost[1:] / cost[:-1], axis=1))
            what = f"label + {rule}, {name} {numbers[0]:,} to {numbers[-1]:,}"
            rows.append([what, ratios, median(slopes)])
    return ["linear pool", "cost at twice the size", "slope of log cost"], rows


def star_decisions(turns: int) -> Measured:
    """Measure decisions on a star graph after the label of one hub."""
    n, edge_prob, k, b = STAR
    env = gym.make_vec(
        "discovery/GraphPool-v0", num_envs=b, topology="star", num_items=n, edge_prob=edge_prob
    )
    observation, _ = env.reset(seed=0)
    observation = env.step(observation["hubs"].argmax(1))[0]
    belief, random = Nodes(env.model, b), np.random.default_rng(0)  # type: ignore[attr-defined]
    decision, rule = Decision.first(observation["action_mask"]), IDS(lam=3.0)

    def decide() -> None:
        belief.update(observation, np.zeros(b, np.bool_))
        rule.choose(belief, decision, random)

    belief.update(observation, np.ones(b, np.bool_))
    draws = repeated(lambda: random.standard_normal((b, k, n)))
    times = in_turns({"ids": repeated(decide), "draws": draws}, turns=turns)
    head = ["star graph", "IDS, ms", f"{k} draws alone, ms", "IDS / draws"]
    name = f"n={n}, edge_prob={edge_prob}, per episode of {b}"
    ratio = median(times["ids"] / times["draws"])
    return head, [[name, _each(times["ids"], b), _each(times["draws"], b), ratio]]


def low_rank_decisions(turns: int) -> Measured:
    """Measure labels and decisions on the low-rank pool."""
    rows = []
    for b in MATRIX_EPISODES:
        subjects, name = _players(b)
        times = in_turns(subjects, turns=turns)
        rows.append([f"{name}, per episode of {b}", *_cells(times, b)])
    return _head("low-rank pool", "label + IDS, ms"), rows


def _head(pool: str, ids: str) -> list[str]:
    return [pool, "product, ms", ids, "/ product", "label + Thompson, ms", "label + UCB, ms"]


def _cells(times: dict[str, NDArray[np.float64]], episodes: int) -> list[str]:
    product, ids, thompson, ucb = (
        _each(times[name], episodes) for name in ("product", "ids", "thompson", "ucb")
    )
    return [product, ids, median(times["ids"] / times["product"]), thompson, ucb]


def _label(times: dict[str, NDArray[np.float64]]) -> str:
    return median(times["label"] / times["product"])


def _each(seconds: NDArray[np.float64], episodes: int) -> str:
    """Return milliseconds per episode."""
    return f"{np.median(seconds) * 1e3 / episodes:.3g}"


def works(n: int, d: int, k: int, b: int) -> dict[str, Subject]:
    """Return what one label and choice take in b episodes, and the product, by name."""
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
        "product": repeated(product),
        "ids": repeated(partial(keep_and_choose, IDS(samples=k))),
        "label": repeated(partial(learn, belief)),
        "thompson": repeated(partial(learn_and_choose, Thompson())),
        "ucb": repeated(partial(learn_and_choose, BayesUCB())),
    }


def _players(b: int) -> tuple[dict[str, Subject], str]:
    """Return agents at play in b episodes of the low-rank pool, and its name.

    Their product is that of the factors in all chains, the values of all entries.
    """
    model = gym.make("discovery/LowRankPool-v0").unwrapped.model  # type: ignore[attr-defined]
    chains = LowRank(model, 1).chains
    random = np.random.default_rng(0)
    u = random.standard_normal((b * chains, model.num_rows, model.rank), np.float32)
    v = random.standard_normal((b * chains, model.rank, model.num_cols), np.float32)

    name = f"{model.num_rows} x {model.num_cols}, rank {model.rank}, {chains} draws"
    return {
        "product": repeated(lambda: u @ v),
        "ids": _player("ids(lam=3)", b),
        "thompson": _player("thompson", b),
        "ucb": _player("bayes_ucb", b),
    }, name


def _player(text: str, b: int) -> Subject:
    """Return what labels and chooses in b episodes of the low-rank pool."""
    vector: Any = gym.make_vec("discovery/LowRankPool-v0", num_envs=b)
    agent = make(text, vector)
    now: list[Any] = [vector.reset(seed=0)[0], None]

    def play() -> None:
        action, now[1] = agent.predict(*now)
        now[0] = vector.step(action)[0]

    return repeated(play)
