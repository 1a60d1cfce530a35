"""The command that shows what a run has left, any of its episodes, replayed, or where a study stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ...envs.core import InputError, shown, spelt
from ..runs.terminal import out, say
from ..runs.terminal import show as table
from .shared import complain, is_design

if TYPE_CHECKING:
    from ..runs.evaluation import Evaluation
    from ..runs.record import Record
    from ..runs.walk import Moment

MOST_ROWS = 10
"""Points of a curve that are shown."""


def show(
    run: Annotated[
        str,
        typer.Argument(
            help="A record's file, or how its id begins: results/a3f; or the file of a study: my.csv."
        ),
    ],
    episode: Annotated[
        int | None, typer.Option(min=0, help="Replay this episode: its number from 0, or its seed.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write the picture of the episode to this PNG file.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Replay with code of others that the record names.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(help="Write a study as a web page to this HTML file.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Where the study is kept, if not beside its file.")
    ] = None,
) -> None:
    """Show how far a study is, or what a run has left."""
    if journal is not None or _is_study(run):
        _show_study(run, episode, picture, page, journal)
        return
    if page is not None:
        raise InputError("--page is of a study; name its file, such as my.csv.")
    from ..runs.records import find_record, read_record

    if picture is not None and episode is None:
        raise InputError("--picture is of an episode: name it, such as --episode 17.")
    record = read_record(find_record(run))
    table(["run", record.id], _head(record))
    result = record.evaluation
    if result is None:
        complain("The run failed:")
        for line in str(record.error).splitlines():
            out.print(spelt(line), soft_wrap=True, markup=False, highlight=False)
        return
    if episode is None:
        _curve(result)
        return
    _check_trusted(record, trust)
    _replay(result, _row(result, episode), picture)


def _is_study(name: str) -> bool:
    """Return whether a text names the file of a study and not a run, whose record is Parquet, too."""
    from ...envs.datasets.files import TEXTS, ending

    if ending(Path(name)) in (*TEXTS, ".toml"):
        return True
    return ending(Path(name)) == ".parquet" and Path(name).with_suffix(".study.jsonl").is_file()


def _show_study(
    source: str, episode: int | None, picture: Path | None, page: Path | None, journal: Path | None
) -> None:
    if episode is not None or picture is not None:
        raise InputError("--episode and --picture are of a run; --page draws a study.")
    if is_design(source):
        from .design_study import show as show_it
    else:
        from .pool_study import show as show_it
    show_it(source, page, journal)


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


def _replay(result: Evaluation, row: int, picture: Path | None) -> None:
    """Show one episode decision by decision, and write its picture."""
    from ...envs.core.files import writing_to
    from ..runs.replay import Mismatch
    from ..runs.walk import walk

    try:
        moments, image = walk(result, row, None if picture is None else "rgb_array")
    except Mismatch as error:
        complain(f"The record does not tell the truth: {error}.")
        raise typer.Exit(1) from None
    known = [name for name in ("regret", "best", "spent") if getattr(moments[0], name) is not None]
    title = f"Episode {row}, seed {result.seed + row}"
    columns = ["decision", "action", "reward", *known, "then"]
    table(columns, _decisions(moments, known), title)
    if picture is not None:
        from matplotlib.image import imsave

        with writing_to(picture.parent, "a picture"):
            imsave(picture, image, format="png")
        say(f"picture: {picture}")


def _decisions(moments: list[Moment], known: list[str]) -> Iterator[list[str]]:
    from ..report.words import number

    for i, one in enumerate(moments, 1):
        values = [number(getattr(one, name)) for name in known]
        yield [f"{i:,}", one.action, number(one.reward), *values, one.then]
