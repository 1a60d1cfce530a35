"""What a label and the decision after it cost, against what they cannot do without.

Information-directed sampling with K joint draws on a pool of n items with d features needs the
values of all items under all draws, one product n x d x K, unless it keeps them from one label to the
next. The label's own update costs n d: it is that of the belief without draws, in a column of its own.
Thompson sampling and upper bounds need no product.

Where the posterior has no closed form, every rule needs joint draws, and a label costs some Gibbs
sweeps of their chains: the product is that of the factors in all chains. On a star graph, where the
values are independent, the exact quadrature is set against the draws that it saves.

Some episodes are played as a whole. A Gaussian process carries a row of n numbers for each label, over
all of which every further label goes: t products of n. IDS by it keeps draws; they stand against the
product that draws its prior anew for every decision. Efficient nonmyopic search by nearest neighbours
is set against the two products of its bound, with one sparse matrix; by a logistic belief against those
of its candidates with all items.
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
from .timing import Measured, Work, few, in_turns, median, milli, spent

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

ITEMS, FEATURES = 3955, 44
"""Items and features of the episodes of a Gaussian process."""
PROCESSES = ("bayes_ucb", 790), ("ids", 111)
"""Rule and labels of each."""
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


def decisions(turns: int) -> Measured:
    """Measure pools of all kinds; large ones take few turns."""
    rows = [
        _row(
            f"linear: n={n:,}, d={d}, {k} draws",
            works(n, d, k, b),
            b,
            few(turns) if n > 100_000 else turns,
        )
        for n, d, k, b in POOLS
    ]
    rows += [_row(*_matrices(b), b, turns) for b in MATRIX_EPISODES]
    rows.append(_row(*_star(*STAR), STAR[-1], turns))
    head = ["pool, episodes", "floor, ms", "label + IDS, ms", "/ floor", "label + Thompson, ms"]
    return [*head, "label + UCB, ms", "label alone / floor"], rows


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


def questions(turns: int) -> Measured:
    """Measure all decisions of some episodes, on average, and the worst."""
    rows = [_process(*process, few(turns)) for process in PROCESSES]
    rows += [_search(*search) for search in SEARCHES]
    head = ["episode", "all, s", "its products, s", "/ products", "mean, ms", "worst, ms"]
    return head, rows


def _episode(
    name: str, times: NDArray[np.float64], products: Work, some: NDArray[Any]
) -> list[str]:
    floor = spent(products)
    numbers = times.sum(), floor, times.sum() / floor, 1e3 * some.mean(), 1e3 * some.max()
    return [name, *(f"{number:.3g}" for number in numbers)]


def _process(rule: str, labels: int, turns: int) -> list[str]:
    random = np.random.default_rng(0)
    x = random.standard_normal((ITEMS, FEATURES))
    y = np.sin(x[:, :4]).sum(1) + random.standard_normal(ITEMS) / 10
    times = np.median([_asked(f"{rule}(belief=gp)", x, y, labels, []) for _ in range(turns)], 0)
    rows, weight = np.ones((labels, ITEMS)), np.ones(labels)
    waves, draws = (np.ones(shape, np.float32) for shape in ((512, ITEMS), (500, 512)))

    def products() -> None:
        for t in range(labels):
            weight[:t] @ rows[:t] if rule == "bayes_ucb" else draws @ waves

    name = f"gp, {rule}, {labels} labels of {ITEMS:,}; decisions at {EARLY.start}-{EARLY.stop - 1}"
    return _episode(name, times, products, times[EARLY])


def _search(belief: str, agent: str, n: int, d: int) -> list[str]:
    """Play a search whose successes lie in ten small discs, or in a part of the space."""
    from scipy.sparse import random_array

    random = np.random.default_rng(0)
    x = random.random((n, d))
    apart = ((x[:, None] - random.random((10, d))) ** 2).sum(2).min(1)
    y = (apart < np.quantile(apart, 0.028)).astype(np.float64)
    times = _asked(agent, x, y, QUESTIONS, [int(y.argmax())])
    if belief == "neighbours":
        left: Any = random_array((n, n), density=50 / n, rng=random, format="csr")
        right, count = random.random(n), 2 * QUESTIONS
    else:
        left, right, count = x[:50].astype(np.float32), x.T.astype(np.float32), QUESTIONS
    name = f"ens, {belief}, {QUESTIONS} labels of {n:,}"
    return _episode(name, times, lambda: [left @ right for _ in range(count)], times)


def _asked(text: str, x: Any, y: Any, labels: int, known: list[int]) -> NDArray[np.float64]:
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
