"""Rules and beliefs of files outside the package: short ones, which need nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.agents import AdditiveNoise, Belief, Probabilities, available, make
from discovery_gym.agents.beliefs import BELIEFS
from discovery_gym.agents.rules import RULES

RULE = '''
from discovery_gym.agents import Rule, best

class Optimist(Rule):
    """The highest value that is still likely."""

    def __init__(self, width=2.0):
        self.width = width

    def choose(self, belief, decision, random):
        score = belief.mean() + self.width * belief.std()
        return best(score, decision.mask, random)
'''
BELIEF = '''
from dataclasses import dataclass

import numpy as np

from discovery_gym.agents import Arrivals, Belief
from discovery_gym.envs.core import DiscoveryVectorEnv
from discovery_gym.envs.pools.labels import Labels, best_sums
from discovery_gym.envs.pools.pool import Pool

@dataclass(frozen=True, kw_only=True, eq=False)
class Groups(Pool[Labels]):
    """Items belong to groups in turn, and those of a group share their value."""

    num_items: int = 24
    groups: int = 4
    noise_std: float = 0.5
    beliefs = ("by_group",)

    def new_state(self, num_episodes):
        shape = num_episodes, self.num_items
        return Labels(**self._common(np.zeros(shape), np.zeros((num_episodes, self.horizon + 1))))

    def reset(self, state, index, streams):
        for i in index:
            values = streams.generators[i].standard_normal(self.groups)
            state.values[i] = np.resize(values, self.num_items)
        state.best[index] = best_sums(state.values[index], self.horizon)
        super().reset(state, index, streams)

class ByGroup(Belief):
    """Independent normal values of the groups."""

    def __init__(self, model, num_episodes):
        self.model = model

    def update(self, observation, start):
        came, n = Arrivals.of(observation), self.model.num_items
        group = (came.items[:, :, None] % self.model.groups) == np.arange(n) % self.model.groups
        group &= came.items[:, :, None] >= 0
        self.precision = 1 + group.sum(1) / self.model.noise_std**2
        self.total = np.einsum("bt,btn->bn", came.labels, group) / self.model.noise_std**2

    def mean(self):
        return self.total / self.precision

    def std(self):
        return self.precision**-0.5

    def sample(self, count, random):
        z = random.standard_normal((len(self.total), count, self.model.groups))
        shared = z[:, :, np.arange(self.model.num_items) % self.model.groups]
        return self.mean()[:, None] + self.std()[:, None] * shared

class GroupsVectorEnv(DiscoveryVectorEnv[Groups]):
    model_class = Groups
'''


class Plain(Belief):
    """A belief that derives from nothing but `Belief`."""

    def update(self, observation: Any, start: Any) -> None: ...

    def mean(self) -> Any:
        return np.array([[1.0, 2.0, 3.0]])

    def std(self) -> Any:
        return np.array([[2.0, 1.0, 0.0]])

    def sample(self, count: int, random: Any) -> Any:
        return self.mean()[:, None] + self.std()[:, None] * random.standard_normal((1, count, 3))


class Noisy(Plain):
    def noise_variance(self, items: Any) -> Any:
        return 0.5 + items


def test_what_a_belief_can_do_is_told_by_its_methods() -> None:
    """Whatever it derives from; and what it does not bring has a default."""
    assert not issubclass(Plain, AdditiveNoise | Probabilities)
    assert issubclass(Noisy, AdditiveNoise)
    assert not issubclass(Noisy, Probabilities)
    model: Any = gym.make("discovery/LinearPool-v0").unwrapped.model  # type: ignore[attr-defined]
    plain, noisy, random = Plain(model, 1), Noisy(model, 1), np.random.default_rng(0)
    np.testing.assert_allclose(plain.label_variance(), [[4, 1, 0]])
    np.testing.assert_allclose(noisy.label_variance(), [[4.5, 2.5, 2.5]])
    assert plain.fits(model)
    assert plain.look_ahead(np.array([[1]])) is plain
    covariance = plain.covariance(np.array([[0, 1]]), random)
    np.testing.assert_allclose(covariance, [[[4, 0, 0], [0, 1, 0]]], atol=0.5)
    reduction = noisy.reduction(np.ones((1, 3)), random)
    np.testing.assert_allclose(reduction, [[16 / 4.5, 1 / 2.5, 0]], rtol=0.2, atol=0.05)


def imported(text: str, path: Path) -> ModuleType:
    """Return the module that a file with this text makes."""
    path.write_text(text.lstrip(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(text: str) -> int:
    return len([line for line in text.splitlines() if line.strip()])


def regret(text: str, vector: Any) -> np.ndarray:
    """Play an episode of each; return the regret."""
    agent, state = make(text, vector), None
    observation, ended, info = vector.reset(seed=5)[0], np.zeros(vector.num_envs), {}
    while not ended.all():
        action, state = agent.predict(observation, state)
        observation, _, ended, _, info = vector.step(action)
    return np.asarray(info["regret"])


@pytest.mark.parametrize("settings", [{}, {"delay": 3}, {"batch_size": 4}])
def test_a_rule_of_twelve_lines(
    settings: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It chooses what our rule of the same bound chooses, also in batches and with late labels."""
    assert lines(RULE) <= 12
    monkeypatch.setitem(RULES, "optimist", imported(RULE, tmp_path / "rules.py").Optimist)
    for name in ("LinearPool", "GraphPool", "LogisticPool"):
        vector = gym.make_vec(
            f"discovery/{name}-v0", num_envs=8, num_items=40, horizon=12, illegal="raise",
            reveal=True, **settings,
        )  # fmt: skip
        assert "optimist" in available(vector)
        ours = regret("bayes_ucb(width=0.5)", vector)
        np.testing.assert_array_equal(regret("optimist(width=0.5)", vector), ours)


@pytest.mark.parametrize("settings", [{}, {"delay": 3}, {"batch_size": 4}])
def test_a_model_with_its_own_belief_in_fifty_lines(
    settings: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four methods make a belief that every rule can use, and that pays."""
    assert lines(BELIEF) <= 50
    module = imported(BELIEF, tmp_path / "groups.py")
    monkeypatch.setitem(BELIEFS, "by_group", module.ByGroup)
    vector = module.GroupsVectorEnv(num_envs=200, reveal=True, horizon=8, **settings)
    rules = [text for text in available(vector) if text in RULES]
    assert {"greedy", "thompson", "ids", "expected_improvement", "meta_ucb"} <= set(rules)
    assert not {"linucb", "knowledge_gradient", "ens"} & set(rules)
    random = regret("random", vector)
    for text in rules:
        difference = random - regret(text, vector)
        assert difference.mean() > 3 * difference.std() / len(difference) ** 0.5, text
