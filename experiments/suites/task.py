"""What a suite is: tasks, the agents that meet on them, and the runs that follow.

A suite is changed by raising its version; records of different versions are never mixed. An
agent may be tuned for a suite on every seed below `EVALUATION_SEED`, and on none above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym

from ...agents.making import full_text
from ...envs.datasets import available, catalogue
from ..runs.evaluation import EVALUATION_SEED
from ..runs.spec import RunSpec

KINDS = ("campaign", "pool", "table", "condition", "design", "other")
"""Kinds of tasks. A table is open book: its labels are real data that anybody can know."""
_FAMILIES = ("campaigns", "pools", "conditions", "design")


def kind_of(env_id: str, env_kwargs: Mapping[str, Any]) -> str:
    """Return the kind of an environment, one of `KINDS`; nothing is imported for it."""
    ours = env_id.startswith("discovery/")
    if ours and (env_id.startswith("discovery/TablePool-") or env_kwargs.get("dataset")):
        return "table"
    spec = gym.registry.get(env_id) if ours else None
    places = str(spec.entry_point).split(".") if spec is not None else []
    return next((place.removesuffix("s") for place in places if place in _FAMILIES), "other")


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
        episodes: Episodes of each agent; ``None``: those of the suite.
        seed: Seed of the first episode; ``None``: that of the suite.
        kind: One of `KINDS`; empty: that of the environment.
    """

    name: str
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    agents: Mapping[str, str]
    search: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tuned_on: Sequence[Mapping[str, Any]] = ()
    metrics: tuple[str, ...] = ()
    episodes: int | None = None
    seed: int | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.kind or kind_of(self.env_id, self.env_kwargs))

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
        file: Where it was read from; ``None``: from nowhere.
    """

    name: str
    version: int
    about: str
    episodes: int
    tasks: tuple[Task, ...]
    seed: int = EVALUATION_SEED
    chunk: int = 128
    file: Path | None = None

    def run(self, task: Task, name: str, agent: str, **other: Any) -> RunSpec:
        """Return the run of an agent on a task; ``other`` replaces what the suite and task say."""
        given: dict[str, Any] = {"suite": self.name, "task": task.name}
        given |= {key: getattr(self, key) for key in ("version", "chunk")}
        given |= {key: getattr(task, key) for key in ("about", "env_id", "env_kwargs", "metrics")}
        given["episodes"] = task.episodes or self.episodes
        given["seed"] = self.seed if task.seed is None else task.seed
        return RunSpec(name=name, agent=full_text(agent), **given | other)


def plan(suite: Suite) -> list[RunSpec]:
    """Return the runs of a suite; tasks whose data is missing have none."""
    return [
        suite.run(task, name, agent)
        for task in suite.tasks
        if task.missing is None
        for name, agent in task.agents.items()
    ]
