"""The decision that rules see, against the history of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import Decision, Rule, available, make

LATE: list[dict[str, int]] = [{}, {"delay": 3}, {"batch_size": 3}, {"delay": 2, "batch_size": 3}]
SIZE = 30


class Spy(Rule[Any]):
    """Chooses the first legal item, and keeps what it saw."""

    looks_ahead = False

    def __init__(self) -> None:
        self.seen: list[Decision] = []

    def choose(self, belief: Any, decision: Decision, random: Any) -> Any:
        self.seen.append(decision)
        return decision.mask.argmax(1)


def spied(settings: dict[str, Any]) -> Iterator[tuple[int, Any, list[Decision]]]:
    """Play an episode; yield how many were chosen, the observation, and the decisions it led to."""
    vector = gym.make_vec(
        "discovery/LinearPool-v0", num_envs=2, num_items=SIZE, horizon=12, **settings
    )
    agent, state = make("greedy", vector), None
    observation, ended, chosen = vector.reset(seed=0)[0], np.zeros(2), 0
    while not ended.all():
        agent.rule = Spy()  # type: ignore[attr-defined]
        action, state = agent.predict(observation, state)
        yield chosen, observation, agent.rule.seen  # type: ignore[attr-defined]
        observation, _, ended, _, _ = vector.step(action)
        chosen += settings.get("batch_size", 1)


@pytest.mark.parametrize("settings", LATE)
def test_decisions_of_an_episode(settings: dict[str, int]) -> None:
    """Within a batch its earlier items count as chosen and pending, and as labels spent."""
    size, delay = settings.get("batch_size", 1), settings.get("delay", 0)
    for chosen, observation, seen in spied(settings):
        assert len(seen) == size
        come = max(chosen - size * delay, 0)
        for k, decision in enumerate(seen):
            assert decision.batch_size == size
            assert decision.left.tolist() == decision.affordable.tolist() == [12 - chosen - k] * 2
            assert decision.price.shape == decision.mask.shape == (2, SIZE)
            assert decision.lost.shape == (2, 0)
            for i in range(2):
                rows = (decision.labelled[i], decision.arrived[i], decision.pending[i])
                labelled, arrived, pending = (row[row >= 0].tolist() for row in rows)
                # The spy takes the items in order.
                assert labelled == list(range(chosen + k))
                assert arrived == labelled[:come]
                assert pending == labelled[come:]
                assert decision.mask[i].nonzero()[0].tolist() == list(range(chosen + k, SIZE))
        assert (observation["action_mask"].sum(1) == SIZE - chosen).all()  # as it was handed in


def test_decisions_where_labels_come_out_of_order_or_never() -> None:
    """What is known, pending and lost are the items of each status."""
    settings = {"batch_size": 3, "delay": ("geometric", 0.4), "loss": 0.4}
    found = set()
    for chosen, observation, (decision, *_) in spied(settings):
        for i in range(2):
            total = int((observation["labelled"][i] >= 0).sum())
            pairs = zip(observation["labelled"][i], observation["status"][i][:total], strict=False)
            status = {int(item): int(word) for item, word in pairs}
            lost, waits = decision.lost[i], decision.pending[i]
            by_status = {
                1: waits[waits >= 0],
                2: decision.known[i].nonzero()[0],
                3: lost[lost >= 0],
            }
            for word, items in by_status.items():
                assert sorted(items.tolist()) == sorted(k for k, v in status.items() if v == word)
                found |= {word} if len(items) else set()
            assert waits[waits >= 0].tolist() == sorted(waits[waits >= 0])  # as the spy chose them
            assert decision.mask[i].sum() == SIZE - chosen
    assert found == {1, 2, 3}


def test_where_nothing_is_labelled() -> None:
    """A campaign counts no labels: its actions may be taken again."""
    vector = gym.make_vec("discovery/BinomialDiscovery-v0", num_envs=3, beta_priors=[[1, 4]])
    assert "thompson" in available(vector)
    agent = make("thompson", vector)
    decision = agent.decision(vector.reset(seed=0)[0])  # type: ignore[attr-defined]
    assert decision.mask.shape == (3, vector.single_action_space.n)  # type: ignore[attr-defined]
    assert decision.mask.all()
    assert decision.left.tolist() == [1, 1, 1]
    assert decision.labelled.shape == decision.pending.shape == (3, 0)


def test_nobody_changes_a_decision() -> None:
    decision = Decision.first(np.ones((2, 4), np.int8), [3, 2])
    later = decision.after(np.array([1, 2])).after(np.array([0, 0]))
    assert decision.mask.all()
    assert later.mask.tolist() == [[0, 0, 1, 1], [0, 1, 0, 1]]
    assert later.labelled.tolist() == later.pending.tolist() == [[1, 0], [2, 0]]
    assert later.left.tolist() == [1, 0]
    with pytest.raises(AttributeError):
        decision.batch_size = 2  # type: ignore[misc]


def test_labels_that_never_come() -> None:
    """They are neither known nor pending, and the item of a batch stands behind those in flight."""
    vector = gym.make_vec("discovery/LinearPool-v0", num_envs=2, num_items=SIZE, horizon=6, delay=1)
    agent = make("greedy", vector)
    observation = vector.reset(seed=0)[0]
    observation["labelled"] = np.array([[3, 8, 3, 5, 6, 7], [4, 1, 2, -1, -1, -1]])
    observation["arrived"] = np.array([[3], [1]])  # item 3 has come twice
    observation["lost"] = np.array([[2], [0]])
    decision = agent.decision(observation)  # type: ignore[attr-defined]
    assert decision.lost.tolist() == [[6, 7], [-1, -1]]
    assert decision.pending.tolist() == [[5, -1], [1, 2]]
    assert decision.known.nonzero()[1].tolist() == [3, 8, 4]
    after = decision.after(np.array([9, 10]))
    assert after.pending.tolist() == [[5, 9, -1], [1, 2, 10]]
    assert after.lost.tolist() == decision.lost.tolist()
    observation["lost"] = np.array([[0], [0]])
    assert agent.decision(observation).lost.shape == (2, 0)  # type: ignore[attr-defined]
