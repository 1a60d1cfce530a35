"""What `show` says of an environment or an agent, from docstrings and signatures."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from ...envs.core import InputError, closest, shown
from ..runs.terminal import say
from ..runs.terminal import show as table
from .known import known, short, typed

WORDS = {
    "Action space": "what actions mean",
    "Rewards": "rewards",
    "Starting state": "it begins with",
    "Episode end": "it ends",
}
"""Sections of an environment's page, and what they are called here."""
TRUTHS = {"random_value": "value of random play", "optimal_value": "value of the optimum"}
GOOD = ("optimal", "greedy_eig", "bayes_ucb", "ucb1", "greedy", "random")
"""Agents that an example plays, the first that fits."""
EXAMPLES = ("KnowledgeLadder", "LinearPool", "LogisticPool", "GeneralConditions", "DeathProcess")
"""Environments that an example plays, the first that fits."""


def lines(text: str) -> str:
    """Return a text of several lines in one."""
    return " ".join(text.split())


def _paragraphs(text: str) -> list[str]:
    return [lines(part) for part in text.split("\n\n") if part.strip()]


# ---- environments


def environment(env_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to say of an environment, with some parameters other than the defaults.

    Args:
        env_id: Its full id, with its module where it has one.
        given: The parameters.
    """
    from ...agents import available
    from ...envs.core.pages import words
    from ..runs.evaluation import exact

    model = _model(env_id, given)
    told, ours = words(type(model).__doc__, {}), known()["environments"].get(env_id, {})
    agents = available(model)
    return {
        "id": env_id,
        "goal": lines(told[""]),
        "description": _paragraphs(told.get("Description", "")),
        **{name: ours.get(name) for name in ("decision", "truth")},
        **{name: exact(model, name) for name in TRUTHS},
        "parameters": _parameters(type(model), told.get("Arguments", ""), given),
        "action_space": str(model.action_space),
        "observation_space": _observed(model.observation_space, told.get("Observation space", "")),
        "about": {name: lines(told[name]) for name in WORDS if name in told},
        "agents": agents,
        "command": _command(env_id, given, agents),
    }


def _model(env_id: str, given: Mapping[str, Any]) -> Any:
    """Return the model of an environment, made as it is played, with what it says of parameters."""
    from ...envs.core import Model
    from ..runs.episodes import vector_env
    from ..runs.evaluation import parameters
    from ..runs.trace import model_of

    with contextlib.closing(vector_env(env_id, 1, parameters(given))) as venv:
        model = model_of(venv)
    if not isinstance(model, Model):
        raise InputError(
            f"{env_id} is not built on this package, which knows nothing of it; to play it: "
            f"{typed('evaluate', env_id, 'random')}"
        )
    return model


def _parameters(cls: type, text: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of a model, each with its value, its default and what it means."""
    from ...envs.core.pages import entries

    declared = {one.name: one for one in fields(cls)}
    found = []
    for names, about in entries(text):
        for name in names:
            default = _default(declared[name])
            value = given.get(name, default)
            found.append({"name": name, "value": value, "default": default, "about": lines(about)})
    return found


def _default(one: Field[Any]) -> Any:
    if one.default is not MISSING:
        return one.default
    return None if one.default_factory is MISSING else one.default_factory()


def _observed(space: Any, text: str) -> list[dict[str, str]]:
    """Return the parts of a space of observations, each with what it is; a space without has one, ""."""
    from ...envs.core.pages import entries

    parts = getattr(space, "spaces", None)
    if not isinstance(parts, Mapping):
        return [{"name": "", "space": _box(space), "about": lines(text)}]
    told = {name: lines(about) for names, about in entries(text) for name in names}
    found = []
    for name, part in parts.items():
        about = told.get(str(name), "").removeprefix(f"{part.dtype}, ")
        found.append({"name": str(name), "space": _box(part), "about": about})
    return found


def _box(space: Any) -> str:
    return f"{space.dtype}, {tuple(space.shape)}" if space.shape is not None else str(space)


def _command(env_id: str, given: Mapping[str, Any], agents: list[str]) -> str:
    player = next((one for one in GOOD if one in agents), "AGENT")
    env = short(env_id) if env_id in known()["environments"] else env_id
    more = ["--kwargs", json.dumps(dict(given))] if given else []
    return typed("evaluate", env, player, *more)


def show_environment(about: Mapping[str, Any]) -> None:
    """Print what there is to say of an environment."""
    rows = [["goal", about["goal"]], *(["what it is", part] for part in about["description"])]
    rows += [[f"the {name}", about[name]] for name in ("decision", "truth") if about[name]]
    rows += [
        [word, _shown(about[name])] for name, word in TRUTHS.items() if about[name] is not None
    ]
    rows.append(["actions", about["action_space"]])
    for one in about["observation_space"]:
        rows.append([f"observed {one['name']}".strip(), f"{one['space']}: {one['about']}"])
    rows += [[WORDS[name], text] for name, text in about["about"].items()]
    table(["environment", about["id"]], [*rows, ["played by", ", ".join(about["agents"])]])
    rows = [[one["name"], _shown(one["value"]), one["about"]] for one in about["parameters"]]
    table(["parameter", "value", "what it is"], rows)
    say(f"Now: {about['command']}")


def _shown(value: Any) -> str:
    return f"{value:.8g}" if isinstance(value, float) else str(value)


# ---- agents, rules, beliefs


def is_agent(name: str) -> bool:
    """Return whether a name is that of an agent, a rule or a belief; those of others are words."""
    from ...agents import outside

    full = outside.full(name)
    own = outside.is_reference(full) and full.rpartition(":")[2].isidentifier()
    return own or name in known()["agents"]


def agent(text: str) -> dict[str, Any]:
    """Return what there is to say of an agent, a rule or a belief, ours or of others, as it is set."""
    from ...agents.texts import Described, parse, written

    asked = parse(text)
    thing, kind = _thing(asked.name)
    settings = _checked(asked, thing, kind)
    about, _, _ = inspect.cleandoc(thing.__doc__ or "").partition("\nArgs:\n")
    head, _, idea = about.partition("\n\n")
    of = "beliefs" if kind == "belief" else "agents"
    plays = [env_id for env_id, one in known()["environments"].items() if asked.name in one[of]]
    ours = asked.name in known()["agents"]
    options = _options(thing) + (_of_belief(thing(**settings), plays) if kind == "rule" else [])
    values = {k: written(v) if isinstance(v, Described) else v for k, v in asked.settings.items()}
    return {
        "name": asked.name,
        "role": kind,
        "about": lines(head),
        "idea": _paragraphs(idea),
        "options": [one | {"value": values.get(one["name"], one["default"])} for one in options],
        "plays": plays if ours else None,
        "command": _play(text, kind, plays) if ours else typed("evaluate", "ENV", text),
    }


def _thing(name: str) -> tuple[Any, str]:
    """Return the class, object or function of this name, and whether it is an agent, rule or belief."""
    from ...agents import making, outside
    from ...agents.beliefs import BELIEFS, Belief
    from ...agents.rules import RULES, Rule

    ours: Any = {**making.PLAIN, making.LEARNED: making.learned, **RULES, **BELIEFS}
    if name not in ours and not outside.is_reference(outside.full(name)):
        raise InputError(
            f"There is no agent or belief {shown(name)}{closest(name, ours)} Known are "
            f"{', '.join(ours)}."
        )
    thing = ours.get(name) or outside.load(outside.full(name))
    if isinstance(thing, type) and issubclass(thing, Rule):
        return thing, "rule"
    if isinstance(thing, type) and issubclass(thing, Belief):
        return thing, "belief"
    return thing, "agent"


def _checked(asked: Any, thing: Any, kind: str) -> dict[str, Any]:
    """Return the settings that something is made with, without the belief of a rule; refuse others."""
    from ...agents.making import without_data
    from ...agents.texts import check_settings, named, written

    settings = dict(without_data(thing, asked).settings)
    if kind == "rule":
        belief, _ = named(settings.pop("belief", None)), settings.pop("naming", None)
        if belief.name:
            agent(written(belief))
    if settings or kind == "rule":  # a rule is made, to know what it believes
        check_settings(asked.name, thing, settings, _given(thing))
    return settings


def _given(thing: Any) -> list[str]:
    """Return the arguments that an agent is given when it is made or asked, which are no settings."""
    from ...agents.texts import GIVEN

    plain = callable(thing) and not isinstance(thing, type)
    first = [*inspect.signature(thing).parameters][:1] if plain else []
    return [*GIVEN, "random", *first]


def _options(thing: Any) -> list[dict[str, Any]]:
    """Return the settings of an agent with their defaults, and what its docstring says of them."""
    found, told = [], arguments(thing.__doc__)
    for one in inspect.signature(thing).parameters.values() if callable(thing) else ():
        if one.name not in _given(thing) and one.kind is not one.VAR_KEYWORD:
            default = None if one.default is one.empty else one.default
            found.append({"name": one.name, "default": default, "about": told.get(one.name, "")})
    return found


def arguments(docstring: str | None) -> dict[str, str]:
    """Return what a docstring says of its arguments, each in one line."""
    _, _, text = inspect.cleandoc(docstring or "").partition("\nArgs:\n")
    text = re.split(r"^(?=\S)", text, maxsplit=1, flags=re.M)[0]
    parts = re.split(r"^    (\w+): ", text, flags=re.M)[1:]
    return {name: lines(about) for name, about in zip(parts[::2], parts[1::2], strict=True)}


def _of_belief(made: Any, plays: list[str]) -> list[dict[str, Any]]:
    """Return the setting of a rule that names its belief, if it brings none of its own."""
    from ...agents.beliefs import BELIEFS

    if made.belief is not None:
        return []
    about_them = {name for env_id in plays for name in known()["environments"][env_id]["beliefs"]}
    able = [name for name, belief in BELIEFS.items() if issubclass(belief, made.needs)]
    names = [name for name in able if name in about_them or not plays]
    about = (
        f"what it believes of the items: {', '.join(names)}, each with settings of its own; None takes "
        "the first that fits the environment"
    )
    return [{"name": "belief", "default": None, "about": about}]


def _play(agent: str, kind: str, plays: list[str]) -> str:
    """Return a command that plays an agent; of one that plays nothing by default, what tells more."""
    from ...agents import make

    if not plays:
        return typed("list")
    names = {short(one): one for one in plays}
    env_id = next((names[one] for one in EXAMPLES if one in names), plays[0])
    if kind != "belief":
        return typed("evaluate", short(env_id), agent)
    for rule in (one for one in GOOD if one in known()["environments"][env_id]["agents"]):
        text = f"{rule}(belief={agent})"
        with contextlib.suppress(InputError):  # it may need other parameters
            make(text, _model(env_id, {}))
            return typed("evaluate", short(env_id), text)
    return typed("show", short(env_id))


def show_agent(about: Mapping[str, Any]) -> None:
    """Print what there is to say of an agent."""
    rows = [["what it is", about["about"]], *(["idea", part] for part in about["idea"])]
    if about["plays"] is not None:  # nobody knows it of others
        plays = ", ".join(map(short, about["plays"])) or "none with their defaults"
        rows.append(["describes" if about["role"] == "belief" else "plays", plays])
    table([about["role"], about["name"]], rows)
    if about["options"]:
        rows = [[one["name"], _shown(one["value"]), one["about"]] for one in about["options"]]
        table(["option", "value", "what it is"], rows)
    say(f"Now: {about['command']}")
