"""The command that would work, where one that was typed does not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from .known import typed

EXAMPLES = {
    "ask": "discovery-gym ask my.csv --target yield",
    "tell": "discovery-gym tell my.csv 17=83.2",
    "show": "discovery-gym show LinearPool",
    "compare": "discovery-gym compare my.csv --target yield",
    "table": "discovery-gym table my.csv --target yield",
    "list": "discovery-gym list",
    "watch": "discovery-gym watch LinearPool bayes_ucb",
    "evaluate": "discovery-gym evaluate LinearPool bayes_ucb --set horizon=50",
    "run": "discovery-gym run quick --out results",
    "leaderboard": "discovery-gym leaderboard results",
    "submit": "discovery-gym submit results --agent mine --out entry",
    "verify": "discovery-gym verify entry --into board",
    "tune": "discovery-gym tune quick --out tuning",
    "train": "discovery-gym train KnowledgeLadder --out ladder",
    "reproduce": "discovery-gym reproduce high-throughput --out report",
    "completion": "discovery-gym completion bash",
}
"""A command of each kind, as its help and its page show it, too."""
MEANT = (
    r"'(?P<wrong>[^']+)'; did you mean '(?P<meant>[^']+)'\?",
    r"'(?P<wrong>[^']+)' cannot play \w+; these can: (?:random, )?(?:fixed, )?(?P<meant>\w+)",
)
"""How our errors say what may have been meant."""
LISTED = r"^(There is no (environment|suite)\b|Unknown (agent|data set)\b)"
MISSING = ("No such file", "There is no folder", "There is no file")


def instead(message: str, words: Sequence[str]) -> str:
    """Return what to type in place of some words, which gave this error; empty if nobody knows."""
    for pattern in MEANT:
        if (found := re.search(pattern, message)) and (
            new := _replaced(words, found["wrong"], found["meant"])
        ):
            return typed(*new)
    if any(text in message for text in MISSING):
        for i, word in enumerate(words):
            if word in message and (near := _near(Path(word))):
                return typed(*words[:i], near, *words[i + 1 :])
    return "discovery-gym list" if re.search(LISTED, message) else ""


def example(words: Sequence[str], commands: Collection[str]) -> str:
    """Return a command like the one that was typed, which cannot be read."""
    name = next((word for word in words if not word.startswith("-")), "")
    if name in commands:
        return EXAMPLES[name]
    near = difflib.get_close_matches(name, commands, n=1)
    return typed(*(near[0] if word == name else word for word in words)) if near else ""


def _replaced(words: Sequence[str], wrong: str, meant: str) -> list[str]:
    """Return the words with a name put right where it stands first; nothing if it does not."""
    name = re.compile(rf"(?<![\w/.-]){re.escape(wrong)}(?![\w.-])")
    for i, word in enumerate(words):
        if name.search(word):
            return [*words[:i], name.sub(lambda _: meant, word, count=1), *words[i + 1 :]]
    return []


def _near(path: Path) -> str:
    """Return the file or folder beside a missing one that is called alike; empty if there is none."""
    try:
        if path.exists():
            return ""
        names = [one.name for one in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return str(path.with_name(near[0])) if near else ""
