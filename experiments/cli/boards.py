"""The commands of the board: leaderboard, submit, verify."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from ...envs.core import InputError
from ..runs.terminal import out, progress, say, show
from .known import typed
from .shared import complain

if TYPE_CHECKING:
    from ..entries.verify import Verified
    from ..suites.task import Suite

SuiteFile = Annotated[
    str | None, Option("--suite", help="The suite's TOML file, if it is none of ours.")
]
Into = Annotated[
    Path | None, Option(help="A results folder that gets the runs for its leaderboard.")
]
Fresh = Annotated[
    int | None, Option(min=2, help="Play so many fresh seeds of each task by --agent.")
]
Player = Annotated[
    str | None, Option(help="What plays fresh seeds, as you trust it: module:Name(k=2).")
]
Secret = Annotated[Path | None, Option(help="File of your secret, of which fresh seeds are made.")]


def leaderboard(
    folder: Annotated[Path, Argument(help="A results folder that `run` has written.")],
    form: Annotated[
        str | None,
        Option("--format", help="Print it as md, csv, json or latex, and write nothing."),
    ] = None,
) -> None:
    """Write the pages and downloads of a results folder."""
    from ..report.leaderboard import leaderboard_text, write_leaderboard

    if form is None:
        paths, left_out = write_leaderboard(folder)
        for path in paths:
            out.print(str(path), soft_wrap=True)
    else:
        text, left_out = leaderboard_text(folder, form)
        print(text, end="", file=out.file)
    for line in left_out:
        complain(f"Left out: {line}")


def submit(
    results: Annotated[Path, Argument(help="The results folder in which it has played.")],
    agent: Annotated[str, Option(help="Name of the agent in the results.")],
    folder: Annotated[Path, Option("--out", help="Folder of the entry, not there yet.")],
    card: Annotated[
        Path, Option(help="The card; where there is none, one to fill in is written.")
    ] = Path("submission.toml"),
    suite: SuiteFile = None,
    policy: Annotated[
        list[Path] | None, Option(help="A file to keep with it; may be repeated.")
    ] = None,
) -> None:
    """Write an entry for the board: card, actions, manifest."""
    from ..entries.submit import submit as write_entry

    with _refusals():
        done = write_entry(results, card, agent, folder, _suite(suite), tuple(policy or ()))
    if done.digest is None:
        out.print(str(done.card), soft_wrap=True)
        complain("Nothing is submitted yet: fill in the card, then type the same command again.")
        raise typer.Exit(1)
    out.print(str(folder), soft_wrap=True)
    say(f"{done.runs} runs, digest {done.digest}.")
    say(f"Now: {typed('verify', folder, *([] if suite is None else ['--suite', suite]))}")


def verify(
    folder: Annotated[Path, Argument(help="The folder of an entry.")],
    into: Into = None,
    suite: SuiteFile = None,
    fresh: Fresh = None,
    agent: Player = None,
    secret: Secret = None,
) -> None:
    """Play an entry's actions again; none of its code is run."""
    from ..entries.verify import add
    from ..entries.verify import verify as check

    if (fresh is None) is not (agent is None):
        raise InputError(
            "--fresh and --agent go together: how many fresh seeds, and what plays them."
        )
    runs = sum(1 for _ in islice((folder / "traces").glob("*.parquet"), 1000))
    with _refusals(), progress(runs, "runs") as update:
        found = check(folder, suite=_suite(suite), results=into, tell=update)
        update(runs, "")
    if fresh is not None and agent is not None:
        found = _on_fresh_seeds(found, agent, fresh, secret)
    _show_verified(found)
    if into is None:
        say("Nothing is kept; --into FOLDER adds these runs to a board.")
    else:
        add(found, into)
        say(f"Now: {typed('leaderboard', into)}")


def _on_fresh_seeds(found: Verified, agent: str, episodes: int, secret: Path | None) -> Verified:
    from ...agents.making import full_text
    from ..entries.fresh import commitment
    from ..entries.verify import confirmed

    try:
        key = secrets.token_bytes(32) if secret is None else secret.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read the secret {secret}: {error.strerror or error}.") from None
    again, confirmations = confirmed(found, full_text(agent), episodes, key)
    for one in confirmations:
        say(one.words, None if one.confirmed else "yellow")
    said = f"the secret was {key.hex()}" if secret is None else f"the secret is that of {secret}"
    say(f"Fresh seeds: {said}, its SHA-256 {commitment(key)}.")
    return again


def _suite(path: str | None) -> Suite | None:
    """Return the suite in a file that was named."""
    from ..suites.catalogue import suite

    if path is None:
        return None
    if not path.endswith(".toml"):
        raise InputError(f"--suite names a TOML file such as mine.toml, got {path!r}.")
    return suite(path)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Turn a refusal into its reasons, a line each, and exit status 1."""
    from ..entries.manifest import Refused

    try:
        yield
    except Refused as refused:
        for reason in refused.reasons:
            complain(f"Refused: {reason}")
        raise typer.Exit(1) from None


def _show_verified(found: Verified) -> None:
    from ..report.words import plus_minus

    rows = []
    for record in found.records:
        played = record.evaluation
        assert played is not None
        equal = "to rounding" if record.spec.task in found.rounded else "bit for bit"
        returns = plus_minus(played.returns)
        rows.append([record.spec.task, str(len(played.returns)), returns, equal])
    show(["task", "episodes", "return", "agrees"], rows, found.card.name)
    for flag in found.flags:
        say(f"flag: {flag}", "yellow")
    if found.open_books:
        say(
            f"note: anybody can read the labels of {'; '.join(found.open_books)}: an entry has no rank "
            "on real tables."
        )
    say(f"{found.status.capitalize()}: {found.card.name}, {len(rows)} runs, digest {found.digest}.")
    say(
        "That these actions earn this is certain; who chose them, with which code and how fast, is only "
        "claimed."
    )
