"""The card of an entry, ``submission.toml``: who entered, what with, and what they disclose.

Nothing in it is run, imported or fetched. It holds lines of text without unseen letters, numbers, yes
and no; links lead to https. What is not in `KEYS` is refused: no board shows what nobody checked.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ... import __version__
from ...envs.core import InputError, closest, shown, spelt

FILE = "submission.toml"
FORMAT = 1
MOST_BYTES = 2**16
KINDS = ("exact", "learned", "llm", "hybrid")
"""What decides: formulas, something trained, a language model, or several of them."""
_LINK = re.compile(r"(?i)https://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9._~/?#!$&*+,;=:%@-]*)?")

Check = Callable[[str, Any], Any]


class Key(NamedTuple):
    """A key of the card.

    Args:
        check: Returns its value, or raises `InputError`.
        about: What it says, for the template.
        required: Whether it must be there.
    """

    check: Check
    about: str
    required: bool = True


@dataclass(frozen=True)
class Card:
    """A card that has passed every check.

    Args:
        name: The name of the entry on the board.
        agent: The agent, as text; nobody imports it.
        suite: The name of the suite.
        suite_version: The version of the suite.
        values: What its TOML says, as JSON would hold it.
    """

    name: str
    agent: str
    suite: str
    suite_version: int
    values: Mapping[str, Any]


# ---- what a key may hold


def _line(most: int) -> Check:
    """Return a check for one line of 1 to ``most`` letters that can all be seen."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            raise InputError(f"{name} must be a text of 1 to {most} letters, got {shown(value)}.")
        if spelt(value) != value or value != value.strip():
            raise InputError(
                f"{name} must be one line, without letters that nobody sees and spaces around it, got "
                f"{value[:80]!a}."
            )
        return value

    return check


def _link(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 500 or not _LINK.fullmatch(value):
        raise InputError(
            f"{name} must be a link such as https://example.org/x, got {shown(value)}."
        )
    return value


def _whole(low: int) -> Check:
    def check(name: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= 10**9:
            raise InputError(f"{name} must be an integer of at least {low}, got {shown(value)}.")
        return value

    return check


def _hours(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 1e9:
        raise InputError(f"{name} must be a number of hours, got {shown(value)}.")
    return float(value)


def _answer(name: str, value: Any) -> bool:
    if type(value) is not bool:
        raise InputError(f"{name} must be true or false, got {shown(value)}.")
    return value


def _word(*words: Any) -> Check:
    def check(name: str, value: Any) -> Any:
        if type(value) is not type(words[0]) or value not in words:
            allowed = ", ".join(json.dumps(word) for word in words)
            raise InputError(f"{name} must be one of {allowed}, got {shown(value)}.")
        return value

    return check


def _lines(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > 20:
        raise InputError(f"{name} must be a list of at most 20 texts, got {shown(value)}.")
    return [_line(300)(f"{name}[{i}]", one) for i, one in enumerate(value)]


def _settings(name: str, value: Any) -> dict[str, Any]:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = ""
    if not isinstance(value, dict) or not text or len(text) > 2000 or spelt(text) != text:
        raise InputError(
            f"{name} must be a table of names and plain values, 2,000 letters as JSON at most, got "
            f"{shown(value)}."
        )
    return value


# fmt: off
KEYS: Mapping[str, Mapping[str, Key]] = {
    "": {
        "format": Key(_word(FORMAT), "format of this card"),
        "suite": Key(_line(100), "the suite that was played"),
        "suite_version": Key(_whole(0), "its version"),
        "package_version": Key(_line(100), "version of discovery-gym that played"),
    },
    "entry": {
        "name": Key(_line(100), "name on the board; no name of the suite's own agents"),
        "agent": Key(_line(2000), "the agent, as `run` was told; nobody imports it from here"),
        "kwargs": Key(_settings, "further settings of it", False),
    },
    "who": {
        "name": Key(_line(200), "who enters"),
        "organisation": Key(_line(200), "laboratory or firm", False),
        "contact": Key(_line(200), "an address that is read: e-mail or link"),
    },
    "code": {
        "url": Key(_link, "where the code is"),
        "commit": Key(_line(100), "which commit of it", False),
        "licence": Key(_line(100), "licence of the code, such as MIT; or: closed"),
        "fingerprint": Key(_line(100), "a hash of the code, if you keep one", False),
    },
    "hardware": {
        "machine": Key(_line(200), "what played"),
        "cores": Key(_whole(1), "cores used", False),
        "accelerator": Key(_line(200), "GPU or the like", False),
        "hours": Key(_hours, "hours of training and playing together", False),
    },
    "method": {
        "summary": Key(_line(1000), "how it chooses, in a few sentences on one line"),
        "kind": Key(_word(*KINDS), "exact (rules and formulas), learned (trained), llm or hybrid"),
        "references": Key(_lines, "papers, in words or links", False),
    },
    "disclosure": {
        "tuned_on_evaluation_seeds": Key(_answer, "true or false"),
        "trained_on_test_tables": Key(_answer, "true or false: saw labels of the suite's tables"),
        "runs_discarded": Key(_whole(0), "runs of this suite that were thrown away"),
        "uses_env_internals": Key(_answer, "true or false: reads more than observations and masks"),
    },
}
# fmt: on
"""Tables of the card, and what each key may hold."""


# ---- reading


def read_card(content: bytes) -> Card:
    """Return the card in the bytes of a file; whatever is wrong with it raises `InputError`."""
    if len(content) > MOST_BYTES:
        raise InputError(f"{FILE} has {len(content):,} bytes, {MOST_BYTES:,} are allowed.")
    try:
        found = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{FILE} is not TOML: {spelt(str(error)[:200])}.") from None
    _known("", found, {**KEYS[""], **{table: None for table in KEYS if table}})
    for table in filter(None, KEYS):
        _known(table, _inside(found, table), KEYS[table])
    _check_whole(found)
    values: dict[str, Any] = _checked("", found)
    for table in filter(None, KEYS):
        values[table] = _checked(table, _inside(found, table))
    entry, suite, version = values["entry"], values["suite"], values["suite_version"]
    return Card(entry["name"], entry["agent"], suite, version, values)


def _known(table: str, found: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for key in found:
        if key not in known:
            raise InputError(
                f"{FILE}: {_place(table, shown(key))} is no key of a card"
                f"{closest(key, known)} Known are {', '.join(known)}."
            )


def _check_whole(found: Mapping[str, Any]) -> None:
    """Refuse a card that lacks required keys, all of them in one message."""
    missing = [
        f"{_place(table, name)} ({key.about})"
        for table, keys in KEYS.items()
        for name, key in keys.items()
        if key.required and name not in (_inside(found, table) if table else found)
    ]
    if missing:
        raise InputError(f"{FILE} is not filled in; missing: {'; '.join(missing)}.")


def _inside(found: Mapping[str, Any], table: str) -> Mapping[str, Any]:
    inside = found.get(table, {})
    if not isinstance(inside, dict):
        raise InputError(f"{FILE}: [{table}] must be a table, got {shown(inside)}.")
    return inside


def _checked(table: str, found: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for name, key in KEYS[table].items():
        if name in found:
            values[name] = key.check(f"{FILE}: {_place(table, name)}", found[name])
    return values


def _place(table: str, name: str) -> str:
    return f"[{table}] {name}" if table else name


# ---- a template


def template(suite: str, version: int, name: str, agent: str) -> str:
    """Return a card for an entry in which the rest is to be filled in, as TOML."""
    known: dict[tuple[str, str], str | int] = {
        ("", "format"): FORMAT,
        ("", "suite"): suite,
        ("", "suite_version"): version,
        ("", "package_version"): __version__,
        ("entry", "name"): name,
        ("entry", "agent"): agent,
        ("hardware", "machine"): f"{platform.system()} {platform.machine()}",
        ("hardware", "cores"): os.cpu_count() or 1,
    }
    lines = ["# The card of an entry: fill in what is required, and take the # away."]
    for table, keys in KEYS.items():
        lines += ["", f"[{table}]"] if table else []
        for key, about in keys.items():
            value = known.get((table, key))
            word = json.dumps(value, ensure_ascii=False)  # as TOML has it
            text = f"# {key} =" if value is None else f"{key} = {word}"
            need = "" if about.required else "; may be left out"
            lines.append(f"{text:<40}  # {about.about}{need}")
    return "\n".join(lines) + "\n"
