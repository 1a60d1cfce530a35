"""What a label and the decision after it cost, against what they cannot do without.

Information-directed sampling with K joint draws on a pool of n items with d features needs the
values of all items under all draws, one product n x d x K, unless it keeps them from one label to the
next. The label's own update costs n d: it is that of the belief without draws, in a row of its own.
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

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any

import gymnasium as gym
import numpy as np

from ...agents import make
from ...agents.beliefs import Linear, LowRank
from ...agents.design.agent import PROPOSED
from ...agents.rules import IDS, BayesUCB, Decision, Rule, Thompson
from ...envs.core.arrays import Array
from ...envs.design.information import Exact
from ...envs.design.weinberg_toy import WeinbergToy
from ...envs.pools.table_pool import TablePool
from ..runs import chunks
from ..runs.episodes import vector_env
from ..runs.evaluation import exact
from ..runs.trace import model_of
from ..suites.catalogue import suite
from .timing import Row, Rows, spent

POOLS = {
    (500, 20, 100, 1): "0.15 ms",
    (500, 20, 1000, 1): "",
    (500, 20, 100, 64): "",
    (10_000, 50, 1000, 1): "0.75",
    (1_000_000, 100, 100, 1): "0.45 more than the label alone",
}
"""Items, features, draws, episodes of linear pools, and what a label and IDS shall take."""
STAR: dict[str, Any] = {"topology": "star", "num_items": 900, "edge_prob": 0.01}
LABELS, ITEMS, FEATURES = 790, 3955, 44
"""Labels, items and features of the episode of a Gaussian process."""
EARLY = slice(90, 111)
"""Labels at which decisions are looked at one by one."""
SEARCHES = (
    ("neighbours", "ens(candidates=None, belief=neighbours)", 100_000, 2, ("50 ms", "200 ms")),
    ("neighbours", "ens(candidates=None, belief=neighbours)", 10_000, 2, ("", "")),
    ("logistic, 50 candidates", "ens", 10_000, 20, ("100 ms", "")),
)
"""Belief, agent, items, features, and what decisions shall take: the mean, the worst."""
QUESTIONS = 100
"""Labels of a search, from one success on."""

EPISODES, EVENTS = 4096, 1000
SETTINGS, GRID = 50, 100
PARTICLES, CANDIDATES = 2000, 150
"""Of the problems of experimental design."""

Plain = Callable[[], object]


def decisions() -> Rows:
    """A label and the decision after it, against the product of items and draws, or the draws."""
    for (n, d, k, b), reach in POOLS.items():
        floor, *rest = works(n, d, k, b).items()
        for name, work in rest:
            told = reach if name == "IDS" else ""
            title = f"linear, {n:,} x {d}, {k} draws, x{b}: label + {name}"
            yield Row(title, work, floor[1], b, told)
    for b in (1, 16):
        yield from _matrices(b)
    star = _player("ids(lam=3)", gym.make_vec("discovery/GraphPool-v0", num_envs=64, **STAR))
    draws = partial(np.random.default_rng(0).standard_normal, (64, 100, STAR["num_items"]))
    yield Row("star, 900 nodes, 100 draws, x64: label + IDS", star, draws, each=64)


def works(n: int, d: int, k: int, b: int) -> dict[str, Plain]:
    """Return what one label and choice take on b linear pools, by name; first of all their product."""
    random = np.random.default_rng(0)
    x = random.standard_normal((n, d), dtype=np.float32)
    model = TablePool(features=x, labels=np.zeros(n), scaling="none", horizon=10)
    belief, keeping = Linear(model, b, prior_std=1.0), Linear(model, b, prior_std=1.0)
    keeping.keep(k)
    decision, every = Decision.first(np.ones((b, n), np.int8)), np.arange(b)
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

    def label(belief: Linear, rule: Rule[Any] | None) -> None:
        if belief._kept is not None:
            belief._kept.expect(np.full(b, next(labels)), belief._product)
        belief._learn(every, random.integers(n, size=b), random.standard_normal(b))
        if rule is not None:
            rule.choose(belief, decision, random)

    return {
        "product": product,
        "IDS": partial(label, keeping, IDS(samples=k)),
        "nothing": partial(label, belief, None),
        "Thompson": partial(label, belief, Thompson()),
        "Bayes-UCB": partial(label, belief, BayesUCB()),
    }


def _matrices(b: int) -> Rows:
    """Play b episodes of the low-rank pool, in which agents label and choose."""
    env_id = "discovery/LowRankPool-v0"
    model = gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]
    chains, random = LowRank(model, 1).chains, np.random.default_rng(0)
    u = random.standard_normal((b * chains, model.num_rows, model.rank), np.float32)
    v = random.standard_normal((b * chains, model.rank, model.num_cols), np.float32)
    for text, reach in (("ids(lam=3)", "1.5 ms"), ("thompson", ""), ("bayes_ucb", "")):
        name = f"rank {model.rank}, {model.num_rows} x {model.num_cols}, {chains} draws, x{b}"
        play = _player(text, gym.make_vec(env_id, num_envs=b))
        yield Row(f"{name}: label + {text}", play, lambda: u @ v, b, reach)


def _player(text: str, vector: Any) -> Plain:
    """Return what labels and chooses in some episodes."""
    agent = make(text, vector)
    now: list[Any] = [vector.reset(seed=0)[0], None]

    def play() -> None:
        action, now[1] = agent.predict(*now)
        now[0] = vector.step(action)[0]

    return play


def questions() -> Rows:
    """All decisions of some episodes, against their products, and the worst of them."""
    yield from _process()
    for search in SEARCHES:
        yield from _search(*search)


def _process() -> Rows:
    random = np.random.default_rng(0)
    x = random.standard_normal((ITEMS, FEATURES))
    y = np.sin(x[:, :4]).sum(1) + random.standard_normal(ITEMS) / 10
    asked = partial(_asked, "bayes_ucb(belief=gp)", x, y)
    rows, weight = np.ones((LABELS, ITEMS)), np.ones(LABELS)
    name, products = f"gp, {ITEMS:,} items", lambda: [weight[:t] @ rows[:t] for t in range(LABELS)]
    yield Row(f"{name}, {LABELS} labels", lambda: asked(LABELS).sum(), products, reach="4 s")
    early = f"{name}, decisions at {EARLY.start}-{EARLY.stop - 1}"
    yield Row(f"{early}, mean", lambda: asked(EARLY.stop)[EARLY].mean(), reach="2.5 ms")
    yield Row(f"{early}, worst", lambda: asked(EARLY.stop)[EARLY].max(), reach="25 ms")
    waves, draws = np.ones((512, ITEMS), np.float32), np.ones((500, 512), np.float32)
    drawn = partial(_asked, "ids(belief=gp)", x, y, EARLY.stop)
    afresh = partial(np.matmul, draws, waves)
    yield Row(f"{name}, ids, a label of {EARLY.stop}", lambda: drawn().mean(), afresh)


def _search(belief: str, agent: str, n: int, d: int, reach: tuple[str, str]) -> Rows:
    """Play a search whose successes lie in ten small discs, or in a part of the space."""
    from scipy.sparse import random_array

    random = np.random.default_rng(0)
    x = random.random((n, d))
    apart = ((x[:, None] - random.random((10, d))) ** 2).sum(2).min(1)
    y = (apart < np.quantile(apart, 0.028)).astype(np.float64)
    asked = partial(_asked, agent, x, y, QUESTIONS, (int(y.argmax()),))
    if belief == "neighbours":
        left: Any = random_array((n, n), density=50 / n, rng=random, format="csr")
        right, times = random.random(n), 2 * QUESTIONS
    else:
        left, right, times = x[:50].astype(np.float32), x.T.astype(np.float32), QUESTIONS
    name, products = f"ens, {belief}, {n:,} items", lambda: [left @ right for _ in range(times)]
    yield Row(f"{name}, mean", lambda: asked().sum(), products, QUESTIONS, reach[0])
    yield Row(f"{name}, worst", lambda: asked().max(), reach=reach[1])


def _asked(text: str, x: Any, y: Any, labels: int, known: tuple[int, ...] = ()) -> Array:
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


# ---- experimental design


def design() -> Rows:
    """Experimental design: a step, against its histograms and one product of them."""
    yield from _stepping()
    yield from _deciding()


def _stepping() -> Rows:
    """Step many episodes: each draws a histogram, whose likelihood every node of its grid needs."""
    vector = gym.make_vec("discovery/Weinberg-v0", num_envs=EPISODES, num_events=EVENTS)
    vector.action_space.seed(0)
    vector.reset(seed=0)
    env: Any = vector.unwrapped
    model, state, streams = env.model, env._state, env._streams
    actions = vector.action_space.sample()
    asymmetry = model.asymmetry(state.theta[:, None], model.setting(actions))
    law = model.probabilities(asymmetry[:, 0])
    random = np.random.default_rng(0)
    counts = random.multinomial(EVENTS, law).astype(np.float64)
    logs = np.log(law[: model.grid_size[0]].T)

    def own() -> None:
        streams.next_step()
        for i, row in enumerate(law):
            streams.noise[i].multinomial(EVENTS, row)
        counts @ logs

    def shared() -> None:
        random.multinomial(EVENTS, law)
        counts @ logs

    name, step = f"a step of Weinberg x{EPISODES}", partial(vector.step, actions)
    yield Row(f"{name}: a generator made for each", step, own, EPISODES)
    yield Row(f"{name}: as many draws from one generator", step, shared, EPISODES)


def _deciding() -> Rows:
    toy, random = WeinbergToy(num_events=EVENTS, grid_size=GRID), np.random.default_rng(0)
    posterior: Any = toy.new_posterior(1)
    posterior.reset(np.arange(1), [np.random.default_rng(0)])
    told = partial(Exact(), toy, posterior, toy.evenly(SETTINGS), random)
    error = told()[1].max()
    yield Row(f"information of {SETTINGS} settings of the toy (s.e. {error:.3f} nats)", told)

    sources = gym.make_vec("discovery/LocationFinding-v0", num_envs=1, num_particles=PARTICLES)
    agent = make(f"greedy_eig(candidates={CANDIDATES - PROPOSED})", sources)
    observation, state = sources.reset(seed=0)[0], None
    for _ in range(10):
        action, state = agent.predict(observation, state)
        observation = sources.step(action)[0]
    near = f"{PARTICLES} particles, {CANDIDATES} candidates and those near the best"
    # weighs settings; the posterior is up to date
    yield Row(f"greedy: {near}", partial(agent.predict, observation, state))


# ---- exact truth


def truths() -> Rows:
    """The exact truth of tasks as all agents of a suite ask for it, over that of one agent."""
    for task in suite("quick").tasks:
        asked = task.env_id, task.env_kwargs
        each = partial(_told, *asked, len(task.agents))
        name = f"{task.name}, {len(task.agents)} agents"
        yield Row(name, each, partial(_computed, *asked), reach="1")


def _told(env_id: str, kwargs: Mapping[str, Any], agents: int) -> None:
    chunks._truths.clear()
    chunks._stages.clear()
    for _ in range(agents):
        chunks.truth(env_id, kwargs)


def _computed(env_id: str, kwargs: Mapping[str, Any]) -> None:
    model = model_of(vector_env(env_id, 1, kwargs))
    exact(model, "random_value"), exact(model, "optimal_value")
