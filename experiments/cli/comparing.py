"""The command compare: which strategies would have served on the rows that are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from ...envs.core import InputError, shown
from ..runs.terminal import out, say, show
from . import formats
from .formats import Form
from .known import typed
from .playing import play_missing
from .shared import Agents, ReadAs, Workers, complain, is_design, note, reading

if TYPE_CHECKING:
    from ...envs.datasets import Table
    from ..report.strategies import Verdict
    from ..suites.task import Suite, Task

METRICS = ("sum", "area")
PROBES = 1, 4
"""Episodes that are played to see what more of them cost."""
START = 3.0
"""Seconds until workers play."""
Asking = Callable[[str], str]
"""Gives the command that asks a strategy."""


def compare(
    dataset: Annotated[
        str, Argument(help="A table with measured labels (.csv, .parquet), or a data set.")
    ],
    target: Annotated[str | None, Option(help="The label column.")] = None,
    settings: ReadAs = None,
    metric: Annotated[
        str, Option(help="sum of the labels, or area under the best so far.")
    ] = "sum",
    episodes: Annotated[
        int | None, Option(min=16, help="Episodes on all rows; 64 by default.")
    ] = None,
    horizon: Annotated[
        int | None,
        Option(min=1, help="Labels of an episode; by default a third of its rows, at most 30."),
    ] = None,
    batch: Annotated[int, Option(min=1, help="Labels that are chosen at once.")] = 1,
    strategy: Annotated[
        list[str] | None,
        Option(help="A strategy in place of those of the package; may be repeated."),
    ] = None,
    agent: Agents = None,
    folder: Annotated[
        Path | None, Option("--out", help="Results folder; by default beside the file.")
    ] = None,
    workers: Workers = None,
    form: Form = None,
) -> None:
    """Say which strategies would have served on your rows."""
    from ..suites import comparing

    if metric not in METRICS:
        raise InputError(f"--metric must be sum or area, got {shown(metric)}.")
    how = reading(target, settings)
    table = _measured(dataset, how)
    ask = _asking(dataset, target, settings or [])
    if len(table.labels) < comparing.FEWEST:
        _too_few(table, ask, form)
        return
    suite = comparing.suite(
        dataset,
        table,
        reading=how,
        strategies=_strategies(strategy or comparing.STRATEGIES, agent or ()),
        episodes=episodes or comparing.EPISODES,
        horizon=horizon,
        batch=batch,
    )
    suite = _fitting(suite, {*(strategy or ()), *(one.partition("=")[0] for one in agent or ())})
    place = folder or _beside(dataset)
    _play(suite, place, workers)
    _tell(suite, place, metric, table, ask, form)


def _measured(dataset: str, how: Mapping[str, Any]) -> Table:
    """Return the measured conditions of a table; say what was decided in reading it."""
    from ...envs import datasets

    if is_design(dataset):
        raise InputError(
            f"{dataset} is a design, and strategies are compared on the rows of a table: "
            "discovery-gym compare my.csv --target COLUMN"
        )
    whole = datasets.load(dataset, **how)
    for line in whole.notes:
        say(f"note: {line}")
    return whole.conditions()


def _asking(dataset: str, target: str | None, settings: Sequence[str]) -> Asking:
    """Return what gives the command that asks a strategy about a table."""
    words = [] if target is None else ["--target", target]
    words += [word for one in settings for word in ("--set", one)]
    return lambda agent: typed("ask", dataset, *words, "--agent", agent)


def _too_few(table: Table, ask: Asking, form: str | None) -> None:
    from ...studies.choosing import AGENT as DEFAULT
    from ..suites.comparing import FEWEST

    count = len(table.labels)
    if form is not None:
        nothing: dict[str, Any] = {"strategies": [], "best": None, "beats_random": None}
        about = {"conditions": count, "advice": DEFAULT, "command": ask(DEFAULT)}
        formats.write("comparison", nothing | {"failed": {}} | about)
        return
    out.print(
        f"{count} measured conditions tell nothing of strategies (that takes {FEWEST} or more): take "
        f"the default, {DEFAULT}.",
        soft_wrap=True,
    )
    say(f"Now: {ask(DEFAULT)}")


# ---- what is played


def _strategies(own: Sequence[str], joining: Sequence[str]) -> dict[str, str]:
    """Return the strategies by name; those of the package are their own names."""
    found = {text: text for text in own}
    for entry in joining:
        name, equals, text = entry.partition("=")
        if not (name and equals and text) or "(" in name:
            raise InputError(
                f"--agent is NAME=AGENT, such as mine=./mine.py:Agent, got {shown(entry)}; a strategy "
                "without a name is given by --strategy."
            )
        if name in found:
            raise InputError(f"Two strategies are named {shown(name)}; name each its own way.")
        found[name] = text
    if "random" in found:
        raise InputError("Random play is known exactly and always compared; leave it out.")
    if any(text.partition("(")[0].strip() == "oracle" for text in found.values()):
        raise InputError("oracle looks up the truth, which a study does not know; leave it out.")
    return found


def _fitting(suite: Suite, wanted: set[str]) -> Suite:
    """Return a suite without those of our strategies that do not fit; a user's are refused."""
    from ..suites.entering import misfit

    fits = {}
    for name, text in suite.tasks[0].agents.items():
        reason = misfit(suite.tasks[0], text)
        if reason is None:
            fits[name] = text
        elif name in wanted:
            raise InputError(f"{name} does not fit this table: {reason}")
        else:
            note(f"{name} does not fit this table and is left out: {reason}")
    return replace(suite, tasks=tuple(replace(task, agents=fits) for task in suite.tasks))


def _beside(dataset: str) -> Path:
    """Return the results folder of a table: beside its file, else here."""
    from ...envs.datasets.files import is_path, stem

    path = Path(dataset)
    return path.parent / f"{stem(path)}.compare" if is_path(dataset) else Path(f"{dataset}.compare")


def _play(suite: Suite, folder: Path, workers: int | None) -> None:
    """Write the suite into its folder and play what has no record yet."""
    from ...envs.core.files import write, writing_to
    from ..runs.board import missing
    from ..suites.comparing import text
    from ..suites.task import plan

    specs = plan(suite)
    todo = missing(specs, folder)
    with writing_to(folder):
        write(folder / "suite.toml", text(suite))
    say(f"suite: {folder / 'suite.toml'}, {len(suite.tasks)} tasks, {len(specs)} runs")
    if todo:
        _estimate(suite, [one.spec.task for one in todo], workers)
    play_missing(suite, specs, folder, workers)


def _estimate(suite: Suite, left: Sequence[str], workers: int | None) -> None:
    """Say about how long it takes, from a few episodes of each strategy on tuning seeds."""
    from ..runs.engine import cores
    from ..suites.comparing import halves

    of_half = {name for pair in halves() for name in pair}
    wide, narrow, *_ = suite.tasks
    whole, half = _seconds(wide), _seconds(narrow)
    share = sum(half if name in of_half else whole for name in left) / len(wide.agents)
    team = workers or cores()
    seconds, plural = START + share / team, "s" * (team > 1)
    words = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
    say(f"about {words} on {team} core{plural}; when stopped, type it again")


def _seconds(task: Task) -> float:
    """Return about how many seconds all strategies take on a task."""
    from ..runs.evaluation import evaluate

    total = 0.0
    for text in task.agents.values():
        spent = []
        for episodes in PROBES:
            began = time.perf_counter()
            how: dict[str, Any] = {"env_kwargs": task.env_kwargs, "truth": False}
            evaluate(task.env_id, text, episodes=episodes, seed=0, **how)
            spent.append(time.perf_counter() - began)
        each = max(spent[1] - spent[0], 0.0) / (PROBES[1] - PROBES[0])
        total += spent[0] + each * ((task.episodes or 0) - PROBES[0])
    return total


# ---- what is told


def _tell(
    suite: Suite, folder: Path, metric: str, table: Table, ask: Asking, form: str | None
) -> None:
    from ...studies.choosing import AGENT as DEFAULT
    from ..report.strategies import of_records, verdict, words

    replays, failed = of_records(suite, folder, metric)
    for name, error in failed.items():
        complain(f"{name} failed and is left out: {error}")
    found = verdict(replays)
    agents = dict(suite.tasks[0].agents)
    name = found.advice(DEFAULT)
    command = ask(agents.get(name, name))
    lines = words(found, replays, len(table.labels), DEFAULT)
    if form is not None:
        from .documents import comparison

        about = {"metric": metric, "conditions": len(table.labels), "folder": folder}
        known = {"failed": failed, "words": lines, "advice": name, "command": command}
        formats.write("comparison", about | comparison(found, agents) | known)
    else:
        _show(found)
        for line in lines:
            out.print(line, soft_wrap=True)
        say(f"Now: {command}")
    if failed:
        raise typer.Exit(1)


def _show(found: Verdict) -> None:
    from ..report.strategies import RANDOM

    rows = []
    for i in found.order:
        gain = "0" if found.names[i] == RANDOM else str(found.gains[i])
        lost = "the best" if i == found.best else str(found.ahead[i][found.best])
        kept = "not told apart" if found.stays[i] else "behind"
        rows.append([found.names[i], gain, lost, f"{found.wins[i]:.0%}", kept])
    show(["strategy", "ahead of random play", "to the best", "wins elsewhere", "verdict"], rows)
