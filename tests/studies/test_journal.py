"""The journal of a study: what is damaged is named, what was cut short is dropped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from discovery_gym import InputError
from discovery_gym.studies import Study, journal
from discovery_gym.studies.journal import Journal

EVENTS = [{"do": "start", "text": "ä\u2028"}, {"do": "tell", "labels": {"7": 0.1}}, {"do": "ask"}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three events."""
    log = Journal(tmp_path / "my.jsonl")
    with log.writing():
        for event in EVENTS:
            log.append(event)
    return tmp_path / "my.jsonl"


def test_chain(path: Path) -> None:
    """The hash of a line is that of the one before and of the event, in a form of its own."""
    head = ""
    for line, event in zip(path.read_text("utf-8").split("\n"), EVENTS, strict=False):
        body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        head = hashlib.sha256((head + body).encode()).hexdigest()
        assert json.loads(line) == {"event": event, "hash": head}
    found = Journal(path)
    assert found.events == EVENTS
    assert found.head == head


@pytest.mark.parametrize("line", [1, 2, 3])
@pytest.mark.parametrize(
    "damage", ["edit", "space", "hash", "remove", "twice", "swap", "bytes", "deep"]
)
def test_damage_is_named(path: Path, line: int, damage: str) -> None:
    """By the number of the line, whatever was done to it; that the last one is gone cannot be seen."""
    lines = path.read_bytes().splitlines(keepends=True)
    old = lines[line - 1]
    if damage == "swap":
        if line == 3:
            return
        lines[line - 1 : line + 1] = [lines[line], old]
    else:
        new = {
            "edit": old.replace(b'"do": "', b'"do": "x'),
            "space": old.replace(b'"do": ', b'"do":  '),
            "hash": old.replace(b'"hash": "', b'"hash": "0'),
            "remove": b"",
            "twice": old + old,
            "bytes": old.replace(b"do", b"\\xff\\xfe".decode("unicode_escape").encode("latin-1")),
            "deep": b"[" * 100_000 + b"\n",
        }[damage]
        lines[line - 1] = new
    path.write_bytes(b"".join(lines))
    if damage == "remove" and line == 3:
        assert len(Journal(path).events) == 2
        return
    named = line + (damage == "twice")
    with pytest.raises(InputError, match=f"Line {named} of .*my.jsonl"):
        Journal(path)


@pytest.mark.parametrize("rest", [b"", b"{", b'{"event": {"do": "te', b"\0" * 100])
def test_cut_short(path: Path, rest: bytes) -> None:
    """The rest of a line is no event, and is gone with the next one; readers leave it where it is."""
    whole = path.read_bytes()
    path.write_bytes(whole + rest)
    log = Journal(path)
    assert log.events == EVENTS
    assert path.read_bytes() == whole + rest
    with log.writing():
        log.append({"do": "x"})
    assert path.read_bytes().startswith(whole + b'{"event": {"do": "x"}')
    assert len(Journal(path).events) == 4


def test_every_prefix(path: Path) -> None:
    """Wherever a crash cuts the file, what is left are the events before."""
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert Journal(path).events == EVENTS[: whole[:size].count(b"\n")]


def test_odd_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one is refused in words."""
    with pytest.raises(InputError, match="is no file"):
        Journal(tmp_path)
    other = tmp_path / "other.csv"
    other.write_bytes("Größe\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"Line 1 of .*other.csv"):
        Journal(other)
    with pytest.raises(InputError, match="no journal"):
        Study.open(tmp_path / "none.jsonl")
    nowhere = Journal(tmp_path / "no folder" / "a.jsonl")
    with pytest.raises(InputError, match="Cannot write the journal"), nowhere.writing():
        pass
    monkeypatch.setattr(journal, "MOST_BYTES", 5)
    with pytest.raises(InputError, match="larger than"):
        Journal(other)


@pytest.mark.parametrize(
    "start",
    [{"do": "ask"}, {"do": "start"}, {"do": "start", "format": 2}, {"do": "start", "format": 1}],
)
def test_other_starts(tmp_path: Path, start: dict[str, Any]) -> None:
    """A journal that is none of ours, or of a later version, is refused."""
    log = Journal(tmp_path / "a.jsonl")
    with log.writing():
        log.append(start)
    with pytest.raises(InputError):
        Study.open(tmp_path / "a.jsonl")


def test_a_journal_that_has_shrunk(path: Path) -> None:
    """What was read is not forgotten silently."""
    log = Journal(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="shorter"), log.writing():
        pass
