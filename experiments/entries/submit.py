"""From a results folder to an entry: the records of one agent, their manifest and a card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ...envs.core import InputError, closest
from ...envs.core.files import SUFFIX, write, writing_to
from ..runs.record import Record
from ..runs.records import read_folder, record_path
from ..runs.spec import data_hash
from ..suites.catalogue import suite as shipped
from ..suites.task import Suite
from .card import FILE as CARD
from .card import MOST_BYTES, Card, read_card, template
from .manifest import FOLDERS, TRACES, write_manifest
from .tasks import TABLE, check_runs


class Submitted(NamedTuple):
    """What a submission has written.

    Args:
        card: The card, or the template of one.
        digest: Digest of the entry; ``None``: only the template of a card was written.
        runs: Number of runs.
    """

    card: Path
    digest: str | None
    runs: int


def submit(
    results: Path,
    card: Path,
    agent: str,
    out: Path,
    suite: Suite | None = None,
    policies: Sequence[Path] = (),
) -> Submitted:
    """Write an entry from the records of an agent in a results folder.

    Where there is no card yet, a template of one is written in its place, and no entry.

    Args:
        results: The results folder that `run` has written.
        card: The card, a TOML file.
        agent: Name of the agent in the records.
        out: Folder of the entry, which must not be there.
        suite: The suite, if it is none of those that the package brings.
        policies: Files that belong to the entry, and that nobody loads.

    Raises:
        InputError: There are no such records, the card is flawed, or nothing can be written there.
        Refused: The runs are not those of whole wings of the suite.
    """
    records = _records(results, agent)
    if not card.exists():
        spec = records[-1].spec
        with writing_to(card.parent, "a card"):
            write(card, template(spec.suite, spec.version, agent, spec.agent))
        return Submitted(card, None, 0)
    with writing_to(card, "an entry without reading its card"):
        content = card.read_bytes()[: MOST_BYTES + 1]
    found = read_card(content)
    files = {f"{TRACES}/{one.id}.parquet": one for one in _newest(records, found, agent)}
    specs = {path: one.spec for path, one in files.items()}
    tasks = check_runs(shipped(found.suite) if suite is None else suite, found, specs)
    if out.exists():
        raise InputError(f"{out} is there already; name a new folder for the entry.")
    sources = {path: record_path(results / "records", one.id) for path, one in files.items()}
    for policy in policies:
        path = f"{FOLDERS[1]}/{policy.name}"
        if path in sources:
            raise InputError(f"Two policies are named {policy.name!r}; rename one of the files.")
        sources[path] = policy
    tables = [task for task in tasks.values() if task.kind == TABLE]
    hashes = {task.name: data_hash(task.env_id, task.env_kwargs) for task in tables}
    with writing_to(out.parent, "an entry"):
        digest = _write(out, content, sources, hashes)
    return Submitted(card, digest, len(files))


def _write(out: Path, card: bytes, sources: Mapping[str, Path], tables: Mapping[str, str]) -> str:
    """Write an entry so that it appears whole or not at all, and return its digest."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=SUFFIX))
    try:
        (draft / CARD).write_bytes(card)
        for path, source in sources.items():
            (draft / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, draft / path)
        digest = write_manifest(draft, tables)
        draft.chmod(0o755)
        draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return digest


def _records(results: Path, agent: str) -> list[Record]:
    """Return the records that an agent of this name has made here, the newest last."""

    def keep(one: Record) -> Record:
        return one if one.spec.name == agent else replace(one, evaluation=None)

    found = [one for one in read_folder(results, keep).records if one.entry is None]
    mine = sorted((one for one in found if one.spec.name == agent), key=lambda one: one.created)
    if not mine:
        names = sorted({one.spec.name for one in found})
        raise InputError(
            f"There is no run of {agent!r} in {results}{closest(agent, names)} Known are "
            f"{', '.join(names)}; `discovery-gym run SUITE --agent NAME=module:Agent --out {results}` "
            "plays one."
        )
    return mine


def _newest(records: Sequence[Record], card: Card, agent: str) -> list[Record]:
    """Return the newest record on each task of the suite of the card; each holds its actions."""
    suite = card.suite, card.suite_version
    newest = {one.spec.task: one for one in records if (one.spec.suite, one.spec.version) == suite}
    if not newest:
        raise InputError(
            f"{agent!r} has not played {card.suite}, version {card.suite_version}, which the card "
            "names."
        )
    for one in newest.values():
        if one.evaluation is None or one.evaluation.actions is None:
            flaw = "has failed" if one.evaluation is None else "is of an older version"
            raise InputError(
                f"The run of {agent!r} on {one.spec.task} {flaw}; run the suite again."
            )
    return list(newest.values())
