"""From a text to an agent."""

from __future__ import annotations

import contextlib
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..envs.conditions import Conditions
from ..envs.core import InputError, Knowledge, Model, closest, shown
from ..envs.core.checks import integer
from . import outside
from .agent import Agent, Seed
from .anywhere import FunctionAgent, Sampler, Spaces
from .baselines import FixedAgent, RandomAgent
from .belief_agent import BeliefAgent
from .beliefs import BELIEFS, Belief
from .beliefs.belief import can_learn
from .design import DESIGN
from .learned.policy import PolicyAgent, fitting, shipped, trained_for
from .naming import NamingAgent
from .oracle import OracleAgent
from .planning import OptimalAgent
from .rules import RULES, Rule
from .texts import Described, check_settings, named, parse, strings, written

_OURS: list[type[Agent]] = [RandomAgent, FixedAgent, OptimalAgent, OracleAgent, PolicyAgent]
PLAIN = {agent.text: agent for agent in (*_OURS, *DESIGN)}
"""Agents that are not a belief times a rule, by name."""
LEARNED = "learned"
FILES = {"policy": "path", "meta_ucb": "weights", "sb3": "path", LEARNED: "weights"}
"""Settings that name a file."""


def available(env: Any) -> list[str]:
    """Return the texts of the agents that can play an environment with their default settings.

    Args:
        env: An environment or vector environment of this package, or its model.
    """
    model = _model(env)
    names = [name for name, agent in PLAIN.items() if agent.fits(model)]
    rules = [name for name in RULES if _rule_fits(name, model)]
    return names + rules + ([LEARNED] if "meta_ucb" in rules or fitting(model) else [])


def make(
    agent: str | Rule[Any] | Callable[..., Any], env: Any, *, seed: Seed = 0, episode: int = 0
) -> Agent:
    """Return the agent that a text describes, for an environment.

    Args:
        agent: A name, or a name with settings, such as ``"thompson(belief=linear(noise_std=0.1))"``;
            ``"module:Name"`` or ``"./file.py:Name"`` for one of your own; a `Rule`; a function of one
            observation; or a function ``make(env, seed)`` that returns such a function or an object
            with ``predict``. An object of your own with ``predict`` is returned as it is.
        env: An environment or vector environment, or a model of this package. The agent uses its
            public parameters only, but for ``"oracle"``, which needs the environment that it plays.
        seed: Seed of the agent's own randomness.
        episode: Number of the episode in the first row of observations, see `Agent.episode`. What has no
            such number, a class or a function of yours that takes ``seed``, is given another seed for
            another one, unless it is 0.
    """
    episode = integer("episode", episode, low=0, high=math.inf)
    own = isinstance(agent, Rule) or callable(getattr(agent, "predict", agent))
    if isinstance(agent, str) or not own:
        made = _make(agent, env, seed, episode)
    else:
        text = outside.reference_of(agent) or getattr(agent, "__name__", type(agent).__name__)
        made = _own(agent, Described(text, {}), text, _known(env), seed, episode)
    if isinstance(made, Agent):
        made.episode = episode
    return made


def _make(text: Any, env: Any, seed: Any, episode: int) -> Agent:
    model = _known(env)
    asked = parse(text)
    if not (asked.name in PLAIN or asked.name in RULES or asked.name in FILES):
        reference = outside.full(asked.name)
        if not outside.is_reference(reference):
            raise InputError(_unknown(asked.name))
        return _own(outside.load(reference), asked, text, model, seed, episode)
    if isinstance(model, Spaces):
        if asked.name != RandomAgent.text:
            raise InputError(
                f"{asked.name} plays the environments of this package; others are played by random, by "
                "functions and by objects with predict, such as ./mine.py:Name."
            )
        check_settings(asked.name, Sampler, asked.settings)
        return Sampler(model, seed=seed)
    if asked.name == OracleAgent.text:
        check_settings(asked.name, OracleAgent, asked.settings)
        return OracleAgent(env, seed=seed)
    today = _today(asked, model)
    if today.name in RULES:
        agent = _with_belief(RULES[today.name], today, model, seed)
    else:
        agent = _plain(PLAIN[today.name], today, model, seed)
    agent.text = text if today is asked else written(today)
    return agent


def _plain(agent: type[Agent], asked: Described, model: Knowledge, seed: Any) -> Agent:
    """Return an agent that is not a belief times a rule."""
    name, settings = asked
    # A policy has an error of its own, which says what it was trained for.
    if agent is not PolicyAgent and not agent.fits(model):
        raise InputError(_misfit(name, model))
    for value in settings.values():
        if isinstance(value, Described):
            raise InputError(
                f"{name} takes plain settings, got {shown(value)} in {shown(written(asked))}."
            )
    check_settings(name, agent, settings)
    return agent(model, seed=seed, **settings)


def _with_belief(made: Any, asked: Described, model: Knowledge, seed: Any) -> Agent:
    """Return the agent that is a rule, or one of a class of rules, and a belief."""
    name, settings = asked.name, dict(asked.settings)
    given = settings.pop("belief", None)
    agent: Any = BeliefAgent
    if isinstance(model, Conditions):
        agent = partial(NamingAgent, naming=settings.pop("naming", "posterior"))
    new = (lambda: made) if isinstance(made, Rule) else made
    check_settings(name, new, settings)
    rule = new(**settings)
    names = model.beliefs if given is None else (*BELIEFS, named(given).name)
    fitting = _fitting(rule, model, names)
    if not fitting and given is not None and _belief_class(names[-1]) is not None:
        raise InputError(
            f"The belief {shown(names[-1])} does not fit {model.name}, or {name} cannot use it; without "
            f"belief= it takes one of {', '.join(model.beliefs) or 'none'}."
        )
    if not fitting:
        raise InputError(_misfit(name, model))
    if given is not None and rule.belief is not None:
        raise InputError(f"{name} brings its own belief; leave belief={shown(given)} out.")
    new_belief = _belief(rule.belief if given is None else given, fitting, model)
    found: Agent = agent(model, rule, new_belief, text=written(asked), seed=seed)
    return found


def _own(
    thing: Any, asked: Described, text: str, model: Knowledge | Spaces, seed: Any, episode: int
) -> Agent:
    """Return the agent that a class, an object or a function of a user is."""
    asked = without_data(thing, asked)
    name, settings = asked
    made = isinstance(thing, type)
    if isinstance(thing, Rule) or (made and issubclass(thing, Rule | Agent)):
        if isinstance(model, Spaces):
            raise InputError(
                f"{name} knows a model, and plays the environments of this package only."
            )
        plain = made and issubclass(thing, Agent)
        agent = (_plain if plain else _with_belief)(thing, asked, model, seed)
    elif callable(getattr(thing, "predict", None)):
        new = thing if made else lambda: thing
        return cast(Agent, _called(new, asked, model=model, seed=_seed_from(seed, episode)))
    elif _is_factory(thing):
        found = _called(thing, asked, env=model, seed=_seed_from(seed, episode))
        if _is_factory(found) or isinstance(found, type):
            raise InputError(
                f"{name} returned {shown(found)}; a function of env is asked once, and returns an "
                "object with predict or a function of one observation."
            )
        return _own(found, Described(f"What {name} returns", {}), text, model, seed, episode)
    elif callable(thing) and not made:
        first = [*inspect.signature(thing).parameters][:1]  # the observation
        check_settings(name, thing, settings, [*first, "random"])
        agent = FunctionAgent(model, thing, text=text, seed=seed, settings=settings)
    else:
        belief = f"; a belief is named inside a rule: greedy(belief={name})"
        raise InputError(
            f"{name} is {shown(thing)}; an agent is an Agent class, a Rule, an object or a class with "
            "predict, a function of one observation (which may also have an argument random), or a "
            "function make(env, seed) that returns such an object or function"
            f"{belief if made and issubclass(thing, Belief) else ''}."
        )
    agent.text = text
    return agent


def _seed_from(seed: Any, episode: int) -> Any:
    """Return a seed for the episodes from one on: those of two chunks would have the same draws."""
    if episode == 0 or seed is None:
        return seed
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, episode))
    return int(np.random.SeedSequence([seed, episode]).generate_state(1)[0])


def _is_factory(thing: Any) -> bool:
    """Return whether this makes an agent: a function whose first argument is called ``env``."""
    plain = callable(thing) and not isinstance(thing, type)
    return plain and [*inspect.signature(thing).parameters][:1] == ["env"]


def _called(new: Callable[..., Any], asked: Described, **given: Any) -> Any:
    """Return what the code of a user makes from its settings and what it wants of what is given."""
    check_settings(asked.name, new, asked.settings, [*given])
    wanted = inspect.signature(new).parameters
    return new(**asked.settings, **{k: v for k, v in given.items() if k in wanted})


def without_data(thing: Any, asked: Described) -> Described:
    """Take out ``data``, files that the code reads by itself; they are named for the fingerprint."""
    name, settings = asked
    if "data" not in settings or (
        callable(thing) and "data" in inspect.signature(thing).parameters
    ):
        return asked
    for path in strings(settings["data"]):
        if not Path(path).is_file():
            raise InputError(
                f"{name} names the data {shown(path)}, which is no file; name files as seen from the "
                "working folder."
            )
    return Described(name, {key: value for key, value in settings.items() if key != "data"})


def _today(asked: Described, model: Knowledge) -> Described:
    """Return the present text of an old one, and what `learned` stands for."""
    name, settings = asked
    if name == "sb3":
        new = Described("policy", settings)
    elif name == LEARNED and "weights" in settings:
        rule = _rule_fits("meta_ucb", model)
        path = {} if rule else {"path": settings["weights"]}
        new = Described("meta_ucb", settings) if rule else Described("policy", path)
    elif name == LEARNED:
        check_settings(name, learned, settings)
        return learned(model, **settings)
    else:
        return asked
    warnings.warn(f"{written(asked)} is now {written(new)}.", FutureWarning, stacklevel=2)
    return new


def learned(model: Knowledge, *, belief: Any = None) -> Described:
    """Plays what was trained for an environment; its text says what that is.

    It is, in this order, the policy of the package that was trained for exactly these parameters; the
    rule `meta_ucb`, where there is a belief for it; a policy of the package that fits, but was
    trained for other parameters.

    Args:
        model: The model of the environment.
        belief: The belief of the rule; with it the agent is always the rule.
    """
    settings = {} if belief is None else {"belief": belief}
    exact = trained_for(model)
    if exact is not None and not settings:
        return Described("policy", {"path": exact})
    if settings or _rule_fits("meta_ucb", model):
        return Described("meta_ucb", settings)
    fit = fitting(model)
    if fit:
        return Described("policy", {"path": fit[0]})
    known = [name for name in shipped() if name.startswith(f"{model.name}-")]
    raise InputError(
        f"learned needs a policy for {model.name} with these parameters, and the package "
        f"brings none; train one with `discovery-gym train` and play it by policy('FILE'). Those of "
        f"the package: {', '.join(known or shipped())}."
    )


# ---- code and files of others that a text names


def full_text(text: str) -> str:
    """Return the text with the references that short names stand for, as another process reads it.

    Nothing is loaded. A name that stands for no agent raises `InputError`.
    """
    asked = parse(text)
    name, settings = asked.name, dict(asked.settings)
    if name not in PLAIN and name not in RULES and name not in FILES:
        name = outside.full(name)
        if not outside.is_reference(name):
            raise InputError(_unknown(name))
    if "belief" in settings:
        belief, inside = named(settings["belief"])
        if belief not in BELIEFS and outside.full(belief) != belief:
            settings["belief"] = Described(outside.full(belief), inside)
    new = Described(name, settings)
    return text if new == asked else written(new)


def _parsed(text: str) -> Described:
    """Return what a text describes, or nothing for what is no agent."""
    with contextlib.suppress(InputError):
        return parse(text)
    return Described("", {})


def references(text: str) -> tuple[str, ...]:
    """Return the code outside that a text names; none for what is no agent."""
    name, settings = _parsed(text)
    names = (name, named(settings.get("belief")).name)
    return tuple(one for one in names if outside.is_reference(one))


def files(text: str) -> list[Path]:
    """Return the files that the settings of an agent name; none for what is no agent."""
    name, settings = _parsed(text)
    own: list[Any] = [settings] if references(text) else [settings.get(FILES.get(name, ""))]
    return [Path(path) for path in strings(own)]


def register_agent(name: str, thing: str | Callable[..., Any]) -> None:
    """Let a short name stand for an agent of your own.

    Args:
        name: The name, which is none of ours.
        thing: A class or a function at the top of a module, or a text: ``"module:Name"``.
    """
    _check_new(name, {**PLAIN, **RULES, **FILES})
    outside.add(name, thing)


def register_rule(name: str, thing: str | type[Rule[Any]]) -> None:
    """Let a short ``name`` stand for a rule of your own, a ``thing`` as in `register_agent`."""
    register_agent(name, thing)


def register_belief(name: str, thing: str | type[Belief]) -> None:
    """Let a short ``name`` stand for a belief of your own, a ``thing`` as in `register_agent`."""
    _check_new(name, BELIEFS)
    outside.add(name, thing)


def _check_new(name: str, ours: Mapping[str, Any]) -> None:
    if name in ours:
        raise InputError(f"{name!r} is a name of this package; choose another one.")


# ---- models and what fits them


def _model(env: Any) -> Knowledge:
    model = _known(env)
    if isinstance(model, Spaces):
        raise InputError(
            f"Agents play the environments of this package; {shown(env)} is not one of them."
        )
    return model


def _known(env: Any) -> Knowledge | Spaces:
    """Return what agents are given: what is public of our model, or the spaces of another one."""
    inner = getattr(env, "unwrapped", env)
    model = env if isinstance(env, Model) else getattr(inner, "model", None)
    if isinstance(model, Model):
        return model.public()
    if isinstance(env, Knowledge):
        return env
    prefix = "single_" if hasattr(env, "single_action_space") else ""
    names = (f"{prefix}{of}_space" for of in ("observation", "action"))
    spaces: list[Any] = [getattr(env, name, None) for name in names]
    if None in spaces:
        raise InputError(
            f"Agents play environments, vector environments and models; {shown(env)} is none of them."
        )
    return Spaces(*spaces)


def _rule_fits(name: str, model: Knowledge) -> bool:
    """Return whether there is a belief about this model that our rule of this name can use."""
    return bool(_fitting(RULES[name](), model, model.beliefs))


def _fitting(rule: Rule[Any], model: Knowledge, names: Iterable[str]) -> list[str]:
    """Return which of some beliefs, by name, are about this model and can do what the rule needs."""

    def fits(name: str) -> bool:
        own, belief = rule.belief is None or rule.belief[0] == name, _belief_class(name)
        if not own or belief is None or not issubclass(belief, rule.needs):
            return False
        return belief.fits(model) and can_learn(belief, model)

    return list(filter(fits, names))


def _belief(given: Any, fitting: list[str], model: Knowledge) -> Callable[[int], Belief]:
    """Return the maker of the belief that is given, by name or with settings, or of the first."""
    name, settings = named(fitting[0] if given is None else given)
    belief = _belief_class(name) if name in fitting else None
    if belief is None:
        raise InputError(
            f"No belief {shown(name or given)} fits {model.name} and the rule"
            f"{closest(name, fitting)} Those that fit: {', '.join(fitting)}."
        )
    check_settings(name, belief, settings)
    return partial(belief, model, **settings)


def _belief_class(name: str) -> type[Belief] | None:
    """Return the belief of this name, ours or that of a user; None if there is none."""
    reference = outside.full(name) if name and name not in BELIEFS else ""
    if not outside.is_reference(reference):
        return BELIEFS.get(name)
    thing = outside.load(reference)
    if not (isinstance(thing, type) and issubclass(thing, Belief)):
        raise InputError(f"{name} is {shown(thing)}, not a class of beliefs: a subclass of Belief.")
    return thing


def _unknown(name: str) -> str:
    if name in BELIEFS:
        return f"{name} is a belief; name it in a rule, such as greedy(belief={name})."
    known = [*PLAIN, LEARNED, *RULES]
    return (
        f"Unknown agent {shown(name)}{closest(name, known)} Known are {', '.join(known)}; one of your "
        "own is named by its file or module: ./mine.py:Name."
    )


def _misfit(name: str, model: Knowledge) -> str:
    return f"Agent {name!r} cannot play {model.name}; these can: {', '.join(available(model))}."
