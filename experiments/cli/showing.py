"""The command that shows what there is to see of an environment, an agent, a run or a study."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from ...envs.core import InputError, closest, shown, spelt, told
from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, say
from ..runs.terminal import show as table
from . import formats
from .known import environments, known, typed
from .shared import complain, is_design

if TYPE_CHECKING:
    from ..runs.evaluation import Evaluation
    from ..runs.record import Record
    from ..runs.walk import Moment

MOST_ROWS = 10
"""Points of a curve that are shown."""


def show(
    what: Annotated[
        str,
        Argument(
            help="An environment or an agent by its name; a run, by its record's file or how its id "
            "begins: results/a3f; or the file of a study: my.csv."
        ),
    ],
    form: formats.Form = None,
    settings: Annotated[
        list[str] | None,
        Option("--set", help="A parameter of the environment as name=value, once for each."),
    ] = None,
    episode: Annotated[
        int | None, Option(min=0, help="Replay this episode: its number from 0, or its seed.")
    ] = None,
    picture: Annotated[
        Path | None, Option(help="Write the picture of the episode to this PNG file.")
    ] = None,
    trust: Annotated[
        bool, Option("--trust", help="Replay with code of others that the record names.")
    ] = False,
    page: Annotated[
        Path | None, Option(help="Write a study as a web page to this HTML file.")
    ] = None,
    journal: Annotated[
        Path | None, Option(help="Where the study is kept, if not beside its file.")
    ] = None,
) -> None:
    """Show an environment, an agent, a run, or a study."""
    from ...envs.datasets.files import is_file

    if journal is None and not is_file(Path(what)) and (found := _named(what, settings or [])):
        _only(what, episode=episode, picture=picture, page=page, trust=trust)
        kind, about, shows = found
        shows(about) if form is None else formats.write(kind, about)
        return
    if settings:
        raise InputError(f"--set is of an environment, and {shown(what)} is none; leave it out.")
    if journal is not None or _is_study(what):
        _only(what, episode=episode, picture=picture)
        _show_study(what, page, journal, form)
        return
    _only(what, page=page)
    if picture is not None and episode is None:
        raise InputError("--picture is of an episode: name it, such as --episode 17.")
    _show_run(what, episode, picture, trust, form)


def _only(what: str, **options: Any) -> None:
    """Refuse options that are not of what is shown."""
    of = {"page": "a study, such as my.csv"}
    for name, value in options.items():
        if value not in (None, False):
            raise InputError(
                f"--{name} is of {of.get(name, 'a run, such as results/a3f')}, and {shown(what)} is "
                f"none; leave it out: {typed('show', what)}"
            )


def _named(
    what: str, settings: Sequence[str]
) -> tuple[str, dict[str, Any], Callable[[dict[str, Any]], None]] | None:
    """Return what a thing is, all about it, and what prints that; None: it has no name."""
    import gymnasium as gym

    from ...envs.core import resolve
    from . import describing

    if describing.is_agent(what.partition("(")[0]):
        if settings:
            raise InputError(f"--set is of an environment, and {what} is none; leave it out.")
        return "agent", describing.agent(what), describing.show_agent
    if ":" in what or what in environments() or what in gym.registry:
        about = describing.environment(resolve(what), parameters_of("{}", settings))
        return "environment", about, describing.show_environment
    return None


def _show_run(
    what: str, episode: int | None, picture: Path | None, trust: bool, form: str | None
) -> None:
    """Show a record, or one of its episodes."""
    from ..runs.records import read_record

    record = read_record(_record_file(what))
    result, row = record.evaluation, None
    if episode is not None and result is not None:  # before anything is printed
        row = _row(result, episode)
        _check_trusted(record, trust)
    if form is not None and row is None:
        from .documents import run

        formats.write("run", run(record))
        return
    if form is None:
        table(["run", record.id], _head(record))
    if result is None:
        complain("The run failed:")
        for line in str(record.error).splitlines():
            out.print(spelt(line), soft_wrap=True, markup=False, highlight=False)
        return
    if row is None:
        _curve(result)
        return
    _replay(result, row, picture, form)


def _record_file(what: str) -> Path:
    """Return the file of a run; a word that stands for nothing may have been meant as a name."""
    from ..runs.records import find_record

    try:
        file = find_record(what)
        if file.suffix != ".parquet":
            own = f"; an agent in it has a name: {told(file)}:NAME" if file.suffix == ".py" else ""
            raise InputError(
                f"{told(file)} is no record, which ends in .parquet, and no study{own}."
            )
        return file
    except InputError:
        if "/" in what or "." in what:
            raise
        names = [*environments(), *known()["agents"]]
        raise InputError(
            f"There is no environment, agent or run {shown(what)}{closest(what, names)} A run is named "
            "by its results folder and how its id begins, such as results/a3f, a study by its file; all "
            "that has a name: discovery-gym list"
        ) from None


def _is_study(name: str) -> bool:
    """Return whether a text names the file of a study and not a run, whose record is Parquet, too."""
    from ...envs.datasets.files import TEXTS, ending

    kept = Path(name).with_suffix(".study.jsonl")
    kind = ending(Path(name))
    return kind in (*TEXTS, ".toml") or (kind == ".parquet" and kept.is_file())


def _show_study(source: str, page: Path | None, journal: Path | None, form: str | None) -> None:
    if is_design(source):
        from .design_study import show as show_it
    else:
        from .pool_study import show as show_it
    show_it(source, page, journal, form)


def _head(record: Record) -> list[list[str]]:
    """Return what a record says of itself and of its run, a line each."""
    from ..report.words import date
    from .playing import about_evaluation

    spec, result, entry = record.spec, record.evaluation, record.entry
    rows = [["suite", f"{spec.suite}, version {spec.version}"], ["task", spec.task]]
    rows += [["environment", spec.env_id], ["agent", f"{spec.name}: {spec.agent}"]]
    if entry is not None:
        rows.append(["entry", f"{entry['name']}, {entry['status']}, {entry['digest'][:16]}"])
        rows += [["flag", flag] for flag in entry["flags"]]
        rows += [["card", f"{key}: {shown(value)}"] for key, value in entry["card"].items()]
    if result is not None:
        rows += about_evaluation(result, spec.metrics)
    rows += [["versions", ", ".join(f"{k} {v}" for k, v in record.versions.items())]]
    rows += [
        [name, value] for name, value in record.platform.items() if name not in record.versions
    ]
    return [*rows, ["machine", record.machine], ["created", date(record.created)]]


def _curve(result: Evaluation) -> None:
    """Show where the episodes stand after some decisions."""
    import numpy as np

    from ..report.words import plus_minus

    columns: dict[str, Any] = {"return" if result.regret is None else "regret": result.after}
    columns |= {"best so far": result.best_after, "spent": result.spent_after}
    columns = {name: values for name, values in columns.items() if values is not None}
    there = (~np.isnan(result.after)).sum(0)
    reached = np.flatnonzero(there)
    if not len(reached):
        return
    some = reached[np.unique(np.linspace(0, len(reached) - 1, MOST_ROWS).round().astype(int))]
    rows = []
    for i in some.tolist():
        cells = [values[:, i] for values in columns.values()]
        known = [cell[~np.isnan(cell)] for cell in cells]
        means = [plus_minus(cell) if len(cell) else "–" for cell in known]
        rows.append([f"{result.points[i]:,}", f"{there[i]:,}", *means])
    title = "After so many decisions, of the episodes that get there"
    table(["decisions", "episodes", *columns], rows, title)


def _row(result: Evaluation, episode: int) -> int:
    """Return the number of an episode from its number or its seed."""
    count = len(result.returns)
    for row in (episode, episode - result.seed):
        if 0 <= row < count:
            return row
    raise InputError(
        f"--episode must be a number in 0..{count - 1} or a seed in {result.seed}.."
        f"{result.seed + count - 1}, got {episode}."
    )


def _check_trusted(record: Record, trust: bool) -> None:
    """Refuse to run what a record names of others, unless that is asked for."""
    from ...agents.making import references
    from ..suites.trust import of_parameters

    spec = record.spec
    named = [spec.env_id] if not spec.env_id.startswith("discovery/") else []
    if record.evaluation is not None and record.evaluation.actions is None:
        named += references(spec.agent)
    named += [what for what, _ in of_parameters(spec.env_kwargs)]
    if named and not trust:
        raise InputError(
            f"The record names code of others, which a replay runs: {', '.join(named)}. If you trust "
            "it, add --trust."
        )


def _replay(result: Evaluation, row: int, picture: Path | None, form: str | None) -> None:
    """Show one episode decision by decision, and write its picture."""
    from ...envs.core.files import deliver
    from ..runs.replay import Mismatch
    from ..runs.walk import walk

    try:
        moments, image = walk(result, row, None if picture is None else "rgb_array")
    except Mismatch as error:
        complain(f"The record does not tell the truth: {error}.")
        raise typer.Exit(1) from None
    show_moments(moments, row, result.seed + row, form)
    if picture is not None:
        from matplotlib.image import imsave

        imsave(file := io.BytesIO(), image, format="png")
        deliver(picture, file.getvalue(), "a picture")
        say(f"picture: {picture}")


def show_moments(
    moments: Sequence[Moment], number: int, seed: int, form: str | None = None
) -> None:
    """Print an episode, a line for each of its decisions."""
    if form is not None:
        decisions = [asdict(one) for one in moments]
        formats.write("episode", {"episode": number, "seed": seed, "decisions": decisions})
        return
    names = columns(moments[0])
    rows = [cells(i, one, names) for i, one in enumerate(moments, 1)]
    table(names, rows, f"Episode {number}, seed {seed}")


def columns(moment: Moment) -> list[str]:
    """Return what is told of the decisions of an episode."""
    known = [name for name in ("regret", "best", "spent") if getattr(moment, name) is not None]
    return ["decision", "action", "reward", *known, "then"]


def cells(count: int, moment: Moment, names: Sequence[str]) -> list[str]:
    """Return one decision in words."""
    from ..report.words import number

    values = [number(getattr(moment, name)) for name in names[2:-1]]
    return [f"{count:,}", moment.action, *values, moment.then]
