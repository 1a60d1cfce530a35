"""What ask, tell and show do with a table of conditions: a study of a pool."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...envs.core import InputError, closest, shown
from ...envs.core.files import deliver
from ...envs.datasets import Reading
from ...envs.datasets.files import is_file
from ...envs.pools.status import Status
from ...studies.answers import Question
from ...studies.journal import Journal
from ...studies.kept import KeptStudy
from ...studies.pool_study import PoolStudy
from ...studies.sheet import cell, told
from ...studies.source import Source
from ...studies.study import Study
from ..runs.terminal import out, say
from ..runs.terminal import show as table
from .known import typed
from .shared import Manner, note, reading

ENDS = {"failed": Status.FAILED, "withdrawn": Status.WITHDRAWN, "retry": Status.FREE}
"""What may be told of an item instead of a label, and where it stands then."""
CHANGE = {"withdrawn": "withdraw", "retry": "retry"}
"""What some of them do."""
MOST_SAID = 10
"""Items that a line to stderr names."""
MOST_COLUMNS = 12
"""Columns of a condition that a terminal shows."""
MOST_SHOWN = 10
"""Labels of the course, and items believed to be best, that are shown."""


def command(name: str, source: str, journal: Path | None, *words: str) -> str:
    """Return a command to type."""
    place = [] if journal is None else ["--journal", journal]
    if name == "tell" and any(word.startswith("-") for word in (source, *words)):
        return typed(name, *place, "--", source, *words)  # ids like -5
    return typed(name, source, *words, *place)


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MOST_SAID} more" if len(texts) > MOST_SAID else ""
    return ", ".join(texts[:MOST_SAID]) + more


def _values(values: Sequence[float]) -> str:
    return ", ".join(map(cell, values))


# ---- the study of a file


def _kept(source: str, journal: Path | None) -> Path:
    """Return the file that the study of a table is kept in."""
    path = journal or Source.of(source).journal
    assert path is not None  # the source is a file
    return path


def must_be_there(source: str, path: Path | None, begin: str) -> Path:
    """Return the file of a study; refuse to go on with one that has not begun, by this command."""
    if path is None or not path.is_file():
        raise InputError(f"There is no study of {source} yet: no file {path}. Begin one: {begin}")
    return path


def begun(source: str, journal: Path | None) -> PoolStudy:
    """Return the study of a table, which must have begun; say what was typed into the file since."""
    begin = command("ask", source, journal, "--target", "COLUMN")
    must_be_there(source, _kept(source, journal), begin)
    study = Study.pool(source, journal=journal)
    _say_news(study, source)
    return study


def _readable(source: str, journal: Path | None) -> PoolStudy:
    """Return the study of a table to be looked at: also where nothing can be written."""
    path = _kept(source, journal)
    if not path.is_file() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return begun(source, journal)
    note(f"{path} cannot be written; what was typed into {source} since it was told is left out.")
    return PoolStudy(Journal(path), source=Source.of(source))


def _say_news(study: PoolStudy, source: str) -> None:
    """Say what was taken from the file."""
    news = study.news
    if study.added:
        say(f"new in {source}: {_some(study.added)}")
    labels = [f"{name}={_values(values)}" for name, values in news.labels.items()]
    labels += [f"{name}=failed" for name in news.failed]
    if labels:
        say(f"told from {source}: {_some(labels)}")
    for name, pairs in news.corrected.items():
        for old, new in pairs:
            note(f"corrected from {source}: {name} was {cell(old)} and is {cell(new)}")
    for name, values in news.emptied.items():
        note(
            f"{name}: {source} has no {_values(values)} any more; the study keeps it, and "
            f"{name}=withdrawn takes it back"
        )


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
    if plate is not None and plate.exists():
        raise InputError(f"{plate} is there already; name another file as --out, or move it away.")
    study = _opened(source, given, settings, journal, batch or 1)
    waiting = len(study.flying())
    questions = study.ask(batch or 1, more=more)
    if waiting and not more:
        note(f"{waiting} in flight, the same again; --more asks on before their labels are here.")
    _print(questions)
    if plate is not None:
        _write_plate(study, questions, plate)
    say(f"{left(study, 'labels')}; the study is kept in {study.journal.path}")
    results = [f"{one.id}=LABEL" for one in questions[:2]]
    say(f"Then: {command('tell', source, journal, *results)} (or {questions[0].id}=failed)")
    say(f"or type labels into {source}, and: {command('ask', source, journal)}")


def _opened(
    source: str, given: Mapping[str, Any], settings: Sequence[str], journal: Path | None, batch: int
) -> PoolStudy:
    """Return a study that begins or goes on; one that begins has labels for its first plate."""
    options = reading(None, settings)
    known = {name: value for name, value in given.items() if value is not None}
    if double := sorted(set(known) & set(options)):
        raise InputError(f"{double[0]} is given twice: as --{double[0]} and by --set.")
    begins = not _kept(source, journal).is_file()
    budget = known.pop("budget", None)
    first = {"budget": budget} if begins else {}
    with _naming_options():
        study = Study.pool(source, journal=journal, plate=batch, **first, **known, **options)
    if budget is not None:
        study.budget = budget
    if begins:
        for line in str(study.sheet.table).splitlines():
            say(line)
        say(f"agent: {study.agent}; budget: {study.budget} labels (--budget sets it at any time)")
    _say_news(study, source)
    return study


@contextlib.contextmanager
def _naming_options() -> Iterator[None]:
    """Add to an error that names options of reading how they are given to a command."""
    try:
        yield
    except InputError as error:
        names = "|".join(Reading.options())
        text = r"'[^']*'"
        found = re.findall(rf"\b(?:{names})=(?:\[(?:{text}|[^]'])*\]|{text})?", str(error))
        if not found:
            raise
        plain = [given for given in found if not set(given) & set('"$`\\')]
        sure = [given for given in plain if given.endswith("]") or given.startswith("index='")]
        given = sure or [given for given in plain if given[-1] != "="][:1]  # one of them will do
        example = " ".join(f'--set "{one}"' for one in given)
        other = f"--set {found[0].partition('=')[0]}=VALUE"
        example = example or ("--target COLUMN" if "target=" in found else other)
        raise InputError(f"{error} Type it so: {example}") from None


def left(study: KeptStudy, what: str) -> str:
    """Return how much of the budget is left."""
    return f"{study.left} of {study.budget} {what} left"


def _print(questions: Sequence[Question]) -> None:
    from ..report.study import belief

    names = list(questions[0].values)
    if out.is_terminal and (more := len(names[MOST_COLUMNS:])):
        say(f"{more} more columns are left out here; --out writes all to a file.")
        names = names[:MOST_COLUMNS]
    rows = []
    for one in questions:
        told = belief(one.mean, one.std), f"{100 * one.chance:.0f} %", one.why
        rows.append([one.id, *(cell(one.values[name]) for name in names), *told])
    table(["id", *names, "mean ± sd", "among the best", "why"], rows)


def _write_plate(study: PoolStudy, questions: Sequence[Question], path: Path) -> None:
    """Write questions as a CSV file like that of the conditions, its last column to be filled in."""
    from ..report.escaping import csv_text

    separator, point = study.sheet.table.signs

    def typed(value: str | float) -> str:
        return value if isinstance(value, str) else cell(value).replace(".", point)

    head = ["id", *questions[0].values, study.target]
    rows = [[one.id, *map(typed, one.values.values()), ""] for one in questions]
    deliver(path, csv_text([head, *rows], separator), "a plate")
    say(f"plate: {path}")


# ---- tell


def tell(source: str, results: Sequence[str], how: Manner, journal: Path | None) -> None:
    """Tell what came of experiments."""
    study = begun(source, journal)
    given = _given(study, results)
    if how.why and "failed" not in given.values():
        raise InputError("--why says why an experiment failed; name it, such as 21=failed.")
    new = _new(study, given, how)
    labels = {name: value for name, value in new.items() if not isinstance(value, str)}
    changes = {name: CHANGE[str(value)] for name, value in new.items() if value in CHANGE}
    for name, do in changes.items():
        study.check(do, name)  # before anything is told: all of it, or nothing
    if how.correct:
        study.correct(labels, which=how.which)
    else:
        failed = [name for name, value in new.items() if value == "failed"]
        study.tell(labels, failed=dict.fromkeys(failed, how.why))
    for name, do in changes.items():
        getattr(study, do)(name)
    _echo(study, new)
    say(f"{left(study, 'labels')}. Next: {_asks(study, source, journal)}")


def _echo(study: PoolStudy, new: Mapping[str, float | str]) -> None:
    """Print what was written, with the conditions."""
    rows = []
    for (name, value), values in zip(new.items(), study.values(list(new)), strict=True):
        word = value if isinstance(value, str) else cell(value)
        rows.append([name, *map(cell, values.values()), word])
    if rows:
        table(["id", *study.columns, study.target], rows)


def _new(study: PoolStudy, given: Mapping[str, float | str], how: Manner) -> dict[str, float | str]:
    """Return what is new of what is told: a command that was killed is typed again as it was."""
    new, labels = dict[str, float | str](), study.labels
    for name, value in given.items():
        known = labels.get(name, [])
        if how.correct and (isinstance(value, str) or not known):
            raise InputError(
                f"--correct changes a label, and {name} "
                f"{'has none; leave --correct out to tell it' if not known else 'is told none'}."
            )
        if isinstance(value, str) and not _changes(study, name, value, how.why):
            continue
        if isinstance(value, str) or not known:
            new[name] = value
        elif value in known and not how.again:
            note(
                f"{name} ({told(study.values([name])[0])}) has {cell(value)} already: nothing is "
                "written; --again tells it as a replicate."
            )
        else:
            new[name] = value
            if not (how.correct or how.again):
                note(
                    f"{name} has {_values(known)} already, and {cell(value)} counts as a replicate; to "
                    "replace a label that was wrong, give --correct."
                )
    return new


def _changes(study: PoolStudy, name: str, word: str, why: str) -> bool:
    """Return whether a word says anything new of an item; say so, if it does not."""
    state = study.status[name]
    if state == ENDS[word] and not why:
        what = told(study.values([name])[0])
        note(f"{name} ({what}) is {state.word}, as before: nothing is written.")
        return False
    return True


def _given(study: PoolStudy, results: Sequence[str]) -> dict[str, float | str]:
    """Return what is told of each item: a label, or a word."""
    found: dict[str, float | str] = {}
    for text in results:
        for name, value in _pairs(study, text):
            if name in found:
                raise InputError(
                    f"{name} is told twice; tell the other value by a command of its own, with --again."
                )
            found[name] = value
    return found


def _pairs(study: PoolStudy, text: str) -> list[tuple[str, float | str]]:
    name, equals, value = (part.strip() for part in text.rpartition("="))
    plate = Path(text).suffix.lower() in (".csv", ".tsv", ".txt")
    if equals and not (plate and is_file(Path(text))):  # a folder may be called a=b
        return [(_known(study, name), _value(study, name, value))]
    if plate:
        return _of_plate(study, Path(text))
    raise InputError(
        f"{shown(text)} is no result: type ID=LABEL such as {(_flying(study) or study.ids)[0]}=83.2, "
        "ID=failed, or the file of a plate that is filled in."
    )


def _flying(study: PoolStudy) -> list[str]:
    return [name for name, state in study.status.items() if state == Status.FLYING]


def _known(study: PoolStudy, name: str) -> str:
    if name not in study.sheet.number:
        flying = _some(_flying(study))
        hint = f" In flight: {flying}." if flying else ""
        raise InputError(
            f"There is no item {shown(name)}{closest(name, study.ids[:10_000])} Ids are those that ask "
            f"prints.{hint}"
        )
    return study.sheet.ids[study.sheet.number[name]]


def _value(study: PoolStudy, name: str, text: str) -> float | str:
    """Return a label in the unit of the file, or a word."""
    if text.lower() in ENDS:
        return text.lower()
    number = text.removesuffix("%").rstrip() if study.unit == "%" else text
    decimal = study.sheet.table.signs[1]  # 83,2 is a number where the file has decimal commas
    try:
        value = float(number if "." in number else number.replace(decimal, ".", 1))
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in number:
        return value
    words = ", ".join(f"{name}={word}" for word in ENDS)
    raise InputError(
        f"{name}={shown(text)} is no label: type a number in the unit of {shown(study.target)}, or "
        f"{words}.{with_point(number, f'{name}=')}"
    )


def with_point(number: str, before: str = "") -> str:
    """Return the hint that a number with a decimal comma is typed with a point; nothing of others."""
    point = number.replace(",", ".", 1)
    decimal = point.replace(".", "", 1).isdecimal()
    return f" With a decimal point: {before}{point}." if decimal else ""


def _of_plate(study: PoolStudy, path: Path) -> list[tuple[str, float | str]]:
    """Return the filled cells of a plate's file, which names items in its column id."""
    from ...envs.datasets.cells import Conversion, Problems, decimal_sign
    from ...envs.datasets.formats import read_columns
    from ...envs.datasets.options import Reading

    columns, target = read_columns(path, Reading(header=True)), study.target
    for name in ("id", target):
        if name not in columns.cells:
            raise InputError(
                f"{path} has no column {shown(name)}; a plate, as `ask --out` writes it, has the "
                f"columns 'id' and {shown(target)}."
            )
    problems = Problems()
    convert = Conversion(columns, decimal_sign(columns, [target], None, target), None, problems)
    values, failed = convert.labels(target, ())[0], convert.failed(target)
    problems.refuse(columns.file)
    rows = zip(convert.texts("id"), values.tolist(), failed.tolist(), strict=True)
    filled = [(name, value, over) for name, value, over in rows if over or not math.isnan(value)]
    if not filled:
        raise InputError(f"{path} has no label yet in its column {shown(target)}.")
    return [(_known(study, name), "failed" if over else value) for name, value, over in filled]


# ---- show


def show(source: str, page: Path | None, journal: Path | None, form: str | None = None) -> None:
    """Show where a study stands, on the terminal and as a page."""
    from ..report import study as report
    from ..report.page import save
    from . import documents, formats

    study = _readable(source, journal)
    if form is not None:
        formats.write("study", documents.pool_study(study, source))
    else:
        table(["study", source], report.facts(study, source)[1:])
        say(report.lead(study, report.course(study)))
        for part in report.tables(study, MOST_SHOWN):
            if part.rows:
                table(part.columns, part.last(MOST_SHOWN), part.title)
    if page is not None:
        save(page, report.study_page(study, source))
        say(f"page: {page}")
    flying = [f"{one.id}=LABEL" for one in study.flying()[:2]]
    tells, asks = command("tell", source, journal, *flying), _asks(study, source, journal)
    say(f"Next: {tells if flying else asks}")


def _asks(study: PoolStudy, source: str, journal: Path | None) -> str:
    """Return the command that asks on; a budget that is spent is raised by it."""
    spent = study.left == 0 and not study.flying()
    more = ["--budget", str(study.budget + 1)] if spent else []
    return command("ask", source, journal, *more)
