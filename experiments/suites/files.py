"""Suites as files: TOML that is read and checked, and of which nothing is imported.

A file holds what a `Suite` holds::

    format = 1
    name = "mine"
    version = 1                  # raise it with every change
    about = "what it compares"
    episodes = 64

    [groups.learners]            # agents that several tasks share
    greedy = "greedy"
    Bayes-UCB = ["bayes_ucb(width=0.3)", "bayes_ucb(width=1)"]   # candidates: see `tuning`

    [[task]]
    name = "Small pool"
    about = "the decision, in one line"
    env = "LinearPool"           # or "lab/Squares-v0" with module = "mylab"
    kwargs = { num_items = 40, horizon = 10 }
    groups = ["learners"]
    [task.agents]
    mine = { call = "./mine.py:Agent", kwargs = { width = 2 }, data = ["weights.bin"] }
    ppo = { sb3 = "ppo.zip" }

Further keys of a suite are ``seed`` and ``chunk``, of a task ``kind``, ``module``,
``tuned_on`` (what differs from ``kwargs``), ``metrics``, ``episodes`` and ``seed``. Files are named as
seen from the working folder. What a file names of the code of others, `trust` lists.
"""

from __future__ import annotations

import math
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ...agents.making import full_text
from ...agents.texts import Described, written
from ...envs.core import InputError, closest, resolve, shown
from ...envs.core.checks import choice, integer
from ..runs.evaluation import EVALUATION_SEED
from ..runs.metrics import EXAMPLE, described
from .task import KINDS, Suite, Task, kind_of
from .tuning import BUDGET

FORMAT = 1
MOST_BYTES, MOST_LETTERS = 2**18, 4000
"""The largest file, and its longest line, of which keys of many parts would take long to read."""
MOST_TASKS, MOST_AGENTS, MOST_EPISODES, DEEPEST = 200, 100, 1_000_000, 8
OF_SUITE = ("format", "name", "version", "about", "episodes", "seed", "chunk", "groups", "task")
OF_TASK = ("name", "about", "kind", "env", "module", "kwargs", "groups", "agents", "tuned_on",
           "metrics", "episodes", "seed")  # fmt: skip
SB3 = "discovery_gym.agents.learned.sb3_file:SB3File"
"""What plays a file of stable-baselines3, as the text of an agent names it."""
T = TypeVar("T")


def read(path: Path) -> Suite:
    """Return the suite in a file, every agent of several candidates with the first of them.

    Raises:
        InputError: If it is no such file; the message names the file, the task and the key.
    """
    place = shown(path.name)[1:-1]
    table = _toml(path)
    if table.get("format") != FORMAT:
        found = shown(table.get("format"))
        raise InputError(f"{place}: format must be {FORMAT}, got {found}. Begin with format = 1.")
    _check_keys(place, table, OF_SUITE, ("name", "version", "about", "episodes", "task"))
    groups = {
        name: _agents(f"{place}, group {shown(name)}", agents)
        for name, agents in _table(f"{place}: groups", table.get("groups", {})).items()
    }
    tasks = _list(f"{place}: task", table["task"], "a table, begun by [[task]]", MOST_TASKS)
    name = line(f"{place}: name", table["name"], 60)
    if not re.fullmatch(r"[\w][\w.-]*", name, re.ASCII):
        raise InputError(f"{place}: name must be of letters, digits and . _ -, got {shown(name)}.")
    suite = Suite(
        name=name,
        version=integer(f"{place}: version", table["version"], low=0, high=1_000_000),
        about=line(f"{place}: about", table["about"], 1000),
        tasks=tuple(_task(place, number, one, groups) for number, one in enumerate(tasks, 1)),
        file=path,
        **_numbers(place, table),
    )
    _check_names(place, suite)
    return suite


def _numbers(place: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a suite that are numbers, and those that have a default if given."""
    checks = {
        "episodes": partial(integer, low=1, high=MOST_EPISODES),
        "seed": partial(integer, low=EVALUATION_SEED, high=2**40),  # smaller ones are for tuning
        "chunk": partial(integer, low=1, high=1024),
    }
    given = [name for name in checks if name in table]
    return {name: checks[name](f"{place}: {name}", table[name]) for name in given}


def _check_names(place: str, suite: Suite) -> None:
    names = [task.name for task in suite.tasks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if not names:
        raise InputError(f"{place}: a suite has at least one task; begin one with [[task]].")
    if twice is not None:
        raise InputError(f"{place}: two tasks are named {shown(twice)}; name each its own way.")
    for task in suite.tasks:
        for name, agent in task.agents.items():
            here = f"{place}, task {shown(task.name)}, {shown(name)}"
            _told(here, suite.run, task, name, agent)


# ---- a task


def _task(suite: str, number: int, table: Any, groups: Mapping[str, Mapping[str, Any]]) -> Task:
    name = table.get("name") if isinstance(table, dict) else None
    place = f"{suite}, task {shown(name) if isinstance(name, str) else number}"
    _check_keys(place, table, OF_TASK, ("name", "about", "env"))
    env_id = _environment(place, table)
    kwargs = _table(f"{place}: kwargs", table.get("kwargs", {}))
    agents, numbers = _all_agents(place, table, groups), _numbers(place, table)
    tuned_on = _list(f"{place}: tuned_on", table.get("tuned_on", []), "a table of what differs")
    search = {name: tuple(texts) for name, texts in agents.items() if len(texts) > 1}
    _check_budget(place, search, len(tuned_on) or 1)
    return Task(
        name=line(f"{place}: name", table["name"], 100),
        about=line(f"{place}: about", table["about"], 1000),
        env_id=env_id,
        env_kwargs=kwargs,
        agents={agent: texts[0] for agent, texts in agents.items()},
        search=search,
        tuned_on=tuple({**kwargs, **_table(f"{place}: tuned_on", one)} for one in tuned_on),
        metrics=_metrics(place, table.get("metrics", [])),
        episodes=numbers.get("episodes"),
        seed=numbers.get("seed"),
        kind=_kind(place, env_id, table),
    )


def _check_budget(place: str, search: Mapping[str, Sequence[str]], problems: int) -> None:
    for agent, texts in search.items():
        if len(texts) * problems > BUDGET:
            raise InputError(
                f"{place}: {shown(agent)} has {len(texts)} candidates, too many for the {BUDGET} "
                "episodes in which one of them is chosen; take fewer."
            )


def _environment(place: str, table: Mapping[str, Any]) -> str:
    """Return the id of the environment; that of another module is not looked up."""
    env_id = line(f"{place}: env", table["env"], 200)
    if "module" in table:
        env_id = f"{line(f'{place}: module', table['module'], 200)}:{env_id}"
    if ":" not in env_id:
        return _told(place, resolve, env_id)
    if not re.fullmatch(r"[^\W\d][\w.]*:[\w/.-]+", env_id, re.ASCII):
        raise InputError(
            f"{place}: an environment of others is 'lab/Squares-v0' with module = 'mylab', got "
            f"{shown(env_id)}."
        )
    return env_id


def _kind(place: str, env_id: str, table: Mapping[str, Any]) -> str:
    own, kind = kind_of(env_id, table.get("kwargs", {})), table.get("kind")
    if kind is None:
        return own
    return choice(f"{place}: kind", kind, KINDS if own == "other" else [own])


def _metrics(place: str, given: Any) -> tuple[str, ...]:
    texts = _list(f"{place}: metrics", given, f"a text such as {EXAMPLE!r}")
    for text in texts:
        _told(place, described, text)
    return tuple(texts)


# ---- agents


def _all_agents(
    place: str, table: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Return the agents of a task, those of its groups first: name -> candidates."""
    found: dict[str, list[str]] = {}
    for group in _list(f"{place}: groups", table.get("groups", []), "the name of a group"):
        if not isinstance(group, str) or group not in groups:
            name = group if isinstance(group, str) else ""
            raise InputError(
                f"{place}: there is no group {shown(group)}{closest(name, groups)} Known are "
                f"{', '.join(map(shown, groups)) or 'none; begin one with [groups.NAME]'}."
            )
        found = _joined(place, found, groups[group])
    found = _joined(place, found, _agents(f"{place}, agents", table.get("agents", {})))
    if not 1 <= len(found) <= MOST_AGENTS:
        raise InputError(
            f"{place}: a task has 1 to {MOST_AGENTS} agents, got {len(found)}; name them in "
            "[task.agents], as NAME = 'greedy'."
        )
    return found


def _joined(
    place: str, ours: Mapping[str, list[str]], theirs: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    both = next((name for name in theirs if name in ours), None)
    if both is not None:
        raise InputError(f"{place}: two agents are named {shown(both)}; name each its own way.")
    return {**ours, **theirs}


def _agents(place: str, table: Any) -> dict[str, list[str]]:
    """Return the candidates of each agent of a table, one or more."""
    found = {}
    for name, given in _table(place, table).items():
        line(f"{place}: the name of an agent", name, 100)
        here = f"{place}, {shown(name)}"
        options = given if isinstance(given, list) else [given]
        found[name] = [_agent(here, one) for one in options]
        if not 1 <= len({*found[name]}) == len(options):
            raise InputError(
                f"{here}: candidates are agents, each another one, got {shown(given)}."
            )
    return found


def _agent(place: str, given: Any) -> str:
    """Return the text of an agent, which may be given in parts."""
    if isinstance(given, dict) and "sb3" in given:
        _check_keys(place, given, ("sb3",), ())
        text = written(Described(SB3, {"path": line(f"{place}: sb3", given["sb3"], 500)}))
    elif isinstance(given, dict):
        _check_keys(place, given, ("call", "kwargs", "data"), ("call",))
        settings = _table(f"{place}: kwargs", given.get("kwargs", {}))
        if "data" in given:
            settings["data"] = _data(f"{place}: data", given["data"])
        text = written(Described(line(f"{place}: call", given["call"], 500), settings))
    else:
        text = given
    return _told(place, full_text, text)


def _data(place: str, given: Any) -> list[str]:
    paths = _list(place, given, "the name of a file")
    for path in paths:
        if not os.path.isfile(line(place, path, 500)):  # noqa: PTH113 - of any text
            raise InputError(f"{place}: there is no file {shown(path)}; name it as seen from here.")
    return paths


# ---- what is in a file


def _toml(path: Path) -> dict[str, Any]:
    """Return what is in a file, within bounds for any path."""
    name = shown(path.name)[1:-1]
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            raise InputError(f"{name} is no regular file; name a suite's TOML file.")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read the suite {shown(str(path))}: {reason}.") from None
    if len(raw) > MOST_BYTES or max(map(len, raw.splitlines()), default=0) > MOST_LETTERS:
        raise InputError(
            f"{name} is too large for a suite: at most {MOST_BYTES // 1024} KB, in lines of at most "
            f"{MOST_LETTERS:,} letters."
        )
    try:
        table = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else shown(str(error))
        raise InputError(f"{name} is no TOML file: {why}. Correct it there.") from None
    _check_plain(name, table, DEEPEST)
    return table


def _check_plain(place: str, value: Any, deep: int) -> None:
    """Refuse what is nested too deep, and values that JSON does not know."""
    if isinstance(value, dict | list):
        if deep == 0:
            raise InputError(f"{place}: tables and lists are nested more than {DEEPEST} deep.")
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            _check_plain(f"{place}, {shown(name)}" if deep > DEEPEST - 2 else place, part, deep - 1)
    elif (
        not isinstance(value, str | int | float) or value in (math.inf, -math.inf) or value != value
    ):
        raise InputError(f"{place}: {shown(value)} is neither a text nor a finite number.")


def _check_keys(place: str, table: Any, known: Sequence[str], needed: Sequence[str]) -> None:
    _table(place, table)
    for key in table:
        if key not in known:
            raise InputError(
                f"{place}: there is no key {shown(key)}{closest(key, known)} Allowed are "
                f"{', '.join(known)}."
            )
    for key in needed:
        if key not in table:
            raise InputError(f"{place}: {key} is missing; write {key} = ...")


def _table(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{place} must be a table, NAME = VALUE, got {shown(value)}.")
    return {**value}


def _list(place: str, value: Any, what: str, most: int = MOST_AGENTS) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InputError(
            f"{place} must be a list of at most {most}, each {what}, got {shown(value)}."
        )
    return value


def line(place: str, value: Any, most: int) -> str:
    """Return a text in one line that can be shown."""
    seen = isinstance(value, str) and value.isprintable() and value.strip()
    if not (seen and len(value) <= most):
        raise InputError(
            f"{place} must be a text of 1 to {most:,} printable letters, got {shown(value)}."
        )
    return value


def _told(place: str, function: Callable[..., T], *given: Any) -> T:
    """Call a function whose error is to say where in the file its cause stands."""
    try:
        return function(*given)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
