"""The suite of `discovery-gym compare`: the rows that a user has measured, played again.

One task plays pools of all rows, and tells how good strategies are. The rows are also halved at random,
`SPLITS` times, and each half is a task: what was chosen on one half is reported on the other, whose rows
and seeds did not choose it, and how much halves differ tells what other rows would have shown. The last
task is the placebo: all rows, with the labels dealt at random. Every episode plays `SHARE` of the rows.

A suite is written as a file that `discovery-gym run` plays to the same records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...envs.core import InputError
from ...envs.core.checks import integer
from ...envs.datasets import Table
from ..runs.evaluation import EVALUATION_SEED
from . import files
from .task import Suite, Task

FEWEST = 40
"""Measured conditions below which nothing is compared: halves would hold too few."""
EPISODES, SPLITS, LEAST = 64, 8, 2
"""Episodes on all rows, of which each half plays an eighth, and at least two; splits into halves."""
SHARE, LARGEST, LABELS = 0.8, 400, 30
"""Rows of an episode: this share, at most so many. Of these it labels a third, at most so many."""
APART = 10_000
"""From the first seed of a task to that of the next."""
WHOLE, PLACEBO = "all rows", "placebo"
STRATEGIES = (
    "greedy",
    "bayes_ucb",
    "thompson",
    "ids",
    "expected_improvement",
    "greedy(belief=gp)",
    "bayes_ucb(belief=gp)",
    "thompson(belief=gp)",
    "expected_improvement(belief=gp)",
)
"""What is compared, besides random play, which is known exactly and needs no episodes. `ids(belief=gp)`
costs more than all of these together."""


def suite(
    dataset: str,
    table: Table,
    *,
    reading: Mapping[str, Any],
    strategies: Mapping[str, str],
    episodes: int = EPISODES,
    horizon: int | None = None,
    batch: int = 1,
) -> Suite:
    """Return the suite that compares strategies on the measured rows of a table.

    Args:
        dataset: The table's name or path, as it is to stand in the file.
        table: Its measured conditions.
        reading: How it is read: options of `Reading`.
        strategies: Name -> agent as text.
        episodes: Episodes on all rows.
        horizon: Labels of an episode, in halves at most a third of its rows; None: a third of its rows,
            at most `LABELS`.
        batch: Labels that are chosen at once.

    Raises:
        InputError: If the rows are fewer than `FEWEST`, or fewer than the labels.
    """
    count = len(table.labels)
    if count < FEWEST:
        raise InputError(
            f"{table.name} has {count} measured conditions; strategies are compared on {FEWEST} or more."
        )
    read = {"dataset": dataset, **reading}
    played = _played(read, count, episodes, horizon, batch)
    return Suite(
        name=f"compare-{re.sub(r'[^A-Za-z0-9_.-]+', '-', table.name)[:50]}",
        version=1,
        about="What would have served on the rows that are measured.",
        episodes=episodes,
        tasks=tuple(
            Task(
                name=name,
                about=about,
                env_id="discovery/TablePool-v0",
                env_kwargs=kwargs,
                agents=strategies,
                metrics=("area()",),
                episodes=some,
                seed=EVALUATION_SEED + APART * number,
            )
            for number, (name, about, kwargs, some) in enumerate(played)
        ),
    )


def _played(
    read: Mapping[str, Any], count: int, episodes: int, horizon: int | None, batch: int
) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Yield name, words, parameters and episodes of each task."""
    whole, half = _rows(count), _rows(count // 2)
    batch = integer("batch", batch, low=1, high=half)
    if horizon is None:
        labels = min(LABELS, whole // 3)
    else:
        labels = integer("horizon", horizon, low=batch, high=whole)
    wide = {**read, **_sizes(whole, labels, batch)}
    narrow = {**read, **_sizes(half, min(labels, half // 3), batch)}
    yield WHOLE, f"Pools of {whole} of the {count} measured rows.", wide, episodes
    for number in range(2 * SPLITS):
        about, kwargs = f"Pools of {half} of one half of the rows.", {**narrow, "half": number}
        yield _half(number), about, kwargs, max(episodes // SPLITS, LEAST)
    about = f"Pools of {whole} of the rows, labels dealt at random: features tell nothing."
    yield PLACEBO, about, {**wide, "placebo": True}, episodes


def _rows(count: int) -> int:
    return min(int(SHARE * count), LARGEST)


def _sizes(rows: int, labels: int, batch: int) -> dict[str, int]:
    sizes = {"rows": rows, "horizon": max(labels // batch, 1) * batch}
    return sizes | ({} if batch == 1 else {"batch_size": batch})


def _half(number: int) -> str:
    return f"split {number // 2 + 1}, half {'ab'[number % 2]}"


def halves() -> list[tuple[str, str]]:
    """Return the names of the tasks of each split."""
    return [(_half(2 * split), _half(2 * split + 1)) for split in range(SPLITS)]


# ---- as a file


def text(suite: Suite) -> str:
    """Return a suite of `suite` as TOML, in which the strategies are one group."""
    first = suite.tasks[0]
    lines = [
        "# Written by `discovery-gym compare`; `discovery-gym run` plays it to the same records.",
        f"format = {files.FORMAT}",
        *_lines({key: getattr(suite, key) for key in ("name", "version", "about", "episodes")}),
        "",
        "[groups.strategies]",
        *_lines(first.agents),
    ]
    for task in suite.tasks:
        keys = {key: getattr(task, key) for key in ("name", "about", "episodes", "seed", "metrics")}
        lines += ["", "[[task]]", *_lines({**keys, "env": "TablePool", "groups": ["strategies"]})]
        lines += ["[task.kwargs]", *_lines(task.env_kwargs)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    """Return a table as TOML writes it, a key a line."""
    return [f"{_key(name)} = {_value(value)}" for name, value in table.items()]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """Return a value as TOML writes it: as JSON does; a long list has a line for each part."""
    if not isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)
    parts = [_value(one) for one in value]
    one = ", ".join(parts)
    return f"[{one}]" if len(one) < 90 else "[\n    " + ",\n    ".join(parts) + ",\n]"
