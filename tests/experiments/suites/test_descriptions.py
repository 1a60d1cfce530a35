"""What the descriptions of suites and tasks say in numbers and words is what is played."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import BATCHES, CAMPAIGNS, POOLS

from discovery_gym.experiments.suites.catalogue import SUITES, suite

TASKS = [task for one in SUITES.values() for task in one.tasks]
WORDS = {
    "twice": 2,
    **dict(zip(("two", "three", "four", "five", "six"), range(2, 7), strict=True)),
    **dict(zip(("seven", "eight", "nine", "ten"), range(7, 11), strict=True)),
}


def numbers(text: str) -> dict[str, float]:
    """Return the numbers in a text, in digits or as words, by how they stand there."""
    digits = re.findall(r"(?<![\w-])\d[\d,]*(?:\.\d+)?", text)
    words = [word for word in re.findall(r"[a-z]+", text.lower()) if word in WORDS]
    return {word: WORDS[word] for word in words} | {n: float(n.replace(",", "")) for n in digits}


def inside(value: Any) -> Iterator[float]:
    """Go through all numbers in a value, and how many there are in each list."""
    if isinstance(value, dict):
        yield from inside(list(value.values()))
    elif isinstance(value, list | tuple):
        yield len(value)
        for part in value:
            yield from inside(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def facts(task: Any) -> set[float]:
    """Return the numbers that a task has: settings, sizes, and how many tables it was tuned on."""
    env: Any = gym.make(task.env_id, **task.env_kwargs)
    model = env.unwrapped.model
    settings = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    found = {*inside(settings), *inside(task.env_kwargs), len(task.tuned_on)}
    if hasattr(model.action_space, "n"):
        found.add(int(model.action_space.n))
    if getattr(model, "table", None) is not None:
        found |= {float(count) for count in np.shape(model.table.labels)}
    if "noise_std" in settings:
        found.add(round(settings["noise_std"] ** 2, 9))
    if "edge_prob" in settings and "num_items" in settings:  # the neighbours of a node, on average
        found.add(round(settings["edge_prob"] * settings["num_items"]))
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_number_of_a_description_is_one_of_the_task(task: Any) -> None:
    if task.missing:
        pytest.skip(task.missing)
    known = facts(task)
    said = numbers(f"{task.name}. {task.about}")
    assert {word for word, number in said.items() if number not in known} == set()


def test_numbers_are_found_in_descriptions() -> None:
    said = numbers("Improve twice by 10,000 units, 0.5 pb^-1, e+ e- -> x2, with ten others.")
    assert said == {"twice": 2, "10,000": 10_000, "0.5": 0.5, "ten": 10}
    assert sum(bool(numbers(task.about)) for task in TASKS) > 30


def test_quick_has_campaigns_with_prices_and_deadlines_and_real_pools() -> None:
    one = suite("quick")
    assert "every campaign, with prices and deadlines; pools, real ones too" in one.about
    assert set(CAMPAIGNS) <= {task.env_id for task in one.tasks}
    for env_id in BATCHES:
        tasks = [task for task in one.tasks if task.env_id == env_id]
        for task in tasks:
            assert task.env_kwargs["cost_per_batch"] > 0
            assert task.env_kwargs["cost_per_experiment"] > 0
        assert min(task.env_kwargs["horizon"] for task in tasks) <= 300
    pools = [task for task in one.tasks if task.env_id in POOLS]
    assert any("dataset" in task.env_kwargs for task in pools)
    assert any("dataset" not in task.env_kwargs for task in pools)


@pytest.mark.parametrize("task", [t for t in TASKS if "nobody beats chance" in t.about])
def test_where_nobody_beats_chance_chance_plays_alone(task: Any) -> None:
    env: Any = gym.make(task.env_id, **task.env_kwargs)
    model = env.unwrapped.model
    assert set(task.agents.values()) == {"random"}
    assert task.env_id == "discovery/UnstructuredPool-v0"
    assert model.random_value() < model.optimal_value()  # only an oracle does
