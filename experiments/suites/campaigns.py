"""Tasks on campaigns: batches of experiments that cost money."""

from __future__ import annotations

from typing import Any

from .task import BOUNDS, LEARNERS, Task

LEARNED = {"learned": "learned"}
"""A policy that the package brings, for tasks with the parameters that it was trained for."""


def _campaign(smallest: str, tuned: str, largest: str) -> dict[str, str]:
    """Return agents that know the optimum, know nothing, or repeat one batch.

    The tuned batch is the best of all fixed actions on the tuning seeds 0 to 999.
    """
    batches = {"smallest batch": smallest, "tuned batch": tuned, "largest batch": largest}
    return BOUNDS | {name: f"fixed({setting})" for name, setting in batches.items()}


LADDER: dict[str, Any] = {
    "target": 99,
    "p_scale": 1000.0,
    "cost_per_batch": 20.0,
    "cost_per_experiment": 1.0,
}

PRICED_LADDER = Task(
    name="Ladder, priced",
    about="Climb 99 rungs. A batch costs 20, each experiment in it 1: how large should batches be, "
    "and when should they shrink?",
    env_id="discovery/KnowledgeLadder-v0",
    env_kwargs=LADDER | {"horizon": 2000},
    agents=_campaign("batch_size=1", "batch_size=32", "batch_size=128") | LEARNED,
)

LADDER_DEADLINE = Task(
    name="Ladder, deadline",
    about="The same ladder with 300 batches at most and a prize of 10,000 at the top: haste costs, "
    "and being late costs more.",
    env_id="discovery/KnowledgeLadder-v0",
    env_kwargs=LADDER | {"target_reward": 10_000.0, "horizon": 300},
    agents=_campaign("batch_size=1", "batch_size=32", "batch_size=128"),
)

PRICED_STEP = Task(
    name="Gaussian step, priced",
    about="Improve by 100 units. Batches, experiments and boldness all cost: many experiments, or "
    "few bold ones?",
    env_id="discovery/GaussianStep-v0",
    env_kwargs={
        "target": 100.0,
        "batch_sizes": [1, 8, 96],
        "stds": [1.0, 2.0, 4.0],
        "std_costs": [0.0, 4.0, 20.0],
        "cost_per_batch": 10.0,
        "cost_per_experiment": 0.25,
        "horizon": 300,
    },
    agents=_campaign("batch_size=1, std=1", "batch_size=96, std=4", "batch_size=96, std=4")
    | LEARNED,
)

STEP_DEADLINE = Task(
    name="Gaussian step, deadline",
    about="Improve by 20 units within 15 batches for a prize of 60.",
    env_id="discovery/GaussianStep-v0",
    env_kwargs={
        "target": 20.0,
        "batch_sizes": [1, 8, 96],
        "stds": [0.5, 1.0, 2.0],
        "std_costs": [0.0, 0.5, 2.0],
        "cost_per_batch": 1.0,
        "cost_per_experiment": 0.025,
        "target_reward": 60.0,
        "horizon": 15,
    },
    agents=_campaign("batch_size=1, std=0.5", "batch_size=8, std=2", "batch_size=96, std=2"),
)

INVESTMENT = Task(
    name="Binomial, invest",
    about="Successes are rare and pay 5 each, 30 epochs are left: buy a better model, more "
    "throughput, or neither?",
    env_id="discovery/BinomialDiscovery-v0",
    env_kwargs={
        "success_probs": [0.02],
        "objective": "count",
        "success_reward": 5.0,
        "cost_per_batch": 1.0,
        "cost_per_experiment": 0.05,
        "model_upgrade": [1.5, 8.0, 3],
        "throughput_upgrade": [2, 6.0, 2],
        "batch_sizes": [1, 4, 16],
        "horizon": 30,
    },
    agents=_campaign("batch_size=1", "batch_size=16", "batch_size=16"),
)

UNKNOWN_MACHINES = Task(
    name="Binomial, unknown machines",
    about="Two machines of unknown quality, ten epochs: which one to trust, and with how much?",
    env_id="discovery/BinomialDiscovery-v0",
    env_kwargs={
        "beta_priors": [[1, 4], [3, 12]],
        "objective": "count",
        "cost_per_batch": 0.2,
        "cost_per_experiment": 0.15,
        "batch_sizes": [1, 4],
        "horizon": 10,
    },
    agents=_campaign("batch_size=1", "batch_size=4, machine=0", "batch_size=4") | LEARNERS,
)

CAMPAIGNS = (
    PRICED_LADDER,
    LADDER_DEADLINE,
    PRICED_STEP,
    STEP_DEADLINE,
    INVESTMENT,
    UNKNOWN_MACHINES,
)

SMALL_CAMPAIGNS = (
    Task(
        name="Small ladder",
        about="Climb 10 rungs with batches that cost.",
        env_id="discovery/KnowledgeLadder-v0",
        env_kwargs={
            "target": 10,
            "batch_sizes": [1, 8],
            "cost_per_experiment": 0.2,
            "horizon": 100,
        },
        agents=_campaign("batch_size=1", "batch_size=8", "batch_size=8"),
    ),
    Task(
        name="Small step",
        about="Improve by 10 units with batches that cost.",
        env_id="discovery/GaussianStep-v0",
        env_kwargs={"target": 10.0, "cost_per_experiment": 0.02, "horizon": 40},
        agents=_campaign("batch_size=1", "batch_size=96", "batch_size=96"),
    ),
    Task(
        name="Two unknown machines",
        about="Five epochs on two machines of unknown quality.",
        env_id="discovery/BinomialDiscovery-v0",
        env_kwargs={
            "beta_priors": [[1, 4], [3, 12]],
            "objective": "count",
            "cost_per_batch": 0.2,
            "batch_sizes": [1, 4],
            "horizon": 5,
        },
        agents=BOUNDS | LEARNERS,
    ),
)
