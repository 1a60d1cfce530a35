"""Verify an entry: play its actions again, and believe no number that it brings.

What is built follows from the verifier's suite alone. An entry says which of its tasks were played and
which actions on which seeds; they are played again and every number is computed anew. What the entry
says of them is compared, to name what differs, and shown nowhere. No agent is made, no policy loaded, no
name imported that an entry brings.

This proves that these actions on these seeds earn this. It does not prove who chose them, how long that
took, or that no runs were thrown away.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...envs.core import InputError, told
from ..runs.evaluation import Evaluation
from ..runs.fingerprints import hashed
from ..runs.platforms import platform_here
from ..runs.record import Record
from ..runs.record_file import DAMAGE, head, parse, reason
from ..runs.records import open_folder, read_folder, write_record
from ..runs.replay import TOLERANCE, Mismatch, compare, replay
from ..runs.spec import RunSpec, data_hash
from ..suites.catalogue import SUITES
from ..suites.task import Suite, Task
from .card import FILE as CARD
from .card import Card, read_card
from .foresight import foresight
from .fresh import Confirmation, confirm
from .manifest import TRACES, Entry, Refused, open_entry
from .tasks import TABLE, check_runs, expected

Tell = Callable[[int, str], None]
T = TypeVar("T")
SURE = 4.0
"""Standard errors by which no mean return exceeds the exact optimum by chance."""
Others = Sequence[tuple[Record, str]]
"""What is on a board: records without their numbers, each with the digest of its trace."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """An entry whose every number was computed here.

    Args:
        card: Its card.
        digest: Its digest.
        records: Its runs as they were played again, in the order of the suite.
        rounded: Tasks on which numbers agree to rounding only, as on another processor.
        open_books: Tasks on real tables, whose labels anybody can read.
    """

    card: Card
    digest: str
    records: tuple[Record, ...]
    rounded: tuple[str, ...]
    open_books: tuple[str, ...]

    @property
    def status(self) -> str:
        """``"verified"``, or ``"confirmed"`` if fresh seeds were played too."""
        return str((self.records[0].entry or {})["status"])

    @property
    def flags(self) -> list[str]:
        """What is odd about its runs, a line each."""
        return [
            f"{one.spec.task}: {flag}"
            for one in self.records
            for flag in (one.entry or {}).get("flags", ())
        ]


def verify(
    folder: Path,
    *,
    suite: Suite | None = None,
    results: Path | None = None,
    tell: Tell | None = None,
) -> Verified:
    """Return the entry in a folder, every number of it computed anew.

    Args:
        folder: The entry.
        suite: The suite, if it is none of those that the package brings.
        results: A results folder, whose records are looked through for the same traces.
        tell: Told how many runs have been played again, and which is at hand.

    Raises:
        InputError: There is no such folder, or a data set is not here.
        Refused: The entry is not what it says; the message names the file, the episode and the step.
    """
    others = [] if results is None or _is_new(results) else _others(results)
    entry = open_entry(folder)
    card = _refusing(CARD, read_card, entry.read(CARD))
    suite = _suite(card, suite)
    paths = [path for path in entry.files if path.startswith(f"{TRACES}/")]
    specs = {path: _refusing(path, head, entry.read(path)) for path in paths}
    tasks = check_runs(suite, card, specs)
    _check_name(card, entry, [one for one, _ in others])
    _check_tables(entry, list(tasks.values()))
    found, flaws = list[tuple[Record, bool]](), list[str]()
    for index, (path, task) in enumerate(tasks.items()):
        if tell is not None:
            tell(index, task.name)
        try:
            found.append(_again(entry, path, expected(suite, task, specs[path])))
        except Refused as refused:
            flaws += refused.reasons
    if flaws:
        raise Refused(*flaws)
    records = [record for record, _ in found]
    flags = _flags(records, card, others)
    return Verified(
        card=card,
        digest=entry.digest,
        records=tuple(
            replace(record, entry=_about(card, entry.digest, words, record.fingerprint))
            for record, words in zip(records, flags, strict=True)
        ),
        rounded=tuple(record.spec.task for record, equal in found if not equal),
        open_books=tuple(task.name for task in tasks.values() if task.kind == TABLE),
    )


def add(verified: Verified, results: Path) -> None:
    """Write the runs of an entry, as they were played again, into a results folder.

    Their fingerprint is that of the code that played them again, and of the entry: the one that an entry
    brings may be borrowed, and a run of ours with that fingerprint would count as played.
    """
    records = open_folder(results)
    for record in verified.records:
        code = replace(record.spec, agent="random").fingerprint  # no text of an entry is followed
        write_record(
            records,
            record.spec,
            record.evaluation,
            fingerprint=hashed(code, verified.digest),
            entry=record.entry,
        )


def confirmed(
    verified: Verified, agent: str, episodes: int, secret: bytes
) -> tuple[Verified, list[Confirmation]]:
    """Return the entry after an agent of the verifier's choice has played fresh seeds of its tasks.

    It is confirmed if it earns no less there; where it does not, its run is flagged.

    Args:
        verified: The entry.
        agent: The agent as the verifier names it, whose code runs; the entry's own name is not taken.
        episodes: Fresh episodes of each task.
        secret: The verifier's secret, at least 16 bytes.
    """
    found = confirm(verified.records, agent, episodes, secret)
    status = "confirmed" if all(one.confirmed for one in found) else "verified"
    records = []
    for record, one in zip(verified.records, found, strict=True):
        entry = {**(record.entry or {}), "status": status}
        if not one.confirmed:
            entry["flags"] = [*entry["flags"], f"fresh seeds: {one.words}"]
        records.append(replace(record, entry=entry))
    return replace(verified, records=tuple(records)), found


def _about(card: Card, digest: str, flags: Sequence[str], code: str) -> dict[str, Any]:
    """Return what a record says of the entry that it belongs to, and of the code that it claims."""
    return {
        "name": card.name,
        "digest": digest,
        "status": "verified",
        "flags": list(flags),
        "card": {**card.values, "claimed": {"fingerprint of the run": code}},
    }


# ---- what is played again


def _refusing(path: str, read: Callable[..., T], *given: Any) -> T:
    """Return what is read of a file; whatever is wrong with it is a refusal that names the file."""
    try:
        return read(*given)
    except InputError as error:
        words = told(error)
        raise Refused(words if words.startswith(path) else f"{path}: {words}") from None
    except DAMAGE as error:
        raise Refused(f"{path}: {reason(error)}.") from None


def _is_new(results: Path) -> bool:
    """Return whether a folder is empty or not there."""
    return not results.exists() or (results.is_dir() and not any(results.iterdir()))


def _others(results: Path) -> Others:
    """Return what is in a results folder."""
    digests: dict[str, str] = {}

    def keep(record: Record) -> Record:
        digests[record.id] = trace_digest(record)
        return replace(record, evaluation=None)

    return [(one, digests[one.id]) for one in read_folder(results, keep).records]


def _suite(card: Card, given: Suite | None) -> Suite:
    """Return the verifier's suite that a card names."""
    suite = given or SUITES.get(card.suite)
    if suite is None or suite.name != card.suite:
        known = ", ".join(SUITES) if given is None else given.name
        raise Refused(
            f"{CARD}: suite {card.suite!r} is not one of {known}; a suite of a file is named by whoever "
            "verifies, with --suite."
        )
    if suite.version != card.suite_version:
        raise Refused(
            f"{CARD}: suite_version is {card.suite_version}, {suite.name} here has version "
            f"{suite.version}."
        )
    return suite


def _check_name(card: Card, entry: Entry, others: Sequence[Record]) -> None:
    """Refuse the name of something else in the results folder."""
    suite = card.suite, card.suite_version
    for one in others:
        same = (one.spec.suite, one.spec.version) == suite
        mine = one.entry is not None and one.entry["digest"] == entry.digest
        if same and not mine and one.spec.name.casefold() == card.name.casefold():
            what = "a run of its own" if one.entry is None else "another entry"
            raise Refused(
                f"{CARD}: the name {card.name!r} is taken: the results hold {what} with it."
            )


def _check_tables(entry: Entry, tasks: Sequence[Task]) -> None:
    """Refuse an entry that played other data; without the data nobody can tell."""
    named = {task.name for task in tasks if task.kind == TABLE}
    for name in sorted(named ^ entry.tables.keys()):
        raise Refused(f"manifest.json: its tables are not those of the tasks: {told(name)}.")
    for task in tasks:
        if task.missing is not None:
            raise InputError(f"{task.name} cannot be played again here: {task.missing}.")
        if task.name in named:
            here, there = data_hash(task.env_id, task.env_kwargs), entry.tables[task.name]
            if here != there:
                raise Refused(
                    f"manifest.json: {task.name} was played on other data: {told(there, 100)}, and not "
                    f"{here}, as here."
                )


def _again(entry: Entry, path: str, spec: RunSpec) -> tuple[Record, bool]:
    """Return a run as it was played again, and whether every bit of it is that of its record."""
    record = _refusing(path, parse, entry.read(path), Path(path).name)
    claimed = record.evaluation
    if claimed is None or claimed.actions is None:
        raise Refused(f"{path}: it holds no actions.")
    try:
        played = replay(spec, range(spec.seed, spec.seed + spec.episodes), claimed.actions)
        equal = _is_equal(claimed, played, record.platform == platform_here())
    except (Mismatch, InputError) as error:
        raise Refused(f"{path}: {told(error).rstrip('.')}.") from None
    if (flaw := beyond(played)) is not None:
        raise Refused(f"{path}: {flaw}.")
    # How long a decision took cannot be seen from actions: it is what the entry says.
    played = replace(played, agent=claimed.agent, decision_seconds=claimed.decision_seconds)
    return replace(record, spec=spec, evaluation=played), equal


def _is_equal(claimed: Evaluation, played: Evaluation, same: bool) -> bool:
    """Return whether a record is its replay to the last bit, as it must be on the same platform."""
    try:
        compare(claimed, played, exact=True)
    except Mismatch:
        if same:
            raise
        compare(claimed, played, exact=False)
        return False
    return True


def beyond(played: Evaluation) -> str | None:
    """Return which bound the episodes pass that no agent can pass without foresight, in words.

    Where every episode knows what it offered, no regret is below 0. Elsewhere the optimum is that of
    the best agent, and no mean return is above it but by chance.
    """
    if played.regret is not None:
        below = played.regret < -TOLERANCE * np.maximum(1, abs(played.returns))
        if below.any():
            index = int(below.argmax())
            return (
                f"episode {played.seed + index}: its regret is {played.regret[index]:.6g}, below 0"
            )
        return None
    if played.optimal_value is None or len(played.returns) < 2:
        return None
    error = played.returns.std(ddof=1) / np.sqrt(len(played.returns))
    most = played.optimal_value + SURE * error + TOLERANCE * max(1, abs(played.optimal_value))
    if played.returns.mean() <= most:
        return None
    return (
        f"its mean return is {played.returns.mean():.6g}, more than {SURE:g} standard errors of "
        f"{error:.2g} above the exact optimum {played.optimal_value:.6g}"
    )


# ---- what is to be known of them


def _flags(records: Sequence[Record], card: Card, others: Others) -> list[list[str]]:
    """Return what is to be known of each run; traces that are all another entry's are refused."""
    twins = _twins(records, card, others)
    found = []
    for record in records:
        flags = list[str]()
        if (warning := _foresight(record)) is not None:
            flags.append(warning)
        if twin := twins[record.id]:
            flags.append(f"the same actions as {', '.join(told(name, 100) for name in twin[:3])}")
        found.append(flags)
    return found


def _foresight(record: Record) -> str | None:
    """Return in words that actions know what could not be known; ``None`` if they show nothing."""
    spec, played = record.spec, record.evaluation
    assert played is not None
    assert played.actions is not None
    seeds = range(spec.seed, spec.seed + spec.episodes)
    found = foresight(spec.env_id, spec.env_kwargs, seeds, played.actions)
    return f"foresight: {found.reason}" if found.flagged else None


def _twins(records: Sequence[Record], card: Card, others: Others) -> Mapping[str, list[str]]:
    """Return, for each run, who else has played the same actions on the same seeds."""
    names, entries = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for other, digest in others:
        if digest and other.spec.name != card.name:
            names[digest].add(other.spec.name)
            if other.entry is not None:
                entries[digest].add(other.spec.name)
    copied = [entries[trace_digest(one)] for one in records]
    for name in sorted(set.intersection(*copied)):
        raise Refused(
            f"{TRACES}: every run has the actions of the entry {name!r}: the same digest of traces."
        )
    return {one.id: sorted(names[trace_digest(one)]) for one in records}


def trace_digest(record: Record) -> str:
    """Return a hash of the problem, the seeds and the actions of a run; empty if it holds none."""
    played = record.evaluation
    if played is None or played.actions is None:
        return ""
    found = hashlib.sha256(repr((record.spec.env_id, played.seed)).encode())
    for array in (played.actions.lengths, *played.actions.parts):
        found.update(array.dtype.str.encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
