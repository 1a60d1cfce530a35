"""Tasks on campaigns: batches of experiments that cost money."""

from __future__ import annotations

from typing import Any

from .task import BOUNDS, LEARNERS, task

LEARNED = {"learned": "learned"}
"""A policy that the package brings, for tasks with the parameters that it was trained for."""


def _campaign(smallest: str, tuned: str, largest: str) -> dict[str, str]:
    """Return agents that know the optimum, know nothing, or repeat one batch.

    The tuned batch is the best of all fixed actions on the tuning seeds 0 to 999.
    """
    batches = {"smallest batch": smallest, "tuned batch": tuned, "largest batch": largest}
    return BOUNDS | {name: f"fixed({setting})" for name, setting in batches.items()}


CLIMBERS = _campaign("batch_size=1", "batch_size=32", "batch_size=128")
LADDER: dict[str, Any] = {
    "target": 99, "p_scale": 1000.0, "cost_per_batch": 20.0, "cost_per_experiment": 1.0,
}  # fmt: skip
MACHINES: dict[str, Any] = {
    "beta_priors": [[1, 4], [3, 12]], "objective": "count", "cost_per_batch": 0.2,
}  # fmt: skip

# fmt: off
CAMPAIGNS = (
    task("KnowledgeLadder", "Ladder, priced",
         "Climb 99 rungs. A batch costs 20, each experiment in it 1: how large should batches be, and "
         "when should they shrink?",
         CLIMBERS | LEARNED, **LADDER, horizon=2000),
    task("KnowledgeLadder", "Ladder, deadline",
         "The same ladder with 300 batches at most and a prize of 10,000 at the top: haste costs, and "
         "being late costs more.",
         CLIMBERS, **LADDER, target_reward=10_000.0, horizon=300),
    task("GaussianStep", "Gaussian step, priced",
         "Improve by 100 units. Batches, experiments and boldness all cost: many experiments, or few "
         "bold ones?",
         _campaign("batch_size=1, std=1", "batch_size=96, std=4", "batch_size=96, std=4") | LEARNED,
         target=100.0, batch_sizes=[1, 8, 96], stds=[1.0, 2.0, 4.0], std_costs=[0.0, 4.0, 20.0],
         cost_per_batch=10.0, cost_per_experiment=0.25, horizon=300),
    task("GaussianStep", "Gaussian step, deadline",
         "Improve by 20 units within 15 batches for a prize of 60.",
         _campaign("batch_size=1, std=0.5", "batch_size=8, std=2", "batch_size=96, std=2"),
         target=20.0, batch_sizes=[1, 8, 96], stds=[0.5, 1.0, 2.0], std_costs=[0.0, 0.5, 2.0],
         cost_per_batch=1.0, cost_per_experiment=0.025, target_reward=60.0, horizon=15),
    task("BinomialDiscovery", "Binomial, invest",
         "Successes are rare and pay 5 each, 30 epochs are left: buy a better model, more throughput, "
         "or neither?",
         _campaign("batch_size=1", "batch_size=16", "batch_size=16"),
         success_probs=[0.02], objective="count", success_reward=5.0, cost_per_batch=1.0,
         cost_per_experiment=0.05, model_upgrade=[1.5, 8.0, 3], throughput_upgrade=[2, 6.0, 2],
         batch_sizes=[1, 4, 16], horizon=30),
    task("BinomialDiscovery", "Binomial, unknown machines",
         "Two machines of unknown quality, ten epochs: which one to trust, and with how much?",
         _campaign("batch_size=1", "batch_size=4, machine=0", "batch_size=4") | LEARNERS,
         **MACHINES, cost_per_experiment=0.15, batch_sizes=[1, 4], horizon=10),
)

SMALL_CAMPAIGNS = (
    task("KnowledgeLadder", "Small ladder", "Climb 10 rungs with batches that cost.",
         _campaign("batch_size=1", "batch_size=8", "batch_size=8"),
         target=10, batch_sizes=[1, 8], cost_per_experiment=0.2, horizon=100),
    task("GaussianStep", "Small step", "Improve by 10 units with batches that cost.",
         _campaign("batch_size=1", "batch_size=96", "batch_size=96"),
         target=10.0, cost_per_experiment=0.02, horizon=40),
    task("BinomialDiscovery", "Two unknown machines",
         "Five epochs on two machines of unknown quality.",
         BOUNDS | LEARNERS, **MACHINES, batch_sizes=[1, 4], horizon=5),
)
# fmt: on
