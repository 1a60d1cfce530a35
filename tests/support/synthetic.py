"""Records of runs that nobody played, with the returns that a test asks for."""

import numpy as np

from discovery_gym.experiments.runs.evaluation import Evaluation
from discovery_gym.experiments.runs.record import Record
from discovery_gym.experiments.runs.spec import RunSpec

POOL, TABLE, CAMPAIGN = (
    "discovery/LinearPool-v0",
    "discovery/TablePool-v0",
    "discovery/KnowledgeLadder-v0",
)


def record(
    name, returns, *, task="Task", env_id=POOL, truth=(0.0, 1.0), role="", flags=None, suite="mine"
):
    """Return the record of an agent on a task.

    Args:
        name: Name of the agent.
        returns: Of each episode; ``None`` for a run that has failed.
        task: Name of the task.
        env_id: Its environment.
        truth: Exact values of random and of best play.
        role: "random", "optimal" or "".
        flags: What is odd about an entry of somebody else; ``None`` for a run of our own.
        suite: Name of the suite.
    """
    count = 32 if returns is None else len(returns)
    spec = RunSpec(
        suite=suite, version=1, task=task, about="For a test.", name=name, env_id=env_id,
        env_kwargs={"num_items": 9}, agent=role or "greedy", episodes=count, seed=1_000_000,
    )  # fmt: skip
    played = None
    if returns is not None:
        played = Evaluation(
            env_id=env_id, env_kwargs=spec.env_kwargs, agent=spec.agent, role=role, seed=spec.seed,
            returns=np.asarray(returns, np.float64), lengths=np.full(count, 3), regret=None,
            points=np.zeros(0, np.int64), after=np.zeros((count, 0)), metrics={},
            decision_seconds={"mean": 1e-6}, random_value=truth[0], optimal_value=truth[1],
        )  # fmt: skip
    entry = None
    if flags is not None:
        entry = {"name": name, "digest": "0" * 64, "status": "verified", "flags": flags, "card": {}}
    return Record(
        id=f"{abs(hash((name, task))):016x}"[:16], spec=spec, fingerprint="0" * 16, evaluation=played,
        error="boom" if returns is None else None, versions={"python": "3.12"}, platform={},
        machine="none", created=1.0, entry=entry,
    )  # fmt: skip
