"""What is played of a suite: the whole or a part of it, with agents of the command line."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np

from ...agents import make
from ...agents.making import full_text
from ...envs.core import InputError, closest, shown, told
from ..runs.episodes import play, vector_env
from ..runs.fingerprints import PACKAGE
from . import catalogue, trust
from .files import line
from .task import Suite, Task


def chosen(
    name: str,
    *,
    agents: Sequence[str] = (),
    tasks: Sequence[str] = (),
    trusted: bool = False,
    say: Callable[[str], None],
) -> Suite:
    """Return a suite as a command names it.

    Args:
        name: A suite, or the file of one.
        agents: Agents that join it, ``"NAME=AGENT"`` each. Whoever types one wants it to run.
        tasks: Names of the tasks that are played; none: all.
        trusted: Whether code that the file names may run.
        say: Told what will run, before anything is imported, and which tasks an agent does not fit.

    Raises:
        InputError: Something is not as it must be, or the file names code and is not trusted.
    """
    suite = _part(catalogue.suite(name), tasks)
    for words in trust.check(suite, trusted):
        say(words)
    if suite.name not in catalogue.SUITES:
        _check_fits(suite)
    for entry in agents:
        suite = _entered(suite, entry, say)
    return suite


def _part(suite: Suite, tasks: Sequence[str]) -> Suite:
    known = [task.name for task in suite.tasks]
    for name in tasks:
        if name not in known:
            raise InputError(
                f"{suite.name} has no task {shown(name)}{closest(name, known)} It has "
                f"{', '.join(map(shown, known))}."
            )
    some = tuple(task for task in suite.tasks if task.name in tasks or not tasks)
    return replace(suite, tasks=some)


def _check_fits(suite: Suite) -> None:
    """Refuse a file that names an agent which cannot play its task, before anything is played."""
    for task in suite.tasks:
        if task.missing is None:
            for name, text in task.agents.items():
                for one in task.search.get(name, (text,)):
                    reason = misfit(task, one, try_it=False)
                    if reason is not None:
                        place = f"{suite.file}, task {shown(task.name)}, {shown(name)}"
                        raise InputError(f"{place}: {reason}")


def _entered(suite: Suite, entry: str, say: Callable[[str], None]) -> Suite:
    """Return a suite that an agent has joined, on every task that it fits."""
    name, equals, text = entry.partition("=")
    if not (name and equals and text) or "(" in name:
        raise InputError(
            f"--agent is NAME=AGENT, such as mine=./mine.py:Agent or 'mine=bayes_ucb(width=2)', got "
            f"{shown(entry)}."
        )
    line("the name of an agent", name, 100)
    text = full_text(text)
    for task in suite.tasks:
        if name in task.agents and full_text(task.agents[name]) != text:
            raise InputError(
                f"{suite.name} has an agent {shown(name)} already, {shown(task.agents[name])}; give "
                "yours another name."
            )
    reasons = {task.name: misfit(task, text) for task in suite.tasks if task.missing is None}
    wrong = {task: reason for task, reason in reasons.items() if reason is not None}
    if wrong and len(wrong) == len(reasons):
        each = {reason: task for task, reason in wrong.items()}
        some = "; ".join(f"on {task}: {reason}" for reason, task in [*each.items()][:3])
        some += f"; and {len(each) - 3} more reasons" if len(each) > 3 else ""
        raise InputError(f"{name} fits no task of {suite.name}: {some}")
    for left_out, reason in wrong.items():
        say(f"{name} does not fit {left_out}, which it leaves out: {reason}")
    tasks = (
        task if task.name in wrong else replace(task, agents={**task.agents, name: text})
        for task in suite.tasks
    )
    return replace(suite, tasks=tuple(tasks))


def misfit(task: Task, text: str, try_it: bool = True) -> str | None:
    """Return why an agent cannot play a task, ``None`` if it can.

    Args:
        task: The task.
        text: The agent.
        try_it: Whether it takes the first decision of two episodes on tuning seeds, which is what shows
            whether a function or a policy fits; not where a simulator of somebody would have to run.
    """
    try:
        with contextlib.closing(vector_env(task.env_id, 2, task.env_kwargs)) as venv:
            agent = make(text, venv)
            if try_it and "simulator" not in task.env_kwargs:
                play(venv, agent, range(2), 2, np.array([1]), tell=_enough)
    except _Enough:
        return None
    except InputError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # whatever the code of somebody raises
        return f"{type(error).__name__}: {told(error)} ({_place(error)})"
    return None


def _place(error: BaseException) -> str:
    """Return the last line of the code of others that led to an error, else of any code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(PACKAGE), "site-packages"
    others = [one for one in frames if not any(place in one.filename for place in ours)]
    frame = (others or frames)[-1]
    return f"{frame.filename}:{frame.lineno}"


class _Enough(Exception):
    """The first decision was taken."""


def _enough(ended: int, decisions: int) -> NoReturn:
    raise _Enough
