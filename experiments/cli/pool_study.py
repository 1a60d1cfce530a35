"""What ask, tell and show do with a table of conditions: a study of a pool."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...envs.core import InputError, closest, shown
from ...envs.core.files import write, writing_to
from ...studies import Study
from ...studies.pool_study import PoolStudy, Question
from ...studies.sheet import News, cell, told
from ...studies.status import Status
from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, say
from ..runs.terminal import show as table
from .shared import note

WORDS = ("failed", "withdrawn", "retry")
"""What may be told of an item instead of a label."""
MOST_SAID = 10
"""Items that a line to stderr names."""


# ---- ask


def ask(
    source: str,
    batch: int | None,
    given: Mapping[str, Any],
    settings: Sequence[str],
    *,
    more: bool,
    plate: Path | None,
    journal: Path | None,
) -> None:
    """Begin a study or go on with it, and print what to do next."""
    options = parameters_of("{}", settings, example="drop=run")
    known = {name: value for name, value in given.items() if value is not None}
    if double := sorted(set(known) & set(options)):
        raise InputError(f"{double[0]} is given twice: as --{double[0]} and by --set.")
    study = Study.pool(source, journal=journal, **known, **options)
    _say_notes(study)
    _look(study, source)
    waiting = sum(state == Status.FLYING for state in study.status.values())
    questions = study.ask(batch or 1, more=more)
    if waiting and not more:
        note(
            f"{waiting} in flight since the last ask, the same again; --more asks on."
            if len(questions) == waiting
            else f"{waiting} are in flight."
        )
    _print(questions)
    if plate is not None:
        _write_plate(study, questions, plate)
    _say_next(study, source, journal, questions)


def _say_notes(study: PoolStudy) -> None:
    for line in study.notes:
        say(f"note: {line}")


def _look(study: PoolStudy, source: str) -> None:
    """Take in what was typed into the file, and say so."""
    news, new = study.look()
    if new:
        say(f"new in {source}: {_some(new)}")
    _say_news(study, news)


def _say_news(study: PoolStudy, news: News) -> None:
    labels = [f"{name}={_values(values)}" for name, values in news.labels.items()]
    if labels or news.failed:
        say(f"told from the file: {_some([*labels, *(f'{name}=failed' for name in news.failed)])}")
    for name, pairs in news.corrected.items():
        for old, new in pairs:
            note(f"corrected from the file: {name}: {cell(old)} is now {cell(new)}")
    for name, values in news.emptied.items():
        note(
            f"{name}: the file has no {_values(values)} any more; the study keeps it, and "
            f"{name}=withdrawn takes it back"
        )


def _values(values: Sequence[float]) -> str:
    return ", ".join(map(cell, values))


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MOST_SAID} more" if len(texts) > MOST_SAID else ""
    return ", ".join(texts[:MOST_SAID]) + more


def _print(questions: Sequence[Question]) -> None:
    from ..report.study import belief

    columns = list(questions[0].values) if questions else []
    rows = [
        [
            one.id,
            *map(cell, one.values.values()),
            belief(one.mean, one.std),
            f"{100 * one.chance:.0f} %",
            one.why,
        ]
        for one in questions
    ]
    table(["id", *columns, "mean ± sd", "among the best", "why"], rows)


def _say_next(
    study: PoolStudy, source: str, journal: Path | None, questions: Sequence[Question]
) -> None:
    """Say what is left, where the study is, and how to tell results."""
    say(f"{study.left} of {study.budget} labels left; the study is kept in {study.journal.path}")
    if questions:
        results = [f"{one.id}=LABEL" for one in questions[:2]]
        say(f"Then: {command('tell', source, journal, *results)}  (or {questions[0].id}=failed)")
        say(f"or type labels into {source}, and: {command('ask', source, journal)}")


def command(name: str, source: str, journal: Path | None, *words: str) -> str:
    """Return a command to type."""
    place = [] if journal is None else ["--journal", str(journal)]
    return shlex.join(["discovery-gym", name, source, *words, *place])


def _write_plate(study: PoolStudy, questions: Sequence[Question], path: Path) -> None:
    """Write questions as a CSV file whose last column is to be filled in."""
    from ..report.escaping import csv_text

    if path.exists():
        raise InputError(f"{path} is there already; name another file as --out, or move it away.")
    columns = list(questions[0].values) if questions else list(study.columns)
    rows = [[one.id, *map(cell, one.values.values()), ""] for one in questions]
    with writing_to(path.parent, "a plate"):
        write(path, csv_text([["id", *columns, study.target], *rows]))
    say(f"plate: {path}")


# ---- tell


def tell(
    source: str,
    results: Sequence[str],
    *,
    correct: bool,
    again: bool,
    why: str,
    journal: Path | None,
) -> None:
    """Tell what came of experiments."""
    study = begun(source, journal)
    _look(study, source)
    given = _given(study, results)
    if why and "failed" not in given.values():
        raise InputError("--why says why an experiment failed; name one, such as 21=failed.")
    _told(study, source, given, correct=correct, again=again, why=why)
    say(f"{study.left} of {study.budget} labels left. Next: {command('ask', source, journal)}")


def begun(source: str, journal: Path | None) -> PoolStudy:
    """Return the study of a table, which must have begun."""
    path = study_file(source, journal)
    if not path.is_file():
        raise InputError(
            f"There is no study of {source} yet: no {path}. Begin one: "
            f"{command('ask', source, journal, '--target', 'COLUMN')}"
        )
    return Study.pool(source, journal=journal)


def _given(study: PoolStudy, results: Sequence[str]) -> dict[str, float | str]:
    """Return what is told of each item: a label, or a word."""
    found: dict[str, float | str] = {}
    for text in results:
        pairs = _pairs(study, text)
        for name, value in pairs:
            if name in found:
                raise InputError(f"{name} is told twice; tell the second value afterwards, with --again.")
            found[name] = value
    return found


def _pairs(study: PoolStudy, text: str) -> list[tuple[str, float | str]]:
    name, equals, value = text.rpartition("=")
    if equals:
        return [(_known(study, name.strip()), _value(study, name.strip(), value.strip()))]
    if Path(text).suffix.lower() in (".csv", ".tsv", ".txt"):
        return _plate(study, Path(text))
    raise InputError(
        f"{shown(text)} is no result: type ID=LABEL such as {_example(study)}=83.2, ID=failed, or the "
        "file of a plate that is filled in."
    )


def _example(study: PoolStudy) -> str:
    states = study.status
    return next((name for name, state in states.items() if state == Status.FLYING), next(iter(states)))


def _known(study: PoolStudy, name: str) -> str:
    if name not in study.status:
        flying = [one for one, state in study.status.items() if state == Status.FLYING]
        told_of = f" In flight are {_some(flying)}." if flying else ""
        raise InputError(
            f"There is no item {shown(name)}{closest(name, study.status)}{told_of} Ids are those that "
            "`ask` prints."
        )
    return name


def _value(study: PoolStudy, name: str, text: str) -> float | str:
    """Return a label in the unit of the file, or a word."""
    if text.lower() in WORDS:
        return text.lower()
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    number = text.removesuffix("%").rstrip() if study.unit == "%" else text
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in number:
        return value
    hint = ""
    if number.count(",") == 1 and number.replace(",", "").lstrip("+-").isdigit():
        hint = f" With a decimal point: {name}={number.replace(',', '.')}."
    raise InputError(
        f"{name}={shown(text)} is no label: type a number in the unit of {study.target!r}, or one of "
        f"{', '.join(f'{name}={word}' for word in WORDS)}.{hint}"
    )


def _plate(study: PoolStudy, path: Path) -> list[tuple[str, float | str]]:
    """Return the filled cells of a plate's file, which names items by its column id."""
    from ...envs.datasets.formats import read_columns
    from ...envs.datasets.options import Reading

    columns = read_columns(path, Reading(header=True)).cells
    for name in ("id", study.target):
        if name not in columns:
            raise InputError(
                f"{path} has no column {shown(name)}; a plate, as `ask --out` writes it, has the "
                f"columns id and {study.target}."
            )
    rows = zip(columns["id"].to_pylist(), columns[study.target].to_pylist(), strict=True)
    filled = [(name.strip(), value.strip()) for name, value in rows if value.strip()]
    if not filled:
        raise InputError(f"{path} has no label yet in its column {shown(study.target)}.")
    return [(_known(study, name), _value(study, name, value)) for name, value in filled]


def _told(
    study: PoolStudy,
    source: str,
    given: Mapping[str, float | str],
    *,
    correct: bool,
    again: bool,
    why: str,
) -> None:
    labels, failed = dict[str, float](), dict[str, str]()
    values = dict(zip(given, study.values(list(given)), strict=True))
    for name, value in given.items():
        what, known = told(values[name]), study.labels.get(name, [])
        if isinstance(value, str):
            if value == "failed":
                failed[name] = why
            continue
        if correct and known:
            continue
        if value in known and not again:
            note(f"{name} ({what}) has {cell(value)} already: nothing is written; --again tells it as a "
                 "replicate")
            continue
        if known:
            note(f"{name} has {_values(known)}: {cell(value)} is a replicate. To correct instead: --correct")
        labels[name] = value
    if labels or failed:
        study.tell(labels, failed=failed)
    for name, value in given.items():
        if value == "withdrawn":
            study.withdraw(name)
        elif value == "retry":
            study.retry(name)
        elif correct and name not in labels and name not in failed:
            study.correct(name, value)
    for name, value in given.items():
        out.print(f"{name}\t{told(values[name])}\t{value if isinstance(value, str) else cell(value)}")
