"""What the kept results say: of an environment who is best, of an agent how long it takes.

They are those in docs/results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from listed import table

from discovery_gym.experiments.report.words import duration

MOST = 12  # tasks that are shown of one environment


@cache
def _tasks() -> list[dict[str, Any]]:
    """Return the tasks of the kept results, with their agents."""
    kept = json.loads((Path(__file__).parent / "results" / "leaderboard.json").read_text("utf-8"))
    return [task | {"suite": suite["suite"]} for suite in kept["suites"] for task in suite["tasks"]]


def best(env_id: str) -> str:
    """Return who is best at an environment, as a table, or that it is not played."""
    tasks = [task for task in _tasks() if task["env"] == env_id]
    if not tasks:
        return "No suite whose results are kept plays it."
    suites = [f"[`{one}`](../suites/{one}.md)" for one in dict.fromkeys(t["suite"] for t in tasks)]
    head = (
        f"In {', '.join(suites)}; [the board](../results/LEADERBOARD.md) has all of it. Behind the best "
        "stand those that cannot be told apart from it."
    )
    rows = table(map(_cells, tasks[:MOST]), "| task | best | score | return | optimum | random |")
    more = f"\n\nAnd {len(tasks) - MOST} more of the same kind." if len(tasks) > MOST else ""
    return f"{head}\n\n{rows}{more}"


def _cells(task: dict[str, Any]) -> list[str]:
    agents = {one["agent"]: one for one in task["agents"]}
    names = [name for name in agents if name in task["may_be_best"]] or [*agents][:1]
    first, *others = (agents[name] for name in names)
    best = "; ".join([f"{first['agent']} (`{first['text']}`)", *(one["agent"] for one in others)])
    optimum, chance = task["optimal_value"], task["random_value"]
    told = None in (optimum, chance) or abs(optimum - chance) > 1e-9  # else all agents are equal
    values = [first["score"] if told else None, first["return"], optimum, chance]
    return [task["task"], best, *map(_number, values)]


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    value = value if abs(value) > 1e-9 else 0.0
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", "−")


def _named(name: str) -> Iterator[tuple[float, str]]:
    """Yield seconds per decision and the task, of all runs of an agent by any of its settings."""
    for task in _tasks():
        for one in task["agents"]:
            seconds = one["seconds_per_decision"]
            if str(one["text"]).partition("(")[0] == name and seconds is not None:
                yield seconds, task["task"]


def cost(name: str) -> str:
    """Return how long a decision takes, from where it is quickest to where it is slowest."""
    runs = sorted(_named(name))
    if not runs:
        return ""
    (low, quick), (high, slow) = runs[0], runs[-1]
    if low == high:
        return f"In the kept results a decision took {duration(low)} ({quick})."
    times = f"from {duration(low)} ({quick}) to {duration(high)} ({slow})"
    return f"In the kept results a decision took {times}."
