"""The pools of figure 1: six kinds, their agents, and what these were measured to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ....envs.core.arrays import Array
from ...runs.replay import curves
from ...suites.task import Suite, Task
from ..playing import Records
from ..report import Words
from .comparison import Comparison, compare

WORDS = Words(Path(__file__).with_name("figure_1.md"))
NEWCOMERS = {"greedy": "greedy", "Bayes-UCB": "bayes_ucb(width=1)"}
"""Plain rules that the paper does not compare: name -> agent as text."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of pool: two panels of the figure.

    Args:
        name: Name of its files.
        title: Name in words.
        panels: Letters of its two panels.
        about: What is found there, in one sentence.
        env_id: The environment.
        env_kwargs: Its parameters, but those of `settings`.
        axis: What is varied: the abscissa of the second panel.
        symbol: The same in short.
        settings: Value on the axis -> the parameters that go with it.
        shown: The value whose curve the first panel shows.
        steps: Length of that curve, in labels.
        early: Numbers of labels after which regret is read; the second panel shows the last.
        agents: Name -> agent as text.
        thin: How many times fewer pools are played, because a decision takes long.
    """

    name: str
    title: str
    panels: tuple[str, str]
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    axis: str
    symbol: str
    settings: Mapping[float, Mapping[str, Any]]
    shown: float
    steps: int
    early: tuple[int, ...]
    agents: Mapping[str, str]
    thin: int = 1

    def setting(self, value: float) -> str:
        """Return a setting in words."""
        return f"{self.title}, {self.symbol} = {value:g}"

    def suite(self, episodes: int, seed: int) -> Suite:
        """Return a task per setting; only the one whose curve is shown is played to the end."""
        tasks = tuple(
            Task(
                name=self.setting(value),
                about=self.about,
                env_id=self.env_id,
                env_kwargs={
                    **self.env_kwargs,
                    **parameters,
                    "horizon": self.steps if value == self.shown else self.early[-1],
                },
                agents=self.agents,
            )
            for value, parameters in self.settings.items()
        )
        return Suite(
            name=f"asd-figure-1-{self.name}",
            version=1,
            about=f"figure 1 of Adaptive Sampling for Discovery: {self.title}",
            episodes=max(2, episodes // self.thin),
            tasks=tasks,
            seed=seed,
        )


DIMENSIONS = {float(d): {"num_features": d} for d in (20, 50, 100)}


def _noise(*variances: float) -> dict[float, dict[str, float]]:
    return {variance: {"noise_std": math.sqrt(variance)} for variance in variances}


def _agents(ids: str, ucb: str | None = None, **more: str) -> dict[str, str]:
    """Return the agents of a kind: the paper's, those that join them, and a kind's own."""
    bandit = {} if ucb is None else {"UCB": ucb}
    return {"random": "random", "TS": "thompson", **bandit, "IDS": ids, **NEWCOMERS, **more}


def _graph(topology: str, panels: tuple[str, str], about: str, agents: dict[str, str]) -> Kind:
    return Kind(
        name=f"{topology}_graph",
        title=f"{topology.capitalize()} graph",
        panels=panels,
        about=about,
        env_id="discovery/GraphPool-v0",
        env_kwargs={"topology": topology, "num_items": 900, "edge_prob": 0.01},
        axis="variance σ² of the noise",
        symbol="σ²",
        settings=_noise(0.1, 1.0, 10.0),
        shown=0.1,
        steps=50,
        early=(50,),
        agents=agents,
    )


GRAPH_AGENTS = _agents("ids(lam=3, samples=100, deterministic=True)")

KINDS = (
    Kind(
        name="linear",
        title="Linear model",
        panels=("a", "b"),
        about="Labels are linear in d features.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={"num_items": 500, "noise_std": 0.1},
        axis="number d of features",
        symbol="d",
        settings=DIMENSIONS,
        shown=20,
        steps=500,
        early=(100,),
        agents=_agents("ids(lam=2, samples=100, deterministic=True)", "linucb"),
    ),
    Kind(
        name="logistic",
        title="Logistic model",
        panels=("c", "d"),
        about="Labels are 0 or 1; the log-odds of a 1 are linear in d features.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 500},
        axis="number d of features",
        symbol="d",
        settings=DIMENSIONS,
        shown=20,
        steps=500,
        early=(100, 250),
        agents=_agents("ids(lam=2, samples=1000, deterministic=True)", "glm_ucb"),
        thin=2,
    ),
    _graph(
        "random",
        ("e", "f"),
        "A label also shows noisy values of the neighbours; each pair of nodes is linked with "
        "probability 0.01.",
        GRAPH_AGENTS,
    ),
    _graph(
        "complete",
        ("g", "h"),
        "Every label shows noisy values of all nodes, so that none tells more than another.",
        GRAPH_AGENTS,
    ),
    _graph(
        "star",
        ("i", "j"),
        "A third of the nodes are hubs, linked to all; the rest are linked with probability 0.01.",
        GRAPH_AGENTS | {"one hub": "one_hub"},
    ),
    Kind(
        name="low_rank",
        title="Low-rank matrix",
        panels=("k", "l"),
        about="Items are the 900 entries of a 30 x 30 matrix of rank 2.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 30, "num_cols": 30, "rank": 2},
        axis="variance σ² of the noise",
        symbol="σ²",
        settings=_noise(0.1, 0.5, 1.0),
        shown=0.1,
        steps=100,
        early=(100,),
        agents=_agents("ids(lam=3, samples=256, deterministic=True)"),
        thin=2,
    ),
)


# ---- what was measured


@dataclass(frozen=True, kw_only=True)
class Played:
    """A kind of pool and the records of its runs, by task and agent."""

    kind: Kind
    records: Records

    @cached_property
    def curves(self) -> dict[float, dict[str, Array]]:
        """Regret of every agent at each setting after each label, ``(E, T)``.

        Records keep it after some labels only; their actions give it after all of them.
        """
        return {
            value: {
                agent: curves(record)
                for agent, record in self.records[self.kind.setting(value)].items()
            }
            for value in self.kind.settings
        }

    @property
    def pools(self) -> int:
        """The number E of pools."""
        return len(self.regrets(self.kind.shown)["random"])

    def regrets(self, value: float, step: int | None = None) -> dict[str, Array]:
        """Return the regret of every agent after ``step`` labels, ``(E,)``; None: the last early."""
        at = (step or self.kind.early[-1]) - 1
        return {agent: curve[:, at] for agent, curve in self.curves[value].items()}

    def compare(self, ours: str, theirs: str) -> list[Comparison]:
        """Compare two agents at every setting; none where one of them does not play."""
        if not {ours, theirs} <= self.kind.agents.keys():
            return []
        return [
            compare(self.kind.setting(value), ours, theirs, [self.regrets(value)])
            for value in self.kind.settings
        ]

    @cached_property
    def means(self) -> dict[str, list[float]]:
        """Mean regret of every agent at every setting."""
        return {
            agent: [float(self.regrets(value)[agent].mean()) for value in self.kind.settings]
            for agent in self.kind.agents
        }


def every(played: Sequence[Played], ours: str, theirs: str) -> list[Comparison]:
    """Compare two agents at every setting of every kind on which both play."""
    return [comparison for one in played for comparison in one.compare(ours, theirs)]


def plus_minus(regret: Array) -> tuple[Array, Array]:
    """Return mean and half the 95 % interval over episodes (normal), from ``(E, ...)``."""
    return regret.mean(0), 1.96 * regret.std(0, ddof=1) / math.sqrt(len(regret))
