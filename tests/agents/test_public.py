"""Agents know what is public: nothing hidden can be reached from any of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from golden import CHEAP, SHORT

import discovery_gym
from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.envs.core import TruthUnknown
from discovery_gym.testing.hidden import leaks, played

UNKNOWN = {"discovery/BinomialDiscovery-v0": {"beta_priors": [[1, 4], [3, 12]], "horizon": 5}}
"""Settings with something hidden."""
DRAWN = {"discovery/TablePool-v0": {"rows": 40, "horizon": 12}}
CASES = [
    (env_id, SHORT.get(env_id, {}) | more.get(env_id, {}))
    for more in ({}, UNKNOWN, DRAWN)
    for env_id in (more or discovery_gym.registered())
]


@pytest.mark.parametrize(("env_id", "kwargs"), CASES)
def test_no_agent_reaches_what_is_hidden(env_id: str, kwargs: dict[str, Any]) -> None:
    vector, other = (gym.make_vec(env_id, num_envs=2, **kwargs) for _ in range(2))
    played("random", other, seed=99)
    for text in available(vector):
        agent = played(CHEAP.get(text, text), vector, seed=7)
        assert not leaks(agent, vector, other), text


def planted() -> dict[str, Any]:
    """Return ways to hand an agent what is hidden."""
    return {
        "environment": lambda env: env,
        "model with labels": lambda env: env.unwrapped.model,
        "state": lambda env: {"deep": [env.unwrapped._state]},
        "closure": lambda env: lambda: env,
        "default": lambda env: lambda env=env: env,
        "bound method": lambda env: env.step,
        "partial": lambda env: partial(print, env.unwrapped.hidden),
        "view of the values": lambda env: env.unwrapped._state.values[:1, :3],
        "copy of the values": lambda env: env.unwrapped.hidden()["values"] + 0,
        "list of the values": lambda env: env.unwrapped.hidden()["values"][1].tolist(),
    }


@pytest.mark.parametrize("name", planted())
def test_a_planted_leak_is_found(name: str) -> None:
    vector, other = (
        gym.make_vec("discovery/TablePool-v0", num_envs=2, horizon=12) for _ in range(2)
    )
    played("random", other, seed=99)
    agent, state = played("greedy", vector, seed=7)
    assert not leaks((agent, state), vector, other)
    state.rest.planted = planted()[name](vector)
    assert leaks((agent, state), vector, other)


@pytest.mark.parametrize(
    ("env_id", "name"),
    [
        ("discovery/LocationFinding-v0", "theta"),
        ("discovery/LocationFinding-v0", "quantiles"),
        ("discovery/BinomialDiscovery-v0", "success_probs"),
    ],
)
def test_planted_parameters_are_found(env_id: str, name: str) -> None:
    kwargs = SHORT.get(env_id, {}) | UNKNOWN.get(env_id, {})
    vector, other = (gym.make_vec(env_id, num_envs=2, **kwargs) for _ in range(2))
    played("random", other, seed=99)
    agent, _ = played("random", vector, seed=7)
    assert not leaks(agent, vector, other)
    agent.planted = tuple(vector.unwrapped.hidden()[name][1].ravel().tolist())
    assert leaks(agent, vector, other)


def test_what_is_public_of_a_table() -> None:
    """What agents are given tells all that decides a choice, and no label or what follows from it."""
    for kwargs in ({}, {"rows": 0.2, "batch_size": 3, "delay": 2}, {"noise_std": 0.5}):
        model = gym.make("discovery/TablePool-v0", **kwargs).unwrapped.model  # type: ignore[attr-defined]
        public = model.public()
        assert public is model.public() is public.public()
        assert public.name == "TablePool"
        assert public.observation_space == model.observation_space
        assert public.action_space == model.action_space
        for name in ("num_items", "num_features", "horizon", "batch_size", "delay", "noise_std"):
            assert getattr(public, name) == getattr(model, name)
        for truth in (public.random_value, public.optimal_value, public.optimal_policy):
            with pytest.raises(TruthUnknown, match="TablePool knows no"):
                truth()
        with pytest.raises(InputError, match="make an environment"):
            public.new_state(1)
    two = gym.make("discovery/TablePool-v0", features=np.eye(3), labels=[0.0, 2.0, 0.0])
    assert two.unwrapped.model.public().outcomes == (0.0, 2.0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("env_id", discovery_gym.registered())
def test_other_models_are_public_themselves(env_id: str) -> None:
    """With what they have worked out already."""
    model: Any = gym.make(env_id, **SHORT.get(env_id, {})).unwrapped.model  # type: ignore[attr-defined]
    assert (model.public() is model) == ("TablePool" not in env_id)
    assert make("random", model).model is model.public()
