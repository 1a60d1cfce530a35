"""From a text to an agent."""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..envs.core import InputError, Knowledge, Model, closest, shown
from ..envs.core.checks import integer
from .agent import Agent, Seed
from .baselines import FixedAgent, RandomAgent
from .belief_agent import BeliefAgent
from .beliefs import BELIEFS, Belief
from .design import DESIGN
from .learned.policy import LearnedAgent
from .learned.shipped import ShippedAgent
from .oracle import OracleAgent
from .planning import OptimalAgent
from .rules import RULES, Rule

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
LONGEST = 1000
"""Characters of the text of an agent."""
FIRST = {LearnedAgent.text: "path"}
"""Settings that may be given without their name."""


def available(env: Any) -> list[str]:
    """Return the texts of the agents that can play an environment with their default settings.

    Args:
        env: An environment or vector environment of this package, or its model.
    """
    model = _model(env)
    names = [name for name, agent in PLAIN.items() if agent.fits(model)]
    return names + [name for name in RULES if name not in names and _rule_fits(name, model)]


def make(text: str, env: Any, *, seed: Seed = 0, episode: int = 0) -> Agent:
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


def _make(text: str, env: Any, seed: Seed) -> Agent:
    model = _model(env)
    name, settings = _parse(text)
    if name == OracleAgent.text:
        _check_settings(name, OracleAgent, settings)
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
        _check_settings(name, agent, settings)
        return agent(model, seed=seed, **settings)
    if name not in RULES:
        known = [*PLAIN, *RULES]
        raise InputError(
            f"Unknown agent {shown(name)}{closest(name, known)} Known are {', '.join(known)}."
        )
    given = settings.pop("belief", None)
    _check_settings(name, RULES[name], settings)
    rule = RULES[name](**settings)
    fitting = _fitting(rule, model, model.beliefs if given is None else BELIEFS)
    if not fitting:
        raise InputError(_misfit(name, model))
    if given is not None and rule.belief is not None:
        raise InputError(f"{name} brings its own belief; leave belief={shown(given)} out.")
    new_belief = _belief(rule.belief if given is None else given, fitting, model)
    return BeliefAgent(model, rule, new_belief, text=text, seed=seed)


def files(text: str) -> list[Path]:
    """Return the files that an agent is made of besides the code; none for what is no agent."""
    try:
        name, settings = _parse(text)
    except InputError:
        return []
    path = settings.get({LearnedAgent.text: "path", ShippedAgent.text: "weights"}.get(name, ""))
    return [Path(path)] if isinstance(path, str) else []


def _model(env: Any) -> Knowledge:
    """Return what agents are given of an environment: what is public of its model."""
    model = (
        env if isinstance(env, Model) else getattr(getattr(env, "unwrapped", env), "model", None)
    )
    if not isinstance(model, Model):
        raise InputError(
            f"Agents play the environments of this package; {shown(env)} is not one of them."
        )
    return model.public()


def _rule_fits(name: str, model: Knowledge) -> bool:
    """Return whether there is a rule of this name, and a belief about this model that it can use."""
    return name in RULES and bool(_fitting(RULES[name](), model, model.beliefs))


def _fitting(rule: Rule[Any], model: Knowledge, names: Iterable[str]) -> list[str]:
    """Return which of some beliefs, by name, are about this model and can do what the rule needs."""
    return [
        name
        for name in names
        if BELIEFS[name].fits(model)
        and (rule.belief is None or rule.belief[0] == name)
        and issubclass(BELIEFS[name], rule.needs)
    ]


def _belief(given: Any, fitting: list[str], model: Knowledge) -> Callable[[int], Belief]:
    """Return the maker of the belief that is given, by name or with settings, or of the first."""
    name, settings = (fitting[0], {}) if given is None else _named(given)
    if name not in fitting:
        raise InputError(
            f"No belief {shown(name or given)} fits {model.name} and the rule"
            f"{closest(name or '', fitting)} Those that fit: {', '.join(fitting)}."
        )
    assert name is not None
    _check_settings(name, BELIEFS[name], settings)
    return partial(BELIEFS[name], model, **settings)


def _misfit(name: str, model: Knowledge) -> str:
    return (
        f"Agent {name!r} cannot play {model.name}; those that can: {', '.join(available(model))}."
    )


def _check_settings(name: str, made: type[Any], settings: dict[str, Any]) -> None:
    """Refuse settings that the constructor does not name, unless it takes any."""
    parameters = inspect.signature(made).parameters.values()
    hidden = ("model", "env", "num_episodes", "seed")
    known = [p.name for p in parameters if p.name not in hidden and p.kind is not p.VAR_KEYWORD]
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for setting in settings:
        if setting in hidden or (setting not in known and not any_name):
            raise InputError(
                f"{name} has no setting {shown(setting)}{closest(setting, known)} It takes: "
                f"{', '.join(known) or 'none'}."
            )


class Described(NamedTuple):
    """What a text describes: an agent, or a setting that is a belief with settings of its own."""

    name: str
    settings: dict[str, Any]


def _named(given: Any) -> tuple[str | None, dict[str, Any]]:
    """Return the name and the settings of what a setting names; None: it names nothing."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], dict):
        return given
    return (given if isinstance(given, str) else None), {}


def _parse(text: Any) -> Described:
    """Read ``name`` or ``name(setting=value, ...)``; a value may be such a call itself."""
    wrong = InputError(
        f"{shown(text)} does not describe an agent; write a name such as 'greedy' or a name with "
        "settings such as 'bayes_ucb(width=2)'."
    )
    if not isinstance(text, str):
        raise wrong
    if len(text) > LONGEST:
        raise InputError(
            f"The text of an agent has at most {LONGEST} characters, {shown(text)} has {len(text)}."
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        parsed = _read(tree)
    except InputError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise wrong from None
    if isinstance(tree, ast.Name):
        return Described(parsed, {})
    if not isinstance(parsed, Described):
        raise wrong
    return parsed


def _read(node: ast.expr) -> Any:
    """Return the value of an expression; one that is no name, call or literal raises ValueError."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    if not isinstance(node.func, ast.Name) or len(node.args) > (node.func.id in FIRST):
        raise ValueError("a call of a name, with settings by name")
    settings = {}
    if node.args:
        settings[FIRST[node.func.id]] = _read(node.args[0])
    for keyword in node.keywords:
        if keyword.arg is None:
            raise ValueError("no ** either")
        if keyword.arg in settings:
            raise InputError(f"{node.func.id} has {keyword.arg} twice; give it once.")
        settings[keyword.arg] = _read(keyword.value)
    return Described(node.func.id, settings)
