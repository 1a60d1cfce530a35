"""A finished study, replayed, is the episode that `evaluate` plays: bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import discovery_gym  # noqa: F401 (registers the environments)
from discovery_gym.agents import available, make
from discovery_gym.envs.datasets import Table
from discovery_gym.envs.datasets.table import from_arrays
from discovery_gym.experiments import evaluate
from discovery_gym.studies import Status, Study

SIZE, HORIZON = 40, 12
RANDOM = np.random.default_rng(4)
FEATURES = np.round(RANDOM.normal(size=(SIZE, 4)), 2)
LABELS = np.round(50 + 20 * FEATURES @ [1.0, -0.5, 0.2, 0.0] + 5 * RANDOM.normal(size=SIZE), 1)
BINARY = (np.quantile(LABELS, 0.7) < LABELS).astype(float)


def unmeasured() -> Table:
    """Return the conditions of the table as a laboratory has them: without a label."""
    table = from_arrays(FEATURES, np.zeros(SIZE))
    return Table(**{**vars(table), "labels": np.full(SIZE, np.nan)})


def played(
    agent: str, labels: Any, batch: int, delay: int, seed: int, journal: Path | None, **options: Any
) -> tuple[list[int], list[float]]:
    """Return the items and labels of a study whose labels come ``delay`` plates late."""
    table, plates, told = unmeasured(), list[list[str]](), list[float]()

    def study() -> Any:
        return Study.pool(
            table, agent=agent, budget=HORIZON, episode=seed, journal=journal, **options
        )

    now = study()

    def tell(plate: list[str]) -> None:
        found = {name: float(labels[int(name) - 1]) for name in plate}
        now.tell(dict(reversed(found.items())))
        told.extend(found.values())

    for step in range(HORIZON // batch):
        now = now if journal is None else study()  # everything must be in the journal
        plates.append([question.id for question in now.ask(batch, more=True)])
        if step >= delay:
            tell(plates[step - delay])
    for plate in plates[len(told) // batch :]:
        tell(plate)
    assert now.left == 0
    return [int(name) - 1 for plate in plates for name in plate], told


def rules(labels: Any) -> list[str]:
    model = gym.make("discovery/TablePool-v0", features=FEATURES, labels=labels).unwrapped.model  # type: ignore[attr-defined]
    return available(model)


CASES = [
    *((agent, LABELS) for agent in rules(LABELS)),
    ("thompson(belief=gp)", LABELS),
    ("ids(belief=gp)", LABELS),
    ("knowledge_gradient(belief=gp)", LABELS),
    *((agent, BINARY) for agent in rules(BINARY)),
]


@pytest.mark.parametrize(("batch", "delay"), [(1, 0), (3, 0), (1, 2), (3, 2)])
@pytest.mark.parametrize(("agent", "labels"), CASES)
def test_bit_for_bit(agent: str, labels: Any, batch: int, delay: int, tmp_path: Path) -> None:
    """Also if the study is closed and opened again before every question."""
    seed = 1_000_003
    kwargs = {"features": FEATURES, "labels": labels, "horizon": HORIZON}
    found = evaluate(
        "TablePool",
        agent,
        episodes=1,
        seed=seed,
        chunk=1,
        env_kwargs={**kwargs, "batch_size": batch, "delay": delay},
    )
    options = {"outcomes": (0, 1)} if labels is BINARY else {}
    items, told = played(agent, labels, batch, delay, seed, None, **options)
    assert found.actions is not None
    assert found.actions.shaped(gym.spaces.MultiDiscrete([SIZE] * batch)).ravel().tolist() == items
    assert total(told, batch, delay) == found.returns[0]
    again = played(agent, labels, batch, delay, seed, tmp_path / "study.jsonl", **options)
    assert again == (items, told)


def total(told: list[float], batch: int, delay: int) -> float:
    """Return the sum of labels, added up in the order in which an episode pays them."""
    steps, paid, before = HORIZON // batch, 0.0, 0
    for step in range(steps):
        come = HORIZON if step == steps - 1 else max(step + 1 - delay, 0) * batch
        new = np.zeros(HORIZON)
        new[before:come] = told[before:come]
        paid += new.sum() if delay else np.array(told[before:come]).sum()
        before = come
    return paid


LAW: dict[str, Any] = {"delay": ("geometric", 0.4), "loss": 0.3}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("agent", ["random", "bayes_ucb", "thompson", "ids", "greedy(belief=gp)"])
def test_labels_out_of_order_and_failed_ones(agent: str, batch: int) -> None:
    """A study to which the same news come in the same order asks for the same items.

    The pool's belief is in double precision there, so that choices agree but for near ties.
    """
    seed, kwargs = 1_000_003, {"features": FEATURES, "labels": LABELS, "horizon": HORIZON}
    vector = gym.make_vec("discovery/TablePool-v0", num_envs=1, batch_size=batch, **kwargs, **LAW)
    player, state, told = make(agent, vector, seed=0, episode=seed), None, set()
    study = Study.pool(unmeasured(), agent=agent, budget=HORIZON, episode=seed)
    seen = vector.reset(seed=seed)[0]
    for _ in range(HORIZON // batch):
        action, state = player.predict(seen, state)
        asked = [int(question.id) - 1 for question in study.ask(batch, more=True)]
        assert asked == np.ravel(action).tolist()
        seen = vector.step(action)[0]
        for item, label, status in zip(
            *(seen[k][0] for k in ("labelled", "labels", "status")), strict=True
        ):
            name = str(item + 1)
            if name not in told and status == Status.HERE:
                study.tell(name, label)
            elif name not in told and status == Status.FAILED:
                study.failed(name, "no label")
            told |= {name} if status in (Status.HERE, Status.FAILED) else set()
    assert study.left == 0
    assert len(study.failures) == seen["lost"][0, 0] > 0
