"""Tasks on pools: items that may be labelled once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .task import LEARNERS, task

# A pool's optimum is an oracle, which no agent can play.
RANDOM = {"random": "random"}
POOL = RANDOM | LEARNERS
FEATURES = POOL | {"IDS": "ids(lam=2, samples=100, deterministic=True)", "LinUCB": "linucb"}
HUB = {"one hub, then greedy": "one_hub"}


def _half(dataset: str, horizon: int, target: str | None = None) -> dict[str, Any]:
    """Return the parameters of pools drawn from a table: half of its rows in each episode.

    On a whole table every episode would be the same pool, and a ranking one of that pool alone.
    """
    column = {} if target is None else {"target": f"yield[{target}]"}
    return {"dataset": dataset, **column, "rows": 0.5, "horizon": horizon}


DRAWN = "pools drawn from this table (real data), half of its rows in each episode."

# fmt: off
SOME_POOLS = (
    task("LinearPool", "Linear pool, 200 items",
         "Find the items with the largest labels, which are linear in 20 features, 40 noisy labels.",
         FEATURES, num_items=200, num_features=20, noise_std=1.0, horizon=40),
    task("GraphPool", "Star graph, 300 nodes",
         "Labelling a node also shows its neighbours; a third of the nodes are hubs that see all.",
         POOL | {"IDS": "ids(lam=3, samples=100)"} | HUB,
         topology="star", num_items=300, edge_prob=0.01, horizon=30),
    task("TablePool", "Diabetes, 221 of 442 patients",
         f"Find the patients whose disease progresses most, 25 examinations: {DRAWN}",
         FEATURES, **_half("diabetes", 25)),
    task("TablePool", "C-N couplings, 165 of 330 reactions",
         f"Find the couplings with the highest yields, 34 reactions: {DRAWN}",
         FEATURES, **_half("cncci", 34, "XPhos+P2Et")),
)

SMALL_POOLS = (
    task("TablePool", "Diabetes, 5 examinations",
         "Find the patients whose disease progresses most, among 221 of 442, with 5 examinations: "
         f"{DRAWN}", FEATURES, **_half("diabetes", 5)),
    task("LinearPool", "Small linear pool",
         "Find the items with the largest labels, which are linear in 3 features.",
         FEATURES, num_items=40, num_features=3, horizon=10),
    task("GraphPool", "Small graph", "Labelling a node also shows its neighbours.",
         POOL | {"IDS": "ids(lam=3, samples=100)"}, num_items=40, horizon=10),
    task("UnstructuredPool", "Small pool without structure",
         "Label items that tell nothing about each other: nobody beats chance.", RANDOM, horizon=5),
    task("LogisticPool", "Small logistic pool",
         "Labels are success or failure, with log odds linear in 3 features.",
         POOL, num_items=40, num_features=3, horizon=10),
    task("LowRankPool", "Small matrix of low rank",
         "Labels are the entries of a 6 by 6 matrix of low rank.",
         POOL, num_rows=6, num_cols=6, horizon=8),
)
# fmt: on

# ---- tuned


def _calls(rule: str, *settings: str, beliefs: Sequence[str] = ("",)) -> tuple[str, ...]:
    """Return the texts of a rule with each of some settings and each of some beliefs."""
    texts = []
    for belief in beliefs:
        for setting in settings or ("",):
            inside = ", ".join(part for part in (setting, belief and f"belief={belief}") if part)
            texts.append(f"{rule}({inside})" if inside else rule)
    return tuple(texts)


def _search(*beliefs: str) -> dict[str, tuple[str, ...]]:
    """Return the candidates of the agents that play every pool; without beliefs, of the default."""
    some = beliefs or ("",)
    return {
        "greedy": _calls("greedy", beliefs=some),
        "epsilon-greedy": _calls("epsilon_greedy", "epsilon=0.01", "epsilon=0.03", beliefs=some),
        "Bayes-UCB": _calls("bayes_ucb", "width=0.1", "width=0.3", "width=1", beliefs=some),
        "Thompson": _calls("thompson", beliefs=some),
        "IDS": tuple(
            text
            for lam in (("3", "8") if beliefs else ("2", "4", "8", "16"))
            for text in _calls("ids", f"lam={lam}, samples=100, deterministic=True", beliefs=some)
        ),
        "expected improvement": _calls("expected_improvement", beliefs=some),
        "learned": _calls("learned", beliefs=some),
    }


KNOWLEDGE = {"knowledge gradient": _calls("knowledge_gradient")}
LINUCB = {"LinUCB": _calls("linucb", "alpha=0.03", "alpha=0.1", "alpha=0.3", "alpha=1")}
BINARY = {
    "GLM-UCB": _calls("glm_ucb", "alpha=0.03", "alpha=0.1", "alpha=1"),
    "two-step search": _calls("active_search", "candidates=10", "candidates=50"),
    "ENS": _calls("ens", "candidates=3", "candidates=10"),
}
DEFAULTS = {name: texts[0].partition("(")[0] for name, texts in (_search() | LINUCB).items()}
"""The same agents with their default settings."""
TABLE = ("linear(noise_std=0.1)", "linear(noise_std=0.5)", "gp", "gp(kernel='matern')")
# The columns next to those that are judged; those after them are neither tuned on nor judged.
OTHER_PAIRS = (
    "t-BuXPhos+P2Et", "t-BuBrettPhos+P2Et", "AdBrettPhos+P2Et", "XPhos+BTMG", "AdBrettPhos+BTMG",
)  # fmt: skip
OTHER_MOLECULES = ("X3", "X4", "X5", "X6", "X8")

# fmt: off
POOLS = (
    task("LinearPool", "Linear, 20 features",
         "Find the items with the largest labels among 500, linear in 20 features, with 100 noisy "
         "labels.", RANDOM, search=_search() | KNOWLEDGE | LINUCB,
         num_items=500, num_features=20, noise_std=1.0, horizon=100),
    task("LinearPool", "Linear, plates of 12",
         "The same pool, 12 items at a time; the labels of a plate come when the next one is chosen "
         "already.", RANDOM, search=_search() | LINUCB,
         num_items=500, num_features=20, noise_std=1.0, horizon=96, batch_size=12, delay=1),
    task("LinearPool", "Sparse, 4 of 40 features",
         "Labels depend on 4 of 40 features, it is not known on which: 300 items, 40 labels.",
         RANDOM, search=_search("sparse(chains=128)", "linear") | LINUCB,
         num_items=300, num_features=40, sparsity=4, noise_std=1.0, horizon=40),
    task("LogisticPool", "Logistic, 10 features",
         "Labels are success or failure, with log odds linear in 10 features: 300 items, 100 labels.",
         RANDOM, search=_search() | BINARY, num_items=300, num_features=10, horizon=100),
    task("GraphPool", "Star graph, 900 nodes",
         "Labelling a node also shows its neighbours; a third of the nodes are hubs that see all. 50 "
         "labels.", RANDOM | HUB, search=_search(),
         topology="star", num_items=900, edge_prob=0.01, horizon=50),
    task("GraphPool", "Random graph, 300 nodes",
         "Labelling a node also shows its neighbours, six on average. 60 labels.",
         RANDOM | HUB, search=_search(), num_items=300, edge_prob=0.02, horizon=60),
    task("LowRankPool", "Low rank, 20 by 20",
         "Labels are the entries of a matrix of rank 2, such as substrates by catalysts. 60 labels.",
         RANDOM, search=_search("low_rank(chains=128)"),
         num_rows=20, num_cols=20, noise_std=0.3, horizon=60),
    task("TablePool", "Diabetes, 221 of 442 patients",
         "Find the patients whose disease progresses most, 45 examinations, by agents with their "
         f"default settings, for the table has no second column to tune on: {DRAWN}",
         RANDOM | DEFAULTS, **_half("diabetes", 45)),
    task("TablePool", "C-N couplings, 165 of 330 reactions",
         "Find the couplings with the highest yields, 34 reactions, by agents tuned on five other "
         f"pairs of ligand and base: {DRAWN}",
         RANDOM, search=_search(*TABLE) | LINUCB,
         tuned_on=tuple(_half("cncci", 34, pair) for pair in OTHER_PAIRS),
         **_half("cncci", 34, "XPhos+P2Et")),
    task("TablePool", "Photoredox, 40 of 80 conditions",
         "Find the conditions with the highest yields, 9 reactions, by agents tuned on five other "
         f"molecules: {DRAWN}",
         RANDOM, search=_search(*TABLE) | LINUCB,
         tuned_on=tuple(_half("pndc", 9, molecule) for molecule in OTHER_MOLECULES),
         **_half("pndc", 9, "X2")),
)
# fmt: on
