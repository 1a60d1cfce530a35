"""From a text to an agent."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..envs.core import InputError, Model, closest, shown
from ..envs.core.checks import integer
from .agent import Agent
from .baselines import FixedAgent, RandomAgent
from .belief_agent import BayesianAgent
from .beliefs import BELIEFS, Belief
from .design import DESIGN
from .learned.policy import LearnedAgent
from .learned.shipped import ShippedAgent
from .oracle import OracleAgent
from .planning import OptimalAgent
from .rules import RULES, Rule
from .texts import Described, check_settings, named, parse

_PLAIN: tuple[type[Agent], ...] = (
    RandomAgent,
    FixedAgent,
    OptimalAgent,
    OracleAgent,
    LearnedAgent,
    ShippedAgent,
    *DESIGN,
)
PLAIN: dict[str, type[Agent]] = {agent.text: agent for agent in _PLAIN}
"""Agents that are not a belief times a rule, by name.

``learned`` is a rule as well, which plays wherever a belief for it fits.
"""


def available(env: Any) -> list[str]:
    """Return the texts of the agents that can play an environment with their default settings.

    Args:
        env: An environment or vector environment of this package, or its model.
    """
    model = _model(env)
    names = [name for name, agent in PLAIN.items() if agent.fits(model)]
    return names + [name for name in RULES if name not in names and _rule_fits(name, model)]


def make(text: str, env: Any, *, seed: int | np.random.SeedSequence = 0, episode: int = 0) -> Agent:
    """Return the agent that ``text`` describes, for an environment.

    Args:
        text: A name, or a name with settings, such as ``"thompson(belief=linear(noise_std=0.1))"``.
        env: An environment or vector environment of this package, or its model. The agent uses its
            public parameters only, but for ``"oracle"``, which needs the environment that it plays.
        seed: Seed of the agent's own randomness.
        episode: Number of the episode in the first row of observations, see `Agent.episode`.
    """
    agent = _make(text, env, seed)
    agent.episode = integer("episode", episode, low=0, high=math.inf)
    return agent


def _make(text: str, env: Any, seed: int | np.random.SeedSequence) -> Agent:
    model = _model(env)
    name, settings = parse(text)
    if name == OracleAgent.text:
        check_settings(name, OracleAgent, settings)
        return OracleAgent(env, seed=seed)
    if name in PLAIN and not _rule_fits(name, model):
        agent = PLAIN[name]
        # A learned agent itself tells what its policy was trained for.
        if not issubclass(agent, LearnedAgent) and not agent.fits(model):
            raise InputError(_misfit(name, model))
        for value in settings.values():
            if isinstance(value, Described):
                raise InputError(
                    f"{name} takes plain settings, got {shown(value)} in {shown(text)}."
                )
        check_settings(name, agent, settings)
        return agent(model, seed=seed, **settings)
    if name not in RULES:
        known = [*PLAIN, *RULES]
        raise InputError(
            f"Unknown agent {shown(name)}{closest(name, known)} Known are {', '.join(known)}."
        )
    given = settings.pop("belief", None)
    check_settings(name, RULES[name], settings)
    rule = RULES[name](**settings)
    if not _fitting(rule, model):
        raise InputError(_misfit(name, model))
    if given is not None and rule.belief is not None:
        raise InputError(f"{name} brings its own belief; leave belief={shown(given)} out.")
    new_belief = _belief(rule.belief if given is None else given, rule, model)
    return BayesianAgent(model, rule, new_belief, text=text, seed=seed)


def files(text: str) -> list[Path]:
    """Return the files that an agent is made of besides the code; none for what is no agent."""
    try:
        name, settings = parse(text)
    except InputError:
        return []
    path = settings.get({LearnedAgent.text: "path", ShippedAgent.text: "weights"}.get(name, ""))
    return [Path(path)] if isinstance(path, str) else []


def _model(env: Any) -> Model[Any]:
    model = (
        env if isinstance(env, Model) else getattr(getattr(env, "unwrapped", env), "model", None)
    )
    if not isinstance(model, Model):
        raise InputError(
            f"Agents play the environments of this package; {shown(env)} is not one of them."
        )
    return model


def _rule_fits(name: str, model: Model[Any]) -> bool:
    """Return whether there is a rule of this name, and a belief about this model that it can use."""
    return name in RULES and bool(_fitting(RULES[name](), model))


def _fitting(rule: Rule, model: Model[Any]) -> list[str]:
    """Return the names of the beliefs about this model that the rule can use."""
    return [
        name
        for name, belief in BELIEFS.items()
        if belief.fits(model)
        and (rule.belief is None or rule.belief[0] == name)
        and all(hasattr(belief, method) for method in rule.needs)
    ]


def _belief(given: Any, rule: Rule, model: Model[Any]) -> Callable[[int], Belief]:
    """Return the maker of the named belief, or of the first that fits the model and the rule."""
    fitting = _fitting(rule, model)
    name, settings = named(fitting[0] if given is None else given)
    if name not in fitting:
        raise InputError(
            f"No belief {shown(name or given)} fits {type(model).__name__} and the rule"
            f"{closest(name, fitting)} Those that fit: {', '.join(fitting)}."
        )
    check_settings(name, BELIEFS[name], settings)
    return partial(BELIEFS[name], model, **settings)


def _misfit(name: str, model: Model[Any]) -> str:
    return (
        f"Agent {name!r} cannot play {type(model).__name__}; those that can: "
        f"{', '.join(available(model))}."
    )
