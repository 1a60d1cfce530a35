"""What a suite is: tasks, the agents that meet on them, and the runs that follow.

A suite is changed by raising its version; records of different versions are never mixed. An
agent may be tuned for a suite on every seed below `EVALUATION_SEED`, and on none above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...agents.making import full_text
from ...envs.datasets import available, catalogue
from ..runs.evaluation import EVALUATION_SEED
from ..runs.spec import RunSpec

BOUNDS = {"random": "random", "optimal": "optimal"}
LEARNERS = {"greedy": "greedy", "Bayes-UCB, 1 sd": "bayes_ucb(width=1)", "Thompson": "thompson"}
"""Agents that meet on more than one kind of task: the ends of a score's scale, and simple learners."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One environment and the agents that meet it.

    Args:
        name: Short readable name.
        about: The decision, in one line; the page shows it.
        env_id: The environment.
        env_kwargs: Its parameters, where they differ from the defaults.
        agents: Name on the leaderboard -> the agent as text.
        search: Name on the leaderboard -> candidates, of which `tuning` has chosen one.
        tuned_on: Parameters of the problems on which it has, each in the place of `env_kwargs`; empty:
            its own. A table is one instance, whose other seeds hold the same labels: its agents are
            tuned on other columns or tables.
        metrics: What records keep besides the returns, such as "information_bounds(contrasts=1000)".
    """

    name: str
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    agents: Mapping[str, str]
    search: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tuned_on: Sequence[Mapping[str, Any]] = ()
    metrics: tuple[str, ...] = ()

    @property
    def needs(self) -> str | None:
        """Named data set without which the task is skipped; ``None``: none."""
        name = self.env_kwargs.get("dataset")
        return name if name in catalogue() else None

    @property
    def missing(self) -> str | None:
        """Why the task cannot be played here; ``None`` if it can."""
        if self.needs is None or self.needs in available():
            return None
        return f"data set {self.needs!r} is not here (name its folder in DISCOVERY_GYM_DATA)"


def task(
    env: str,
    name: str,
    about: str,
    agents: Mapping[str, str],
    /,
    *,
    search: Mapping[str, Sequence[str]] | None = None,
    tuned_on: Sequence[Mapping[str, Any]] = (),
    **env_kwargs: Any,
) -> Task:
    """Return a row of a suite's table: a task in ``discovery/<env>-v0`` with these parameters."""
    return Task(
        name=name,
        about=about,
        env_id=f"discovery/{env}-v0",
        env_kwargs=env_kwargs,
        agents=agents,
        search=search or {},
        tuned_on=tuned_on,
    )


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A set of tasks, each played by all its agents on the same seeds.

    Args:
        name: Name on the command line.
        version: Raised by every change below.
        about: One line.
        episodes: Episodes per task and agent.
        tasks: The tasks.
        seed: Seed of the first episode.
        chunk: Episodes played side by side; fewer where an episode takes long or much memory.
    """

    name: str
    version: int
    about: str
    episodes: int
    tasks: tuple[Task, ...]
    seed: int = EVALUATION_SEED
    chunk: int = 128

    def run(self, task: Task, name: str, agent: str, **other: Any) -> RunSpec:
        """Return the run of an agent on a task; ``other`` replaces what the suite and task say."""
        given: dict[str, Any] = {"suite": self.name, "task": task.name}
        given |= {key: getattr(self, key) for key in ("version", "episodes", "seed", "chunk")}
        given |= {key: getattr(task, key) for key in ("about", "env_id", "env_kwargs", "metrics")}
        return RunSpec(name=name, agent=full_text(agent), **given | other)


def plan(suite: Suite) -> list[RunSpec]:
    """Return the runs of a suite; tasks whose data is missing have none."""
    return [
        suite.run(task, name, agent)
        for task in suite.tasks
        if task.missing is None
        for name, agent in task.agents.items()
    ]
