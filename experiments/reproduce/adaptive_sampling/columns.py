"""The printed table 1, column by column, with its agents and what these were measured to do.

The labels that the paper prints above its columns are permuted; `TABLE` puts them right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ....envs.core.arrays import Array
from ...suites.task import Task
from ..playing import Records
from .comparison import PAPER, Comparison, compare


class Column(NamedTuple):
    """A column of the printed table; mean and standard deviation of the regret of 10 runs."""

    dataset: str
    printed: str  # the label that the paper prints
    real: str  # the column of the data set whose results these are
    random: tuple[float, float]
    ids: tuple[float, float]
    ts: tuple[float, float]
    ucb: float  # deterministic

    @property
    def paper(self) -> dict[str, float]:
        """The printed means."""
        means = (self.random[0], self.ts[0], self.ucb, self.ids[0])
        return dict(zip(PAPER, means, strict=True))

    @property
    def task(self) -> str:
        """The name of its task."""
        return f"{self.dataset.upper()} {self.real}"


# fmt: off
TABLE = (
    Column("cncci", "L1+B1", "t-BuXPhos+P2Et", (25.65, 2.11), (15.55, 1.52), (11.84, 1.04), 13.63),
    Column("cncci", "L2+B1", "AdBrettPhos+BTMG", (23.08, 1.98), (7.90, 0.28), (9.82, 2.23), 10.08),
    Column("cncci", "L3+B1", "XPhos+MTBD", (19.90, 1.19), (10.03, 0.88), (11.58, 4.31), 12.00),
    Column("cncci", "L4+B1", "XPhos+BTMG", (15.96, 0.83), (10.81, 0.79), (10.39, 0.81), 11.98),
    Column("cncci", "L1+B2", "AdBrettPhos+P2Et", (29.59, 1.26), (10.76, 0.51), (12.49, 1.10), 17.41),
    Column("cncci", "L4+B2", "t-BuBrettPhos+P2Et", (28.78, 2.59), (10.51, 1.32), (12.68, 2.33), 15.60),
    Column("cncci", "L1+B3", "XPhos+P2Et", (19.84, 0.81), (8.63, 0.97), (10.61, 0.99), 12.42),
    Column("cncci", "L3+B3", "AdBrettPhos+MTBD", (29.03, 2.22), (8.76, 0.32), (12.44, 7.39), 11.49),
    Column("cncci", "L4+B3", "t-BuBrettPhos+MTBD", (27.08, 2.51), (9.44, 0.52), (9.80, 2.39), 12.32),
    Column("pndc", "X2", "X2", (8.77, 1.44), (6.53, 0.20), (7.64, 1.11), 9.63),
    Column("pndc", "X3", "X12", (7.74, 0.75), (5.70, 0.52), (6.67, 1.09), 7.66),
    Column("pndc", "X4", "X5", (2.12, 0.20), (1.56, 0.06), (2.15, 0.48), 2.58),
    Column("pndc", "X5", "X11", (1.70, 0.15), (0.81, 0.01), (1.22, 0.38), 1.42),
    Column("pndc", "X6", "X6", (4.96, 0.72), (3.44, 0.81), (4.07, 1.30), 5.26),
    Column("pndc", "X8", "X14", (9.90, 1.47), (9.35, 0.96), (9.78, 1.69), 10.43),
    Column("pndc", "X11", "X15", (7.15, 1.21), (2.40, 0.12), (2.90, 1.76), 3.58),
    Column("pndc", "X12", "X13", (5.27, 0.92), (3.95, 0.19), (4.42, 0.90), 5.28),
    Column("pndc", "X13", "X4", (4.44, 0.43), (3.22, 0.21), (4.79, 1.17), 4.53),
    Column("pndc", "X14", "X8", (5.72, 0.35), (4.94, 0.07), (5.39, 0.64), 5.86),
    Column("pndc", "X15", "X3", (2.65, 0.47), (1.09, 0.03), (1.35, 0.43), 2.03),
)
# fmt: on

DATASETS = {
    "cncci": "C-N cross-couplings with isoxazoles: 330 reactions, 67 labels",
    "pndc": "photoredox nickel dual catalysis: 80 conditions, 17 labels",
}
NOISE = {"cncci": 0.01, "pndc": 0.1}
"""Standard deviation of the noise that the linear belief assumes: the paper's table fits these."""

OTHER_BELIEF = ("GP greedy", "GP-UCB")
"""These believe in a Gaussian process; all the others believe in a linear model."""
NEWCOMERS = ("greedy", "Bayes-UCB", *OTHER_BELIEF)


def agents_of(noise_std: float) -> dict[str, str]:
    """Return the agents by name: the paper's, then those that join them."""
    linear = f"belief=linear(prior_std=1, noise_std={noise_std})"
    return {
        "random": "random",
        "TS": f"thompson({linear})",
        "UCB": "linucb",
        "IDS": f"ids(lam=2, samples=1000, deterministic=True, {linear})",
        "greedy": f"greedy({linear})",
        "Bayes-UCB": f"bayes_ucb(width=1, {linear})",
        "GP greedy": "greedy(belief=gp)",
        "GP-UCB": "bayes_ucb(width=0.5, belief=gp)",
    }


def task_of(column: Column) -> Task:
    """Return the task of a column."""
    return Task(
        name=column.task,
        about=DATASETS[column.dataset],
        env_id="discovery/TablePool-v0",  # by default int(0.2 n) + 1 labels, as in the table
        env_kwargs={"dataset": column.dataset, "target": f"yield[{column.real}]"},
        agents=agents_of(NOISE[column.dataset]),
    )


@dataclass(frozen=True)
class Results:
    """What the runs on one data set found; the records, by task and agent, have others too."""

    dataset: str
    records: Records

    @property
    def name(self) -> str:
        """The paper's name of the data set."""
        return self.dataset.upper()

    @property
    def columns(self) -> list[Column]:
        """The columns of the printed table."""
        return [column for column in TABLE if column.dataset == self.dataset]

    def regrets(self, column: Column) -> dict[str, Array]:
        """Return the regret of every agent's runs on a column, ``(E,)``."""
        records = self.records[column.task]
        return {agent: one.regret for agent, one in records.items() if one.regret is not None}

    def exact_random(self, column: Column) -> float:
        """Return the exact expected regret of random choice: k labels of the best minus k means."""
        record = self.records[column.task]["random"]
        assert record.optimal_value is not None  # tables know both
        assert record.random_value is not None
        return record.optimal_value - record.random_value

    @property
    def mean_exact_random(self) -> float:
        """The mean over columns of the exact expected regret of random choice."""
        return float(np.mean([self.exact_random(column) for column in self.columns]))

    def mean(self, agent: str) -> float:
        """Return the mean over columns of an agent's mean regret."""
        return float(np.mean([self.regrets(column)[agent].mean() for column in self.columns]))

    def paper_mean(self, agent: str) -> float:
        """Return the mean over columns of the paper's figures."""
        return float(np.mean([column.paper[agent] for column in self.columns]))

    def compare(self, ours: str, theirs: str) -> Comparison:
        """Compare two agents over all columns."""
        tasks = [self.regrets(column) for column in self.columns]
        return compare(self.name, ours, theirs, tasks)

    def compare_columns(self, ours: str, theirs: str) -> list[Comparison]:
        """Compare two agents on each column."""
        return [
            compare(column.real, ours, theirs, [self.regrets(column)]) for column in self.columns
        ]
