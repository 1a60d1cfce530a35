"""What ask, tell and show do with a problem of experimental design: a study of a design."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...envs.core import InputError, shown
from ...envs.design.drawing import HistogramLaw
from ...envs.design.simulator_design import SimulatorDesign
from ...envs.pools.status import Status
from ...studies.design_study import DesignStudy
from ...studies.measured import outcome_of
from ...studies.problem import DesignProblem, read_problem
from ..runs.terminal import out, say
from ..runs.terminal import show as table
from .pool_study import CHANGE, command, left, must_be_there, with_point
from .shared import Manner, note

ENDS = {"failed": Status.FAILED, "withdrawn": Status.WITHDRAWN, "retry": Status.FLYING}
"""What may be told of an experiment instead of data, and where it stands then."""
FILES = (".csv", ".tsv", ".txt", ".parquet")


# ---- ask


def ask(source: str, given: dict[str, Any], journal: Path | None, *, dry: bool = False) -> None:
    """Begin a study or go on with it, and print the next experiment."""
    problem = read_problem(Path(source))
    if problem.runs:
        say(f"{source} runs code of yours: {problem.runs}")
    if dry:
        _estimate(problem, source)
        return
    study = DesignStudy.begin(problem, journal=journal, **given)
    _say_notes(study)
    waiting = Status.FLYING in study.status.values()
    _run(study)
    suggestions = study.ask()
    if waiting:
        note("in flight since the last ask, the same again: tell its data, or that it failed.")
    knobs = list(study.model.knobs)
    rows = []
    for one in suggestions:
        nats = "–" if one.information is None else f"{one.information:.3f}"
        rows.append([one.id, *(f"{value:.10g}" for value in one.values.values()), nats])
    table(["id", *knobs, "nats expected"], rows)
    _say_beliefs(study)
    _say_failures(study, source)
    one = suggestions[0]
    example = command("tell", source, journal, f"{one.id}=DATA.csv")
    say(f"{left(study, 'experiments')}; the study is kept in {study.journal.path}")
    say(f"Then: {example}  (or {one.id}=failed)")
    other = command("tell", source, journal, "DATA.csv")
    place = f"{'columns' if knobs[1:] else 'a column'} {', '.join(knobs)}"
    say(f"or, for settings of your own, with {place}: {other}")


def _estimate(problem: DesignProblem, source: str) -> None:
    """Say what the runs of a simulator will take; nothing is begun but the runs that were timed."""
    if not isinstance(problem.model, SimulatorDesign):
        raise InputError(
            f"{source} has no simulator: there is nothing to run before the first answer."
        )
    for line in str(problem.model.estimate()).splitlines():
        out.print(line)


def _run(study: DesignStudy) -> None:
    """Run what is missing of a simulator, and say how far it is."""
    study.episode.prepare(lambda progress: say(str(progress)))


def _say_notes(study: DesignStudy) -> None:
    for line in study.notes:
        note(line)


def _say_beliefs(study: DesignStudy) -> None:
    """Print what is believed, and whether the data look like the model's."""
    from ..report import design_study as report

    table(report.BELIEFS, report.beliefs(study), "What is believed")
    if (words := report.verdict(study)) is not None:
        (note if "do not" in words else say)(words)
    if coarse := study.episode.too_coarse():
        note(
            f"the posterior of {', '.join(coarse)} is narrower than a cell of its grid; raise grid_size "
            "in the file (no data are lost)."
        )


def _say_failures(study: DesignStudy, source: str) -> None:
    """Say where what is asked for has failed before."""
    failed = study.course.of(Status.FAILED)
    for one in study.course.of(Status.FLYING):
        if before := [e.id for e in failed if e.setting == one.setting]:
            where = "settings in" if study.model.num_settings else "ranges in"
            note(
                f"this setting has failed before ({', '.join(before)}); if it cannot be done, leave it "
                f"out of the {where} {source}, withdraw it ({one.id}=withdrawn), and ask again."
            )


# ---- tell


def tell(source: str, results: Sequence[str], how: Manner, journal: Path | None) -> None:
    """Tell what came of experiments, and print what is believed then."""
    study = begun(source, journal)
    if how.why and not any(text.endswith("=failed") for text in results):
        raise InputError("--why says why an experiment failed; name one, such as 2=failed.")
    if len(results) > 1:  # so that all of it is told, or nothing
        raise InputError(
            "A design is told one file or experiment at a time; type a command for each."
        )
    told = _told(study, results[0], how)
    if told:
        table(["id", "setting", "told"], [_echo(study, name) for name in told])
    _run(study)
    _say_beliefs(study)
    say(f"{left(study, 'experiments')}. Next: {command('ask', source, journal)}")


def begun(source: str, journal: Path | None) -> DesignStudy:
    """Return the study of a problem, which must have begun."""
    problem: DesignProblem = read_problem(Path(source))
    path = must_be_there(source, journal or problem.journal, command("ask", source, journal))
    study = DesignStudy.begin(problem, journal=path)
    _say_notes(study)
    return study


def _told(study: DesignStudy, text: str, how: Manner) -> list[str]:
    """Tell one thing; return the ids of its experiments.

    What is so already is not written again: a command that was killed is typed again as it was.
    """
    name, equals, value = (part.strip() for part in text.rpartition("="))
    if not equals:
        if Path(value).suffix.lower() not in FILES:
            raise InputError(
                f"{shown(text)} is no result: type the name of a file of data such as data.csv, "
                "ID=FILE, ID=NUMBER where data are one number, or ID=failed."
            )
        if how.correct:
            raise InputError(f"--correct is of one experiment: name it, ID={value}.")
        return study.tell_file(value, again=how.again)
    now = study.course.experiments.get(name)
    if (word := value.lower()) in ENDS:
        if now is not None and now.status == ENDS[word] and not how.why:
            note(f"{name} is {now.status.word}, as before: nothing is written.")
            return []
        if word == "failed":
            study.failed(name, how.why)
        else:
            getattr(study, CHANGE[word])(name)
        return [name]
    outcome, counts = _data(study, value)
    if now is not None and now.outcome == outcome_of(study.model, outcome, counts=counts):
        note(f"{name} has these data already: nothing is written.")
        return []
    if how.correct:
        study.correct(name, outcome, counts=counts)
        return [name]
    return study.tell(name, outcome, counts=counts)


def _data(study: DesignStudy, value: str) -> tuple[Any, bool]:
    """Return the data of one experiment, and whether they are counts."""
    if Path(value).suffix.lower() in FILES:
        return study.data_of(value), True
    if isinstance(study.model, HistogramLaw):
        raise InputError(
            f"{shown(value)} is no data: they are events, one in a row of a file such as data.csv, or "
            f"one of {', '.join(ENDS)}."
        )
    try:
        return [float(value)], False
    except ValueError:
        raise InputError(
            f"{shown(value)} is neither a number nor a file that ends in {', '.join(FILES)}, nor one of "
            f"{', '.join(ENDS)}.{with_point(value)}"
        ) from None


def _echo(study: DesignStudy, name: str) -> list[str]:
    """Return what the study has now of an experiment."""
    from ..report.design_study import events_of, setting

    one = study.course.experiments[name]
    came = f"{one.status.word}{f': {one.why}' if one.why else ''}"
    here = one.status == Status.HERE
    return [name, setting(study.values(name)), events_of(study, one) if here else came]


# ---- show


def show(source: str, page: Path | None, journal: Path | None, form: str | None = None) -> None:
    """Show where a study stands, on the terminal and as a page."""
    from ..report import design_study as report
    from ..report.page import save
    from . import documents, formats

    study = begun(source, journal)
    _run(study)
    if form is not None:
        formats.write("design", documents.design_study(study, source))
    else:
        head, *rows = report.facts(study, source)
        table(head, rows)
        part = report.experiments(study)
        if part.rows:
            table(part.columns, part.rows, part.title)
        table(report.BELIEFS, report.beliefs(study), "What is believed")
    if page is not None:
        save(page, report.study_page(study, source))
        say(f"page: {page}")
    words = [f"{one.id}=DATA.csv" for one in study.course.of(Status.FLYING)[:1]]
    say(f"Next: {command('tell' if words else 'ask', source, journal, *words)}")
