"""Tasks on pools: items that may be labelled once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .task import LEARNERS, Task

# A pool's optimum is an oracle, which no agent can play.
POOL = {"random": "random"} | LEARNERS
FEATURES = POOL | {"IDS": "ids(lam=2, samples=100, deterministic=True)", "LinUCB": "linucb"}

LINEAR_POOL = Task(
    name="Linear pool, 200 items",
    about="Find the items with the largest labels, which are linear in 20 features, 40 noisy labels.",
    env_id="discovery/LinearPool-v0",
    env_kwargs={"num_items": 200, "num_features": 20, "noise_std": 1.0, "horizon": 40},
    agents=FEATURES,
)

STAR_POOL = Task(
    name="Star graph, 300 nodes",
    about="Labelling a node also shows its neighbours; a third of the nodes are hubs that see all.",
    env_id="discovery/GraphPool-v0",
    env_kwargs={"topology": "star", "num_items": 300, "edge_prob": 0.01, "horizon": 30},
    agents=POOL | {"IDS": "ids(lam=3, samples=100)", "one hub, then greedy": "one_hub"},
)


def _half(dataset: str, horizon: int, target: str | None = None) -> dict[str, Any]:
    """Return the parameters of pools drawn from a table: half of its rows in each episode.

    On a whole table every episode would be the same pool, and a ranking one of that pool alone.
    """
    column = {} if target is None else {"target": f"yield[{target}]"}
    return {"dataset": dataset, **column, "rows": 0.5, "horizon": horizon}


DRAWN = "pools drawn from this table (real data), half of its rows in each episode."

DIABETES = Task(
    name="Diabetes, 221 of 442 patients",
    about=f"Find the patients whose disease progresses most, 25 examinations: {DRAWN}",
    env_id="discovery/TablePool-v0",
    env_kwargs=_half("diabetes", 25),
    agents=FEATURES,
)

COUPLINGS = Task(
    name="C-N couplings, 165 of 330 reactions",
    about=f"Find the couplings with the highest yields, 34 reactions: {DRAWN}",
    env_id="discovery/TablePool-v0",
    env_kwargs=_half("cncci", 34, "XPhos+P2Et"),
    agents=FEATURES,
    needs="cncci",
)

SOME_POOLS = (LINEAR_POOL, STAR_POOL, DIABETES, COUPLINGS)

SMALL_POOLS = (
    Task(
        name="Diabetes, 5 examinations",
        about="Find the patients whose disease progresses most, among 221 of 442, with 5 "
        f"examinations: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("diabetes", 5),
        agents=FEATURES,
    ),
    Task(
        name="Small linear pool",
        about="Find the items with the largest labels, which are linear in 3 features.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={"num_items": 40, "num_features": 3, "horizon": 10},
        agents=FEATURES,
    ),
    Task(
        name="Small graph",
        about="Labelling a node also shows its neighbours.",
        env_id="discovery/GraphPool-v0",
        env_kwargs={"num_items": 40, "horizon": 10},
        agents=POOL | {"IDS": "ids(lam=3, samples=100)"},
    ),
    Task(
        name="Small pool without structure",
        about="Label items that tell nothing about each other: nobody beats chance.",
        env_id="discovery/UnstructuredPool-v0",
        env_kwargs={"horizon": 5},
        agents={"random": "random"},
    ),
    Task(
        name="Small logistic pool",
        about="Labels are success or failure, with log odds linear in 3 features.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 40, "num_features": 3, "horizon": 10},
        agents=POOL,
    ),
    Task(
        name="Small matrix of low rank",
        about="Labels are the entries of a 6 by 6 matrix of low rank.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 6, "num_cols": 6, "horizon": 8},
        agents=POOL,
    ),
)

# ---- tuned


def _calls(rule: str, *settings: str, beliefs: Sequence[str] = ("",)) -> tuple[str, ...]:
    """Return the texts of a rule with each of some settings and each of some beliefs."""
    texts = []
    for belief in beliefs:
        for setting in settings or ("",):
            inside = ", ".join(part for part in (setting, belief and f"belief={belief}") if part)
            texts.append(f"{rule}({inside})" if inside else rule)
    return tuple(texts)


def _search(*beliefs: str, more: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
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
        **(more or {}),
    }


KNOWLEDGE = {"knowledge gradient": _calls("knowledge_gradient")}
LINUCB = {"LinUCB": _calls("linucb", "alpha=0.03", "alpha=0.1", "alpha=0.3", "alpha=1")}
DEFAULTS = {
    "greedy": "greedy",
    "epsilon-greedy": "epsilon_greedy",
    "Bayes-UCB": "bayes_ucb",
    "Thompson": "thompson",
    "IDS": "ids",
    "expected improvement": "expected_improvement",
    "learned": "learned",
    "LinUCB": "linucb",
}
TABLE = ("linear(noise_std=0.1)", "linear(noise_std=0.5)", "gp", "gp(kernel='matern')")
# The columns next to those that are judged; the ones behind them are neither tuned on nor judged.
OTHER_PAIRS = (
    "t-BuXPhos+P2Et",
    "t-BuBrettPhos+P2Et",
    "AdBrettPhos+P2Et",
    "XPhos+BTMG",
    "AdBrettPhos+BTMG",
)
OTHER_MOLECULES = ("X3", "X4", "X5", "X6", "X8")

POOLS = (
    Task(
        name="Linear, 20 features",
        about="Find the items with the largest labels among 500, linear in 20 features, with 100 "
        "noisy labels.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={"num_items": 500, "num_features": 20, "noise_std": 1.0, "horizon": 100},
        agents={"random": "random"},
        search=_search(more=KNOWLEDGE | LINUCB),
    ),
    Task(
        name="Linear, plates of 12",
        about="The same pool, 12 items at a time; the labels of a plate come when the next one is "
        "chosen already.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={
            "num_items": 500,
            "num_features": 20,
            "noise_std": 1.0,
            "horizon": 96,
            "batch_size": 12,
            "delay": 1,
        },
        agents={"random": "random"},
        search=_search(more=LINUCB),
    ),
    Task(
        name="Sparse, 4 of 40 features",
        about="Labels depend on 4 of 40 features, it is not known on which: 300 items, 40 labels.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={
            "num_items": 300,
            "num_features": 40,
            "sparsity": 4,
            "noise_std": 1.0,
            "horizon": 40,
        },
        agents={"random": "random"},
        search=_search("sparse(chains=128)", "linear", more=LINUCB),
    ),
    Task(
        name="Logistic, 10 features",
        about="Labels are success or failure, with log odds linear in 10 features: 300 items, 100 "
        "labels.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 300, "num_features": 10, "horizon": 100},
        agents={"random": "random"},
        search=_search(
            more={
                "GLM-UCB": _calls("glm_ucb", "alpha=0.03", "alpha=0.1", "alpha=1"),
                "two-step search": _calls("active_search", "candidates=10", "candidates=50"),
                "ENS": _calls("ens", "candidates=3", "candidates=10"),
            }
        ),
    ),
    Task(
        name="Star graph, 900 nodes",
        about="Labelling a node also shows its neighbours; a third of the nodes are hubs that see "
        "all. 50 labels.",
        env_id="discovery/GraphPool-v0",
        env_kwargs={"topology": "star", "num_items": 900, "edge_prob": 0.01, "horizon": 50},
        agents={"random": "random", "one hub, then greedy": "one_hub"},
        search=_search(),
    ),
    Task(
        name="Random graph, 300 nodes",
        about="Labelling a node also shows its neighbours, six on average. 60 labels.",
        env_id="discovery/GraphPool-v0",
        env_kwargs={"num_items": 300, "edge_prob": 0.02, "horizon": 60},
        agents={"random": "random", "one hub, then greedy": "one_hub"},
        search=_search(),
    ),
    Task(
        name="Low rank, 20 by 20",
        about="Labels are the entries of a matrix of rank 2, such as substrates by catalysts. 60 "
        "labels.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 20, "num_cols": 20, "noise_std": 0.3, "horizon": 60},
        agents={"random": "random"},
        search=_search("low_rank(chains=128)"),
    ),
    Task(
        name="Diabetes, 221 of 442 patients",
        about="Find the patients whose disease progresses most, 45 examinations, by agents with their "
        f"default settings, for the table has no second column to tune on: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("diabetes", 45),
        agents={"random": "random", **DEFAULTS},
    ),
    Task(
        name="C-N couplings, 165 of 330 reactions",
        about="Find the couplings with the highest yields, 34 reactions, by agents tuned on five other "
        f"pairs of ligand and base: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("cncci", 34, "XPhos+P2Et"),
        agents={"random": "random"},
        search=_search(*TABLE, more=LINUCB),
        tuned_on=tuple(_half("cncci", 34, pair) for pair in OTHER_PAIRS),
        needs="cncci",
    ),
    Task(
        name="Photoredox, 40 of 80 conditions",
        about="Find the conditions with the highest yields, 9 reactions, by agents tuned on five other "
        f"molecules: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("pndc", 9, "X2"),
        agents={"random": "random"},
        search=_search(*TABLE, more=LINUCB),
        tuned_on=tuple(_half("pndc", 9, molecule) for molecule in OTHER_MOLECULES),
        needs="pndc",
    ),
)
